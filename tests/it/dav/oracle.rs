//! Statement R2: whole reports against an oracle that shares nothing with the server. It steps through the calendar day
//! by day and month by month, and looks at every instance.

use super::house::House;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::civil::date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

const HALL: &str = "/dav/t/rooms/hall/";
const EVENTS: usize = 150;
const RANGES: usize = 160;

/// Chance with a seed (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % u64::try_from(most).unwrap()).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(i64::try_from(all.len()).unwrap())).unwrap();
        &all[index]
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }
}

/// How the times of an event are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Utc,
    Zone(&'static str),
    Floating,
    Days,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Days(i64),
    Months(i64),
}

/// An event as the oracle knows it.
#[derive(Debug)]
struct Known {
    uid: String,
    spelling: Spelling,
    start: DateTime,
    /// Minutes, or days; `None` where the text has neither DTEND nor DURATION.
    length: Option<i64>,
    step: Option<Step>,
    count: Option<usize>,
    until: Option<DateTime>,
    exdates: BTreeSet<DateTime>,
    rdates: BTreeSet<DateTime>,
    /// Where instances were moved to.
    moved: BTreeMap<DateTime, DateTime>,
}

/// Nothing is asked about later times.
fn end_of_time() -> DateTime {
    date(2032, 1, 1).at(0, 0, 0, 0)
}

impl Known {
    fn random(index: usize, chance: &mut Chance) -> Self {
        let all =
            [Spelling::Utc, Spelling::Zone("Europe/Oslo"), Spelling::Zone("America/New_York"), Spelling::Floating];
        let spelling = if chance.one_in(4) { Spelling::Days } else { *chance.of(&all) };
        let days = spelling == Spelling::Days;
        let day = date(2024, 1, 1) + chance.below(1400).days();
        let minutes = if days { 0 } else { chance.below(96) * 15 };
        let start = day.at(0, 0, 0, 0) + minutes.minutes();
        let lengths: &[i64] = if days { &[1, 1, 2, 5] } else { &[0, 15, 60, 60, 90, 600, 2000, 4321] };
        let length = (!chance.one_in(6)).then(|| *chance.of(lengths));
        let steps = [
            Step::Days(1),
            Step::Days(2),
            Step::Days(7),
            Step::Days(7),
            Step::Days(14),
            Step::Months(1),
            Step::Months(5),
        ];
        let step = (!chance.one_in(3)).then(|| *chance.of(&steps));
        let mut known = Self {
            uid: format!("e{index}"),
            spelling,
            start,
            length,
            step,
            count: None,
            until: None,
            exdates: BTreeSet::new(),
            rdates: BTreeSet::new(),
            moved: BTreeMap::new(),
        };
        if step.is_some() {
            match chance.below(5) {
                0 => {}
                1 => known.until = Some(start + chance.below(900).days()),
                _ => known.count = Some(usize::try_from(1 + chance.below(30)).unwrap()),
            }
            known.bend(chance);
        }
        known
    }

    /// Takes out, adds and moves some instances.
    fn bend(&mut self, chance: &mut Chance) {
        let starts = self.rule();
        for _ in 0..chance.below(4) {
            self.exdates.insert(*chance.of(&starts[1..].iter().chain(&starts[..1]).copied().collect::<Vec<_>>()));
        }
        // The first instance stays, so that something takes place.
        self.exdates.remove(&starts[0]);
        for _ in 0..chance.below(3) {
            self.rdates.insert(self.start + (1 + chance.below(700)).days());
        }
        for _ in 0..chance.below(3) {
            let id = *chance.of(&starts);
            if !self.exdates.contains(&id) {
                let away = if self.spelling == Spelling::Days {
                    chance.below(40).days()
                } else {
                    (chance.below(4000) * 15).minutes()
                };
                self.moved.insert(id, if chance.one_in(2) { id + away } else { id - away });
            }
        }
    }

    /// The starts of the rule, step by step.
    fn rule(&self) -> Vec<DateTime> {
        let mut starts = Vec::new();
        for index in 0.. {
            let next = match self.step {
                None => (index == 0).then_some(self.start),
                Some(Step::Days(days)) => Some(self.start + (index * days).days()),
                Some(Step::Months(months)) => {
                    let first = self.start.date().first_of_month() + (index * months).months();
                    // A month without this day has no instance.
                    date(first.year(), first.month(), 1)
                        .with()
                        .day(self.start.day())
                        .build()
                        .ok()
                        .map(|day| day.to_datetime(self.start.time()))
                }
            };
            if self.step.is_none() && index > 0 {
                break;
            }
            let Some(next) = next else { continue };
            if next >= end_of_time() || self.until.is_some_and(|until| next > until) || self.count == Some(starts.len())
            {
                break;
            }
            starts.push(next);
        }
        starts
    }

    /// Every instance: start and end, in the zone that floating times and days are taken in.
    fn instances(&self, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let mut starts: BTreeSet<DateTime> = self.rule().into_iter().collect();
        starts.extend(&self.rdates);
        starts.retain(|start| !self.exdates.contains(start) && !self.moved.contains_key(start));
        let own = match self.spelling {
            Spelling::Utc => TimeZone::UTC,
            Spelling::Zone(name) => TimeZone::get(name).unwrap(),
            Spelling::Floating | Spelling::Days => zone.clone(),
        };
        let at = |wall: DateTime| own.to_ambiguous_zoned(wall).compatible().unwrap().timestamp();
        let ends = |start: DateTime| match self.spelling {
            Spelling::Days => at(start + self.length.unwrap_or(1).days()),
            _ => at(start) + SignedDuration::from_mins(self.length.unwrap_or(0)),
        };
        starts.iter().chain(self.moved.values()).map(|start| (at(*start), ends(*start))).collect()
    }

    fn line(&self, name: &str, wall: DateTime) -> String {
        let time = wall.strftime("%Y%m%dT%H%M%S");
        match self.spelling {
            Spelling::Utc => format!("{name}:{time}Z\r\n"),
            Spelling::Zone(zone) => format!("{name};TZID={zone}:{time}\r\n"),
            Spelling::Floating => format!("{name}:{time}\r\n"),
            Spelling::Days => format!("{name};VALUE=DATE:{}\r\n", wall.strftime("%Y%m%d")),
        }
    }

    fn duration(&self) -> String {
        match (self.length, self.spelling) {
            (None, _) => String::new(),
            (Some(days), Spelling::Days) => format!("DURATION:P{days}D\r\n"),
            (Some(minutes), _) => format!("DURATION:PT{minutes}M\r\n"),
        }
    }

    /// The object, bookable beside all others.
    fn text(&self) -> String {
        let head = format!("BEGIN:VEVENT\r\nUID:{}\r\nDTSTAMP:20240101T000000Z\r\nTRANSP:TRANSPARENT\r\n", self.uid);
        let mut master = format!("{head}{}{}", self.line("DTSTART", self.start), self.duration());
        if let Some(step) = self.step {
            let (freq, interval) = match step {
                Step::Days(days) => ("DAILY", days),
                Step::Months(months) => ("MONTHLY", months),
            };
            let _ = write!(master, "RRULE:FREQ={freq};INTERVAL={interval}");
            if let Some(count) = self.count {
                let _ = write!(master, ";COUNT={count}");
            }
            if let Some(until) = self.until {
                let _ = write!(master, ";UNTIL={}", self.until_text(until));
            }
            master.push_str("\r\n");
        }
        for (name, dates) in [("EXDATE", &self.exdates), ("RDATE", &self.rdates)] {
            for date in dates {
                master.push_str(&self.line(name, *date));
            }
        }
        let overrides: Vec<String> = self
            .moved
            .iter()
            .map(|(id, to)| {
                let (id, to) = (self.line("RECURRENCE-ID", *id), self.line("DTSTART", *to));
                format!("{head}{id}{to}{}END:VEVENT\r\n", self.duration())
            })
            .collect();
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//oracle//EN\r\n{master}END:VEVENT\r\n{}END:VCALENDAR\r\n",
            overrides.concat()
        )
    }

    fn until_text(&self, until: DateTime) -> String {
        match self.spelling {
            Spelling::Days => until.strftime("%Y%m%d").to_string(),
            Spelling::Floating => until.strftime("%Y%m%dT%H%M%S").to_string(),
            Spelling::Utc => until.strftime("%Y%m%dT%H%M%SZ").to_string(),
            Spelling::Zone(zone) => {
                let instant = TimeZone::get(zone).unwrap().to_ambiguous_zoned(until).compatible().unwrap().timestamp();
                instant.strftime("%Y%m%dT%H%M%SZ").to_string()
            }
        }
    }
}

/// RFC 4791, 9.9.
fn overlaps(instance: (Timestamp, Timestamp), start: Option<Timestamp>, end: Option<Timestamp>) -> bool {
    let before_end = end.is_none_or(|end| instance.0 < end);
    let after_start = match start {
        None => true,
        Some(start) if instance.0 == instance.1 => start <= instance.0,
        Some(start) => start < instance.1,
    };
    before_end && after_start
}

/// A range with at least one end.
fn range(chance: &mut Chance, edges: &[Timestamp]) -> (Option<Timestamp>, Option<Timestamp>) {
    // Half of the ranges begin or end within a second of where an instance does.
    let near = *chance.of(edges) + SignedDuration::from_secs(chance.below(3) - 1);
    let anywhere = Timestamp::from_second(1_672_531_200 + chance.below(8 * 365 * 86_400)).unwrap();
    let start = if chance.one_in(2) { near } else { anywhere };
    let lengths = [1, 900, 3600, 86_400, 7 * 86_400, 31 * 86_400, 400 * 86_400];
    let end = start + SignedDuration::from_secs(*chance.of(&lengths));
    let limit = TimeZone::UTC.to_timestamp(date(2031, 6, 1).at(0, 0, 0, 0)).unwrap();
    match chance.below(12) {
        0 => (None, Some(end.min(limit))),
        1 => (Some(start.min(limit)), None),
        _ => (Some(start.min(limit)), Some(end.min(limit + SignedDuration::from_secs(1)))),
    }
}

fn query(start: Option<Timestamp>, end: Option<Timestamp>, zone: Option<&str>) -> String {
    let stamp = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ");
    let start = start.map(|start| format!("start='{}'", stamp(start))).unwrap_or_default();
    let end = end.map(|end| format!("end='{}'", stamp(end))).unwrap_or_default();
    let zone = zone.map(|zone| format!("<c:timezone-id>{zone}</c:timezone-id>")).unwrap_or_default();
    format!(
        "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop><c:filter>\
         <c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'><c:time-range {start} {end}/></c:comp-filter>\
         </c:comp-filter></c:filter>{zone}</c:calendar-query>"
    )
}

#[actix_web::test]
async fn r2_random_events_and_ranges_are_answered_as_the_oracle_answers_them() {
    let seed = 20_260_302;
    let mut chance = Chance(seed);
    let house = House::with_anna().await;
    let events: Vec<Known> = (0..EVENTS).map(|index| Known::random(index, &mut chance)).collect();
    for event in &events {
        let path = format!("{HALL}{}.ics", event.uid);
        let put = house.send("anna", "PUT", &path, &[("content-type", "text/calendar")], &event.text()).await;
        assert_eq!(put.status, 201, "{}\n{}", put.body, event.text());
    }
    let zones = [None, Some("Asia/Tokyo"), Some("America/Los_Angeles")];
    let instances: Vec<Vec<Vec<(Timestamp, Timestamp)>>> = zones
        .iter()
        .map(|zone| {
            let zone = TimeZone::get(zone.unwrap_or("Europe/Oslo")).unwrap();
            events.iter().map(|event| event.instances(&zone)).collect()
        })
        .collect();
    let edges: Vec<Timestamp> =
        instances[0].iter().flatten().step_by(7).flat_map(|(start, end)| [*start, *end]).collect();
    let (mut found_at_all, ranges) = (0, crate::house::scaled(RANGES));
    for number in 0..ranges {
        let which = usize::try_from(chance.below(3)).unwrap();
        let (start, end) = range(&mut chance, &edges);
        let body = query(start, end, zones[which]);
        let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &body).await;
        assert_eq!(answer.status, 207, "{}", answer.body);
        let expected: BTreeSet<String> = events
            .iter()
            .zip(&instances[which])
            .filter(|(_, instances)| instances.iter().any(|instance| overlaps(*instance, start, end)))
            .map(|(event, _)| event.uid.clone())
            .collect();
        let found: BTreeSet<String> = answer
            .body
            .split("<D:href>/dav/t/rooms/hall/")
            .skip(1)
            .map(|part| part.split(".ics").next().unwrap().to_owned())
            .collect();
        found_at_all += found.len();
        let wrong: Vec<String> = events
            .iter()
            .filter(|event| expected.contains(&event.uid) != found.contains(&event.uid))
            .map(|event| format!("expected {}:\n{}", expected.contains(&event.uid), event.text()))
            .collect();
        assert!(wrong.is_empty(), "seed {seed}, range {number}: {body}\n{}", wrong.join("\n"));
    }
    assert!(found_at_all > EVENTS * ranges / 50, "the ranges hit something: {found_at_all}");
}

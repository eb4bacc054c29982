//! The expansion against the slow one that reads RFC 5545 word by word, on random rules.

use super::Budget;
use super::dice::Dice;
use super::occurrences;
use super::oracle;
use super::rule_starts;
use crate::config::Limits;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Frequency;
use crate::model::Override;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::Rule;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::civil::date;

const BUDGET: Budget = Budget { candidates: 2_000_000, instances: usize::MAX };

/// Rules for each of four tests, so that they run beside one another.
const RULES: usize = 5_000;

pub(super) fn parse(text: &str) -> Rule {
    let limits = Limits::default();
    rule::parse(text, RuleContext { zone: Some(&ZoneId::utc()), all_day: false, limits: &limits }).unwrap()
}

/// How many days of a rule are looked at: enough for leap years where a period is a year.
const fn window_days(freq: Frequency) -> i64 {
    match freq {
        Frequency::Hourly => 6,
        Frequency::Daily => 90,
        Frequency::Weekly => 200,
        Frequency::Monthly => 500,
        Frequency::Yearly => 1_500,
    }
}

/// Compares so many rules; the answer is how many instances agreed.
fn compare(seed: u64, rules: usize) -> usize {
    let mut dice = Dice(seed);
    let mut instances = 0;
    for _ in 0..rules {
        let (mut text, start) = (dice.any_rule(), dice.start());
        let end = start.checked_add(window_days(parse(&text).freq).days()).unwrap();
        if !text.contains("COUNT") && dice.chance(30) {
            let minutes = (end - start).get_days() * 1440;
            let until = start.checked_add(i64::try_from(dice.below(minutes.unsigned_abs().into())).unwrap().minutes());
            text += &until.unwrap().strftime(";UNTIL=%Y%m%dT%H%M%S").to_string();
        }
        let rule = parse(&text);
        let slow = oracle::starts(&rule, start, end);
        let fast = rule_starts(&rule, start, (start, end), &BUDGET).unwrap();
        assert_eq!(fast, slow, "DTSTART:{start} RRULE:{text}");
        instances += slow.len();
        from_the_middle(&rule, start, end, &slow);
    }
    instances
}

/// A query that begins in the middle finds the rest.
fn from_the_middle(rule: &Rule, start: DateTime, end: DateTime, all: &[DateTime]) {
    let Some(middle) = all.get(all.len() / 2) else { return };
    let rest = rule_starts(rule, start, (*middle, end), &BUDGET).unwrap();
    assert_eq!(rest, all[all.len() / 2..], "DTSTART:{start} from {middle} {rule:?}");
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_1_of_4() {
    assert!(compare(41, RULES) > 60_000);
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_2_of_4() {
    assert!(compare(42, RULES) > 60_000);
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_3_of_4() {
    assert!(compare(43, RULES) > 60_000);
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_4_of_4() {
    assert!(compare(44, RULES) > 60_000);
}

/// The instances of an event inside a range, each found the long way: every start from DTSTART on, placed one by one.
fn long_way(event: &Event, range: TimeRange, day_zone: &ZoneId, to: DateTime) -> Vec<(Timestamp, Timestamp)> {
    let recurrence = event.recurrence.as_ref().unwrap();
    let start = event.when.wall_start();
    let mut starts = oracle::starts(recurrence.rule.as_ref().unwrap(), start, to);
    starts.push(start);
    starts.extend(&recurrence.rdates);
    starts.retain(|at| !recurrence.exdates.contains(at) && !event.overrides.contains_key(&RecurrenceId(*at)));
    let (first, last) = event.when.instants(day_zone);
    let length = last.ms() - first.ms();
    let place = |at: DateTime| match &event.when {
        EventTime::AllDay { start, end } => {
            let end = at.checked_add(start.until(*end).unwrap()).unwrap();
            (day_zone.instant(at), day_zone.instant(end))
        }
        EventTime::Timed { zone, .. } => (zone.instant(at), zone.instant(at).plus_ms(length)),
    };
    // Two starts that the spring gap makes one instant are one instance.
    let regular: std::collections::BTreeSet<_> = starts.into_iter().map(place).collect();
    let moved = event.overrides.iter().filter(|(id, _)| !recurrence.exdates.contains(&id.0));
    let mut all: Vec<_> =
        regular.into_iter().chain(moved.map(|(_, changed)| changed.when.instants(day_zone))).collect();
    all.retain(|(start, end)| {
        let point = start == end && range.start <= *start && *start < range.end;
        point || (start != end && *start < range.end && *end > range.start)
    });
    all.sort();
    all
}

/// A series with added, removed and moved dates in a zone whose clock jumps near its start.
fn any_series(dice: &mut Dice) -> Event {
    let zones = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"];
    let zone = ZoneId::parse(zones[usize::try_from(dice.below(5)).unwrap()]).unwrap();
    let near = [date(2026, 3, 5), date(2026, 3, 24), date(2026, 4, 1), date(2026, 10, 20), date(2028, 2, 25)];
    let day = near[usize::try_from(dice.below(5)).unwrap()];
    let minutes = i64::try_from(dice.below(1440) / 30 * 30).unwrap();
    let when = |day: jiff::civil::Date, dice: &mut Dice, all_day: bool| {
        if all_day {
            let end = day.checked_add(i64::try_from(1 + dice.below(3)).unwrap().days()).unwrap();
            return EventTime::AllDay { start: day, end };
        }
        let start = day.at(0, 0, 0, 0).checked_add(minutes.minutes()).unwrap();
        let length = i64::try_from(dice.below(60) * dice.below(60)).unwrap();
        let end = zone.wall(zone.instant(start).plus_ms(length * 60_000));
        let end = if zone.instant(end) < zone.instant(start) { start } else { end };
        EventTime::Timed { start, end, zone: zone.clone() }
    };
    let all_day = dice.chance(25);
    let own = when(day, dice, all_day);
    let times = |text: &str| {
        text.contains("HOURLY") || ["BYHOUR", "BYMINUTE", "BYSECOND"].iter().any(|part| text.contains(part))
    };
    let mut text = dice.any_rule();
    while all_day && times(&text) {
        text = dice.any_rule();
    }
    let mut recurrence = Recurrence { rule: Some(parse(&text)), ..Recurrence::default() };
    let mut overrides = std::collections::BTreeMap::new();
    for _ in 0..dice.below(5) {
        let at = own.wall_start().checked_add(i64::try_from(dice.below(30)).unwrap().days()).unwrap();
        match dice.below(3) {
            0 => drop(recurrence.rdates.insert(at)),
            1 => drop(recurrence.exdates.insert(at)),
            _ => {
                let day = day.checked_add(i64::try_from(dice.below(60)).unwrap().days()).unwrap();
                let changed = Override { when: when(day, dice, all_day), content: Content::default() };
                overrides.insert(RecurrenceId(at), changed);
            }
        }
    }
    Event {
        uid: Uid("u".to_owned()),
        class: ReservationClass::Event,
        when: own,
        content: Content::default(),
        recurrence: Some(recurrence),
        overrides,
    }
}

#[test]
fn a_thousand_series_have_the_instances_in_a_range_that_the_long_way_finds() {
    let mut dice = Dice(2026);
    let day_zone = ZoneId::parse("Europe/Oslo").unwrap();
    let mut instances = 0;
    for _ in 0..1_000 {
        let event = any_series(&mut dice);
        let start = event.when.wall_start();
        let from = start.checked_add((i64::try_from(dice.below(40)).unwrap() - 5).days()).unwrap();
        let to = from.checked_add(i64::try_from(1 + dice.below(20)).unwrap().days()).unwrap();
        let range = TimeRange::new(day_zone.instant(from), day_zone.instant(to));
        let found = occurrences(&event, range, &day_zone, &BUDGET).unwrap();
        let found: Vec<_> = found.iter().map(|instance| (instance.start, instance.end)).collect();
        let slow = long_way(&event, range, &day_zone, to.checked_add(4.days()).unwrap().max(start));
        assert_eq!(found, slow, "{from} {to} {event:#?}");
        instances += found.len();
    }
    assert!(instances > 2_000, "only {instances} instances");
}

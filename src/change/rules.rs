//! The room's own rules: which times of a booking break them, and how a clerk is told. Pure.

use super::expand::Slot;
use super::overlap;
use crate::ical::freebusy::BusyKind;
use crate::model::DayException;
use crate::model::Hours;
use crate::model::ReservationClass;
use crate::model::RoomRules;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::instances::{NewInstance, Taken};
use jiff::civil::Date;
use std::fmt;

/// How many dates of a series a refusal names.
const NAMED_DATES: usize = 3;

const MINUTE_MS: i64 = 60_000;

/// A rule of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The room must be open.
    OpeningHours,
    /// Not too far ahead.
    Horizon,
    /// Not too late.
    LeadTime,
    /// Neither too short nor too long.
    Length,
    /// Time between two bookings.
    Buffer,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OpeningHours, Self::Horizon, Self::LeadTime, Self::Length, Self::Buffer];

    /// The kind of the conflict record about a booking that breaks the rule.
    pub const fn conflict_kind(self) -> &'static str {
        match self {
            Self::OpeningHours => "opening_hours",
            Self::Horizon => "booking_horizon",
            Self::LeadTime => "lead_time",
            Self::Length => "booking_length",
            Self::Buffer => "buffer",
        }
    }
}

/// A booking breaks a rule of its room. Prints as a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which rule.
    pub rule: Rule,
    /// The first dates that break it, at most three.
    pub dates: Vec<Date>,
    /// How many dates do.
    pub count: usize,
    sentence: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// How far a series goes beyond the times that are known one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not beyond them, or as far as before.
    Known,
    /// Until then.
    Until(Timestamp),
    /// For ever.
    Endless,
}

/// A room as its rules are read.
#[derive(Clone, Copy)]
pub(super) struct House<'a> {
    pub(super) rules: &'a RoomRules,
    pub(super) name: &'a str,
    pub(super) zone: &'a ZoneId,
    pub(super) now: Timestamp,
}

/// What a booking asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Times it newly takes, by start.
    pub(super) slots: &'a [Slot],
    /// How far it goes beyond them.
    pub(super) reach: Reach,
    /// Whether it is a series.
    pub(super) recurring: bool,
}

/// Every rule that the booking breaks by itself, whatever else is booked; at most one breach of each.
pub(super) fn judge(house: House<'_>, asked: Asked<'_>) -> Vec<Breach> {
    let checks = [opening_hours, horizon, lead_time, length];
    checks.into_iter().filter_map(|check| check(house, asked)).collect()
}

/// The breach where another booking is nearer than the room's buffer allows. Closures need none.
pub(super) fn too_close(
    house: House<'_>,
    asked: Asked<'_>,
    class: ReservationClass,
    taken: &[Taken],
) -> Option<Breach> {
    let gap_ms = i64::from(house.rules.gap_minutes()) * MINUTE_MS;
    if gap_ms == 0 {
        return None;
    }
    let taken: Vec<Taken> = taken.iter().filter(|other| other.class != ReservationClass::Closure).cloned().collect();
    let nearest = |slot: &&Slot| {
        let wide = NewInstance {
            start: slot.start.plus_ms(-gap_ms),
            end: slot.end.plus_ms(gap_ms),
            recurrence_id: String::new(),
            busy: Some(BusyKind::Busy),
        };
        overlap::all(&[wide], class, &taken).next().map(|(_, other)| (other.start_ms, other.end_ms))
    };
    let broken: Vec<&Slot> = asked.slots.iter().filter(|slot| nearest(slot).is_some()).collect();
    let (start, end) = nearest(broken.first()?)?;
    let sentence = format!(
        "{} needs {} between bookings; {} is too close to the booking {}",
        house.name,
        words(house.rules.gap_minutes()),
        house.span(broken.first()?),
        house.hours(start, end),
    );
    Some(house.breach(Rule::Buffer, sentence, asked, &broken))
}

fn opening_hours(house: House<'_>, asked: Asked<'_>) -> Option<Breach> {
    if !house.rules.has_hours() {
        return None;
    }
    let (first, last) =
        (asked.slots.iter().map(|slot| slot.start).min()?, asked.slots.iter().map(|slot| slot.end).max()?);
    let open = house.rules.open(house.zone, crate::model::TimeRange::new(first, last));
    let fits = |slot: &Slot| {
        if slot.whole_day {
            return house.closed_day(slot).is_none();
        }
        let at = open.partition_point(|stretch| stretch.start <= slot.start);
        at > 0 && open[at - 1].end >= slot.end
    };
    let broken: Vec<&Slot> = asked.slots.iter().filter(|slot| !fits(slot)).collect();
    let slot = broken.first()?;
    let day = house.closed_day(slot).filter(|_| slot.whole_day).unwrap_or_else(|| house.zone.wall(slot.start).date());
    let sentence = format!("{} {}; {} is outside", house.name, house.hours_of(day), house.span(slot));
    Some(house.breach(Rule::OpeningHours, sentence, asked, &broken))
}

fn horizon(house: House<'_>, asked: Asked<'_>) -> Option<Breach> {
    let end = house.rules.horizon(house.zone, house.now)?;
    let last_day = house.zone.wall(end.plus_ms(-1)).date();
    let days = house.rules.horizon_days.unwrap_or_default();
    let until = format!("{} can be booked until {last_day} ({} ahead)", house.name, counted(days, "day"));
    let broken: Vec<&Slot> = asked.slots.iter().filter(|slot| slot.start >= end).collect();
    if let Some(slot) = broken.first() {
        return Some(house.breach(Rule::Horizon, format!("{until}; {} is later", house.span(slot)), asked, &broken));
    }
    let sentence = match asked.reach {
        Reach::Known => return None,
        Reach::Until(last) if last < end => return None,
        Reach::Until(last) => format!("{until}; the series goes on until {}", house.zone.wall(last).date()),
        Reach::Endless => format!("{until}; the series has no end, so give it one by then"),
    };
    Some(Breach { rule: Rule::Horizon, dates: Vec::new(), count: 0, sentence })
}

fn lead_time(house: House<'_>, asked: Asked<'_>) -> Option<Breach> {
    let lead = house.rules.lead_minutes?;
    let earliest = house.now.plus_ms(i64::from(lead) * MINUTE_MS);
    let broken: Vec<&Slot> = asked.slots.iter().filter(|slot| slot.start < earliest).collect();
    let span = house.span(broken.first()?);
    let sentence = format!("{} must be booked at least {} ahead; {span} begins too soon", house.name, words(lead));
    Some(house.breach(Rule::LeadTime, sentence, asked, &broken))
}

fn length(house: House<'_>, asked: Asked<'_>) -> Option<Breach> {
    let shortest = house.rules.shortest_minutes.map_or(0, i64::from);
    let longest = house.rules.longest_minutes.map_or(i64::MAX, i64::from);
    let minutes = |slot: &Slot| (slot.end.ms() - slot.start.ms()) / MINUTE_MS;
    let broken: Vec<&Slot> = asked.slots.iter().filter(|slot| !(shortest..=longest).contains(&minutes(slot))).collect();
    let slot = broken.first()?;
    let lasts = words(u32::try_from(minutes(slot)).unwrap_or(u32::MAX));
    let (word, bound) = if minutes(slot) < shortest {
        ("at least", house.rules.shortest_minutes)
    } else {
        ("at most", house.rules.longest_minutes)
    };
    let sentence = format!(
        "Bookings of {} last {word} {}; {} lasts {lasts}",
        house.name,
        words(bound.unwrap_or_default()),
        house.span(slot)
    );
    Some(house.breach(Rule::Length, sentence, asked, &broken))
}

impl House<'_> {
    /// The first day of a whole-day booking on which the room never opens. A whole day takes the hours of the room.
    fn closed_day(&self, slot: &Slot) -> Option<Date> {
        let (mut day, end) = (self.zone.wall(slot.start).date(), self.zone.wall(slot.end).date());
        while day < end {
            if self.rules.hours_on(day).is_empty() {
                return Some(day);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// `is open 08:00-16:00 on Mondays`, `is closed on 2026-12-24 (Christmas Eve)`.
    fn hours_of(&self, day: Date) -> String {
        let when = match self.rules.exception_on(day) {
            Some(DayException { note, .. }) if note.is_empty() => format!("on {day}"),
            Some(DayException { note, .. }) => format!("on {day} ({note})"),
            None => format!("on {}s", day.strftime("%A")),
        };
        let hours: Vec<String> = self.rules.hours_on(day).iter().map(Hours::to_string).collect();
        match hours.as_slice() {
            [] => format!("is closed {when}"),
            some => format!("is open {} {when}", some.join(" and ")),
        }
    }

    fn span(&self, slot: &Slot) -> String {
        if slot.whole_day {
            let (first, last) = (self.zone.wall(slot.start).date(), self.zone.wall(slot.end.plus_ms(-1)).date());
            return if first == last { format!("all of {first}") } else { format!("{first} to {last}") };
        }
        self.hours(slot.start, slot.end)
    }

    fn hours(&self, start: Timestamp, end: Timestamp) -> String {
        let (start, end) = (self.zone.wall(start), self.zone.wall(end));
        if start.date() == end.date() {
            return format!("{}-{} on {}", start.strftime("%H:%M"), end.strftime("%H:%M"), start.date());
        }
        format!("{} to {}", start.strftime("%Y-%m-%d %H:%M"), end.strftime("%Y-%m-%d %H:%M"))
    }

    fn breach(&self, rule: Rule, sentence: String, asked: Asked<'_>, broken: &[&Slot]) -> Breach {
        let dates: Vec<Date> = broken.iter().take(NAMED_DATES).map(|slot| self.zone.wall(slot.start).date()).collect();
        let count = broken.len();
        let sentence = if asked.recurring { format!("{sentence}. {}", concerned(&dates, count)) } else { sentence };
        Breach { rule, dates, count, sentence }
    }
}

/// `12 dates of the series are concerned: 2026-03-02, 2026-03-09, 2026-03-16 and 9 more`
fn concerned(dates: &[Date], count: usize) -> String {
    let named: Vec<String> = dates.iter().map(Date::to_string).collect();
    let more = count.saturating_sub(dates.len());
    let list = if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") };
    if count == 1 {
        return format!("One date of the series is concerned: {list}");
    }
    format!("{count} dates of the series are concerned: {list}")
}

/// `2 hours`, `90 minutes`, `1 day`
fn words(minutes: u32) -> String {
    match minutes {
        0 => "no time".to_owned(),
        _ if minutes.is_multiple_of(1440) => counted(minutes / 1440, "day"),
        _ if minutes.is_multiple_of(60) => counted(minutes / 60, "hour"),
        _ => counted(minutes, "minute"),
    }
}

fn counted(count: u32, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uid;
    use jiff::civil::DateTime;

    /// Monday, 2026-03-02, 09:00 in Oslo.
    const NOW: Timestamp = Timestamp(1_772_438_400_000);

    const OFFICE: &str = r#"{"opening_hours":[
        {"days":["monday","tuesday","wednesday","thursday","friday"],"from":"08:00","to":"16:00"}],
        "exceptions":[{"date":"2026-03-04","hours":[{"from":"10:00","to":"12:00"},{"from":"13:00","to":"14:00"}]},
                      {"date":"2026-12-24","note":"Christmas Eve"}]}"#;

    fn oslo() -> ZoneId {
        ZoneId::parse("Europe/Oslo").unwrap()
    }

    fn slot(from: &str, to: &str) -> Slot {
        let at = |text: &str| oslo().instant(text.parse::<DateTime>().unwrap());
        Slot { start: at(from), end: at(to), whole_day: !from.contains('T'), id: None, overridden: false }
    }

    fn sentences(rules: &str, slots: &[Slot], recurring: bool, reach: Reach) -> Vec<String> {
        let (rules, zone) = (serde_json::from_str(rules).unwrap(), oslo());
        let house = House { rules: &rules, name: "Council hall", zone: &zone, now: NOW };
        judge(house, Asked { slots, reach, recurring }).iter().map(Breach::to_string).collect()
    }

    fn single(rules: &str, from: &str, to: &str) -> String {
        sentences(rules, &[slot(from, to)], false, Reach::Known).join(" | ")
    }

    #[test]
    fn opening_hours_hold_for_single_bookings() {
        for (from, to, says) in [
            ("2026-03-02T08:00", "2026-03-02T16:00", ""),
            (
                "2026-03-02T17:00",
                "2026-03-02T18:00",
                "Council hall is open 08:00-16:00 on Mondays; 17:00-18:00 on 2026-03-02 is outside",
            ),
            (
                "2026-03-02T15:30",
                "2026-03-03T08:30",
                "Council hall is open 08:00-16:00 on Mondays; 2026-03-02 15:30 to 2026-03-03 08:30 is outside",
            ),
            ("2026-03-04T13:00", "2026-03-04T14:00", ""),
            (
                "2026-03-04T11:00",
                "2026-03-04T13:30",
                "Council hall is open 10:00-12:00 and 13:00-14:00 on 2026-03-04; 11:00-13:30 on 2026-03-04 is outside",
            ),
            (
                "2026-12-24T09:00",
                "2026-12-24T10:00",
                "Council hall is closed on 2026-12-24 (Christmas Eve); 09:00-10:00 on 2026-12-24 is outside",
            ),
        ] {
            assert_eq!(single(OFFICE, from, to), says, "{from}");
        }
    }

    #[test]
    fn a_whole_day_takes_the_hours_of_the_room_and_no_day_on_which_it_is_closed() {
        assert_eq!(single(OFFICE, "2026-03-02", "2026-03-07"), "");
        assert_eq!(
            single(OFFICE, "2026-03-08", "2026-03-09"),
            "Council hall is closed on Sundays; all of 2026-03-08 is outside"
        );
        assert_eq!(
            single(OFFICE, "2026-03-06", "2026-03-09"),
            "Council hall is closed on Saturdays; 2026-03-06 to 2026-03-08 is outside"
        );
    }

    #[test]
    fn hours_over_midnight_take_a_booking_over_midnight() {
        let bar = r#"{"opening_hours":[{"days":["friday"],"from":"18:00","to":"02:00"}]}"#;
        assert_eq!(single(bar, "2026-03-06T23:00", "2026-03-07T01:30"), "");
        assert!(single(bar, "2026-03-07T00:30", "2026-03-07T02:30").starts_with("Council hall is closed on Saturdays"));
    }

    #[test]
    fn hours_follow_the_wall_clock_when_the_offset_changes() {
        // 08:00 in Oslo is 07:00 UTC in winter and 06:00 UTC in summer.
        for day in ["2026-03-27", "2026-03-30", "2026-10-23", "2026-10-26"] {
            assert_eq!(single(OFFICE, &format!("{day}T08:00"), &format!("{day}T16:00")), "", "{day}");
            assert_ne!(single(OFFICE, &format!("{day}T07:30"), &format!("{day}T09:00")), "", "{day}");
        }
    }

    #[test]
    fn a_series_is_told_its_first_dates_and_how_many() {
        let days = ["2026-03-02", "2026-03-07", "2026-03-08", "2026-03-14", "2026-03-15", "2026-03-16"];
        let slots: Vec<Slot> = days.iter().map(|day| slot(&format!("{day}T10:00"), &format!("{day}T11:00"))).collect();
        assert_eq!(
            sentences(OFFICE, &slots, true, Reach::Known),
            ["Council hall is closed on Saturdays; 10:00-11:00 on 2026-03-07 is outside. \
              4 dates of the series are concerned: 2026-03-07, 2026-03-08, 2026-03-14 and 1 more"]
        );
        let one = sentences(OFFICE, &slots[..2], true, Reach::Known);
        assert!(one[0].ends_with("One date of the series is concerned: 2026-03-07"), "{one:?}");
    }

    #[test]
    fn horizon_lead_time_and_length_have_their_edges() {
        for (rules, from, to, says) in [
            (r#"{"horizon_days":7}"#, "2026-03-09T23:30", "2026-03-10T00:30", ""),
            (
                r#"{"horizon_days":7}"#,
                "2026-03-10T00:00",
                "2026-03-10T01:00",
                "Council hall can be booked until 2026-03-09 (7 days ahead); 00:00-01:00 on 2026-03-10 is later",
            ),
            (r#"{"lead_minutes":120}"#, "2026-03-02T11:00", "2026-03-02T12:00", ""),
            (
                r#"{"lead_minutes":120}"#,
                "2026-03-02T10:59",
                "2026-03-02T12:00",
                "Council hall must be booked at least 2 hours ahead; 10:59-12:00 on 2026-03-02 begins too soon",
            ),
            (r#"{"shortest_minutes":30,"longest_minutes":90}"#, "2026-03-02T10:00", "2026-03-02T11:30", ""),
            (
                r#"{"shortest_minutes":30}"#,
                "2026-03-02T10:00",
                "2026-03-02T10:29",
                "Bookings of Council hall last at least 30 minutes; 10:00-10:29 on 2026-03-02 lasts 29 minutes",
            ),
            (
                r#"{"longest_minutes":90}"#,
                "2026-03-02",
                "2026-03-03",
                "Bookings of Council hall last at most 90 minutes; all of 2026-03-02 lasts 1 day",
            ),
        ] {
            assert_eq!(single(rules, from, to), says, "{rules} {from}");
        }
    }

    #[test]
    fn a_series_that_goes_on_after_the_horizon_is_told_so() {
        let rules = r#"{"horizon_days":7}"#;
        let slots = [slot("2026-03-02T10:00", "2026-03-02T11:00")];
        assert_eq!(
            sentences(rules, &slots, true, Reach::Endless),
            [
                "Council hall can be booked until 2026-03-09 (7 days ahead); the series has no end, so give it one by then"
            ]
        );
        let until = Reach::Until(NOW.plus_days(900));
        assert!(sentences(rules, &slots, true, until)[0].ends_with("the series goes on until 2028-08-18"));
        assert_eq!(sentences(r#"{"horizon_days":2000}"#, &slots, true, until), Vec::<String>::new());
    }

    #[test]
    fn every_broken_rule_is_told_once_and_no_rule_means_no_breach() {
        let all = r#"{"opening_hours":[{"days":["sunday"],"from":"08:00","to":"09:00"}],"horizon_days":1,
            "longest_minutes":30}"#;
        let rules: Vec<String> = sentences(all, &[slot("2026-03-10T10:00", "2026-03-10T12:00")], false, Reach::Known);
        assert_eq!(rules.len(), 3);
        assert_eq!(single("{}", "2099-03-02T00:00", "2199-03-02T00:01"), "");
    }

    #[test]
    fn bookings_keep_the_buffers_of_both_and_closures_need_none() {
        let taken = |from: &str, to: &str, class| {
            let slot = slot(from, to);
            let (uid, name) = (Uid("other".to_owned()), "other.ics".to_owned());
            Taken { start_ms: slot.start, end_ms: slot.end, uid, class, name }
        };
        let rules = serde_json::from_str(r#"{"buffer_before_minutes":10,"buffer_after_minutes":20}"#).unwrap();
        let zone = oslo();
        let house = House { rules: &rules, name: "Council hall", zone: &zone, now: NOW };
        let judged = |from: &str, class| {
            let slots = [slot(from, "2026-03-02T12:00")];
            let asked = Asked { slots: &slots, reach: Reach::Known, recurring: false };
            let others = [taken("2026-03-02T08:00", "2026-03-02T10:00", class)];
            too_close(house, asked, ReservationClass::Event, &others).map(|breach| breach.to_string())
        };
        assert_eq!(judged("2026-03-02T10:30", ReservationClass::Event), None);
        assert_eq!(
            judged("2026-03-02T10:29", ReservationClass::Event).unwrap(),
            "Council hall needs 30 minutes between bookings; 10:29-12:00 on 2026-03-02 is too close to the booking \
             08:00-10:00 on 2026-03-02"
        );
        assert_eq!(judged("2026-03-02T10:00", ReservationClass::Closure), None);
        assert_eq!(judged("2026-03-02T10:00", ReservationClass::Allocation), None, "classes that may overlap");
    }
}

//! Instances of whole events: zones, overrides, added and removed dates, budgets.

use super::*;
use crate::config::Limits;
use crate::ical::freebusy::busy_periods;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::Content;
use crate::model::EventStatus;
use crate::model::Override;
use crate::model::Uid;
use jiff::civil::date;

const BUDGET: Budget = Budget { candidates: 200_000, instances: 20_000 };

fn oslo() -> ZoneId {
    ZoneId::parse("Europe/Oslo").unwrap()
}

fn wall(text: &str) -> DateTime {
    text.parse().unwrap()
}

fn series(start: &str, end: &str, text: &str) -> Event {
    let zone = oslo();
    let limits = Limits::default();
    let rule = rule::parse(text, RuleContext { zone: Some(&zone), all_day: false, limits: &limits }).unwrap();
    Event {
        uid: Uid("u".to_owned()),
        class: crate::model::ReservationClass::Event,
        when: EventTime::Timed { start: wall(start), end: wall(end), zone },
        content: Content { busy: true, ..Content::default() },
        recurrence: Some(Recurrence { rule: Some(rule), ..Recurrence::default() }),
        overrides: std::collections::BTreeMap::new(),
    }
}

fn utc(text: &str) -> Timestamp {
    ZoneId::utc().instant(wall(text))
}

fn starts_in(event: &Event, from: &str, to: &str) -> Vec<String> {
    let found = occurrences(event, TimeRange::new(utc(from), utc(to)), &oslo(), &BUDGET).unwrap();
    found.iter().map(|instance| instance.start.to_string()).collect()
}

fn all(event: &Event) -> Vec<String> {
    starts_in(event, "1990-01-01T00:00", "2200-01-01T00:00")
}

fn override_at(start: &str, end: &str) -> Override {
    let when = EventTime::Timed { start: wall(start), end: wall(end), zone: oslo() };
    Override { when, content: Content { busy: true, ..Content::default() } }
}

#[test]
fn a_weekly_series_keeps_its_wall_clock_time_over_the_change_of_offset() {
    let event = series("2026-03-23T18:00", "2026-03-23T20:00", "FREQ=WEEKLY;COUNT=2");
    assert_eq!(all(&event), ["2026-03-23T17:00:00Z", "2026-03-30T16:00:00Z"]);
}

#[test]
fn a_start_in_the_spring_gap_moves_forward_and_keeps_its_id() {
    let event = series("2026-03-28T02:30", "2026-03-28T03:30", "FREQ=DAILY;COUNT=3");
    assert_eq!(all(&event), ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]);
    let range = TimeRange::new(utc("2026-03-29T00:00"), utc("2026-03-29T12:00"));
    let found = occurrences(&event, range, &oslo(), &BUDGET).unwrap();
    assert_eq!(found[0].recurrence_id, Some(RecurrenceId(wall("2026-03-29T02:30"))));
    assert_eq!(found[0].end.ms() - found[0].start.ms(), 3_600_000);
}

#[test]
fn dtstart_is_an_instance_and_counts_even_where_the_rule_leaves_it_out() {
    let event = series("2026-03-03T09:00", "2026-03-03T10:00", "FREQ=WEEKLY;BYDAY=MO;COUNT=3");
    assert_eq!(all(&event), ["2026-03-03T08:00:00Z", "2026-03-09T08:00:00Z", "2026-03-16T08:00:00Z"]);
    let late = series("2026-03-03T09:00", "2026-03-03T10:00", "FREQ=DAILY;UNTIL=20260101");
    assert_eq!(all(&late), ["2026-03-03T08:00:00Z"]);
}

#[test]
fn added_and_removed_dates_count_once() {
    let mut event = series("2026-03-02T09:00", "2026-03-02T10:00", "FREQ=DAILY;COUNT=3");
    let recurrence = event.recurrence.as_mut().unwrap();
    recurrence.rdates.extend([wall("2026-03-03T09:00"), wall("2026-03-10T12:00"), wall("2026-02-01T09:00")]);
    recurrence.exdates.extend([wall("2026-03-04T09:00"), wall("2026-03-02T09:00")]);
    assert_eq!(all(&event), ["2026-02-01T08:00:00Z", "2026-03-03T08:00:00Z", "2026-03-10T11:00:00Z"]);
    assert_eq!(span(&event, &oslo(), &BUDGET), (utc("2026-02-01T08:00"), Some(utc("2026-03-10T12:00"))));
}

#[test]
fn overrides_are_found_where_they_moved_to_and_not_where_they_were() {
    let mut event = series("2026-03-02T09:00", "2026-03-02T10:00", "FREQ=WEEKLY;COUNT=4");
    event.overrides.insert(RecurrenceId(wall("2026-03-09T09:00")), override_at("2026-05-01T09:00", "2026-05-01T10:00"));
    assert_eq!(starts_in(&event, "2026-03-08T00:00", "2026-03-17T00:00"), ["2026-03-16T08:00:00Z"]);
    assert_eq!(starts_in(&event, "2026-05-01T00:00", "2026-05-02T00:00"), ["2026-05-01T07:00:00Z"]);
    assert_eq!(all(&event).len(), 4);
    assert_eq!(span(&event, &oslo(), &BUDGET).1, Some(utc("2026-05-01T08:00")));
}

#[test]
fn overlap_is_half_open_and_instances_without_length_count_at_their_start() {
    let event = series("2026-03-02T10:00", "2026-03-02T11:00", "FREQ=DAILY;COUNT=1");
    for (from, to, count) in
        [("10:00", "12:00", 0), ("09:59", "12:00", 1), ("08:00", "09:00", 0), ("08:00", "09:01", 1)]
    {
        let found = starts_in(&event, &format!("2026-03-02T{from}"), &format!("2026-03-02T{to}"));
        assert_eq!(found.len(), count, "{from} {to}");
    }
    let point = series("2026-03-02T10:00", "2026-03-02T10:00", "FREQ=DAILY;COUNT=1");
    assert_eq!(starts_in(&point, "2026-03-02T09:00", "2026-03-02T10:00").len(), 1);
    assert_eq!(starts_in(&point, "2026-03-02T08:00", "2026-03-02T09:00").len(), 0);
}

#[test]
fn whole_days_follow_the_day_zone() {
    let mut event = series("2026-03-28T00:00", "2026-03-28T00:00", "FREQ=DAILY;COUNT=2");
    event.when = EventTime::AllDay { start: date(2026, 3, 28), end: date(2026, 3, 29) };
    let range = TimeRange::new(utc("2026-03-01T00:00"), utc("2026-04-01T00:00"));
    let found = occurrences(&event, range, &oslo(), &BUDGET).unwrap();
    assert_eq!(found[1].when, EventTime::AllDay { start: date(2026, 3, 29), end: date(2026, 3, 30) });
    assert_eq!(found[1].end.ms() - found[1].start.ms(), 23 * 3_600_000, "the day of the change has 23 hours");
}

#[test]
fn a_query_far_from_dtstart_needs_no_more_candidates_than_one_near_it() {
    for (text, candidates) in [
        ("FREQ=DAILY", 60),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", 60),
        ("FREQ=DAILY;COUNT=65000", 60),
        ("FREQ=HOURLY;BYHOUR=9", 500),
    ] {
        let event = series("1990-01-01T09:00", "1990-01-01T10:00", text);
        let range = TimeRange::new(utc("2099-06-01T00:00"), utc("2099-06-15T00:00"));
        let found = occurrences(&event, range, &oslo(), &Budget { candidates, instances: 20 });
        assert!(found.is_ok_and(|found| found.len() >= 2), "{text}");
    }
}

#[test]
fn a_counted_rule_ends_at_the_same_instance_by_arithmetic_and_by_walking() {
    for text in
        ["FREQ=DAILY;COUNT=1000", "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=1001", "FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=301"]
    {
        let event = series("1999-12-15T09:00", "1999-12-15T10:00", text);
        let found = occurrences(&event, TimeRange::ALL, &oslo(), &BUDGET).unwrap();
        let last = found.last().unwrap();
        assert_eq!(span(&event, &oslo(), &BUDGET), (found[0].start, Some(last.end)), "{text}");
        let tail = occurrences(&event, TimeRange::new(last.start, Timestamp::MAX), &oslo(), &BUDGET).unwrap();
        assert_eq!(tail.len(), 1, "{text}");
    }
}

#[test]
fn rules_that_never_match_or_never_end_stop_at_the_budget() {
    for text in ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"] {
        let event = series("2026-03-02T09:00", "2026-03-02T10:00", text);
        match occurrences(&event, TimeRange::ALL, &oslo(), &BUDGET) {
            Ok(found) => assert_eq!(found.len(), 1),
            Err(error) => assert_eq!(error, RecurError::Candidates(200_000)),
        }
    }
    let event = series("2026-03-02T09:00", "2026-03-02T10:00", "FREQ=DAILY");
    assert_eq!(occurrences(&event, TimeRange::ALL, &oslo(), &BUDGET), Err(RecurError::Instances(20_000)));
    assert_eq!(span(&event, &oslo(), &BUDGET).1, None);
}

#[test]
fn parts_that_the_rrule_crate_reads_otherwise_follow_the_rfc() {
    let first_three = |start: &str, text: &str| {
        let rule = series(start, start, text).recurrence.unwrap().rule.unwrap();
        let found = rule_starts(&rule, wall(start), (wall(start), wall("2050-01-01T00:00")), &BUDGET).unwrap();
        found.iter().take(3).map(|at| at.date().to_string()).collect::<Vec<_>>()
    };
    let fifth_last = first_three("2026-03-02T09:00", "FREQ=MONTHLY;BYDAY=-5MO");
    assert_eq!(fifth_last, ["2026-03-02", "2026-06-01", "2026-08-03"]);
    let week = first_three("2026-05-11T09:00", "FREQ=YEARLY;BYWEEKNO=20");
    assert_eq!(week, ["2026-05-11", "2027-05-17", "2028-05-15"]);
    let partial = first_three("2026-03-04T09:00", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1");
    assert_eq!(partial, ["2026-03-06", "2026-03-13", "2026-03-20"]);
    let mixed = first_three("2026-03-02T09:00", "FREQ=MONTHLY;BYDAY=1MO,FR");
    assert_eq!(mixed, ["2026-03-02", "2026-03-06", "2026-03-13"]);
}

#[test]
fn an_emptied_series_has_no_instance() {
    let mut event = series("2026-03-02T09:00", "2026-03-02T10:00", "FREQ=DAILY;COUNT=2");
    let dates = [wall("2026-03-02T09:00"), wall("2026-03-03T09:00")];
    event.recurrence.as_mut().unwrap().exdates.insert(dates[0]);
    assert!(has_instance(&event, &BUDGET));
    event.recurrence.as_mut().unwrap().exdates.insert(dates[1]);
    assert!(!has_instance(&event, &BUDGET));
    assert!(is_on_rule(&event, RecurrenceId(dates[1]), &BUDGET));
    assert!(!is_on_rule(&event, RecurrenceId(wall("2026-03-04T09:00")), &BUDGET));
}

#[test]
fn cancelled_and_transparent_instances_leave_the_room_free() {
    let mut event = series("2026-03-02T09:00", "2026-03-02T10:00", "FREQ=DAILY;COUNT=3");
    let mut cancelled = override_at("2026-03-03T09:00", "2026-03-03T10:00");
    cancelled.content.status = EventStatus::Cancelled;
    event.overrides.insert(RecurrenceId(wall("2026-03-03T09:00")), cancelled);
    let range = TimeRange::new(utc("2026-03-01T00:00"), utc("2026-03-04T08:30"));
    let busy = busy_periods([&event], range, &oslo(), &BUDGET).unwrap();
    let shown: Vec<String> = busy.iter().map(|period| format!("{}/{}", period.start, period.end)).collect();
    assert_eq!(shown, ["2026-03-02T08:00:00Z/2026-03-02T09:00:00Z", "2026-03-04T08:00:00Z/2026-03-04T08:30:00Z"]);
    event.content.busy = false;
    event.overrides.clear();
    assert_eq!(busy_periods([&event], range, &oslo(), &BUDGET), Ok(Vec::new()));
}

#[test]
fn an_hourly_series_has_no_instance_twice_in_the_spring_gap() {
    let event = series("2026-03-29T01:00", "2026-03-29T01:30", "FREQ=HOURLY;COUNT=4");
    assert_eq!(all(&event), ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
}

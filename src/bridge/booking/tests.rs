//! Rows of booking systems as events, and events as reservations: tables, and what must hold for every event.

use super::generic;
use super::portico_rows;
use super::{dated, local};
use crate::bridge::{Part, Projection, RemoteCalendar, RemoteItem};
use crate::model::{Content, Event, EventStatus, EventTime, Frequency, Override, Person, Recurrence, RecurrenceId};
use crate::model::{ReservationClass, Rule, RuleEnd, TimeRange, Uid, ZoneId};
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn room() -> RemoteCalendar {
    let zone = ZoneId::parse("Europe/Oslo").unwrap();
    RemoteCalendar { id: "103".to_owned(), name: "Fjord".to_owned(), zone }
}

fn window() -> TimeRange {
    let at = |month| room().zone.instant(date(2027, month, 1).at(0, 0, 0, 0));
    TimeRange::new(at(3), at(6))
}

fn event(start: DateTime, end: DateTime) -> Event {
    Event {
        uid: Uid("u".to_owned()),
        class: ReservationClass::Event,
        when: EventTime::Timed { start, end, zone: room().zone },
        content: Content { summary: "Choir".to_owned(), busy: true, ..Content::default() },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

/// An item as the tables write it.
fn told(item: &RemoteItem) -> Value {
    let (start, end) = match &item.event.when {
        EventTime::AllDay { start, end } => (start.to_string(), end.to_string()),
        EventTime::Timed { start, end, .. } => (start.to_string(), end.to_string()),
    };
    let content = &item.event.content;
    let mut out = json!({"id": item.id, "start": start, "end": end, "summary": content.summary});
    if let Some(who) = &content.organizer {
        out["who"] = json!(who.email);
    }
    if !content.description.is_empty() {
        out["description"] = json!(content.description);
    }
    if let Some(zone) = item.event.when.zone().filter(|zone| **zone != room().zone) {
        out["zone"] = json!(zone);
    }
    if let Some(why) = &item.locked {
        out["locked"] = json!(why);
    }
    out
}

fn table(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn rows_of_portico_become_items() {
    for case in table(include_str!("../../../fixtures/booking/portico_rows.json")) {
        let row: portico_rows::Row = serde_json::from_value(case["row"].clone()).unwrap();
        let items = row.items(&room().zone);
        if let Some(error) = case["error"].as_str() {
            assert_eq!(items, Err(error.to_owned()), "{}", case["name"]);
            continue;
        }
        let full = |item: &RemoteItem| {
            let mut out = told(item);
            out["uid"] = json!(item.event.uid);
            out["class"] = json!(item.event.class);
            out
        };
        let items: Vec<Value> = items.unwrap().iter().map(full).collect();
        assert_eq!(json!(items), case["items"], "{}", case["name"]);
    }
}

#[test]
fn rows_of_the_generic_contract_become_items() {
    for case in table(include_str!("../../../fixtures/booking/generic_rows.json")) {
        let row: generic::Row = serde_json::from_value(case["row"].clone()).unwrap();
        match (row.item(&room()), case["error"].as_str()) {
            (item, Some(error)) => assert_eq!(item, Err(error.to_owned()), "{}", case["name"]),
            (item, None) => {
                let full = |item: RemoteItem| {
                    let mut out = told(&item);
                    assert_eq!(item.event.uid.as_str(), format!("booking-{}", item.id));
                    if let Some(key) = &item.key {
                        out["key"] = json!(key);
                    }
                    if let Some(version) = &item.version {
                        out["version"] = json!(version);
                    }
                    out
                };
                assert_eq!(json!(item.unwrap().map(full)), case["item"], "{}", case["name"]);
            }
        }
    }
}

#[test]
fn what_is_sent_to_portico_is_wall_clock_time_without_offset_and_within_its_lengths() {
    let mut long = event(date(2027, 3, 2).at(18, 0, 0, 0), date(2027, 3, 2).at(20, 0, 0, 0));
    long.content.summary = "é".repeat(300);
    long.content.organizer = Some(Person { name: "N".repeat(60), email: format!("{}@example.org", "a".repeat(50)) });
    let body = portico_rows::body(&portico_rows::comparable(&room().zone, &long));
    assert_eq!((&body["from_"], &body["to_"]), (&json!("2027-03-02 18:00:00"), &json!("2027-03-02 20:00:00")));
    assert_eq!(body["title"].as_str().unwrap().chars().count(), 255);
    assert_eq!(body["contact_name"].as_str().unwrap().chars().count(), 50);
    assert_eq!(body["contact_email"], "", "half an address is none");
    let days = EventTime::AllDay { start: date(2027, 3, 27), end: date(2027, 3, 29) };
    let body = portico_rows::body(&Event { when: days, ..long });
    assert_eq!((&body["from_"], &body["to_"]), (&json!("2027-03-27 00:00:00"), &json!("2027-03-28 23:59:00")));
}

#[test]
fn a_wall_clock_time_that_does_not_exist_moves_forward_and_the_first_of_two_is_taken() {
    let utc = |day: jiff::civil::Date, hour, minute| {
        let start = day.at(hour, minute, 0, 0);
        EventTime::Timed { start, end: start.checked_add(jiff::Span::new().hours(1)).unwrap(), zone: ZoneId::utc() }
    };
    let oslo = room().zone;
    // 2027-03-28, 02:00 becomes 03:00; 2027-10-31, 03:00 becomes 02:00.
    for (when, wall) in [
        (utc(date(2027, 3, 28), 0, 30), (1, 30, 3, 30)),
        (utc(date(2027, 3, 28), 1, 30), (3, 30, 4, 30)),
        (utc(date(2027, 10, 31), 0, 30), (2, 30, 2, 30)),
        (utc(date(2027, 10, 31), 1, 30), (2, 30, 3, 30)),
    ] {
        let here = local(&oslo, &when);
        let (start, end) = (here.wall_start(), here.wall_end());
        assert_eq!((start.hour(), start.minute(), end.hour(), end.minute()), wall);
    }
    let gap = event(date(2027, 3, 28).at(2, 30, 0, 0), date(2027, 3, 28).at(4, 0, 0, 0));
    let (start, end) = gap.when.instants(&oslo);
    assert_eq!(
        (start.to_string().as_str(), end.to_string().as_str()),
        ("2027-03-28T01:30:00Z", "2027-03-28T02:00:00Z")
    );
}

fn series() -> Event {
    let mut weekly = event(date(2027, 3, 2).at(18, 0, 0, 0), date(2027, 3, 2).at(20, 0, 0, 0));
    let mut rule = Rule::every(Frequency::Weekly);
    rule.end = RuleEnd::Count(5);
    let exdates = [date(2027, 3, 9).at(18, 0, 0, 0)].into();
    weekly.recurrence = Some(Recurrence { rule: Some(rule), exdates, ..Recurrence::default() });
    let free = Content { busy: false, ..weekly.content.clone() };
    let off = Content { status: EventStatus::Cancelled, ..weekly.content.clone() };
    for (day, content) in [(16, free), (23, off)] {
        let id = RecurrenceId(date(2027, 3, day).at(18, 0, 0, 0));
        let (start, end) = (date(2027, 3, day).at(18, 0, 0, 0), date(2027, 3, day).at(20, 0, 0, 0));
        weekly.overrides.insert(id, Override { when: EventTime::Timed { start, end, zone: room().zone }, content });
    }
    weekly
}

fn projected(event: &Event) -> Projection {
    dated(&room(), event, window(), generic::comparable).unwrap()
}

#[test]
fn a_series_becomes_dated_reservations_without_what_does_not_take_the_room() {
    let parts: Vec<String> = projected(&series()).parts.keys().map(Part::as_text).collect();
    assert_eq!(parts, ["20270302T180000", "20270330T180000"]);
}

#[test]
fn what_does_not_take_the_room_is_not_reserved_and_what_takes_no_time_cannot_be() {
    let mut one = event(date(2027, 3, 2).at(18, 0, 0, 0), date(2027, 3, 2).at(20, 0, 0, 0));
    assert_eq!(projected(&one).parts.len(), 1);
    one.content.busy = false;
    assert_eq!(projected(&one), Projection::default());
    let none = event(date(2027, 3, 2).at(18, 0, 0, 0), date(2027, 3, 2).at(18, 0, 0, 0));
    assert_eq!(dated(&room(), &none, window(), generic::comparable).unwrap_err().part, "DTEND");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn what_was_made_comparable_stays_as_it_is_and_comes_back_from_portico(
        title in "\\PC{0,300}", text in "\\PC{0,60}", day in 0_i32..400, from in 0_i32..1440, length in 1_i32..3000
    ) {
        let start = date(2027, 1, 1).at(0, 0, 0, 0);
        let start = start.checked_add(jiff::Span::new().days(day).minutes(from)).unwrap();
        let mut event = event(start, start.checked_add(jiff::Span::new().minutes(length)).unwrap());
        event.content.summary = title;
        event.content.description = text;
        let zone = room().zone;
        let kept = portico_rows::comparable(&zone, &event);
        prop_assert_eq!(portico_rows::comparable(&zone, &kept), kept.clone());
        let mut row = portico_rows::body(&kept);
        row["id"] = json!(1);
        row["type"] = json!("event");
        let row: portico_rows::Row = serde_json::from_value(row).unwrap();
        let back = row.item(&zone).unwrap().unwrap();
        prop_assert_eq!((back.event.when, back.event.content), (kept.when, kept.content));
        let kept = generic::comparable(&room(), &event);
        prop_assert_eq!(kept.when.instants(&zone), event.when.instants(&zone));
        prop_assert_eq!(generic::comparable(&room(), &kept), kept);
    }
}

//! Graph events as bookings, and bookings in the form Graph can hold: tables, and what must hold for every event.

use super::project::{project, whole};
use super::translate::{comparable, members, read_item};
use super::wire::GraphEvent;
use crate::bridge::{Part, RemoteCalendar, RemoteItem};
use crate::model::{Content, Event, EventStatus, EventTime, Frequency, Override, Recurrence, RecurrenceId};
use crate::model::{ReservationClass, Rule, RuleEnd, TimeRange, Uid, Weekday, WeekdayNum, ZoneId};
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn oslo() -> ZoneId {
    ZoneId::parse("Europe/Oslo").unwrap()
}

fn room() -> RemoteCalendar {
    RemoteCalendar { id: "fjord@fjordby.example".to_owned(), name: "Fjord".to_owned(), zone: oslo() }
}

fn window() -> TimeRange {
    let at = |month| oslo().instant(date(2027, month, 1).at(0, 0, 0, 0));
    TimeRange::new(at(3), at(6))
}

fn told(item: &RemoteItem) -> Value {
    let (start, end) = match &item.event.when {
        EventTime::AllDay { start, end } => (start.to_string(), end.to_string()),
        EventTime::Timed { start, end, .. } => (start.to_string(), end.to_string()),
    };
    let content = &item.event.content;
    let mut out = json!({"id": item.id, "uid": item.event.uid, "start": start, "end": end, "summary": content.summary,
        "description": content.description, "location": content.location, "status": content.status,
        "busy": content.busy, "privacy": content.privacy});
    let attendees: Vec<&str> = content.attendees.iter().map(|one| one.email.as_str()).collect();
    let rest = [
        ("zone", item.event.when.zone().map(|zone| json!(zone))),
        ("key", item.key.as_ref().map(|key| json!(key))),
        ("who", content.organizer.as_ref().map(|who| json!(who.email))),
        ("attendees", (!attendees.is_empty()).then(|| json!(attendees))),
        ("locked", item.locked.as_ref().map(|why| json!(why))),
        ("assumed", item.assumed.as_ref().map(|what| json!(what))),
    ];
    for (name, value) in rest {
        if let Some(value) = value {
            out[name] = value;
        }
    }
    out
}

#[test]
fn items_of_graph_become_bookings() {
    let table: Vec<Value> = serde_json::from_str(include_str!("../../../fixtures/graph/items.json")).unwrap();
    for case in table {
        let row: GraphEvent = serde_json::from_value(case["row"].clone()).unwrap();
        match (read_item(&room(), &row), case["error"].as_str()) {
            (item, Some(error)) => assert_eq!(item, Err(error.to_owned()), "{}", case["name"]),
            (item, None) => assert_eq!(json!(item.unwrap().as_ref().map(told)), case["item"], "{}", case["name"]),
        }
    }
}

fn timed(start: DateTime, minutes: i64, zone: &ZoneId) -> EventTime {
    let end = start.checked_add(jiff::Span::new().minutes(minutes)).unwrap();
    EventTime::Timed { start, end, zone: zone.clone() }
}

fn event(when: EventTime) -> Event {
    Event {
        uid: Uid("u".to_owned()),
        class: ReservationClass::Event,
        when,
        content: Content { summary: "Choir".to_owned(), busy: true, ..Content::default() },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

fn tuesdays(zone: &ZoneId) -> Event {
    let mut event = event(timed(date(2027, 3, 2).at(18, 0, 0, 0), 120, zone));
    let mut rule = Rule::every(Frequency::Weekly);
    rule.by_day = vec![WeekdayNum { ordinal: None, day: Weekday::Tuesday }];
    rule.end = RuleEnd::Count(6);
    event.recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
    event
}

/// The parts of a projection, as stored.
fn parts(event: &Event) -> Vec<String> {
    project(&room(), event, window()).unwrap().parts.keys().map(Part::as_text).collect()
}

fn id(day: i8) -> RecurrenceId {
    RecurrenceId(date(2027, 3, day).at(18, 0, 0, 0))
}

#[test]
fn a_series_is_one_item_where_graph_can_hold_it_and_dated_items_where_not() {
    assert_eq!(parts(&tuesdays(&oslo())), [""]);
    let dates = |days: &[(i8, i8)]| -> Vec<String> {
        days.iter().map(|(month, day)| format!("2027{month:02}{day:02}T180000")).collect()
    };
    let six = dates(&[(3, 2), (3, 9), (3, 16), (3, 23), (3, 30), (4, 6)]);
    let mut odd = tuesdays(&oslo());
    odd.when = timed(date(2027, 3, 2).at(18, 0, 30, 0), 120, &oslo());
    assert_eq!(parts(&odd).len(), 6, "Exchange keeps whole minutes");
    let mut only_dates = tuesdays(&oslo());
    let set = only_dates.recurrence.as_mut().unwrap();
    set.rule = None;
    set.rdates = [2, 9].map(|day| id(day).0).into();
    assert_eq!(parts(&only_dates), six[..2]);
    let mut twice = tuesdays(&oslo());
    let rule = twice.recurrence.as_mut().unwrap().rule.as_mut().unwrap();
    rule.freq = Frequency::Monthly;
    rule.by_day = vec![1, 3].into_iter().map(|nth| WeekdayNum { ordinal: Some(nth), day: Weekday::Tuesday }).collect();
    assert_eq!(parts(&twice).len(), 6, "two ordinals have no Graph form");
}

#[test]
fn what_a_series_of_graph_cannot_hold_stands_beside_it() {
    let series = tuesdays(&oslo());
    let content = series.content.clone();
    let moved = |start: DateTime| Override { when: timed(start, 60, &oslo()), content: content.clone() };
    let days = Override {
        when: EventTime::AllDay { start: date(2027, 3, 9), end: date(2027, 3, 10) },
        content: content.clone(),
    };
    let off = Override { content: Content { status: EventStatus::Cancelled, ..content.clone() }, ..moved(id(9).0) };
    let same = Override { when: timed(id(9).0, 120, &oslo()), content: content.clone() };
    for (what, changed, want, removed) in [
        ("between its neighbours", moved(date(2027, 3, 11).at(9, 0, 0, 0)), vec![""], false),
        ("on the day of a neighbour", moved(date(2027, 3, 16).at(9, 0, 0, 0)), vec!["", "20270309T180000"], true),
        ("days for times", days, vec!["", "20270309T180000"], true),
        ("cancelled", off, vec![""], true),
        ("as the series anyway", same, vec![""], false),
    ] {
        let mut event = series.clone();
        event.overrides.insert(id(9), changed);
        assert_eq!(parts(&event), want, "{what}");
        let master = project(&room(), &event, window()).unwrap().parts.remove(&Part::Whole).unwrap();
        let exdates = master.recurrence.unwrap().exdates;
        assert_eq!(exdates.contains(&id(9).0), removed, "{what}");
    }
}

#[test]
fn an_added_date_stands_beside_the_series_and_a_removed_one_that_is_no_date_is_forgotten() {
    let mut event = tuesdays(&oslo());
    let set = event.recurrence.as_mut().unwrap();
    set.rdates = [id(4).0, id(9).0].into();
    set.exdates = [id(16).0, id(17).0].into();
    assert_eq!(parts(&event), ["", "20270304T180000"], "9 March is a date of the rule already");
    let master = project(&room(), &event, window()).unwrap().parts.remove(&Part::Whole).unwrap();
    assert_eq!(master.recurrence.unwrap().exdates, [id(16).0].into());
}

#[test]
fn under_strict_a_series_without_a_graph_form_is_refused_by_the_part_that_stands_in_the_way() {
    let refused = |edit: &dyn Fn(&mut Event)| {
        let mut event = tuesdays(&oslo());
        edit(&mut event);
        whole(&room(), &event).map(|projection| projection.parts.len()).map_err(|why| why.part)
    };
    let rule = |event: &mut Event| event.recurrence.as_mut().unwrap().rule.take().unwrap();
    assert_eq!(refused(&|_| {}), Ok(1));
    let short = |event: &mut Event| {
        let rule = Rule { freq: Frequency::Monthly, by_day: Vec::new(), by_month_day: vec![31], ..rule(event) };
        event.recurrence.as_mut().unwrap().rule = Some(rule);
    };
    assert_eq!(refused(&short), Err("BYMONTHDAY".to_owned()));
    assert_eq!(refused(&|event| drop(rule(event))), Err("RRULE".to_owned()));
    let custom = |event: &mut Event| {
        let zone = ZoneId::custom("<+0537>-5:37").unwrap();
        event.when = timed(date(2027, 3, 2).at(18, 0, 0, 0), 120, &zone);
    };
    assert_eq!(refused(&custom), Err("DTSTART".to_owned()));
    assert_eq!(refused(&later_from_16_march), Err("RECURRENCE-ID".to_owned()));
}

/// This and all later instances begin an hour later.
fn later_from_16_march(event: &mut Event) {
    let changed =
        Override { when: timed(date(2027, 3, 16).at(19, 0, 0, 0), 90, &oslo()), content: event.content.clone() };
    event.recurrence.as_mut().unwrap().changes.insert(id(16), changed);
}

#[test]
fn a_change_of_this_and_future_becomes_dated_items_at_their_new_times() {
    let mut event = tuesdays(&oslo());
    later_from_16_march(&mut event);
    let projection = project(&room(), &event, window()).unwrap();
    let starts: Vec<String> =
        projection.parts.values().map(|part| part.when.wall_start().strftime("%m-%d %H").to_string()).collect();
    assert_eq!(starts, ["03-02 18", "03-09 18", "03-16 19", "03-23 19", "03-30 19", "04-06 19"]);
    assert!(projection.parts.values().all(|part| part.recurrence.is_none()));
}

#[test]
fn zones_come_back_as_graph_keeps_them() {
    let zone = |name: &str| ZoneId::parse(name).unwrap();
    for (given, kept) in [
        ("Europe/Oslo", "Europe/Oslo"),
        ("Europe/Berlin", "Europe/Oslo"),
        ("UTC", "UTC"),
        ("America/New_York", "America/New_York"),
        ("America/Toronto", "America/New_York"),
    ] {
        let event = event(timed(date(2027, 3, 2).at(18, 0, 0, 0), 60, &zone(given)));
        let kept_as = comparable(&room(), &event);
        assert_eq!(kept_as.when.zone().unwrap().as_str(), kept, "{given}");
        assert_eq!(kept_as.when.instants(&oslo()), event.when.instants(&oslo()), "{given}");
    }
}

#[test]
fn content_is_kept_within_the_lengths_of_graph_and_without_people() {
    let mut long = event(timed(date(2027, 3, 2).at(18, 0, 0, 0), 60, &oslo()));
    long.content.summary = format!("{}\n{}", "é".repeat(200), "x".repeat(200));
    long.content.organizer = Some(crate::model::Person { name: "Kari".to_owned(), email: "k@x".to_owned() });
    let kept = comparable(&room(), &long).content;
    assert_eq!((kept.summary.chars().count(), kept.organizer), (255, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn what_is_written_to_graph_reads_back_as_the_same_booking(
        title in "\\PC{0,300}", text in "\\PC{0,60}", day in 0_i32..400, from in 0_i32..1440, length in 1_i64..3000,
        busy: bool, tentative: bool, days: bool,
    ) {
        let start = date(2027, 1, 1).at(0, 0, 0, 0);
        let start = start.checked_add(jiff::Span::new().days(day).minutes(from)).unwrap();
        let mut event = event(timed(start, length, &oslo()));
        if days {
            event.when = EventTime::AllDay { start: start.date(), end: start.date().tomorrow().unwrap() };
        }
        event.content = Content { summary: title, description: text, busy, ..event.content };
        if tentative {
            event.content.status = EventStatus::Tentative;
        }
        // Times that do not exist or exist twice are Exchange's to settle.
        let plain = |wall: DateTime| oslo().rules().to_ambiguous_zoned(wall).is_ambiguous();
        prop_assume!(days || !(plain(event.when.wall_start()) || plain(event.when.wall_end())));
        let kept = comparable(&room(), &event);
        prop_assert_eq!(comparable(&room(), &kept), kept.clone());
        let mut row = Value::Object(members(&room(), &kept.when, &kept.content));
        row["id"] = json!("A");
        row["originalStartTimeZone"] = row["start"]["timeZone"].clone();
        let back = read_item(&room(), &serde_json::from_value(row).unwrap()).unwrap().unwrap();
        prop_assert_eq!((back.event.when, back.event.content), (kept.when, kept.content));
    }
}

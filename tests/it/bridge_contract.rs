//! What every bridge promises, each promise once, held against memory and the three sandboxes over real HTTP.

use super::bridge_faults::control;
use anteroom::bridge::memory::{Fault, MemoryBridge};
use anteroom::bridge::{Bridge, BridgeConfig, BridgeError, IdempotencyKey, Known, Part, Probe, Reading};
use anteroom::bridge::{RemoteCalendar, RemoteItem, build};
use anteroom::config::Limits;
use anteroom::model::{
    BridgeKind, Content, Event, EventStatus, EventTime, Frequency, Override, Recurrence, RecurrenceId,
};
use anteroom::model::{ReservationClass, Rule, RuleEnd, SystemClock, TimeRange, Uid, Weekday, WeekdayNum, ZoneId};
use anteroom::sandbox::{Sandbox, SandboxOptions};
use jiff::civil::{DateTime, date};
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn oslo() -> ZoneId {
    ZoneId::parse("Europe/Oslo").unwrap()
}

pub fn window() -> TimeRange {
    let at = |month, day| oslo().instant(date(2027, month, day).at(0, 0, 0, 0));
    TimeRange::new(at(3, 1), at(6, 1))
}

pub fn timed(start: DateTime, end: DateTime) -> EventTime {
    EventTime::Timed { start, end, zone: oslo() }
}

pub fn event(uid: &str, summary: &str) -> Event {
    Event {
        uid: Uid(uid.to_owned()),
        class: ReservationClass::Event,
        when: timed(date(2027, 3, 2).at(18, 0, 0, 0), date(2027, 3, 2).at(20, 0, 0, 0)),
        content: Content {
            summary: summary.to_owned(),
            description: "Bring notes\nand water <cold> & warm".to_owned(),
            busy: true,
            ..Content::default()
        },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

fn weekly() -> Event {
    let mut rule = Rule::every(Frequency::Weekly);
    rule.by_day = vec![WeekdayNum { ordinal: None, day: Weekday::Tuesday }];
    rule.end = RuleEnd::Count(6);
    let mut event = event("series-1@test", "Choir");
    event.recurrence = Some(Recurrence {
        rule: Some(rule),
        exdates: [date(2027, 3, 16).at(18, 0, 0, 0)].into(),
        ..Recurrence::default()
    });
    let moved = timed(date(2027, 3, 24).at(19, 0, 0, 0), date(2027, 3, 24).at(21, 0, 0, 0));
    let content = Content { summary: "Choir, moved".to_owned(), ..event.content.clone() };
    event.overrides.insert(RecurrenceId(date(2027, 3, 23).at(18, 0, 0, 0)), Override { when: moved, content });
    event
}

pub async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxOptions { town_hall: false, ..SandboxOptions::default() }).await.unwrap()
}

pub fn made(config: &serde_json::Value) -> Arc<dyn Bridge> {
    let config: BridgeConfig = serde_json::from_value(config.clone()).unwrap();
    build(&config, Arc::new(SystemClock), &Limits::default()).unwrap()
}

pub fn graph(sandbox: &Sandbox) -> Arc<dyn Bridge> {
    let hall = anteroom::sandbox::seed::town_hall();
    made(&serde_json::json!({
        "kind": "graph", "base_url": sandbox.graph_url(), "login_url": sandbox.login_url(), "tenant": hall.tenant_id,
        "client_id": hall.client_id, "client_secret": hall.client_secret, "zone": "Europe/Oslo",
    }))
}

pub fn generic(sandbox: &Sandbox) -> Arc<dyn Bridge> {
    let hall = anteroom::sandbox::seed::town_hall();
    made(&serde_json::json!({
        "kind": "booking_generic", "base_url": sandbox.booking_generic_url(), "api_key": hall.generic_api_key,
    }))
}

pub fn portico(sandbox: &Sandbox) -> Arc<dyn Bridge> {
    let hall = anteroom::sandbox::seed::town_hall();
    made(&serde_json::json!({
        "kind": "booking_portico", "base_url": sandbox.booking_portico_url(), "login": hall.portico_login,
        "password": hall.portico_password, "logindomain": hall.portico_domain,
    }))
}

pub fn room(id: &str, name: &str) -> RemoteCalendar {
    RemoteCalendar { id: id.to_owned(), name: name.to_owned(), zone: oslo() }
}

pub fn known(item: &RemoteItem) -> Known {
    Known { id: item.id.clone(), version: item.version.clone() }
}

/// What is compared: time, content and series. The UID of a system without marker is its own.
pub fn body(bridge: &dyn Bridge, at: &RemoteCalendar, event: &Event) -> Event {
    Event { uid: Uid(String::new()), ..bridge.comparable(at, event) }
}

async fn keeps_the_contract(bridge: &dyn Bridge, at: &RemoteCalendar, keyed: bool) {
    assert!(bridge.calendars().await.unwrap().iter().any(|calendar| calendar.id == at.id));
    let empty = bridge.read_all(at, window()).await.unwrap();
    assert_eq!(empty.items(), []);
    let cursor = empty.cursor().unwrap().clone();

    let first = event("single-1@test", "Board meeting");
    let parts = bridge.project(at, &first, window()).unwrap().parts;
    let want = parts.get(&Part::Whole).unwrap().clone();
    assert_eq!(
        body(bridge, at, &want),
        Event { uid: Uid(String::new()), ..want.clone() },
        "a projection is comparable"
    );
    let key = IdempotencyKey("key-1".to_owned());
    assert_eq!(bridge.probe(at, &want, &key).await.unwrap(), Probe::NotFound);
    let item = bridge.create(at, &want, &key).await.unwrap();
    assert_eq!(body(bridge, at, &item.event), body(bridge, at, &want), "what was written comes back");
    match bridge.create(at, &want, &key).await {
        Ok(again) => assert_eq!(again.id, item.id, "the same key makes no second item"),
        Err(BridgeError::Unknown(_)) if !keyed => {}
        other => panic!("{other:?}"),
    }
    let Probe::Found(found) = bridge.probe(at, &want, &key).await.unwrap() else { panic!("the create can be probed") };
    assert_eq!(found.id, item.id);

    let seen = match bridge.read_changes(at, &cursor).await.unwrap() {
        Reading::Delta(delta) => delta.items,
        Reading::Complete(complete) => complete.items().to_vec(),
    };
    assert_eq!(seen.len(), 1);
    assert_eq!(body(bridge, at, &seen[0].event), body(bridge, at, &want), "what is read is what was written");

    let mut second = want.clone();
    second.content.summary = "Board meeting, long".to_owned();
    second.when = timed(date(2027, 3, 2).at(18, 0, 0, 0), date(2027, 3, 2).at(21, 0, 0, 0));
    let mut stranger = want.clone();
    stranger.content.summary = "Never agreed".to_owned();
    let stale = bridge.update(at, &known(&item), &stranger, &second).await;
    assert_eq!(stale, Err(BridgeError::Stale), "another base is somebody else's edit");
    let item = bridge.update(at, &known(&item), &want, &second).await.unwrap();
    assert_eq!(body(bridge, at, &item.event), body(bridge, at, &second));
    let again = bridge.update(at, &known(&item), &want, &second).await.unwrap();
    assert_eq!(again.event, item.event, "an update may be repeated");

    bridge.delete(at, &known(&item)).await.unwrap();
    bridge.delete(at, &known(&item)).await.unwrap();
    assert_eq!(bridge.fetch(at, &item.id).await.unwrap(), None);
    assert_eq!(bridge.read_all(at, window()).await.unwrap().items(), []);
    let nowhere = room("999-nowhere", "Nowhere");
    let is_told = bridge.read_all(&nowhere, window()).await.is_err();
    assert!(is_told || bridge.kind() == BridgeKind::Memory, "no calendar is no empty calendar");
    let mut off = want;
    off.content.status = EventStatus::Cancelled;
    assert!(bridge.project(at, &off, window()).unwrap().parts.is_empty());
}

#[actix_web::test]
async fn memory_keeps_the_contract() {
    let at = room("m", "M");
    let memory = MemoryBridge::with_calendar(&at.id);
    keeps_the_contract(&memory, &at, true).await;
}

#[actix_web::test]
async fn memory_loses_an_answer_after_the_effect() {
    let at = room("m", "M");
    let memory = MemoryBridge::with_calendar(&at.id);
    memory.fail_next([Fault::LostAnswer]);
    let key = IdempotencyKey("k".to_owned());
    let lost = memory.create(&at, &event("a", "A"), &key).await;
    assert!(matches!(lost, Err(BridgeError::Unknown(_))));
    assert!(matches!(memory.probe(&at, &event("a", "A"), &key).await, Ok(Probe::Found(_))));
}

#[actix_web::test]
async fn graph_keeps_the_contract() {
    let sandbox = sandbox().await;
    keeps_the_contract(&*graph(&sandbox), &room("moterom-fjord@fjordby.example", "Møterom Fjord"), true).await;
}

#[actix_web::test]
async fn the_generic_booking_system_keeps_the_contract() {
    let sandbox = sandbox().await;
    keeps_the_contract(&*generic(&sandbox), &room("fjell", "Møterom Fjell"), true).await;
}

#[actix_web::test]
async fn portico_keeps_the_contract() {
    let sandbox = sandbox().await;
    keeps_the_contract(&*portico(&sandbox), &room("103", "Møterom Fjord"), false).await;
}

#[actix_web::test]
async fn graph_holds_a_series_with_its_exceptions_and_brings_it_from_one_state_to_another() {
    let sandbox = sandbox().await;
    let bridge = graph(&sandbox);
    let at = room("moterom-fjord@fjordby.example", "Møterom Fjord");
    let parts = bridge.project(&at, &weekly(), window()).unwrap().parts;
    assert_eq!(parts.len(), 1);
    let want = parts[&Part::Whole].clone();
    let item = bridge.create(&at, &want, &IdempotencyKey("s-1".to_owned())).await.unwrap();
    assert_eq!(item.event, want);
    let all = bridge.read_all(&at, window()).await.unwrap();
    assert_eq!(all.items().len(), 1);
    assert_eq!(all.items()[0].event, want, "the whole series is one item, its UID by the marker");

    let mut next = want.clone();
    next.content.summary = "Choir of the town".to_owned();
    next.overrides.clear();
    next.recurrence.as_mut().unwrap().exdates = [date(2027, 3, 30).at(18, 0, 0, 0)].into();
    let item = bridge.update(&at, &known(&item), &want, &next).await.unwrap();
    assert_eq!(item.event, next, "a removed date comes back, an override goes, another date is removed");
}

/// Creates an event's one part in the sandbox, brings it to other states one after the other, and finds it so each time.
async fn becomes(key: &str, first: &Event, states: &[Event]) {
    let sandbox = sandbox().await;
    let bridge = graph(&sandbox);
    let at = room("moterom-fjord@fjordby.example", "Møterom Fjord");
    let part = |event: &Event| {
        let parts = bridge.project(&at, event, window()).unwrap().parts;
        assert_eq!(parts.len(), 1, "{parts:?}");
        parts[&Part::Whole].clone()
    };
    let mut have = part(first);
    let mut item = bridge.create(&at, &have, &IdempotencyKey(key.to_owned())).await.unwrap();
    assert_eq!(item.event, have);
    let id = item.id.clone();
    for state in states {
        let want = part(state);
        item = bridge.update(&at, &known(&item), &have, &want).await.unwrap();
        assert_eq!(item.event, want);
        assert_eq!(item.id, id, "changed in place");
        have = want;
    }
    assert_eq!(bridge.read_all(&at, window()).await.unwrap().items().len(), 1);
}

#[actix_web::test]
async fn graph_loses_exceptions_when_the_pattern_changes_and_gets_them_again() {
    let first = weekly();
    let mut longer = first.clone();
    longer.recurrence.as_mut().unwrap().rule.as_mut().unwrap().end = RuleEnd::Count(8);
    let mut earlier = first.clone();
    earlier.when = timed(date(2027, 3, 2).at(17, 0, 0, 0), date(2027, 3, 2).at(19, 0, 0, 0));
    earlier.recurrence.as_mut().unwrap().exdates = [date(2027, 3, 16).at(17, 0, 0, 0)].into();
    let moved = earlier.overrides.pop_first().unwrap().1;
    earlier.overrides.insert(RecurrenceId(date(2027, 3, 23).at(17, 0, 0, 0)), moved);
    let mut sparser = earlier.clone();
    let rule = sparser.recurrence.as_mut().unwrap().rule.as_mut().unwrap();
    (rule.freq, rule.by_day[0].ordinal, rule.end) = (Frequency::Monthly, Some(1), RuleEnd::Count(3));
    sparser.recurrence.as_mut().unwrap().exdates = [date(2027, 4, 6).at(17, 0, 0, 0)].into();
    sparser.overrides.clear();
    becomes("pattern", &first, &[longer, earlier, sparser, first.clone()]).await;
}

#[actix_web::test]
async fn graph_turns_a_single_event_into_a_series_and_back_in_its_place() {
    let series = weekly();
    let single = Event { recurrence: None, overrides: BTreeMap::new(), ..series.clone() };
    becomes("single", &single, &[series, single.clone()]).await;
}

#[actix_web::test]
async fn graph_cuts_a_series_short_for_this_and_future_and_keeps_its_exceptions() {
    let first = weekly();
    let mut short = first.clone();
    short.recurrence.as_mut().unwrap().rule.as_mut().unwrap().end = RuleEnd::Until(date(2027, 3, 23).at(18, 0, 0, 0));
    becomes("short", &first, &[short]).await;
}

#[actix_web::test]
async fn graph_moves_neighbouring_exceptions_without_one_meeting_the_other_on_its_way() {
    let on = |first: i8, second: i8| {
        let mut event = weekly();
        event.overrides.clear();
        for (id, day) in [(9, first), (23, second)] {
            let when = timed(date(2027, 3, day).at(18, 0, 0, 0), date(2027, 3, day).at(20, 0, 0, 0));
            let changed = Override { when, content: event.content.clone() };
            event.overrides.insert(RecurrenceId(date(2027, 3, id).at(18, 0, 0, 0)), changed);
        }
        event
    };
    // The 16th is removed, so that the two instances are neighbours.
    becomes("order", &on(10, 17), &[on(12, 19), on(3, 17), on(15, 24), on(8, 17)]).await;
}

#[actix_web::test]
async fn graph_holds_a_series_of_whole_days_with_a_moved_and_a_removed_one() {
    let mut event = weekly();
    let days = |first: i8| EventTime::AllDay { start: date(2027, 3, first), end: date(2027, 3, first + 1) };
    event.when = days(2);
    event.recurrence.as_mut().unwrap().exdates = [date(2027, 3, 16).at(0, 0, 0, 0)].into();
    let content = Content { summary: "Choir, moved".to_owned(), ..event.content.clone() };
    event.overrides.clear();
    event.overrides.insert(RecurrenceId(date(2027, 3, 23).at(0, 0, 0, 0)), Override { when: days(25), content });
    let mut timed_again = weekly();
    timed_again.overrides.clear();
    becomes("days", &event, &[timed_again, event.clone()]).await;
}

#[actix_web::test]
async fn graph_gets_overrides_that_cross_a_neighbour_as_items_of_their_own() {
    let sandbox = sandbox().await;
    let bridge = graph(&sandbox);
    let at = room("moterom-fjord@fjordby.example", "Møterom Fjord");
    let mut event = weekly();
    let id = RecurrenceId(date(2027, 3, 23).at(18, 0, 0, 0));
    event.overrides.get_mut(&id).unwrap().when =
        timed(date(2027, 3, 30).at(12, 0, 0, 0), date(2027, 3, 30).at(13, 0, 0, 0));
    let parts = bridge.project(&at, &event, window()).unwrap().parts;
    assert_eq!(parts.keys().cloned().collect::<Vec<_>>(), [Part::Whole, Part::Instance(id)]);
    for (number, (_, part)) in parts.iter().enumerate() {
        let item = bridge.create(&at, part, &IdempotencyKey(format!("p-{number}"))).await.unwrap();
        assert_eq!(item.event, *part);
    }
}

#[actix_web::test]
async fn whole_days_come_back_as_days_everywhere() {
    let sandbox = sandbox().await;
    let pairs: [(Arc<dyn Bridge>, RemoteCalendar); 3] = [
        (graph(&sandbox), room("moterom-fjord@fjordby.example", "Møterom Fjord")),
        (generic(&sandbox), room("fjell", "Møterom Fjell")),
        (portico(&sandbox), room("103", "Møterom Fjord")),
    ];
    for (bridge, at) in pairs {
        let mut event = event("days@test", "Closed for painting");
        event.when = EventTime::AllDay { start: date(2027, 3, 27), end: date(2027, 3, 30) };
        let want = bridge.project(&at, &event, window()).unwrap().parts[&Part::Whole].clone();
        let item = bridge.create(&at, &want, &IdempotencyKey("d".to_owned())).await.unwrap();
        assert_eq!(body(&*bridge, &at, &item.event), body(&*bridge, &at, &want));
        assert_eq!(item.event.when, event.when, "across the change to summer time");
    }
}

#[actix_web::test]
async fn portico_shows_every_class_and_every_date_and_writes_events_with_one_date_only() {
    let sandbox = sandbox().await;
    let (bridge, at) = (portico(&sandbox), room("103", "Møterom Fjord"));
    let body = |name: &str, from: &str, to: &str| {
        serde_json::json!({"name": name, "title": name, "resources": [103], "organization_id": 7, "season_id": 3,
            "from_": format!("2027-03-{from}:00:00"), "to_": format!("2027-03-{to}:00:00")})
    };
    let mut cup = body("Cup", "06 09", "06 18");
    cup["dates"] = serde_json::json!([{"from_": "2027-03-06 09:00:00", "to_": "2027-03-06 18:00:00"},
        {"from_": "2027-03-07 09:00:00", "to_": "2027-03-07 16:00:00"}]);
    for (class, body) in [
        ("allocations", body("Season", "02 17", "02 21")),
        ("bookings", body("Training", "03 17", "03 18")),
        ("events", cup),
    ] {
        let (status, answer) = control(&sandbox, "POST", &format!("/portico/ui/{class}/create"), &body).await;
        assert_eq!(status, 201, "{answer}");
    }
    let all = bridge.read_all(&at, window()).await.unwrap();
    let classes: Vec<_> =
        all.items().iter().map(|item| (item.event.content.summary.as_str(), item.event.class)).collect();
    let [grant, usage, arrangement] =
        [ReservationClass::Allocation, ReservationClass::Booking, ReservationClass::Event];
    assert_eq!(classes, [("Season", grant), ("Training", usage), ("Cup", arrangement), ("Cup", arrangement)]);
    for item in all.items() {
        assert!(item.locked.is_some(), "{}", item.id);
        let mut other = item.event.clone();
        other.content.summary = "Mine now".to_owned();
        let update = bridge.update(&at, &known(item), &item.event, &other).await;
        assert!(matches!(update, Err(BridgeError::Refused(_))), "{}: {update:?}", item.id);
        let delete = bridge.delete(&at, &known(item)).await;
        assert!(matches!(delete, Err(BridgeError::Refused(_))), "{}: {delete:?}", item.id);
        match bridge.fetch(&at, &item.id).await {
            Ok(found) => assert_eq!(found.as_ref(), Some(item)),
            Err(error) => assert!(bridge.is_only_listed(&item.id), "{}: {error}", item.id),
        }
    }
    assert_eq!(bridge.read_all(&at, window()).await.unwrap(), all, "nothing was written");
}

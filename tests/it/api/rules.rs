//! Rules, closures and requests over REST.

use super::fixture::{House, START};
use actix_web::http::Method;
use anteroom::change::{self, Change, Context, Origin, Precondition, Target, Wish};
use anteroom::config::Limits;
use anteroom::model::{Content, Event, EventTime, Privilege, ReservationClass, Uid, ZoneId};
use anteroom::store::rooms;
use serde_json::json;

const ROOMS: &str = "/v1/tenants/city/rooms";
const RULES: &str = "/v1/tenants/city/rooms/hall/rules";
const APPROVALS: &str = "/v1/tenants/city/approvals";

async fn with_hall() -> House {
    let house = House::new().await;
    assert_eq!(house.post("ada", ROOMS, json!({ "name": "Hall" })).await.status, 201);
    house
}

/// Books an hour of 2026-03-03 as `max`, who may write.
async fn book(house: &House, uid: &str, hour: i8) {
    let mut tx = house.store.begin_write().await.unwrap();
    let room = rooms::by_slug(&mut tx, &house.city, "hall").await.unwrap().unwrap();
    let day = jiff::civil::date(2026, 3, 3);
    let event = Event {
        uid: Uid(uid.to_owned()),
        class: ReservationClass::Event,
        when: EventTime::Timed { start: day.at(hour, 0, 0, 0), end: day.at(hour + 1, 0, 0, 0), zone: ZoneId::utc() },
        content: Content { summary: format!("Meeting {uid}"), busy: true, ..Content::default() },
        recurrence: None,
        overrides: std::collections::BTreeMap::new(),
    };
    let change = Change {
        target: Target::Uid(event.uid.clone()),
        wish: Wish::Become(Box::new(event)),
        precondition: Precondition::none(),
        origin: Origin::Principal { login: "max".to_owned(), privilege: Privilege::Write },
    };
    change::apply(&mut tx, Context { now: START, limits: &Limits::default() }, &room, change).await.unwrap();
    tx.commit().await.unwrap();
}

#[actix_web::test]
async fn rules_are_set_as_a_whole_and_read_back() {
    let house = with_hall().await;
    let none = house.get("vera", RULES).await.json();
    assert_eq!((none["room"].as_str(), none["opening_hours"].clone()), (Some("hall"), json!([])));
    let wish = json!({
        "opening_hours": [{ "days": ["tuesday", "monday"], "from": "08:00", "to": "16:00" }],
        "exceptions": [{ "date": "2026-12-24", "note": "Christmas Eve" }],
        "buffer_after_minutes": 15, "horizon_days": 365, "approval": true,
    });
    let set = house.ask("ada", Method::PUT, RULES, wish).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let read = house.get("vera", RULES).await.json();
    assert_eq!(read["opening_hours"], json!([{ "days": ["monday", "tuesday"], "from": "08:00", "to": "16:00" }]));
    assert_eq!((read["horizon_days"].as_i64(), read.get("lead_minutes")), (Some(365), None));
    assert_eq!(read["changed_by"], "principal:ada");
    let again = house.ask("ada", Method::PUT, RULES, json!({})).await.json();
    assert_eq!((again["approval"].as_bool(), again.get("horizon_days")), (Some(false), None));
}

#[actix_web::test]
async fn nonsense_is_refused_by_its_field_and_only_administrators_set_rules() {
    let house = with_hall().await;
    let refused = house.ask("ada", Method::PUT, RULES, json!({ "horizon_days": 0 })).await;
    assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (422, Some("horizon_days")));
    let hours = json!({ "opening_hours": [{ "days": ["monday"], "from": "8", "to": "16:00" }] });
    let refused = house.ask("ada", Method::PUT, RULES, hours).await;
    assert!(refused.status == 400 && refused.text.contains("HH:MM"), "{}", refused.text);
    assert_eq!(house.ask("ada", Method::PUT, RULES, json!({ "open": true })).await.status, 400);
    assert_eq!(house.ask("olav", Method::PUT, RULES, json!({})).await.status, 403);
    assert_eq!(house.get("ada", "/v1/tenants/city/rooms/cellar/rules").await.status, 404);
}

#[actix_web::test]
async fn a_room_is_closed_and_opened_again() {
    let house = with_hall().await;
    book(&house, "a", 10).await;
    let path = format!("{ROOMS}/hall/closures");
    let new = json!({ "from": "2026-03-03T09:00", "to": "2026-03-05T12:00", "reason": "New floor" });
    let made = house.post("ada", &path, new).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(
        (made["start"].as_str(), made["end"].as_str()),
        (Some("2026-03-03T09:00:00Z"), Some("2026-03-05T12:00:00Z"))
    );
    assert_eq!(made["bookings"][0]["uid"], "a");
    assert_eq!(house.get("vera", &path).await.json()[0]["reason"], "New floor");
    let conflicts = house.get("vera", "/v1/tenants/city/conflicts?state=open").await.json();
    assert_eq!(conflicts["items"][0]["kind"], "closure");
    let one = format!("{path}/{}", made["uid"].as_str().unwrap());
    assert_eq!(house.ask("olav", Method::DELETE, &one, json!(null)).await.status, 403);
    assert_eq!(house.ask("ada", Method::DELETE, &one, json!(null)).await.status, 204);
    assert_eq!(house.ask("ada", Method::DELETE, &one, json!(null)).await.status, 404);
    assert_eq!(house.ask("ada", Method::DELETE, &format!("{path}/a"), json!(null)).await.status, 404);
    assert_eq!(house.get("vera", &path).await.json(), json!([]));
    for (from, to) in [("2026-03-05", "2026-03-04"), ("2026-03-05", "2026-03-06T12:00"), ("soon", "later")] {
        let refused = house.post("ada", &path, json!({ "from": from, "to": to })).await;
        assert_eq!(refused.status, 422, "{from} {to}: {}", refused.text);
    }
}

#[actix_web::test]
async fn requests_are_decided_by_those_who_administer_the_room() {
    let house = with_hall().await;
    house.ask("ada", Method::PUT, RULES, json!({ "approval": true })).await;
    book(&house, "a", 10).await;
    book(&house, "b", 12).await;
    assert_eq!(house.get("max", APPROVALS).await.status, 403);
    let waiting = house.get("vera", &format!("{APPROVALS}?state=pending")).await.json();
    let waiting = waiting["items"].as_array().unwrap();
    assert_eq!((waiting.len(), waiting[1]["requested_by"].as_str()), (2, Some("max")));
    let dashboard = house.send(
        actix_web::test::TestRequest::get()
            .uri("/dashboard")
            .insert_header(("authorization", format!("Bearer {}", house.keys["vera"]))),
    );
    assert!(dashboard.await.text.contains("<b>2 waiting for a confirmation</b>"));
    let path = |of: usize, verb: &str| format!("{APPROVALS}/{}/{verb}", waiting[of]["id"].as_str().unwrap());
    assert_eq!(house.post("max", &path(1, "confirm"), json!({})).await.status, 403);
    assert_eq!(house.post("olav", &path(1, "confirm"), json!({})).await.status, 403);
    let done = house.post("ada", &path(1, "confirm"), json!({})).await;
    assert_eq!((done.status.as_u16(), done.json()["state"].as_str()), (200, Some("confirmed")));
    let twice = house.post("ada", &path(1, "decline"), json!({})).await;
    assert_eq!((twice.status.as_u16(), twice.json()["type"].as_str()), (409, Some("/v1/docs#wrong-state")));
    // A grant on the room is enough.
    let grant = json!({ "login": "max", "room": "hall", "privilege": "admin" });
    let given = house.ask("ada", Method::PUT, "/v1/tenants/city/grants", grant).await;
    assert!(given.status.is_success(), "{}", given.text);
    let listed = house.get("max", &format!("{APPROVALS}?room=hall&state=pending")).await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1, "{}", listed.text);
    let declined = house.post("max", &path(0, "decline"), json!({ "reason": "Too late" })).await.json();
    assert_eq!((declined["state"].as_str(), declined["reason"].as_str()), (Some("declined"), Some("Too late")));
    let events = house.get("vera", &format!("{ROOMS}/hall/events?from=2026-03-03T00:00:00Z")).await.json();
    let busy: Vec<bool> = events.as_array().unwrap().iter().map(|one| one["busy"].as_bool().unwrap()).collect();
    assert_eq!(busy, [true, false]);
    assert_eq!(house.post("ada", &format!("{APPROVALS}/nothing/confirm"), json!({})).await.status, 404);
}

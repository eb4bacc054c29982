//! Bookings over REST: through the same gate and by the same rules as over CalDAV.

use super::fixture::{Answer, House};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use anteroom::model::Uid;
use anteroom::store::{objects, rooms};
use serde_json::{Value, json};

const ROOMS: &str = "/v1/tenants/city/rooms";
const HALL: &str = "/v1/tenants/city/rooms/hall/bookings";
const BUSY: &str = "/v1/tenants/city/rooms/hall/free-busy?from=2026-03-09T00:00:00Z&to=2026-03-16T00:00:00Z";
const WEEK: &str = "/v1/tenants/city/rooms/hall/bookings?from=2026-03-09T00:00:00Z&to=2026-03-16T00:00:00Z";

/// A hall that keeps Oslo's time, where `max` may do this.
async fn hall(privilege: &str) -> House {
    let house = House::new().await;
    let made = house.post("ada", ROOMS, json!({ "name": "Hall", "zone": "Europe/Oslo" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let grant = json!({ "login": "max", "room": "hall", "privilege": privilege });
    assert_eq!(house.ask("ada", Method::PUT, "/v1/tenants/city/grants", grant).await.status, 200);
    house
}

fn choir(uid: &str) -> Value {
    json!({ "uid": uid, "start": "2026-03-10T10:00", "end": "2026-03-10T11:30", "summary": "Choir" })
}

async fn with_tag(house: &House, method: Method, path: &str, tag: &str, body: Value) -> Answer {
    let request =
        TestRequest::default().method(method).uri(path).insert_header(("x-api-key", house.keys["max"].clone()));
    let request = request.insert_header(("if-match", tag));
    house.send(if body.is_null() { request } else { request.set_json(body) }).await
}

async fn text(house: &House, uid: &str) -> Option<String> {
    let mut tx = house.store.begin_read().await.unwrap();
    let room = rooms::by_slug(&mut tx, &house.city, "hall").await.unwrap().unwrap();
    objects::by_uid(&mut tx, &house.city, &room.id, &Uid(uid.to_owned())).await.unwrap().map(|row| row.body)
}

#[actix_web::test]
async fn a_booking_is_made_read_changed_and_cancelled_and_stands_as_a_calendar_object() {
    let house = hall("write").await;
    let mut wish = choir("choir 1");
    wish["organizer"] = json!({ "name": "Kari", "email": "kari@city.example" });
    let made = house.post("max", HALL, wish).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("location"), "/v1/tenants/city/rooms/hall/bookings/choir%201");
    let view = made.json();
    assert_eq!((&view["start"], &view["zone"]), (&json!("2026-03-10T10:00:00"), &json!("Europe/Oslo")));
    assert_eq!((&view["start_utc"], &view["status"]), (&json!("2026-03-10T09:00:00Z"), &json!("confirmed")));
    assert_eq!((&view["class"], &view["origin"]), (&json!("event"), &json!("hub")));
    let stored = text(&house, "choir 1").await.unwrap();
    for line in ["SUMMARY:Choir\r\n", "DTSTART;TZID=Europe/Oslo:20260310T100000\r\n", "kari@city.example\r\n"] {
        assert!(stored.contains(line), "{line}\n{stored}");
    }
    let path = made.header("location").to_owned();
    let read = house.get("max", &path).await;
    assert_eq!((read.status.as_u16(), read.json()), (200, view));
    assert_eq!(read.header("etag"), made.header("etag"));

    let moved = with_tag(&house, Method::PATCH, &path, made.header("etag"), json!({ "start": "2026-03-11T08:00:00Z" }));
    let moved = moved.await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(
        (&moved.json()["start"], &moved.json()["end"]),
        (&json!("2026-03-11T09:00:00"), &json!("2026-03-11T10:30:00"))
    );
    assert_eq!(moved.json()["organizer"]["name"], "Kari", "what is left out stays");
    let stale = with_tag(&house, Method::DELETE, &path, made.header("etag"), Value::Null).await;
    assert_eq!((stale.status.as_u16(), stale.json()["type"].as_str()), (412, Some("/v1/docs#stale")));
    let gone = with_tag(&house, Method::DELETE, &path, moved.header("etag"), Value::Null).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!((house.get("max", &path).await.status.as_u16(), text(&house, "choir 1").await), (404, None));

    let audit = house.get("vera", "/v1/tenants/city/audit?room=hall").await.json();
    let acts: Vec<(&str, &str)> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["actor"].as_str().unwrap(), entry["action"].as_str().unwrap()))
        .filter(|(actor, _)| *actor == "principal:max")
        .collect();
    assert_eq!(
        acts,
        [("principal:max", "object.delete"), ("principal:max", "object.update"), ("principal:max", "object.create")]
    );
}

#[actix_web::test]
async fn a_taken_room_is_told_with_what_takes_it() {
    let house = hall("write").await;
    assert_eq!(house.post("max", HALL, choir("a")).await.status, 201);
    let taken = house.post("max", HALL, choir("b")).await;
    assert_eq!((taken.status.as_u16(), taken.json()["type"].as_str()), (409, Some("/v1/docs#taken")));
    assert_eq!(taken.json()["detail"], "Hall is taken on 2026-03-10 10:00-11:30 by Choir.");
    let again = house.post("max", HALL, choir("a")).await;
    assert_eq!(
        (again.status.as_u16(), again.json()["detail"].as_str()),
        (409, Some("There is a booking with the UID a already."))
    );
    let mut free = choir("c");
    free["busy"] = json!(false);
    assert_eq!(house.post("max", HALL, free).await.status, 201, "what does not take the room");
}

#[actix_web::test]
async fn a_booking_that_is_sent_again_is_made_once() {
    let house = hall("write").await;
    let body = json!({ "start": "2026-03-10T10:00", "end": "2026-03-10T11:00", "summary": "Choir" });
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = TestRequest::post().uri(HALL).insert_header(("x-api-key", house.keys["max"].clone()));
        answers.push(house.send(request.insert_header(("idempotency-key", "k-1")).set_json(&body)).await);
    }
    assert_eq!((answers[0].status.as_u16(), answers[1].status.as_u16()), (201, 201));
    assert_eq!(answers[0].json()["uid"], answers[1].json()["uid"]);
    assert_eq!(house.get("max", WEEK).await.json().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn what_somebody_may_do_follows_from_the_grants_of_the_room() {
    let house = hall("read-free-busy").await;
    let mut secret = choir("a");
    secret["private"] = json!(true);
    assert_eq!(house.post("ada", HALL, secret).await.status, 201);
    let busy = house.get("max", BUSY).await;
    assert_eq!(
        busy.json()["periods"],
        json!([{ "start": "2026-03-10T09:00:00Z", "end": "2026-03-10T10:30:00Z", "kind": "busy" }])
    );
    assert_eq!(house.get("max", WEEK).await.status, 403);
    let grant = json!({ "login": "max", "room": "hall", "privilege": "read" });
    house.ask("ada", Method::PUT, "/v1/tenants/city/grants", grant).await;
    let seen = house.get("max", &format!("{HALL}/a")).await.json();
    assert_eq!((&seen["summary"], &seen["private"]), (&json!("Busy"), &json!(false)));
    let refused = house.post("max", HALL, choir("b")).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["detail"], "Max may not book Hall; ask who administers it for a grant.");
    assert_eq!(house.get("mona", WEEK).await.status, 404, "who may do nothing there is not told that it exists");
    assert_eq!(house.get("vera", &format!("{HALL}/a")).await.status, 200);
    assert_eq!(house.ask("vera", Method::DELETE, &format!("{HALL}/a"), Value::Null).await.status, 403);
    assert_eq!(house.get("ada", &format!("{HALL}/a")).await.json()["summary"], "Choir");
}

#[actix_web::test]
async fn one_instance_of_a_series_is_changed_and_another_cancelled() {
    let house = hall("write").await;
    let mut wish = choir("weekly");
    wish["recurrence"] = json!({ "rule": "FREQ=WEEKLY;COUNT=4" });
    assert_eq!(house.post("max", HALL, wish).await.status, 201);
    let path = format!("{HALL}/weekly");
    let third = format!("{path}?recurrence_id=2026-03-24T10:00");
    let changed =
        house.ask("max", Method::PATCH, &third, json!({ "start": "2026-03-24T12:00", "summary": "Concert" })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let instance = &changed.json()["instances"][0];
    assert_eq!(
        (&instance["recurrence_id"], &instance["start"], &instance["end"], &instance["summary"]),
        (
            &json!("2026-03-24T10:00:00"),
            &json!("2026-03-24T12:00:00"),
            &json!("2026-03-24T13:30:00"),
            &json!("Concert")
        )
    );
    let second = format!("{path}?recurrence_id=2026-03-17T10:00:00");
    assert_eq!(house.ask("max", Method::DELETE, &second, Value::Null).await.status, 204);
    let now = house.get("max", &path).await.json();
    assert_eq!(
        now["recurrence"],
        json!({ "rule": "FREQ=WEEKLY;COUNT=4", "added": [], "removed": ["2026-03-17T10:00:00"] })
    );
    let nowhere = format!("{path}?recurrence_id=2026-03-18T10:00");
    for method in [Method::DELETE, Method::PATCH] {
        let none = house.ask("max", method, &nowhere, json!({})).await;
        assert_eq!(none.status, 404, "{}", none.text);
    }
    let range = "from=2026-03-09T00:00:00Z&to=2026-04-30T00:00:00Z";
    let instances = house.get("vera", &format!("{ROOMS}/hall/events?{range}")).await.json();
    let starts: Vec<&str> = instances.as_array().unwrap().iter().map(|one| one["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2026-03-10T09:00:00Z", "2026-03-24T11:00:00Z", "2026-03-31T08:00:00Z"]);
    assert_eq!(house.get("max", &format!("{HALL}?{range}")).await.json().as_array().unwrap().len(), 1, "a series once");
    let moved = house.ask("max", Method::PATCH, &path, json!({ "start": "2026-03-10T11:00" })).await;
    assert_eq!((moved.status.as_u16(), moved.json()["field"].as_str()), (422, Some("start")));
    let single = house.ask("max", Method::PATCH, &path, json!({ "recurrence": null })).await;
    assert_eq!((single.status.as_u16(), single.json().get("recurrence")), (200, None));
    assert!(!text(&house, "weekly").await.unwrap().contains("FREQ=WEEKLY"));
}

#[actix_web::test]
async fn the_last_instance_of_a_series_takes_the_booking_with_it() {
    let house = hall("write").await;
    let mut wish = choir("twice");
    wish["recurrence"] = json!({ "rule": "FREQ=WEEKLY;COUNT=2" });
    assert_eq!(house.post("max", HALL, wish).await.status, 201);
    for start in ["2026-03-10T10:00", "2026-03-17T10:00"] {
        let one = format!("{HALL}/twice?recurrence_id={start}");
        assert_eq!(house.ask("max", Method::DELETE, &one, Value::Null).await.status, 204);
    }
    assert_eq!(text(&house, "twice").await, None);
}

#[actix_web::test]
async fn the_rules_of_the_room_hold_for_programs_too() {
    let house = hall("write").await;
    let rules = json!({
        "opening_hours": [{ "days": ["tuesday"], "from": "08:00", "to": "16:00" }], "approval": true,
    });
    assert_eq!(house.ask("ada", Method::PUT, &format!("{ROOMS}/hall/rules"), rules).await.status, 200);
    let mut late = choir("late");
    (late["start"], late["end"]) = (json!("2026-03-10T17:00"), json!("2026-03-10T18:00"));
    let refused = house.post("max", HALL, late).await;
    assert_eq!((refused.status.as_u16(), refused.json()["type"].as_str()), (409, Some("/v1/docs#against-rules")));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "Hall is open 08:00-16:00 on Tuesdays; 17:00-18:00 on 2026-03-10 is outside.");
    let waits = house.post("max", HALL, choir("a")).await;
    assert_eq!((waits.status.as_u16(), waits.json()["status"].as_str()), (201, Some("tentative")));
    let list = house.get("ada", "/v1/tenants/city/approvals?state=pending").await.json();
    assert_eq!(list["items"][0]["uid"], "a");
    let busy = house.get("max", BUSY).await.json();
    let kinds: Vec<&str> =
        busy["periods"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["unavailable", "tentative", "unavailable"]);
}

#[actix_web::test]
async fn what_cannot_be_booked_is_refused_by_its_field_and_nothing_is_stored() {
    let house = hall("write").await;
    for (body, status, told) in [
        (json!({ "summary": "x", "end": "2026-03-10T11:00" }), 422, "start: must be given."),
        (json!({ "start": "2026-03-10T10:00", "end": "2026-03-10T11:00" }), 422, "summary: must be given."),
        (json!({ "start": "10:00", "end": "11:00", "summary": "x" }), 422, "start: \"10:00\" is no time"),
        (
            json!({ "start": "2026-03-10T10:00", "end": "2026-03-10T11:00", "summary": "x", "zone": "Oslo" }),
            422,
            "zone: \"Oslo\"",
        ),
        (json!({ "begin": "2026-03-10T10:00" }), 400, "Body: unknown field `begin`"),
        (
            json!({ "start": "2026-03-10T10:00", "end": "2026-03-10T11:00", "summary": "x", "class": "closure" }),
            403,
            "Only an administrator of Hall",
        ),
        (
            json!({ "start": "2026-03-10T10:00", "end": "2026-03-10T11:00", "summary": "x", "recurrence": { "rule": "FREQ=SECONDLY" } }),
            422,
            "recurrence: The rule part FREQ",
        ),
    ] {
        let refused = house.post("max", HALL, body.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.text);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(told), "{detail}");
    }
    assert_eq!(house.get("max", WEEK).await.json(), json!([]));
    let tag = with_tag(&house, Method::PATCH, &format!("{HALL}/a"), "abc", json!({})).await;
    assert_eq!(tag.status, 400);
    assert_eq!(house.ask("max", Method::PATCH, &format!("{HALL}/a"), json!({})).await.status, 404);
}

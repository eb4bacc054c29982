//! Rooms: made, described, paged, and what takes them.

use super::fixture::House;
use actix_web::http::Method;
use serde_json::json;

const ROOMS: &str = "/v1/tenants/city/rooms";

#[actix_web::test]
async fn a_room_is_made_read_and_described_anew() {
    let house = House::new().await;
    let made = house.post("ada", ROOMS, json!({ "name": "Møterom Å", "capacity": 12, "zone": "europe/oslo" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["slug"], "moterom-a");
    assert_eq!(made.json()["zone"], "Europe/Oslo");
    let path = format!("{ROOMS}/moterom-a");
    let changed = house.ask("ada", Method::PATCH, &path, json!({ "building": "Town hall", "capacity": 0 })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let read = house.get("vera", &path).await.json();
    assert_eq!((read["building"].as_str(), read.get("capacity")), (Some("Town hall"), None));
    assert_eq!(read["name"], "Møterom Å");
}

#[actix_web::test]
async fn whether_bookings_may_overlap_is_said_when_a_room_is_made_and_can_change() {
    let house = House::new().await;
    let foyer = house.post("ada", ROOMS, json!({ "name": "Foyer", "allow_overlaps": true })).await;
    assert_eq!((foyer.status.as_u16(), &foyer.json()["allow_overlaps"]), (201, &json!(true)));
    assert_eq!(house.post("ada", ROOMS, json!({ "name": "Hall" })).await.json()["allow_overlaps"], false);
    let path = format!("{ROOMS}/foyer");
    let other = house.ask("ada", Method::PATCH, &path, json!({ "building": "Town hall" })).await;
    assert_eq!(other.json()["allow_overlaps"], true, "what is left out stays");
    house.ask("ada", Method::PATCH, &path, json!({ "allow_overlaps": false })).await;
    assert_eq!(house.get("vera", &path).await.json()["allow_overlaps"], false);
}

#[actix_web::test]
async fn a_slug_belongs_to_one_room() {
    let house = House::new().await;
    assert_eq!(house.post("ada", ROOMS, json!({ "name": "Hall" })).await.status, 201);
    let second = house.post("ada", ROOMS, json!({ "name": "HALL!" })).await;
    assert_eq!((second.status.as_u16(), second.json()["type"].as_str()), (409, Some("/v1/docs#taken")));
    assert_eq!(house.post("root", "/v1/tenants/village/rooms", json!({ "name": "Hall" })).await.status, 201);
}

#[actix_web::test]
async fn rooms_come_in_pages() {
    let house = House::new().await;
    for name in ["A", "B", "C"] {
        house.post("ada", ROOMS, json!({ "name": name })).await;
    }
    let first = house.get("vera", &format!("{ROOMS}?limit=2")).await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let second = house.get("vera", &format!("{ROOMS}?limit=2&after={next}")).await.json();
    assert_eq!(second["items"][0]["slug"], "c");
    assert!(second.get("next").is_none());
    assert_eq!(house.get("vera", &format!("{ROOMS}?limit=0")).await.status, 400);
}

#[actix_web::test]
async fn every_act_is_audited_with_its_actor() {
    let house = House::new().await;
    house.post("ada", ROOMS, json!({ "name": "Hall" })).await;
    let audit = house.get("vera", "/v1/tenants/city/audit?room=hall").await.json();
    assert_eq!(audit["items"][0]["action"], "room.create");
    assert_eq!(audit["items"][0]["actor"], "principal:ada");
    let all = house.get("vera", "/v1/tenants/city/audit?limit=1").await.json();
    assert_eq!(all["items"][0]["room"], "hall");
    assert!(all["next"].is_string());
}

#[actix_web::test]
async fn events_are_asked_for_in_a_range_inside_the_horizon() {
    let house = House::new().await;
    house.post("ada", ROOMS, json!({ "name": "Hall" })).await;
    let range = "from=2026-03-02T00:00:00Z&to=2026-03-09T00:00:00Z";
    let empty = house.get("vera", &format!("{ROOMS}/hall/events?{range}")).await;
    assert_eq!((empty.status.as_u16(), empty.json()), (200, json!([])));
    let far = house.get("vera", &format!("{ROOMS}/hall/events?to=2100-01-01T00:00:00Z")).await;
    assert_eq!(far.status, 400);
    assert_eq!(house.get("vera", &format!("{ROOMS}/cellar/events")).await.status, 404);
}

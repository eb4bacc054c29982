//! Feeds: the link is shown once, rotation and revocation end it.

use super::fixture::House;
use actix_web::http::Method;
use serde_json::json;

const FEEDS: &str = "/v1/tenants/city/feeds";

#[actix_web::test]
async fn a_feed_answers_its_link_once_and_never_lists_it() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let made = house.post("ada", FEEDS, json!({ "room": "hall", "label": "Door", "expires_in_days": 10 })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with("https://rooms.example/feeds/") && url.ends_with("/hall.ics"), "{url}");
    assert_eq!(made["webcal_url"].as_str().unwrap(), url.replace("https://", "webcal://"));
    assert_eq!(made["expires"], "2026-03-12T08:00:00Z");
    let token = url.split('/').nth(4).unwrap();
    let listed = house.get("vera", FEEDS).await;
    assert!(!listed.text.contains(token) && listed.json()["items"][0]["label"] == "Door", "{}", listed.text);
}

#[actix_web::test]
async fn rotation_gives_another_link_and_revocation_is_shown() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let made = house.post("ada", FEEDS, json!({ "room": "hall" })).await.json();
    let path = format!("{FEEDS}/{}", made["id"].as_str().unwrap());
    let rotated = house.post("ada", &format!("{path}/rotate"), json!(null)).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_ne!(rotated.json()["url"], made["url"]);
    assert_eq!(rotated.json()["version"], 2);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 204);
    assert!(house.get("vera", FEEDS).await.json()["items"][0]["revoked"].is_string());
    assert_eq!(house.post("ada", &format!("{FEEDS}/nothing/rotate"), json!(null)).await.status, 404);
}

#[actix_web::test]
async fn windows_beyond_ten_years_are_refused() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let answer = house.post("ada", FEEDS, json!({ "room": "hall", "future_days": 4000 })).await;
    assert_eq!((answer.status.as_u16(), answer.json()["field"].as_str()), (422, Some("future_days")));
}

#[actix_web::test]
async fn a_feed_is_read_where_it_was_made_and_shows_what_the_configuration_says() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let made = house.post("ada", FEEDS, json!({ "room": "hall" })).await;
    assert_eq!(made.header("location"), format!("{FEEDS}/{}", made.json()["id"].as_str().unwrap()));
    let read = house.get("vera", made.header("location")).await;
    assert_eq!(read.status, 200, "{}", read.text);
    assert_eq!((read.json()["past_days"].as_i64(), read.json()["url"].as_str()), (Some(5), None));
    assert_eq!(house.get("vera", &format!("{FEEDS}/nothing")).await.status, 404);
}

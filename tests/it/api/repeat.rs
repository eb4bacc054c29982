//! `Idempotency-Key`: a POST that is sent again has its effect once.

use super::fixture::{Answer, House};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const PRINCIPALS: &str = "/v1/tenants/city/principals";
const ROOMS: &str = "/v1/tenants/city/rooms";

async fn post(house: &House, who: &str, path: &str, key: &str, body: &Value) -> Answer {
    let request = TestRequest::post()
        .uri(path)
        .insert_header(("x-api-key", house.keys[who].clone()))
        .insert_header(("idempotency-key", key))
        .set_json(body);
    house.send(request).await
}

#[actix_web::test]
async fn a_request_sent_again_has_one_effect_and_the_same_answer() {
    let house = House::new().await;
    let body = json!({ "name": "Hall" });
    let first = post(&house, "ada", ROOMS, "k-1", &body).await;
    assert_eq!((first.status.as_u16(), first.header("location")), (201, "/v1/tenants/city/rooms/hall"));
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = post(&house, "ada", ROOMS, "k-1", &body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (first.status, "true"));
    assert_eq!((again.text.as_str(), again.header("location")), (first.text.as_str(), first.header("location")));
    assert_eq!(house.get("vera", ROOMS).await.json()["items"].as_array().unwrap().len(), 1);
    // Another key is another request, and one of somebody else's is another key.
    assert_eq!(post(&house, "ada", ROOMS, "k-2", &body).await.status, 409);
}

#[actix_web::test]
async fn an_answer_with_a_secret_is_repeated_but_not_stored_in_clear() {
    let house = House::new().await;
    let path = format!("{PRINCIPALS}/max/passwords");
    let first = post(&house, "ada", &path, "k-1", &json!({ "label": "Phone" })).await;
    let again = post(&house, "ada", &path, "k-1", &json!({ "label": "Phone" })).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.text, again.text);
    let listed = house.get("vera", &path).await.json();
    let phones = listed.as_array().unwrap().iter().filter(|secret| secret["label"] == "Phone").count();
    assert_eq!(phones, 1, "{listed}");
}

#[actix_web::test]
async fn a_key_belongs_to_one_request() {
    let house = House::new().await;
    assert_eq!(post(&house, "ada", ROOMS, "k-1", &json!({ "name": "Hall" })).await.status, 201);
    let other = post(&house, "ada", ROOMS, "k-1", &json!({ "name": "Annex" })).await;
    assert_eq!(
        (other.status.as_u16(), other.json()["field"].as_str()),
        (422, Some("Idempotency-Key")),
        "{}",
        other.text
    );
    let long = "k".repeat(256);
    assert_eq!(post(&house, "ada", ROOMS, &long, &json!({ "name": "Annex" })).await.status, 400);
}

#[actix_web::test]
async fn a_refused_request_may_be_sent_again_and_a_large_body_is_still_refused() {
    let house = House::new().await;
    let path = format!("{PRINCIPALS}/nina/passwords");
    assert_eq!(post(&house, "ada", &path, "k-1", &json!({ "label": "Phone" })).await.status, 404);
    house.post("ada", PRINCIPALS, json!({ "login": "nina" })).await;
    assert_eq!(post(&house, "ada", &path, "k-1", &json!({ "label": "Phone" })).await.status, 201);
    let large = json!({ "name": "x".repeat(5000) });
    assert_eq!(post(&house, "ada", ROOMS, "k-2", &large).await.status, 413);
}

#[actix_web::test]
async fn a_purge_sent_again_is_answered_as_the_first_time() {
    let house = House::new().await;
    house.post("ada", ROOMS, json!({ "name": "Hall" })).await;
    let bridge = json!({ "name": "b", "kind": "booking_generic", "settings": { "base_url": "https://b.example" } });
    house.post("ada", "/v1/tenants/city/bridges", bridge).await;
    let new = json!({ "room": "hall", "bridge": "b", "remote_id": "17", "auto_approve": false });
    let mapping = house.post("ada", "/v1/tenants/city/mappings", new).await.json();
    let path = format!("/v1/tenants/city/mappings/{}", mapping["id"].as_str().unwrap());
    let approve = format!("{path}/approve");
    assert_eq!(post(&house, "ada", &approve, "k-1", &Value::Null).await.status, 200);
    assert_eq!(post(&house, "ada", &approve, "k-1", &Value::Null).await.header("idempotency-replayed"), "true");
    let purge = format!("{path}/purge");
    assert_eq!(post(&house, "ada", &purge, "k-2", &json!([0, true])).await.status, 400);
    assert_eq!(post(&house, "ada", &purge, "k-2", &json!({ "confirm": 5 })).await.status, 409);
    let wish = json!({ "confirm": 0, "remove": true });
    let first = post(&house, "ada", &purge, "k-2", &wish).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (200, ""), "{}", first.text);
    let again = post(&house, "ada", &purge, "k-2", &wish).await;
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
}

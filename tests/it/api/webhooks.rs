//! Webhooks over REST: the secret is shown once, addresses are guarded, and only administrators see them.

use super::fixture::House;
use actix_web::http::Method;
use serde_json::json;

const HOOKS: &str = "/v1/tenants/city/webhooks";

#[actix_web::test]
async fn a_webhook_answers_its_secret_once_and_is_seen_by_administrators_alone() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let new = json!({ "url": "https://hooks.example.org/a", "kinds": ["booking.created"], "rooms": ["hall"] });
    assert_eq!(house.post("olav", HOOKS, new.clone()).await.status, 403);
    let made = house.post("ada", HOOKS, new).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let path = made.header("location").to_owned();
    let read = house.get("ada", &path).await;
    assert_eq!(
        (read.json()["label"].as_str(), read.json()["detail"].as_str()),
        (Some("hooks.example.org"), Some("busy"))
    );
    assert_eq!((&read.json()["kinds"], &read.json()["rooms"]), (&json!(["booking.created"]), &json!(["hall"])));
    let listed = house.get("ada", HOOKS).await;
    assert!(!listed.text.contains(&secret) && listed.json()["items"].as_array().unwrap().len() == 1);
    assert_eq!(house.get("vera", HOOKS).await.status, 403);
    let rotated = house.post("ada", &format!("{path}/rotate"), json!(null)).await.json();
    assert!(rotated["secret"].as_str().is_some_and(|other| other != secret));
}

#[actix_web::test]
async fn addresses_in_the_servers_own_network_and_strange_rooms_are_refused() {
    let house = House::new().await;
    for url in ["http://hooks.example.org/a", "https://127.0.0.1/a", "https://169.254.169.254/latest", "hooks"] {
        let refused = house.post("ada", HOOKS, json!({ "url": url })).await;
        assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (422, Some("url")), "{url}");
    }
    let url = "https://hooks.example.org/a";
    assert_eq!(house.post("ada", HOOKS, json!({ "url": url, "rooms": ["nowhere"] })).await.status, 404);
    assert_eq!(house.post("ada", HOOKS, json!({ "url": url, "kinds": ["booking.sung"] })).await.status, 400);
}

#[actix_web::test]
async fn a_webhook_is_changed_paused_tested_listed_and_removed() {
    let house = House::new().await;
    let path = house.post("ada", HOOKS, json!({ "url": "https://hooks.example.org/a" })).await;
    let path = path.header("location").to_owned();
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let tested = house.post("ada", &format!("{path}/test"), json!(null)).await;
    assert_eq!((tested.status.as_u16(), tested.json()["kind"].as_str()), (202, Some("webhook.test")));
    let booking = json!({ "summary": "Budget", "start": "2026-03-03T09:00:00", "end": "2026-03-03T10:00:00" });
    let booked = house.post("ada", "/v1/tenants/city/rooms/hall/bookings", booking).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let waiting = house.get("ada", &format!("{path}/deliveries?state=pending&limit=1")).await.json();
    assert_eq!(
        (&waiting["items"][0]["kind"], &waiting["items"][0]["room"]),
        (&json!("booking.created"), &json!("hall"))
    );
    let next = waiting["next"].as_str().unwrap();
    let rest = house.get("ada", &format!("{path}/deliveries?after={next}")).await.json();
    assert_eq!(rest["items"][0]["id"], tested.json()["id"]);
    assert!(house.get("ada", &format!("{path}/deliveries?state=failed")).await.json()["items"] == json!([]));
    let resend = format!("{path}/resend");
    let none = house.post("ada", &resend, json!({ "since": "2026-03-02T08:00:00Z" })).await;
    assert_eq!((none.status.as_u16(), none.json()), (202, json!({ "count": 0 })));
    assert_eq!(house.post("ada", &resend, json!({ "delivery": tested.json()["id"] })).await.status, 409, "it waits");
    assert_eq!(house.post("ada", &resend, json!({})).await.status, 422);
    assert_eq!(house.post("olav", &resend, json!({ "since": "2026-03-02T08:00:00Z" })).await.status, 403);
    let paused = house.ask("ada", Method::PATCH, &path, json!({ "paused": true, "label": "Billing" })).await.json();
    assert_eq!((&paused["state"], &paused["label"]), (&json!("paused"), &json!("Billing")));
    assert_eq!(house.post("ada", &format!("{path}/test"), json!(null)).await.status, 409);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 204);
    assert_eq!(house.get("ada", &path).await.status, 404);
    let audit = house.get("ada", "/v1/tenants/city/audit").await.text;
    for action in ["webhook.create", "webhook.update", "webhook.test", "webhook.resend", "webhook.remove"] {
        assert!(audit.contains(action), "{action}");
    }
}

//! Room groups over REST: who makes them, and what a right for one lets somebody do.

use super::fixture::House;
use actix_web::http::Method;
use serde_json::json;

const GROUPS: &str = "/v1/tenants/city/room-groups";

async fn with_rooms() -> House {
    let house = House::new().await;
    for name in ["Hall", "Attic"] {
        assert_eq!(house.post("ada", "/v1/tenants/city/rooms", json!({ "name": name })).await.status, 201);
    }
    house
}

fn booking(hour: u32) -> serde_json::Value {
    json!({ "summary": "Choir", "start": format!("2026-03-03T{hour:02}:00"), "end": format!("2026-03-03T{hour:02}:30") })
}

#[actix_web::test]
async fn a_group_is_made_filled_described_and_removed_by_administrators() {
    let house = with_rooms().await;
    let new = json!({ "name": "Big halls", "rooms": ["hall"], "description": "For many" });
    for who in ["olav", "vera", "max"] {
        assert_eq!(house.post(who, GROUPS, new.clone()).await.status, 403, "{who}");
    }
    let made = house.post("ada", GROUPS, new.clone()).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/tenants/city/room-groups/big-halls"));
    assert_eq!(made.json()["rooms"], json!(["hall"]));
    assert_eq!(house.post("ada", GROUPS, new).await.status, 409);
    assert_eq!(house.post("ada", GROUPS, json!({ "name": "x", "rooms": ["cellar"] })).await.status, 404);
    assert_eq!(house.get("vera", &format!("{GROUPS}/x")).await.status, 404, "nothing is made by halves");
    let path = format!("{GROUPS}/big-halls");
    let put = house.ask("ada", Method::PUT, &format!("{path}/rooms/attic"), json!(null)).await;
    assert_eq!(put.json()["rooms"], json!(["attic", "hall"]));
    let changed = house.ask("ada", Method::PATCH, &path, json!({ "name": "Halls", "description": "" })).await.json();
    assert_eq!(
        (&changed["name"], &changed["slug"], changed.get("description")),
        (&json!("Halls"), &json!("big-halls"), None)
    );
    let taken = |room: &str| format!("{path}/rooms/{room}");
    assert_eq!(house.ask("ada", Method::DELETE, &taken("attic"), json!(null)).await.status, 204);
    assert_eq!(house.ask("ada", Method::DELETE, &taken("attic"), json!(null)).await.status, 404);
    assert_eq!(house.get("vera", GROUPS).await.json()["items"][0]["rooms"], json!(["hall"]));
    assert_eq!(house.get("vera", "/v1/tenants/village/room-groups").await.status, 403);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 204);
    assert_eq!(house.get("vera", &path).await.status, 404);
    let audit = house.get("ada", "/v1/tenants/city/audit?limit=50").await.text;
    for action in ["create", "add", "update", "take", "remove"] {
        assert!(audit.contains(&format!("room-group.{action}")), "{action}");
    }
}

#[actix_web::test]
async fn a_right_for_a_group_books_its_rooms_and_no_others() {
    let house = with_rooms().await;
    house.post("ada", GROUPS, json!({ "name": "Halls" })).await;
    let (bookings, attic) = ("/v1/tenants/city/rooms/hall/bookings", "/v1/tenants/city/rooms/attic/bookings");
    let grant = json!({ "login": "max", "room": "group:halls", "privilege": "write" });
    let set = house.ask("ada", Method::PUT, "/v1/tenants/city/grants", grant).await;
    assert_eq!((set.status.as_u16(), &set.json()["room"]), (200, &json!("group:halls")), "{}", set.text);
    let strange = json!({ "login": "max", "room": "group:cellars", "privilege": "write" });
    assert_eq!(house.ask("ada", Method::PUT, "/v1/tenants/city/grants", strange).await.status, 404);
    assert_ne!(house.post("max", bookings, booking(9)).await.status, 201);
    house.ask("ada", Method::PUT, &format!("{GROUPS}/halls/rooms/hall"), json!(null)).await;
    let booked = house.post("max", bookings, booking(9)).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    assert_ne!(house.post("max", attic, booking(9)).await.status, 201);
    let listed = house.get("ada", "/v1/tenants/city/grants?login=max").await.json();
    assert_eq!(listed, json!([{ "login": "max", "room": "group:halls", "privilege": "write" }]));
    let revoked =
        house.ask("ada", Method::DELETE, "/v1/tenants/city/grants?login=max&room=group:halls", json!(null)).await;
    assert_eq!(revoked.status, 204);
    assert_ne!(house.post("max", bookings, booking(11)).await.status, 201);
}

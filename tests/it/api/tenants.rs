//! Tenants are made, closed and removed while the others work, and nobody sees what belongs to another one.

use super::fixture::{House, START};
use actix_web::http::Method;
use anteroom::manage::{Acting, mappings, rooms};
use anteroom::store::audit;
use serde_json::{Value, json};

async fn set(house: &House, who: &str, path: &str, body: Value) -> Value {
    let answer = house.post(who, path, body).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text);
    answer.json()
}

#[actix_web::test]
async fn a_tenant_is_made_described_and_listed_by_who_runs_the_server() {
    let house = House::new().await;
    let new = json!({ "key": "fjord", "name": "Fjord", "display_name": "Fjord municipality", "zone": "Europe/Oslo",
        "priority": 50, "flags": { "webhook_enabled": false }, "limits": { "max_bridges": 1 } });
    assert_eq!(house.post("ada", "/v1/tenants", new.clone()).await.status, 403);
    let made = house.post("root", "/v1/tenants", new.clone()).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/tenants/fjord"));
    let made = made.json();
    assert_eq!((made["state"].as_str(), made["priority"].as_i64()), (Some("active"), Some(50)));
    assert_eq!(made["flags"]["webhook_enabled"], false);
    assert_eq!(house.post("root", "/v1/tenants", new).await.status, 409);

    let patch = json!({ "limits": { "rate_limit_per_minute": 5 } });
    let path = "/v1/tenants/city";
    assert_eq!(house.ask("ada", Method::PATCH, path, patch.clone()).await.status, 403, "a share of what all have");
    assert_eq!(house.ask("ada", Method::PATCH, path, json!({ "name": "The City" })).await.status, 200);
    let patched = house.ask("root", Method::PATCH, path, patch).await.json();
    assert_eq!(
        (patched["name"].as_str(), patched["limits"]["rate_limit_per_minute"].as_i64()),
        (Some("The City"), Some(5))
    );
    let bad = house.ask("root", Method::PATCH, path, json!({ "limits": { "max_bridges": -1 } })).await;
    assert_eq!((bad.status.as_u16(), bad.json()["field"].as_str()), (422, Some("limits.max_bridges")));
}

#[actix_web::test]
async fn a_suspended_tenant_is_closed_to_its_people_and_the_others_work_on() {
    let house = House::new().await;
    let reason = json!({ "reason": "moves to another server" });
    assert_eq!(house.post("ada", "/v1/tenants/city/suspend", reason.clone()).await.status, 403);
    assert_eq!(set(&house, "root", "/v1/tenants/city/suspend", reason).await["state"], "suspended");
    for path in ["/v1/tenants/city/rooms", "/v1/tenants"] {
        let refused = house.get("ada", path).await;
        assert_eq!((refused.status.as_u16(), refused.json()["type"].as_str()), (403, Some("/v1/docs#suspended")));
        assert!(refused.text.contains("moves to another server"), "{}", refused.text);
    }
    assert_eq!(house.get("root", "/v1/tenants/city/rooms").await.status, 200);
    assert_eq!(house.get("root", "/v1/tenants/village/rooms").await.status, 200);
    assert_eq!(set(&house, "root", "/v1/tenants/city/resume", json!({})).await["state"], "active");
    assert_eq!(house.get("ada", "/v1/tenants/city/rooms").await.status, 200);
}

#[actix_web::test]
async fn a_draining_tenant_is_read_and_not_changed() {
    let house = House::new().await;
    assert_eq!(set(&house, "root", "/v1/tenants/city/drain", json!({ "reason": "moves" })).await["state"], "draining");
    assert_eq!(house.get("ada", "/v1/tenants/city/rooms").await.status, 200);
    let refused = house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    assert_eq!((refused.status.as_u16(), refused.json()["type"].as_str()), (403, Some("/v1/docs#suspended")));
}

/// A room with a booking, a feed and a mapping on the bridge `m365`.
async fn furnish(house: &House) -> String {
    set(house, "ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let settings = json!({ "tenant": "city.example", "client_id": "c", "client_secret": "s3cret" });
    set(house, "ada", "/v1/tenants/city/bridges", json!({ "name": "m365", "kind": "graph", "settings": settings }))
        .await;
    let mapping = json!({ "room": "hall", "bridge": "m365", "remote_id": "hall@city.example" });
    let mapping = set(house, "ada", "/v1/tenants/city/mappings", mapping).await;
    let booking = json!({ "summary": "Board", "start": "2026-03-02T10:00:00", "end": "2026-03-02T11:00:00" });
    set(house, "ada", "/v1/tenants/city/rooms/hall/bookings", booking).await;
    set(house, "ada", "/v1/tenants/city/feeds", json!({ "room": "hall", "label": "Door" })).await;
    mapping["id"].as_str().unwrap().to_owned()
}

async fn delete(house: &House, who: &str, path: &str) -> (u16, String) {
    let answer = house.ask(who, Method::DELETE, path, Value::Null).await;
    (answer.status.as_u16(), answer.text)
}

#[actix_web::test]
async fn a_room_goes_with_all_that_hangs_on_it_and_its_slug_is_free_again() {
    let house = House::new().await;
    furnish(&house).await;
    let path = "/v1/tenants/city/rooms/hall";
    assert_eq!(delete(&house, "olav", &format!("{path}?confirm=hall")).await.0, 403);
    let (status, text) = delete(&house, "ada", path).await;
    assert_eq!(status, 422, "{text}");
    assert!(text.contains("\"field\":\"confirm\""), "{text}");
    assert_eq!(delete(&house, "ada", &format!("{path}?confirm=hall&copies=burn")).await.0, 400);
    assert_eq!(delete(&house, "ada", &format!("{path}?confirm=hall&copies=purge")).await, (204, String::new()));
    assert_eq!(house.get("ada", path).await.status, 404);
    for list in ["rooms", "mappings", "feeds"] {
        let found = house.get("ada", &format!("/v1/tenants/city/{list}")).await.json();
        assert_eq!(found["items"], json!([]), "{list}: {found}");
    }
    set(&house, "ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let bookings = house.get("ada", "/v1/tenants/city/rooms/hall/events").await.json();
    assert_eq!(bookings, json!([]), "nothing of the earlier room is in the new one");
    let mapping = json!({ "room": "hall", "bridge": "m365", "remote_id": "hall@city.example" });
    set(&house, "ada", "/v1/tenants/city/mappings", mapping).await;
}

#[actix_web::test]
async fn a_bridge_goes_with_its_secrets_and_its_mappings_end() {
    let house = House::new().await;
    let mapping = furnish(&house).await;
    assert_eq!(delete(&house, "ada", "/v1/tenants/city/bridges/m365?confirm=hall").await.0, 422);
    assert_eq!(delete(&house, "ada", "/v1/tenants/city/bridges/m365?confirm=m365").await.0, 204);
    assert_eq!(house.get("ada", "/v1/tenants/city/bridges/m365").await.status, 404);
    assert_eq!(house.get("ada", &format!("/v1/tenants/city/mappings/{mapping}")).await.status, 404);
    assert_eq!(house.get("ada", "/v1/tenants/city/rooms/hall").await.status, 200);
    let settings = json!({ "tenant": "city.example", "client_id": "c", "client_secret": "another" });
    set(&house, "ada", "/v1/tenants/city/bridges", json!({ "name": "m365", "kind": "graph", "settings": settings }))
        .await;
}

#[actix_web::test]
async fn a_tenant_has_no_more_bridges_than_it_may_have() {
    let house = House::new().await;
    house.ask("root", Method::PATCH, "/v1/tenants/city", json!({ "limits": { "max_bridges": 1 } })).await;
    furnish(&house).await;
    let settings = json!({ "base_url": "https://booking.example" });
    let second = json!({ "name": "booking", "kind": "booking_generic", "settings": settings });
    let refused = house.post("ada", "/v1/tenants/city/bridges", second).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("max_bridges is 1"), "{}", refused.text);
}

#[actix_web::test]
async fn a_tenant_is_removed_only_when_it_is_suspended_and_named_and_its_audit_is_kept() {
    let house = House::new().await;
    furnish(&house).await;
    let path = "/v1/tenants/city?confirm=city&copies=purge";
    assert_eq!(delete(&house, "ada", path).await.0, 403);
    assert_eq!(delete(&house, "root", path).await.0, 409, "it works");
    set(&house, "root", "/v1/tenants/city/suspend", json!({ "reason": "leaves" })).await;
    assert_eq!(delete(&house, "root", "/v1/tenants/city?confirm=town").await.0, 422);
    assert_eq!(delete(&house, "root", "/v1/tenants/village?confirm=village").await.0, 409, "one's own");
    assert_eq!(delete(&house, "root", path).await, (204, String::new()));
    assert_eq!(house.get("ada", "/v1/tenants").await.status, 401, "its people are gone");
    assert_eq!(house.get("root", "/v1/tenants/city").await.status, 404);

    let gone = house.get("root", "/v1/tenants?removed=true").await.json();
    let key = gone[0]["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("city~"), "{key}");
    let story = house.get("root", &format!("/v1/tenants/{key}/audit")).await.json();
    assert_eq!(story["items"][0]["action"], "tenant.remove");
    for list in ["rooms", "bridges", "mappings", "feeds", "principals"] {
        let found = house.get("root", &format!("/v1/tenants/{key}/{list}")).await.json();
        assert_eq!(found["items"], json!([]), "{list}");
    }
    let refused = house.post("root", &format!("/v1/tenants/{key}/rooms"), json!({ "name": "Hall" })).await;
    assert_eq!(refused.status, 403, "nothing is made in a removed tenant");
    let again = json!({ "key": "city", "name": "City", "zone": "UTC" });
    assert_eq!(house.post("root", "/v1/tenants", again).await.status, 201, "the key is free again");
}

#[actix_web::test]
async fn one_tenants_requests_are_counted_and_another_ones_are_not_in_the_way() {
    let house = House::new().await;
    house.ask("root", Method::PATCH, "/v1/tenants/city", json!({ "limits": { "rate_limit_per_minute": 3 } })).await;
    let first = house.get("ada", "/v1/tenants/city/rooms").await;
    assert_eq!(first.header("ratelimit-policy"), "\"tenant\";q=3;w=60");
    assert_eq!(first.header("ratelimit"), "\"tenant\";r=2;t=60");
    house.get("vera", "/v1/tenants/city/rooms").await;
    house.get("vera", "/v1/tenants/city/rooms").await;
    let refused = house.get("ada", "/v1/tenants/city/rooms").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    assert_eq!(refused.json()["type"], "/v1/docs#too-many-requests");
    assert_eq!(house.get("root", "/v1/tenants/village/rooms").await.status, 200);
    assert_eq!(house.get("root", "/v1/tenants/city/rooms").await.status, 200, "who runs the server has its own");
    assert_eq!(house.get("", "/v1/tenants/city/rooms").await.status, 401, "strangers spend nothing of it");
}

/// Every path of the description, in a tenant that exists, with names that exist there.
#[actix_web::test]
async fn no_role_of_one_tenant_reaches_anything_of_another_by_any_path_of_the_description() {
    let house = House::new().await;
    let mut tx = house.store.begin_write().await.unwrap();
    let village = anteroom::store::tenants::by_key(&mut tx, "village").await.unwrap().unwrap();
    let acting = Acting { tenant: &village.id, actor: "test", now: START };
    let secret = rooms::NewRoom { name: "Secret chamber".to_owned(), ..rooms::NewRoom::default() };
    let room = rooms::create(&mut tx, &acting, &secret).await.unwrap();
    tx.commit().await.unwrap();
    let document = house.get("", "/v1/openapi.json").await.json();
    let before = entries(&house, &village.id).await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains("{tenant}")) {
        let url = path
            .replace("{tenant}", "village")
            .replace("{room}", &room.slug)
            .replace("{login}", "root")
            .replace(['{', '}'], "");
        for (method, _) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            for who in ["max", "mona", "vera", "olav", "ada"] {
                let answer = house.ask(who, method.clone(), &format!("/v1{url}?confirm=village"), json!({})).await;
                assert!(matches!(answer.status.as_u16(), 403 | 404), "{who} {method} {url}: {}", answer.text);
                assert!(!answer.text.contains("Secret chamber"), "{who} {method} {url}: {}", answer.text);
                tried += 1;
            }
        }
    }
    assert!(tried > 5 * 60, "{tried}");
    assert_eq!(entries(&house, &village.id).await, before, "nothing was done there");
}

/// The other way about: names of another tenant mean nothing in one's own.
#[actix_web::test]
async fn ids_and_names_of_another_tenant_are_unknown_in_ones_own() {
    let house = House::new().await;
    furnish(&house).await;
    let mut tx = house.store.begin_write().await.unwrap();
    let village = anteroom::store::tenants::by_key(&mut tx, "village").await.unwrap().unwrap();
    let acting = Acting { tenant: &village.id, actor: "test", now: START };
    let new = rooms::NewRoom { name: "Chamber".to_owned(), ..rooms::NewRoom::default() };
    rooms::create(&mut tx, &acting, &new).await.unwrap();
    tx.commit().await.unwrap();
    let settings = json!({ "base_url": "https://booking.example" });
    let new = json!({ "name": "theirs", "kind": "booking_generic", "settings": settings });
    set(&house, "root", "/v1/tenants/village/bridges", new).await;
    let new = json!({ "room": "chamber", "bridge": "theirs", "remote_id": "17" });
    let mapping = set(&house, "root", "/v1/tenants/village/mappings", new).await["id"].as_str().unwrap().to_owned();
    let feed = set(&house, "root", "/v1/tenants/village/feeds", json!({ "room": "chamber", "label": "x" })).await;
    let feed = feed["feed"]["id"].as_str().or(feed["id"].as_str()).unwrap().to_owned();
    let document = house.get("", "/v1/openapi.json").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let names = [("{room}", "chamber"), ("{bridge}", "theirs"), ("{mapping}", &mapping), ("{feed}", &feed)];
        let Some((marker, name)) = names.into_iter().find(|(marker, _)| path.contains(marker)) else { continue };
        let url = path.replace("{tenant}", "city").replace(marker, name).replace(['{', '}'], "");
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = if operation["requestBody"].is_null() { Value::Null } else { body_of(path) };
            let answer = house.ask("ada", method.clone(), &format!("/v1{url}?confirm={name}"), body).await;
            assert_eq!(answer.status.as_u16(), 404, "{method} {url}: {}", answer.text);
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried}");
    let mut tx = house.store.begin_read().await.unwrap();
    let there = mappings::find(&mut tx, &acting, &mapping.as_str().into()).await.unwrap();
    assert_eq!(there.state, anteroom::model::MappingState::Active);
}

/// A body that the handler at a path can read.
fn body_of(path: &str) -> Value {
    match path.rsplit('/').next().unwrap() {
        "hold" => json!({ "reason": "x" }),
        "purge" => json!({ "confirm": 0 }),
        "bookings" => json!({ "summary": "x", "start": "2026-03-02T10:00:00", "end": "2026-03-02T11:00:00" }),
        "closures" => json!({ "from": "2026-03-02T10:00:00", "to": "2026-03-02T11:00:00" }),
        "{room}" if path.contains("grants") => json!({ "privilege": "read" }),
        _ => json!({}),
    }
}

async fn entries(house: &House, tenant: &anteroom::model::TenantId) -> usize {
    audit::latest(&mut house.store.begin_read().await.unwrap(), tenant, 1000).await.unwrap().len()
}

//! Bridges, mappings and everything about keeping in step.

use super::fixture::{House, START};
use actix_web::http::Method;
use anteroom::model::{ConflictId, MappingId, OperationState, Resolution, Uid};
use anteroom::store::conflicts::{self, Conflict};
use anteroom::store::operations::{self, Ended, Holder, Wish};
use anteroom::store::{audit, rooms};
use serde_json::{Value, json};

const CITY: &str = "/v1/tenants/city";

async fn mapped(house: &House) -> Value {
    house.post("ada", &format!("{CITY}/rooms"), json!({ "name": "Hall" })).await;
    let bridge = json!({
        "name": "booking", "kind": "booking_generic",
        "settings": { "base_url": "https://booking.example" }, "secrets": { "api_key": "hush-hush" }
    });
    let made = house.post("ada", &format!("{CITY}/bridges"), bridge).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let mapping = json!({ "room": "hall", "bridge": "booking", "remote_id": "17", "authority": "remote" });
    let made = house.post("ada", &format!("{CITY}/mappings"), mapping).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

#[actix_web::test]
async fn a_bridge_keeps_its_secrets_to_itself() {
    let house = House::new().await;
    mapped(&house).await;
    let change = json!({ "settings": { "base_url": "https://new.example" } });
    let changed = house.ask("ada", Method::PATCH, &format!("{CITY}/bridges/booking"), change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let read = house.get("vera", &format!("{CITY}/bridges/booking")).await;
    assert_eq!(read.json()["settings"]["base_url"], "https://new.example");
    assert_eq!(read.json()["has_secrets"], true);
    assert!(!read.text.contains("hush"), "{}", read.text);
}

#[actix_web::test]
async fn a_secret_among_the_settings_of_a_bridge_is_sealed_all_the_same() {
    let house = House::new().await;
    let settings = json!({ "base_url": "https://booking.example", "api_key": "hush-hush" });
    let bridge = json!({ "name": "booking", "kind": "booking_generic", "settings": settings });
    let made = house.post("ada", &format!("{CITY}/bridges"), bridge).await;
    assert_eq!((made.status.as_u16(), made.json()["has_secrets"].as_bool()), (201, Some(true)), "{}", made.text);
    let change = json!({ "settings": { "base_url": "https://new.example", "api_key": "hush-again" } });
    let changed = house.ask("ada", Method::PATCH, made.header("location"), change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert!(!made.text.contains("hush") && !changed.text.contains("hush"), "{} {}", made.text, changed.text);
}

#[actix_web::test]
async fn a_bridge_that_exists_in_memory_only_is_refused() {
    let house = House::new().await;
    let made = house.post("ada", &format!("{CITY}/bridges"), json!({ "name": "m", "kind": "memory" })).await;
    assert_eq!((made.status.as_u16(), made.json()["field"].as_str()), (422, Some("kind")), "{}", made.text);
}

#[actix_web::test]
async fn the_calendars_of_a_bridge_are_listed_with_the_rooms_they_are_mapped_to() {
    let house = House::new().await;
    mapped(&house).await;
    let mapping = json!({ "name": "m365", "kind": "booking_generic", "settings": { "base_url": "https://b.example" } });
    house.post("ada", &format!("{CITY}/bridges"), mapping).await;
    let wish = json!({ "room": "hall", "bridge": "m365", "remote_id": "hall@city.example" });
    house.post("ada", &format!("{CITY}/mappings"), wish).await;
    let found = house.get("olav", &format!("{CITY}/bridges/m365/calendars")).await;
    assert_eq!(found.status, 200, "{}", found.text);
    let calendar = &found.json()["items"][0];
    assert_eq!((calendar["remote_id"].as_str(), calendar["room"].as_str()), (Some("hall@city.example"), Some("hall")));
    let other = json!({ "name": "annex", "kind": "booking_generic", "settings": { "base_url": "https://a.example" } });
    house.post("ada", &format!("{CITY}/bridges"), other).await;
    for (bridge, room) in [("booking", Some("hall")), ("annex", None)] {
        let found = house.get("olav", &format!("{CITY}/bridges/{bridge}/calendars")).await;
        assert_eq!(found.json()["items"][0].get("room").and_then(Value::as_str), room, "{}", found.text);
    }
    assert_eq!(house.get("vera", &format!("{CITY}/bridges/m365/calendars")).await.status, 403);
    assert_eq!(house.get("olav", &format!("{CITY}/bridges/nothing/calendars")).await.status, 404);
}

#[actix_web::test]
async fn a_remote_system_that_refuses_us_is_a_bad_gateway_with_its_reason() {
    let house = House::new().await;
    let bridge =
        json!({ "name": "broken", "kind": "booking_generic", "settings": { "base_url": "https://b.example" } });
    house.post("ada", &format!("{CITY}/bridges"), bridge).await;
    let answer = house.get("olav", &format!("{CITY}/bridges/broken/calendars")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (502, "application/problem+json"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("no token for you"), "{}", answer.text);
}

#[actix_web::test]
async fn everything_that_works_is_synced_at_once_and_what_is_held_is_not() {
    let house = House::new().await;
    let mapping = mapped(&house).await;
    house.nudged.lock().unwrap().clear();
    let asked = house.post("olav", &format!("{CITY}/sync"), json!(null)).await;
    assert_eq!((asked.status.as_u16(), asked.json()[0]["id"].clone()), (202, mapping["id"].clone()), "{}", asked.text);
    assert_eq!(house.nudged.lock().unwrap().len(), 1);
    let hold = format!("{CITY}/mappings/{}/hold", mapping["id"].as_str().unwrap());
    assert_eq!(house.post("olav", &hold, json!({ "reason": "Painting" })).await.status, 200);
    assert_eq!(house.post("olav", &format!("{CITY}/sync"), json!(null)).await.json(), json!([]));
}

#[actix_web::test]
async fn a_bridge_that_cannot_work_is_refused_by_what_it_lacks() {
    let house = House::new().await;
    for (settings, says) in [
        (json!({}), "missing field `base_url`"),
        (json!({ "base_url": "https://booking.example", "api_keys": "x" }), "unknown field `api_keys`"),
    ] {
        let bridge = json!({ "name": "booking", "kind": "booking_generic", "settings": settings });
        let answer = house.post("ada", &format!("{CITY}/bridges"), bridge).await;
        assert_eq!((answer.status.as_u16(), answer.json()["field"].as_str()), (422, Some("settings")));
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{}", answer.text);
    }
    assert_eq!(house.get("vera", &format!("{CITY}/bridges")).await.json(), json!({ "items": [] }));
}

#[actix_web::test]
async fn a_mapping_is_made_nudged_held_and_released() {
    let house = House::new().await;
    let mapping = mapped(&house).await;
    assert_eq!((mapping["room"].as_str(), mapping["bridge"].as_str()), (Some("hall"), Some("booking")));
    assert_eq!((mapping["direction"].as_str(), mapping["authority"].as_str()), (Some("two_way"), Some("remote")));
    let id = mapping["id"].as_str().unwrap();
    let path = format!("{CITY}/mappings/{id}");
    assert_eq!(*house.nudged.lock().unwrap(), [MappingId::from(id)]);

    assert_eq!(house.post("olav", &format!("{path}/release"), json!(null)).await.status, 409);
    let held = house.post("olav", &format!("{path}/hold"), json!({ "reason": "moving house" })).await;
    assert_eq!((held.json()["state"].as_str(), held.json()["reason"].as_str()), (Some("held"), Some("moving house")));
    let refused = house.post("olav", &format!("{path}/sync"), json!(null)).await;
    assert_eq!((refused.status.as_u16(), refused.json()["type"].as_str()), (409, Some("/v1/docs#wrong-state")));
    assert_eq!(house.post("olav", &format!("{path}/release"), json!(null)).await.json()["state"], "active");
    assert_eq!(house.post("olav", &format!("{path}/sync"), json!(null)).await.status, 202);
    assert_eq!(house.nudged.lock().unwrap().len(), 3);
    let waits = house.get("vera", &path).await.json();
    assert_eq!(waits["dirty_since"], "2026-03-02T08:00:00Z");
}

#[actix_web::test]
async fn a_room_has_one_mapping_on_a_bridge_until_it_is_removed() {
    let house = House::new().await;
    let mapping = mapped(&house).await;
    let again = json!({ "room": "hall", "bridge": "booking", "remote_id": "18" });
    let second = house.post("ada", &format!("{CITY}/mappings"), again.clone()).await;
    assert_eq!((second.status.as_u16(), second.json()["type"].as_str()), (409, Some("/v1/docs#taken")));
    let path = format!("{CITY}/mappings/{}", mapping["id"].as_str().unwrap());
    let policy = house.ask("ada", Method::PATCH, &path, json!({ "direction": "import" })).await.json();
    assert_eq!((policy["direction"].as_str(), policy["authority"].as_str()), (Some("import"), Some("remote")));
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 204);
    assert_eq!(house.get("vera", &path).await.status, 404);
    assert_eq!(house.post("ada", &format!("{CITY}/mappings"), again).await.status, 201);
}

#[actix_web::test]
async fn a_failed_operation_is_tried_again_and_the_story_tells_it() {
    let house = House::new().await;
    let mapping = MappingId::from(mapped(&house).await["id"].as_str().unwrap());
    let uid = Uid("e1@example".to_owned());
    let mut tx = house.store.begin_write().await.unwrap();
    let room = rooms::by_slug(&mut tx, &house.city, "hall").await.unwrap().unwrap();
    let wish = Wish { tenant: &house.city, mapping: &mapping, room: &room.id, uid: &uid, cause_seq: 1, due: START };
    operations::enqueue(&mut tx, &wish).await.unwrap();
    let claimed =
        operations::claim(&mut tx, &mapping, Holder { owner: "w", from: START, until: START.plus_ms(1000) }, START, 10)
            .await
            .unwrap();
    let ended = Ended { state: OperationState::Failed, at: START, error: "refused", remote_writes: 0 };
    operations::finish(&mut tx, &claimed[0], &ended).await.unwrap();
    let entry = audit::Entry {
        tenant: &house.city,
        at: START,
        actor: "principal:ada",
        action: "object.create",
        room: Some(&room.id),
        uid: Some(&uid),
        seq: 1,
        detail: "by hand",
    };
    audit::append(&mut tx, &entry).await.unwrap();
    tx.commit().await.unwrap();

    let failed = house.get("vera", &format!("{CITY}/operations?state=failed")).await.json();
    assert_eq!(failed["items"][0]["last_error"], "refused");
    let path = format!("{CITY}/operations/{}/retry", failed["items"][0]["id"].as_str().unwrap());
    assert_eq!(house.post("vera", &path, json!(null)).await.status, 403);
    assert_eq!(house.post("olav", &path, json!(null)).await.status, 202);
    assert_eq!(house.post("olav", &path, json!(null)).await.status, 409);
    let story = house.get("vera", &format!("{CITY}/events/e1@example/story")).await.json();
    assert_eq!(story["audit"][0]["action"], "object.create");
    assert_eq!(story["operations"][0]["state"], "pending");
    let moments: Vec<&str> =
        story["moments"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(moments, ["object.create", "operation.made"]);
    let why = story["waiting"][0]["why"].as_str().unwrap();
    assert!(why.contains("waits until the remote calendar was read once"), "{why}");
    assert!(why.contains("(booking)"), "the bridge is named: {why}");
    let room = house.get("vera", &format!("{CITY}/rooms/hall/story")).await.json();
    assert_eq!(
        (room["room"].as_str(), room["mappings"][0]["waiting"].as_array().map(Vec::len)),
        (Some("hall"), Some(1))
    );
    assert_eq!(room["oldest_unreconciled"], "2026-03-02T08:00:00Z");
    let status = house.get("vera", &format!("{CITY}/status")).await.json();
    assert_eq!((status[0]["status"].as_str(), status[0]["pending"].as_i64()), (Some("waiting"), Some(1)));
    assert_eq!(house.get("vera", &format!("{CITY}/events/nothing/story")).await.status, 404);
}

async fn conflict_of(house: &House, kind: &str, mapping: &str) -> ConflictId {
    let mut tx = house.store.begin_write().await.unwrap();
    let room = rooms::by_slug(&mut tx, &house.city, "hall").await.unwrap().unwrap();
    let opened = conflicts::Opened {
        room: (&house.city, &room.id),
        mapping,
        uid: &Uid("e1".to_owned()),
        kind,
        sentence: "Two bookings want the hall at ten.".to_owned(),
        versions: ("{}".to_owned(), String::new()),
        proposal: Some((Resolution::KeepBothTentative, START.plus_ms(86_400_000))),
        standing: String::new(),
        now: START,
    };
    let conflict = Conflict::from(opened);
    conflicts::record(&mut tx, &conflict).await.unwrap();
    tx.commit().await.unwrap();
    conflict.id
}

#[actix_web::test]
async fn a_conflict_says_what_is_proposed_until_when_and_is_decided_once() {
    let house = House::new().await;
    mapped(&house).await;
    let id = conflict_of(&house, "slot_collision", "").await;
    let open = house.get("vera", &format!("{CITY}/conflicts?state=open")).await.json();
    assert_eq!(open["items"][0]["sentence"], "Two bookings want the hall at ten.");
    assert_eq!(open["items"][0]["proposal"], "keep_both_tentative");
    assert_eq!(open["items"][0]["deadline"], "2026-03-03T08:00:00Z");
    let sensible = json!(["keep_hub", "keep_remote", "keep_both_tentative", "ignore"]);
    assert_eq!(house.get("vera", &format!("{CITY}/conflicts/{id}")).await.json()["decisions"], sensible);

    let path = format!("{CITY}/conflicts/{id}/resolve");
    let decide = |word: &str| json!({ "decision": word });
    assert_eq!(house.post("vera", &path, decide("keep_hub")).await.status, 403);
    let senseless = house.post("olav", &path, decide("push_again")).await;
    assert_eq!(senseless.status, 422);
    assert!(
        senseless.json()["detail"].as_str().unwrap().contains("say which one keeps the room"),
        "{}",
        senseless.text
    );
    let decided = house.post("olav", &path, decide("keep_hub")).await.json();
    assert_eq!((decided["state"].as_str(), decided["decided_by"].as_str()), (Some("resolved"), Some("principal:olav")));
    assert_eq!(house.post("olav", &path, decide("keep_hub")).await.json(), decided, "once more changes nothing");
    let otherwise = house.post("olav", &path, decide("ignore")).await;
    assert_eq!(otherwise.status, 409);
    assert!(otherwise.json()["detail"].as_str().unwrap().contains("principal:olav"), "{}", otherwise.text);
    let open = house.get("vera", &format!("{CITY}/conflicts?state=open")).await.json();
    assert_eq!(open["items"], json!([]));
    let audit = house.get("vera", &format!("{CITY}/audit")).await.json();
    assert_eq!(
        (audit["items"][0]["action"].as_str(), audit["items"][0]["uid"].as_str()),
        (Some("conflict.resolved"), Some("e1"))
    );
    assert_eq!(house.get("vera", &format!("{CITY}/conflicts?state=settling")).await.status, 400);
    assert_eq!(house.get("vera", &format!("{CITY}/conflicts/nothing")).await.status, 404);
}

#[actix_web::test]
async fn a_first_contact_is_planned_approved_purged_and_verified() {
    let house = House::new().await;
    mapped(&house).await;
    let room = json!({ "name": "Cellar" });
    house.post("ada", &format!("{CITY}/rooms"), room).await;
    let bridge = json!({
        "name": "second", "kind": "booking_generic",
        "settings": { "base_url": "https://second.example" }, "secrets": { "api_key": "hush-hush" }
    });
    house.post("ada", &format!("{CITY}/bridges"), bridge).await;
    let new = json!({ "room": "cellar", "bridge": "second", "remote_id": "17", "auto_approve": false });
    let mapping = house.post("ada", &format!("{CITY}/mappings"), new).await.json();
    assert_eq!(mapping["state"], "awaiting_approval");
    let path = format!("{CITY}/mappings/{}", mapping["id"].as_str().unwrap());
    assert_eq!(house.post("olav", &format!("{path}/release"), json!(null)).await.status, 409);
    assert_eq!(house.post("olav", &format!("{path}/hold"), json!({ "reason": "x" })).await.status, 409);
    assert_eq!(house.get("olav", &format!("{path}/plan?stored=true")).await.status, 404);
    let plan = house.get("olav", &format!("{path}/plan")).await;
    assert_eq!((plan.status.as_u16(), plan.json()["steps"].clone()), (200, json!([])), "{}", plan.text);
    let plans = house.get("olav", &format!("{CITY}/rooms/cellar/plan")).await.json();
    assert_eq!((plans[0]["room"].as_str(), plans.as_array().map(Vec::len)), (Some("cellar"), Some(1)));
    assert_eq!(house.post("olav", &format!("{path}/approve"), json!(null)).await.status, 403);
    assert_eq!(house.post("ada", &format!("{path}/approve"), json!(null)).await.json()["state"], "active");
    assert_eq!(house.post("ada", &format!("{path}/approve"), json!(null)).await.status, 409);
    assert_eq!(house.get("olav", &format!("{path}/copies")).await.json(), json!([]));
    assert_eq!(house.get("vera", &format!("{path}/removals")).await.json(), json!([]));
    assert_eq!(house.post("ada", &format!("{path}/purge"), json!({ "confirm": 1 })).await.status, 409);
    let purged = house.post("ada", &format!("{path}/purge"), json!({ "confirm": 0, "remove": true })).await;
    assert_eq!(purged.json(), json!({ "removed": 0, "left": [] }), "{}", purged.text);
    assert_eq!(house.get("vera", &path).await.status, 404);
    let report = house.get("vera", &format!("{CITY}/verify?quiet=true")).await.json();
    assert_eq!((report["rooms"].as_i64(), report["violations"].clone()), (Some(2), json!([])));
    let unknown = house.get("vera", &format!("{CITY}/verify?room=attic")).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    assert_eq!(house.get("olav", &format!("{CITY}/mappings/nothing/copies")).await.status, 404);
}

#[actix_web::test]
async fn lists_of_the_reconciler_are_empty_lists_before_it_has_run() {
    let house = House::new().await;
    for list in ["links", "sync-runs", "subscriptions", "operations", "conflicts"] {
        let answer = house.get("vera", &format!("{CITY}/{list}")).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "items": [] })), "{list}");
    }
}

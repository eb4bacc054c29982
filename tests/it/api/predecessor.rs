//! The interface of the predecessor: every path of it, who may, what comes back; and the client that is in use.

use super::fixture::{Answer, House, START};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use anteroom::model::SubscriptionId;
use anteroom::store::subscriptions;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Method, template, path, body, the weakest who may, status, members of the answer, whether it is kept as it is.
/// `{id}` is the mapping that stands, `{sub}` a living subscription.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, u16, &'static str, bool);

const SYNCED: &str = "success message results.processed results.successful results.errors results.success_rate \
    results.operations results.complete";
const DELETED: &str = "success message results.detected results.processed results.detected_deletions \
    results.processed_deletions results.success_rate results.systems_affected results.cancelled_events \
    results.reenabled_events results.outlook_deletions results.pending_resets results.errors \
    results.bridge_operations results.summary.outlook_deletions results.summary.booking_system_deletions \
    results.summary.errors";
const STATS: &str = "success statistics.summary.pending statistics.summary.synced statistics.summary.error \
    statistics.summary.conflict summary.pending by_type.event.synced by_type.booking.synced by_type.allocation.synced";
const HEALTH: &str = "success bridges.outlook.status bridges.outlook.last_sync bridges.outlook.calendars_available \
    bridges.booking_system.status bridges.booking_system.api_accessible bridges.booking_system.last_response_time \
    mappings.total mappings.active mappings.pending mappings.errors";
const PAIRS: &str = "success count mappings.0.id mappings.0.target_calendar_name mappings.0.target_calendar_id \
    mappings.0.calendar_name mappings.0.calendar_id mappings.0.booking_system_resource_id mappings.0.calendar_system";
const CANCELS: &str = "success statistics.cancelled statistics.by_system";
const A: &str = r#"{"bridge_from":"booking_system","bridge_to":"outlook","source_calendar_id":17,"target_calendar_id":"hall@city.example"}"#;
const B: &str = r#"{"booking_system_resource_id":"17","calendar_system":"outlook","calendar_resource_id":"hall@city.example","active":true}"#;
const OFF: &str = r#"{"sync_direction":"source_to_target","active":true}"#;
const CONFIG: &str = r#"{"credentials_data":{"api_key":"other"}}"#;
const TOWN: &str = r#"{"tenant_key":"town","name":"Town","timezone":"Europe/Oslo"}"#;

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET", "/bridges", "/bridges", "", "vera", 200, "success count bridges.outlook.capabilities.supports_webhooks bridges.booking_system.name", true),
    ("GET", "/bridges/health", "/bridges/health", "", "vera", 200, HEALTH, true),
    ("GET", "/bridges/{bridge}/calendars", "/bridges/outlook/calendars", "", "olav", 200, "success bridge count calendars.0.id calendars.0.name", true),
    ("POST", "/bridges/sync/{source}/{target}", "/bridges/sync/booking_system/outlook", r#"{"from_date":"2026-06-01","to_date":"2026-07-01"}"#, "olav", 200, SYNCED, true),
    ("POST", "/bridges/process-deletion-queue", "/bridges/process-deletion-queue", "", "olav", 200, DELETED, true),
    ("POST", "/bridges/sync-deletions", "/bridges/sync-deletions", "", "olav", 200, DELETED, true),
    ("GET", "/bridges/deletion-stats", "/bridges/deletion-stats", "", "vera", 200, CANCELS, true),
    ("GET", "/bridges/sync-deletionsion-stats", "/bridges/sync-deletionsion-stats", "", "vera", 200, CANCELS, true),
    ("GET", "/bridges/{bridge}/config", "/bridges/booking_system/config", "", "ada", 200, "success bridge config_data.base_url credentials_data", true),
    ("PUT", "/bridges/{bridge}/config", "/bridges/booking_system/config", CONFIG, "ada", 200, "success bridge config_data", true),
    ("POST", "/bridges/{bridge}/test", "/bridges/outlook/test", "", "olav", 200, "success bridge result.status", true),
    ("POST", "/bridges/poll-changes", "/bridges/poll-changes", "", "olav", 200, SYNCED, true),
    ("GET", "/bridges/{bridge}/available-resources", "/bridges/outlook/available-resources?query=HALL", "", "olav", 200, "success count resources.0.id resources.0.name resources.0.email", true),
    ("GET", "/bridges/{bridge}/available-groups", "/bridges/outlook/available-groups", "", "olav", 200, "success count groups", true),
    ("POST", "/bridges/sync-all", "/bridges/sync-all", "", "root", 200, "success tenants_processed results.city.processed", false),
    ("POST", "/bridges/sync-all/{source}/{target}", "/bridges/sync-all/booking_system/outlook", "", "root", 200, "success tenants_processed results.city.processed", false),
    ("POST", "/bridges/sync-deletions-all", "/bridges/sync-deletions-all", "", "root", 200, "success results.city.detected", false),
    ("GET", "/bridges/health-all", "/bridges/health-all", "", "root", 200, "success count tenants.city.bridges.outlook.status tenants.village.mappings.total", false),
    ("POST", "/alerts/check", "/alerts/check", "", "olav", 200, "success new_alerts resolved_alerts alerts", false),
    ("GET", "/alerts/stats", "/alerts/stats", "", "vera", 200, "success statistics.total statistics.open statistics.by_type", false),
    ("GET", "/alerts", "/alerts", "", "vera", 200, "success count alerts", false),
    ("POST", "/alerts/{id}/acknowledge", "/alerts/{id}/acknowledge", "", "olav", 404, "success error", false),
    ("DELETE", "/alerts/old", "/alerts/old?days=30", "", "ada", 200, "success deleted_count", false),
    ("POST", "/bridge/process-pending", "/bridge/process-pending", "", "olav", 200, SYNCED, false),
    ("GET", "/bridge/stats", "/bridge/stats", "", "vera", 200, STATS, false),
    ("GET", "/bridge/pending", "/bridge/pending", "", "vera", 200, "success count operations", false),
    ("GET", "/bridge/completed", "/bridge/completed", "", "vera", 200, "success count operations", false),
    ("DELETE", "/bridge/cleanup-orphaned", "/bridge/cleanup-orphaned", "", "olav", 200, "success message deleted_count", false),
    ("GET", "/bridge/automation-stats", "/bridge/automation-stats", "", "vera", 200, "success statistics.operations_waiting statistics.runs statistics.conflicts_open", false),
    ("POST", "/sync/populate-mapping", "/sync/populate-mapping?resource_id=17", "", "olav", 200, "success message results.resources results.processed results.created", false),
    ("GET", "/sync/pending-items", "/sync/pending-items?limit=5", "", "vera", 200, "success count items", false),
    ("POST", "/sync/to-outlook", "/sync/to-outlook?limit=100", "", "olav", 200, "success message results.processed results.created results.updated results.errors results.details", false),
    ("GET", "/sync/outlook-events", "/sync/outlook-events", "", "vera", 200, "success count events", false),
    ("POST", "/sync/from-outlook", "/sync/from-outlook", "", "olav", 200, "success message results.processed results.imported results.errors", false),
    ("DELETE", "/sync/cleanup-orphaned", "/sync/cleanup-orphaned", "", "olav", 200, "success message deleted_count", false),
    ("GET", "/sync/stats", "/sync/stats", "", "vera", 200, STATS, false),
    ("POST", "/sync/item/{type}/{id}/{resource}", "/sync/item/event/78265/17", "", "olav", 200, "success message mapping_id known", true),
    ("GET", "/booking/pending-imports", "/booking/pending-imports", "", "vera", 200, "success count imports", false),
    ("POST", "/booking/process-imports", "/booking/process-imports", "", "olav", 200, "success message results.processed results.successful results.errors results.success_rate results.reservation_ids", false),
    ("GET", "/booking/processed-imports", "/booking/processed-imports", "", "vera", 200, "success count imports", false),
    ("GET", "/booking/processing-stats", "/booking/processing-stats", "", "vera", 200, "success statistics.summary.pending statistics.by_type.event.synced", false),
    ("GET", "/cancel/stats", "/cancel/stats", "", "vera", 200, CANCELS, false),
    ("GET", "/cancel/cancelled-reservations", "/cancel/cancelled-reservations", "", "vera", 200, "success count cancelled_reservations", false),
    ("POST", "/cancel/booking/{type}/{id}/{resource}", "/cancel/booking/booking/78265/17", "", "olav", 200, "success message mapping_id known", true),
    ("POST", "/polling/initialize", "/polling/initialize", "", "olav", 200, "success statistics.total_calendars calendars.0.calendar_id", false),
    ("GET", "/polling/stats", "/polling/stats", "", "vera", 200, "success statistics.total_calendars statistics.healthy calendars.0.is_healthy", false),
    ("POST", "/webhook/create", "/webhook/create", r#"{"calendar_id":"hall@city.example"}"#, "olav", 409, "success error", false),
    ("GET", "/webhook/subscriptions", "/webhook/subscriptions", "", "vera", 200, "success count subscriptions.0.subscription_id subscriptions.0.calendar_id", false),
    ("DELETE", "/webhook/delete/{id}", "/webhook/delete/{sub}", "", "olav", 200, "success message", false),
    ("POST", "/webhook/renew/{id}", "/webhook/renew/{sub}", "", "olav", 202, "success message subscription.renews_at", false),
    ("GET", "/resource-mapping", "/resource-mapping", "", "vera", 200, PAIRS, false),
    ("GET", "/outlook/available-rooms", "/outlook/available-rooms", "", "olav", 200, "success count resources.0.id", false),
    ("GET", "/outlook/available-groups", "/outlook/available-groups", "", "olav", 200, "success count groups", false),
    ("GET", "/mappings/resources", "/mappings/resources?bridge_to=outlook", "", "vera", 200, PAIRS, true),
    ("POST", "/mappings/resources", "/mappings/resources", A, "ada", 409, "success error mapping_id", true),
    ("GET", "/mappings/resources/by-resource/{id}", "/mappings/resources/by-resource/17", "", "vera", 200, PAIRS, true),
    ("DELETE", "/mappings/resources/by-key/{from}/{source}/{target}", "/mappings/resources/by-key/booking_system/17/hall@city.example", "", "ada", 200, "success message deleted_mapping.id", true),
    ("PUT", "/mappings/resources/{id}", "/mappings/resources/{id}", OFF, "ada", 200, "success mapping_id mapping.sync_direction", true),
    ("DELETE", "/mappings/resources/{id}", "/mappings/resources/{id}", "", "ada", 200, "success message mapping_id", true),
    ("POST", "/mappings/resources/{id}/sync", "/mappings/resources/{id}/sync", "", "olav", 200, SYNCED, true),
    ("DELETE", "/mappings/resources/{from}/{source}/{target}", "/mappings/resources/booking_system/17/hall@city.example", "", "ada", 200, "success message deleted_mapping.id", false),
    ("GET", "/bridges/resource-mappings", "/bridges/resource-mappings", "", "vera", 200, PAIRS, false),
    ("POST", "/bridges/resource-mappings", "/bridges/resource-mappings", B, "ada", 409, "success error mapping_id", false),
    ("PUT", "/bridges/resource-mappings/{id}", "/bridges/resource-mappings/{id}", OFF, "ada", 200, "success mapping_id", false),
    ("DELETE", "/bridges/resource-mappings/{id}", "/bridges/resource-mappings/{id}", "", "ada", 200, "success mapping_id", false),
    ("GET", "/resource-mappings", "/resource-mappings", "", "vera", 200, PAIRS, false),
    ("POST", "/resource-mappings", "/resource-mappings", B, "ada", 409, "success error mapping_id", false),
    ("PUT", "/resource-mappings/{id}", "/resource-mappings/{id}", OFF, "ada", 200, "success mapping_id", false),
    ("DELETE", "/resource-mappings/{id}", "/resource-mappings/{id}", "", "ada", 200, "success mapping_id", false),
    ("GET", "/tenants", "/tenants", "", "vera", 200, "success count tenants.0.tenant_key tenants.0.status tenants.0.timezone", true),
    ("POST", "/tenants", "/tenants", TOWN, "root", 201, "success tenant.tenant_key tenant.limits.rate_limit_per_minute", true),
    ("GET", "/tenants/{tenant}", "/tenants/city", "", "vera", 200, "success tenant.tenant_key tenant.flags.webhook_enabled", true),
    ("PUT", "/tenants/{tenant}", "/tenants/city", r#"{"name":"The City"}"#, "ada", 200, "success tenant.name", true),
    ("DELETE", "/tenants/{tenant}", "/tenants/city", "", "root", 422, "success error", true),
    ("GET", "/tenants/{tenant}/bridges", "/tenants/city/bridges", "", "vera", 200, "success bridges.outlook.name", true),
    ("GET", "/tenants/{tenant}/bridges/health", "/tenants/city/bridges/health", "", "vera", 200, HEALTH, true),
    ("GET", "/tenants/{tenant}/bridges/{bridge}/calendars", "/tenants/city/bridges/outlook/calendars", "", "olav", 200, "success calendars.0.id", true),
    ("POST", "/tenants/{tenant}/bridges/sync/{source}/{target}", "/tenants/city/bridges/sync/outlook/booking_system", "", "olav", 200, SYNCED, true),
    ("POST", "/tenants/{tenant}/bridges/sync/{operation}", "/tenants/city/bridges/sync/booking_to_outlook", "", "olav", 200, SYNCED, true),
    ("POST", "/tenants/{tenant}/bridges/sync-deletions", "/tenants/city/bridges/sync-deletions", "", "olav", 200, DELETED, true),
    ("GET", "/tenants/{tenant}/mappings/resources", "/tenants/city/mappings/resources", "", "vera", 200, PAIRS, true),
    ("POST", "/tenants/{tenant}/mappings/resources", "/tenants/city/mappings/resources", A, "ada", 409, "success error mapping_id", true),
    ("PUT", "/tenants/{tenant}/mappings/resources/{id}", "/tenants/city/mappings/resources/{id}", OFF, "ada", 200, "success mapping_id", true),
    ("GET", "/tenants/{tenant}/cancel/stats", "/tenants/city/cancel/stats", "", "vera", 200, CANCELS, true),
    ("POST", "/tenants/{tenant}/sync-all", "/tenants/city/sync-all", "", "olav", 200, SYNCED, true),
    ("POST", "/tenants/{tenant}/maintenance/full", "/tenants/city/maintenance/full", "", "olav", 200, "success results.sync.processed results.verify.violations", true),
    ("GET", "/api/dashboard/tenants", "/api/dashboard/tenants", "", "vera", 200, "success count tenants.0.numbers.mappings", true),
    ("GET", "/api/dashboard/global/stats", "/api/dashboard/global/stats", "", "vera", 200, "success tenants totals.mappings bookings.synced", true),
    ("GET", "/api/dashboard/{tenant}/health", "/api/dashboard/city/health", "", "vera", 200, "success tenant numbers.mappings bridges.outlook.status", true),
];

/// Who has the next weaker role.
fn weaker(who: &str) -> &'static str {
    match who {
        "root" => "ada",
        "ada" => "olav",
        "olav" => "vera",
        _ => "mona",
    }
}

async fn ask(house: &House, who: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut request = TestRequest::default().method(method.parse::<Method>().unwrap()).uri(path);
    if let Some(key) = house.keys.get(who) {
        request = request.insert_header(("x-api-key", key.clone()));
    }
    // Who runs the server belongs to another tenant.
    request = request.insert_header(("x-tenant-id", "city"));
    if !body.is_empty() {
        request = request.insert_header(("content-type", "application/json")).set_payload(body.to_owned());
    }
    house.send(request).await
}

/// A bridge to Microsoft 365 and one to a booking system.
async fn bridged() -> House {
    let house = House::new().await;
    let graph = json!({ "tenant": "city.example", "client_id": "c", "client_secret": "s3cret" });
    let booking = json!({ "base_url": "https://booking.example", "api_key": "s3cret" });
    for (name, kind, settings) in [("m365", "graph", graph), ("booking", "booking_generic", booking)] {
        let new = json!({ "name": name, "kind": kind, "settings": settings });
        assert_eq!(house.post("ada", "/v1/tenants/city/bridges", new).await.status, 201);
    }
    house
}

/// The mapping that stands, made if it does not.
async fn mapping(house: &House) -> String {
    let answer = ask(house, "ada", "POST", "/mappings/resources", A).await;
    assert!(matches!(answer.status.as_u16(), 201 | 409), "{}", answer.text);
    answer.json()["mapping_id"].as_str().unwrap().to_owned()
}

async fn subscription(house: &House, mapping: &str) {
    let one = subscriptions::Subscription {
        misses: 0,
        id: SubscriptionId::fresh(),
        tenant_id: house.city.clone(),
        mapping_id: mapping.into(),
        hook_key: SubscriptionId::fresh().to_string(),
        hook_base: "https://rooms.example".to_owned(),
        sealed_secret: String::new(),
        remote_id: Some("remote-1".to_owned()),
        state: subscriptions::ACTIVE.to_owned(),
        expires_ms: None,
        renew_ms: START.plus_days(1),
        notified_ms: None,
        last_error: String::new(),
        created_ms: START,
    };
    let mut tx = house.store.begin_write().await.unwrap();
    subscriptions::put(&mut tx, &one).await.unwrap();
    tx.commit().await.unwrap();
}

fn member<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(json, |value, step| match step.parse::<usize>() {
        Ok(at) => value.get(at),
        Err(_) => value.get(step),
    })
}

#[actix_web::test]
async fn every_path_answers_in_its_shape_to_who_may_and_to_nobody_else() {
    let house = bridged().await;
    house.ask("root", Method::PATCH, "/v1/tenants/city", json!({ "limits": { "rate_limit_per_minute": 5000 } })).await;
    let first = mapping(&house).await;
    subscription(&house, &first).await;
    for (method, template, path, body, who, status, members, is_kept) in TABLE {
        let id = mapping(&house).await;
        let subscribed = template.contains("/webhook/").then(|| subscription(&house, &id));
        if let Some(subscribed) = subscribed {
            subscribed.await;
        }
        let path = path.replace("{id}", &id).replace("{sub}", "remote-1");
        let context = format!("{method} {path}");
        assert_eq!(ask(&house, "", method, &path, body).await.status, 401, "{context}");
        let refused = ask(&house, weaker(who), method, &path, body).await;
        assert_eq!((refused.status.as_u16(), refused.json()["success"].as_bool()), (403, Some(false)), "{context}");

        let answer = ask(&house, who, method, &path, body).await;
        assert_eq!(answer.status.as_u16(), *status, "{context}: {}", answer.text);
        let json = answer.json();
        for name in members.split_whitespace() {
            assert!(member(&json, name).is_some(), "{context} lacks {name}: {}", answer.text);
        }
        let fine = *status < 300;
        assert_eq!((json["success"].as_bool(), json.get("error").is_none()), (Some(fine), fine), "{context}");
        assert!(answer.header("ratelimit").starts_with("\"tenant\";r="), "{context}");
        assert!(!answer.header("x-request-id").is_empty(), "{context}");
        let told = (answer.header("deprecation"), answer.header("sunset").is_empty(), answer.header("link").is_empty());
        let expected = if *is_kept { ("", true, true) } else { ("@1793491200", false, false) };
        assert_eq!(told, expected, "{context}");
    }
}

#[actix_web::test]
async fn the_table_has_a_row_for_every_path_of_the_description() {
    let house = House::new().await;
    let document = house.get("", "/v1/openapi-predecessor.json").await.json();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone(), operation["deprecated"] == false));
        }
    }
    let tried: BTreeSet<(String, String, bool)> =
        TABLE.iter().map(|row| (row.0.to_owned(), row.1.to_owned(), row.7)).collect();
    assert_eq!(tried, described);
    assert_eq!(TABLE.len(), described.len());
}

/// Byte for byte what the booking system's client sends, and what it reads of the answers.
#[actix_web::test]
async fn the_four_calls_of_the_booking_client_are_answered_as_it_reads_them() {
    let house = bridged().await;
    let call = async |method: &str, path: &str, body: &str| {
        let mut request = TestRequest::default()
            .method(method.parse::<Method>().unwrap())
            .uri(path)
            .insert_header(("X-API-Key", house.keys["ada"].clone()))
            .insert_header(("X-Tenant-Id", "City"))
            .insert_header(("Content-Type", "application/json"));
        if !body.is_empty() {
            request = request.set_payload(body.to_owned());
        }
        house.send(request).await
    };
    let found = call("GET", "/bridges/outlook/available-resources?query=hall", "").await.json();
    assert_eq!((found["count"].as_u64(), found["resources"][0]["id"].as_str()), (Some(1), Some("hall@city.example")));
    let none = call("GET", "/bridges/outlook/available-resources?query=nowhere", "").await.json();
    assert_eq!((none["count"].as_u64(), none["resources"].as_array().unwrap().len()), (Some(0), 0));

    let none = call("GET", "/mappings/resources/by-resource/431", "").await;
    assert_eq!((none.status.as_u16(), none.json()["mappings"].as_array().unwrap().len()), (200, 0));
    let body = r#"{"bridge_from":"booking_system","bridge_to":"outlook","source_calendar_id":"431","source_calendar_name":"431","target_calendar_id":"hall@city.example","target_calendar_name":"Council hall"}"#;
    let made = call("POST", "/mappings/resources", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let again = call("POST", "/mappings/resources", body).await;
    assert_eq!((again.status.as_u16(), &again.json()["mapping_id"]), (409, &made.json()["mapping_id"]));

    let found = call("GET", "/mappings/resources/by-resource/431", "").await.json();
    let mapping = &found["mappings"][0];
    assert_eq!(mapping["target_calendar_name"], "Council hall");
    assert_eq!(mapping["target_calendar_id"], "hall@city.example");
    assert!(found.get("error").is_none());
    assert_eq!(house.get("vera", "/v1/tenants/city/rooms/council-hall").await.status, 200, "the room was made");

    let path = "/mappings/resources/by-key/booking_system/431/hall%40city.example";
    let gone = call("DELETE", path, "").await;
    assert_eq!((gone.status.as_u16(), gone.json()["deleted"].as_bool()), (200, Some(true)), "{}", gone.text);
    let again = call("DELETE", path, "").await;
    assert_eq!((again.status.as_u16(), again.json()["deleted"].as_bool()), (200, Some(false)));
    assert!(again.json().get("error").is_none());
    let found = call("GET", "/mappings/resources/by-resource/431", "").await.json();
    assert_eq!(found["mappings"], json!([]));
    assert_eq!(call("POST", "/mappings/resources", body).await.status, 201, "and mapped again");
}

#[actix_web::test]
async fn a_body_that_lacks_something_is_refused_by_its_name() {
    let house = bridged().await;
    let refused = ask(&house, "ada", "POST", "/mappings/resources", r#"{"bridge_from":"booking_system"}"#).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().contains("Missing required field: source_calendar_id"));
    assert_eq!(ask(&house, "ada", "POST", "/mappings/resources", "[1]").await.status, 400);
    let unknown = ask(&house, "olav", "POST", "/bridges/sync/google/outlook", "").await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    let other = ask(&house, "ada", "PATCH", "/mappings/resources", "{}").await;
    assert_eq!((other.status.as_u16(), other.header("allow")), (405, "GET, POST"));
}

#[actix_web::test]
async fn the_tenant_of_path_or_header_is_closed_to_people_of_another_one() {
    let house = bridged().await;
    let document = house.get("", "/v1/openapi-predecessor.json").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let url = path.replace("{tenant}", "village").replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys() {
            for who in ["max", "mona", "vera", "olav", "ada"] {
                let request = TestRequest::default()
                    .method(method.to_uppercase().parse::<Method>().unwrap())
                    .uri(&url)
                    .insert_header(("x-api-key", house.keys[who].clone()))
                    .insert_header(("x-tenant-id", "village"));
                let answer = house.send(request).await;
                assert_eq!(answer.status.as_u16(), 403, "{who} {method} {url}: {}", answer.text);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, TABLE.len() * 5);
}

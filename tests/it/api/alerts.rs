//! Alerts over REST, and in the shape of the predecessor.

use super::fixture::{House, START};
use anteroom::model::{AlertId, AlertKind, AlertState, Severity};
use anteroom::store::alerts::{self, Alert};
use serde_json::{Value, json};

const ALERTS: &str = "/v1/tenants/city/alerts";

async fn raise(house: &House, kind: AlertKind, severity: Severity) -> String {
    let alert = Alert {
        id: AlertId::fresh(),
        tenant_id: house.city.clone(),
        kind,
        cause: "x".to_owned(),
        severity,
        room_id: String::new(),
        sentence: "It is so.".to_owned(),
        state: AlertState::Open,
        raised_ms: START,
        absent_since_ms: None,
        acknowledged_ms: None,
        acknowledged_by: String::new(),
        settled_ms: None,
    };
    let mut tx = house.store.begin_write().await.unwrap();
    assert!(alerts::raise(&mut tx, &alert).await.unwrap());
    assert!(
        !alerts::raise(&mut tx, &Alert { id: AlertId::fresh(), ..alert.clone() }).await.unwrap(),
        "one for a cause"
    );
    tx.commit().await.unwrap();
    alert.id.to_string()
}

#[actix_web::test]
async fn alerts_are_listed_filtered_and_acknowledged_by_operators() {
    let house = House::new().await;
    let held = raise(&house, AlertKind::Held, Severity::Warning).await;
    raise(&house, AlertKind::Credentials, Severity::Critical).await;
    let all = house.get("vera", ALERTS).await.json();
    assert_eq!((&all["items"][0]["kind"], &all["items"][1]["kind"]), (&json!("credentials"), &json!("held")));
    let one = house.get("vera", &format!("{ALERTS}?kind=held&state=open")).await.json();
    assert_eq!((one["items"].as_array().unwrap().len(), &one["items"][0]["id"]), (1, &json!(held)));
    assert_eq!(house.get("vera", &format!("{ALERTS}?kind=nothing")).await.status, 400);
    let path = format!("{ALERTS}/{held}");
    assert_eq!(house.post("vera", &format!("{path}/acknowledge"), Value::Null).await.status, 403);
    let known = house.post("olav", &format!("{path}/acknowledge"), Value::Null).await.json();
    assert_eq!((&known["state"], &known["acknowledged_by"]), (&json!("acknowledged"), &json!("principal:olav")));
    assert_eq!(house.get("vera", &path).await.json()["state"], "acknowledged");
    assert_eq!(house.get("vera", &format!("{ALERTS}/nothing")).await.status, 404);
    assert!(house.get("ada", "/v1/tenants/city/audit").await.text.contains("alert.acknowledge"));
    assert_eq!(house.get("max", ALERTS).await.status, 403);
}

#[actix_web::test]
async fn programs_of_the_predecessor_find_the_same_alerts() {
    let house = House::new().await;
    let held = raise(&house, AlertKind::Held, Severity::Warning).await;
    let listed = house.get("olav", "/alerts").await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    assert!(!listed.header("deprecation").is_empty());
    assert_eq!((&listed.json()["count"], &listed.json()["alerts"][0]["alert_type"]), (&json!(1), &json!("held")));
    let known = house.post("olav", &format!("/alerts/{held}/acknowledge"), json!({})).await.json();
    assert_eq!(known["alert"]["status"], "acknowledged");
    let stats = house.get("olav", "/alerts/stats").await.json();
    assert_eq!((&stats["statistics"]["acknowledged"], &stats["statistics"]["by_type"]["held"]), (&json!(1), &json!(1)));
    let checked = house.post("olav", "/alerts/check", json!({})).await;
    assert_eq!((checked.status.as_u16(), &checked.json()["new_alerts"]), (200, &json!(0)));
    let old = house.ask("ada", actix_web::http::Method::DELETE, "/alerts/old?days=1", Value::Null).await;
    assert_eq!(old.json()["deleted_count"], 0);
}

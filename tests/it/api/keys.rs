//! Keys, verification of the audit, retention and personal data over REST.

use super::fixture::House;
use actix_web::http::Method;
use serde_json::json;

#[actix_web::test]
async fn only_a_super_admin_sees_and_rotates_keys_and_twice_at_once_is_refused() {
    let house = House::new().await;
    for who in ["ada", "vera", "mona"] {
        assert_eq!(house.get(who, "/v1/keys").await.status, 403, "{who}");
        assert_eq!(house.post(who, "/v1/keys/rotate", json!(null)).await.status, 403, "{who}");
    }
    let seen = house.get("root", "/v1/keys").await.json();
    assert_eq!((&seen["master_key"], &seen["left"]), (&json!("file"), &json!(0)));
    let rotated = house.post("root", "/v1/keys/rotate", json!(null)).await;
    assert_eq!(rotated.status, 202, "{}", rotated.text);
    assert_eq!(rotated.json()["keys"].as_array().unwrap().last().unwrap()["state"], "waiting");
    assert_eq!(house.post("root", "/v1/keys/rotate", json!(null)).await.status, 409);
    let audited = house.get("root", "/v1/tenants/village/audit").await.text;
    assert!(audited.contains("keys.rotate"), "{audited}");
}

#[actix_web::test]
async fn the_audit_is_followed_over_rest() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let told = house.get("ada", "/v1/tenants/city/audit/verification").await.json();
    assert_eq!((&told["whole"], &told["first"]), (&json!(true), &json!(1)));
    assert!(told["entries"].as_i64().unwrap() > 1, "{told}");
    assert_eq!(house.get("vera", "/v1/tenants/city/audit/verification").await.status, 403);
}

#[actix_web::test]
async fn policies_are_set_listed_and_taken_back() {
    let house = House::new().await;
    let path = "/v1/tenants/city/retention";
    let policy = json!({ "keep_days": 20, "archive": true });
    assert_eq!(house.ask("vera", Method::PUT, &format!("{path}/sync_runs"), policy.clone()).await.status, 403);
    let set = house.ask("ada", Method::PUT, &format!("{path}/sync_runs"), policy.clone()).await;
    assert_eq!((set.status.as_u16(), &set.json()["keep_days"]), (200, &json!(20)));
    assert_eq!(house.ask("ada", Method::PUT, &format!("{path}/gossip"), policy).await.status, 422);
    let few = json!({ "keep_days": 7 });
    assert_eq!(house.ask("ada", Method::PUT, &format!("{path}/audit"), few).await.status, 422);
    assert_eq!(house.get("vera", path).await.json()[0]["data_type"], "sync_runs");
    assert_eq!(house.ask("ada", Method::DELETE, &format!("{path}/sync_runs"), json!(null)).await.status, 204);
    assert_eq!(house.ask("ada", Method::DELETE, &format!("{path}/sync_runs"), json!(null)).await.status, 404);
}

#[actix_web::test]
async fn a_person_is_handed_out_and_erased_by_administrators_only() {
    let house = House::new().await;
    let people = "/v1/tenants/city/people/nils@example.org";
    let new = json!({ "login": "nils", "email": "nils@example.org", "display_name": "Nils Holm" });
    assert_eq!(house.post("ada", "/v1/tenants/city/principals", new).await.status, 201);
    assert_eq!(house.get("olav", &format!("{people}/data")).await.status, 403);
    assert_eq!(house.get("ada", &format!("{people}/data")).await.json()["principal"]["login"], "nils");
    assert_eq!(house.post("olav", &format!("{people}/erasure"), json!(null)).await.status, 403);
    let done = house.post("ada", &format!("{people}/erasure"), json!(null)).await;
    assert_eq!((done.status.as_u16(), &done.json()["principal"]), (200, &json!(true)), "{}", done.text);
    assert!(!house.get("ada", "/v1/tenants/city/principals").await.text.contains("nils"));
    assert!(house.get("ada", "/v1/tenants/city/audit/verification").await.json()["whole"].as_bool().unwrap());
}

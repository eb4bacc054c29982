//! Principals, secrets and grants.

use super::fixture::House;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

const PEOPLE: &str = "/v1/tenants/city/principals";

#[actix_web::test]
async fn a_new_principal_signs_in_with_the_secret_that_is_shown_once() {
    let house = House::new().await;
    let made = house.post("ada", PEOPLE, json!({ "login": "Nils", "role": "tenant_viewer" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = house.post("ada", &format!("{PEOPLE}/nils/api-keys"), json!({ "label": "script" })).await.json();
    let secret = key["secret"].as_str().unwrap();
    assert!(secret.starts_with("ar_"));
    let request = TestRequest::get().uri("/v1/tenants/city/rooms").insert_header(("x-api-key", secret));
    assert_eq!(house.send(request).await.status, 200);
    let password = house.post("ada", &format!("{PEOPLE}/nils/passwords"), json!({ "label": "phone" })).await.json();
    let listed = house.get("ada", &format!("{PEOPLE}/nils/passwords")).await;
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    for shown in [secret, password["secret"].as_str().unwrap(), "$argon2id"] {
        assert!(!listed.text.contains(shown), "{}", listed.text);
    }
}

#[actix_web::test]
async fn nobody_makes_or_changes_a_principal_stronger_than_himself() {
    let house = House::new().await;
    let answer = house.post("ada", PEOPLE, json!({ "login": "eve", "role": "super_admin" })).await;
    assert_eq!(answer.status, 403);
    assert_eq!(house.post("root", PEOPLE, json!({ "login": "eve", "role": "super_admin" })).await.status, 201);
    for (method, path, body) in [
        (Method::POST, format!("{PEOPLE}/eve/api-keys"), json!({ "label": "x" })),
        (Method::POST, format!("{PEOPLE}/eve/passwords"), json!({ "label": "x" })),
        (Method::PATCH, format!("{PEOPLE}/eve"), json!({ "disabled": true })),
    ] {
        assert_eq!(house.ask("ada", method, &path, body).await.status, 403, "{path}");
    }
}

#[actix_web::test]
async fn a_grant_is_set_listed_and_taken_back() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall" })).await;
    let grants = "/v1/tenants/city/grants";
    let grant = json!({ "login": "max", "room": "hall", "privilege": "write" });
    let set = house.ask("ada", Method::PUT, grants, grant.clone()).await;
    assert_eq!((set.status.as_u16(), set.json()), (200, grant.clone()));
    let everywhere = json!({ "login": "max", "room": "*", "privilege": "read-free-busy" });
    assert_eq!(house.ask("ada", Method::PUT, grants, everywhere.clone()).await.status, 200);
    let listed = house.get("vera", &format!("{grants}?login=max")).await.json();
    let mut listed = listed.as_array().unwrap().clone();
    listed.sort_by_key(|grant| grant["room"].to_string());
    assert_eq!(listed, [everywhere.clone(), grant]);
    assert_eq!(
        house.ask("ada", Method::DELETE, &format!("{grants}?login=max&room=hall"), json!(null)).await.status,
        204
    );
    assert_eq!(house.get("vera", &format!("{grants}?login=max")).await.json(), json!([everywhere]));
    let nowhere = json!({ "login": "max", "room": "cellar", "privilege": "write" });
    assert_eq!(house.ask("ada", Method::PUT, grants, nowhere).await.status, 404);
}

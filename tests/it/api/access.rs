//! Who gets in, who may do what, and what a refusal looks like.

use super::fixture::{CONFIGURED, House, PASSWORD};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

fn basic(login: &str, password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD.encode(format!("{login}:{password}"))))
}

#[actix_web::test]
async fn nobody_gets_a_problem_document_with_a_challenge_and_a_request_id() {
    let house = House::new().await;
    let answer = house.get("", "/v1/tenants/city/rooms").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    assert_eq!(answer.json()["type"], "/v1/docs#unauthenticated");
    assert_eq!(answer.json()["instance"], answer.header("x-request-id"));
    assert!(!answer.header("x-request-id").is_empty());
}

#[actix_web::test]
async fn key_bearer_password_and_configured_key_open_the_same_door() {
    let house = House::new().await;
    let key = house.keys["ada"].clone();
    for header in [
        ("x-api-key", key.clone()),
        ("authorization", format!("Bearer {key}")),
        basic("ada", PASSWORD),
        ("x-api-key", CONFIGURED.to_owned()),
    ] {
        let name = header.1.clone();
        let answer = house.send(TestRequest::get().uri("/v1/tenants/city/rooms").insert_header(header)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
}

#[actix_web::test]
async fn wrong_credentials_of_every_kind_are_refused_alike() {
    let house = House::new().await;
    let mut forged = house.keys["ada"].clone();
    forged.pop();
    forged.push('0');
    for header in [
        ("x-api-key", forged),
        ("x-api-key", "hunter2".to_owned()),
        basic("ada", "wrong"),
        basic("nobody", PASSWORD),
        basic("ada", &house.keys["ada"]),
    ] {
        let answer = house.send(TestRequest::get().uri("/v1/tenants/city/rooms").insert_header(header)).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
}

#[actix_web::test]
async fn a_role_may_what_it_may_and_the_refusal_names_the_role_that_is_needed() {
    let house = House::new().await;
    let room = json!({ "name": "Council hall" });
    assert_eq!(house.get("max", "/v1/tenants/city/rooms").await.status, 403);
    assert_eq!(house.get("vera", "/v1/tenants/city/rooms").await.status, 200);
    for who in ["vera", "olav"] {
        let answer = house.post(who, "/v1/tenants/city/rooms", room.clone()).await;
        assert_eq!(answer.status, 403, "{who}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("TenantAdmin"), "{}", answer.text);
    }
    assert_eq!(house.post("ada", "/v1/tenants/city/rooms", room).await.status, 201);
}

#[actix_web::test]
async fn another_tenant_is_closed_except_to_a_super_admin() {
    let house = House::new().await;
    assert_eq!(house.get("ada", "/v1/tenants/village/rooms").await.status, 403);
    assert_eq!(house.get("ada", "/v1/tenants/nowhere/rooms").await.status, 403);
    assert_eq!(house.get("root", "/v1/tenants/city/rooms").await.status, 200);
    assert_eq!(house.get("root", "/v1/tenants/nowhere/rooms").await.status, 404);
    let own = house.get("ada", "/v1/tenants").await.json();
    assert_eq!(own.as_array().unwrap().len(), 1);
    assert_eq!(house.get("root", "/v1/tenants").await.json().as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn a_locked_out_principal_and_a_withdrawn_key_open_nothing() {
    let house = House::new().await;
    let lock = json!({ "disabled": true });
    let answer = house.ask("ada", Method::PATCH, "/v1/tenants/city/principals/vera", lock).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(house.get("vera", "/v1/tenants/city/rooms").await.status, 401);

    let secrets = house.get("ada", "/v1/tenants/city/principals/olav/passwords").await.json();
    let path = format!("/v1/tenants/city/principals/olav/passwords/{}", secrets[0]["id"].as_str().unwrap());
    assert_eq!(house.get("olav", "/v1/tenants/city/rooms").await.status, 200);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 204);
    assert_eq!(house.get("olav", "/v1/tenants/city/rooms").await.status, 401);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 404);
}

#[actix_web::test]
async fn a_browser_cannot_be_made_to_change_things_from_another_site() {
    let house = House::new().await;
    let request = || TestRequest::post().uri("/v1/tenants/city/mappings/x/sync").insert_header(basic("ada", PASSWORD));
    assert_eq!(house.send(request().insert_header(("sec-fetch-site", "cross-site"))).await.status, 403);
    assert_eq!(house.send(request().insert_header(("sec-fetch-site", "same-origin"))).await.status, 404);
}

#[actix_web::test]
async fn bodies_are_refused_by_name() {
    let house = House::new().await;
    let rooms = "/v1/tenants/city/rooms";
    let unknown = house.post("ada", rooms, json!({ "name": "Hall", "colour": "#000000" })).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.json()["detail"].as_str().unwrap().contains("unknown field `colour`"), "{}", unknown.text);
    let invalid = house.post("ada", rooms, json!({ "name": "Hall", "zone": "Mars" })).await;
    assert_eq!((invalid.status.as_u16(), invalid.json()["field"].as_str()), (422, Some("zone")));
    let large = house.post("ada", rooms, json!({ "name": "x".repeat(5000) })).await;
    assert_eq!(large.status, 413, "{}", large.text);
    let key = house.keys["ada"].clone();
    let form = TestRequest::post().uri(rooms).insert_header(("x-api-key", key)).set_form([("name", "Hall")]);
    assert_eq!(house.send(form).await.status, 415);
}

#[actix_web::test]
async fn strange_paths_are_404_and_strange_methods_405() {
    let house = House::new().await;
    let lost = house.get("ada", "/v1/tenants/city/nothing").await;
    assert_eq!((lost.status.as_u16(), lost.json()["type"].as_str()), (404, Some("/v1/docs#not-found")));
    let put = house.ask("ada", Method::PUT, "/v1/tenants/city/rooms", json!({})).await;
    assert_eq!((put.status.as_u16(), put.header("allow")), (405, "GET, POST"));
}

//! The dashboard: who sees it, and that it shows what there is.

use super::fixture::House;
use super::fixture::PASSWORD;
use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

async fn page(house: &House, path: &str, login: &str, password: &str) -> super::fixture::Answer {
    let basic = format!("Basic {}", STANDARD.encode(format!("{login}:{password}")));
    house.send(TestRequest::get().uri(path).insert_header(("authorization", basic))).await
}

#[actix_web::test]
async fn a_browser_is_asked_to_sign_in_and_then_sees_the_rooms_of_its_tenant() {
    let house = House::new().await;
    house.post("ada", "/v1/tenants/city/rooms", json!({ "name": "Hall <1>" })).await;
    house.post("root", "/v1/tenants/village/rooms", json!({ "name": "Barn" })).await;
    let nobody = house.get("", "/dashboard").await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").starts_with("Basic"));
    let shown = page(&house, "/dashboard", "ada", PASSWORD).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains("<h3>Hall &lt;1&gt;</h3>") && !shown.text.contains("Barn"), "{}", shown.text);
    assert!(shown.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(page(&house, "/dashboard/city", "ada", PASSWORD).await.status, 200);
    assert_eq!(page(&house, "/dashboard/", "ada", PASSWORD).await.status, 200);
    assert_eq!(house.get("vera", "/dashboard").await.status, 200, "an API key signs in, too");
    assert_eq!(page(&house, "/dashboard/village", "ada", PASSWORD).await.status, 401);
    assert_eq!(page(&house, "/dashboard", "ada", "wrong").await.status, 401);
}

#[actix_web::test]
async fn a_member_is_not_shown_the_dashboard_and_a_super_admin_any_tenants() {
    let house = House::new().await;
    let by_key = |who: &str, path: &str| {
        let key = house.keys[who].clone();
        TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {key}")))
    };
    assert_eq!(house.send(by_key("max", "/dashboard")).await.status, 403);
    let other = house.send(by_key("root", "/dashboard/city")).await;
    assert_eq!(other.status, 200);
    assert!(other.text.contains("href=\"/dashboard/village\""), "{}", other.text);
    assert_eq!(house.send(by_key("root", "/dashboard/nowhere")).await.status, 404);
    assert_eq!(house.send(by_key("vera", "/dashboard/village")).await.status, 403);
}

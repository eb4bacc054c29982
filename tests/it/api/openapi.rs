//! The description and the routes are one: what is described is mounted, what is not is not there.

use super::fixture::House;
use actix_web::http::Method;
use serde_json::Value;

#[actix_web::test]
async fn every_operation_of_the_description_is_mounted_and_asks_for_credentials() {
    let house = House::new().await;
    let document = house.get("", "/v1/openapi.json").await.json();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let url = format!("/v1{}", path.replace(['{', '}'], "").replace("/tenants/tenant", "/tenants/city"));
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let nobody = house.ask("", method.clone(), &url, Value::Null).await;
            assert_eq!(nobody.status, 401, "{method} {url}");
            let admin = house.ask("ada", method.clone(), &url, Value::Null).await;
            assert_ne!(admin.status, 405, "{method} {url}");
            if admin.status == 404 {
                let detail = admin.json()["detail"].as_str().unwrap().to_owned();
                assert!(!detail.contains("nothing at"), "{method} {url}: {detail}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 116);
}

#[actix_web::test]
async fn every_reference_of_the_description_is_defined() {
    let house = House::new().await;
    let text = house.get("", "/v1/openapi.json").await.text;
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut references = 0;
    for reference in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
        references += 1;
    }
    assert!(references > 50, "{references}");
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
}

#[actix_web::test]
async fn the_documentation_needs_no_credentials_and_runs_no_script() {
    let house = House::new().await;
    let page = house.get("", "/v1/docs").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(page.text.contains("/v1/tenants/{tenant}/rooms"));
}

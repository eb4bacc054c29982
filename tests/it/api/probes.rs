//! What operators and load balancers ask.

use super::fixture::House;

#[actix_web::test]
async fn health_and_readiness_need_no_credentials() {
    let house = House::new().await;
    assert_eq!(house.get("", "/health").await.text, r#"{"status":"ok"}"#);
    assert_eq!(house.get("", "/ready").await.text, r#"{"status":"ready"}"#);
}

#[actix_web::test]
async fn without_a_database_the_server_is_alive_but_not_ready() {
    let house = House::new().await;
    house.store.close().await;
    assert_eq!(house.get("", "/health").await.status, 200);
    let ready = house.get("", "/ready").await;
    assert_eq!((ready.status.as_u16(), ready.header("retry-after")), (503, "5"));
}

#[actix_web::test]
async fn closed_metrics_ask_for_a_monitor() {
    let house = House::new().await;
    assert_eq!(house.get("", "/metrics").await.status, 401);
    assert_eq!(house.get("max", "/metrics").await.status, 403);
    let metrics = house.get("mona", "/metrics").await;
    assert_eq!((metrics.status.as_u16(), metrics.text.as_str()), (200, "anteroom_up 1\n"));
}

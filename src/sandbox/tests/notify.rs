//! Subscriptions and notifications.

use super::*;

fn subscription(url: &str) -> Value {
    json!({"changeType": "created,updated,deleted", "notificationUrl": url, "lifecycleNotificationUrl": url,
           "resource": format!("/users/{FJORD}/events"), "expirationDateTime": "2026-03-05T00:00:00Z", "clientState": "s3cret"})
}

fn changes(got: &Got) -> Vec<Value> {
    let got = got.lock().unwrap();
    got.iter()
        .filter_map(|(_, _, body)| serde_json::from_str::<Value>(body).ok())
        .map(|body| body["value"][0].clone())
        .collect()
}

#[tokio::test]
async fn a_subscription_shakes_hands_notifies_and_is_refused_twice() {
    let client = Client::start().await;
    let (url, got) = receiver(202).await;
    let (status, made) = client.post("/subscriptions", &subscription(&url)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(got.lock().unwrap().len(), 2, "both addresses shake hands");
    assert_eq!(client.post("/subscriptions", &subscription(&url)).await.0, 409);
    let id = client.book(FJORD, &meeting(3, 9, 10)).await;
    until(async || changes(&got).iter().any(|row| row["changeType"] == "updated")).await;
    let row = changes(&got).into_iter().find(|row| row["changeType"] == "created").unwrap();
    assert_eq!((&row["clientState"], &row["resourceData"]["id"]), (&json!("s3cret"), &json!(id)));
    client.delete(&format!("/users/{FJORD}/events/{id}")).await;
    until(async || changes(&got).iter().any(|row| row["changeType"] == "deleted")).await;
    client.control("POST", "/graph/lifecycle", &json!({"event": "subscriptionRemoved"})).await;
    until(async || changes(&got).iter().any(|row| row["lifecycleEvent"] == "subscriptionRemoved")).await;
    assert_eq!(client.get("/subscriptions").await.1["value"], json!([]));
}

#[tokio::test]
async fn a_subscription_is_renewed_and_ends_by_itself() {
    let client = Client::start().await;
    let (url, _got) = receiver(202).await;
    let (_, made) = client.post("/subscriptions", &subscription(&url)).await;
    let target = format!("/subscriptions/{}", made["id"].as_str().unwrap());
    let renewal = json!({"expirationDateTime": "2026-03-02T08:50:00Z"});
    assert_eq!(client.patch(&target, &renewal).await.1["expirationDateTime"], "2026-03-02T08:50:00Z");
    assert_eq!(client.patch(&target, &json!({"expirationDateTime": "2026-03-20T00:00:00Z"})).await.0, 400);
    client.clock.advance_ms(51 * 60_000);
    assert_eq!(client.get(&target).await.0, 404);
}

#[tokio::test]
async fn an_endpoint_that_does_not_echo_the_token_gets_no_subscription() {
    let client = Client::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    drop(listener);
    let (status, body) = client.post("/subscriptions", &subscription(&url)).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("ValidationError")));
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again() {
    let client = Client::start().await;
    let (url, got) = receiver(503).await;
    client.control("PUT", "/faults", &json!({"graph": {"notification_copies": [1, 1]}})).await;
    let mut wanted = subscription(&url);
    wanted["changeType"] = json!("created");
    assert_eq!(client.post("/subscriptions", &wanted).await.0, 201);
    client.book(FJORD, &meeting(3, 9, 10)).await;
    until(async || changes(&got).len() >= 2).await;
}

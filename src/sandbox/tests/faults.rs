//! The switchboard and the seed.

use super::*;

async fn count(client: &Client) -> usize {
    client.get(&format!("/users/{FJORD}/events")).await.1["value"].as_array().unwrap().len()
}

async fn once(client: &Client, fault: &str) {
    let switches = json!({"graph": {"once": [{"method": "POST", "path": "/events", "fault": fault}]}});
    assert_eq!(client.control("PUT", "/faults", &switches).await.0, 200);
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_a_reset_has_none() {
    let client = Client::start().await;
    let target = format!("/users/{FJORD}/events");
    once(&client, "reset").await;
    assert!(client.raw("POST", &target, &[], &meeting(3, 9, 10)).await.is_err());
    assert_eq!(count(&client).await, 0);
    once(&client, "lost_answer").await;
    assert!(client.raw("POST", &target, &[], &meeting(3, 9, 10)).await.is_err());
    assert_eq!(count(&client).await, 1);
    once(&client, "lost_answer_504").await;
    assert_eq!(client.post(&target, &meeting(4, 9, 10)).await.0, 504);
    assert_eq!(count(&client).await, 2);
    once(&client, "truncate").await;
    assert!(client.raw("POST", &target, &[], &meeting(5, 9, 10)).await.is_err());
    assert_eq!(count(&client).await, 3);
}

#[tokio::test]
async fn throttling_errors_and_html_have_no_effect() {
    let client = Client::start().await;
    let target = format!("/users/{FJORD}/events");
    once(&client, "throttle").await;
    let answer = client.raw("POST", &target, &[], &meeting(3, 9, 10)).await.unwrap();
    assert_eq!(answer.status, 429);
    assert!(answer.headers.contains(&("retry-after".to_owned(), "1".to_owned())));
    once(&client, "error").await;
    assert!(client.post(&target, &meeting(3, 9, 10)).await.0 >= 500);
    once(&client, "html").await;
    assert!(client.raw("POST", &target, &[], &meeting(3, 9, 10)).await.unwrap().body.starts_with(b"<!DOCTYPE"));
    assert_eq!(count(&client).await, 0);
}

#[tokio::test]
async fn the_fifth_request_at_once_for_one_mailbox_is_throttled() {
    let client = Client::start().await;
    client.control("PUT", "/faults", &json!({"graph": {"latency_ms": [400, 400]}})).await;
    let target = format!("/users/{FJORD}/events");
    let all = futures_util::future::join_all((0..6).map(|_| client.get(&target))).await;
    let throttled: Vec<&Value> =
        all.iter().filter(|(status, _)| *status == 429).map(|(_, body)| &body["error"]).collect();
    assert_eq!(throttled.len(), 2);
    assert_eq!(throttled[0]["code"], "ApplicationThrottled");
}

#[tokio::test]
async fn a_wrong_switch_is_refused_and_the_log_knows_every_request() {
    let client = Client::start().await;
    assert_eq!(client.control("PUT", "/faults", &json!({"graph": {"no_such": 1}})).await.0, 400);
    client.book(FJORD, &meeting(3, 9, 10)).await;
    let (_, log) = client.control("GET", "/requests", &Value::Null).await;
    let last = log["requests"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["method"], &last["status"], &last["system"]), (&json!("POST"), &json!(201), &json!("graph")));
    let (_, state) = client.control("GET", "/state", &Value::Null).await;
    assert_eq!(state["counters"]["graph POST /v1.0/users/{id}/events"], 1);
}

#[tokio::test]
async fn the_seed_plants_every_kind_of_booking_once() {
    let client = Client::start().await;
    assert_eq!(client.control("POST", "/reset", &json!({"seed": true})).await.0, 204);
    let (_, state) = client.control("GET", "/state", &Value::Null).await;
    let boxes = &state["graph"]["mailboxes"];
    assert_eq!(boxes.as_object().unwrap().len(), 15);
    let series = &boxes["formannskapssalen@fjordby.example"]["events"][0];
    assert_eq!(series["cancelledDates"].as_array().unwrap().len(), 1);
    assert_eq!(series["exceptionDates"].as_array().unwrap().len(), 1);
    assert_eq!(state["portico"]["reservations"].as_array().unwrap().len(), 15);
    assert_eq!(state["generic"]["events"].as_array().unwrap().len(), 4);
    for _ in 0..20 {
        crate::sandbox::life::step(&client.sandbox.world).await;
    }
    let (_, later) = client.control("GET", "/state", &Value::Null).await;
    assert_ne!(later["generic"], state["generic"]);
}

#[tokio::test]
async fn switches_take_what_they_can_be_set_to_and_nothing_else() {
    let client = Client::start().await;
    for (switches, says) in [
        (json!({"graph": {"error_rate": 7}}), "graph.error_rate: 7"),
        (json!({"portico": {"html_rate": -0.1}}), "portico.html_rate"),
        (json!({"generic": {"latency_ms": [20, 10]}}), "generic.latency_ms"),
        (json!({"graf": {}}), "unknown field `graf`"),
    ] {
        let (status, answer) = client.control("PUT", "/faults", &switches).await;
        assert_eq!(status, 400, "{switches}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{answer}");
    }
    assert_eq!(client.control("GET", "/faults", &Value::Null).await.1["graph"]["error_rate"], 0.0);
}

#[tokio::test]
async fn who_asks_the_control_api_wrongly_reads_what_there_is() {
    let client = Client::start().await;
    let (status, answer) = client.control("GET", "/nothing", &Value::Null).await;
    assert_eq!(status, 404);
    assert!(answer["routes"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("/faults")));
}

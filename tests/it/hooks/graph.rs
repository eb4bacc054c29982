//! `/hooks/graph/{key}`: handshake, proof of origin, one row for a notification however often it comes.

use super::fixture::*;
use actix_web::test::TestRequest;
use anteroom::store::subscriptions::{ACTIVE, DEAD, REQUESTED, Subscription};
use serde_json::Value;
use serde_json::json;

fn change(client_state: &str, etag: &str) -> Value {
    json!({"value": [{
        "subscriptionId": REMOTE,
        "subscriptionExpirationDateTime": "2026-03-08T08:00:00+00:00",
        "changeType": "updated",
        "resource": "Users/hall@example.org/Events/1",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "@odata.etag": etag, "id": "1"},
        "clientState": client_state,
        "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95"
    }]})
}

fn lifecycle(event: &str) -> Value {
    json!({"value": [{"subscriptionId": REMOTE, "clientState": SECRET, "lifecycleEvent": event}]})
}

fn post(path: &str, body: &Value) -> TestRequest {
    TestRequest::post().uri(path).set_json(body)
}

fn hook() -> String {
    format!("/hooks/graph/{KEY}")
}

#[actix_web::test]
async fn the_handshake_is_answered_with_the_decoded_token_as_text() {
    let house = House::new().await;
    house.store.close().await;
    for path in [hook(), format!("{}/lifecycle", hook()), "/hooks/graph/unknown".to_owned()] {
        let uri = format!("{path}?validationToken=Validation%3a+Testing%20%3Cb%3E");
        let (status, media, text) = house.ask(TestRequest::post().uri(&uri)).await;
        assert_eq!((status, media.as_str(), text.as_str()), (200, "text/plain", "Validation: Testing <b>"));
    }
    let (status, _, _) = house.ask(TestRequest::post().uri(&format!("{}?validationToken=", hook()))).await;
    assert_eq!(status, 400);
}

#[actix_web::test]
async fn a_change_is_stored_once_wakes_the_mapping_and_nudges() {
    let house = House::new().await;
    for _ in 0..3 {
        assert_eq!(house.ask(post(&hook(), &change(SECRET, "1"))).await.0, 202);
    }
    assert_eq!((house.counted("graph", "changed"), house.counted("graph", "repeated")), (1, 2));
    assert_eq!(house.nudges(), 1);
    assert_eq!(house.due().await, NOW.plus_ms(500));
    assert_eq!(house.subscription().await.notified_ms, Some(NOW));
    house.ask(post(&hook(), &change(SECRET, "2"))).await;
    assert_eq!(house.nudges(), 2);
}

#[actix_web::test]
async fn many_notifications_in_one_body_nudge_once() {
    let house = House::new().await;
    let items: Vec<Value> = (0..5).map(|etag| change(SECRET, &etag.to_string())["value"][0].clone()).collect();
    assert_eq!(house.ask(post(&hook(), &json!({ "value": items }))).await.0, 202);
    assert_eq!(house.counted("graph", "changed"), 5);
    assert_eq!(house.nudges(), 1);
}

#[actix_web::test]
async fn a_wrong_client_state_is_accepted_and_ignored() {
    let house = House::new().await;
    for wrong in ["", "a secret of the subscriptioN", "a"] {
        assert_eq!(house.ask(post(&hook(), &change(wrong, "1"))).await.0, 202);
    }
    assert_eq!(house.counted("graph", "forged"), 3);
    assert_eq!(house.nudges(), 0);
    assert_eq!(house.due().await, NOW.plus_days(1));
}

#[actix_web::test]
async fn unknown_keys_other_subscriptions_and_dead_ones_are_accepted_and_counted() {
    let house = House::new().await;
    assert_eq!(house.ask(post("/hooks/graph/nobody", &change(SECRET, "1"))).await.0, 202);
    let mut other = change(SECRET, "1");
    other["value"][0]["subscriptionId"] = json!("another");
    assert_eq!(house.ask(post(&hook(), &other)).await.0, 202);
    let dead = Subscription { state: DEAD.to_owned(), ..house.subscription().await };
    house.put(&dead).await;
    assert_eq!(house.ask(post(&hook(), &change(SECRET, "1"))).await.0, 202);
    assert_eq!(house.counted("graph", "unknown"), 3);
    assert_eq!(house.nudges(), 0);
}

#[actix_web::test]
async fn a_notification_may_come_before_the_answer_that_names_the_subscription() {
    let house = House::new().await;
    let asked = Subscription { state: REQUESTED.to_owned(), remote_id: None, ..house.subscription().await };
    house.put(&asked).await;
    assert_eq!(house.ask(post(&hook(), &change(SECRET, "1"))).await.0, 202);
    assert_eq!(house.nudges(), 1);
}

#[actix_web::test]
async fn lifecycle_events_act_on_the_subscription() {
    for (event, word, state, renewed) in [
        ("missed", "missed", ACTIVE, false),
        ("reauthorizationRequired", "reauthorize", ACTIVE, true),
        ("subscriptionRemoved", "removed", DEAD, false),
    ] {
        let house = House::new().await;
        let before = house.subscription().await;
        let (status, _, _) = house.ask(post(&format!("{}/lifecycle", hook()), &lifecycle(event))).await;
        assert_eq!(status, 202);
        assert_eq!(house.counted("graph", word), 1, "{event}");
        let after = house.subscription().await;
        assert_eq!(after.state, state, "{event}");
        assert_eq!(after.renew_ms, if renewed { NOW } else { before.renew_ms }, "{event}");
        assert_eq!((house.nudges(), house.due().await), (1, NOW.plus_ms(500)), "{event}");
    }
}

#[actix_web::test]
async fn a_later_lifecycle_event_of_the_same_kind_counts_again() {
    let house = House::new().await;
    for minutes in [0, 0, 60] {
        house.clock.advance_ms(minutes * 60_000);
        house.ask(post(&hook(), &lifecycle("missed"))).await;
    }
    assert_eq!((house.counted("graph", "missed"), house.counted("graph", "repeated")), (2, 1));
}

#[actix_web::test]
async fn malformed_bodies_get_a_sentence_and_large_ones_are_not_read() {
    let house = House::new().await;
    for body in ["", "no json", "{\"value\":[{}]}"] {
        let (status, _, text) = house.ask(TestRequest::post().uri(&hook()).set_payload(body)).await;
        assert_eq!(status, 400, "{body}");
        assert!(text.ends_with('.'), "{text}");
    }
    assert_eq!(house.counted("graph", "malformed"), 3);
    let (status, _, text) = house.ask(TestRequest::post().uri(&hook()).set_payload("x".repeat(4_097))).await;
    assert_eq!(status, 413);
    assert!(text.contains("4096 bytes"), "{text}");
}

#[actix_web::test]
async fn the_predecessors_address_finds_the_subscription_by_its_id() {
    let house = House::new().await;
    let path = "/webhook/outlook-notifications";
    assert_eq!(house.ask(post(path, &change("wrong", "1"))).await.0, 202);
    assert_eq!(house.nudges(), 0);
    assert_eq!(house.ask(post(path, &change(SECRET, "1"))).await.0, 202);
    assert_eq!(house.nudges(), 1);
    let (status, _, text) = house.ask(TestRequest::get().uri(&format!("{path}?validationToken=a%20b"))).await;
    assert_eq!((status, text.as_str()), (200, "a b"));
    assert_eq!(house.ask(TestRequest::get().uri(path)).await.0, 400);
}

#[actix_web::test]
async fn a_store_that_cannot_take_it_asks_for_a_repetition() {
    let house = House::new().await;
    house.store.close().await;
    let (status, _, text) = house.ask(post(&hook(), &change(SECRET, "1"))).await;
    assert_eq!((status, text.as_str()), (503, "The notification could not be stored. Send it again."));
    assert_eq!(house.nudges(), 0);
}

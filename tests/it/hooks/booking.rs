//! `/hooks/booking/{key}`: signed over the raw body.

use super::fixture::*;
use actix_web::test::TestRequest;
use anteroom::crypt::Secret;
use anteroom::crypt::mac::webhook_signature;
use anteroom::manage::Acting;
use anteroom::manage::tenants;
use anteroom::manage::tenants::{Flags, TenantPatch};

const BODY: &str = r#"{"value":[{"change_type":"updated","resource_id":7,"timestamp":"2026-03-02T08:00:00+01:00"}]}"#;

fn signed(secret: &str, body: &str) -> TestRequest {
    TestRequest::post()
        .uri(&format!("/hooks/booking/{KEY}"))
        .insert_header(("X-Booking-Signature", webhook_signature(&Secret::new(secret), body.as_bytes())))
        .set_payload(body.to_owned())
}

#[actix_web::test]
async fn a_signed_body_is_stored_once_and_nudges_once() {
    let house = House::new().await;
    for _ in 0..2 {
        assert_eq!(house.ask(signed(SECRET, BODY)).await.0, 202);
    }
    assert_eq!((house.counted("booking", "changed"), house.counted("booking", "repeated")), (1, 1));
    assert_eq!((house.nudges(), house.due().await), (1, NOW.plus_ms(500)));
}

#[actix_web::test]
async fn a_named_delivery_is_one_whatever_its_body_and_however_late() {
    let house = House::new().await;
    for body in [BODY, "{}"] {
        house.ask(signed(SECRET, body).insert_header(("X-Booking-Delivery", "d-1"))).await;
        house.clock.advance_ms(3_600_000);
    }
    assert_eq!(house.nudges(), 1);
    house.ask(signed(SECRET, BODY).insert_header(("X-Booking-Delivery", "d-2"))).await;
    assert_eq!(house.nudges(), 2);
}

#[actix_web::test]
async fn a_wrong_or_missing_signature_is_refused() {
    let house = House::new().await;
    let unsigned = TestRequest::post().uri(&format!("/hooks/booking/{KEY}")).set_payload(BODY);
    let moved = TestRequest::post()
        .uri(&format!("/hooks/booking/{KEY}"))
        .insert_header(("X-Booking-Signature", webhook_signature(&Secret::new(SECRET), b"{}")))
        .set_payload(BODY);
    for request in [signed("another", BODY), unsigned, moved] {
        let (status, _, text) = house.ask(request).await;
        assert_eq!(status, 401);
        assert!(text.starts_with("X-Booking-Signature is not"), "{text}");
    }
    assert_eq!((house.counted("booking", "forged"), house.nudges()), (3, 0));
}

#[actix_web::test]
async fn unknown_keys_are_accepted_and_other_than_json_is_refused() {
    let house = House::new().await;
    assert_eq!(house.ask(TestRequest::post().uri("/hooks/booking/nobody").set_payload(BODY)).await.0, 202);
    assert_eq!(house.counted("booking", "unknown"), 1);
    assert_eq!(house.ask(signed(SECRET, "not json")).await.0, 400);
    assert_eq!(house.ask(signed(SECRET, &"x".repeat(5_000))).await.0, 413);
    assert_eq!(house.nudges(), 0);
}

#[actix_web::test]
async fn where_a_tenant_wants_no_real_time_sync_a_notification_is_stored_and_the_next_poll_reads() {
    let house = House::new().await;
    let poll = house.due().await;
    let acting = Acting { tenant: &house.tenant, actor: "command-line", now: NOW };
    let flags = Flags { real_time_sync: Some(false), ..Flags::default() };
    let mut tx = house.store.begin_write().await.unwrap();
    tenants::update(&mut tx, &acting, &TenantPatch { flags, ..TenantPatch::default() }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(house.ask(signed(SECRET, BODY)).await.0, 202);
    assert_eq!(house.counted("booking", "changed"), 1);
    assert_eq!(house.due().await, poll, "as it was");
    assert_eq!(house.subscription().await.notified_ms, Some(NOW), "the system has spoken");
}

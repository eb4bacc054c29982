//! `POST /hooks/booking/{key}`: notifications of a booking system, signed over the raw body.

use super::HookDoor;
use super::answer::accepted;
use super::answer::body;
use super::answer::sentence;
use super::answer::unavailable;
use super::deliver;
use super::deliver::Arrival;
use super::notification::Kind;
use crate::crypt::mac;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::subscriptions;
use crate::store::subscriptions::Subscription;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web;
use serde_json::Value;

const SOURCE: &str = "booking";
/// `sha256=<hex>` over the raw body.
const SIGNATURE: &str = "X-Booking-Signature";
/// Names a delivery, where the sender has such a name.
const DELIVERY: &str = "X-Booking-Delivery";
/// Without a name of its own, an equal body within this time is a repetition: a sender that puts no time into its
/// bodies sends the same one for every change.
const SAME_MS: i64 = 60_000;

/// Notifications to the address of one subscription.
pub(super) async fn notified(
    request: HttpRequest,
    door: web::Data<HookDoor>,
    key: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let bytes = match body(payload, door.limits.hook_bytes).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    let subscription = match find(&door, &key).await {
        Ok(Some(subscription)) => subscription,
        Ok(None) => {
            deliver::refuse(&door, SOURCE, "unknown");
            return accepted();
        }
        Err(e) => return unavailable(&e),
    };
    if !is_authentic(&door, &request, &subscription, &bytes) {
        // Refused by name: the sender's log is where its administrator finds a wrong key.
        deliver::refuse(&door, SOURCE, "forged");
        let text = format!("{SIGNATURE} is not the HMAC-SHA-256 of this body under the key of this subscription.");
        return sentence(StatusCode::UNAUTHORIZED, &text);
    }
    if serde_json::from_slice::<Value>(&bytes).is_err() {
        deliver::refuse(&door, SOURCE, "malformed");
        return sentence(StatusCode::BAD_REQUEST, "The body is not JSON.");
    }
    let delivery = delivery_key(header(&request, DELIVERY), &bytes, door.clock.now());
    let arrival = Arrival { subscription: &subscription, kind: Kind::Changed, key: &delivery };
    deliver::store(&door, SOURCE, &[arrival]).await.map_or_else(|e| unavailable(&e), |_| accepted())
}

/// Notifications to the predecessor's one address. The ids of the subscriptions are in the body; the signature decides
/// which of them is believed.
pub(super) async fn notified_anywhere(
    request: HttpRequest,
    door: web::Data<HookDoor>,
    payload: web::Payload,
) -> HttpResponse {
    let bytes = match body(payload, door.limits.hook_bytes).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    let Ok(json) = serde_json::from_slice::<Value>(&bytes) else {
        deliver::refuse(&door, SOURCE, "malformed");
        return sentence(StatusCode::BAD_REQUEST, "The body is not JSON.");
    };
    let found = match named(&door, &json).await {
        Ok(found) => found,
        Err(e) => return unavailable(&e),
    };
    let authentic: Vec<&Subscription> = found.iter().filter(|one| is_authentic(&door, &request, one, &bytes)).collect();
    if authentic.is_empty() {
        deliver::refuse(&door, SOURCE, if found.is_empty() { "unknown" } else { "forged" });
        let text =
            format!("{SIGNATURE} is not the HMAC-SHA-256 of this body under the key of a subscription it names.");
        return sentence(StatusCode::UNAUTHORIZED, &text);
    }
    let delivery = delivery_key(header(&request, DELIVERY), &bytes, door.clock.now());
    let arrival = |subscription| Arrival { subscription, kind: Kind::Changed, key: delivery.as_str() };
    let arrivals: Vec<Arrival<'_>> = authentic.into_iter().map(arrival).collect();
    deliver::store(&door, SOURCE, &arrivals).await.map_or_else(|e| unavailable(&e), |_| accepted())
}

/// Most notifications of one body that are looked at.
const NOTIFICATIONS: usize = 200;

/// The living subscriptions that a body names.
async fn named(door: &HookDoor, json: &Value) -> Result<Vec<Subscription>, StoreError> {
    let items = json["value"].as_array().map_or(&[][..], Vec::as_slice);
    let id = |item: &Value| match &item["subscription_id"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let ids: std::collections::BTreeSet<String> = items.iter().take(NOTIFICATIONS).filter_map(id).collect();
    let mut tx = door.store.begin_read().await?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(subscriptions::by_remote_id(&mut tx, &id).await?);
    }
    Ok(found)
}

async fn find(door: &HookDoor, key: &str) -> Result<Option<Subscription>, StoreError> {
    let mut tx = door.store.begin_read().await?;
    Ok(subscriptions::by_hook_key(&mut tx, key).await?.filter(|s| s.state != subscriptions::DEAD))
}

fn is_authentic(door: &HookDoor, request: &HttpRequest, subscription: &Subscription, bytes: &[u8]) -> bool {
    let signature = header(request, SIGNATURE).unwrap_or_default();
    deliver::secret(door, subscription).is_some_and(|secret| mac::verify_webhook(&secret, bytes, signature))
}

fn delivery_key(id: Option<&str>, bytes: &[u8], now: Timestamp) -> String {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => mac::digest(format!("id|{id}").as_bytes()),
        None => format!("{}|{}", mac::digest(bytes), now.ms().div_euclid(SAME_MS)),
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_delivery_is_one_for_ever_and_a_nameless_one_for_a_minute() {
        let at = |ms| Timestamp(ms);
        assert_eq!(delivery_key(Some("7"), b"a", at(0)), delivery_key(Some("7"), b"b", at(9_000_000)));
        assert_ne!(delivery_key(Some("7"), b"a", at(0)), delivery_key(Some("8"), b"a", at(0)));
        assert_eq!(delivery_key(None, b"a", at(0)), delivery_key(Some(""), b"a", at(59_999)));
        assert_ne!(delivery_key(None, b"a", at(0)), delivery_key(None, b"a", at(60_000)));
        assert_ne!(delivery_key(None, b"a", at(0)), delivery_key(None, b"b", at(0)));
    }
}

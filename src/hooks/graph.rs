//! `POST /hooks/graph/{key}` and `…/lifecycle`: change and lifecycle notifications of Microsoft Graph.
//!
//! The key in the address leads to one subscription. The predecessor's address has none; there the id of the
//! subscription in each notification does. Either way `clientState` decides whether it is believed.

use super::HookDoor;
use super::answer::accepted;
use super::answer::body;
use super::answer::sentence;
use super::answer::unavailable;
use super::deliver;
use super::deliver::Arrival;
use super::handshake;
use super::notification;
use super::notification::Notification;
use crate::crypt::Secret;
use crate::store::StoreError;
use crate::store::subscriptions;
use crate::store::subscriptions::Subscription;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web;
use std::collections::BTreeMap;

const SOURCE: &str = "graph";

/// Notifications to the address of one subscription.
pub(super) async fn notified(
    request: HttpRequest,
    door: web::Data<HookDoor>,
    key: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    if let Some(answer) = handshake::answer(request.query_string()) {
        return answer;
    }
    let items = match read(&door, payload).await {
        Ok(items) => items,
        Err(answer) => return answer,
    };
    let stored = match candidates_of_key(&door, &key).await {
        Ok(candidates) => take(&door, &items, |_| &candidates).await,
        Err(e) => Err(e),
    };
    stored.map_or_else(|e| unavailable(&e), |()| accepted())
}

/// Notifications to the predecessor's one address.
pub(super) async fn notified_anywhere(
    request: HttpRequest,
    door: web::Data<HookDoor>,
    payload: web::Payload,
) -> HttpResponse {
    if let Some(answer) = handshake::answer(request.query_string()) {
        return answer;
    }
    let items = match read(&door, payload).await {
        Ok(items) => items,
        Err(answer) => return answer,
    };
    let stored = match candidates_of_items(&door, &items).await {
        Ok(candidates) => {
            let none = Vec::new();
            take(&door, &items, |item| candidates.get(&item.subscription).unwrap_or(&none)).await
        }
        Err(e) => Err(e),
    };
    stored.map_or_else(|e| unavailable(&e), |()| accepted())
}

/// A look at the predecessor's address, which some use to test that it is reached.
pub(super) async fn asked_anywhere(request: HttpRequest) -> HttpResponse {
    handshake::answer(request.query_string()).unwrap_or_else(|| {
        sentence(StatusCode::BAD_REQUEST, "Notifications are sent here by POST; GET answers a validationToken only.")
    })
}

async fn read(door: &HookDoor, payload: web::Payload) -> Result<Vec<Notification>, HttpResponse> {
    let bytes = body(payload, door.limits.hook_bytes).await?;
    notification::parse(&bytes, door.clock.now()).map_err(|text| {
        deliver::refuse(door, SOURCE, "malformed");
        sentence(StatusCode::BAD_REQUEST, &text)
    })
}

async fn candidates_of_key(door: &HookDoor, key: &str) -> Result<Vec<Subscription>, StoreError> {
    let mut tx = door.store.begin_read().await?;
    Ok(subscriptions::by_hook_key(&mut tx, key).await?.into_iter().collect())
}

async fn candidates_of_items(
    door: &HookDoor,
    items: &[Notification],
) -> Result<BTreeMap<String, Vec<Subscription>>, StoreError> {
    let mut found = BTreeMap::new();
    let mut tx = door.store.begin_read().await?;
    for item in items {
        if !found.contains_key(&item.subscription) {
            let candidates = subscriptions::by_remote_id(&mut tx, &item.subscription).await?;
            found.insert(item.subscription.clone(), candidates);
        }
    }
    Ok(found)
}

/// Stores those items that one of their candidates vouches for.
async fn take<'a>(
    door: &HookDoor,
    items: &[Notification],
    candidates: impl Fn(&Notification) -> &'a Vec<Subscription>,
) -> Result<(), StoreError> {
    let mut secrets: BTreeMap<&str, Option<Secret>> = BTreeMap::new();
    let mut arrivals = Vec::new();
    for item in items {
        let candidates = candidates(item).iter().filter(|s| is_about(item, s)).collect::<Vec<_>>();
        if candidates.is_empty() {
            deliver::refuse(door, SOURCE, "unknown");
        }
        for subscription in candidates {
            let secret = secrets.entry(subscription.id.as_str()).or_insert_with(|| deliver::secret(door, subscription));
            if secret.as_ref().is_some_and(|secret| *secret == Secret::from(item.client_state.as_str())) {
                arrivals.push(Arrival { subscription, kind: item.kind, key: &item.key });
            } else {
                deliver::refuse(door, SOURCE, "forged");
            }
        }
    }
    deliver::store(door, SOURCE, &arrivals).await.map(|_| ())
}

/// A subscription that is being asked for has no id yet, but its first notification may be here already.
fn is_about(item: &Notification, subscription: &Subscription) -> bool {
    subscription.state != subscriptions::DEAD
        && subscription.remote_id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(&item.subscription))
}

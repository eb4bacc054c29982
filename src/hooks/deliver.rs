//! From an authentic notification to the inbox: one transaction, then the nudge.

use super::HookDoor;
use super::notification::Kind;
use crate::crypt::Place;
use crate::crypt::Secret;
use crate::model::Timestamp;
use crate::observe::names::WEBHOOKS;
use crate::store::StoreError;
use crate::store::inbox;
use crate::store::mappings;
use crate::store::subscriptions;
use crate::store::subscriptions::Subscription;
use crate::store::tenants;

/// A notification that proved where it comes from.
pub(super) struct Arrival<'a> {
    /// Whose it is.
    pub subscription: &'a Subscription,
    /// What it is about.
    pub kind: Kind,
    /// The same for repetitions.
    pub key: &'a str,
}

/// Stores arrivals, each once, and wakes their mappings. Answers how many were new.
pub(super) async fn store(door: &HookDoor, source: &str, arrivals: &[Arrival<'_>]) -> Result<usize, StoreError> {
    if arrivals.is_empty() {
        return Ok(0);
    }
    let now = door.clock.now();
    let mut tx = door.store.begin_write().await?;
    let mut fresh: Vec<&Arrival<'_>> = Vec::new();
    for arrival in arrivals {
        let delivery = delivery(door, arrival, now);
        let new = inbox::insert_once(&mut tx, &delivery).await?;
        door.metrics.add(&WEBHOOKS, &[source, if new { arrival.kind.word() } else { "repeated" }], 1);
        if new {
            fresh.push(arrival);
        }
    }
    let mut woken: Vec<&Subscription> = Vec::new();
    for arrival in &fresh {
        let subscription = arrival.subscription;
        keep_subscription(&mut tx, subscription, arrival.kind, now).await?;
        if !woken.iter().any(|s| s.mapping_id == subscription.mapping_id) {
            let tenant = tenants::get(&mut tx, &subscription.tenant_id).await?;
            if tenant.is_some_and(|tenant| tenant.real_time_sync) {
                let due = now.plus_ms(door.settle_ms);
                mappings::wake(&mut tx, &subscription.tenant_id, &subscription.mapping_id, due, now).await?;
            }
            subscriptions::notified(&mut tx, subscription, now).await?;
            woken.push(subscription);
        }
    }
    tx.commit().await?;
    for subscription in woken {
        (door.nudge)(&subscription.tenant_id, &subscription.mapping_id);
    }
    Ok(fresh.len())
}

/// The secret shared with the remote system; `None`, loudly, if it cannot be opened.
pub(super) fn secret(door: &HookDoor, subscription: &Subscription) -> Option<Secret> {
    let place = Place::of_subscription(&subscription.tenant_id, &subscription.id);
    door.keys
        .ring
        .open(place, &subscription.sealed_secret)
        .inspect_err(|e| tracing::error!(subscription.id = %subscription.id, error = %e, "cannot check notifications"))
        .ok()
        .filter(|secret| !secret.is_empty())
}

/// Counts a notification that is not stored, and why.
pub(super) fn refuse(door: &HookDoor, source: &str, why: &str) {
    door.metrics.add(&WEBHOOKS, &[source, why], 1);
}

fn delivery<'a>(door: &HookDoor, arrival: &Arrival<'a>, now: Timestamp) -> inbox::Delivery<'a> {
    inbox::Delivery {
        tenant: &arrival.subscription.tenant_id,
        mapping: &arrival.subscription.mapping_id,
        key: arrival.key,
        kind: arrival.kind.word(),
        received: now,
        due: now.plus_ms(door.settle_ms),
    }
}

/// What a lifecycle event means for the subscription itself: to be renewed at once, or made anew.
async fn keep_subscription(
    tx: &mut crate::store::Tx,
    subscription: &Subscription,
    kind: Kind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed = match kind {
        Kind::Changed | Kind::Missed => return Ok(()),
        Kind::Reauthorize => Subscription { renew_ms: now, ..subscription.clone() },
        Kind::Removed => Subscription {
            state: subscriptions::DEAD.to_owned(),
            last_error: "the remote system ended the subscription".to_owned(),
            ..subscription.clone()
        },
    };
    subscriptions::put(tx, &changed).await
}

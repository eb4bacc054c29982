//! Subscriptions: asked for where there are none, renewed long before they lapse, asked for again when they died.

use super::pull::millis;
use super::{Engine, SyncError, retry};
use crate::bridge::Bridge;
use crate::bridge::BridgeError;
use crate::bridge::Hook;
use crate::bridge::RemoteCalendar;
use crate::bridge::Subscribed;
use crate::crypt::Place;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::SubscriptionId;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::bridges;
use crate::store::leases;
use crate::store::leases::Lease;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::rooms;
use crate::store::subscriptions;
use crate::store::subscriptions::{ACTIVE, DEAD, REQUESTED, Subscription};
use crate::store::tenants;
use std::sync::Arc;
use std::time::Duration;

/// `state` of a subscription at a system that has none: asked again once a day.
pub const UNSUPPORTED: &str = "unsupported";

/// How often the first wait is doubled after a failure: about a minute.
const FAILED_WAITS: u32 = 6;

/// How long a subscription that is taken for silent is kept before it is replaced: as often as that, and no oftener.
const SILENCE: Duration = Duration::from_hours(1);

/// Subscriptions handled in one round.
const BATCH: i64 = 50;

/// Asks for missing subscriptions and renews those that are due. Without a public address there is nothing to ask for.
pub(super) async fn renew(engine: &Engine) -> Result<(), SyncError> {
    let Some(base) = &engine.hook_base else { return Ok(()) };
    // Two processes that ask for the same subscription stand in each other's way.
    let Some(lease) = lease(engine).await? else { return Ok(()) };
    let outcome = all(engine, base).await;
    let mut tx = engine.store.begin_write().await?;
    leases::release(&mut tx, &lease).await?;
    tx.commit().await?;
    outcome
}

/// The lease on all subscriptions, taken or extended; `None` while another process has it.
async fn lease(engine: &Engine) -> Result<Option<Lease>, SyncError> {
    let mut tx = engine.store.begin_write().await?;
    let lease = engine.lease(&mut tx, "subscriptions").await?;
    tx.commit().await?;
    Ok(lease)
}

async fn all(engine: &Engine, base: &str) -> Result<(), SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let without = subscriptions::mappings_without(&mut tx, BATCH).await?;
    let due = subscriptions::due(&mut tx, engine.now(), base, BATCH).await?;
    drop(tx);
    for (tenant, mapping) in without {
        if lease(engine).await?.is_none() {
            return Ok(());
        }
        if let Err(error) = request(engine, &tenant, &mapping, base).await {
            tracing::warn!(mapping.id = %mapping, "could not subscribe: {error}");
        }
    }
    for subscription in due {
        let id = subscription.id.clone();
        if lease(engine).await?.is_none() {
            return Ok(());
        }
        if let Err(error) = extend(engine, subscription, base).await {
            tracing::warn!(subscription.id = %id, "could not renew: {error}");
        }
    }
    Ok(())
}

struct Target {
    mapping: Mapping,
    bridge: Arc<dyn Bridge>,
    calendar: RemoteCalendar,
    /// Whether the tenant wants notifications.
    wants: bool,
}

async fn target(engine: &Engine, tenant: &TenantId, mapping: &MappingId) -> Result<Option<Target>, SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let Some(mapping) = mappings::get(&mut tx, tenant, mapping).await? else { return Ok(None) };
    let Some(room) = rooms::get(&mut tx, tenant, &mapping.room_id).await? else { return Ok(None) };
    let Some(row) = bridges::get(&mut tx, tenant, &mapping.bridge_id).await? else { return Ok(None) };
    let wants = tenants::get(&mut tx, tenant).await?.is_some_and(|tenant| tenant.webhook_enabled);
    let bridge = (engine.bridges)(&row)?;
    let calendar = RemoteCalendar { id: mapping.remote_id.clone(), name: mapping.remote_name.clone(), zone: room.zone };
    Ok(Some(Target { mapping, bridge, calendar, wants }))
}

/// The row is stored before the remote system is asked: its handshake and first notification come before its answer.
async fn request(engine: &Engine, tenant: &TenantId, mapping: &MappingId, base: &str) -> Result<(), SyncError> {
    let Some(target) = target(engine, tenant, mapping).await? else { return Ok(()) };
    let secret = uuid::Uuid::new_v4().simple().to_string() + &uuid::Uuid::new_v4().simple().to_string();
    let misses = {
        let mut tx = engine.store.begin_read().await?;
        subscriptions::latest_misses(&mut tx, &target.mapping.tenant_id, mapping).await?
    };
    let mut subscription = Subscription { misses, ..new_subscription(engine, &target, base, &secret)? };
    store(engine, &subscription).await?;
    let kind = match target.bridge.kind() {
        crate::model::BridgeKind::Graph => "graph",
        crate::model::BridgeKind::BookingGeneric
        | crate::model::BridgeKind::BookingPortico
        | crate::model::BridgeKind::Memory => "booking",
    };
    let url = format!("{base}/hooks/{kind}/{}", subscription.hook_key);
    let hook = Hook { lifecycle_url: format!("{url}/lifecycle"), url, secret };
    match target.bridge.subscribe(&target.calendar, &hook).await {
        Ok(Some(subscribed)) => {
            take(engine, &mut subscription, &subscribed);
            store(engine, &subscription).await?;
            wake(engine, &target.mapping).await
        }
        Ok(None) => {
            UNSUPPORTED.clone_into(&mut subscription.state);
            subscription.renew_ms = engine.now().plus_days(1);
            store(engine, &subscription).await
        }
        Err(error) => {
            // Still only asked for; when its time has come it is given up, and another one is asked for.
            let wait = retry::wait(&error, FAILED_WAITS, engine.now().ms().unsigned_abs(), &engine.settings);
            subscription.renew_ms = engine.now().plus_ms(millis(wait));
            subscription.last_error = error.to_string();
            store(engine, &subscription).await?;
            Err(error.into())
        }
    }
}

/// Ends the subscriptions of a mapping. Whether the remote system can be told so does not matter: nobody listens to them
/// any more, and they lapse.
pub(super) async fn end(engine: &Engine, tenant: &TenantId, mapping: &MappingId) -> Result<(), SyncError> {
    let living = subscriptions::of_mapping(&mut engine.store.begin_read().await?, tenant, mapping).await?;
    for mut subscription in living {
        if let (Ok(Some(target)), Some(id)) = (target(engine, tenant, mapping).await, &subscription.remote_id) {
            let told = target.bridge.unsubscribe(id).await;
            tracing::info!(subscription.id = %subscription.id, "ended a subscription of a removed mapping: {told:?}");
        }
        DEAD.clone_into(&mut subscription.state);
        store(engine, &subscription).await?;
    }
    Ok(())
}

/// Renews a subscription; one that is gone makes room for a new one.
async fn extend(engine: &Engine, mut subscription: Subscription, base: &str) -> Result<(), SyncError> {
    let found = target(engine, &subscription.tenant_id, &subscription.mapping_id).await?;
    let (Some(target), Some(remote_id)) = (found, subscription.remote_id.clone()) else {
        DEAD.clone_into(&mut subscription.state);
        return store(engine, &subscription).await;
    };
    if is_silent(engine, &subscription)
        || subscription.hook_base != base
        || target.mapping.state == MappingState::Removed
        || !target.wants
    {
        // Nobody listens to it any more, or nobody speaks; whether the remote system can be told so does not matter.
        let told = target.bridge.unsubscribe(&remote_id).await;
        tracing::info!(subscription.id = %subscription.id, "ended a subscription for {}: {told:?}", subscription.hook_base);
        DEAD.clone_into(&mut subscription.state);
        return store(engine, &subscription).await;
    }
    match target.bridge.renew(&target.calendar, &remote_id).await {
        Ok(subscribed) => {
            take(engine, &mut subscription, &subscribed);
            store(engine, &subscription).await
        }
        Err(BridgeError::NotFound) => {
            DEAD.clone_into(&mut subscription.state);
            store(engine, &subscription).await?;
            // Whatever changed while it was dead was not announced.
            wake(engine, &target.mapping).await
        }
        Err(error) => {
            let wait = retry::wait(&error, FAILED_WAITS, engine.now().ms().unsigned_abs(), &engine.settings);
            subscription.renew_ms = engine.now().plus_ms(millis(wait));
            subscription.last_error = error.to_string();
            store(engine, &subscription).await?;
            Err(error.into())
        }
    }
}

/// It says that it lives, and announces nothing. Another one is asked for in its place.
fn is_silent(engine: &Engine, subscription: &Subscription) -> bool {
    let since = subscription.created_ms.plus_ms(millis(SILENCE));
    subscription.misses >= subscriptions::SILENT && since <= engine.now()
}

fn take(engine: &Engine, subscription: &mut Subscription, subscribed: &Subscribed) {
    let now = engine.now();
    subscription.remote_id = Some(subscribed.id.clone());
    ACTIVE.clone_into(&mut subscription.state);
    subscription.expires_ms = subscribed.expires;
    subscription.renew_ms = half_way(now, subscribed.expires);
    subscription.last_error.clear();
}

/// Half of the remaining life, so that a renewal may fail several times before it matters.
fn half_way(now: Timestamp, expires: Option<Timestamp>) -> Timestamp {
    let day = Duration::from_hours(24);
    expires.map_or_else(|| now.plus_ms(millis(day)), |expires| now.plus_ms((expires.ms() - now.ms()).max(0) / 2))
}

fn new_subscription(engine: &Engine, target: &Target, base: &str, secret: &str) -> Result<Subscription, SyncError> {
    let id = SubscriptionId::fresh();
    let tenant = &target.mapping.tenant_id;
    let place = Place { tenant, table: "subscriptions", column: "sealed_secret", row: id.as_str() };
    let sealed = engine.keys.ring.seal(place, secret).map_err(|error| SyncError::Damaged(error.to_string()))?;
    Ok(Subscription {
        id,
        tenant_id: tenant.clone(),
        mapping_id: target.mapping.id.clone(),
        hook_key: uuid::Uuid::new_v4().simple().to_string(),
        hook_base: base.to_owned(),
        sealed_secret: sealed,
        remote_id: None,
        state: REQUESTED.to_owned(),
        expires_ms: None,
        renew_ms: engine.now().plus_ms(60_000),
        notified_ms: None,
        last_error: String::new(),
        created_ms: engine.now(),
        misses: 0,
    })
}

async fn store(engine: &Engine, subscription: &Subscription) -> Result<(), SyncError> {
    let mut tx = engine.store.begin_write().await?;
    subscriptions::put(&mut tx, subscription).await?;
    Ok(tx.commit().await?)
}

async fn wake(engine: &Engine, mapping: &Mapping) -> Result<(), SyncError> {
    let now = engine.now();
    let mut tx = engine.store.begin_write().await?;
    mappings::wake(&mut tx, &mapping.tenant_id, &mapping.id, now, now).await?;
    Ok(tx.commit().await?)
}

//! What the operator watches: how much waits, and for how long.

use super::status::{WORDS, word};
use super::{Engine, SyncError};
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::observe::names;
use crate::observe::names::Family;
use crate::store::overview;
use crate::store::subscriptions;
use crate::store::tenants::Tenant;
use std::collections::BTreeMap;

/// What is told of each tenant.
const OF_TENANTS: [&Family; 6] = [
    &names::MAPPINGS,
    &names::SUBSCRIPTIONS,
    &names::CONFLICTS_OPEN,
    &names::OPERATIONS_PENDING,
    &names::OLDEST_UNRECONCILED,
    &names::TENANT_SYNC_QUEUE,
];

/// Reads the state of the tenants into the gauges.
pub(super) async fn refresh(engine: &Engine, tenants: &[Tenant]) -> Result<(), SyncError> {
    let now = engine.now();
    let mut tx = engine.store.begin_read().await?;
    let mut all: BTreeMap<TenantId, Numbers> = BTreeMap::new();
    for one in overview::mappings(&mut tx, now).await? {
        let numbers = all.entry(one.tenant_id).or_default();
        *numbers.mappings.entry(word(one.state, one.failing, one.waiting)).or_default() += one.many;
        numbers.due += one.due;
        numbers.oldest = numbers.oldest.into_iter().chain(one.dirty_since_ms).min();
    }
    for one in overview::subscriptions(&mut tx).await? {
        all.entry(one.tenant_id).or_default().subscriptions.insert(one.state, one.many);
    }
    for one in overview::conflicts(&mut tx).await? {
        all.entry(one.tenant_id).or_default().conflicts = one.many;
    }
    for one in overview::outbox(&mut tx).await? {
        let numbers = all.entry(one.tenant_id).or_default();
        numbers.pending = one.many;
        numbers.oldest = numbers.oldest.into_iter().chain([one.oldest_ms]).min();
    }
    drop(tx);
    // A tenant that is gone, or is not watched any more, leaves no numbers behind.
    for family in OF_TENANTS {
        engine.metrics.clear(family);
    }
    for tenant in tenants.iter().filter(|tenant| tenant.health_monitoring) {
        all.remove(&tenant.id).unwrap_or_default().show(engine, &tenant.tenant_key, now);
    }
    Ok(())
}

/// The numbers of one tenant.
#[derive(Default)]
struct Numbers {
    /// By their word.
    mappings: BTreeMap<&'static str, i64>,
    /// Mappings that are to be read now.
    due: i64,
    /// By their state.
    subscriptions: BTreeMap<String, i64>,
    conflicts: i64,
    pending: i64,
    /// Since when the oldest change waits, in either direction.
    oldest: Option<Timestamp>,
}

impl Numbers {
    fn show(&self, engine: &Engine, key: &str, now: Timestamp) {
        let set = |family, labels: &[&str], value: i64| engine.metrics.set(family, labels, as_f64(value));
        set(&names::CONFLICTS_OPEN, &[key], self.conflicts);
        set(&names::OPERATIONS_PENDING, &[key], self.pending);
        let age_ms = self.oldest.map_or(0, |since| (now.ms() - since.ms()).max(0));
        engine.metrics.set(&names::OLDEST_UNRECONCILED, &[key], as_f64(age_ms) / 1000.0);
        set(&names::TENANT_SYNC_QUEUE, &[key], self.due);
        for word in WORDS {
            set(&names::MAPPINGS, &[key, word], self.mappings.get(word).copied().unwrap_or(0));
        }
        for state in [subscriptions::REQUESTED, subscriptions::ACTIVE, subscriptions::DEAD] {
            set(&names::SUBSCRIPTIONS, &[key, state], self.subscriptions.get(state).copied().unwrap_or(0));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds of waiting stay far below 2^53")]
const fn as_f64(number: i64) -> f64 {
    number as f64
}

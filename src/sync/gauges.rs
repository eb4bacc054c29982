//! What the operator watches: how much waits, and for how long.

use super::status::status;
use super::{Engine, SyncError};
use crate::model::MappingState;
use crate::observe::names;
use crate::observe::names::Family;
use crate::store::subscriptions;
use crate::store::tenants::Tenant;

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
    // A tenant that is gone, or is not watched any more, leaves no numbers behind.
    for family in OF_TENANTS {
        engine.metrics.clear(family);
    }
    for tenant in tenants.iter().filter(|tenant| tenant.health_monitoring) {
        let mut tx = engine.store.begin_read().await?;
        let found = status(&mut tx, &tenant.id).await?;
        let living = subscriptions::of_tenant(&mut tx, &tenant.id).await?;
        drop(tx);
        let key = tenant.tenant_key.as_str();
        let set = |family, labels: &[&str], value: i64| engine.metrics.set(family, labels, as_f64(value));
        set(&names::CONFLICTS_OPEN, &[key], found.open_conflicts);
        set(&names::OPERATIONS_PENDING, &[key], found.pending);
        let age_ms = found.oldest_waiting.map_or(0, |since| (now.ms() - since.ms()).max(0));
        engine.metrics.set(&names::OLDEST_UNRECONCILED, &[key], as_f64(age_ms) / 1000.0);
        let mappings = || found.rooms.iter().flat_map(|room| &room.mappings).map(|one| &one.mapping);
        let due = mappings().filter(|one| one.state == MappingState::Active && one.due_ms <= now).count();
        set(&names::TENANT_SYNC_QUEUE, &[key], count(due));
        for state in ["ok", "waiting", "failing", "held", "awaiting_approval"] {
            let all = found.rooms.iter().flat_map(|room| &room.mappings);
            set(&names::MAPPINGS, &[key, state], count(all.filter(|one| one.word() == state).count()));
        }
        for state in [subscriptions::REQUESTED, subscriptions::ACTIVE, subscriptions::DEAD] {
            set(&names::SUBSCRIPTIONS, &[key, state], count(living.iter().filter(|one| one.state == state).count()));
        }
    }
    Ok(())
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds of waiting stay far below 2^53")]
const fn as_f64(number: i64) -> f64 {
    number as f64
}

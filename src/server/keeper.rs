//! What is kept in order beside the reconciler: keys are learned, values sealed anew, keys retired, tenants looked after
//! whose secrets cannot be opened, refusals audited, and the audit chained.

use super::refusals::Refusals;
use crate::config::Limits;
use crate::crypt::Keys;
use crate::manage::ManageError;
use crate::manage::chain;
use crate::manage::keys::Vault;
use crate::manage::retention::{self, Archives, Bounds};
use crate::model::Clock;
use crate::model::MappingState;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::observe::Metrics;
use crate::observe::names;
use crate::store::Store;
use crate::store::leases;
use crate::store::mappings;
use crate::store::tenants;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often keys are looked at: several times in the half minute before a new one seals.
const LOOK: Duration = Duration::from_secs(5);
/// How often audited acts are chained.
const CHAIN: Duration = Duration::from_secs(1);
/// After so many looks, tenants that are closed are looked at again.
const CHECK: u32 = 12;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Milliseconds until a mapping of a closed tenant is tried again.
const LATER_MS: i64 = 60_000;

/// The keeper of one process.
pub(super) struct Keeper {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: Arc<Keys>,
    pub(super) vault: Vault,
    pub(super) metrics: Arc<Metrics>,
    pub(super) refusals: Refusals,
    pub(super) archives: Archives,
    pub(super) limits: Limits,
    /// Days before today that the reconciler keeps in step.
    pub(super) past_days: i64,
    /// The last day on which policies were enforced, or were left to another process.
    pub(super) retained: AtomicI64,
    /// The name under which this process takes leases.
    pub(super) owner: String,
}

impl Keeper {
    /// Works until `stop` resolves.
    pub(super) async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let (mut looks, mut done) = (0_u32, String::new());
        let (mut interval, mut often) = (tokio::time::interval(LOOK), tokio::time::interval(CHAIN));
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = interval.tick() => {}
                _ = often.tick() => {
                    self.chain().await;
                    continue;
                }
            }
            looks = looks.wrapping_add(1);
            let whole = looks.is_multiple_of(CHECK);
            match self.look(whole, &done).await {
                Ok(sealed_with) => done = sealed_with,
                Err(error) => tracing::warn!("the keys could not be looked after: {error}"),
            }
        }
        self.chain().await;
    }

    /// Writes down what was refused, and chains what was audited.
    async fn chain(&self) {
        if let Err(error) = self.refusals.write(&self.store).await {
            tracing::warn!("refusals could not be audited: {error}");
        }
        if let Err(error) = chain::extend_all(&self.store, &self.keys.audit).await {
            tracing::warn!("the audit could not be chained: {error}");
        }
    }

    /// Looks at what there is, and through the stored values where they are not known to be sealed with the present key,
    /// or where `whole`. Answers the key with which they are now.
    async fn look(&self, whole: bool, done: &str) -> Result<String, ManageError> {
        let (ring, now) = (&self.keys.ring, self.clock.now());
        self.vault.refresh(ring, now).await?;
        let present = ring.current_id();
        if present == done && !whole {
            return Ok(present);
        }
        let moved = self.vault.seal_anew(ring, &self.owner, now).await?;
        if moved > 0 {
            tracing::info!(values = moved, key = %ring.current_id(), "secrets were sealed anew");
        }
        for key in self.vault.retire(now).await? {
            tracing::info!(%key, "a key that nothing uses any more was destroyed");
        }
        if whole {
            self.retain(now).await?;
        }
        if whole && !ring.all_closed().is_empty() {
            let closed = self.vault.check(ring).await?;
            tell_closed(&self.store, &closed, now).await?;
        }
        self.measure(now).await?;
        Ok(present)
    }

    /// Once a day, by one process: ends what has outlived the policies.
    async fn retain(&self, now: Timestamp) -> Result<(), ManageError> {
        let today = now.ms().div_euclid(DAY_MS);
        if self.retained.swap(today, Ordering::Relaxed) == today {
            return Ok(());
        }
        let mut tx = self.store.begin_write().await?;
        let until = Timestamp((today + 1) * DAY_MS);
        if leases::acquire(&mut tx, "retention", &self.owner, now, until).await?.is_none() {
            return Ok(());
        }
        tx.commit().await?;
        let all = tenants::list(&mut self.store.begin_read().await?).await?;
        let bounds = Bounds { limits: &self.limits, past_days: self.past_days };
        for tenant in all {
            match retention::enforce(&self.store, &self.archives, &tenant.id, bounds, now).await {
                Ok(ended) if ended.is_empty() => {}
                Ok(ended) => tracing::info!(tenant = %tenant.tenant_key, ?ended, "data outlived its policy"),
                Err(error) => tracing::error!(tenant = %tenant.tenant_key, "policies could not be enforced: {error}"),
            }
        }
        Ok(())
    }

    async fn measure(&self, now: Timestamp) -> Result<(), ManageError> {
        let report = self.vault.report(&self.keys.ring, now).await?;
        self.metrics.clear(&names::SEALED_VALUES);
        for key in report.keys.iter().filter(|key| key.retired.is_none()) {
            self.metrics.set(&names::SEALED_VALUES, &[&key.id], as_f64(key.values));
        }
        self.metrics.set(&names::SEALED_LEFT, &[], as_f64(report.left));
        let closed = i64::try_from(report.closed.len()).unwrap_or(i64::MAX);
        self.metrics.set(&names::TENANTS_CLOSED, &[], as_f64(closed));
        Ok(())
    }
}

/// Says in the log and at each of its mappings that a tenant is not synchronised, and why.
pub(super) async fn tell_closed(
    store: &Store,
    closed: &BTreeMap<TenantId, String>,
    now: Timestamp,
) -> Result<(), ManageError> {
    for (tenant, why) in closed {
        tracing::error!(tenant.id = %tenant, "the secrets of a tenant cannot be opened, and it is not synchronised: {why}");
        let mut tx = store.begin_write().await?;
        let all = mappings::list(&mut tx, tenant).await?;
        for mapping in all.iter().filter(|mapping| mapping.state == MappingState::Active) {
            let said = format!("The secrets of this tenant cannot be opened: {why}");
            mappings::failed(&mut tx, mapping, &said, now.plus_ms(LATER_MS), now).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
const fn as_f64(number: i64) -> f64 {
    number as f64
}

//! The loop: finds what is due, gives every mapping to one task at a time, and sleeps until something is due or somebody
//! nudges. Several replicas run the same loop; leases keep them apart.

use super::breaker::Breakers;
use super::{Engine, Site, SyncError, deadlines, drain, gauges, preview, pull, push, renew};
use crate::bridge::BridgeError;
use crate::change;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::TenantId;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::store::inbox;
use crate::store::leases;
use crate::store::leases::Lease;
use crate::store::mappings;
use crate::store::mappings::Spread;
use crate::store::operations;
use crate::store::operations::Operation;
use crate::store::rooms;
use crate::store::runs;
use crate::store::tenants;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

/// How long a mapping is left alone that another process works on.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// Operations of one mapping claimed at once.
const CLAIM: i64 = 64;

/// Mappings found in one look, by each of the two reasons.
const FOUND: i64 = 64;

/// Mappings that are looked at as soon as possible after a start; a small installation waits for nothing.
const AT_ONCE: i64 = 64;

/// Between the first pulls of two further ones: ten minutes for a thousand of them.
const SPREAD: Duration = Duration::from_millis(600);

/// All are looked at within that time, however many there are.
const SPREAD_MOST: Duration = Duration::from_mins(20);

/// Between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// Days for which inbox rows and runs that are done are kept.
const KEEP_DAYS: i64 = 30;

/// Wakes a loop: something may be due. Cheap, and never lost.
#[derive(Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// Wakes the loop now, or keeps it from its next sleep.
    pub fn nudge(&self) {
        self.0.notify_one();
    }

    /// Waits for a nudge; one that came before counts.
    pub(super) async fn nudged(&self) {
        self.0.notified().await;
    }
}

/// Which mappings are not to be taken up now.
#[derive(Default)]
struct Hands {
    /// A task of ours has them.
    busy: HashMap<MappingId, TenantId>,
    /// Another process had them when we looked; until when we do not look again.
    elsewhere: HashMap<MappingId, Timestamp>,
}

impl Hands {
    /// Whether a mapping is free, and ours from now on. No tenant has more than its share at once.
    fn take(&mut self, id: &MappingId, tenant: &TenantId, share: usize, now: Timestamp) -> bool {
        self.elsewhere.retain(|_, until| *until > now);
        let has = self.busy.values().filter(|other| *other == tenant).count();
        let free = has < share && !self.elsewhere.contains_key(id) && !self.busy.contains_key(id);
        if free {
            self.busy.insert(id.clone(), tenant.clone());
        }
        free
    }

    /// What each tenant may have of so many tasks when these have something to do as well.
    fn share<'a>(&'a self, due: impl Iterator<Item = &'a TenantId>, tasks: usize) -> usize {
        let tenants: HashSet<&TenantId> = self.busy.values().chain(due).collect();
        tasks.div_ceil(tenants.len().max(1))
    }
}

/// The running reconciler.
pub struct Worker {
    engine: Arc<Engine>,
    nudge: Nudge,
    hands: Arc<Mutex<Hands>>,
    breakers: Arc<Mutex<Breakers>>,
    permits: Arc<Semaphore>,
    /// Held while the house is kept: a round that takes long is not overtaken by the next.
    broom: Arc<tokio::sync::Mutex<()>>,
}

impl Worker {
    /// A worker for this engine.
    pub fn new(engine: Arc<Engine>, nudge: Nudge) -> Self {
        let permits = Arc::new(Semaphore::new(engine.settings.concurrency));
        Self { engine, nudge, hands: Arc::default(), breakers: Arc::default(), permits, broom: Arc::default() }
    }

    /// Works until `stop` resolves, then lets the running tasks end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut tasks = JoinSet::new();
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        if let Err(error) = self.take_up().await {
            tracing::warn!("could not take up what an earlier run left: {error}");
        }
        if let Err(error) = self.follow_zones().await {
            tracing::error!("could not follow the rules of time zones: {error}");
        }
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = housekeeping.tick() => self.keep_house(&mut tasks),
                () = self.nudge.nudged() => {}
                () = tokio::time::sleep(self.engine.settings.look) => {}
                // Those that were found wait for permits already: what else is due is asked once they have them.
                Some(_) = tasks.join_next(), if !tasks.is_empty() => if tasks.len() > self.engine.settings.concurrency {
                    continue;
                },
            }
            if let Err(error) = self.look(&mut tasks).await {
                tracing::warn!("could not look for work: {error}");
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Begins where an earlier run ended, also when it was killed. What changed while nobody listened was announced to
    /// nobody, so that every mapping is read; and where no other process can share the database, what the earlier run
    /// held is free.
    pub async fn take_up(&self) -> Result<(), SyncError> {
        let mut tx = self.engine.store.begin_write().await?;
        let spread = Spread { at_once: AT_ONCE, gap_ms: pull::millis(SPREAD), most_ms: pull::millis(SPREAD_MOST) };
        mappings::wake_all(&mut tx, self.engine.now(), spread).await?;
        if !tx.is_shared() {
            leases::release_all(&mut tx).await?;
            operations::release_all(&mut tx, self.engine.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Where the time zone database is another one than that of the last run, bookings move with the rules of their
    /// zones. Answers how many did. A run that breaks off is made good by the next one.
    pub async fn follow_zones(&self) -> Result<usize, SyncError> {
        let cx = self.engine.change_context();
        let zones = change::zones_with_other_rules(&mut self.engine.store.begin_read().await?).await?;
        let (mut after, mut moved) = (String::new(), 0);
        while !zones.is_empty() {
            let mut tx = self.engine.store.begin_write().await?;
            let Some(room) = rooms::after(&mut tx, &after).await? else { break };
            moved += change::follow_zones(&mut tx, cx, &room, &zones).await?;
            tx.commit().await?;
            after = room.id.to_string();
        }
        let mut tx = self.engine.store.begin_write().await?;
        change::remember_zones(&mut tx).await?;
        tx.commit().await?;
        if !zones.is_empty() {
            tracing::info!(zones = zones.len(), bookings = moved, "zones have new rules, and bookings moved with them");
        }
        Ok(moved)
    }

    /// Does everything that is due now, and what becomes due by it, and comes back when nothing is left. For tests and
    /// for the command line.
    pub async fn run_until_idle(&self) -> Result<(), SyncError> {
        let mut tasks = JoinSet::new();
        loop {
            self.look(&mut tasks).await?;
            if tasks.join_next().await.is_none() {
                return Ok(());
            }
        }
    }

    /// One round of what is done now and then: gauges, subscriptions, overdue conflicts, what is kept long enough.
    pub async fn keep_house_once(&self) -> Result<(), SyncError> {
        keep_house(&self.engine).await
    }

    async fn look(&self, tasks: &mut JoinSet<()>) -> Result<(), SyncError> {
        let now = self.engine.now();
        let due = self.due().await?;
        let tasks_most = self.engine.settings.concurrency;
        let share = self.hands.lock().map_or(0, |hands| hands.share(due.iter().map(|(_, tenant)| tenant), tasks_most));
        for (id, tenant) in due {
            if !self.hands.lock().is_ok_and(|mut hands| hands.take(&id, &tenant, share, now)) {
                continue;
            }
            let task = Task {
                engine: self.engine.clone(),
                hands: self.hands.clone(),
                breakers: self.breakers.clone(),
                nudge: self.nudge.clone(),
                tenant,
                id,
            };
            let permits = self.permits.clone();
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await;
                Box::pin(task.run()).await;
            });
        }
        Ok(())
    }

    /// Mappings with something to do and their tenants, those of the first priority first.
    async fn due(&self) -> Result<Vec<(MappingId, TenantId)>, SyncError> {
        let now = self.engine.now();
        let mut tx = self.engine.store.begin_read().await?;
        let pulls = mappings::due(&mut tx, now, FOUND).await?;
        let lease_now = self.engine.lease_time(&mut tx).await?;
        let pushes = operations::waiting(&mut tx, now, lease_now, FOUND).await?;
        let mut priority: HashMap<TenantId, i64> =
            pulls.iter().map(|due| (due.tenant_id.clone(), due.priority)).collect();
        for (tenant, _) in &pushes {
            if !priority.contains_key(tenant)
                && let Some(row) = tenants::get(&mut tx, tenant).await?
            {
                priority.insert(row.id, row.priority);
            }
        }
        let pulls = pulls.into_iter().map(|due| (due.id, due.tenant_id));
        let due: BTreeMap<MappingId, TenantId> =
            pulls.chain(pushes.into_iter().map(|(tenant, mapping)| (mapping, tenant))).collect();
        let mut due: Vec<(MappingId, TenantId)> = due.into_iter().collect();
        due.sort_by_key(|(_, tenant)| priority.get(tenant).copied());
        Ok(due)
    }

    fn keep_house(&self, tasks: &mut JoinSet<()>) {
        let Ok(broom) = Arc::clone(&self.broom).try_lock_owned() else { return };
        let engine = self.engine.clone();
        tasks.spawn(async move {
            let _broom = broom;
            if let Err(error) = keep_house(&engine).await {
                tracing::warn!("housekeeping failed: {error}");
            }
        });
    }
}

/// The work on one mapping.
struct Task {
    engine: Arc<Engine>,
    hands: Arc<Mutex<Hands>>,
    breakers: Arc<Mutex<Breakers>>,
    nudge: Nudge,
    tenant: TenantId,
    id: MappingId,
}

impl Task {
    async fn run(self) {
        if let Err(error) = Box::pin(self.work()).await {
            tracing::warn!(mapping.id = %self.id, "work on a mapping ended early: {error}");
        }
        if let Ok(mut hands) = self.hands.lock() {
            hands.busy.remove(&self.id);
        }
        self.nudge.nudge();
    }

    /// Looks before it writes: a pull that is due comes before the operations, and before the first complete read nothing
    /// is written at all, or what stands on both sides already would be doubled.
    async fn work(&self) -> Result<(), SyncError> {
        let site = match self.enter().await {
            Ok(Some(site)) => site,
            Ok(None) => {
                self.leave_alone();
                return Ok(());
            }
            Err(error) => return self.postpone(error).await,
        };
        let outcome = tokio::select! {
            biased;
            outcome = Box::pin(self.at(&site)) => outcome,
            never = self.extend(&site.lease) => match never {},
        };
        self.leave(&site.lease).await?;
        outcome
    }

    /// Work that takes long keeps its lease. Where somebody has taken it over all the same, the fence ends the work at its
    /// next commit.
    async fn extend(&self, lease: &Lease) -> Infallible {
        let mut holds = true;
        while holds {
            tokio::time::sleep(self.engine.settings.lease / 3).await;
            holds = self.engine.extend(lease).await.unwrap_or_else(|error| {
                tracing::warn!(mapping.id = %self.id, "could not extend a lease: {error}");
                true
            });
        }
        std::future::pending().await
    }

    async fn at(&self, site: &Site) -> Result<(), SyncError> {
        let mut outcome = Ok(());
        // Asked once, and anew after each failure: whoever tries a system that failed is let through once.
        let mut rests = self.rests_until(site);
        if rests.is_none() && site.mapping.due_ms <= self.engine.now() {
            outcome = Box::pin(pull::pull(&self.engine, site)).await.map(|_| ());
            match &outcome {
                Ok(()) => rests = self.heard(site, None),
                Err(error) => rests = of_bridge(error).and_then(|error| self.heard(site, Some(error))),
            }
        }
        for operation in self.claim().await? {
            if let Some(until) = rests {
                self.put_off(&operation, until).await?;
                continue;
            }
            match Box::pin(push::push(&self.engine, site, &operation)).await {
                Ok(failure) => rests = self.heard(site, failure.as_ref()),
                Err(error) => outcome = Err(error),
            }
        }
        if let Some(until) = rests {
            self.rest(site, until).await?;
        }
        outcome
    }

    /// Until when the mapping is left alone, because its system or its calendar asks for a rest.
    fn rests_until(&self, site: &Site) -> Option<Timestamp> {
        let mut breakers = self.breakers.lock().ok()?;
        breakers.rests_until(&site.mapping.bridge_id, &site.mapping.id, self.engine.now())
    }

    /// What the last call says about the system, and until when it is left alone because of it.
    fn heard(&self, site: &Site, failure: Option<&BridgeError>) -> Option<Timestamp> {
        let mut breakers = self.breakers.lock().ok()?;
        let (bridge, mapping, now) = (&site.mapping.bridge_id, &site.mapping.id, self.engine.now());
        let Some(error) = failure else {
            breakers.works(bridge);
            return None;
        };
        breakers.failed((bridge, mapping), error, (now, pull::seed(site, now)));
        breakers.rests_until(bridge, mapping, now)
    }

    /// Nothing is asked of the mapping until then.
    async fn rest(&self, site: &Site, until: Timestamp) -> Result<(), SyncError> {
        let mut tx = pull::begin(&self.engine, site).await?;
        mappings::rest(&mut tx, &site.mapping, until).await?;
        Ok(tx.commit().await?)
    }

    async fn put_off(&self, operation: &Operation, until: Timestamp) -> Result<(), SyncError> {
        let mut tx = self.engine.store.begin_write().await?;
        let (state, why) = (operation.state, &operation.last_error);
        operations::reschedule(&mut tx, operation, state, until, why, 0).await?;
        Ok(tx.commit().await?)
    }

    /// Somebody else works on it, or it has just been switched off.
    fn leave_alone(&self) {
        let until = self.engine.now().plus_ms(pull::millis(ELSEWHERE));
        if let Ok(mut hands) = self.hands.lock() {
            hands.elsewhere.insert(self.id.clone(), until);
        }
    }

    /// Takes the mapping's lease. The mapping is read under it: another replica may have moved its cursor since it was
    /// found.
    async fn enter(&self) -> Result<Option<Site>, SyncError> {
        let engine = &self.engine;
        let name = format!("mapping:{}", self.id);
        let mut tx = engine.store.begin_write().await?;
        let Some(lease) = engine.lease(&mut tx, &name).await? else { return Ok(None) };
        let mapping = mappings::get(&mut tx, &self.tenant, &self.id).await?;
        let Some(mapping) = mapping.filter(|mapping| mapping.state == MappingState::Active) else { return Ok(None) };
        let site = engine.site(&mut tx, mapping, lease).await?;
        match site.tenant.state {
            TenantState::Active | TenantState::Draining => {}
            TenantState::Suspended | TenantState::Removed => return Ok(None),
        }
        tx.commit().await?;
        Ok(Some(site))
    }

    /// The mapping's operations that are due now; none while it is held or has never been read completely.
    async fn claim(&self) -> Result<Vec<Operation>, SyncError> {
        let engine = &self.engine;
        let mut tx = engine.store.begin_write().await?;
        let mapping = mappings::get(&mut tx, &self.tenant, &self.id).await?;
        if !mapping.is_some_and(|one| one.state == MappingState::Active && one.completed_ms.is_some()) {
            return Ok(Vec::new());
        }
        let holder = engine.holder(&mut tx).await?;
        let claimed = operations::claim(&mut tx, &self.id, holder, engine.now(), CLAIM).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// A mapping that cannot even be entered (unusable settings of its bridge) is tried again later, not at once.
    async fn postpone(&self, error: SyncError) -> Result<(), SyncError> {
        let engine = &self.engine;
        let now = engine.now();
        let due = now.plus_ms(pull::millis(engine.settings.poll_unhealthy));
        let mut tx = engine.store.begin_write().await?;
        if let Some(mapping) = mappings::get(&mut tx, &self.tenant, &self.id).await? {
            mappings::failed(&mut tx, &mapping, &error.to_string(), due, now).await?;
            let holder = engine.holder(&mut tx).await?;
            for operation in operations::claim(&mut tx, &self.id, holder, now, CLAIM).await? {
                let state = operation.state;
                operations::reschedule(&mut tx, &operation, state, due, &error.to_string(), 0).await?;
            }
        }
        tx.commit().await?;
        Err(error)
    }

    async fn leave(&self, lease: &Lease) -> Result<(), SyncError> {
        let mut tx = self.engine.store.begin_write().await?;
        leases::release(&mut tx, lease).await?;
        Ok(tx.commit().await?)
    }
}

/// What a remote system said.
const fn of_bridge(error: &SyncError) -> Option<&BridgeError> {
    match error {
        SyncError::Bridge(error) => Some(error),
        SyncError::Store(_)
        | SyncError::Change(_)
        | SyncError::LeaseLost
        | SyncError::Refused(_)
        | SyncError::Missing { .. }
        | SyncError::Damaged(_) => None,
    }
}

async fn keep_house(engine: &Engine) -> Result<(), SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let all = tenants::list(&mut tx).await?;
    drop(tx);
    gauges::refresh(engine, &all).await?;
    renew::renew(engine).await?;
    drain::keep(engine).await?;
    deadlines::keep(engine).await?;
    preview::approval_plans(engine).await?;
    let mut tx = engine.store.begin_write().await?;
    change::roll_forward(&mut tx, engine.change_context(), 100).await?;
    let until = engine.now().plus_days(-KEEP_DAYS);
    inbox::forget(&mut tx, until).await?;
    runs::forget(&mut tx, until).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn taken(hands: &mut Hands, tenant: &str, number: usize, share: usize) -> bool {
        hands.take(&MappingId::from(format!("{tenant}-{number}")), &TenantId::from(tenant), share, NOW)
    }

    #[test]
    fn tenants_share_the_tasks_and_one_that_is_alone_has_all() {
        let mut hands = Hands::default();
        let (town, village) = (TenantId::from("town"), TenantId::from("village"));
        assert_eq!(hands.share([&town, &town].into_iter(), 8), 8);
        let share = hands.share([&town, &village].into_iter(), 8);
        assert_eq!((0..20).filter(|number| taken(&mut hands, "town", *number, share)).count(), 4);
        assert_eq!((0..20).filter(|number| taken(&mut hands, "village", *number, share)).count(), 4);
        assert_eq!(hands.share([&town].into_iter(), 8), 4, "who is at work has a share too");
    }

    #[test]
    fn a_mapping_has_one_task_and_one_that_is_elsewhere_is_left_alone_for_a_while() {
        let mut hands = Hands::default();
        assert!(taken(&mut hands, "town", 1, 8));
        assert!(!taken(&mut hands, "town", 1, 8));
        hands.elsewhere.insert(MappingId::from("town-2"), NOW.plus_ms(1));
        assert!(!taken(&mut hands, "town", 2, 8));
        let (id, tenant) = (MappingId::from("town-2"), TenantId::from("town"));
        assert!(hands.take(&id, &tenant, 8, NOW.plus_ms(1)));
    }
}

//! A bridge whose tenant has so many calls under way at once, for all of its bridges, and no more. Whoever is one too many
//! waits for a turn; turns are given in the order of asking.

use super::{
    Bridge, BridgeError, Complete, Cursor, Hook, IdempotencyKey, Known, Probe, Projection, Reading, RemoteCalendar,
    RemoteId, RemoteItem, Subscribed, Unrepresentable,
};
use crate::model::BridgeKind;
use crate::model::Event;
use crate::model::TenantId;
use crate::model::TimeRange;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many calls each tenant has under way, for all of its bridges.
#[derive(Debug)]
pub struct Turnstiles {
    most: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Turnstiles {
    /// None has more than `most` at once.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), tenants: Mutex::default() }
    }

    fn of(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Semaphore::new(self.most));
        Arc::clone(tenants.entry(tenant.clone()).or_insert_with(made))
    }
}

/// The bridge behind its turnstiles.
pub struct Limited {
    bridge: Arc<dyn Bridge>,
    tenant: Arc<Semaphore>,
}

impl Limited {
    /// The bridge of that tenant.
    pub fn new(bridge: Arc<dyn Bridge>, tenant: &TenantId, turnstiles: &Turnstiles) -> Self {
        Self { bridge, tenant: turnstiles.of(tenant) }
    }

    async fn turn<T>(&self, call: impl Future<Output = T>) -> T {
        // It is never closed.
        let _turn = self.tenant.acquire().await.ok();
        call.await
    }
}

#[async_trait]
impl Bridge for Limited {
    fn kind(&self) -> BridgeKind {
        self.bridge.kind()
    }

    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
        self.bridge.project(at, event, window)
    }

    fn comparable(&self, at: &RemoteCalendar, event: &Event) -> Event {
        self.bridge.comparable(at, event)
    }

    fn tells_keys(&self) -> bool {
        self.bridge.tells_keys()
    }

    fn announces_everything(&self) -> bool {
        self.bridge.announces_everything()
    }

    fn is_only_listed(&self, id: &RemoteId) -> bool {
        self.bridge.is_only_listed(id)
    }

    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        self.turn(self.bridge.read_all(at, window)).await
    }

    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError> {
        self.turn(self.bridge.read_changes(at, since)).await
    }

    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        self.turn(self.bridge.fetch(at, id)).await
    }

    async fn create(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        self.turn(self.bridge.create(at, event, key)).await
    }

    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        self.turn(self.bridge.update(at, item, base, event)).await
    }

    async fn delete(&self, at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError> {
        self.turn(self.bridge.delete(at, item)).await
    }

    async fn probe(&self, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey) -> Result<Probe, BridgeError> {
        self.turn(self.bridge.probe(at, event, key)).await
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        self.turn(self.bridge.calendars()).await
    }

    async fn subscribe(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        self.turn(self.bridge.subscribe(at, hook)).await
    }

    async fn renew(&self, at: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError> {
        self.turn(self.bridge.renew(at, id)).await
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError> {
        self.turn(self.bridge.unsubscribe(id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::memory::MemoryBridge;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// How many calls of these bridges were under way at once.
    async fn most_at_once(bridges: &[&Limited]) -> usize {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let calls = bridges.iter().map(|bridge| {
            bridge.turn(async {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        join_all(calls).await;
        most.into_inner()
    }

    #[tokio::test]
    async fn a_tenant_has_its_turns_on_all_its_bridges_together_and_takes_none_from_another() {
        let turnstiles = Turnstiles::new(4);
        let bridge = |tenant: &str| {
            let bridge = Arc::new(MemoryBridge::with_calendar("hall"));
            Limited::new(bridge, &TenantId::from(tenant), &turnstiles)
        };
        let (one, other, foreign) = (bridge("town"), bridge("town"), bridge("village"));
        let town = [[&one, &other]; 6].concat();
        assert_eq!(most_at_once(&town).await, 4);
        let both = [town, vec![&foreign; 6]].concat();
        assert_eq!(most_at_once(&both).await, 8);
    }
}

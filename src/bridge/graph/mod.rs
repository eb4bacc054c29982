//! Microsoft Graph: room mailboxes, written directly, read by delta and by whole series.

mod auth;
mod calls;
mod project;
mod read;
pub mod recurrence;
#[cfg(test)]
mod sides;
mod subscription;
#[cfg(test)]
mod tests;
mod translate;
mod wire;
mod write;

pub(super) use project::instances;

use super::{Bridge, BridgeError, Complete, Cursor, DeltaForm, GraphConfig, Hook, IdempotencyKey, Known};
use super::{Probe, Projection, Reading, RemoteCalendar, RemoteId, RemoteItem, Subscribed, Unrepresentable};
use crate::config::Limits;
use crate::model::BridgeKind;
use crate::model::Clock;
use crate::model::Event;
use crate::model::TimeRange;
use crate::model::ZoneId;
use async_trait::async_trait;
use calls::Calls;
use std::sync::Arc;

/// The bridge to Microsoft Graph.
pub(super) struct Graph {
    calls: Calls,
    clock: Arc<dyn Clock>,
    delta: DeltaForm,
    zone: ZoneId,
    pages: usize,
    strict: bool,
}

impl Graph {
    pub(super) fn new(config: GraphConfig, clock: Arc<dyn Clock>, limits: &Limits) -> Result<Self, BridgeError> {
        let (delta, zone, strict) = (config.delta, config.zone.clone(), config.strict);
        let calls = Calls::new(config, Arc::clone(&clock), limits)?;
        Ok(Self { calls, clock, delta, zone, pages: limits.pull_pages, strict })
    }
}

#[async_trait]
impl Bridge for Graph {
    fn kind(&self) -> BridgeKind {
        BridgeKind::Graph
    }

    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
        if self.strict { project::whole(at, event) } else { project::project(at, event, window) }
    }

    fn comparable(&self, at: &RemoteCalendar, event: &Event) -> Event {
        translate::comparable(at, event)
    }

    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        self.read_window(at, window).await
    }

    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError> {
        self.read_since(at, since).await.map(Reading::Delta)
    }

    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        self.bundle(at, &id.0).await
    }

    async fn create(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        self.post(at, event, key).await
    }

    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        self.bring(at, &item.id, base, event).await
    }

    async fn delete(&self, at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError> {
        match self.bundle(at, &item.id.0).await? {
            None => Ok(()),
            Some(found) if found.locked.is_some() => self.decline(at, &item.id.0).await,
            Some(_) => self.remove(at, &item.id.0).await,
        }
    }

    async fn probe(&self, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey) -> Result<Probe, BridgeError> {
        self.find(at, event, key).await
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        let url = self.calls.url(&["places", "microsoft.graph.room"]);
        let places: Vec<wire::Place> = self.pages_of(None, url).await?;
        let room = |place: wire::Place| {
            let id = place.email_address?;
            let name = place.display_name.unwrap_or_else(|| id.clone());
            Some(RemoteCalendar { id, name, zone: self.zone.clone() })
        };
        Ok(places.into_iter().filter_map(room).collect())
    }

    async fn subscribe(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        self.ask_for_notices(at, hook).await.map(Some)
    }

    async fn renew(&self, _at: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError> {
        self.extend_notices(id).await
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError> {
        self.end_notices(id).await
    }
}

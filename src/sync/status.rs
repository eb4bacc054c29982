//! How the reconciler is doing, as the dashboard and REST show it.

use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::bridges;
use crate::store::conflicts;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::operations;
use crate::store::operations::MappingBacklog;
use crate::store::rooms;
use crate::store::rooms::Room;
use std::collections::BTreeMap;

/// One tenant at a glance.
#[derive(Clone, Debug)]
pub struct TenantStatus {
    /// Its rooms, by slug.
    pub rooms: Vec<RoomStatus>,
    /// Operations that wait.
    pub pending: i64,
    /// Conflicts that wait for a person.
    pub open_conflicts: i64,
    /// Since when the oldest change waits, in either direction.
    pub oldest_waiting: Option<Timestamp>,
}

/// One room and its mappings.
#[derive(Clone, Debug)]
pub struct RoomStatus {
    /// The room.
    pub room: Room,
    /// Its mappings.
    pub mappings: Vec<MappingStatus>,
}

/// One mapping.
#[derive(Clone, Debug)]
pub struct MappingStatus {
    /// The mapping.
    pub mapping: Mapping,
    /// The name of its bridge.
    pub bridge: String,
    /// Operations that wait.
    pub pending: i64,
    /// Since when the oldest change of ours waits to be sent.
    pub oldest_pending: Option<Timestamp>,
    /// Since when the oldest change waits, in either direction.
    pub oldest_waiting: Option<Timestamp>,
}

impl MappingStatus {
    /// One word for people: `ok`, `waiting`, `failing`, `held`, `awaiting_approval`.
    pub fn word(&self) -> &'static str {
        let waits = self.oldest_waiting.is_some() || self.mapping.pulled_ms.is_none();
        word(self.mapping.state, self.mapping.failures > 0, waits)
    }
}

/// How mappings that have not ended are doing, in one word for people.
pub(super) const WORDS: [&str; 5] = ["ok", "waiting", "failing", "held", "awaiting_approval"];

/// The word for a mapping in that state, whose last read has failed or for which something waits.
pub(super) const fn word(state: MappingState, fails: bool, waits: bool) -> &'static str {
    match state {
        MappingState::Held => "held",
        MappingState::AwaitingApproval => "awaiting_approval",
        MappingState::Removed => "removed",
        MappingState::Active if fails => "failing",
        MappingState::Active if waits => "waiting",
        MappingState::Active => "ok",
    }
}

/// The state of one tenant.
pub async fn status(tx: &mut Tx, tenant: &TenantId) -> Result<TenantStatus, StoreError> {
    let bridges = bridges::list(tx, tenant).await?;
    let backlogs = operations::backlog_of_mappings(tx, tenant).await?;
    let mut backlogs: BTreeMap<MappingId, MappingBacklog> =
        backlogs.into_iter().map(|backlog| (backlog.mapping_id.clone(), backlog)).collect();
    let mut all = mappings::list(tx, tenant).await?;
    let mut list = Vec::new();
    for room in rooms::list(tx, tenant).await? {
        let (ours, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|mapping| mapping.room_id == room.id);
        all = rest;
        let mut mappings = Vec::with_capacity(ours.len());
        for mapping in ours {
            let bridge = bridges.iter().find(|bridge| bridge.id == mapping.bridge_id);
            let bridge = bridge.map_or_else(String::new, |bridge| bridge.name.clone());
            let backlog = backlogs.remove(&mapping.id);
            mappings.push(mapping_status(mapping, bridge, backlog.as_ref()));
        }
        list.push(RoomStatus { room, mappings });
    }
    let backlog = operations::backlog_of_tenant(tx, tenant).await?;
    let oldest_waiting = list.iter().flat_map(|room| &room.mappings).filter_map(|mapping| mapping.oldest_waiting).min();
    let open_conflicts = conflicts::count_open(tx, tenant).await?;
    Ok(TenantStatus { rooms: list, pending: backlog.open_count, open_conflicts, oldest_waiting })
}

fn mapping_status(mapping: Mapping, bridge: String, backlog: Option<&MappingBacklog>) -> MappingStatus {
    let oldest_pending = backlog.map(|backlog| backlog.oldest_ms);
    let oldest_waiting = oldest_pending.into_iter().chain(mapping.dirty_since_ms).min();
    let pending = backlog.map_or(0, |backlog| backlog.open_count);
    MappingStatus { mapping, bridge, pending, oldest_pending, oldest_waiting }
}

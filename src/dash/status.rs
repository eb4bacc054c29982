//! What the dashboard shows, read in one transaction and judged here.

use crate::model::MappingState;
use crate::model::RoomRules;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::approvals;
use crate::store::bridges;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;
use crate::store::feeds;
use crate::store::feeds::Feed;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::operations;
use crate::store::operations::Backlog;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::rules;
use crate::store::tenants::Tenant;
use std::collections::HashMap;

/// Most conflicts on the page.
const CONFLICTS: i64 = 50;

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// As it should be.
    Good,
    /// Somebody may want to look.
    Slow,
    /// Somebody must look.
    Bad,
}

/// Everything on the page.
pub(super) struct Status {
    /// The tenant.
    pub tenant: Tenant,
    /// When it was read.
    pub now: Timestamp,
    /// Rooms, by slug, each with its mappings.
    pub rooms: Vec<(Room, Vec<Mapping>)>,
    /// Names of bridges by id.
    pub bridges: HashMap<String, String>,
    /// What waits to be sent.
    pub backlog: Backlog,
    /// How many conflicts are open.
    pub open_conflicts: i64,
    /// The newest of them.
    pub conflicts: Vec<Conflict>,
    /// Feeds that are not revoked.
    pub feeds: Vec<Feed>,
    /// What rooms ask of bookings, by the room's id.
    pub rules: HashMap<String, RoomRules>,
    /// How many bookings wait for a confirmation, by the room's id.
    pub unconfirmed: HashMap<String, i64>,
}

/// Reads the status of a tenant.
pub(super) async fn read(tx: &mut Tx, tenant: &Tenant, now: Timestamp) -> Result<Status, StoreError> {
    let id: &TenantId = &tenant.id;
    let mut by_room: HashMap<String, Vec<Mapping>> = HashMap::new();
    for mapping in mappings::list(tx, id).await? {
        by_room.entry(mapping.room_id.to_string()).or_default().push(mapping);
    }
    let rooms = rooms::list(tx, id).await?;
    Ok(Status {
        tenant: tenant.clone(),
        now,
        rooms: rooms.into_iter().map(|room| with_mappings(room, &mut by_room)).collect(),
        bridges: bridges::list(tx, id).await?.into_iter().map(|bridge| (bridge.id.to_string(), bridge.name)).collect(),
        backlog: operations::backlog_of_tenant(tx, id).await?,
        open_conflicts: conflicts::count_open(tx, id).await?,
        conflicts: conflicts::list(tx, id, conflicts::OPEN, CONFLICTS).await?,
        feeds: feeds::list(tx, id).await?.into_iter().filter(|feed| feed.revoked_ms.is_none()).collect(),
        rules: rules::list(tx, id).await?.into_iter().map(|row| (row.room_id.to_string(), row.rules)).collect(),
        unconfirmed: approvals::waiting(tx, id).await?.into_iter().map(|(room, n)| (room.to_string(), n)).collect(),
    })
}

fn with_mappings(room: Room, by_room: &mut HashMap<String, Vec<Mapping>>) -> (Room, Vec<Mapping>) {
    let mappings = by_room.remove(room.id.as_str()).unwrap_or_default();
    (room, mappings)
}

impl Status {
    /// All mappings.
    pub(super) fn mappings(&self) -> impl Iterator<Item = &Mapping> {
        self.rooms.iter().flat_map(|(_, mappings)| mappings)
    }

    /// Since when the oldest change that one side does not know yet waits.
    pub(super) fn oldest_unreconciled(&self) -> Option<Timestamp> {
        let coming_in = self.mappings().filter(|m| m.state == MappingState::Active).filter_map(|m| m.dirty_since_ms);
        coming_in.chain(self.backlog.oldest_ms).min()
    }

    /// The slug of a room.
    pub(super) fn slug(&self, room_id: &str) -> &str {
        self.rooms.iter().find(|(room, _)| room.id.as_str() == room_id).map_or("", |(room, _)| &room.slug)
    }
}

/// How well a change that waits since then is.
pub(super) fn waiting(since: Option<Timestamp>, now: Timestamp) -> Health {
    match since.map(|since| now.ms() - since.ms()) {
        None | Some(..=300_000) => Health::Good,
        Some(..=3_600_000) => Health::Slow,
        Some(_) => Health::Bad,
    }
}

/// How well a mapping is.
pub(super) fn health(mapping: &Mapping, now: Timestamp) -> Health {
    match mapping.state {
        MappingState::Held | MappingState::Suspended => Health::Bad,
        MappingState::Removed => Health::Good,
        MappingState::Active if mapping.failures >= 3 => Health::Bad,
        MappingState::Active if mapping.failures > 0 => Health::Slow,
        MappingState::Active => waiting(mapping.dirty_since_ms, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_turns_amber_after_five_minutes_and_red_after_an_hour() {
        let now = Timestamp(10_000_000_000);
        for (minutes, health) in
            [(0, Health::Good), (5, Health::Good), (6, Health::Slow), (60, Health::Slow), (61, Health::Bad)]
        {
            assert_eq!(waiting(Some(now.plus_ms(-60_000 * minutes)), now), health, "{minutes}");
        }
        assert_eq!(waiting(None, now), Health::Good);
    }
}

//! What the dashboard shows, read in one transaction and judged here.

use crate::model::MappingState;
use crate::model::RoomRules;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::approvals;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;
use crate::store::feeds;
use crate::store::feeds::Feed;
use crate::store::rules;
use crate::store::tenants::Tenant;
use crate::sync;
use crate::sync::MappingStatus;
use crate::sync::TenantStatus;
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
    /// Rooms, by slug, each with its mappings, and what waits.
    pub work: TenantStatus,
    /// The newest open conflicts.
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
    let id = &tenant.id;
    Ok(Status {
        tenant: tenant.clone(),
        now,
        work: sync::status(tx, id).await?,
        conflicts: conflicts::list(tx, id, conflicts::OPEN, CONFLICTS).await?,
        feeds: feeds::list(tx, id).await?.into_iter().filter(|feed| feed.revoked_ms.is_none()).collect(),
        rules: rules::list(tx, id).await?.into_iter().map(|row| (row.room_id.to_string(), row.rules)).collect(),
        unconfirmed: approvals::waiting(tx, id).await?.into_iter().map(|(room, n)| (room.to_string(), n)).collect(),
    })
}

impl Status {
    /// All mappings.
    pub(super) fn mappings(&self) -> impl Iterator<Item = &MappingStatus> {
        self.work.rooms.iter().flat_map(|room| &room.mappings)
    }

    /// The slug of a room.
    pub(super) fn slug(&self, room_id: &str) -> &str {
        self.work.rooms.iter().find(|one| one.room.id.as_str() == room_id).map_or("", |one| &one.room.slug)
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
pub(super) fn health(one: &MappingStatus, now: Timestamp) -> Health {
    match one.mapping.state {
        MappingState::Held => Health::Bad,
        MappingState::AwaitingApproval => Health::Slow,
        MappingState::Removed => Health::Good,
        MappingState::Active if one.mapping.failures >= 3 => Health::Bad,
        MappingState::Active if one.mapping.failures > 0 => Health::Slow,
        MappingState::Active => waiting(one.oldest_waiting, now),
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

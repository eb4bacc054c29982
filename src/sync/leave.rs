//! Ending mappings for good, before a room, a bridge or a tenant is removed: with or without our copies at the remote
//! side, and with the subscriptions that nobody listens to any more.

use super::purge::{self, Leaving, copies, purge};
use super::{Engine, SyncError, renew};
use crate::model::MappingState;
use crate::model::TenantId;
use crate::store::audit;
use crate::store::audit::Entry;
use crate::store::leases;
use crate::store::leases::Lease;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What becomes of our copies at remote systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    /// They stay, as bookings of the remote system.
    #[default]
    Leave,
    /// They are removed; what cannot be removed stops everything.
    Purge,
}

/// How often a mapping is asked for that is being worked on, and the pause between.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// Ends these mappings of a tenant, one after the other. Answers how many copies were removed. Where one cannot be ended
/// it says why and leaves the rest as it is; a repetition goes on from there.
pub async fn leave(
    engine: &Engine,
    tenant: &TenantId,
    ending: &[Mapping],
    what: Copies,
    actor: &str,
) -> Result<usize, SyncError> {
    let mut removed = 0;
    for mapping in ending {
        match what {
            Copies::Purge => removed += take_along(engine, tenant, mapping, actor).await?,
            Copies::Leave => end(engine, tenant, mapping, actor).await?,
        }
        renew::end(engine, tenant, &mapping.id).await?;
    }
    Ok(removed)
}

async fn take_along(engine: &Engine, tenant: &TenantId, mapping: &Mapping, actor: &str) -> Result<usize, SyncError> {
    let found = copies(engine, tenant, &mapping.id).await?.len();
    let purged = purge(engine, tenant, &mapping.id, (found, Leaving::Remove), actor).await?;
    if let Some(left) = purged.left.first() {
        let (count, name) = (purged.left.len(), &mapping.remote_name);
        let why = left.locked.as_deref().unwrap_or("the remote system refuses");
        return Err(SyncError::Refused(format!("{count} copies in {name} could not be removed: {why}")));
    }
    Ok(purged.removed)
}

async fn end(engine: &Engine, tenant: &TenantId, mapping: &Mapping, actor: &str) -> Result<(), SyncError> {
    let lease = enter(engine, mapping).await?;
    let mut tx = engine.store.begin_write().await?;
    mappings::set_state(&mut tx, mapping, MappingState::Removed, "", (engine.now(), engine.now())).await?;
    let detail = format!("Mapping {} was removed; copies at both sides stay.", mapping.id);
    let (room, at) = (Some(&mapping.room_id), engine.now());
    let entry = Entry { tenant, at, actor, action: "mapping.remove", room, uid: None, seq: 0, detail: &detail };
    audit::append(&mut tx, &entry).await?;
    leases::release(&mut tx, &lease).await?;
    Ok(tx.commit().await?)
}

/// The mapping's lease; whoever works on it now is given time to finish.
async fn enter(engine: &Engine, mapping: &Mapping) -> Result<Lease, SyncError> {
    let mut tries = 0;
    loop {
        match purge::enter(engine, &mapping.id).await {
            Err(SyncError::Refused(_)) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

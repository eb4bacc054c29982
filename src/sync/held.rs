//! A run that would delete unusually much: the mapping is held with the list of what would go, and a person decides.

use super::observe::Observed;
use super::pull::begin;
use super::{Engine, Site, SyncError, brake, hub};
use crate::bridge::RemoteId;
use crate::change::resolve;
use crate::change::resolve::Removal;
use crate::model::MappingState;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::conflicts::Opened;
use crate::store::links;
use crate::store::mappings;

/// The sentence to hold a run with; `None` when it may go on, also because a person has released that many removals.
pub(super) async fn verdict(engine: &Engine, site: &Site, observed: &Observed) -> Result<Option<String>, SyncError> {
    let mut settings = engine.settings.clone();
    if !site.tenant.deletion_sync_enabled {
        (settings.brake_percent, settings.brake_least) = (0, 0);
    }
    let Some(why) = brake::holds(observed.absent.len(), observed.known, &settings) else { return Ok(None) };
    let mut tx = engine.store.begin_read().await?;
    let allowed = mappings::allowed_removals(&mut tx, &site.mapping).await?;
    let released = usize::try_from(allowed).is_ok_and(|allowed| observed.absent.len() <= allowed);
    Ok((!released).then_some(why))
}

/// Holds the mapping. No deadline: only a person lets that many bookings go.
pub(super) async fn hold(engine: &Engine, site: &Site, observed: &Observed, why: &str) -> Result<(), SyncError> {
    let mapping = &site.mapping;
    let mut tx = begin(engine, site).await?;
    mappings::set_state(&mut tx, mapping, MappingState::Held, why, (mapping.due_ms, engine.now())).await?;
    let list = removals(&mut tx, site, &observed.absent).await?;
    let opened = Opened {
        room: (&mapping.tenant_id, &mapping.room_id),
        mapping: mapping.id.as_str(),
        uid: &Uid(String::new()),
        kind: resolve::MASS_DELETE_HOLD,
        sentence: format!("{}: {why}", site.room.name),
        versions: (String::new(), serde_json::to_string(&list).unwrap_or_default()),
        proposal: None,
        standing: String::new(),
        now: engine.now(),
    };
    conflicts::record(&mut tx, &opened.into()).await?;
    tracing::warn!(mapping.id = %mapping.id, "held the mapping of {}: {why}", site.room.name);
    Ok(tx.commit().await?)
}

async fn removals(tx: &mut Tx, site: &Site, absent: &[RemoteId]) -> Result<Vec<Removal>, SyncError> {
    let mut list = Vec::with_capacity(absent.len());
    for id in absent {
        let Some(link) = links::by_remote(tx, &site.mapping.tenant_id, &site.mapping.id, &id.0).await? else {
            continue;
        };
        let base = hub::event_of(&link.base)?;
        list.push(Removal {
            remote_id: id.0.clone(),
            uid: link.uid.to_string(),
            title: base.as_ref().map_or_else(String::new, |event| event.content.summary.clone()),
            start: base.map_or_else(String::new, |event| event.when.wall_start().to_string()),
        });
    }
    Ok(list)
}

//! Leaving: our copies are removed from the remote side, and nothing else. Ours is what the gateway created: the link
//! says so, or the item carries a key of ours.

use super::{Engine, Site, SyncError, hub, pair, pull};
use crate::bridge::Known;
use crate::bridge::Part;
use crate::bridge::RemoteId;
use crate::bridge::RemoteItem;
use crate::bridge::RemoteVersion;
use crate::model::LinkState;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::TenantId;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::audit;
use crate::store::leases;
use crate::store::leases::Lease;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use serde::Serialize;
use std::collections::BTreeMap;

/// One copy of ours at the remote side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Copy {
    /// The remote item.
    pub remote_id: String,
    /// The hub's event.
    pub uid: String,
    /// Its title there.
    pub title: String,
    /// Its wall-clock start.
    pub start: String,
    /// Why it cannot be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
}

/// What becomes of the mapping afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It is held.
    Hold,
    /// It ends, if every copy could be removed; else it is held.
    Remove,
}

/// What a purge has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Purged {
    /// How many copies were removed.
    pub removed: usize,
    /// Copies that could not be removed.
    pub left: Vec<Copy>,
}

/// Our copies in the remote calendar of a mapping.
pub async fn copies(engine: &Engine, tenant: &TenantId, mapping: &MappingId) -> Result<Vec<Copy>, SyncError> {
    let site = engine.glance(tenant, mapping).await?;
    Ok(ours(engine, &site).await?.into_iter().map(|found| found.copy).collect())
}

/// Removes our copies from the remote side. `confirmed` is the number of copies the caller has seen; when there are
/// more or fewer, nothing is removed.
pub async fn purge(
    engine: &Engine,
    tenant: &TenantId,
    mapping: &MappingId,
    (confirmed, leaving): (usize, Leaving),
    actor: &str,
) -> Result<Purged, SyncError> {
    let lease = enter(engine, mapping).await?;
    let done = Box::pin(run(engine, tenant, mapping, (confirmed, leaving), (actor, &lease))).await;
    let mut tx = engine.store.begin_write().await?;
    leases::release(&mut tx, &lease).await?;
    tx.commit().await?;
    done
}

async fn run(
    engine: &Engine,
    tenant: &TenantId,
    mapping: &MappingId,
    (confirmed, leaving): (usize, Leaving),
    (actor, lease): (&str, &Lease),
) -> Result<Purged, SyncError> {
    let site = Site { lease: lease.clone(), ..engine.glance(tenant, mapping).await? };
    let found = ours(engine, &site).await?;
    if found.len() != confirmed {
        let why = format!("there are {} copies of ours, not {confirmed}; nothing was removed", found.len());
        return Err(SyncError::Refused(why));
    }
    set_state(engine, &site, MappingState::Held, ("its copies are being removed", actor)).await?;
    let mut purged = Purged { removed: 0, left: Vec::new() };
    for found in found {
        enter(engine, mapping).await?;
        let copy = found.copy.clone();
        if copy.locked.is_none() && remove(engine, &site, found, actor).await? {
            purged.removed += 1;
        } else {
            purged.left.push(copy);
        }
    }
    if leaving == Leaving::Remove && purged.left.is_empty() {
        set_state(engine, &site, MappingState::Removed, ("", actor)).await?;
    } else {
        set_state(engine, &site, MappingState::Held, ("its copies were removed", actor)).await?;
    }
    Ok(purged)
}

struct Found {
    copy: Copy,
    link: Option<Link>,
    version: Option<RemoteVersion>,
}

async fn ours(engine: &Engine, site: &Site) -> Result<Vec<Found>, SyncError> {
    let read = site.bridge.read_all(&site.calendar, engine.window()).await?;
    let items: BTreeMap<&str, &RemoteItem> = read.items().iter().map(|item| (item.id.0.as_str(), item)).collect();
    let mut tx = engine.store.begin_read().await?;
    let mut found = Vec::new();
    for link in links::of_mapping(&mut tx, &site.mapping.tenant_id, &site.mapping.id).await? {
        // What was recognised at first contact was made by somebody else, and so was what was born there.
        let made_here = link.born == links::HUB && !link.create_key.is_empty();
        let Some(id) = link.remote_id.clone().filter(|_| made_here) else { continue };
        found.push(linked(site, items.get(id.as_str()).copied(), link, &id)?);
    }
    for item in read.items() {
        if !found.iter().any(|one| one.copy.remote_id == item.id.0) && is_lost(&mut tx, site, item).await? {
            let copy = copy(item, &item.event.uid);
            found.push(Found { copy, link: None, version: item.version.clone() });
        }
    }
    Ok(found)
}

/// A copy that its link knows. One outside the window is not in the listing and is removed all the same.
fn linked(site: &Site, item: Option<&RemoteItem>, link: Link, id: &str) -> Result<Found, SyncError> {
    let base = hub::event_of(&link.base)?;
    let known = base.as_ref().map(|event| (event.content.summary.clone(), event.when.wall_start().to_string()));
    let (title, start) = known.unwrap_or_else(|| (String::new(), site.calendar.name.clone()));
    let copy = match item {
        Some(item) => copy(item, &link.uid),
        None => Copy { remote_id: id.to_owned(), uid: link.uid.to_string(), title, start, locked: None },
    };
    let version = item.and_then(|item| item.version.clone());
    Ok(Found { copy, version, link: Some(link) })
}

fn copy(item: &RemoteItem, uid: &Uid) -> Copy {
    Copy {
        remote_id: item.id.0.clone(),
        uid: uid.to_string(),
        title: item.event.content.summary.clone(),
        start: item.event.when.wall_start().to_string(),
        locked: item.locked.clone(),
    }
}

/// Whether an item that no living link has carries a key of this mapping.
async fn is_lost(tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<bool, SyncError> {
    let mapping = &site.mapping;
    let Some(key) = &item.key else { return Ok(false) };
    if links::by_remote(tx, &mapping.tenant_id, &mapping.id, &item.id.0).await?.is_some() {
        return Ok(false);
    }
    if let Some(link) = links::by_key(tx, &mapping.tenant_id, &mapping.id, &key.0).await? {
        return Ok(link.born == links::HUB);
    }
    Ok(pair::epoch_of(site, &item.event.uid, &Part::Whole, &key.0).is_some())
}

async fn remove(engine: &Engine, site: &Site, found: Found, actor: &str) -> Result<bool, SyncError> {
    if let Some(link) = &found.link {
        let mut tx = pull::begin(engine, site).await?;
        links::put(&mut tx, &Link { state: LinkState::Deleting, ..link.clone() }).await?;
        tx.commit().await?;
    }
    let known = Known { id: RemoteId(found.copy.remote_id.clone()), version: found.version };
    match site.bridge.delete(&site.calendar, &known).await {
        Ok(()) => {}
        Err(crate::bridge::BridgeError::Refused(_)) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let mut tx = pull::begin(engine, site).await?;
    if let Some(link) = found.link {
        let written_ms = engine.now();
        let sent = String::new();
        links::put(&mut tx, &Link { state: LinkState::Forgotten, sent, written_ms, ..link }).await?;
    }
    let uid = Uid(found.copy.uid);
    let detail = format!("{} at {}", found.copy.remote_id, site.calendar.name);
    tell(engine, &mut tx, site, Some(&uid), (actor, "push.purge", &detail)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes or extends the mapping's lease, so that no worker touches it meanwhile.
pub(super) async fn enter(engine: &Engine, mapping: &MappingId) -> Result<Lease, SyncError> {
    let mut tx = engine.store.begin_write().await?;
    let lease = engine.lease(&mut tx, &format!("mapping:{mapping}")).await?;
    tx.commit().await?;
    lease.ok_or_else(|| SyncError::Refused("the mapping is being worked on; try again in a moment".to_owned()))
}

async fn set_state(
    engine: &Engine,
    site: &Site,
    state: MappingState,
    (reason, actor): (&str, &str),
) -> Result<(), SyncError> {
    let mut tx = pull::begin(engine, site).await?;
    mappings::set_state(&mut tx, &site.mapping, state, reason, (engine.now(), engine.now())).await?;
    let action = if state == MappingState::Removed { "mapping.remove" } else { "mapping.hold" };
    let detail = format!("Mapping {}: purge, {reason}", site.mapping.id);
    tell(engine, &mut tx, site, None, (actor, action, &detail)).await?;
    Ok(tx.commit().await?)
}

async fn tell(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: Option<&Uid>,
    (actor, action, detail): (&str, &str, &str),
) -> Result<(), SyncError> {
    let tenant = &site.mapping.tenant_id;
    let room = Some(&site.room.id);
    let entry = audit::Entry { tenant, at: engine.now(), actor, action, room, uid, seq: 0, detail };
    Ok(audit::append(tx, &entry).await?)
}

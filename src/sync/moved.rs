//! Items whose id has changed: gone under the id that their link knows, and there under another one. Mailboxes are
//! migrated, items are moved and come back, and a restored database knows ids of copies that were made anew since. Such
//! an item is no deletion and no newcomer.

use super::observe::Observed;
use super::pair::{epoch_of, is_same};
use super::pull::begin;
use super::{Engine, Site, SyncError, hub, ruling};
use crate::bridge::Part;
use crate::bridge::RemoteId;
use crate::bridge::RemoteItem;
use crate::model::LinkState;
use crate::store::Tx;
use crate::store::links;
use crate::store::links::Link;
use crate::store::objects;

/// Gives links of items that are gone to the unlinked items that they have become, and takes these out of the absences.
pub(super) async fn follow(engine: &Engine, site: &Site, mut observed: Observed) -> Result<Observed, SyncError> {
    if observed.absent.is_empty() || observed.present.is_empty() {
        return Ok(observed);
    }
    let mut tx = begin(engine, site).await?;
    let mut strangers = strangers(&mut tx, site, &observed.present).await?;
    let mut absent = Vec::new();
    for id in std::mem::take(&mut observed.absent) {
        if !is_followed(engine, &mut tx, site, &id, &mut strangers).await? {
            absent.push(id);
        }
    }
    tx.commit().await?;
    observed.absent = absent;
    Ok(observed)
}

async fn strangers<'a>(tx: &mut Tx, site: &Site, present: &'a [RemoteItem]) -> Result<Vec<&'a RemoteItem>, SyncError> {
    let mapping = &site.mapping;
    let mut strangers = Vec::new();
    for item in present {
        if links::by_remote(tx, &mapping.tenant_id, &mapping.id, &item.id.0).await?.is_none() {
            strangers.push(item);
        }
    }
    Ok(strangers)
}

async fn is_followed(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    id: &RemoteId,
    strangers: &mut Vec<&RemoteItem>,
) -> Result<bool, SyncError> {
    let mapping = &site.mapping;
    let Some(link) = links::by_remote(tx, &mapping.tenant_id, &mapping.id, &id.0).await? else { return Ok(false) };
    let Some(part) = Part::parse(&link.part) else { return Ok(false) };
    let Some(found) = successor(site, &link, &part, strangers)? else { return Ok(false) };
    let item = strangers.swap_remove(found);
    let detail = format!("{id} at {} has become {}", site.calendar.name, item.id);
    let epoch = item.key.as_ref().and_then(|key| epoch_of(site, &link.uid, &part, &key.0));
    let link = if epoch.is_some_and(|epoch| epoch > link.epoch) { anew(tx, site, link).await? } else { link };
    let link = Link {
        remote_id: Some(item.id.0.clone()),
        create_key: item.key.as_ref().map_or_else(|| link.create_key.clone(), |key| key.0.clone()),
        epoch: epoch.unwrap_or(link.epoch),
        ..link
    };
    links::put(tx, &link).await?;
    ruling::tell(engine, tx, site, &link.uid, ("pull.follow", &detail)).await?;
    Ok(true)
}

/// The link of a copy that was made anew in a time this database has lost. A removal that it remembers came before that: the
/// copy stands, and where the hub has no such booking any more, it is taken as a new one.
async fn anew(tx: &mut Tx, site: &Site, link: Link) -> Result<Link, SyncError> {
    let is_known = objects::by_uid(tx, &site.room.tenant_id, &site.room.id, &link.uid).await?.is_some();
    let base = if is_known { link.base } else { String::new() };
    Ok(Link { state: LinkState::Linked, base, sent: String::new(), echo: String::new(), ..link })
}

/// By the key it was created with, then by its UID, then by being the same booking.
fn successor(site: &Site, link: &Link, part: &Part, strangers: &[&RemoteItem]) -> Result<Option<usize>, SyncError> {
    let keyed = |item: &&RemoteItem| {
        let key = item.key.as_ref().map(|key| key.0.as_str());
        key.is_some_and(|key| key == link.create_key || epoch_of(site, &link.uid, part, key).is_some())
    };
    if let Some(found) = strangers.iter().position(keyed) {
        return Ok(Some(found));
    }
    // What somebody books there while our copy is on its way out is no copy of ours.
    if link.state == LinkState::Deleting {
        return Ok(None);
    }
    let named = |item: &&RemoteItem| *part == Part::Whole && item.event.uid == link.uid;
    if let Some(found) = strangers.iter().position(named) {
        return Ok(Some(found));
    }
    let Some(base) = hub::event_of(&link.base)? else { return Ok(None) };
    Ok(strangers.iter().position(|item| is_same(site, &base, &item.event)))
}

//! Copies that are one too many: a create that was given up, whose booking was made anew since and has its copy, arrives
//! after all. What says exactly what was asked for then is taken away again; what somebody has changed meanwhile stays and
//! is a booking of its own.

use super::observe::Observed;
use super::pull::begin;
use super::{Engine, Site, SyncError, hub, ruling};
use crate::bridge::Known;
use crate::bridge::RemoteItem;
use crate::model::LinkState;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::links;

/// Removes surplus copies from the remote side and from what was observed. A failure is one of the read: the cursor stays,
/// and they are found again.
pub(super) async fn take_away(engine: &Engine, site: &Site, mut observed: Observed) -> Result<Observed, SyncError> {
    if !site.mapping.exports() || !site.bridge.tells_keys() {
        return Ok(observed);
    }
    let mut surplus = Vec::new();
    let mut tx = engine.store.begin_read().await?;
    for item in observed.present.iter().filter(|item| item.key.is_some() && item.locked.is_none()) {
        if let Some(uid) = booking_of(&mut tx, site, item).await? {
            surplus.push((item.clone(), uid));
        }
    }
    drop(tx);
    for (item, uid) in &surplus {
        let known = Known { id: item.id.clone(), version: item.version.clone() };
        site.bridge.delete(&site.calendar, &known).await?;
        let mut tx = begin(engine, site).await?;
        let detail = format!("{} at {} arrived after its booking had another copy", item.id, site.calendar.name);
        ruling::tell(engine, &mut tx, site, uid, ("push.surplus", &detail)).await?;
        tx.commit().await?;
    }
    observed.present.retain(|item| !surplus.iter().any(|(gone, _)| gone.id == item.id));
    Ok(observed)
}

/// The booking whose surplus copy this item is.
async fn booking_of(tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<Option<Uid>, SyncError> {
    let (tenant, mapping) = (&site.mapping.tenant_id, &site.mapping.id);
    let Some(key) = &item.key else { return Ok(None) };
    if links::by_remote(tx, tenant, mapping, &item.id.0).await?.is_some() {
        return Ok(None);
    }
    let Some(asked) = links::by_key(tx, tenant, mapping, &key.0).await? else { return Ok(None) };
    let all = links::of_uid(tx, tenant, mapping, &asked.uid).await?;
    let copy = all.iter().find(|link| link.part == asked.part && link.state != LinkState::Forgotten);
    let Some(copy) = copy.filter(|copy| copy.remote_id.is_some()) else { return Ok(None) };
    for version in [&asked.sent, &copy.sent, &copy.base] {
        let Some(version) = hub::event_of(version)? else { continue };
        let theirs = hub::aligned(&item.event, &asked, Some(&version));
        if site.bridge.comparable(&site.calendar, &theirs) == version {
            return Ok(Some(asked.uid));
        }
    }
    Ok(None)
}

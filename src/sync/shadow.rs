//! Copies that another synchronising program makes of our copies: a new item that says, word for word, what one of our own
//! copies in the same calendar says. Taken for a booking it would stand twice in the hub, go on to the other systems, and
//! where those are copied as well there would be no end. It is left where it is, and told once. It is looked at again at every
//! complete read, and as soon as our copy goes: then it is a booking of its own.

use super::pair::{epoch_of, live, same_booking};
use super::{Engine, Site, SyncError, ruling};
use crate::bridge::RemoteItem;
use crate::model::LinkState;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::audit;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::objects;

/// What the story of a booking calls it.
const TOLD: &str = "pull.shadow";

/// The booking whose copy of ours an unlinked item repeats. Where bookings may lie over each other there is none: two
/// people may want the same.
pub(super) async fn of(engine: &Engine, tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<Option<Uid>, SyncError> {
    if site.room.allow_overlaps {
        return Ok(None);
    }
    let (start, end) = item.event.when.instants(&site.room.zone);
    let range = TimeRange::new(start, end.max(start.plus_ms(1)));
    let rows = objects::in_range(tx, &site.room.tenant_id, &site.room.id, range, site.room.longest_ms).await?;
    for row in rows {
        for part in same_booking(engine, site, &row, item)? {
            let Some(link) = live(tx, site, &row.uid, &part.as_text()).await? else { continue };
            let is_made_by_us = epoch_of(site, &row.uid, &part, &link.create_key).is_some();
            let is_another = link.remote_id.as_ref().is_some_and(|id| *id != item.id.0);
            if link.state == LinkState::Linked && is_made_by_us && is_another {
                return Ok(Some(row.uid));
            }
        }
    }
    Ok(None)
}

/// Tells it, once for each item.
pub(super) async fn tell(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    item: &RemoteItem,
) -> Result<(), SyncError> {
    let detail =
        format!("{} at {} says the same again and is taken for a copy of our copy", item.id, site.calendar.name);
    if told(tx, site, uid).await?.contains(&detail) {
        return Ok(());
    }
    ruling::tell(engine, tx, site, uid, (TOLD, &detail)).await
}

/// Where our copy has gone, what repeated it may be all there is: everything is read again.
pub(super) async fn step_out(engine: &Engine, tx: &mut Tx, site: &Site, link: &Link) -> Result<(), SyncError> {
    if !told(tx, site, &link.uid).await?.is_empty() {
        mappings::forget_cursor(tx, &site.mapping, engine.now()).await?;
    }
    Ok(())
}

async fn told(tx: &mut Tx, site: &Site, uid: &Uid) -> Result<Vec<String>, SyncError> {
    let story = audit::of_event(tx, &site.mapping.tenant_id, &site.room.id, uid).await?;
    Ok(story.into_iter().filter(|entry| entry.action == TOLD).map(|entry| entry.detail).collect())
}

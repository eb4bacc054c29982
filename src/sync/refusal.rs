//! A booking that a remote side does not take is shown as tentative, with a record to decide. Where that side holds it after
//! all, it is confirmed again, and nobody has anything to decide.

use super::{Engine, Site, SyncError, conflict, hub, ruling};
use crate::change::resolve;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;
use crate::store::links;
use crate::store::links::Link;
use crate::store::pages;
use crate::store::rooms;

/// Why nobody has to decide any more.
const HELD: &str = "the remote side holds the booking after all";

/// Records that the remote side does not take a booking. One whose slot is `taken` there is not confirmed for anybody.
pub(super) async fn record(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    (why, taken): (&str, bool),
) -> Result<(), SyncError> {
    let detail = format!("{} refused it: {why}", site.calendar.name);
    ruling::tell(engine, tx, site, uid, ("push.refused", &detail)).await?;
    let refused = hub::event(engine, tx, site, uid).await?;
    if taken {
        // The change goes to the other sides, not to the one that refused.
        set_status(engine, tx, site, uid, (EventStatus::Confirmed, EventStatus::Tentative), true).await?;
    }
    conflict::not_taken(engine, tx, site, (uid, refused.as_ref()), (resolve::REJECTED, why)).await
}

/// An item has been found to be the copy of a booking: a refusal that went before means nothing any more. Answers whether the
/// hub changed.
pub(super) async fn copy_found(engine: &Engine, tx: &mut Tx, site: &Site, uid: &Uid) -> Result<bool, SyncError> {
    let refusals = open(tx, site, uid).await?;
    lift(engine, tx, site, (uid, &refusals), true).await
}

/// All writes of a booking have been answered: one that was refused before may have its copy now, which says still that it
/// is not confirmed.
pub(super) async fn copy_written(engine: &Engine, tx: &mut Tx, site: &Site, uid: &Uid) -> Result<(), SyncError> {
    let refusals = open(tx, site, uid).await?;
    if refusals.is_empty() {
        return Ok(());
    }
    let links = links::of_uid(tx, &site.mapping.tenant_id, &site.mapping.id, uid).await?;
    if links.iter().any(Link::has_copy) {
        lift(engine, tx, site, (uid, &refusals), false).await?;
    }
    Ok(())
}

async fn open(tx: &mut Tx, site: &Site, uid: &Uid) -> Result<Vec<Conflict>, SyncError> {
    let mut refusals = pages::conflicts_of_event(tx, &site.mapping.tenant_id, &site.room.id, uid).await?;
    refusals.retain(|one| is_open_refusal(site, one));
    Ok(refusals)
}

/// Ends refusals, and confirms what one of them has marked; `settled` where the remote side holds it as confirmed.
async fn lift(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    (uid, refusals): (&Uid, &[Conflict]),
    settled: bool,
) -> Result<bool, SyncError> {
    for refusal in refusals {
        resolve::expire(tx, engine.change_context(), refusal, HELD).await?;
    }
    if !refusals.iter().any(has_marked) {
        return Ok(false);
    }
    set_status(engine, tx, site, uid, (EventStatus::Tentative, EventStatus::Confirmed), settled).await
}

fn is_open_refusal(site: &Site, conflict: &Conflict) -> bool {
    conflict.state == conflicts::OPEN
        && conflict.kind == resolve::REJECTED
        && conflict.mapping_id == site.mapping.id.as_str()
}

/// Whether it was the refusal that made the booking tentative, and not whoever booked.
fn has_marked(refusal: &Conflict) -> bool {
    let refused: Option<Event> = serde_json::from_str(&refusal.ours).ok();
    refused.is_some_and(|event| {
        event.content.status == EventStatus::Confirmed && event.fingerprint().as_str() != refusal.standing
    })
}

async fn set_status(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    (from, to): (EventStatus, EventStatus),
    settled: bool,
) -> Result<bool, SyncError> {
    // Nobody changes the booking between the look and the write.
    rooms::lock(tx, &site.room.tenant_id, &site.room.id).await?;
    let Some(mut event) = hub::event(engine, tx, site, uid).await? else { return Ok(false) };
    if event.content.status != from {
        return Ok(false);
    }
    event.content.status = to;
    hub::put(engine, tx, site, event, settled).await
}

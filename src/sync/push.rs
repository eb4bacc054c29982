//! Push: one operation of the outbox is carried out at the remote side. The wish is read anew from the hub, so that the
//! last state is sent, and every decision is stored before its request leaves.

use super::pull::{begin, begin_alone, bridge_word, millis, seed};
use super::push_plan::{Act, plan};
use super::push_send::Sender;
use super::refused_dates::{self, Refusal};
use super::{Engine, Site, SyncError, conflict, hub, masks, refusal, retry, ruling};
use crate::bridge::BridgeError;
use crate::bridge::Projection;
use crate::bridge::Unrepresentable;
use crate::model::OperationState;
use crate::observe::names;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::links;
use crate::store::mappings;
use crate::store::operations;
use crate::store::operations::{Ended, Operation};

/// Carries one claimed operation out. A failure is remembered with the time of the next attempt, and answered.
pub(super) async fn push(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
) -> Result<Option<BridgeError>, SyncError> {
    let mut sender = Sender { engine, site, writes: 0, looked: false };
    let (mut refusals, mut rests) = (Vec::new(), Vec::new());
    // A plan is made anew where the one before has shown that the copy is not what it was taken for.
    for _ in 0..3 {
        refusals.clear();
        rests.clear();
        let acts = match intention(engine, site, operation).await? {
            Ok(acts) => acts,
            Err(error) => return cannot_represent(engine, site, operation, &error).await.map(|()| None),
        };
        if !acts.is_empty() && !mark_sending(engine, site, operation).await? {
            return Err(SyncError::LeaseLost);
        }
        for act in acts {
            let (date, rest) = (Refusal::of(&act), refused_dates::rest_of(&act));
            match (Box::pin(sender.send(act)).await, date, rest) {
                (Ok(()), _, _) => {}
                // The other dates of a series have nothing to do with one that is taken, nor has what lies before a
                // stronger booking with what follows it.
                (Err(SyncError::Bridge(BridgeError::SlotTaken(why))), Some(date), _) => {
                    refusals.push(date.because(why));
                }
                (Err(SyncError::Bridge(BridgeError::SlotTaken(why))), None, Some(rest)) => rests.push((rest, why)),
                (Err(SyncError::Bridge(error)), _, _) => {
                    failed(engine, site, operation, &error, sender.writes).await?;
                    return Ok(Some(error));
                }
                (Err(error), _, _) => return Err(error),
            }
        }
        if !std::mem::take(&mut sender.looked) {
            break;
        }
    }
    let agreed = rests.is_empty();
    if !agreed {
        refused_dates::tell_rests(engine, site, operation, &rests).await?;
    }
    let Some(why) = refusals.last().map(|refusal| refusal.why.clone()) else {
        done(engine, site, operation, (sender.writes, agreed)).await?;
        return Ok(None);
    };
    if refused_dates::carry_on(engine, site, operation, refusals).await? {
        done(engine, site, operation, (sender.writes, agreed)).await?;
        return Ok(None);
    }
    let taken = BridgeError::SlotTaken(why);
    failed(engine, site, operation, &taken, sender.writes).await?;
    Ok(Some(taken))
}

/// What the outbox's wish means now.
async fn intention(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
) -> Result<Result<Vec<Act>, Unrepresentable>, SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let (_, shown) = hub::shown(engine, &mut tx, site, &operation.uid).await?;
    let links = links::of_uid(&mut tx, &operation.tenant_id, &operation.mapping_id, &operation.uid).await?;
    let window = engine.window();
    let detail = site.mapping.detail;
    let projection: Result<Projection, Unrepresentable> =
        masks::project(site.bridge.as_ref(), &site.calendar, detail, &shown, window);
    Ok(projection.map(|projection| plan(&projection, &links, window.start, &site.room.zone)))
}

async fn mark_sending(engine: &Engine, site: &Site, operation: &Operation) -> Result<bool, SyncError> {
    let mut tx = begin(engine, site).await?;
    let ours = operations::sending(&mut tx, operation, &engine.owner).await?;
    tx.commit().await?;
    Ok(ours)
}

async fn done(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
    (writes, agreed): (i64, bool),
) -> Result<(), SyncError> {
    engine.metrics.add(&names::SYNC_PUSHES, &[bridge_word(site), "done"], 1);
    let mut tx = begin(engine, site).await?;
    if agreed {
        refusal::copy_written(engine, &mut tx, site, &operation.uid).await?;
    }
    let now = engine.now();
    let ended = Ended { state: OperationState::Done, at: now, error: "", remote_writes: writes };
    if !operations::finish(&mut tx, operation, &ended).await? {
        // A newer change has joined while this one was being sent.
        operations::reschedule(&mut tx, operation, OperationState::Pending, now, "", writes).await?;
    }
    let event = (&operation.tenant_id, &operation.room_id, &operation.uid);
    if agreed {
        conflicts::settle(&mut tx, event, site.mapping.id.as_str(), now, "both sides agree again").await?;
    }
    Ok(tx.commit().await?)
}

/// Something to try again, to look into, or to give up.
async fn failed(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
    error: &BridgeError,
    writes: i64,
) -> Result<(), SyncError> {
    let state = match error {
        BridgeError::Unknown(_) | BridgeError::Garbage(_) => OperationState::Unknown,
        BridgeError::SlotTaken(why) => return refused(engine, site, operation, (why, true), writes).await,
        BridgeError::Refused(why) => return refused(engine, site, operation, (why, false), writes).await,
        BridgeError::Busy { .. }
        | BridgeError::Transport(_)
        | BridgeError::Auth(_)
        | BridgeError::CursorGone
        | BridgeError::Stale
        | BridgeError::NotFound
        | BridgeError::CalendarGone(_) => OperationState::Pending,
    };
    engine.metrics.add(&names::SYNC_PUSHES, &[bridge_word(site), "again"], 1);
    let now = engine.now();
    let attempts = u32::try_from(operation.attempts).unwrap_or(u32::MAX);
    let due = now.plus_ms(millis(retry::wait(error, attempts, seed(site, now), &engine.settings)));
    let mut tx = begin(engine, site).await?;
    operations::reschedule(&mut tx, operation, state, due, &error.to_string(), writes).await?;
    if matches!(error, BridgeError::Stale | BridgeError::NotFound) {
        // The remote copy is not what we think: look first, then decide again.
        mappings::wake(&mut tx, &operation.tenant_id, &operation.mapping_id, now, now).await?;
    }
    tracing::info!(operation.id = %operation.id, mapping.id = %site.mapping.id, "will try again: {error}");
    Ok(tx.commit().await?)
}

/// The remote side does not take the booking.
async fn refused(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
    (why, taken): (&str, bool),
    writes: i64,
) -> Result<(), SyncError> {
    engine.metrics.add(&names::SYNC_PUSHES, &[bridge_word(site), "refused"], 1);
    let mut tx = begin_alone(engine, site).await?;
    refusal::record(engine, &mut tx, site, &operation.uid, (why, taken)).await?;
    give_up(engine, &mut tx, operation, why, writes).await?;
    Ok(tx.commit().await?)
}

async fn cannot_represent(
    engine: &Engine,
    site: &Site,
    operation: &Operation,
    error: &Unrepresentable,
) -> Result<(), SyncError> {
    let mut tx = begin(engine, site).await?;
    let why = error.to_string();
    let detail = format!("{} cannot hold it: {why}", site.calendar.name);
    ruling::tell(engine, &mut tx, site, &operation.uid, ("push.unrepresentable", &detail)).await?;
    conflict::refused(engine, &mut tx, site, &operation.uid, "unrepresentable", &why).await?;
    give_up(engine, &mut tx, operation, &why, 0).await?;
    Ok(tx.commit().await?)
}

async fn give_up(engine: &Engine, tx: &mut Tx, operation: &Operation, why: &str, writes: i64) -> Result<(), SyncError> {
    let now = engine.now();
    let ended = Ended { state: OperationState::Failed, at: now, error: why, remote_writes: writes };
    if !operations::finish(tx, operation, &ended).await? {
        operations::reschedule(tx, operation, OperationState::Pending, now, why, writes).await?;
    }
    Ok(())
}

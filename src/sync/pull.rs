//! Pull: a remote calendar is read, every difference is decided, and the decisions are carried out through the gate.

use super::observe::Observed;
use super::{Engine, Site, SyncError, folding, held, moved, nightly, observe, pull_item, retry, surplus};
use crate::bridge::BridgeError;
use crate::change;
use crate::model::BridgeKind;
use crate::model::Timestamp;
use crate::observe::names;
use crate::store::Tx;
use crate::store::inbox;
use crate::store::leases;
use crate::store::links;
use crate::store::mappings;
use crate::store::objects;
use crate::store::rooms;
use crate::store::runs;
use crate::store::runs::Run;
use crate::store::subscriptions;
use std::collections::BTreeSet;
use std::time::Duration;

/// Items decided on in one transaction: small enough that writers wait only for a moment.
const BATCH: usize = 50;

/// What a pull has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pulled {
    pub(super) seen: usize,
    pub(super) applied: usize,
}

/// Pulls one mapping. A failure is remembered with the time of the next attempt, and answered.
pub(super) async fn pull(engine: &Engine, site: &Site) -> Result<Pulled, SyncError> {
    let began = engine.now();
    let everything = needs_everything(engine, site, began);
    let outcome = match observe::read(engine, site, everything).await {
        Ok(observed) => Box::pin(apply(engine, site, observed, began)).await,
        Err(error) => Err(error),
    };
    measure(engine, site, began, outcome.is_ok());
    match &outcome {
        Ok(pulled) if pulled.seen > 0 || everything => {
            record(engine, site, everything, began, *pulled, None).await?;
        }
        Ok(_) => {}
        Err(error) => {
            give_up(engine, site, error).await?;
            record(engine, site, everything, began, Pulled::default(), Some(&error.to_string())).await?;
        }
    }
    outcome
}

fn measure(engine: &Engine, site: &Site, began: Timestamp, well: bool) {
    let bridge = bridge_word(site);
    let outcome = if well { "ok" } else { "failed" };
    engine.metrics.add(&names::SYNC_PULLS, &[bridge, outcome], 1);
    let took_ms = u32::try_from((engine.now().ms() - began.ms()).max(0)).unwrap_or(u32::MAX);
    engine.metrics.observe(
        &names::TENANT_SYNC_SECONDS,
        &[&site.tenant.tenant_key, bridge],
        f64::from(took_ms) / 1000.0,
    );
}

/// The kind of a bridge, as metrics name it.
pub(super) fn bridge_word(site: &Site) -> &'static str {
    match site.bridge.kind() {
        BridgeKind::Graph => "graph",
        BridgeKind::BookingGeneric => "booking_generic",
        BridgeKind::BookingPortico => "booking_portico",
        BridgeKind::Memory => "memory",
    }
}

/// A complete read is due when there was none yet, when the cursor is lost, and every night; it moves the window on.
fn needs_everything(engine: &Engine, site: &Site, now: Timestamp) -> bool {
    let mapping = &site.mapping;
    let (every, zone) = (engine.settings.compare_every, &site.tenant.zone);
    let overdue = mapping.completed_ms.is_none_or(|at| nightly::due(at, every, zone, seed(site, Timestamp(0))) <= now);
    mapping.cursor.is_empty() || overdue
}

async fn apply(engine: &Engine, site: &Site, observed: Observed, began: Timestamp) -> Result<Pulled, SyncError> {
    let observed = moved::follow(engine, site, observed).await?;
    let observed = surplus::take_away(engine, site, observed).await?;
    if let Some(why) = held::verdict(engine, site, &observed).await? {
        held::hold(engine, site, &observed, &why).await?;
        return Ok(Pulled { seen: observed.present.len(), applied: 0 });
    }
    let mut applied = folding::before(engine, site, &observed).await?;
    for batch in observed.present.chunks(BATCH) {
        let mut tx = begin_alone(engine, site).await?;
        for item in batch {
            applied += usize::from(Box::pin(pull_item::present(engine, &mut tx, site, item)).await?);
        }
        tx.commit().await?;
        if applied >= most(site) {
            return cut(engine, site, Pulled { seen: observed.present.len(), applied }).await;
        }
    }
    for batch in observed.absent.chunks(BATCH) {
        let mut tx = begin_alone(engine, site).await?;
        for id in batch {
            applied += usize::from(pull_item::absent(engine, &mut tx, site, id).await?);
        }
        tx.commit().await?;
    }
    applied += folding::after(engine, site, &observed).await?;
    finish(engine, site, (&observed, applied > 0), began).await?;
    Ok(Pulled { seen: observed.present.len() + observed.absent.len(), applied })
}

/// How many remote changes one run of this tenant takes over.
fn most(site: &Site) -> usize {
    usize::try_from(site.tenant.max_events_per_sync).unwrap_or(usize::MAX)
}

/// Lets other tenants go on. The cursor stays where it was: the next run, due at once, reads the same again, finds
/// nothing to decide in what was taken over, and goes on behind it.
async fn cut(engine: &Engine, site: &Site, pulled: Pulled) -> Result<Pulled, SyncError> {
    let (mapping, now) = (&site.mapping, engine.now());
    let mut tx = begin(engine, site).await?;
    mappings::wake(&mut tx, &mapping.tenant_id, &mapping.id, now, now).await?;
    tx.commit().await?;
    Ok(pulled)
}

/// A transaction in which the lease is known to be still ours.
pub(super) async fn begin(engine: &Engine, site: &Site) -> Result<Tx, SyncError> {
    let mut tx = engine.store.begin_write().await?;
    if leases::holds(&mut tx, &site.lease).await? { Ok(tx) } else { Err(SyncError::LeaseLost) }
}

/// The same, alone in the room: what is read of the hub to decide by is what the decision is carried out on.
pub(super) async fn begin_alone(engine: &Engine, site: &Site) -> Result<Tx, SyncError> {
    let mut tx = begin(engine, site).await?;
    rooms::lock(&mut tx, &site.room.tenant_id, &site.room.id).await?;
    Ok(tx)
}

/// The cursor moves only after everything it covers is stored.
async fn finish(
    engine: &Engine,
    site: &Site,
    (observed, changed): (&Observed, bool),
    began: Timestamp,
) -> Result<(), SyncError> {
    let mapping = &site.mapping;
    let cursor = match &observed.cursor {
        Some(cursor) => engine.seal(mapping, "cursor", &cursor.0)?,
        None => String::new(),
    };
    let mut tx = begin(engine, site).await?;
    let now = engine.now();
    if let Some(since) = mapping.pulled_ms.filter(|_| changed) {
        subscriptions::doubt(&mut tx, &mapping.tenant_id, &mapping.id, now, since).await?;
    }
    let due = now.plus_ms(millis(retry::jitter(poll_every(engine, &mut tx, site, now).await?, seed(site, now))));
    let pulled = mappings::Pulled {
        cursor: &cursor,
        window: observed.window,
        due,
        ended: now,
        complete: observed.complete,
        began,
    };
    mappings::pulled(&mut tx, mapping, &pulled).await?;
    if mapping.failures > 0 {
        // The system is back: its other calendars need not wait out what they had to wait.
        mappings::wake_failed(&mut tx, &mapping.tenant_id, &mapping.bridge_id, now).await?;
    }
    if observed.complete && mapping.exports() {
        send_missing(engine, &mut tx, site).await?;
    }
    inbox::done(&mut tx, &mapping.tenant_id, &mapping.id, now, began).await?;
    Ok(tx.commit().await?)
}

/// After everything was read: what the hub holds and that side lacks is sent, and so are the dates of series that the
/// window has reached since they were last looked at. Looking is cheap; what is there already causes no request.
async fn send_missing(engine: &Engine, tx: &mut Tx, site: &Site) -> Result<(), SyncError> {
    let mapping = &site.mapping;
    let links = links::of_mapping(tx, &mapping.tenant_id, &mapping.id).await?;
    let whole: BTreeSet<&str> =
        links.iter().filter(|link| link.part.is_empty()).map(|link| link.uid.as_str()).collect();
    let window = engine.window();
    for (uid, last) in objects::spans(tx, &mapping.tenant_id, &mapping.room_id).await? {
        let past = last.is_some_and(|last| last <= window.start);
        if !past && !whole.contains(uid.as_str()) {
            change::resend(tx, engine.change_context(), &site.room, &mapping.id, &uid).await?;
        }
    }
    Ok(())
}

/// Polling is slow while notifications are known to work and to tell everything, and fast otherwise.
async fn poll_every(engine: &Engine, tx: &mut Tx, site: &Site, now: Timestamp) -> Result<Duration, SyncError> {
    let unhealthy = match site.tenant.sync_frequency_minutes.map(u64::try_from) {
        Some(Ok(minutes)) => Duration::from_mins(minutes),
        Some(Err(_)) | None => engine.settings.poll_unhealthy,
    };
    if !site.bridge.announces_everything() {
        return Ok(unhealthy);
    }
    let living = subscriptions::of_mapping(tx, &site.mapping.tenant_id, &site.mapping.id).await?;
    let healthy = living.iter().any(|one| one.is_healthy(now));
    Ok(if healthy { engine.settings.poll_healthy.max(unhealthy) } else { unhealthy })
}

async fn give_up(engine: &Engine, site: &Site, error: &SyncError) -> Result<(), SyncError> {
    let mapping = &site.mapping;
    let now = engine.now();
    let mut tx = engine.store.begin_write().await?;
    if matches!(error, SyncError::Bridge(BridgeError::CursorGone)) {
        mappings::forget_cursor(&mut tx, mapping, now).await?;
    } else {
        let attempts = u32::try_from(mapping.failures).unwrap_or(u32::MAX);
        let settings = engine.settings.of_pulls();
        let wait = match error {
            SyncError::Bridge(error) => retry::wait(error, attempts, seed(site, now), &settings),
            SyncError::Store(_)
            | SyncError::Change(_)
            | SyncError::LeaseLost
            | SyncError::Refused(_)
            | SyncError::Missing { .. }
            | SyncError::Damaged(_) => {
                retry::wait(&BridgeError::Transport(String::new()), attempts, seed(site, now), &settings)
            }
        };
        mappings::failed(&mut tx, mapping, &error.to_string(), now.plus_ms(millis(wait)), now).await?;
    }
    Ok(tx.commit().await?)
}

async fn record(
    engine: &Engine,
    site: &Site,
    everything: bool,
    began: Timestamp,
    pulled: Pulled,
    error: Option<&str>,
) -> Result<(), SyncError> {
    let run = Run {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: site.mapping.tenant_id.clone(),
        mapping_id: site.mapping.id.clone(),
        kind: if everything { "complete" } else { "changes" }.to_owned(),
        started_ms: began,
        ended_ms: engine.now(),
        seen: i64::try_from(pulled.seen).unwrap_or(i64::MAX),
        applied: i64::try_from(pulled.applied).unwrap_or(i64::MAX),
        outcome: if error.is_some() { "failed" } else { "ok" }.to_owned(),
        detail: error.unwrap_or("").to_owned(),
    };
    let mut tx = engine.store.begin_write().await?;
    runs::insert(&mut tx, &run).await?;
    Ok(tx.commit().await?)
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Differs from mapping to mapping and from time to time.
pub(super) fn seed(site: &Site, now: Timestamp) -> u64 {
    let bytes = site.mapping.id.as_str().bytes();
    bytes.fold(now.ms().unsigned_abs(), |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

//! What a read of a remote calendar has shown, with every absence proved. Network only: no transaction is open.

use super::{Engine, Site, SyncError};
use crate::bridge::Cursor;
use crate::bridge::Reading;
use crate::bridge::RemoteId;
use crate::bridge::RemoteItem;
use crate::model::EventTime;
use crate::model::LinkState;
use crate::model::TimeRange;
use crate::store::links;
use crate::store::links::Link;
use std::collections::BTreeSet;

/// The outcome of a read.
pub(super) struct Observed {
    /// Items that are there, in their present state.
    pub(super) present: Vec<RemoteItem>,
    /// Linked items that are gone: looked for by id and not found.
    pub(super) absent: Vec<RemoteId>,
    /// Where to go on.
    pub(super) cursor: Option<Cursor>,
    /// Whether everything inside the window was read.
    pub(super) complete: bool,
    /// The window of the cursor.
    pub(super) window: TimeRange,
    /// Live links there were before.
    pub(super) known: usize,
}

/// Reads everything, or what changed since the mapping's cursor.
pub(super) async fn read(engine: &Engine, site: &Site, everything: bool) -> Result<Observed, SyncError> {
    let live = live_links(engine, site).await?;
    let window = engine.window();
    let cursor = if everything || site.mapping.cursor.is_empty() {
        None
    } else {
        Some(Cursor(engine.open(&site.mapping, "cursor", &site.mapping.cursor)?))
    };
    let reading = match &cursor {
        None => Reading::Complete(site.bridge.read_all(&site.calendar, window).await?),
        Some(cursor) => site.bridge.read_changes(&site.calendar, cursor).await?,
    };
    let (mut present, suspects, next, complete, window) = match reading {
        Reading::Complete(complete) => {
            let suspects = missing_from(&live, &complete);
            let next = complete.cursor().cloned().or(cursor);
            (complete.items().to_vec(), suspects, next, true, complete.window())
        }
        Reading::Delta(delta) => {
            let known: BTreeSet<&str> = live.iter().filter_map(|link| link.remote_id.as_deref()).collect();
            let suspects = delta.removed.into_iter().filter(|id| known.contains(id.0.as_str())).collect();
            let window = TimeRange::new(site.mapping.window_start_ms, site.mapping.window_end_ms);
            (delta.items, suspects, Some(delta.cursor), false, window)
        }
    };
    let mut suspects: Vec<RemoteId> = suspects;
    let returned = returned(engine, site, &live, &present).await?;
    present.retain(|item| !returned.contains(&item.id));
    suspects.extend(returned.iter().cloned());
    let mut absent = prove(site, suspects, window, &mut present).await?;
    absent.retain(|id| !returned.contains(id));
    Ok(Observed { present, absent, cursor: next, complete, window, known: live.len() })
}

/// Items that were forgotten and are listed again. Lists lag behind: what was deleted a moment ago may still be on them,
/// and taking it for a newcomer would bring it back.
async fn returned(
    engine: &Engine,
    site: &Site,
    live: &[Link],
    present: &[RemoteItem],
) -> Result<BTreeSet<RemoteId>, SyncError> {
    let known: BTreeSet<&str> = live.iter().filter_map(|link| link.remote_id.as_deref()).collect();
    let mapping = &site.mapping;
    let mut tx = engine.store.begin_read().await?;
    let mut returned = BTreeSet::new();
    for item in present.iter().filter(|item| !known.contains(item.id.0.as_str())) {
        if links::was_forgotten(&mut tx, &mapping.tenant_id, &mapping.id, &item.id.0).await? {
            returned.insert(item.id.clone());
        }
    }
    Ok(returned)
}

async fn live_links(engine: &Engine, site: &Site) -> Result<Vec<Link>, SyncError> {
    let mut tx = engine.store.begin_read().await?;
    let mut live = links::of_mapping(&mut tx, &site.mapping.tenant_id, &site.mapping.id).await?;
    live.retain(|link| link.state != LinkState::Forgotten && link.remote_id.is_some());
    Ok(live)
}

/// Linked items that a complete read should have shown: those whose base lies inside its window.
fn missing_from(live: &[Link], complete: &crate::bridge::Complete) -> Vec<RemoteId> {
    let seen: BTreeSet<&str> = complete.items().iter().map(|item| item.id.0.as_str()).collect();
    live.iter()
        .filter(|link| matches!(link.state, LinkState::Linked | LinkState::Deleting))
        .filter_map(|link| Some((link, link.remote_id.as_deref()?)))
        .filter(|(link, id)| !seen.contains(id) && lies_in(link, complete.window()))
        .map(|(_, id)| RemoteId(id.to_owned()))
        .collect()
}

fn lies_in(link: &Link, window: TimeRange) -> bool {
    let Ok(base) = serde_json::from_str::<crate::model::Event>(&link.base) else { return false };
    if base.recurrence.is_some() {
        return true;
    }
    let zone = match &base.when {
        EventTime::Timed { zone, .. } => zone.clone(),
        EventTime::AllDay { .. } => crate::model::ZoneId::utc(),
    };
    let (start, end) = base.when.instants(&zone);
    start >= window.start && end <= window.end
}

/// Asks for every suspect by its id; those that can only be listed are looked for in a second complete read, since one
/// that moved while the first was made may have escaped it. What answers was not gone, only out of the listing.
async fn prove(
    site: &Site,
    suspects: Vec<RemoteId>,
    window: TimeRange,
    present: &mut Vec<RemoteItem>,
) -> Result<Vec<RemoteId>, SyncError> {
    let (listed, single): (Vec<_>, Vec<_>) = suspects.into_iter().partition(|id| site.bridge.is_only_listed(id));
    let mut absent = Vec::new();
    for id in single {
        match site.bridge.fetch(&site.calendar, &id).await? {
            Some(item) => present.push(item),
            None => absent.push(id),
        }
    }
    if listed.is_empty() {
        return Ok(absent);
    }
    let again = site.bridge.read_all(&site.calendar, window).await?;
    for id in listed {
        match again.items().iter().find(|item| item.id == id) {
            Some(item) => present.push(item.clone()),
            None => absent.push(id),
        }
    }
    Ok(absent)
}

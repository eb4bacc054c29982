//! How conflicts are told: one sentence a person understands, and both versions.

use super::{Engine, Site, SyncError, hub};
use crate::bridge::RemoteItem;
use crate::model::ConflictId;
use crate::model::Event;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::conflicts::{Conflict, OPEN, SETTLED};
use crate::store::links::Link;

/// A remote item that the hub cannot take in.
pub(super) async fn of_item(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
    kind: &str,
    why: &str,
) -> Result<(), SyncError> {
    let title = title_of(Some(&item.event));
    let sentence = format!("{title} in {} cannot be taken over from the remote side: {why}", site.room.name);
    let versions = (String::new(), hub::json(&item.event));
    record(engine, tx, site, &item.event.uid, (kind, &sentence, OPEN), versions).await
}

/// A conflict that a rule has settled; kept for whoever wants to know.
pub(super) async fn settled(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    kind: &str,
    what: &str,
) -> Result<(), SyncError> {
    let ours = hub::event(engine, tx, site, &link.uid).await?;
    let sentence = format!("{} in {} {what}", title_of(ours.as_ref()), site.room.name);
    let versions = (ours.as_ref().map_or_else(String::new, hub::json), link.base.clone());
    record(engine, tx, site, &link.uid, (kind, &sentence, SETTLED), versions).await
}

/// A hub event that the remote side does not take.
pub(super) async fn refused(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    kind: &str,
    why: &str,
) -> Result<(), SyncError> {
    let ours = hub::event(engine, tx, site, uid).await?;
    let place = format!("{} ({})", site.room.name, site.calendar.name);
    let sentence = format!("{} in {place} was not taken over by the remote side: {why}", title_of(ours.as_ref()));
    let versions = (ours.as_ref().map_or_else(String::new, hub::json), String::new());
    record(engine, tx, site, uid, (kind, &sentence, OPEN), versions).await
}

async fn record(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    (kind, sentence, state): (&str, &str, &str),
    (ours, theirs): (String, String),
) -> Result<(), SyncError> {
    let now = engine.now();
    let conflict = Conflict {
        id: ConflictId::fresh(),
        tenant_id: site.mapping.tenant_id.clone(),
        room_id: site.room.id.clone(),
        mapping_id: site.mapping.id.to_string(),
        uid: uid.clone(),
        kind: kind.to_owned(),
        sentence: sentence.to_owned(),
        ours,
        theirs,
        state: state.to_owned(),
        created_ms: now,
        decided_ms: (state == SETTLED).then_some(now),
        decision: String::new(),
    };
    Ok(conflicts::record(tx, &conflict).await?)
}

fn title_of(event: Option<&Event>) -> String {
    match event.map(|event| event.content.summary.as_str()) {
        Some(title) if !title.is_empty() => format!("\u{201c}{title}\u{201d}"),
        _ => "A booking".to_owned(),
    }
}

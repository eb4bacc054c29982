//! How conflicts are told: one sentence a person understands, both versions, and what happens unless somebody decides.

use super::{Engine, Site, SyncError, hub};
use crate::bridge::RemoteItem;
use crate::change::resolve;
use crate::model::Event;
use crate::model::Resolution;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::conflicts::Opened;
use crate::store::objects;

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
    let told = Told { kind, sentence, versions, proposal: Resolution::Ignore };
    record(engine, tx, site, &item.event.uid, told).await
}

/// What a rule has decided, and both versions it chose from, in the hub's form. `None`: that side has removed it.
pub(super) struct Ruled<'a> {
    pub(super) kind: &'a str,
    pub(super) what: String,
    pub(super) ours: Option<&'a Event>,
    pub(super) theirs: Option<&'a Event>,
    pub(super) kept: Resolution,
}

/// A conflict that a rule has decided; a person may overrule it until the deadline. Recorded after the decision was
/// carried out, so that what stands then is what a later decision may replace.
pub(super) async fn settled(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    ruled: Ruled<'_>,
) -> Result<(), SyncError> {
    let json = |event: Option<&Event>| event.map_or_else(String::new, hub::json);
    let sentence = format!("{} in {} {}", title_of(ruled.ours.or(ruled.theirs)), site.room.name, ruled.what);
    let versions = (json(ruled.ours), json(ruled.theirs));
    record(engine, tx, site, uid, Told { kind: ruled.kind, sentence, versions, proposal: ruled.kept }).await
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
    not_taken(engine, tx, site, (uid, ours.as_ref()), (kind, why)).await
}

/// The same of a version of the event that the hub may have changed since.
pub(super) async fn not_taken(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    (uid, ours): (&Uid, Option<&Event>),
    (kind, why): (&str, &str),
) -> Result<(), SyncError> {
    let place = format!("{} ({})", site.room.name, site.calendar.name);
    let sentence = format!("{} in {place} was not taken over by the remote side: {why}", title_of(ours));
    let versions = (ours.map_or_else(String::new, hub::json), String::new());
    let proposal = match kind {
        resolve::REJECTED => Resolution::KeepBothTentative,
        resolve::AMBIGUOUS => Resolution::PushAgain,
        resolve::UNREPRESENTABLE => Resolution::KeepHub,
        resolve::LOCKED => Resolution::KeepRemote,
        _ => Resolution::Ignore,
    };
    record(engine, tx, site, uid, Told { kind, sentence, versions, proposal }).await
}

/// A date that the remote side does not take, as an event that is this date alone.
pub(super) async fn date_refused(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    date: &Event,
    why: &str,
) -> Result<(), SyncError> {
    let sentence = format!("{} in {} ({}): {why}", title_of(Some(date)), site.room.name, site.calendar.name);
    let versions = (hub::json(date), String::new());
    let told = Told { kind: resolve::DATE_REFUSED, sentence, versions, proposal: Resolution::KeepRemote };
    record(engine, tx, site, &date.uid, told).await
}

struct Told<'a> {
    kind: &'a str,
    sentence: String,
    versions: (String, String),
    proposal: Resolution,
}

async fn record(engine: &Engine, tx: &mut Tx, site: &Site, uid: &Uid, told: Told<'_>) -> Result<(), SyncError> {
    let standing = objects::by_uid(tx, &site.room.tenant_id, &site.room.id, uid).await?;
    let cx = engine.change_context();
    let opened = Opened {
        room: (&site.mapping.tenant_id, &site.room.id),
        mapping: site.mapping.id.as_str(),
        uid,
        kind: told.kind,
        sentence: told.sentence,
        versions: told.versions,
        proposal: Some((told.proposal, resolve::deadline(cx))),
        standing: standing.map_or_else(String::new, |row| row.fingerprint.as_str().to_owned()),
        now: cx.now,
    };
    Ok(conflicts::record(tx, &opened.into()).await?)
}

fn title_of(event: Option<&Event>) -> String {
    match event.map(|event| event.content.summary.as_str()) {
        Some(title) if !title.is_empty() => format!("\u{201c}{title}\u{201d}"),
        _ => "A booking".to_owned(),
    }
}

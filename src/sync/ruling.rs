//! What the merge table has decided, told: an audit entry for each merge, and a conflict where one side lost something, so
//! that a person can overrule the rule.

use super::conflict::Ruled;
use super::hub::Edit;
use super::pull_item::View;
use super::{Engine, Site, SyncError, conflict, hub};
use crate::change::resolve;
use crate::model::Event;
use crate::model::Resolution;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::audit;
use crate::store::links::Link;

/// Both sides changed the booking; each unit that both changed differently went to the winner.
pub(super) async fn merged(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    (view, theirs): (&View, &Event),
    (contested, remote_wins): (&[&str], bool),
) -> Result<(), SyncError> {
    let (winner, kept) =
        if remote_wins { ("the remote side", Resolution::KeepRemote) } else { ("the hub", Resolution::KeepHub) };
    if contested.is_empty() {
        let what = format!("both sides changed different fields; both changes at {} were kept", site.calendar.name);
        return tell(engine, tx, site, &link.uid, ("pull.merge", &what)).await;
    }
    let units = contested.join(", ");
    let what = format!("both sides changed {units}; {winner} ({}) decided", site.calendar.name);
    tell(engine, tx, site, &link.uid, ("pull.merge", &what)).await?;
    let ours = view.ours.as_ref().unwrap_or(theirs);
    let theirs = hub::outcome(view, Edit { before: ours, after: theirs, settled: true });
    let what = format!("was changed on both sides at once ({units}); {winner} won");
    let ruled = Ruled { kind: resolve::FIELD_CONFLICT, what, ours: view.hub.as_ref(), theirs: Some(&theirs), kept };
    conflict::settled(engine, tx, site, &link.uid, ruled).await
}

/// The hub's change of a copy that may not be written was taken back.
pub(super) async fn locked(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    (view, edit): (&View, Edit<'_>),
) -> Result<(), SyncError> {
    let what = format!("goes back to what the remote side says: {}", link.locked);
    tell(engine, tx, site, &link.uid, ("pull.locked", &what)).await?;
    let theirs = hub::outcome(view, edit);
    let kept = Resolution::KeepRemote;
    let ruled = Ruled { kind: resolve::LOCKED, what, ours: view.hub.as_ref(), theirs: Some(&theirs), kept };
    conflict::settled(engine, tx, site, &link.uid, ruled).await
}

/// The hub had changed what the remote side removed.
pub(super) async fn removed(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    (view, what, kept): (&View, String, Resolution),
) -> Result<(), SyncError> {
    tell(engine, tx, site, &link.uid, ("pull.delete_edit", &what)).await?;
    let ruled = Ruled { kind: resolve::DELETE_EDIT, what, ours: view.hub.as_ref(), theirs: None, kept };
    conflict::settled(engine, tx, site, &link.uid, ruled).await
}

/// The remote side had changed what the hub removed, and the change won.
pub(super) async fn came_back(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    (view, theirs): (&View, &Event),
) -> Result<(), SyncError> {
    if view.base.is_none() || view.hub.is_some() {
        return Ok(());
    }
    let what = "was removed here after it had been changed at the remote side; the change wins".to_owned();
    tell(engine, tx, site, &link.uid, ("pull.delete_edit", &what)).await?;
    let kept = Resolution::KeepRemote;
    let ruled = Ruled { kind: resolve::DELETE_EDIT, what, ours: None, theirs: Some(theirs), kept };
    conflict::settled(engine, tx, site, &link.uid, ruled).await
}

/// The remote side had changed what the hub removed, and the removal won.
pub(super) async fn went(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: &Link,
    (view, theirs): (&View, &Event),
) -> Result<(), SyncError> {
    if view.base.is_none() || view.hub.is_some() || view.base.as_ref() == Some(theirs) {
        return Ok(());
    }
    let what = "was changed at the remote side and removed here; the removal wins".to_owned();
    tell(engine, tx, site, &link.uid, ("pull.delete_edit", &what)).await?;
    let kept = Resolution::KeepHub;
    let ruled = Ruled { kind: resolve::DELETE_EDIT, what, ours: None, theirs: Some(theirs), kept };
    conflict::settled(engine, tx, site, &link.uid, ruled).await
}

/// Writes what was decided into the story of the booking.
pub(super) async fn tell(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    (action, detail): (&str, &str),
) -> Result<(), SyncError> {
    let entry = audit::Entry {
        tenant: &site.mapping.tenant_id,
        at: engine.now(),
        actor: "reconciler",
        action,
        room: Some(&site.room.id),
        uid: Some(uid),
        seq: 0,
        detail,
    };
    Ok(audit::append(tx, &entry).await?)
}

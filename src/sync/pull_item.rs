//! One remote item against the hub: find its link, decide, carry out. Everything inside the caller's transaction.

use super::layers::Shown;
use super::masks;
use super::plan::{Decision, decide, remote_wins};
use super::{Engine, Site, SyncError, conflict, hub, pair, refusal, ruling};
use crate::bridge::Part;
use crate::bridge::RemoteId;
use crate::bridge::RemoteItem;
use crate::change::ChangeError;
use crate::change::Effect;
use crate::model::Authority;
use crate::model::Event;
use crate::model::LinkState;
use crate::model::Resolution;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::links;
use crate::store::links::Link;

/// Takes account of an item that is there. Answers whether the hub changed.
pub(super) async fn present(engine: &Engine, tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<bool, SyncError> {
    let outcome = match pair::find(engine, tx, site, item).await? {
        Some(link) => linked(engine, tx, site, link, Seen { item, fresh: false }).await,
        None if site.mapping.imports() => pair::newcomer(engine, tx, site, item).await,
        None => Ok(false),
    };
    match outcome {
        // What the hub cannot hold stays where it is and is told; the rest of the calendar goes on.
        Err(SyncError::Change(ChangeError::Ical(error))) => {
            conflict::of_item(engine, tx, site, item, "unrepresentable", &error.to_string()).await?;
            Ok(false)
        }
        Err(SyncError::Change(ChangeError::TooManyInstances(why))) => {
            conflict::of_item(engine, tx, site, item, "unrepresentable", &why).await?;
            Ok(false)
        }
        outcome => outcome,
    }
}

/// Takes account of a linked item that is proved to be gone. Answers whether the hub changed.
pub(super) async fn absent(engine: &Engine, tx: &mut Tx, site: &Site, id: &RemoteId) -> Result<bool, SyncError> {
    let mapping = &site.mapping;
    let Some(link) = links::by_remote(tx, &mapping.tenant_id, &mapping.id, &id.0).await? else { return Ok(false) };
    gone(engine, tx, site, link).await
}

/// The same of a link whose item has no name that we ever learnt.
pub(super) async fn gone(engine: &Engine, tx: &mut Tx, site: &Site, link: Link) -> Result<bool, SyncError> {
    let (link, view, decision) = judge_absent(engine, tx, site, link).await?;
    links::put(tx, &link).await?;
    match decision {
        Decision::DeleteOurs => {
            let changed = hub::remove(engine, tx, site, view.hub.as_ref(), &view.part, &link).await?;
            if changed && view.is_edited() {
                let what = "was changed here and removed at the remote side; the removal wins".to_owned();
                ruling::removed(engine, tx, site, &link, (&view, what, Resolution::KeepRemote)).await?;
            }
            Ok(changed)
        }
        Decision::CreateAnew => {
            let what = "was removed at the remote side after it had been changed here; the change wins".to_owned();
            if view.is_edited() {
                ruling::removed(engine, tx, site, &link, (&view, what, Resolution::KeepHub)).await?;
            }
            hub::resend(engine, tx, site, &link).await?;
            Ok(false)
        }
        Decision::Nothing
        | Decision::Agree
        | Decision::TakeTheirs
        | Decision::SendOurs
        | Decision::Merge(_)
        | Decision::DeleteTheirs
        | Decision::TakeBack
        | Decision::Forget => Ok(false),
    }
}

/// What the absence of a link's item means. Reads only; the link is answered as it shall be stored.
pub(super) async fn judge_absent(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    mut link: Link,
) -> Result<(Link, View, Decision), SyncError> {
    let view = View::load(engine, tx, site, &link).await?;
    let born_here = link.born == links::HUB;
    let decision = decide(view.base.as_ref(), view.ours.as_ref(), None, site.mapping.authority, born_here);
    let decision = match link.state {
        // It was to go, and says nothing of a booking that was made anew since.
        LinkState::Deleting => Decision::Forget,
        _ if view.imports(site) => decision,
        _ => without_import(decision),
    };
    link.state = LinkState::Forgotten;
    link.sent.clear();
    Ok((link, view, decision))
}

/// A mapping that only exports puts back what was removed.
fn without_import(decision: Decision) -> Decision {
    match decision {
        Decision::DeleteOurs => Decision::CreateAnew,
        Decision::TakeTheirs | Decision::Merge(_) => Decision::SendOurs,
        Decision::TakeBack => Decision::DeleteTheirs,
        other => other,
    }
}

/// The two known versions of what a link carries.
pub(super) struct View {
    pub(super) hub: Option<Event>,
    pub(super) part: Part,
    pub(super) base: Option<Event>,
    pub(super) ours: Option<Event>,
    /// Whether the mapping hides something of the hub's event.
    is_displaced: bool,
}

impl View {
    /// Whether the hub's version is another one than both sides agreed on.
    pub(super) fn is_edited(&self) -> bool {
        self.base.is_some() && self.ours.is_some() && self.ours != self.base
    }

    pub(super) async fn load(engine: &Engine, tx: &mut Tx, site: &Site, link: &Link) -> Result<Self, SyncError> {
        let part = Part::parse(&link.part)
            .ok_or_else(|| SyncError::Damaged(format!("link {} carries the part {:?}", link.id, link.part)))?;
        let base = hub::event_of(&link.base)?;
        let (hub, shown) = hub::shown(engine, tx, site, &link.uid).await?;
        let ours = Self::ours(engine, site, &shown, &part, base.as_ref());
        Ok(Self { hub, part, base, ours, is_displaced: shown.is_displaced })
    }

    /// Whether what the remote side says of this piece can change the hub.
    const fn imports(&self, site: &Site) -> bool {
        site.mapping.imports() && !matches!(self.part, Part::Rest(_))
    }

    fn ours(engine: &Engine, site: &Site, shown: &Shown, part: &Part, base: Option<&Event>) -> Option<Event> {
        let window = engine.window();
        match masks::project(site.bridge.as_ref(), &site.calendar, site.mapping.detail, shown, window) {
            // An instance that has left the window is no longer projected, which is not the same as removed.
            Ok(projection) => masks::piece(&projection, part).cloned().or_else(|| {
                let left = base.is_some_and(|base| base.when.instants(&site.room.zone).1 <= window.start);
                if shown.event.is_some() && left { base.cloned() } else { None }
            }),
            // What has no form at that side counts as unchanged there.
            Err(_) => base.cloned(),
        }
    }
}

/// A remote item as it was read.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) item: &'a RemoteItem,
    /// Read by itself just now: lists may lag behind.
    pub(super) fresh: bool,
}

/// An item whose link is known.
pub(super) async fn linked(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    link: Link,
    seen: Seen<'_>,
) -> Result<bool, SyncError> {
    let before = link.clone();
    let found = matches!(before.state, LinkState::Creating | LinkState::Forgotten);
    let lifted = found && Box::pin(refusal::copy_found(engine, tx, site, &link.uid)).await?;
    let judged = judge(engine, tx, site, link, seen).await?;
    if before.remote_id.is_none() {
        let detail = format!("{} at {}, found by reading", seen.item.id, site.calendar.name);
        ruling::tell(engine, tx, site, &before.uid, ("push.adopt", &detail)).await?;
    }
    if before.base != judged.link.base {
        tell_assumed(engine, tx, site, &before.uid, seen.item).await?;
    }
    // A complete read shows every item again; those that stand as they stood cost no write.
    if judged.link != before {
        links::put(tx, &judged.link).await?;
    }
    // Where the hub has nothing, it takes all there is, also what is never compared.
    let theirs = if judged.view.hub.is_none() { &judged.whole } else { &judged.theirs };
    let verdict = Verdict { view: &judged.view, link: &judged.link, theirs, authority: judged.authority };
    Ok(carry_out(engine, tx, site, judged.decision, verdict).await? || lifted)
}

/// What had to be assumed to read an item goes into the story of its booking.
pub(super) async fn tell_assumed(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
    item: &RemoteItem,
) -> Result<(), SyncError> {
    let Some(what) = &item.assumed else { return Ok(()) };
    tracing::warn!(mapping.id = %site.mapping.id, remote.id = %item.id, "{what}");
    ruling::tell(engine, tx, site, uid, ("pull.zone_assumed", what)).await
}

/// What an item means for its link: the versions that were compared, and the decision.
pub(super) struct Judged {
    /// The link as it shall be stored.
    pub(super) link: Link,
    pub(super) view: View,
    /// The whole remote version under the hub's identity.
    pub(super) whole: Event,
    /// What of it is compared.
    pub(super) theirs: Event,
    pub(super) authority: Authority,
    pub(super) decision: Decision,
}

/// Compares an item with its link and the hub. Reads only.
pub(super) async fn judge(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    mut link: Link,
    seen: Seen<'_>,
) -> Result<Judged, SyncError> {
    let item = seen.item;
    let mut view = View::load(engine, tx, site, &link).await?;
    let whole = hub::aligned(&item.event, &link, view.hub.as_ref().or(view.base.as_ref()));
    let theirs = site.bridge.comparable(&site.calendar, &whole);
    // The remote side may write what it is given in its own way; that is no edit.
    let theirs = if hub::event_of(&link.echo)?.as_ref() == Some(&theirs) {
        view.base.clone().unwrap_or(theirs)
    } else {
        link.echo.clear();
        theirs
    };
    let authority = authority(site, &link, &view);
    arrive(&mut link, &mut view, &theirs, seen.fresh)?;
    let born_here = link.born == links::HUB;
    let decision = decide(view.base.as_ref(), view.ours.as_ref(), Some(&theirs), authority, born_here);
    let decision = if view.imports(site) { decision } else { without_import(decision) };
    link.remote_id = Some(item.id.0.clone());
    link.remote_version = item.version.as_ref().map(|version| version.0.clone());
    link.locked = item.locked.clone().unwrap_or_default();
    link.state = LinkState::Linked;
    link.base = hub::json(&theirs);
    Ok(Judged { link, view, whole, theirs, authority, decision })
}

#[derive(Clone, Copy)]
struct Verdict<'a> {
    view: &'a View,
    link: &'a Link,
    theirs: &'a Event,
    authority: Authority,
}

/// A write without an answer has arrived where the copy says what was sent; both sides agreed on it then. It has not
/// where the copy still says what it said, unless what was read is older than the write.
fn arrive(link: &mut Link, view: &mut View, theirs: &Event, fresh: bool) -> Result<(), SyncError> {
    let Some(sent) = hub::event_of(&link.sent)? else { return Ok(()) };
    if sent == *theirs || view.base.is_none() {
        view.base = Some(sent);
    } else if view.base.as_ref() == Some(theirs) && !fresh {
        return Ok(());
    }
    link.sent.clear();
    Ok(())
}

/// Who wins contested units. Where a change of ours was sent and not answered, the copy may hold it already, and whoever
/// changed the copy since has seen it: our older change does not overrule theirs.
fn authority(site: &Site, link: &Link, view: &View) -> Authority {
    let unsure = !link.sent.is_empty() && view.ours.is_some() && view.ours != view.base;
    if unsure { Authority::Remote } else { site.mapping.authority }
}

async fn carry_out(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    decision: Decision,
    verdict: Verdict<'_>,
) -> Result<bool, SyncError> {
    let Verdict { view, link, theirs, authority } = verdict;
    let before = view.base.as_ref().unwrap_or(theirs);
    match decision {
        Decision::Nothing | Decision::Agree | Decision::Forget => Ok(false),
        Decision::TakeTheirs | Decision::TakeBack => {
            // Where something lies over the booking, that side may have to show less of the outcome.
            let edit = hub::Edit { before, after: theirs, settled: !view.is_displaced };
            let changed = hub::take(engine, tx, site, view, edit).await?;
            if changed && decision == Decision::TakeBack {
                ruling::came_back(engine, tx, site, link, (view, theirs)).await?;
            }
            Ok(changed)
        }
        // A copy that may not be written keeps what it says, and the hub follows.
        Decision::SendOurs | Decision::Merge(_) if !link.locked.is_empty() && view.ours.is_some() => {
            let ours = view.ours.as_ref().unwrap_or(before);
            let edit = hub::Edit { before: ours, after: theirs, settled: true };
            let changed = hub::take(engine, tx, site, view, edit).await?;
            ruling::locked(engine, tx, site, link, (view, edit)).await?;
            Ok(changed)
        }
        Decision::SendOurs | Decision::DeleteTheirs | Decision::CreateAnew => {
            if decision == Decision::DeleteTheirs {
                ruling::went(engine, tx, site, link, (view, theirs)).await?;
            }
            hub::resend(engine, tx, site, link).await?;
            Ok(false)
        }
        Decision::Merge(merged) => {
            let ours = view.ours.as_ref().unwrap_or(before);
            let edit = hub::Edit { before: ours, after: &merged.event, settled: false };
            hub::take(engine, tx, site, view, edit).await?;
            let remote = remote_wins(authority, link.born == links::HUB);
            ruling::merged(engine, tx, site, link, (view, theirs), (&merged.contested, remote)).await?;
            hub::resend(engine, tx, site, link).await?;
            Ok(true)
        }
        Decision::DeleteOurs => hub::remove(engine, tx, site, view.hub.as_ref(), &view.part, link).await,
    }
}

/// Whether an effect of the gate counts as a change.
pub(super) fn changed(effect: Effect) -> bool {
    effect != Effect::Unchanged
}

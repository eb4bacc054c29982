//! Which hub event a remote item belongs to: by its id, by the key it was created with, by its UID, or by being the same
//! booking at the same time. First contact is where duplicates are born; this file is where they are not.

use super::layers::Shown;
use super::plan::{Decision, decide};
use super::pull::millis;
use super::pull_item::{Seen, View, linked, tell_assumed};
use super::push_send::create_key;
use super::{Engine, Site, SyncError, hub, refusal, ruling, shadow};
use crate::bridge::Part;
use crate::bridge::RemoteItem;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::model::Event;
use crate::model::LinkId;
use crate::model::LinkState;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::links;
use crate::store::links::Link;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::retention;
use crate::store::retention::{BOOKINGS, BOOKINGS_LEAST};
use std::time::Duration;

/// How long a create that was given up may still arrive, at a side that does not tell keys.
const LATE: Duration = Duration::from_hours(1);

/// Epochs of a key that are tried where the link of a copy is lost, as after a restored backup.
const EPOCHS: i64 = 8;

/// The link of an item: by remote id, else by the key it was created with, else as what was sent there.
pub(super) async fn find(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
) -> Result<Option<Link>, SyncError> {
    let mapping = &site.mapping;
    if let Some(link) = links::by_remote(tx, &mapping.tenant_id, &mapping.id, &item.id.0).await? {
        return Ok(Some(link));
    }
    let Some(key) = &item.key else { return as_sent(engine, tx, site, item).await };
    let Some(link) = links::by_key(tx, &mapping.tenant_id, &mapping.id, &key.0).await? else { return Ok(None) };
    // A link that has found its item, or whose event was created anew since, takes no other one. An item that was
    // forgotten and is there again is a booking that somebody took up again.
    let free = link.remote_id.is_none();
    let superseded = live(tx, site, &link.uid, &link.part).await?.is_some_and(|other| other.id != link.id);
    Ok((free && !superseded).then_some(link))
}

/// The link whose create was never answered and asked for exactly this, at a side that does not tell keys. It is found
/// here although the hub may have dropped the event since: otherwise the item would pass for a newcomer and bring it back.
/// The same goes for a create that was given up already and arrives late, where the item says to the letter what was sent.
async fn as_sent(engine: &Engine, tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<Option<Link>, SyncError> {
    if site.bridge.tells_keys() {
        return Ok(None);
    }
    let mapping = &site.mapping;
    for link in links::unanswered(tx, &mapping.tenant_id, &mapping.id).await? {
        if hub::event_of(&link.sent)?.is_some_and(|sent| is_same(site, &sent, &item.event)) {
            return Ok(Some(link));
        }
    }
    let since = engine.now().plus_ms(-millis(LATE));
    for link in links::given_up(tx, &mapping.tenant_id, &mapping.id, since).await? {
        let Some(sent) = hub::event_of(&link.sent)? else { continue };
        let theirs = hub::aligned(&item.event, &link, Some(&sent));
        let free = live(tx, site, &link.uid, &link.part).await?.is_none();
        if free && site.bridge.comparable(&site.calendar, &theirs) == sent {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// An item that no link knows: the same booking as one of the hub's, or a new one. Answers whether the hub changed.
pub(super) async fn newcomer(engine: &Engine, tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<bool, SyncError> {
    if let Some((uid, part)) = counterpart(engine, tx, site, item).await? {
        return adopt(engine, tx, site, item, uid, &part).await;
    }
    if let Some(uid) = shadow::of(engine, tx, site, item).await? {
        shadow::tell(engine, tx, site, &uid, item).await?;
        return Ok(false);
    }
    if has_outlived(engine, tx, site, item).await? {
        return Ok(false);
    }
    let mut event = item.event.clone();
    event.uid = free_uid(tx, site, item).await?;
    let changed = hub::put(engine, tx, site, event.clone(), true).await?;
    let link = new_link(engine, site, item, &event.uid, &Part::Whole, links::REMOTE);
    let base = site.bridge.comparable(&site.calendar, &event);
    links::put(tx, &Link { base: hub::json(&base), ..link }).await?;
    tell_assumed(engine, tx, site, &event.uid, item).await?;
    Ok(changed)
}

/// Whether an item ended longer ago than the tenant keeps bookings. The hub may have had it, and does not take it in again;
/// moved to a later time it is a booking like any other.
pub(super) async fn has_outlived(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
) -> Result<bool, SyncError> {
    let (_, last) = recur::span(&item.event, &site.room.zone, &Budget::of(&engine.limits));
    let Some(last) = last.filter(|last| *last < engine.now().plus_days(-BOOKINGS_LEAST)) else { return Ok(false) };
    let keep_days = retention::keep_days(tx, &site.mapping.tenant_id, BOOKINGS).await?;
    Ok(keep_days.is_some_and(|days| last < engine.now().plus_days(-days)))
}

/// The hub event, or the instance of one, that this item is, if it has no other copy on this mapping.
pub(super) async fn counterpart(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
) -> Result<Option<(Uid, Part)>, SyncError> {
    let uid = &item.event.uid;
    let known = objects::by_uid(tx, &site.room.tenant_id, &site.room.id, uid).await?.is_some();
    if known && is_free(tx, site, uid, &Part::Whole).await? && no_parts(tx, site, uid).await? {
        return Ok(Some((uid.clone(), Part::Whole)));
    }
    if let Some(uid) = marked(tx, site, item).await? {
        return Ok(Some((uid, Part::Whole)));
    }
    let (start, end) = item.event.when.instants(&site.room.zone);
    let range = TimeRange::new(start, end.max(start.plus_ms(1)));
    let rows = objects::in_range(tx, &site.room.tenant_id, &site.room.id, range, site.room.longest_ms).await?;
    for row in rows {
        for part in same_booking(engine, site, &row, item)? {
            if is_free(tx, site, &row.uid, &part).await? {
                return Ok(Some((row.uid, part)));
            }
        }
    }
    Ok(None)
}

/// The hub event whose create had the item's key, where its link was lost, as with a backup that is older than the link.
async fn marked(tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<Option<Uid>, SyncError> {
    let Some(key) = &item.key else { return Ok(None) };
    for (uid, _) in objects::spans(tx, &site.room.tenant_id, &site.room.id).await? {
        if epoch_of(site, &uid, &Part::Whole, &key.0).is_some() && is_free(tx, site, &uid, &Part::Whole).await? {
            return Ok(Some(uid));
        }
    }
    Ok(None)
}

/// In which of its first epochs a part of an event was created with that key; `None` where the key is another's.
pub(super) fn epoch_of(site: &Site, uid: &Uid, part: &Part, key: &str) -> Option<i64> {
    (1..=EPOCHS).find(|epoch| create_key(&site.mapping, uid, &part.as_text(), *epoch) == key)
}

/// The pieces of a hub event that say exactly what the item says: same title, same time.
pub(super) fn same_booking(
    engine: &Engine,
    site: &Site,
    row: &ObjectRow,
    item: &RemoteItem,
) -> Result<Vec<Part>, SyncError> {
    let parse = ParseContext { limits: &engine.limits, floating: &site.room.zone };
    let object = CalendarObject::parse(row.body.as_bytes(), &parse).map_err(crate::change::ChangeError::from)?;
    let detail = site.mapping.detail;
    let window = engine.window();
    // A copy is recognised as what it is, whatever lies over it by now.
    let whole = Shown::whole(Some(object.event().clone()));
    let projection = super::masks::project(site.bridge.as_ref(), &site.calendar, detail, &whole, window);
    let Ok(projection) = projection else { return Ok(Vec::new()) };
    let same = projection.parts.into_iter().filter(|(_, event)| is_same(site, event, &item.event));
    Ok(same.map(|(part, _)| part).collect())
}

/// Whether two events are the same booking: same title, same time.
pub(super) fn is_same(site: &Site, ours: &Event, theirs: &Event) -> bool {
    ours.content.summary == theirs.content.summary
        && ours.when.instants(&site.room.zone) == theirs.when.instants(&site.room.zone)
        && ours.recurrence.is_some() == theirs.recurrence.is_some()
}

pub(super) async fn live(tx: &mut Tx, site: &Site, uid: &Uid, part: &str) -> Result<Option<Link>, SyncError> {
    let all = links::of_uid(tx, &site.mapping.tenant_id, &site.mapping.id, uid).await?;
    Ok(all.into_iter().find(|link| link.part == part && link.state != LinkState::Forgotten))
}

/// Whether a piece has no remote copy yet: no link, or one whose create has not been confirmed.
async fn is_free(tx: &mut Tx, site: &Site, uid: &Uid, part: &Part) -> Result<bool, SyncError> {
    Ok(live(tx, site, uid, &part.as_text()).await?.is_none_or(|link| link.remote_id.is_none()))
}

async fn no_parts(tx: &mut Tx, site: &Site, uid: &Uid) -> Result<bool, SyncError> {
    let all = links::of_uid(tx, &site.mapping.tenant_id, &site.mapping.id, uid).await?;
    Ok(!all.iter().any(|link| !link.part.is_empty() && link.state != LinkState::Forgotten))
}

/// Links an item to the hub event it is.
async fn adopt(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
    uid: Uid,
    part: &Part,
) -> Result<bool, SyncError> {
    let lifted = Box::pin(refusal::copy_found(engine, tx, site, &uid)).await?;
    let link = adoption(engine, tx, site, item, (uid, part)).await?;
    links::put(tx, &link).await?;
    let detail = format!("{} at {} is this booking", item.id, site.calendar.name);
    ruling::tell(engine, tx, site, &link.uid, ("pull.pair", &detail)).await?;
    Ok(Box::pin(linked(engine, tx, site, link, Seen { item, fresh: false })).await? || lifted)
}

/// The link between an item and the hub event it is. Without a base nobody wins silently. Reads only.
pub(super) async fn adoption(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    item: &RemoteItem,
    (uid, part): (Uid, &Part),
) -> Result<Link, SyncError> {
    let waiting = live(tx, site, &uid, &part.as_text()).await?;
    let link = match waiting {
        Some(link) => link,
        None => new_link(engine, site, item, &uid, part, links::HUB),
    };
    let view = View::load(engine, tx, site, &link).await?;
    let theirs = hub::aligned(&item.event, &link, view.hub.as_ref());
    let theirs = site.bridge.comparable(&site.calendar, &theirs);
    let decision = decide(None, view.ours.as_ref(), Some(&theirs), site.mapping.authority, true);
    // Equal on both sides is exactly what a base is; otherwise there is none.
    let base = if decision == Decision::Agree { hub::json(&theirs) } else { String::new() };
    Ok(Link { base, ..link })
}

/// The item's UID, or one derived from it and the item's id where another booking of the room has that UID.
pub(super) async fn free_uid(tx: &mut Tx, site: &Site, item: &RemoteItem) -> Result<Uid, SyncError> {
    let uid = &item.event.uid;
    if objects::by_uid(tx, &site.room.tenant_id, &site.room.id, uid).await?.is_none() {
        return Ok(uid.clone());
    }
    let suffix = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, item.id.0.as_bytes());
    Ok(Uid(format!("{}-{}", uid.as_str(), suffix.simple())))
}

/// A link between an item and the hub event, or the piece of one, that it is.
pub(super) fn new_link(engine: &Engine, site: &Site, item: &RemoteItem, uid: &Uid, part: &Part, born: &str) -> Link {
    let epoch = item.key.as_ref().and_then(|key| epoch_of(site, uid, part, &key.0));
    Link {
        id: LinkId::fresh(),
        tenant_id: site.mapping.tenant_id.clone(),
        mapping_id: site.mapping.id.clone(),
        uid: uid.clone(),
        part: part.as_text(),
        remote_id: Some(item.id.0.clone()),
        remote_version: item.version.as_ref().map(|version| version.0.clone()),
        create_key: item.key.as_ref().map_or_else(String::new, |key| key.0.clone()),
        epoch: epoch.unwrap_or(1),
        base: String::new(),
        sent: String::new(),
        echo: String::new(),
        state: LinkState::Linked,
        born: born.to_owned(),
        locked: item.locked.clone().unwrap_or_default(),
        written_ms: crate::model::Timestamp(0),
        created_ms: engine.now(),
    }
}

//! A new time zone database: what people agreed on is the time on the wall, so instants follow the rules of their zone.

use super::expand::{Expansion, expand, reparse};
use super::write::{self, Trace};
use super::{ChangeError, Context, Effect, Origin, overlap};
use crate::ical::zone;
use crate::model::BridgeKind;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::LinkState;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::audit;
use crate::store::bridges;
use crate::store::instances;
use crate::store::instances::{Owner, Stored};
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::zones;
use std::collections::{BTreeMap, BTreeSet};

/// Who moves bookings when a zone gets other rules.
const ZONE_RULES: Origin = Origin::System { why: "zone-rules" };

/// Instants that are over stay as they were; a day is left for those that are going on.
const GOING_ON_DAYS: i64 = 1;

/// Bookings looked at in one transaction.
const BATCH: i64 = 50;

/// The zones whose rules are not those by which the instances were computed. None before the first start.
pub async fn zones_with_other_rules(tx: &mut Tx) -> Result<BTreeSet<String>, ChangeError> {
    let known = zones::list(tx).await?;
    let now = zone::digests();
    Ok(known.into_iter().filter(|(name, rules)| now.get(name) != Some(rules)).map(|(name, _)| name).collect())
}

/// Remembers that all instances are computed by the rules of this program.
pub async fn remember_zones(tx: &mut Tx) -> Result<(), ChangeError> {
    Ok(zones::replace(tx, &zone::digests(), zone::release()).await?)
}

/// What one batch came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Id of the last object looked at: where the next batch begins. `None` at the end.
    pub last: Option<String>,
    /// Bookings whose instants moved.
    pub moved: usize,
}

/// Recomputes the instances of the next bookings after an object id that are told in one of these zones. What moves is
/// in the change log and the audit, and goes to every side.
pub async fn follow_zones(
    tx: &mut Tx,
    cx: Context<'_>,
    zones: &BTreeSet<String>,
    after: &str,
) -> Result<Followed, ChangeError> {
    let rows = objects::going_on(tx, after, cx.now.plus_days(-GOING_ON_DAYS), BATCH).await?;
    let mut followed = Followed { last: rows.last().map(|row| row.id.clone()), moved: 0 };
    for row in rows {
        let Some(room) = rooms::get(tx, &row.tenant_id, &row.room_id).await? else { continue };
        let object = match reparse(&row.body, &room, cx) {
            Ok(object) => object,
            Err(error) => {
                tracing::error!(room.id = %row.room_id, object = %row.name, "keeps its old instants: {error}");
                continue;
            }
        };
        let told_in = zones_of(object.event(), &room);
        if told_in.iter().any(|zone| zones.contains(zone.as_str())) {
            followed.moved += usize::from(follow(tx, cx, &room, row, object.event()).await?);
        }
    }
    Ok(followed)
}

/// Every zone that an event's instants depend on.
fn zones_of(event: &Event, room: &Room) -> BTreeSet<ZoneId> {
    let changes = event.recurrence.iter().flat_map(|set| set.changes.values());
    let others = event.overrides.values().chain(changes).map(|other| &other.when);
    std::iter::once(&event.when).chain(others).map(|when| when.zone().unwrap_or(&room.zone).clone()).collect()
}

async fn follow(tx: &mut Tx, cx: Context<'_>, room: &Room, row: ObjectRow, event: &Event) -> Result<bool, ChangeError> {
    rooms::lock(tx, &room.tenant_id, &room.id).await?;
    let before = instances::of_object(tx, &row.tenant_id, &row.id).await?;
    let expansion = expand(event, &room.zone, cx)?;
    let moved = moved(&before, &expansion, cx.now.plus_days(-GOING_ON_DAYS));
    let Some((id, (was, is))) = moved.first_key_value() else { return Ok(false) };
    let detail = format!("{} starts at {} by the new rules of its zone, not at {}", spoken(id), is.0, was.0);
    write::settle_collision(tx, cx, room, event, &expansion, &ZONE_RULES).await?;
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    let row = ObjectRow {
        seq,
        first_ms: expansion.first,
        last_ms: expansion.last,
        expanded_from_ms: expansion.range.start,
        expanded_until_ms: expansion.range.end,
        ..row
    };
    objects::put(tx, &row).await?;
    let owner = Owner { tenant: &row.tenant_id, room: &row.room_id, object: &row.id };
    instances::replace(tx, &owner, &expansion.instances).await?;
    let longest_ms = overlap::longest_ms(&expansion.instances);
    if longest_ms > room.longest_ms {
        rooms::raise_longest(tx, &room.tenant_id, &room.id, longest_ms).await?;
    }
    retell_links(tx, room, &row, &moved).await?;
    // The octets are the same; what they mean is not.
    let trace = Trace { name: &row.name, uid: &row.uid, seq, effect: Effect::Updated, same_content: false };
    write::follow_up(tx, cx, room, &trace, &ZONE_RULES).await?;
    let entry = audit::Entry {
        tenant: &room.tenant_id,
        at: cx.now,
        actor: &ZONE_RULES.actor(),
        action: "object.zone_rules",
        room: Some(&room.id),
        uid: Some(&row.uid),
        seq,
        detail: &detail,
    };
    audit::append(tx, &entry).await?;
    Ok(true)
}

fn spoken(id: &str) -> &str {
    if id.is_empty() { "it" } else { id }
}

/// Start and end of an instance.
type Span = (Timestamp, Timestamp);

/// The instances to come that lie elsewhere now: what they were and are, by recurrence id.
fn moved(before: &[Stored], now: &Expansion, from: Timestamp) -> BTreeMap<String, (Span, Span)> {
    let old: BTreeMap<&str, Span> =
        before.iter().map(|one| (one.recurrence_id.as_str(), (one.start_ms, one.end_ms))).collect();
    let mut moved = BTreeMap::new();
    for one in now.instances.iter().filter(|one| one.end > from) {
        let is = (one.start, one.end);
        if let Some(was) = old.get(one.recurrence_id.as_str()).filter(|was| **was != is) {
            moved.insert(one.recurrence_id.clone(), (*was, is));
        }
    }
    moved
}

/// A system that keeps instants still has the old ones: what both sides agreed on is told in them, so that it is neither
/// taken for an edit of that side nor for what is wanted there.
async fn retell_links(
    tx: &mut Tx,
    room: &Room,
    row: &ObjectRow,
    moved: &BTreeMap<String, (Span, Span)>,
) -> Result<(), ChangeError> {
    for mapping in mappings::of_room(tx, &room.tenant_id, &room.id).await? {
        let bridge = bridges::get(tx, &room.tenant_id, &mapping.bridge_id).await?;
        if !bridge.is_some_and(|bridge| keeps_instants(bridge.kind)) {
            continue;
        }
        for link in links::of_uid(tx, &room.tenant_id, &mapping.id, &row.uid).await? {
            let Some((was, is)) = moved.get(&link.part).filter(|_| link.state != LinkState::Forgotten) else {
                continue;
            };
            let base = retold(&link.base, &room.zone, (*was, *is));
            let echo = retold(&link.echo, &room.zone, (*was, *is));
            if base.is_some() || echo.is_some() {
                let (base, echo) = (base.unwrap_or(link.base), echo.unwrap_or(link.echo));
                links::put(tx, &Link { base, echo, ..link }).await?;
            }
        }
    }
    Ok(())
}

/// Whether a system stores single bookings as instants, not as times on the wall.
const fn keeps_instants(kind: BridgeKind) -> bool {
    match kind {
        BridgeKind::Graph | BridgeKind::BookingGeneric => true,
        BridgeKind::BookingPortico | BridgeKind::Memory => false,
    }
}

/// An event of a link in the times it really has there; `None` where they are what they are.
fn retold(json: &str, day_zone: &ZoneId, (was, is): (Span, Span)) -> Option<String> {
    let mut event: Event = serde_json::from_str(json).ok()?;
    if event.recurrence.is_some() || event.when.instants(day_zone) != is {
        return None;
    }
    let zone = event.when.zone().unwrap_or(day_zone).clone();
    event.when = EventTime::Timed { start: zone.wall(was.0), end: zone.wall(was.1), zone };
    serde_json::to_string(&event).ok()
}

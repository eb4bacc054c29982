//! A new time zone database: what people agreed on is the time on the wall, so instants follow the rules of their zone.

use super::expand::{Expansion, Slot, expand, reparse};
use super::write::{self, Trace};
use super::{ChangeError, Context, Effect, Origin, displace, overlap, verdict};
use crate::ical::zone;
use crate::model::BridgeKind;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::LinkState;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::audit;
use crate::store::bridges;
use crate::store::footing;
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

/// Nobody is told of instants that are over; a day is left for those that are going on.
const GOING_ON_DAYS: i64 = 1;

/// The zones whose rules are not those by which the instances were computed. None before the first start.
pub async fn zones_with_other_rules(tx: &mut Tx) -> Result<BTreeSet<String>, ChangeError> {
    let known = zones::list(tx).await?;
    let now = zone::digests();
    Ok(known.into_iter().filter(|(name, rules)| now.get(name) != Some(rules)).map(|(name, _)| name).collect())
}

/// Remembers that all instances are computed by the rules of this program.
pub async fn remember_zones(tx: &mut Tx) -> Result<(), ChangeError> {
    let now = zone::digests();
    if zones::list(tx).await? != now {
        zones::replace(tx, &now, zone::release()).await?;
    }
    Ok(())
}

/// A booking that is told in a zone with other rules.
struct Case {
    row: ObjectRow,
    event: Event,
    expansion: Expansion,
    /// Its instances to come that lie elsewhere now: what they were and are, by recurrence id.
    moved: BTreeMap<String, (Span, Span)>,
    /// Who lay under it.
    left: BTreeSet<Uid>,
}

/// Recomputes the instances of a room's bookings that are told in one of these zones. What moves is in the change log
/// and the audit, and goes to every side. Answers how many bookings did. They move together: who meets whom is asked
/// when all of them stand where they belong.
pub async fn follow_zones(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    zones: &BTreeSet<String>,
) -> Result<usize, ChangeError> {
    let Some(mut room) = rooms::lock(tx, &room.tenant_id, &room.id).await? else { return Ok(0) };
    let cases = cases(tx, cx, &room, zones).await?;
    for case in &cases {
        recompute(tx, &mut room, case).await?;
    }
    let moved: Vec<Case> = cases.into_iter().filter(|case| !case.moved.is_empty()).collect();
    let count = moved.len();
    for case in moved {
        tell(tx, cx, &room, case).await?;
    }
    Ok(count)
}

async fn cases(tx: &mut Tx, cx: Context<'_>, room: &Room, zones: &BTreeSet<String>) -> Result<Vec<Case>, ChangeError> {
    let from = cx.now.plus_days(-GOING_ON_DAYS);
    let mut cases = Vec::new();
    for row in objects::going_on(tx, &room.tenant_id, &room.id, from).await? {
        let read = reparse(&row.body, room, cx).and_then(|object| {
            let event = Event { class: row.class, ..object.event().clone() };
            let told_in_one = zones_of(&event, room).iter().any(|zone| zones.contains(zone.as_str()));
            Ok(if told_in_one { Some((expand(&event, &room.zone, cx)?, event)) } else { None })
        });
        match read {
            Ok(None) => {}
            Ok(Some((expansion, event))) => {
                let before = instances::of_object(tx, &row.tenant_id, &row.id).await?;
                let moved = moved(&before, &expansion, from);
                let left = displace::weaker(tx, room, Some((&event, times(&before)))).await?;
                let row = ObjectRow {
                    first_ms: expansion.first,
                    last_ms: expansion.last,
                    expanded_from_ms: expansion.range.start,
                    expanded_until_ms: expansion.range.end,
                    ..row
                };
                cases.push(Case { row, event, expansion, moved, left });
            }
            Err(error) => {
                tracing::error!(room.id = %row.room_id, object = %row.name, "keeps its old instants: {error}");
            }
        }
    }
    Ok(cases)
}

/// The times that stored instances take, which are sorted by start.
fn times(instances: &[Stored]) -> Vec<TimeRange> {
    let takes = instances.iter().filter(|one| one.busy && one.start_ms < one.end_ms);
    takes.map(|one| TimeRange::new(one.start_ms, one.end_ms)).collect()
}

/// Every zone that an event's instants depend on.
fn zones_of(event: &Event, room: &Room) -> BTreeSet<ZoneId> {
    let changes = event.recurrence.iter().flat_map(|set| set.changes.values());
    let others = event.overrides.values().chain(changes).map(|other| &other.when);
    std::iter::once(&event.when).chain(others).map(|when| when.zone().unwrap_or(&room.zone).clone()).collect()
}

async fn recompute(tx: &mut Tx, room: &mut Room, case: &Case) -> Result<(), ChangeError> {
    let Case { row, expansion, .. } = case;
    objects::put(tx, row).await?;
    let owner = Owner { tenant: &row.tenant_id, room: &row.room_id, object: &row.id };
    instances::replace(tx, &owner, &expansion.instances).await?;
    let longest_ms = overlap::longest_ms(&expansion.instances);
    if longest_ms > room.longest_ms {
        rooms::raise_longest(tx, &room.tenant_id, &room.id, longest_ms).await?;
        room.longest_ms = longest_ms;
    }
    Ok(())
}

/// Everybody who has to do with a booking that moved hears of it. Its octets are the same; what they mean is not.
async fn tell(tx: &mut Tx, cx: Context<'_>, room: &Room, case: Case) -> Result<(), ChangeError> {
    let Case { row, event, expansion, moved, left } = case;
    // That it stands where it did not choose to stand is no reason to decline it.
    let claim = write::Claim { event: &event, expansion: &expansion, misfits: None, is_new: false };
    write::settle_collision(tx, cx, room, &claim, &ZONE_RULES).await?;
    let elsewhere = |slot: &Slot| moved.values().any(|(_, is)| *is == (slot.start, slot.end));
    verdict::ask_hours_again(tx, cx, room, (&event, &expansion), elsewhere).await?;
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    let row = ObjectRow { seq, ..row };
    objects::put(tx, &row).await?;
    retell_links(tx, room, &row, &moved).await?;
    let trace = Trace { name: &row.name, uid: &row.uid, seq, effect: Effect::Updated, same_content: false };
    let (ground, _) = footing::read(tx, &room.tenant_id, &room.id, (None, None)).await?;
    write::follow_up(tx, cx, (room, &ground), &trace, &ZONE_RULES).await?;
    let taken = displace::weaker(tx, room, Some((&event, expansion.times()))).await?;
    displace::settle(tx, cx, room, &event, (left, taken), (seq, &ZONE_RULES)).await?;
    let first = moved.first_key_value();
    let detail = first.map_or_else(String::new, |(id, (was, is))| {
        format!("{} starts at {} by the new rules of its zone, not at {}", spoken(id), is.0, was.0)
    });
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
    Ok(audit::append(tx, &entry).await?)
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
        let Some(kept) = bridge.and_then(|bridge| kept(bridge.kind)) else { continue };
        for link in links::of_uid(tx, &room.tenant_id, &mapping.id, &row.uid).await? {
            if link.state == LinkState::Forgotten {
                continue;
            }
            let base = retold(&link.base, (kept, &room.zone), moved);
            let echo = retold(&link.echo, (kept, &room.zone), moved);
            if base.is_some() || echo.is_some() {
                let (base, echo) = (base.unwrap_or(link.base), echo.unwrap_or(link.echo));
                links::put(tx, &Link { base, echo, ..link }).await?;
            }
        }
    }
    Ok(())
}

/// What a system stores as instants, not as times on the wall.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Single bookings; whole days are marked as such.
    Hours,
    /// Everything.
    All,
}

const fn kept(kind: BridgeKind) -> Option<Kept> {
    match kind {
        BridgeKind::Graph => Some(Kept::Hours),
        BridgeKind::BookingGeneric => Some(Kept::All),
        BridgeKind::BookingPortico | BridgeKind::Memory => None,
    }
}

/// An event of a link, an instance or what shows of one, in the times it really has there; `None` where they are what
/// they are.
fn retold(json: &str, (kept, day_zone): (Kept, &ZoneId), moved: &BTreeMap<String, (Span, Span)>) -> Option<String> {
    let mut event: Event = serde_json::from_str(json).ok()?;
    if event.recurrence.is_some() || (event.when.is_all_day() && kept == Kept::Hours) {
        return None;
    }
    let (start, end) = event.when.instants(day_zone);
    let (was, is) = moved.values().find(|(_, is)| is.0 <= start && end <= is.1)?;
    let (start, end) = (start.plus_ms(was.0.ms() - is.0.ms()), end.plus_ms(was.1.ms() - is.1.ms()));
    let zone = event.when.zone().unwrap_or(day_zone).clone();
    event.when = EventTime::Timed { start: zone.wall(start), end: zone.wall(end), zone };
    serde_json::to_string(&event).ok()
}

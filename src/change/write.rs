//! The writes of the gate, in their one order: object, instances, change log, outbox, audit.

use super::expand::{Expansion, expand, reparse};
use super::overlap::{self, Collision};
use super::{Applied, ChangeError, Context, Effect, Origin, approval, displace, fanout, resolve, verdict};
use crate::ical::object::{CalendarObject, Stamp};
use crate::model::Event;
use crate::model::Misfits;
use crate::model::NoticeKind;
use crate::model::ObjectName;
use crate::model::ReservationClass;
use crate::model::Resolution;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::approvals;
use crate::store::audit;
use crate::store::changes;
use crate::store::conflicts;
use crate::store::deliveries;
use crate::store::footing::Ground;
use crate::store::instances;
use crate::store::instances::{Owner, Taken};
use crate::store::mappings;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::operations;
use crate::store::rooms;
use crate::store::rooms::Room;

/// Where an object is put.
pub(super) struct Place<'a> {
    pub(super) room: &'a Room,
    pub(super) name: ObjectName,
    pub(super) ground: Ground,
    pub(super) current: Option<ObjectRow>,
}

/// The object that says `event`: the stored one patched where it differs, or a new one.
pub(super) fn object_for(
    event: &Event,
    current: Option<&ObjectRow>,
    room: &Room,
    cx: Context<'_>,
) -> Result<CalendarObject, ChangeError> {
    let Some(row) = current else {
        return Ok(CalendarObject::compose(event, &Stamp { created: cx.now, modified: cx.now, sequence: 0 })?);
    };
    let stored = reparse(&row.body, room, cx)?;
    let stamp = Stamp { created: row.created_ms, modified: cx.now, sequence: stored.sequence() + 1 };
    Ok(stored.patch(event, &stamp)?)
}

/// Puts an object.
pub(super) async fn put(
    tx: &mut Tx,
    cx: Context<'_>,
    place: Place<'_>,
    object: CalendarObject,
    origin: &Origin,
) -> Result<Applied, ChangeError> {
    let Place { room, name, ground, current } = place;
    if let Some(row) = &current
        && row.body == object.text()
    {
        let (etag, effect) = (Some(row.etag.clone()), Effect::Unchanged);
        return Ok(Applied { name, etag, seq: room.seq, effect, queued: false });
    }
    let asked = verdict::Asking::of(&ground, current.as_ref(), (room, origin), cx)?;
    let stood = current.as_ref().map(|row| row.class);
    if let Some(class) = stood {
        verdict::guard_closure(room, class, origin)?;
    }
    let object = verdict::classed(object, stood, (room, origin), cx)?;
    let expansion = expand(object.event(), &room.zone, cx)?;
    let fresh = asked.fresh(&expansion, room, cx)?;
    // Who only corrects a text is not refused for a collision that stood before.
    let moves = !asked.keeps_times(object.event());
    let (mut taken, is_new) = (Vec::new(), current.is_none());
    if moves {
        verdict::judge(tx, cx, room, &asked.wish(object.event(), &expansion, &fresh), origin).await?;
        let claim = Claim { event: object.event(), expansion: &expansion, misfits: asked.misfits(), is_new };
        taken = settle_collision(tx, cx, room, &claim, origin).await?;
        verdict::judge_buffer(tx, cx, room, &asked.wish(object.event(), &expansion, &fresh), origin).await?;
    }
    let asked_for = object.etag().clone();
    let object = asked.hold(object, (&expansion, &fresh), cx)?;
    // Held, it takes the room as a tentative booking does.
    let expansion = if *object.etag() == asked_for { expansion } else { expand(object.event(), &room.zone, cx)? };
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    let row = row_for(room, &name, &object, &expansion, (current.as_ref(), origin, cx), seq);
    store(tx, room, (&row, &expansion), is_new).await?;
    let same_content = current.as_ref().is_some_and(|old| old.fingerprint == row.fingerprint);
    let effect = if is_new { Effect::Created } else { Effect::Updated };
    let trace = Trace { name: &name, uid: &row.uid, seq, effect, same_content };
    let queued = follow_up(tx, cx, (room, &ground), &trace, origin).await?;
    approval::follow(tx, cx, room, (object.event(), &fresh, &asked), origin).await?;
    if moves {
        let before = asked.stood(room, cx)?;
        let before = before.as_ref().map(|(event, expansion)| (*event, expansion.times()));
        let left = displace::weaker(tx, room, before).await?;
        let under = displace::under(room, (object.event(), &expansion.times()), &taken);
        displace::settle(tx, cx, room, object.event(), (left, under), (seq, origin)).await?;
    }
    Ok(Applied { name, etag: Some(row.etag), seq, effect, queued })
}

/// The object with its instances.
async fn store(
    tx: &mut Tx,
    room: &Room,
    (row, expansion): (&ObjectRow, &Expansion),
    is_new: bool,
) -> Result<(), ChangeError> {
    objects::put(tx, row).await?;
    let owner = Owner { tenant: &room.tenant_id, room: &room.id, object: &row.id };
    if is_new {
        instances::insert(tx, &owner, &expansion.instances).await?;
    } else {
        instances::replace(tx, &owner, &expansion.instances).await?;
    }
    let longest_ms = overlap::longest_ms(&expansion.instances);
    if longest_ms > room.longest_ms {
        rooms::raise_longest(tx, &room.tenant_id, &room.id, longest_ms).await?;
    }
    Ok(())
}

/// Gives an object of the room another name: for clients one member goes and another comes, for everybody else nothing
/// happens.
pub(super) async fn rename(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    row: ObjectRow,
    name: &ObjectName,
    origin: &Origin,
) -> Result<Applied, ChangeError> {
    let gone = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    let row = ObjectRow { seq, modified_ms: cx.now, ..row };
    objects::rename(tx, &row, name).await?;
    let uid = &row.uid;
    let old = Trace { name: &row.name, uid, seq: gone, effect: Effect::Deleted, same_content: true };
    write_down(tx, cx, room, &old, origin).await?;
    let new = Trace { name, uid, seq, effect: Effect::Created, same_content: true };
    write_down(tx, cx, room, &new, origin).await?;
    Ok(Applied { name: name.clone(), etag: Some(row.etag), seq, effect: Effect::Created, queued: false })
}

/// Deletes an object.
pub(super) async fn delete(
    tx: &mut Tx,
    cx: Context<'_>,
    (room, ground): (&Room, &Ground),
    current: &ObjectRow,
    origin: &Origin,
) -> Result<Applied, ChangeError> {
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    instances::clear(tx, &room.tenant_id, &current.id).await?;
    objects::delete(tx, &room.tenant_id, &room.id, &current.id).await?;
    let event = (&room.tenant_id, &room.id, &current.uid);
    conflicts::settle(tx, event, "", cx.now, "the booking was deleted").await?;
    resolve::end_dates(tx, cx, room, &current.uid).await?;
    verdict::open_again(tx, cx, room, current).await?;
    displace::gone(tx, cx, room, current, (seq, origin)).await?;
    approval::end(tx, cx, room, &current.uid, (approvals::WITHDRAWN, origin)).await?;
    let effect = Effect::Deleted;
    let trace = Trace { name: &current.name, uid: &current.uid, seq, effect, same_content: false };
    let queued = follow_up(tx, cx, (room, ground), &trace, origin).await?;
    Ok(Applied { name: current.name.clone(), etag: None, seq, effect, queued })
}

/// What the change log, the outbox and the audit need to know of a change.
pub(super) struct Trace<'a> {
    pub(super) name: &'a ObjectName,
    pub(super) uid: &'a Uid,
    pub(super) seq: i64,
    pub(super) effect: Effect,
    /// Octets changed, but not what they say.
    pub(super) same_content: bool,
}

/// Writes them down. Answers whether a remote system is to be told.
pub(super) async fn follow_up(
    tx: &mut Tx,
    cx: Context<'_>,
    (room, ground): (&Room, &Ground),
    trace: &Trace<'_>,
    origin: &Origin,
) -> Result<bool, ChangeError> {
    let mut queued = false;
    // Octets that say the same booking (an alarm, a colour) concern no remote side.
    if !trace.same_content {
        if ground.mapped {
            queued = enqueue(tx, cx, room, trace, origin).await?;
        }
        if ground.told {
            tell(tx, cx, room, trace).await?;
        }
    }
    write_down(tx, cx, room, trace, origin).await?;
    Ok(queued)
}

/// Makes operations for the mappings that have to hear of a change. Answers whether there are any.
async fn enqueue(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    trace: &Trace<'_>,
    origin: &Origin,
) -> Result<bool, ChangeError> {
    let mappings = mappings::of_room(tx, &room.tenant_id, &room.id).await?;
    let targets = fanout::targets(&mappings, origin);
    for mapping in &targets {
        let wish = operations::Wish {
            tenant: &room.tenant_id,
            mapping,
            room: &room.id,
            uid: trace.uid,
            cause_seq: trace.seq,
            due: cx.now,
        };
        operations::enqueue(tx, &wish).await?;
    }
    Ok(!targets.is_empty())
}

/// The change log, for clients, and the audit.
async fn write_down(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    trace: &Trace<'_>,
    origin: &Origin,
) -> Result<(), ChangeError> {
    let change = changes::NewChange {
        tenant: &room.tenant_id,
        room: &room.id,
        name: trace.name,
        uid: trace.uid,
        seq: trace.seq,
        deleted: trace.effect == Effect::Deleted,
        at: cx.now,
    };
    changes::record(tx, &change).await?;
    let action = match trace.effect {
        Effect::Created => "object.create",
        Effect::Updated | Effect::Unchanged => "object.update",
        Effect::Deleted => "object.delete",
    };
    let entry = audit::Entry {
        tenant: &room.tenant_id,
        at: cx.now,
        actor: &origin.actor(),
        action,
        room: Some(&room.id),
        uid: Some(trace.uid),
        seq: trace.seq,
        detail: trace.name.as_str(),
    };
    Ok(audit::append(tx, &entry).await?)
}

/// Writes down for webhooks what happened to a booking.
async fn tell(tx: &mut Tx, cx: Context<'_>, room: &Room, trace: &Trace<'_>) -> Result<(), ChangeError> {
    let notice = deliveries::Notice {
        tenant: &room.tenant_id,
        kind: match trace.effect {
            Effect::Created => NoticeKind::BookingCreated,
            Effect::Updated | Effect::Unchanged => NoticeKind::BookingChanged,
            Effect::Deleted => NoticeKind::BookingCancelled,
        },
        room: Some(&room.id),
        uid: Some(trace.uid),
        subject: "",
        sentence: "",
        at: cx.now,
    };
    Ok(deliveries::tell(tx, &notice).await?)
}

fn row_for(
    room: &Room,
    name: &ObjectName,
    object: &CalendarObject,
    expansion: &Expansion,
    (current, origin, cx): (Option<&ObjectRow>, &Origin, Context<'_>),
    seq: i64,
) -> ObjectRow {
    let born = match origin {
        Origin::Mapping { id, .. } => id.to_string(),
        Origin::Principal { .. } | Origin::System { .. } => "hub".to_owned(),
    };
    ObjectRow {
        id: current.map_or_else(|| uuid::Uuid::now_v7().to_string(), |row| row.id.clone()),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        name: name.clone(),
        uid: object.uid().clone(),
        etag: object.etag().clone(),
        fingerprint: object.fingerprint().clone(),
        class: object.event().class,
        origin: current.map_or(born, |row| row.origin.clone()),
        body: object.text().to_owned(),
        seq,
        recurring: object.event().recurrence.is_some(),
        first_ms: expansion.first,
        last_ms: expansion.last,
        expanded_from_ms: expansion.range.start,
        expanded_until_ms: expansion.range.end,
        created_ms: current.map_or(cx.now, |row| row.created_ms),
        modified_ms: cx.now,
    }
}

/// What a booking claims of its room.
pub(super) struct Claim<'a> {
    pub(super) event: &'a Event,
    pub(super) expansion: &'a Expansion,
    /// What becomes of it where the room would have refused it.
    pub(super) misfits: Option<Misfits>,
    /// Nothing is recorded of what did not exist.
    pub(super) is_new: bool,
}

/// Looks for a booking that has the room. A principal is refused; for a booking that already stands at a remote side a
/// conflict is recorded instead, and ends once its cause is gone. Answers what takes the room around the claim.
pub(super) async fn settle_collision(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    claim: &Claim<'_>,
    origin: &Origin,
) -> Result<Vec<Taken>, ChangeError> {
    let taken = around(tx, room, claim).await?;
    let collision = find_collision(tx, cx, room, claim, &taken).await?;
    settle(tx, cx, room, (claim, collision), origin).await?;
    Ok(taken)
}

/// What may keep a claim out of its room, or lies under it.
async fn around(tx: &mut Tx, room: &Room, claim: &Claim<'_>) -> Result<Vec<Taken>, ChangeError> {
    let (place, uid, times) = ((&room.tenant_id, &room.id), &claim.event.uid, claim.expansion.times());
    let Some(range) = overlap::hull(&times) else { return Ok(Vec::new()) };
    // Where bookings may lie over each other only a closure keeps them out, and none gives way.
    if room.allow_overlaps && claim.event.class != ReservationClass::Closure {
        return Ok(instances::closed(tx, place, range, room.longest_ms, uid).await?);
    }
    Ok(instances::meeting(tx, place, &times, room.longest_ms, uid).await?)
}

async fn settle(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    (claim, collision): (&Claim<'_>, Option<Collision>),
    origin: &Origin,
) -> Result<(), ChangeError> {
    let (event, expansion, misfits) = (claim.event, claim.expansion, claim.misfits);
    match (collision, origin) {
        (_, Origin::Mapping { .. } | Origin::System { .. }) if event.class == ReservationClass::Closure => {
            verdict::close_over(tx, cx, room, event, expansion).await
        }
        (Some(collision), Origin::Principal { .. }) => Err(ChangeError::Overlap(Box::new(collision))),
        (Some(collision), Origin::Mapping { .. } | Origin::System { .. })
            if collision.class == ReservationClass::Closure =>
        {
            let sentence = format!("{}, and {} stands in it", collision.first(), quoted(&event.content.summary));
            let proposal = verdict::proposal(misfits, Resolution::KeepBothTentative, cx);
            verdict::shut_out(tx, cx, room, (&event.uid, &collision.with), (sentence, proposal)).await
        }
        (Some(collision), Origin::Mapping { .. } | Origin::System { .. }) => {
            let standing = event_of(tx, cx, room, &collision.with).await?;
            let json = |event: &Event| serde_json::to_string(event).unwrap_or_default();
            let opened = conflicts::Opened {
                room: (&room.tenant_id, &room.id),
                mapping: "",
                uid: &event.uid,
                kind: resolve::SLOT_COLLISION,
                sentence: format!(
                    "{}, and {} is booked at the same time",
                    collision.first(),
                    quoted(&event.content.summary)
                ),
                versions: (standing.as_ref().map_or_else(String::new, json), json(event)),
                proposal: Some(verdict::proposal(misfits, Resolution::KeepBothTentative, cx)),
                standing: String::new(),
                now: cx.now,
            };
            Ok(conflicts::record(tx, &opened.into()).await?)
        }
        (None, _) if claim.is_new => Ok(()),
        (None, _) => {
            let key = (&room.tenant_id, &room.id, &event.uid);
            let kinds = (resolve::SLOT_COLLISION, resolve::CLOSURE);
            Ok(conflicts::outdate_both(tx, key, kinds, cx.now, "the room is free at the new time").await?)
        }
    }
}

async fn find_collision(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    claim: &Claim<'_>,
    taken: &[Taken],
) -> Result<Option<Collision>, ChangeError> {
    let mut colliding = overlap::all(&claim.expansion.instances, claim.event.class, taken);
    let Some((_, other)) = colliding.next() else { return Ok(None) };
    let further: Vec<Timestamp> = colliding.map(|(instance, _)| instance.start).collect();
    let summary = event_of(tx, cx, room, &other.uid).await?.map_or_else(String::new, |event| event.content.summary);
    Ok(Some(Collision {
        room: room.name.clone(),
        zone: room.zone.clone(),
        with: other.uid.clone(),
        class: other.class,
        with_name: ObjectName::parse(&other.name).unwrap_or_else(|| ObjectName::for_uid(&other.uid)),
        summary,
        at: TimeRange::new(other.start_ms, other.end_ms),
        more: further.len(),
        also: further.into_iter().take(Collision::TOLD).collect(),
    }))
}

async fn event_of(tx: &mut Tx, cx: Context<'_>, room: &Room, uid: &Uid) -> Result<Option<Event>, ChangeError> {
    let Some(row) = objects::by_uid(tx, &room.tenant_id, &room.id, uid).await? else { return Ok(None) };
    Ok(Some(reparse(&row.body, room, cx)?.event().clone()))
}

fn quoted(summary: &str) -> String {
    if summary.is_empty() { "a booking without title".to_owned() } else { format!("\u{201c}{summary}\u{201d}") }
}

//! What a stronger booking means for weaker ones that it lies over: they give way on the mappings that show the strongest
//! class alone, and come back when it goes. The story of each says so.

use super::expand::{expand, reparse};
use super::{ChangeError, Context, Origin};
use crate::model::ClassProjection;
use crate::model::Event;
use crate::model::ReservationClass;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::audit;
use crate::store::instances;
use crate::store::instances::Taken;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::objects::ObjectRow;
use crate::store::operations;
use crate::store::rooms::Room;
use std::collections::BTreeSet;

/// An event with the times it takes, by start.
pub(super) type Standing<'a> = Option<(&'a Event, Vec<TimeRange>)>;

/// Sends what lay under the old times of an event, or lies under its new ones, again, and tells whom it displaces and who
/// comes back.
pub(super) async fn settle(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    event: &Event,
    (left, taken): (BTreeSet<Uid>, BTreeSet<Uid>),
    (seq, origin): (i64, &Origin),
) -> Result<(), ChangeError> {
    if left.is_empty() && taken.is_empty() {
        return Ok(());
    }
    let mut mappings = mappings::of_room(tx, &room.tenant_id, &room.id).await?;
    mappings.retain(|mapping| mapping.exports() && mapping.projection == ClassProjection::HighestWins);
    for uid in left.union(&taken) {
        resend(tx, cx, room, &mappings, (uid, seq)).await?;
    }
    let by = format!("{} ({})", event.content.summary, event.uid);
    for uid in taken.difference(&left) {
        tell(tx, cx, room, (uid, "object.displaced", &format!("under {by}")), (seq, origin)).await?;
    }
    for uid in left.difference(&taken) {
        tell(tx, cx, room, (uid, "object.restored", &format!("no longer under {by}")), (seq, origin)).await?;
    }
    Ok(())
}

/// What lay under an event that is deleted comes back.
pub(super) async fn gone(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    row: &ObjectRow,
    (seq, origin): (i64, &Origin),
) -> Result<(), ChangeError> {
    if row.class == ReservationClass::Allocation {
        return Ok(());
    }
    // What cannot be read or expanded any more has no times, and may go.
    let Ok(object) = reparse(&row.body, room, cx) else { return Ok(()) };
    let Ok(expansion) = expand(object.event(), &room.zone, cx) else { return Ok(()) };
    let left = weaker(tx, room, Some((object.event(), expansion.times()))).await?;
    settle(tx, cx, room, object.event(), (left, BTreeSet::new()), (seq, origin)).await
}

/// The events of a weaker class that lie under an event. Where bookings may lie over each other none gives way.
pub(super) async fn weaker(tx: &mut Tx, room: &Room, standing: Standing<'_>) -> Result<BTreeSet<Uid>, ChangeError> {
    let Some((event, times)) = standing.filter(|_| !room.allow_overlaps) else { return Ok(BTreeSet::new()) };
    // Nothing is weaker than an allocation.
    if event.class == ReservationClass::Allocation {
        return Ok(BTreeSet::new());
    }
    let taken = instances::meeting(tx, (&room.tenant_id, &room.id), &times, room.longest_ms, &event.uid).await?;
    Ok(under(room, (event, &times), &taken))
}

/// The same where it is known what else takes the room around the event.
pub(super) fn under(room: &Room, (event, times): (&Event, &[TimeRange]), taken: &[Taken]) -> BTreeSet<Uid> {
    let gives_way = |other: &&Taken| !room.allow_overlaps && other.class < event.class && lies_under(other, times);
    taken.iter().filter(gives_way).map(|other| other.uid.clone()).collect()
}

/// Whether one of the times, which are sorted by start, lies over an instance.
fn lies_under(other: &Taken, times: &[TimeRange]) -> bool {
    let until = times.partition_point(|time| time.start < other.end_ms);
    times[..until].iter().any(|time| time.end > other.start_ms)
}

async fn resend(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    mappings: &[Mapping],
    (uid, cause_seq): (&Uid, i64),
) -> Result<(), ChangeError> {
    for mapping in mappings {
        let (tenant, mapping) = (&room.tenant_id, &mapping.id);
        let wish = operations::Wish { tenant, mapping, room: &room.id, uid, cause_seq, due: cx.now };
        operations::enqueue(tx, &wish).await?;
    }
    Ok(())
}

async fn tell(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    (uid, action, detail): (&Uid, &str, &str),
    (seq, origin): (i64, &Origin),
) -> Result<(), ChangeError> {
    let entry = audit::Entry {
        tenant: &room.tenant_id,
        at: cx.now,
        actor: &origin.actor(),
        action,
        room: Some(&room.id),
        uid: Some(uid),
        seq,
        detail,
    };
    Ok(audit::append(tx, &entry).await?)
}

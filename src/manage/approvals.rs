//! Bookings that wait for somebody who administers the room: confirmed, they take place; declined, they are cancelled.

use super::{Acting, ManageError, rooms};
use crate::change;
use crate::change::{Change, Context, Origin, Precondition, Target, Wish};
use crate::config::Limits;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::model::ApprovalId;
use crate::model::EventStatus;
use crate::store::Tx;
use crate::store::approvals;
use crate::store::approvals::{Approval, Ending};
use crate::store::objects;
use crate::store::rooms as stored_rooms;
use crate::store::rooms::Room;

/// What an administrator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It takes place.
    Confirm,
    /// It does not.
    Decline,
}

/// The request with that id.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, id: &ApprovalId) -> Result<(Approval, Room), ManageError> {
    let found = approvals::get(tx, acting.tenant, id).await?;
    let approval = found.ok_or_else(|| ManageError::no("request", id.as_str()))?;
    let room = stored_rooms::get(tx, acting.tenant, &approval.room_id).await?;
    Ok((approval, room.ok_or_else(|| ManageError::no("request", id.as_str()))?))
}

/// Decides a request: the booking becomes `CONFIRMED` or `CANCELLED` and goes out to the other systems. `reason` may be
/// empty.
pub async fn decide(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    id: &ApprovalId,
    (decision, reason): (Decision, &str),
) -> Result<Approval, ManageError> {
    let (approval, room) = find(tx, acting, id).await?;
    if approval.state != approvals::PENDING {
        return Err(ManageError::State { why: format!("the request {id} is {} already", approval.state) });
    }
    let reason = if reason.trim().is_empty() { String::new() } else { rooms::line("reason", reason, 500)? };
    // First the request, or the gate would note that it was decided by the change itself.
    let state = match decision {
        Decision::Confirm => approvals::CONFIRMED,
        Decision::Decline => approvals::DECLINED,
    };
    let ending = Ending { state, by: acting.actor, now: acting.now, reason: &reason };
    if !approvals::end(tx, (acting.tenant, &room.id, &approval.uid), &ending).await? {
        return Err(ManageError::State { why: format!("somebody else decided the request {id} at this moment") });
    }
    carry_out(tx, acting, limits, (&approval, &room), decision).await?;
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let said = format!("The booking {} asked for by {} was {state}{why}.", approval.uid, approval.requested_by);
    acting.record(tx, &format!("approval.{state}"), Some(&room.id), &said).await?;
    Ok(find(tx, acting, id).await?.0)
}

async fn carry_out(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    (approval, room): (&Approval, &Room),
    decision: Decision,
) -> Result<(), ManageError> {
    stored_rooms::lock(tx, acting.tenant, &room.id).await?;
    let row = objects::by_uid(tx, acting.tenant, &room.id, &approval.uid).await?;
    let row = row.ok_or_else(|| ManageError::State { why: "the booking is gone".to_owned() })?;
    let parse = ParseContext { limits, floating: &room.zone };
    let object = CalendarObject::parse(row.body.as_bytes(), &parse).map_err(change::ChangeError::from)?;
    let status = match decision {
        Decision::Confirm => EventStatus::Confirmed,
        Decision::Decline => EventStatus::Cancelled,
    };
    let change = Change {
        target: Target::Uid(approval.uid.clone()),
        wish: Wish::Become(Box::new(change::decided(object.event(), status))),
        precondition: Precondition::none(),
        origin: Origin::System { why: "approval" },
    };
    change::apply(tx, Context { now: acting.now, limits }, room, change).await?;
    Ok(())
}

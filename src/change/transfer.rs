//! Copies and moves of one object, inside a room or between two (RFC 4918, 9.8 and 9.9; RFC 4791, 5.3.2.1). What a move
//! takes away and what it brings stand or fall together, in the caller's transaction.

use super::write::{self, Place};
use super::{Applied, ChangeError, Context, Origin, refuse_twin, verdict};
use crate::ical::object::CalendarObject;
use crate::model::ObjectName;
use crate::model::Privilege;
use crate::store::Tx;
use crate::store::footing;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::rooms;
use crate::store::rooms::Room;

/// A wish to bring an object to another name, in its own room or another one.
pub struct Transfer<'a> {
    /// Where it stands.
    pub from: &'a Room,
    /// What stands there, read under the lock of that room.
    pub row: ObjectRow,
    /// Where it shall stand.
    pub to: &'a Room,
    /// Under which name.
    pub name: ObjectName,
    /// What shall stand there: the object as the caller may see it, read against the other room.
    pub object: Box<CalendarObject>,
    /// Whether the old one goes.
    pub moves: bool,
    /// Who wishes, with the right in the room where it shall stand.
    pub origin: Origin,
    /// The wisher's right in the room where it stands.
    pub right: Privilege,
}

/// Takes the locks of two rooms, in one order whoever asks, so that two moves in opposite directions wait for each
/// other instead of both for ever.
pub async fn lock(tx: &mut Tx, one: &Room, other: &Room) -> Result<(), ChangeError> {
    let (first, second) = if one.id <= other.id { (one, other) } else { (other, one) };
    rooms::lock(tx, &first.tenant_id, &first.id).await?.ok_or(ChangeError::Missing)?;
    if first.id != second.id {
        rooms::lock(tx, &second.tenant_id, &second.id).await?.ok_or(ChangeError::Missing)?;
    }
    Ok(())
}

/// Copies or moves an object. Both rooms must be locked with [`lock`]; after an error the transaction must be dropped.
pub async fn transfer(tx: &mut Tx, cx: Context<'_>, wish: Transfer<'_>) -> Result<Applied, ChangeError> {
    let Transfer { from, row, to, name, object, moves, origin, right } = wish;
    // As it is under the lock, which this transaction has already.
    let to = &rooms::lock(tx, &to.tenant_id, &to.id).await?.ok_or(ChangeError::Missing)?;
    if moves {
        verdict::guard_closure(from, row.class, &origin.with_right(right))?;
    }
    if moves && from.id == to.id {
        if let Some(there) = objects::by_name(tx, &to.tenant_id, &to.id, &name).await? {
            return Err(ChangeError::UidTaken { uid: there.uid, by: there.name });
        }
        return write::rename(tx, cx, to, row, &name, &origin).await;
    }
    let wish = (Some(&name), Some(object.uid()));
    let (ground, found) = footing::read(tx, &to.tenant_id, &to.id, wish).await?;
    let (current, twin): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.name == name);
    let current = current.into_iter().next();
    refuse_twin(current.as_ref(), twin.into_iter().next(), object.uid())?;
    let applied = write::put(tx, cx, Place { room: to, name, ground, current }, *object, &origin).await?;
    if moves {
        let (ground, _) = footing::read(tx, &from.tenant_id, &from.id, (None, None)).await?;
        write::delete(tx, cx, (from, &ground), &row, &origin).await?;
    }
    Ok(applied)
}

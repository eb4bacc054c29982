//! Past bookings that have outlived their policy: they go from the hub and from nowhere else. Nobody has cancelled anything,
//! so no remote side and no webhook hears of it. Links stay, without content, so that a copy that is met later is known; for
//! calendar programs the object is removed.

use super::{ChangeError, Context};
use crate::model::LinkState;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::approvals;
use crate::store::audit;
use crate::store::changes;
use crate::store::conflicts;
use crate::store::instances;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::operations;
use crate::store::rooms;
use crate::store::rooms::Room;

/// Takes a booking out of the hub that ended before `until`. The caller holds the leases of the room's mappings, so that
/// nobody decides about the booking meanwhile. A booking about which something is still open stays; answers whether it went.
pub async fn retire(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    row: &ObjectRow,
    until: Timestamp,
) -> Result<bool, ChangeError> {
    rooms::lock(tx, &room.tenant_id, &room.id).await?;
    let standing = objects::by_uid(tx, &room.tenant_id, &room.id, &row.uid).await?;
    let Some(row) = standing.filter(|row| row.last_ms.is_some_and(|last| last < until)) else { return Ok(false) };
    let mappings = mappings::of_room(tx, &room.tenant_id, &room.id).await?;
    if is_open(tx, room, &row, &mappings).await? {
        return Ok(false);
    }
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, cx.now).await?;
    instances::clear(tx, &room.tenant_id, &row.id).await?;
    objects::delete(tx, &room.tenant_id, &room.id, &row.id).await?;
    links::entomb(tx, &room.tenant_id, &room.id, &row.uid).await?;
    approvals::forget(tx, (&room.tenant_id, &room.id, &row.uid)).await?;
    let change = changes::NewChange {
        tenant: &room.tenant_id,
        room: &room.id,
        name: &row.name,
        uid: &row.uid,
        seq,
        deleted: true,
        at: cx.now,
    };
    changes::record(tx, &change).await?;
    let entry = audit::Entry {
        tenant: &room.tenant_id,
        at: cx.now,
        actor: "system:retention",
        action: "object.retire",
        room: Some(&room.id),
        uid: Some(&row.uid),
        seq,
        detail: row.name.as_str(),
    };
    audit::append(tx, &entry).await?;
    Ok(true)
}

/// Whether something is on its way to a remote side, or waits for a person.
async fn is_open(tx: &mut Tx, room: &Room, row: &ObjectRow, mappings: &[Mapping]) -> Result<bool, ChangeError> {
    let operations = operations::of_event(tx, &room.tenant_id, &room.id, &row.uid).await?;
    if operations.iter().any(|operation| operation.ended_ms.is_none()) {
        return Ok(true);
    }
    for mapping in mappings {
        let links = links::of_uid(tx, &room.tenant_id, &mapping.id, &row.uid).await?;
        if links.iter().any(is_under_way) {
            return Ok(true);
        }
    }
    let event = (&room.tenant_id, &room.id, &row.uid);
    Ok(approvals::is_pending(tx, event).await? || conflicts::is_open(tx, event).await?)
}

fn is_under_way(link: &Link) -> bool {
    match link.state {
        LinkState::Creating | LinkState::Deleting => true,
        LinkState::Linked => !link.sent.is_empty(),
        LinkState::Forgotten => false,
    }
}

//! What a principal may do in one room, or in all.

use super::{Acting, ManageError, principals, rooms};
use crate::model::Privilege;
use crate::model::RoomId;
use crate::store::Tx;
use crate::store::principals as stored;
use crate::store::principals::Grant;

/// How the grant on every room of the tenant is written.
pub const ALL_ROOMS: &str = stored::ALL_ROOMS;

/// Sets what a principal may do in a room; `room` is a slug, or `*` for all.
pub async fn set(
    tx: &mut Tx,
    acting: &Acting<'_>,
    login: &str,
    room: &str,
    privilege: Privilege,
) -> Result<Grant, ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    let room_id = room_of(tx, acting, room).await?;
    stored::grant(tx, acting.tenant, &principal.id, room_id.as_ref(), privilege).await?;
    acting.record(tx, "grant.set", room_id.as_ref(), &format!("{login} may {privilege:?} in {room}.")).await?;
    let room_id = room_id.map_or_else(|| ALL_ROOMS.to_owned(), |id| id.as_str().to_owned());
    Ok(Grant { principal_id: principal.id, room_id, privilege })
}

/// Takes a grant back.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, login: &str, room: &str) -> Result<(), ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    let room_id = room_of(tx, acting, room).await?;
    stored::revoke(tx, acting.tenant, &principal.id, room_id.as_ref()).await?;
    acting
        .record(tx, "grant.remove", room_id.as_ref(), &format!("The grant of {login} in {room} was taken back."))
        .await?;
    Ok(())
}

async fn room_of(tx: &mut Tx, acting: &Acting<'_>, room: &str) -> Result<Option<RoomId>, ManageError> {
    if room == ALL_ROOMS {
        return Ok(None);
    }
    Ok(Some(rooms::find(tx, acting, room).await?.id))
}

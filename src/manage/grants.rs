//! What a principal may do in one room, in the rooms of a group, or in all.

use super::{Acting, ManageError, principals, room_groups, rooms};
use crate::model::Privilege;
use crate::model::RoomGroupId;
use crate::model::RoomId;
use crate::store::Tx;
use crate::store::principals as stored;
use crate::store::principals::{Extent, GROUP, Grant};

/// How the grant on every room of the tenant is written.
pub const ALL_ROOMS: &str = stored::ALL_ROOMS;

/// Where a grant holds, by ids that were looked up.
pub(super) enum Place {
    All,
    Room(RoomId),
    Group(RoomGroupId),
}

impl Place {
    /// As it is stored.
    pub(super) const fn extent(&self) -> Extent<'_> {
        match self {
            Self::All => Extent::All,
            Self::Room(id) => Extent::Room(id),
            Self::Group(id) => Extent::Group(id),
        }
    }

    /// The room that the audit names.
    const fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Room(id) => Some(id),
            Self::All | Self::Group(_) => None,
        }
    }
}

/// Sets what a principal may do in a room; `room` is a slug, `group:` and the slug of a group, or `*` for all.
pub async fn set(
    tx: &mut Tx,
    acting: &Acting<'_>,
    login: &str,
    room: &str,
    privilege: Privilege,
) -> Result<Grant, ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    let place = place(tx, acting, room).await?;
    stored::grant(tx, acting.tenant, &principal.id, place.extent(), privilege).await?;
    acting.record(tx, "grant.set", place.room(), &format!("{login} may {privilege:?} in {room}.")).await?;
    Ok(Grant { principal_id: principal.id, room_id: place.extent().name(), privilege })
}

/// Takes a grant back.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, login: &str, room: &str) -> Result<(), ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    let place = place(tx, acting, room).await?;
    stored::revoke(tx, acting.tenant, &principal.id, place.extent()).await?;
    let detail = format!("The grant of {login} in {room} was taken back.");
    Ok(acting.record(tx, "grant.remove", place.room(), &detail).await?)
}

/// The place that is written as a slug, as `group:` and the slug of a group, or as `*` for all rooms.
pub(super) async fn place(tx: &mut Tx, acting: &Acting<'_>, room: &str) -> Result<Place, ManageError> {
    if room == ALL_ROOMS {
        return Ok(Place::All);
    }
    match room.strip_prefix(GROUP) {
        Some(group) => Ok(Place::Group(room_groups::find(tx, acting, group).await?.id)),
        None => Ok(Place::Room(rooms::find(tx, acting, room).await?.id)),
    }
}

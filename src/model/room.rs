//! Rooms.

use serde::{Deserialize, Serialize};

/// Whether a bookable thing is a room or a piece of equipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// A place; calendar-user-type ROOM (RFC 6638, 2.4.2).
    Room,
    /// A thing; calendar-user-type RESOURCE.
    Equipment,
}

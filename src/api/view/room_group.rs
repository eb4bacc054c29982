//! Room groups as JSON.

use super::{Names, text_if, time};
use crate::store::room_groups::{Membership, RoomGroup};
use serde::Serialize;

/// Rooms for which rights are given together.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RoomGroupView {
    /// Its name in addresses; in grants it is written `group:<slug>`.
    pub slug: String,
    /// The name people read.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Slugs of its rooms.
    pub rooms: Vec<String>,
    /// When it was made.
    pub created: String,
}

impl RoomGroupView {
    /// With those of the tenant's memberships that are its own.
    pub fn of(group: RoomGroup, members: &[Membership], names: &Names) -> Self {
        let own = members.iter().filter(|one| one.group_id == group.id);
        Self {
            rooms: own.map(|one| names.room(one.room_id.as_str())).collect(),
            slug: group.slug,
            name: group.name,
            description: text_if(group.description),
            created: time(group.created_ms),
        }
    }
}

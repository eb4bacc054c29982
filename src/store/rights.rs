//! What somebody may do in rooms: by grants and role, as far as the secret reaches that they came with.

use super::db::Tx;
use super::error::StoreError;
use super::principals::{self, ALL_ROOMS, Extent, GROUP, Grant, Principal};
use super::room_groups;
use crate::model::{Privilege, Reach, Role, RoomId};
use std::collections::BTreeSet;

/// The rights of one caller in the rooms there are.
#[derive(Clone, Debug)]
pub struct Rights {
    grants: Vec<Grant>,
    reach: Reach,
    /// The only rooms that are reached; those of groups one by one.
    rooms: Option<BTreeSet<String>>,
}

impl Rights {
    /// Of a principal who goes that far.
    pub async fn read(tx: &mut Tx, principal: &Principal, reach: &Reach) -> Result<Self, StoreError> {
        let grants = principals::grants(tx, &principal.tenant_id, &principal.id).await?;
        let rooms = match reach.rooms() {
            Some(named) => Some(one_by_one(tx, principal, named).await?),
            None => None,
        };
        Ok(Self { grants, reach: reach.clone(), rooms })
    }

    /// The strongest privilege in one room.
    pub fn in_room(&self, room: &RoomId) -> Option<Privilege> {
        let reached =
            self.rooms.as_ref().is_none_or(|rooms| rooms.contains(ALL_ROOMS) || rooms.contains(room.as_str()));
        let of = self.grants.iter().filter(|grant| grant.room_id == ALL_ROOMS || grant.room_id == room.as_str());
        let strongest = of.map(|grant| grant.privilege).chain(by_role(self.reach.role_in_rooms())).max();
        strongest.filter(|_| reached).map(|privilege| self.reach.privilege(privilege))
    }
}

/// What a role gives in every room.
const fn by_role(role: Role) -> Option<Privilege> {
    match role {
        Role::SuperAdmin | Role::TenantAdmin => Some(Privilege::Admin),
        Role::TenantOperator | Role::TenantViewer => Some(Privilege::Read),
        Role::SystemMonitor | Role::Member => None,
    }
}

async fn one_by_one(tx: &mut Tx, principal: &Principal, named: &[String]) -> Result<BTreeSet<String>, StoreError> {
    let mut rooms: BTreeSet<String> = named.iter().filter(|name| !name.starts_with(GROUP)).cloned().collect();
    if rooms.len() < named.len() {
        for member in room_groups::members(tx, &principal.tenant_id).await? {
            if named.contains(&Extent::Group(&member.group_id).name()) {
                rooms.insert(member.room_id.to_string());
            }
        }
    }
    Ok(rooms)
}

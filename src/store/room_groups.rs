//! Groups of rooms, for which rights are given together. What a principal may do in a room of a group is found where grants
//! are read ([`super::principals::grants`]).

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::row;
use crate::model::{RoomGroupId, RoomId, TenantId, Timestamp};

row! {
    /// Some rooms.
    pub struct RoomGroup {
        /// Its id.
        pub id: RoomGroupId,
        /// Its tenant.
        pub tenant_id: TenantId,
        /// Its name in addresses.
        pub slug: String,
        /// The name people read.
        pub name: String,
        /// What it is for.
        pub description: String,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

row! {
    /// A room in a group.
    pub struct Membership {
        /// The group.
        pub group_id: RoomGroupId,
        /// The room.
        pub room_id: RoomId,
    }
}

const INSERT: &str = "INSERT INTO room_groups (id, tenant_id, slug, name, description, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6)";
const BY_SLUG: &str = "SELECT id, tenant_id, slug, name, description, created_ms FROM room_groups
    WHERE tenant_id = $1 AND slug = $2";
const LIST: &str = "SELECT id, tenant_id, slug, name, description, created_ms FROM room_groups
    WHERE tenant_id = $1 ORDER BY slug";
const UPDATE: &str = "UPDATE room_groups SET name = $3, description = $4 WHERE tenant_id = $1 AND id = $2";
const MEMBERS: &str = "SELECT m.group_id AS group_id, m.room_id AS room_id FROM room_group_members m
    JOIN rooms r ON r.id = m.room_id WHERE m.tenant_id = $1 ORDER BY r.slug";
const ADD: &str = "INSERT INTO room_group_members (tenant_id, group_id, room_id) VALUES ($1, $2, $3)
    ON CONFLICT (group_id, room_id) DO NOTHING";
const TAKE: &str = "DELETE FROM room_group_members WHERE tenant_id = $1 AND group_id = $2 AND room_id = $3";
const DELETE: [&str; 3] = [
    "DELETE FROM grants WHERE tenant_id = $1 AND room_id = 'group:' || $2",
    "DELETE FROM room_group_members WHERE tenant_id = $1 AND group_id = $2",
    "DELETE FROM room_groups WHERE tenant_id = $1 AND id = $2",
];

/// Stores a new group; [`StoreError::Taken`] when the slug exists in the tenant.
pub async fn insert(tx: &mut Tx, group: &RoomGroup) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(group.id.as_str())
        .bind(group.tenant_id.as_str())
        .bind(&group.slug)
        .bind(&group.name)
        .bind(&group.description)
        .bind(group.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &group.tenant_id).await
}

/// The group of that slug.
pub async fn by_slug(tx: &mut Tx, tenant: &TenantId, slug: &str) -> Result<Option<RoomGroup>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_SLUG).bind(tenant.as_str()).bind(slug).fetch_optional(c).await)?)
}

/// All groups of a tenant, by slug.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<RoomGroup>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Changes name and description.
pub async fn update(tx: &mut Tx, group: &RoomGroup) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(UPDATE)
        .bind(group.tenant_id.as_str())
        .bind(group.id.as_str())
        .bind(&group.name)
        .bind(&group.description)
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &group.tenant_id).await
}

/// Which rooms are in which groups of a tenant, by the slug of the room.
pub async fn members(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Membership>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(MEMBERS).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Puts a room into a group; nothing where it is in it.
pub async fn add(tx: &mut Tx, group: &RoomGroup, room: &RoomId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ADD)
        .bind(group.tenant_id.as_str())
        .bind(group.id.as_str())
        .bind(room.as_str())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &group.tenant_id).await
}

/// Takes a room out of a group; whether it was in it.
pub async fn take(tx: &mut Tx, group: &RoomGroup, room: &RoomId) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(TAKE)
        .bind(group.tenant_id.as_str())
        .bind(group.id.as_str())
        .bind(room.as_str())
        .execute(c).await.map(|done| done.rows_affected())?);
    directory::changed(tx, &group.tenant_id).await?;
    Ok(rows == 1)
}

/// Removes a group with the rights that were given for it; its rooms stay.
pub async fn delete(tx: &mut Tx, group: &RoomGroup) -> Result<(), StoreError> {
    for statement in DELETE {
        on!(tx, c => sqlx::query(statement).bind(group.tenant_id.as_str()).bind(group.id.as_str())
            .execute(c).await.map(|_| ())?);
    }
    directory::changed(tx, &group.tenant_id).await
}

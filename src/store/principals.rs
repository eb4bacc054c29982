//! Principals and their grants on rooms.

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{PrincipalId, PrincipalKind, Privilege, Role, RoomGroupId, RoomId, TenantId, Timestamp};

row! {
    /// A person, device or service that logs in.
    pub struct Principal {
        /// Its id.
        pub id: PrincipalId,
        /// Its tenant.
        pub tenant_id: TenantId,
        /// The user name; also the last path segment of its URL.
        pub login: String,
        /// The name people read.
        pub display_name: String,
        /// Its address, for `calendar-user-address-set`.
        pub email: String,
        /// Person or service.
        pub kind: PrincipalKind,
        /// What it may do outside single rooms.
        pub role: Role,
        /// May not log in.
        pub disabled: bool,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

row! {
    /// What a principal may do in one room; the room `*` stands for all.
    pub struct Grant {
        /// Who.
        pub principal_id: PrincipalId,
        /// Where: a room, `*`, or `group:` and the id of a group.
        pub room_id: String,
        /// What.
        pub privilege: Privilege,
    }
}

/// The room id that stands for every room of the tenant in a grant.
pub const ALL_ROOMS: &str = "*";

/// How the room id begins that stands for the rooms of a group in a grant.
pub const GROUP: &str = "group:";

/// Where a grant holds.
#[derive(Clone, Copy, Debug)]
pub enum Extent<'a> {
    /// In every room of the tenant.
    All,
    /// In one room.
    Room(&'a RoomId),
    /// In the rooms of a group, whichever these are.
    Group(&'a RoomGroupId),
}

impl<'a> From<Option<&'a RoomId>> for Extent<'a> {
    fn from(room: Option<&'a RoomId>) -> Self {
        room.map_or(Self::All, Self::Room)
    }
}

impl Extent<'_> {
    /// How a grant names it.
    pub fn name(self) -> String {
        match self {
            Self::All => ALL_ROOMS.to_owned(),
            Self::Room(id) => id.to_string(),
            Self::Group(id) => format!("{GROUP}{id}"),
        }
    }
}

const INSERT: &str = "INSERT INTO principals
    (id, tenant_id, login, display_name, email, kind, role, disabled, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const BY_LOGIN: &str = "SELECT id, tenant_id, login, display_name, email, kind, role, disabled, created_ms
    FROM principals WHERE tenant_id = $1 AND login = $2";
const ANYWHERE: &str = "SELECT id, tenant_id, login, display_name, email, kind, role, disabled, created_ms
    FROM principals WHERE login = $1 ORDER BY created_ms LIMIT 20";
const GET: &str = "SELECT id, tenant_id, login, display_name, email, kind, role, disabled, created_ms
    FROM principals WHERE tenant_id = $1 AND id = $2";
const GET_ANYWHERE: &str = "SELECT id, tenant_id, login, display_name, email, kind, role, disabled, created_ms
    FROM principals WHERE id = $1";
const LIST: &str = "SELECT id, tenant_id, login, display_name, email, kind, role, disabled, created_ms
    FROM principals WHERE tenant_id = $1 ORDER BY login";
const DISABLE: &str = "UPDATE principals SET disabled = $3 WHERE tenant_id = $1 AND id = $2";
const SET_ROLE: &str = "UPDATE principals SET role = $3 WHERE tenant_id = $1 AND id = $2";
const BY_EMAIL: &str = "SELECT id, tenant_id, login, display_name, email, kind, role, disabled, created_ms
    FROM principals WHERE tenant_id = $1 AND email = $2 ORDER BY created_ms LIMIT 2";
const GRANT: &str = "INSERT INTO grants (tenant_id, principal_id, room_id, privilege) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, principal_id, room_id) DO UPDATE SET privilege = excluded.privilege";
const REVOKE: &str = "DELETE FROM grants WHERE tenant_id = $1 AND principal_id = $2 AND room_id = $3";
const GIVEN: &str = "SELECT principal_id, room_id, privilege FROM grants WHERE tenant_id = $1 AND principal_id = $2
    ORDER BY room_id";
const GRANTS: &str = "SELECT g.principal_id AS principal_id, COALESCE(m.room_id, g.room_id) AS room_id,
    g.privilege AS privilege FROM grants g
    LEFT JOIN room_group_members m ON m.group_id = SUBSTR(g.room_id, 7) AND m.tenant_id = g.tenant_id
    WHERE g.tenant_id = $1 AND g.principal_id = $2";

/// Stores a new principal; [`StoreError::Taken`] when the login exists in the tenant.
pub async fn insert(tx: &mut Tx, principal: &Principal) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(principal.id.as_str())
        .bind(principal.tenant_id.as_str())
        .bind(&principal.login)
        .bind(&principal.display_name)
        .bind(&principal.email)
        .bind(word(&principal.kind))
        .bind(word(&principal.role))
        .bind(principal.disabled)
        .bind(principal.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &principal.tenant_id).await
}

/// The principal with that login in one tenant.
pub async fn by_login(tx: &mut Tx, tenant: &TenantId, login: &str) -> Result<Option<Principal>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_LOGIN).bind(tenant.as_str()).bind(login).fetch_optional(c).await)?)
}

/// Principals with that login in any tenant, oldest first: clients that know only a host name do not say which.
pub async fn by_login_anywhere(tx: &mut Tx, login: &str) -> Result<Vec<Principal>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(ANYWHERE).bind(login).fetch_all(c).await)?)
}

/// The principal with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// The principal with that id, whatever its tenant; the id was looked up with what it owns.
pub async fn get_anywhere(tx: &mut Tx, id: &PrincipalId) -> Result<Option<Principal>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET_ANYWHERE).bind(id.as_str()).fetch_optional(c).await)?)
}

/// All principals of a tenant, by login.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Principal>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Locks a principal out, or lets it in again.
pub async fn set_disabled(tx: &mut Tx, tenant: &TenantId, id: &PrincipalId, disabled: bool) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(DISABLE).bind(tenant.as_str()).bind(id.as_str()).bind(disabled)
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// Gives a principal another role.
pub async fn set_role(tx: &mut Tx, tenant: &TenantId, id: &PrincipalId, role: Role) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET_ROLE).bind(tenant.as_str()).bind(id.as_str()).bind(word(&role))
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// The first two principals of a tenant with that address, which is in lower case.
pub async fn by_email(tx: &mut Tx, tenant: &TenantId, email: &str) -> Result<Vec<Principal>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_EMAIL).bind(tenant.as_str()).bind(email).fetch_all(c).await)?)
}

/// Sets what a principal may do in a room, in the rooms of a group, or in all rooms for `None`.
pub async fn grant<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
    extent: impl Into<Extent<'a>>,
    privilege: Privilege,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(GRANT)
        .bind(tenant.as_str())
        .bind(principal.as_str())
        .bind(extent.into().name())
        .bind(word(&privilege))
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// Takes a grant back.
pub async fn revoke<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
    extent: impl Into<Extent<'a>>,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(REVOKE)
        .bind(tenant.as_str())
        .bind(principal.as_str())
        .bind(extent.into().name())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// All grants of a principal, as they were given.
pub async fn given(tx: &mut Tx, tenant: &TenantId, principal: &PrincipalId) -> Result<Vec<Grant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GIVEN).bind(tenant.as_str()).bind(principal.as_str()).fetch_all(c).await)?)
}

/// What a principal may do by its grants: those for a group stand for each of its rooms.
pub async fn grants(tx: &mut Tx, tenant: &TenantId, principal: &PrincipalId) -> Result<Vec<Grant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GRANTS).bind(tenant.as_str()).bind(principal.as_str()).fetch_all(c).await)?)
}

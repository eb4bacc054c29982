//! Organisations.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{TenantId, Timestamp, ZoneId};

row! {
    /// One organisation.
    pub struct Tenant {
        /// Its id.
        pub id: TenantId,
        /// The name in URLs; never changes.
        pub tenant_key: String,
        /// The name people read.
        pub name: String,
        /// The zone of new rooms.
        pub zone: ZoneId,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

const INSERT: &str = "INSERT INTO tenants (id, tenant_key, name, zone, created_ms) VALUES ($1, $2, $3, $4, $5)";
const BY_KEY: &str = "SELECT id, tenant_key, name, zone, created_ms FROM tenants WHERE tenant_key = $1";
const GET: &str = "SELECT id, tenant_key, name, zone, created_ms FROM tenants WHERE id = $1";
const LIST: &str = "SELECT id, tenant_key, name, zone, created_ms FROM tenants ORDER BY tenant_key";

/// Stores a new tenant.
pub async fn insert(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(tenant.id.as_str())
        .bind(&tenant.tenant_key)
        .bind(&tenant.name)
        .bind(tenant.zone.as_str())
        .bind(tenant.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The tenant with that key.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<Tenant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_KEY).bind(key).fetch_optional(c).await)?)
}

/// The tenant with that id.
pub async fn get(tx: &mut Tx, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(id.as_str()).fetch_optional(c).await)?)
}

/// All tenants, by key.
pub async fn list(tx: &mut Tx) -> Result<Vec<Tenant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).fetch_all(c).await)?)
}

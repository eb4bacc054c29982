//! Configured remote systems. Secrets are sealed before they come here.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{BridgeId, BridgeKind, TenantId, Timestamp};

row! {
    /// A remote system.
    pub struct BridgeRow {
        /// Its id.
        pub id: BridgeId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// What people call it.
        pub name: String,
        /// Its kind.
        pub kind: BridgeKind,
        /// Everything but secrets, as JSON.
        pub settings: String,
        /// Its secrets, sealed.
        pub sealed: String,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, name, kind, settings, sealed, created_ms"
    };
}

const INSERT: &str = concat!("INSERT INTO bridges (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7)");
const UPDATE: &str = "UPDATE bridges SET settings = $3, sealed = $4 WHERE tenant_id = $1 AND id = $2";
const GET: &str = concat!("SELECT ", columns!(), " FROM bridges WHERE tenant_id = $1 AND id = $2");
const BY_NAME: &str = concat!("SELECT ", columns!(), " FROM bridges WHERE tenant_id = $1 AND name = $2");
const DECLARED: &str = "SELECT declared FROM bridges WHERE tenant_id = $1 AND id = $2";
const DECLARE: &str = "UPDATE bridges SET declared = $3 WHERE tenant_id = $1 AND id = $2";
const LIST: &str =
    concat!("SELECT ", columns!(), " FROM bridges WHERE tenant_id = $1 AND removed_ms IS NULL ORDER BY name");

/// Stores a new bridge; [`StoreError::Taken`] when the name exists.
pub async fn insert(tx: &mut Tx, bridge: &BridgeRow) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(bridge.id.as_str())
        .bind(bridge.tenant_id.as_str())
        .bind(&bridge.name)
        .bind(word(&bridge.kind))
        .bind(&bridge.settings)
        .bind(&bridge.sealed)
        .bind(bridge.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Replaces settings and secrets.
pub async fn update(tx: &mut Tx, bridge: &BridgeRow) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(UPDATE)
        .bind(bridge.tenant_id.as_str())
        .bind(bridge.id.as_str())
        .bind(&bridge.settings)
        .bind(&bridge.sealed)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The bridge with that id, a removed one too: mappings that ended name it.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &BridgeId) -> Result<Option<BridgeRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// The bridge with that name.
pub async fn by_name(tx: &mut Tx, tenant: &TenantId, name: &str) -> Result<Option<BridgeRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_NAME).bind(tenant.as_str()).bind(name).fetch_optional(c).await)?)
}

/// The keyed hash of the declaration that was applied last; empty where the bridge was made otherwise.
pub async fn declared(tx: &mut Tx, tenant: &TenantId, id: &BridgeId) -> Result<String, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(DECLARED).bind(tenant.as_str()).bind(id.as_str()).fetch_one(c).await)?)
}

/// Remembers which declaration was applied.
pub async fn declare(tx: &mut Tx, tenant: &TenantId, id: &BridgeId, hash: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(DECLARE)
        .bind(tenant.as_str())
        .bind(id.as_str())
        .bind(hash)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// All bridges of a tenant, by name.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<BridgeRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

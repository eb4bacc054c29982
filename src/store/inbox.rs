//! Incoming notifications, each stored once. Hints: their content is never trusted.

use super::db::{Tx, on};
use super::error::StoreError;
use crate::model::{MappingId, TenantId, Timestamp};

const INSERT: &str = "INSERT INTO inbox (id, tenant_id, mapping_id, delivery_key, kind, received_ms, due_ms, done_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, NULL) ON CONFLICT (mapping_id, delivery_key) DO NOTHING";
const DONE: &str = "UPDATE inbox SET done_ms = $3 WHERE tenant_id = $1 AND mapping_id = $2 AND done_ms IS NULL
    AND received_ms <= $4";
const FORGET: &str = "DELETE FROM inbox WHERE done_ms < $1";

/// A notification.
pub struct Delivery<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The mapping it concerns.
    pub mapping: &'a MappingId,
    /// What makes it the same as a repetition of itself.
    pub key: &'a str,
    /// `changed`, `missed`, `removed`, `reauthorize`.
    pub kind: &'a str,
    /// When it came.
    pub received: Timestamp,
    /// When to act on it: some systems notify before they commit.
    pub due: Timestamp,
}

/// Stores a notification; `false` when it was there already.
pub async fn insert_once(tx: &mut Tx, delivery: &Delivery<'_>) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(INSERT)
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(delivery.tenant.as_str())
        .bind(delivery.mapping.as_str())
        .bind(delivery.key)
        .bind(delivery.kind)
        .bind(delivery.received.ms())
        .bind(delivery.due.ms())
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

/// Marks what came until `began`, when a pull that ended well began, as acted upon.
pub async fn done(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    now: Timestamp,
    began: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(DONE)
        .bind(tenant.as_str())
        .bind(mapping.as_str())
        .bind(now.ms())
        .bind(began.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Deletes what was acted upon before `until`.
pub async fn forget(tx: &mut Tx, until: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(until.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

//! Requests that were carried out once, by the key their sender gave them. A claim is made in the transaction of the
//! request itself: it is there exactly when the request took effect.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{PrincipalId, TenantId, Timestamp};

row! {
    /// One request that took effect.
    pub struct Repeatable {
        /// A digest of method, path and body.
        pub fingerprint: String,
        /// The answer, sealed; empty while it is not known.
        pub answer: String,
        /// Until when it is remembered: for a day, or as long as the tenant's policy says.
        pub kept_until_ms: Timestamp,
    }
}

/// Whose key.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The tenant that is worked in.
    pub tenant: &'a TenantId,
    /// Who sent the request.
    pub principal: &'a PrincipalId,
    /// The key.
    pub key: &'a str,
}

const CLAIM: &str = "INSERT INTO idempotency_keys
    (tenant_id, principal_id, idempotency_key, fingerprint, answer, created_ms) VALUES ($1, $2, $3, $4, '', $5)";
const ANSWERED: &str = "UPDATE idempotency_keys SET answer = $4
    WHERE tenant_id = $1 AND principal_id = $2 AND idempotency_key = $3";
const GET: &str = "SELECT fingerprint, answer, created_ms + 86400000 * COALESCE((SELECT p.keep_days
    FROM retention_policies p WHERE p.tenant_id = $1 AND p.data_type = 'idempotency'), 1) AS kept_until_ms
    FROM idempotency_keys WHERE tenant_id = $1 AND principal_id = $2 AND idempotency_key = $3";
const FORGET: &str = "DELETE FROM idempotency_keys
    WHERE created_ms + 86400000 * COALESCE((SELECT p.keep_days FROM retention_policies p
        WHERE p.tenant_id = idempotency_keys.tenant_id AND p.data_type = 'idempotency'), 1) <= $1";

/// Takes the key for a request with this fingerprint; [`StoreError::Taken`] when another request has it.
pub async fn claim(tx: &mut Tx, owner: Owner<'_>, fingerprint: &str, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(CLAIM)
        .bind(owner.tenant.as_str())
        .bind(owner.principal.as_str())
        .bind(owner.key)
        .bind(fingerprint)
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Notes the sealed answer of a request that took effect.
pub async fn answered(tx: &mut Tx, owner: Owner<'_>, sealed: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ANSWERED)
        .bind(owner.tenant.as_str())
        .bind(owner.principal.as_str())
        .bind(owner.key)
        .bind(sealed)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The request that took effect under this key.
pub async fn get(tx: &mut Tx, owner: Owner<'_>) -> Result<Option<Repeatable>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET)
        .bind(owner.tenant.as_str())
        .bind(owner.principal.as_str())
        .bind(owner.key)
        .fetch_optional(c).await)?)
}

/// Forgets what is not to be remembered any longer.
pub async fn forget(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(now.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

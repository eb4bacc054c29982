//! App passwords and API keys: hashes only.

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::row;
use crate::model::{PrincipalId, Scope, SecretState, TenantId, Timestamp};

/// `kind` of an app password, used with Basic authentication.
pub const APP_PASSWORD: &str = "app_password";
/// `kind` of an API key, used as bearer token or `X-API-Key`.
pub const API_KEY: &str = "api_key";

row! {
    /// One app password or API key.
    pub struct SecretRow {
        /// Its id.
        pub id: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// Whose it is.
        pub principal_id: PrincipalId,
        /// [`APP_PASSWORD`] or [`API_KEY`].
        pub kind: String,
        /// What its owner calls it.
        pub label: String,
        /// Public prefix of an API key; empty for passwords.
        pub lookup: String,
        /// argon2id hash in PHC form.
        pub hash: String,
        /// When it was made.
        pub created_ms: Timestamp,
        /// When it was last used, to the minute.
        pub last_used_ms: Option<Timestamp>,
        /// When it was withdrawn.
        pub revoked_ms: Option<Timestamp>,
        /// From when on it opens nothing.
        pub expires_ms: Option<Timestamp>,
        /// When another one took its place; until it ends, both work.
        pub rotated_ms: Option<Timestamp>,
        /// What it may do of what its principal may.
        pub scope: Scope,
    }
}

impl SecretRow {
    /// Whether it opens anything.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_ms.is_none() && self.expires_ms.is_none_or(|end| now < end)
    }

    /// How it stands.
    pub fn state(&self, now: Timestamp) -> SecretState {
        match (self.revoked_ms, self.rotated_ms) {
            (Some(_), _) => SecretState::Revoked,
            _ if !self.is_valid(now) => SecretState::Expired,
            (None, Some(_)) => SecretState::Rotated,
            (None, None) => SecretState::Active,
        }
    }
}

row! {
    /// A secret that ends, and whose it is.
    pub struct Ending {
        /// Its id.
        pub id: String,
        /// Whose it is.
        pub login: String,
        /// [`APP_PASSWORD`] or [`API_KEY`].
        pub kind: String,
        /// What its owner calls it.
        pub label: String,
        /// When it was made.
        pub created_ms: Timestamp,
        /// When it was last used, to the minute.
        pub last_used_ms: Option<Timestamp>,
        /// From when on it opens nothing.
        pub expires_ms: Timestamp,
    }
}

const INSERT: &str = "INSERT INTO secrets
    (id, tenant_id, principal_id, kind, label, lookup, hash, created_ms, last_used_ms, revoked_ms, expires_ms, rotated_ms,
    scope) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL, $9, NULL, $10)";
const OF_PRINCIPAL: &str = "SELECT id, tenant_id, principal_id, kind, label, lookup, hash, created_ms, last_used_ms,
    revoked_ms, expires_ms, rotated_ms, scope FROM secrets WHERE tenant_id = $1 AND principal_id = $2
    ORDER BY created_ms, id";
const BY_LOOKUP: &str = "SELECT id, tenant_id, principal_id, kind, label, lookup, hash, created_ms, last_used_ms,
    revoked_ms, expires_ms, rotated_ms, scope FROM secrets
    WHERE lookup = $1 AND kind = 'api_key' AND revoked_ms IS NULL";
const ENDING: &str =
    "SELECT s.id AS id, p.login AS login, s.kind AS kind, s.label AS label, s.created_ms AS created_ms,
    s.last_used_ms AS last_used_ms, s.expires_ms AS expires_ms
    FROM secrets s JOIN principals p ON p.id = s.principal_id
    WHERE s.tenant_id = $1 AND s.expires_ms > $2 AND s.expires_ms <= $3 AND s.revoked_ms IS NULL
    AND s.rotated_ms IS NULL AND NOT p.disabled ORDER BY s.expires_ms, s.id LIMIT $4";
const ROTATE: &str = "UPDATE secrets SET rotated_ms = $3, expires_ms = $4
    WHERE tenant_id = $1 AND id = $2 AND revoked_ms IS NULL AND rotated_ms IS NULL";
const TOUCH: &str = "UPDATE secrets SET last_used_ms = $3 WHERE tenant_id = $1 AND id = $2";
const REVOKE: &str = "UPDATE secrets SET revoked_ms = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_ms IS NULL";

/// Stores a new secret; `last_used_ms`, `revoked_ms` and `rotated_ms` start empty.
pub async fn insert(tx: &mut Tx, secret: &SecretRow) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(&secret.id)
        .bind(secret.tenant_id.as_str())
        .bind(secret.principal_id.as_str())
        .bind(&secret.kind)
        .bind(&secret.label)
        .bind(&secret.lookup)
        .bind(&secret.hash)
        .bind(secret.created_ms.ms())
        .bind(secret.expires_ms.map(Timestamp::ms))
        .bind(secret.scope.to_text())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &secret.tenant_id).await
}

/// All secrets of a principal, revoked ones too, oldest first.
pub async fn of_principal(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
) -> Result<Vec<SecretRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_PRINCIPAL).bind(tenant.as_str()).bind(principal.as_str()).fetch_all(c).await)?)
}

/// API keys with that public prefix that are not revoked; some may have ended.
pub async fn by_lookup(tx: &mut Tx, lookup: &str) -> Result<Vec<SecretRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_LOOKUP).bind(lookup).fetch_all(c).await)?)
}

/// Remembers that a secret was used.
pub async fn touch(tx: &mut Tx, tenant: &TenantId, id: &str, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(TOUCH).bind(tenant.as_str()).bind(id).bind(now.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Withdraws a secret; whether there was one to withdraw.
pub async fn revoke(tx: &mut Tx, tenant: &TenantId, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let revoked = on!(tx, c => sqlx::query(REVOKE).bind(tenant.as_str()).bind(id).bind(now.ms())
        .execute(c).await.map(|done| done.rows_affected() > 0))?;
    directory::changed(tx, tenant).await?;
    Ok(revoked)
}

/// Notes that another secret takes the place of one, which works until `until`; whether it still could.
pub async fn rotate(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rotated = on!(tx, c => sqlx::query(ROTATE)
        .bind(tenant.as_str())
        .bind(id)
        .bind(now.ms())
        .bind(until.ms())
        .execute(c).await.map(|done| done.rows_affected() > 0))?;
    directory::changed(tx, tenant).await?;
    Ok(rotated)
}

/// Secrets of a tenant that end between two times, soonest first, and at most so many: neither withdrawn nor replaced, of
/// principals that may log in.
pub async fn ending(
    tx: &mut Tx,
    tenant: &TenantId,
    (after, until): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<Ending>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(ENDING)
        .bind(tenant.as_str())
        .bind(after.ms())
        .bind(until.ms())
        .bind(most)
        .fetch_all(c).await)?)
}

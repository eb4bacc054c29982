//! Where a person stands outside of bookings and the audit: the rows that are changed when the person is erased.

use super::conflicts::Conflict;
use super::conflicts::columns;
use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use crate::model::{ConflictId, PrincipalId, TenantId};

const ANONYMISE: &str = "UPDATE principals SET login = $3, display_name = $4, email = '', disabled = TRUE
    WHERE tenant_id = $1 AND id = $2";
const NO_GRANTS: &str = "DELETE FROM grants WHERE tenant_id = $1 AND principal_id = $2";
const NO_PUSH: &str = "DELETE FROM push_registrations WHERE tenant_id = $1 AND principal_id = $2";
const NO_PROPERTIES: &str = "DELETE FROM properties WHERE tenant_id = $1 AND principal_id = $2";
const NO_SESSIONS: &str = "DELETE FROM sessions WHERE tenant_id = $1 AND principal_id = $2";
const NO_IDENTITIES: &str = "DELETE FROM identities WHERE tenant_id = $1 AND principal_id = $2";
const NO_ANSWERS: &str = "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND principal_id = $2";
const APPROVALS: &str = "UPDATE approvals SET requested_by = $3 WHERE tenant_id = $1 AND requested_by = $2";
const CONFLICTS: &str =
    concat!("SELECT ", columns!(), " FROM conflicts WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
const REWRITE: &str = "UPDATE conflicts SET sentence = $3, ours = $4, theirs = $5 WHERE tenant_id = $1 AND id = $2";
const AGREED: &str = "SELECT COUNT(*) FROM links WHERE tenant_id = $1
    AND (LOWER(base) LIKE $2 ESCAPE '!' OR LOWER(sent) LIKE $2 ESCAPE '!' OR LOWER(echo) LIKE $2 ESCAPE '!')";

/// Takes name, address and every right from a principal; its id stays, because bookings and grants hang on it.
pub async fn anonymise(tx: &mut Tx, tenant: &TenantId, id: &PrincipalId, login: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ANONYMISE).bind(tenant.as_str()).bind(id.as_str()).bind(login).bind("Erased person")
        .execute(c).await.map(|_| ())?);
    for sql in [NO_GRANTS, NO_PUSH, NO_PROPERTIES, NO_SESSIONS, NO_IDENTITIES, NO_ANSWERS] {
        on!(tx, c => sqlx::query(sql).bind(tenant.as_str()).bind(id.as_str()).execute(c).await.map(|_| ())?);
    }
    directory::changed(tx, tenant).await
}

/// Whoever asked for approvals under one login asked for them under another.
pub async fn rename_requests(tx: &mut Tx, tenant: &TenantId, from: &str, to: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(APPROVALS).bind(tenant.as_str()).bind(from).bind(to).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Conflicts in the order of their ids, those after `after`.
pub async fn conflicts(tx: &mut Tx, tenant: &TenantId, after: &str, limit: i64) -> Result<Vec<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(CONFLICTS).bind(tenant.as_str()).bind(after).bind(limit).fetch_all(c).await)?)
}

/// Replaces what a conflict says: sentence, ours, theirs.
pub async fn rewrite(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &ConflictId,
    [sentence, ours, theirs]: [&str; 3],
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(REWRITE).bind(tenant.as_str()).bind(id.as_str()).bind(sentence).bind(ours).bind(theirs)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// How many links remember content with that address, in lower case: copies at remote systems still have it.
pub async fn agreed(tx: &mut Tx, tenant: &TenantId, email: &str) -> Result<i64, StoreError> {
    let escaped = email.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    Ok(on!(tx, c => sqlx::query_scalar(AGREED).bind(tenant.as_str()).bind(format!("%{escaped}%"))
        .fetch_one(c).await)?)
}

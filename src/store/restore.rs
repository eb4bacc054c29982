//! A database that was set back to a backup. The remote systems went on meanwhile, and so did the clients: what this
//! database remembers of how far they had come is not true any more.

use super::db::{Tx, on};
use super::error::StoreError;
use crate::model::ERA;
use crate::model::TenantId;
use crate::model::Timestamp;

const HOUR_MS: i64 = 3_600_000;

/// Numbers of the lost time are never given again, and sync tokens from it are told from later ones by their era. The era
/// is at least the hour of the restore: the same backup, put back twice, begins two different ones.
const ROOMS: &str = "UPDATE rooms SET seq = CASE WHEN seq / $1 < $2 THEN $2 * $1 ELSE (seq / $1 + 1) * $1 END";
/// Everything is read anew, and nothing is sent before that: what stands there already is recognised first.
const MAPPINGS: &str =
    "UPDATE mappings SET cursor = '', completed_ms = NULL, wanted_ms = NULL, due_ms = $1, failures = 0,
    allowed_removals = 0 WHERE state <> 'removed'";
const OPERATIONS: &str = "UPDATE operations SET state = 'unknown', due_ms = $1, attempts = 0, lease_until_ms = 0,
    lease_owner = '' WHERE open";
const LEASES: &str = "UPDATE leases SET expires_ms = 0, token = token + 1";
/// A session that was ended in the lost time does not come to life again.
const SESSIONS: [&str; 2] = ["DELETE FROM sessions", "DELETE FROM sign_ins"];
const SUBSCRIPTIONS: &str = "UPDATE subscriptions SET state = 'dead' WHERE state <> 'dead'";

const ROOMS_OF: &str = "UPDATE rooms SET seq = CASE WHEN seq / $1 < $2 THEN $2 * $1 ELSE (seq / $1 + 1) * $1 END
    WHERE tenant_id = $3";
const MAPPINGS_OF: &str =
    "UPDATE mappings SET cursor = '', completed_ms = NULL, wanted_ms = NULL, due_ms = $1, failures = 0,
    allowed_removals = 0 WHERE state <> 'removed' AND tenant_id = $2";
const OPERATIONS_OF: &str = "UPDATE operations SET state = 'unknown', due_ms = $1, attempts = 0, lease_until_ms = 0,
    lease_owner = '' WHERE open AND tenant_id = $2";
const SESSIONS_OF: [&str; 2] =
    ["DELETE FROM sessions WHERE tenant_id = $1", "DELETE FROM sign_ins WHERE tenant_id = $1"];
const SUBSCRIPTIONS_OF: &str = "UPDATE subscriptions SET state = 'dead' WHERE state <> 'dead' AND tenant_id = $1";
/// Whoever works on a mapping of the tenant finds at the next commit that it is not theirs any more.
const FENCE: &str = "UPDATE leases SET expires_ms = 0, token = token + 1 WHERE name IN
    (SELECT 'mapping:' || id FROM mappings WHERE tenant_id = $1)";
const LAST_SEQ: &str = "SELECT MAX(seq) FROM rooms WHERE tenant_id = $1";

/// The era that a restore of now begins with, where none later was begun.
const fn era(now: Timestamp) -> i64 {
    now.ms().div_euclid(HOUR_MS)
}

/// Begins anew on a restored database, for all tenants. Nothing else may work on it meanwhile.
pub async fn begin_anew(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ROOMS).bind(ERA).bind(era(now)).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(MAPPINGS).bind(now.ms()).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(OPERATIONS).bind(now.ms()).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(LEASES).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(SUBSCRIPTIONS).execute(c).await.map(|_| ())?);
    for statement in SESSIONS {
        on!(tx, c => sqlx::query(statement).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// Begins anew for one tenant, while others go on. `last` is the highest sequence number that any of its rooms had before
/// it was set back: none up to its era is given again.
pub async fn begin_anew_of(tx: &mut Tx, tenant: &TenantId, last: i64, now: Timestamp) -> Result<(), StoreError> {
    let era = era(now).max(last / ERA + 1);
    on!(tx, c => sqlx::query(ROOMS_OF).bind(ERA).bind(era).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(MAPPINGS_OF).bind(now.ms()).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(OPERATIONS_OF).bind(now.ms()).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    for statement in [SUBSCRIPTIONS_OF, SESSIONS_OF[0], SESSIONS_OF[1]] {
        on!(tx, c => sqlx::query(statement).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// Takes the work on a tenant's mappings from whoever does it now, and answers the highest sequence number of its rooms.
pub async fn fence(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    on!(tx, c => sqlx::query(FENCE).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    let last: Option<i64> = on!(tx, c => sqlx::query_scalar(LAST_SEQ).bind(tenant.as_str()).fetch_one(c).await)?;
    Ok(last.unwrap_or(0))
}

//! What the reconciler did when: one row for every pull that did something or failed.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{MappingId, TenantId, Timestamp};

row! {
    /// One pull.
    pub struct Run {
        /// Its id.
        pub id: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// What was read.
        pub mapping_id: MappingId,
        /// `complete` or `changes`.
        pub kind: String,
        /// When it began.
        pub started_ms: Timestamp,
        /// When it ended.
        pub ended_ms: Timestamp,
        /// Items seen.
        pub seen: i64,
        /// Changes applied to the hub.
        pub applied: i64,
        /// `ok`, `failed` or `held`.
        pub outcome: String,
        /// A sentence.
        pub detail: String,
    }
}

const INSERT: &str = "INSERT INTO sync_runs
    (id, tenant_id, mapping_id, kind, started_ms, ended_ms, seen, applied, outcome, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const LIST: &str = "SELECT id, tenant_id, mapping_id, kind, started_ms, ended_ms, seen, applied, outcome, detail
    FROM sync_runs WHERE tenant_id = $1 ORDER BY started_ms DESC LIMIT $2";
const FORGET: &str = "DELETE FROM sync_runs WHERE ended_ms < $1";

/// Records a pull.
pub async fn insert(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(&run.id)
        .bind(run.tenant_id.as_str())
        .bind(run.mapping_id.as_str())
        .bind(&run.kind)
        .bind(run.started_ms.ms())
        .bind(run.ended_ms.ms())
        .bind(run.seen)
        .bind(run.applied)
        .bind(&run.outcome)
        .bind(&run.detail)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Pulls of a tenant, newest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId, limit: i64) -> Result<Vec<Run>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).bind(limit).fetch_all(c).await)?)
}

/// Deletes what ended before `until`.
pub async fn forget(tx: &mut Tx, until: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(until.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

//! What is kept how long: the policies of tenants, and what has outlived them.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{TenantId, Timestamp};

row! {
    /// How long one type of data is kept.
    pub struct Policy {
        /// The tenant.
        pub tenant_id: TenantId,
        /// The type, e.g. `sync_runs`.
        pub data_type: String,
        /// Days.
        pub keep_days: i64,
        /// Whether what goes is written to an archive first.
        pub archive: bool,
        /// When that was said.
        pub changed_ms: Timestamp,
        /// By whom.
        pub changed_by: String,
    }
}

row! {
    /// Something that has outlived its policy, as an archive keeps it.
    pub struct Old {
        /// Its id.
        pub id: String,
        /// When it ended.
        pub at_ms: Timestamp,
        /// The mapping or room.
        pub place: String,
        /// What it is about.
        pub about: String,
        /// What became of it.
        pub outcome: String,
        /// Why, in words or numbers.
        pub detail: String,
    }
}

/// The type of past bookings in policies.
pub const BOOKINGS: &str = "bookings";
/// The fewest days that a policy may say for them: a year and more, so that no series that goes on looks back on them.
pub const BOOKINGS_LEAST: i64 = 400;
/// The type of answers to repeated requests.
pub const IDEMPOTENCY: &str = "idempotency";

/// Where one type of data is.
#[derive(Debug)]
pub struct Shelf {
    /// Its name in policies.
    pub data_type: &'static str,
    old: &'static str,
    remove: &'static str,
}

/// What a policy ends row by row. The audit is shortened at its beginning, bookings go through the gate, and answers to
/// repeated requests know themselves how long they are kept.
pub static SHELVES: &[Shelf] = &[
    Shelf {
        data_type: "sync_runs",
        old: "SELECT id, ended_ms AS at_ms, mapping_id AS place, kind AS about, outcome,
            detail || ' (' || CAST(seen AS TEXT) || ' seen, ' || CAST(applied AS TEXT) || ' applied)' AS detail
            FROM sync_runs WHERE tenant_id = $1 AND ended_ms < $2 ORDER BY ended_ms, id LIMIT $3",
        remove: "DELETE FROM sync_runs WHERE tenant_id = $1 AND id = $2",
    },
    Shelf {
        data_type: "operations",
        old: "SELECT id, ended_ms AS at_ms, mapping_id AS place, uid AS about, state AS outcome, last_error AS detail
            FROM operations WHERE tenant_id = $1 AND NOT open AND state = 'done' AND ended_ms < $2
            ORDER BY ended_ms, id LIMIT $3",
        remove: "DELETE FROM operations WHERE tenant_id = $1 AND id = $2",
    },
    Shelf {
        data_type: "conflicts",
        old: "SELECT id, decided_ms AS at_ms, room_id AS place, uid AS about, state || ' ' || decision AS outcome,
            sentence AS detail FROM conflicts WHERE tenant_id = $1 AND state <> 'open' AND decided_ms < $2
            ORDER BY decided_ms, id LIMIT $3",
        remove: "DELETE FROM conflicts WHERE tenant_id = $1 AND id = $2",
    },
    Shelf {
        data_type: "inbox",
        old: "SELECT id, done_ms AS at_ms, mapping_id AS place, delivery_key AS about, kind AS outcome, '' AS detail
            FROM inbox WHERE tenant_id = $1 AND done_ms < $2 ORDER BY done_ms, id LIMIT $3",
        remove: "DELETE FROM inbox WHERE tenant_id = $1 AND id = $2",
    },
];

const POLICIES: &str = "SELECT tenant_id, data_type, keep_days, archive, changed_ms, changed_by FROM retention_policies
    WHERE tenant_id = $1 ORDER BY data_type";
const KEEP_DAYS: &str = "SELECT keep_days FROM retention_policies WHERE tenant_id = $1 AND data_type = $2";
const SET: &str = "INSERT INTO retention_policies (tenant_id, data_type, keep_days, archive, changed_ms, changed_by)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, data_type) DO UPDATE SET keep_days = excluded.keep_days, archive = excluded.archive,
    changed_ms = excluded.changed_ms, changed_by = excluded.changed_by";
const UNSET: &str = "DELETE FROM retention_policies WHERE tenant_id = $1 AND data_type = $2";

/// The policies of a tenant.
pub async fn policies(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Policy>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(POLICIES).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Days for which a tenant keeps one type of data; `None` where nobody said.
pub async fn keep_days(tx: &mut Tx, tenant: &TenantId, data_type: &str) -> Result<Option<i64>, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(KEEP_DAYS).bind(tenant.as_str()).bind(data_type).fetch_optional(c).await)?)
}

/// Sets one policy.
pub async fn set(tx: &mut Tx, policy: &Policy) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET)
        .bind(policy.tenant_id.as_str())
        .bind(&policy.data_type)
        .bind(policy.keep_days)
        .bind(policy.archive)
        .bind(policy.changed_ms.ms())
        .bind(&policy.changed_by)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Takes a policy back; whether there was one.
pub async fn unset(tx: &mut Tx, tenant: &TenantId, data_type: &str) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(UNSET).bind(tenant.as_str()).bind(data_type)
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(rows == 1)
}

impl Shelf {
    /// What ended before `until`, oldest first.
    pub async fn old(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Old>, StoreError> {
        Ok(on!(tx, c => sqlx::query_as(self.old).bind(tenant.as_str()).bind(until.ms()).bind(limit)
            .fetch_all(c).await)?)
    }

    /// Removes one of them.
    pub async fn remove(&self, tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<(), StoreError> {
        on!(tx, c => sqlx::query(self.remove).bind(tenant.as_str()).bind(id).execute(c).await.map(|_| ())?);
        Ok(())
    }
}

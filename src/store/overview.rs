//! How all tenants stand, each table read once for all of them: what the operator's numbers are made of, and who is worth a
//! closer look. With thousands of tenants of whom nothing is heard, asking each of them would be most of the work.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use super::subscriptions::SILENT;
use crate::model::{AlertKind, MappingState, Severity, TenantId, Timestamp};
use std::collections::BTreeSet;

row! {
    /// How many mappings of a tenant stand alike.
    pub struct Mappings {
        /// The tenant.
        pub tenant_id: TenantId,
        /// Their state.
        pub state: MappingState,
        /// Whether their last read has failed.
        pub failing: bool,
        /// Whether something waits in either direction, or they have never been read.
        pub waiting: bool,
        /// How many.
        pub many: i64,
        /// How many of them are due.
        pub due: i64,
        /// Since when the oldest change of theirs waits to be read.
        pub dirty_since_ms: Option<Timestamp>,
    }
}

row! {
    /// How many subscriptions of a tenant are in one state.
    pub struct Subscriptions {
        /// The tenant.
        pub tenant_id: TenantId,
        /// Their state.
        pub state: String,
        /// How many.
        pub many: i64,
    }
}

row! {
    /// How many conflicts of a tenant wait for a person.
    pub struct Conflicts {
        /// The tenant.
        pub tenant_id: TenantId,
        /// How many.
        pub many: i64,
    }
}

row! {
    /// How much of a tenant waits to be sent.
    pub struct Outbox {
        /// The tenant.
        pub tenant_id: TenantId,
        /// Open operations.
        pub many: i64,
        /// When the oldest was made.
        pub oldest_ms: Timestamp,
    }
}

row! {
    /// How many alerts of a tenant stand.
    pub struct Alerts {
        /// The tenant.
        pub tenant_id: TenantId,
        /// Their kind.
        pub kind: AlertKind,
        /// How much they matter.
        pub severity: Severity,
        /// How many.
        pub many: i64,
    }
}

const MAPPINGS: &str = "SELECT m.tenant_id, m.state, m.failures > 0 AS failing,
    (m.dirty_since_ms IS NOT NULL OR m.pulled_ms IS NULL OR w.mapping_id IS NOT NULL) AS waiting, COUNT(*) AS many,
    SUM(CASE WHEN m.state = 'active' AND m.due_ms <= $1 THEN 1 ELSE 0 END) AS due, MIN(m.dirty_since_ms) AS dirty_since_ms
    FROM mappings m LEFT JOIN (SELECT DISTINCT mapping_id FROM operations WHERE open) AS w ON w.mapping_id = m.id
    WHERE m.state <> 'removed' GROUP BY 1, 2, 3, 4";
const SUBSCRIPTIONS: &str = "SELECT tenant_id, state, COUNT(*) AS many FROM subscriptions GROUP BY tenant_id, state";
const CONFLICTS: &str = "SELECT tenant_id, COUNT(*) AS many FROM conflicts WHERE state = 'open' GROUP BY tenant_id";
const OUTBOX: &str = "SELECT tenant_id, COUNT(*) AS many, MIN(created_ms) AS oldest_ms FROM operations WHERE open
    GROUP BY tenant_id";
const ALERTS: &str = "SELECT tenant_id, kind, severity, COUNT(*) AS many FROM alerts WHERE state <> 'settled'
    GROUP BY tenant_id, kind, severity";
const SUSPECTS: &str = "SELECT tenant_id FROM alerts WHERE state <> 'settled'
    UNION SELECT tenant_id FROM mappings WHERE state = 'held' OR state = 'active' AND (failures > 0
        OR dirty_since_ms < $1 OR COALESCE(completed_ms, created_ms) < $2)
    UNION SELECT tenant_id FROM operations WHERE open GROUP BY tenant_id HAVING COUNT(*) > $4 OR MIN(created_ms) < $3
    UNION SELECT tenant_id FROM operations WHERE state = 'failed' AND ended_ms >= $5
    UNION SELECT tenant_id FROM conflicts WHERE state = 'open' AND deadline_ms <= $6
    UNION SELECT tenant_id FROM webhooks WHERE state = 'disabled' OR failing_since_ms < $7
    UNION SELECT tenant_id FROM subscriptions GROUP BY tenant_id, mapping_id HAVING MIN(created_ms) < $8
        AND SUM(CASE WHEN state = 'active' AND (expires_ms IS NULL OR expires_ms > $9) AND misses < $10 THEN 1 ELSE 0 END) = 0
    UNION SELECT tenant_id FROM secrets WHERE expires_ms > $11 AND expires_ms <= $12 AND revoked_ms IS NULL
        AND rotated_ms IS NULL
    UNION SELECT tenant_id FROM bridges WHERE settings LIKE '%client_secret_expires%'";

/// How the mappings stand that have not ended.
pub async fn mappings(tx: &mut Tx, now: Timestamp) -> Result<Vec<Mappings>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(MAPPINGS).bind(now.ms()).fetch_all(c).await)?)
}

/// How subscriptions stand, dead ones too.
pub async fn subscriptions(tx: &mut Tx) -> Result<Vec<Subscriptions>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(SUBSCRIPTIONS).fetch_all(c).await)?)
}

/// What waits for a person; tenants of whom nothing does are left out.
pub async fn conflicts(tx: &mut Tx) -> Result<Vec<Conflicts>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(CONFLICTS).fetch_all(c).await)?)
}

/// What waits to be sent; tenants of whom nothing does are left out.
pub async fn outbox(tx: &mut Tx) -> Result<Vec<Outbox>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OUTBOX).fetch_all(c).await)?)
}

/// The alerts that stand.
pub async fn alerts(tx: &mut Tx) -> Result<Vec<Alerts>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(ALERTS).fetch_all(c).await)?)
}

/// Ages from which on something is worth a look.
pub struct Since {
    /// The time.
    pub now: Timestamp,
    /// A change of theirs that waits to be read.
    pub unreconciled: Timestamp,
    /// The last complete read.
    pub complete_read: Timestamp,
    /// A change of ours that waits to be sent.
    pub pending: Timestamp,
    /// More operations that wait than that.
    pub backlog: i64,
    /// Operations that were given up.
    pub failed: Timestamp,
    /// Conflicts that are decided by then.
    pub deadline: Timestamp,
    /// A webhook that takes nothing.
    pub webhook: Timestamp,
    /// A subscription without notifications.
    pub subscription: Timestamp,
    /// Between which times an app password or API key ends.
    pub ending: (Timestamp, Timestamp),
}

/// Every tenant of whom there may be something to say, and some of whom there is not; of the others there is nothing.
pub async fn suspects(tx: &mut Tx, since: &Since) -> Result<BTreeSet<TenantId>, StoreError> {
    let ids: Vec<String> = on!(tx, c => sqlx::query_scalar(SUSPECTS)
        .bind(since.unreconciled.ms())
        .bind(since.complete_read.ms())
        .bind(since.pending.ms())
        .bind(since.backlog)
        .bind(since.failed.ms())
        .bind(since.deadline.ms())
        .bind(since.webhook.ms())
        .bind(since.subscription.ms())
        .bind(since.now.ms())
        .bind(SILENT)
        .bind(since.ending.0.ms())
        .bind(since.ending.1.ms())
        .fetch_all(c).await)?;
    Ok(ids.into_iter().map(TenantId::from).collect())
}

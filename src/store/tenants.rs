//! Organisations.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{TenantId, TenantState, Timestamp, ZoneId};

row! {
    /// One organisation.
    pub struct Tenant {
        /// Its id.
        pub id: TenantId,
        /// The name in URLs; never changes.
        pub tenant_key: String,
        /// The name people read.
        pub name: String,
        /// Its name in full; may be empty.
        pub display_name: String,
        /// Whether it works.
        pub state: TenantState,
        /// Why it is in its state.
        pub reason: String,
        /// The zone of new rooms.
        pub zone: ZoneId,
        /// Whose work is taken up first: the smaller number.
        pub priority: i64,
        /// Minutes between two readings of a remote calendar that announces nothing; `None` for what the server does.
        pub sync_frequency_minutes: Option<i64>,
        /// Whether remote systems are asked for notifications.
        pub webhook_enabled: bool,
        /// Whether bookings that disappeared at a remote side go from the hub without a person's word.
        pub deletion_sync_enabled: bool,
        /// Whether a notification makes its calendar be read at once.
        pub real_time_sync: bool,
        /// Whether its state is among the metrics.
        pub health_monitoring: bool,
        /// Most bridges.
        pub max_bridges: i64,
        /// Most remote changes that one run takes over.
        pub max_events_per_sync: i64,
        /// Most REST requests in one minute.
        pub rate_limit_per_minute: i64,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

impl Tenant {
    /// A new tenant that works, with the usual limits.
    pub fn new(key: &str, name: &str, zone: ZoneId, created_ms: Timestamp) -> Self {
        Self {
            id: TenantId::fresh(),
            tenant_key: key.to_owned(),
            name: name.to_owned(),
            display_name: String::new(),
            state: TenantState::Active,
            reason: String::new(),
            zone,
            priority: 100,
            sync_frequency_minutes: None,
            webhook_enabled: true,
            deletion_sync_enabled: true,
            real_time_sync: true,
            health_monitoring: true,
            max_bridges: 10,
            max_events_per_sync: 1000,
            rate_limit_per_minute: 6000,
            created_ms,
        }
    }
}

macro_rules! columns {
    () => {
        "id, tenant_key, name, display_name, state, reason, zone, priority, sync_frequency_minutes, webhook_enabled, \
         deletion_sync_enabled, real_time_sync, health_monitoring, max_bridges, max_events_per_sync, \
         rate_limit_per_minute, created_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO tenants (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
);
const UPDATE: &str =
    "UPDATE tenants SET directory = directory + 1, name = $2, display_name = $3, zone = $4, priority = $5,
    sync_frequency_minutes = $6, webhook_enabled = $7, deletion_sync_enabled = $8, real_time_sync = $9,
    health_monitoring = $10, max_bridges = $11, max_events_per_sync = $12, rate_limit_per_minute = $13 WHERE id = $1";
const BY_KEY: &str = concat!("SELECT ", columns!(), " FROM tenants WHERE tenant_key = $1");
const GET: &str = concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1");
const LIST: &str = concat!("SELECT ", columns!(), " FROM tenants WHERE state <> 'removed' ORDER BY tenant_key");
const REMOVED: &str = concat!("SELECT ", columns!(), " FROM tenants WHERE state = 'removed' ORDER BY tenant_key");
const SET_STATE: &str = "UPDATE tenants SET directory = directory + 1, state = $2, reason = $3 WHERE id = $1";
// What waits for a person (held, or never read) is no reason to wait: it goes on when the tenant does.
const DRAINED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tenants WHERE state = 'draining' AND NOT EXISTS (SELECT 1 FROM operations o
        JOIN mappings m ON m.id = o.mapping_id AND m.tenant_id = o.tenant_id
        WHERE o.tenant_id = tenants.id AND o.open AND m.state = 'active' AND m.completed_ms IS NOT NULL)
    ORDER BY tenant_key"
);
// The key is free again, and the audit still has an owner.
const ENTOMB: &str = "UPDATE tenants SET directory = directory + 1, state = 'removed', reason = '', tenant_key = tenant_key || '~' || id WHERE id = $1";

/// Stores a new tenant; [`StoreError::Taken`] when the key exists.
pub async fn insert(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(tenant.id.as_str())
        .bind(&tenant.tenant_key)
        .bind(&tenant.name)
        .bind(&tenant.display_name)
        .bind(word(&tenant.state))
        .bind(&tenant.reason)
        .bind(tenant.zone.as_str())
        .bind(tenant.priority)
        .bind(tenant.sync_frequency_minutes)
        .bind(tenant.webhook_enabled)
        .bind(tenant.deletion_sync_enabled)
        .bind(tenant.real_time_sync)
        .bind(tenant.health_monitoring)
        .bind(tenant.max_bridges)
        .bind(tenant.max_events_per_sync)
        .bind(tenant.rate_limit_per_minute)
        .bind(tenant.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Changes everything but key and state.
pub async fn update(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(UPDATE)
        .bind(tenant.id.as_str())
        .bind(&tenant.name)
        .bind(&tenant.display_name)
        .bind(tenant.zone.as_str())
        .bind(tenant.priority)
        .bind(tenant.sync_frequency_minutes)
        .bind(tenant.webhook_enabled)
        .bind(tenant.deletion_sync_enabled)
        .bind(tenant.real_time_sync)
        .bind(tenant.health_monitoring)
        .bind(tenant.max_bridges)
        .bind(tenant.max_events_per_sync)
        .bind(tenant.rate_limit_per_minute)
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

/// All tenants that were not removed, by key.
pub async fn list(tx: &mut Tx) -> Result<Vec<Tenant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).fetch_all(c).await)?)
}

/// The tenants that were removed, by the key they had.
pub async fn removed(tx: &mut Tx) -> Result<Vec<Tenant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(REMOVED).fetch_all(c).await)?)
}

/// Draining tenants that have nothing left to send.
pub async fn drained(tx: &mut Tx) -> Result<Vec<Tenant>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(DRAINED).fetch_all(c).await)?)
}

/// Suspends, drains or resumes a tenant.
pub async fn set_state(tx: &mut Tx, id: &TenantId, state: TenantState, reason: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET_STATE).bind(id.as_str()).bind(word(&state)).bind(reason)
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER.and(Waking::COURIER));
    Ok(())
}

/// Leaves of a tenant what its audit hangs on. Its key is free again; the row is found under `<key>~<id>`.
pub async fn entomb(tx: &mut Tx, id: &TenantId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ENTOMB).bind(id.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

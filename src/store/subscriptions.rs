//! Subscriptions for change notifications.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{MappingId, SubscriptionId, TenantId, Timestamp};

row! {
    /// A subscription at a remote system.
    pub struct Subscription {
        /// Its id here.
        pub id: SubscriptionId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// What it watches.
        pub mapping_id: MappingId,
        /// The opaque last segment of the notification URL.
        pub hook_key: String,
        /// The public address the notification URL began with.
        pub hook_base: String,
        /// The shared secret, sealed.
        pub sealed_secret: String,
        /// Its id at the remote system; `None` while it is being asked for.
        pub remote_id: Option<String>,
        /// [`REQUESTED`], [`ACTIVE`] or [`DEAD`].
        pub state: String,
        /// When the remote system ends it.
        pub expires_ms: Option<Timestamp>,
        /// When to renew it, or to try again.
        pub renew_ms: Timestamp,
        /// When a notification last came.
        pub notified_ms: Option<Timestamp>,
        /// Why it could not be made or renewed.
        pub last_error: String,
        /// When it was made.
        pub created_ms: Timestamp,
        /// Changes in a row that it did not announce.
        pub misses: i64,
    }
}

/// Misses in a row from which on a subscription is taken for silent.
pub const SILENT: i64 = 2;

impl Subscription {
    /// Whether the remote system can be trusted to announce what changes.
    pub fn is_healthy(&self, now: Timestamp) -> bool {
        self.state == ACTIVE && self.expires_ms.is_none_or(|expires| expires > now) && self.misses < SILENT
    }
}

/// Is being asked for; notifications are accepted already.
pub const REQUESTED: &str = "requested";
/// The remote system notifies.
pub const ACTIVE: &str = "active";
/// Ended; a new one is needed.
pub const DEAD: &str = "dead";

macro_rules! columns {
    () => {
        "id, tenant_id, mapping_id, hook_key, hook_base, sealed_secret, remote_id, state, expires_ms, renew_ms, notified_ms, \
         last_error, created_ms, misses"
    };
}

const PUT: &str = concat!(
    "INSERT INTO subscriptions (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (id) DO UPDATE SET remote_id = excluded.remote_id, state = excluded.state,
    expires_ms = excluded.expires_ms, renew_ms = excluded.renew_ms, last_error = excluded.last_error"
);
const BY_HOOK: &str = concat!("SELECT ", columns!(), " FROM subscriptions WHERE hook_key = $1");
const BY_REMOTE: &str = concat!("SELECT ", columns!(), " FROM subscriptions WHERE remote_id = $1 AND state <> 'dead'");
const OF_MAPPING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM subscriptions WHERE tenant_id = $1 AND mapping_id = $2 AND state <> 'dead' ORDER BY created_ms DESC"
);
const OF_TENANT: &str =
    concat!("SELECT ", columns!(), " FROM subscriptions WHERE tenant_id = $1 ORDER BY created_ms, id");
const DOUBT: &str = "UPDATE subscriptions SET misses = misses + 1, renew_ms = CASE WHEN renew_ms > $3 THEN $3 ELSE renew_ms END WHERE tenant_id = $1 AND mapping_id = $2
    AND state = 'active' AND (notified_ms IS NULL OR notified_ms < $4)";
const LATEST_MISSES: &str = "SELECT misses FROM subscriptions WHERE tenant_id = $1 AND mapping_id = $2
    ORDER BY created_ms DESC, id DESC LIMIT 1";
const NOTIFIED: &str = "UPDATE subscriptions SET notified_ms = $3, misses = 0 WHERE tenant_id = $1 AND id = $2";
const WITHOUT: &str = "SELECT m.tenant_id, m.id FROM mappings m WHERE m.state = 'active' AND m.direction <> 'export'
    AND m.tenant_id IN (SELECT id FROM tenants WHERE state = 'active' AND webhook_enabled)
    AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.mapping_id = m.id AND s.state <> 'dead')
    ORDER BY m.created_ms LIMIT $1";
const DUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM subscriptions WHERE state <> 'dead' AND (renew_ms <= $1 OR hook_base <> $3
    OR mapping_id IN (SELECT id FROM mappings WHERE state = 'removed')
    OR tenant_id IN (SELECT id FROM tenants WHERE NOT webhook_enabled))
    AND tenant_id IN (SELECT id FROM tenants WHERE state <> 'suspended') ORDER BY renew_ms LIMIT $2"
);

/// Stores or replaces a subscription by its id.
pub async fn put(tx: &mut Tx, subscription: &Subscription) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(PUT)
        .bind(subscription.id.as_str())
        .bind(subscription.tenant_id.as_str())
        .bind(subscription.mapping_id.as_str())
        .bind(&subscription.hook_key)
        .bind(&subscription.hook_base)
        .bind(&subscription.sealed_secret)
        .bind(subscription.remote_id.as_deref())
        .bind(&subscription.state)
        .bind(subscription.expires_ms.map(Timestamp::ms))
        .bind(subscription.renew_ms.ms())
        .bind(subscription.notified_ms.map(Timestamp::ms))
        .bind(&subscription.last_error)
        .bind(subscription.created_ms.ms())
        .bind(subscription.misses)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The subscription whose notification URL ends in that key, dead ones too.
pub async fn by_hook_key(tx: &mut Tx, key: &str) -> Result<Option<Subscription>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_HOOK).bind(key).fetch_optional(c).await)?)
}

/// Living subscriptions with that id at the remote system.
pub async fn by_remote_id(tx: &mut Tx, id: &str) -> Result<Vec<Subscription>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_REMOTE).bind(id).fetch_all(c).await)?)
}

/// Living subscriptions of a mapping, newest first.
pub async fn of_mapping(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId) -> Result<Vec<Subscription>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_MAPPING).bind(tenant.as_str()).bind(mapping.as_str()).fetch_all(c).await)?)
}

/// All subscriptions of a tenant.
pub async fn of_tenant(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Subscription>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_TENANT).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Remembers that a notification came.
pub async fn notified(tx: &mut Tx, subscription: &Subscription, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(NOTIFIED)
        .bind(subscription.tenant_id.as_str())
        .bind(subscription.id.as_str())
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// A change was found that nobody had announced since `since`: it is counted, and whether the subscription still lives is
/// asked at once.
pub async fn doubt(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    now: Timestamp,
    since: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(DOUBT).bind(tenant.as_str()).bind(mapping.as_str()).bind(now.ms()).bind(since.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The misses of the latest subscription of a mapping, dead or not: its heir has to prove itself.
pub async fn latest_misses(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId) -> Result<i64, StoreError> {
    let found: Option<i64> = on!(tx, c => sqlx::query_scalar(LATEST_MISSES)
        .bind(tenant.as_str())
        .bind(mapping.as_str())
        .fetch_optional(c).await)?;
    Ok(found.unwrap_or(0))
}

/// Active importing mappings that have no living subscription, of any active tenant that wants notifications.
pub async fn mappings_without(tx: &mut Tx, limit: i64) -> Result<Vec<(TenantId, MappingId)>, StoreError> {
    let rows: Vec<(String, String)> = on!(tx, c => sqlx::query_as(WITHOUT).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(tenant, mapping)| (tenant.into(), mapping.into())).collect())
}

/// Living subscriptions of any tenant that must be renewed or asked for again, those that notify an address which is
/// not `base`, those of removed mappings, and those of tenants that want none. Suspended tenants are left alone.
pub async fn due(tx: &mut Tx, now: Timestamp, base: &str, limit: i64) -> Result<Vec<Subscription>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(DUE).bind(now.ms()).bind(limit).bind(base).fetch_all(c).await)?)
}

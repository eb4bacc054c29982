//! Webhooks: addresses outside that are told what happens in a tenant, and how telling them goes.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{DetailLevel, RoomId, TenantId, Timestamp, WebhookId, WebhookState};

row! {
    /// Who is told.
    pub struct Webhook {
        /// Its id.
        pub id: WebhookId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// What its maker calls it.
        pub label: String,
        /// Where deliveries go.
        pub url: String,
        /// What it is told, as [`listed`] writes it.
        pub kinds: String,
        /// About which rooms, as [`listed`] writes them.
        pub rooms: String,
        /// How much of a booking it is told.
        pub detail: DetailLevel,
        /// What deliveries are signed with, sealed.
        pub sealed_secret: String,
        /// Whether it is told anything.
        pub state: WebhookState,
        /// Why it is disabled, as a sentence.
        pub reason: String,
        /// Nothing is sent before.
        pub due_ms: Timestamp,
        /// Failures in a row.
        pub failures: i64,
        /// Since when it has failed; `None` where the last delivery was taken.
        pub failing_since_ms: Option<Timestamp>,
        /// The last failure, as a sentence.
        pub last_error: String,
        /// When it last took a delivery.
        pub delivered_ms: Option<Timestamp>,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

/// A list as it is stored: each word between spaces, so that one can be looked for; empty for "all".
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    if words.is_empty() { String::new() } else { format!(" {} ", words.join(" ")) }
}

macro_rules! columns {
    () => {
        "id, tenant_id, label, url, kinds, rooms, detail, sealed_secret, state, reason, due_ms, failures, \
         failing_since_ms, last_error, delivered_ms, created_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO webhooks (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, 0, NULL, '', NULL, $11)"
);
const GET: &str = concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant_id = $1 AND id = $2");
const LIST: &str = concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant_id = $1 ORDER BY created_ms, id");
const UPDATE: &str = "UPDATE webhooks SET label = $3, url = $4, kinds = $5, rooms = $6, detail = $7, state = $8,
    reason = $9, due_ms = $10, failures = $11, failing_since_ms = $12, last_error = $13
    WHERE tenant_id = $1 AND id = $2";
const RESEAL: &str = "UPDATE webhooks SET sealed_secret = $3 WHERE tenant_id = $1 AND id = $2";
const DELETE_DELIVERIES: &str = "DELETE FROM deliveries WHERE tenant_id = $1 AND webhook_id = $2";
const DELETE: &str = "DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2";
const WAITING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM webhooks WHERE state = 'active' AND due_ms <= $1
    AND tenant_id IN (SELECT id FROM tenants WHERE state IN ('active', 'draining'))
    AND EXISTS (SELECT 1 FROM deliveries d
        WHERE d.webhook_id = webhooks.id AND d.state = 'pending' AND d.due_ms <= $1)
    ORDER BY due_ms, id LIMIT $2"
);
const CLAIM: &str = "UPDATE webhooks SET due_ms = $4 WHERE tenant_id = $1 AND id = $2 AND due_ms = $3";
const TAKEN: &str = "UPDATE webhooks SET failures = 0, failing_since_ms = NULL, last_error = '', delivered_ms = $3
    WHERE tenant_id = $1 AND id = $2";
const FAILED: &str = "UPDATE webhooks SET failures = failures + 1,
    failing_since_ms = COALESCE(failing_since_ms, $3), last_error = $4 WHERE tenant_id = $1 AND id = $2";
const DISABLE: &str = "UPDATE webhooks SET state = 'disabled', reason = $3
    WHERE tenant_id = $1 AND id = $2 AND state <> 'disabled'";

/// Stores a new webhook.
pub async fn insert(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(webhook.id.as_str())
        .bind(webhook.tenant_id.as_str())
        .bind(&webhook.label)
        .bind(&webhook.url)
        .bind(&webhook.kinds)
        .bind(&webhook.rooms)
        .bind(word(&webhook.detail))
        .bind(&webhook.sealed_secret)
        .bind(word(&webhook.state))
        .bind(webhook.due_ms.ms())
        .bind(webhook.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The webhook with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// All webhooks of a tenant, oldest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Webhook>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Changes everything but its secret.
pub async fn update(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(UPDATE)
        .bind(webhook.tenant_id.as_str())
        .bind(webhook.id.as_str())
        .bind(&webhook.label)
        .bind(&webhook.url)
        .bind(&webhook.kinds)
        .bind(&webhook.rooms)
        .bind(word(&webhook.detail))
        .bind(word(&webhook.state))
        .bind(&webhook.reason)
        .bind(webhook.due_ms.ms())
        .bind(webhook.failures)
        .bind(webhook.failing_since_ms.map(Timestamp::ms))
        .bind(&webhook.last_error)
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::COURIER);
    Ok(())
}

/// Gives a webhook another sealed secret.
pub async fn reseal(tx: &mut Tx, webhook: &Webhook, sealed: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RESEAL).bind(webhook.tenant_id.as_str()).bind(webhook.id.as_str()).bind(sealed)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Removes a webhook with all that was or is to be told.
pub async fn delete(tx: &mut Tx, tenant: &TenantId, id: &WebhookId) -> Result<(), StoreError> {
    for statement in [DELETE_DELIVERIES, DELETE] {
        on!(tx, c => sqlx::query(statement).bind(tenant.as_str()).bind(id.as_str()).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// Webhooks of any tenant for which something waits that may be sent now.
pub async fn waiting(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Webhook>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(WAITING).bind(now.ms()).bind(limit).fetch_all(c).await)?)
}

/// Takes the telling of a webhook over until `until`; `false` where another process has.
pub async fn claim(tx: &mut Tx, webhook: &Webhook, until: Timestamp) -> Result<bool, StoreError> {
    put_off(tx, webhook, webhook.due_ms, until).await
}

/// Ends a claim that lasts until `until`: the next look may come at `due`. Nothing where another process has taken over.
pub async fn free(tx: &mut Tx, webhook: &Webhook, until: Timestamp, due: Timestamp) -> Result<(), StoreError> {
    put_off(tx, webhook, until, due).await.map(|_| ())
}

async fn put_off(tx: &mut Tx, webhook: &Webhook, from: Timestamp, to: Timestamp) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(CLAIM)
        .bind(webhook.tenant_id.as_str())
        .bind(webhook.id.as_str())
        .bind(from.ms())
        .bind(to.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(rows == 1)
}

/// Remembers that its receiver took something.
pub async fn taken(tx: &mut Tx, webhook: &Webhook, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(TAKEN).bind(webhook.tenant_id.as_str()).bind(webhook.id.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Remembers that its receiver did not take something.
pub async fn failed(tx: &mut Tx, webhook: &Webhook, now: Timestamp, why: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FAILED)
        .bind(webhook.tenant_id.as_str())
        .bind(webhook.id.as_str())
        .bind(now.ms())
        .bind(why)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Gives a webhook up; `false` where it was given up already.
pub async fn disable(tx: &mut Tx, webhook: &Webhook, why: &str) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(DISABLE)
        .bind(webhook.tenant_id.as_str())
        .bind(webhook.id.as_str())
        .bind(why)
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(rows == 1)
}

impl Webhook {
    /// The rooms it is told about, by id; none for all.
    pub fn room_ids(&self) -> Vec<RoomId> {
        self.rooms.split_whitespace().map(RoomId::from).collect()
    }
}

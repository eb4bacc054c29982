//! What webhooks are to be told. A happening is written here in the transaction in which it happens, once for each webhook
//! that wants to know, so that nothing that was committed is ever left untold.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::pages::Page;
use super::row::{row, word};
use super::webhooks::Webhook;
use crate::model::{DeliveryState, NoticeKind, RoomId, TenantId, Timestamp, Uid, WebhookId};

row! {
    /// One thing that one webhook is told.
    pub struct Delivery {
        /// Who is told.
        pub webhook_id: WebhookId,
        /// The happening; receivers know a repetition by it.
        pub id: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// What happened.
        pub kind: NoticeKind,
        /// The room's id; empty where none.
        pub room_id: String,
        /// The event's UID; empty where none.
        pub uid: String,
        /// The room's sequence number when it happened; 0 where none.
        pub seq: i64,
        /// Id of the conflict, mapping or alert it is about; empty where none.
        pub subject: String,
        /// What happened, in a sentence; may be empty.
        pub sentence: String,
        /// When it happened.
        pub at_ms: Timestamp,
        /// What became of it.
        pub state: DeliveryState,
        /// It is not sent before.
        pub due_ms: Timestamp,
        /// How often it was sent in vain.
        pub attempts: i64,
        /// The status of the last answer; `None` where none came.
        pub status: Option<i64>,
        /// What the last failure was.
        pub last_error: String,
        /// When it was taken or given up.
        pub ended_ms: Option<Timestamp>,
    }
}

macro_rules! columns {
    () => {
        "webhook_id, id, tenant_id, kind, room_id, uid, seq, subject, sentence, at_ms, state, due_ms, attempts, status, \
         last_error, ended_ms"
    };
}

const TELL: &str =
    "INSERT INTO deliveries (webhook_id, id, tenant_id, kind, room_id, uid, seq, subject, sentence, at_ms,
        state, due_ms)
    SELECT w.id, $2, w.tenant_id, $3, $4, $5,
        COALESCE((SELECT r.seq FROM rooms r WHERE r.tenant_id = $1 AND r.id = $4), 0), $6, $7, $8, 'pending', $8
    FROM webhooks w WHERE w.tenant_id = $1 AND w.state <> 'disabled'
    AND (w.kinds = '' OR w.kinds LIKE '% ' || $3 || ' %')
    AND (w.rooms = '' OR ($4 <> '' AND w.rooms LIKE '% ' || $4 || ' %'))";
const TELL_ONE: &str = "INSERT INTO deliveries (webhook_id, id, tenant_id, kind, room_id, uid, seq, subject, sentence,
    at_ms, state, due_ms) VALUES ($1, $2, $3, $4, '', '', 0, '', $5, $6, 'pending', $6)";
const GET: &str =
    concat!("SELECT ", columns!(), " FROM deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND ($3 = '' OR id < $3) AND ($4 = '' OR state = $4)
    ORDER BY id DESC LIMIT $5"
);
// The first of each room: what happened in a room is told in the order in which it happened.
const HEADS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'pending' AND due_ms <= $3
    AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.webhook_id = deliveries.webhook_id AND e.state = 'pending'
        AND e.room_id = deliveries.room_id
        AND (e.seq < deliveries.seq OR (e.seq = deliveries.seq AND e.id < deliveries.id)))
    ORDER BY at_ms, id LIMIT $4"
);
const ENDED: &str = "UPDATE deliveries SET state = $4, status = $5, last_error = $6, ended_ms = $7
    WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3 AND state = 'pending'";
const AGAIN: &str = "UPDATE deliveries SET attempts = attempts + 1, status = $4, last_error = $5, due_ms = $6
    WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3 AND state = 'pending'";
const GIVE_UP: &str = "UPDATE deliveries SET state = 'failed', ended_ms = $2,
    last_error = CASE WHEN last_error = '' THEN 'it could not be sent in time' ELSE last_error END
    WHERE state = 'pending' AND at_ms < $1";
const FORGET: &str = "DELETE FROM deliveries WHERE state <> 'pending' AND at_ms < $1";
const PENDING: &str = "SELECT COUNT(*) FROM deliveries WHERE tenant_id = $1 AND state = 'pending'";

/// Something that happened.
pub struct Notice<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// What.
    pub kind: NoticeKind,
    /// The room.
    pub room: Option<&'a RoomId>,
    /// The event.
    pub uid: Option<&'a Uid>,
    /// Id of the conflict, mapping or alert; empty where none.
    pub subject: &'a str,
    /// A sentence; may be empty.
    pub sentence: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Writes down what happened for every webhook of the tenant that wants to know.
pub async fn tell(tx: &mut Tx, notice: &Notice<'_>) -> Result<(), StoreError> {
    let rows = on!(tx, c => sqlx::query(TELL)
        .bind(notice.tenant.as_str())
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(word(&notice.kind))
        .bind(notice.room.map_or("", RoomId::as_str))
        .bind(notice.uid.map_or("", Uid::as_str))
        .bind(notice.subject)
        .bind(notice.sentence)
        .bind(notice.at.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    if rows > 0 {
        tx.wake(Waking::COURIER);
    }
    Ok(())
}

/// Writes down something for one webhook alone, whatever it wants to know; answers its id.
pub async fn tell_one(
    tx: &mut Tx,
    webhook: &Webhook,
    kind: NoticeKind,
    sentence: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    let id = uuid::Uuid::now_v7().to_string();
    on!(tx, c => sqlx::query(TELL_ONE)
        .bind(webhook.id.as_str())
        .bind(&id)
        .bind(webhook.tenant_id.as_str())
        .bind(word(&kind))
        .bind(sentence)
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::COURIER);
    Ok(id)
}

/// One delivery.
pub async fn get(
    tx: &mut Tx,
    tenant: &TenantId,
    webhook: &WebhookId,
    id: &str,
) -> Result<Option<Delivery>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(webhook.as_str()).bind(id)
        .fetch_optional(c).await)?)
}

/// Deliveries of a webhook in one state, or in any, newest first.
pub async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    webhook: &WebhookId,
    state: Option<DeliveryState>,
    page: Page<'_>,
) -> Result<Vec<Delivery>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST)
        .bind(tenant.as_str())
        .bind(webhook.as_str())
        .bind(page.after)
        .bind(state.as_ref().map_or_else(String::new, word))
        .bind(page.limit)
        .fetch_all(c).await)?)
}

/// What may be sent to a webhook now: of each room the first that waits.
pub async fn heads(tx: &mut Tx, webhook: &Webhook, now: Timestamp, limit: i64) -> Result<Vec<Delivery>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(HEADS)
        .bind(webhook.tenant_id.as_str())
        .bind(webhook.id.as_str())
        .bind(now.ms())
        .bind(limit)
        .fetch_all(c).await)?)
}

/// Remembers that the receiver took a delivery, or that it was given up.
pub async fn ended(
    tx: &mut Tx,
    one: &Delivery,
    state: DeliveryState,
    (status, why): (Option<i64>, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ENDED)
        .bind(one.tenant_id.as_str())
        .bind(one.webhook_id.as_str())
        .bind(&one.id)
        .bind(word(&state))
        .bind(status)
        .bind(why)
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Remembers that a delivery was not taken, and when to send it again.
pub async fn again(
    tx: &mut Tx,
    one: &Delivery,
    (status, why): (Option<i64>, &str),
    due: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(AGAIN)
        .bind(one.tenant_id.as_str())
        .bind(one.webhook_id.as_str())
        .bind(&one.id)
        .bind(status)
        .bind(why)
        .bind(due.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Gives up what happened before `since` and still waits, in every tenant; answers how many that are.
pub async fn give_up(tx: &mut Tx, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    Ok(on!(tx, c => sqlx::query(GIVE_UP).bind(since.ms()).bind(now.ms())
        .execute(c).await.map(|done| done.rows_affected())?))
}

/// Deletes what happened before `until` and waits no longer, in every tenant.
pub async fn forget(tx: &mut Tx, until: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(until.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// How many deliveries of a tenant wait.
pub async fn pending(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(PENDING).bind(tenant.as_str()).fetch_one(c).await)?)
}

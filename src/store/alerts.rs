//! Alerts: one row for each cause while it lasts. Whoever wants to know is told of the beginning and the end in the same
//! transaction.

use super::db::{Tx, on};
use super::deliveries;
use super::error::StoreError;
use super::pages::Page;
use super::row::{row, word};
use crate::model::{AlertId, AlertKind, AlertState, NoticeKind, RoomId, Severity, TenantId, Timestamp};

row! {
    /// What somebody should look at.
    pub struct Alert {
        /// Its id.
        pub id: AlertId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The kind of cause.
        pub kind: AlertKind,
        /// Id of the bridge, mapping, conflict or webhook; empty for the tenant.
        pub cause: String,
        /// How much it matters.
        pub severity: Severity,
        /// The room's id; empty where none.
        pub room_id: String,
        /// What is the matter, as a sentence.
        pub sentence: String,
        /// How it stands.
        pub state: AlertState,
        /// When it was raised.
        pub raised_ms: Timestamp,
        /// Since when its cause is gone.
        pub absent_since_ms: Option<Timestamp>,
        /// When somebody said that they know.
        pub acknowledged_ms: Option<Timestamp>,
        /// Who that was.
        pub acknowledged_by: String,
        /// When it ended.
        pub settled_ms: Option<Timestamp>,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, kind, cause, severity, room_id, sentence, state, raised_ms, absent_since_ms, acknowledged_ms, \
         acknowledged_by, settled_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO alerts (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, NULL, NULL, '', NULL)
    ON CONFLICT (tenant_id, kind, cause) WHERE state <> 'settled' DO NOTHING"
);
const STANDING: &str =
    concat!("SELECT ", columns!(), " FROM alerts WHERE tenant_id = $1 AND state <> 'settled' ORDER BY id");
const GET: &str = concat!("SELECT ", columns!(), " FROM alerts WHERE tenant_id = $1 AND id = $2");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM alerts WHERE tenant_id = $1 AND ($2 = '' OR id < $2) AND ($3 = '' OR state = $3)
    AND ($4 = '' OR kind = $4) ORDER BY id DESC LIMIT $5"
);
const ABSENT: &str = "UPDATE alerts SET absent_since_ms = $3 WHERE tenant_id = $1 AND id = $2 AND state <> 'settled'";
const WORSE: &str =
    "UPDATE alerts SET severity = $3, sentence = $4 WHERE tenant_id = $1 AND id = $2 AND state <> 'settled'";
const ACKNOWLEDGE: &str = "UPDATE alerts SET state = 'acknowledged', acknowledged_ms = $3, acknowledged_by = $4
    WHERE tenant_id = $1 AND id = $2 AND state = 'open'";
const SETTLE: &str = "UPDATE alerts SET state = 'settled', settled_ms = $3
    WHERE tenant_id = $1 AND id = $2 AND state <> 'settled'";
const FORGET: &str = "DELETE FROM alerts WHERE tenant_id = $1 AND state = 'settled' AND settled_ms < $2";
const FORGET_ALL: &str = "DELETE FROM alerts WHERE state = 'settled' AND settled_ms < $1";

/// Raises an alert and tells who wants to know; `false` where one of the same cause stands already.
pub async fn raise(tx: &mut Tx, alert: &Alert) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(INSERT)
        .bind(alert.id.as_str())
        .bind(alert.tenant_id.as_str())
        .bind(word(&alert.kind))
        .bind(&alert.cause)
        .bind(word(&alert.severity))
        .bind(&alert.room_id)
        .bind(&alert.sentence)
        .bind(alert.raised_ms.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    if rows == 1 {
        tell(tx, alert, NoticeKind::AlertRaised, alert.raised_ms).await?;
    }
    Ok(rows == 1)
}

/// The alerts of a tenant whose cause lasts, oldest first.
pub async fn standing(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Alert>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(STANDING).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// The alert with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &AlertId) -> Result<Option<Alert>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// Which alerts are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Those in this state; in any if left out.
    pub state: Option<AlertState>,
    /// Those of this kind; of any if left out.
    pub kind: Option<AlertKind>,
}

/// Alerts of a tenant, newest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId, wanted: Wanted, page: Page<'_>) -> Result<Vec<Alert>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST)
        .bind(tenant.as_str())
        .bind(page.after)
        .bind(wanted.state.as_ref().map_or_else(String::new, word))
        .bind(wanted.kind.as_ref().map_or_else(String::new, word))
        .bind(page.limit)
        .fetch_all(c).await)?)
}

/// Notes since when the cause is gone; `None` where it is back.
pub async fn absent(tx: &mut Tx, alert: &Alert, since: Option<Timestamp>) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ABSENT)
        .bind(alert.tenant_id.as_str())
        .bind(alert.id.as_str())
        .bind(since.map(Timestamp::ms))
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Gives an alert another severity and sentence.
pub async fn worse(tx: &mut Tx, alert: &Alert, severity: Severity, sentence: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(WORSE)
        .bind(alert.tenant_id.as_str())
        .bind(alert.id.as_str())
        .bind(word(&severity))
        .bind(sentence)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Remembers that somebody knows; `false` where the alert is not open.
pub async fn acknowledge(tx: &mut Tx, alert: &Alert, by: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(ACKNOWLEDGE)
        .bind(alert.tenant_id.as_str())
        .bind(alert.id.as_str())
        .bind(now.ms())
        .bind(by)
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

/// Ends an alert and tells who wants to know.
pub async fn settle(tx: &mut Tx, alert: &Alert, now: Timestamp) -> Result<(), StoreError> {
    let rows = on!(tx, c => sqlx::query(SETTLE)
        .bind(alert.tenant_id.as_str())
        .bind(alert.id.as_str())
        .bind(now.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    if rows == 1 {
        tell(tx, alert, NoticeKind::AlertSettled, now).await?;
    }
    Ok(())
}

/// Deletes what was settled before `until`; answers how many that were.
pub async fn forget(tx: &mut Tx, tenant: &TenantId, until: Timestamp) -> Result<u64, StoreError> {
    Ok(on!(tx, c => sqlx::query(FORGET).bind(tenant.as_str()).bind(until.ms())
        .execute(c).await.map(|done| done.rows_affected())?))
}

/// The same for all tenants.
pub async fn forget_all(tx: &mut Tx, until: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET_ALL).bind(until.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

async fn tell(tx: &mut Tx, alert: &Alert, kind: NoticeKind, at: Timestamp) -> Result<(), StoreError> {
    let room = RoomId::from(alert.room_id.as_str());
    let notice = deliveries::Notice {
        tenant: &alert.tenant_id,
        kind,
        room: (!alert.room_id.is_empty()).then_some(&room),
        uid: None,
        subject: alert.id.as_str(),
        sentence: &alert.sentence,
        at,
    };
    deliveries::tell(tx, &notice).await
}

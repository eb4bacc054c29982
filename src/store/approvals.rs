//! Bookings that wait for somebody who administers the room, and what became of them.

use super::db::{Tx, on};
use super::error::StoreError;
use super::pages::Page;
use super::row::row;
use crate::model::{ApprovalId, RoomId, TenantId, Timestamp, Uid};

row! {
    /// A booking that was asked for.
    pub struct Approval {
        /// Its id.
        pub id: ApprovalId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The room.
        pub room_id: RoomId,
        /// The booking.
        pub uid: Uid,
        /// Its title when it was asked for.
        pub summary: String,
        /// Start of its first time that waits.
        pub start_ms: Timestamp,
        /// End of that time.
        pub end_ms: Timestamp,
        /// Whether it is a series.
        pub recurring: bool,
        /// The login of who asks.
        pub requested_by: String,
        /// When.
        pub requested_ms: Timestamp,
        /// [`PENDING`], [`CONFIRMED`], [`DECLINED`] or [`WITHDRAWN`].
        pub state: String,
        /// Who decided; empty while it waits.
        pub decided_by: String,
        /// When.
        pub decided_ms: Option<Timestamp>,
        /// Why; may be empty.
        pub reason: String,
    }
}

/// Waits for a decision.
pub const PENDING: &str = "pending";
/// Takes place.
pub const CONFIRMED: &str = "confirmed";
/// Does not take place.
pub const DECLINED: &str = "declined";
/// Was deleted before somebody decided.
pub const WITHDRAWN: &str = "withdrawn";

macro_rules! columns {
    () => {
        "id, tenant_id, room_id, uid, summary, start_ms, end_ms, recurring, requested_by, requested_ms, state, \
         decided_by, decided_ms, reason"
    };
}

const AGAIN: &str = "UPDATE approvals SET summary = $4, start_ms = $5, end_ms = $6, recurring = $7, requested_by = $8,
    requested_ms = $9 WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND state = 'pending'";
const INSERT: &str = concat!(
    "INSERT INTO approvals (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', '', NULL, '')"
);
const GET: &str = concat!("SELECT ", columns!(), " FROM approvals WHERE tenant_id = $1 AND id = $2");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM approvals WHERE tenant_id = $1 AND ($2 = '' OR id < $2) AND ($4 = '' OR state = $4) AND ($5 = '' OR room_id = $5)
    ORDER BY id DESC LIMIT $3"
);
const WAITING: &str = "SELECT room_id, COUNT(*) AS waiting FROM approvals
    WHERE tenant_id = $1 AND state = 'pending' GROUP BY room_id";
const END: &str = "UPDATE approvals SET state = $4, decided_by = $5, decided_ms = $6, reason = $7
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND state = 'pending'";

const PENDING_OF: &str = "SELECT COUNT(*) FROM approvals
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND state = 'pending'";
const FORGET: &str = "DELETE FROM approvals WHERE tenant_id = $1 AND room_id = $2 AND uid = $3";

/// What is asked for.
pub struct Request<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The room.
    pub room: &'a RoomId,
    /// The booking.
    pub uid: &'a Uid,
    /// Its title.
    pub summary: &'a str,
    /// Its first time that waits.
    pub at: (Timestamp, Timestamp),
    /// Whether it is a series.
    pub recurring: bool,
    /// The login of who asks.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Asks for a decision. A booking that waits already goes on waiting, with its new time.
pub async fn ask(tx: &mut Tx, request: &Request<'_>) -> Result<(), StoreError> {
    let again = on!(tx, c => sqlx::query(AGAIN)
        .bind(request.tenant.as_str())
        .bind(request.room.as_str())
        .bind(request.uid.as_str())
        .bind(request.summary)
        .bind(request.at.0.ms())
        .bind(request.at.1.ms())
        .bind(request.recurring)
        .bind(request.by)
        .bind(request.now.ms())
        .execute(c).await.map(|done| done.rows_affected()))?;
    if again > 0 {
        return Ok(());
    }
    on!(tx, c => sqlx::query(INSERT)
        .bind(ApprovalId::fresh().as_str())
        .bind(request.tenant.as_str())
        .bind(request.room.as_str())
        .bind(request.uid.as_str())
        .bind(request.summary)
        .bind(request.at.0.ms())
        .bind(request.at.1.ms())
        .bind(request.recurring)
        .bind(request.by)
        .bind(request.now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The request with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// Requests of a tenant in one state and one room, or in any for `""`, newest first.
pub async fn list(
    tx: &mut Tx,
    tenant: &TenantId,
    page: Page<'_>,
    (state, room): (&str, &str),
) -> Result<Vec<Approval>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST)
        .bind(tenant.as_str())
        .bind(page.after)
        .bind(page.limit)
        .bind(state)
        .bind(room)
        .fetch_all(c).await)?)
}

/// How many requests wait, by room.
pub async fn waiting(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<(RoomId, i64)>, StoreError> {
    let rows: Vec<Waiting> = on!(tx, c => sqlx::query_as(WAITING).bind(tenant.as_str()).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|row| (row.room_id, row.waiting)).collect())
}

row! {
    /// How many requests wait in a room.
    pub struct Waiting {
        /// The room.
        pub room_id: RoomId,
        /// How many.
        pub waiting: i64,
    }
}

/// How a request ended.
pub struct Ending<'a> {
    /// [`CONFIRMED`], [`DECLINED`] or [`WITHDRAWN`].
    pub state: &'a str,
    /// Who decided, as the audit names it.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
    /// Why; may be empty.
    pub reason: &'a str,
}

/// Ends the request that waits for a booking; whether there was one.
pub async fn end(tx: &mut Tx, booking: (&TenantId, &RoomId, &Uid), ending: &Ending<'_>) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(END)
        .bind(booking.0.as_str())
        .bind(booking.1.as_str())
        .bind(booking.2.as_str())
        .bind(ending.state)
        .bind(ending.by)
        .bind(ending.now.ms())
        .bind(ending.reason)
        .execute(c).await.map(|done| done.rows_affected() > 0))?)
}

/// Whether a booking waits for a decision.
pub async fn is_pending(tx: &mut Tx, (tenant, room, uid): (&TenantId, &RoomId, &Uid)) -> Result<bool, StoreError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(PENDING_OF)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(uid.as_str())
        .fetch_one(c).await)?;
    Ok(count > 0)
}

/// Forgets what was decided about a booking that is gone.
pub async fn forget(tx: &mut Tx, (tenant, room, uid): (&TenantId, &RoomId, &Uid)) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(tenant.as_str()).bind(room.as_str()).bind(uid.as_str())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

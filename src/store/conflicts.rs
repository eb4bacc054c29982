//! Two truths that no rule could settle, or that a rule settled and a person may want to see.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{ConflictId, RoomId, TenantId, Timestamp, Uid};

row! {
    /// A conflict.
    pub struct Conflict {
        /// Its id.
        pub id: ConflictId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The room.
        pub room_id: RoomId,
        /// The mapping it arose on; empty for two bookings of the hub.
        pub mapping_id: String,
        /// The event.
        pub uid: Uid,
        /// `slot_collision`, `field_conflict`, `delete_edit`, `rejected`, `unrepresentable`, `ambiguous`, `locked`,
        /// `closure`, or the rule of the room that a booking breaks: `opening_hours`, `booking_horizon`, `lead_time`,
        /// `booking_length`, `buffer`.
        pub kind: String,
        /// What happened, in a sentence.
        pub sentence: String,
        /// Our version, as JSON of the normal form; may be empty.
        pub ours: String,
        /// The other version.
        pub theirs: String,
        /// [`OPEN`], [`SETTLED`] by a rule or [`RESOLVED`] by a person.
        pub state: String,
        /// When it arose.
        pub created_ms: Timestamp,
        /// When it was decided.
        pub decided_ms: Option<Timestamp>,
        /// How it was decided.
        pub decision: String,
    }
}

/// Waits for a person.
pub const OPEN: &str = "open";
/// A rule decided.
pub const SETTLED: &str = "settled";
/// A person decided.
pub const RESOLVED: &str = "resolved";

macro_rules! columns {
    () => {
        "id, tenant_id, room_id, mapping_id, uid, kind, sentence, ours, theirs, state, created_ms, decided_ms, decision"
    };
}
pub(super) use columns;

const INSERT: &str =
    concat!("INSERT INTO conflicts (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
const SAME_OPEN: &str = "SELECT id FROM conflicts
    WHERE tenant_id = $1 AND room_id = $2 AND mapping_id = $3 AND uid = $4 AND kind = $5 AND sentence = $6
    AND state = 'open'";
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM conflicts WHERE tenant_id = $1 AND ($2 = '' OR state = $2) ORDER BY created_ms DESC LIMIT $3"
);
const COUNT_OPEN: &str = "SELECT COUNT(*) FROM conflicts WHERE tenant_id = $1 AND state = 'open'";
const CLOSE: &str = "UPDATE conflicts SET state = 'settled', decided_ms = $5, decision = $6
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND mapping_id = $4 AND state = 'open'";
const OUTDATE: &str = "UPDATE conflicts SET state = 'settled', decided_ms = $5, decision = $6
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 AND mapping_id = '' AND kind = $4 AND sentence <> $7
    AND state = 'open'";
const END_WITH: &str = "UPDATE conflicts SET state = 'settled', decided_ms = $5, decision = $6
    WHERE tenant_id = $1 AND room_id = $2 AND kind = $3 AND theirs = $4 AND state = 'open'";
const RESOLVE: &str = "UPDATE conflicts SET state = 'resolved', decided_ms = $3, decision = $4
    WHERE tenant_id = $1 AND id = $2 AND state = 'open'";

/// Records a conflict, unless the same one is open already.
pub async fn record(tx: &mut Tx, conflict: &Conflict) -> Result<(), StoreError> {
    let same: Option<String> = on!(tx, c => sqlx::query_scalar(SAME_OPEN)
        .bind(conflict.tenant_id.as_str())
        .bind(conflict.room_id.as_str())
        .bind(&conflict.mapping_id)
        .bind(conflict.uid.as_str())
        .bind(&conflict.kind)
        .bind(&conflict.sentence)
        .fetch_optional(c).await)?;
    if same.is_some() {
        return Ok(());
    }
    on!(tx, c => sqlx::query(INSERT)
        .bind(conflict.id.as_str())
        .bind(conflict.tenant_id.as_str())
        .bind(conflict.room_id.as_str())
        .bind(&conflict.mapping_id)
        .bind(conflict.uid.as_str())
        .bind(&conflict.kind)
        .bind(&conflict.sentence)
        .bind(&conflict.ours)
        .bind(&conflict.theirs)
        .bind(&conflict.state)
        .bind(conflict.created_ms.ms())
        .bind(conflict.decided_ms.map(Timestamp::ms))
        .bind(&conflict.decision)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Conflicts of a tenant in one state, or in any for `""`, newest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId, state: &str, limit: i64) -> Result<Vec<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).bind(state).bind(limit).fetch_all(c).await)?)
}

/// How many conflicts wait for a person.
pub async fn count_open(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT_OPEN).bind(tenant.as_str()).fetch_one(c).await)?)
}

/// Settles the open conflicts of an event on a mapping: their cause is gone.
pub async fn settle(
    tx: &mut Tx,
    event: (&TenantId, &RoomId, &Uid),
    mapping: &str,
    now: Timestamp,
    decision: &str,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(CLOSE)
        .bind(event.0.as_str())
        .bind(event.1.as_str())
        .bind(event.2.as_str())
        .bind(mapping)
        .bind(now.ms())
        .bind(decision)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Settles the open conflicts of one kind that an event has inside the hub, except the one with the sentence
/// `standing`; `""` for all.
pub async fn outdate(
    tx: &mut Tx,
    event: (&TenantId, &RoomId, &Uid),
    kind: &str,
    now: Timestamp,
    (decision, standing): (&str, &str),
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(OUTDATE)
        .bind(event.0.as_str())
        .bind(event.1.as_str())
        .bind(event.2.as_str())
        .bind(kind)
        .bind(now.ms())
        .bind(decision)
        .bind(standing)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Settles the open conflicts of one kind that any event of a room has with `theirs`: that side is gone.
pub async fn end_with(
    tx: &mut Tx,
    room: (&TenantId, &RoomId),
    (kind, theirs): (&str, &str),
    now: Timestamp,
    decision: &str,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(END_WITH)
        .bind(room.0.as_str())
        .bind(room.1.as_str())
        .bind(kind)
        .bind(theirs)
        .bind(now.ms())
        .bind(decision)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// A person's decision; `false` when the conflict is not open.
pub async fn resolve(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &ConflictId,
    now: Timestamp,
    decision: &str,
) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(RESOLVE).bind(tenant.as_str()).bind(id.as_str()).bind(now.ms()).bind(decision)
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

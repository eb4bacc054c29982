//! The outbox. At most one open operation for an event on a mapping: a newer wish joins it, so that only the last
//! desired state is sent. Rows are inserted by the gate, in the transaction of the change that causes them.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::row::{row, steps, word};
use crate::model::{MappingId, OperationId, OperationState, RoomId, TenantId, Timestamp, Uid};
use sqlx::AssertSqlSafe;
use std::sync::LazyLock;

row! {
    /// One outgoing write: "make this event at that side what it is here".
    pub struct Operation {
        /// Its id.
        pub id: OperationId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// Where to.
        pub mapping_id: MappingId,
        /// The room.
        pub room_id: RoomId,
        /// The event.
        pub uid: Uid,
        /// Where it stands.
        pub state: OperationState,
        /// Whether it is still to be done.
        pub open: bool,
        /// The room's sequence number of the latest change that joined it.
        pub cause_seq: i64,
        /// Attempts so far.
        pub attempts: i64,
        /// When it is due.
        pub due_ms: Timestamp,
        /// Until when its holder works on it.
        pub lease_until_ms: Timestamp,
        /// Who holds it.
        pub lease_owner: String,
        /// Why the last attempt failed.
        pub last_error: String,
        /// Requests that changed something at the remote side.
        pub remote_writes: i64,
        /// When it was made.
        pub created_ms: Timestamp,
        /// When it ended.
        pub ended_ms: Option<Timestamp>,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, mapping_id, room_id, uid, state, open, cause_seq, attempts, due_ms, lease_until_ms, \
         lease_owner, last_error, remote_writes, created_ms, ended_ms"
    };
}
pub(super) use columns;

// A joining change makes a waiting operation due now, with its failures forgotten; one that is being sent keeps its lease and is found raised.
const ENQUEUE: &str = concat!(
    "INSERT INTO operations (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, 'pending', TRUE, $6, 0, $7, 0, '', '', 0, $7, NULL)
    ON CONFLICT (mapping_id, uid) WHERE open DO UPDATE SET cause_seq = excluded.cause_seq, attempts = 0,
    due_ms = CASE WHEN operations.state = 'pending' THEN excluded.due_ms ELSE operations.due_ms END"
);
/// An operation goes only where its state lets it.
static STEPS: LazyLock<String> = LazyLock::new(|| steps(&OperationState::ALL, OperationState::may_become));
const CLAIM_HEAD: &str = "UPDATE operations SET state = CASE WHEN state = 'sending' THEN 'unknown' ELSE state END,
    lease_until_ms = $2, lease_owner = $3
    WHERE id IN (SELECT id FROM operations WHERE mapping_id = $5 AND open AND due_ms <= $6 AND lease_until_ms <= $1
        ORDER BY due_ms LIMIT $4 ";
const CLAIM_TAIL: &str = concat!(") RETURNING ", columns!());
const SENDING: &str = "UPDATE operations SET state = 'sending', attempts = attempts + 1
    WHERE tenant_id = $1 AND id = $2 AND open AND lease_owner = $3";
const FINISH: &str = "UPDATE operations SET state = $4, open = FALSE, ended_ms = $5, last_error = $6,
    remote_writes = remote_writes + $7, lease_until_ms = 0, lease_owner = ''
    WHERE tenant_id = $1 AND id = $2 AND open AND cause_seq = $3 AND lease_owner = $8 AND state || '>' || $4 IN (";
const RESCHEDULE: &str = "UPDATE operations SET state = $3, due_ms = $4, last_error = $5,
    remote_writes = remote_writes + $6, lease_until_ms = 0, lease_owner = ''
    WHERE tenant_id = $1 AND id = $2 AND open AND lease_owner = $7 AND state || '>' || $3 IN (";
const RELEASE_ALL: &str = "UPDATE operations SET lease_until_ms = 0, lease_owner = '', attempts = 0,
    due_ms = CASE WHEN due_ms < $1 THEN due_ms ELSE $1 END WHERE open";
const OF_TENANT: &str =
    concat!("SELECT ", columns!(), " FROM operations WHERE tenant_id = $1 ORDER BY created_ms DESC LIMIT $2");
const ENDED_SINCE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM operations WHERE tenant_id = $1 AND ended_ms >= $2 ORDER BY ended_ms DESC, id DESC LIMIT $3"
);
const FAILED_SINCE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM operations WHERE tenant_id = $1 AND state = 'failed' AND ended_ms >= $2 ORDER BY ended_ms DESC, id DESC LIMIT $3"
);
const FORGET_ORPHANS: &str = "DELETE FROM operations WHERE tenant_id = $1 AND open
    AND mapping_id IN (SELECT id FROM mappings WHERE tenant_id = $1 AND state = 'removed')";
const OPEN_OF_MAPPING: &str =
    concat!("SELECT ", columns!(), " FROM operations WHERE tenant_id = $1 AND mapping_id = $2 AND open");
const OF_EVENT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM operations WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 ORDER BY created_ms"
);
const FAILED_OF_MAPPING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM operations WHERE tenant_id = $1 AND mapping_id = $2 AND state = 'failed' ORDER BY ended_ms DESC LIMIT $3"
);
const RETRY: &str = "UPDATE operations SET state = 'pending', open = TRUE, due_ms = $3, ended_ms = NULL
    WHERE tenant_id = $1 AND id = $2 AND state = 'failed' AND NOT EXISTS (SELECT 1 FROM operations other
        WHERE other.mapping_id = operations.mapping_id AND other.uid = operations.uid AND other.open)";
// By turns: no tenant waits behind all that another one has to send.
const WAITING: &str = "SELECT tenant_id, mapping_id FROM (
    SELECT o.tenant_id, o.mapping_id, MIN(o.due_ms) AS since_ms,
        ROW_NUMBER() OVER (PARTITION BY o.tenant_id ORDER BY MIN(o.due_ms)) AS place
    FROM operations o JOIN mappings m ON m.id = o.mapping_id JOIN tenants t ON t.id = o.tenant_id
     WHERE o.open AND o.due_ms <= $1 AND o.lease_until_ms <= $3 AND m.state = 'active'
     AND m.completed_ms IS NOT NULL AND t.state IN ('active', 'draining')
    GROUP BY o.tenant_id, o.mapping_id) AS waiting ORDER BY place, since_ms LIMIT $2";
const BACKLOG: &str = "SELECT COUNT(*) AS open_count, MIN(created_ms) AS oldest_ms FROM operations WHERE open";
const BACKLOG_OF_MAPPINGS: &str = "SELECT mapping_id, COUNT(*) AS open_count, MIN(created_ms) AS oldest_ms
    FROM operations WHERE open AND tenant_id = $1 GROUP BY mapping_id";
const BACKLOG_OF_TENANT: &str = "SELECT COUNT(*) AS open_count, MIN(created_ms) AS oldest_ms
    FROM operations WHERE open AND tenant_id = $1";

row! {
    /// How much waits to be sent.
    pub struct Backlog {
        /// Open operations.
        pub open_count: i64,
        /// When the oldest was made.
        pub oldest_ms: Option<Timestamp>,
    }
}

row! {
    /// How much waits to be sent on a mapping.
    pub struct MappingBacklog {
        /// The mapping.
        pub mapping_id: MappingId,
        /// Open operations.
        pub open_count: i64,
        /// When the oldest was made.
        pub oldest_ms: Timestamp,
    }
}

/// What to send where, and which change wants it.
pub struct Wish<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// Where to.
    pub mapping: &'a MappingId,
    /// The room.
    pub room: &'a RoomId,
    /// The event.
    pub uid: &'a Uid,
    /// The room's sequence number of the change.
    pub cause_seq: i64,
    /// When it is due.
    pub due: Timestamp,
}

/// Adds a wish to the outbox, or joins it to the open operation for the same event.
pub async fn enqueue(tx: &mut Tx, wish: &Wish<'_>) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ENQUEUE)
        .bind(OperationId::fresh().as_str())
        .bind(wish.tenant.as_str())
        .bind(wish.mapping.as_str())
        .bind(wish.room.as_str())
        .bind(wish.uid.as_str())
        .bind(wish.cause_seq)
        .bind(wish.due.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    Ok(())
}

/// Active mappings of any tenant that is not suspended, read completely at least once, with operations that are due and that
/// nobody works on. `lease_now` is the time that leases count by.
pub async fn waiting(
    tx: &mut Tx,
    now: Timestamp,
    lease_now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, MappingId)>, StoreError> {
    let rows: Vec<(String, String)> =
        on!(tx, c => sqlx::query_as(WAITING).bind(now.ms()).bind(limit).bind(lease_now.ms()).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(tenant, mapping)| (tenant.into(), mapping.into())).collect())
}

/// Who takes operations, and for how long by the time that leases count by.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Who.
    pub owner: &'a str,
    /// What time it is.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Takes operations of a mapping that are due at `now`. One whose holder died while sending comes back as unknown.
pub async fn claim(
    tx: &mut Tx,
    mapping: &MappingId,
    holder: Holder<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Operation>, StoreError> {
    let sql = format!("{CLAIM_HEAD}{}{CLAIM_TAIL}", tx.skip_locked());
    let mut claimed: Vec<Operation> = on!(tx, c => sqlx::query_as(AssertSqlSafe(sql))
        .bind(holder.from.ms())
        .bind(holder.until.ms())
        .bind(holder.owner)
        .bind(limit)
        .bind(mapping.as_str())
        .bind(now.ms())
        .fetch_all(c).await)?;
    claimed.sort_by(|a, b| (a.due_ms, a.created_ms, &a.id).cmp(&(b.due_ms, b.created_ms, &b.id)));
    Ok(claimed)
}

/// Marks an operation as being sent; `false` when its lease was lost meanwhile.
pub async fn sending(tx: &mut Tx, operation: &Operation, owner: &str) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(SENDING)
        .bind(operation.tenant_id.as_str())
        .bind(operation.id.as_str())
        .bind(owner)
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

/// How an operation ended.
pub struct Ended<'a> {
    /// Done or failed.
    pub state: OperationState,
    /// When.
    pub at: Timestamp,
    /// Why it failed; empty when done.
    pub error: &'a str,
    /// Requests that changed something at the remote side.
    pub remote_writes: i64,
}

/// Ends an operation. `false`, and it stays open, when a newer change has joined it meanwhile, or when its lease ran out
/// and another holder has it: `operation` is as it was claimed.
pub async fn finish(tx: &mut Tx, operation: &Operation, ended: &Ended<'_>) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(AssertSqlSafe(format!("{FINISH}{})", *STEPS)))
        .bind(operation.tenant_id.as_str())
        .bind(operation.id.as_str())
        .bind(operation.cause_seq)
        .bind(word(&ended.state))
        .bind(ended.at.ms())
        .bind(ended.error)
        .bind(ended.remote_writes)
        .bind(&operation.lease_owner)
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

/// Puts an operation back: to be tried (pending) or looked into (unknown) at `due`. Nothing happens when its lease ran out
/// and another holder has it.
pub async fn reschedule(
    tx: &mut Tx,
    operation: &Operation,
    state: OperationState,
    due: Timestamp,
    error: &str,
    remote_writes: i64,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(AssertSqlSafe(format!("{RESCHEDULE}{})", *STEPS)))
        .bind(operation.tenant_id.as_str())
        .bind(operation.id.as_str())
        .bind(word(&state))
        .bind(due.ms())
        .bind(error)
        .bind(remote_writes)
        .bind(&operation.lease_owner)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Takes every open operation from its holder: the holders are known to be gone. One that was being sent is claimed as
/// unknown next; one that waited after failures is tried at once, since what failed may have been the earlier process.
pub async fn release_all(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RELEASE_ALL).bind(now.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Operations of a tenant, newest first.
pub async fn of_tenant(tx: &mut Tx, tenant: &TenantId, limit: i64) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_TENANT).bind(tenant.as_str()).bind(limit).fetch_all(c).await)?)
}

/// Operations of a tenant that ended since then, the latest first.
pub async fn ended_since(
    tx: &mut Tx,
    tenant: &TenantId,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(ENDED_SINCE).bind(tenant.as_str()).bind(since.ms()).bind(limit)
        .fetch_all(c).await)?)
}

/// Operations of a tenant that were given up since then, the latest first.
pub async fn failed_since(
    tx: &mut Tx,
    tenant: &TenantId,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(FAILED_SINCE).bind(tenant.as_str()).bind(since.ms()).bind(limit)
        .fetch_all(c).await)?)
}

/// Deletes what waits on mappings that have ended: nobody will send it. Answers how many there were.
pub async fn forget_orphans(tx: &mut Tx, tenant: &TenantId) -> Result<u64, StoreError> {
    Ok(on!(tx, c => sqlx::query(FORGET_ORPHANS).bind(tenant.as_str())
        .execute(c).await.map(|done| done.rows_affected())?))
}

/// Open operations of a mapping.
pub async fn open_of_mapping(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OPEN_OF_MAPPING).bind(tenant.as_str()).bind(mapping.as_str()).fetch_all(c).await)?)
}

/// Operations of a mapping that were given up, the latest first.
pub async fn failed_of_mapping(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    limit: i64,
) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(FAILED_OF_MAPPING).bind(tenant.as_str()).bind(mapping.as_str()).bind(limit)
        .fetch_all(c).await)?)
}

/// Operations of one event, oldest first.
pub async fn of_event(tx: &mut Tx, tenant: &TenantId, room: &RoomId, uid: &Uid) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_EVENT).bind(tenant.as_str()).bind(room.as_str()).bind(uid.as_str())
        .fetch_all(c).await)?)
}

/// Opens a failed operation again; `false` when it is not failed or a newer one is open.
pub async fn retry(tx: &mut Tx, tenant: &TenantId, id: &OperationId, now: Timestamp) -> Result<bool, StoreError> {
    tx.wake(Waking::RECONCILER);
    Ok(on!(tx, c => sqlx::query(RETRY).bind(tenant.as_str()).bind(id.as_str()).bind(now.ms())
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

/// How much waits to be sent, for all tenants.
pub async fn backlog(tx: &mut Tx) -> Result<Backlog, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BACKLOG).fetch_one(c).await)?)
}

/// How much waits to be sent on each mapping of a tenant that has anything.
pub async fn backlog_of_mappings(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<MappingBacklog>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BACKLOG_OF_MAPPINGS).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// How much waits to be sent, for one tenant.
pub async fn backlog_of_tenant(tx: &mut Tx, tenant: &TenantId) -> Result<Backlog, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BACKLOG_OF_TENANT).bind(tenant.as_str()).fetch_one(c).await)?)
}

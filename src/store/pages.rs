//! Pages of the lists that grow: newest first, cut by id. Ids are version 7 UUIDs, so their order is the order of making.

use super::audit::AuditRow;
use super::conflicts::Conflict;
use super::db::{Tx, on};
use super::error::StoreError;
use super::links::Link;
use super::operations::Operation;
use super::row::row;
use super::runs::Run;
use crate::model::ReservationClass;
use crate::model::RoomId;
use crate::model::TenantId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;

/// Which piece of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The last id of the page before; empty for the first page.
    pub after: &'a str,
    /// Most rows.
    pub limit: i64,
}

macro_rules! page {
    ([$($columns:tt)*], $table:literal, $filter:literal) => {
        concat!(
            "SELECT ",
            $($columns)*,
            " FROM ",
            $table,
            " WHERE tenant_id = $1 AND ($2 = '' OR id < $2) AND ($4 = '' OR ",
            $filter,
            " = $4) ORDER BY id DESC LIMIT $3"
        )
    };
}

const AUDIT: &str =
    page!(["id, tenant_id, at_ms, actor, action, room_id, uid, seq, detail, request"], "audit", "room_id");
const OPERATIONS: &str = page!([super::operations::columns!()], "operations", "state");
const CONFLICTS: &str = page!([super::conflicts::columns!()], "conflicts", "state");
const LINKS: &str = page!([super::links::columns!()], "links", "mapping_id");
const RUNS: &str = page!(
    ["id, tenant_id, mapping_id, kind, started_ms, ended_ms, seen, applied, outcome, detail"],
    "sync_runs",
    "mapping_id"
);
const CONFLICTS_OF_EVENT: &str = concat!(
    "SELECT ",
    super::conflicts::columns!(),
    "
    FROM conflicts WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 ORDER BY created_ms, id LIMIT 1000"
);
const INSTANCES: &str = "SELECT i.start_ms AS start_ms, i.end_ms AS end_ms, i.recurrence_id AS recurrence_id,
    i.busy AS busy, o.uid AS uid, o.name AS name, o.class AS class, o.origin AS origin, o.etag AS etag
    FROM instances i JOIN objects o ON o.id = i.object_id
    WHERE i.tenant_id = $1 AND i.room_id = $2 AND i.start_ms >= $5 AND i.start_ms < $4 AND i.end_ms > $3
    ORDER BY i.start_ms, o.uid LIMIT $6";

row! {
    /// One instance with its object.
    pub struct ListedInstance {
        /// Its start.
        pub start_ms: Timestamp,
        /// Its end.
        pub end_ms: Timestamp,
        /// Its recurrence id; empty for single events.
        pub recurrence_id: String,
        /// Whether it takes the room.
        pub busy: bool,
        /// The UID of its object.
        pub uid: Uid,
        /// The name of its object.
        pub name: String,
        /// The class of its object.
        pub class: ReservationClass,
        /// Where its object was born: `hub` or the id of a mapping.
        pub origin: String,
        /// Validator of its object.
        pub etag: String,
    }
}

/// Entries of the audit, of one room unless `room` is empty.
pub async fn audit(tx: &mut Tx, tenant: &TenantId, page: Page<'_>, room: &str) -> Result<Vec<AuditRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(AUDIT).bind(tenant.as_str()).bind(page.after).bind(page.limit).bind(room)
        .fetch_all(c).await)?)
}

/// Operations, in one state unless `state` is empty.
pub async fn operations(
    tx: &mut Tx,
    tenant: &TenantId,
    page: Page<'_>,
    state: &str,
) -> Result<Vec<Operation>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OPERATIONS).bind(tenant.as_str()).bind(page.after).bind(page.limit).bind(state)
        .fetch_all(c).await)?)
}

/// Conflicts, in one state unless `state` is empty.
pub async fn conflicts(
    tx: &mut Tx,
    tenant: &TenantId,
    page: Page<'_>,
    state: &str,
) -> Result<Vec<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(CONFLICTS).bind(tenant.as_str()).bind(page.after).bind(page.limit).bind(state)
        .fetch_all(c).await)?)
}

/// Links, forgotten ones too, of one mapping unless `mapping` is empty.
pub async fn links(tx: &mut Tx, tenant: &TenantId, page: Page<'_>, mapping: &str) -> Result<Vec<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LINKS).bind(tenant.as_str()).bind(page.after).bind(page.limit).bind(mapping)
        .fetch_all(c).await)?)
}

/// Pulls, of one mapping unless `mapping` is empty.
pub async fn runs(tx: &mut Tx, tenant: &TenantId, page: Page<'_>, mapping: &str) -> Result<Vec<Run>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(RUNS).bind(tenant.as_str()).bind(page.after).bind(page.limit).bind(mapping)
        .fetch_all(c).await)?)
}

/// All conflicts there ever were about one event, oldest first.
pub async fn conflicts_of_event(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    uid: &Uid,
) -> Result<Vec<Conflict>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(CONFLICTS_OF_EVENT).bind(tenant.as_str()).bind(room.as_str()).bind(uid.as_str())
        .fetch_all(c).await)?)
}

/// Instances of a room inside `range` as far as they are rows, by start, at most `limit`. `longest_ms` is the room's.
pub async fn instances(
    tx: &mut Tx,
    room: (&TenantId, &RoomId),
    range: TimeRange,
    longest_ms: i64,
    limit: i64,
) -> Result<Vec<ListedInstance>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(INSTANCES)
        .bind(room.0.as_str())
        .bind(room.1.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .bind(range.start.plus_ms(-longest_ms).ms())
        .bind(limit)
        .fetch_all(c).await)?)
}

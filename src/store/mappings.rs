//! Which room hangs together with which remote calendar, and how far reading it has come.

use super::bell::Waking;
use super::db::{Tx, on};
use super::deliveries;
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{
    Authority, BridgeId, ClassProjection, DetailLevel, Direction, MappingId, MappingState, NoticeKind, RoomId,
    TenantId, TimeRange, Timestamp,
};
use std::collections::HashMap;

row! {
    /// A room on one bridge.
    pub struct Mapping {
        /// Its id.
        pub id: MappingId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The room.
        pub room_id: RoomId,
        /// The remote system.
        pub bridge_id: BridgeId,
        /// How the remote system addresses the calendar.
        pub remote_id: String,
        /// How people know it there.
        pub remote_name: String,
        /// Which way changes travel.
        pub direction: Direction,
        /// Whose version of a field wins.
        pub authority: Authority,
        /// How much of a booking may leave.
        pub detail: DetailLevel,
        /// What leaves where a stronger reservation class lies over a weaker one.
        pub projection: ClassProjection,
        /// Whether identical weekly allocations of that side come as one series.
        pub fold_allocations: bool,
        /// Whether it works.
        pub state: MappingState,
        /// Why it is held.
        pub reason: String,
        /// Where reading goes on from, sealed; empty before the first complete read.
        pub cursor: String,
        /// Start of the window that was last read completely.
        pub window_start_ms: Timestamp,
        /// End of that window.
        pub window_end_ms: Timestamp,
        /// When the next pull is due.
        pub due_ms: Timestamp,
        /// Since when something is known to wait.
        pub dirty_since_ms: Option<Timestamp>,
        /// When the last pull ended well.
        pub pulled_ms: Option<Timestamp>,
        /// When the last complete read ended well.
        pub completed_ms: Option<Timestamp>,
        /// Pulls that failed in a row.
        pub failures: i64,
        /// What the last failure was.
        pub last_error: String,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

impl Mapping {
    /// Whether hub changes go out.
    pub const fn exports(&self) -> bool {
        matches!(self.direction, Direction::TwoWay | Direction::Export)
    }

    /// Whether remote changes come in.
    pub const fn imports(&self) -> bool {
        matches!(self.direction, Direction::TwoWay | Direction::Import)
    }
}

row! {
    /// A mapping whose pull is due.
    pub struct Due {
        /// Its id.
        pub id: MappingId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// Since when it is due.
        pub due_ms: Timestamp,
        /// Whose work is taken up first: the smaller number.
        pub priority: i64,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, room_id, bridge_id, remote_id, remote_name, direction, authority, detail, projection, \
         fold_allocations, state, reason, cursor, \
         window_start_ms, window_end_ms, due_ms, dirty_since_ms, pulled_ms, completed_ms, failures, last_error, created_ms"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO mappings (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '', 0, 0, $13, NULL, NULL, NULL, 0, '',
    $14)"
);
const GET: &str = concat!("SELECT ", columns!(), " FROM mappings WHERE tenant_id = $1 AND id = $2");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM mappings WHERE tenant_id = $1 AND state <> 'removed' ORDER BY created_ms, id"
);
const OF_ROOM: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM mappings WHERE tenant_id = $1 AND room_id = $2 AND state <> 'removed' ORDER BY created_ms, id"
);
const DUE: &str = "SELECT m.id AS id, m.tenant_id AS tenant_id, m.due_ms AS due_ms, t.priority AS priority
    FROM mappings m CROSS JOIN tenants t
    WHERE t.id = m.tenant_id AND m.state = 'active' AND t.state = 'active' AND m.due_ms <= $1
    ORDER BY m.due_ms LIMIT $2";
// By turns: no tenant waits behind all that another one has to do. $3 of each tenant are looked at.
const DUE_BY_TURNS: &str = "SELECT id, tenant_id, due_ms, priority FROM (
        SELECT m.id AS id, m.tenant_id AS tenant_id, m.due_ms AS due_ms, t.priority AS priority,
        ROW_NUMBER() OVER (PARTITION BY m.tenant_id ORDER BY m.due_ms) AS place
        FROM tenants t CROSS JOIN mappings m
        WHERE t.state = 'active' AND m.id IN (SELECT own.id FROM mappings own
            WHERE own.tenant_id = t.id AND own.state = 'active' AND own.due_ms <= $1 ORDER BY own.due_ms LIMIT $3)
    ) AS waiting ORDER BY place, priority, due_ms LIMIT $2";
const AWAITING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM mappings WHERE state = 'awaiting_approval' AND due_ms <= $1
    AND tenant_id IN (SELECT id FROM tenants WHERE state = 'active') ORDER BY due_ms LIMIT $2"
);
// A notification that came while the pull was reading asks for another one; the pull does not push that away.
const PULLED: &str = "UPDATE mappings SET cursor = $3, window_start_ms = $4, window_end_ms = $5,
    due_ms = CASE WHEN wanted_ms > $9 AND wanted_ms < $6 THEN wanted_ms ELSE $6 END,
    pulled_ms = $7, completed_ms = CASE WHEN $8 THEN $7 ELSE completed_ms END,
    dirty_since_ms = CASE WHEN dirty_since_ms > $9 THEN dirty_since_ms WHEN wanted_ms > $9 THEN $9 END,
    failures = 0, last_error = '', allowed_removals = 0
    WHERE tenant_id = $1 AND id = $2";
const FAILED: &str = "UPDATE mappings SET failures = failures + 1, last_error = $3, due_ms = $4,
    dirty_since_ms = COALESCE(dirty_since_ms, $5) WHERE tenant_id = $1 AND id = $2";
const WAKE: &str = "UPDATE mappings SET due_ms = CASE WHEN due_ms < $3 THEN due_ms ELSE $3 END,
    wanted_ms = CASE WHEN wanted_ms > $3 THEN wanted_ms ELSE $3 END,
    dirty_since_ms = COALESCE(dirty_since_ms, $4) WHERE tenant_id = $1 AND id = $2";
const WAKE_ALL: &str = "UPDATE mappings SET due_ms = woken.at_ms FROM (SELECT id AS woken_id,
        $1 + (CASE WHEN place <= $2 THEN 0 WHEN (places - $2) * $3 <= $4 THEN (place - $2) * $3
            ELSE (place - $2) * $4 / (places - $2) END) AS at_ms
        FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS place, COUNT(*) OVER () AS places FROM mappings
            WHERE state = 'active' AND due_ms > $1) AS placed
    ) AS woken WHERE woken.woken_id = mappings.id AND mappings.due_ms > woken.at_ms";
const REST: &str = "UPDATE mappings SET due_ms = $3, failures = CASE WHEN failures = 0 THEN 1 ELSE failures END
    WHERE tenant_id = $1 AND id = $2 AND due_ms < $3";
const WAKE_FAILED: &str = "UPDATE mappings SET due_ms = $3
    WHERE tenant_id = $1 AND bridge_id = $2 AND state = 'active' AND failures > 0 AND due_ms > $3";
const FORGET_CURSOR: &str = "UPDATE mappings SET cursor = '', due_ms = $3 WHERE tenant_id = $1 AND id = $2";
const SET_STATE: &str = "UPDATE mappings SET state = $3, reason = $4, due_ms = $5 WHERE tenant_id = $1 AND id = $2";
// Only where the mapping still is in the state it was read in: a person may have decided meanwhile.
const SET_REASON: &str = "UPDATE mappings SET reason = $3, due_ms = $4, failures = 0, last_error = ''
    WHERE tenant_id = $1 AND id = $2 AND state = $5";
const ALLOW_REMOVALS: &str = "UPDATE mappings SET allowed_removals = $3 WHERE tenant_id = $1 AND id = $2";
const ALLOWED_REMOVALS: &str = "SELECT allowed_removals FROM mappings WHERE tenant_id = $1 AND id = $2";
const SET_POLICY: &str =
    "UPDATE mappings SET direction = $3, authority = $4, detail = $5, projection = $6, fold_allocations = $7
    WHERE tenant_id = $1 AND id = $2";

/// Stores a new mapping; what reading it has reached starts empty. [`StoreError::Taken`] when the room has a mapping on
/// that bridge, or the remote calendar belongs to another room.
pub async fn insert(tx: &mut Tx, mapping: &Mapping) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(mapping.id.as_str())
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.room_id.as_str())
        .bind(mapping.bridge_id.as_str())
        .bind(&mapping.remote_id)
        .bind(&mapping.remote_name)
        .bind(word(&mapping.direction))
        .bind(word(&mapping.authority))
        .bind(word(&mapping.detail))
        .bind(word(&mapping.projection))
        .bind(mapping.fold_allocations)
        .bind(word(&mapping.state))
        .bind(mapping.due_ms.ms())
        .bind(mapping.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    Ok(())
}

/// The mapping with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &MappingId) -> Result<Option<Mapping>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// All mappings of a tenant that are not removed.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Mapping>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// The mappings of one room that are not removed.
pub async fn of_room(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<Vec<Mapping>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_ROOM).bind(tenant.as_str()).bind(room.as_str()).fetch_all(c).await)?)
}

/// Active mappings of any active tenant whose pull is due: by turns of the tenants, by their priority, the longest due
/// first. What it costs follows what is answered and the number of tenants, and not how many are due.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Due>, StoreError> {
    let oldest: Vec<Due> =
        on!(tx, c => sqlx::query_as(DUE).bind(now.ms()).bind(limit.saturating_add(1)).fetch_all(c).await)?;
    if i64::try_from(oldest.len()).is_ok_and(|found| found <= limit) {
        return Ok(by_turns(oldest));
    }
    // Where many tenants wait, the first of each are enough.
    let first = due_by_turns(tx, now, (limit, 1)).await?;
    if i64::try_from(first.len()).is_ok_and(|found| found >= limit) {
        return Ok(first);
    }
    due_by_turns(tx, now, (limit, limit)).await
}

async fn due_by_turns(tx: &mut Tx, now: Timestamp, (limit, each): (i64, i64)) -> Result<Vec<Due>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(DUE_BY_TURNS).bind(now.ms()).bind(limit).bind(each).fetch_all(c).await)?)
}

/// The first of each tenant, then the second of each, and so on.
fn by_turns(oldest: Vec<Due>) -> Vec<Due> {
    let mut had: HashMap<TenantId, usize> = HashMap::new();
    let mut places: Vec<(usize, Due)> = Vec::with_capacity(oldest.len());
    for due in oldest {
        let place = had.entry(due.tenant_id.clone()).or_default();
        *place += 1;
        places.push((*place, due));
    }
    places.sort_by_key(|(place, due)| (*place, due.priority, due.due_ms));
    places.into_iter().map(|(_, due)| due).collect()
}

/// Mappings of any tenant that wait for approval and whose plan is to be made, the longest due first.
pub async fn awaiting(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Mapping>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(AWAITING).bind(now.ms()).bind(limit).fetch_all(c).await)?)
}

/// What a pull that ended well leaves behind.
pub struct Pulled<'a> {
    /// Where to go on, sealed.
    pub cursor: &'a str,
    /// The window the cursor covers.
    pub window: TimeRange,
    /// When to pull next.
    pub due: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Whether it was a complete read.
    pub complete: bool,
    /// When it began: what was known to wait before that waits no longer, what a later notification announced does.
    pub began: Timestamp,
}

/// Remembers a pull that ended well.
pub async fn pulled(tx: &mut Tx, mapping: &Mapping, pull: &Pulled<'_>) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(PULLED)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .bind(pull.cursor)
        .bind(pull.window.start.ms())
        .bind(pull.window.end.ms())
        .bind(pull.due.ms())
        .bind(pull.ended.ms())
        .bind(pull.complete)
        .bind(pull.began.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Remembers a pull that failed, and when to try again.
pub async fn failed(
    tx: &mut Tx,
    mapping: &Mapping,
    error: &str,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FAILED)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .bind(error)
        .bind(due.ms())
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Brings the next pull forward to `due` at the latest: a notification came. Only a pull that begins at `due` or later
/// answers it.
pub async fn wake(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &MappingId,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(WAKE)
        .bind(tenant.as_str())
        .bind(id.as_str())
        .bind(due.ms())
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    Ok(())
}

/// Brings the next pull of every mapping of a bridge forward to now whose last pull failed.
pub async fn wake_failed(tx: &mut Tx, tenant: &TenantId, bridge: &BridgeId, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(WAKE_FAILED).bind(tenant.as_str()).bind(bridge.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    Ok(())
}

/// Puts the next pull off until then: the remote system is left alone. Its next success wakes the mapping.
pub async fn rest(tx: &mut Tx, mapping: &Mapping, until: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(REST).bind(mapping.tenant_id.as_str()).bind(mapping.id.as_str()).bind(until.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// How the first pulls of many mappings are spread.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// So many are due now.
    pub at_once: i64,
    /// Milliseconds between two further ones.
    pub gap_ms: i64,
    /// Milliseconds within which all are due, however many there are.
    pub most_ms: i64,
}

/// Brings the next pull of every active mapping forward.
pub async fn wake_all(tx: &mut Tx, now: Timestamp, spread: Spread) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(WAKE_ALL)
        .bind(now.ms())
        .bind(spread.at_once)
        .bind(spread.gap_ms)
        .bind(spread.most_ms)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Makes the next pull a complete one, due at once.
pub async fn forget_cursor(tx: &mut Tx, mapping: &Mapping, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET_CURSOR)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .bind(now.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    Ok(())
}

/// Holds, approves, releases or removes a mapping now; its next pull is due then.
pub async fn set_state(
    tx: &mut Tx,
    mapping: &Mapping,
    state: MappingState,
    reason: &str,
    (due, now): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET_STATE)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .bind(word(&state))
        .bind(reason)
        .bind(due.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    let kind = match (mapping.state, state) {
        (before, MappingState::Held) if before != MappingState::Held => NoticeKind::MappingHeld,
        (MappingState::Held, MappingState::Active) => NoticeKind::MappingReleased,
        _ => return Ok(()),
    };
    let (subject, at) = (mapping.id.as_str(), now);
    let (tenant, room) = (&mapping.tenant_id, Some(&mapping.room_id));
    deliveries::tell(tx, &deliveries::Notice { tenant, kind, room, uid: None, subject, sentence: reason, at }).await
}

/// Says why a mapping is in its state, and when that is looked at next; nothing where it is in another state by now.
pub async fn set_reason(tx: &mut Tx, mapping: &Mapping, reason: &str, due: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET_REASON)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .bind(reason)
        .bind(due.ms())
        .bind(word(&mapping.state))
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::RECONCILER);
    Ok(())
}

/// Lets the next run remove that many bookings although the brake would hold it; 0 takes the permission back.
pub async fn allow_removals(tx: &mut Tx, mapping: &Mapping, count: i64) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ALLOW_REMOVALS).bind(mapping.tenant_id.as_str()).bind(mapping.id.as_str()).bind(count)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// How many bookings the next run may remove although the brake would hold it.
pub async fn allowed_removals(tx: &mut Tx, mapping: &Mapping) -> Result<i64, StoreError> {
    let found: Option<i64> = on!(tx, c => sqlx::query_scalar(ALLOWED_REMOVALS)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .fetch_optional(c)
        .await)?;
    Ok(found.unwrap_or(0))
}

/// Changes direction, authority, detail, projection and folding.
pub async fn set_policy(tx: &mut Tx, mapping: &Mapping) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET_POLICY)
        .bind(mapping.tenant_id.as_str())
        .bind(mapping.id.as_str())
        .bind(word(&mapping.direction))
        .bind(word(&mapping.authority))
        .bind(word(&mapping.detail))
        .bind(word(&mapping.projection))
        .bind(mapping.fold_allocations)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

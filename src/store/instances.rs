//! Expanded instances inside the horizon. Written by the gate alone.

use super::batch;
use super::db::{Tx, on};
use super::error::StoreError;
use super::packed::unpack;
use super::row::row;
use crate::ical::freebusy::{BusyKind, BusyPeriod};
use crate::model::{ReservationClass, RoomId, TenantId, TimeRange, Timestamp, Uid};

row! {
    /// An instance that takes the room, with what a refusal needs to know of it.
    pub struct Taken {
        /// Its start.
        pub start_ms: Timestamp,
        /// Its end.
        pub end_ms: Timestamp,
        /// The UID of its object.
        pub uid: Uid,
        /// The class of its object.
        pub class: ReservationClass,
        /// The name of its object.
        pub name: String,
    }
}

row! {
    /// An instance as it is stored.
    pub struct Stored {
        /// Its start.
        pub start_ms: Timestamp,
        /// Its end.
        pub end_ms: Timestamp,
        /// Its recurrence id; empty for single events.
        pub recurrence_id: String,
        /// Whether it takes the room.
        pub busy: bool,
        /// FBTYPE (RFC 5545, 3.2.9), or `FREE`; `None` in rows that were written before it was kept.
        pub fbtype: Option<String>,
    }
}

/// One instance to store.
pub struct NewInstance {
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Its recurrence id; empty for single events.
    pub recurrence_id: String,
    /// How strongly it takes the room; `None` where it does not.
    pub busy: Option<BusyKind>,
}

const CLEAR: &str = "DELETE FROM instances WHERE tenant_id = $1 AND object_id = $2";
const OF_OBJECT: &str = "SELECT start_ms, end_ms, recurrence_id, busy, fbtype FROM instances
    WHERE tenant_id = $1 AND object_id = $2 ORDER BY start_ms, recurrence_id";
const TAKEN: &str = "SELECT i.start_ms AS start_ms, i.end_ms AS end_ms, o.uid AS uid, o.class AS class, o.name AS name
    FROM instances i JOIN objects o ON o.id = i.object_id
    WHERE i.tenant_id = $1 AND i.room_id = $2 AND i.start_ms >= $5 AND i.start_ms < $4 AND i.end_ms > $3
    AND i.busy AND o.uid <> $6
    ORDER BY i.start_ms, o.uid";
// Where rows do not say how strongly they take the room, their objects say whether they are closures.
const CLOSED: &str = "SELECT i.start_ms AS start_ms, i.end_ms AS end_ms, o.uid AS uid, o.class AS class, o.name AS name
    FROM instances i JOIN objects o ON o.id = i.object_id
    WHERE i.tenant_id = $1 AND i.room_id = $2 AND i.start_ms >= $5 AND i.start_ms < $4 AND i.end_ms > $3
    AND i.busy AND (i.fbtype IS NULL OR i.fbtype = 'BUSY-UNAVAILABLE') AND o.class = 'closure' AND o.uid <> $6
    ORDER BY i.start_ms, o.uid";
const BUSY: &str = "SELECT STRING_AGG(start_ms || '/' || end_ms || '/' || fbtype, '/') FROM (
        SELECT start_ms, end_ms, COALESCE(fbtype, '') AS fbtype FROM instances
        WHERE tenant_id = $1 AND room_id = $2 AND start_ms >= $5 AND start_ms < $4 AND end_ms > $3 AND busy
        ORDER BY start_ms LIMIT $6
    ) found";

/// Which object's instances these are.
pub struct Owner<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The room.
    pub room: &'a RoomId,
    /// The object.
    pub object: &'a str,
}

impl NewInstance {
    fn fbtype(&self) -> &'static str {
        self.busy.map_or("FREE", BusyKind::word)
    }

    fn is_stored_as(&self, stored: &Stored) -> bool {
        (self.start, self.end, self.busy.is_some()) == (stored.start_ms, stored.end_ms, stored.busy)
            && self.recurrence_id == stored.recurrence_id
            && stored.fbtype.as_deref() == Some(self.fbtype())
    }
}

/// Replaces all instances of an object, where they are not the same: who corrects a text moves nothing.
pub async fn replace(tx: &mut Tx, owner: &Owner<'_>, instances: &[NewInstance]) -> Result<(), StoreError> {
    let stored = of_object(tx, owner.tenant, owner.object).await?;
    let mut wanted: Vec<&NewInstance> = instances.iter().collect();
    wanted.sort_by(|a, b| (a.start, &a.recurrence_id).cmp(&(b.start, &b.recurrence_id)));
    if wanted.len() == stored.len() && wanted.iter().zip(&stored).all(|(new, old)| new.is_stored_as(old)) {
        return Ok(());
    }
    if !stored.is_empty() {
        clear(tx, owner.tenant, owner.object).await?;
    }
    insert(tx, owner, instances).await
}

/// Stores the instances of an object that has none.
pub async fn insert(tx: &mut Tx, owner: &Owner<'_>, instances: &[NewInstance]) -> Result<(), StoreError> {
    for chunk in instances.chunks(batch::MOST) {
        insert_some(tx, owner, chunk).await?;
    }
    Ok(())
}

/// The same for as many as one statement stores.
async fn insert_some(tx: &mut Tx, owner: &Owner<'_>, instances: &[NewInstance]) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO instances (tenant_id, room_id, object_id, start_ms, end_ms, recurrence_id, busy, fbtype)
        SELECT ";
    const FROM: &str = ", found.column1, found.column2, found.column3, found.column4, found.column5 FROM (VALUES ";
    let instances: Vec<Option<&NewInstance>> = instances.iter().map(Some).collect();
    on!(tx, c => {
        let mut query = sqlx::QueryBuilder::new(INSERT);
        query.push_bind(owner.tenant.as_str()).push(", ").push_bind(owner.room.as_str()).push(", ");
        query.push_bind(owner.object).push(FROM);
        let mut list = query.separated(", ");
        for instance in batch::filled(&instances, None) {
            list.push("(CAST(").push_bind_unseparated(instance.map(|instance| instance.start.ms()));
            list.push_unseparated(" AS BIGINT), CAST(").push_bind_unseparated(instance.map(|instance| instance.end.ms()));
            list.push_unseparated(" AS BIGINT), ").push_bind_unseparated(instance.map(|one| one.recurrence_id.as_str()));
            list.push_unseparated(", CAST(").push_bind_unseparated(instance.map(|one| one.busy.is_some()));
            list.push_unseparated(" AS BOOLEAN), ").push_bind_unseparated(instance.map(NewInstance::fbtype));
            list.push_unseparated(")");
        }
        query.push(") found WHERE found.column1 IS NOT NULL").build().execute(c).await.map(|_| ())
    })?;
    Ok(())
}

/// Removes all instances of an object.
pub async fn clear(tx: &mut Tx, tenant: &TenantId, object: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(CLEAR).bind(tenant.as_str()).bind(object).execute(c).await.map(|_| ())?);
    Ok(())
}

/// All instances of an object, by start.
pub async fn of_object(tx: &mut Tx, tenant: &TenantId, object: &str) -> Result<Vec<Stored>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_OBJECT).bind(tenant.as_str()).bind(object).fetch_all(c).await)?)
}

/// Instances that take the room inside `range`, those of `except` left out, by start.
pub async fn taken(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    range: TimeRange,
    longest_ms: i64,
    except: &Uid,
) -> Result<Vec<Taken>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(TAKEN)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .bind(range.start.plus_ms(-longest_ms).ms())
        .bind(except.as_str())
        .fetch_all(c).await)?)
}

/// A stretch that nothing meets.
const NEVER: TimeRange = TimeRange::new(Timestamp::MAX, Timestamp::MIN);

/// Instances that take the room at any of these times, those of `except` left out, by start; perhaps others between times
/// that are near to each other. What lies between the times of a series is not looked at, however far it reaches.
pub async fn meeting(
    tx: &mut Tx,
    (tenant, room): (&TenantId, &RoomId),
    times: &[TimeRange],
    longest_ms: i64,
    except: &Uid,
) -> Result<Vec<Taken>, StoreError> {
    let stretches = stretches(times, longest_ms);
    if let [only] = stretches.as_slice() {
        return taken(tx, tenant, room, *only, longest_ms, except).await;
    }
    let mut found = Vec::new();
    for chunk in stretches.chunks(batch::MOST) {
        found.extend(meeting_some(tx, (tenant, room), chunk, longest_ms, except).await?);
    }
    // What is long meets several times.
    found.sort_unstable_by(|a, b| (a.start_ms, &a.uid, a.end_ms).cmp(&(b.start_ms, &b.uid, b.end_ms)));
    found.dedup();
    Ok(found)
}

/// The same for as many stretches as one statement asks about.
async fn meeting_some(
    tx: &mut Tx,
    (tenant, room): (&TenantId, &RoomId),
    stretches: &[TimeRange],
    longest_ms: i64,
    except: &Uid,
) -> Result<Vec<Taken>, StoreError> {
    const SELECT: &str = "SELECT i.start_ms AS start_ms, i.end_ms AS end_ms, o.uid AS uid, o.class AS class,
        o.name AS name FROM (VALUES ";
    // `CROSS JOIN` says to `SQLite` what comes first.
    const MEETING: &str = ") found CROSS JOIN instances i CROSS JOIN objects o
        WHERE i.start_ms >= found.column1 AND i.start_ms < found.column2 AND i.end_ms > found.column3
        AND i.busy AND o.id = i.object_id AND i.tenant_id = ";
    Ok(on!(tx, c => {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        let mut list = query.separated(", ");
        for stretch in batch::filled(stretches, NEVER) {
            list.push("(CAST(").push_bind_unseparated(stretch.start.plus_ms(-longest_ms).ms());
            list.push_unseparated(" AS BIGINT), CAST(").push_bind_unseparated(stretch.end.ms());
            list.push_unseparated(" AS BIGINT), CAST(").push_bind_unseparated(stretch.start.ms());
            list.push_unseparated(" AS BIGINT))");
        }
        query.push(MEETING).push_bind(tenant.as_str()).push(" AND i.room_id = ").push_bind(room.as_str());
        query.push(" AND o.uid <> ").push_bind(except.as_str());
        query.build_query_as().fetch_all(c).await
    })?)
}

/// Two times are asked for as one where less than this part of the longest instance lies between them. A stretch of its own
/// costs a step of the index for every instance that begins before it, within the length of the longest; what lies between two
/// times that are asked for as one costs a row, which is dearer.
const NEAR: i64 = 16;

/// Times as they are asked for: sorted, none empty, those that are near to each other as one.
fn stretches(times: &[TimeRange], longest_ms: i64) -> Vec<TimeRange> {
    let mut times: Vec<TimeRange> = times.iter().filter(|time| time.start < time.end).copied().collect();
    times.sort_unstable_by_key(|time| time.start);
    let mut stretches: Vec<TimeRange> = Vec::with_capacity(times.len());
    for time in times {
        match stretches.last_mut() {
            Some(last) if time.start <= last.end.plus_ms(longest_ms / NEAR) => last.end = last.end.max(time.end),
            _ => stretches.push(time),
        }
    }
    stretches
}

/// Instances of closures that take the room inside `range`, those of `except` left out, by start.
pub async fn closed(
    tx: &mut Tx,
    (tenant, room): (&TenantId, &RoomId),
    range: TimeRange,
    longest_ms: i64,
    except: &Uid,
) -> Result<Vec<Taken>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(CLOSED)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .bind(range.start.plus_ms(-longest_ms).ms())
        .bind(except.as_str())
        .fetch_all(c).await)?)
}

/// The times that bookings take inside `range`, as far as they are rows, by start; one more than `most` at most. `None`
/// when a row does not say how strongly.
pub async fn busy(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    range: TimeRange,
    longest_ms: i64,
    most: usize,
) -> Result<Option<Vec<BusyPeriod>>, StoreError> {
    let packed: Option<String> = on!(tx, c => sqlx::query_scalar(BUSY)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .bind(range.start.plus_ms(-longest_ms).ms())
        .bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_one(c).await)?;
    let rows = unpack(packed.as_deref(), "instances", |[start, end, fbtype]| {
        let (start, end) = (Timestamp(start.parse().ok()?), Timestamp(end.parse().ok()?));
        Some(BusyKind::from_word(fbtype).map(|kind| BusyPeriod { start, end, kind }))
    })?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange::new(Timestamp(start), Timestamp(end))
    }

    #[test]
    fn times_that_are_near_for_the_longest_instance_are_one_stretch() {
        let times = [range(300, 310), range(100, 110), range(115, 120), range(105, 107), range(50, 50)];
        let sorted = [range(100, 110), range(115, 120), range(300, 310)];
        assert_eq!(stretches(&times, 16), sorted);
        assert_eq!(stretches(&times, 16 * 5), [range(100, 120), range(300, 310)]);
        assert_eq!(stretches(&times, 16 * 180), [range(100, 310)]);
        assert_eq!(stretches(&[range(0, 9), range(1, 2), range(9, 10)], 0), [range(0, 10)]);
        assert_eq!(stretches(&[], 16), []);
    }
}

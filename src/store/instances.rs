//! Expanded instances inside the horizon. Written by the gate alone.

use super::db::{Tx, on};
use super::error::StoreError;
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
    /// A time that a booking takes.
    pub struct Busy {
        /// Its start.
        pub start_ms: Timestamp,
        /// Its end.
        pub end_ms: Timestamp,
        /// FBTYPE (RFC 5545, 3.2.9); `None` in rows that were written before it was kept.
        pub fbtype: Option<String>,
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
const OF_OBJECT: &str = "SELECT start_ms, end_ms, recurrence_id, busy FROM instances
    WHERE tenant_id = $1 AND object_id = $2 ORDER BY start_ms, recurrence_id";
const TAKEN: &str = "SELECT i.start_ms AS start_ms, i.end_ms AS end_ms, o.uid AS uid, o.class AS class, o.name AS name
    FROM instances i JOIN objects o ON o.id = i.object_id
    WHERE i.tenant_id = $1 AND i.room_id = $2 AND i.start_ms >= $5 AND i.start_ms < $4 AND i.end_ms > $3
    AND i.busy AND o.uid <> $6
    ORDER BY i.start_ms, o.uid";
const BUSY: &str = "SELECT start_ms, end_ms, fbtype FROM instances
    WHERE tenant_id = $1 AND room_id = $2 AND start_ms >= $5 AND start_ms < $4 AND end_ms > $3 AND busy
    ORDER BY start_ms LIMIT $6";

/// Which object's instances these are.
pub struct Owner<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The room.
    pub room: &'a RoomId,
    /// The object.
    pub object: &'a str,
}

/// Replaces all instances of an object.
pub async fn replace(tx: &mut Tx, owner: &Owner<'_>, instances: &[NewInstance]) -> Result<(), StoreError> {
    clear(tx, owner.tenant, owner.object).await?;
    insert(tx, owner, instances).await
}

/// Stores the instances of an object that has none.
pub async fn insert(tx: &mut Tx, owner: &Owner<'_>, instances: &[NewInstance]) -> Result<(), StoreError> {
    for chunk in instances.chunks(500) {
        on!(tx, c => {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO instances (tenant_id, room_id, object_id, start_ms, end_ms, recurrence_id, busy, fbtype) ",
            );
            query.push_values(chunk, |mut row, instance| {
                row.push_bind(owner.tenant.as_str())
                    .push_bind(owner.room.as_str())
                    .push_bind(owner.object)
                    .push_bind(instance.start.ms())
                    .push_bind(instance.end.ms())
                    .push_bind(instance.recurrence_id.as_str())
                    .push_bind(instance.busy.is_some())
                    .push_bind(instance.busy.map_or("FREE", BusyKind::word));
            });
            query.build().execute(c).await.map(|_| ())
        })?;
    }
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
    let rows: Vec<Busy> = on!(tx, c => sqlx::query_as(BUSY)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .bind(range.start.plus_ms(-longest_ms).ms())
        .bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(c).await)?;
    let period = |row: Busy| {
        let kind = BusyKind::from_word(row.fbtype.as_deref()?)?;
        Some(BusyPeriod { start: row.start_ms, end: row.end_ms, kind })
    };
    Ok(rows.into_iter().map(period).collect())
}

//! Expanded instances inside the horizon. Written by the gate alone.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
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
    /// Whether it takes the room.
    pub busy: bool,
}

const CLEAR: &str = "DELETE FROM instances WHERE tenant_id = $1 AND object_id = $2";
const OF_OBJECT: &str = "SELECT start_ms, end_ms, recurrence_id, busy FROM instances
    WHERE tenant_id = $1 AND object_id = $2 ORDER BY start_ms, recurrence_id";
const TAKEN: &str = "SELECT i.start_ms AS start_ms, i.end_ms AS end_ms, o.uid AS uid, o.class AS class, o.name AS name
    FROM instances i JOIN objects o ON o.id = i.object_id
    WHERE i.tenant_id = $1 AND i.room_id = $2 AND i.start_ms >= $5 AND i.start_ms < $4 AND i.end_ms > $3
    AND i.busy AND o.uid <> $6
    ORDER BY i.start_ms, o.uid";

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
    for chunk in instances.chunks(500) {
        on!(tx, c => {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO instances (tenant_id, room_id, object_id, start_ms, end_ms, recurrence_id, busy) ",
            );
            query.push_values(chunk, |mut row, instance| {
                row.push_bind(owner.tenant.as_str())
                    .push_bind(owner.room.as_str())
                    .push_bind(owner.object)
                    .push_bind(instance.start.ms())
                    .push_bind(instance.end.ms())
                    .push_bind(instance.recurrence_id.as_str())
                    .push_bind(instance.busy);
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

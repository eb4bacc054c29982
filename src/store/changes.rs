//! The change log of rooms (RFC 6578): the last change of every name there ever was.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{Etag, ObjectName, RoomId, TenantId, Timestamp, Uid};

row! {
    /// A member that changed. One that exists carries its validator.
    pub struct ChangeRow {
        /// The member.
        pub name: ObjectName,
        /// The room's sequence number of its last change.
        pub seq: i64,
        /// Whether it is gone.
        pub deleted: bool,
        /// Its validator; `None` when it is gone.
        pub etag: Option<String>,
    }
}

impl ChangeRow {
    /// The validator of a member that exists.
    pub fn etag(&self) -> Option<Etag> {
        self.etag.clone().map(Etag::from)
    }
}

const RECORD: &str = "INSERT INTO changes (tenant_id, room_id, name, uid, seq, deleted, at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (room_id, name) DO UPDATE SET uid = excluded.uid, seq = excluded.seq, deleted = excluded.deleted,
    at_ms = excluded.at_ms";
const SINCE: &str = "SELECT c.name AS name, c.seq AS seq, c.deleted AS deleted, o.etag AS etag
    FROM changes c LEFT JOIN objects o ON o.room_id = c.room_id AND o.name = c.name
    WHERE c.tenant_id = $1 AND c.room_id = $2 AND c.seq > $3
    ORDER BY c.seq LIMIT $4";
const PRESENT: &str = "SELECT c.name AS name, c.seq AS seq, c.deleted AS deleted, o.etag AS etag
    FROM changes c JOIN objects o ON o.room_id = c.room_id AND o.name = c.name
    WHERE c.tenant_id = $1 AND c.room_id = $2 AND c.seq > $3
    ORDER BY c.seq LIMIT $4";

/// A change of one member.
pub struct NewChange<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The room.
    pub room: &'a RoomId,
    /// The member.
    pub name: &'a ObjectName,
    /// Its UID.
    pub uid: &'a Uid,
    /// The room's sequence number.
    pub seq: i64,
    /// Whether the member is gone.
    pub deleted: bool,
    /// When.
    pub at: Timestamp,
}

/// Records a change.
pub async fn record(tx: &mut Tx, change: &NewChange<'_>) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RECORD)
        .bind(change.tenant.as_str())
        .bind(change.room.as_str())
        .bind(change.name.as_str())
        .bind(change.uid.as_str())
        .bind(change.seq)
        .bind(change.deleted)
        .bind(change.at.ms())
        .execute(c).await.map(|_| ())?);
    tx.wake(Waking::ANNOUNCER);
    Ok(())
}

/// Members that changed after `seq`, each once, in the order of their last change, at most `limit`. Taking the last
/// row's `seq` as the next `seq` misses nothing, also under concurrent writes: what changes again moves to the end.
pub async fn since(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    seq: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(SINCE).bind(tenant.as_str()).bind(room.as_str()).bind(seq).bind(limit)
        .fetch_all(c).await)?)
}

/// As [`since`], without members that are gone: for a client that knows nothing yet.
pub async fn present_since(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    seq: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(PRESENT).bind(tenant.as_str()).bind(room.as_str()).bind(seq).bind(limit)
        .fetch_all(c).await)?)
}

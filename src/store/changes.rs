//! The change log of rooms (RFC 6578): the last change of every name there ever was.

use super::bell::Waking;
use super::db::{Tx, on};
use super::error::StoreError;
use super::packed::unpack;
use crate::model::{Etag, ObjectName, RoomId, TenantId, Timestamp, Uid};

/// A member that changed. One that exists carries its validator.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRow {
    /// The member.
    pub name: ObjectName,
    /// The room's sequence number of its last change.
    pub seq: i64,
    /// Whether it is gone.
    pub deleted: bool,
    /// Its validator; `None` when it is gone.
    pub etag: Option<Etag>,
}

impl ChangeRow {
    fn read([name, seq, deleted, etag]: [&str; 4]) -> Option<Self> {
        let etag = Some(etag).filter(|etag| !etag.is_empty());
        Some(Self {
            name: ObjectName::parse(name)?,
            seq: seq.parse().ok()?,
            deleted: deleted == "1",
            etag: etag.map(|etag| Etag::from(etag.to_owned())),
        })
    }
}

const RECORD: &str = "INSERT INTO changes (tenant_id, room_id, name, uid, seq, deleted, at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (room_id, name) DO UPDATE SET uid = excluded.uid, seq = excluded.seq, deleted = excluded.deleted,
    at_ms = excluded.at_ms";
const SINCE: &str = "SELECT STRING_AGG(name || '/' || seq || '/' || deleted || '/' || etag, '/') FROM (
        SELECT c.name AS name, c.seq AS seq, CASE WHEN c.deleted THEN 1 ELSE 0 END AS deleted,
            COALESCE(o.etag, '') AS etag
        FROM changes c LEFT JOIN objects o ON o.room_id = c.room_id AND o.name = c.name
        WHERE c.tenant_id = $1 AND c.room_id = $2 AND c.seq > $3
        ORDER BY c.seq LIMIT $4
    ) found";
const PRESENT: &str = "SELECT STRING_AGG(name || '/' || seq || '/' || deleted || '/' || etag, '/') FROM (
        SELECT c.name AS name, c.seq AS seq, CASE WHEN c.deleted THEN 1 ELSE 0 END AS deleted, o.etag AS etag
        FROM changes c JOIN objects o ON o.room_id = c.room_id AND o.name = c.name
        WHERE c.tenant_id = $1 AND c.room_id = $2 AND c.seq > $3
        ORDER BY c.seq LIMIT $4
    ) found";

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
    let packed: Option<String> = on!(tx, c => sqlx::query_scalar(SINCE)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(seq)
        .bind(limit)
        .fetch_one(c).await)?;
    unpacked(packed.as_deref())
}

/// As [`since`], without members that are gone: for a client that knows nothing yet.
pub async fn present_since(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    seq: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    let packed: Option<String> = on!(tx, c => sqlx::query_scalar(PRESENT)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(seq)
        .bind(limit)
        .fetch_one(c).await)?;
    unpacked(packed.as_deref())
}

/// In the order of their sequence numbers, which no engine promises inside of a text.
fn unpacked(packed: Option<&str>) -> Result<Vec<ChangeRow>, StoreError> {
    let mut rows = unpack(packed, "changes", ChangeRow::read)?;
    rows.sort_unstable_by_key(|row| row.seq);
    Ok(rows)
}

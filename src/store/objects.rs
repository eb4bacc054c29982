//! Calendar objects: the octets and what queries need to know of them. Written by the gate alone.

use super::db::{Tx, on};
use super::error::StoreError;
use super::packed::unpack;
use super::row::{row, word};
use crate::model::{Etag, Fingerprint, ObjectName, ReservationClass, RoomId, TenantId, TimeRange, Timestamp, Uid};

row! {
    /// One calendar object as stored.
    pub struct ObjectRow {
        /// Its id; stays when it is replaced.
        pub id: String,
        /// Its tenant.
        pub tenant_id: TenantId,
        /// Its room.
        pub room_id: RoomId,
        /// Its last path segment.
        pub name: ObjectName,
        /// Its UID.
        pub uid: Uid,
        /// Validator of `body`.
        pub etag: Etag,
        /// Fingerprint of its normal form.
        pub fingerprint: Fingerprint,
        /// Its reservation class.
        pub class: ReservationClass,
        /// Where it was born: `hub` or the id of a mapping.
        pub origin: String,
        /// The octets.
        pub body: String,
        /// The room's sequence number of its last change.
        pub seq: i64,
        /// Whether it is a series.
        pub recurring: bool,
        /// Start of its first instance.
        pub first_ms: Timestamp,
        /// End of its last instance; `None` for endless series.
        pub last_ms: Option<Timestamp>,
        /// From when on its instances are rows.
        pub expanded_from_ms: Timestamp,
        /// Until when its instances are rows.
        pub expanded_until_ms: Timestamp,
        /// When it was first stored.
        pub created_ms: Timestamp,
        /// When it last changed.
        pub modified_ms: Timestamp,
    }
}

impl ObjectRow {
    /// Whether every instance that the object has in `range` is a row.
    pub fn rows_cover(&self, range: TimeRange) -> bool {
        let before = !self.recurring || self.expanded_from_ms <= range.start || self.first_ms >= self.expanded_from_ms;
        let ended = self.last_ms.is_some_and(|last| last <= self.expanded_until_ms);
        before && (!self.recurring || self.expanded_until_ms >= range.end || ended)
    }
}

/// What listings need of an object: no octets.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectHead {
    /// Its last path segment.
    pub name: ObjectName,
    /// Validator of its octets.
    pub etag: Etag,
    /// Size in octets.
    pub size_bytes: i64,
    /// When it was first stored.
    pub created_ms: Timestamp,
    /// When it last changed.
    pub modified_ms: Timestamp,
}

impl ObjectHead {
    fn read([name, etag, size, created, modified]: [&str; 5]) -> Option<Self> {
        Some(Self {
            name: ObjectName::parse(name)?,
            etag: Etag::from(etag.to_owned()),
            size_bytes: size.parse().ok()?,
            created_ms: Timestamp(created.parse().ok()?),
            modified_ms: Timestamp(modified.parse().ok()?),
        })
    }
}

const PUT: &str = "INSERT INTO objects (id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq,
    recurring, first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
    ON CONFLICT (id) DO UPDATE SET etag = excluded.etag, fingerprint = excluded.fingerprint, class = excluded.class,
    body = excluded.body, seq = excluded.seq, recurring = excluded.recurring, first_ms = excluded.first_ms,
    last_ms = excluded.last_ms, expanded_from_ms = excluded.expanded_from_ms,
    expanded_until_ms = excluded.expanded_until_ms, modified_ms = excluded.modified_ms";
const BY_NAME: &str =
    "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq, recurring,
    first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms
    FROM objects WHERE tenant_id = $1 AND room_id = $2 AND name = $3";
const BY_UID: &str = "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq, recurring,
    first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms
    FROM objects WHERE tenant_id = $1 AND room_id = $2 AND uid = $3";
const LIST: &str = "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq, recurring,
    first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms
    FROM objects WHERE tenant_id = $1 AND room_id = $2";
const OF_CLASS: &str =
    "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq, recurring,
    first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms
    FROM objects WHERE tenant_id = $1 AND room_id = $2 AND class = $3";
const HEADS: &str = "SELECT STRING_AGG(name || '/' || etag || '/' || OCTET_LENGTH(body) || '/' || created_ms || '/'
    || modified_ms, '/') FROM objects WHERE tenant_id = $1 AND room_id = $2";
const PAST: &str = "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq, recurring,
    first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms FROM objects
    WHERE tenant_id = $1 AND room_id = $2 AND last_ms < $3 AND (last_ms > $4 OR (last_ms = $4 AND id > $5))
    ORDER BY last_ms, id LIMIT $6";
const SPANS: &str = "SELECT uid, last_ms FROM objects WHERE tenant_id = $1 AND room_id = $2 ORDER BY first_ms";
const COVERABLE: &str = "SELECT uid FROM objects
    WHERE tenant_id = $1 AND room_id = $2 AND class <> 'closure' ORDER BY first_ms, uid";
const COUNT: &str = "SELECT COUNT(*) FROM objects WHERE tenant_id = $1 AND room_id = $2";
const RENAME: &str =
    "UPDATE objects SET name = $4, seq = $5, modified_ms = $6 WHERE tenant_id = $1 AND room_id = $2 AND id = $3";
const DELETE: &str = "DELETE FROM objects WHERE tenant_id = $1 AND room_id = $2 AND id = $3";

/// Objects with an instance in the range, or that may have one outside the expanded range. $3 start, $4 end, $5 start
/// less the room's longest instance, so that the index on starts bounds the work from both sides. Who is found comes
/// first (`CROSS JOIN` says so to `SQLite`), and each part by its own index, so that the rest of the room is not looked at.
const IN_RANGE: &str = "SELECT o.id AS id, o.tenant_id AS tenant_id, o.room_id AS room_id, o.name AS name, o.uid AS uid,
    o.etag AS etag, o.fingerprint AS fingerprint, o.class AS class, o.origin AS origin, o.body AS body, o.seq AS seq,
    o.recurring AS recurring, o.first_ms AS first_ms, o.last_ms AS last_ms, o.expanded_from_ms AS expanded_from_ms,
    o.expanded_until_ms AS expanded_until_ms, o.created_ms AS created_ms, o.modified_ms AS modified_ms
    FROM (
        SELECT object_id AS id FROM instances
        WHERE room_id = $2 AND start_ms >= $5 AND start_ms < $4 AND (end_ms > $3 OR (end_ms = start_ms AND end_ms >= $3))
        UNION
        SELECT id FROM objects
        WHERE room_id = $2 AND expanded_until_ms < $4 AND recurring AND (last_ms IS NULL OR last_ms > expanded_until_ms)
        AND first_ms < $4 AND (last_ms IS NULL OR last_ms > $3)
        UNION
        SELECT id FROM objects
        WHERE room_id = $2 AND expanded_from_ms > $3 AND recurring AND first_ms < expanded_from_ms
        AND first_ms < $4 AND (last_ms IS NULL OR last_ms > $3)
    ) found CROSS JOIN objects o WHERE o.id = found.id AND o.tenant_id = $1 AND o.room_id = $2";

/// Those of [`IN_RANGE`] that may have an instance outside the expanded range.
const BEYOND_ROWS: &str =
    "SELECT o.id AS id, o.tenant_id AS tenant_id, o.room_id AS room_id, o.name AS name, o.uid AS uid,
    o.etag AS etag, o.fingerprint AS fingerprint, o.class AS class, o.origin AS origin, o.body AS body, o.seq AS seq,
    o.recurring AS recurring, o.first_ms AS first_ms, o.last_ms AS last_ms, o.expanded_from_ms AS expanded_from_ms,
    o.expanded_until_ms AS expanded_until_ms, o.created_ms AS created_ms, o.modified_ms AS modified_ms
    FROM (
        SELECT id FROM objects
        WHERE room_id = $2 AND expanded_until_ms < $4 AND recurring AND (last_ms IS NULL OR last_ms > expanded_until_ms)
        AND first_ms < $4 AND (last_ms IS NULL OR last_ms > $3)
        UNION
        SELECT id FROM objects
        WHERE room_id = $2 AND expanded_from_ms > $3 AND recurring AND first_ms < expanded_from_ms
        AND first_ms < $4 AND (last_ms IS NULL OR last_ms > $3)
    ) found CROSS JOIN objects o WHERE o.id = found.id AND o.tenant_id = $1 AND o.room_id = $2";

const GOING_ON: &str =
    "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq, recurring,
    first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms FROM objects
    WHERE tenant_id = $1 AND room_id = $2 AND (last_ms IS NULL OR last_ms > $3) ORDER BY first_ms, uid";
/// Objects whose instances are not rows up to `$1`, although they have later ones: the horizon has moved on.
const BEHIND_HORIZON: &str = "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq,
    recurring, first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms
    FROM objects WHERE recurring AND expanded_until_ms < $1 AND (last_ms IS NULL OR last_ms > expanded_until_ms)
    ORDER BY expanded_until_ms LIMIT $2";

/// Stores or replaces an object by its id.
pub async fn put(tx: &mut Tx, object: &ObjectRow) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(PUT)
        .bind(&object.id)
        .bind(object.tenant_id.as_str())
        .bind(object.room_id.as_str())
        .bind(object.name.as_str())
        .bind(object.uid.as_str())
        .bind(object.etag.as_str())
        .bind(object.fingerprint.as_str())
        .bind(word(&object.class))
        .bind(&object.origin)
        .bind(&object.body)
        .bind(object.seq)
        .bind(object.recurring)
        .bind(object.first_ms.ms())
        .bind(object.last_ms.map(Timestamp::ms))
        .bind(object.expanded_from_ms.ms())
        .bind(object.expanded_until_ms.ms())
        .bind(object.created_ms.ms())
        .bind(object.modified_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The object of that name.
pub async fn by_name(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    name: &ObjectName,
) -> Result<Option<ObjectRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_NAME).bind(tenant.as_str()).bind(room.as_str()).bind(name.as_str())
        .fetch_optional(c).await)?)
}

/// The object with that UID.
pub async fn by_uid(tx: &mut Tx, tenant: &TenantId, room: &RoomId, uid: &Uid) -> Result<Option<ObjectRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_UID).bind(tenant.as_str()).bind(room.as_str()).bind(uid.as_str())
        .fetch_optional(c).await)?)
}

/// Those of the named objects that exist, in no particular order.
pub async fn by_names(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    names: &[ObjectName],
) -> Result<Vec<ObjectRow>, StoreError> {
    const SELECT: &str = "SELECT id, tenant_id, room_id, name, uid, etag, fingerprint, class, origin, body, seq,
        recurring, first_ms, last_ms, expanded_from_ms, expanded_until_ms, created_ms, modified_ms
        FROM objects WHERE tenant_id = ";
    let mut found = Vec::with_capacity(names.len());
    for chunk in names.chunks(500) {
        let rows: Vec<ObjectRow> = on!(tx, c => {
            let mut query = sqlx::QueryBuilder::new(SELECT);
            query.push_bind(tenant.as_str()).push(" AND room_id = ").push_bind(room.as_str()).push(" AND name IN (");
            let mut list = query.separated(", ");
            for name in chunk {
                list.push_bind(name.as_str());
            }
            query.push(")");
            query.build_query_as().fetch_all(c).await
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// All objects of a room, by name.
pub async fn list(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<Vec<ObjectRow>, StoreError> {
    let mut rows: Vec<ObjectRow> =
        on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).bind(room.as_str()).fetch_all(c).await)?;
    sort_by_name(&mut rows, |row| &row.name);
    Ok(rows)
}

/// The objects of one class in a room, by name.
pub async fn of_class(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    class: ReservationClass,
) -> Result<Vec<ObjectRow>, StoreError> {
    let mut rows: Vec<ObjectRow> = on!(tx, c => sqlx::query_as(OF_CLASS)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(word(&class))
        .fetch_all(c).await)?;
    sort_by_name(&mut rows, |row| &row.name);
    Ok(rows)
}

/// What listings need of all objects of a room, by name.
pub async fn heads(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<Vec<ObjectHead>, StoreError> {
    let packed: Option<String> =
        on!(tx, c => sqlx::query_scalar(HEADS).bind(tenant.as_str()).bind(room.as_str()).fetch_one(c).await)?;
    let mut heads = unpack(packed.as_deref(), "objects", ObjectHead::read)?;
    sort_by_name(&mut heads, |head| &head.name);
    Ok(heads)
}

row! {
    /// An event and where its recurrence set ends.
    pub struct Span {
        /// Its UID.
        pub uid: Uid,
        /// End of its last instance; `None` for endless series.
        pub last_ms: Option<Timestamp>,
    }
}

/// UID and end of every object of a room.
pub async fn spans(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<Vec<(Uid, Option<Timestamp>)>, StoreError> {
    let rows: Vec<Span> =
        on!(tx, c => sqlx::query_as(SPANS).bind(tenant.as_str()).bind(room.as_str()).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|row| (row.uid, row.last_ms)).collect())
}

/// UIDs of the objects of a room over which something of a stronger class could lie.
pub async fn coverable(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<Vec<Uid>, StoreError> {
    let uids: Vec<String> =
        on!(tx, c => sqlx::query_scalar(COVERABLE).bind(tenant.as_str()).bind(room.as_str()).fetch_all(c).await)?;
    Ok(uids.into_iter().map(Uid).collect())
}

/// How many objects a room has.
pub async fn count(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT).bind(tenant.as_str()).bind(room.as_str()).fetch_one(c).await)?)
}

/// Objects that have, or outside the expanded range may have, an instance in `range`, by name. The caller decides the
/// latter exactly. `longest_ms` is the room's.
pub async fn in_range(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    range: TimeRange,
    longest_ms: i64,
) -> Result<Vec<ObjectRow>, StoreError> {
    let mut rows: Vec<ObjectRow> = on!(tx, c => sqlx::query_as(IN_RANGE)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .bind(range.start.plus_ms(-longest_ms).ms())
        .fetch_all(c).await)?;
    sort_by_name(&mut rows, |row| &row.name);
    Ok(rows)
}

/// Objects that may have an instance in `range` that is no row.
pub async fn beyond_rows(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    range: TimeRange,
) -> Result<Vec<ObjectRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BEYOND_ROWS)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(range.start.ms())
        .bind(range.end.ms())
        .fetch_all(c).await)?)
}

/// Series of any tenant whose rows end before `until` although the series goes on; the furthest behind first.
pub async fn behind_horizon(tx: &mut Tx, until: Timestamp, limit: i64) -> Result<Vec<ObjectRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BEHIND_HORIZON).bind(until.ms()).bind(limit).fetch_all(c).await)?)
}

/// Objects of a room that are not over at an instant, by their first instance.
pub async fn going_on(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    at: Timestamp,
) -> Result<Vec<ObjectRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GOING_ON).bind(tenant.as_str()).bind(room.as_str()).bind(at.ms())
        .fetch_all(c).await)?)
}

/// Gives an object another name, under the sequence number of that change.
pub async fn rename(tx: &mut Tx, object: &ObjectRow, name: &ObjectName) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RENAME)
        .bind(object.tenant_id.as_str())
        .bind(object.room_id.as_str())
        .bind(&object.id)
        .bind(name.as_str())
        .bind(object.seq)
        .bind(object.modified_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Removes an object; its instances must be gone already.
pub async fn delete(tx: &mut Tx, tenant: &TenantId, room: &RoomId, id: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(DELETE).bind(tenant.as_str()).bind(room.as_str()).bind(id)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Objects of a room that ended before `until`, the earliest first, after the one that ended at a time and has an id.
pub async fn past(
    tx: &mut Tx,
    (tenant, room): (&TenantId, &RoomId),
    until: Timestamp,
    after: (Timestamp, &str),
    limit: i64,
) -> Result<Vec<ObjectRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(PAST)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(until.ms())
        .bind(after.0.ms())
        .bind(after.1)
        .bind(limit)
        .fetch_all(c).await)?)
}

/// Sorts by the octets of the name. Not in SQL: there the order depends on the collation of the database, and a feed must
/// have the same bytes on every installation.
fn sort_by_name<T>(rows: &mut [T], name: impl Fn(&T) -> &ObjectName) {
    rows.sort_unstable_by(|a, b| name(a).cmp(name(b)));
}

//! A tenant's directory: who may log in, what they may do, which rooms there are, how these are described, and what people
//! have set on them. Everything a door has to know before it looks at bookings, and what hardly ever changes.
//!
//! The directory has a number that rises with each change, in the transaction of the change. What was read of it may be
//! kept and used again for as long as the number stands, whoever writes: this process, another replica, the command line.

use super::db::{Tx, on};
use super::error::StoreError;
use super::objects::ObjectRow;
use super::row::row;
use crate::model::{ObjectName, TenantId, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

row! {
    /// How a directory stands, and one of its rooms.
    pub struct Standing {
        /// The directory's number.
        pub directory: i64,
        /// The room's sequence number; `None` where there is no such room.
        pub room_seq: Option<i64>,
        /// When the room last changed.
        pub room_modified_ms: Option<Timestamp>,
        /// Length in milliseconds of the room's longest instance ever.
        pub room_longest_ms: Option<i64>,
    }
}

/// How a directory stands, one of its rooms, and an object there.
struct WithObject {
    standing: Standing,
    object: Option<ObjectRow>,
}

impl<'r, R: Row> FromRow<'r, R> for WithObject
where
    Standing: FromRow<'r, R>,
    ObjectRow: FromRow<'r, R>,
    &'static str: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let id: Option<String> = row.try_get("id")?;
        let object = id.map(|_| ObjectRow::from_row(row)).transpose()?;
        Ok(Self { standing: Standing::from_row(row)?, object })
    }
}

const STANDING: &str = "SELECT t.directory AS directory, r.seq AS room_seq, r.modified_ms AS room_modified_ms,
    r.longest_ms AS room_longest_ms FROM tenants t LEFT JOIN rooms r ON r.tenant_id = t.id AND r.slug = $2
    WHERE t.id = $1";
const WITH_OBJECT: &str = "SELECT t.directory AS directory, r.seq AS room_seq, r.modified_ms AS room_modified_ms,
    r.longest_ms AS room_longest_ms, o.id AS id, o.tenant_id AS tenant_id, o.room_id AS room_id, o.name AS name,
    o.uid AS uid, o.etag AS etag, o.fingerprint AS fingerprint, o.class AS class, o.origin AS origin, o.body AS body,
    o.seq AS seq, o.recurring AS recurring, o.first_ms AS first_ms, o.last_ms AS last_ms,
    o.expanded_from_ms AS expanded_from_ms, o.expanded_until_ms AS expanded_until_ms, o.created_ms AS created_ms,
    o.modified_ms AS modified_ms
    FROM tenants t LEFT JOIN rooms r ON r.tenant_id = t.id AND r.slug = $2
    LEFT JOIN objects o ON o.tenant_id = t.id AND o.room_id = r.id AND o.name = $3
    WHERE t.id = $1";
const CHANGED: &str = "UPDATE tenants SET directory = directory + 1 WHERE id = $1";

/// How the directory of a tenant stands, and the room of that slug; `None` when the tenant is gone.
pub async fn standing(tx: &mut Tx, tenant: &TenantId, slug: &str) -> Result<Option<Standing>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(STANDING).bind(tenant.as_str()).bind(slug).fetch_optional(c).await)?)
}

/// The same, and the object of that name in the room, in one statement.
pub async fn with_object(
    tx: &mut Tx,
    tenant: &TenantId,
    slug: &str,
    name: &ObjectName,
) -> Result<Option<(Standing, Option<ObjectRow>)>, StoreError> {
    let found: Option<WithObject> = on!(tx, c => sqlx::query_as(WITH_OBJECT)
        .bind(tenant.as_str())
        .bind(slug)
        .bind(name.as_str())
        .fetch_optional(c).await)?;
    Ok(found.map(|found| (found.standing, found.object)))
}

/// Raises the number: something of the directory changes in this transaction.
pub(super) async fn changed(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(CHANGED).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

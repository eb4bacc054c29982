//! What a change stands on: the objects it is about, the rules of its room, and whether anybody is to hear of it. One
//! statement, read under the room's lock.

use super::db::{Tx, on};
use super::error::StoreError;
use super::objects::ObjectRow;
use super::row::FromColumn as _;
use crate::model::{ObjectName, RoomId, RoomRules, TenantId, Uid};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

/// What holds in a room, whatever object a change is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground {
    /// The rules in force.
    pub rules: RoomRules,
    /// Whether it hangs together with a remote calendar.
    pub mapped: bool,
    /// Whether there is a webhook in the tenant.
    pub told: bool,
}

/// A row of the statement: the ground again and again, each time with one of the objects.
struct Found {
    rules: Option<String>,
    mapped: bool,
    told: bool,
    object: Option<ObjectRow>,
}

impl<'r, R: Row> FromRow<'r, R> for Found
where
    ObjectRow: FromRow<'r, R>,
    &'static str: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let id: Option<String> = row.try_get("id")?;
        let object = id.map(|_| ObjectRow::from_row(row)).transpose()?;
        Ok(Self { rules: row.try_get("rules")?, mapped: row.try_get("mapped")?, told: row.try_get("told")?, object })
    }
}

const READ: &str = "SELECT (SELECT x.rules FROM room_rules x WHERE x.tenant_id = $1 AND x.room_id = $2) AS rules,
    EXISTS (SELECT 1 FROM mappings m WHERE m.tenant_id = $1 AND m.room_id = $2 AND m.state <> 'removed') AS mapped,
    EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant_id = $1 AND w.state <> 'disabled') AS told,
    o.id AS id, o.tenant_id AS tenant_id, o.room_id AS room_id, o.name AS name, o.uid AS uid, o.etag AS etag,
    o.fingerprint AS fingerprint, o.class AS class, o.origin AS origin, o.body AS body, o.seq AS seq,
    o.recurring AS recurring, o.first_ms AS first_ms, o.last_ms AS last_ms, o.expanded_from_ms AS expanded_from_ms,
    o.expanded_until_ms AS expanded_until_ms, o.created_ms AS created_ms, o.modified_ms AS modified_ms
    FROM rooms r LEFT JOIN objects o ON o.tenant_id = $1 AND o.room_id = $2 AND (o.name = $3 OR o.uid = $4)
    WHERE r.tenant_id = $1 AND r.id = $2";

/// The ground of a room, and the objects there that have the name or the UID: none, one, or two.
pub async fn read(
    tx: &mut Tx,
    tenant: &TenantId,
    room: &RoomId,
    (name, uid): (Option<&ObjectName>, Option<&Uid>),
) -> Result<(Ground, Vec<ObjectRow>), StoreError> {
    let rows: Vec<Found> = on!(tx, c => sqlx::query_as(READ)
        .bind(tenant.as_str())
        .bind(room.as_str())
        .bind(name.map(ObjectName::as_str))
        .bind(uid.map(Uid::as_str))
        .fetch_all(c).await)?;
    let mut ground = Ground { rules: RoomRules::default(), mapped: false, told: false };
    let mut objects = Vec::new();
    for row in rows {
        (ground.mapped, ground.told) = (row.mapped, row.told);
        if let Some(rules) = row.rules.filter(|_| objects.is_empty()) {
            ground.rules = RoomRules::from_raw(rules).map_err(|what| StoreError::Corrupt { column: "rules", what })?;
        }
        objects.extend(row.object);
    }
    Ok((ground, objects))
}

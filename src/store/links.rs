//! One event on both sides: remote id, remote version, and the content both last agreed on.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::{row, steps, word};
use crate::model::{LinkId, LinkState, MappingId, RoomId, TenantId, Timestamp, Uid};
use std::sync::LazyLock;

row! {
    /// A hub event, or one instance of it, and its remote copy.
    pub struct Link {
        /// Its id.
        pub id: LinkId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The mapping.
        pub mapping_id: MappingId,
        /// The hub event.
        pub uid: Uid,
        /// Empty for the whole event, else the recurrence id of the instance.
        pub part: String,
        /// The remote item; `None` until the create is confirmed.
        pub remote_id: Option<String>,
        /// Its version when it was last seen.
        pub remote_version: Option<String>,
        /// Idempotency key of the create.
        pub create_key: String,
        /// Rises when the event is created anew after it was deleted.
        pub epoch: i64,
        /// What both sides last agreed on, as JSON of the normal form; empty before there was any agreement.
        pub base: String,
        /// What was last sent there and has not been answered, as JSON of the normal form; empty when nothing is open.
        pub sent: String,
        /// The base as the remote side writes it, where it rewrites what it is given; else empty.
        pub echo: String,
        /// Where it stands.
        pub state: LinkState,
        /// [`HUB`] or [`REMOTE`]: where the booking was born.
        pub born: String,
        /// Why the gateway must not write the remote item; empty if it may.
        pub locked: String,
        /// When the gateway last wrote the remote item.
        pub written_ms: Timestamp,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

impl Link {
    /// Whether it is known which remote item is the copy, and the copy is to stay.
    pub fn has_copy(&self) -> bool {
        self.state == LinkState::Linked && self.remote_id.is_some()
    }
}

/// `born`: in the hub.
pub const HUB: &str = "hub";
/// `born`: at the remote side.
pub const REMOTE: &str = "remote";

macro_rules! columns {
    () => {
        "id, tenant_id, mapping_id, uid, part, remote_id, remote_version, create_key, epoch, base, sent, \
         echo, state, born, locked, written_ms, created_ms"
    };
}
pub(super) use columns;

/// A link goes only where its state lets it.
static PUT: LazyLock<String> = LazyLock::new(|| {
    let steps = steps(&LinkState::ALL, LinkState::may_become);
    format!("{UPSERT} WHERE links.state || '>' || excluded.state IN ({steps})")
});
const UPSERT: &str = concat!(
    "INSERT INTO links (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, part = excluded.part, remote_id = excluded.remote_id,
    remote_version = excluded.remote_version, create_key = excluded.create_key, epoch = excluded.epoch,
    base = excluded.base, sent = excluded.sent, echo = excluded.echo, state = excluded.state, born = excluded.born,
    locked = excluded.locked, written_ms = excluded.written_ms"
);
const OF_MAPPING: &str =
    concat!("SELECT ", columns!(), " FROM links WHERE tenant_id = $1 AND mapping_id = $2 AND state <> 'forgotten'");
const OF_UID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM links WHERE tenant_id = $1 AND mapping_id = $2 AND uid = $3 ORDER BY part, epoch"
);
const BY_REMOTE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM links WHERE tenant_id = $1 AND mapping_id = $2 AND remote_id = $3 AND state <> 'forgotten'"
);
const BY_KEY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM links WHERE tenant_id = $1 AND mapping_id = $2 AND create_key = $3 ORDER BY epoch DESC"
);
const WAS_FORGOTTEN: &str = "SELECT COUNT(*) FROM links
    WHERE tenant_id = $1 AND mapping_id = $2 AND remote_id = $3 AND state = 'forgotten'";
const UNANSWERED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM links WHERE tenant_id = $1 AND mapping_id = $2 AND state = 'creating' AND sent <> '' ORDER BY created_ms, id"
);
const GIVEN_UP: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM links WHERE tenant_id = $1 AND mapping_id = $2 AND state = 'forgotten' AND remote_id IS NULL
    AND sent <> '' AND written_ms > $3 ORDER BY created_ms, id"
);
const OF_TENANT: &str = concat!("SELECT ", columns!(), " FROM links WHERE tenant_id = $1 ORDER BY uid, part LIMIT $2");

const ENTOMB: &str =
    "UPDATE links SET state = 'forgotten', base = '', sent = '', echo = '' WHERE tenant_id = $1 AND uid = $3
    AND mapping_id IN (SELECT id FROM mappings WHERE tenant_id = $1 AND room_id = $2)";

/// Ends the links of a booking of a room that is gone here and stands at the other sides. They keep remote ids and keys, so
/// that a copy that is met later is known, and lose their content.
pub async fn entomb(tx: &mut Tx, tenant: &TenantId, room: &RoomId, uid: &Uid) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ENTOMB).bind(tenant.as_str()).bind(room.as_str()).bind(uid.as_str())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Stores or replaces a link by its id.
pub async fn put(tx: &mut Tx, link: &Link) -> Result<(), StoreError> {
    let stored = on!(tx, c => sqlx::query(PUT.as_str())
        .bind(link.id.as_str())
        .bind(link.tenant_id.as_str())
        .bind(link.mapping_id.as_str())
        .bind(link.uid.as_str())
        .bind(&link.part)
        .bind(link.remote_id.as_deref())
        .bind(link.remote_version.as_deref())
        .bind(&link.create_key)
        .bind(link.epoch)
        .bind(&link.base)
        .bind(&link.sent)
        .bind(&link.echo)
        .bind(word(&link.state))
        .bind(&link.born)
        .bind(&link.locked)
        .bind(link.written_ms.ms())
        .bind(link.created_ms.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    if stored == 1 {
        return Ok(());
    }
    let what = format!("link {} cannot become {}", link.id, word(&link.state));
    Err(StoreError::Corrupt { column: "links.state", what })
}

/// The links of a mapping that are not forgotten.
pub async fn of_mapping(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId) -> Result<Vec<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_MAPPING).bind(tenant.as_str()).bind(mapping.as_str()).fetch_all(c).await)?)
}

/// The links of one event on a mapping, forgotten ones too: their epochs count.
pub async fn of_uid(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId, uid: &Uid) -> Result<Vec<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_UID).bind(tenant.as_str()).bind(mapping.as_str()).bind(uid.as_str())
        .fetch_all(c).await)?)
}

/// The link of a remote item.
pub async fn by_remote(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    remote_id: &str,
) -> Result<Option<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_REMOTE).bind(tenant.as_str()).bind(mapping.as_str()).bind(remote_id)
        .fetch_optional(c).await)?)
}

/// The link whose create had that key, the latest epoch first; forgotten ones too.
pub async fn by_key(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    key: &str,
) -> Result<Option<Link>, StoreError> {
    let found: Vec<Link> = on!(tx, c => sqlx::query_as(BY_KEY)
        .bind(tenant.as_str())
        .bind(mapping.as_str())
        .bind(key)
        .fetch_all(c)
        .await)?;
    Ok(found.into_iter().next())
}

/// Whether a remote item was linked once and is not any more.
pub async fn was_forgotten(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    remote_id: &str,
) -> Result<bool, StoreError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(WAS_FORGOTTEN)
        .bind(tenant.as_str())
        .bind(mapping.as_str())
        .bind(remote_id)
        .fetch_one(c)
        .await)?;
    Ok(count > 0)
}

/// The links of a mapping whose create was sent and never answered.
pub async fn unanswered(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId) -> Result<Vec<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(UNANSWERED).bind(tenant.as_str()).bind(mapping.as_str()).fetch_all(c).await)?)
}

/// Links whose create was sent, never answered, not found, and given up after `since`.
pub async fn given_up(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    since: Timestamp,
) -> Result<Vec<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GIVEN_UP).bind(tenant.as_str()).bind(mapping.as_str()).bind(since.ms())
        .fetch_all(c).await)?)
}

/// Links of a tenant, for the listing.
pub async fn of_tenant(tx: &mut Tx, tenant: &TenantId, limit: i64) -> Result<Vec<Link>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_TENANT).bind(tenant.as_str()).bind(limit).fetch_all(c).await)?)
}

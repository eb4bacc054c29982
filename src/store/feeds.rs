//! Signed feeds.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{DetailLevel, FeedId, RoomId, TenantId, TenantState, Timestamp, ZoneId};
use sqlx::{FromRow, Row};

row! {
    /// A signed, revocable, read-only view of a room.
    pub struct Feed {
        /// Its id.
        pub id: FeedId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The room it shows.
        pub room_id: RoomId,
        /// What its maker calls it.
        pub label: String,
        /// Keyed hash of its token.
        pub token_hash: String,
        /// Full details, or busy only.
        pub detail: DetailLevel,
        /// Days it shows before today.
        pub past_days: i64,
        /// Days it shows from today on.
        pub future_days: i64,
        /// Rises with every rotation.
        pub version: i64,
        /// When it was made.
        pub created_ms: Timestamp,
        /// When it ends by itself.
        pub expires_ms: Option<Timestamp>,
        /// When it was revoked.
        pub revoked_ms: Option<Timestamp>,
        /// When it was last fetched, to the minute.
        pub last_used_ms: Option<Timestamp>,
        /// The family of the client that fetched it last.
        pub last_client: String,
    }
}

row! {
    /// What a feed shows of its room and tenant besides bookings.
    pub struct Showing {
        /// The state of the tenant.
        pub state: TenantState,
        /// Sequence number of the room's last change.
        pub seq: i64,
        /// The room's name in URLs.
        pub slug: String,
        /// The name people read.
        pub name: String,
        /// What it is good for.
        pub description: String,
        /// `#RRGGBB`.
        pub color: String,
        /// The zone of its days.
        pub zone: ZoneId,
    }
}

/// A feed, and what it shows besides bookings.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// The feed.
    pub feed: Feed,
    /// Its room and tenant.
    pub showing: Showing,
}

impl<'r, R: Row> FromRow<'r, R> for Sight
where
    Feed: FromRow<'r, R>,
    Showing: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self { feed: Feed::from_row(row)?, showing: Showing::from_row(row)? })
    }
}

const INSERT: &str = "INSERT INTO feeds (id, tenant_id, room_id, label, token_hash, detail, past_days, future_days,
    version, created_ms, expires_ms, revoked_ms, last_used_ms, last_client)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, '')";
const BY_HASH: &str = "SELECT f.id AS id, f.tenant_id AS tenant_id, f.room_id AS room_id, f.label AS label,
    f.token_hash AS token_hash, f.detail AS detail, f.past_days AS past_days, f.future_days AS future_days,
    f.version AS version, f.created_ms AS created_ms, f.expires_ms AS expires_ms, f.revoked_ms AS revoked_ms,
    f.last_used_ms AS last_used_ms, f.last_client AS last_client, t.state AS state, r.seq AS seq, r.slug AS slug,
    r.name AS name, r.description AS description, r.color AS color, r.zone AS zone
    FROM feeds f JOIN tenants t ON t.id = f.tenant_id JOIN rooms r ON r.id = f.room_id AND r.tenant_id = f.tenant_id
    WHERE f.token_hash = $1";
const GET: &str = "SELECT id, tenant_id, room_id, label, token_hash, detail, past_days, future_days, version,
    created_ms, expires_ms, revoked_ms, last_used_ms, last_client FROM feeds WHERE tenant_id = $1 AND id = $2";
const LIST: &str = "SELECT id, tenant_id, room_id, label, token_hash, detail, past_days, future_days, version,
    created_ms, expires_ms, revoked_ms, last_used_ms, last_client FROM feeds WHERE tenant_id = $1
    ORDER BY created_ms, id";
const ROTATE: &str = "UPDATE feeds SET token_hash = $3, version = version + 1, revoked_ms = NULL
    WHERE tenant_id = $1 AND id = $2";
const REVOKE: &str = "UPDATE feeds SET revoked_ms = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_ms IS NULL";
const TOUCH: &str = "UPDATE feeds SET last_used_ms = $3, last_client = $4 WHERE tenant_id = $1 AND id = $2";
const WITHDRAW: &str = "INSERT INTO withdrawn_tokens (token_hash, tenant_id, feed_id, at_ms) VALUES ($1, $2, $3, $4)
    ON CONFLICT (token_hash) DO NOTHING";
const WITHDRAWN: &str = "SELECT feed_id FROM withdrawn_tokens WHERE token_hash = $1";

/// Stores a new feed.
pub async fn insert(tx: &mut Tx, feed: &Feed) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(feed.id.as_str())
        .bind(feed.tenant_id.as_str())
        .bind(feed.room_id.as_str())
        .bind(&feed.label)
        .bind(&feed.token_hash)
        .bind(word(&feed.detail))
        .bind(feed.past_days)
        .bind(feed.future_days)
        .bind(feed.version)
        .bind(feed.created_ms.ms())
        .bind(feed.expires_ms.map(Timestamp::ms))
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The feed whose present token has that hash, and what it shows besides bookings.
pub async fn by_token_hash(tx: &mut Tx, hash: &str) -> Result<Option<Sight>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_HASH).bind(hash).fetch_optional(c).await)?)
}

/// Whether a token with that hash was rotated away or revoked on purpose.
pub async fn is_withdrawn(tx: &mut Tx, hash: &str) -> Result<bool, StoreError> {
    let found: Option<String> = on!(tx, c => sqlx::query_scalar(WITHDRAWN).bind(hash).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// The feed with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &FeedId) -> Result<Option<Feed>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// All feeds of a tenant, oldest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Feed>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Gives a feed a new token; the old one counts as withdrawn from now on.
pub async fn rotate(tx: &mut Tx, feed: &Feed, token_hash: &str, now: Timestamp) -> Result<(), StoreError> {
    withdraw(tx, feed, now).await?;
    on!(tx, c => sqlx::query(ROTATE).bind(feed.tenant_id.as_str()).bind(feed.id.as_str()).bind(token_hash)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Ends a feed.
pub async fn revoke(tx: &mut Tx, feed: &Feed, now: Timestamp) -> Result<(), StoreError> {
    withdraw(tx, feed, now).await?;
    on!(tx, c => sqlx::query(REVOKE).bind(feed.tenant_id.as_str()).bind(feed.id.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Remembers who fetched a feed, and when.
pub async fn touch(tx: &mut Tx, feed: &Feed, client: &str, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(TOUCH).bind(feed.tenant_id.as_str()).bind(feed.id.as_str()).bind(now.ms()).bind(client)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

async fn withdraw(tx: &mut Tx, feed: &Feed, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(WITHDRAW).bind(&feed.token_hash).bind(feed.tenant_id.as_str()).bind(feed.id.as_str())
        .bind(now.ms()).execute(c).await.map(|_| ())?);
    Ok(())
}

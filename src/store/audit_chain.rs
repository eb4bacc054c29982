//! The chain of the audit: entries get number and code a moment after they were committed, in one short transaction for
//! many, so that no writer ever waits for another one's entry.

use super::batch;
use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{TenantId, Timestamp};

row! {
    /// An entry with everything its code covers.
    pub struct Chained {
        /// Its id.
        pub id: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// When.
        pub at_ms: Timestamp,
        /// Who.
        pub actor: String,
        /// What.
        pub action: String,
        /// The room's id.
        pub room_id: String,
        /// The event's UID.
        pub uid: String,
        /// The room's sequence number.
        pub seq: i64,
        /// Why.
        pub detail: String,
        /// The request behind it.
        pub request: String,
        /// Its number; none until it is chained.
        pub chain_no: Option<i64>,
        /// Its code.
        pub chain_hash: String,
        /// Digest of what may name a person.
        pub personal: String,
        /// The salt of that digest.
        pub salt: String,
        /// When the person was erased from it.
        pub erased_ms: Option<Timestamp>,
    }
}

row! {
    /// Where a tenant's chain begins and ends.
    pub struct Head {
        /// The tenant.
        pub tenant_id: TenantId,
        /// Number of the last entry.
        pub last_no: i64,
        /// Its code.
        pub last_hash: String,
        /// Number of the last entry that was taken out because it was old.
        pub anchor_no: i64,
        /// Its code.
        pub anchor_hash: String,
        /// Code over the four.
        pub code: String,
    }
}

macro_rules! entry {
    ($($rest:literal),*) => {
        concat!(
            "SELECT id, tenant_id, at_ms, actor, action, room_id, uid, seq, detail, request, chain_no, chain_hash, ",
            "personal, salt, erased_ms FROM audit ", $($rest),*
        )
    };
}

const WAITING: &str = "SELECT DISTINCT tenant_id FROM audit WHERE chain_no IS NULL";
const COUNT_WAITING: &str = "SELECT COUNT(*) FROM audit WHERE tenant_id = $1 AND chain_no IS NULL";
const LOCK: &str = "INSERT INTO audit_heads (tenant_id, last_no, last_hash, anchor_no, anchor_hash, code)
    VALUES ($1, 0, '', 0, '', '') ON CONFLICT (tenant_id) DO UPDATE SET last_no = audit_heads.last_no
    RETURNING tenant_id, last_no, last_hash, anchor_no, anchor_hash, code";
const HEAD: &str = "SELECT tenant_id, last_no, last_hash, anchor_no, anchor_hash, code FROM audit_heads
    WHERE tenant_id = $1";
const SET_HEAD: &str =
    "UPDATE audit_heads SET last_no = $2, last_hash = $3, anchor_no = $4, anchor_hash = $5, code = $6
    WHERE tenant_id = $1";
const UNCHAINED: &str = entry!("WHERE tenant_id = $1 AND chain_no IS NULL ORDER BY id LIMIT $2");
const AFTER: &str = entry!("WHERE tenant_id = $1 AND chain_no > $2 ORDER BY chain_no LIMIT $3");
const NAMING: &str = entry!(
    "WHERE tenant_id = $1 AND id > $2 AND (actor = $3 OR detail LIKE $4 ESCAPE '!' OR request LIKE $4 ESCAPE '!')",
    " ORDER BY id LIMIT $5"
);
const ERASE: &str = "UPDATE audit SET actor = $3, detail = $4, request = $5, salt = $6, erased_ms = $7
    WHERE tenant_id = $1 AND id = $2";
const DROP_UNTIL: &str = "DELETE FROM audit WHERE tenant_id = $1 AND chain_no <= $2";

/// Tenants with entries that are not chained yet.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<TenantId>, StoreError> {
    let ids: Vec<String> = on!(tx, c => sqlx::query_scalar(WAITING).fetch_all(c).await)?;
    Ok(ids.into_iter().map(TenantId::from).collect())
}

/// How many entries of a tenant are not chained yet.
pub async fn count_waiting(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT_WAITING).bind(tenant.as_str()).fetch_one(c).await)?)
}

/// The end of a chain, which nobody else moves until the transaction ends.
pub async fn lock(tx: &mut Tx, tenant: &TenantId) -> Result<Head, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LOCK).bind(tenant.as_str()).fetch_one(c).await)?)
}

/// The end of a chain; none where nothing was chained yet.
pub async fn head(tx: &mut Tx, tenant: &TenantId) -> Result<Option<Head>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(HEAD).bind(tenant.as_str()).fetch_optional(c).await)?)
}

/// Moves the ends of a chain.
pub async fn set_head(tx: &mut Tx, head: &Head) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET_HEAD)
        .bind(head.tenant_id.as_str())
        .bind(head.last_no)
        .bind(&head.last_hash)
        .bind(head.anchor_no)
        .bind(&head.anchor_hash)
        .bind(&head.code)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Entries that are not chained yet, in the order they were made.
pub async fn unchained(tx: &mut Tx, tenant: &TenantId, limit: i64) -> Result<Vec<Chained>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(UNCHAINED).bind(tenant.as_str()).bind(limit).fetch_all(c).await)?)
}

/// The entries after that number, in order.
pub async fn after(tx: &mut Tx, tenant: &TenantId, no: i64, limit: i64) -> Result<Vec<Chained>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(AFTER).bind(tenant.as_str()).bind(no).bind(limit).fetch_all(c).await)?)
}

/// Entries made by `actor`, or with `word` in their text or request, those after the id `after`.
pub async fn naming(
    tx: &mut Tx,
    tenant: &TenantId,
    (actor, word): (&str, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<Chained>, StoreError> {
    let escaped = word.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    Ok(on!(tx, c => sqlx::query_as(NAMING)
        .bind(tenant.as_str())
        .bind(after)
        .bind(actor)
        .bind(format!("%{escaped}%"))
        .bind(limit)
        .fetch_all(c).await)?)
}

/// Gives entries of a tenant their places in the chain.
pub async fn link(tx: &mut Tx, tenant: &TenantId, entries: &[Chained]) -> Result<(), StoreError> {
    for chunk in entries.chunks(batch::MOST) {
        link_some(tx, tenant, chunk).await?;
    }
    Ok(())
}

/// The same for as many as one statement is about.
async fn link_some(tx: &mut Tx, tenant: &TenantId, entries: &[Chained]) -> Result<(), StoreError> {
    const LINK: &str =
        "UPDATE audit SET chain_no = found.column2, chain_hash = found.column3, personal = found.column4,
        salt = found.column5 FROM (VALUES ";
    const WHERE: &str = ") found WHERE audit.id = found.column1 AND audit.chain_no IS NULL AND audit.tenant_id = ";
    let entries: Vec<Option<&Chained>> = entries.iter().map(Some).collect();
    on!(tx, c => {
        let mut query = sqlx::QueryBuilder::new(LINK);
        let mut list = query.separated(", ");
        for entry in batch::filled(&entries, None) {
            list.push("(").push_bind_unseparated(entry.map_or("", |entry| &entry.id));
            list.push_unseparated(", CAST(").push_bind_unseparated(entry.and_then(|entry| entry.chain_no));
            list.push_unseparated(" AS BIGINT), ").push_bind_unseparated(entry.map_or("", |entry| &entry.chain_hash));
            list.push_unseparated(", ").push_bind_unseparated(entry.map_or("", |entry| &entry.personal));
            list.push_unseparated(", ").push_bind_unseparated(entry.map_or("", |entry| &entry.salt));
            list.push_unseparated(")");
        }
        query.push(WHERE).push_bind(tenant.as_str()).build().execute(c).await.map(|_| ())
    })?;
    Ok(())
}

/// Takes a person out of an entry; number, code and digest stay.
pub async fn erase(tx: &mut Tx, entry: &Chained) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ERASE)
        .bind(entry.tenant_id.as_str())
        .bind(&entry.id)
        .bind(&entry.actor)
        .bind(&entry.detail)
        .bind(&entry.request)
        .bind(&entry.salt)
        .bind(entry.erased_ms.map(Timestamp::ms))
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Removes the entries up to that number; answers how many.
pub async fn drop_until(tx: &mut Tx, tenant: &TenantId, no: i64) -> Result<u64, StoreError> {
    Ok(on!(tx, c => sqlx::query(DROP_UNTIL).bind(tenant.as_str()).bind(no)
        .execute(c).await.map(|done| done.rows_affected())?))
}

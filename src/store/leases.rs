//! Who works on what. A lease is taken by compare-and-swap; its token fences a holder that slept through its end.

use super::db::{Tx, on};
use super::error::StoreError;
use crate::model::Timestamp;

const ACQUIRE: &str = "INSERT INTO leases (name, owner, token, expires_ms) VALUES ($1, $2, 1, $3)
    ON CONFLICT (name) DO UPDATE SET
    token = CASE WHEN leases.owner = excluded.owner AND leases.expires_ms > $4 THEN leases.token
        ELSE leases.token + 1 END,
    owner = excluded.owner, expires_ms = excluded.expires_ms
    WHERE leases.expires_ms <= $4 OR leases.owner = excluded.owner
    RETURNING token";
const HOLDS: &str = "SELECT token FROM leases WHERE name = $1 AND owner = $2 AND token = $3";
const RENEW: &str =
    "UPDATE leases SET expires_ms = $4 WHERE name = $1 AND owner = $2 AND token = $3 AND expires_ms > 0";
const HELD: &str = "SELECT owner FROM leases WHERE name = $1 AND expires_ms > $2";
const RELEASE: &str = "UPDATE leases SET expires_ms = 0 WHERE name = $1 AND owner = $2 AND token = $3";
const RELEASE_ALL: &str = "UPDATE leases SET expires_ms = 0";

/// A lease that was acquired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is for.
    pub name: String,
    /// Who holds it.
    pub owner: String,
    /// Its fencing token.
    pub token: i64,
}

/// Takes a lease until `expires`, or extends it; `None` when another owner holds it.
pub async fn acquire(
    tx: &mut Tx,
    name: &str,
    owner: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let token: Option<i64> = on!(tx, c => sqlx::query_scalar(ACQUIRE)
        .bind(name)
        .bind(owner)
        .bind(expires.ms())
        .bind(now.ms())
        .fetch_optional(c).await)?;
    Ok(token.map(|token| Lease { name: name.to_owned(), owner: owner.to_owned(), token }))
}

/// Whether the lease has not been taken over since. Asked inside the transaction that commits the work done under it.
pub async fn holds(tx: &mut Tx, lease: &Lease) -> Result<bool, StoreError> {
    let token: Option<i64> = on!(tx, c => sqlx::query_scalar(HOLDS)
        .bind(&lease.name)
        .bind(&lease.owner)
        .bind(lease.token)
        .fetch_optional(c).await)?;
    Ok(token.is_some())
}

/// Extends a lease that nobody has taken over; `false` where somebody has, or where it was given back.
pub async fn renew(tx: &mut Tx, lease: &Lease, expires: Timestamp) -> Result<bool, StoreError> {
    Ok(on!(tx, c => sqlx::query(RENEW).bind(&lease.name).bind(&lease.owner).bind(lease.token).bind(expires.ms())
        .execute(c).await.map(|done| done.rows_affected() == 1))?)
}

/// What time the database has: one clock for all who share it.
pub async fn time(tx: &mut Tx) -> Result<Timestamp, StoreError> {
    let clock = tx.clock();
    let ms: i64 = on!(tx, c => sqlx::query_scalar(clock).fetch_one(c).await)?;
    Ok(Timestamp(ms))
}

/// Whether somebody holds the lease of that name.
pub async fn is_held(tx: &mut Tx, name: &str, now: Timestamp) -> Result<bool, StoreError> {
    let owner: Option<String> =
        on!(tx, c => sqlx::query_scalar(HELD).bind(name).bind(now.ms()).fetch_optional(c).await)?;
    Ok(owner.is_some())
}

/// Gives a lease back.
pub async fn release(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RELEASE).bind(&lease.name).bind(&lease.owner).bind(lease.token)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Ends every lease: their holders are known to be gone. A holder that is not is fenced by its token.
pub async fn release_all(tx: &mut Tx) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RELEASE_ALL).execute(c).await.map(|_| ())?);
    Ok(())
}

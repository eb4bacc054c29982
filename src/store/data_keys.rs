//! The keys that secrets are sealed with, wrapped. They belong to the installation, not to a tenant.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::Timestamp;

/// What signatures and keyed hashes come from.
pub const ROOT: &str = "root";
/// What secrets are sealed with.
pub const SEAL: &str = "seal";

row! {
    /// A wrapped key.
    pub struct DataKey {
        /// Its id: `root`, `d1`, `d2`, ….
        pub id: String,
        /// [`ROOT`] or [`SEAL`].
        pub purpose: String,
        /// The key, wrapped; empty once it is retired.
        pub wrapped: String,
        /// When it was made.
        pub created_ms: Timestamp,
        /// Nothing is sealed with it before.
        pub seals_from_ms: Timestamp,
        /// When nothing used it any more and it was destroyed.
        pub retired_ms: Option<Timestamp>,
    }
}

const LIST: &str = "SELECT id, purpose, wrapped, created_ms, seals_from_ms, retired_ms FROM data_keys
    ORDER BY seals_from_ms, created_ms, id";
const INSERT: &str = "INSERT INTO data_keys (id, purpose, wrapped, created_ms, seals_from_ms)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const REWRAP: &str = "UPDATE data_keys SET wrapped = $3 WHERE id = $1 AND wrapped = $2";
const RETIRE: &str = "UPDATE data_keys SET wrapped = '', retired_ms = $2 WHERE id = $1 AND retired_ms IS NULL";

/// All keys, in the order in which they seal.
pub async fn list(tx: &mut Tx) -> Result<Vec<DataKey>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).fetch_all(c).await)?)
}

/// Stores a new key; whether its id was free.
pub async fn insert(tx: &mut Tx, key: &DataKey) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(INSERT)
        .bind(&key.id)
        .bind(&key.purpose)
        .bind(&key.wrapped)
        .bind(key.created_ms.ms())
        .bind(key.seals_from_ms.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(rows == 1)
}

/// Replaces the wrapping of a key, if nobody else has.
pub async fn rewrap(tx: &mut Tx, key: &DataKey, wrapped: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(REWRAP).bind(&key.id).bind(&key.wrapped).bind(wrapped).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Destroys a key; whether it was there.
pub async fn retire(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(RETIRE).bind(id).bind(now.ms())
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(rows == 1)
}

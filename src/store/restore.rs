//! A database that was set back to a backup. The remote systems went on meanwhile, and so did the clients: what this
//! database remembers of how far they had come is not true any more.

use super::db::{Tx, on};
use super::error::StoreError;
use crate::model::ERA;
use crate::model::Timestamp;

/// Numbers of the lost time are never given again, and sync tokens from it are told from later ones by their era.
const ROOMS: &str = "UPDATE rooms SET seq = (seq / $1 + 1) * $1";
/// Everything is read anew, and nothing is sent before that: what stands there already is recognised first.
const MAPPINGS: &str =
    "UPDATE mappings SET cursor = '', completed_ms = NULL, wanted_ms = NULL, due_ms = $1, failures = 0,
    allowed_removals = 0 WHERE state <> 'removed'";
const OPERATIONS: &str = "UPDATE operations SET state = 'unknown', due_ms = $1, attempts = 0, lease_until_ms = 0,
    lease_owner = '' WHERE open";
const LEASES: &str = "UPDATE leases SET expires_ms = 0, token = token + 1";
const SUBSCRIPTIONS: &str = "UPDATE subscriptions SET state = 'dead' WHERE state <> 'dead'";

/// Begins anew on a restored database, for all tenants. Nothing else may work on it meanwhile.
pub async fn begin_anew(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ROOMS).bind(ERA).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(MAPPINGS).bind(now.ms()).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(OPERATIONS).bind(now.ms()).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(LEASES).execute(c).await.map(|_| ())?);
    on!(tx, c => sqlx::query(SUBSCRIPTIONS).execute(c).await.map(|_| ())?);
    Ok(())
}

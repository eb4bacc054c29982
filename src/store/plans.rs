//! What a first contact would do, kept for who has to approve it.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{MappingId, TenantId, Timestamp};

row! {
    /// A plan as it was last made.
    pub struct PlanRow {
        /// The mapping.
        pub mapping_id: MappingId,
        /// When it was made.
        pub made_ms: Timestamp,
        /// The plan as JSON.
        pub plan: String,
    }
}

const PUT: &str = "INSERT INTO plans (mapping_id, tenant_id, made_ms, plan) VALUES ($1, $2, $3, $4)
    ON CONFLICT (mapping_id) DO UPDATE SET made_ms = excluded.made_ms, plan = excluded.plan";
const GET: &str = "SELECT mapping_id, made_ms, plan FROM plans WHERE tenant_id = $1 AND mapping_id = $2";
const FORGET: &str = "DELETE FROM plans WHERE tenant_id = $1 AND mapping_id = $2";

/// Stores the plan of a mapping in the place of an earlier one.
pub async fn put(
    tx: &mut Tx,
    tenant: &TenantId,
    mapping: &MappingId,
    made: Timestamp,
    plan: &str,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(PUT).bind(mapping.as_str()).bind(tenant.as_str()).bind(made.ms()).bind(plan)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The plan of a mapping.
pub async fn get(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId) -> Result<Option<PlanRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(mapping.as_str()).fetch_optional(c).await)?)
}

/// Forgets the plan of a mapping.
pub async fn forget(tx: &mut Tx, tenant: &TenantId, mapping: &MappingId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(FORGET).bind(tenant.as_str()).bind(mapping.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

//! Draining tenants: once nothing is left to send they are suspended.

use super::{Engine, SyncError};
use crate::model::TenantState;
use crate::store::audit;
use crate::store::audit::Entry;
use crate::store::tenants;

/// Suspends every draining tenant whose outbox is empty.
pub(super) async fn keep(engine: &Engine) -> Result<(), SyncError> {
    if tenants::drained(&mut engine.store.begin_read().await?).await?.is_empty() {
        return Ok(());
    }
    let mut tx = engine.store.begin_write().await?;
    for tenant in tenants::drained(&mut tx).await? {
        tenants::set_state(&mut tx, &tenant.id, TenantState::Suspended, &tenant.reason).await?;
        let detail = format!("Tenant {} has nothing left to send and is suspended.", tenant.tenant_key);
        let (at, action) = (engine.now(), "tenant.suspend");
        let (tenant, actor, room, detail) = (&tenant.id, "reconciler", None, &detail);
        audit::append(&mut tx, &Entry { tenant, at, actor, action, room, uid: None, seq: 0, detail }).await?;
    }
    Ok(tx.commit().await?)
}

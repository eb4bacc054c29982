//! Organisations.

use super::{Acting, ManageError, Slug};
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::tenants;
use crate::store::tenants::Tenant;

/// The key of the tenant that is there from the first start on.
pub const DEFAULT: &str = "default";

/// The tenant with that key.
pub async fn find(tx: &mut Tx, key: &str) -> Result<Tenant, ManageError> {
    tenants::by_key(tx, key).await?.ok_or_else(|| ManageError::no("tenant", key))
}

/// The tenant with that key, made under that name if it is not there yet.
pub async fn ensure(
    tx: &mut Tx,
    (key, name): (&str, &str),
    zone: &ZoneId,
    now: Timestamp,
) -> Result<Tenant, ManageError> {
    let key = Slug::parse("tenant", key)?;
    if let Some(tenant) = tenants::by_key(tx, key.as_str()).await? {
        return Ok(tenant);
    }
    let tenant = Tenant {
        id: TenantId::fresh(),
        tenant_key: key.as_str().to_owned(),
        name: name.to_owned(),
        zone: zone.clone(),
        created_ms: now,
    };
    tenants::insert(tx, &tenant).await?;
    let acting = Acting { tenant: &tenant.id, actor: "system", now };
    acting.record(tx, "tenant.create", None, &format!("Tenant {key} was made.")).await?;
    Ok(tenant)
}

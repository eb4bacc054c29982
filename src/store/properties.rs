//! WebDAV properties that clients set (RFC 4918, 4.3), each kept for the principal who set it.

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::row;
use crate::model::{PrincipalId, TenantId};

row! {
    /// One property of one resource as one principal set it.
    pub struct PropertyRow {
        /// The resource: `room:<id>`, `principal:<id>`, `home`.
        pub resource: String,
        /// Namespace of the property's name.
        pub namespace: String,
        /// Local part of the property's name.
        pub name: String,
        /// The property element as it was sent: attributes and content, serialised.
        pub value: String,
    }
}

const SET: &str = "INSERT INTO properties (tenant_id, principal_id, resource, namespace, name, value)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, principal_id, resource, namespace, name) DO UPDATE SET value = excluded.value";
const REMOVE: &str = "DELETE FROM properties
    WHERE tenant_id = $1 AND principal_id = $2 AND resource = $3 AND namespace = $4 AND name = $5";
const OF_PRINCIPAL: &str = "SELECT resource, namespace, name, value FROM properties
    WHERE tenant_id = $1 AND principal_id = $2 ORDER BY resource, namespace, name";
const OF_RESOURCE: &str = "SELECT resource, namespace, name, value FROM properties
    WHERE tenant_id = $1 AND principal_id = $2 AND resource = $3 ORDER BY namespace, name";

/// Sets a property.
pub async fn set(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
    property: &PropertyRow,
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SET)
        .bind(tenant.as_str())
        .bind(principal.as_str())
        .bind(&property.resource)
        .bind(&property.namespace)
        .bind(&property.name)
        .bind(&property.value)
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// Removes a property; removing one that is not there is no error (RFC 4918, 9.2).
pub async fn remove(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
    resource: &str,
    name: (&str, &str),
) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(REMOVE)
        .bind(tenant.as_str())
        .bind(principal.as_str())
        .bind(resource)
        .bind(name.0)
        .bind(name.1)
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// Everything a principal has set anywhere: one query for a whole calendar home.
pub async fn of_principal(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
) -> Result<Vec<PropertyRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_PRINCIPAL).bind(tenant.as_str()).bind(principal.as_str()).fetch_all(c).await)?)
}

/// What a principal has set on one resource.
pub async fn of_resource(
    tx: &mut Tx,
    tenant: &TenantId,
    principal: &PrincipalId,
    resource: &str,
) -> Result<Vec<PropertyRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_RESOURCE).bind(tenant.as_str()).bind(principal.as_str()).bind(resource)
        .fetch_all(c).await)?)
}

//! `OpenID` Connect providers of tenants, and who is whom there.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{PrincipalId, ProviderId, TenantId, Timestamp};

row! {
    /// Whom a tenant trusts to say who somebody is.
    pub struct Provider {
        /// Its id.
        pub id: ProviderId,
        /// The tenant.
        pub tenant_id: TenantId,
        /// What it is called in addresses.
        pub name: String,
        /// What people read on its button.
        pub label: String,
        /// Its issuer identifier (`OpenID` Connect Discovery 1.0).
        pub issuer: String,
        /// Under which id the gateway is registered there.
        pub client_id: String,
        /// Everything else but the secret, as JSON.
        pub settings: String,
        /// The client secret, sealed; empty for a public client.
        pub sealed_secret: String,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

row! {
    /// A provider's name for somebody, and the principal here.
    pub struct Identity {
        /// The provider.
        pub provider_id: ProviderId,
        /// The claim `sub` of its tokens.
        pub subject: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// Who that is.
        pub principal_id: PrincipalId,
        /// Since when that is known.
        pub created_ms: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, name, label, issuer, client_id, settings, sealed_secret, created_ms"
    };
}

const INSERT: &str = concat!("INSERT INTO providers (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
const BY_NAME: &str = concat!("SELECT ", columns!(), " FROM providers WHERE tenant_id = $1 AND name = $2");
const GET: &str = concat!("SELECT ", columns!(), " FROM providers WHERE tenant_id = $1 AND id = $2");
const LIST: &str = concat!("SELECT ", columns!(), " FROM providers WHERE tenant_id = $1 ORDER BY name");
const BY_ISSUER: &str =
    concat!("SELECT ", columns!(), " FROM providers WHERE issuer = $1 ORDER BY created_ms, id LIMIT 100");
const OFFERED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM providers WHERE tenant_id IN (SELECT id FROM tenants WHERE state IN ('active', 'draining'))
    ORDER BY label, id LIMIT $1"
);
const UPDATE: &str = "UPDATE providers SET label = $3, issuer = $4, client_id = $5, settings = $6, sealed_secret = $7
    WHERE tenant_id = $1 AND id = $2";
const FORGET_EVERYBODY: [&str; 3] = [
    "DELETE FROM sign_ins WHERE tenant_id = $1 AND provider_id = $2",
    "DELETE FROM sessions WHERE tenant_id = $1 AND provider_id = $2",
    "DELETE FROM identities WHERE tenant_id = $1 AND provider_id = $2",
];
const DELETE: &str = "DELETE FROM providers WHERE tenant_id = $1 AND id = $2";
const IDENTITY: &str = "SELECT provider_id, subject, tenant_id, principal_id, created_ms FROM identities
    WHERE tenant_id = $1 AND provider_id = $2 AND subject = $3";
const IDENTITY_OF: &str = "SELECT provider_id, subject, tenant_id, principal_id, created_ms FROM identities
    WHERE tenant_id = $1 AND provider_id = $2 AND principal_id = $3 LIMIT 1";
const IDENTITIES: &str = "SELECT provider_id, subject, tenant_id, principal_id, created_ms FROM identities
    WHERE tenant_id = $1 AND principal_id = $2 ORDER BY created_ms";
const IDENTIFY: &str = "INSERT INTO identities (provider_id, subject, tenant_id, principal_id, created_ms)
    VALUES ($1, $2, $3, $4, $5)";

/// Stores a new provider; [`StoreError::Taken`] when the name exists in the tenant.
pub async fn insert(tx: &mut Tx, provider: &Provider) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(provider.id.as_str())
        .bind(provider.tenant_id.as_str())
        .bind(&provider.name)
        .bind(&provider.label)
        .bind(&provider.issuer)
        .bind(&provider.client_id)
        .bind(&provider.settings)
        .bind(&provider.sealed_secret)
        .bind(provider.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The provider of that name.
pub async fn by_name(tx: &mut Tx, tenant: &TenantId, name: &str) -> Result<Option<Provider>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_NAME).bind(tenant.as_str()).bind(name).fetch_optional(c).await)?)
}

/// The provider with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &ProviderId) -> Result<Option<Provider>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// The providers of a tenant, by name.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Provider>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Providers of any tenant with that issuer: a token says no more about where it belongs.
pub async fn by_issuer(tx: &mut Tx, issuer: &str) -> Result<Vec<Provider>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_ISSUER).bind(issuer).fetch_all(c).await)?)
}

/// What somebody may choose from who does not say which tenant is meant: providers of tenants that are open.
pub async fn offered(tx: &mut Tx, limit: i64) -> Result<Vec<Provider>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OFFERED).bind(limit).fetch_all(c).await)?)
}

/// Changes everything but its name.
pub async fn update(tx: &mut Tx, provider: &Provider) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(UPDATE)
        .bind(provider.tenant_id.as_str())
        .bind(provider.id.as_str())
        .bind(&provider.label)
        .bind(&provider.issuer)
        .bind(&provider.client_id)
        .bind(&provider.settings)
        .bind(&provider.sealed_secret)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Removes a provider, with its sessions and whom it knows.
pub async fn delete(tx: &mut Tx, tenant: &TenantId, id: &ProviderId) -> Result<(), StoreError> {
    forget_everybody(tx, tenant, id).await?;
    on!(tx, c => sqlx::query(DELETE).bind(tenant.as_str()).bind(id.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Ends the sessions of a provider and forgets whom it knows.
pub async fn forget_everybody(tx: &mut Tx, tenant: &TenantId, id: &ProviderId) -> Result<(), StoreError> {
    for statement in FORGET_EVERYBODY {
        on!(tx, c => sqlx::query(statement).bind(tenant.as_str()).bind(id.as_str()).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// Who a provider's subject is.
pub async fn identity(tx: &mut Tx, provider: &Provider, subject: &str) -> Result<Option<Identity>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(IDENTITY)
        .bind(provider.tenant_id.as_str())
        .bind(provider.id.as_str())
        .bind(subject)
        .fetch_optional(c).await)?)
}

/// As whom a provider knows a principal.
pub async fn identity_of(
    tx: &mut Tx,
    provider: &Provider,
    principal: &PrincipalId,
) -> Result<Option<Identity>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(IDENTITY_OF)
        .bind(provider.tenant_id.as_str())
        .bind(provider.id.as_str())
        .bind(principal.as_str())
        .fetch_optional(c).await)?)
}

/// As whom all providers know a principal.
pub async fn identities(tx: &mut Tx, tenant: &TenantId, id: &PrincipalId) -> Result<Vec<Identity>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(IDENTITIES).bind(tenant.as_str()).bind(id.as_str()).fetch_all(c).await)?)
}

/// Remembers who a subject is; [`StoreError::Taken`] when somebody else has done so.
pub async fn identify(tx: &mut Tx, identity: &Identity) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(IDENTIFY)
        .bind(identity.provider_id.as_str())
        .bind(&identity.subject)
        .bind(identity.tenant_id.as_str())
        .bind(identity.principal_id.as_str())
        .bind(identity.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

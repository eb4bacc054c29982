//! `OpenID` Connect providers: whom a tenant trusts to say who somebody is, and what follows from what it says.

use super::{Acting, ManageError, Slug, rooms};
use crate::bridge::oidc::Terms;
use crate::bridge::oidc::{self};
use crate::crypt::CryptError;
use crate::crypt::KeyRing;
use crate::crypt::Place;
use crate::crypt::Secret;
use crate::model::ProviderId;
use crate::model::Role;
use crate::model::TenantId;
use crate::store::Tx;
use crate::store::providers;
use crate::store::providers::Provider;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most providers of one tenant.
const MOST: usize = 20;
/// Most entries of a list or map of the settings.
const ENTRIES: usize = 100;

/// A provider to make.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    /// What it is called in addresses; 1 to 64 of a-z, 0-9 and `-`.
    pub name: String,
    /// What people read on its button; the name if left out.
    #[serde(default)]
    pub label: Option<String>,
    /// Its issuer identifier, exactly as it writes it itself; `/.well-known/openid-configuration` is found below it.
    pub issuer: String,
    /// Under which id the gateway is registered there.
    pub client_id: String,
    /// What proves that; left out for a public client. Sealed before it is stored, never shown again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub client_secret: Option<Secret>,
    /// What follows from what it says.
    #[serde(default)]
    pub settings: ProviderSettings,
}

/// Changes to a provider; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderPatch {
    /// What people read on its button.
    #[serde(default)]
    pub label: Option<String>,
    /// Its issuer identifier.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Under which id the gateway is registered there.
    #[serde(default)]
    pub client_id: Option<String>,
    /// What proves that; empty for a public client.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub client_secret: Option<Secret>,
    /// What follows from what it says, in whole.
    #[serde(default)]
    pub settings: Option<ProviderSettings>,
}

/// What is asked of a provider, and what follows from what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderSettings {
    /// Scopes that are asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Audiences (`aud`) of access tokens that are meant for this interface; the client id if empty.
    pub audiences: Vec<String>,
    /// The claim that says as whom somebody is known here: a login or an e-mail address. Whoever may choose it at the
    /// provider chooses who they are.
    pub login_claim: String,
    /// The claim with roles or groups; a path such as `realm_access.roles` leads into objects.
    pub role_claim: String,
    /// Which role stands for which value of that claim; the strongest counts, and none is `member`. Where there is any,
    /// the provider decides about roles; otherwise they are given here. `super_admin` is not to be had this way.
    pub roles: BTreeMap<String, Role>,
    /// Domains of those who may sign in, as they stand behind the `@` of the login claim; all if empty.
    pub domains: Vec<String>,
    /// Whether a principal is made for somebody who is not known yet.
    pub create_principals: bool,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            audiences: Vec::new(),
            login_claim: "email".to_owned(),
            role_claim: "roles".to_owned(),
            roles: BTreeMap::new(),
            domains: Vec::new(),
            create_principals: false,
        }
    }
}

/// The provider of that name.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, name: &str) -> Result<Provider, ManageError> {
    providers::by_name(tx, acting.tenant, name).await?.ok_or_else(|| ManageError::no("provider", name))
}

/// Makes a provider.
pub async fn create(
    tx: &mut Tx,
    acting: &Acting<'_>,
    ring: &KeyRing,
    new: &NewProvider,
) -> Result<Provider, ManageError> {
    let name = Slug::parse("name", &new.name)?;
    let has = providers::list(tx, acting.tenant).await?.len();
    if has >= MOST {
        return Err(ManageError::State { why: format!("the tenant has {has} providers already, which is the most") });
    }
    let id = ProviderId::fresh();
    let provider = Provider {
        tenant_id: acting.tenant.clone(),
        label: rooms::line("label", new.label.as_deref().unwrap_or(name.as_str()), 100)?,
        issuer: issuer(&new.issuer)?,
        client_id: client_id(&new.client_id)?,
        settings: checked(&new.settings)?,
        sealed_secret: seal(ring, acting.tenant, &id, new.client_secret.as_ref())?,
        created_ms: acting.now,
        name: name.as_str().to_owned(),
        id,
    };
    providers::insert(tx, &provider)
        .await
        .map_err(|error| ManageError::taken(error, || format!("there is a provider {name} already")))?;
    let detail = format!("{} may say who signs in, as provider {name}.", provider.issuer);
    acting.record(tx, "provider.create", None, &detail).await?;
    Ok(provider)
}

/// Changes a provider. Another issuer is somebody else: whom the former one knew is not known any more, and is signed out.
pub async fn update(
    tx: &mut Tx,
    acting: &Acting<'_>,
    ring: &KeyRing,
    name: &str,
    patch: &ProviderPatch,
) -> Result<Provider, ManageError> {
    let mut provider = find(tx, acting, name).await?;
    if let Some(label) = &patch.label {
        provider.label = rooms::line("label", label, 100)?;
    }
    if let Some(text) = &patch.client_id {
        provider.client_id = client_id(text)?;
    }
    if let Some(settings) = &patch.settings {
        provider.settings = checked(settings)?;
    }
    let other = patch.issuer.as_ref().filter(|other| **other != provider.issuer);
    if let Some(other) = other {
        // A secret goes to nobody but whom it was made for.
        if patch.client_secret.is_none() && !provider.sealed_secret.is_empty() {
            return Err(ManageError::invalid("client_secret", "is to be given anew along with another issuer"));
        }
        provider.issuer = issuer(other)?;
        providers::forget_everybody(tx, acting.tenant, &provider.id).await?;
    }
    if let Some(secret) = &patch.client_secret {
        provider.sealed_secret = seal(ring, acting.tenant, &provider.id, Some(secret))?;
    }
    providers::update(tx, &provider).await?;
    let also = if other.is_some() { " Nobody is known there any more." } else { "" };
    acting.record(tx, "provider.update", None, &format!("Provider {name} was changed.{also}")).await?;
    Ok(provider)
}

/// Removes a provider; whoever signed in by it is signed out. Their principals stay.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, name: &str) -> Result<(), ManageError> {
    let provider = find(tx, acting, name).await?;
    providers::delete(tx, acting.tenant, &provider.id).await?;
    let detail = format!("Provider {name} was removed, and whoever signed in by it was signed out.");
    Ok(acting.record(tx, "provider.remove", None, &detail).await?)
}

/// The settings of a provider.
pub fn settings(provider: &Provider) -> Result<ProviderSettings, ManageError> {
    serde_json::from_str(&provider.settings).map_err(|error| ManageError::invalid("settings", error.to_string()))
}

/// On which terms a provider is used.
pub(super) fn terms(ring: &KeyRing, provider: &Provider) -> Result<Terms, ManageError> {
    let settings = settings(provider)?;
    let audiences = if settings.audiences.is_empty() { vec![provider.client_id.clone()] } else { settings.audiences };
    let client_secret = match provider.sealed_secret.as_str() {
        "" => None,
        sealed => Some(ring.open(place(&provider.tenant_id, &provider.id), sealed)?),
    };
    let mut claims = vec![settings.login_claim];
    if !settings.roles.is_empty() {
        claims.push(settings.role_claim);
    }
    Ok(Terms { client_id: provider.client_id.clone(), client_secret, scopes: settings.scopes, audiences, claims })
}

fn issuer(text: &str) -> Result<String, ManageError> {
    let text = rooms::line("issuer", text, 500)?;
    oidc::issuer(&text).map_err(|why| ManageError::invalid("issuer", why))
}

fn client_id(text: &str) -> Result<String, ManageError> {
    rooms::line("client_id", text, 300)
}

/// The settings as they are stored.
fn checked(settings: &ProviderSettings) -> Result<String, ManageError> {
    let invalid = |why: &str| Err(ManageError::invalid("settings", why));
    let lists = [&settings.scopes, &settings.audiences, &settings.domains];
    if lists.iter().any(|list| list.len() > ENTRIES) || settings.roles.len() > ENTRIES {
        return invalid("a list of more than 100 entries");
    }
    let texts = lists.into_iter().flatten().chain(settings.roles.keys());
    let texts = texts.chain([&settings.login_claim, &settings.role_claim]);
    if texts.into_iter().any(|text| text.trim().is_empty() || text.len() > 300 || text.chars().any(char::is_control)) {
        return invalid("an entry that is empty or longer than 300 characters");
    }
    if settings.scopes.iter().any(|scope| scope.contains(char::is_whitespace)) {
        return invalid("a scope with a space; write each scope as an entry of its own");
    }
    if settings.domains.iter().any(|domain| domain.contains('@')) {
        return invalid("a domain with an @; write what stands behind it");
    }
    if settings.roles.values().any(|role| *role == Role::SuperAdmin) {
        return invalid("the role super_admin; who runs the server signs in with a key or an app password");
    }
    let settings = ProviderSettings {
        domains: settings.domains.iter().map(|domain| domain.trim().to_lowercase()).collect(),
        ..settings.clone()
    };
    serde_json::to_string(&settings).map_err(|error| ManageError::invalid("settings", error.to_string()))
}

fn seal(ring: &KeyRing, tenant: &TenantId, id: &ProviderId, secret: Option<&Secret>) -> Result<String, CryptError> {
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => ring.seal(place(tenant, id), secret.reveal()),
        None => Ok(String::new()),
    }
}

fn place<'a>(tenant: &'a TenantId, id: &'a ProviderId) -> Place<'a> {
    Place { tenant, table: "providers", column: "sealed_secret", row: id.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_would_give_too_much_or_mean_nothing_are_refused() {
        let with = |change: fn(&mut ProviderSettings)| {
            let mut settings = ProviderSettings::default();
            change(&mut settings);
            checked(&settings).map_err(|error| error.to_string())
        };
        assert!(with(|_| {}).is_ok());
        for (change, says) in [
            (
                (|s| s.roles = BTreeMap::from([("root".to_owned(), Role::SuperAdmin)])) as fn(&mut ProviderSettings),
                "super_admin",
            ),
            (|s| s.scopes = vec!["email profile".to_owned()], "each scope"),
            (|s| s.domains = vec!["@city.example".to_owned()], "behind it"),
            (|s| s.login_claim.clear(), "empty"),
            (|s| s.audiences = vec!["a".to_owned(); 101], "100"),
        ] {
            let refused = with(change).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        let stored = with(|s| s.domains = vec!["City.Example".to_owned()]).unwrap();
        assert!(stored.contains("\"city.example\""), "{stored}");
    }
}

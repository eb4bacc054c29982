//! Providers of sign-ins and sessions as JSON; never a secret, a cookie or a hash.

use super::{Names, text_if, time};
use crate::manage::ManageError;
use crate::manage::providers::ProviderSettings;
use crate::manage::providers::settings;
use crate::model::Role;
use crate::store::providers::Provider;
use crate::store::sessions::Session;
use serde::Serialize;

/// Whom a tenant trusts to say who somebody is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProviderView {
    /// What it is called in addresses.
    pub name: String,
    /// What people read on its button.
    pub label: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// Under which id the gateway is registered there.
    pub client_id: String,
    /// Whether it has a client secret.
    pub has_secret: bool,
    /// What follows from what it says.
    pub settings: ProviderSettings,
    /// The redirect URI that has to be registered there; absent where this is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// When it was made.
    pub created: String,
}

impl ProviderView {
    /// With the address that browsers come back to.
    pub fn of(provider: Provider, redirect: Option<&str>) -> Result<Self, ManageError> {
        Ok(Self {
            settings: settings(&provider)?,
            name: provider.name,
            label: provider.label,
            issuer: provider.issuer,
            client_id: provider.client_id,
            has_secret: !provider.sealed_secret.is_empty(),
            redirect_uri: redirect.map(str::to_owned),
            created: time(provider.created_ms),
        })
    }
}

/// A browser that is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Who.
    pub login: String,
    /// By which provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The program that signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Since when.
    pub created: String,
    /// When it was last used, to the minute.
    pub last_used: String,
    /// When it ends in any case.
    pub expires: String,
}

impl SessionView {
    /// With the names of principal and provider.
    pub fn of(session: Session, names: &Names, providers: &[Provider]) -> Self {
        let provider = providers.iter().find(|one| one.id == session.provider_id);
        Self {
            id: session.id.to_string(),
            login: names.principal(session.principal_id.as_str()),
            provider: provider.map(|one| one.name.clone()),
            agent: text_if(session.agent),
            created: time(session.created_ms),
            last_used: time(session.last_used_ms),
            expires: time(session.expires_ms),
        }
    }
}

/// Who asks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OwnView {
    /// The user name.
    pub login: String,
    /// The name people read.
    pub display_name: String,
    /// Key of the principal's own tenant.
    pub tenant: String,
    /// What it may do outside single rooms.
    pub role: Role,
    /// Whether it came with a secret for reading only.
    pub read_only: bool,
    /// The session, for who comes by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// When the session ends in any case, or the app password or API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What a change by the session has to bring along in the header `X-CSRF-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_token: Option<String>,
}

//! Signing in by a provider: browsers with the authorization code flow, which ends in a session; programs with access tokens.

use super::arrival::{self, Way};
use super::{Acting, ManageError, providers, tenants};
use crate::bridge::oidc::{self, Issuers, OidcError, Travel};
use crate::config;
use crate::crypt::CryptError;
use crate::crypt::Keys;
use crate::crypt::Secret;
use crate::crypt::session;
use crate::model::SessionId;
use crate::model::TenantId;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::principals;
use crate::store::principals::Principal;
use crate::store::providers as known;
use crate::store::providers::Provider;
use crate::store::sessions;
use crate::store::sessions::{Errand, Session};
use crate::store::tenants::Tenant;
use std::sync::Arc;

/// How long a browser may take at the provider.
const ERRAND_MS: i64 = 600_000;
/// Most browsers of one tenant that are expected back at a time; nobody shuts others out by beginning more.
const ERRANDS: i64 = 10_000;
/// Longest name of a program that is written down.
const AGENT_CHARS: usize = 200;
/// How exactly it is known when a session was last used.
const TOUCH_MS: i64 = 60_000;
/// Most providers that somebody may choose from who names no tenant.
const OFFERED: i64 = 50;

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// The provider, or what it sent.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// Who it is may not come in, or something else that `manage` refuses.
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// The browser is not one that was sent to a provider a moment ago.
    #[error("{0}")]
    Astray(&'static str),
}

impl From<StoreError> for FederationError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}

impl From<CryptError> for FederationError {
    fn from(error: CryptError) -> Self {
        Self::Manage(error.into())
    }
}

/// Signs in by providers; one for each server, shared by its doors.
pub struct Federation {
    store: Store,
    keys: Arc<Keys>,
    issuers: Issuers,
    redirect: String,
    session_ms: i64,
    idle_ms: i64,
}

/// A browser on its way to a provider.
pub struct Departure {
    /// Where it goes.
    pub url: String,
    /// What it keeps meanwhile.
    pub token: Secret,
    /// How long it may take, in seconds.
    pub seconds: i64,
}

/// What a provider sends a browser back with (RFC 6749, 4.1.2).
#[derive(Clone, Debug, Default)]
pub struct Returned {
    /// What it left with.
    pub state: String,
    /// The code, if it signed in.
    pub code: Option<String>,
    /// Why not, otherwise.
    pub error: Option<String>,
    /// Who says so, where that is said (RFC 9207).
    pub issuer: Option<String>,
}

/// A browser that is signed in.
pub struct Arrival {
    /// Who it is.
    pub principal: Principal,
    /// Where that principal belongs.
    pub tenant: Tenant,
    /// What the browser keeps.
    pub token: Secret,
    /// How long, in seconds.
    pub seconds: i64,
}

/// Who is behind a cookie.
#[derive(Clone)]
pub struct Entered {
    /// The session.
    pub session: Session,
    /// Who.
    pub principal: Principal,
    /// What has to come along with a change.
    pub form_token: String,
}

impl Federation {
    /// Where browsers come back to, below the public address.
    pub const RETURN: &str = "/sign-in/callback";

    /// What signs in by the providers of `store`; `public_url` is where browsers reach the server.
    pub fn new(store: Store, keys: Arc<Keys>, issuers: Issuers, public_url: &str, terms: &config::Auth) -> Self {
        Self {
            store,
            keys,
            issuers,
            redirect: format!("{}{}", public_url.trim_end_matches('/'), Self::RETURN),
            session_ms: terms.session_hours * 3_600_000,
            idle_ms: terms.session_idle_minutes * 60_000,
        }
    }

    /// Whether browsers come by TLS, and send cookies over nothing else.
    pub fn is_secure(&self) -> bool {
        !self.redirect.starts_with("http://")
    }

    /// Where browsers come back to: what the provider has to allow.
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// The providers to choose from: those of a tenant, or of all that are open.
    pub async fn offered(&self, tenant: Option<&TenantId>) -> Result<Vec<(Provider, Tenant)>, StoreError> {
        let mut tx = self.store.begin_read().await?;
        let all = match tenant {
            Some(tenant) => known::list(&mut tx, tenant).await?,
            None => known::offered(&mut tx, OFFERED).await?,
        };
        let mut offered = Vec::new();
        for provider in all {
            if let Some(tenant) = crate::store::tenants::get(&mut tx, &provider.tenant_id).await? {
                offered.push((provider, tenant));
            }
        }
        Ok(offered)
    }

    /// Sends a browser to a provider.
    pub async fn depart(&self, tenant: &str, name: &str, now: Timestamp) -> Result<Departure, FederationError> {
        let mut tx = self.store.begin_read().await?;
        let tenant = tenants::find(&mut tx, tenant).await?;
        require_open(&tenant)?;
        let acting = Acting { tenant: &tenant.id, actor: "nobody", now };
        let provider = providers::find(&mut tx, &acting, name).await?;
        drop(tx);
        let token = session::mint()?;
        let errand = session::Errand::of(&self.keys.session, &token);
        let terms = providers::terms(&self.keys.ring, &provider)?;
        let travel = Travel { redirect: &self.redirect, nonce: &errand.nonce, verifier: &errand.verifier };
        let url = self.issuers.of(&provider.issuer)?.send(&terms, &travel, errand.state.clone()).await?;
        self.expect(&provider, &token, now).await?;
        Ok(Departure { url, token, seconds: ERRAND_MS / 1000 })
    }

    /// Expects a browser back.
    async fn expect(&self, provider: &Provider, token: &Secret, now: Timestamp) -> Result<(), FederationError> {
        let mut tx = self.store.begin_write().await?;
        sessions::forget(&mut tx, now).await?;
        let errand = Errand {
            token_hash: session::hash(&self.keys.session, token),
            tenant_id: provider.tenant_id.clone(),
            provider_id: provider.id.clone(),
            expires_ms: now.plus_ms(ERRAND_MS),
        };
        sessions::send(&mut tx, &errand).await?;
        sessions::expect_at_most(&mut tx, &provider.tenant_id, ERRANDS).await?;
        Ok(tx.commit().await?)
    }

    /// A browser comes back from a provider. It does so once, whatever it comes back with.
    pub async fn arrive(
        &self,
        token: Option<&Secret>,
        returned: &Returned,
        agent: &str,
        now: Timestamp,
    ) -> Result<Arrival, FederationError> {
        let token = token.ok_or(FederationError::Astray(
            "this browser was not sent to a provider from here, or its cookies are gone; begin anew",
        ))?;
        let errand = session::Errand::of(&self.keys.session, token);
        if !errand.is_state(&returned.state) {
            return Err(FederationError::Astray("this is the answer to another sign-in; begin anew"));
        }
        let provider = self.came_back(token, now).await?;
        if returned.issuer.as_ref().is_some_and(|issuer| *issuer != provider.issuer) {
            return Err(FederationError::Astray("this is the answer of another provider; begin anew"));
        }
        let code = match (&returned.code, &returned.error) {
            (Some(code), None) => code,
            (_, Some(error)) => return Err(not_signed_in(&provider, error).into()),
            (None, None) => return Err(not_signed_in(&provider, "it says nothing").into()),
        };
        let terms = providers::terms(&self.keys.ring, &provider)?;
        let travel = Travel { redirect: &self.redirect, nonce: &errand.nonce, verifier: &errand.verifier };
        let claims = self.issuers.of(&provider.issuer)?.exchange(&terms, &travel, code).await?;
        let mut tx = self.store.begin_write().await?;
        let principal = arrival::admit(&mut tx, &provider, &claims, Way::Browser, now).await?;
        self.begin(tx, (&provider, principal), agent, now).await
    }

    async fn came_back(&self, token: &Secret, now: Timestamp) -> Result<Provider, FederationError> {
        let mut tx = self.store.begin_write().await?;
        let errand = sessions::come_back(&mut tx, &session::hash(&self.keys.session, token)).await?;
        let errand = errand.filter(|errand| now < errand.expires_ms);
        let errand = errand.ok_or(FederationError::Astray(
            "this answer was used already, or it took longer than ten minutes; begin anew",
        ))?;
        let provider = known::get(&mut tx, &errand.tenant_id, &errand.provider_id).await?;
        let tenant = crate::store::tenants::get(&mut tx, &errand.tenant_id).await?;
        tx.commit().await?;
        tenant.as_ref().map_or(Ok(()), require_open)?;
        Ok(provider.ok_or_else(|| ManageError::no("provider", errand.provider_id.as_str()))?)
    }

    /// Begins a session, in the transaction in which somebody was admitted.
    async fn begin(
        &self,
        mut tx: Tx,
        (provider, principal): (&Provider, Principal),
        agent: &str,
        now: Timestamp,
    ) -> Result<Arrival, FederationError> {
        let token = session::mint()?;
        let begun = Session {
            id: SessionId::fresh(),
            tenant_id: principal.tenant_id.clone(),
            principal_id: principal.id.clone(),
            provider_id: provider.id.clone(),
            token_hash: session::hash(&self.keys.session, &token),
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS).collect(),
            created_ms: now,
            last_used_ms: now,
            expires_ms: now.plus_ms(self.session_ms),
        };
        sessions::insert(&mut tx, &begun).await?;
        let tenant = crate::store::tenants::get(&mut tx, &principal.tenant_id).await?;
        let tenant = tenant.ok_or_else(|| ManageError::no("tenant", principal.tenant_id.as_str()))?;
        let actor = format!("principal:{}", principal.login);
        let acting = Acting { tenant: &tenant.id, actor: &actor, now };
        let detail = format!("{} signed in by provider {} (session {}).", principal.login, provider.name, begun.id);
        acting.record(&mut tx, "session.begin", None, &detail).await?;
        tx.commit().await?;
        Ok(Arrival { principal, tenant, token, seconds: self.session_ms / 1000 })
    }

    /// Who is behind a cookie; `None` where its session has ended or its principal is locked out.
    pub async fn entered(&self, token: &Secret, now: Timestamp) -> Result<Option<Entered>, StoreError> {
        let mut tx = self.store.begin_read().await?;
        let found = sessions::by_hash(&mut tx, &session::hash(&self.keys.session, token)).await?;
        let Some(mut session) = found.filter(|one| self.lasts(one, now)) else { return Ok(None) };
        let principal = principals::get(&mut tx, &session.tenant_id, &session.principal_id).await?;
        drop(tx);
        let Some(principal) = principal.filter(|one| !one.disabled) else { return Ok(None) };
        if now.ms() - session.last_used_ms.ms() >= TOUCH_MS {
            let mut tx = self.store.begin_write().await?;
            sessions::touch(&mut tx, &session, now).await?;
            tx.commit().await?;
            session.last_used_ms = now;
        }
        let form_token = session::form_token(&self.keys.session, session.id.as_str());
        Ok(Some(Entered { session, principal, form_token }))
    }

    fn lasts(&self, session: &Session, now: Timestamp) -> bool {
        now < session.expires_ms && now < session.last_used_ms.plus_ms(self.idle_ms)
    }

    /// Whether a change comes from a page that was shown in this session.
    pub fn is_from_us(&self, session: &Session, form_token: &str) -> bool {
        session::is_form_token(&self.keys.session, session.id.as_str(), form_token)
    }

    /// Who an access token stands for, and by which provider; `within` is the tenant that is asked for.
    pub async fn by_token(
        &self,
        token: &str,
        within: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<(Principal, Provider), FederationError> {
        let provider = self.provider_of(token, within).await?;
        let terms = providers::terms(&self.keys.ring, &provider)?;
        let claims = self.issuers.of(&provider.issuer)?.bearer(&terms, token).await?;
        let mut tx = self.store.begin_read().await?;
        if let Some(principal) = arrival::again(&mut tx, &provider, &claims).await? {
            return Ok((principal, provider));
        }
        drop(tx);
        let mut tx = self.store.begin_write().await?;
        let principal = arrival::admit(&mut tx, &provider, &claims, Way::Token, now).await?;
        tx.commit().await?;
        Ok((principal, provider))
    }

    /// Whose business a token is by its own account: issued by a provider, and meant for what that provider knows us as.
    async fn provider_of(&self, token: &str, within: Option<&TenantId>) -> Result<Provider, FederationError> {
        let refused = |why: &str| FederationError::Oidc(OidcError::Token(why.to_owned()));
        let (issuer, audiences) =
            oidc::unverified(token).ok_or_else(|| refused("the token is no signed JSON Web Token"))?;
        let all = known::by_issuer(&mut self.store.begin_read().await?, &issuer).await?;
        if all.is_empty() {
            return Err(refused("the token was issued by nobody who is trusted here (iss)"));
        }
        let mut meant = Vec::new();
        for provider in all {
            let settings = providers::settings(&provider)?;
            let ours =
                if settings.audiences.is_empty() { vec![provider.client_id.clone()] } else { settings.audiences };
            if ours.iter().any(|one| audiences.contains(one)) {
                meant.push(provider);
            }
        }
        if meant.iter().any(|one| Some(&one.tenant_id) == within) {
            meant.retain(|one| Some(&one.tenant_id) == within);
        }
        match meant.pop() {
            None => Err(refused("the token is meant for somebody else (aud)")),
            Some(one) if meant.iter().all(|other| other.tenant_id == one.tenant_id) => Ok(one),
            Some(_) => Err(refused("the token is good for several tenants; ask below /v1/tenants/{tenant}")),
        }
    }

    /// Asks a provider what it says of itself; answers how many keys it has.
    pub async fn look(&self, provider: &Provider) -> Result<usize, OidcError> {
        self.issuers.of(&provider.issuer)?.look().await
    }
}

/// Nobody signs in to a tenant that is closed.
fn require_open(tenant: &Tenant) -> Result<(), ManageError> {
    if matches!(tenant.state, TenantState::Active | TenantState::Draining) {
        return Ok(());
    }
    Err(ManageError::Forbidden { why: format!("the tenant {} is closed", tenant.tenant_key) })
}

fn not_signed_in(provider: &Provider, error: &str) -> OidcError {
    let said: String = error.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(100).collect();
    if said == "access_denied" {
        return OidcError::Token(format!("{} did not let you in, or you did not want to", provider.label));
    }
    OidcError::Settings { issuer: provider.issuer.clone(), why: format!("it sent the browser back with {said:?}") }
}

/// Ends a session of somebody.
pub async fn end(tx: &mut Tx, acting: &Acting<'_>, id: &SessionId) -> Result<(), ManageError> {
    let session = sessions::get(tx, acting.tenant, id).await?.ok_or_else(|| ManageError::no("session", id.as_str()))?;
    sessions::end(tx, acting.tenant, id).await?;
    let whose = principals::get(tx, acting.tenant, &session.principal_id).await?;
    let login = whose.map_or_else(|| session.principal_id.to_string(), |one| one.login);
    Ok(acting.record(tx, "session.end", None, &format!("The session {id} of {login} was ended.")).await?)
}

/// The name of a cookie: browsers send one that begins with `__Host-` over TLS and to this host only (RFC 6265bis, 4.1.3.2).
fn cookie_name(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

/// What browsers keep.
#[derive(Clone, Copy)]
pub enum Cookie {
    /// The session.
    Session,
    /// What it left with to a provider.
    Errand,
}

impl Cookie {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "anteroom-session",
            Self::Errand => "anteroom-sign-in",
        }
    }

    /// The value of this cookie among those of a header `Cookie`.
    pub fn find(self, header: &str, secure: bool) -> Option<Secret> {
        let name = cookie_name(self.name(), secure);
        let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        let value = pairs.filter(|(one, _)| *one == name).map(|(_, value)| value).next()?;
        (!value.is_empty() && value.len() <= 200).then(|| Secret::from(value))
    }

    /// The value of a header `Set-Cookie` that has a browser keep this for so many seconds; none to forget it.
    pub fn set(self, value: &str, secure: bool, seconds: i64) -> String {
        let (name, tls) = (cookie_name(self.name(), secure), if secure { "; Secure" } else { "" });
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{tls}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_back_from_among_others_and_belongs_to_its_kind_of_transport() {
        let set = Cookie::Session.set("abc", true, 60);
        assert_eq!(set, "__Host-anteroom-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        let header = format!("a=b; {}; anteroom-session=plain", set.split(';').next().unwrap());
        assert_eq!(Cookie::Session.find(&header, true).unwrap().reveal(), "abc");
        assert_eq!(Cookie::Session.find(&header, false).unwrap().reveal(), "plain");
        assert!(
            Cookie::Errand.find(&header, true).is_none() && Cookie::Session.find("anteroom-session=", false).is_none()
        );
        assert!(!Cookie::Errand.set("", false, 0).contains("Secure"));
    }
}

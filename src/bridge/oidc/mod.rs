//! `OpenID` Connect providers, as a relying party sees them (`OpenID` Connect Core 1.0 and Discovery 1.0): where their endpoints
//! are, the authorization code flow with PKCE (RFC 7636), and tokens that are believed because a key of theirs signed them.
//!
//! What a provider says of itself is kept for an hour and used for a day where it does not answer. A key that is not known
//! has it asked anew, at most once a minute, so that nobody makes us ask by sending tokens.

mod claims;
mod token;

pub use claims::Claims;
pub use token::unverified;

use super::BridgeError;
use super::http::Dial;
use super::http::Http;
use super::http::Intent;
use super::http::clip;
use super::http::is_loopback;
use crate::config::Limits;
use crate::config::Secret;
use crate::model::Clock;
use crate::model::Timestamp;
use openidconnect::core::CoreAuthenticationFlow;
use openidconnect::core::CoreClient;
use openidconnect::core::CoreClientAuthMethod;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::core::CoreProviderMetadata;
use openidconnect::core::CoreTokenResponse;
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, HttpRequest, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardErrorResponse,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex as Lock;
use std::sync::PoisonError;
use token::Doubt;
use token::Wanted;
use tokio::sync::Mutex;

/// How long what a provider says of itself counts as fresh.
const FRESH_MS: i64 = 3_600_000;
/// How long it is used where the provider does not answer.
const USABLE_MS: i64 = 86_400_000;
/// How long a key that is not known is not asked for again.
const KEYS_MS: i64 = 60_000;
/// How long a provider that did not answer is left alone.
const FAILED_MS: i64 = 10_000;
/// Longest time for one exchange with a provider.
const PATIENCE_MS: u64 = 10_000;
/// Most providers that are remembered.
const ISSUERS: usize = 1_000;

/// Why somebody is not signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer, or not as it should.
    #[error("the provider {issuer} does not answer as it should: {why}")]
    Provider {
        /// Its issuer identifier.
        issuer: String,
        /// What is wrong.
        why: String,
    },
    /// The provider does not know us as it should.
    #[error("the provider {issuer} does not accept how it is asked: {why}")]
    Settings {
        /// Its issuer identifier.
        issuer: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The token or the code is not to be believed.
    #[error("{0}")]
    Token(String),
}

/// On which terms a provider is used.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Under which id the gateway is registered.
    pub client_id: String,
    /// What proves that; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Audiences of access tokens that are meant for the gateway.
    pub audiences: Vec<String>,
    /// Claims without which nobody is known; what the ID token lacks is asked for at the `userinfo` endpoint.
    pub claims: Vec<String>,
}

/// What goes along with a browser, and has to come back.
pub struct Travel<'a> {
    /// Where the provider sends it back to.
    pub redirect: &'a str,
    /// `nonce`.
    pub nonce: &'a str,
    /// The code verifier (RFC 7636).
    pub verifier: &'a Secret,
}

/// The providers that were asked, by issuer.
pub struct Issuers {
    known: Lock<HashMap<String, Arc<Issuer>>>,
    limits: Arc<Limits>,
    clock: Arc<dyn Clock>,
}

/// One provider.
pub struct Issuer {
    url: String,
    http: Http,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// What is known of it.
#[derive(Default)]
struct State {
    known: Option<Known>,
    failed: Option<(Timestamp, OidcError)>,
}

/// What it said of itself, with its keys.
#[derive(Clone)]
struct Known {
    metadata: Arc<CoreProviderMetadata>,
    at: Timestamp,
}

impl Issuers {
    /// Nobody was asked yet.
    pub fn new(clock: Arc<dyn Clock>, limits: Arc<Limits>) -> Self {
        Self { known: Lock::default(), limits, clock }
    }

    /// The provider with that issuer identifier.
    pub fn of(&self, url: &str) -> Result<Arc<Issuer>, OidcError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuer) = known.get(url) {
            return Ok(Arc::clone(issuer));
        }
        if known.len() >= ISSUERS {
            known.clear();
        }
        let dial = Dial { base: url, proxy: None, timeout_ms: PATIENCE_MS };
        let http = Http::new(&dial, self.clock.clone(), &self.limits);
        let http = http.map_err(|why| OidcError::Settings { issuer: url.to_owned(), why: why.to_string() })?;
        let (clock, state) = (self.clock.clone(), Mutex::default());
        let issuer = Arc::new(Issuer { url: url.to_owned(), http, clock, state });
        known.insert(url.to_owned(), Arc::clone(&issuer));
        Ok(issuer)
    }
}

/// Reads an issuer identifier: https, or http on this machine, without query; the error says what is wrong.
pub fn issuer(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|_| "is no absolute URI".to_owned())?;
    if url.scheme() != "https" && !is_loopback(text) {
        return Err("must begin with https://".to_owned());
    }
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("must begin with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("has a user, a query or a fragment; it is written as the provider writes it in `issuer`".to_owned());
    }
    Ok(text.to_owned())
}

impl Issuer {
    /// Where a browser is sent to sign in (`OpenID` Connect Core 1.0, 3.1.2.1).
    pub async fn send(&self, terms: &Terms, travel: &Travel<'_>, state: String) -> Result<String, OidcError> {
        let known = self.known(self.fresh()).await?;
        let client = CoreClient::from_provider_metadata((*known.metadata).clone(), client_id(terms), None);
        let client = client.set_redirect_uri(self.redirect(travel)?);
        let nonce = travel.nonce.to_owned();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client.authorize_url(flow, move || CsrfToken::new(state), move || Nonce::new(nonce));
        for scope in terms.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let verifier = PkceCodeVerifier::new(travel.verifier.reveal().to_owned());
        let (url, _, _) = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier)).url();
        Ok(url.to_string())
    }

    /// Takes the code that a browser came back with to the provider, and answers who it says that is (3.1.3).
    pub async fn exchange(&self, terms: &Terms, travel: &Travel<'_>, code: &str) -> Result<Claims, OidcError> {
        let known = self.known(self.fresh()).await?;
        let answer = self.tokens(&known, terms, travel, code).await?;
        let token = answer.extra_fields().id_token().map(ToString::to_string);
        let token = token.ok_or_else(|| self.settings("it sent no ID token; is the scope openid allowed?"))?;
        let wanted = Wanted::IdToken { client_id: &terms.client_id, nonce: travel.nonce };
        let claims = self.verified(&token, &wanted).await?;
        let lacking = terms.claims.iter().any(|name| !claims.has(name));
        match known.metadata.userinfo_endpoint().filter(|_| lacking) {
            Some(at) => self.more(at.as_str(), answer.access_token().secret(), claims).await,
            None => Ok(claims),
        }
    }

    /// Who an access token stands for (RFC 9068, 4).
    pub async fn bearer(&self, terms: &Terms, token: &str) -> Result<Claims, OidcError> {
        self.verified(token, &Wanted::Access { audiences: &terms.audiences }).await
    }

    /// Asks the provider what it says of itself, now; answers how many keys it has.
    pub async fn look(&self) -> Result<usize, OidcError> {
        self.state.lock().await.failed = None;
        Ok(self.known(self.clock.now()).await?.metadata.jwks().keys().len())
    }

    async fn tokens(
        &self,
        known: &Known,
        terms: &Terms,
        travel: &Travel<'_>,
        code: &str,
    ) -> Result<CoreTokenResponse, OidcError> {
        let secret = terms.client_secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()));
        let client = CoreClient::from_provider_metadata((*known.metadata).clone(), client_id(terms), secret)
            .set_redirect_uri(self.redirect(travel)?)
            .set_auth_type(auth_type(&known.metadata));
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(|_| self.provider("it names no token endpoint"))?;
        let carry = |request: HttpRequest| self.http.carry(request);
        let verifier = PkceCodeVerifier::new(travel.verifier.reveal().to_owned());
        let answer = request.set_pkce_verifier(verifier).request_async(&carry).await;
        answer.map_err(|why| self.not_exchanged(why))
    }

    /// What the `userinfo` endpoint says beside what the ID token says (5.3). It speaks of the same subject, or of nobody.
    async fn more(&self, at: &str, token: &str, claims: Claims) -> Result<Claims, OidcError> {
        let request = self.http.client().get(at).bearer_auth(token);
        let answer = self.http.send(request, Intent::Read).await.map_err(|why| self.provider(why.to_string()))?;
        match answer.value() {
            serde_json::Value::Object(more) if answer.ok() => {
                claims.with(more).ok_or_else(|| OidcError::Token("userinfo speaks of somebody else".to_owned()))
            }
            _ => Err(self.provider("its userinfo endpoint did not answer with claims")),
        }
    }

    /// The claims of a token that is as it should be. A key that is not known may be new.
    async fn verified(&self, token: &str, wanted: &Wanted<'_>) -> Result<Claims, OidcError> {
        let known = self.known(self.fresh()).await?;
        let now = self.clock.now();
        match token::verify(&known.metadata, token, wanted, now) {
            Err(Doubt::UnknownKey) if known.at.plus_ms(KEYS_MS) <= now => {
                let known = self.known(now).await?;
                token::verify(&known.metadata, token, wanted, now)
            }
            told => told,
        }
        .map_err(|doubt| OidcError::Token(doubt.to_string()))
    }

    /// Since when what is known has to be known, to be fresh.
    fn fresh(&self) -> Timestamp {
        self.clock.now().plus_ms(-FRESH_MS)
    }

    /// What the provider says of itself, asked at `since` or later where it answers.
    async fn known(&self, since: Timestamp) -> Result<Known, OidcError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(known) = state.known.as_ref().filter(|known| known.at >= since) {
            return Ok(known.clone());
        }
        let left_alone = state.failed.as_ref().filter(|(at, _)| now < at.plus_ms(FAILED_MS));
        let asked = match left_alone {
            Some((_, why)) => Err(why.clone()),
            None => self.discover().await,
        };
        match asked {
            Ok(metadata) => {
                let known = Known { metadata: Arc::new(metadata), at: now };
                *state = State { known: Some(known.clone()), failed: None };
                Ok(known)
            }
            Err(why) => {
                if state.failed.as_ref().is_none_or(|(at, _)| now >= at.plus_ms(FAILED_MS)) {
                    tracing::warn!(issuer = %self.url, "an OpenID Connect provider was asked in vain: {why}");
                    state.failed = Some((now, why.clone()));
                }
                let old = state.known.as_ref().filter(|known| now < known.at.plus_ms(USABLE_MS));
                old.cloned().ok_or(why)
            }
        }
    }

    async fn discover(&self) -> Result<CoreProviderMetadata, OidcError> {
        let issuer = IssuerUrl::new(self.url.clone()).map_err(|why| self.settings(why.to_string()))?;
        let carry = |request: HttpRequest| self.http.carry(request);
        let metadata = CoreProviderMetadata::discover_async(issuer, &carry).await;
        let metadata = metadata.map_err(|why| self.not_discovered(why))?;
        self.refuse_plain(&metadata)?;
        Ok(metadata)
    }

    /// Whoever listens on the way may not see codes, tokens and keys, nor give others.
    fn refuse_plain(&self, metadata: &CoreProviderMetadata) -> Result<(), OidcError> {
        let mut ends = vec![metadata.authorization_endpoint().as_str(), metadata.jwks_uri().as_str()];
        ends.extend(metadata.token_endpoint().map(|end| end.as_str()));
        ends.extend(metadata.userinfo_endpoint().map(|end| end.as_str()));
        match ends.into_iter().find(|end| issuer_is_secure(&self.url) && !end.starts_with("https://")) {
            Some(end) => Err(self.provider(format!("it names the endpoint {end}, which is not https"))),
            None => Ok(()),
        }
    }

    fn redirect(&self, travel: &Travel<'_>) -> Result<RedirectUrl, OidcError> {
        RedirectUrl::new(travel.redirect.to_owned()).map_err(|why| self.settings(why.to_string()))
    }

    fn provider(&self, why: impl Into<String>) -> OidcError {
        OidcError::Provider { issuer: self.url.clone(), why: clip(&why.into()) }
    }

    fn settings(&self, why: impl Into<String>) -> OidcError {
        OidcError::Settings { issuer: self.url.clone(), why: clip(&why.into()) }
    }

    fn not_discovered(&self, why: DiscoveryError<BridgeError>) -> OidcError {
        match why {
            DiscoveryError::Request(why) => self.provider(why.to_string()),
            DiscoveryError::Response(status, _, _) => {
                let status = status.as_u16();
                self.provider(format!("{}/.well-known/openid-configuration or its keys: status {status}", self.url))
            }
            DiscoveryError::Validation(why) => {
                self.settings(format!("{why}; write the issuer exactly as the provider does"))
            }
            DiscoveryError::Parse(why) => self.provider(why.to_string()),
            other => self.provider(other.to_string()),
        }
    }

    fn not_exchanged(
        &self,
        why: RequestTokenError<BridgeError, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> OidcError {
        match why {
            RequestTokenError::Request(why) => self.provider(why.to_string()),
            RequestTokenError::ServerResponse(said) => match said.error() {
                CoreErrorResponseType::InvalidGrant => {
                    OidcError::Token("the provider does not accept the code: it was used, or is too old".to_owned())
                }
                CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                    self.settings("client id or client secret are wrong, or the secret has expired; give it anew")
                }
                _ => self.settings(said.to_string()),
            },
            RequestTokenError::Parse(why, _) => self.provider(why.to_string()),
            RequestTokenError::Other(why) => self.provider(why),
        }
    }
}

fn client_id(terms: &Terms) -> ClientId {
    ClientId::new(terms.client_id.clone())
}

fn issuer_is_secure(url: &str) -> bool {
    url.starts_with("https://")
}

/// In the header where the provider takes it there, which is what a provider that says nothing does (RFC 6749, 2.3.1).
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let taken = metadata.token_endpoint_auth_methods_supported();
    let basic = taken.is_none_or(|all| {
        all.contains(&CoreClientAuthMethod::ClientSecretBasic) || !all.contains(&CoreClientAuthMethod::ClientSecretPost)
    });
    if basic { AuthType::BasicAuth } else { AuthType::RequestBody }
}

#[cfg(test)]
mod tests {
    use super::issuer;

    #[test]
    fn an_issuer_is_https_or_this_machine_and_nothing_but_an_address() {
        for good in ["https://login.example.org/t/v2.0", "http://127.0.0.1:9000", "http://localhost/realms/a"] {
            assert_eq!(issuer(good).as_deref(), Ok(good));
        }
        for bad in [
            "http://login.example.org",
            "login.example.org",
            "https://a:b@x.org",
            "https://x.org/?a",
            "ftp://localhost",
        ] {
            assert!(issuer(bad).is_err(), "{bad}");
        }
    }
}

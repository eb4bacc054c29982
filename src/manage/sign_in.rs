//! Who is calling: app passwords and API keys, against their stored hashes. Who comes by a provider is known elsewhere
//! ([`Federation`]).

use super::api_keys::ApiKey;
use super::federation::Federation;
use crate::crypt::Secret;
use crate::crypt::VerifiedCache;
use crate::crypt::password;
use crate::model::PrincipalId;
use crate::model::PrincipalKind;
use crate::model::Reach;
use crate::model::Role;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::observe::request;
use crate::observe::request::Means;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::principals;
use crate::store::principals::Principal;
use crate::store::secrets;
use crate::store::secrets::SecretRow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many hashes are computed at a time; each takes 19 MiB of memory.
const HASHES_AT_A_TIME: usize = 4;
/// Most valid app passwords of one principal that are tried.
const PASSWORDS: usize = 20;

/// What a client presents.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Login and app password (RFC 7617).
    Basic {
        /// The login.
        login: String,
        /// The app password.
        password: Secret,
    },
    /// An API key, as it was sent.
    Key(Secret),
}

impl Credential {
    /// The credential of an `Authorization` header: Basic (RFC 7617) or a bearer token (RFC 6750).
    pub fn from_authorization(value: &str) -> Option<Self> {
        let (scheme, value) = value.trim().split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Key(Secret::from(value.trim())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
        let (login, password) = decoded.split_once(':')?;
        Some(Self::Basic { login: login.to_owned(), password: Secret::from(password) })
    }
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// Who, with the role that is left of its own.
    pub principal: Principal,
    /// How far the secret reaches that it came with.
    pub reach: Reach,
    /// From when on that secret opens nothing.
    pub expires_ms: Option<Timestamp>,
}

impl SignedIn {
    /// Somebody who came without a secret of ours, and goes as far as the principal may.
    pub fn whole(principal: Principal) -> Self {
        Self { reach: Reach::whole(principal.role), principal, expires_ms: None }
    }

    fn with(mut principal: Principal, secret: &SecretRow) -> Self {
        let reach = Reach::within(principal.role, secret.scope.clone());
        principal.role = reach.role();
        Self { principal, reach, expires_ms: secret.expires_ms }
    }
}

/// Verifies credentials; one for each server, shared by its doors.
pub struct SignIn {
    store: Store,
    cache: Arc<VerifiedCache>,
    permits: Semaphore,
    configured: Option<(TenantId, Secret)>,
    federation: Option<Arc<Federation>>,
}

impl SignIn {
    /// A verifier that remembers what it verified in `cache`.
    pub fn new(store: Store, cache: Arc<VerifiedCache>) -> Self {
        Self { store, cache, permits: Semaphore::new(HASHES_AT_A_TIME), configured: None, federation: None }
    }

    /// Also accepts the key of the configuration (`auth.api_key`), which may do everything in one tenant.
    #[must_use]
    pub fn with_configured_key(mut self, tenant: TenantId, key: Secret) -> Self {
        self.configured = (!key.is_empty()).then_some((tenant, key));
        self
    }

    /// Also lets people in by `OpenID` Connect providers.
    #[must_use]
    pub fn with_federation(mut self, federation: Federation) -> Self {
        self.federation = Some(Arc::new(federation));
        self
    }

    /// What signs in by providers; `None` where nobody does.
    pub fn federation(&self) -> Option<&Federation> {
        self.federation.as_deref()
    }

    /// The principal behind a credential: one of `tenant`, or a super admin of any; without a tenant, of any tenant.
    /// `None` when nobody is, which takes as long as a wrong password.
    pub async fn principal(
        &self,
        credential: &Credential,
        tenant: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, StoreError> {
        let found = self.recognise(credential, tenant, now).await?;
        let Some((found, means)) = found else { return Ok(None) };
        request::recognised(found.principal.tenant_id.as_str(), &found.principal.login, means);
        Ok(Some(found))
    }

    async fn recognise(
        &self,
        credential: &Credential,
        tenant: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<Option<(SignedIn, Means)>, StoreError> {
        let (candidates, text) = match credential {
            Credential::Basic { login, password } => (self.by_login(login, tenant, now).await?, password.clone()),
            Credential::Key(sent) => match (self.by_configuration(sent, now), ApiKey::parse(sent.reveal())) {
                (Some(principal), _) => return Ok(Some((SignedIn::whole(principal), Means::default()))),
                (None, Some(key)) => (self.by_key(&key, now).await?, key.secret),
                (None, None) => return Ok(None),
            },
        };
        if candidates.is_empty() {
            self.spend(text.clone()).await;
        }
        for (principal, secret) in candidates {
            if self.verify(&secret, text.clone(), now).await {
                self.touch(&secret, now).await?;
                return Ok(Some((SignedIn::with(principal, &secret), means(secret))));
            }
        }
        Ok(None)
    }

    /// The principal that the key of the configuration stands for.
    fn by_configuration(&self, sent: &Secret, now: Timestamp) -> Option<Principal> {
        let (tenant, _) = self.configured.as_ref().filter(|(_, key)| key == sent)?;
        Some(Principal {
            id: PrincipalId::from("configuration"),
            tenant_id: tenant.clone(),
            login: "configuration".to_owned(),
            display_name: "Key of the configuration".to_owned(),
            email: String::new(),
            kind: PrincipalKind::Service,
            role: Role::TenantAdmin,
            disabled: false,
            created_ms: now,
        })
    }

    async fn by_login(
        &self,
        login: &str,
        tenant: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<Vec<(Principal, SecretRow)>, StoreError> {
        let mut tx = self.store.begin_read().await?;
        let mut found = Vec::new();
        for principal in principals::by_login_anywhere(&mut tx, &login.to_ascii_lowercase()).await? {
            let here = tenant.is_none_or(|tenant| principal.tenant_id == *tenant || principal.role == Role::SuperAdmin);
            if principal.disabled || !here {
                continue;
            }
            let secrets = secrets::of_principal(&mut tx, &principal.tenant_id, &principal.id).await?;
            let valid = secrets.into_iter().filter(|s| s.kind == secrets::APP_PASSWORD && s.is_valid(now));
            found.extend(valid.rev().take(PASSWORDS).map(|secret| (principal.clone(), secret)));
        }
        Ok(found)
    }

    async fn by_key(&self, key: &ApiKey, now: Timestamp) -> Result<Vec<(Principal, SecretRow)>, StoreError> {
        let mut tx = self.store.begin_read().await?;
        let mut found = Vec::new();
        for secret in secrets::by_lookup(&mut tx, &key.lookup).await?.into_iter().filter(|one| one.is_valid(now)) {
            let principal = principals::get(&mut tx, &secret.tenant_id, &secret.principal_id).await?;
            found.extend(principal.filter(|p| !p.disabled).map(|principal| (principal, secret)));
        }
        Ok(found)
    }

    async fn verify(&self, secret: &SecretRow, text: Secret, now: Timestamp) -> bool {
        if self.cache.knows(&secret.hash, text.reveal(), now) {
            return true;
        }
        let Ok(_permit) = self.permits.acquire().await else { return false };
        let (cache, stored) = (Arc::clone(&self.cache), secret.hash.clone());
        tokio::task::spawn_blocking(move || cache.verify(&stored, text.reveal(), now)).await.unwrap_or(false)
    }

    async fn spend(&self, text: Secret) {
        let Ok(_permit) = self.permits.acquire().await else { return };
        // The answer is "no" either way; only the time it takes matters.
        let _done = tokio::task::spawn_blocking(move || password::spend(text.reveal())).await;
    }

    /// Remembers the use, to the minute, so that a syncing client does not write with every request.
    async fn touch(&self, secret: &SecretRow, now: Timestamp) -> Result<(), StoreError> {
        if secret.last_used_ms.is_some_and(|last| now.ms() - last.ms() < 60_000) {
            return Ok(());
        }
        let mut tx = self.store.begin_write().await?;
        secrets::touch(&mut tx, &secret.tenant_id, &secret.id, now).await?;
        tx.commit().await
    }
}

/// What the audit calls a secret.
fn means(secret: SecretRow) -> Means {
    if secret.kind == secrets::API_KEY {
        Means { api_key_id: secret.id, ..Means::default() }
    } else {
        Means { password_id: secret.id, ..Means::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::Credential;

    #[test]
    fn an_authorization_header_is_basic_bearer_or_nothing() {
        let basic = Credential::from_authorization("basic YW5uYTpwOnc=").unwrap();
        assert!(
            matches!(&basic, Credential::Basic { login, password } if login == "anna" && password.reveal() == "p:w")
        );
        let bearer = Credential::from_authorization("Bearer  ar_x ").unwrap();
        assert!(matches!(&bearer, Credential::Key(key) if key.reveal() == "ar_x"));
        for text in ["", "Basic", "Basic %%%", "Basic YW5uYQ==", "Digest username=anna"] {
            assert!(Credential::from_authorization(text).is_none(), "{text}");
        }
        assert!(!format!("{basic:?} {bearer:?}").contains("p:w"));
    }
}

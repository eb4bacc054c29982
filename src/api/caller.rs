//! Who calls: credentials from headers, the tenant from the path, the role a handler needs from its first argument.

use super::ApiDoor;
use super::error::ApiError;
use super::rate::Standing;
use super::repeat::Claim;
use crate::crypt::Secret;
use crate::manage::Acting;
use crate::manage::Federation;
use crate::manage::ManageError;
use crate::manage::federation::{Cookie, Entered};
use crate::manage::feeds::Links;
use crate::manage::sign_in::{Credential, SignedIn};
use crate::model::Privilege;
use crate::model::Reach;
use crate::model::Role;
use crate::model::RoomId;
use crate::model::TenantId;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::observe::request;
use crate::observe::request::Means;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::principals::Principal;
use crate::store::rights::Rights;
use crate::store::tenants::{self, Tenant};
use actix_web::FromRequest;
use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::dev::{Payload, RequestHead};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web;
use serde::Serialize;
use std::future::{Ready, ready};
use std::marker::PhantomData;

/// What a change by a browser brings along: the `form_token` of `/v1/session`.
const FORM_TOKEN: &str = "x-csrf-token";

/// A caller that was recognised, and the tenant it works in.
#[derive(Clone)]
pub(super) struct Caller {
    /// The tenant of the path; the caller's own where the path names none.
    pub tenant: Tenant,
    /// Who, with the role that is left of its own.
    pub principal: Principal,
    /// How far the secret reaches that it came with.
    pub reach: Reach,
    /// From when on that secret opens nothing.
    pub expires_ms: Option<Timestamp>,
    /// Key and most requests a minute of the tenant that the caller belongs to.
    pub quota: (String, i64),
    /// The browser's session, for who comes with one.
    pub entered: Option<Entered>,
}

impl Caller {
    /// What this caller may do in rooms.
    pub(super) async fn rights(&self, tx: &mut Tx) -> Result<Rights, StoreError> {
        Rights::read(tx, &self.principal, &self.reach).await
    }

    /// Counts a request of this caller for the tenant it belongs to; refuses the one that is too many.
    pub(super) fn count(&self, door: &ApiDoor, standing: &mut Option<Standing>) -> Result<(), ApiError> {
        let (key, quota) = (&self.quota.0, self.quota.1);
        let now = standing.insert(door.rates.take(&self.principal.tenant_id, quota, door.clock.now()));
        if now.exceeded {
            return Err(ApiError::TooMany { key: key.clone(), quota, seconds: now.seconds });
        }
        Ok(())
    }
}

/// A role that a handler asks for.
pub(super) trait Needs {
    /// The weakest role that may.
    const ROLE: Role;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident),*) => { $(
        $(#[$doc])*
        pub(super) struct $name;
        impl Needs for $name {
            const ROLE: Role = Role::$name;
        }
    )* };
}
needs!(
    /// Whoever signs in; what they may do is for the handler to say.
    Member,
    /// Reads everything of the tenant.
    TenantViewer,
    /// Runs syncs, resolves conflicts.
    TenantOperator,
    /// Everything inside the tenant.
    TenantAdmin,
    /// Everything in every tenant.
    SuperAdmin
);

/// A caller with at least the role `R`, at the desk where its request is worked on.
pub(super) struct As<R> {
    caller: Caller,
    actor: String,
    now: Timestamp,
    claim: Option<Claim>,
    /// What the interface works with.
    pub door: web::Data<ApiDoor>,
    role: PhantomData<R>,
}

impl<R> As<R> {
    /// The circumstances of an act of this caller.
    pub(super) fn acting(&self) -> Acting<'_> {
        Acting { tenant: &self.caller.tenant.id, actor: &self.actor, now: self.now }
    }

    /// Where feed links point and what signs them.
    pub(super) fn links(&self) -> Links<'_> {
        Links { public_url: &self.door.public_url, key: &self.door.keys.feed, usual: &self.door.feed }
    }

    /// A transaction that reads.
    pub(super) async fn read(&self) -> Result<Tx, StoreError> {
        self.door.store.begin_read().await
    }

    /// A transaction that writes; what is done in it is done once for each `Idempotency-Key`.
    pub(super) async fn write(&self) -> Result<Tx, ApiError> {
        let mut tx = self.door.store.begin_write().await?;
        if let Some(claim) = &self.claim {
            claim.make(&mut tx, self.now).await?;
        }
        Ok(tx)
    }

    /// 201 with the address of what was made, below the tenant's path.
    pub(super) fn created(&self, path: &str, what: &impl Serialize) -> HttpResponse {
        let location = format!("/v1/tenants/{}/{path}", self.caller.tenant.tenant_key);
        HttpResponse::Created().insert_header((header::LOCATION, location)).json(what)
    }

    /// Who and where.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// When the request came.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether the caller has at least that role.
    pub(super) fn has(&self, role: Role) -> bool {
        self.caller.principal.role >= role
    }

    /// Refuses callers with a weaker role.
    pub(super) fn require(&self, needed: Role) -> Result<(), ApiError> {
        if self.has(needed) {
            return Ok(());
        }
        let principal = &self.caller.principal;
        Err(ApiError::Forbidden { login: principal.login.clone(), has: principal.role, needed })
    }

    /// Refuses callers who do not administer a room, by role or by grant.
    pub(super) async fn require_room(&self, tx: &mut Tx, room: &RoomId) -> Result<(), ApiError> {
        if self.caller.rights(tx).await?.in_room(room) == Some(Privilege::Admin) {
            return Ok(());
        }
        self.require(Role::TenantAdmin)
    }

    /// Refuses to hand out a role above the caller's own.
    pub(super) fn may_give(&self, role: Role) -> Result<(), ApiError> {
        let has = self.caller.principal.role;
        if role <= has {
            return Ok(());
        }
        Err(ApiError::Forbidden { login: self.caller.principal.login.clone(), has, needed: role })
    }
}

impl<R: Needs + 'static> FromRequest for As<R> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admit(request))
    }
}

fn admit<R: Needs>(request: &HttpRequest) -> Result<As<R>, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned().ok_or(ApiError::Unauthenticated)?;
    let door = request.app_data::<web::Data<ApiDoor>>().cloned().ok_or(ApiError::NotReady)?;
    let principal = &caller.principal;
    if principal.role < R::ROLE {
        let (login, has) = (principal.login.clone(), principal.role);
        return Err(ApiError::Forbidden { login, has, needed: R::ROLE });
    }
    let (actor, now) = (format!("principal:{}", principal.login), door.clock.now());
    let claim = request.extensions().get::<Claim>().cloned();
    Ok(As { caller, actor, now, claim, door, role: PhantomData })
}

/// The caller behind the headers of a request to `path`.
pub(super) async fn identify(door: &ApiDoor, head: &RequestHead, path: &str) -> Result<Caller, ApiError> {
    identify_in(door, head, tenant_key(path)).await
}

/// The caller behind the headers of a request that is about that tenant; about the caller's own where none is named.
pub(super) async fn identify_in(door: &ApiDoor, head: &RequestHead, key: Option<&str>) -> Result<Caller, ApiError> {
    let tenant = tenant(door, key).await?;
    let (found, entered) = recognise(door, head, tenant.as_ref().map(|tenant| &tenant.id)).await?;
    let SignedIn { principal, reach, expires_ms } = found;
    let tenant = match (key, tenant) {
        (None, _) => home(door, &principal).await?,
        (Some(_), Some(tenant)) if tenant.id == principal.tenant_id || principal.role == Role::SuperAdmin => tenant,
        (Some(key), None) if principal.role == Role::SuperAdmin => {
            return Err(ManageError::NotFound { what: format!("tenant {key:?}") }.into());
        }
        (Some(_), _) => return Err(ApiError::OtherTenant { login: principal.login }),
    };
    if reach.is_read_only() && changes(head) {
        return Err(ApiError::ReadOnly { login: principal.login });
    }
    require_open(&tenant, principal.role, &head.method)?;
    let home = if tenant.id == principal.tenant_id { tenant.clone() } else { home(door, &principal).await? };
    let quota = (home.tenant_key, home.rate_limit_per_minute);
    Ok(Caller { tenant, principal, reach, expires_ms, quota, entered })
}

/// Who is behind the headers: by a credential that somebody put there, else by the cookie of a browser.
async fn recognise(
    door: &ApiDoor,
    head: &RequestHead,
    tenant: Option<&TenantId>,
) -> Result<(SignedIn, Option<Entered>), ApiError> {
    let (now, federation) = (door.clock.now(), door.sign_in.federation());
    match (credential(&head.headers), federation) {
        (Some(Credential::Key(token)), Some(federation)) if is_token(&token) => {
            let (principal, provider) = federation.by_token(token.reveal(), tenant, now).await?;
            let means = Means { provider: provider.name, ..Means::default() };
            request::recognised(principal.tenant_id.as_str(), &principal.login, means);
            Ok((SignedIn::whole(principal), None))
        }
        (Some(credential), _) => {
            if matches!(credential, Credential::Basic { .. }) && is_cross_site_change(head) {
                return Err(ApiError::CrossSite);
            }
            let found = door.sign_in.principal(&credential, tenant, now).await?;
            Ok((found.ok_or(ApiError::Unauthenticated)?, None))
        }
        (None, Some(federation)) => {
            let entered = by_cookie(door, federation, head).await?;
            Ok((SignedIn::whole(entered.principal.clone()), Some(entered)))
        }
        (None, None) => Err(ApiError::Unauthenticated),
    }
}

/// Who is behind a cookie. A browser sends it along with whatever a page asks for, so a change has to say besides that it
/// comes from somebody who could read what is shown in this session.
async fn by_cookie(door: &ApiDoor, federation: &Federation, head: &RequestHead) -> Result<Entered, ApiError> {
    let mut cookies = head.headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let token = cookies.find_map(|value| Cookie::Session.find(value, federation.is_secure()));
    let token = token.ok_or(ApiError::Unauthenticated)?;
    let entered = federation.entered(&token, door.clock.now()).await?.ok_or(ApiError::SessionOver)?;
    let (session, principal) = (&entered.session, &entered.principal);
    let means = Means { session_id: session.id.to_string(), ..Means::default() };
    request::recognised(principal.tenant_id.as_str(), &principal.login, means);
    let told = head.headers.get(FORM_TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if changes(head) && (is_cross_site_change(head) || !federation.is_from_us(session, told)) {
        return Err(ApiError::Unasked);
    }
    Ok(entered)
}

/// Whether a bearer credential has the form of a JSON Web Token and not of an API key.
fn is_token(text: &Secret) -> bool {
    text.reveal().starts_with("ey") && text.reveal().matches('.').count() == 2
}

/// Refuses requests to a tenant that is closed. Who runs the server still comes in; of a removed tenant the audit alone
/// is left, and nothing can be changed.
fn require_open(tenant: &Tenant, role: Role, method: &Method) -> Result<(), ApiError> {
    let runs_the_server = role == Role::SuperAdmin;
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let what = match tenant.state {
        TenantState::Active => return Ok(()),
        TenantState::Removed if runs_the_server && reads => return Ok(()),
        TenantState::Removed => "was removed; its audit is all that is left",
        TenantState::Draining if runs_the_server || reads => return Ok(()),
        TenantState::Draining => "is being drained and can only be read",
        TenantState::Suspended if runs_the_server => return Ok(()),
        TenantState::Suspended => "is suspended",
    };
    Err(ApiError::Closed { key: tenant.tenant_key.clone(), what, why: tenant.reason.clone() })
}

/// The tenant a path is about.
fn tenant_key(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1/tenants/")?;
    rest.split('/').next().filter(|key| !key.is_empty())
}

async fn tenant(door: &ApiDoor, key: Option<&str>) -> Result<Option<Tenant>, StoreError> {
    match key {
        Some(key) => tenants::by_key(&mut door.store.begin_read().await?, key).await,
        None => Ok(None),
    }
}

async fn home(door: &ApiDoor, principal: &Principal) -> Result<Tenant, ApiError> {
    let found = tenants::get(&mut door.store.begin_read().await?, &principal.tenant_id).await?;
    found.ok_or_else(|| ManageError::NotFound { what: "tenant of the caller".to_owned() }.into())
}

/// The credential in the headers: `X-API-Key`, a bearer token (RFC 6750), or Basic (RFC 7617).
fn credential(headers: &HeaderMap) -> Option<Credential> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // The second name is the one that clients of the predecessor send.
    if let Some(key) = text("x-api-key").or_else(|| text("api_key")) {
        return Some(Credential::Key(Secret::from(key.trim())));
    }
    Credential::from_authorization(text(header::AUTHORIZATION.as_str())?)
}

/// Browsers send a password they know along with forms of other sites, too, and say so (Fetch Metadata).
fn is_cross_site_change(head: &RequestHead) -> bool {
    let site = head.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    changes(head) && matches!(site, Some("cross-site" | "same-site"))
}

fn changes(head: &RequestHead) -> bool {
    !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        TestRequest::default().insert_header((name, value)).to_http_request().headers().clone()
    }

    #[test]
    fn credentials_are_read_from_three_headers() {
        let key = "ar_abcdefgh_abcdefghjkmnpqrstuvwxyz23";
        assert!(matches!(credential(&headers("x-api-key", key)), Some(Credential::Key(_))));
        assert!(matches!(credential(&headers("authorization", &format!("bearer {key}"))), Some(Credential::Key(_))));
        let Some(Credential::Basic { login, password }) = credential(&headers("authorization", "Basic YW5uYTpwOnc="))
        else {
            panic!("Basic is read");
        };
        assert_eq!((login.as_str(), password.reveal()), ("anna", "p:w"));
        for (name, value) in [("authorization", "Basic %%%"), ("authorization", "Digest x")] {
            assert!(credential(&headers(name, value)).is_none(), "{value}");
        }
    }

    #[test]
    fn the_tenant_is_the_second_segment() {
        assert_eq!(tenant_key("/v1/tenants/city/rooms"), Some("city"));
        assert_eq!(tenant_key("/v1/tenants/city"), Some("city"));
        assert_eq!(tenant_key("/v1/tenants"), None);
        assert_eq!(tenant_key("/v1/tenants/"), None);
    }
}

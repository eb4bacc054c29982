//! Who calls: credentials from headers, the tenant from the path, the role a handler needs from its first argument.

use super::ApiDoor;
use super::error::ApiError;
use super::repeat::Claim;
use crate::crypt::Secret;
use crate::manage::Acting;
use crate::manage::ManageError;
use crate::manage::feeds::Links;
use crate::manage::sign_in::Credential;
use crate::model::Privilege;
use crate::model::Role;
use crate::model::RoomId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::principals;
use crate::store::principals::Principal;
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

/// A caller that was recognised, and the tenant it works in.
#[derive(Clone)]
pub(super) struct Caller {
    /// The tenant of the path; the caller's own where the path names none.
    pub tenant: Tenant,
    /// Who.
    pub principal: Principal,
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
        let principal = &self.caller.principal;
        let grants = principals::grants(tx, &principal.tenant_id, &principal.id).await?;
        if principals::privilege_in(principal, &grants, room) == Some(Privilege::Admin) {
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
    let credential = credential(&head.headers).ok_or(ApiError::Unauthenticated)?;
    if matches!(credential, Credential::Basic { .. }) && is_cross_site_change(head) {
        return Err(ApiError::CrossSite);
    }
    let key = tenant_key(path);
    let tenant = tenant(door, key).await?;
    let principal = door.sign_in.principal(&credential, tenant.as_ref().map(|t| &t.id), door.clock.now()).await?;
    let principal = principal.ok_or(ApiError::Unauthenticated)?;
    let tenant = match (key, tenant) {
        (None, _) => home(door, &principal).await?,
        (Some(_), Some(tenant)) if tenant.id == principal.tenant_id || principal.role == Role::SuperAdmin => tenant,
        (Some(key), None) if principal.role == Role::SuperAdmin => {
            return Err(ManageError::NotFound { what: format!("tenant {key:?}") }.into());
        }
        (Some(_), _) => return Err(ApiError::OtherTenant { login: principal.login }),
    };
    Ok(Caller { tenant, principal })
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
    if let Some(key) = text("x-api-key") {
        return Some(Credential::Key(Secret::from(key.trim())));
    }
    Credential::from_authorization(text(header::AUTHORIZATION.as_str())?)
}

/// Browsers send a password they know along with forms of other sites, too, and say so (Fetch Metadata).
fn is_cross_site_change(head: &RequestHead) -> bool {
    let changes = !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let site = head.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    changes && matches!(site, Some("cross-site" | "same-site"))
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

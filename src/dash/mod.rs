//! Floor 5: `/dashboard`, pages for administrators. Rendered here, read-only, without scripts.

mod age;
mod status;
mod view;

use crate::manage::SignIn;
use crate::manage::sign_in::Credential;
use crate::model::Clock;
use crate::model::Role;
use crate::model::TenantState;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::principals::Principal;
use crate::store::tenants;
use crate::store::tenants::Tenant;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web;
use std::sync::Arc;

/// What the dashboard works with.
pub struct DashDoor {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Verifies credentials.
    pub sign_in: Arc<SignIn>,
    /// Scheme, host and port under which clients reach the server.
    pub public_url: String,
}

/// Mounts `/dashboard` and `/dashboard/{tenant}`.
pub fn routes(config: &mut web::ServiceConfig, door: web::Data<DashDoor>) {
    let resource = |path: &str, door| web::resource(path).app_data(door).route(web::get().to(page));
    for path in ["/dashboard", "/dashboard/"] {
        config.service(resource(path, door.clone()));
    }
    config.service(resource("/dashboard/{tenant}", door));
}

/// Why a page is not shown.
enum Refusal {
    /// Nobody is signed in.
    SignIn,
    /// Somebody is, but may not see it.
    Forbidden,
    /// The tenant is suspended.
    Closed,
    /// There is no such tenant.
    NotFound,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn page(request: HttpRequest, door: web::Data<DashDoor>) -> HttpResponse {
    match shown(&request, &door).await {
        Ok(page) => html(HttpResponse::Ok()).body(page),
        Err(refusal) => refused(&refusal),
    }
}

async fn shown(request: &HttpRequest, door: &DashDoor) -> Result<String, Refusal> {
    let (principal, tenant) = admit(request, door).await?;
    let mut tx = door.store.begin_read().await?;
    let status = status::read(&mut tx, &tenant, door.clock.now()).await?;
    let others = match principal.role {
        Role::SuperAdmin => tenants::list(&mut tx).await?,
        _ => Vec::new(),
    };
    Ok(view::page(&status, &others, &door.public_url))
}

/// Who looks, and at which tenant: the one of the path, else the own one.
async fn admit(request: &HttpRequest, door: &DashDoor) -> Result<(Principal, Tenant), Refusal> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let key = text("x-api-key").map(|key| Credential::Key(key.trim().into()));
    let given = || text(header::AUTHORIZATION.as_str()).and_then(Credential::from_authorization);
    let credential = key.or_else(given).ok_or(Refusal::SignIn)?;
    let named = match request.match_info().get("tenant") {
        Some(key) => Some(tenants::by_key(&mut door.store.begin_read().await?, key).await?),
        None => None,
    };
    let within = named.as_ref().and_then(Option::as_ref).map(|tenant| &tenant.id);
    let principal = door.sign_in.principal(&credential, within, door.clock.now()).await?.ok_or(Refusal::SignIn)?;
    if principal.role < Role::TenantViewer {
        return Err(Refusal::Forbidden);
    }
    let tenant = match named {
        None => tenants::get(&mut door.store.begin_read().await?, &principal.tenant_id).await?,
        Some(named) => named,
    };
    let tenant = tenant.ok_or(Refusal::NotFound)?;
    if tenant.id != principal.tenant_id && principal.role != Role::SuperAdmin {
        return Err(Refusal::Forbidden);
    }
    let closed = matches!(tenant.state, TenantState::Suspended | TenantState::Removed);
    if closed && principal.role != Role::SuperAdmin {
        return Err(Refusal::Closed);
    }
    Ok((principal, tenant))
}

fn refused(refusal: &Refusal) -> HttpResponse {
    let (status, words) = match refusal {
        Refusal::SignIn => (StatusCode::UNAUTHORIZED, "Sign in with a login and an app password."),
        Refusal::Forbidden => (StatusCode::FORBIDDEN, "This page needs the role tenant_viewer or a stronger one."),
        Refusal::Closed => (StatusCode::FORBIDDEN, "This tenant is suspended."),
        Refusal::NotFound => (StatusCode::NOT_FOUND, "There is no such tenant."),
        Refusal::Store(StoreError::Busy) => {
            (StatusCode::SERVICE_UNAVAILABLE, "The database is busy; try again shortly.")
        }
        Refusal::Store(error) => {
            tracing::error!(error = ?error, "the dashboard could not be read: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the log has the reason.")
        }
    };
    let mut answer = html(HttpResponse::build(status));
    if matches!(refusal, Refusal::SignIn) {
        answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"Anteroom\", charset=\"UTF-8\""));
    }
    answer.body(view::notice(words))
}

/// An answer that a browser shows as it is and nothing else: no script, no frame, nothing from elsewhere.
fn html(mut answer: HttpResponseBuilder) -> HttpResponseBuilder {
    let policy = format!(
        "default-src 'none'; style-src '{}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        view::style_hash()
    );
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

//! Floor 5: `/dashboard`, pages for administrators. Rendered here, read-only, without scripts; and `/sign-in`, by which
//! browsers come in with an `OpenID` Connect provider.

mod age;
mod entrance;
mod page;
mod status;
mod view;

use crate::manage::SignIn;
use crate::manage::federation::Entered;
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
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web;
use page::html;
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

/// The query by which a browser asks to be asked for a login and an app password.
const BY_PASSWORD: &str = "by=password";

/// Mounts `/dashboard`, `/dashboard/{tenant}`, `/sign-in` and `/sign-out`.
pub fn routes(config: &mut web::ServiceConfig, door: web::Data<DashDoor>) {
    let resource = |path: &str, door| web::resource(path).app_data(door).route(web::get().to(page));
    for path in ["/dashboard", "/dashboard/"] {
        config.service(resource(path, door.clone()));
    }
    entrance::routes(config, &door);
    config.service(resource("/dashboard/{tenant}", door));
}

/// Why a page is not shown.
enum Refusal {
    /// Nobody is signed in.
    SignIn,
    /// Somebody is, but may not see it.
    Forbidden(Box<Visitor>),
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

/// Who looks.
struct Visitor {
    principal: Principal,
    /// By a session, and not by a credential that came along.
    entered: Option<Entered>,
}

async fn page(request: HttpRequest, door: web::Data<DashDoor>) -> HttpResponse {
    match shown(&request, &door).await {
        Ok(page) => html(HttpResponse::Ok()).body(page),
        Err(Refusal::SignIn) => ask(&request, &door).await.unwrap_or_else(|error| refused(&error.into())),
        Err(refusal) => refused(&refusal),
    }
}

async fn shown(request: &HttpRequest, door: &DashDoor) -> Result<String, Refusal> {
    let (visitor, tenant) = admit(request, door).await?;
    let mut tx = door.store.begin_read().await?;
    let status = status::read(&mut tx, &tenant, door.clock.now()).await?;
    let others = match visitor.principal.role {
        Role::SuperAdmin => tenants::list(&mut tx).await?,
        _ => Vec::new(),
    };
    Ok(view::page(&status, &others, &door.public_url, &view::way_out(visitor.entered.as_ref())))
}

/// Who looks, and at which tenant: the one of the path, else the own one.
async fn admit(request: &HttpRequest, door: &DashDoor) -> Result<(Visitor, Tenant), Refusal> {
    let named = match request.match_info().get("tenant") {
        Some(key) => Some(tenants::by_key(&mut door.store.begin_read().await?, key).await?),
        None => None,
    };
    let visitor = visitor(request, door, named.as_ref().and_then(Option::as_ref)).await?;
    let forbidden = |visitor| Err(Refusal::Forbidden(Box::new(visitor)));
    if visitor.principal.role < Role::TenantViewer {
        return forbidden(visitor);
    }
    let tenant = match named {
        None => tenants::get(&mut door.store.begin_read().await?, &visitor.principal.tenant_id).await?,
        Some(named) => named,
    };
    let tenant = tenant.ok_or(Refusal::NotFound)?;
    if tenant.id != visitor.principal.tenant_id && visitor.principal.role != Role::SuperAdmin {
        return forbidden(visitor);
    }
    let closed = matches!(tenant.state, TenantState::Suspended | TenantState::Removed);
    if closed && visitor.principal.role != Role::SuperAdmin {
        return Err(Refusal::Closed);
    }
    Ok((visitor, tenant))
}

/// By a credential that came along, else by the cookie of a session.
async fn visitor(request: &HttpRequest, door: &DashDoor, within: Option<&Tenant>) -> Result<Visitor, Refusal> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let key = text("x-api-key").map(|key| Credential::Key(key.trim().into()));
    let given = || text(header::AUTHORIZATION.as_str()).and_then(Credential::from_authorization);
    let now = door.clock.now();
    if let Some(credential) = key.or_else(given) {
        let found = door.sign_in.principal(&credential, within.map(|tenant| &tenant.id), now).await?;
        return Ok(Visitor { principal: found.ok_or(Refusal::SignIn)?.principal, entered: None });
    }
    let entered = entrance::entered(request, door, now).await?.ok_or(Refusal::SignIn)?;
    Ok(Visitor { principal: entered.principal.clone(), entered: Some(entered) })
}

/// Asks who is there: by the buttons of the providers where there are any, else by login and app password.
async fn ask(request: &HttpRequest, door: &DashDoor) -> Result<HttpResponse, StoreError> {
    let choices = entrance::choices(door, request.match_info().get("tenant")).await?;
    let by_password = choices.is_empty()
        || request.query_string() == BY_PASSWORD
        || request.headers().contains_key(header::AUTHORIZATION);
    let mut answer = html(HttpResponse::Unauthorized());
    if by_password {
        answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"Anteroom\", charset=\"UTF-8\""));
        return Ok(answer.body(view::notice("Sign in with a login and an app password.", None)));
    }
    // Browsers ask for a password at once where they are told that one is taken.
    answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"Anteroom\""));
    Ok(answer.body(view::entrance(&choices, &format!("{}?{BY_PASSWORD}", request.path()))))
}

fn refused(refusal: &Refusal) -> HttpResponse {
    let (status, words) = match refusal {
        Refusal::Forbidden(visitor) => {
            return html(HttpResponse::Forbidden()).body(view::stranger(&visitor.principal, visitor.entered.as_ref()));
        }
        Refusal::SignIn => (StatusCode::UNAUTHORIZED, "Sign in with a login and an app password."),
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
    page::notice(status, words, None)
}

//! `/sign-in` and `/sign-out`: browsers on their way to a provider and back (`OpenID` Connect), and out again. One sentence
//! says why somebody is not let in, and what to do.

use super::DashDoor;
use super::page::{html, notice};
use super::view;
use super::view::Choice;
use crate::bridge::oidc::OidcError;
use crate::crypt::Secret;
use crate::manage::Acting;
use crate::manage::Federation;
use crate::manage::ManageError;
use crate::manage::federation;
use crate::manage::federation::{Cookie, Entered, FederationError, Returned};
use crate::model::Timestamp;
use crate::observe::request;
use crate::observe::request::Means;
use crate::store::StoreError;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web;
use serde::Deserialize;

/// Longest form that is read, in bytes.
const FORM_BYTES: usize = 1_024;

/// Mounts both.
pub(super) fn routes(config: &mut web::ServiceConfig, door: &web::Data<DashDoor>) {
    let resource = |path: &str| web::resource(path).app_data(door.clone());
    config.service(resource(Federation::RETURN).route(web::get().to(returned)));
    config.service(resource("/sign-in/{tenant}/{provider}").route(web::get().to(sent)));
    let form = web::FormConfig::default().limit(FORM_BYTES);
    config.service(resource("/sign-out").app_data(form).route(web::post().to(left)));
}

/// Who is behind the cookie of a browser.
pub(super) async fn entered(
    request: &HttpRequest,
    door: &DashDoor,
    now: Timestamp,
) -> Result<Option<Entered>, StoreError> {
    let Some(federation) = door.sign_in.federation() else { return Ok(None) };
    let Some(token) = kept(request, Cookie::Session, federation) else { return Ok(None) };
    let entered = federation.entered(&token, now).await?;
    if let Some(Entered { session, principal, .. }) = &entered {
        let means = Means { session_id: session.id.to_string(), ..Means::default() };
        request::recognised(principal.tenant_id.as_str(), &principal.login, means);
    }
    Ok(entered)
}

/// The providers to choose from, of one tenant or of all.
pub(super) async fn choices(door: &DashDoor, tenant: Option<&str>) -> Result<Vec<Choice>, StoreError> {
    let Some(federation) = door.sign_in.federation() else { return Ok(Vec::new()) };
    let named = match tenant {
        Some(key) => crate::store::tenants::by_key(&mut door.store.begin_read().await?, key).await?,
        None => None,
    };
    if tenant.is_some() && named.is_none() {
        return Ok(Vec::new());
    }
    let all = federation.offered(named.as_ref().map(|tenant| &tenant.id)).await?;
    let choice = |(provider, tenant): (crate::store::providers::Provider, crate::store::tenants::Tenant)| Choice {
        tenant: tenant.name,
        label: provider.label,
        href: format!("/sign-in/{}/{}", tenant.tenant_key, provider.name),
    };
    Ok(all.into_iter().map(choice).collect())
}

/// What a browser keeps under a name.
fn kept(request: &HttpRequest, cookie: Cookie, federation: &Federation) -> Option<Secret> {
    let mut headers = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    headers.find_map(|value| cookie.find(value, federation.is_secure()))
}

/// Sends a browser to a provider.
async fn sent(path: web::Path<(String, String)>, door: web::Data<DashDoor>) -> HttpResponse {
    let Some(federation) = door.sign_in.federation() else { return nowhere() };
    match federation.depart(&path.0, &path.1, door.clock.now()).await {
        Ok(departure) => {
            let cookie = Cookie::Errand.set(departure.token.reveal(), federation.is_secure(), departure.seconds);
            redirect(&departure.url, &[cookie])
        }
        Err(why) => refused(&why),
    }
}

/// What a provider sends a browser back with.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// A browser comes back.
async fn returned(request: HttpRequest, door: web::Data<DashDoor>) -> HttpResponse {
    let Some(federation) = door.sign_in.federation() else { return nowhere() };
    let answer = web::Query::<Answer>::from_query(request.query_string());
    let Ok(web::Query(Answer { state, code, error, iss })) = answer else {
        return refused(&FederationError::Astray("the provider's answer cannot be read; begin anew"));
    };
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = kept(&request, Cookie::Errand, federation);
    let returned = Returned { state, code, error, issuer: iss };
    let secure = federation.is_secure();
    match federation.arrive(token.as_ref(), &returned, agent, door.clock.now()).await {
        Ok(arrival) => {
            let session = Cookie::Session.set(arrival.token.reveal(), secure, arrival.seconds);
            let to = format!("/dashboard/{}", arrival.tenant.tenant_key);
            redirect(&to, &[session, Cookie::Errand.set("", secure, 0)])
        }
        Err(why) => refused(&why),
    }
}

/// What the form of the button says.
#[derive(Deserialize)]
struct Out {
    #[serde(default)]
    form_token: String,
}

/// Signs a browser out.
async fn left(request: HttpRequest, door: web::Data<DashDoor>, form: web::Form<Out>) -> HttpResponse {
    let Some(federation) = door.sign_in.federation() else { return nowhere() };
    let now = door.clock.now();
    let done = async {
        let Some(Entered { session, principal, .. }) = entered(&request, &door, now).await? else { return Ok(()) };
        if !federation.is_from_us(&session, &form.form_token) {
            let why = "this does not come from a page that was shown to you; nothing was done".to_owned();
            return Err(FederationError::Manage(ManageError::Forbidden { why }));
        }
        let actor = format!("principal:{}", principal.login);
        let acting = Acting { tenant: &session.tenant_id, actor: &actor, now };
        let mut tx = door.store.begin_write().await?;
        federation::end(&mut tx, &acting, &session.id).await?;
        Ok(tx.commit().await?)
    };
    match done.await {
        Ok(()) => {
            let words = "You are signed out here. At your provider you may still be signed in.";
            let mut answer = html(HttpResponse::Ok());
            answer.append_header((header::SET_COOKIE, Cookie::Session.set("", federation.is_secure(), 0)));
            answer.body(view::notice(words, Some(("/dashboard", "Sign in again"))))
        }
        Err(why) => refused(&why),
    }
}

fn redirect(to: &str, cookies: &[String]) -> HttpResponse {
    let mut answer = html(HttpResponse::SeeOther());
    answer.insert_header((header::LOCATION, to));
    for cookie in cookies {
        answer.append_header((header::SET_COOKIE, cookie.as_str()));
    }
    answer.finish()
}

fn nowhere() -> HttpResponse {
    notice(StatusCode::NOT_FOUND, "Nobody signs in by a provider here.", None)
}

/// A page that says why somebody is not let in, and what to do.
fn refused(why: &FederationError) -> HttpResponse {
    let again = Some(("/dashboard", "Begin anew"));
    let (status, words) = match why {
        FederationError::Astray(_) => (StatusCode::BAD_REQUEST, format!("You are not signed in: {why}.")),
        FederationError::Oidc(OidcError::Token(_)) => (StatusCode::FORBIDDEN, format!("You are not signed in: {why}.")),
        FederationError::Oidc(_) => {
            tracing::warn!("somebody could not sign in: {why}");
            let words = format!("You are not signed in: {why}. If it stays so, tell an administrator of your tenant.");
            (StatusCode::BAD_GATEWAY, words)
        }
        FederationError::Manage(ManageError::Store(StoreError::Busy)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "The database is busy; try again shortly.".to_owned())
        }
        FederationError::Manage(ManageError::Store(_) | ManageError::Crypt(_)) => {
            tracing::error!(error = ?why, "a sign-in failed: {why}");
            let words = "You are not signed in. It failed on our side; the log has the reason.";
            (StatusCode::INTERNAL_SERVER_ERROR, words.to_owned())
        }
        FederationError::Manage(ManageError::NotFound { .. }) => {
            (StatusCode::NOT_FOUND, format!("You are not signed in: {why}."))
        }
        FederationError::Manage(_) => (StatusCode::FORBIDDEN, format!("You are not signed in: {why}.")),
    };
    notice(status, &words, again)
}

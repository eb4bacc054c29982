//! `/v1/tenants/{tenant}/principals/{login}/passwords` and `…/api-keys`: what principals log in with.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::view::{IssuedView, Names, SecretView};
use crate::manage::NewSecret;
use crate::manage::api_keys;
use crate::manage::passwords::{self, Issued, Rotation};
use crate::manage::principals;
use crate::store::Tx;
use actix_web::web::{Json, Path};
use actix_web::{HttpResponse, delete, get, post};

/// Lists app passwords and API keys of a principal, with those that have ended or were withdrawn; never their text.
#[utoipa::path(tag = "principals", operation_id = "list_passwords", params(("tenant", Path), ("login", Path)),
    responses((status = 200, body = Vec<SecretView>)))]
#[get("/tenants/{tenant}/principals/{login}/passwords")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
) -> Result<Json<Vec<SecretView>>, ApiError> {
    let mut tx = desk.read().await?;
    let secrets = passwords::list(&mut tx, &desk.acting(), &path.1).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    Ok(Json(secrets.into_iter().map(|secret| SecretView::of(secret, desk.now(), &names)).collect()))
}

/// Makes an app password and answers its text, this once.
#[utoipa::path(tag = "principals", operation_id = "issue_password", params(("tenant", Path), ("login", Path)),
    request_body = NewSecret, responses((status = 201, body = IssuedView)))]
#[post("/tenants/{tenant}/principals/{login}/passwords")]
pub(super) async fn issue_password(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    new: Json<Object<NewSecret>>,
) -> Result<HttpResponse, ApiError> {
    let fresh = passwords::fresh().await?;
    let mut tx = begin(&desk, &path.1).await?;
    let issued = passwords::issue(&mut tx, &desk.acting(), &path.1, &new, fresh).await?;
    shown_once(&desk, tx, issued).await
}

/// Makes an API key and answers its text, this once.
#[utoipa::path(tag = "principals", operation_id = "issue_api_key", params(("tenant", Path), ("login", Path)),
    request_body = NewSecret, responses((status = 201, body = IssuedView)))]
#[post("/tenants/{tenant}/principals/{login}/api-keys")]
pub(super) async fn issue_api_key(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    new: Json<Object<NewSecret>>,
) -> Result<HttpResponse, ApiError> {
    let fresh = api_keys::fresh().await?;
    let mut tx = begin(&desk, &path.1).await?;
    let issued = api_keys::issue(&mut tx, &desk.acting(), &path.1, &new, fresh).await?;
    shown_once(&desk, tx, issued).await
}

/// Replaces an app password or an API key by another one of the same label and scope, and answers its text, this once.
/// The former one works for a while, so that the new one can be brought to where it is used.
#[utoipa::path(tag = "principals", operation_id = "rotate_password",
    params(("tenant", Path), ("login", Path), ("password", Path)), request_body = Rotation,
    responses((status = 201, body = IssuedView)))]
#[post("/tenants/{tenant}/principals/{login}/passwords/{password}/rotate")]
pub(super) async fn rotate(
    desk: As<TenantAdmin>,
    path: Path<(String, String, String)>,
    wish: Json<Object<Rotation>>,
) -> Result<HttpResponse, ApiError> {
    let (_, login, id) = &*path;
    let former = passwords::find(&mut desk.read().await?, &desk.acting(), login, id).await?;
    let fresh = passwords::fresh_like(&former).await?;
    let mut tx = begin(&desk, login).await?;
    let issued = passwords::rotate(&mut tx, &desk.acting(), (login, id), &wish, fresh).await?;
    shown_once(&desk, tx, issued).await
}

/// Withdraws an app password or an API key.
#[utoipa::path(tag = "principals", operation_id = "revoke_password",
    params(("tenant", Path), ("login", Path), ("password", Path)), responses((status = 204)))]
#[delete("/tenants/{tenant}/principals/{login}/passwords/{password}")]
pub(super) async fn revoke(
    desk: As<TenantAdmin>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = begin(&desk, &path.1).await?;
    passwords::revoke(&mut tx, &desk.acting(), &path.1, &path.2).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A transaction in which a secret of that principal is changed, for callers who are no weaker than it.
async fn begin(desk: &As<TenantAdmin>, login: &str) -> Result<Tx, ApiError> {
    let mut tx = desk.write().await?;
    let role = principals::find(&mut tx, &desk.acting(), login).await?.role;
    desk.may_give(role)?;
    Ok(tx)
}

async fn shown_once(desk: &As<TenantAdmin>, mut tx: Tx, issued: Issued) -> Result<HttpResponse, ApiError> {
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(IssuedView::of(issued, desk.now(), &names)))
}

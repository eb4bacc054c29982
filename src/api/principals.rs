//! `/v1/tenants/{tenant}/principals`: who logs in, and with what.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{IssuedView, PrincipalView, SecretView};
use crate::manage::api_keys;
use crate::manage::passwords;
use crate::manage::principals::{self, NewPrincipal};
use crate::model::Role;
use crate::store::principals as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;

/// Lists the principals of the tenant, by login.
#[utoipa::path(tag = "principals", operation_id = "list_principals", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<PrincipalView>)))]
#[get("/tenants/{tenant}/principals")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
) -> Result<Json<Paged<PrincipalView>>, ApiError> {
    let principals = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    Ok(Json(page.of_all(principals, |principal| &principal.login, PrincipalView::from)?))
}

/// Makes a principal. It needs an app password or an API key before it can log in.
#[utoipa::path(tag = "principals", operation_id = "create_principal", params(("tenant", Path)),
    request_body = NewPrincipal, responses((status = 201, body = PrincipalView)))]
#[post("/tenants/{tenant}/principals")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewPrincipal>>) -> Result<HttpResponse, ApiError> {
    desk.may_give(new.role.unwrap_or(Role::Member))?;
    let mut tx = desk.write().await?;
    let principal = principals::create(&mut tx, &desk.acting(), &new).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("principals/{}", principal.login), &PrincipalView::from(principal)))
}

/// Reads one principal.
#[utoipa::path(tag = "principals", operation_id = "read_principal", params(("tenant", Path), ("login", Path)),
    responses((status = 200, body = PrincipalView)))]
#[get("/tenants/{tenant}/principals/{login}")]
pub(super) async fn read(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
) -> Result<Json<PrincipalView>, ApiError> {
    let principal = principals::find(&mut desk.read().await?, &desk.acting(), &path.1).await?;
    Ok(Json(principal.into()))
}

/// Changes to a principal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalPatch {
    /// Whether it is locked out.
    disabled: bool,
}

/// Locks a principal out, or lets it in again.
#[utoipa::path(tag = "principals", operation_id = "update_principal", params(("tenant", Path), ("login", Path)),
    request_body = PrincipalPatch, responses((status = 200, body = PrincipalView)))]
#[patch("/tenants/{tenant}/principals/{login}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    wish: Json<Object<PrincipalPatch>>,
) -> Result<Json<PrincipalView>, ApiError> {
    let mut tx = desk.write().await?;
    let role = principals::find(&mut tx, &desk.acting(), &path.1).await?.role;
    desk.may_give(role)?;
    let principal = principals::set_disabled(&mut tx, &desk.acting(), &path.1, wish.disabled).await?;
    tx.commit().await?;
    Ok(Json(principal.into()))
}

/// Lists app passwords and API keys of a principal, withdrawn ones too; never their text.
#[utoipa::path(tag = "principals", operation_id = "list_passwords", params(("tenant", Path), ("login", Path)),
    responses((status = 200, body = Vec<SecretView>)))]
#[get("/tenants/{tenant}/principals/{login}/passwords")]
pub(super) async fn list_passwords(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
) -> Result<Json<Vec<SecretView>>, ApiError> {
    let secrets = passwords::list(&mut desk.read().await?, &desk.acting(), &path.1).await?;
    Ok(Json(secrets.into_iter().map(SecretView::from).collect()))
}

/// What a new secret is for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    /// Which client uses it, e.g. `Anna's phone`.
    label: String,
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
    let mut tx = desk.write().await?;
    let role = principals::find(&mut tx, &desk.acting(), &path.1).await?.role;
    desk.may_give(role)?;
    let issued = passwords::issue(&mut tx, &desk.acting(), &path.1, &new.label, fresh).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(IssuedView::from(issued)))
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
    let mut tx = desk.write().await?;
    let role = principals::find(&mut tx, &desk.acting(), &path.1).await?.role;
    desk.may_give(role)?;
    let issued = api_keys::issue(&mut tx, &desk.acting(), &path.1, &new.label, fresh).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(IssuedView::from(issued)))
}

/// Withdraws an app password or an API key.
#[utoipa::path(tag = "principals", operation_id = "revoke_password",
    params(("tenant", Path), ("login", Path), ("password", Path)), responses((status = 204)))]
#[delete("/tenants/{tenant}/principals/{login}/passwords/{password}")]
pub(super) async fn revoke_password(
    desk: As<TenantAdmin>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let role = principals::find(&mut tx, &desk.acting(), &path.1).await?.role;
    desk.may_give(role)?;
    passwords::revoke(&mut tx, &desk.acting(), &path.1, &path.2).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

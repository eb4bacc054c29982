//! `/v1/tenants/{tenant}/principals`: who logs in.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::PrincipalView;
use crate::manage::principals::{self, NewPrincipal};
use crate::model::PrincipalKind;
use crate::model::Role;
use crate::store::principals as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, get, patch, post};
use serde::Deserialize;

/// Which principals are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfKind {
    /// People, or services: programs with a login of their own. Both if left out.
    kind: Option<PrincipalKind>,
}

/// Lists the principals of the tenant, by login.
#[utoipa::path(tag = "principals", operation_id = "list_principals", params(("tenant", Path), PageQuery, OfKind),
    responses((status = 200, body = Paged<PrincipalView>)))]
#[get("/tenants/{tenant}/principals")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<OfKind>,
) -> Result<Json<Paged<PrincipalView>>, ApiError> {
    let mut principals = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    principals.retain(|principal| of.kind.is_none_or(|kind| kind == principal.kind));
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

//! `/v1/tenants/{tenant}/grants`: what principals may do in rooms.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::view::{GrantView, Names};
use crate::manage::grants;
use crate::manage::principals;
use crate::model::Privilege;
use crate::store::principals as stored;
use actix_web::web::{Json, Query};
use actix_web::{HttpResponse, delete, get, put};
use serde::Deserialize;

/// Whose grants are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfQuery {
    /// The login; everybody's grants if left out.
    login: Option<String>,
}

/// Lists grants.
#[utoipa::path(tag = "grants", operation_id = "list_grants", params(("tenant", Path), OfQuery),
    responses((status = 200, body = Vec<GrantView>)))]
#[get("/tenants/{tenant}/grants")]
pub(super) async fn list(desk: As<TenantViewer>, query: Query<OfQuery>) -> Result<Json<Vec<GrantView>>, ApiError> {
    let mut tx = desk.read().await?;
    let tenant = desk.acting().tenant.clone();
    let names = Names::of(&mut tx, &tenant).await?;
    let principals = match &query.login {
        Some(login) => vec![principals::find(&mut tx, &desk.acting(), login).await?],
        None => stored::list(&mut tx, &tenant).await?,
    };
    let mut views = Vec::new();
    for principal in principals {
        let grants = stored::given(&mut tx, &tenant, &principal.id).await?;
        views.extend(grants.iter().map(|grant| GrantView::of(grant, &names)));
    }
    Ok(Json(views))
}

/// What a principal shall be allowed in a room.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGrant {
    /// Who.
    login: String,
    /// Slug of the room, `group:` and the slug of a room group, or `*` for all rooms.
    room: String,
    /// What.
    privilege: Privilege,
}

/// Sets what a principal may do in a room or in the rooms of a group, whatever it was before. Of several grants that reach a
/// room the strongest counts.
#[utoipa::path(tag = "grants", operation_id = "set_grant", params(("tenant", Path)), request_body = NewGrant,
    responses((status = 200, body = GrantView)))]
#[put("/tenants/{tenant}/grants")]
pub(super) async fn set(desk: As<TenantAdmin>, new: Json<Object<NewGrant>>) -> Result<Json<GrantView>, ApiError> {
    let mut tx = desk.write().await?;
    let grant = grants::set(&mut tx, &desk.acting(), &new.login, &new.room, new.privilege).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(Json(GrantView::of(&grant, &names)))
}

/// Which grant is taken back.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichQuery {
    /// Who.
    login: String,
    /// Slug of the room, `group:` and the slug of a room group, or `*` for the grant on all.
    room: String,
}

/// Takes a grant back.
#[utoipa::path(tag = "grants", operation_id = "remove_grant", params(("tenant", Path), WhichQuery),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/grants")]
pub(super) async fn remove(desk: As<TenantAdmin>, which: Query<WhichQuery>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    grants::remove(&mut tx, &desk.acting(), &which.login, &which.room).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

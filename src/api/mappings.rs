//! `/v1/tenants/{tenant}/mappings`: rooms on bridges, their policy and their state.

use super::caller::{As, TenantAdmin, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{MappingView, Names};
use crate::change::resolve::Removal;
use crate::manage::mappings::{self, NewMapping, Policy};
use crate::model::MappingId;
use crate::store::Tx;
use crate::store::mappings as stored;
use crate::store::mappings::Mapping;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;

/// Lists the mappings of the tenant, oldest first.
#[utoipa::path(tag = "mappings", operation_id = "list_mappings", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<MappingView>)))]
#[get("/tenants/{tenant}/mappings")]
pub(super) async fn list(desk: As<TenantViewer>, page: Query<PageQuery>) -> Result<Json<Paged<MappingView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let mappings = stored::list(&mut tx, desk.acting().tenant).await?;
    Ok(Json(page.of_all(mappings, |mapping| mapping.id.as_str(), |mapping| MappingView::of(mapping, &names))?))
}

/// Maps a room to a remote calendar; the first read is due at once.
#[utoipa::path(tag = "mappings", operation_id = "create_mapping", params(("tenant", Path)), request_body = NewMapping,
    responses((status = 201, body = MappingView)))]
#[post("/tenants/{tenant}/mappings")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewMapping>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let mapping = mappings::create(&mut tx, &desk.acting(), &new).await?;
    let (id, view) = (mapping.id.clone(), view(&desk, &mut tx, mapping).await?);
    tx.commit().await?;
    (desk.door.nudge)(&id);
    Ok(desk.created(&format!("mappings/{id}"), &view))
}

/// Reads one mapping.
#[utoipa::path(tag = "mappings", operation_id = "read_mapping", params(("tenant", Path), ("mapping", Path)),
    responses((status = 200, body = MappingView)))]
#[get("/tenants/{tenant}/mappings/{mapping}")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<MappingView>, ApiError> {
    let mut tx = desk.read().await?;
    let mapping = mappings::find(&mut tx, &desk.acting(), &mapping_id(&path)).await?;
    Ok(Json(view(&desk, &mut tx, mapping).await?))
}

/// Changes direction, authority or detail; both sides are then compared in whole.
#[utoipa::path(tag = "mappings", operation_id = "update_mapping", params(("tenant", Path), ("mapping", Path)),
    request_body = Policy, responses((status = 200, body = MappingView)))]
#[patch("/tenants/{tenant}/mappings/{mapping}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    policy: Json<Object<Policy>>,
) -> Result<Json<MappingView>, ApiError> {
    let mut tx = desk.write().await?;
    let mapping = mappings::set_policy(&mut tx, &desk.acting(), &mapping_id(&path), &policy).await?;
    let view = view(&desk, &mut tx, mapping).await?;
    tx.commit().await?;
    (desk.door.nudge)(&mapping_id(&path));
    Ok(Json(view))
}

/// Ends a mapping; copies at both sides stay.
#[utoipa::path(tag = "mappings", operation_id = "remove_mapping", params(("tenant", Path), ("mapping", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/mappings/{mapping}")]
pub(super) async fn remove(desk: As<TenantAdmin>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    mappings::remove(&mut tx, &desk.acting(), &mapping_id(&path)).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Syncs a mapping now; the answer does not wait for it.
#[utoipa::path(tag = "mappings", operation_id = "sync_mapping", params(("tenant", Path), ("mapping", Path)),
    responses((status = 202, body = MappingView)))]
#[post("/tenants/{tenant}/mappings/{mapping}/sync")]
pub(super) async fn sync(desk: As<TenantOperator>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let mapping = mappings::sync_now(&mut tx, &desk.acting(), &mapping_id(&path)).await?;
    let view = view(&desk, &mut tx, mapping).await?;
    tx.commit().await?;
    (desk.door.nudge)(&mapping_id(&path));
    Ok(HttpResponse::Accepted().json(view))
}

/// Why a mapping is held.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    /// A sentence for those who wonder.
    reason: String,
}

/// Stops a mapping until it is released: nothing is read or written.
#[utoipa::path(tag = "mappings", operation_id = "hold_mapping", params(("tenant", Path), ("mapping", Path)),
    request_body = Hold, responses((status = 200, body = MappingView)))]
#[post("/tenants/{tenant}/mappings/{mapping}/hold")]
pub(super) async fn hold(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
    hold: Json<Object<Hold>>,
) -> Result<Json<MappingView>, ApiError> {
    let mut tx = desk.write().await?;
    let mapping = mappings::hold(&mut tx, &desk.acting(), &mapping_id(&path), &hold.reason).await?;
    let view = view(&desk, &mut tx, mapping).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Lists what the release of a mapping that the brake holds would remove from the hub.
#[utoipa::path(tag = "mappings", operation_id = "list_held_removals", params(("tenant", Path), ("mapping", Path)),
    responses((status = 200, body = Vec<Removal>)))]
#[get("/tenants/{tenant}/mappings/{mapping}/removals")]
pub(super) async fn removals(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
) -> Result<Json<Vec<Removal>>, ApiError> {
    Ok(Json(mappings::removals(&mut desk.read().await?, &desk.acting(), &mapping_id(&path)).await?))
}

/// Lets a held mapping work again. What the brake has held is removed then; `removals` lists it.
#[utoipa::path(tag = "mappings", operation_id = "release_mapping", params(("tenant", Path), ("mapping", Path)),
    responses((status = 200, body = MappingView)))]
#[post("/tenants/{tenant}/mappings/{mapping}/release")]
pub(super) async fn release(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
) -> Result<Json<MappingView>, ApiError> {
    let mut tx = desk.write().await?;
    let mapping = mappings::release(&mut tx, &desk.acting(), &mapping_id(&path)).await?;
    let view = view(&desk, &mut tx, mapping).await?;
    tx.commit().await?;
    (desk.door.nudge)(&mapping_id(&path));
    Ok(Json(view))
}

fn mapping_id(path: &Path<(String, String)>) -> MappingId {
    MappingId::from(path.1.as_str())
}

async fn view<R>(desk: &As<R>, tx: &mut Tx, mapping: Mapping) -> Result<MappingView, ApiError> {
    let names = Names::of(tx, desk.acting().tenant).await?;
    Ok(MappingView::of(mapping, &names))
}

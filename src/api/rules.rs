//! `/v1/tenants/{tenant}/rooms/{room}/rules` and `…/closures`: when a room can be had, and how.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::view::{ClosureView, RulesView};
use crate::manage::closures::{self, NewClosure};
use crate::manage::rules;
use crate::model::RoomRules;
use crate::model::Uid;
use actix_web::web::{Json, Path};
use actix_web::{HttpResponse, delete, get, post, put};

/// Reads what a room asks of its bookings.
#[utoipa::path(tag = "rooms", operation_id = "read_rules", params(("tenant", Path), ("room", Path)),
    responses((status = 200, body = RulesView)))]
#[get("/tenants/{tenant}/rooms/{room}/rules")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<RulesView>, ApiError> {
    let row = rules::find(&mut desk.read().await?, &desk.acting(), &path.1).await?;
    Ok(Json(RulesView::of(&path.1, row)))
}

/// Sets what a room asks of its bookings, all of it. What is left out is not asked. Bookings that stand stay.
#[utoipa::path(tag = "rooms", operation_id = "set_rules", params(("tenant", Path), ("room", Path)),
    request_body = RoomRules, responses((status = 200, body = RulesView)))]
#[put("/tenants/{tenant}/rooms/{room}/rules")]
pub(super) async fn set(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    wish: Json<RoomRules>,
) -> Result<Json<RulesView>, ApiError> {
    let mut tx = desk.write().await?;
    let row = rules::set(&mut tx, &desk.acting(), &desk.door.limits, &path.1, &wish).await?;
    tx.commit().await?;
    Ok(Json(RulesView::of(&path.1, Some(row))))
}

/// Lists the closures of a room that have not ended, with the bookings that fall into them.
#[utoipa::path(tag = "rooms", operation_id = "list_closures", params(("tenant", Path), ("room", Path)),
    responses((status = 200, body = Vec<ClosureView>)))]
#[get("/tenants/{tenant}/rooms/{room}/closures")]
pub(super) async fn list_closures(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
) -> Result<Json<Vec<ClosureView>>, ApiError> {
    let mut tx = desk.read().await?;
    let (room, found) = closures::list(&mut tx, &desk.acting(), &desk.door.limits, &path.1).await?;
    Ok(Json(found.into_iter().map(|closure| ClosureView::of(&room, closure)).collect()))
}

/// Closes a room for some time, on every system it hangs together with. Bookings that stand then stay, each with an open
/// conflict.
#[utoipa::path(tag = "rooms", operation_id = "close_room", params(("tenant", Path), ("room", Path)),
    request_body = NewClosure, responses((status = 201, body = ClosureView)))]
#[post("/tenants/{tenant}/rooms/{room}/closures")]
pub(super) async fn close(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    new: Json<NewClosure>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let (room, closure) = closures::create(&mut tx, &desk.acting(), &desk.door.limits, &path.1, &new).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(ClosureView::of(&room, closure)))
}

/// Ends a closure, at once.
#[utoipa::path(tag = "rooms", operation_id = "open_room", params(("tenant", Path), ("room", Path), ("closure", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/rooms/{room}/closures/{closure}")]
pub(super) async fn open(
    desk: As<TenantAdmin>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    closures::remove(&mut tx, &desk.acting(), &desk.door.limits, &path.1, &Uid(path.2.clone())).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

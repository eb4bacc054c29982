//! `/v1/tenants/{tenant}/room-groups`: rooms for which rights are given together.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{Names, RoomGroupView};
use crate::manage::room_groups::{self, NewRoomGroup, RoomGroupPatch};
use crate::store::Tx;
use crate::store::room_groups as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post, put};

/// Tenant and group.
type Place = Path<(String, String)>;

/// Tenant, group and room.
type Member = Path<(String, String, String)>;

async fn view<R>(tx: &mut Tx, desk: &As<R>, group: stored::RoomGroup) -> Result<RoomGroupView, ApiError> {
    let tenant = desk.acting().tenant;
    let (names, members) = (Names::of(tx, tenant).await?, stored::members(tx, tenant).await?);
    Ok(RoomGroupView::of(group, &members, &names))
}

/// Lists the room groups of the tenant, by slug.
#[utoipa::path(tag = "room-groups", operation_id = "list_room_groups", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<RoomGroupView>)))]
#[get("/tenants/{tenant}/room-groups")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
) -> Result<Json<Paged<RoomGroupView>>, ApiError> {
    let mut tx = desk.read().await?;
    let tenant = desk.acting().tenant;
    let (names, members) = (Names::of(&mut tx, tenant).await?, stored::members(&mut tx, tenant).await?);
    let all = stored::list(&mut tx, tenant).await?;
    Ok(Json(page.of_all(all, |one| one.slug.as_str(), |one| RoomGroupView::of(one, &members, &names))?))
}

/// Makes a room group.
#[utoipa::path(tag = "room-groups", operation_id = "create_room_group", params(("tenant", Path)),
    request_body = NewRoomGroup, responses((status = 201, body = RoomGroupView)))]
#[post("/tenants/{tenant}/room-groups")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewRoomGroup>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let group = room_groups::create(&mut tx, &desk.acting(), &new).await?;
    let made = view(&mut tx, &desk, group).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("room-groups/{}", made.slug), &made))
}

/// Reads one room group.
#[utoipa::path(tag = "room-groups", operation_id = "read_room_group", params(("tenant", Path), ("group", Path)),
    responses((status = 200, body = RoomGroupView)))]
#[get("/tenants/{tenant}/room-groups/{group}")]
pub(super) async fn read(desk: As<TenantViewer>, place: Place) -> Result<Json<RoomGroupView>, ApiError> {
    let mut tx = desk.read().await?;
    let group = room_groups::find(&mut tx, &desk.acting(), &place.1).await?;
    Ok(Json(view(&mut tx, &desk, group).await?))
}

/// Changes name or description of a room group.
#[utoipa::path(tag = "room-groups", operation_id = "update_room_group", params(("tenant", Path), ("group", Path)),
    request_body = RoomGroupPatch, responses((status = 200, body = RoomGroupView)))]
#[patch("/tenants/{tenant}/room-groups/{group}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    place: Place,
    change: Json<Object<RoomGroupPatch>>,
) -> Result<Json<RoomGroupView>, ApiError> {
    let mut tx = desk.write().await?;
    let group = room_groups::update(&mut tx, &desk.acting(), &place.1, &change).await?;
    let changed = view(&mut tx, &desk, group).await?;
    tx.commit().await?;
    Ok(Json(changed))
}

/// Removes a room group with the rights that were given for it; its rooms stay.
#[utoipa::path(tag = "room-groups", operation_id = "remove_room_group", params(("tenant", Path), ("group", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/room-groups/{group}")]
pub(super) async fn remove(desk: As<TenantAdmin>, place: Place) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    room_groups::remove(&mut tx, &desk.acting(), &place.1).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Puts a room into a group: whoever has a right for the group has it in the room from now on.
#[utoipa::path(tag = "room-groups", operation_id = "add_to_room_group",
    params(("tenant", Path), ("group", Path), ("room", Path)), responses((status = 200, body = RoomGroupView)))]
#[put("/tenants/{tenant}/room-groups/{group}/rooms/{room}")]
pub(super) async fn add(desk: As<TenantAdmin>, place: Member) -> Result<Json<RoomGroupView>, ApiError> {
    let mut tx = desk.write().await?;
    let group = room_groups::add(&mut tx, &desk.acting(), &place.1, &place.2).await?;
    let changed = view(&mut tx, &desk, group).await?;
    tx.commit().await?;
    Ok(Json(changed))
}

/// Takes a room out of a group.
#[utoipa::path(tag = "room-groups", operation_id = "take_from_room_group",
    params(("tenant", Path), ("group", Path), ("room", Path)), responses((status = 204)))]
#[delete("/tenants/{tenant}/room-groups/{group}/rooms/{room}")]
pub(super) async fn take(desk: As<TenantAdmin>, place: Member) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    room_groups::take(&mut tx, &desk.acting(), &place.1, &place.2).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

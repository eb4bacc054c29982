//! `/v1/tenants/{tenant}/bridges`: remote systems. Secrets go in and never come out.

use super::caller::{As, TenantAdmin, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::tenants::Removal;
use super::view::{BridgeView, CalendarView, Names};
use crate::manage::bridges::{self, BridgePatch, NewBridge};
use crate::manage::confirmed;
use crate::store::bridges as stored;
use crate::store::mappings;
use crate::sync;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post};

/// Lists the bridges of the tenant, by name.
#[utoipa::path(tag = "bridges", operation_id = "list_bridges", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<BridgeView>)))]
#[get("/tenants/{tenant}/bridges")]
pub(super) async fn list(desk: As<TenantViewer>, page: Query<PageQuery>) -> Result<Json<Paged<BridgeView>>, ApiError> {
    let bridges = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    Ok(Json(page.of_all(bridges, |bridge| &bridge.name, BridgeView::from)?))
}

/// Makes a bridge.
#[utoipa::path(tag = "bridges", operation_id = "create_bridge", params(("tenant", Path)), request_body = NewBridge,
    responses((status = 201, body = BridgeView)))]
#[post("/tenants/{tenant}/bridges")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewBridge>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let bridge = bridges::create(&mut tx, &desk.acting(), &desk.door.keys.ring, &new).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("bridges/{}", bridge.name), &BridgeView::from(bridge)))
}

/// Reads one bridge.
#[utoipa::path(tag = "bridges", operation_id = "read_bridge", params(("tenant", Path), ("bridge", Path)),
    responses((status = 200, body = BridgeView)))]
#[get("/tenants/{tenant}/bridges/{bridge}")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<BridgeView>, ApiError> {
    let bridge = bridges::find(&mut desk.read().await?, &desk.acting(), &path.1).await?;
    Ok(Json(bridge.into()))
}

/// Changes settings (in whole) or secrets (those that are named) of a bridge.
#[utoipa::path(tag = "bridges", operation_id = "update_bridge", params(("tenant", Path), ("bridge", Path)),
    request_body = BridgePatch, responses((status = 200, body = BridgeView)))]
#[patch("/tenants/{tenant}/bridges/{bridge}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    wish: Json<Object<BridgePatch>>,
) -> Result<Json<BridgeView>, ApiError> {
    let mut tx = desk.write().await?;
    let bridge = bridges::update(&mut tx, &desk.acting(), &desk.door.keys.ring, &path.1, &wish).await?;
    tx.commit().await?;
    Ok(Json(bridge.into()))
}

/// Removes a bridge with its settings and secrets for good; its mappings end. With `copies=purge` our copies go from the
/// remote system first; what cannot be removed stops it all.
#[utoipa::path(tag = "bridges", operation_id = "remove_bridge", params(("tenant", Path), ("bridge", Path), Removal),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/bridges/{bridge}")]
pub(super) async fn remove(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    removal: Query<Removal>,
) -> Result<HttpResponse, ApiError> {
    let acting = desk.acting();
    let mut tx = desk.read().await?;
    let bridge = bridges::find(&mut tx, &acting, &path.1).await?;
    confirmed(&bridge.name, &removal.confirm)?;
    let ending = bridges::mapped(&mut tx, &acting, &bridge).await?;
    drop(tx);
    sync::leave(&desk.door.engine, acting.tenant, &ending, removal.copies, acting.actor).await?;
    let mut tx = desk.write().await?;
    bridges::remove(&mut tx, &acting, &path.1).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Signs in at the remote system and lists its calendars that can be mapped, by name.
#[utoipa::path(tag = "bridges", operation_id = "list_calendars", params(("tenant", Path), ("bridge", Path), PageQuery),
    responses((status = 200, body = Paged<CalendarView>)))]
#[get("/tenants/{tenant}/bridges/{bridge}/calendars")]
pub(super) async fn calendars(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
    page: Query<PageQuery>,
) -> Result<Json<Paged<CalendarView>>, ApiError> {
    let mut tx = desk.read().await?;
    let row = bridges::find(&mut tx, &desk.acting(), &path.1).await?;
    let mapped = mappings::list(&mut tx, desk.acting().tenant).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    drop(tx);
    let refused = |why| ApiError::Remote { whose: format!("bridge {}", row.name), why };
    let bridge = (desk.door.engine.bridges)(&row).map_err(refused)?;
    let mut found = bridge.calendars().await.map_err(refused)?;
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let room_of = |id: &str| {
        let mapping = mapped.iter().find(|mapping| mapping.bridge_id == row.id && mapping.remote_id == id);
        mapping.map(|mapping| names.room(mapping.room_id.as_str()))
    };
    Ok(Json(page.of_all(
        found,
        |calendar| &calendar.id,
        |calendar| CalendarView { room: room_of(&calendar.id), remote_id: calendar.id, name: calendar.name },
    )?))
}

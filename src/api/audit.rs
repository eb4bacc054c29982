//! `/v1/tenants/{tenant}/audit`, and the story of one event: why it is where it is.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::{AuditView, EventStory, MappingStatusView, Names, RoomStory};
use crate::manage::ManageError;
use crate::manage::chain::{self, Verdict};
use crate::manage::rooms;
use crate::model::Uid;
use crate::store::pages;
use crate::store::rooms as stored_rooms;
use actix_web::get;
use actix_web::web::{Json, Path, Query};
use serde::Deserialize;

/// Which room is meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfRoom {
    /// Slug of a room; all if left out.
    room: Option<String>,
}

/// Lists audit entries, newest first.
#[utoipa::path(tag = "audit", operation_id = "list_audit", params(("tenant", Path), PageQuery, OfRoom),
    responses((status = 200, body = Paged<AuditView>)))]
#[get("/tenants/{tenant}/audit")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<OfRoom>,
) -> Result<Json<Paged<AuditView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let room = match &of.room {
        Some(slug) => rooms::find(&mut tx, &desk.acting(), slug).await?.id.to_string(),
        None => String::new(),
    };
    let entries = pages::audit(&mut tx, desk.acting().tenant, page.ask()?, &room).await?;
    Ok(Json(page.cut(entries, |entry| &entry.id, |entry| AuditView::of(entry, &names))?))
}

/// Follows the chain of all entries and names the first that was changed, moved, added or taken out.
#[utoipa::path(tag = "audit", operation_id = "verify_audit", params(("tenant", Path)),
    responses((status = 200, body = Verdict)))]
#[get("/tenants/{tenant}/audit/verification")]
pub(super) async fn verification(desk: As<TenantAdmin>) -> Result<Json<Verdict>, ApiError> {
    let (tenant, key) = (desk.acting().tenant, &desk.door.keys.audit);
    chain::extend(&desk.door.store, key, tenant).await?;
    Ok(Json(chain::verify(&mut desk.read().await?, key, tenant).await?))
}

/// Explains one event: who wrote it where and when, what was merged by which rule, what was sent with which answer, what
/// waits and why.
#[utoipa::path(tag = "audit", operation_id = "explain_event", params(("tenant", Path), ("uid", Path), OfRoom),
    responses((status = 200, body = EventStory)))]
#[get("/tenants/{tenant}/events/{uid}/story")]
pub(super) async fn explain(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
    of: Query<OfRoom>,
) -> Result<Json<EventStory>, ApiError> {
    let mut tx = desk.read().await?;
    let rooms = match &of.room {
        Some(slug) => vec![rooms::find(&mut tx, &desk.acting(), slug).await?],
        None => stored_rooms::list(&mut tx, desk.acting().tenant).await?,
    };
    let story = EventStory::tell(&mut tx, desk.acting().tenant, &rooms, Uid(path.1.clone())).await?;
    if story.is_empty() {
        return Err(ManageError::NotFound { what: format!("trace of an event with the UID {:?}", path.1) }.into());
    }
    Ok(Json(story))
}

/// Explains one room: the state of its mappings, their last reads, the oldest unreconciled change, what waits to be sent
/// and what was given up.
#[utoipa::path(tag = "audit", operation_id = "explain_room", params(("tenant", Path), ("room", Path)),
    responses((status = 200, body = RoomStory)))]
#[get("/tenants/{tenant}/rooms/{room}/story")]
pub(super) async fn explain_room(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
) -> Result<Json<RoomStory>, ApiError> {
    let mut tx = desk.read().await?;
    let room = rooms::find(&mut tx, &desk.acting(), &path.1).await?;
    Ok(Json(RoomStory::tell(&mut tx, desk.acting().tenant, &room).await?))
}

/// Tells how every room is doing: one line for each mapping, with its oldest unreconciled change.
#[utoipa::path(tag = "sync", operation_id = "read_status", params(("tenant", Path)),
    responses((status = 200, body = Vec<MappingStatusView>)))]
#[get("/tenants/{tenant}/status")]
pub(super) async fn status(desk: As<TenantViewer>) -> Result<Json<Vec<MappingStatusView>>, ApiError> {
    Ok(Json(MappingStatusView::of_tenant(&mut desk.read().await?, desk.acting().tenant).await?))
}

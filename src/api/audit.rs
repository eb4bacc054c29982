//! `/v1/tenants/{tenant}/audit`, and the story of one event: why it is where it is.

use super::caller::{As, TenantViewer};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::{AuditView, ConflictView, LinkView, Names, OperationView};
use crate::manage::ManageError;
use crate::manage::rooms;
use crate::model::TenantId;
use crate::model::Uid;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::audit;
use crate::store::links;
use crate::store::mappings;
use crate::store::operations;
use crate::store::pages;
use crate::store::rooms as stored_rooms;
use crate::store::rooms::Room;
use actix_web::get;
use actix_web::web::{Json, Path, Query};
use serde::{Deserialize, Serialize};

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

/// Everything known about one event.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(super) struct Story {
    /// The UID.
    uid: String,
    /// What happened, oldest first.
    audit: Vec<AuditView>,
    /// Its remote copies.
    links: Vec<LinkView>,
    /// What was or is to be sent.
    operations: Vec<OperationView>,
    /// What it collided with.
    conflicts: Vec<ConflictView>,
}

/// Explains one event: audit, remote copies, outgoing writes and conflicts.
#[utoipa::path(tag = "audit", operation_id = "explain_event", params(("tenant", Path), ("uid", Path), OfRoom),
    responses((status = 200, body = Story)))]
#[get("/tenants/{tenant}/events/{uid}/story")]
pub(super) async fn explain(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
    of: Query<OfRoom>,
) -> Result<Json<Story>, ApiError> {
    let mut tx = desk.read().await?;
    let rooms = match &of.room {
        Some(slug) => vec![rooms::find(&mut tx, &desk.acting(), slug).await?],
        None => stored_rooms::list(&mut tx, desk.acting().tenant).await?,
    };
    let story = tell(&mut tx, desk.acting().tenant, &rooms, Uid(path.1.clone())).await?;
    if story.audit.is_empty() && story.links.is_empty() && story.operations.is_empty() {
        return Err(ManageError::NotFound { what: format!("trace of an event with the UID {:?}", path.1) }.into());
    }
    Ok(Json(story))
}

async fn tell(tx: &mut Tx, tenant: &TenantId, rooms: &[Room], uid: Uid) -> Result<Story, StoreError> {
    let names = Names::of(tx, tenant).await?;
    let mut story = Story { uid: uid.to_string(), ..Story::default() };
    for room in rooms {
        let entries = audit::of_event(tx, tenant, &room.id, &uid).await?;
        story.audit.extend(entries.into_iter().map(|entry| AuditView::of(entry, &names)));
        let operations = operations::of_event(tx, tenant, &room.id, &uid).await?;
        story.operations.extend(operations.into_iter().map(|operation| OperationView::of(operation, &names)));
        let conflicts = pages::conflicts_of_event(tx, tenant, &room.id, &uid).await?;
        story.conflicts.extend(conflicts.into_iter().map(|conflict| ConflictView::of(conflict, &names)));
        for mapping in mappings::of_room(tx, tenant, &room.id).await? {
            let links = links::of_uid(tx, tenant, &mapping.id, &uid).await?;
            story.links.extend(links.into_iter().map(LinkView::from));
        }
    }
    Ok(story)
}

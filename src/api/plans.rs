//! Looking before doing: dry runs, approval of first contacts, purge, and the check of the invariants.

use super::caller::{As, TenantAdmin, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::view::{MappingView, Names};
use crate::manage::ManageError;
use crate::manage::mappings;
use crate::manage::rooms;
use crate::model::MappingId;
use crate::store::mappings as stored;
use crate::store::plans;
use crate::sync;
use crate::sync::{Copy, Leaving, Plan, Purged, Report};
use actix_web::web::{Json, Path, Query};
use actix_web::{get, post};
use serde::Deserialize;

/// Dry run of every mapping of a room: reads both sides, says what a sync would do, writes nothing.
#[utoipa::path(tag = "sync", operation_id = "plan_room", params(("tenant", Path), ("room", Path)),
    responses((status = 200, body = Vec<Plan>)))]
#[get("/tenants/{tenant}/rooms/{room}/plan")]
pub(super) async fn of_room(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
) -> Result<Json<Vec<Plan>>, ApiError> {
    let mut tx = desk.read().await?;
    let room = rooms::find(&mut tx, &desk.acting(), &path.1).await?;
    let mappings = stored::of_room(&mut tx, desk.acting().tenant, &room.id).await?;
    drop(tx);
    let mut all = Vec::with_capacity(mappings.len());
    for mapping in mappings {
        all.push(sync::preview(&desk.door.engine, desk.acting().tenant, &mapping.id).await?);
    }
    Ok(Json(all))
}

/// Which plan is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfPlan {
    /// `true`: the plan that was made while the mapping waited for approval, without reading anything.
    #[serde(default)]
    stored: bool,
}

/// Dry run of one mapping: reads both sides, says what a sync would do, writes nothing.
#[utoipa::path(tag = "sync", operation_id = "plan_mapping", params(("tenant", Path), ("mapping", Path), OfPlan),
    responses((status = 200, body = Plan)))]
#[get("/tenants/{tenant}/mappings/{mapping}/plan")]
pub(super) async fn of_mapping(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
    of: Query<OfPlan>,
) -> Result<Json<Plan>, ApiError> {
    let id = mapping_id(&path);
    let mut tx = desk.read().await?;
    mappings::find(&mut tx, &desk.acting(), &id).await?;
    if of.stored {
        let row = plans::get(&mut tx, desk.acting().tenant, &id).await?;
        let plan = row.and_then(|row| serde_json::from_str(&row.plan).ok());
        return Ok(Json(plan.ok_or_else(|| ManageError::NotFound { what: format!("stored plan of mapping {id}") })?));
    }
    drop(tx);
    Ok(Json(sync::preview(&desk.door.engine, desk.acting().tenant, &id).await?))
}

/// Approves the first contact of a mapping; what its plan says begins at once.
#[utoipa::path(tag = "mappings", operation_id = "approve_mapping", params(("tenant", Path), ("mapping", Path)),
    responses((status = 200, body = MappingView)))]
#[post("/tenants/{tenant}/mappings/{mapping}/approve")]
pub(super) async fn approve(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
) -> Result<Json<MappingView>, ApiError> {
    let mut tx = desk.write().await?;
    let mapping = mappings::approve(&mut tx, &desk.acting(), &mapping_id(&path)).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    (desk.door.nudge)(&mapping_id(&path));
    Ok(Json(MappingView::of(mapping, &names)))
}

/// Lists our copies in the remote calendar of a mapping: what a purge would remove.
#[utoipa::path(tag = "mappings", operation_id = "list_copies", params(("tenant", Path), ("mapping", Path)),
    responses((status = 200, body = Vec<Copy>)))]
#[get("/tenants/{tenant}/mappings/{mapping}/copies")]
pub(super) async fn copies(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
) -> Result<Json<Vec<Copy>>, ApiError> {
    Ok(Json(sync::copies(&desk.door.engine, desk.acting().tenant, &mapping_id(&path)).await?))
}

/// The confirmation of a purge.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    /// How many copies there are; with another number nothing is removed.
    confirm: usize,
    /// Whether the mapping ends with its copies; otherwise it is held.
    #[serde(default)]
    remove: bool,
}

/// Removes our copies from the remote calendar of a mapping, and nothing else there. The mapping is held afterwards, or
/// ends.
#[utoipa::path(tag = "mappings", operation_id = "purge_mapping", params(("tenant", Path), ("mapping", Path)),
    request_body = Confirmation, responses((status = 200, body = Purged)))]
#[post("/tenants/{tenant}/mappings/{mapping}/purge")]
pub(super) async fn purge(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    wish: Json<Object<Confirmation>>,
) -> Result<Json<Purged>, ApiError> {
    let acting = desk.acting();
    let leaving = if wish.remove { Leaving::Remove } else { Leaving::Hold };
    let (engine, id, how) = (&desk.door.engine, mapping_id(&path), (wish.confirm, leaving));
    let purged = sync::purge(engine, acting.tenant, &id, how, acting.actor).await?;
    // A purge has transactions of its own. An Idempotency-Key is claimed once it took effect; a repetition before that
    // finds another number of copies and removes nothing.
    desk.write().await?.commit().await?;
    Ok(Json(purged))
}

/// What is verified.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Scope {
    /// Slug of a room; all if left out.
    room: Option<String>,
    /// `true`: nobody books meanwhile, so that what differs at the remote side since the last read counts as well.
    #[serde(default)]
    quiet: bool,
}

/// Checks the invariants against the living sides: reads every mapping completely and lists what must not be.
#[utoipa::path(tag = "sync", operation_id = "verify", params(("tenant", Path), Scope),
    responses((status = 200, body = Report)))]
#[get("/tenants/{tenant}/verify")]
pub(super) async fn verify(desk: As<TenantViewer>, of: Query<Scope>) -> Result<Json<Report>, ApiError> {
    let tenant = desk.acting().tenant;
    Ok(Json(sync::verify(&desk.door.engine, tenant, of.room.as_deref(), of.quiet).await?))
}

fn mapping_id(path: &Path<(String, String)>) -> MappingId {
    MappingId::from(path.1.as_str())
}

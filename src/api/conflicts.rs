//! `/v1/tenants/{tenant}/conflicts`: what waits for a person, and what was decided.

use super::caller::{As, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{ConflictView, Names};
use crate::manage::conflicts;
use crate::model::ConflictId;
use crate::model::MappingId;
use crate::model::Resolution;
use crate::store::conflicts::{AUTO, EXPIRED, OPEN, RESOLVED};
use crate::store::pages;
use actix_web::web::{Json, Path, Query};
use actix_web::{get, post};
use serde::Deserialize;

/// The states of a conflict.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConflictState {
    /// Waits for a person, until its deadline.
    Open,
    /// A rule decided, at the deadline or because a later change overtook it.
    Auto,
    /// A person decided.
    Resolved,
    /// Its cause went away before anybody decided.
    Expired,
}

/// Which conflicts are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InState {
    /// The state; all if left out.
    state: Option<ConflictState>,
}

/// Lists conflicts, newest first.
#[utoipa::path(tag = "sync", operation_id = "list_conflicts", params(("tenant", Path), PageQuery, InState),
    responses((status = 200, body = Paged<ConflictView>)))]
#[get("/tenants/{tenant}/conflicts")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<InState>,
) -> Result<Json<Paged<ConflictView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let state = of.state.map_or("", |state| match state {
        ConflictState::Open => OPEN,
        ConflictState::Auto => AUTO,
        ConflictState::Resolved => RESOLVED,
        ConflictState::Expired => EXPIRED,
    });
    let found = pages::conflicts(&mut tx, desk.acting().tenant, page.ask()?, state).await?;
    Ok(Json(page.cut(found, |conflict| conflict.id.as_str(), |conflict| ConflictView::of(conflict, &names))?))
}

/// Reads one conflict: what happened, both versions, what is proposed and until when, and which decisions make sense.
#[utoipa::path(tag = "sync", operation_id = "read_conflict", params(("tenant", Path), ("conflict", Path)),
    responses((status = 200, body = ConflictView)))]
#[get("/tenants/{tenant}/conflicts/{conflict}")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<ConflictView>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let conflict = conflicts::find(&mut tx, &desk.acting(), &ConflictId::from(path.1.as_str())).await?;
    Ok(Json(ConflictView::of(conflict, &names)))
}

/// What a person decides.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// One of the conflict's `decisions`.
    decision: Resolution,
}

/// Decides a conflict: the bookings are changed accordingly and every side hears of it. The same decision once more
/// changes nothing; another one after the first is refused with 409.
#[utoipa::path(tag = "sync", operation_id = "resolve_conflict", params(("tenant", Path), ("conflict", Path)),
    request_body = Decision, responses((status = 200, body = ConflictView)))]
#[post("/tenants/{tenant}/conflicts/{conflict}/resolve")]
pub(super) async fn resolve(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
    decision: Json<Object<Decision>>,
) -> Result<Json<ConflictView>, ApiError> {
    let mut tx = desk.write().await?;
    let id = ConflictId::from(path.1.as_str());
    let decided = conflicts::resolve(&mut tx, &desk.acting(), &desk.door.limits, &id, decision.decision).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    (desk.door.nudge)(&MappingId::from(decided.mapping_id.as_str()));
    Ok(Json(ConflictView::of(decided, &names)))
}

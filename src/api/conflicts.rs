//! `/v1/tenants/{tenant}/conflicts`: what waits for a person, and what was decided.

use super::caller::{As, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{ConflictView, Names};
use crate::manage::conflicts;
use crate::model::ConflictId;
use crate::store::conflicts::{OPEN, RESOLVED, SETTLED};
use crate::store::pages;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;

/// The states of a conflict.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConflictState {
    /// Waits for a person.
    Open,
    /// A rule decided.
    Settled,
    /// A person decided.
    Resolved,
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
        ConflictState::Settled => SETTLED,
        ConflictState::Resolved => RESOLVED,
    });
    let found = pages::conflicts(&mut tx, desk.acting().tenant, page.ask()?, state).await?;
    Ok(Json(page.cut(found, |conflict| conflict.id.as_str(), |conflict| ConflictView::of(conflict, &names))?))
}

/// What a person decided.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// A sentence.
    decision: String,
}

/// Notes a decision and closes the conflict. Bookings are changed through the calendars themselves.
#[utoipa::path(tag = "sync", operation_id = "resolve_conflict", params(("tenant", Path), ("conflict", Path)),
    request_body = Decision, responses((status = 204)))]
#[post("/tenants/{tenant}/conflicts/{conflict}/resolve")]
pub(super) async fn resolve(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
    decision: Json<Object<Decision>>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    conflicts::resolve(&mut tx, &desk.acting(), &ConflictId::from(path.1.as_str()), &decision.decision).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

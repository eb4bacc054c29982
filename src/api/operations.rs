//! `/v1/tenants/{tenant}/operations`: the outbox.

use super::caller::{As, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::{Names, OperationView};
use crate::manage::operations;
use crate::model::OperationId;
use crate::model::OperationState;
use crate::store::pages;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;

/// Which operations are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InState {
    /// The state; all if left out.
    state: Option<OperationState>,
}

/// Lists outgoing writes, newest first.
#[utoipa::path(tag = "sync", operation_id = "list_operations", params(("tenant", Path), PageQuery, InState),
    responses((status = 200, body = Paged<OperationView>)))]
#[get("/tenants/{tenant}/operations")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<InState>,
) -> Result<Json<Paged<OperationView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let state = of.state.map_or("", word);
    let found = pages::operations(&mut tx, desk.acting().tenant, page.ask()?, state).await?;
    Ok(Json(page.cut(found, |operation| operation.id.as_str(), |operation| OperationView::of(operation, &names))?))
}

/// Tries a failed operation again, now.
#[utoipa::path(tag = "sync", operation_id = "retry_operation", params(("tenant", Path), ("operation", Path)),
    responses((status = 202)))]
#[post("/tenants/{tenant}/operations/{operation}/retry")]
pub(super) async fn retry(desk: As<TenantOperator>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    operations::retry(&mut tx, &desk.acting(), &OperationId::from(path.1.as_str())).await?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().finish())
}

/// The state as it is stored.
const fn word(state: OperationState) -> &'static str {
    match state {
        OperationState::Pending => "pending",
        OperationState::Sending => "sending",
        OperationState::Unknown => "unknown",
        OperationState::Done => "done",
        OperationState::Failed => "failed",
    }
}

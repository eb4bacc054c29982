//! `/v1/tenants/{tenant}/retention`: how long data is kept.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::view::PolicyView;
use crate::manage::retention::{self, NewPolicy};
use crate::store::retention as stored;
use actix_web::web::{Json, Path};
use actix_web::{HttpResponse, delete, get, put};

/// Lists the policies. A type of data without one is kept as long as the program's own rules say.
#[utoipa::path(tag = "retention", operation_id = "list_policies", params(("tenant", Path)),
    responses((status = 200, body = Vec<PolicyView>)))]
#[get("/tenants/{tenant}/retention")]
pub(super) async fn list(desk: As<TenantViewer>) -> Result<Json<Vec<PolicyView>>, ApiError> {
    let found = stored::policies(&mut desk.read().await?, desk.acting().tenant).await?;
    Ok(Json(found.into_iter().map(PolicyView::from).collect()))
}

/// Says how long a type of data is kept: `audit`, `bookings` (after they ended), `sync_runs`, `operations`, `conflicts`,
/// `inbox` or `idempotency` (answers to repeated requests).
#[utoipa::path(tag = "retention", operation_id = "set_policy", params(("tenant", Path), ("data_type", Path)),
    responses((status = 200, body = PolicyView)))]
#[put("/tenants/{tenant}/retention/{data_type}")]
pub(super) async fn set(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    new: Json<NewPolicy>,
) -> Result<Json<PolicyView>, ApiError> {
    let mut tx = desk.write().await?;
    let policy = retention::set(&mut tx, &desk.acting(), &path.1, &new).await?;
    tx.commit().await?;
    Ok(Json(policy.into()))
}

/// Takes a policy back.
#[utoipa::path(tag = "retention", operation_id = "unset_policy", params(("tenant", Path), ("data_type", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/retention/{data_type}")]
pub(super) async fn unset(desk: As<TenantAdmin>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    retention::unset(&mut tx, &desk.acting(), &path.1).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

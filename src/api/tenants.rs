//! `/v1/tenants`: the organisations a caller may look at.

use super::caller::{As, TenantViewer};
use super::error::ApiError;
use super::view::TenantView;
use crate::model::Role;
use crate::store::tenants;
use actix_web::get;
use actix_web::web::Json;

/// Lists the caller's tenant; all of them for a super admin.
#[utoipa::path(tag = "tenants", operation_id = "list_tenants", responses((status = 200, body = Vec<TenantView>)))]
#[get("/tenants")]
pub(super) async fn list(desk: As<TenantViewer>) -> Result<Json<Vec<TenantView>>, ApiError> {
    let caller = desk.caller();
    let tenants = match caller.principal.role {
        Role::SuperAdmin => tenants::list(&mut desk.read().await?).await?,
        _ => vec![caller.tenant.clone()],
    };
    Ok(Json(tenants.into_iter().map(TenantView::from).collect()))
}

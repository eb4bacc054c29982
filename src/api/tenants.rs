//! `/v1/tenants`: the organisations a caller may look at.

use super::caller::{As, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::view::{MappingView, Names, TenantView};
use crate::manage::mappings;
use crate::model::MappingState;
use crate::model::Role;
use crate::store::mappings as stored;
use crate::store::tenants;
use actix_web::web::Json;
use actix_web::{HttpResponse, get, post};

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

/// Reads one tenant.
#[utoipa::path(tag = "tenants", operation_id = "read_tenant", params(("tenant", Path)),
    responses((status = 200, body = TenantView)))]
#[get("/tenants/{tenant}")]
pub(super) async fn read(desk: As<TenantViewer>) -> Json<TenantView> {
    Json(desk.caller().tenant.clone().into())
}

/// Makes every mapping that works be read now; answers them. Those that are held or wait for approval stay as they are.
#[utoipa::path(tag = "sync", operation_id = "sync_tenant", params(("tenant", Path)),
    responses((status = 202, body = Vec<MappingView>)))]
#[post("/tenants/{tenant}/sync")]
pub(super) async fn sync(desk: As<TenantOperator>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let mut asked = Vec::new();
    for mapping in stored::list(&mut tx, desk.acting().tenant).await? {
        if mapping.state == MappingState::Active {
            asked.push(mappings::sync_now(&mut tx, &desk.acting(), &mapping.id).await?);
        }
    }
    tx.commit().await?;
    for mapping in &asked {
        (desk.door.nudge)(&mapping.id);
    }
    let asked: Vec<MappingView> = asked.into_iter().map(|mapping| MappingView::of(mapping, &names)).collect();
    Ok(HttpResponse::Accepted().json(asked))
}

//! `/v1/tenants`: the organisations a caller may look at.

use super::caller::{As, SuperAdmin, TenantAdmin, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::view::{MappingView, Names, TenantView};
use crate::manage::ManageError;
use crate::manage::confirmed;
use crate::manage::mappings;
use crate::manage::tenants as manage;
use crate::manage::tenants::{NewTenant, TenantPatch};
use crate::model::MappingState;
use crate::model::Role;
use crate::store::mappings as stored;
use crate::store::tenants;
use crate::sync::{Copies, leave};
use actix_web::http::header;
use actix_web::web::{Json, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;

/// Which tenants are listed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `true`: the removed ones, under the keys by which their audit is read. For super admins.
    #[serde(default)]
    removed: bool,
}

/// Lists the caller's tenant; all of them for a super admin.
#[utoipa::path(tag = "tenants", operation_id = "list_tenants", params(Which), responses((status = 200, body = Vec<TenantView>)))]
#[get("/tenants")]
pub(super) async fn list(desk: As<TenantViewer>, which: Query<Which>) -> Result<Json<Vec<TenantView>>, ApiError> {
    let caller = desk.caller();
    let tenants = match caller.principal.role {
        Role::SuperAdmin if which.removed => tenants::removed(&mut desk.read().await?).await?,
        Role::SuperAdmin => tenants::list(&mut desk.read().await?).await?,
        _ if which.removed => Vec::new(),
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

/// Makes a tenant; it works at once.
#[utoipa::path(tag = "tenants", operation_id = "create_tenant", request_body = NewTenant,
    responses((status = 201, body = TenantView)))]
#[post("/tenants")]
pub(super) async fn create(desk: As<SuperAdmin>, new: Json<Object<NewTenant>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let tenant = manage::create(&mut tx, desk.acting().actor, desk.now(), &new).await?;
    tx.commit().await?;
    let location = format!("/v1/tenants/{}", tenant.tenant_key);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(TenantView::from(tenant)))
}

/// Describes a tenant anew; what is left out stays. Priority and limits are for super admins.
#[utoipa::path(tag = "tenants", operation_id = "update_tenant", params(("tenant", Path)), request_body = TenantPatch,
    responses((status = 200, body = TenantView)))]
#[patch("/tenants/{tenant}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    patch: Json<Object<TenantPatch>>,
) -> Result<Json<TenantView>, ApiError> {
    if patch.is_about_shares() {
        desk.require(Role::SuperAdmin)?;
    }
    let mut tx = desk.write().await?;
    let tenant = manage::update(&mut tx, &desk.acting(), &patch).await?;
    tx.commit().await?;
    Ok(Json(tenant.into()))
}

/// Why a tenant is closed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    /// A sentence for those who wonder; its people read it.
    reason: String,
}

/// Closes the doors of a tenant at once: its requests are refused, and nothing of it is synchronised.
#[utoipa::path(tag = "tenants", operation_id = "suspend_tenant", params(("tenant", Path)), request_body = Closing,
    responses((status = 200, body = TenantView)))]
#[post("/tenants/{tenant}/suspend")]
pub(super) async fn suspend(
    desk: As<SuperAdmin>,
    closing: Json<Object<Closing>>,
) -> Result<Json<TenantView>, ApiError> {
    let mut tx = desk.write().await?;
    let tenant = manage::suspend(&mut tx, &desk.acting(), &closing.reason).await?;
    tx.commit().await?;
    Ok(Json(tenant.into()))
}

/// Lets a tenant only be read until what waits to be sent is sent; then it is suspended.
#[utoipa::path(tag = "tenants", operation_id = "drain_tenant", params(("tenant", Path)), request_body = Closing,
    responses((status = 202, body = TenantView)))]
#[post("/tenants/{tenant}/drain")]
pub(super) async fn drain(desk: As<SuperAdmin>, closing: Json<Object<Closing>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let tenant = manage::drain(&mut tx, &desk.acting(), &closing.reason).await?;
    let mappings = stored::list(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    for mapping in &mappings {
        (desk.door.nudge)(&mapping.id);
    }
    Ok(HttpResponse::Accepted().json(TenantView::from(tenant)))
}

/// Opens the doors of a tenant again; its work goes on where it stopped.
#[utoipa::path(tag = "tenants", operation_id = "resume_tenant", params(("tenant", Path)),
    responses((status = 200, body = TenantView)))]
#[post("/tenants/{tenant}/resume")]
pub(super) async fn resume(desk: As<SuperAdmin>) -> Result<Json<TenantView>, ApiError> {
    let mut tx = desk.write().await?;
    let tenant = manage::resume(&mut tx, &desk.acting()).await?;
    tx.commit().await?;
    Ok(Json(tenant.into()))
}

/// The confirmation of a removal.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    /// The name of what is removed, once more.
    #[serde(default)]
    pub(super) confirm: String,
    /// What becomes of our copies at remote systems: `leave` or `purge`. They are left if nothing is said.
    #[serde(default)]
    pub(super) copies: Copies,
}

/// Removes a suspended tenant with all its data for good. Its audit is kept: `GET /tenants?removed=true` says under which
/// key it is read. With `copies=purge` our copies go from its remote systems first; what cannot be removed stops it all.
#[utoipa::path(tag = "tenants", operation_id = "remove_tenant", params(("tenant", Path), Removal),
    responses((status = 204)))]
#[delete("/tenants/{tenant}")]
pub(super) async fn remove(desk: As<SuperAdmin>, removal: Query<Removal>) -> Result<HttpResponse, ApiError> {
    let (acting, caller) = (desk.acting(), desk.caller());
    confirmed(&caller.tenant.tenant_key, &removal.confirm)?;
    if caller.tenant.id == caller.principal.tenant_id {
        let why = "this is the tenant you belong to; somebody of another one has to remove it".to_owned();
        return Err(ManageError::State { why }.into());
    }
    let mut tx = desk.read().await?;
    manage::removable(&mut tx, &acting).await?;
    let ending = stored::list(&mut tx, acting.tenant).await?;
    drop(tx);
    leave(&desk.door.engine, acting.tenant, &ending, removal.copies, acting.actor).await?;
    let mut tx = desk.write().await?;
    manage::remove(&mut tx, &acting).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
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

//! `/v1/tenants/{tenant}/people/{email}`: what is known of a person.

use super::caller::{As, TenantAdmin};
use super::error::ApiError;
use crate::manage::privacy::{self, Erasure, PersonalData};
use actix_web::web::{Json, Path};
use actix_web::{get, post};

/// Hands out everything that is kept of the person with that e-mail address.
#[utoipa::path(tag = "privacy", operation_id = "export_person", params(("tenant", Path), ("email", Path)),
    responses((status = 200, body = PersonalData)))]
#[get("/tenants/{tenant}/people/{email}/data")]
pub(super) async fn export(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
) -> Result<Json<PersonalData>, ApiError> {
    let mut tx = desk.write().await?;
    let known = privacy::export(&mut tx, &desk.acting(), &desk.door.limits, &path.1).await?;
    tx.commit().await?;
    Ok(Json(known))
}

/// Takes the person with that e-mail address out of bookings, principals, conflicts and audit, for good; the chain of the
/// audit stays whole. Answers what still names the person elsewhere.
#[utoipa::path(tag = "privacy", operation_id = "erase_person", params(("tenant", Path), ("email", Path)),
    responses((status = 200, body = Erasure)))]
#[post("/tenants/{tenant}/people/{email}/erasure")]
pub(super) async fn erase(desk: As<TenantAdmin>, path: Path<(String, String)>) -> Result<Json<Erasure>, ApiError> {
    let (door, acting) = (&desk.door, desk.acting());
    let done = privacy::erase(&door.store, &door.keys.audit, &acting, &door.limits, &path.1).await?;
    Ok(Json(done))
}

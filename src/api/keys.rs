//! `/v1/keys`: the keys that secrets are sealed with. They belong to the installation.

use super::caller::{As, SuperAdmin};
use super::error::ApiError;
use super::view::KeysView;
use crate::manage::keys;
use crate::store::tenants;
use actix_web::web::Json;
use actix_web::{HttpResponse, get, post};

/// Tells which keys there are, how many secrets are sealed with each, and how far the last rotation has come.
#[utoipa::path(tag = "keys", operation_id = "read_keys", responses((status = 200, body = KeysView)))]
#[get("/keys")]
pub(super) async fn read(desk: As<SuperAdmin>) -> Result<Json<KeysView>, ApiError> {
    Ok(Json(view(&desk).await?))
}

/// Makes a new key. It seals from half a minute later on, and everything is sealed anew with it while the server runs;
/// the old key is destroyed when nothing uses it any more.
#[utoipa::path(tag = "keys", operation_id = "rotate_keys", responses((status = 202, body = KeysView)))]
#[post("/keys/rotate")]
pub(super) async fn rotate(desk: As<SuperAdmin>) -> Result<HttpResponse, ApiError> {
    let key = desk.door.vault.make(desk.now()).await?;
    let mut tx = desk.write().await?;
    keys::rotate(&mut tx, &desk.acting(), &key).await?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(view(&desk).await?))
}

async fn view(desk: &As<SuperAdmin>) -> Result<KeysView, ApiError> {
    let report = desk.door.vault.report(&desk.door.keys.ring, desk.now()).await?;
    Ok(KeysView::of(report, &tenants::list(&mut desk.read().await?).await?))
}

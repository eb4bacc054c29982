//! `/health`, `/ready` and `/metrics`: what operators and load balancers ask.

use super::ApiDoor;
use super::caller;
use super::error::ApiError;
use crate::model::Role;
use crate::store::tenants;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long the store may take to answer before the server counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process is alive. Says nothing about the database or remote systems.
#[get("/health")]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

/// The store answers and the process is not about to end: the server may be sent requests. Remote systems play no part in
/// it.
pub(super) async fn ready(door: web::Data<ApiDoor>) -> Result<HttpResponse, ApiError> {
    if door.leaving.load(Ordering::Relaxed) {
        return Err(ApiError::Leaving);
    }
    let asked = async { tenants::list(&mut door.store.begin_read().await?).await };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => Ok(HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ready"}"#)),
        Ok(Err(_)) | Err(_) => Err(ApiError::NotReady),
    }
}

/// Counters for Prometheus, on an address that only insiders reach.
pub(super) async fn open_metrics(door: web::Data<ApiDoor>) -> HttpResponse {
    told(&door)
}

/// Counters for Prometheus.
pub(super) async fn metrics(request: HttpRequest, door: web::Data<ApiDoor>) -> Result<HttpResponse, ApiError> {
    if !door.open_metrics {
        let caller = caller::identify(&door, request.head(), request.path()).await?;
        if caller.principal.role < Role::SystemMonitor {
            let (login, has) = (caller.principal.login, caller.principal.role);
            return Err(ApiError::Forbidden { login, has, needed: Role::SystemMonitor });
        }
    }
    Ok(told(&door))
}

fn told(door: &ApiDoor) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body((door.metrics)())
}

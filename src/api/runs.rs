//! `/v1/tenants/{tenant}/sync-runs` and `/subscriptions`: how the reconciler is doing.

use super::caller::{As, TenantViewer};
use super::error::ApiError;
use super::links::OfMapping;
use super::page::{PageQuery, Paged};
use super::view::{RunView, SubscriptionView};
use crate::store::pages;
use crate::store::subscriptions as stored;
use actix_web::get;
use actix_web::web::{Json, Query};

/// Lists reads of remote calendars that did something or failed, newest first.
#[utoipa::path(tag = "sync", operation_id = "list_sync_runs", params(("tenant", Path), PageQuery, OfMapping),
    responses((status = 200, body = Paged<RunView>)))]
#[get("/tenants/{tenant}/sync-runs")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<OfMapping>,
) -> Result<Json<Paged<RunView>>, ApiError> {
    let mapping = of.mapping.as_deref().unwrap_or_default();
    let runs = pages::runs(&mut desk.read().await?, desk.acting().tenant, page.ask()?, mapping).await?;
    Ok(Json(page.cut(runs, |run| run.id.as_str(), RunView::from)?))
}

/// Lists subscriptions for change notifications, dead ones too, oldest first.
#[utoipa::path(tag = "sync", operation_id = "list_subscriptions", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<SubscriptionView>)))]
#[get("/tenants/{tenant}/subscriptions")]
pub(super) async fn subscriptions(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
) -> Result<Json<Paged<SubscriptionView>>, ApiError> {
    let found = stored::of_tenant(&mut desk.read().await?, desk.acting().tenant).await?;
    Ok(Json(page.of_all(found, |subscription| subscription.id.as_str(), SubscriptionView::from)?))
}

//! `/v1/tenants/{tenant}/webhooks`: who outside is told what happens. Addresses of receivers are often secrets themselves,
//! so that only administrators see them.

use super::caller::{As, TenantAdmin};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{DeliveryView, Names, WebhookSecretView, WebhookView};
use crate::manage::webhooks::{self, NewWebhook, ResendOrder, Resent, WebhookPatch};
use crate::model::DeliveryState;
use crate::model::WebhookId;
use crate::store::deliveries;
use crate::store::webhooks as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;

/// Tenant and webhook.
type Place = Path<(String, String)>;

fn id(place: &Place) -> WebhookId {
    WebhookId::from(place.1.as_str())
}

/// Lists the webhooks of the tenant, oldest first.
#[utoipa::path(tag = "webhooks", operation_id = "list_webhooks", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<WebhookView>)))]
#[get("/tenants/{tenant}/webhooks")]
pub(super) async fn list(desk: As<TenantAdmin>, page: Query<PageQuery>) -> Result<Json<Paged<WebhookView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let all = stored::list(&mut tx, desk.acting().tenant).await?;
    Ok(Json(page.of_all(all, |one| one.id.as_str(), |one| WebhookView::of(one, &names))?))
}

/// Makes a webhook and answers its secret, this once.
#[utoipa::path(tag = "webhooks", operation_id = "create_webhook", params(("tenant", Path)), request_body = NewWebhook,
    responses((status = 201, body = WebhookSecretView)))]
#[post("/tenants/{tenant}/webhooks")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewWebhook>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let terms = (&desk.door.keys.ring, &desk.door.deliveries);
    let minted = webhooks::create(&mut tx, &desk.acting(), terms, &new).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("webhooks/{}", minted.webhook.id), &WebhookSecretView::of(minted, &names)))
}

/// Reads one webhook.
#[utoipa::path(tag = "webhooks", operation_id = "read_webhook", params(("tenant", Path), ("webhook", Path)),
    responses((status = 200, body = WebhookView)))]
#[get("/tenants/{tenant}/webhooks/{webhook}")]
pub(super) async fn read(desk: As<TenantAdmin>, place: Place) -> Result<Json<WebhookView>, ApiError> {
    let mut tx = desk.read().await?;
    let webhook = webhooks::find(&mut tx, &desk.acting(), &id(&place)).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    Ok(Json(WebhookView::of(webhook, &names)))
}

/// Changes a webhook, pauses it or goes on.
#[utoipa::path(tag = "webhooks", operation_id = "update_webhook", params(("tenant", Path), ("webhook", Path)),
    request_body = WebhookPatch, responses((status = 200, body = WebhookView)))]
#[patch("/tenants/{tenant}/webhooks/{webhook}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    place: Place,
    change: Json<Object<WebhookPatch>>,
) -> Result<Json<WebhookView>, ApiError> {
    let mut tx = desk.write().await?;
    let webhook = webhooks::update(&mut tx, &desk.acting(), &desk.door.deliveries, &id(&place), &change).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(Json(WebhookView::of(webhook, &names)))
}

/// Removes a webhook with all that it was or is to be told.
#[utoipa::path(tag = "webhooks", operation_id = "remove_webhook", params(("tenant", Path), ("webhook", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/webhooks/{webhook}")]
pub(super) async fn remove(desk: As<TenantAdmin>, place: Place) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    webhooks::remove(&mut tx, &desk.acting(), &id(&place)).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a webhook another secret and answers it, this once; the one before signs too for a day.
#[utoipa::path(tag = "webhooks", operation_id = "rotate_webhook", params(("tenant", Path), ("webhook", Path)),
    responses((status = 200, body = WebhookSecretView)))]
#[post("/tenants/{tenant}/webhooks/{webhook}/rotate")]
pub(super) async fn rotate(desk: As<TenantAdmin>, place: Place) -> Result<Json<WebhookSecretView>, ApiError> {
    let mut tx = desk.write().await?;
    let minted = webhooks::rotate(&mut tx, &desk.acting(), &desk.door.keys.ring, &id(&place)).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(Json(WebhookSecretView::of(minted, &names)))
}

/// Has a test sent; what became of it stands in the list of deliveries a moment later.
#[utoipa::path(tag = "webhooks", operation_id = "test_webhook", params(("tenant", Path), ("webhook", Path)),
    responses((status = 202, body = DeliveryView)))]
#[post("/tenants/{tenant}/webhooks/{webhook}/test")]
pub(super) async fn test(desk: As<TenantAdmin>, place: Place) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let delivery = webhooks::test(&mut tx, &desk.acting(), &id(&place)).await?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(DeliveryView::of(delivery, &Names::default())))
}

/// Has deliveries sent once more that were given up: one, or all since a time.
#[utoipa::path(tag = "webhooks", operation_id = "resend_deliveries", params(("tenant", Path), ("webhook", Path)),
    request_body = ResendOrder, responses((status = 202, body = Resent)))]
#[post("/tenants/{tenant}/webhooks/{webhook}/resend")]
pub(super) async fn resend(
    desk: As<TenantAdmin>,
    place: Place,
    order: Json<Object<ResendOrder>>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let resent = webhooks::resend(&mut tx, &desk.acting(), &id(&place), &order).await?;
    tx.commit().await?;
    Ok(HttpResponse::Accepted().json(resent))
}

/// Which deliveries are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryQuery {
    /// Those in this state; all if left out.
    state: Option<DeliveryState>,
}

/// Lists what a webhook was or is to be told, newest first.
#[utoipa::path(tag = "webhooks", operation_id = "list_deliveries",
    params(("tenant", Path), ("webhook", Path), PageQuery, DeliveryQuery),
    responses((status = 200, body = Paged<DeliveryView>)))]
#[get("/tenants/{tenant}/webhooks/{webhook}/deliveries")]
pub(super) async fn told(
    desk: As<TenantAdmin>,
    place: Place,
    page: Query<PageQuery>,
    wanted: Query<DeliveryQuery>,
) -> Result<Json<Paged<DeliveryView>>, ApiError> {
    let mut tx = desk.read().await?;
    let webhook = webhooks::find(&mut tx, &desk.acting(), &id(&place)).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let rows = deliveries::list(&mut tx, desk.acting().tenant, &webhook.id, wanted.state, page.ask()?).await?;
    Ok(Json(page.cut(rows, |one| one.id.as_str(), |one| DeliveryView::of(one, &names))?))
}

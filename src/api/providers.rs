//! `/v1/tenants/{tenant}/providers`: whom the tenant trusts to say who somebody is (`OpenID` Connect).

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::ProviderView;
use crate::manage::Federation;
use crate::manage::ManageError;
use crate::manage::providers::{self, NewProvider, ProviderPatch};
use crate::store::providers as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Serialize;

/// Tenant and provider.
type Place = Path<(String, String)>;

fn view<R>(desk: &As<R>, provider: stored::Provider) -> Result<ProviderView, ManageError> {
    ProviderView::of(provider, desk.door.sign_in.federation().map(Federation::redirect))
}

/// Lists the providers of the tenant, by name.
#[utoipa::path(tag = "sign-in", operation_id = "list_providers", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<ProviderView>)))]
#[get("/tenants/{tenant}/providers")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
) -> Result<Json<Paged<ProviderView>>, ApiError> {
    let all = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    let all: Result<Vec<ProviderView>, ManageError> = all.into_iter().map(|one| view(&desk, one)).collect();
    Ok(Json(page.of_all(all?, |one| one.name.as_str(), |one| one)?))
}

/// Makes a provider. People sign in by it at once; what it says of itself is looked at when somebody does, or asks.
#[utoipa::path(tag = "sign-in", operation_id = "create_provider", params(("tenant", Path)), request_body = NewProvider,
    responses((status = 201, body = ProviderView)))]
#[post("/tenants/{tenant}/providers")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewProvider>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let provider = providers::create(&mut tx, &desk.acting(), &desk.door.keys.ring, &new).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("providers/{}", provider.name), &view(&desk, provider)?))
}

/// Reads one provider.
#[utoipa::path(tag = "sign-in", operation_id = "read_provider", params(("tenant", Path), ("provider", Path)),
    responses((status = 200, body = ProviderView)))]
#[get("/tenants/{tenant}/providers/{provider}")]
pub(super) async fn read(desk: As<TenantViewer>, place: Place) -> Result<Json<ProviderView>, ApiError> {
    let provider = providers::find(&mut desk.read().await?, &desk.acting(), &place.1).await?;
    Ok(Json(view(&desk, provider)?))
}

/// Changes a provider. With another issuer comes its secret, and whoever signed in by the former one is signed out.
#[utoipa::path(tag = "sign-in", operation_id = "update_provider", params(("tenant", Path), ("provider", Path)),
    request_body = ProviderPatch, responses((status = 200, body = ProviderView)))]
#[patch("/tenants/{tenant}/providers/{provider}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    place: Place,
    change: Json<Object<ProviderPatch>>,
) -> Result<Json<ProviderView>, ApiError> {
    let mut tx = desk.write().await?;
    let provider = providers::update(&mut tx, &desk.acting(), &desk.door.keys.ring, &place.1, &change).await?;
    tx.commit().await?;
    Ok(Json(view(&desk, provider)?))
}

/// Removes a provider; whoever signed in by it is signed out. Their principals stay.
#[utoipa::path(tag = "sign-in", operation_id = "remove_provider", params(("tenant", Path), ("provider", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/providers/{provider}")]
pub(super) async fn remove(desk: As<TenantAdmin>, place: Place) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    providers::remove(&mut tx, &desk.acting(), &place.1).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a provider says of itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LookView {
    /// How many keys it signs with.
    keys: usize,
    /// The redirect URI that has to be registered there.
    redirect_uri: String,
}

/// Asks a provider what it says of itself. The client secret is tried by nothing but a sign-in.
#[utoipa::path(tag = "sign-in", operation_id = "look_at_provider", params(("tenant", Path), ("provider", Path)),
    responses((status = 200, body = LookView)))]
#[post("/tenants/{tenant}/providers/{provider}/look")]
pub(super) async fn look(desk: As<TenantAdmin>, place: Place) -> Result<Json<LookView>, ApiError> {
    let provider = providers::find(&mut desk.read().await?, &desk.acting(), &place.1).await?;
    let federation = desk.door.sign_in.federation().ok_or(ApiError::NotReady)?;
    let keys = federation.look(&provider).await.map_err(ApiError::Provider)?;
    Ok(Json(LookView { keys, redirect_uri: federation.redirect().to_owned() }))
}

//! `/v1/tenants/{tenant}/links`: events and their remote copies.

use super::caller::{As, TenantViewer};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::LinkView;
use crate::store::pages;
use actix_web::get;
use actix_web::web::{Json, Query};
use serde::Deserialize;

/// Whose links are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfMapping {
    /// Id of a mapping; all if left out.
    pub(super) mapping: Option<String>,
}

/// Lists links, newest first, forgotten ones too.
#[utoipa::path(tag = "sync", operation_id = "list_links", params(("tenant", Path), PageQuery, OfMapping),
    responses((status = 200, body = Paged<LinkView>)))]
#[get("/tenants/{tenant}/links")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<OfMapping>,
) -> Result<Json<Paged<LinkView>>, ApiError> {
    let mapping = of.mapping.as_deref().unwrap_or_default();
    let links = pages::links(&mut desk.read().await?, desk.acting().tenant, page.ask()?, mapping).await?;
    Ok(Json(page.cut(links, |link| link.id.as_str(), LinkView::from)?))
}

//! `/v1/tenants/{tenant}/alerts`: what somebody should look at.

use super::caller::{As, TenantOperator, TenantViewer};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::{AlertView, Names};
use crate::manage::alerts;
use crate::model::AlertId;
use crate::model::AlertKind;
use crate::model::AlertState;
use crate::store::alerts as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{get, post};
use serde::Deserialize;

/// Which alerts are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertQuery {
    /// Those in this state; all if left out.
    state: Option<AlertState>,
    /// Those of this kind; all if left out.
    kind: Option<AlertKind>,
}

/// Lists alerts, newest first.
#[utoipa::path(tag = "alerts", operation_id = "list_alerts", params(("tenant", Path), PageQuery, AlertQuery),
    responses((status = 200, body = Paged<AlertView>)))]
#[get("/tenants/{tenant}/alerts")]
pub(super) async fn list(
    desk: As<TenantViewer>,
    page: Query<PageQuery>,
    of: Query<AlertQuery>,
) -> Result<Json<Paged<AlertView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let wanted = stored::Wanted { state: of.state, kind: of.kind };
    let found = stored::list(&mut tx, desk.acting().tenant, wanted, page.ask()?).await?;
    Ok(Json(page.cut(found, |alert| alert.id.as_str(), |alert| AlertView::of(alert, &names))?))
}

/// Reads one alert.
#[utoipa::path(tag = "alerts", operation_id = "read_alert", params(("tenant", Path), ("alert", Path)),
    responses((status = 200, body = AlertView)))]
#[get("/tenants/{tenant}/alerts/{alert}")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<AlertView>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let alert = alerts::find(&mut tx, &desk.acting(), &AlertId::from(path.1.as_str())).await?;
    Ok(Json(AlertView::of(alert, &names)))
}

/// Says that somebody knows. The alert stays until its cause is gone.
#[utoipa::path(tag = "alerts", operation_id = "acknowledge_alert", params(("tenant", Path), ("alert", Path)),
    responses((status = 200, body = AlertView)))]
#[post("/tenants/{tenant}/alerts/{alert}/acknowledge")]
pub(super) async fn acknowledge(
    desk: As<TenantOperator>,
    path: Path<(String, String)>,
) -> Result<Json<AlertView>, ApiError> {
    let mut tx = desk.write().await?;
    let alert = alerts::acknowledge(&mut tx, &desk.acting(), &AlertId::from(path.1.as_str())).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(Json(AlertView::of(alert, &names)))
}

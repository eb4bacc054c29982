//! `/v1/tenants/{tenant}/approvals`: bookings that wait for somebody who administers their room.

use super::caller::{As, Member};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::{ApprovalView, Names};
use crate::manage::approvals::{self, Decision};
use crate::manage::rooms;
use crate::model::ApprovalId;
use crate::model::Role;
use crate::store::approvals as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{get, post};
use serde::Deserialize;

/// The states of a request.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ApprovalState {
    /// Waits for a decision.
    Pending,
    /// Takes place.
    Confirmed,
    /// Was cancelled by the decision.
    Declined,
    /// Was deleted before somebody decided.
    Withdrawn,
}

/// Which requests are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The state; all if left out.
    state: Option<ApprovalState>,
    /// Slug of the room; all if left out, which needs the role `tenant_viewer`.
    room: Option<String>,
}

/// Why.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// A sentence; may be left out.
    #[serde(default)]
    reason: String,
}

/// Lists bookings that wait, or waited, for a confirmation, newest first. Needs the role `tenant_viewer`, or the
/// privilege `admin` in the room that is asked for.
#[utoipa::path(tag = "rooms", operation_id = "list_approvals", params(("tenant", Path), PageQuery, Wanted),
    responses((status = 200, body = Paged<ApprovalView>)))]
#[get("/tenants/{tenant}/approvals")]
pub(super) async fn list(
    desk: As<Member>,
    page: Query<PageQuery>,
    wanted: Query<Wanted>,
) -> Result<Json<Paged<ApprovalView>>, ApiError> {
    let mut tx = desk.read().await?;
    let room = match &wanted.room {
        Some(slug) => Some(rooms::find(&mut tx, &desk.acting(), slug).await?),
        None => None,
    };
    match &room {
        Some(room) if !desk.has(Role::TenantViewer) => desk.require_room(&mut tx, &room.id).await?,
        _ => desk.require(Role::TenantViewer)?,
    }
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let state = wanted.state.map_or("", |state| match state {
        ApprovalState::Pending => stored::PENDING,
        ApprovalState::Confirmed => stored::CONFIRMED,
        ApprovalState::Declined => stored::DECLINED,
        ApprovalState::Withdrawn => stored::WITHDRAWN,
    });
    let of = (state, room.as_ref().map_or("", |room| room.id.as_str()));
    let found = stored::list(&mut tx, desk.acting().tenant, page.ask()?, of).await?;
    Ok(Json(page.cut(found, |approval| approval.id.as_str(), |approval| ApprovalView::of(approval, &names))?))
}

/// Confirms a booking: it takes place. Needs the role `tenant_admin`, or the privilege `admin` in the room.
#[utoipa::path(tag = "rooms", operation_id = "confirm_booking", params(("tenant", Path), ("approval", Path)),
    request_body = Reason, responses((status = 200, body = ApprovalView)))]
#[post("/tenants/{tenant}/approvals/{approval}/confirm")]
pub(super) async fn confirm(
    desk: As<Member>,
    path: Path<(String, String)>,
    reason: Json<Reason>,
) -> Result<Json<ApprovalView>, ApiError> {
    decide(&desk, &path.1, (Decision::Confirm, &reason.reason)).await
}

/// Declines a booking: it is cancelled. Needs the role `tenant_admin`, or the privilege `admin` in the room.
#[utoipa::path(tag = "rooms", operation_id = "decline_booking", params(("tenant", Path), ("approval", Path)),
    request_body = Reason, responses((status = 200, body = ApprovalView)))]
#[post("/tenants/{tenant}/approvals/{approval}/decline")]
pub(super) async fn decline(
    desk: As<Member>,
    path: Path<(String, String)>,
    reason: Json<Reason>,
) -> Result<Json<ApprovalView>, ApiError> {
    decide(&desk, &path.1, (Decision::Decline, &reason.reason)).await
}

async fn decide(desk: &As<Member>, id: &str, decision: (Decision, &str)) -> Result<Json<ApprovalView>, ApiError> {
    let id = ApprovalId::from(id);
    let mut tx = desk.write().await?;
    // Who may not decide is not told which requests there are.
    match approvals::find(&mut tx, &desk.acting(), &id).await {
        Ok((_, room)) => desk.require_room(&mut tx, &room.id).await?,
        Err(missing) => desk.require(Role::TenantAdmin).and(Err(missing.into()))?,
    }
    let decided = approvals::decide(&mut tx, &desk.acting(), &desk.door.limits, &id, decision).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(Json(ApprovalView::of(decided, &names)))
}

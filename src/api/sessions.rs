//! `/v1/tenants/{tenant}/sessions`: browsers that are signed in; and `/v1/session`: who asks.

use super::caller::{As, Member, TenantAdmin};
use super::error::ApiError;
use super::page::{PageQuery, Paged};
use super::view::{Names, OwnView, SessionView};
use crate::manage::{Acting, ManageError, federation};
use crate::model::SessionId;
use crate::store::providers;
use crate::store::sessions as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get};

/// Lists the sessions of the tenant that have not expired, oldest first.
#[utoipa::path(tag = "sign-in", operation_id = "list_sessions", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<SessionView>)))]
#[get("/tenants/{tenant}/sessions")]
pub(super) async fn list(desk: As<TenantAdmin>, page: Query<PageQuery>) -> Result<Json<Paged<SessionView>>, ApiError> {
    let mut tx = desk.read().await?;
    let tenant = desk.acting().tenant;
    let (names, providers) = (Names::of(&mut tx, tenant).await?, providers::list(&mut tx, tenant).await?);
    let all = stored::list(&mut tx, tenant, desk.now()).await?;
    Ok(Json(page.of_all(all, |one| one.id.as_str(), |one| SessionView::of(one, &names, &providers))?))
}

/// Ends a session: that browser has to sign in again.
#[utoipa::path(tag = "sign-in", operation_id = "end_session", params(("tenant", Path), ("session", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/sessions/{session}")]
pub(super) async fn end(desk: As<TenantAdmin>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    federation::end(&mut tx, &desk.acting(), &SessionId::from(path.1.as_str())).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tells who asks, and for a browser what a change has to bring along.
#[utoipa::path(tag = "sign-in", operation_id = "read_own_session", responses((status = 200, body = OwnView)))]
#[get("/session")]
pub(super) async fn own(desk: As<Member>) -> Json<OwnView> {
    let caller = desk.caller();
    let session = caller.entered.as_ref().map(|entered| &entered.session);
    Json(OwnView {
        login: caller.principal.login.clone(),
        display_name: caller.principal.display_name.clone(),
        tenant: caller.tenant.tenant_key.clone(),
        role: caller.principal.role,
        read_only: caller.reach.is_read_only(),
        session_id: session.map(|session| session.id.to_string()),
        expires: session.map(|session| session.expires_ms).or(caller.expires_ms).map(|when| when.to_string()),
        form_token: caller.entered.as_ref().map(|entered| entered.form_token.clone()),
    })
}

/// Signs the browser out.
#[utoipa::path(tag = "sign-in", operation_id = "end_own_session", responses((status = 204)))]
#[delete("/session")]
pub(super) async fn leave(desk: As<Member>) -> Result<HttpResponse, ApiError> {
    let entered = desk.caller().entered.as_ref();
    let session = entered.map(|entered| &entered.session).ok_or_else(|| ManageError::State {
        why: "this request came by a key, a token or a password; there is no session to end".to_owned(),
    })?;
    let mut tx = desk.write().await?;
    let acting = Acting { tenant: &session.tenant_id, ..desk.acting() };
    federation::end(&mut tx, &acting, &session.id).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

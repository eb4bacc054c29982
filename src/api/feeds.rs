//! `/v1/tenants/{tenant}/feeds`: signed feeds. A link is in the answer that makes it and nowhere else.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::view::{FeedLinkView, FeedView, Names};
use crate::manage::feeds::{self, NewFeed};
use crate::model::FeedId;
use crate::store::feeds as stored;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, post};

/// Lists the feeds of the tenant, oldest first, revoked ones too.
#[utoipa::path(tag = "feeds", operation_id = "list_feeds", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<FeedView>)))]
#[get("/tenants/{tenant}/feeds")]
pub(super) async fn list(desk: As<TenantViewer>, page: Query<PageQuery>) -> Result<Json<Paged<FeedView>>, ApiError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let feeds = stored::list(&mut tx, desk.acting().tenant).await?;
    Ok(Json(page.of_all(feeds, |feed| feed.id.as_str(), |feed| FeedView::of(feed, &names))?))
}

/// Makes a feed of a room and answers its link, this once.
#[utoipa::path(tag = "feeds", operation_id = "create_feed", params(("tenant", Path)), request_body = NewFeed,
    responses((status = 201, body = FeedLinkView)))]
#[post("/tenants/{tenant}/feeds")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewFeed>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let minted = feeds::create(&mut tx, &desk.acting(), desk.links(), &new).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("feeds/{}", minted.feed.id), &FeedLinkView::of(minted, &names)))
}

/// Reads one feed.
#[utoipa::path(tag = "feeds", operation_id = "read_feed", params(("tenant", Path), ("feed", Path)),
    responses((status = 200, body = FeedView)))]
#[get("/tenants/{tenant}/feeds/{feed}")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<FeedView>, ApiError> {
    let mut tx = desk.read().await?;
    let feed = feeds::find(&mut tx, &desk.acting(), &FeedId::from(path.1.as_str())).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    Ok(Json(FeedView::of(feed, &names)))
}

/// Gives a feed a new link and ends the old one at once.
#[utoipa::path(tag = "feeds", operation_id = "rotate_feed", params(("tenant", Path), ("feed", Path)),
    responses((status = 200, body = FeedLinkView)))]
#[post("/tenants/{tenant}/feeds/{feed}/rotate")]
pub(super) async fn rotate(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
) -> Result<Json<FeedLinkView>, ApiError> {
    let mut tx = desk.write().await?;
    let minted = feeds::rotate(&mut tx, &desk.acting(), desk.links(), &FeedId::from(path.1.as_str())).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    Ok(Json(FeedLinkView::of(minted, &names)))
}

/// Ends a feed: its link answers 410 from now on.
#[utoipa::path(tag = "feeds", operation_id = "revoke_feed", params(("tenant", Path), ("feed", Path)),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/feeds/{feed}")]
pub(super) async fn revoke(desk: As<TenantAdmin>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    feeds::revoke(&mut tx, &desk.acting(), &FeedId::from(path.1.as_str())).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

//! `GET /feeds/{token}/{name}.ics`: from the token to the page, with as little work as the state allows.

use super::FeedDoor;
use super::answer;
use super::cache::Cache;
use super::cache::Page;
use super::cache::made_from;
use super::client;
use super::render;
use super::render::Source;
use crate::crypt::token;
use crate::crypt::token::FeedScope;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::observe::names::FEEDS;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::feeds;
use crate::store::feeds::Feed;
use crate::store::feeds::Sight;
use crate::store::objects;
use crate::store::rooms;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web;
use std::sync::Arc;

/// What became of a look-up.
enum Found {
    /// There is no such link.
    Unknown,
    /// There was one; it was withdrawn or has ended.
    Gone,
    /// Its tenant is closed for the time being.
    Closed,
    /// The page, as it is now.
    Page(Arc<Page>, Box<Feed>),
}

/// GET and HEAD; the server leaves the body of the latter away.
pub(super) async fn get(
    request: HttpRequest,
    door: web::Data<FeedDoor>,
    cache: web::Data<Cache>,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let (token, _) = path.into_inner();
    let family = client::family(request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()));
    let answer = match token::hash(&door.keys.feed, &token) {
        None => unknown(),
        Some(hash) => {
            let found = tokio::time::timeout(door.patience, find(&door, &cache, &token, &hash)).await;
            conclude(&request, &door, &cache, &hash, family, found.unwrap_or(Err(StoreError::Busy)))
        }
    };
    door.metrics.add(&FEEDS, &[family, answer.status().as_str()], 1);
    answer
}

fn conclude(
    request: &HttpRequest,
    door: &web::Data<FeedDoor>,
    cache: &web::Data<Cache>,
    hash: &str,
    family: &'static str,
    found: Result<Found, StoreError>,
) -> HttpResponse {
    match found {
        Ok(Found::Unknown) => unknown(),
        Ok(Found::Gone) => {
            cache.forget(hash);
            answer::sentence(StatusCode::GONE, "This calendar address was withdrawn. Ask for a new one.")
        }
        Ok(Found::Closed) => closed(),
        Ok(Found::Page(page, feed)) => {
            cache.keep(hash, &page);
            remember_use(door, cache, *feed, family);
            answer::page(request, &page, door.config.refresh_minutes)
        }
        Err(error) => fall_back(request, door, cache.last_good(hash), &error),
    }
}

/// Programs drop a subscription that fails: what was good a moment ago is better than an error.
fn fall_back(request: &HttpRequest, door: &FeedDoor, page: Option<Arc<Page>>, error: &StoreError) -> HttpResponse {
    if let Some(page) = page {
        tracing::warn!(error = %error, "a feed is served from memory, the store does not answer");
        return answer::page(request, &page, door.config.refresh_minutes);
    }
    tracing::error!(error = %error, "a feed cannot be served");
    let text = "The calendar cannot be read at the moment. Try again later.";
    let mut answer = answer::sentence(StatusCode::SERVICE_UNAVAILABLE, text);
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    answer
}

/// 503, and not an empty calendar: what programs show stays as it is.
fn closed() -> HttpResponse {
    let text = "This calendar is closed at the moment. Try again later.";
    let mut answer = answer::sentence(StatusCode::SERVICE_UNAVAILABLE, text);
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("3600"));
    answer
}

fn unknown() -> HttpResponse {
    answer::sentence(StatusCode::NOT_FOUND, "There is no calendar at this address.")
}

async fn find(door: &FeedDoor, cache: &Cache, token: &str, hash: &str) -> Result<Found, StoreError> {
    let now = door.clock.now();
    let mut glance = door.store.glance().await?;
    let seen = admit(door, &mut glance, (token, hash), now).await?;
    let Sight { feed, showing } = match seen {
        Ok(sight) => sight,
        Err(refused) => return Ok(refused),
    };
    drop(glance);
    let range = render::range(now, &showing.zone, feed.past_days, feed.future_days);
    if let Some(page) = cache.fresh(hash, &made_from(&feed, &showing, range)) {
        return Ok(Found::Page(page, Box::new(feed)));
    }
    make(door, (token, hash), now).await
}

/// The feed of a token, or why there is none to be seen.
async fn admit(
    door: &FeedDoor,
    tx: &mut Tx,
    (token, hash): (&str, &str),
    now: Timestamp,
) -> Result<Result<Sight, Found>, StoreError> {
    let Some(sight) = feeds::by_token_hash(tx, hash).await? else {
        // At a glance this sees a later state, which can only say more of a link that is gone.
        return Ok(Err(if feeds::is_withdrawn(tx, hash).await? { Found::Gone } else { Found::Unknown }));
    };
    let feed = &sight.feed;
    if feed.revoked_ms.is_some() || feed.expires_ms.is_some_and(|end| end <= now) {
        return Ok(Err(Found::Gone));
    }
    if !token::verify(&door.keys.feed, token, &scope(feed)) {
        tracing::error!(feed.id = %feed.id, "the signature of a feed link does not fit its row; the row was changed");
        return Ok(Err(Found::Unknown));
    }
    match sight.showing.state {
        TenantState::Active | TenantState::Draining => Ok(Ok(sight)),
        TenantState::Suspended | TenantState::Removed => Ok(Err(Found::Closed)),
    }
}

/// The page made anew, from one state of everything.
async fn make(door: &FeedDoor, named: (&str, &str), now: Timestamp) -> Result<Found, StoreError> {
    let mut tx = door.store.begin_read().await?;
    let Sight { feed, showing } = match admit(door, &mut tx, named, now).await? {
        Ok(sight) => sight,
        Err(refused) => return Ok(refused),
    };
    let Some(room) = rooms::get(&mut tx, &feed.tenant_id, &feed.room_id).await? else { return Ok(Found::Gone) };
    let range = render::range(now, &room.zone, feed.past_days, feed.future_days);
    let today = render::range(now, &room.zone, 0, 0).start;
    let made_from = made_from(&feed, &showing, range);
    let objects = objects::in_range(&mut tx, &feed.tenant_id, &feed.room_id, range, room.longest_ms).await?;
    drop(tx);
    let source = Source {
        room,
        detail: feed.detail,
        range,
        refresh_minutes: door.config.refresh_minutes,
        limits: door.limits.clone(),
        objects,
    };
    // Reading and writing thousands of bookings is work for another thread than the one that answers.
    let made = web::block(move || {
        render::render(&source).map(|text| Arc::new(Page::new(text, made_from, &source.room, range, today)))
    });
    let made = made.await.map_err(|_| StoreError::Busy)?;
    let page = made.map_err(|e| StoreError::Corrupt { column: "objects.body", what: e.to_string() })?;
    Ok(Found::Page(page, Box::new(feed)))
}

/// What a feed's token was signed for.
fn scope(feed: &Feed) -> FeedScope {
    FeedScope {
        room: feed.room_id.clone(),
        detail: feed.detail,
        past_days: feed.past_days,
        future_days: feed.future_days,
        version: feed.version,
    }
}

/// Written beside the answer, which does not wait for it; losing one is harmless.
fn remember_use(door: &web::Data<FeedDoor>, cache: &Cache, feed: Feed, family: &'static str) {
    let now = door.clock.now();
    if !cache.is_time_to_touch(&feed, now) {
        return;
    }
    let door = web::Data::clone(door);
    actix_web::rt::spawn(async move {
        let written = async {
            let mut tx = door.store.begin_write().await?;
            feeds::touch(&mut tx, &feed, family, now).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::debug!(feed.id = %feed.id, error = %error, "the last use of a feed was not written");
        }
    });
}

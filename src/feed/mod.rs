//! Floor 5: signed feeds for calendar programs that subscribe (RFC 5545 by address, RFC 7986).
//!
//! One route, `/feeds/{token}/{name}.ics`, that only reads. The same bytes come out as long as room and day stay the
//! same; an unchanged room is answered with 304 before any object is read; when the store does not answer, the last
//! good bytes do, because some programs drop a subscription for good after one failure.

mod answer;
mod cache;
mod client;
mod get;
mod render;

use crate::config::Feed as FeedConfig;
use crate::config::Limits;
use crate::crypt::Keys;
use crate::model::Clock;
use crate::observe::Metrics;
use crate::store::Store;
use actix_web::web;
use cache::Cache;
use std::sync::Arc;
use std::time::Duration;

/// What this door needs.
#[derive(Clone)]
pub struct FeedDoor {
    /// Where rooms and feeds are.
    pub store: Store,
    /// The time; decides which day is today.
    pub clock: Arc<dyn Clock>,
    /// Checks tokens.
    pub keys: Arc<Keys>,
    /// How much an object may hold and an expansion may cost.
    pub limits: Limits,
    /// How often clients are told to come, and how much is kept in memory.
    pub config: FeedConfig,
    /// Counts fetches.
    pub metrics: Arc<Metrics>,
    /// How long the store may take before the last good bytes are served instead.
    pub patience: Duration,
}

/// Mounts the feed route. Called once for each worker; they share one cache when the door is a clone of one door and
/// `cache` of one cache.
pub fn routes(cfg: &mut web::ServiceConfig, door: FeedDoor, cache: &FeedCache) {
    cfg.app_data(web::Data::new(door)).app_data(web::Data::from(Arc::clone(&cache.0))).service(
        web::resource("/feeds/{token}/{name}.ics")
            .route(web::get().to(get::get))
            .route(web::head().to(get::get))
            .route(web::method(actix_web::http::Method::OPTIONS).to(answer::options))
            .default_service(web::to(answer::not_allowed)),
    );
}

/// Rendered feeds in memory, to be shared by all workers.
#[derive(Clone)]
pub struct FeedCache(Arc<Cache>);

impl FeedCache {
    /// An empty cache for at most `bytes` of rendered feeds.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Cache::new(bytes)))
    }
}

//! Floor 5: notifications from remote systems. Authenticate, store once, answer 202, nudge; nothing else.
//!
//! A notification is a hint that something changed. Its content is never believed: the pull it causes reads the truth.
//! A lost, late, repeated or reordered one changes nothing but the moment of that pull.

mod answer;
mod booking;
mod deliver;
mod graph;
mod handshake;
pub mod notification;

use crate::config::Limits;
use crate::crypt::Keys;
use crate::model::Clock;
use crate::model::MappingId;
use crate::model::TenantId;
use crate::observe::Metrics;
use crate::store::Store;
use actix_web::web;
use std::sync::Arc;

/// Tells the workers that a mapping is worth a look. Best effort: what counts is in the store.
pub type Nudge = Arc<dyn Fn(&TenantId, &MappingId) + Send + Sync>;

/// What this door needs.
#[derive(Clone)]
pub struct HookDoor {
    /// Where notifications are stored.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Opens the secrets of subscriptions.
    pub keys: Arc<Keys>,
    /// How large a body may be.
    pub limits: Limits,
    /// Milliseconds between a notification and its pull; some systems notify before they commit.
    pub settle_ms: i64,
    /// Counts notifications.
    pub metrics: Arc<Metrics>,
    /// Wakes a worker.
    pub nudge: Nudge,
}

/// `/hooks/…` and the paths the predecessor's subscriptions use.
pub fn routes(cfg: &mut web::ServiceConfig, door: HookDoor) {
    cfg.app_data(web::Data::new(door))
        .route("/hooks/graph/{key}", web::post().to(graph::notified))
        .route("/hooks/graph/{key}/lifecycle", web::post().to(graph::notified))
        .route("/hooks/booking/{key}", web::post().to(booking::notified))
        .route("/webhook/outlook-notifications", web::post().to(graph::notified_anywhere))
        .route("/webhook/outlook-notifications", web::get().to(graph::asked_anywhere));
    for below in ["", "/tenants/{tenant}"] {
        let outlook = format!("{below}/bridges/webhook/outlook");
        cfg.route(&outlook, web::post().to(graph::notified_anywhere))
            .route(&outlook, web::get().to(graph::asked_anywhere));
        for booking in ["booking_system", "booking"] {
            cfg.route(&format!("{below}/bridges/webhook/{booking}"), web::post().to(booking::notified_anywhere));
        }
    }
}

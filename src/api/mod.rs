//! Floor 5: the REST interface under `/v1`, its description, and the probes of operators.
//!
//! A handler names the role it needs by its first argument (`caller::As`), calls one function of `manage` or `store`
//! inside one transaction, and answers JSON. Every refusal is a problem document (RFC 9457) made in `error`.

mod alerts;
mod approvals;
mod audit;
mod bookings;
mod bridges;
mod caller;
mod conflicts;
mod docs;
mod entry;
mod error;
mod feeds;
mod grants;
mod health;
mod keys;
mod links;
mod mappings;
mod object;
mod openapi;
mod operations;
mod page;
mod people;
mod plans;
mod predecessor;
mod principals;
mod providers;
mod rate;
mod repeat;
mod retention;
mod room_groups;
mod rooms;
mod rules;
mod runs;
mod secrets;
mod sessions;
mod tenants;
pub mod view;
mod webhooks;

pub use error::ApiError;
pub use openapi::document;
pub use predecessor::document as predecessor_document;
pub use rate::Rates;

use crate::config;
use crate::config::Limits;
use crate::crypt::Keys;
use crate::manage::SignIn;
use crate::manage::keys::Vault;
use crate::model::Clock;
use crate::model::MappingId;
use crate::store::Store;
use crate::sync::Engine;
use actix_web::body::BoxBody;
use actix_web::middleware::{Next, from_fn};
use actix_web::web;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What the REST interface works with.
pub struct ApiDoor {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seals secrets of bridges, signs feed links.
    pub keys: Arc<Keys>,
    /// Where they come from.
    pub vault: Vault,
    /// Bounds.
    pub limits: Limits,
    /// Scheme, host and port under which clients reach the server.
    pub public_url: String,
    /// What a new feed shows where nobody says.
    pub feed: config::Feed,
    /// On which terms webhooks are told.
    pub deliveries: config::Deliveries,
    /// From when on something is an alert.
    pub alerts: config::Alerts,
    /// Verifies credentials.
    pub sign_in: Arc<SignIn>,
    /// Wakes the worker that pulls a mapping.
    pub nudge: Arc<dyn Fn(&MappingId) + Send + Sync>,
    /// The text of `/metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether `/metrics` answers without credentials; otherwise it asks for the role `system_monitor`.
    pub open_metrics: bool,
    /// Asks remote systems, reads both sides for plans and checks, and removes copies. Its leases are its own.
    pub engine: Arc<Engine>,
    /// What the tenants have used of the present minute.
    pub rates: Rates,
    /// How long a request of the predecessor's interface waits for the reconciler.
    pub patience: Duration,
    /// Whether the process is about to end: it is not ready for more, and answers what still comes.
    pub leaving: Arc<AtomicBool>,
}

/// Mounts `/health`, `/ready` and `/metrics` for insiders, who need no credentials.
pub fn inner_routes(config: &mut web::ServiceConfig, door: web::Data<ApiDoor>) {
    config.service(health::health);
    config.service(web::resource("/ready").app_data(door.clone()).route(web::get().to(health::ready)));
    config.service(web::resource("/metrics").app_data(door).route(web::get().to(health::open_metrics)));
}

/// Mounts `/v1`, `/health`, `/ready` and `/metrics`.
pub fn routes(config: &mut web::ServiceConfig, door: web::Data<ApiDoor>) {
    let json_bytes = door.limits.json_bytes;
    let at_entry = door.clone();
    predecessor::mount(config, &door);
    config.service(health::health).service(
        web::scope("/v1")
            .app_data(door.clone())
            .app_data(error::json_config(json_bytes))
            .app_data(error::query_config())
            .app_data(error::path_config())
            .wrap(from_fn(move |request, next: Next<BoxBody>| entry::entry(at_entry.clone(), request, next)))
            .configure(openapi::mount)
            .default_service(web::to(openapi::refuse)),
    );
    config.service(web::resource("/ready").app_data(door.clone()).route(web::get().to(health::ready)));
    config.service(web::resource("/metrics").app_data(door).route(web::get().to(health::metrics)));
}

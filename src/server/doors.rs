//! The doors of one gateway; every worker of the web server gets a copy.

use super::Parts;
use crate::api;
use crate::api::ApiDoor;
use crate::api::Rates;
use crate::crypt::CryptError;
use crate::dash;
use crate::dash::DashDoor;
use crate::dav;
use crate::dav::DavDoor;
use crate::dav::PushDoor;
use crate::feed;
use crate::feed::{FeedCache, FeedDoor};
use crate::hooks;
use crate::hooks::HookDoor;
use crate::manage::profile::Profiles;
use actix_web::web;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take before a feed answers with its last good bytes.
const FEED_PATIENCE: Duration = Duration::from_millis(1500);

/// How long a request of the predecessor's interface waits for the reconciler: its clients give up after 30 seconds.
const SYNC_PATIENCE: Duration = Duration::from_secs(20);

/// The doors.
#[derive(Clone)]
pub(super) struct Doors {
    dav: Arc<DavDoor>,
    api: web::Data<ApiDoor>,
    dash: web::Data<DashDoor>,
    feed: FeedDoor,
    feed_cache: FeedCache,
    hooks: HookDoor,
}

impl Doors {
    pub(super) fn new(parts: &Parts) -> Result<Self, CryptError> {
        Ok(Self {
            dav: Arc::new(dav_door(parts)?),
            api: web::Data::new(api_door(parts)),
            dash: web::Data::new(DashDoor {
                store: parts.store.clone(),
                clock: parts.clock.clone(),
                sign_in: parts.sign_in.clone(),
                public_url: parts.config.public_url(),
            }),
            feed: FeedDoor {
                store: parts.store.clone(),
                clock: parts.clock.clone(),
                keys: parts.keys.clone(),
                limits: parts.config.limits.clone(),
                config: parts.config.feed.clone(),
                metrics: parts.metrics.clone(),
                patience: FEED_PATIENCE,
            },
            feed_cache: FeedCache::new(parts.config.feed.cache_bytes),
            hooks: hook_door(parts),
        })
    }

    /// What insiders may ask.
    pub(super) fn mount_inner(self, app: &mut web::ServiceConfig) {
        api::inner_routes(app, self.api);
    }

    /// What is asked most often comes first, for every path in front of it costs a comparison. The root comes last: there
    /// DAV answers what nobody else does.
    pub(super) fn mount(self, app: &mut web::ServiceConfig) {
        dav::inner_routes(app, self.dav);
        feed::routes(app, self.feed, &self.feed_cache);
        api::routes(app, self.api);
        dash::routes(app, self.dash);
        hooks::routes(app, self.hooks);
        dav::knocks(app);
    }
}

fn dav_door(parts: &Parts) -> Result<DavDoor, CryptError> {
    let nudge = parts.sleepers.reconciler.clone();
    Ok(DavDoor {
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        limits: parts.config.limits.clone(),
        keys: (*parts.keys).clone(),
        nudge: Arc::new(move |_| nudge.nudge()),
        sign_in: parts.sign_in.clone(),
        known: dav::KnownCallers::default(),
        profiles: Arc::new(Profiles::new(&parts.config.public_url(), &parts.config.profile)?),
        push: PushDoor::of(&parts.config.push, parts.config.server.public_url.as_deref()),
    })
}

fn api_door(parts: &Parts) -> ApiDoor {
    let (nudge, metrics) = (parts.sleepers.reconciler.clone(), parts.metrics.clone());
    ApiDoor {
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        keys: parts.keys.clone(),
        vault: parts.vault.clone(),
        limits: parts.config.limits.clone(),
        public_url: parts.config.public_url(),
        feed: parts.config.feed.clone(),
        deliveries: parts.config.deliveries.clone(),
        alerts: parts.config.alerts.clone(),
        sign_in: parts.sign_in.clone(),
        nudge: Arc::new(move |_| nudge.nudge()),
        metrics: Arc::new(move || metrics.render()),
        open_metrics: parts.config.observe.metrics,
        engine: Arc::new(parts.engine()),
        rates: Rates::default(),
        patience: SYNC_PATIENCE,
        leaving: parts.leaving.clone(),
    }
}

fn hook_door(parts: &Parts) -> HookDoor {
    let nudge = parts.sleepers.reconciler.clone();
    HookDoor {
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        keys: parts.keys.clone(),
        limits: parts.config.limits.clone(),
        settle_ms: parts.config.webhooks.settle_ms,
        metrics: parts.metrics.clone(),
        nudge: Arc::new(move |_, _| nudge.nudge()),
    }
}

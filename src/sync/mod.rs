//! Floor 4: the reconciler. `pull` reads a remote calendar and carries decisions out through the gate, `push` sends what
//! the outbox says, `renew` keeps subscriptions alive, `worker` decides when. What to do is decided by pure functions:
//! `plan`, `merge`, `brake`, `retry`. `announce` stands beside it: it tells clients over Web Push what has changed; so does `courier`, which
//! tells webhooks.

mod alerts;
mod announce;
mod brake;
mod breaker;
mod conflict;
mod courier;
mod deadlines;
mod drain;
mod fold;
mod folding;
mod gauges;
mod held;
mod hub;
mod layers;
mod leave;
mod masks;
mod merge;
mod moved;
mod nightly;
mod notice;
mod observe;
mod pair;
mod plan;
mod preview;
mod pull;
mod pull_item;
mod purge;
mod push;
mod push_plan;
mod push_send;
mod refusal;
mod refused_dates;
mod renew;
mod retry;
mod rewriting;
mod rounds;
mod ruling;
mod settings;
mod shadow;
mod status;
mod surplus;
mod verify;
mod worker;

pub use alerts::{Watchman, evaluate};
pub use announce::{Announcer, PushTarget, resource_hash, topic};
pub use courier::Courier;
pub use leave::{Copies, leave};
pub use preview::{Plan, PlanAct, PlanSide, Step, preview};
pub use purge::{Copy, Leaving, Purged, copies, purge};
pub use settings::Settings;
pub use status::{MappingStatus, RoomStatus, TenantStatus, status};
pub use verify::{Report, Violation, verify};
pub use worker::{Nudge, Worker};

use crate::bridge::Bridge;
use crate::bridge::BridgeError;
use crate::bridge::RemoteCalendar;
use crate::change::ChangeError;
use crate::change::Context;
use crate::config::Limits;
use crate::crypt::Keys;
use crate::crypt::Place;
use crate::model::Clock;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::TenantId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::observe::Metrics;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::bridges;
use crate::store::bridges::BridgeRow;
use crate::store::leases;
use crate::store::leases::Lease;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::operations::Holder;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::tenants;
use crate::store::tenants::Tenant;
use std::sync::Arc;

/// Makes a living bridge of a stored one: opens its secrets and keeps its connections and tokens between calls.
pub type BridgeSource = Arc<dyn Fn(&BridgeRow) -> Result<Arc<dyn Bridge>, BridgeError> + Send + Sync>;

/// Everything the reconciler works with.
pub struct Engine {
    /// The hub.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The limits in force.
    pub limits: Arc<Limits>,
    /// How often, how far, how many at once.
    pub settings: Settings,
    /// Where bridges come from.
    pub bridges: BridgeSource,
    /// Seals cursors and subscription secrets.
    pub keys: Arc<Keys>,
    /// What the operator watches.
    pub metrics: Arc<Metrics>,
    /// Who holds our leases: differs from every other running process.
    pub owner: String,
    /// Where remote systems reach our hooks, without a slash at the end; `None` where they cannot.
    pub hook_base: Option<String>,
}

/// Why a piece of the reconciler's work ended early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The remote side.
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gate.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Another replica works on it now.
    #[error("another process has taken this work over")]
    LeaseLost,
    /// What was asked for cannot be done now; a sentence says why.
    #[error("{0}")]
    Refused(String),
    /// What it is about does not exist.
    #[error("there is no {what} {id:?}")]
    Missing {
        /// What: `room`, `mapping`.
        what: &'static str,
        /// Its slug or id.
        id: String,
    },
    /// A stored value of ours cannot be read.
    #[error("{0}")]
    Damaged(String),
}

/// One mapping with all it hangs together with, for the length of one piece of work.
pub(crate) struct Site {
    pub(crate) mapping: Mapping,
    pub(crate) room: Room,
    pub(crate) bridge: Arc<dyn Bridge>,
    pub(crate) calendar: RemoteCalendar,
    pub(crate) lease: Lease,
    pub(crate) tenant: Tenant,
}

impl Engine {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time that leases count by: the database's where several processes share one, since their own clocks differ.
    pub(crate) async fn lease_time(&self, tx: &mut Tx) -> Result<Timestamp, StoreError> {
        if tx.is_shared() && self.clock.is_of_the_world() { leases::time(tx).await } else { Ok(self.now()) }
    }

    /// Who takes operations now.
    pub(crate) async fn holder(&self, tx: &mut Tx) -> Result<Holder<'_>, StoreError> {
        let from = self.lease_time(tx).await?;
        Ok(Holder { owner: &self.owner, from, until: from.plus_ms(pull::millis(self.settings.lease)) })
    }

    /// Takes or extends the lease of that name; `None` while another process has it.
    pub(crate) async fn lease(&self, tx: &mut Tx, name: &str) -> Result<Option<Lease>, StoreError> {
        let Holder { owner, from, until } = self.holder(tx).await?;
        leases::acquire(tx, name, owner, from, until).await
    }

    /// Extends a lease that is ours; `false` where somebody has taken it over.
    pub(crate) async fn extend(&self, lease: &Lease) -> Result<bool, StoreError> {
        let mut tx = self.store.begin_write().await?;
        let until = self.holder(&mut tx).await?.until;
        let extended = leases::renew(&mut tx, lease, until).await?;
        tx.commit().await?;
        Ok(extended)
    }

    pub(crate) fn change_context(&self) -> Context<'_> {
        Context { now: self.now(), limits: &self.limits }
    }

    /// The window of remote calendars that is kept in step at the present day. Begins at a midnight, so that it stays
    /// the same all day long.
    pub(crate) fn window(&self) -> TimeRange {
        const DAY_MS: i64 = 86_400_000;
        let today = Timestamp(self.now().ms().div_euclid(DAY_MS) * DAY_MS);
        TimeRange::new(today.plus_days(-self.settings.past_days), today.plus_days(self.settings.future_days))
    }

    pub(crate) async fn site(&self, tx: &mut Tx, mapping: Mapping, lease: Lease) -> Result<Site, SyncError> {
        let missing = |what: &str| SyncError::Damaged(format!("mapping {} names a {what} that is gone", mapping.id));
        let tenant = tenants::get(tx, &mapping.tenant_id).await?.ok_or_else(|| missing("tenant"))?;
        let room = rooms::get(tx, &mapping.tenant_id, &mapping.room_id).await?.ok_or_else(|| missing("room"))?;
        let row = bridges::get(tx, &mapping.tenant_id, &mapping.bridge_id).await?.ok_or_else(|| missing("bridge"))?;
        let bridge = (self.bridges)(&row)?;
        let calendar = RemoteCalendar {
            id: mapping.remote_id.clone(),
            name: mapping.remote_name.clone(),
            zone: room.zone.clone(),
        };
        Ok(Site { mapping, room, bridge, calendar, lease, tenant })
    }

    /// A mapping of the tenant as it stands now, for looking only: no work is done under its lease.
    pub(crate) async fn glance(&self, tenant: &TenantId, id: &MappingId) -> Result<Site, SyncError> {
        let mut tx = self.store.begin_read().await?;
        let mapping = mappings::get(&mut tx, tenant, id).await?;
        let mapping = mapping.filter(|mapping| mapping.state != MappingState::Removed);
        let mapping = mapping.ok_or_else(|| SyncError::Missing { what: "mapping", id: id.to_string() })?;
        self.site(&mut tx, mapping, Lease { name: String::new(), owner: String::new(), token: 0 }).await
    }

    pub(crate) fn seal(&self, mapping: &Mapping, column: &str, text: &str) -> Result<String, SyncError> {
        let place = Place { tenant: &mapping.tenant_id, table: "mappings", column, row: mapping.id.as_str() };
        self.keys.ring.seal(place, text).map_err(|error| SyncError::Damaged(error.to_string()))
    }

    pub(crate) fn open(&self, mapping: &Mapping, column: &str, sealed: &str) -> Result<String, SyncError> {
        let place = Place { tenant: &mapping.tenant_id, table: "mappings", column, row: mapping.id.as_str() };
        let secret = self.keys.ring.open(place, sealed).map_err(|error| SyncError::Damaged(error.to_string()))?;
        Ok(secret.reveal().to_owned())
    }
}

//! What the interface shows of what is stored. Never a secret, a hash or a sealed value.

mod alert;
mod booking;
mod keys;
mod people;
mod provider;
mod room;
mod room_group;
mod rules;
mod story;
mod sync;
mod webhook;

pub use alert::AlertView;
pub use booking::{
    BookingView, FreeBusyView, InstanceOccasionView, OccasionView, PeriodView, PersonView, RecurrenceView,
};
pub use keys::{ClosedView, KeyView, KeysView, PolicyView};
pub use people::{GrantView, IssuedView, PrincipalView, ScopeView, SecretView};
pub use provider::{OwnView, ProviderView, SessionView};
pub use room::{
    BridgeView, CalendarView, FeedLinkView, FeedView, FlagsView, InstanceView, LimitsView, MappingView, RoomView,
    TenantView,
};
pub use room_group::RoomGroupView;
pub use rules::{ApprovalView, ClosedOutView, ClosureView, RulesView};
pub use story::{EventStory, MappingStatusView, Moment, RoomStory, Waiting};
pub use sync::{AuditView, ConflictView, LinkView, OperationView, RunView, SubscriptionView};
pub use webhook::{DeliveryView, WebhookSecretView, WebhookView};

use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::bridges;
use crate::store::principals;
use crate::store::principals::{Extent, GROUP};
use crate::store::room_groups;
use crate::store::rooms;
use std::collections::HashMap;

/// The names that people use, by id.
#[derive(Clone, Debug, Default)]
pub struct Names {
    rooms: HashMap<String, String>,
    /// As grants name them: `group:<id>`, and `group:<slug>`.
    groups: HashMap<String, String>,
    bridges: HashMap<String, String>,
    principals: HashMap<String, String>,
}

impl Names {
    /// All names of a tenant's rooms, bridges and principals.
    pub async fn of(tx: &mut Tx, tenant: &TenantId) -> Result<Self, StoreError> {
        let rooms = rooms::list(tx, tenant).await?;
        let groups = room_groups::list(tx, tenant).await?;
        let bridges = bridges::list(tx, tenant).await?;
        let principals = principals::list(tx, tenant).await?;
        Ok(Self {
            rooms: rooms.into_iter().map(|room| (room.id.to_string(), room.slug)).collect(),
            groups: groups
                .into_iter()
                .map(|one| (Extent::Group(&one.id).name(), format!("{GROUP}{}", one.slug)))
                .collect(),
            bridges: bridges.into_iter().map(|bridge| (bridge.id.to_string(), bridge.name)).collect(),
            principals: principals.into_iter().map(|p| (p.id.to_string(), p.login)).collect(),
        })
    }

    /// The slug of a room, or `group:` and the slug of a group; the id itself where there is none, e.g. `*`.
    pub fn room(&self, id: &str) -> String {
        named(if id.starts_with(GROUP) { &self.groups } else { &self.rooms }, id)
    }

    /// The name of a bridge.
    pub fn bridge(&self, id: &str) -> String {
        named(&self.bridges, id)
    }

    /// The login of a principal.
    pub fn principal(&self, id: &str) -> String {
        named(&self.principals, id)
    }
}

fn named(names: &HashMap<String, String>, id: &str) -> String {
    names.get(id).cloned().unwrap_or_else(|| id.to_owned())
}

/// RFC 3339 in UTC.
fn time(at: Timestamp) -> String {
    at.to_string()
}

fn time_if(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

/// `None` for an empty text.
fn text_if(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

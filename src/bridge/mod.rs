//! Floor 2: the only outgoing HTTP. What a remote calendar system is to the rest of the house.
//!
//! A bridge does network I/O and translation only: no store, no retry loop, no policy. It never guesses: a read that
//! was not complete is an error, an outcome that is not known is [`BridgeError::Unknown`].

mod booking;
mod bridges;
pub mod graph;
mod http;
mod limited;
pub mod memory;
pub mod oidc;
mod reading;
pub mod shelf;
mod text;
pub mod webhook;
pub mod webpush;

pub use bridges::{BridgeConfig, DeltaForm, GenericConfig, GraphConfig, PorticoConfig, build};
pub use limited::{Limited, Turnstiles};
pub use reading::{Complete, Cursor, Delta, Reading};

use crate::model::BridgeKind;
use crate::model::Event;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A remote calendar: a room mailbox, a resource of the booking system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteCalendar {
    /// How the remote system addresses it: mailbox address, resource id.
    pub id: String,
    /// How people know it.
    pub name: String,
    /// The zone of wall-clock times and whole days, for systems that name none.
    pub zone: ZoneId,
}

/// How the remote system addresses one event. Compared octet by octet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteId(pub String);

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The remote system's version of one event (change key, `ETag`). A hint: content decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteVersion(pub String);

/// Names one create for ever: the same key sent twice makes one event (`transactionId`, `external_id`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(pub String);

/// One event as it stands at the remote side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteItem {
    /// Its remote id.
    pub id: RemoteId,
    /// Its version, where the system has one.
    pub version: Option<RemoteVersion>,
    /// The key it was created with, where the system tells (`transactionId`, marker property, `external_id`).
    pub key: Option<IdempotencyKey>,
    /// Its content. The UID is the hub's where the marker tells it, else one derived from remote identity.
    pub event: Event,
    /// The gateway must not write it (attendee copy, invoiced or several-dated reservation): why.
    pub locked: Option<String>,
    /// What had to be assumed to read it, for people to check: a sentence.
    pub assumed: Option<String>,
}

/// Which piece of a hub event a remote item carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The event as one item: single, or series with its exceptions.
    Whole,
    /// One instance of a series as an item of its own.
    Instance(RecurrenceId),
    /// What follows where another booking lies in the middle of this one, by its start. People change the booking, not
    /// this piece of it.
    Rest(RecurrenceId),
}

impl Part {
    /// As stored: empty for the whole, else the recurrence id, after a `+` for a rest.
    pub fn as_text(&self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Instance(id) => id.to_string(),
            Self::Rest(start) => format!("+{start}"),
        }
    }

    /// From the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Whole);
        }
        match text.strip_prefix('+') {
            Some(start) => start.parse().ok().map(Self::Rest),
            None => text.parse().ok().map(Self::Instance),
        }
    }
}

/// A hub event in the shape the remote side can hold: one item, or an item for some instances each. Every event in it
/// is already reduced to what that side keeps, so that it can be compared with what comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    /// The items.
    pub parts: BTreeMap<Part, Event>,
}

/// Why an event has no exact form at the remote side. Nothing is approximated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} cannot be represented: {why}")]
pub struct Unrepresentable {
    /// The property or rule part, e.g. `RRULE BYSETPOS`.
    pub part: String,
    /// A sentence for people.
    pub why: String,
}

/// Where change notifications of a calendar shall be sent.
#[derive(Clone, Debug)]
pub struct Hook {
    /// URL for change notifications.
    pub url: String,
    /// URL for lifecycle notifications.
    pub lifecycle_url: String,
    /// Shared secret: `clientState` or signing key.
    pub secret: String,
}

/// A subscription for notifications at the remote side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Its id there.
    pub id: String,
    /// When it ends unless it is renewed; `None` for never.
    pub expires: Option<Timestamp>,
}

/// The answer to "has this create taken effect?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Yes: this is the item.
    Found(Box<RemoteItem>),
    /// No.
    NotFound,
    /// Several items could be it; a person must say.
    Ambiguous(Vec<RemoteId>),
}

/// How the sentence of [`BridgeError::Auth`] begins.
pub const REFUSED_CREDENTIALS: &str = "the remote system refuses our credentials";

/// What went wrong, in the terms the reconciler reacts in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// Throttled or overloaded; nothing was done. Wait at least this long, if the remote side said.
    #[error("the remote system is busy{}", .after_ms.map_or(String::new(), |ms| format!(", it asks to wait {ms} ms")))]
    Busy {
        /// Milliseconds to wait.
        after_ms: Option<u64>,
    },
    /// The remote side could not be reached or failed; nothing was done.
    #[error("the remote system cannot be reached: {0}")]
    Transport(String),
    /// A write was sent and no usable answer came: it may have taken effect.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// Credentials or permissions.
    #[error("the remote system refuses our credentials: {0}")]
    Auth(String),
    /// The cursor is no longer valid; read everything again.
    #[error("the remote system has forgotten our cursor")]
    CursorGone,
    /// The item changed since it was read; read it again and decide again.
    #[error("the remote copy has changed meanwhile")]
    Stale,
    /// The item does not exist (any more).
    #[error("the remote copy does not exist")]
    NotFound,
    /// The calendar itself does not exist or cannot be used: never an absence of events.
    #[error("the remote calendar cannot be used: {0}")]
    CalendarGone(String),
    /// Another booking has the slot.
    #[error("the slot is taken at the remote system: {0}")]
    SlotTaken(String),
    /// The remote side will never accept this.
    #[error("the remote system refuses: {0}")]
    Refused(String),
    /// An answer that is not what the interface promises (HTML for JSON, missing members, wrong types).
    #[error("the remote system answered something unusable: {0}")]
    Garbage(String),
}

impl BridgeError {
    /// Whether a write that failed like this may have taken effect all the same.
    pub const fn may_have_been_done(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::Garbage(_) => true,
            Self::Busy { .. }
            | Self::Transport(_)
            | Self::Auth(_)
            | Self::CursorGone
            | Self::Stale
            | Self::NotFound
            | Self::CalendarGone(_)
            | Self::SlotTaken(_)
            | Self::Refused(_) => false,
        }
    }
}

/// A remote calendar system.
#[async_trait]
pub trait Bridge: Send + Sync {
    /// Which kind of system this is.
    fn kind(&self) -> BridgeKind;

    /// The exact form of a hub event at this side. `window` bounds the instances that are written one by one.
    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable>;

    /// The part of a remote item's content that a projection can be compared with: what this side keeps, in the form in
    /// which it comes back. `project` answers only events that this leaves as they are.
    fn comparable(&self, _at: &RemoteCalendar, event: &Event) -> Event {
        event.clone()
    }

    /// Whether items that the gateway created tell the key they were created with. Where they do not, the effect of a
    /// create without an answer is known by its content alone.
    fn tells_keys(&self) -> bool {
        true
    }

    /// Whether its notifications, while they work, tell of every change. Where they do not, polling has to find the rest.
    fn announces_everything(&self) -> bool {
        true
    }

    /// Everything that starts or lasts inside `window`, with a cursor to go on from.
    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError>;

    /// What changed since the cursor. Items carry their full present content (a series with all its exceptions).
    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError>;

    /// Whether an item cannot be fetched by its id, only found in a complete read. What proves its absence then is a
    /// second complete read without it.
    fn is_only_listed(&self, _id: &RemoteId) -> bool {
        false
    }

    /// One item as it stands now; `None` when it is gone or cancelled. The proof behind every deletion.
    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError>;

    /// Creates one item. A repetition with the same key makes no second one where the system can promise it, and is
    /// [`BridgeError::NotFound`] where the system says that the item of this key was made and is not there any more.
    async fn create(&self, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey)
    -> Result<RemoteItem, BridgeError>;

    /// Brings an item from `base` (what we last knew of it) to `event`. Answers the item as it stands afterwards.
    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError>;

    /// Removes or deactivates an item. An item that is gone already is a success.
    async fn delete(&self, at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError>;

    /// Looks for the effect of a create whose outcome is not known.
    async fn probe(&self, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey) -> Result<Probe, BridgeError>;

    /// The calendars that could be mapped.
    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError>;

    /// Asks for notifications; `None` where the system has none.
    async fn subscribe(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Option<Subscribed>, BridgeError>;

    /// Extends a subscription.
    async fn renew(&self, at: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError>;

    /// Ends a subscription. One that is gone already is a success.
    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError>;
}

/// A remote item as the link knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its remote id.
    pub id: RemoteId,
    /// The version it had when it was last seen; a write that finds another one is refused as stale.
    pub version: Option<RemoteVersion>,
}

//! Floor 0: what the world consists of. Nouns and values; no clock, no I/O, no async.

mod alert;
mod event;
mod ids;
mod mapping;
mod object;
mod principal;
mod recurrence;
mod room;
mod rules;
mod scope;
mod tenant;
mod time;
mod webhook;

pub use alert::{AlertKind, AlertState, Severity};
pub use event::{Content, Event, EventStatus, EventTime, Override, Person, Privacy, ReservationClass};
pub use ids::{
    AlertId, ApprovalId, BridgeId, ConflictId, FeedId, LinkId, MappingId, OperationId, PrincipalId, ProviderId,
    RegistrationId, RoomGroupId, RoomId, SessionId, SubscriptionId, TenantId, WebhookId,
};
pub use mapping::{
    Authority, BridgeKind, ClassProjection, DetailLevel, Direction, LinkState, MappingState, OperationState, Resolution,
};
pub use object::{ERA, Etag, Fingerprint, ObjectName, SyncToken, Uid};
pub use principal::{PrincipalKind, Privilege, Role, View};
pub use recurrence::{Frequency, Recurrence, RecurrenceId, Rule, RuleEnd, Weekday, WeekdayNum};
pub use room::{Features, RoomKind};
pub use rules::{DayException, Hours, Misfits, NoTimeOfDay, RoomRules, TimeOfDay, WeeklyHours};
pub use scope::{Reach, Scope, SecretState};
pub use tenant::TenantState;
pub use time::{Clock, ManualClock, SystemClock, TimeRange, Timestamp, ZoneId};
pub use webhook::{DeliveryState, NoticeKind, WebhookState};

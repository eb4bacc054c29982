//! Rules, closures and requests as JSON.

use super::{Names, text_if, time, time_if};
use crate::manage::closures::Closure;
use crate::model::RoomRules;
use crate::store::approvals::Approval;
use crate::store::rooms::Room;
use crate::store::rules::RulesRow;
use serde::Serialize;

/// What a room asks of its bookings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RulesView {
    /// Slug of the room.
    pub room: String,
    /// Its rules.
    #[serde(flatten)]
    pub rules: RoomRules,
    /// When they were set; absent where nobody ever set any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// Who set them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
}

impl RulesView {
    /// With the slug of the room.
    pub fn of(room: &str, row: Option<RulesRow>) -> Self {
        let (rules, changed, by) = match row {
            Some(row) => (row.rules, Some(row.changed_ms), row.changed_by),
            None => (RoomRules::default(), None, String::new()),
        };
        Self { room: room.to_owned(), rules, changed: time_if(changed), changed_by: text_if(by) }
    }
}

/// A time in which a room is closed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClosureView {
    /// Its UID, by which it is ended.
    pub uid: String,
    /// Slug of the room.
    pub room: String,
    /// Why.
    pub reason: String,
    /// First instant.
    pub start: String,
    /// First instant after.
    pub end: String,
    /// Whether it is whole days of the room's zone.
    pub whole_days: bool,
    /// Bookings that fall into it; each has an open conflict.
    pub bookings: Vec<ClosedOutView>,
}

/// A booking that falls into a closure.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClosedOutView {
    /// Its UID.
    pub uid: String,
    /// Its start.
    pub start: String,
    /// Its end.
    pub end: String,
}

impl ClosureView {
    /// With the slug of the room.
    pub fn of(room: &Room, closure: Closure) -> Self {
        Self {
            uid: closure.event.uid.to_string(),
            room: room.slug.clone(),
            whole_days: closure.event.when.is_all_day(),
            reason: closure.event.content.summary,
            start: time(closure.at.start),
            end: time(closure.at.end),
            bookings: closure
                .bookings
                .into_iter()
                .map(|one| ClosedOutView { uid: one.uid.to_string(), start: time(one.start_ms), end: time(one.end_ms) })
                .collect(),
        }
    }
}

/// A booking that was asked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApprovalView {
    /// Its id.
    pub id: String,
    /// Slug of the room.
    pub room: String,
    /// The booking.
    pub uid: String,
    /// Its title.
    pub summary: String,
    /// Start of its first time that waits.
    pub start: String,
    /// End of that time.
    pub end: String,
    /// Whether it is a series.
    pub recurring: bool,
    /// Login of who asks.
    pub requested_by: String,
    /// When.
    pub requested: String,
    /// `pending`, `confirmed`, `declined` or `withdrawn`.
    pub state: String,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ApprovalView {
    /// With the name of the room.
    pub fn of(approval: Approval, names: &Names) -> Self {
        Self {
            id: approval.id.to_string(),
            room: names.room(approval.room_id.as_str()),
            uid: approval.uid.to_string(),
            summary: approval.summary,
            start: time(approval.start_ms),
            end: time(approval.end_ms),
            recurring: approval.recurring,
            requested_by: approval.requested_by,
            requested: time(approval.requested_ms),
            state: approval.state,
            decided_by: text_if(approval.decided_by),
            decided: time_if(approval.decided_ms),
            reason: text_if(approval.reason),
        }
    }
}

//! Links, operations, conflicts, subscriptions, pulls and audit entries as JSON.

use super::{Names, text_if, time, time_if};
use crate::model::LinkState;
use crate::model::OperationState;
use crate::store::audit::AuditRow;
use crate::store::conflicts::Conflict;
use crate::store::links::Link;
use crate::store::operations::Operation;
use crate::store::runs::Run;
use crate::store::subscriptions::Subscription;
use serde::Serialize;
use serde_json::Value;

/// One event on both sides of a mapping.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkView {
    /// Its id.
    pub id: String,
    /// The mapping.
    pub mapping: String,
    /// The hub event.
    pub uid: String,
    /// Which instance of a series the remote item carries; absent for the whole event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The remote item; absent until the create is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// Where it stands.
    pub state: LinkState,
    /// `hub` or `remote`: where the booking was born.
    pub born: String,
    /// Rises when the event is created anew after it was deleted.
    pub epoch: i64,
    /// Why the gateway must not write the remote item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// When it was made.
    pub created: String,
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        Self {
            id: link.id.to_string(),
            mapping: link.mapping_id.to_string(),
            uid: link.uid.to_string(),
            part: text_if(link.part),
            remote_id: link.remote_id,
            state: link.state,
            born: link.born,
            epoch: link.epoch,
            locked: text_if(link.locked),
            created: time(link.created_ms),
        }
    }
}

/// One outgoing write.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OperationView {
    /// Its id.
    pub id: String,
    /// Where to.
    pub mapping: String,
    /// Slug of the room.
    pub room: String,
    /// The event.
    pub uid: String,
    /// Where it stands.
    pub state: OperationState,
    /// Attempts so far.
    pub attempts: i64,
    /// When it is due, while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Requests that changed something at the remote side.
    pub remote_writes: i64,
    /// When it was made.
    pub created: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl OperationView {
    /// With the name of the room.
    pub fn of(operation: Operation, names: &Names) -> Self {
        Self {
            id: operation.id.to_string(),
            mapping: operation.mapping_id.to_string(),
            room: names.room(operation.room_id.as_str()),
            uid: operation.uid.to_string(),
            state: operation.state,
            attempts: operation.attempts,
            due: operation.open.then(|| time(operation.due_ms)),
            last_error: text_if(operation.last_error),
            remote_writes: operation.remote_writes,
            created: time(operation.created_ms),
            ended: time_if(operation.ended_ms),
        }
    }
}

/// Two truths.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConflictView {
    /// Its id.
    pub id: String,
    /// Slug of the room.
    pub room: String,
    /// The mapping it arose on; absent for two bookings of the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// The event.
    pub uid: String,
    /// `slot_collision`, `field_conflict`, `delete_edit`, `rejected`, `unrepresentable`, `ambiguous` or `locked`.
    pub kind: String,
    /// What happened.
    pub sentence: String,
    /// Our version.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// The other version.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
    /// `open`, `settled` by a rule or `resolved` by a person.
    pub state: String,
    /// When it arose.
    pub created: String,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
    /// How it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

impl ConflictView {
    /// With the name of the room.
    pub fn of(conflict: Conflict, names: &Names) -> Self {
        Self {
            id: conflict.id.to_string(),
            room: names.room(conflict.room_id.as_str()),
            mapping: text_if(conflict.mapping_id),
            uid: conflict.uid.to_string(),
            kind: conflict.kind,
            sentence: conflict.sentence,
            ours: serde_json::from_str(&conflict.ours).ok(),
            theirs: serde_json::from_str(&conflict.theirs).ok(),
            state: conflict.state,
            created: time(conflict.created_ms),
            decided: time_if(conflict.decided_ms),
            decision: text_if(conflict.decision),
        }
    }
}

/// A subscription for change notifications. Its secret and notification URL are not shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// What it watches.
    pub mapping: String,
    /// Its id at the remote system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// `requested`, `active` or `dead`.
    pub state: String,
    /// When the remote system ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it is renewed.
    pub renew: String,
    /// When a notification last came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notified: Option<String>,
    /// Why it could not be made or renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl From<Subscription> for SubscriptionView {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.id.to_string(),
            mapping: subscription.mapping_id.to_string(),
            remote_id: subscription.remote_id,
            state: subscription.state,
            expires: time_if(subscription.expires_ms),
            renew: time(subscription.renew_ms),
            notified: time_if(subscription.notified_ms),
            last_error: text_if(subscription.last_error),
        }
    }
}

/// One read of a remote calendar.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// What was read.
    pub mapping: String,
    /// `complete` or `changes`.
    pub kind: String,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: String,
    /// Items seen.
    pub seen: i64,
    /// Changes applied to the hub.
    pub applied: i64,
    /// `ok`, `failed` or `held`.
    pub outcome: String,
    /// A sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            mapping: run.mapping_id.to_string(),
            kind: run.kind,
            started: time(run.started_ms),
            ended: time(run.ended_ms),
            seen: run.seen,
            applied: run.applied,
            outcome: run.outcome,
            detail: text_if(run.detail),
        }
    }
}

/// One change of state and who caused it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuditView {
    /// Its id.
    pub id: String,
    /// When.
    pub at: String,
    /// Who: `principal:<login>`, `mapping:<id>`, `command-line` or `system`.
    pub actor: String,
    /// What, e.g. `object.create`.
    pub action: String,
    /// Slug of the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The room's sequence number of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Why, or with which answer.
    pub detail: String,
}

impl AuditView {
    /// With the name of the room.
    pub fn of(entry: AuditRow, names: &Names) -> Self {
        Self {
            id: entry.id,
            at: time(entry.at_ms),
            actor: entry.actor,
            action: entry.action,
            room: text_if(entry.room_id).map(|id| names.room(&id)),
            uid: text_if(entry.uid),
            seq: (entry.seq > 0).then_some(entry.seq),
            detail: entry.detail,
        }
    }
}

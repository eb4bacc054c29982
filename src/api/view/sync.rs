//! Links, operations, conflicts, subscriptions, pulls and audit entries as JSON.

use super::{Names, text_if, time, time_if};
use crate::change::resolve;
use crate::model::LinkState;
use crate::model::OperationState;
use crate::model::Resolution;
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
    /// What both sides last agreed on.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Value>,
    /// What was last sent there and has not been answered.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Value>,
    /// What was agreed on as the remote side writes it, where it rewrites what it is given.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewritten: Option<Value>,
    /// When the gateway last wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
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
            agreed: serde_json::from_str(&link.base).ok(),
            unanswered: serde_json::from_str(&link.sent).ok(),
            rewritten: serde_json::from_str(&link.echo).ok(),
            written: (link.written_ms.ms() > 0).then(|| time(link.written_ms)),
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
    /// `slot_collision`, `field_conflict`, `delete_edit`, `rejected`, `date_refused`, `rest_refused`, `unrepresentable`, `ambiguous`,
    /// `locked` or `mass_delete_hold`.
    pub kind: String,
    /// What happened.
    pub sentence: String,
    /// The hub's version; absent where the hub has none.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// The other version; absent where there is none. The removals that wait, for a `mass_delete_hold`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
    /// `open`, decided by a rule (`auto`) or by a person (`resolved`), or `expired` because its cause went away.
    pub state: String,
    /// What is decided at the deadline; absent where only a person may decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// Until when a person may decide otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// The decisions that make sense for it.
    pub decisions: Vec<Resolution>,
    /// When it arose.
    pub created: String,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
    /// How it was decided: one of `decisions`, or a sentence where its cause went away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Who decided: `principal:<login>`, `command-line` or `rule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

impl ConflictView {
    /// With the name of the room.
    pub fn of(conflict: Conflict, names: &Names) -> Self {
        Self {
            decisions: resolve::choices(&conflict),
            proposal: text_if(conflict.proposal),
            deadline: time_if(conflict.deadline_ms),
            decided_by: text_if(conflict.decided_by),
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
    /// The request behind it: id, address, agent, method, path; `session_id`, `api_key_id`, `password_id` or `provider`, by
    /// which the caller was recognised; for a refusal status and milliseconds.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
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
            request: serde_json::from_str(&entry.request).ok(),
        }
    }
}

//! The story of one event or one room: what happened in time order, what waits and why. Also as text for people.

use super::{
    AuditView, ConflictView, LinkView, MappingView, Names, OperationView, RunView, named, text_if, time, time_if,
};
use crate::model::LinkState;
use crate::model::MappingState;
use crate::model::OperationState;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::audit;
use crate::store::audit::AuditRow;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::objects;
use crate::store::operations;
use crate::store::operations::Operation;
use crate::store::pages;
use crate::store::pages::Page;
use crate::store::rooms::Room;
use crate::sync;
use serde::Serialize;
use std::collections::HashMap;

/// Most operations that were given up in one answer.
const DEAD_LETTERS: i64 = 100;

/// Reads of one mapping in the story of a room.
const READS: i64 = 3;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Moment {
    #[serde(skip)]
    instant: Timestamp,
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// What: an action of the audit, `operation.made`, `operation.<how it ended>` or `conflict.open`.
    pub what: String,
    /// Why, or with which answer.
    pub detail: String,
}

/// Something that has not been done yet.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Waiting {
    /// Where to.
    pub mapping: String,
    /// What waits, and why.
    pub why: String,
    /// When it is tried next; absent where a person has to do something first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Everything known about one event.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct EventStory {
    /// The UID.
    pub uid: String,
    /// Where it stands in the hub now, a sentence for each room.
    pub stands: Vec<String>,
    /// What happened, oldest first.
    pub moments: Vec<Moment>,
    /// What has not been done yet, why, and when it is tried next.
    pub waiting: Vec<Waiting>,
    /// Its remote copies, with what was agreed on, sent and answered.
    pub links: Vec<LinkView>,
    /// What was or is to be sent.
    pub operations: Vec<OperationView>,
    /// Conflicts, decided ones too.
    pub conflicts: Vec<ConflictView>,
    /// The audit, oldest first.
    pub audit: Vec<AuditView>,
    /// What people call the mappings of its copies, by id.
    #[serde(skip)]
    places: HashMap<String, String>,
}

impl EventStory {
    /// The story of the event with that UID in any of these rooms.
    pub async fn tell(tx: &mut Tx, tenant: &TenantId, rooms: &[Room], uid: Uid) -> Result<Self, StoreError> {
        let names = Names::of(tx, tenant).await?;
        let mut story = Self { uid: uid.to_string(), ..Self::default() };
        for room in rooms {
            story.tell_room(tx, room, &uid, &names).await?;
        }
        story.moments.sort_by_key(|moment| moment.instant);
        Ok(story)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty() && self.links.is_empty() && self.stands.is_empty()
    }

    async fn tell_room(&mut self, tx: &mut Tx, room: &Room, uid: &Uid, names: &Names) -> Result<(), StoreError> {
        let (tenant, id) = (&room.tenant_id, &room.id);
        let mappings = mappings::of_room(tx, tenant, id).await?;
        let places: HashMap<String, String> =
            mappings.iter().map(|mapping| (mapping.id.to_string(), place(mapping, names))).collect();
        if let Some(row) = objects::by_uid(tx, tenant, id, uid).await? {
            let here = mappings.iter().find(|mapping| mapping.id.as_str() == row.origin);
            let born = match here {
                _ if row.origin == "hub" => "here".to_owned(),
                Some(mapping) => format!("at {}", place(mapping, names)),
                None => format!("at mapping {}", row.origin),
            };
            let (name, seq, at) = (&row.name, row.seq, time(row.modified_ms));
            self.stands.push(format!("{}: {name}, born {born}, change {seq} at {at}", room.slug));
        }
        let operations = operations::of_event(tx, tenant, id, uid).await?;
        let conflicts = pages::conflicts_of_event(tx, tenant, id, uid).await?;
        let entries = audit::of_event(tx, tenant, id, uid).await?;
        self.moments.extend(entries.iter().map(of_audit));
        self.moments.extend(operations.iter().flat_map(|operation| of_operation(operation, &places)));
        self.moments.extend(conflicts.iter().map(of_conflict));
        for mapping in &mappings {
            let links = links::of_uid(tx, tenant, &mapping.id, uid).await?;
            self.waiting.extend(links.iter().filter_map(|link| unanswered(link, &place(mapping, names))));
            self.links.extend(links.into_iter().map(LinkView::from));
        }
        self.waiting.extend(operations.iter().filter_map(|operation| waiting(operation, &mappings, &places)));
        self.waiting.extend(conflicts.iter().filter_map(undecided));
        self.audit.extend(entries.into_iter().map(|entry| AuditView::of(entry, names)));
        self.operations.extend(operations.into_iter().map(|operation| OperationView::of(operation, names)));
        self.conflicts.extend(conflicts.into_iter().map(|conflict| ConflictView::of(conflict, names)));
        self.places.extend(places);
        Ok(())
    }

    /// As people read it.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Event {}", self.uid)];
        if self.stands.is_empty() {
            lines.push("It is not in the hub.".to_owned());
        }
        lines.extend(self.stands.iter().map(|sentence| format!("Stands in {sentence}")));
        lines.push("What happened:".to_owned());
        lines.extend(self.moments.iter().map(Moment::line));
        lines.push("Copies:".to_owned());
        lines.extend(self.links.iter().map(|link| copy_line(link, &self.places)));
        lines.push("What waits:".to_owned());
        lines.extend(self.waiting.iter().map(Waiting::line));
        for title in ["Copies:", "What waits:"] {
            let bare = lines.iter().position(|line| line == title);
            if let Some(at) = bare
                && lines.get(at + 1).is_none_or(|next| next == "What waits:")
            {
                lines.insert(at + 1, "  nothing".to_owned());
            }
        }
        lines
    }
}

/// Everything known about how one room keeps in step.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RoomStory {
    /// Slug of the room.
    pub room: String,
    /// Since when the oldest change that one side does not know yet waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_unreconciled: Option<String>,
    /// Its mappings.
    pub mappings: Vec<MappingStory>,
    /// Conflicts that wait for a person.
    pub conflicts: Vec<ConflictView>,
}

/// How one mapping is doing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MappingStory {
    /// The mapping.
    pub mapping: MappingView,
    /// Since when its oldest change waits, in either direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_unreconciled: Option<String>,
    /// Its last reads that did something or failed, newest first.
    pub reads: Vec<RunView>,
    /// What waits to be sent.
    pub waiting: Vec<Waiting>,
    /// What was given up, newest first.
    pub dead_letters: Vec<OperationView>,
}

impl RoomStory {
    /// The story of one room.
    pub async fn tell(tx: &mut Tx, tenant: &TenantId, room: &Room) -> Result<Self, StoreError> {
        let names = Names::of(tx, tenant).await?;
        let status = sync::status(tx, tenant).await?;
        let found = status.rooms.into_iter().find(|status| status.room.id == room.id);
        let mut mappings = Vec::new();
        let mut oldest: Option<Timestamp> = None;
        for status in found.map(|status| status.mappings).unwrap_or_default() {
            oldest = oldest.into_iter().chain(status.oldest_waiting).min();
            mappings.push(mapping_story(tx, status, &names).await?);
        }
        let open = conflicts::list(tx, tenant, conflicts::OPEN, 1000).await?;
        let open = open.into_iter().filter(|conflict| conflict.room_id == room.id);
        Ok(Self {
            room: room.slug.clone(),
            oldest_unreconciled: time_if(oldest),
            mappings,
            conflicts: open.map(|conflict| ConflictView::of(conflict, &names)).collect(),
        })
    }

    /// As people read it.
    pub fn lines(&self) -> Vec<String> {
        let oldest = self.oldest_unreconciled.as_deref().unwrap_or("none");
        let mut lines = vec![format!("Room {}, oldest unreconciled change: {oldest}", self.room)];
        for story in &self.mappings {
            let mapping = &story.mapping;
            let trouble = mapping.reason.as_ref().or(mapping.last_error.as_ref());
            let trouble = trouble.map_or_else(String::new, |why| format!(": {why}"));
            let state = serde_json::to_value(mapping.state).ok();
            let state = state.as_ref().and_then(|state| state.as_str()).unwrap_or_default();
            let last = mapping.last_sync.as_deref().unwrap_or("never");
            lines.push(format!("{} at {} is {state}{trouble}", mapping.remote_name, mapping.bridge));
            lines.push(format!("  last read {last}, next {}", mapping.due));
            lines.extend(story.reads.iter().map(|run| {
                let detail = run.detail.as_deref().unwrap_or("");
                format!("  read {} {}: {} seen, {} applied {detail}", run.ended, run.outcome, run.seen, run.applied)
            }));
            lines.extend(story.waiting.iter().map(Waiting::line));
            lines.extend(story.dead_letters.iter().map(|dead| {
                let why = dead.last_error.as_deref().unwrap_or("no reason");
                format!("  given up: {} ({why}); operation {}", dead.uid, dead.id)
            }));
        }
        lines.extend(self.conflicts.iter().map(|conflict| format!("Conflict {}: {}", conflict.id, conflict.sentence)));
        lines
    }
}

async fn mapping_story(tx: &mut Tx, status: sync::MappingStatus, names: &Names) -> Result<MappingStory, StoreError> {
    let mapping = status.mapping;
    let page = Page { after: "", limit: READS };
    let runs = pages::runs(tx, &mapping.tenant_id, page, mapping.id.as_str()).await?;
    let open = operations::open_of_mapping(tx, &mapping.tenant_id, &mapping.id).await?;
    let dead = operations::failed_of_mapping(tx, &mapping.tenant_id, &mapping.id, DEAD_LETTERS).await?;
    let here = std::slice::from_ref(&mapping);
    let places = HashMap::from([(mapping.id.to_string(), place(&mapping, names))]);
    Ok(MappingStory {
        oldest_unreconciled: time_if(status.oldest_waiting),
        reads: runs.into_iter().map(RunView::from).collect(),
        waiting: open.iter().filter_map(|operation| waiting(operation, here, &places)).collect(),
        dead_letters: dead.into_iter().map(|operation| OperationView::of(operation, names)).collect(),
        mapping: MappingView::of(mapping, names),
    })
}

/// How one room is doing on one mapping.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MappingStatusView {
    /// Slug of the room.
    pub room: String,
    /// The mapping.
    pub mapping: String,
    /// Name of the bridge.
    pub bridge: String,
    /// `ok`, `waiting`, `failing`, `held` or `awaiting_approval`.
    pub status: String,
    /// Since when the oldest change waits, in either direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_unreconciled: Option<String>,
    /// Writes that wait to be sent.
    pub pending: i64,
    /// When the last read ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<String>,
    /// Why it is held, or what the last failure was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl MappingStatusView {
    /// The mappings of a tenant, by the slug of their room.
    pub async fn of_tenant(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Self>, StoreError> {
        let status = sync::status(tx, tenant).await?;
        let rooms = status.rooms.into_iter();
        Ok(rooms.flat_map(|room| room.mappings.into_iter().map(move |one| Self::of(&room.room.slug, one))).collect())
    }

    fn of(room: &str, status: sync::MappingStatus) -> Self {
        Self {
            room: room.to_owned(),
            status: status.word().to_owned(),
            mapping: status.mapping.id.to_string(),
            bridge: status.bridge,
            oldest_unreconciled: time_if(status.oldest_waiting),
            pending: status.pending,
            last_sync: time_if(status.mapping.pulled_ms),
            trouble: text_if(status.mapping.reason).or_else(|| text_if(status.mapping.last_error)),
        }
    }
}

impl Moment {
    fn line(&self) -> String {
        format!("  {}  {}  {}  {}", self.at, self.what, self.who, self.detail)
    }
}

impl Waiting {
    fn line(&self) -> String {
        let next = self.next.as_ref().map_or_else(String::new, |at| format!(", next at {at}"));
        format!("  {}{next}", self.why)
    }
}

fn copy_line(link: &LinkView, places: &HashMap<String, String>) -> String {
    let place = named(places, &link.mapping);
    let remote = link.remote_id.as_deref().unwrap_or("not confirmed yet");
    let part = link.part.as_ref().map_or_else(String::new, |part| format!(", instance {part}"));
    let open = if link.unanswered.is_some() { ", a write is not answered" } else { "" };
    let rewritten = if link.rewritten.is_some() { ", rewritten by the remote side" } else { "" };
    let state = serde_json::to_value(link.state).ok();
    let state = state.as_ref().and_then(|state| state.as_str()).unwrap_or_default();
    format!("  {remote} at {place}: {state}, born at {}{part}, epoch {}{open}{rewritten}", link.born, link.epoch)
}

fn of_audit(entry: &AuditRow) -> Moment {
    let seq = if entry.seq > 0 { format!(" (change {})", entry.seq) } else { String::new() };
    Moment {
        instant: entry.at_ms,
        at: time(entry.at_ms),
        who: entry.actor.clone(),
        what: entry.action.clone(),
        detail: format!("{}{seq}", entry.detail),
    }
}

fn of_operation(operation: &Operation, places: &HashMap<String, String>) -> Vec<Moment> {
    let place = named(places, operation.mapping_id.as_str());
    let cause = operation.cause_seq;
    let moment = |at, what: &str, detail| Moment {
        instant: at,
        at: time(at),
        who: "outbox".to_owned(),
        what: what.to_owned(),
        detail,
    };
    let mut moments = vec![moment(operation.created_ms, "operation.made", format!("to {place}, for change {cause}"))];
    if let Some(ended) = operation.ended_ms {
        let (attempts, writes) = (operation.attempts, operation.remote_writes);
        let what = if operation.state == OperationState::Failed { "operation.failed" } else { "operation.done" };
        let answer = if operation.last_error.is_empty() { "" } else { ", answer: " };
        let error = &operation.last_error;
        moments.push(moment(ended, what, format!("to {place}: {attempts} attempts, {writes} writes{answer}{error}")));
    }
    moments
}

fn of_conflict(conflict: &Conflict) -> Moment {
    Moment {
        instant: conflict.created_ms,
        at: time(conflict.created_ms),
        who: "reconciler".to_owned(),
        what: "conflict.open".to_owned(),
        detail: format!("{}: {}", conflict.kind, conflict.sentence),
    }
}

/// What people call a mapping: the remote calendar, and the bridge it lies on.
fn place(mapping: &Mapping, names: &Names) -> String {
    format!("{} ({})", mapping.remote_name, names.bridge(mapping.bridge_id.as_str()))
}

/// Why an operation is not done, and when it is tried next.
fn waiting(operation: &Operation, mappings: &[Mapping], places: &HashMap<String, String>) -> Option<Waiting> {
    let place = named(places, operation.mapping_id.as_str());
    let mapping = mappings.iter().find(|mapping| mapping.id == operation.mapping_id);
    let state = mapping.map_or(MappingState::Removed, |mapping| mapping.state);
    let last = if operation.last_error.is_empty() { String::new() } else { format!(": {}", operation.last_error) };
    let (what, next) = match (operation.state, state) {
        (OperationState::Done, _) => return None,
        (OperationState::Failed, _) => (format!("was given up{last}; operation {} can be retried", operation.id), None),
        (_, MappingState::Held) => ("waits until the mapping is released".to_owned(), None),
        (_, MappingState::AwaitingApproval) => ("waits until the first contact is approved".to_owned(), None),
        (_, MappingState::Removed) => return None,
        (_, MappingState::Active) if mapping.is_some_and(|mapping| mapping.completed_ms.is_none()) => {
            ("waits until the remote calendar was read once".to_owned(), None)
        }
        (OperationState::Sending, _) => ("is being sent".to_owned(), None),
        (OperationState::Unknown, _) => (format!("has an unknown outcome and is looked into{last}"), Some(())),
        (OperationState::Pending, _) => (format!("waits to be sent{last}"), Some(())),
    };
    Some(Waiting {
        mapping: operation.mapping_id.to_string(),
        why: format!("{} to {place} {what}", operation.uid),
        next: next.map(|()| time(operation.due_ms)),
    })
}

fn unanswered(link: &Link, place: &str) -> Option<Waiting> {
    let open = !link.sent.is_empty() && link.state != LinkState::Forgotten;
    open.then(|| Waiting {
        mapping: link.mapping_id.to_string(),
        why: format!("what was sent to {place} is not answered; the copy is looked at before it is sent again"),
        next: None,
    })
}

fn undecided(conflict: &Conflict) -> Option<Waiting> {
    (conflict.state == conflicts::OPEN).then(|| Waiting {
        mapping: conflict.mapping_id.clone(),
        why: match conflict.deadline_ms {
            Some(_) => format!("conflict {} waits for a decision, else {}", conflict.id, conflict.proposal),
            None => format!("conflict {} waits for a decision", conflict.id),
        },
        next: time_if(conflict.deadline_ms),
    })
}

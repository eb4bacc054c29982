//! "Sync now" with an answer: the reconciler is asked, and what it has done is counted from the store. The work itself is
//! done where it always is done.

use super::super::error::ApiError;
use super::call::Call;
use super::names::Scene;
use crate::manage::mappings as manage;
use crate::model::Event;
use crate::model::LinkState;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::OperationState;
use crate::model::Timestamp;
use crate::store::leases;
use crate::store::links;
use crate::store::links::Link;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::objects;
use crate::store::operations;
use crate::store::operations::Operation;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// Between two looks at how far the reconciler is.
const PAUSE: Duration = Duration::from_millis(100);

/// Most operations that one answer lists.
const MOST: i64 = 1000;

/// One write to a remote system since the request came.
pub(super) struct Done {
    /// The operation.
    pub(super) operation: Operation,
    /// What it was about there.
    pub(super) link: Option<Link>,
    /// The link of the same booking at the other side of the room.
    pub(super) other: Option<Link>,
    /// `create`, `update` or `delete`.
    pub(super) act: &'static str,
    /// Title and class of the booking; empty when it is gone.
    pub(super) about: (String, String),
}

/// What a sync has done.
pub(super) struct Settled {
    /// Whether everything that was asked for is done; otherwise the rest goes on without the request.
    pub(super) complete: bool,
    /// Writes, the latest first.
    pub(super) done: Vec<Done>,
    /// Writes that still wait.
    pub(super) open: usize,
}

impl Done {
    /// Whether the remote system took it.
    pub(super) fn is_success(&self) -> bool {
        self.operation.state == OperationState::Done
    }
}

/// Has these mappings read, waits until they are and until what follows is sent, and says what was done.
pub(super) async fn settle(call: &Call, scene: &Scene, asked: &[&Mapping]) -> Result<Settled, ApiError> {
    let mut tx = call.write().await?;
    let mut before = HashMap::new();
    for mapping in asked.iter().filter(|mapping| mapping.state == MappingState::Active) {
        let mapping = manage::sync_now(&mut tx, &call.acting(), &mapping.id).await?;
        before.insert(mapping.id, mapping.failures);
    }
    tx.commit().await?;
    for id in before.keys() {
        (call.door.nudge)(id);
    }
    let deadline = tokio::time::Instant::now() + call.door.patience;
    let mut open = waiting(call, scene, &before).await?;
    while open != Some(0) && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(PAUSE).await;
        open = waiting(call, scene, &before).await?;
    }
    let done = since(call, scene, call.now).await?;
    let left = open_operations(call, scene).await?;
    Ok(Settled { complete: open == Some(0), done, open: left })
}

/// How many writes are due that nobody has made yet; `None` while a mapping has not been read.
async fn waiting(call: &Call, scene: &Scene, before: &HashMap<MappingId, i64>) -> Result<Option<usize>, ApiError> {
    let mut tx = call.read().await?;
    let (now, lease_now) = (call.door.clock.now(), call.door.engine.lease_time(&mut tx).await?);
    for (id, failures) in before {
        let Some(mapping) = mappings::get(&mut tx, call.tenant(), id).await? else { continue };
        let read = mapping.pulled_ms.is_some_and(|at| at >= call.now) && mapping.dirty_since_ms.is_none();
        // Who works on it has more to write down than what can be seen here.
        let worked_on = leases::is_held(&mut tx, &format!("mapping:{id}"), lease_now).await?;
        if mapping.state == MappingState::Active && (worked_on || !read && mapping.failures <= *failures) {
            return Ok(None);
        }
    }
    let mut due = 0;
    for mapping in sending(scene) {
        let open = operations::open_of_mapping(&mut tx, call.tenant(), &mapping.id).await?;
        due += open.iter().filter(|one| one.due_ms <= now).count();
    }
    Ok(Some(due))
}

async fn open_operations(call: &Call, scene: &Scene) -> Result<usize, ApiError> {
    let mut tx = call.read().await?;
    let mut open = 0;
    for mapping in sending(scene) {
        open += operations::open_of_mapping(&mut tx, call.tenant(), &mapping.id).await?.len();
    }
    Ok(open)
}

/// The mappings to which anything is sent: what waits on the others waits for a person.
fn sending(scene: &Scene) -> impl Iterator<Item = &Mapping> {
    scene.mappings.iter().filter(|mapping| mapping.state == MappingState::Active && mapping.completed_ms.is_some())
}

/// The writes since then that changed something or were refused.
pub(super) async fn since(call: &Call, scene: &Scene, since: Timestamp) -> Result<Vec<Done>, ApiError> {
    let mut tx = call.read().await?;
    let ended = operations::ended_since(&mut tx, call.tenant(), since, MOST).await?;
    let mut all = Vec::new();
    for operation in ended {
        let changed = operation.remote_writes > 0 || operation.state == OperationState::Failed;
        if !changed {
            continue;
        }
        let (tenant, uid) = (call.tenant(), &operation.uid);
        let link = links::of_uid(&mut tx, tenant, &operation.mapping_id, uid).await?.pop();
        let mut other = None;
        for mapping in &scene.mappings {
            if mapping.room_id == operation.room_id && mapping.id != operation.mapping_id {
                other = other.or(links::of_uid(&mut tx, tenant, &mapping.id, uid).await?.pop());
            }
        }
        let row = objects::by_uid(&mut tx, tenant, &operation.room_id, uid).await?;
        let act = act(&operation, link.as_ref(), row.is_some());
        let class = row.as_ref().map(|row| serde_json::to_value(row.class).unwrap_or_default());
        let class = class.and_then(|class| class.as_str().map(str::to_owned)).unwrap_or_default();
        let title = link.as_ref().map(title).unwrap_or_default();
        all.push(Done { act, about: (title, class), operation, link, other });
    }
    Ok(all)
}

fn act(operation: &Operation, link: Option<&Link>, is_there: bool) -> &'static str {
    match link {
        Some(link) if link.state == LinkState::Forgotten || link.state == LinkState::Deleting => "delete",
        None if !is_there => "delete",
        Some(link) if link.created_ms >= operation.created_ms => "create",
        Some(_) => "update",
        None => "create",
    }
}

/// The title both sides last agreed on.
pub(super) fn title(link: &Link) -> String {
    let base = serde_json::from_str::<Event>(&link.base);
    base.map_or_else(|_| String::new(), |event| event.content.summary)
}

/// `91%`; everything of nothing is everything.
pub(super) fn rate(successful: usize, processed: usize) -> String {
    format!("{}%", (successful * 100).checked_div(processed).unwrap_or(100))
}

/// One write as the predecessor lists it.
pub(super) fn show(scene: &Scene, done: &Done) -> Value {
    let target = scene.mappings.iter().find(|mapping| mapping.id == done.operation.mapping_id);
    let source = done
        .other
        .as_ref()
        .and_then(|other| scene.mappings.iter().find(|mapping| mapping.id == other.mapping_id))
        .map_or_else(|| super::names::HUB.to_owned(), |mapping| scene.word(&mapping.bridge_id));
    let remote = |link: Option<&Link>| link.and_then(|link| link.remote_id.clone());
    json!({
        "bridge_mapping_id": done.link.as_ref().map(|link| link.id.to_string()),
        "source_system": source,
        "target_system": target.map(|mapping| scene.word(&mapping.bridge_id)),
        "external_id": remote(done.other.as_ref()).unwrap_or_else(|| done.operation.uid.to_string()),
        "internal_id": remote(done.link.as_ref()),
        "operation": done.act,
        "status": if done.is_success() { "completed" } else { "error" },
        "title": done.about.0,
        "item_type": done.about.1,
        "error": (!done.operation.last_error.is_empty()).then_some(&done.operation.last_error),
    })
}

impl Settled {
    /// The results in the shape of requirement B15.
    pub(super) fn results(&self, scene: &Scene, only: impl Fn(&Done) -> bool) -> Value {
        let listed: Vec<&Done> = self.done.iter().filter(|done| only(done)).collect();
        let successful = listed.iter().filter(|done| done.is_success()).count();
        let count = |act| listed.iter().filter(|done| done.act == act && done.is_success()).count();
        json!({
            "processed": listed.len(),
            "successful": successful,
            "errors": listed.len() - successful,
            "success_rate": rate(successful, listed.len()),
            "created": count("create"),
            "updated": count("update"),
            "deleted": count("delete"),
            "pending": self.open,
            "complete": self.complete,
            "operations": listed.iter().map(|done| show(scene, done)).collect::<Vec<_>>(),
        })
    }
}

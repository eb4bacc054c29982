//! Syncs by hand. The reconciler works all the time; these have it look now and tell what came of it.

use super::super::error::ApiError;
use super::call::{Answer, Call, ok};
use super::names::{Scene, is_booking};
use super::settle::{self, Done, Settled, rate};
use crate::manage::ManageError;
use crate::manage::mappings as manage;
use crate::model::LinkState;
use crate::model::MappingState;
use crate::store::bridges::BridgeRow;
use crate::store::mappings::Mapping;
use crate::store::tenants;
use crate::sync;
use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

async fn scene(call: &Call) -> Result<Scene, ApiError> {
    Ok(Scene::of(call, &mut call.read().await?).await?)
}

/// Brings what one bridge has to another one.
pub(super) async fn between(call: Call) -> Answer {
    let (source, target) = (call.segment("source").to_owned(), call.segment("target").to_owned());
    between_words(&call, &source, &target).await
}

/// The same with both words in one.
pub(super) async fn by_operation(call: Call) -> Answer {
    let words = match call.segment("operation") {
        "booking_to_outlook" => ("booking_system", "outlook"),
        "outlook_to_booking" => ("outlook", "booking_system"),
        other => {
            let why = format!("{other:?} is neither booking_to_outlook nor outlook_to_booking");
            return Err(ApiError::Malformed { part: "path", why });
        }
    };
    between_words(&call, words.0, words.1).await
}

async fn between_words(call: &Call, source: &str, target: &str) -> Answer {
    let scene = scene(call).await?;
    let (from, to) = (scene.bridge(source)?, scene.bridge(target)?);
    if call.truth(&["dry_run"]) == Some(true) {
        return dry_run(call, &scene, from, to).await;
    }
    let asked = between_bridges(call, &scene, from, to);
    let settled = settle::settle(call, &scene, &asked).await?;
    let results = settled.results(&scene, |done| is_on(&scene, done, to));
    ok(json!({ "success": true, "message": "Bridge sync operations completed", "source_bridge": source,
        "target_bridge": target, "results": results }))
}

/// The mappings of rooms that hang on both bridges; of one calendar where the body names it.
fn between_bridges<'a>(call: &Call, scene: &'a Scene, from: &BridgeRow, to: &BridgeRow) -> Vec<&'a Mapping> {
    let named = call.text(&["source_calendar_id"]);
    let fits = |mapping: &&Mapping| {
        let partner = |bridge: &BridgeRow| {
            let mut all = scene.mappings.iter().filter(|one| one.bridge_id == bridge.id);
            all.find(|one| one.room_id == mapping.room_id)
        };
        let source = partner(from);
        let both = source.is_some() && partner(to).is_some();
        let wanted = named.as_ref().is_none_or(|id| source.is_some_and(|one| one.remote_id == *id));
        both && wanted && (mapping.bridge_id == from.id || mapping.bridge_id == to.id)
    };
    scene.mappings.iter().filter(fits).collect()
}

/// What a sync would do, and nothing done.
async fn dry_run(call: &Call, scene: &Scene, from: &BridgeRow, to: &BridgeRow) -> Answer {
    let mut plans = Vec::new();
    for mapping in between_bridges(call, scene, from, to) {
        plans.push(sync::preview(&call.door.engine, call.tenant(), &mapping.id).await?);
    }
    ok(json!({ "success": true, "dry_run": true, "plans": plans }))
}

fn is_on(scene: &Scene, done: &Done, bridge: &BridgeRow) -> bool {
    scene.mappings.iter().any(|one| one.id == done.operation.mapping_id && one.bridge_id == bridge.id)
}

/// Reads everything and sends everything.
async fn everything<'a>(call: &Call, scene: &'a Scene) -> Result<Settled, ApiError> {
    let all: Vec<&'a Mapping> = scene.mappings.iter().collect();
    settle::settle(call, scene, &all).await
}

/// Reads everything and sends what waits.
pub(super) async fn all(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let settled = everything(&call, &scene).await?;
    let results = settled.results(&scene, |_| true);
    ok(json!({ "success": true, "message": "Bridge sync operations completed", "results": results }))
}

/// The same for every tenant that works.
pub(super) async fn all_tenants(call: Call) -> Answer {
    every_tenant(&call, |settled, scene| settled.results(scene, |_| true)).await
}

/// Deletions of every tenant that works.
pub(super) async fn deletions_of_all_tenants(call: Call) -> Answer {
    every_tenant(&call, deletions_shown).await
}

/// Tenants are asked at once: none waits for another one.
async fn every_tenant(call: &Call, show: fn(&Settled, &Scene) -> Value) -> Answer {
    let tenants = tenants::list(&mut call.read().await?).await?;
    let work = tenants.into_iter().filter(|one| one.state == crate::model::TenantState::Active).map(|tenant| {
        let call = call.within(tenant);
        async move {
            let scene = scene(&call).await?;
            let settled = everything(&call, &scene).await?;
            Ok::<_, ApiError>((call.caller.tenant.tenant_key.clone(), show(&settled, &scene)))
        }
    });
    let mut results = Map::new();
    for done in futures_util::future::join_all(work).await {
        let (key, shown) = done?;
        results.insert(key, shown);
    }
    ok(json!({ "success": true, "tenants_processed": results.len(), "results": results }))
}

/// Looks for cancelled and re-enabled bookings on all sides and carries them on.
pub(super) async fn deletions(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let settled = everything(&call, &scene).await?;
    let message = "Cancellation detection and processing completed";
    ok(json!({ "success": true, "message": message, "results": deletions_shown(&settled, &scene) }))
}

/// Sends the deletions that wait.
pub(super) async fn deletion_queue(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let settled = settle::settle(&call, &scene, &[]).await?;
    let message = "Bridge deletion processing completed";
    ok(json!({ "success": true, "message": message, "results": deletions_shown(&settled, &scene) }))
}

/// Deletions and re-creations, in the shapes of requirements B15 and B16.
fn deletions_shown(settled: &Settled, scene: &Scene) -> Value {
    let deleted: Vec<&Done> = settled.done.iter().filter(|done| done.act == "delete").collect();
    let processed = deleted.iter().filter(|done| done.is_success()).count();
    let again: Vec<&Done> = settled.done.iter().filter(|done| is_again(done)).collect();
    let at_booking = |done: &&&Done| {
        let mapping = scene.mappings.iter().find(|one| one.id == done.operation.mapping_id);
        mapping.is_some_and(|one| scene.is_booking(one))
    };
    let booking = deleted.iter().filter(|done| done.is_success()).filter(at_booking).count();
    let systems: std::collections::BTreeSet<String> = deleted
        .iter()
        .filter_map(|done| scene.mappings.iter().find(|one| one.id == done.operation.mapping_id))
        .map(|mapping| scene.word(&mapping.bridge_id))
        .collect();
    let errors = deleted.len() - processed;
    json!({
        "detected": deleted.len() + again.len(),
        "processed": processed + again.iter().filter(|done| done.is_success()).count(),
        "detected_deletions": deleted.len(),
        "processed_deletions": processed,
        "success_rate": rate(processed, deleted.len()),
        "systems_affected": systems,
        "cancelled_events": deleted.iter().map(|done| event(scene, done, 0)).collect::<Vec<_>>(),
        "reenabled_events": again.iter().map(|done| event(scene, done, 1)).collect::<Vec<_>>(),
        "outlook_deletions": processed - booking,
        "pending_resets": again.len(),
        "errors": errors,
        "bridge_operations": deleted.iter().map(|done| settle::show(scene, done)).collect::<Vec<_>>(),
        "summary": { "outlook_deletions": processed - booking, "booking_system_deletions": booking, "errors": errors },
        "pending": settled.open,
        "complete": settled.complete,
    })
}

/// A copy that was made anew after it had ended.
fn is_again(done: &Done) -> bool {
    done.act == "create" && done.link.as_ref().is_some_and(|link| link.epoch > FIRST_EPOCH)
}

/// The epoch of a copy that never ended.
const FIRST_EPOCH: i64 = 1;

fn event(scene: &Scene, done: &Done, active: u8) -> Value {
    let source = scene.mappings.iter().find(|one| one.room_id == done.operation.room_id && scene.is_booking(one));
    let remote = |link: &crate::store::links::Link| link.remote_id.clone();
    json!({
        "id": done.other.as_ref().and_then(remote).unwrap_or_else(|| done.operation.uid.to_string()),
        "active": active,
        "resource_id": source.map(|mapping| mapping.remote_id.as_str()),
        "mapping_id": done.link.as_ref().map(|link| link.id.to_string()),
    })
}

/// Sends what waits to the calendars.
pub(super) async fn to_outlook(call: Call) -> Answer {
    let limit = usize::try_from(call.limit(1000)?).unwrap_or(usize::MAX);
    let scene = scene(&call).await?;
    let asked: Vec<&Mapping> = scene.mappings.iter().filter(|one| scene.is_booking(one)).collect();
    let settled = settle::settle(&call, &scene, &asked).await?;
    let sent = |done: &Done| {
        let target = scene.mappings.iter().find(|one| one.id == done.operation.mapping_id);
        target.is_some_and(|one| !scene.is_booking(one))
    };
    let mut results = settled.results(&scene, sent);
    let details: Vec<Value> =
        settled.done.iter().filter(|done| sent(done)).take(limit).map(|d| detail(&scene, d)).collect();
    results["details"] = details.into();
    ok(json!({ "success": true, "message": "Sync completed", "results": results }))
}

fn detail(scene: &Scene, done: &Done) -> Value {
    let act = match done.act {
        "create" => "created",
        "update" => "updated",
        _ => "deleted",
    };
    json!({
        "item_type": done.about.1,
        "item_id": event(scene, done, 1)["id"],
        "resource_id": event(scene, done, 1)["resource_id"],
        "action": act,
        "outlook_event_id": done.link.as_ref().and_then(|link| link.remote_id.clone()),
        "title": done.about.0,
    })
}

/// Reads the calendars; what is new there is in the hub afterwards.
pub(super) async fn from_outlook(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let asked: Vec<&Mapping> = scene.mappings.iter().filter(|one| !scene.is_booking(one)).collect();
    let settled = settle::settle(&call, &scene, &asked).await?;
    let runs = super::counts::runs_since(&call, &asked).await?;
    ok(json!({ "success": true, "message": "Import completed", "results": {
        "processed": runs.seen, "imported": runs.applied, "errors": runs.failed, "success_rate": runs.rate(),
        "complete": settled.complete,
    } }))
}

/// Sends what was made in the calendars to the booking system.
pub(super) async fn process_imports(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let settled = settle::settle(&call, &scene, &[]).await?;
    let at_booking = |done: &Done| {
        let target = scene.mappings.iter().find(|one| one.id == done.operation.mapping_id);
        target.is_some_and(|one| scene.is_booking(one))
    };
    let mut results = settled.results(&scene, at_booking);
    let ids = settled.done.iter().filter(|done| at_booking(done) && done.is_success() && done.act == "create");
    let ids: Vec<Value> =
        ids.filter_map(|done| Some(super::counts::number(done.link.as_ref()?.remote_id.as_ref()?))).collect();
    results["reservation_ids"] = ids.into();
    ok(json!({ "success": true, "message": "Import processing completed", "results": results }))
}

/// Reads what the booking system has, so that everything in it is linked.
pub(super) async fn populate(call: Call) -> Answer {
    let resource = call.query.get("resource_id").cloned().or_else(|| call.text(&["resource_id"]));
    let scene = scene(&call).await?;
    let fits = |one: &&Mapping| scene.is_booking(one) && resource.as_ref().is_none_or(|id| one.remote_id == *id);
    let asked: Vec<&Mapping> = scene.mappings.iter().filter(fits).collect();
    if asked.is_empty() && resource.is_some() {
        return Err(ManageError::NotFound { what: format!("resource {resource:?} on a booking system") }.into());
    }
    let settled = settle::settle(&call, &scene, &asked).await?;
    let runs = super::counts::runs_since(&call, &asked).await?;
    ok(json!({ "success": true, "message": "Mapping table populated", "results": {
        "resources": asked.len(), "processed": runs.seen, "created": runs.applied, "errors": runs.failed,
        "complete": settled.complete,
    } }))
}

/// A booking system says that one reservation was made, changed or cancelled: its resource is read at once. The answer
/// does not wait for it.
pub(super) async fn item(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let resource = call.segment("resource");
    let mut booking = scene.bridges.iter().filter(|bridge| is_booking(bridge.kind));
    let found = booking.find_map(|bridge| scene.at(&bridge.id, resource));
    let mapping =
        found.ok_or_else(|| ManageError::NotFound { what: format!("resource {resource:?} that is mapped") })?;
    if mapping.state != MappingState::Active {
        let why = format!("resource {resource} is not kept in step: {}", mapping.reason);
        return Err(ManageError::State { why }.into());
    }
    let mut tx = call.write().await?;
    manage::sync_now(&mut tx, &call.acting(), &mapping.id).await?;
    let known = linked(&call, &mut tx, mapping).await?;
    tx.commit().await?;
    (call.door.nudge)(&mapping.id);
    Ok((
        StatusCode::OK,
        json!({
            "success": true, "message": "The resource is read now", "reservation_type": call.segment("type"),
            "reservation_id": call.segment("id"), "resource_id": resource, "mapping_id": mapping.id.as_str(),
            "known": known,
        }),
    ))
}

/// Whether a reservation is linked already, under any of the ids that booking systems give it.
async fn linked(call: &Call, tx: &mut crate::store::Tx, mapping: &Mapping) -> Result<bool, ApiError> {
    let (kind, id) = (call.segment("type"), call.segment("id"));
    for name in [id.to_owned(), format!("{kind}:{id}"), format!("{kind}_{id}")] {
        let link = crate::store::links::by_remote(tx, call.tenant(), &mapping.id, &name).await?;
        if link.is_some_and(|link| link.state == LinkState::Linked) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The nightly round of a tenant: everything is compared, and what is wrong is counted.
pub(super) async fn maintenance(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let settled = everything(&call, &scene).await?;
    let report = sync::verify(&call.door.engine, call.tenant(), None, false).await?;
    ok(json!({ "success": true, "message": "Maintenance completed", "results": {
        "sync": settled.results(&scene, |_| true),
        "verify": { "rooms": report.rooms, "mappings": report.mappings, "compared": report.compared,
            "violations": report.violations.len(), "waiting": report.waiting },
    } }))
}

/// Begins to follow all calendars. They are followed from the moment they are mapped; this has them read now.
pub(super) async fn initialize_polling(call: Call) -> Answer {
    let scene = scene(&call).await?;
    let asked: Vec<&Mapping> = scene.mappings.iter().filter(|one| !scene.is_booking(one)).collect();
    settle::settle(&call, &scene, &asked).await?;
    super::counts::polling(call).await
}

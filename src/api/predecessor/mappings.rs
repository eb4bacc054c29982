//! Resource mappings: which resource of the booking system hangs together with which calendar.

use super::super::error::ApiError;
use super::call::{Answer, Call, ok};
use super::names::{BOOKING, OUTLOOK, Scene};
use super::settle;
use crate::manage::ManageError;
use crate::manage::Slug;
use crate::manage::mappings as manage;
use crate::manage::mappings::{NewMapping, Policy};
use crate::manage::rooms;
use crate::manage::rooms::NewRoom;
use crate::model::Direction;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::RoomId;
use crate::store::Tx;
use crate::store::bridges::BridgeRow;
use crate::store::mappings::Mapping;
use crate::store::rooms as stored_rooms;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

/// Lists all pairs, or those that the query names.
pub(super) async fn list(call: Call) -> Answer {
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let filters = ["bridge_from", "bridge_to", "source_calendar_id", "target_calendar_id"];
    let wanted: Vec<(&str, &String)> = filters
        .into_iter()
        .filter_map(|name| Some((name, call.query.get(name).filter(|text| !text.is_empty())?)))
        .collect();
    let active_only = call.query.get("active_only").is_some_and(|text| text == "true");
    let fits = |pair: &Value| {
        wanted.iter().all(|(name, text)| pair[*name] == text.as_str()) && (!active_only || pair["is_active"] == true)
    };
    let mappings: Vec<Value> = scene.pairs().map(|pair| scene.show(&pair)).filter(fits).collect();
    ok(json!({ "success": true, "count": mappings.len(), "mappings": mappings }))
}

/// Lists the calendars of one resource of the booking system.
pub(super) async fn of_resource(call: Call) -> Answer {
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let resource = call.segment("id");
    let shown = scene.pairs().map(|pair| scene.show(&pair));
    let mappings: Vec<Value> = shown.filter(|pair| pair["source_calendar_id"] == resource).collect();
    ok(json!({
        "success": true, "source_calendar_id": resource, "resource_id": resource, "count": mappings.len(),
        "mappings": mappings,
    }))
}

/// What a body asks for.
struct Wanted {
    source: String,
    source_name: String,
    target: String,
    target_name: String,
    directions: (Direction, Direction),
}

/// Maps a resource of the booking system to a calendar. The room is the one the resource belongs to, or a new one.
pub(super) async fn create(call: Call) -> Answer {
    let wanted = wanted(&call)?;
    let mut tx = call.write().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let from = scene.bridge(&call.text(&["bridge_from"]).unwrap_or_else(|| BOOKING.to_owned()))?;
    let to = scene.bridge(&call.text(&["bridge_to", "calendar_system"]).unwrap_or_else(|| OUTLOOK.to_owned()))?;
    if from.id == to.id {
        let why = "bridge_from and bridge_to are one bridge".to_owned();
        return Err(ApiError::Malformed { part: "body", why });
    }
    let source = scene.at(&from.id, &wanted.source);
    let there = source.and_then(|source| scene.on(&to.id).find(|target| target.room_id == source.room_id));
    if let Some(there) = there.or_else(|| scene.at(&to.id, &wanted.target)) {
        return Ok((StatusCode::CONFLICT, taken(&scene, there)));
    }
    let room = match source {
        Some(source) => slug_of(&call, &mut tx, &source.room_id).await?,
        None => new_room(&call, &mut tx, from, &wanted).await?,
    };
    let target = made(&room, &to.name, (&wanted.target, &wanted.target_name), wanted.directions.1);
    let target = manage::create(&mut tx, &call.acting(), &target).await?;
    if call.truth(&["active", "is_active", "sync_enabled"]) == Some(false) {
        manage::hold(&mut tx, &call.acting(), &target.id, "made inactive").await?;
    }
    let scene = Scene::of(&call, &mut tx).await?;
    tx.commit().await?;
    (call.door.nudge)(&target.id);
    let message = "Resource mapping created successfully";
    let mapping = show(&scene, &target.id);
    Ok((
        StatusCode::CREATED,
        json!({ "success": true, "mapping_id": target.id.as_str(), "message": message, "mapping": mapping }),
    ))
}

fn wanted(call: &Call) -> Result<Wanted, ApiError> {
    let source = call.needed(&["source_calendar_id", "booking_system_resource_id", "resource_id"])?;
    let target = call.needed(&["target_calendar_id", "calendar_resource_id", "calendar_id"])?;
    let target_name = call.text(&["target_calendar_name", "calendar_resource_name", "calendar_name"]);
    let target_name = target_name.unwrap_or_else(|| target.clone());
    // A client in use sends the id for a name.
    let name = call.text(&["source_calendar_name", "resource_name"]).filter(|name| *name != source);
    let source_name = name.unwrap_or_else(|| target_name.clone());
    Ok(Wanted { directions: directions(call)?, source, source_name, target, target_name })
}

/// The directions of the booking system's and the calendar's mapping.
fn directions(call: &Call) -> Result<(Direction, Direction), ApiError> {
    match call.text(&["sync_direction"]).as_deref() {
        None | Some("bidirectional" | "both") => Ok((Direction::TwoWay, Direction::TwoWay)),
        Some("source_to_target") => Ok((Direction::Import, Direction::Export)),
        Some("target_to_source") => Ok((Direction::Export, Direction::Import)),
        Some(other) => {
            let why = format!("sync_direction {other:?} is none of bidirectional, source_to_target, target_to_source");
            Err(ApiError::Malformed { part: "body", why })
        }
    }
}

fn made(room: &str, bridge: &str, (id, name): (&str, &str), direction: Direction) -> NewMapping {
    NewMapping {
        room: room.to_owned(),
        bridge: bridge.to_owned(),
        remote_id: id.to_owned(),
        remote_name: Some(name.to_owned()),
        direction: Some(direction),
        ..NewMapping::default()
    }
}

/// A room for a resource that has none yet, and the mapping that ties it to the booking system.
async fn new_room(call: &Call, tx: &mut Tx, from: &BridgeRow, wanted: &Wanted) -> Result<String, ApiError> {
    let name = &wanted.source_name;
    let plain = Slug::of(name).map(|slug| slug.as_str().to_owned());
    let is_free = match &plain {
        Some(slug) => stored_rooms::by_slug(tx, call.tenant(), slug).await?.is_none(),
        None => false,
    };
    let slug = match plain.filter(|_| is_free) {
        Some(slug) => slug,
        None => {
            Slug::given_or_of("source_calendar_id", None, &format!("resource {}", wanted.source))?.as_str().to_owned()
        }
    };
    let new = NewRoom { name: name.clone(), slug: Some(slug), ..NewRoom::default() };
    let room = rooms::create(tx, &call.acting(), &new).await?;
    let source = made(&room.slug, &from.name, (&wanted.source, name), wanted.directions.0);
    manage::create(tx, &call.acting(), &source).await?;
    Ok(room.slug)
}

async fn slug_of(call: &Call, tx: &mut Tx, id: &RoomId) -> Result<String, ApiError> {
    let room = stored_rooms::get(tx, call.tenant(), id).await?;
    let room = room.ok_or_else(|| ManageError::NotFound { what: format!("room {id}") })?;
    Ok(room.slug)
}

fn taken(scene: &Scene, there: &Mapping) -> Value {
    let error = "Resource mapping already exists";
    json!({ "success": false, "error": error, "mapping_id": there.id.as_str(), "mapping": show(scene, &there.id) })
}

fn show(scene: &Scene, id: &MappingId) -> Value {
    let target = scene.mappings.iter().find(|mapping| mapping.id == *id);
    target.and_then(|target| scene.pair(target)).map_or(Value::Null, |pair| scene.show(&pair))
}

/// Changes direction or activity of a pair. What it maps cannot be changed: that is another mapping.
pub(super) async fn update(call: Call) -> Answer {
    let id = MappingId::from(call.segment("id"));
    let mut tx = call.write().await?;
    let mapping = manage::find(&mut tx, &call.acting(), &id).await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let present = show(&scene, &id);
    for name in ["bridge_from", "bridge_to", "source_calendar_id", "target_calendar_id"] {
        if call.text(&[name]).is_some_and(|text| present[name] != text.as_str()) {
            let why = format!("{name} cannot be changed; delete the mapping and make another one");
            return Err(ApiError::Malformed { part: "body", why });
        }
    }
    if call.body.contains_key("sync_direction") {
        let (source, target) = directions(&call)?;
        let policy = |direction| Policy { direction: Some(direction), ..Policy::default() };
        manage::set_policy(&mut tx, &call.acting(), &id, &policy(target)).await?;
        if let Some(one) = scene.pair(&mapping).and_then(|pair| pair.source) {
            manage::set_policy(&mut tx, &call.acting(), &one.id, &policy(source)).await?;
        }
    }
    match (call.truth(&["active", "is_active", "sync_enabled"]), mapping.state) {
        (Some(false), MappingState::Active) => {
            manage::hold(&mut tx, &call.acting(), &id, "made inactive").await?;
        }
        (Some(true), MappingState::Held) => {
            manage::release(&mut tx, &call.acting(), &id).await?;
        }
        _ => {}
    }
    let scene = Scene::of(&call, &mut tx).await?;
    tx.commit().await?;
    (call.door.nudge)(&id);
    let message = "Resource mapping updated successfully";
    ok(json!({ "success": true, "mapping_id": id.as_str(), "message": message, "mapping": show(&scene, &id) }))
}

/// Ends a pair by its id. The resource stays mapped to its room; copies at both sides stay.
pub(super) async fn remove(call: Call) -> Answer {
    let id = MappingId::from(call.segment("id"));
    let mut tx = call.write().await?;
    manage::remove(&mut tx, &call.acting(), &id).await?;
    tx.commit().await?;
    let message = "Resource mapping deleted successfully";
    ok(json!({ "success": true, "message": message, "mapping_id": id.as_str(), "deleted": true }))
}

/// Ends a pair by what it maps, in either order. One that is not there is no error.
pub(super) async fn remove_by_key(call: Call) -> Answer {
    let mut tx = call.write().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let from = scene.bridge(call.segment("from"))?;
    let (one, other) = (call.segment("source"), call.segment("target"));
    let fits = |source: &Mapping, target: &Mapping| {
        let ids = (source.remote_id.as_str(), target.remote_id.as_str());
        source.bridge_id == from.id && (ids == (one, other) || ids == (other, one))
    };
    let found = scene.pairs().find(|pair| pair.source.is_some_and(|source| fits(source, pair.target)));
    let id = found.map(|pair| pair.target.id.clone());
    if let Some(id) = &id {
        manage::remove(&mut tx, &call.acting(), id).await?;
        tx.commit().await?;
    }
    let message = match id {
        Some(_) => "Resource mapping deleted successfully",
        None => "There is no such resource mapping",
    };
    ok(json!({
        "success": true, "message": message, "deleted": id.is_some(),
        "deleted_mapping": id.map(|id| json!({ "id": id.as_str(), "bridge_from": call.segment("from"),
            "source_calendar_id": one, "target_calendar_id": other })),
    }))
}

/// Syncs a pair now and says what that did.
pub(super) async fn sync(call: Call) -> Answer {
    let id = MappingId::from(call.segment("id"));
    let mut tx = call.read().await?;
    let mapping = manage::find(&mut tx, &call.acting(), &id).await?;
    let scene = Scene::of(&call, &mut tx).await?;
    drop(tx);
    let room = &mapping.room_id;
    let asked: Vec<&Mapping> = scene.mappings.iter().filter(|one| one.room_id == *room).collect();
    let settled = settle::settle(&call, &scene, &asked).await?;
    let results = settled.results(&scene, |done| done.operation.room_id == *room);
    ok(json!({ "success": true, "mapping_id": id.as_str(), "message": "Resource mapping synced", "results": results }))
}

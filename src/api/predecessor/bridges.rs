//! Bridges: what there is, whether it answers, what can be mapped.

use super::super::error::ApiError;
use super::call::{Answer, Call, ok};
use super::names::{Scene, is_booking, status};
use crate::bridge::RemoteCalendar;
use crate::manage::bridges as manage;
use crate::manage::bridges::BridgePatch;
use crate::model::BridgeKind;
use crate::model::MappingState;
use crate::store::bridges::BridgeRow;
use crate::store::tenants;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Lists the bridges and what each can do.
pub(super) async fn list(call: Call) -> Answer {
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let show = |bridge: &BridgeRow| {
        let word = scene.word(&bridge.id);
        let shown = json!({
            "name": word, "type": word, "kind": bridge.kind, "capabilities": capabilities(bridge.kind),
            "mappings": scene.on(&bridge.id).count(), "anteroom_bridge": bridge.name,
        });
        (word, shown)
    };
    let all: Vec<(String, Value)> = scene.bridges.iter().map(show).collect();
    let bridges: Map<String, Value> = all.into_iter().collect();
    ok(json!({ "success": true, "count": bridges.len(), "bridges": bridges }))
}

/// What the bridges do, as `docs/bridges.md` says it.
fn capabilities(kind: BridgeKind) -> Value {
    let graph = kind == BridgeKind::Graph;
    json!({
        "supports_webhooks": kind != BridgeKind::Memory,
        "supports_recurring": graph,
        "supports_all_day": graph,
        "supports_attendees": graph,
        "supports_attachments": false,
    })
}

/// Asks the remote system for its calendars.
async fn calendars_of(call: &Call, row: &BridgeRow) -> Result<Vec<RemoteCalendar>, ApiError> {
    let refused = |why| ApiError::Remote { whose: format!("bridge {}", row.name), why };
    let bridge = (call.door.engine.bridges)(row).map_err(refused)?;
    let mut found = bridge.calendars().await.map_err(refused)?;
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(found)
}

async fn bridge_of(call: &Call) -> Result<(Scene, BridgeRow), ApiError> {
    let scene = Scene::of(call, &mut call.read().await?).await?;
    let row = scene.bridge(call.segment("bridge"))?.clone();
    Ok((scene, row))
}

/// Lists the calendars of a bridge.
pub(super) async fn calendars(call: Call) -> Answer {
    let (scene, row) = bridge_of(&call).await?;
    let found = calendars_of(&call, &row).await?;
    let show = |calendar: &RemoteCalendar| {
        let mapped = scene.at(&row.id, &calendar.id).map(|mapping| mapping.id.as_str());
        json!({ "id": calendar.id, "name": calendar.name, "bridge_type": scene.word(&row.id), "mapping_id": mapped })
    };
    let calendars: Vec<Value> = found.iter().map(show).collect();
    let bridge = call.segment("bridge");
    ok(json!({ "success": true, "bridge": bridge, "count": calendars.len(), "calendars": calendars }))
}

/// Lists what can be mapped, e.g. rooms; `query` looks in names and addresses.
pub(super) async fn resources(call: Call) -> Answer {
    let (scene, row) = bridge_of(&call).await?;
    resources_of(&call, &scene, &row).await
}

/// The same of the calendars of Microsoft 365, at the address of the first version.
pub(super) async fn rooms(call: Call) -> Answer {
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let row = scene.bridge(super::names::OUTLOOK)?.clone();
    resources_of(&call, &scene, &row).await
}

async fn resources_of(call: &Call, scene: &Scene, row: &BridgeRow) -> Answer {
    let query = call.query.get("query").map(|text| text.trim().to_lowercase()).unwrap_or_default();
    let found = calendars_of(call, row).await?;
    let fits = |one: &&RemoteCalendar| {
        [&one.id, &one.name].iter().any(|text| query.is_empty() || text.to_lowercase().contains(&query))
    };
    let show = |one: &RemoteCalendar| {
        let email = one.id.contains('@').then_some(&one.id);
        let mapped = scene.at(&row.id, &one.id).is_some();
        json!({ "id": one.id, "name": one.name, "displayName": one.name, "email": email, "emailAddress": email,
            "type": "room", "mapped": mapped })
    };
    let resources: Vec<Value> = found.iter().filter(fits).map(show).collect();
    ok(json!({
        "success": true, "bridge": scene.word(&row.id), "count": resources.len(), "resources": resources,
    }))
}

/// Lists groups of what can be mapped: one for each building of the hub's rooms on this bridge, as remote systems have
/// none that this gateway reads.
pub(super) async fn groups(call: Call) -> Answer {
    let (scene, row) = bridge_of(&call).await?;
    groups_of(&scene, &row)
}

/// The same of Microsoft 365, at the address of the first version.
pub(super) async fn outlook_groups(call: Call) -> Answer {
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let row = scene.bridge(super::names::OUTLOOK)?.clone();
    groups_of(&scene, &row)
}

fn groups_of(scene: &Scene, row: &BridgeRow) -> Answer {
    let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for mapping in scene.on(&row.id) {
        let room = scene.rooms.iter().find(|room| room.id == mapping.room_id && !room.building.is_empty());
        if let Some(room) = room {
            members.entry(&room.building).or_default().push(&mapping.remote_id);
        }
    }
    let show = |(name, members): (&str, Vec<&str>)| json!({ "id": name, "name": name, "displayName": name, "member_count": members.len(), "members": members });
    let groups: Vec<Value> = members.into_iter().map(show).collect();
    let bridge = scene.word(&row.id);
    ok(json!({ "success": true, "bridge": bridge, "count": groups.len(), "groups": groups }))
}

/// Asks every remote system whether it answers, and counts the mappings.
pub(super) async fn health(call: Call) -> Answer {
    ok(health_of(&call).await?)
}

/// The same of every tenant.
pub(super) async fn health_all(call: Call) -> Answer {
    let mut all = Map::new();
    for tenant in tenants::list(&mut call.read().await?).await? {
        let key = tenant.tenant_key.clone();
        all.insert(key, health_of(&call.within(tenant)).await?);
    }
    ok(json!({ "success": true, "count": all.len(), "tenants": all }))
}

/// Health of a tenant's bridges and mappings, in the shape of requirement B15.
pub(super) async fn health_of(call: &Call) -> Result<Value, ApiError> {
    let scene = Scene::of(call, &mut call.read().await?).await?;
    let mut bridges = Map::new();
    for row in &scene.bridges {
        bridges.insert(scene.word(&row.id), answers(call, &scene, row).await);
    }
    let count = |word: &str| scene.mappings.iter().filter(|mapping| status(mapping) == word).count();
    let active = scene.mappings.iter().filter(|mapping| mapping.state == MappingState::Active).count();
    let errors = count("error");
    let healthy = bridges.values().all(|bridge| bridge["status"] == "healthy");
    Ok(json!({
        "success": true,
        "status": if healthy { "healthy" } else { "degraded" },
        "bridges": bridges,
        "mappings": { "total": scene.mappings.len(), "active": active, "pending": count("pending"), "errors": errors },
    }))
}

async fn answers(call: &Call, scene: &Scene, row: &BridgeRow) -> Value {
    let began = call.door.clock.now();
    let asked = calendars_of(call, row).await;
    let took_ms = call.door.clock.now().ms() - began.ms();
    let last = scene.on(&row.id).filter_map(|mapping| mapping.pulled_ms).max();
    let mut shown = json!({
        "status": if asked.is_ok() { "healthy" } else { "error" },
        "last_sync": last.map(|at| at.to_string()),
        "api_accessible": asked.is_ok(),
        "last_response_time": format!("{}.{}s", took_ms / 1000, took_ms % 1000 / 100),
    });
    match asked {
        Ok(calendars) => shown["calendars_available"] = calendars.len().into(),
        Err(error) => shown["error"] = error.to_string().into(),
    }
    shown
}

/// Signs in at the remote system of one bridge.
pub(super) async fn test(call: Call) -> Answer {
    let (scene, row) = bridge_of(&call).await?;
    let shown = answers(&call, &scene, &row).await;
    let works = shown["api_accessible"] == true;
    ok(json!({ "success": works, "bridge": call.segment("bridge"), "result": shown }))
}

/// Settings of a bridge; of its secrets only that there are some.
pub(super) async fn config(call: Call) -> Answer {
    let (scene, row) = bridge_of(&call).await?;
    ok(shown_config(&scene, &row))
}

fn shown_config(scene: &Scene, row: &BridgeRow) -> Value {
    let settings: Value = serde_json::from_str(&row.settings).unwrap_or_default();
    let secrets = if row.sealed.is_empty() { Value::Null } else { Value::from("********") };
    json!({
        "success": true, "bridge": scene.word(&row.id), "bridge_name": row.name, "is_booking_system": is_booking(row.kind),
        "kind": row.kind, "config_data": settings, "credentials_data": secrets,
    })
}

/// Changes settings (in whole) or secrets (those that are named) of a bridge.
pub(super) async fn set_config(call: Call) -> Answer {
    let (_, row) = bridge_of(&call).await?;
    let read = |name: &str| call.body.get(name).and_then(Value::as_object).cloned();
    let texts = read("credentials_data").unwrap_or_default();
    let secrets = texts.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.into()))).collect();
    let patch = BridgePatch { settings: read("config_data"), secrets };
    if patch.settings.is_none() && patch.secrets.is_empty() {
        let why = "send config_data, credentials_data or both, as objects".to_owned();
        return Err(ApiError::Malformed { part: "body", why });
    }
    let mut tx = call.write().await?;
    let changed = manage::update(&mut tx, &call.acting(), &call.door.keys.ring, &row.name, &patch).await?;
    let scene = Scene::of(&call, &mut tx).await?;
    tx.commit().await?;
    ok(shown_config(&scene, &changed))
}

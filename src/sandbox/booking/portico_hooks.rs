//! Webhooks of the portico system, and the writes of its own user interface, the only ones that set them off.

use super::hooks;
use super::portico::Outcome;
use super::portico::Portico;
use super::portico::local;
use super::portico::new_reservation;
use super::portico_rows::Class;
use super::portico_rows::Row;
use super::portico_rows::read;
use super::portico_rows::refuse;
use crate::model::Timestamp;
use crate::sandbox::state::World;
use crate::sandbox::state::lock;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const LONGEST_MIN: i64 = 43_200;
/// How long a deletion is announced before it happens.
const UNCOMMITTED: Duration = Duration::from_millis(150);

/// One webhook subscription.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Subscription {
    id: u64,
    /// The resource; all when absent.
    resource: Option<u64>,
    entity: String,
    url: String,
    changes: Vec<String>,
    client_state: Option<String>,
    secret: String,
    expires: Timestamp,
    failures: u32,
    #[serde(default)]
    log: Vec<Value>,
}

impl Subscription {
    /// As the system answers it: `resource_id` is always null, and the end is local time without a zone.
    pub fn render(&self) -> Value {
        json!({
            "id": self.id, "subscription_id": self.id, "resource_id": null, "entity_type": self.entity,
            "webhook_url": self.url, "change_types": self.changes, "client_state": self.client_state,
            "expires_at": local(self.expires), "is_active": 1, "failure_count": self.failures,
        })
    }
}

/// Everything below `/booking/webhooks`.
pub(super) fn route(state: &mut Portico, request: &Request, rest: &[&str], now: Timestamp) -> Outcome {
    let missing = || refuse(404, "Subscription not found");
    let key = |id: &str| id.parse::<u64>().unwrap_or(0);
    match (request.method.as_str(), rest) {
        ("GET", ["validate"]) => Ok(Reply::json(200, &json!({"valid": true}))),
        ("GET", ["subscriptions"]) => {
            let rows: Vec<Value> = state.subscriptions.values().map(Subscription::render).collect();
            Ok(Reply::json(200, &json!({"subscriptions": rows})))
        }
        ("POST", ["subscriptions"]) => create(state, request, now),
        ("GET", ["subscriptions", id]) => {
            let found = state.subscriptions.get(&key(id)).ok_or_else(missing)?;
            Ok(Reply::json(200, &found.render()))
        }
        ("PATCH", ["subscriptions", id]) => {
            let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
            let found = state.subscriptions.get_mut(&key(id)).ok_or_else(missing)?;
            found.expires = expiry(&body, now);
            Ok(Reply::json(200, &found.render()))
        }
        ("DELETE", ["subscriptions", id]) => {
            state.subscriptions.remove(&key(id)).ok_or_else(missing)?;
            Ok(Reply::json(200, &json!({"success": true})))
        }
        ("GET", ["subscriptions", id, "log"]) => {
            let found = state.subscriptions.get(&key(id)).ok_or_else(missing)?;
            Ok(Reply::json(200, &json!({"log": found.log})))
        }
        _ => Err(refuse(404, "Not found")),
    }
}

fn expiry(body: &Value, now: Timestamp) -> Timestamp {
    let minutes = body["expirationMinutes"].as_i64().unwrap_or(LONGEST_MIN).clamp(1, LONGEST_MIN);
    now.plus_ms(minutes * 60_000)
}

fn create(state: &mut Portico, request: &Request, now: Timestamp) -> Outcome {
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    let url = body["webhook_url"].as_str().ok_or_else(|| refuse(400, "webhook_url is required"))?;
    let entity = body["entity_type"].as_str().unwrap_or("all");
    if !["event", "booking", "allocation", "all"].contains(&entity) {
        return Err(refuse(400, "entity_type must be event, booking, allocation or all"));
    }
    let calendar = &body["calendar_id"];
    let resource = calendar.as_u64().or_else(|| calendar.as_str().and_then(|text| text.parse().ok()));
    let named = body["change_types"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut changes: Vec<String> = named.map(str::to_owned).collect();
    if changes.is_empty() {
        changes = ["created", "updated", "deleted"].map(str::to_owned).to_vec();
    }
    let subscription = Subscription {
        id: state.next_id(),
        resource,
        entity: entity.to_owned(),
        url: url.to_owned(),
        changes,
        client_state: body["client_state"].as_str().map(str::to_owned),
        secret: body["secretKey"].as_str().unwrap_or_default().to_owned(),
        expires: expiry(&body, now),
        failures: 0,
        log: Vec::new(),
    };
    let reply = Reply::json(201, &subscription.render());
    state.subscriptions.insert(subscription.id, subscription);
    Ok(reply)
}

/// A person's write in the user interface: `create`, `update`, `deactivate`, `reactivate` or `delete`.
pub(in crate::sandbox) async fn by_hand(world: &Arc<World>, class: Class, verb: &str, body: &Value) -> Reply {
    let outcome = match verb {
        "delete" => return delete(world, class, body).await,
        "create" | "update" | "deactivate" | "reactivate" => {
            let mut state = lock(&world.portico);
            let outcome = write(&mut state, class, verb, body);
            world.save_portico(&state);
            outcome
        }
        other => Err(refuse(404, &format!("'{other}' is none of create, update, deactivate, reactivate, delete"))),
    };
    match outcome {
        Err(reply) => reply,
        Ok((row, change)) => {
            announce(world, &row, change).await;
            Reply::json(if verb == "create" { 201 } else { 200 }, &lock(&world.portico).render(&row))
        }
    }
}

fn write(state: &mut Portico, class: Class, verb: &str, body: &Value) -> Result<(Row, &'static str), Reply> {
    if verb == "create" {
        let mut row = new_reservation(state, body, class)?;
        take_dates(&mut row, body);
        state.rows.push(row.clone());
        return Ok((row, "created"));
    }
    let at = state.find(class, &body["id"].to_string())?;
    let mut row = state.rows[at].clone();
    match verb {
        "deactivate" => row.active = false,
        "reactivate" => row.active = true,
        _ => {
            row.merge(body)?;
            take_dates(&mut row, body);
            state.refuse_conflict(&row)?;
        }
    }
    state.rows[at] = row.clone();
    Ok((row, if verb == "deactivate" { "deleted" } else { "updated" }))
}

/// Several dates of an event, which only the user interface can give.
fn take_dates(row: &mut Row, body: &Value) {
    let dates = body["dates"].as_array().into_iter().flatten().filter_map(|date| {
        let from = date["from_"].as_str().and_then(read)?;
        let to = date["to_"].as_str().and_then(read)?;
        (from < to).then_some((from, to))
    });
    let dates: Vec<_> = dates.collect();
    if let Some(first) = dates.first() {
        (row.from, row.to) = *first;
        row.dates = dates;
    }
}

/// Announces first, deletes afterwards: a receiver that looks at once still sees the row.
async fn delete(world: &Arc<World>, class: Class, body: &Value) -> Reply {
    let id = body["id"].to_string();
    let found = {
        let state = lock(&world.portico);
        state.find(class, &id).map(|at| state.rows[at].clone())
    };
    let row = match found {
        Ok(row) => row,
        Err(reply) => return reply,
    };
    announce(world, &row, "deleted").await;
    tokio::time::sleep(UNCOMMITTED).await;
    let mut state = lock(&world.portico);
    if let Ok(at) = state.find(class, &id) {
        state.rows.remove(at);
    }
    world.save_portico(&state);
    Reply::json(200, &json!({"success": true}))
}

/// Posts to each subscriber, once, and waits for the answers as the original does.
async fn announce(world: &Arc<World>, row: &Row, change: &str) {
    let now = world.now();
    let (targets, entity) = {
        let state = lock(&world.portico);
        let fits = |subscription: &&Subscription| {
            subscription.expires > now
                && subscription.resource.is_none_or(|id| row.resources.contains(&id))
                && (subscription.entity == "all" || subscription.entity == row.class.name())
                && subscription.changes.iter().any(|known| known == change)
        };
        let targets: Vec<Subscription> = state.subscriptions.values().filter(fits).cloned().collect();
        (targets, state.render(row))
    };
    for target in targets {
        let copies = world.copies(|faults| &faults.portico).min(1);
        if copies == 0 {
            continue;
        }
        let message = json!({"value": [{
            "subscription_id": target.id, "change_type": change, "entity_type": row.class,
            "resource_id": row.resources.first(), "entityId": row.id, "entity_data": entity,
            "clientState": target.client_state, "timestamp": format!("{}Z", local(now).replace(' ', "T")),
            "resources": row.resources,
        }]});
        let outcome = hooks::post(&target.url, &target.secret, &message).await;
        record(world, target.id, change, &outcome);
    }
}

fn record(world: &Arc<World>, id: u64, change: &str, outcome: &Result<u16, String>) {
    let now = world.now();
    let mut state = lock(&world.portico);
    let Some(subscription) = state.subscriptions.get_mut(&id) else { return };
    let good = matches!(outcome, Ok(status) if (200..300).contains(status));
    subscription.failures += u32::from(!good);
    let line = json!({"at": local(now), "change_type": change, "success": good,
                      "http_status": outcome.as_ref().ok(), "error": outcome.as_ref().err()});
    subscription.log.push(line);
    if subscription.log.len() > 100 {
        subscription.log.remove(0);
    }
}

/// Adds a reservation without a word to anybody, for the seed.
pub(in crate::sandbox) fn add(state: &mut Portico, class: Class, body: &Value) -> Result<(), Reply> {
    write(state, class, "create", body).map(|_| ())
}

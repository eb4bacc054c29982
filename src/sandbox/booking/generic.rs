//! The booking system of profile `generic`: `/api/events` with `external_id`, times in UTC, cancelled items kept.

use super::hooks;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::sandbox::seed;
use crate::sandbox::state::World;
use crate::sandbox::state::lock;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything this system stores.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Generic {
    /// Names of the bookable things by id.
    pub resources: BTreeMap<String, String>,
    events: BTreeMap<u64, Booking>,
    last_id: u64,
    hooks: Vec<Hook>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Booking {
    id: u64,
    external_id: Option<String>,
    title: String,
    description: String,
    start: Timestamp,
    end: Timestamp,
    resource_id: String,
    organizer: Value,
    source_system: Option<String>,
    active: bool,
    created: Timestamp,
    updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Hook {
    id: String,
    url: String,
    secret: String,
}

type Outcome = Result<Reply, Reply>;

impl Generic {
    /// Everything, for a person who looks.
    pub fn show(&self) -> Value {
        let events: Vec<Value> = self.events.values().map(|booking| self.render(booking)).collect();
        json!({"resources": self.resources, "events": events, "webhooks": self.hooks.len()})
    }

    fn render(&self, booking: &Booking) -> Value {
        json!({
            "id": booking.id.to_string(), "external_id": booking.external_id, "title": booking.title,
            "description": booking.description, "start_time": booking.start.to_string(),
            "end_time": booking.end.to_string(), "resource_id": booking.resource_id,
            "location": self.resources.get(&booking.resource_id), "organizer": booking.organizer,
            "source_system": booking.source_system, "active": booking.active,
            "created_at": millis(booking.created), "updated_at": millis(booking.updated),
        })
    }

    /// The resource a body names by `resource_id` or by its name in `location`.
    fn resource(&self, body: &Value) -> Option<String> {
        if let Some(id) = body["resource_id"].as_str() {
            return self.resources.contains_key(id).then(|| id.to_owned());
        }
        let name = body["location"].as_str()?.trim();
        self.resources.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(id, _)| id.clone())
    }

    fn taken(&self, booking: &Booking) -> Option<&Booking> {
        let own = TimeRange::new(booking.start, booking.end);
        self.events.values().find(|other| {
            other.active
                && other.id != booking.id
                && other.resource_id == booking.resource_id
                && own.overlaps(&TimeRange::new(other.start, other.end))
        })
    }

    fn refuse_overlap(&self, booking: &Booking) -> Result<(), Reply> {
        match self.taken(booking) {
            Some(other) if booking.active => Err(Reply::json(
                409,
                &json!({"error": "conflict", "message": "The location is booked at that time.",
                        "conflicting_id": other.id.to_string()}),
            )),
            _ => Ok(()),
        }
    }
}

/// Answers one request, after the check of the key.
pub(in crate::sandbox) fn answer(world: &Arc<World>, request: &Request) -> Reply {
    let bearer = request.header("authorization").and_then(|field| field.strip_prefix("Bearer "));
    let key = request.header("x-api-key").or(bearer);
    if key != Some(seed::GENERIC_API_KEY) {
        return refuse(401, "unauthorized", "Send the API key as X-API-Key or as a bearer token.");
    }
    inside(world, request)
}

/// Answers a request of the system's own people or of the seed.
pub(in crate::sandbox) fn inside(world: &Arc<World>, request: &Request) -> Reply {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut state = lock(&world.generic);
    let before = state.last_change();
    let outcome = route(&mut state, request, &parts, world.now());
    if request.method != "GET" && outcome.is_ok() {
        world.save_generic(&state);
    }
    tell(world, &state, &before);
    outcome.unwrap_or_else(|reply| reply)
}

fn route(state: &mut Generic, request: &Request, parts: &[&str], now: Timestamp) -> Outcome {
    match (request.method.as_str(), parts) {
        ("GET", ["api", "resources"]) => {
            let rows = state.resources.iter().map(|(id, name)| json!({"id": id, "name": name, "active": true}));
            Ok(Reply::json(200, &json!({"resources": rows.collect::<Vec<_>>()})))
        }
        ("GET", ["api", "events"]) => list(state, request),
        ("POST", ["api", "events"]) => create(state, request, now),
        ("GET", ["api", "events", id]) => find(state, id).map(|booking| Reply::json(200, &state.render(booking))),
        ("PUT" | "PATCH", ["api", "events", id]) => update(state, request, id, now),
        ("DELETE", ["api", "events", id]) => cancel(state, id, now),
        ("POST", ["api", "webhooks"]) => register(state, request),
        ("GET", ["api", "webhooks"]) => {
            let rows = state.hooks.iter().map(|hook| json!({"id": hook.id, "url": hook.url}));
            Ok(Reply::json(200, &json!({"webhooks": rows.collect::<Vec<_>>()})))
        }
        ("DELETE", ["api", "webhooks", id]) => {
            state.hooks.retain(|hook| hook.id != *id);
            Ok(Reply::empty(204))
        }
        _ => Err(refuse(404, "not_found", "No such route.")),
    }
}

fn refuse(status: u16, error: &str, text: &str) -> Reply {
    Reply::json(status, &json!({"error": error, "message": text}))
}

fn find<'a>(state: &'a Generic, id: &str) -> Result<&'a Booking, Reply> {
    let found = id.parse().ok().and_then(|id: u64| state.events.get(&id));
    found.ok_or_else(|| refuse(404, "not_found", "No such event."))
}

/// Changed since, cancelled ones included; or all when nothing is asked.
fn list(state: &Generic, request: &Request) -> Outcome {
    let instant = |name: &str| match request.param(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => {
            parse(text).map(Some).ok_or_else(|| refuse(400, "invalid", &format!("{name} is not an ISO time.")))
        }
    };
    let (since, from, to) = (instant("since")?, instant("from")?, instant("to")?);
    let mut found: Vec<&Booking> = state
        .events
        .values()
        .filter(|booking| since.is_none_or(|since| booking.updated >= since))
        .filter(|booking| from.is_none_or(|from| booking.end > from) && to.is_none_or(|to| booking.start < to))
        .filter(|booking| request.param("resource_id").is_none_or(|id| booking.resource_id == id))
        .filter(|booking| request.param("external_id").is_none_or(|id| booking.external_id.as_deref() == Some(id)))
        .filter(|booking| {
            let name = state.resources.get(&booking.resource_id);
            request.param("location").is_none_or(|wanted| name.is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
        })
        .collect();
    found.sort_by_key(|booking| (booking.updated, booking.id));
    let rows: Vec<Value> = found.into_iter().map(|booking| state.render(booking)).collect();
    Ok(Reply::json(200, &json!({"events": rows})))
}

fn create(state: &mut Generic, request: &Request, now: Timestamp) -> Outcome {
    let body = request.json().map_err(|text| refuse(400, "invalid_json", &text))?;
    let external = body["external_id"].as_str().map(str::to_owned);
    let twin = state.events.values().find(|old| old.active && external.is_some() && old.external_id == external);
    if let Some(twin) = twin {
        let text = "An active event with this external_id exists.";
        let body = json!({"error": "duplicate_external_id", "message": text, "id": twin.id.to_string()});
        return Err(Reply::json(409, &body));
    }
    let blank = Booking {
        id: state.last_id + 1,
        external_id: external,
        title: String::new(),
        description: String::new(),
        start: Timestamp::MIN,
        end: Timestamp::MIN,
        resource_id: String::new(),
        organizer: Value::Null,
        source_system: body["source_system"].as_str().map(str::to_owned),
        active: true,
        created: now,
        updated: now,
    };
    for name in ["title", "start_time", "end_time"] {
        if !body[name].is_string() {
            return Err(refuse(400, "invalid", &format!("{name} is required.")));
        }
    }
    if body["location"].is_null() && body["resource_id"].is_null() {
        return Err(refuse(400, "invalid", "location is required."));
    }
    let booking = merge(state, blank, &body)?;
    state.refuse_overlap(&booking)?;
    state.last_id = booking.id;
    let reply = Reply::json(201, &state.render(&booking));
    state.events.insert(booking.id, booking);
    Ok(reply)
}

fn update(state: &mut Generic, request: &Request, id: &str, now: Timestamp) -> Outcome {
    let body = request.json().map_err(|text| refuse(400, "invalid_json", &text))?;
    let old = find(state, id)?.clone();
    let mut booking = merge(state, old, &body)?;
    state.refuse_overlap(&booking)?;
    booking.updated = now;
    let reply = Reply::json(200, &state.render(&booking));
    state.events.insert(booking.id, booking);
    Ok(reply)
}

/// Takes over the members that are given.
fn merge(state: &Generic, mut booking: Booking, body: &Value) -> Result<Booking, Reply> {
    if let Some(title) = body["title"].as_str() {
        title.clone_into(&mut booking.title);
    }
    if let Some(text) = body["description"].as_str() {
        text.clone_into(&mut booking.description);
    }
    if !body["organizer"].is_null() {
        booking.organizer = json!({"name": body["organizer"]["name"], "email": body["organizer"]["email"]});
    }
    if let Some(external) = body["external_id"].as_str() {
        booking.external_id = Some(external.to_owned());
    }
    if let Some(active) = body["active"].as_bool() {
        booking.active = active;
    }
    let time = |name: &str, old: Timestamp| match body[name].as_str() {
        None => Ok(old),
        Some(text) => {
            parse(text).ok_or_else(|| refuse(400, "invalid", &format!("{name} is not an ISO time with offset.")))
        }
    };
    booking.start = time("start_time", booking.start)?;
    booking.end = time("end_time", booking.end)?;
    if booking.end <= booking.start {
        return Err(refuse(400, "invalid", "end_time must be after start_time."));
    }
    if !body["location"].is_null() || !body["resource_id"].is_null() {
        booking.resource_id =
            state.resource(body).ok_or_else(|| refuse(400, "unknown_location", "No such location."))?;
    }
    Ok(booking)
}

/// Cancels; a second time changes nothing.
fn cancel(state: &mut Generic, id: &str, now: Timestamp) -> Outcome {
    let mut booking = find(state, id)?.clone();
    if booking.active {
        booking.active = false;
        booking.updated = now;
    }
    let reply = Reply::json(200, &state.render(&booking));
    state.events.insert(booking.id, booking);
    Ok(reply)
}

fn register(state: &mut Generic, request: &Request) -> Outcome {
    let body = request.json().map_err(|text| refuse(400, "invalid_json", &text))?;
    let (Some(url), Some(secret)) = (body["url"].as_str(), body["secret"].as_str()) else {
        return Err(refuse(400, "invalid", "url and secret are required."));
    };
    state.hooks.retain(|hook| hook.url != url);
    let hook = Hook { id: uuid::Uuid::new_v4().to_string(), url: url.to_owned(), secret: secret.to_owned() };
    let reply = Reply::json(201, &json!({"id": hook.id, "url": hook.url}));
    state.hooks.push(hook);
    Ok(reply)
}

impl Generic {
    fn last_change(&self) -> BTreeMap<u64, (Timestamp, bool)> {
        self.events.iter().map(|(id, booking)| (*id, (booking.updated, booking.active))).collect()
    }
}

/// Posts what differs from before to the registered addresses.
fn tell(world: &Arc<World>, state: &Generic, before: &BTreeMap<u64, (Timestamp, bool)>) {
    if state.hooks.is_empty() {
        return;
    }
    for booking in state.events.values() {
        let change = match before.get(&booking.id) {
            None => "created",
            Some((updated, active)) if *updated == booking.updated && *active == booking.active => continue,
            Some(_) if !booking.active => "deleted",
            Some(_) => "updated",
        };
        let message = json!({"change": change, "event": state.render(booking)});
        for hook in &state.hooks {
            let copies = world.copies(|faults| &faults.generic);
            for _copy in 0..copies {
                let (hook, message) = (hook.clone(), message.clone());
                world.spawn(async move {
                    let _ = hooks::post(&hook.url, &hook.secret, &message).await;
                });
            }
        }
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    text.replace(' ', "+").parse::<jiff::Timestamp>().ok().map(Timestamp::from_jiff)
}

fn millis(time: Timestamp) -> String {
    format!("{}.{:03}Z", time.to_jiff().strftime("%Y-%m-%dT%H:%M:%S"), time.ms().rem_euclid(1_000))
}

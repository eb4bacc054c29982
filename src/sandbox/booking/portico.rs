//! The booking system of profile `portico`, with its traps: sessions, local times, events over allocations, `source`
//! dropped, multi-date events cut by any save, toggle without conflict check, no webhook for REST writes.

use super::portico_hooks;
use super::portico_hooks::Subscription;
use super::portico_rows::Class;
use super::portico_rows::Row;
use super::portico_rows::refuse;
use super::portico_rows::show;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::sandbox::seed;
use crate::sandbox::state::World;
use crate::sandbox::state::lock;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the session parameter and cookie.
const SESSION_NAME: &str = "sessionphpgwsessid";
const SESSION_MS: i64 = 30 * 60_000;

/// Everything this system stores.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Portico {
    /// Names of the bookable things by id.
    pub resources: BTreeMap<u64, String>,
    pub(super) rows: Vec<Row>,
    last_id: u64,
    pub(super) subscriptions: BTreeMap<u64, Subscription>,
    /// Sessions by id, with the instant they end. Lost with the process, as PHP's are with its host.
    #[serde(skip)]
    sessions: BTreeMap<String, Timestamp>,
}

pub(super) type Outcome = Result<Reply, Reply>;

impl Portico {
    /// Everything, for a person who looks.
    pub fn show(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.render(row)).collect();
        let subscriptions: Vec<Value> = self.subscriptions.values().map(Subscription::render).collect();
        json!({"resources": self.resources, "reservations": rows, "subscriptions": subscriptions,
               "sessions": self.sessions.len()})
    }

    /// Ends all sessions.
    pub fn end_sessions(&mut self) {
        self.sessions.clear();
    }

    pub(super) fn render(&self, row: &Row) -> Value {
        row.render(|id| self.resources.get(&id).cloned().unwrap_or_default())
    }

    pub(super) fn find(&self, class: Class, id: &str) -> Result<usize, Reply> {
        let id: Option<u64> = id.parse().ok();
        let at = self.rows.iter().position(|row| row.class == class && Some(row.id) == id);
        at.ok_or_else(|| refuse(404, &format!("{} not found", class.name())))
    }

    /// The next id; each class counts in the same sequence here.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Events collide with events only; allocations and bookings with everything but, for a booking, its allocation.
    pub(super) fn refuse_conflict(&self, row: &Row) -> Result<(), Reply> {
        let others = self.rows.iter().filter(|other| other.active && (other.class, other.id) != (row.class, row.id));
        for other in others.filter(|other| other.collides(row)) {
            if row.class == Class::Event && other.class == Class::Event {
                let twin = other.title == row.title && other.from == row.from && other.to == row.to;
                let text = if twin { "Duplicate event" } else { "Event conflicts with another event" };
                return Err(refuse(409, text));
            }
            let inside = row.class == Class::Booking && row.allocation_id == Some(other.id);
            if row.class != Class::Event && !inside {
                return Err(refuse(409, &format!("Conflicts with {} {}", other.class.name(), other.id)));
            }
        }
        Ok(())
    }
}

/// Answers one request, after the check of the session.
pub(in crate::sandbox) fn answer(world: &Arc<World>, request: &Request) -> Reply {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut state = lock(&world.portico);
    let now = world.now();
    if let ("POST", ["login"]) = (request.method.as_str(), &parts[..]) {
        return login(&mut state, request, now).unwrap_or_else(|reply| reply);
    }
    if !has_session(&mut state, request, now) {
        return refuse(401, "A valid session could not be found; log in first");
    }
    let outcome = route(&mut state, request, &parts, now);
    if request.method != "GET" && outcome.is_ok() {
        world.save_portico(&state);
    }
    outcome.unwrap_or_else(|reply| reply)
}

fn login(state: &mut Portico, request: &Request, now: Timestamp) -> Outcome {
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    let good = body["login"] == seed::PORTICO_LOGIN && body["passwd"] == seed::PORTICO_PASSWORD;
    if !good || body["logindomain"].as_str().is_none_or(|domain| domain != seed::PORTICO_DOMAIN) {
        return Err(refuse(401, "Bad login or password"));
    }
    state.sessions.retain(|_, end| *end > now);
    let id = uuid::Uuid::new_v4().simple().to_string();
    state.sessions.insert(id.clone(), now.plus_ms(SESSION_MS));
    let cookie = format!("{SESSION_NAME}={id}; Path=/; HttpOnly");
    Ok(Reply::json(200, &json!({"session_name": SESSION_NAME, "session_id": id})).with_header("Set-Cookie", &cookie))
}

/// A session by query parameter or cookie; each use prolongs it.
fn has_session(state: &mut Portico, request: &Request, now: Timestamp) -> bool {
    let cookies = request.header("cookie").unwrap_or_default();
    let cookie = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = cookie.filter(|(name, _)| *name == SESSION_NAME).map(|(_, value)| value);
    let id = request.param(SESSION_NAME).or_else(|| named.next());
    match id.and_then(|id| state.sessions.get_mut(id)) {
        Some(end) if *end > now => {
            *end = now.plus_ms(SESSION_MS);
            true
        }
        _ => false,
    }
}

fn route(state: &mut Portico, request: &Request, parts: &[&str], now: Timestamp) -> Outcome {
    match (request.method.as_str(), parts) {
        ("GET", ["booking", "resources"]) => Ok(resources(state, request)),
        ("GET", ["booking", "resources", id, "schedule"]) => schedule(state, request, id),
        ("POST", ["booking", "resources", id, "events"]) => create_event(state, request, id),
        ("GET", ["booking", "events", id]) => {
            let at = state.find(Class::Event, id)?;
            Ok(Reply::json(200, &state.render(&state.rows[at])))
        }
        ("PUT", ["booking", "events", id]) => update_event(state, request, id),
        ("PATCH", ["booking", "events", id, "toggle-active"]) => toggle(state, request, id),
        ("POST", ["booking", "allocations"]) => create_allocation(state, request),
        ("GET", ["booking", "allocations", id]) => {
            let at = state.find(Class::Allocation, id)?;
            Ok(Reply::json(200, &state.render(&state.rows[at])))
        }
        ("PUT", ["booking", "allocations", id]) => update_allocation(state, request, id),
        ("DELETE", ["booking", "allocations", id]) => {
            let at = state.find(Class::Allocation, id)?;
            state.rows.remove(at);
            Ok(Reply::json(200, &json!({"success": true})))
        }
        (_, ["booking", "webhooks", rest @ ..]) => portico_hooks::route(state, request, rest, now),
        _ => Err(refuse(404, "Not found")),
    }
}

fn resources(state: &Portico, request: &Request) -> Reply {
    let number = |name: &str, default: usize| request.param(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (start, results) = (number("start", 0), number("results", 50));
    let rows: Vec<Value> = state
        .resources
        .iter()
        .skip(start)
        .take(results)
        .map(|(id, name)| json!({"id": id, "name": name, "active": 1, "building_id": 1, "building_name": "Rådhuset"}))
        .collect();
    let body =
        json!({"total_records": state.resources.len(), "start": start, "sort": "id", "dir": "asc", "results": rows});
    Reply::json(200, &body)
}

/// Allocations, bookings and events of a span of dates, active ones only, in one flat array.
fn schedule(state: &Portico, request: &Request, id: &str) -> Outcome {
    let resource: u64 = id.parse().map_err(|_error| refuse(404, "Resource not found"))?;
    if !state.resources.contains_key(&resource) {
        return Err(refuse(404, "Resource not found"));
    }
    let start: Date = request
        .param("start_date")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| refuse(400, "start_date is required"))?;
    let end = request.param("end_date").and_then(|text| text.parse().ok());
    let end: Date = end.unwrap_or_else(|| start.checked_add(1.month()).unwrap_or(start));
    let (first, last) = (start.to_datetime(jiff::civil::Time::midnight()), end.to_datetime(jiff::civil::Time::MAX));
    let mut rows: Vec<&Row> = state
        .rows
        .iter()
        .filter(|row| row.active && row.resources.contains(&resource))
        .filter(|row| row.spans().iter().any(|(from, to)| *from <= last && *to > first))
        .collect();
    rows.sort_by_key(|row| (row.from, row.class, row.id));
    let shown: Vec<Value> = rows.into_iter().map(|row| state.render(row)).collect();
    Ok(Reply::json(200, &Value::Array(shown)))
}

fn create_event(state: &mut Portico, request: &Request, id: &str) -> Outcome {
    let resource: u64 = id.parse().map_err(|_error| refuse(404, "Resource not found"))?;
    if !state.resources.contains_key(&resource) {
        return Err(refuse(404, "Resource not found"));
    }
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    for name in ["title", "from_", "to_", "source"] {
        if body[name].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(refuse(400, &format!("Missing required field: {name}")));
        }
    }
    let mut row = Row::blank(state.last_id + 1, Class::Event);
    row.merge(&body)?;
    row.resources = vec![resource];
    state.refuse_conflict(&row)?;
    state.next_id();
    let event = state.render(&row);
    let reply = json!({"id": row.id, "event_id": row.id, "success": true, "event": event});
    state.rows.push(row);
    Ok(Reply::json(201, &reply))
}

/// Checks conflicts only when a time is given. Any save leaves one date.
fn update_event(state: &mut Portico, request: &Request, id: &str) -> Outcome {
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    let at = state.find(Class::Event, id)?;
    let mut row = state.rows[at].clone();
    row.merge(&body)?;
    row.dates = vec![(row.from, row.to)];
    if body["from_"].is_string() || body["to_"].is_string() {
        state.refuse_conflict(&row)?;
    }
    let shown = state.render(&row);
    state.rows[at] = row;
    Ok(Reply::json(200, &json!({"success": true, "event": shown})))
}

/// Sets `active`, or turns it round without a body. No conflict check.
fn toggle(state: &mut Portico, request: &Request, id: &str) -> Outcome {
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    let at = state.find(Class::Event, id)?;
    let row = &mut state.rows[at];
    let asked = body["active"].as_bool().or_else(|| body["active"].as_i64().map(|number| number != 0));
    row.active = asked.unwrap_or(!row.active);
    row.dates = vec![(row.from, row.to)];
    let active = row.active;
    Ok(Reply::json(200, &json!({"success": true, "id": state.rows[at].id, "active": i32::from(active)})))
}

fn create_allocation(state: &mut Portico, request: &Request) -> Outcome {
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    let row = new_reservation(state, &body, Class::Allocation)?;
    let reply = json!({"id": row.id, "success": true, "allocation": state.render(&row)});
    state.rows.push(row);
    Ok(Reply::json(201, &reply))
}

/// A checked allocation or booking with a fresh id; not stored yet.
pub(super) fn new_reservation(state: &mut Portico, body: &Value, class: Class) -> Result<Row, Reply> {
    let mut row = Row::blank(state.last_id + 1, class);
    row.merge(body)?;
    if row.class == Class::Allocation && (row.organization_id.is_none() || row.season_id.is_none()) {
        return Err(refuse(400, "organization_id and season_id are required"));
    }
    if row.resources.is_empty() || row.resources.iter().any(|id| !state.resources.contains_key(id)) {
        return Err(refuse(400, "resources must name known resources"));
    }
    state.refuse_conflict(&row)?;
    state.next_id();
    Ok(row)
}

fn update_allocation(state: &mut Portico, request: &Request, id: &str) -> Outcome {
    let body = request.json_or_form().map_err(|text| refuse(400, &text))?;
    let at = state.find(Class::Allocation, id)?;
    let mut row = state.rows[at].clone();
    row.merge(&body)?;
    state.refuse_conflict(&row)?;
    let shown = state.render(&row);
    state.rows[at] = row;
    Ok(Reply::json(200, &json!({"success": true, "allocation": shown})))
}

/// Now, as this system's database writes it.
pub(super) fn local(now: Timestamp) -> String {
    show(ZoneId::parse("Europe/Oslo").unwrap_or_else(ZoneId::utc).wall(now))
}

//! The control API: look at the state, throw switches, act as a person in the booking system, move the clock.

use super::booking::generic;
use super::booking::portico_hooks;
use super::booking::portico_rows::Class;
use super::faults::Faults;
use super::graph;
use super::graph::Lifecycle;
use super::graph::Policy;
use super::seed;
use super::state::World;
use super::state::lock;
use super::wire::Reply;
use super::wire::Request;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// What there is, as a person who asks wrongly reads it.
const ROUTES: &str = r#"GET  /state  /requests  /town-hall        DELETE /requests
GET  /state?only=graph|generic|portico|counters
GET  /faults         PUT /faults           {"graph": {..}, "generic": {..}, "portico": {..}}
POST /reset          {"seed": true}        POST /seed        POST /clock?advance_ms=60000
POST /graph/rooms/{mailbox}/policy         {"remove_canceled_meetings": true, ..}
POST /graph/lifecycle                      {"event": "missed" | "subscriptionRemoved" | "reauthorizationRequired"}
POST /graph/revoke-tokens  /graph/expire-cursors  /portico/end-sessions
POST /portico/ui/{events|bookings|allocations}/{create|update|deactivate|reactivate|delete}
ANY  /graph/as-person/v1.0/..  /generic/as-person/api/..     the system itself, without credentials or faults"#;

/// Answers one request.
pub(super) async fn answer(world: &Arc<World>, request: &Request) -> Reply {
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let body = match request.json() {
        Ok(body) => body,
        Err(text) => return refuse(400, &text),
    };
    match (request.method.as_str(), &parts[..]) {
        ("GET", [] | ["state"]) => Reply::json(200, &state(world, request.param("only"))),
        ("GET", ["town-hall"]) => Reply::json(200, &json!(seed::town_hall())),
        ("GET", ["requests"]) => {
            let log = lock(&world.log);
            Reply::json(200, &json!({"requests": log.lines().collect::<Vec<_>>()}))
        }
        ("DELETE", ["requests"]) => {
            lock(&world.log).clear();
            Reply::empty(204)
        }
        ("GET", ["faults"]) => Reply::json(200, &json!(*lock(&world.faults))),
        ("PUT", ["faults"]) => set_faults(world, body),
        ("POST", ["reset"]) => reset(world, &body),
        ("POST", ["seed"]) => {
            seed::plant(world);
            Reply::json(200, &json!(seed::town_hall()))
        }
        ("POST", ["clock"]) => clock(world, request),
        ("POST", ["graph", "rooms", mailbox, "policy"]) => policy(world, mailbox, &body),
        ("POST", ["graph", "lifecycle"]) => lifecycle(world, &body),
        ("POST", ["graph", "revoke-tokens"]) => revoke(world, |general| general.token_epoch += 1),
        ("POST", ["graph", "expire-cursors"]) => revoke(world, |general| general.cursor_epoch += 1),
        ("POST", ["portico", "end-sessions"]) => {
            lock(&world.portico).end_sessions();
            Reply::empty(204)
        }
        ("POST", ["portico", "ui", class, verb]) => by_hand(world, class, verb, &body).await,
        (_, ["graph", "as-person", ..]) => graph::inside(world, &shortened(request, "/graph/as-person")),
        (_, ["generic", "as-person", ..]) => generic::inside(world, &shortened(request, "/generic/as-person")),
        _ => Reply::json(404, &json!({"error": "No such route.", "routes": ROUTES.lines().collect::<Vec<_>>()})),
    }
}

fn refuse(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({"error": text}))
}

/// Everything there is, or one part of it.
fn state(world: &Arc<World>, only: Option<&str>) -> Value {
    let mut state = json!({"now": world.now().to_string()});
    let mut show = |part: &str, value: &dyn Fn() -> Value| {
        if only.is_none_or(|only| only == part) {
            state[part] = value();
        }
    };
    show("graph", &|| lock(&world.graph).show());
    show("generic", &|| lock(&world.generic).show());
    show("portico", &|| lock(&world.portico).show());
    show("counters", &|| json!(lock(&world.log).counters()));
    state
}

/// Replaces the switches of the systems named; a system that is not named keeps its own.
fn set_faults(world: &Arc<World>, body: Value) -> Reply {
    let mut faults = lock(&world.faults);
    let mut merged = json!(*faults);
    let Value::Object(body) = body else { return refuse(400, "The body is not an object.") };
    for (system, switches) in body {
        merged[system] = switches;
    }
    let read = serde_json::from_value::<Faults>(merged).map_err(|error| error.to_string());
    match read.and_then(|read| read.check().map(|()| read)) {
        Ok(read) => {
            *faults = read;
            world.save_faults(&faults);
            Reply::json(200, &json!(*faults))
        }
        Err(error) => refuse(400, &error),
    }
}

/// Forgets everything but rooms and people; with `{"seed": true}` the town hall is booked again.
fn reset(world: &Arc<World>, body: &Value) -> Reply {
    {
        let mut graph = lock(&world.graph);
        if let Err(error) = graph.clear(&world.files) {
            return refuse(500, &error.to_string());
        }
        *lock(&world.generic) = super::booking::generic::Generic::default();
        *lock(&world.portico) = super::booking::portico::Portico::default();
        *lock(&world.faults) = Faults::default();
        lock(&world.log).clear();
    }
    world.save_all();
    if body["seed"] == true {
        seed::plant(world);
    } else {
        seed::furnish(world);
    }
    Reply::empty(204)
}

fn clock(world: &Arc<World>, request: &Request) -> Reply {
    let Some(ms) = request.param("advance_ms").and_then(|text| text.parse().ok()) else {
        return refuse(400, "advance_ms must be a whole number.");
    };
    world.clock.advance_ms(ms);
    Reply::json(200, &json!({"now": world.now().to_string()}))
}

/// Sets the switches given; the others stay.
fn policy(world: &Arc<World>, mailbox: &str, body: &Value) -> Reply {
    let mut graph = lock(&world.graph);
    let Some(found) = graph.mailbox(mailbox) else { return refuse(404, "No such mailbox.") };
    let mut merged = json!(found.policy);
    for (name, value) in body.as_object().into_iter().flatten() {
        merged[name] = value.clone();
    }
    match serde_json::from_value::<Policy>(merged) {
        Ok(read) => {
            found.set_policy(read.clone());
            world.save_graph(&mut graph);
            Reply::json(200, &json!(read))
        }
        Err(error) => refuse(400, &error.to_string()),
    }
}

fn lifecycle(world: &Arc<World>, body: &Value) -> Reply {
    match serde_json::from_value::<Lifecycle>(body["event"].clone()) {
        Ok(event) => Reply::json(200, &json!({"told": graph::lifecycle(world, event)})),
        Err(_error) => refuse(400, "event must be missed, subscriptionRemoved or reauthorizationRequired."),
    }
}

fn revoke(world: &Arc<World>, change: impl FnOnce(&mut graph::General)) -> Reply {
    let mut graph = lock(&world.graph);
    change(&mut graph.general);
    graph.touch_general();
    world.save_graph(&mut graph);
    Reply::empty(204)
}

async fn by_hand(world: &Arc<World>, class: &str, verb: &str, body: &Value) -> Reply {
    let class = match class {
        "events" => Class::Event,
        "bookings" => Class::Booking,
        "allocations" => Class::Allocation,
        _ => return refuse(404, "Use /portico/ui/events, /portico/ui/bookings or /portico/ui/allocations."),
    };
    portico_hooks::by_hand(world, class, verb, body).await
}

/// The same request as the system itself would see it.
fn shortened(request: &Request, prefix: &str) -> Request {
    let mut inner = request.clone();
    request.path.strip_prefix(prefix).unwrap_or_default().clone_into(&mut inner.path);
    inner
}

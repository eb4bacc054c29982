//! `POST /$batch`: up to twenty requests in one, with dependencies.

use super::perform;
use super::wire::Failure;
use crate::sandbox::faults::Fault;
use crate::sandbox::state::World;
use crate::sandbox::state::lock;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const MOST: usize = 20;

/// Answers the parts in the order given; a part whose dependency failed is answered 424.
pub(super) async fn answer(world: &Arc<World>, request: &Request) -> Result<Reply, Failure> {
    let refuse = |text: &str| Failure::new(400, "BadRequest", text);
    let body = request.json().map_err(|text| refuse(&text))?;
    let parts = body["requests"].as_array().ok_or_else(|| refuse("'requests' is missing."))?;
    if parts.is_empty() || parts.len() > MOST {
        return Err(refuse("Number of batch request steps must be from 1 to 20."));
    }
    let mut statuses: BTreeMap<String, u16> = BTreeMap::new();
    let mut responses = Vec::new();
    for part in parts {
        let id = part["id"].as_str().ok_or_else(|| refuse("Every request needs an id."))?.to_owned();
        if statuses.contains_key(&id) {
            return Err(refuse("Every request needs an id of its own."));
        }
        let needs = part["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let blocked = needs.map(|id| statuses.get(id)).any(|status| status.is_none_or(|status| *status >= 300));
        let reply = if blocked { failed_dependency() } else { run(world, request, part) };
        statuses.insert(id.clone(), reply.status);
        let headers: BTreeMap<&str, &str> =
            reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        responses.push(json!({"id": id, "status": reply.status, "headers": headers, "body": reply.value()}));
        tokio::task::yield_now().await;
    }
    Ok(Reply::json(200, &json!({"responses": responses})))
}

fn failed_dependency() -> Reply {
    let text = "The request failed because a request it depends on failed.";
    Reply::json(424, &json!({"error": {"code": "FailedDependency", "message": text}}))
}

fn run(world: &Arc<World>, outer: &Request, part: &Value) -> Reply {
    let url = part["url"].as_str().unwrap_or_default();
    let mut inner =
        Request::new(part["method"].as_str().unwrap_or("GET"), &format!("/v1.0/{}", url.trim_start_matches('/')));
    inner.base.clone_from(&outer.base);
    for (name, value) in part["headers"].as_object().into_iter().flatten() {
        inner = inner.with_header(name, value.as_str().unwrap_or_default());
    }
    if !part["body"].is_null() {
        if inner.header("content-type").is_none() {
            return Failure::new(400, "BadRequest", "A part with a body needs Content-Type.")
                .reply(&inner, world.now());
        }
        inner.body = part["body"].to_string().into_bytes();
    }
    let fault = {
        let mut faults = lock(&world.faults);
        let fault = faults.graph.strike(&inner, &mut lock(&world.dice));
        fault.map(|fault| (fault, faults.graph.retry_after_s))
    };
    if let Some((Fault::Throttle, seconds)) = fault {
        return throttled(seconds);
    }
    let segments = inner.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    perform(world, &inner, &parts, world.now()).unwrap_or_else(|failure| failure.reply(&inner, world.now()))
}

fn throttled(seconds: u64) -> Reply {
    let error = json!({"code": "ApplicationThrottled", "message": "Application is over its MailboxConcurrency limit."});
    Reply::json(429, &json!({"error": error})).with_header("Retry-After", &seconds.to_string())
}

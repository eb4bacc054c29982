//! From a request to its answer: who calls, in which tenant, whether they may, and what every answer carries.

use super::super::ApiDoor;
use super::super::caller;
use super::super::error::ApiError;
use super::super::rate::Standing;
use super::call::Call;
use super::routes::{ROUTES, Route};
use crate::observe::RequestId;
use crate::observe::request_id::HEADER;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::future::{Ready, ready};

/// Names the tenant where the path does not.
const TENANT: &str = "x-tenant-id";

/// Since when paths that have a better place are deprecated: 2026-11-01T00:00:00Z (RFC 9745).
const DEPRECATION: &str = "@1793491200";

/// When they may go (RFC 8594).
const SUNSET: &str = "Mon, 01 Nov 2027 00:00:00 GMT";

/// Mounts every path of the table, in its order.
pub(in super::super) fn mount(config: &mut web::ServiceConfig, door: &web::Data<ApiDoor>) {
    let mut mounted: Vec<&str> = Vec::new();
    for route in ROUTES {
        if mounted.contains(&route.path) {
            continue;
        }
        mounted.push(route.path);
        let mut resource = web::resource(route.path).app_data(door.clone());
        for one in ROUTES.iter().filter(|one| one.path == route.path) {
            let method = Method::from_bytes(one.method.as_bytes()).unwrap_or(Method::GET);
            resource = resource
                .route(web::method(method).to(move |request, door, payload| serve(request, door, payload, one)));
        }
        let path = route.path;
        config.service(resource.default_service(web::to(move || refuse(path))));
    }
}

/// Answers other methods.
fn refuse(path: &'static str) -> Ready<HttpResponse> {
    let methods: Vec<&str> = ROUTES.iter().filter(|route| route.path == path).map(|route| route.method).collect();
    ready(refused(&ApiError::Method { allow: methods.join(", ") }, ""))
}

async fn serve(
    request: HttpRequest,
    door: web::Data<ApiDoor>,
    payload: web::Payload,
    route: &'static Route,
) -> HttpResponse {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let id = RequestId::from_header(given);
    let mut standing = None;
    let mut answer = match answer(&request, door, payload, route, &mut standing).await {
        Ok(answer) => answer,
        Err(error) => {
            if error.problem(id.as_str()).status == 500 {
                tracing::error!(request.id = id.as_str(), error = ?error, "request {} failed: {error}", id.as_str());
            }
            refused(&error, id.as_str())
        }
    };
    finish(&mut answer, route, id.as_str(), standing);
    answer
}

async fn answer(
    request: &HttpRequest,
    door: web::Data<ApiDoor>,
    payload: web::Payload,
    route: &'static Route,
    standing: &mut Option<Standing>,
) -> Result<HttpResponse, ApiError> {
    let segments = request.match_info().iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let path: HashMap<String, String> = segments.collect();
    let key = key(request, &path);
    let caller = caller::identify_in(&door, request.head(), key.as_deref()).await?;
    caller.count(&door, standing)?;
    let body = body(payload, door.limits.json_bytes).await?;
    let query = web::Query::<HashMap<String, String>>::from_query(request.query_string());
    let query = query.map_err(|error| ApiError::Malformed { part: "query", why: error.to_string() })?;
    let actor = format!("principal:{}", caller.principal.login);
    let call = Call { now: door.clock.now(), door, caller, actor, path, query: query.into_inner(), body };
    call.require(route.role)?;
    let (status, value) = (route.run)(call).await?;
    Ok(HttpResponse::build(status).json(value))
}

/// The tenant of the path, else the one of the header. The predecessor's keys had underscores.
fn key(request: &HttpRequest, path: &HashMap<String, String>) -> Option<String> {
    let header = || request.headers().get(TENANT).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let given = path.get("tenant").cloned().or_else(header).filter(|key| !key.is_empty())?;
    Some(given.to_ascii_lowercase().replace('_', "-"))
}

/// The body as an object; empty where none was sent. Clients of the predecessor do not always say that it is JSON.
async fn body(payload: web::Payload, limit: usize) -> Result<Map<String, Value>, ApiError> {
    let bytes = match payload.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(ApiError::Malformed { part: "body", why: error.to_string() }),
        Err(_) => return Err(ApiError::TooLarge { limit }),
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    serde_json::from_slice(&bytes).map_err(|error| ApiError::Malformed { part: "body", why: error.to_string() })
}

/// A problem document with the two members that clients of the predecessor look for.
fn refused(error: &ApiError, id: &str) -> HttpResponse {
    let problem = error.problem(id);
    let mut shown = serde_json::to_value(&problem).unwrap_or_default();
    shown["success"] = false.into();
    shown["error"] = problem.detail.clone().into();
    let (head, _) = error.answer(id).into_parts();
    head.set_body(actix_web::body::BoxBody::new(shown.to_string()))
}

fn finish(answer: &mut HttpResponse, route: &Route, id: &str, standing: Option<Standing>) {
    let link = format!("<{}>; rel=\"successor-version\"", route.instead);
    let mut own: BTreeMap<&str, &str> = BTreeMap::from([("cache-control", "no-store"), (HEADER, id)]);
    if !route.is_kept {
        own.extend([("deprecation", DEPRECATION), ("sunset", SUNSET), (header::LINK.as_str(), link.as_str())]);
    }
    for (name, text) in own {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(text)) {
            answer.headers_mut().insert(name, value);
        }
    }
    if let Some(standing) = standing {
        standing.tell(answer.headers_mut());
    }
}

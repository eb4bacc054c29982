//! Every request: an id that proxy, log and answer share, one line in the log, and the counters.

use super::refusals::{Refusal, Refusals, is_refusal};
use crate::model::Clock;
use crate::observe::Metrics;
use crate::observe::RequestId;
use crate::observe::names;
use crate::observe::redact;
use crate::observe::request::{Party, Request, during};
use crate::observe::request_id;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Longer than this, and a request is worth a warning.
const SLOW: Duration = Duration::from_secs(5);

/// The middleware.
pub(super) async fn watch<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let metrics = request.app_data::<web::Data<Metrics>>().cloned();
    let leaving = request.app_data::<web::Data<AtomicBool>>().cloned();
    let given = request.headers().get(request_id::HEADER).and_then(|value| value.to_str().ok());
    let id = RequestId::from_header(given);
    let name = HeaderName::from_static(request_id::HEADER);
    // The doors find it there: log, answer and audit name the same one.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        request.headers_mut().insert(name.clone(), value);
    }
    let (method, target) = (request.method().clone(), redact::target(&request.uri().to_string()));
    let route = route_of(request.path());
    let signed = request.headers().contains_key(header::AUTHORIZATION) || request.headers().contains_key("x-api-key");
    let (refusals, clock) = (request.app_data().cloned(), request.app_data().cloned());
    let facts = facts(&request, id.as_str(), &target);
    let (response, party) = during(&facts, next.call(request)).await;
    let mut response = response?;
    let (status, took) = (response.status(), began.elapsed());
    tell(refusals, clock, party, facts, status.as_u16(), took);
    if !response.headers().contains_key(&name)
        && let Ok(value) = HeaderValue::from_str(id.as_str())
    {
        response.headers_mut().insert(name, value);
    }
    // Whoever keeps connections opens the next one somewhere else.
    if leaving.is_some_and(|leaving| leaving.load(Ordering::Relaxed)) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(metrics) = metrics {
        metrics.add(&names::HTTP_REQUESTS, &[method.as_str(), route, status.as_str()], 1);
        metrics.observe(&names::HTTP_SECONDS, &[route], took.as_secs_f64());
        if status.as_u16() == 401 && signed {
            metrics.add(&names::AUTH_FAILURES, &[route], 1);
        }
    }
    let (status, took_ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    if status >= 500 || took > SLOW {
        tracing::warn!(request.id = %id, http.method = %method, http.status = status, took_ms, "{method} {target}");
    } else {
        tracing::info!(request.id = %id, http.method = %method, http.status = status, took_ms, "{method} {target}");
    }
    Ok(response)
}

/// What the audit says of a request.
fn facts(request: &ServiceRequest, id: &str, target: &str) -> Request {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Request {
        id: id.to_owned(),
        address: address(request),
        agent: agent.unwrap_or_default().to_owned(),
        method: request.method().to_string(),
        path: target.to_owned(),
        ..Request::default()
    }
}

/// Where a request came from; what a proxy says of it stands beside the proxy, because anybody can say so.
fn address(request: &ServiceRequest) -> String {
    let peer = request.peer_addr().map_or_else(String::new, |peer| peer.ip().to_string());
    let info = request.connection_info();
    match info.realip_remote_addr().filter(|told| *told != peer) {
        Some(told) => format!("{peer} for {}", told.chars().take(60).collect::<String>()),
        None => peer,
    }
}

/// Notes a refusal for the audit.
fn tell(
    refusals: Option<web::Data<Refusals>>,
    clock: Option<web::Data<Arc<dyn Clock>>>,
    party: Option<Party>,
    facts: Request,
    status: u16,
    took: Duration,
) {
    if let (Some(refusals), Some(clock), true) = (refusals, clock, is_refusal(status)) {
        let took_ms = u64::try_from(took.as_millis()).ok();
        let means = party.as_ref().map(|party| party.means.clone()).unwrap_or_default();
        let request = Request { status: Some(status), took_ms, means, ..facts };
        refusals.add(Refusal { at: clock.now(), party, request });
    }
}

/// Which door a path leads to: few values, whatever clients ask for.
fn route_of(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "dav" => "dav",
        "feeds" => "feeds",
        "hooks" | "webhook" => "hooks",
        "v1" => "v1",
        "dashboard" | "sign-in" | "sign-out" => "dashboard",
        "health" | "ready" | "metrics" => "health",
        ".well-known" | "principals" | "calendar" | "" => "discovery",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::route_of;

    #[test]
    fn a_path_leads_to_one_of_few_doors() {
        assert_eq!(route_of("/dav/fjordby/rooms/hall/x.ics"), "dav");
        assert_eq!(route_of("/"), "discovery");
        assert_eq!(route_of("/wp-login.php"), "other");
    }
}

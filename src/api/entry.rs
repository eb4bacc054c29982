//! What every request under `/v1` passes: a request id, the caller's identity, and problem documents on the way out.

use super::ApiDoor;
use super::caller;
use super::error::ApiError;
use super::rate::Standing;
use super::repeat;
use super::repeat::Before;
use crate::observe::RequestId;
use crate::observe::request_id::HEADER;
use actix_web::Error;
use actix_web::HttpMessage;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;

/// The middleware of the scope.
pub(super) async fn entry(
    door: web::Data<ApiDoor>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let id = RequestId::from_header(given);
    let mut standing = None;
    let known = match identify(&door, &request, &mut standing).await {
        Ok(()) => repeat::before(&door, &mut request).await,
        Err(refusal) => Err(refusal),
    };
    let answer = match known {
        Ok(Before::Go) => repeat::after(&door, next.call(request).await?).await,
        Ok(Before::Repeated(answer)) => request.into_response(answer),
        Err(refusal) => request.error_response(refusal),
    };
    let mut answer = finish(answer, id.as_str());
    if let Some(standing) = standing {
        standing.tell(answer.headers_mut());
    }
    Ok(answer)
}

/// Who calls, and how its tenant stands: counted once it is known, so that nobody spends what belongs to others.
async fn identify(door: &ApiDoor, request: &ServiceRequest, standing: &mut Option<Standing>) -> Result<(), ApiError> {
    if matches!(request.path(), "/v1/openapi.json" | "/v1/openapi-predecessor.json" | "/v1/docs") {
        return Ok(());
    }
    let caller = caller::identify(door, request.head(), request.path()).await?;
    caller.count(door, standing)?;
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Puts the request id into header and problem document, and logs what failed on our side.
fn finish(answer: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let problem = answer.response().error().and_then(|error| error.as_error::<ApiError>()).map(|error| {
        if error.problem(id).status == 500 {
            tracing::error!(request.id = id, error = ?error, "request {id} failed: {error}");
        }
        error.answer(id)
    });
    let mut answer = match problem {
        Some(problem) => answer.into_response(problem),
        None => answer,
    };
    if let Ok(value) = HeaderValue::from_str(id) {
        answer.headers_mut().insert(HeaderName::from_static(HEADER), value);
    }
    answer.headers_mut().insert(HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
    answer
}

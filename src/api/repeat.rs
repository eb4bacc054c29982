//! `Idempotency-Key`: a POST that may have been lost is sent again with the same key and has its effect once.
//!
//! The key is claimed inside the transaction of the request, so it is known exactly when the request took effect. A
//! repetition gets the first answer, kept sealed for a day, or as long as a policy of the tenant says. A refused request
//! claims nothing and may be sent again.

use super::ApiDoor;
use super::caller::Caller;
use super::error::ApiError;
use crate::crypt::Place;
use crate::manage::ManageError;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::idempotency;
use crate::store::idempotency::{Owner, Repeatable};
use actix_web::HttpMessage;
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, to_bytes_limited};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::http::{Method, StatusCode};
use actix_web::web;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The header.
const HEADER: &str = "idempotency-key";
/// Tells a repeated answer from a first one.
const REPLAYED: &str = "idempotency-replayed";
/// Most characters of a key.
const LONGEST: usize = 255;
/// Most bytes of an answer that is kept.
const ANSWER_BYTES: usize = 1 << 20;

/// The wish of one request to have its effect once.
#[derive(Clone)]
pub(super) struct Claim(Arc<Inner>);

struct Inner {
    tenant: TenantId,
    principal: crate::model::PrincipalId,
    key: String,
    fingerprint: String,
    claimed: AtomicBool,
}

/// What a request is answered with.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    location: Option<String>,
    body: Option<String>,
}

/// What is known about a request before it is carried out.
pub(super) enum Before {
    /// It has no key, or an unused one: carry it out.
    Go,
    /// It was carried out before: this was the answer.
    Repeated(HttpResponse),
}

impl Claim {
    /// Takes the key in the transaction of the request, once.
    pub(super) async fn make(&self, tx: &mut Tx, now: Timestamp) -> Result<(), ApiError> {
        if self.0.claimed.load(Ordering::Relaxed) {
            return Ok(());
        }
        idempotency::forget(tx, now).await?;
        match idempotency::claim(tx, self.owner(), &self.0.fingerprint, now).await {
            Ok(()) => {
                self.0.claimed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(StoreError::Taken(_)) => Err(in_flight()),
            Err(error) => Err(error.into()),
        }
    }

    fn owner(&self) -> Owner<'_> {
        Owner { tenant: &self.0.tenant, principal: &self.0.principal, key: &self.0.key }
    }

    /// Keys of different people never meet in one place.
    fn row(&self) -> String {
        format!("{}|{}", self.0.principal, self.0.key)
    }
}

fn in_flight() -> ApiError {
    let why = "a request with this Idempotency-Key is being carried out, or its answer was lost; look at what there is \
               before you send it with another key";
    ManageError::State { why: why.to_owned() }.into()
}

/// Looks a POST with a key up, and leaves its claim for the desk where it is worked on.
pub(super) async fn before(door: &ApiDoor, request: &mut ServiceRequest) -> Result<Before, ApiError> {
    if request.method() != Method::POST {
        return Ok(Before::Go);
    }
    let Some(value) = request.headers().get(HEADER) else { return Ok(Before::Go) };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len())).map(str::to_owned);
    let key = key.ok_or_else(|| ApiError::Malformed {
        part: "header Idempotency-Key",
        why: format!("must be 1 to {LONGEST} visible ASCII characters"),
    })?;
    let Some(caller) = request.extensions().get::<Caller>().cloned() else { return Ok(Before::Go) };
    let claim = Claim(Arc::new(Inner {
        fingerprint: fingerprint(door, request, &caller.reach.to_text()).await?,
        tenant: caller.tenant.id,
        principal: caller.principal.id,
        key,
        claimed: AtomicBool::new(false),
    }));
    let found = idempotency::get(&mut door.store.begin_read().await?, claim.owner()).await?;
    let kept = found.filter(|found| !is_old(door, found));
    if let Some(found) = kept {
        return Ok(Before::Repeated(repeat(door, &claim, &found)?));
    }
    request.extensions_mut().insert(claim);
    Ok(Before::Go)
}

fn is_old(door: &ApiDoor, found: &Repeatable) -> bool {
    found.kept_until_ms <= door.clock.now()
}

/// A digest of method, path and body; the body is put back for the handler. A scope that leaves less than everything is
/// part of it: nobody is told with one secret what was answered to another one.
async fn fingerprint(door: &ApiDoor, request: &mut ServiceRequest, scope: &str) -> Result<String, ApiError> {
    let limit = door.limits.json_bytes;
    let mut body = web::BytesMut::new();
    let mut payload = request.take_payload();
    while let Some(chunk) = futures_util::StreamExt::next(&mut payload).await {
        let chunk = chunk.map_err(|error| ApiError::Malformed { part: "body", why: error.to_string() })?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    let body = body.freeze();
    let mut digest = Sha256::new();
    let address = request.uri().to_string();
    let scope = Some(scope.as_bytes()).filter(|scope| !scope.is_empty());
    for part in [request.method().as_str().as_bytes(), address.as_bytes(), &body].into_iter().chain(scope) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    request.set_payload(Payload::from(body));
    Ok(URL_SAFE_NO_PAD.encode(digest.finalize()))
}

fn repeat(door: &ApiDoor, claim: &Claim, found: &Repeatable) -> Result<HttpResponse, ApiError> {
    if found.fingerprint != claim.0.fingerprint {
        let why = "was sent with another request; give each request a key of its own".to_owned();
        return Err(ManageError::Invalid { field: "Idempotency-Key", why }.into());
    }
    if found.answer.is_empty() {
        return Err(in_flight());
    }
    let row = claim.row();
    let text = door.keys.ring.open(place(claim, &row), &found.answer)?;
    let kept: Kept = serde_json::from_str(text.reveal()).map_err(|_| in_flight())?;
    let mut answer = HttpResponse::build(StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK));
    answer.insert_header((REPLAYED, "true"));
    if let Some(location) = kept.location {
        answer.insert_header((header::LOCATION, location));
    }
    Ok(match kept.body {
        Some(body) => answer.content_type("application/json").body(body),
        None => answer.finish(),
    })
}

fn place<'a>(claim: &'a Claim, row: &'a str) -> Place<'a> {
    Place { tenant: &claim.0.tenant, table: "idempotency_keys", column: "answer", row }
}

/// Keeps the answer of a request that took effect.
pub(super) async fn after(door: &ApiDoor, answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let claim = answer.request().extensions().get::<Claim>().cloned();
    let Some(claim) = claim.filter(|claim| claim.0.claimed.load(Ordering::Relaxed)) else { return answer };
    if !answer.status().is_success() {
        return answer;
    }
    let (request, answer) = answer.into_parts();
    let (head, body) = answer.into_parts();
    let bytes = match to_bytes_limited(body, ANSWER_BYTES).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) | Err(_) => web::Bytes::new(),
    };
    let text = |name| head.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let kept = Kept {
        status: head.status().as_u16(),
        location: text(header::LOCATION),
        body: (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned()),
    };
    if let Err(error) = keep(door, &claim, &kept).await {
        tracing::warn!(error = %error, "the answer to a request with an Idempotency-Key is not kept");
    }
    ServiceResponse::new(request, head.set_body(BoxBody::new(bytes)))
}

async fn keep(door: &ApiDoor, claim: &Claim, kept: &Kept) -> Result<(), ApiError> {
    let text = serde_json::to_string(kept).unwrap_or_default();
    let row = claim.row();
    let sealed = door.keys.ring.seal(place(claim, &row), &text)?;
    let mut tx = door.store.begin_write().await?;
    idempotency::answered(&mut tx, claim.owner(), &sealed).await?;
    Ok(tx.commit().await?)
}

//! One request to Graph: token, preferences, at most three at a time for each mailbox, and what its errors mean.

use super::auth::Tokens;
use crate::bridge::BridgeError;
use crate::bridge::GraphConfig;
use crate::bridge::http::{Answer, Dial, Http, Intent, clip};
use crate::config::Limits;
use crate::config::Secret;
use crate::model::Clock;
use reqwest::Method;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use url::Url;

/// Graph allows four; one is left for others who use the same application.
const IN_FLIGHT: usize = 3;

const PREFER: &str =
    "IdType=\"ImmutableId\", outlook.timezone=\"UTC\", outlook.body-content-type=\"text\", odata.maxpagesize=200";

/// What the address of a request stands for, which decides what 404 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The mailbox or something that always exists: a 404 is never an absence of events.
    Calendar,
    /// One event.
    Item,
}

/// One request.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
    /// The version a write is meant for.
    pub(super) version: Option<String>,
    pub(super) target: Target,
}

impl Call {
    /// A request that only reads.
    pub(super) const fn get(url: Url, target: Target) -> Self {
        Self { method: Method::GET, url, body: None, version: None, target }
    }

    /// A request that writes.
    pub(super) const fn write(method: Method, url: Url, body: Option<Value>, target: Target) -> Self {
        Self { method, url, body, version: None, target }
    }

    fn intent(&self) -> Intent {
        if self.method == Method::GET { Intent::Read } else { Intent::Write }
    }
}

/// The way to Graph.
pub(super) struct Calls {
    http: Http,
    tokens: Tokens,
    config: GraphConfig,
    clock: Arc<dyn Clock>,
    base: Url,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Calls {
    pub(super) fn new(config: GraphConfig, clock: Arc<dyn Clock>, limits: &Limits) -> Result<Self, BridgeError> {
        let base = crate::bridge::bridges::base_url(&config.base_url)?;
        crate::bridge::bridges::base_url(&config.login_url)?;
        let dial = Dial { base: &base, proxy: config.proxy.as_deref(), timeout_ms: config.timeout_ms };
        let http = Http::new(&dial, Arc::clone(&clock), limits)?;
        let wrong = |why: url::ParseError| BridgeError::Refused(format!("the base URL cannot be used: {why}"));
        let base = Url::parse(&format!("{base}/v1.0")).map_err(wrong)?;
        Ok(Self { http, tokens: Tokens::default(), config, clock, base, gates: Mutex::default() })
    }

    /// The address of these path segments, each encoded.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }

    /// A link out of an answer, if it leads to the configured host.
    pub(super) fn link(&self, text: &str) -> Result<Url, BridgeError> {
        let wrong =
            || BridgeError::Garbage("a link of a page leads to another host than the configured one".to_owned());
        let url = Url::parse(text).map_err(|_| wrong())?;
        if url.origin() == self.base.origin() { Ok(url) } else { Err(wrong()) }
    }

    /// Sends a request for a mailbox; `None` for requests that concern none.
    pub(super) async fn send(&self, mailbox: Option<&str>, call: &Call) -> Result<Answer, BridgeError> {
        let gate = mailbox.map(|mailbox| self.gate(mailbox));
        let _permit = match &gate {
            Some(gate) => gate.acquire().await.ok(),
            None => None,
        };
        let token = self.tokens.get(&self.http, &self.config, self.clock.as_ref()).await?;
        let mut answer = self.once(call, &token).await?;
        if answer.status == 401 {
            self.tokens.refuse(&token).await;
            let token = self.tokens.get(&self.http, &self.config, self.clock.as_ref()).await?;
            answer = self.once(call, &token).await?;
        }
        check(answer, call.intent(), call.target)
    }

    /// Sends a request whose answer is one JSON value.
    pub(super) async fn read<T: serde::de::DeserializeOwned>(
        &self,
        mailbox: Option<&str>,
        call: &Call,
    ) -> Result<T, BridgeError> {
        self.send(mailbox, call).await?.read(call.intent())
    }

    async fn once(&self, call: &Call, token: &Secret) -> Result<Answer, BridgeError> {
        let mut request = self
            .http
            .client()
            .request(call.method.clone(), call.url.clone())
            .bearer_auth(token.reveal())
            .header("Prefer", PREFER)
            .header("Accept", "application/json");
        if let Some(version) = &call.version {
            request = request.header("If-Match", version);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        self.http.send(request, call.intent()).await
    }

    fn gate(&self, mailbox: &str) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(mailbox.to_lowercase()).or_insert_with(|| Arc::new(Semaphore::new(IN_FLIGHT))))
    }
}

/// What an answer means for the reconciler.
fn check(answer: Answer, intent: Intent, target: Target) -> Result<Answer, BridgeError> {
    if answer.ok() {
        return Ok(answer);
    }
    let body = answer.value();
    let code = body["error"]["code"].as_str().unwrap_or("").to_owned();
    let message = body["error"]["message"].as_str().map(clip).unwrap_or_default();
    if answer.status == 410 || is_cursor_loss(&code) {
        return Err(BridgeError::CursorGone);
    }
    if !answer.is_json() || code.is_empty() {
        return Err(intent.unusable(format!("status {} without an error of Graph", answer.status)));
    }
    let what = format!("{code}: {message}");
    Err(match answer.status {
        401 | 403 => BridgeError::Auth(what),
        404 if target == Target::Item && is_item_missing(&code) => BridgeError::NotFound,
        404 => BridgeError::CalendarGone(what),
        412 => BridgeError::Stale,
        409 if code == "ErrorIrresolvableConflict" => BridgeError::Stale,
        423 | 507 => BridgeError::Busy { after_ms: None },
        400..=499 => BridgeError::Refused(what),
        _ => intent.unusable(format!("status {}", answer.status)),
    })
}

fn is_item_missing(code: &str) -> bool {
    matches!(code, "ErrorItemNotFound" | "itemNotFound" | "ErrorCalendarOccurrenceIsDeletedFromRecurrence")
}

/// The codes of lost delta cursors, whatever status they come with.
fn is_cursor_loss(code: &str) -> bool {
    const CODES: [&str; 5] =
        ["syncStateNotFound", "SyncStateInvalid", "resyncRequired", "InvalidDeltaToken", "ErrorInvalidSyncStateData"];
    CODES.iter().any(|known| known.eq_ignore_ascii_case(code))
}

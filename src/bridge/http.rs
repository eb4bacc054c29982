//! The one outgoing HTTP client: time limits, proxy, bounded answers, Retry-After (RFC 9110, 10.2.3), and the sorting of
//! failures into "nothing was done" and "nobody knows".

use super::BridgeError;
use super::webpush::{PublicOnly, is_public};
use crate::config::Limits;
use crate::model::Clock;
use openidconnect::HttpRequest;
use openidconnect::HttpResponse;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Once;
use std::time::Duration;

/// Longest piece of a remote system's own words that is passed on, in characters.
const WORDS: usize = 300;

/// How long a connection is kept unused: less than the five seconds after which common servers close theirs, so that a
/// call seldom meets a connection that is being closed.
const IDLE: Duration = Duration::from_secs(4);

/// Whether a request can have an effect. Decides what a lost answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// No effect: a lost answer is a failure to reach the remote side.
    Read,
    /// May have taken effect although no answer came.
    Write,
}

impl Intent {
    /// An answer that cannot be used, whatever its status says.
    pub(super) fn unusable(self, what: String) -> BridgeError {
        match self {
            Self::Read => BridgeError::Garbage(what),
            Self::Write => BridgeError::Unknown(what),
        }
    }
}

/// How a client is built.
pub(super) struct Dial<'a> {
    /// The system's base URL, to keep calls to this machine away from proxies.
    pub(super) base: &'a str,
    /// Proxy URL; the system's proxy settings hold where none is given.
    pub(super) proxy: Option<&'a str>,
    /// Longest time for one whole exchange, in milliseconds.
    pub(super) timeout_ms: u64,
}

/// A client with its bounds.
pub(super) struct Http {
    client: reqwest::Client,
    limit: usize,
    clock: Arc<dyn Clock>,
}

/// A whole answer that is neither "too busy" nor a server's failure.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    json: bool,
    body: Vec<u8>,
}

impl Answer {
    /// Whether the status is 2xx.
    pub(super) const fn ok(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON of a type. HTML from a proxy and cut bodies end here.
    pub(super) fn read<T: DeserializeOwned>(&self, intent: Intent) -> Result<T, BridgeError> {
        if !self.json {
            return Err(intent.unusable(format!("status {} without JSON", self.status)));
        }
        serde_json::from_slice(&self.body)
            .map_err(|why| intent.unusable(format!("status {}: {}", self.status, clip(&why.to_string()))))
    }

    /// The body as JSON of any shape; `null` where it is none.
    pub(super) fn value(&self) -> serde_json::Value {
        if !self.json {
            return serde_json::Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }

    /// Whether the answer is JSON by its own word.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }
}

impl Http {
    /// A client as `dial` says. Redirects are not followed: they would carry credentials to another place.
    pub(super) fn new(dial: &Dial<'_>, clock: Arc<dyn Clock>, limits: &Limits) -> Result<Self, BridgeError> {
        install_ring();
        let timeout = Duration::from_millis(dial.timeout_ms.clamp(100, 600_000));
        let mut builder = reqwest::Client::builder()
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("anteroom/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)));
        builder = match dial.proxy {
            Some(url) => builder.proxy(reqwest::Proxy::all(url).map_err(|why| refused_setting("proxy", &why))?),
            None if is_loopback(dial.base) => builder.no_proxy(),
            None => builder,
        };
        if !limits.remote_private_networks && dial.proxy.is_none() {
            refuse_private(dial.base)?;
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        let client = builder.build().map_err(|why| refused_setting("HTTP client", &why))?;
        Ok(Self { client, limit: limits.remote_bytes, clock })
    }

    /// The client, to begin a request with.
    pub(super) const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: RequestBuilder, intent: Intent) -> Result<Answer, BridgeError> {
        let answer = begun(request, intent).await.map_err(|why| lost(why, intent))?;
        let status = answer.status().as_u16();
        let after_ms = retry_after(answer.headers(), self.clock.as_ref());
        if status == 429 || (matches!(status, 423 | 503 | 509) && (after_ms.is_some() || intent == Intent::Read)) {
            return Err(BridgeError::Busy { after_ms });
        }
        // 501 says that the function does not exist: nothing was done, and nothing will be.
        if status >= 500 && status != 501 {
            let what = format!("status {status}");
            return Err(match intent {
                Intent::Read => BridgeError::Transport(what),
                Intent::Write => BridgeError::Unknown(what),
            });
        }
        let json = is_json(answer.headers());
        let body = self.body(answer, intent).await?;
        if (200..300).contains(&status) && !json && !body.is_empty() {
            // A sign-in page or a portal in between: nobody knows what became of the request.
            return Err(intent.unusable(format!("status {status} without JSON")));
        }
        Ok(Answer { status, json, body })
    }

    /// Carries out what a library has put together. Whatever the status, the answer is whole and bounded.
    pub(super) async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, BridgeError> {
        let intent = if request.method() == reqwest::Method::GET { Intent::Read } else { Intent::Write };
        let request = reqwest::Request::try_from(request).map_err(|why| lost(why, intent))?;
        let request = RequestBuilder::from_parts(self.client.clone(), request);
        let answer = begun(request, intent).await.map_err(|why| lost(why, intent))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut whole = HttpResponse::new(self.body(answer, intent).await?);
        (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
        Ok(whole)
    }

    /// The body up to the limit. A body that ends early is an error of the transfer, not a short body.
    async fn body(&self, mut answer: reqwest::Response, intent: Intent) -> Result<Vec<u8>, BridgeError> {
        let mut body = Vec::new();
        let broken = |why: reqwest::Error| {
            if why.is_timeout() {
                lost(why, intent)
            } else {
                intent.unusable(format!("the answer broke off: {}", describe(why)))
            }
        };
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > self.limit {
                return Err(intent.unusable(format!("an answer of more than {} bytes", self.limit)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Base URLs that name an address instead of a host are judged here, names when they are resolved.
fn refuse_private(base: &str) -> Result<(), BridgeError> {
    let url =
        url::Url::parse(base).map_err(|why| BridgeError::Refused(format!("the base URL cannot be read: {why}")))?;
    let public = match url.host() {
        Some(url::Host::Ipv4(ip)) => is_public(IpAddr::V4(ip)),
        Some(url::Host::Ipv6(ip)) => is_public(IpAddr::V6(ip)),
        Some(url::Host::Domain(_)) => true,
        None => false,
    };
    if public {
        return Ok(());
    }
    let why = "the base URL of the bridge lies in a private network, and limits.remote_private_networks is false";
    Err(BridgeError::Refused(why.to_owned()))
}

/// The beginning of an answer. A read whose kept connection broke is sent once more, on a new one; nothing is wrong then.
async fn begun(request: RequestBuilder, intent: Intent) -> Result<reqwest::Response, reqwest::Error> {
    let again = if intent == Intent::Read { request.try_clone() } else { None };
    match (request.send().await, again) {
        (Err(why), Some(again)) if !why.is_timeout() && !why.is_connect() => again.send().await,
        (outcome, _) => outcome,
    }
}

/// What a failed exchange means. Only a connection that was never made is sure to have had no effect.
fn lost(why: reqwest::Error, intent: Intent) -> BridgeError {
    let unsent = why.is_connect() || why.is_builder();
    let text = describe(why);
    match intent {
        Intent::Write if !unsent => BridgeError::Unknown(text),
        _ => BridgeError::Transport(text),
    }
}

/// An error without its URL (which may hold tokens), with its causes.
pub(super) fn describe(why: reqwest::Error) -> String {
    let why = why.without_url();
    let mut text = why.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&why);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    clip(&text)
}

/// Gives rustls its cryptography, once.
pub(super) fn install_ring() {
    static RING: Once = Once::new();
    RING.call_once(|| {
        // Another part of the process may have installed one already; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn refused_setting(what: &str, why: &reqwest::Error) -> BridgeError {
    BridgeError::Refused(format!("the setting `{what}` cannot be used: {}", clip(&why.to_string())))
}

/// At most [`WORDS`] characters, without control characters.
pub(super) fn clip(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect()
}

/// Whether a URL points to this machine.
pub(super) fn is_loopback(base: &str) -> bool {
    let Ok(url) = url::Url::parse(base) else { return false };
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

/// Retry-After in milliseconds: seconds, also with a fraction as Graph sends them, or a date.
pub(super) fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<u64> {
    parse_retry_after(headers.get("retry-after")?.to_str().ok()?, clock)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be inside 0 and one day")]
fn parse_retry_after(text: &str, clock: &dyn Clock) -> Option<u64> {
    const DAY_MS: u64 = 86_400_000;
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then(|| ((seconds * 1000.0).ceil().min(8.64e7)) as u64);
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some(u64::try_from(until - clock.now().ms()).unwrap_or(0).min(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ManualClock;
    use crate::model::Timestamp;

    #[tokio::test]
    async fn f68_a_bridge_reaches_no_private_network_where_the_operator_says_so() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp(0)));
        let limits = Limits { remote_private_networks: false, ..Limits::default() };
        let client = |base: &str| Http::new(&Dial { base, proxy: None, timeout_ms: 2_000 }, clock.clone(), &limits);
        for base in
            ["http://127.0.0.1:9", "http://10.1.2.3", "http://169.254.169.254", "http://[::1]:9", "http://[fd00::1]"]
        {
            assert!(
                matches!(client(base), Err(BridgeError::Refused(why)) if why.contains("private network")),
                "{base}"
            );
        }
        assert!(client("https://93.184.216.34").is_ok());
        // A name that leads there is no way around it.
        let name = client("http://localhost:9").unwrap();
        let request = name.client().get("http://localhost:9/");
        let told = name.send(request, Intent::Read).await.unwrap_err().to_string();
        assert!(told.contains("no public address") || told.contains("cannot be reached"), "{told}");
        let usual =
            Http::new(&Dial { base: "http://10.1.2.3", proxy: None, timeout_ms: 2_000 }, clock, &Limits::default());
        assert!(usual.is_ok(), "a booking system in the town's own network is usual");
    }

    #[test]
    fn retry_after_is_read_as_seconds_fractions_and_dates() {
        // 1994-11-06T08:49:27Z, ten seconds before the date.
        let clock = ManualClock::new(Timestamp(784_111_767_000));
        for (text, want) in [
            ("10", Some(10_000)),
            ("2.128", Some(2_128)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:17 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("1e300", Some(86_400_000)),
        ] {
            assert_eq!(parse_retry_after(text, &clock), want, "{text}");
        }
    }

    #[test]
    fn html_is_garbage_for_reads_and_unknown_for_writes() {
        let answer = Answer { status: 200, json: false, body: b"<html>".to_vec() };
        assert!(matches!(answer.read::<serde_json::Value>(Intent::Read), Err(BridgeError::Garbage(_))));
        assert!(matches!(answer.read::<serde_json::Value>(Intent::Write), Err(BridgeError::Unknown(_))));
        let cut = Answer { status: 200, json: true, body: b"{\"value\":[".to_vec() };
        assert!(matches!(cut.read::<serde_json::Value>(Intent::Read), Err(BridgeError::Garbage(_))));
    }

    #[test]
    fn only_this_machine_counts_as_loopback() {
        assert!(is_loopback("http://127.0.0.1:9/x") && is_loopback("http://localhost") && is_loopback("http://[::1]/"));
        assert!(!is_loopback("https://graph.microsoft.com") && !is_loopback("http://127.0.0.1.example/"));
    }
}

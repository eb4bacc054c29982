//! Tests over real HTTP.

mod booking;
mod delta;
mod events;
mod faults;
mod meetings;
mod notify;

use super::Sandbox;
use super::SandboxOptions;
use super::caller::Answer;
use super::caller::CallError;
use super::caller::call;
use super::seed;
use super::wire::percent_encode;
use crate::model::ManualClock;
use crate::model::Timestamp;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;

/// 2026-03-02T08:00:00Z, a Monday.
const MONDAY: Timestamp = Timestamp(1_772_438_400_000);
const PATIENCE: Duration = Duration::from_secs(20);
const FJORD: &str = "moterom-fjord@fjordby.example";

/// A client with a token.
struct Client {
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
    token: String,
}

impl Client {
    /// A sandbox with rooms and no bookings.
    async fn start() -> Self {
        Self::start_in(None).await
    }

    async fn start_in(folder: Option<std::path::PathBuf>) -> Self {
        let clock = Arc::new(ManualClock::new(MONDAY));
        let options = SandboxOptions { clock: clock.clone(), folder, town_hall: false, ..SandboxOptions::default() };
        let mut client = Self { sandbox: Sandbox::start(options).await.unwrap(), clock, token: String::new() };
        client.token = client.login(seed::CLIENT_SECRET).await.1["access_token"].as_str().unwrap().to_owned();
        client
    }

    async fn login(&self, secret: &str) -> (u16, Value) {
        let address = format!("{}/{}/oauth2/v2.0/token", self.sandbox.login_url(), seed::TENANT_ID);
        let form = format!(
            "client_id={}&client_secret={secret}&grant_type=client_credentials&scope={}",
            seed::CLIENT_ID,
            percent_encode("https://graph.microsoft.com/.default")
        );
        let headers = [("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        split(&call("POST", &address, &headers, form.as_bytes(), PATIENCE).await.unwrap())
    }

    async fn raw(&self, method: &str, target: &str, extra: &[(&str, &str)], body: &Value) -> Result<Answer, CallError> {
        let base = self.sandbox.graph_url();
        let address = if target.starts_with("http") { target.to_owned() } else { format!("{base}/v1.0{target}") };
        let mut headers = vec![
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        if !extra.iter().any(|(name, _)| *name == "Prefer") {
            headers.push(("Prefer".to_owned(), "IdType=\"ImmutableId\"".to_owned()));
        }
        headers.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        call(method, &address.replace(' ', "%20"), &headers, &bytes, PATIENCE).await
    }

    async fn with(&self, method: &str, target: &str, extra: &[(&str, &str)], body: &Value) -> (u16, Value) {
        split(&self.raw(method, target, extra, body).await.unwrap())
    }

    async fn get(&self, target: &str) -> (u16, Value) {
        self.with("GET", target, &[], &Value::Null).await
    }

    async fn post(&self, target: &str, body: &Value) -> (u16, Value) {
        self.with("POST", target, &[], body).await
    }

    async fn patch(&self, target: &str, body: &Value) -> (u16, Value) {
        self.with("PATCH", target, &[], body).await
    }

    async fn delete(&self, target: &str) -> u16 {
        self.with("DELETE", target, &[], &Value::Null).await.0
    }

    async fn control(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let address = format!("{}{target}", self.sandbox.control_url());
        split(&call(method, &address, &[], &bytes, PATIENCE).await.unwrap())
    }

    /// A new event in a mailbox; its id.
    async fn book(&self, mailbox: &str, body: &Value) -> String {
        let (status, event) = self.post(&format!("/users/{mailbox}/events"), body).await;
        assert_eq!(status, 201, "{event}");
        event["id"].as_str().unwrap().to_owned()
    }
}

fn split(answer: &Answer) -> (u16, Value) {
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

/// A meeting on a date of March 2026, in Oslo.
fn meeting(day: u32, from: u32, to: u32) -> Value {
    let time = |hour: u32| json!({"dateTime": format!("2026-03-{day:02}T{hour:02}:00:00"), "timeZone": "W. Europe Standard Time"});
    json!({"subject": "Korøving", "start": time(from), "end": time(to)})
}

/// The same on every Monday, four times... as often as asked.
fn weekly(count: u32) -> Value {
    let mut event = meeting(2, 18, 20);
    event["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["Monday"], "firstDayOfWeek": "monday"},
        "range": {"type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": count,
                  "recurrenceTimeZone": "W. Europe Standard Time"}});
    event
}

/// A receiver of webhooks on the loopback; what it got, in order, as (query, head, body).
type Got = Arc<Mutex<Vec<(String, String, String)>>>;

/// Starts a receiver that shakes hands and otherwise answers with `status`.
async fn receiver(status: u16) -> (String, Got) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got: Got = Arc::default();
    let shared = got.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(receive(stream, shared.clone(), status));
        }
    });
    (url, got)
}

async fn receive(mut stream: tokio::net::TcpStream, got: Got, status: u16) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if count == 0 || length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap()) {
                break (head.to_owned(), body.to_owned());
            }
        }
        if count == 0 {
            return;
        }
    };
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let query = target.split_once('?').map_or("", |(_, query)| query).to_owned();
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "validationToken");
    let (status, answer) = token.map_or((status, String::new()), |(_, value)| (200, value.into_owned()));
    got.lock().unwrap().push((query, head, body));
    let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}", answer.len());
    let _ = stream.write_all(text.as_bytes()).await;
}

/// Waits until something is true, at most ten seconds.
async fn until<F: AsyncFnMut() -> bool>(mut is_true: F) {
    for _ in 0..200 {
        if is_true().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("what was waited for did not happen");
}

//! The whole workflow of a production day through the predecessor's interface: real gateway, real HTTP, simulated
//! Microsoft 365 and booking system. Nothing is polled here and nothing notifies: what happens, happens on demand.

use crate::walk::http::{self, Answer};
use anteroom::config::{BridgeEntry, Config};
use anteroom::model::{BridgeKind, Clock, SystemClock};
use anteroom::sandbox::{Sandbox, SandboxOptions, seed};
use anteroom::server::Gateway;
use serde_json::{Map, Value, json};

const KEY: &str = "the-key-of-the-booking-system";
const MAILBOX: &str = "moterom-fjell@fjordby.example";

struct Day {
    gateway: Gateway,
    sandbox: Sandbox,
    _folder: tempfile::TempDir,
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

async fn begin() -> Day {
    let sandbox = Sandbox::start(SandboxOptions { town_hall: false, ..SandboxOptions::default() }).await.unwrap();
    let (folder, town) = (tempfile::tempdir().unwrap(), seed::town_hall());
    let mut config = Config::default();
    "127.0.0.1:0".clone_into(&mut config.server.listen);
    folder.path().join("gateway").clone_into(&mut config.server.data_dir);
    config.auth.api_key = Some(KEY.into());
    config.sync.poll_seconds = 3600;
    let entry = |name: &str, kind, settings| BridgeEntry {
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        settings: object(&settings),
    };
    config.bridge = vec![
        entry(
            "outlook",
            BridgeKind::Graph,
            json!({ "base_url": sandbox.graph_url(), "login_url": sandbox.login_url(), "tenant_id": town.tenant_id,
                "client_id": town.client_id, "client_secret": town.client_secret, "zone": town.zone }),
        ),
        entry(
            "booking",
            BridgeKind::BookingGeneric,
            json!({ "base_url": sandbox.booking_generic_url(), "api_key": town.generic_api_key }),
        ),
    ];
    let gateway = Gateway::start(config).await.unwrap();
    Day { gateway, sandbox, _folder: folder }
}

async fn send(
    method: &'static str,
    address: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Value,
) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    tokio::task::spawn_blocking(move || http::ask(method, &address, &headers, &body).unwrap()).await.unwrap()
}

impl Day {
    /// A request as the booking system sends it.
    async fn ask(&self, method: &'static str, path: &str, body: Value) -> Value {
        let headers = vec![("X-API-Key", KEY), ("X-Tenant-Id", "default"), ("Content-Type", "application/json")];
        let answer = send(method, format!("http://{}{path}", self.gateway.address()), headers, body).await;
        assert!(answer.is_success(), "{method} {path}: {}", answer.text);
        let json = answer.json();
        assert_eq!(json["success"], true, "{method} {path}");
        assert_ne!(json["results"]["complete"], false, "{method} {path}: {json}");
        json
    }

    /// Somebody with one of the two systems in front of him.
    async fn person(&self, method: &'static str, path: String, body: Value) -> Value {
        let headers = vec![("Content-Type", "application/json")];
        let answer = send(method, format!("{}{path}", self.sandbox.control_url()), headers, body).await;
        assert!(answer.is_success(), "{method} {path}: {}", answer.text);
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }

    async fn reserve(&self, title: &str, hour: i64) -> u64 {
        let (start, end) = (at(hour), at(hour + 1));
        let body = json!({ "title": title, "start_time": start, "end_time": end, "resource_id": "fjell" });
        let made = self.person("POST", "/generic/as-person/api/events".to_owned(), body).await;
        made["id"].as_u64().or_else(|| made["id"].as_str()?.parse().ok()).unwrap()
    }

    async fn meet(&self, title: &str, hour: i64) {
        let time = |hour| json!({ "dateTime": at(hour).trim_end_matches('Z'), "timeZone": "UTC" });
        let body = json!({ "subject": title, "start": time(hour), "end": time(hour + 1) });
        self.person("POST", format!("/graph/as-person/v1.0/users/{MAILBOX}/events"), body).await;
    }

    /// Titles that Microsoft 365 shows, in order.
    async fn outlook(&self) -> Vec<String> {
        let path = format!(
            "/graph/as-person/v1.0/users/{MAILBOX}/calendarView?startDateTime={}&endDateTime={}&$top=100",
            at(0),
            at(72)
        );
        let found = self.person("GET", path, Value::Null).await;
        let rows = found["value"].as_array().unwrap().iter();
        let mut titles: Vec<String> = rows.map(|row| row["subject"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        titles
    }
}

/// A whole hour, counted from midnight in ten days.
fn at(hour: i64) -> String {
    let today = SystemClock.now().ms() / 86_400_000 * 86_400;
    jiff::Timestamp::from_second(today + 10 * 86_400 + hour * 3600).unwrap().to_string()
}

fn number(json: &Value, path: &str) -> u64 {
    json.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {path}: {json}"))
}

#[actix_web::test]
async fn the_production_workflow_runs_from_the_first_mapping_to_the_cleanup() {
    let day = begin().await;
    let first = day.reserve("Formannskap", 9).await;
    day.meet("Board", 11).await;
    set_up(&day).await;
    let second = to_outlook(&day).await;
    from_outlook(&day).await;
    cancel(&day, second).await;
    enable_again(&day, second).await;
    look_after(&day, first).await;
    day.gateway.stop().await;
    day.sandbox.stop().await;
}

/// Initial setup.
async fn set_up(day: &Day) {
    let rooms = day.ask("GET", "/bridges/outlook/available-resources?query=moterom-fjell", Value::Null).await;
    assert_eq!(rooms["resources"][0]["id"], MAILBOX, "{rooms}");
    let mapping = json!({ "bridge_from": "booking_system", "bridge_to": "outlook", "source_calendar_id": "fjell",
        "source_calendar_name": "fjell", "target_calendar_id": MAILBOX, "target_calendar_name": "Møterom Fjell" });
    day.ask("POST", "/mappings/resources", mapping).await;
    assert_eq!(day.ask("POST", "/sync/populate-mapping", Value::Null).await["results"]["resources"], 1);
    day.ask("POST", "/sync/from-outlook", Value::Null).await;
}

/// Booking system to Outlook. Answers the reservation that was made on the way.
async fn to_outlook(day: &Day) -> u64 {
    day.ask("POST", "/sync/to-outlook?limit=100", Value::Null).await;
    assert_eq!(day.ask("GET", "/sync/pending-items", Value::Null).await["count"], 0);
    assert_eq!(day.outlook().await, ["Board", "Formannskap"]);
    let second = day.reserve("Ungdomsråd", 13).await;
    let sent = day.ask("POST", "/sync/to-outlook", Value::Null).await;
    assert_eq!((number(&sent, "/results/processed"), number(&sent, "/results/created")), (1, 1), "{sent}");
    assert_eq!(sent["results"]["details"][0]["title"], "Ungdomsråd");
    assert_eq!(sent["results"]["details"][0]["action"], "created");
    assert_eq!(sent["results"]["success_rate"], "100%");
    second
}

/// Outlook to the booking system.
async fn from_outlook(day: &Day) {
    day.meet("Staff", 15).await;
    let read = day.ask("POST", "/sync/from-outlook", Value::Null).await;
    assert_eq!(number(&read, "/results/imported"), 1, "{read}");
    day.ask("POST", "/booking/process-imports", Value::Null).await;
    assert_eq!(day.ask("GET", "/booking/pending-imports", Value::Null).await["count"], 0);
    assert_eq!(day.ask("GET", "/sync/outlook-events", Value::Null).await["count"], 0);
    let imports = day.ask("GET", "/booking/processed-imports", Value::Null).await;
    let titles: Vec<&str> =
        imports["imports"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!((number(&imports, "/count"), titles), (2, vec!["Board", "Staff"]), "{imports}");
    assert!(imports["imports"].as_array().unwrap().iter().all(|one| one["reservation_id"].is_u64()), "{imports}");
}

async fn cancel(day: &Day, second: u64) {
    day.person("DELETE", format!("/generic/as-person/api/events/{second}"), Value::Null).await;
    let gone = day.ask("POST", "/bridges/sync-deletions", Value::Null).await;
    assert_eq!(
        (number(&gone, "/results/detected_deletions"), number(&gone, "/results/outlook_deletions")),
        (1, 1),
        "{gone}"
    );
    assert_eq!(gone["results"]["cancelled_events"][0]["id"], second.to_string());
    assert_eq!(gone["results"]["cancelled_events"][0]["resource_id"], "fjell");
    assert_eq!(gone["results"]["systems_affected"], json!(["outlook"]));
    assert_eq!(day.outlook().await, ["Board", "Formannskap", "Staff"]);
    let list = day.ask("GET", "/cancel/cancelled-reservations", Value::Null).await;
    assert!(
        list["cancelled_reservations"].as_array().unwrap().iter().any(|one| one["reservation_id"] == second),
        "{list}"
    );
    assert_eq!(
        number(&day.ask("GET", "/cancel/stats", Value::Null).await, "/statistics/cancelled"),
        number(&list, "/count")
    );
}

async fn enable_again(day: &Day, second: u64) {
    day.person("PUT", format!("/generic/as-person/api/events/{second}"), json!({ "active": true })).await;
    let back = day.ask("POST", "/bridges/sync-deletions", Value::Null).await;
    assert_eq!((number(&back, "/results/pending_resets"), number(&back, "/results/errors")), (1, 0), "{back}");
    assert_eq!(back["results"]["reenabled_events"][0]["id"], second.to_string());
    assert_eq!(day.outlook().await, ["Board", "Formannskap", "Staff", "Ungdomsråd"]);
}

/// Hooks of the booking system, monitoring, cleanup.
async fn look_after(day: &Day, first: u64) {
    assert_eq!(day.ask("POST", &format!("/sync/item/event/{first}/fjell"), Value::Null).await["known"], true);
    let stats = day.ask("GET", "/sync/stats", Value::Null).await;
    assert_eq!(number(&stats, "/statistics/summary/synced"), 4, "{stats}");
    assert_eq!(
        number(&stats, "/statistics/summary/pending") + number(&stats, "/statistics/summary/error"),
        0,
        "{stats}"
    );
    let stats = day.ask("GET", "/booking/processing-stats", Value::Null).await;
    assert_eq!(number(&stats, "/statistics/summary/synced"), 2, "{stats}");
    let health = day.ask("GET", "/bridges/health", Value::Null).await;
    assert_eq!(
        (health["bridges"]["outlook"]["status"].as_str(), number(&health, "/mappings/active")),
        (Some("healthy"), 2)
    );
    assert_eq!(number(&day.ask("DELETE", "/sync/cleanup-orphaned", Value::Null).await, "/deleted_count"), 0);
    let round = day.ask("POST", "/tenants/default/maintenance/full", Value::Null).await;
    assert_eq!(number(&round, "/results/verify/violations"), 0, "{round}");
}

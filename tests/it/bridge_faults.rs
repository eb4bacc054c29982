//! What every bridge makes of lost answers, throttling, failures, pages that are no JSON, lost cursors, ended sessions,
//! missing calendars and wrong credentials, against the three sandboxes over real HTTP; and the life of subscriptions.

use super::bridge_contract::{body, event, generic, graph, known, made, portico, room, sandbox, window};
use actix_web::web;
use anteroom::bridge::{Bridge, BridgeError, Cursor, Hook, IdempotencyKey, Part, Probe, RemoteCalendar, RemoteId};
use anteroom::crypt::{Secret, mac};
use anteroom::model::{BridgeKind, Event};
use anteroom::sandbox::{Fault, Faults, Once, Sandbox, SystemFaults, seed};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// One bridge with a calendar of its sandbox.
struct Case {
    bridge: Arc<dyn Bridge>,
    at: RemoteCalendar,
    /// How this system is asked to update and to delete.
    verbs: [&'static str; 2],
}

fn cases(sandbox: &Sandbox) -> [Case; 3] {
    let fjord = room("moterom-fjord@fjordby.example", "Møterom Fjord");
    [
        Case { bridge: graph(sandbox), at: fjord, verbs: ["PATCH", "DELETE"] },
        Case { bridge: generic(sandbox), at: room("fjell", "Møterom Fjell"), verbs: ["PUT", "DELETE"] },
        Case { bridge: portico(sandbox), at: room("103", "Møterom Fjord"), verbs: ["PUT", "PATCH"] },
    ]
}

impl Case {
    /// Lets a fault strike the next request with that method and path.
    fn strike(&self, sandbox: &Sandbox, method: &str, path: &str, fault: Fault) {
        self.strike_times(sandbox, method, path, fault, 1);
    }

    fn strike_times(&self, sandbox: &Sandbox, method: &str, path: &str, fault: Fault, times: usize) {
        let once = Once { method: Some(method.to_owned()), path: Some(path.to_owned()), fault };
        self.switch(sandbox, SystemFaults { once: vec![once; times], ..SystemFaults::default() });
    }

    fn switch(&self, sandbox: &Sandbox, own: SystemFaults) {
        let mut faults = Faults::default();
        match self.bridge.kind() {
            BridgeKind::Graph => faults.graph = own,
            BridgeKind::BookingGeneric => faults.generic = own,
            BridgeKind::BookingPortico | BridgeKind::Memory => faults.portico = own,
        }
        sandbox.set_faults(faults);
    }

    fn wanted(&self, uid: &str, title: &str) -> Event {
        self.bridge.project(&self.at, &event(uid, title), window()).unwrap().parts.remove(&Part::Whole).unwrap()
    }

    async fn count(&self) -> usize {
        self.bridge.read_all(&self.at, window()).await.unwrap().items().len()
    }

    fn name(&self) -> BridgeKind {
        self.bridge.kind()
    }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey(text.to_owned())
}

/// One request to the sandbox's control API.
pub async fn control(sandbox: &Sandbox, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let host = sandbox.control_url().trim_start_matches("http://").to_owned();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// How many requests with that method and path the sandbox has seen.
async fn requests(sandbox: &Sandbox, method: &str, path: &str) -> usize {
    let (_, log) = control(sandbox, "GET", "/requests", &Value::Null).await;
    let lines = log["requests"].as_array().unwrap();
    lines.iter().filter(|line| line["method"] == method && line["path"].as_str().unwrap().contains(path)).count()
}

#[actix_web::test]
async fn a_create_whose_answer_is_lost_is_found_by_a_probe_and_made_once() {
    for fault in [Fault::LostAnswer, Fault::LostAnswer504, Fault::Truncate] {
        let sandbox = sandbox().await;
        for case in cases(&sandbox) {
            let (want, key) = (case.wanted("lost@test", "Lost"), key("lost-1"));
            case.strike(&sandbox, "POST", "/events", fault);
            let lost = case.bridge.create(&case.at, &want, &key).await;
            assert!(matches!(lost, Err(BridgeError::Unknown(_))), "{:?} {fault:?}: {lost:?}", case.name());
            let probe = case.bridge.probe(&case.at, &want, &key).await.unwrap();
            let Probe::Found(item) = probe else { panic!("{:?} {fault:?}: {probe:?}", case.name()) };
            assert_eq!(body(&*case.bridge, &case.at, &item.event), body(&*case.bridge, &case.at, &want));
            if case.name() != BridgeKind::BookingPortico {
                assert_eq!(item.key.as_ref(), Some(&key), "the key leads to the event that was asked for");
                assert_eq!(case.bridge.create(&case.at, &want, &key).await.unwrap().id, item.id);
            }
            assert_eq!(case.count().await, 1, "{:?} {fault:?}", case.name());
        }
    }
}

#[actix_web::test]
async fn a_create_that_had_no_effect_is_not_found_and_is_made_by_the_next_attempt() {
    for fault in [Fault::Reset, Fault::Error, Fault::Html, Fault::Throttle] {
        let sandbox = sandbox().await;
        for case in cases(&sandbox) {
            let (want, key) = (case.wanted("none@test", "None"), key("none-1"));
            case.strike(&sandbox, "POST", "/events", fault);
            let failed = case.bridge.create(&case.at, &want, &key).await;
            let right = match fault {
                Fault::Throttle => failed == Err(BridgeError::Busy { after_ms: Some(1_000) }),
                _ => matches!(failed, Err(BridgeError::Unknown(_))),
            };
            assert!(right, "{:?} {fault:?}: {failed:?}", case.name());
            assert_eq!(case.bridge.probe(&case.at, &want, &key).await.unwrap(), Probe::NotFound);
            case.bridge.create(&case.at, &want, &key).await.unwrap();
            assert_eq!(case.count().await, 1, "{:?} {fault:?}", case.name());
        }
    }
}

#[actix_web::test]
async fn an_update_or_delete_whose_answer_is_lost_is_unknown_and_may_be_repeated() {
    for fault in [Fault::LostAnswer, Fault::LostAnswer504, Fault::Truncate] {
        let sandbox = sandbox().await;
        for case in cases(&sandbox) {
            let one = case.wanted("change@test", "One");
            let two = case.wanted("change@test", "Two");
            let item = case.bridge.create(&case.at, &one, &key("change-1")).await.unwrap();
            case.strike(&sandbox, case.verbs[0], "/events/", fault);
            let lost = case.bridge.update(&case.at, &known(&item), &one, &two).await;
            assert!(matches!(lost, Err(BridgeError::Unknown(_))), "{:?} {fault:?}: {lost:?}", case.name());
            let again = case.bridge.update(&case.at, &known(&item), &one, &two).await.unwrap();
            assert_eq!(again.event.content.summary, "Two");
            case.strike(&sandbox, case.verbs[1], "/events/", fault);
            let lost = case.bridge.delete(&case.at, &known(&again)).await;
            // 204 has no body that could break off.
            let whole = fault == Fault::Truncate && case.name() == BridgeKind::Graph;
            let right = if whole { lost == Ok(()) } else { matches!(lost, Err(BridgeError::Unknown(_))) };
            assert!(right, "{:?} {fault:?}: {lost:?}", case.name());
            assert_eq!(case.bridge.fetch(&case.at, &item.id).await.unwrap(), None);
            case.bridge.delete(&case.at, &known(&again)).await.unwrap();
            assert_eq!(case.count().await, 0);
        }
    }
}

#[actix_web::test]
async fn a_page_in_place_of_the_answer_to_a_write_is_never_a_success() {
    let sandbox = sandbox().await;
    for case in cases(&sandbox) {
        let one = case.wanted("html@test", "One");
        let two = case.wanted("html@test", "Two");
        let item = case.bridge.create(&case.at, &one, &key("html-1")).await.unwrap();
        case.strike(&sandbox, case.verbs[0], "/events/", Fault::Html);
        let lost = case.bridge.update(&case.at, &known(&item), &one, &two).await;
        assert!(matches!(lost, Err(BridgeError::Unknown(_))), "{:?}: {lost:?}", case.name());
        case.strike(&sandbox, case.verbs[1], "/events/", Fault::Html);
        let lost = case.bridge.delete(&case.at, &known(&item)).await;
        assert!(matches!(lost, Err(BridgeError::Unknown(_))), "{:?}: {lost:?}", case.name());
        assert_eq!(case.count().await, 1, "{:?}", case.name());
    }
}

#[actix_web::test]
async fn a_read_that_fails_is_an_error_and_never_an_empty_calendar() {
    let sandbox = sandbox().await;
    for case in cases(&sandbox) {
        let want = case.wanted("read@test", "Read");
        let item = case.bridge.create(&case.at, &want, &key("read-1")).await.unwrap();
        let cursor = case.bridge.read_all(&case.at, window()).await.unwrap().cursor().unwrap().clone();
        for fault in [Fault::Html, Fault::Truncate, Fault::Error, Fault::Reset, Fault::LostAnswer, Fault::Throttle] {
            let right = |error: &BridgeError| match fault {
                Fault::Html | Fault::Truncate => matches!(error, BridgeError::Garbage(_)),
                Fault::Throttle => *error == BridgeError::Busy { after_ms: Some(1_000) },
                Fault::Error => matches!(error, BridgeError::Transport(_) | BridgeError::Busy { .. }),
                _ => matches!(error, BridgeError::Transport(_)),
            };
            // A read whose connection breaks is sent once more.
            let times = if matches!(fault, Fault::Reset | Fault::LostAnswer) { 2 } else { 1 };
            let strike = |fault| case.strike_times(&sandbox, "GET", "/", fault, times);
            let what = format!("{:?} {fault:?}", case.name());
            strike(fault);
            let all = case.bridge.read_all(&case.at, window()).await.unwrap_err();
            assert!(right(&all), "{what}: {all:?}");
            strike(fault);
            let changes = case.bridge.read_changes(&case.at, &cursor).await.unwrap_err();
            assert!(right(&changes), "{what}: {changes:?}");
            strike(fault);
            let one = case.bridge.fetch(&case.at, &item.id).await.unwrap_err();
            assert!(right(&one), "{what}: {one:?}");
            strike(fault);
            let probe = case.bridge.probe(&case.at, &want, &key("read-1")).await.unwrap_err();
            assert!(right(&probe), "{what}: {probe:?}");
        }
    }
}

#[actix_web::test]
async fn a_read_whose_connection_breaks_once_succeeds() {
    let sandbox = sandbox().await;
    for case in cases(&sandbox) {
        let item = case.bridge.create(&case.at, &case.wanted("read@test", "Read"), &key("read-1")).await.unwrap();
        for fault in [Fault::Reset, Fault::LostAnswer] {
            case.strike(&sandbox, "GET", "/", fault);
            let all = case.bridge.read_all(&case.at, window()).await.unwrap();
            assert_eq!(all.items().iter().filter(|one| one.id == item.id).count(), 1, "{:?} {fault:?}", case.name());
        }
    }
}

#[actix_web::test]
async fn a_lost_cursor_is_told_as_such_and_a_complete_read_goes_on() {
    let sandbox = sandbox().await;
    let [graph, generic, portico] = cases(&sandbox);
    let cursor = graph.bridge.read_all(&graph.at, window()).await.unwrap().cursor().unwrap().clone();
    graph.switch(&sandbox, SystemFaults { cursor_gone_next: 1, ..SystemFaults::default() });
    assert_eq!(graph.bridge.read_changes(&graph.at, &cursor).await, Err(BridgeError::CursorGone));
    assert!(graph.bridge.read_all(&graph.at, window()).await.is_ok());
    control(&sandbox, "POST", "/graph/expire-cursors", &Value::Null).await;
    assert_eq!(graph.bridge.read_changes(&graph.at, &cursor).await, Err(BridgeError::CursorGone));
    for case in [generic, portico] {
        let broken = Cursor("not ours".to_owned());
        assert_eq!(case.bridge.read_changes(&case.at, &broken).await, Err(BridgeError::CursorGone));
    }
}

#[actix_web::test]
async fn a_cursor_that_leads_to_another_host_is_not_followed() {
    let sandbox = sandbox().await;
    let [graph, ..] = cases(&sandbox);
    let astray = Cursor(format!("{}/v1.0/users/x/calendarView/delta", sandbox.booking_generic_url()));
    assert!(matches!(graph.bridge.read_changes(&graph.at, &astray).await, Err(BridgeError::Garbage(_))));
    assert_eq!(requests(&sandbox, "GET", "/v1.0/users/x").await, 0);
}

#[actix_web::test]
async fn a_revoked_token_is_renewed_once_and_an_ended_session_begun_anew() {
    let sandbox = sandbox().await;
    let [graph, _, portico] = cases(&sandbox);
    for (case, path, end) in
        [(&graph, "/oauth2/v2.0/token", "/graph/revoke-tokens"), (&portico, "/login", "/portico/end-sessions")]
    {
        assert_eq!(case.count().await, 0);
        assert_eq!(requests(&sandbox, "POST", path).await, 1);
        assert_eq!(control(&sandbox, "POST", end, &Value::Null).await.0, 204);
        let item = case.bridge.create(&case.at, &case.wanted("s@test", "S"), &key("s-1")).await.unwrap();
        assert_eq!(requests(&sandbox, "POST", path).await, 2, "{:?}", case.name());
        assert!(case.bridge.fetch(&case.at, &item.id).await.unwrap().is_some());
        assert_eq!(requests(&sandbox, "POST", path).await, 2, "{:?}", case.name());
    }
}

#[actix_web::test]
async fn wrong_credentials_are_told_as_such() {
    let sandbox = sandbox().await;
    let hall = seed::town_hall();
    let wrong = [
        json!({"kind": "graph", "base_url": sandbox.graph_url(), "login_url": sandbox.login_url(),
               "tenant": hall.tenant_id, "client_id": hall.client_id, "client_secret": "wrong"}),
        json!({"kind": "booking_generic", "base_url": sandbox.booking_generic_url(), "api_key": "wrong"}),
        json!({"kind": "booking_portico", "base_url": sandbox.booking_portico_url(), "login": hall.portico_login,
               "password": "wrong"}),
    ];
    for (settings, case) in wrong.iter().zip(cases(&sandbox)) {
        let bridge = made(settings);
        let read = bridge.read_all(&case.at, window()).await;
        assert!(matches!(read, Err(BridgeError::Auth(_))), "{:?}: {read:?}", case.name());
        let write = bridge.create(&case.at, &case.wanted("a@test", "A"), &key("a-1")).await;
        assert!(matches!(write, Err(BridgeError::Auth(_))), "{:?}: {write:?}", case.name());
    }
}

#[actix_web::test]
async fn a_missing_calendar_is_never_an_absence_of_events() {
    let sandbox = sandbox().await;
    let nowhere = [room("borte@fjordby.example", "Borte"), room("borte", "Borte"), room("999", "Borte")];
    for (at, case) in nowhere.into_iter().zip(cases(&sandbox)) {
        let want = case.wanted("gone@test", "Gone");
        let item = case.bridge.create(&case.at, &want, &key("gone-1")).await.unwrap();
        let read = case.bridge.read_all(&at, window()).await;
        assert!(matches!(read, Err(BridgeError::CalendarGone(_))), "{:?}: {read:?}", case.name());
        let write = case.bridge.create(&at, &want, &key("gone-2")).await;
        let refused = matches!(write, Err(BridgeError::CalendarGone(_) | BridgeError::Refused(_)));
        assert!(refused, "{:?}: {write:?}", case.name());
        if case.name() == BridgeKind::Graph {
            let cursor = case.bridge.read_all(&case.at, window()).await.unwrap().cursor().unwrap().clone();
            let cursor = Cursor(cursor.0.replace(&case.at.id, &at.id));
            let changes = case.bridge.read_changes(&at, &cursor).await;
            assert!(matches!(changes, Err(BridgeError::CalendarGone(_) | BridgeError::CursorGone)), "{changes:?}");
            for outcome in [
                case.bridge.fetch(&at, &item.id).await.map(|_| ()),
                case.bridge.fetch(&at, &RemoteId("AAkALgAAAAAAHYQDEapmEc2byACqAC".to_owned())).await.map(|_| ()),
                case.bridge.probe(&at, &want, &key("gone-1")).await.map(|_| ()),
                case.bridge.update(&at, &known(&item), &want, &want).await.map(|_| ()),
                case.bridge.delete(&at, &known(&item)).await,
            ] {
                assert!(matches!(outcome, Err(BridgeError::CalendarGone(_))), "{outcome:?}");
            }
        }
    }
}

#[actix_web::test]
async fn a_mailbox_gets_three_requests_at_once_and_no_more() {
    let sandbox = sandbox().await;
    let [case, ..] = cases(&sandbox);
    let item = case.bridge.create(&case.at, &case.wanted("many@test", "Many"), &key("many-1")).await.unwrap();
    let many = async |most: u32| {
        let slow = SystemFaults { latency_ms: [120, 120], mailbox_concurrency: most, ..SystemFaults::default() };
        case.switch(&sandbox, slow);
        futures_util::future::join_all((0..9).map(|_| case.bridge.fetch(&case.at, &item.id))).await
    };
    assert!(many(3).await.iter().all(Result::is_ok));
    let busy = |one: &Result<_, BridgeError>| matches!(one, Err(BridgeError::Busy { .. }));
    assert!(many(2).await.iter().any(busy), "three are used where three are needed");
}

/// A receiver of notifications on the loopback: shakes hands as the gateway does, keeps what it gets.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

#[derive(Clone, Debug)]
struct Got {
    path: String,
    signature: String,
    body: Vec<u8>,
}

async fn receive(
    request: actix_web::HttpRequest,
    bytes: web::Bytes,
    got: web::Data<Mutex<Vec<Got>>>,
) -> actix_web::HttpResponse {
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    if let Some((_, token)) = query.into_iter().find(|(name, _)| name == "validationToken") {
        return actix_web::HttpResponse::Ok().content_type("text/plain").body(token.into_owned());
    }
    let signature = request.headers().get("X-Booking-Signature").and_then(|value| value.to_str().ok());
    let one = Got {
        path: request.path().to_owned(),
        signature: signature.unwrap_or_default().to_owned(),
        body: bytes.to_vec(),
    };
    got.lock().unwrap().push(one);
    actix_web::HttpResponse::Accepted().finish()
}

impl Receiver {
    fn start() -> Self {
        let got = web::Data::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        let server = actix_web::HttpServer::new(move || {
            actix_web::App::new().app_data(kept.clone()).default_service(web::to(receive))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, got: got.into_inner() }
    }

    fn hook(&self, name: &str) -> Hook {
        let url = format!("{}/{name}", self.url);
        Hook { lifecycle_url: format!("{url}/lifecycle"), url, secret: format!("secret of {name}") }
    }

    /// What came to one address, once there is something.
    async fn wait(&self, name: &str) -> Vec<Got> {
        for _ in 0..200 {
            let path = format!("/{name}");
            let all: Vec<Got> = self.got.lock().unwrap().iter().filter(|got| got.path == path).cloned().collect();
            if !all.is_empty() {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no notification came to {name}")
    }
}

/// What a person does in one of the three systems.
async fn by_hand(sandbox: &Sandbox, case: &Case) {
    let (target, body) = match case.name() {
        BridgeKind::Graph => (
            format!("/graph/as-person/v1.0/users/{}/events", case.at.id),
            json!({"subject": "By hand", "start": {"dateTime": "2027-03-05T10:00:00", "timeZone": "UTC"},
                   "end": {"dateTime": "2027-03-05T11:00:00", "timeZone": "UTC"}}),
        ),
        BridgeKind::BookingGeneric => (
            "/generic/as-person/api/events".to_owned(),
            json!({"title": "By hand", "location": case.at.name, "start_time": "2027-03-05T10:00:00Z",
                   "end_time": "2027-03-05T11:00:00Z"}),
        ),
        BridgeKind::BookingPortico | BridgeKind::Memory => (
            "/portico/ui/events/create".to_owned(),
            json!({"title": "By hand", "resources": [103], "from_": "2027-03-05 10:00:00",
                   "to_": "2027-03-05 11:00:00"}),
        ),
    };
    let (status, answer) = control(sandbox, "POST", &target, &body).await;
    assert_eq!(status, 201, "{answer}");
}

#[actix_web::test]
async fn f5_a_subscription_whose_key_was_lost_is_replaced() {
    let sandbox = sandbox().await;
    let receiver = Receiver::start();
    let [case, ..] = cases(&sandbox);
    let lost = case.bridge.subscribe(&case.at, &receiver.hook("lost")).await.unwrap().unwrap();
    let hook = receiver.hook("kept");
    let kept = case.bridge.subscribe(&case.at, &hook).await.unwrap().unwrap();
    assert_ne!(kept.id, lost.id);
    assert_eq!(case.bridge.renew(&case.at, &lost.id).await, Err(BridgeError::NotFound), "nobody can use it any more");
    by_hand(&sandbox, &case).await;
    let told: Value = serde_json::from_slice(&receiver.wait("kept").await[0].body).unwrap();
    assert_eq!(told["value"][0]["clientState"], hook.secret);
}

#[actix_web::test]
async fn a_subscription_is_made_renewed_used_and_ended() {
    let sandbox = sandbox().await;
    let receiver = Receiver::start();
    for (nth, case) in cases(&sandbox).into_iter().enumerate() {
        let name = format!("hook-{nth}");
        let hook = receiver.hook(&name);
        let made = case.bridge.subscribe(&case.at, &hook).await.unwrap().unwrap();
        let renewed = case.bridge.renew(&case.at, &made.id).await.unwrap();
        assert_eq!((&renewed.id, renewed.expires.is_some()), (&made.id, made.expires.is_some()), "{:?}", case.name());
        by_hand(&sandbox, &case).await;
        let got = receiver.wait(&name).await;
        if case.name() == BridgeKind::Graph {
            let told: Value = serde_json::from_slice(&got[0].body).unwrap();
            assert_eq!(told["value"][0]["clientState"], hook.secret);
        } else {
            let secret = Secret::new(hook.secret.clone());
            assert!(mac::verify_webhook(&secret, &got[0].body, &got[0].signature), "{:?}: {got:?}", case.name());
        }
        case.bridge.unsubscribe(&made.id).await.unwrap();
        case.bridge.unsubscribe(&made.id).await.unwrap();
        assert_eq!(case.bridge.renew(&case.at, &made.id).await, Err(BridgeError::NotFound), "{:?}", case.name());
    }
}

#[actix_web::test]
async fn an_address_that_does_not_shake_hands_gets_no_subscription() {
    let sandbox = sandbox().await;
    let [case, ..] = cases(&sandbox);
    let deaf = Hook { url: sandbox.control_url(), lifecycle_url: sandbox.control_url(), secret: "s".to_owned() };
    let refused = case.bridge.subscribe(&case.at, &deaf).await;
    assert!(matches!(refused, Err(BridgeError::Refused(_))), "{refused:?}");
}

async fn webhooks(sandbox: &Sandbox) -> Vec<String> {
    let (_, all) = control(sandbox, "GET", "/generic/as-person/api/webhooks", &Value::Null).await;
    all["webhooks"].as_array().unwrap().iter().map(|one| one["url"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_generic_system_keeps_one_webhook_for_each_address() {
    let sandbox = sandbox().await;
    let receiver = Receiver::start();
    let [_, case, _] = cases(&sandbox);
    let (one, two) = (receiver.hook("one"), receiver.hook("two"));
    let first = case.bridge.subscribe(&case.at, &one).await.unwrap().unwrap();
    let second = case.bridge.subscribe(&case.at, &one).await.unwrap().unwrap();
    assert_ne!(first.id, second.id, "the new secret takes the place of the old one");
    case.bridge.subscribe(&case.at, &two).await.unwrap().unwrap();
    assert_eq!(webhooks(&sandbox).await, [one.url.as_str(), two.url.as_str()]);
    for fault in [Fault::LostAnswer, Fault::LostAnswer504, Fault::Truncate] {
        case.strike(&sandbox, "POST", "/webhooks", fault);
        let settled = case.bridge.subscribe(&case.at, &one).await.unwrap().unwrap();
        assert!(case.bridge.renew(&case.at, &settled.id).await.is_ok(), "{fault:?}");
        assert_eq!(webhooks(&sandbox).await.len(), 2, "{fault:?}");
    }
    by_hand(&sandbox, &case).await;
    assert_eq!(receiver.wait("one").await[0].body, receiver.wait("two").await[0].body, "each address is told");
}

#[actix_web::test]
async fn a_generic_system_without_webhooks_is_no_failure() {
    for status in [404, 405, 501] {
        let server = actix_web::HttpServer::new(move || {
            let refuse = move || async move {
                actix_web::HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).body("<p>no</p>")
            };
            actix_web::App::new().default_service(web::to(refuse))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        let bridge = made(&json!({"kind": "booking_generic", "base_url": url, "api_key": "k"}));
        let hook = Hook { url: "http://h".to_owned(), lifecycle_url: String::new(), secret: "s".to_owned() };
        assert_eq!(bridge.subscribe(&room("fjell", "Fjell"), &hook).await, Ok(None), "{status}");
        assert_eq!(bridge.unsubscribe("7").await, Ok(()), "{status}");
    }
}

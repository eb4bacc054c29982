//! From the network to a simulator and back, with the switchboard's faults in between.

use super::booking::generic;
use super::booking::portico;
use super::control;
use super::faults::Fault;
use super::graph;
use super::state::LogLine;
use super::state::World;
use super::state::lock;
use super::wire::Reply;
use super::wire::Request;
use super::wire::parse_form;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

/// Largest request body that is read.
const BODY_BYTES: usize = 8 << 20;

/// The simulated systems, and the control API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Graph,
    Generic,
    Portico,
    Control,
}

impl System {
    const fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Generic => "generic",
            Self::Portico => "portico",
            Self::Control => "control",
        }
    }
}

/// A second handle to a connection's socket, to close it without an answer.
struct Hangup(std::net::TcpStream);

/// What one server shares: the world, which system it plays, and the load of each mailbox.
struct Shared {
    world: Arc<World>,
    system: System,
    load: Mutex<BTreeMap<String, Load>>,
}

/// Requests of one mailbox: now, and in the ten minutes that began then.
#[derive(Default)]
struct Load {
    running: u32,
    since_ms: i64,
    count: u32,
}

/// Starts the server of one system on a bound socket. Must be called inside a tokio runtime.
pub(super) fn start(
    world: &Arc<World>,
    system: System,
    listener: TcpListener,
) -> std::io::Result<actix_web::dev::ServerHandle> {
    let shared = web::Data::new(Shared { world: Arc::clone(world), system, load: Mutex::default() });
    let server = actix_web::HttpServer::new(move || {
        actix_web::App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(BODY_BYTES))
            .default_service(web::to(handle))
    })
    .on_connect(remember_socket)
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

fn remember_socket(connection: &dyn Any, data: &mut actix_web::dev::Extensions) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    if let Ok(descriptor) = stream.as_fd().try_clone_to_owned() {
        data.insert(Hangup(std::net::TcpStream::from(descriptor)));
    }
}

async fn handle(http: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let request = read(&http, &body);
    if shared.system == System::Control {
        return write(control::answer(&shared.world, &request).await);
    }
    let (fault, wait, retry_after) = plan(&shared, &request);
    let reply = match mailbox_of(shared.system, &request).map(|mailbox| Seat::take(&shared, mailbox)) {
        Some(Err(reply)) => reply,
        _seat => {
            tokio::time::sleep(wait).await;
            perform(&shared, &request, fault, retry_after).await
        }
    };
    let line = LogLine {
        at: shared.world.now().to_string(),
        system: shared.system.name(),
        method: request.method.clone(),
        path: request.path.clone(),
        status: reply.status,
        fault,
    };
    lock(&shared.world.log).add(line);
    match fault {
        Some(Fault::Reset | Fault::LostAnswer) => hang_up(&http),
        Some(Fault::Truncate) => truncated(&http, &reply),
        _ => write(reply),
    }
}

fn plan(shared: &Shared, request: &Request) -> (Option<Fault>, Duration, u64) {
    let mut faults = lock(&shared.world.faults);
    let mut dice = lock(&shared.world.dice);
    let own = match shared.system {
        System::Graph => &mut faults.graph,
        System::Generic => &mut faults.generic,
        System::Portico | System::Control => &mut faults.portico,
    };
    let wait = Duration::from_millis(dice.between(own.latency_ms[0], own.latency_ms[1]));
    (own.strike(request, &mut dice), wait, own.retry_after_s)
}

async fn perform(shared: &Shared, request: &Request, fault: Option<Fault>, retry_after: u64) -> Reply {
    match fault {
        Some(Fault::Throttle) => throttled(retry_after),
        Some(Fault::Error) => unavailable(&shared.world),
        Some(Fault::Reset) => Reply::empty(0),
        Some(Fault::Html) => Reply {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned())],
            body: b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>".to_vec(),
        },
        Some(Fault::LostAnswer504) => {
            answer(shared, request).await;
            error(504, "UnknownError", "Gateway timeout.")
        }
        Some(Fault::LostAnswer | Fault::Truncate) | None => answer(shared, request).await,
    }
}

async fn answer(shared: &Shared, request: &Request) -> Reply {
    match shared.system {
        System::Graph => graph::answer(&shared.world, request).await,
        System::Generic => generic::answer(&shared.world, request),
        System::Portico | System::Control => portico::answer(&shared.world, request),
    }
}

fn error(status: u16, code: &str, text: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": text, "innerError": {}}}))
}

fn throttled(retry_after: u64) -> Reply {
    error(429, "TooManyRequests", "Please retry again later.").with_header("Retry-After", &retry_after.to_string())
}

fn unavailable(world: &World) -> Reply {
    let kinds = [(500, "ErrorInternalServerTransientError"), (502, "UnknownError"), (503, "ErrorServerBusy")];
    let pick = lock(&world.dice).between(0, 2);
    let (status, code) = kinds[usize::try_from(pick).unwrap_or(0)];
    error(status, code, "The service is not available for the moment.")
}

/// The mailbox whose limits count this request.
fn mailbox_of(system: System, request: &Request) -> Option<String> {
    let segments = request.segments();
    match (system, segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice()) {
        (System::Graph, ["v1.0", "users", user, _, ..]) => Some(user.to_lowercase()),
        _ => None,
    }
}

/// A running request of one mailbox; counted out when it ends, also when its client went away.
struct Seat<'a> {
    shared: &'a Shared,
    mailbox: String,
}

impl<'a> Seat<'a> {
    /// Counts a request in, unless the mailbox is over its limits.
    fn take(shared: &'a Shared, mailbox: String) -> Result<Self, Reply> {
        let (most_at_once, most, retry_after) = {
            let faults = lock(&shared.world.faults);
            (faults.graph.mailbox_concurrency, faults.graph.mailbox_per_10_min, faults.graph.retry_after_s)
        };
        let now = shared.world.now().ms();
        let mut loads = lock(&shared.load);
        let load = loads.entry(mailbox.clone()).or_default();
        if now - load.since_ms >= 600_000 {
            load.since_ms = now;
            load.count = 0;
        }
        load.count += 1;
        let text = if load.running >= most_at_once {
            "Application is over its MailboxConcurrency limit."
        } else if load.count > most {
            "Application is over its RequestCount limit for the mailbox."
        } else {
            load.running += 1;
            return Ok(Self { shared, mailbox });
        };
        Err(error(429, "ApplicationThrottled", text).with_header("Retry-After", &retry_after.to_string()))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(load) = lock(&self.shared.load).get_mut(&self.mailbox) {
            load.running = load.running.saturating_sub(1);
        }
    }
}

fn read(http: &HttpRequest, body: &web::Bytes) -> Request {
    let headers = http.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let host = http.connection_info().host().to_owned();
    Request {
        method: http.method().as_str().to_owned(),
        path: http.uri().path().to_owned(),
        query: parse_form(http.query_string().as_bytes()),
        headers: headers.collect(),
        body: body.to_vec(),
        base: format!("http://{host}"),
    }
}

fn write(reply: Reply) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(reply.status)
        .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &reply.headers {
        response.append_header((name.as_str(), value.as_str()));
    }
    response.append_header(("request-id", uuid::Uuid::new_v4().to_string()));
    response.body(reply.body)
}

/// Closes the connection; the answer is written into a closed socket.
fn hang_up(http: &HttpRequest) -> HttpResponse {
    if let Some(Hangup(socket)) = http.conn_data::<Hangup>() {
        let _ = socket.shutdown(Shutdown::Both);
    }
    HttpResponse::ServiceUnavailable().force_close().finish()
}

/// Announces the whole body and sends half of it.
fn truncated(http: &HttpRequest, reply: &Reply) -> HttpResponse {
    use std::io::Write as _;
    if let Some(Hangup(socket)) = http.conn_data::<Hangup>() {
        let head = format!(
            "HTTP/1.1 {} Truncated\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            reply.status,
            reply.body.len()
        );
        let half = &reply.body[..reply.body.len() / 2];
        let mut writer = socket;
        let _ = writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(half));
    }
    hang_up(http)
}

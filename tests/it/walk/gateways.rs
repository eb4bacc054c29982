//! The sandbox inside the test, and the built binary as some processes between its systems, killed and started again at
//! will. The sandbox is never killed: what it holds is the truth of the remote side.

use super::demo::until;
use super::http::ask;
use super::replicas::balancer::Balancer;
use super::town::Town;
use anteroom::model::BridgeKind;
use anteroom::sandbox::{Sandbox, SandboxOptions, seed};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long a start may take, also where several processes start on a machine that has enough to do.
const START: Duration = Duration::from_mins(4);

const PASSWORD: &str = "correct horse battery";

pub struct Gateways {
    /// The same town through the door of each process.
    pub towns: Vec<Town>,
    children: Vec<Mutex<Child>>,
    configs: Vec<PathBuf>,
    sandbox: Sandbox,
    folder: TempDir,
}

/// What differs from walk to walk.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub replicas: usize,
    pub rooms: usize,
    /// Where remote systems send notifications; otherwise to the first process.
    pub behind: Option<&'a Balancer>,
    pub drain_seconds: u64,
    pub look_ms: u64,
    /// Seconds between two reads of a calendar that is announced.
    pub poll_notified_seconds: u64,
}

impl Plan<'_> {
    pub const fn of(replicas: usize, rooms: usize) -> Self {
        Self { replicas, rooms, behind: None, drain_seconds: 0, look_ms: 500, poll_notified_seconds: 30 }
    }
}

struct Room {
    slug: String,
    kind: BridgeKind,
    id: String,
}

fn room(number: usize) -> Room {
    let (kind, id) = if number.is_multiple_of(2) {
        (BridgeKind::BookingPortico, format!("{}", 1_000 + number))
    } else {
        (BridgeKind::BookingGeneric, format!("rom-{number:02}"))
    };
    Room { slug: format!("rom-{number:02}"), kind, id }
}

impl Gateways {
    pub fn start(runtime: &Runtime, database: &str, plan: Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SandboxOptions { town_hall: false, ..SandboxOptions::default() };
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        let rooms: Vec<Room> = (0..plan.rooms).map(room).collect();
        runtime.block_on(async {
            for room in &rooms {
                sandbox.add_room(&room.slug, room.kind, &room.id);
            }
        });
        let ports: Vec<u16> = (0..plan.replicas).map(|_| free_port()).collect();
        let hook_port = plan.behind.map_or(ports[0], |balancer| balancer.port);
        if let Some(balancer) = plan.behind {
            balancer.serve(&ports);
        }
        write_key(folder.path());
        let configs: Vec<PathBuf> = ports
            .iter()
            .enumerate()
            .map(|(number, port)| {
                let path = folder.path().join(format!("gateway-{number}.toml"));
                let text = configuration(folder.path(), (*port, hook_port), database, (&sandbox, &plan), &rooms);
                std::fs::write(&path, text).unwrap();
                path
            })
            .collect();
        let mut started = Self { towns: Vec::new(), children: Vec::new(), configs, sandbox, folder };
        for (number, port) in ports.iter().enumerate() {
            started.children.push(Mutex::new(started.spawn(number)));
            ready(*port, &started);
        }
        let key = started.api_key();
        started.towns = ports.iter().map(|port| Town::new(&started.sheet(*port, &key, &rooms))).collect();
        started
    }

    fn spawn(&self, number: usize) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        Command::new(env!("CARGO_BIN_EXE_anteroom"))
            .env_clear()
            .args(["serve", "--config"])
            .arg(&self.configs[number])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// A command of the operator, in a process of its own.
    pub fn run(&self, arguments: &[&str]) -> String {
        let done = Command::new(env!("CARGO_BIN_EXE_anteroom"))
            .env_clear()
            .args(arguments)
            .args(["--tenant", "fjordby", "--json", "--config"])
            .arg(&self.configs[0])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{arguments:?}: {out}\n{err}");
        out.into_owned()
    }

    fn api_key(&self) -> String {
        let key = ["user", "add", "walker", "--service", "--role", "tenant_admin", "--api-key"];
        let printed: Value = serde_json::from_str(&self.run(&key)).unwrap();
        find(&printed, "secret").unwrap_or_else(|| panic!("no key: {printed}"))
    }

    fn sheet(&self, port: u16, key: &str, rooms: &[Room]) -> Value {
        let rooms = rooms.iter().map(|room| {
            let profile = if room.kind == BridgeKind::BookingPortico { "portico" } else { "generic" };
            let mailbox = format!("{}@{}", room.slug, seed::TENANT_DOMAIN);
            json!({"slug": room.slug, "graph_mailbox": mailbox, "booking_profile": profile, "booking_id": room.id})
        });
        json!({"base_url": format!("http://127.0.0.1:{port}"), "sandbox_control_url": self.sandbox.control_url(),
               "api_key": key, "user": "anna", "password": PASSWORD, "rooms": rooms.collect::<Vec<_>>(), "feeds": []})
    }

    /// SIGKILL, whatever it is doing, and a new start.
    pub fn kill_and_restart(&self, number: u64) {
        let number = usize::try_from(number).unwrap();
        let mut child = self.children[number].lock().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself:\n{}", self.complaints());
        child.kill().unwrap();
        child.wait().unwrap();
        *child = self.spawn(number);
    }

    /// SIGKILL, whatever it is doing.
    pub fn kill(&self, number: usize) {
        let mut child = self.children[number].lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A new start of one that has ended, without waiting.
    pub fn start_again(&self, number: usize) {
        *self.children[number].lock().unwrap() = self.spawn(number);
    }

    /// From its next start on every process uses that database.
    pub fn lives_in(&mut self, database: &str) {
        for path in &self.configs {
            let text = std::fs::read_to_string(path).unwrap();
            let (head, rest) = text.split_once("[database]\nurl = \"").unwrap();
            let (_, rest) = rest.split_once('"').unwrap();
            std::fs::write(path, format!("{head}[database]\nurl = \"{database}\"{rest}")).unwrap();
        }
    }

    /// Where the processes keep their files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a signal: `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, number: usize, name: &str) {
        let id = self.children[number].lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(&self, number: usize) -> ExitStatus {
        let mut child = self.children[number].lock().unwrap();
        until("the process to end", START, || child.try_wait().unwrap()).0
    }

    pub fn is_ready(&self, number: usize) -> bool {
        let address = format!("{}/ready", self.towns[number].base);
        ask("GET", &address, &[], "").is_ok_and(|answer| answer.status == 200)
    }

    pub fn until_ready(&self, number: usize) {
        until("the gateway to answer", START, || self.is_ready(number).then_some(()));
    }

    pub fn until_all_answer(&self) {
        for number in 0..self.towns.len() {
            self.until_ready(number);
        }
    }

    /// The invariants, as the operator asks for them.
    pub fn verify(&self) {
        self.run(&["verify", "--quiet"]);
    }

    /// What the sandbox has counted.
    pub fn counters(&self) -> Value {
        self.towns[0].control("GET", "/state?only=counters", &Value::Null).unwrap().json()["counters"].clone()
    }

    pub fn complaints(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    pub fn stop(self, runtime: &Runtime) {
        self.end();
        runtime.block_on(self.sandbox.halt());
    }

    fn end(&self) {
        for child in &self.children {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Gateways {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            println!("the log of the gateways ends with:\n{}", self.complaints());
        }
    }
}

fn ready(port: u16, started: &Gateways) {
    let address = format!("http://127.0.0.1:{port}/ready");
    let answers = || ask("GET", &address, &[], "").ok().filter(|answer| answer.status == 200);
    let start = std::panic::catch_unwind(|| until("the gateway to start", START, answers));
    assert!(start.is_ok(), "no start:\n{}", started.complaints());
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// All processes seal with the same key.
fn write_key(folder: &Path) {
    let path = folder.join("master.key");
    std::fs::write(&path, "k1 base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The first text of that name, however deep.
pub fn find(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(members) => {
            let here = members.get(name).and_then(Value::as_str).map(str::to_owned);
            here.or_else(|| members.values().find_map(|member| find(member, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// What an operator would write. Remote systems call all processes under the address of the first, as behind a proxy that
/// knows only one of them.
fn configuration(
    folder: &Path,
    (port, hook_port): (u16, u16),
    database: &str,
    (sandbox, plan): (&Sandbox, &Plan<'_>),
    rooms: &[Room],
) -> String {
    let town = seed::town_hall();
    let Plan { drain_seconds, look_ms, poll_notified_seconds, .. } = plan;
    let folder = folder.display();
    let zone = town.zone;
    let mut text = format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
data_dir = "{folder}/data-{port}"
drain_seconds = {drain_seconds}
[database]
url = "{database}"
[keys]
master_key_file = "{folder}/master.key"
[webhooks]
base_url = "http://127.0.0.1:{hook_port}"
settle_ms = 200
[sync]
look_ms = {look_ms}
poll_seconds = 10
poll_notified_seconds = {poll_notified_seconds}
backoff_most_seconds = 5
lease_seconds = 15
[observe]
filter = "warn"
[[tenant]]
key = "fjordby"
name = "Fjordby"
zone = "{zone}"
[[user]]
tenant = "fjordby"
name = "anna"
password = "{PASSWORD}"
role = "tenant_admin"
write = ["*"]
"#
    );
    text.push_str(&bridges(sandbox));
    for Room { slug, kind, id } in rooms {
        let bridge = if *kind == BridgeKind::BookingPortico { "portico" } else { "generic" };
        let mailbox = format!("{slug}@{}", seed::TENANT_DOMAIN);
        write!(
            text,
            "[[room]]\ntenant = \"fjordby\"\nslug = \"{slug}\"\nname = \"{slug}\"\nemail = \"{mailbox}\"\n\
             [[mapping]]\ntenant = \"fjordby\"\nroom = \"{slug}\"\nbridge = \"outlook\"\nremote_id = \"{mailbox}\"\n\
             [[mapping]]\ntenant = \"fjordby\"\nroom = \"{slug}\"\nbridge = \"{bridge}\"\nremote_id = \"{id}\"\n"
        )
        .unwrap();
    }
    text
}

/// The three connected systems.
fn bridges(sandbox: &Sandbox) -> String {
    let town = seed::town_hall();
    format!(
        r#"
[[bridge]]
tenant = "fjordby"
name = "outlook"
kind = "graph"
base_url = "{graph}"
login_url = "{login}"
tenant_id = "{tenant}"
client_id = "{client}"
client_secret = "{secret}"
zone = "{zone}"
[[bridge]]
tenant = "fjordby"
name = "portico"
kind = "booking_portico"
base_url = "{portico}"
login = "{portico_login}"
password = "{portico_password}"
logindomain = "{portico_domain}"
zone = "{zone}"
[[bridge]]
tenant = "fjordby"
name = "generic"
kind = "booking_generic"
base_url = "{generic}"
api_key = "{generic_key}"
"#,
        zone = town.zone,
        graph = sandbox.graph_url(),
        login = sandbox.login_url(),
        tenant = town.tenant_id,
        client = town.client_id,
        secret = town.client_secret,
        portico = sandbox.booking_portico_url(),
        portico_login = town.portico_login,
        portico_password = town.portico_password,
        portico_domain = town.portico_domain,
        generic = sandbox.booking_generic_url(),
        generic_key = town.generic_api_key,
    )
}

//! The sandbox inside the test, and the built binary as one or two processes between its systems, killed and started again
//! at will. The sandbox is never killed: what it holds is the truth of the remote side.

use super::CALM;
use crate::walk::demo::until;
use crate::walk::http::ask;
use crate::walk::town::Town;
use anteroom::model::BridgeKind;
use anteroom::sandbox::{Sandbox, SandboxOptions, seed};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PASSWORD: &str = "correct horse battery";

pub struct Gateways {
    /// The same town through the door of each process.
    pub towns: Vec<Town>,
    children: Vec<Mutex<Child>>,
    configs: Vec<PathBuf>,
    sandbox: Sandbox,
    folder: TempDir,
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
    pub fn start(runtime: &Runtime, database: &str, replicas: usize, rooms: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SandboxOptions { town_hall: false, ..SandboxOptions::default() };
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        let rooms: Vec<Room> = (0..rooms).map(room).collect();
        runtime.block_on(async {
            for room in &rooms {
                sandbox.add_room(&room.slug, room.kind, &room.id);
            }
        });
        let ports: Vec<u16> = (0..replicas).map(|_| free_port()).collect();
        write_key(folder.path());
        let configs: Vec<PathBuf> = ports
            .iter()
            .enumerate()
            .map(|(number, port)| {
                let path = folder.path().join(format!("gateway-{number}.toml"));
                let text = configuration(folder.path(), (*port, ports[0]), database, &sandbox, &rooms);
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

    fn run(&self, arguments: &[&str]) -> String {
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

    pub fn until_all_answer(&self) {
        for town in &self.towns {
            let ready =
                || ask("GET", &format!("{}/ready", town.base), &[], "").ok().filter(|answer| answer.status == 200);
            until("the gateway to answer", CALM, ready);
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
    let start = std::panic::catch_unwind(|| until("the gateway to start", CALM, answers));
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
fn find(value: &Value, name: &str) -> Option<String> {
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
    sandbox: &Sandbox,
    rooms: &[Room],
) -> String {
    let town = seed::town_hall();
    let folder = folder.display();
    let zone = town.zone;
    let mut text = format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
data_dir = "{folder}/data-{port}"
[database]
url = "{database}"
[keys]
master_key_file = "{folder}/master.key"
[webhooks]
base_url = "http://127.0.0.1:{hook_port}"
settle_ms = 200
[sync]
poll_seconds = 10
poll_notified_seconds = 30
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

//! No secret leaves: the real program with real secrets of every kind, every error provoked that can be, and then every
//! word it wrote (log, answers, metrics, audit, stories, command line, database file) searched for every secret.

use super::demo::until;
use super::http::{Answer, ask, base64};
use anteroom::sandbox::seed::town_hall;
use anteroom::sandbox::{Faults, Sandbox, SandboxOptions};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const API_KEY: &str = "configured-key-8f3a61c07d";
const PASSWORD: &str = "annas-password-5e1c77";
const WRONG_CLIENT_SECRET: &str = "wrong-client-secret-b2d9";
const WRONG_BOOKING_KEY: &str = "wrong-booking-key-41aa";
const GUESSED: &str = "guessed-password-c90e";
const REFUSED: &str = "refused-secret-77d1";
const DATABASE_PASSWORD: &str = "database-password-3b8f";
const MASTER: [u8; 32] = [0x5c; 32];

/// The program, ended with the value.
struct Program {
    child: Child,
    folder: tempfile::TempDir,
    base: String,
}

/// Everything that was read, by where it was read.
#[derive(Default)]
struct Read {
    texts: Vec<(String, String)>,
    secrets: Vec<(&'static str, String)>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            println!("{}", &log[log.len().saturating_sub(4000)..]);
        }
    }
}

fn configuration(folder: &Path, port: u16, sandbox: &Sandbox) -> String {
    let hall = town_hall();
    let graph = |name: &str, secret: &str| {
        format!(
            "[[bridge]]\nname='{name}'\nkind='graph'\nbase_url='{}'\nlogin_url='{}'\ntenant_id='{}'\nclient_id='{}'\n\
             client_secret='{secret}'\nzone='Europe/Oslo'\n",
            sandbox.graph_url(),
            sandbox.login_url(),
            hall.tenant_id,
            hall.client_id,
        )
    };
    let booking = |name: &str, key: &str| {
        let url = sandbox.booking_generic_url();
        format!("[[bridge]]\nname='{name}'\nkind='booking_generic'\nbase_url='{url}'\napi_key='{key}'\n")
    };
    let room = hall.rooms.iter().find(|room| !format!("{:?}", room.booking).contains("Portico")).unwrap();
    let mapping = |bridge: &str, id: &str| format!("[[mapping]]\nroom='hall'\nbridge='{bridge}'\nremote_id='{id}'\n");
    [
        format!(
            "[server]\nlisten='127.0.0.1:{port}'\ndata_dir='{}'\n[webhooks]\nbase_url='http://127.0.0.1:{port}'\n\
             [sync]\npoll_seconds=10\n[[room]]\nslug='hall'\nname='Hall'\n[[user]]\nname='anna'\npassword='{PASSWORD}'\n\
             role='tenant_admin'\nwrite=['*']\n",
            folder.join("data").display()
        ),
        graph("outlook", hall.client_secret),
        graph("outlook-wrong", WRONG_CLIENT_SECRET),
        booking("booking", hall.generic_api_key),
        booking("booking-wrong", WRONG_BOOKING_KEY),
        format!(
            "[[bridge]]\nname='portico'\nkind='booking_portico'\nbase_url='{}'\nlogin='{}'\npassword='{}'\n\
             logindomain='{}'\nzone='Europe/Oslo'\n",
            sandbox.booking_portico_url(),
            hall.portico_login,
            hall.portico_password,
            hall.portico_domain
        ),
        mapping("outlook", &room.mailbox),
        mapping("outlook-wrong", "nobody@fjordby.example"),
        mapping("booking", room.booking_id),
        mapping("booking-wrong", "999"),
        mapping("portico", "1"),
    ]
    .concat()
}

impl Program {
    fn start(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(folder.path().join("anteroom.toml"), configuration(folder.path(), port, sandbox)).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Self::command(folder.path());
        let child = command.arg("serve").stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let program = Self { child, folder, base: format!("http://127.0.0.1:{port}") };
        until("the server to answer", Duration::from_mins(1), || {
            ask("GET", &format!("{}/ready", program.base), &[], "").ok().filter(Answer::is_success)
        });
        program
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom"));
        command
            .env("ANTEROOM_CONFIG", folder.join("anteroom.toml"))
            .env("ENCRYPTION_MASTER_KEY", format!("base64:{}", STANDARD.encode(MASTER)))
            .env("API_KEY", API_KEY)
            .env("LOG_LEVEL", "trace");
        command
    }

    fn cli(&self, arguments: &[&str]) -> String {
        let said = Self::command(self.folder.path()).args(arguments).output().unwrap();
        [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(method, &format!("{}{path}", self.base), headers, body).unwrap()
    }

    fn rest(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/v1/tenants/default{path}");
        self.ask(method, &path, &[("X-API-Key", API_KEY), ("Content-Type", "application/json")], &body)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Read {
    fn secret(&mut self, what: &'static str, text: &str) {
        assert!(text.len() >= 12, "{what} is too short to be searched for");
        self.secrets.push((what, text.to_owned()));
    }

    fn text(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.texts.push((place.into(), text.into()));
    }

    fn answer(&mut self, place: &str, answer: &Answer) {
        let lines: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let headers = lines.join("\n");
        self.text(format!("{place} ({})", answer.status), headers + "\n\n" + &answer.text);
    }

    /// Which secret stands where.
    fn leaks(&self) -> Vec<String> {
        let found = |(place, text): &(String, String)| -> Vec<String> {
            let here = self.secrets.iter().filter(|(_, secret)| text.contains(secret.as_str()));
            here.map(|(what, secret)| format!("{what} in {place}: {}", around(text, secret))).collect()
        };
        self.texts.iter().flat_map(found).collect()
    }
}

fn around(text: &str, secret: &str) -> String {
    let at = text.find(secret).unwrap();
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[line..].chars().take(300).collect()
}

/// The keys that come from the master key, as anybody would write them down.
fn derived(read: &mut Read) {
    let purposes =
        ["sync-token", "feed", "cache", "client-state", "push", "vapid-0", "declaration", "audit", "archive"];
    let mut keys = vec![MASTER];
    for purpose in purposes {
        let mut key = [0; 32];
        hkdf::Hkdf::<sha2::Sha256>::new(Some(b"anteroom"), &MASTER).expand(purpose.as_bytes(), &mut key).unwrap();
        keys.push(key);
    }
    for key in keys {
        read.secret("a master, derived or VAPID key", STANDARD.encode(key).trim_end_matches('='));
        read.secret("a master, derived or VAPID key", &URL_SAFE_NO_PAD.encode(key));
        let digits: Vec<String> = key.iter().map(|byte| format!("{byte:02x}")).collect();
        read.secret("a master, derived or VAPID key", &digits.concat());
    }
}

/// What is given out once, and from then on is a secret.
fn issue(program: &Program, read: &mut Read) -> (String, String) {
    let issued = |path: &str| program.rest("POST", path, &json!({ "label": "x" })).json();
    let password = issued("/principals/anna/passwords")["secret"].as_str().unwrap().to_owned();
    let key = issued("/principals/anna/api-keys")["secret"].as_str().unwrap().to_owned();
    read.secret("an app password", &password);
    read.secret("an API key", &key);
    let feed = program.rest("POST", "/feeds", &json!({ "room": "hall" })).json();
    let rotated = program.rest("POST", &format!("/feeds/{}/rotate", feed["id"].as_str().unwrap()), &Value::Null).json();
    let mut paths = [feed, rotated].map(|feed| {
        let url = feed["url"].as_str().unwrap().to_owned();
        url.strip_prefix(&program.base).unwrap().to_owned()
    });
    for path in &paths {
        read.secret("a feed token", path.split('/').nth(2).unwrap());
    }
    read.secret("a Basic header", &base64(format!("anna:{PASSWORD}").as_bytes()));
    read.secret("a Basic header", &base64(format!("anna:{password}").as_bytes()));
    for (place, auth) in [("basic", password.as_str()), ("basic with the declared one", PASSWORD)] {
        let header = format!("Basic {}", base64(format!("anna:{auth}").as_bytes()));
        let answer =
            program.ask("PROPFIND", "/dav/default/rooms/hall/", &[("Authorization", &header), ("Depth", "0")], "");
        assert_eq!(answer.status, 207, "{place}");
        read.answer("DAV", &answer);
    }
    let with_key = program.ask("GET", "/v1/tenants", &[("Authorization", &format!("Bearer {key}"))], "");
    assert_eq!(with_key.status, 200);
    read.answer("REST with a bearer", &with_key);
    let living = std::mem::take(&mut paths[1]);
    (std::mem::take(&mut paths[0]), living)
}

/// Every refusal that a secret takes part in.
fn provoke(program: &Program, read: &mut Read, (old_feed, feed): &(String, String)) {
    let fine = program.ask("GET", feed, &[], "");
    assert_eq!(fine.status, 200);
    read.answer("feed", &fine);
    read.answer("withdrawn feed", &program.ask("GET", old_feed, &[], ""));
    read.answer("changed feed", &program.ask("GET", &feed.replacen("/feeds/", "/feeds/x", 1), &[], ""));
    read.answer("feed, wrong method", &program.ask("PUT", feed, &[], "x"));
    read.answer("feed, query", &program.ask("GET", &format!("{feed}?api_key={API_KEY}&password={GUESSED}"), &[], ""));
    let basic = format!("Basic {}", base64(format!("anna:{GUESSED}").as_bytes()));
    for (method, path) in [("PROPFIND", "/dav/default/rooms/hall/"), ("GET", "/v1/tenants"), ("GET", "/dashboard")] {
        let answer = program.ask(method, path, &[("Authorization", &basic)], "");
        assert_eq!(answer.status, 401, "{path}");
        read.answer(path, &answer);
    }
    for (name, value) in [("X-API-Key", GUESSED.to_owned()), ("Authorization", format!("Bearer ar_abcdefgh_{GUESSED}"))]
    {
        read.answer("wrong key", &program.ask("GET", "/v1/tenants", &[(name, &value)], ""));
    }
    read.answer("key in a query", &program.ask("GET", &format!("/v1/tenants?api_key={API_KEY}"), &[], ""));
    for body in [
        json!({ "name": "x", "kind": "graph", "settings": {}, "secrets": { "client_secret": REFUSED } }),
        json!({ "name": "x", "kind": "graph", "settings": { "client_secret": REFUSED, "base_url": 7 } }),
        json!({ "name": "x", "kind": "telepathy", "secrets": { "client_secret": REFUSED } }),
        json!({ "name": "x", "kind": "booking_generic", "secrets": { "api_key": [REFUSED] } }),
        json!({ "name": "x", "kind": "booking_generic", "settings": { "base_url": format!("https://u:{REFUSED}@x y/") } }),
    ] {
        let answer = program.rest("POST", "/bridges", &body);
        assert!((400..500).contains(&answer.status), "{}", answer.text);
        read.answer("a refused bridge", &answer);
    }
    for path in ["/hooks/graph/nobody", "/hooks/booking/nobody"] {
        read.answer(path, &program.ask("POST", path, &[("X-Booking-Signature", GUESSED)], "{\"value\":[]}"));
    }
    let basic = format!("Basic {}", base64(format!("anna:{PASSWORD}").as_bytes()));
    let put = [("Authorization", basic.as_str()), ("Content-Type", "text/calendar")];
    read.answer("no iCalendar", &program.ask("PUT", "/dav/default/rooms/hall/x.ics", &put, "BEGIN:NONSENSE"));
}

/// Everything that tells administrators how it goes.
fn look(program: &Program, read: &mut Read) {
    for path in [
        "",
        "/bridges",
        "/bridges/outlook",
        "/bridges/outlook-wrong",
        "/mappings",
        "/operations",
        "/conflicts",
        "/sync-runs",
        "/subscriptions",
        "/feeds",
        "/principals",
        "/principals/anna",
        "/principals/anna/passwords",
        "/grants",
        "/links",
        "/audit?limit=500",
        "/status",
        "/rooms",
        "/rooms/hall/story",
        "/bridges/outlook-wrong/calendars",
        "/bridges/booking-wrong/calendars",
        "/bridges/portico/calendars",
    ] {
        read.answer(path, &program.rest("GET", path, &Value::Null));
    }
    let key = [("X-API-Key", API_KEY)];
    for path in ["/metrics", "/ready", "/health", "/v1/openapi.json", "/v1/docs", "/v1/keys", "/dashboard"] {
        read.answer(path, &program.ask("GET", path, &key, ""));
    }
    for command in [
        "bridge list",
        "mapping list",
        "feed list",
        "user list",
        "operation list",
        "operation dead-letters",
        "status",
        "explain hall",
        "check-config",
        "keys status",
        "conflict list",
        "verify hall",
        "bridge list --json",
        "mapping list --json",
        "feed list --json",
        "user list --json",
    ] {
        read.text(command, program.cli(&command.split(' ').collect::<Vec<_>>()));
    }
}

/// A database that cannot be reached must not be told by its password.
fn refused_database(program: &Program, read: &mut Read) {
    let url = format!("postgres://anteroom:{DATABASE_PASSWORD}@127.0.0.1:9/nothing");
    for arguments in [["serve"].as_slice(), &["status"], &["check-config"]] {
        let said = Program::command(program.folder.path()).args(arguments).env("DATABASE_URL", &url).output().unwrap();
        let text = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        read.text(format!("{arguments:?} without a database"), text);
    }
    let said = Program::command(program.folder.path())
        .arg("serve")
        .env("DATABASE_URL", format!("postgres://anteroom:{DATABASE_PASSWORD}@127.0.0.1:nonsense"))
        .env("ENCRYPTION_MASTER_KEY", REFUSED)
        .output()
        .unwrap();
    assert!(!said.status.success());
    read.text("serve with a wrong address and key", String::from_utf8_lossy(&said.stderr).into_owned());
}

/// The secrets that are there from the beginning.
fn given(read: &mut Read) {
    let hall = town_hall();
    for (what, text) in [
        ("the configured API key", API_KEY),
        ("a declared password", PASSWORD),
        ("the client secret", hall.client_secret),
        ("the booking key", hall.generic_api_key),
        ("the portico password", hall.portico_password),
        ("a wrong client secret", WRONG_CLIENT_SECRET),
        ("a wrong booking key", WRONG_BOOKING_KEY),
        ("a guessed password", GUESSED),
        ("a refused secret", REFUSED),
        ("the database password", DATABASE_PASSWORD),
        ("a token (JSON Web Token)", "eyJhbGciOi"),
        ("a token (JSON Web Token)", "eyJ0eXAiOi"),
    ] {
        read.secrets.push((what, text.to_owned()));
    }
}

/// Lets the remote systems fail as well, and waits until that was noticed and refusals were audited.
async fn trouble(program: &Program, sandbox: &Sandbox) {
    let wrong = || program.rest("GET", "/mappings", &Value::Null).text;
    until("both wrong bridges to have failed", Duration::from_mins(1), || {
        (wrong().matches("\"last_error\"").count() >= 2).then_some(())
    });
    let mut faults = Faults::default();
    for system in [&mut faults.graph, &mut faults.generic, &mut faults.portico] {
        (system.error_rate, system.html_rate, system.reset_rate) = (0.4, 0.2, 0.2);
    }
    sandbox.set_faults(faults);
    program.rest("POST", "/sync", &Value::Null);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let refused = until("refusals to be audited", Duration::from_secs(20), || {
        let told = program.rest("GET", "/audit?limit=500", &Value::Null).json();
        told["items"].as_array()?.iter().find(|entry| entry["action"] == "request.refused").cloned()
    });
    let request = &refused.0["request"];
    assert_eq!((request["address"].as_str(), request["status"].is_u64()), (Some("127.0.0.1"), true), "{request}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_log_answer_metric_audit_entry_story_or_file() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (program, mut read) = (Program::start(&sandbox), Read::default());
    given(&mut read);
    derived(&mut read);
    let feeds = issue(&program, &mut read);
    provoke(&program, &mut read, &feeds);
    trouble(&program, &sandbox).await;
    look(&program, &mut read);
    refused_database(&program, &mut read);
    let lines = program.log();
    assert!(lines.lines().count() > 50, "errors were provoked and logged: {lines}");
    read.text("the log", lines);
    for file in ["anteroom.db", "anteroom.db-wal"] {
        let bytes = std::fs::read(program.folder.path().join("data").join(file)).unwrap_or_default();
        read.text(format!("the file {file}"), String::from_utf8_lossy(&bytes).into_owned());
    }
    let size: usize = read.texts.iter().map(|(_, text)| text.len()).sum();
    println!("{} secrets searched for in {} texts, {size} bytes", read.secrets.len(), read.texts.len());
    let leaks = read.leaks();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    sandbox.stop().await;
}

#[test]
fn the_search_finds_what_is_there() {
    let mut read = Read::default();
    read.secret("a secret", "hush-hush-hush");
    read.text("somewhere", "a line\nanother with hush-hush-hush in it");
    assert_eq!(read.leaks(), ["a secret in somewhere: another with hush-hush-hush in it"]);
}

//! The reconciler's speed: a first contact with a full calendar, a storm of notifications, and what connected calendars cost
//! while nothing happens. The remote side is the sandbox in a process of its own.

use super::client::Client;
use super::process::{Server, free_port};
use super::{Cost, Options, cost, servers};
use anteroom::model::{
    Authority, BridgeId, BridgeKind, ClassProjection, DetailLevel, Direction, Features, MappingId, MappingState,
    RoomId, RoomKind, Timestamp, ZoneId,
};
use anteroom::sandbox::{Sandbox, SandboxOptions, seed};
use anteroom::store::bridges::BridgeRow;
use anteroom::store::mappings::Mapping;
use anteroom::store::rooms::Room;
use anteroom::store::tenants::Tenant;
use anteroom::store::{Store, Tx, bridges, mappings, rooms, tenants};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::time::Instant;

/// Bookings of the calendar that is met for the first time.
const CONTACT: usize = 10_000;
/// Rooms whose notifications come all at once.
const STORMED: usize = 200;
/// Who notifies at once.
const CLIENTS: usize = 32;
/// Tenants, and rooms of each, of whom nothing is heard.
const TENANTS: usize = 5_000;
const ROOMS: usize = 10;
/// How long nothing happens.
const QUIET: Duration = Duration::from_mins(1);

/// What the engine's speed is.
pub struct Speed {
    pub contact: Contact,
    pub storm: Storm,
    pub idle: Idle,
}

/// A calendar of many bookings read for the first time.
pub struct Contact {
    pub bookings: usize,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub resident_mib: f64,
}

/// Notifications taken in as fast as they come, and the time after the last one until everything was looked at.
pub struct Storm {
    pub rooms: usize,
    pub taken: Cost,
    /// What somebody waits who reads meanwhile.
    pub reads: Cost,
    pub settled_seconds: f64,
}

/// Connected rooms of which nothing is heard.
pub struct Idle {
    pub rooms: usize,
    pub start_ms: f64,
    /// Of one core, in hundredths.
    pub core_percent: f64,
    pub resident_mib: f64,
}

/// The sandbox as a process of its own: its two ports, and how many rooms.
pub fn remote_side(ports: &[String]) {
    let [graph, control, rooms] = [0, 1, 2].map(|at| ports[at].parse::<u16>().unwrap());
    let here = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let options =
        SandboxOptions { graph: here(graph), control: here(control), town_hall: false, ..SandboxOptions::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let sandbox = Sandbox::start(options).await.unwrap();
        for number in 0..rooms {
            sandbox.add_room(&slug(number.into()), BridgeKind::BookingGeneric, &format!("rom-{number}"));
        }
        std::future::pending::<()>().await;
    });
}

pub async fn measure(options: &Options) -> Speed {
    let contact = contact(options).await;
    eprintln!("{} bookings read in {:.1} s", contact.bookings, contact.seconds);
    let storm = storm(options).await;
    eprintln!("{:.0} notifications a second", storm.taken.rate);
    Speed { contact, storm, idle: idle(options).await }
}

async fn contact(options: &Options) -> Contact {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::start(folder.path(), 1);
    remote.fill(CONTACT).await;
    let begun = Instant::now();
    let server = remote.gateway(folder.path(), options, 1).await;
    let mut client = Client::new(&server.address, "anna", servers::PASSWORD);
    let path = format!("/dav/town/rooms/{}/", slug(0));
    while members(&mut client, &path).await < CONTACT {
        assert!(begun.elapsed() < Duration::from_mins(15), "the calendar is not read");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    Contact { bookings: CONTACT, seconds, cpu_seconds: server.cpu_ms() / 1e3, resident_mib: server.resident_mib() }
}

async fn members(client: &mut Client, path: &str) -> usize {
    let body = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/></D:prop></D:propfind>";
    let answer = client.send("PROPFIND", path, &[("Depth", "1")], body).await.unwrap();
    if answer.status == 207 { answer.text().matches(".ics<").count() } else { 0 }
}

async fn storm(options: &Options) -> Storm {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::start(folder.path(), STORMED);
    let server = remote.gateway(folder.path(), options, STORMED).await;
    let notices = remote.subscriptions().await;
    quiet(folder.path()).await;
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    let until = begun + Duration::from_secs_f64(options.seconds);
    let senders = (0..CLIENTS).map(|number| {
        let (server, notices) = (&server, &notices);
        async move {
            let (mut client, mut times) = (Client::new(&server.address, "", ""), Vec::new());
            while Instant::now() < until {
                let version = times.len() * CLIENTS + number;
                let notice = &notices[version % notices.len()];
                let begun = Instant::now();
                let headers = [("Content-Type", "application/json")];
                let answer = client.send("POST", &notice.path, &headers, &notice.body(version)).await.unwrap();
                assert_eq!(answer.status, 202, "{}", answer.text());
                times.push(begun.elapsed());
            }
            times
        }
    });
    let (times, reads) =
        futures_util::future::join(futures_util::future::join_all(senders), reader(&server, until)).await;
    let taken = cost(times.concat(), 0, begun.elapsed(), server.cpu_ms() - cpu);
    let reads = cost(reads, 0, begun.elapsed(), 0.0);
    let begun = Instant::now();
    quiet(folder.path()).await;
    Storm { rooms: STORMED, taken, reads, settled_seconds: begun.elapsed().as_secs_f64() }
}

/// Somebody who looks at a room fifty times a second.
async fn reader(server: &Server, until: Instant) -> Vec<Duration> {
    let (mut client, mut times) = (Client::new(&server.address, "anna", servers::PASSWORD), Vec::new());
    let path = format!("/dav/town/rooms/{}/", slug(0));
    while Instant::now() < until {
        let begun = Instant::now();
        let answer = client.send("PROPFIND", &path, &[("Depth", "0")], super::work::CTAG).await.unwrap();
        assert_eq!(answer.status, 207, "{}", answer.text());
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times
}

/// Waits until no calendar has anything that was not looked at.
async fn quiet(folder: &Path) {
    let store = Store::open(&database(folder)).await.unwrap();
    let begun = Instant::now();
    loop {
        let mut tx = store.begin_read().await.unwrap();
        let mut waiting = 0;
        for tenant in tenants::list(&mut tx).await.unwrap() {
            let all = mappings::list(&mut tx, &tenant.id).await.unwrap();
            waiting += all.iter().filter(|one| one.dirty_since_ms.is_some() || one.pulled_ms.is_none()).count();
        }
        drop(tx);
        if waiting == 0 {
            return store.close().await;
        }
        assert!(begun.elapsed() < Duration::from_mins(10), "{waiting} calendars still wait");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn idle(options: &Options) -> Idle {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    fill(&database(folder.path())).await;
    let begun = Instant::now();
    let server = servers::bare(folder.path(), options).await;
    let start_ms = 1e3 * begun.elapsed().as_secs_f64();
    begin(&database(folder.path())).await;
    tokio::time::sleep(QUIET / 4).await;
    let (cpu, begun) = (server.cpu_ms(), Instant::now());
    tokio::time::sleep(QUIET).await;
    let core_percent = 0.1 * (server.cpu_ms() - cpu) / begun.elapsed().as_secs_f64();
    Idle { rooms: TENANTS * ROOMS, start_ms, core_percent, resident_mib: server.resident_mib() }
}

fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("data/anteroom.db").display())
}

fn slug(number: usize) -> String {
    format!("rom-{number:03}")
}

fn mailbox(number: usize) -> String {
    format!("{}@{}", slug(number), seed::TENANT_DOMAIN)
}

/// A running sandbox.
struct Remote {
    graph: String,
    control: String,
    _server: Server,
}

/// Where a subscription is notified, and what it says there.
struct Notice {
    path: String,
    subscription: String,
    client_state: String,
}

impl Notice {
    fn body(&self, version: usize) -> String {
        let etag = format!("W/\"{version}\"");
        let item = json!({"subscriptionId": self.subscription, "clientState": self.client_state,
            "changeType": "updated", "resource": "Users/u/Events/e",
            "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "@odata.etag": etag, "id": "e"}});
        json!({ "value": [item] }).to_string()
    }
}

impl Remote {
    fn start(folder: &Path, rooms: usize) -> Self {
        let (graph, control) = (free_port(), free_port());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("sandbox").args([graph.to_string(), control.to_string(), rooms.to_string()]);
        let server = Server::start(&mut command, control, &folder.join("sandbox.log")).unwrap();
        let address = |port| format!("127.0.0.1:{port}");
        Self { graph: address(graph), control: address(control), _server: server }
    }

    /// Bookings of half an hour, one after another from tomorrow's on.
    async fn fill(&self, count: usize) {
        let first = jiff::civil::date(2026, 11, 23).at(0, 0, 0, 0);
        let path = format!("/graph/as-person/v1.0/users/{}/events", mailbox(0));
        let rounds = (0..8).map(|number| {
            let (path, mut client) = (&path, Client::new(&self.control, "", ""));
            async move {
                for at in (number..count).step_by(8) {
                    let start = first + jiff::Span::new().minutes(30 * i64::try_from(at).unwrap());
                    let end = start + jiff::Span::new().minutes(30);
                    let time = |wall: jiff::civil::DateTime| json!({"dateTime": wall.to_string(), "timeZone": "UTC"});
                    let body = json!({"subject": format!("Meeting {at}"), "start": time(start), "end": time(end)});
                    let headers = [("Content-Type", "application/json")];
                    let answer = client.send("POST", path, &headers, &body.to_string()).await.unwrap();
                    assert_eq!(answer.status, 201, "{}", answer.text());
                }
            }
        });
        futures_util::future::join_all(rounds).await;
    }

    /// The gateway, connected with so many of the rooms.
    async fn gateway(&self, folder: &Path, options: &Options, rooms: usize) -> Server {
        let port = free_port();
        let town = seed::town_hall();
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"{}/data\"\n[observe]\nfilter = \"warn\"\n\
             [webhooks]\nbase_url = \"http://127.0.0.1:{port}\"\nsettle_ms = 200\n\
             [[tenant]]\nkey = \"town\"\nname = \"Town\"\nzone = \"{zone}\"\n\
             [[user]]\ntenant = \"town\"\nname = \"anna\"\npassword = \"{password}\"\nwrite = [\"*\"]\n\
             [[bridge]]\ntenant = \"town\"\nname = \"outlook\"\nkind = \"graph\"\nbase_url = \"http://{graph}\"\n\
             login_url = \"http://{graph}\"\ntenant_id = \"{tenant}\"\nclient_id = \"{client}\"\n\
             client_secret = \"{secret}\"\nzone = \"{zone}\"\n",
            folder.display(),
            zone = town.zone,
            password = servers::PASSWORD,
            graph = self.graph,
            tenant = town.tenant_id,
            client = town.client_id,
            secret = town.client_secret,
        );
        for number in 0..rooms {
            let (slug, mailbox) = (slug(number), mailbox(number));
            write!(
                text,
                "[[room]]\ntenant = \"town\"\nslug = \"{slug}\"\nname = \"{slug}\"\nemail = \"{mailbox}\"\n\
                 [[mapping]]\ntenant = \"town\"\nroom = \"{slug}\"\nbridge = \"outlook\"\nremote_id = \"{mailbox}\"\n"
            )
            .unwrap();
        }
        servers::configured(folder, options, (port, &text)).await
    }

    /// All subscriptions, once each room has its own.
    async fn subscriptions(&self) -> Vec<Notice> {
        let mut client = Client::new(&self.control, "", "");
        let begun = Instant::now();
        loop {
            let answer = client.send("GET", "/state?only=graph", &[], "").await.unwrap();
            let state: Value = serde_json::from_slice(&answer.body).unwrap();
            let all: Vec<Notice> =
                state["graph"]["subscriptions"].as_array().unwrap().iter().filter_map(notice).collect();
            if all.len() == STORMED {
                return all;
            }
            assert!(begun.elapsed() < Duration::from_mins(5), "{} of {STORMED} rooms are subscribed", all.len());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn notice(subscription: &Value) -> Option<Notice> {
    let text = |name: &str| subscription[name].as_str().map(str::to_owned);
    let url = text("notificationUrl")?;
    let (_, path) = url.split_once("/hooks/")?;
    let path = format!("/hooks/{path}");
    Some(Notice { path, subscription: text("id")?, client_state: text("clientState")? })
}

async fn fill(database: &str) {
    let store = Store::open(database).await.unwrap();
    let begin = Timestamp(1_767_225_600_000);
    for number in 0..TENANTS {
        let mut tx = store.begin_write().await.unwrap();
        let tenant = Tenant::new(&format!("t{number}"), "Town", ZoneId::parse("Europe/Oslo").unwrap(), begin);
        tenants::insert(&mut tx, &tenant).await.unwrap();
        connect(&mut tx, &tenant, begin).await;
        tx.commit().await.unwrap();
    }
    store.close().await;
}

/// After a start every calendar is read once; those that begin to work later have been read, and wait for their hour.
async fn begin(database: &str) {
    let store = Store::open(database).await.unwrap();
    let all = tenants::list(&mut store.begin_read().await.unwrap()).await.unwrap();
    for tenant in all {
        let mut tx = store.begin_write().await.unwrap();
        for mapping in mappings::list(&mut tx, &tenant.id).await.unwrap() {
            let when = (mapping.due_ms, mapping.created_ms);
            mappings::set_state(&mut tx, &mapping, MappingState::Active, "", when).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    store.close().await;
}

/// Ten rooms of a tenant, each connected and read.
async fn connect(tx: &mut Tx, tenant: &Tenant, begin: Timestamp) {
    let bridge = BridgeRow {
        id: BridgeId::fresh(),
        tenant_id: tenant.id.clone(),
        name: "booking".to_owned(),
        kind: BridgeKind::BookingGeneric,
        settings: "{\"base_url\": \"http://127.0.0.1:9\"}".to_owned(),
        sealed: String::new(),
        created_ms: begin,
    };
    bridges::insert(tx, &bridge).await.unwrap();
    for number in 0..ROOMS {
        let room = room(tenant, number, begin);
        rooms::insert(tx, &room).await.unwrap();
        mappings::insert(tx, &mapping(&room, &bridge, begin)).await.unwrap();
    }
}

fn room(tenant: &Tenant, number: usize, begin: Timestamp) -> Room {
    Room {
        id: RoomId::fresh(),
        tenant_id: tenant.id.clone(),
        slug: format!("room-{number}"),
        name: format!("Room {number}"),
        kind: RoomKind::Room,
        zone: tenant.zone.clone(),
        email: String::new(),
        description: String::new(),
        building: String::new(),
        capacity: None,
        features: Features::default(),
        color: "#336699".to_owned(),
        allow_overlaps: false,
        seq: 0,
        modified_ms: begin,
        longest_ms: 0,
        created_ms: begin,
    }
}

fn mapping(room: &Room, bridge: &BridgeRow, begin: Timestamp) -> Mapping {
    let later = Timestamp(i64::MAX / 2);
    Mapping {
        id: MappingId::fresh(),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        bridge_id: bridge.id.clone(),
        remote_id: room.slug.clone(),
        remote_name: room.name.clone(),
        direction: Direction::TwoWay,
        authority: Authority::PerOrigin,
        detail: DetailLevel::Full,
        projection: ClassProjection::HighestWins,
        fold_allocations: false,
        state: MappingState::Held,
        reason: String::new(),
        cursor: String::new(),
        window_start_ms: begin,
        window_end_ms: later,
        due_ms: later,
        dirty_since_ms: None,
        pulled_ms: Some(begin),
        completed_ms: Some(begin),
        failures: 0,
        last_error: String::new(),
        created_ms: begin,
    }
}

//! The demonstration: a town hall in the sandbox, the gateway between its systems, and everything to try it with. A
//! second start on the same folder goes on where the first ended, with the same addresses and credentials.

mod memory;
mod sheet;

use super::address::Address;
use super::{Gateway, ServerError, make_folder, show};
use crate::config::{BridgeEntry, Config, MappingEntry, RoomEntry, Secret, TenantEntry, UserEntry};
use crate::manage;
use crate::manage::Acting;
use crate::manage::NewSecret;
use crate::model::BridgeKind;
use crate::model::Clock;
use crate::model::DetailLevel;
use crate::model::PrincipalKind;
use crate::model::Role;
use crate::model::SystemClock;
use crate::sandbox::{Sandbox, SandboxOptions, seed};
use crate::store::tenants::Tenant;
use crate::sync;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use memory::{FeedMemory, Memory};
use serde_json::{Map, Value, json};
pub use sheet::Sheet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Key of the town's tenant.
const TENANT: &str = "fjordby";
/// Login of the person to try everything as.
const USER: &str = "demo";
/// How long the first contact may take before the demonstration shows itself anyway.
const FIRST_CONTACT: Duration = Duration::from_secs(90);
/// Pace of the people who keep booking with `--life`.
const LIFE: Duration = Duration::from_secs(5);
/// Seconds between two looks at a calendar whose system does not announce everything. Portico tells nobody what comes in
/// over its own REST interface, as the real one does not; whoever books there to try it wants to see it arrive.
const POLL_SECONDS: u64 = 2;
/// Longest pause before a failed call is repeated: who turns a switch of the sandbox back wants to see it end.
const BACKOFF_SECONDS: u64 = 5;

/// How to run the demonstration.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Where the gateway listens; port 0 takes the port of the last start, or a free one.
    pub listen: SocketAddr,
    /// Where everything is kept; a folder that is removed at the end where `None`.
    pub data: Option<PathBuf>,
    /// Whether people keep booking on all sides.
    pub life: bool,
}

/// A running demonstration.
pub struct Demo {
    gateway: Gateway,
    sandbox: Sandbox,
    sheet: Sheet,
    // Removed when the demonstration ends.
    _folder: Option<TempDir>,
}

impl Demo {
    /// Starts sandbox and gateway and waits until both sides agree.
    pub async fn start(options: DemoOptions) -> Result<Self, ServerError> {
        let (folder, data) = data_folder(options.data)?;
        let mut memory = Memory::load(&data)?;
        let sandbox = start_sandbox(&memory, &data, options.life).await?;
        let address = address_as_before(options.listen, &memory)?;
        memory.remember(address.bound, &sandbox);
        memory.save(&data)?;
        let config = configuration(&data, address.bound, &sandbox, &memory);
        let gateway = Gateway::start_on(config.clone(), address).await?;
        let tenant = furnish(&gateway, &config, &mut memory).await?;
        memory.save(&data)?;
        first_contact(&gateway, &tenant).await?;
        let sheet = Sheet::new(&config.public_url(), &sandbox, &memory);
        Ok(Self { gateway, sandbox, sheet, _folder: folder })
    }

    /// Everything there is to try.
    pub const fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Stops the gateway, then the sandbox.
    pub async fn stop(self) {
        self.gateway.stop().await;
        self.sandbox.stop().await;
    }
}

fn data_folder(given: Option<PathBuf>) -> Result<(Option<TempDir>, PathBuf), ServerError> {
    let failed = |path: &Path, source| ServerError::Folder { path: show(path), source };
    if let Some(path) = given {
        make_folder(&path)?;
        return Ok((None, path));
    }
    let folder = tempfile::tempdir().map_err(|source| failed(&std::env::temp_dir(), source))?;
    let path = folder.path().to_owned();
    Ok((Some(folder), path))
}

/// On the ports of the last start where they are free: the gateway's database and the sandbox's subscriptions name them.
async fn start_sandbox(memory: &Memory, data: &Path, life: bool) -> Result<Sandbox, ServerError> {
    let loopback = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let options = |ports: [u16; 4]| SandboxOptions {
        graph: loopback(ports[0]),
        generic: loopback(ports[1]),
        portico: loopback(ports[2]),
        control: loopback(ports[3]),
        folder: Some(data.join("sandbox")),
        clock: Arc::new(SystemClock),
        seed: 1,
        town_hall: true,
        life: life.then_some(LIFE),
    };
    if let Ok(sandbox) = Sandbox::start(options(memory.sandbox_ports)).await {
        return Ok(sandbox);
    }
    Ok(Sandbox::start(options([0; 4])).await?)
}

fn address_as_before(wanted: SocketAddr, memory: &Memory) -> Result<Address, ServerError> {
    if wanted.port() == 0
        && memory.port != 0
        && let Ok(address) = Address::take(&SocketAddr::new(wanted.ip(), memory.port).to_string(), "--listen")
    {
        return Ok(address);
    }
    Address::take(&wanted.to_string(), "--listen")
}

/// What an administrator would write into a file for this town.
fn configuration(data: &Path, address: SocketAddr, sandbox: &Sandbox, memory: &Memory) -> Config {
    let town = seed::town_hall();
    let mut config = Config::default();
    config.server.listen = address.to_string();
    data.join("gateway").clone_into(&mut config.server.data_dir);
    config.webhooks.base_url = Some(config.public_url());
    config.webhooks.settle_ms = 300;
    config.sync.poll_seconds = POLL_SECONDS;
    config.sync.backoff_most_seconds = BACKOFF_SECONDS;
    config.tenant =
        vec![TenantEntry { key: TENANT.to_owned(), name: town.name.to_owned(), zone: town.zone.to_owned() }];
    config.bridge = bridge_entries(sandbox);
    for room in &town.rooms {
        config.room.push(RoomEntry {
            tenant: TENANT.to_owned(),
            slug: room.slug.to_owned(),
            name: room.name.to_owned(),
            kind: room.kind,
            email: room.mailbox.clone(),
            building: room.building.to_owned(),
            capacity: (room.capacity > 0).then_some(i64::from(room.capacity)),
            features: seed::features(room.slug).iter().map(|&feature| feature.to_owned()).collect(),
            ..RoomEntry::default()
        });
        config.mapping.push(mapping(room.slug, "outlook", &room.mailbox));
        config.mapping.push(mapping(room.slug, booking_bridge(room.booking), room.booking_id));
    }
    config.user = vec![UserEntry {
        tenant: TENANT.to_owned(),
        name: USER.to_owned(),
        display_name: "Demo Demosen".to_owned(),
        email: format!("{USER}@{}", seed::TENANT_DOMAIN),
        kind: PrincipalKind::Person,
        role: Role::TenantAdmin,
        password: Some(Secret::from(memory.password.clone())),
        write: vec!["*".to_owned()],
        ..UserEntry::default()
    }];
    config
}

fn mapping(room: &str, bridge: &str, remote_id: &str) -> MappingEntry {
    MappingEntry {
        tenant: TENANT.to_owned(),
        room: room.to_owned(),
        bridge: bridge.to_owned(),
        remote_id: remote_id.to_owned(),
        ..MappingEntry::default()
    }
}

const fn booking_bridge(kind: BridgeKind) -> &'static str {
    match kind {
        BridgeKind::BookingPortico => "booking-portico",
        BridgeKind::BookingGeneric | BridgeKind::Graph | BridgeKind::Memory => "booking-generic",
    }
}

fn bridge_entries(sandbox: &Sandbox) -> Vec<BridgeEntry> {
    let town = seed::town_hall();
    let entry = |name: &str, kind: BridgeKind, settings: Value| BridgeEntry {
        tenant: TENANT.to_owned(),
        name: name.to_owned(),
        kind,
        settings: match settings {
            Value::Object(settings) => settings,
            _ => Map::new(),
        },
    };
    vec![
        entry(
            "outlook",
            BridgeKind::Graph,
            json!({
                "base_url": sandbox.graph_url(),
                "login_url": sandbox.login_url(),
                "tenant_id": town.tenant_id,
                "client_id": town.client_id,
                "client_secret": town.client_secret,
                "zone": town.zone,
            }),
        ),
        entry(
            "booking-portico",
            BridgeKind::BookingPortico,
            json!({
                "base_url": sandbox.booking_portico_url(),
                "login": town.portico_login,
                "password": town.portico_password,
                "logindomain": town.portico_domain,
                "zone": town.zone,
            }),
        ),
        entry(
            "booking-generic",
            BridgeKind::BookingGeneric,
            json!({ "base_url": sandbox.booking_generic_url(), "api_key": town.generic_api_key }),
        ),
    ]
}

/// What a file does not declare: feeds, an API key.
async fn furnish(gateway: &Gateway, config: &Config, memory: &mut Memory) -> Result<Tenant, ServerError> {
    let store = gateway.store();
    let mut tx = store.begin_write().await?;
    let tenant = manage::tenants::find(&mut tx, TENANT).await?;
    let acting = Acting { tenant: &tenant.id, actor: "demo", now: SystemClock.now() };
    if memory.feeds.is_empty() {
        let url = config.public_url();
        for room in seed::town_hall().rooms {
            for detail in [DetailLevel::Full, DetailLevel::Busy] {
                let links = manage::feeds::Links { public_url: &url, key: &gateway.keys().feed, usual: &config.feed };
                let new = manage::feeds::NewFeed {
                    room: room.slug.to_owned(),
                    label: Some("demonstration".to_owned()),
                    detail: Some(detail),
                    ..Default::default()
                };
                let minted = manage::feeds::create(&mut tx, &acting, links, &new).await?;
                let path = minted.url.reveal().trim_start_matches(&url).to_owned();
                memory.feeds.push(FeedMemory { room: room.slug.to_owned(), detail, path });
            }
        }
    }
    tx.commit().await?;
    if memory.api_key.is_empty() {
        let fresh = manage::api_keys::fresh().await?;
        let mut tx = store.begin_write().await?;
        let issued =
            manage::api_keys::issue(&mut tx, &acting, USER, &NewSecret::labelled("demonstration"), fresh).await?;
        tx.commit().await?;
        issued.clear.reveal().clone_into(&mut memory.api_key);
    }
    gateway.nudge();
    Ok(tenant)
}

/// Waits until every room has been read from every side and nothing waits to be sent.
async fn first_contact(gateway: &Gateway, tenant: &Tenant) -> Result<(), ServerError> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("First contact: reading and pairing the calendars of both sides");
    let end = tokio::time::Instant::now() + FIRST_CONTACT;
    loop {
        let mut tx = gateway.store().begin_read().await?;
        let status = sync::status(&mut tx, &tenant.id).await?;
        drop(tx);
        let mappings: Vec<_> = status.rooms.iter().flat_map(|room| &room.mappings).collect();
        let done = mappings.iter().filter(|one| one.mapping.pulled_ms.is_some() && one.pending == 0).count();
        bar.set_length(mappings.len() as u64);
        bar.set_position(done as u64);
        if done == mappings.len() && status.pending == 0 {
            break;
        }
        if tokio::time::Instant::now() > end {
            tracing::warn!("{done} of {} calendars agree with their rooms so far; the rest goes on", mappings.len());
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bar.finish_and_clear();
    Ok(())
}

//! The sheet of a demonstration: every address, user and password to try, for people and as one line of JSON.

use super::memory::Memory;
use super::{TENANT, USER};
use crate::model::BridgeKind;
use crate::model::DetailLevel;
use crate::sandbox::{Sandbox, seed};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The sheet.
#[derive(Clone, Debug)]
pub struct Sheet {
    base_url: String,
    value: Value,
}

impl Sheet {
    pub(super) fn new(base_url: &str, sandbox: &Sandbox, memory: &Memory) -> Self {
        let town = seed::town_hall();
        let rooms: Vec<Value> = town
            .rooms
            .iter()
            .map(|room| {
                json!({
                    "slug": room.slug,
                    "name": room.name,
                    "caldav_url": format!("{base_url}/dav/{TENANT}/rooms/{}/", room.slug),
                    "graph_mailbox": room.mailbox,
                    "booking_profile": match room.booking {
                        BridgeKind::BookingPortico => "portico",
                        BridgeKind::BookingGeneric | BridgeKind::Graph | BridgeKind::Memory => "generic",
                    },
                    "booking_id": room.booking_id,
                })
            })
            .collect();
        let feeds: Vec<Value> = memory
            .feeds
            .iter()
            .map(|feed| {
                let detail = match feed.detail {
                    DetailLevel::Full => "full",
                    DetailLevel::Busy => "busy",
                };
                json!({ "room": feed.room, "detail": detail, "url": format!("{base_url}{}", feed.path) })
            })
            .collect();
        let value = json!({
            "base_url": base_url,
            "tenant": TENANT,
            "caldav_url": format!("{base_url}/dav/"),
            "user": USER,
            "password": memory.password,
            "api_key": memory.api_key,
            "dashboard_url": format!("{base_url}/dashboard"),
            "rooms": rooms,
            "feeds": feeds,
            "graph": {
                "base_url": sandbox.graph_url(),
                "login_url": sandbox.login_url(),
                "tenant": town.tenant_id,
                "client_id": town.client_id,
                "client_secret": town.client_secret,
            },
            "booking_generic": { "base_url": sandbox.booking_generic_url(), "api_key": town.generic_api_key },
            "booking_portico": {
                "base_url": sandbox.booking_portico_url(),
                "login": town.portico_login,
                "password": town.portico_password,
                "domain": town.portico_domain,
            },
            "sandbox_control_url": sandbox.control_url(),
        });
        Self { base_url: base_url.to_owned(), value }
    }

    /// Everything on one line of JSON.
    pub fn print_json(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.value)?;
        out.flush()
    }

    /// Everything for people. Fits 80 columns but for addresses that are longer.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nAnteroom is running: {}\n", self.base_url)?;
        writeln!(out, "{}\n", self.addresses())?;
        writeln!(out, "Simulated systems\n{}\n", self.systems())?;
        let home = format!("{}/dav/{TENANT}/rooms/", self.base_url);
        writeln!(out, "Rooms: mailbox ROOM@{}, CalDAV address\n {home}ROOM/", seed::TENANT_DOMAIN)?;
        writeln!(out, "{}\n", self.rooms())?;
        self.print_feeds(out, "full", "Feeds with titles")?;
        self.print_feeds(out, "busy", "Feeds that say busy only")?;
        self.print_lines(out, &home)?;
        out.flush()
    }

    fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn addresses(&self) -> Table {
        let mut table = plain_table();
        table.add_row(["Dashboard", self.text("/dashboard_url")]);
        table.add_row(["CalDAV", self.text("/caldav_url")]);
        table.add_row(["REST", &format!("{}/v1/docs", self.base_url)]);
        table.add_row(["User", self.text("/user")]);
        table.add_row(["Password", self.text("/password")]);
        table.add_row(["API key", self.text("/api_key")]);
        table
    }

    fn systems(&self) -> Table {
        let mut table = plain_table();
        let portico = format!(
            "login {}, password {}",
            self.text("/booking_portico/login"),
            self.text("/booking_portico/password")
        );
        let generic = format!("X-API-Key {}", self.text("/booking_generic/api_key"));
        table.add_row([
            "Graph",
            self.text("/graph/base_url"),
            &format!("secret {}", self.text("/graph/client_secret")),
        ]);
        table.add_row(["Portico", self.text("/booking_portico/base_url"), &portico]);
        table.add_row(["generic", self.text("/booking_generic/base_url"), &generic]);
        table.add_row(["switches", self.text("/sandbox_control_url"), "GET /state, PUT /faults"]);
        table
    }

    fn rooms(&self) -> Table {
        let mut table = plain_table();
        table.set_header(["ROOM", "name", "booking system"]);
        for room in self.value["rooms"].as_array().into_iter().flatten() {
            let text = |name: &str| room[name].as_str().unwrap_or_default().to_owned();
            let booking = format!("{} {}", text("booking_profile"), text("booking_id"));
            table.add_row([text("slug"), text("name"), booking]);
        }
        table
    }

    fn feeds(&self, detail: &str) -> impl Iterator<Item = &str> {
        let all = self.value["feeds"].as_array().into_iter().flatten();
        all.filter(move |feed| feed["detail"] == detail).filter_map(|feed| feed["url"].as_str())
    }

    fn print_feeds(&self, out: &mut dyn Write, detail: &str, title: &str) -> io::Result<()> {
        writeln!(out, "{title}")?;
        for url in self.feeds(detail) {
            writeln!(out, " {url}")?;
        }
        writeln!(out)
    }

    /// The lines to paste.
    fn print_lines(&self, out: &mut dyn Write, home: &str) -> io::Result<()> {
        let feed = self.feeds("full").next().unwrap_or_default();
        let (user, password) = (self.text("/user"), self.text("/password"));
        writeln!(out, "Thunderbird: New Calendar, On the Network, user name {user}, location:")?;
        writeln!(out, "  {}", self.text("/caldav_url"))?;
        writeln!(out, "Apple Calendar: Other CalDAV Account, Advanced, path /dav/, server and port:")?;
        writeln!(out, "  {}", self.base_url)?;
        writeln!(out, "Apple Calendar, without a password: New Calendar Subscription:")?;
        writeln!(out, "  {}", feed.replacen("http", "webcal", 1))?;
        writeln!(out, "Google Calendar, Outlook: From URL, once it is reachable from the internet:")?;
        writeln!(out, "  {feed}")?;
        writeln!(out, "curl: list the rooms")?;
        writeln!(out, "  curl -u {user}:{password} -X PROPFIND -H 'Depth: 1' \\\n    {home}")?;
        writeln!(out, "\nStop with Ctrl-C.")
    }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

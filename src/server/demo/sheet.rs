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

    /// Everything for people.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = |pointer: &str| self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "\nAnteroom is running: {}\n", self.base_url)?;
        let mut table = plain_table();
        table.add_row(["Dashboard", text("/dashboard_url")]);
        table.add_row(["User and password", &format!("{}   {}", text("/user"), text("/password"))]);
        table.add_row(["CalDAV (Thunderbird, DAVx5, Evolution)", text("/caldav_url")]);
        table.add_row(["Apple Calendar", &format!("Other CalDAV account, server {}", self.base_url)]);
        table.add_row(["API key", text("/api_key")]);
        table.add_row(["REST", &format!("{}/v1/docs", self.base_url)]);
        table.add_row(["Sandbox: Graph", text("/graph/base_url")]);
        table.add_row(["Sandbox: booking systems", &self.booking_systems()]);
        table.add_row(["Sandbox: switches", text("/sandbox_control_url")]);
        writeln!(out, "{table}\n\nRooms")?;
        writeln!(out, "{}\n", self.rooms())?;
        self.print_lines(out)?;
        out.flush()
    }

    fn booking_systems(&self) -> String {
        let text = |pointer: &str| self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{}   {}", text("/booking_portico/base_url"), text("/booking_generic/base_url"))
    }

    fn rooms(&self) -> Table {
        let mut table = plain_table();
        table.set_header(["room", "Outlook mailbox", "booking system", "CalDAV address"]);
        for room in self.value["rooms"].as_array().into_iter().flatten() {
            let text = |name: &str| room[name].as_str().unwrap_or_default().to_owned();
            let booking = format!("{} {}", text("booking_profile"), text("booking_id"));
            table.add_row([text("name"), text("graph_mailbox"), booking, text("caldav_url")]);
        }
        table
    }

    /// The lines to paste.
    fn print_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = |pointer: &str| self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let feed = self.value["feeds"][0]["url"].as_str().unwrap_or_default();
        let (user, password) = (text("/user"), text("/password"));
        writeln!(
            out,
            "Thunderbird: New Calendar, On the Network, user name {user}, location:\n  {}",
            text("/caldav_url")
        )?;
        writeln!(
            out,
            "Google Calendar, Outlook on the web: subscribe from URL (from the internet, once it is reachable):"
        )?;
        writeln!(out, "  {feed}")?;
        writeln!(out, "Apple Calendar: New Calendar Subscription:\n  {}", feed.replacen("http", "webcal", 1))?;
        writeln!(out, "curl: list the rooms")?;
        let home = format!("{}/dav/{TENANT}/rooms/", self.base_url);
        writeln!(out, "  curl -u {user}:{password} -X PROPFIND -H 'Depth: 1' {home}")?;
        writeln!(out, "\nStop with Ctrl-C.")
    }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

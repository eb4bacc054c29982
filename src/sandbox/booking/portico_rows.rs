//! Rows of the portico system: allocations, bookings and events, in local wall time without zone.

use crate::sandbox::wire::Reply;
use jiff::civil::DateTime;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

/// The three classes of reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sandbox) enum Class {
    Allocation,
    Booking,
    Event,
}

impl Class {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allocation => "allocation",
            Self::Booking => "booking",
            Self::Event => "event",
        }
    }
}

/// One reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Row {
    pub id: u64,
    pub class: Class,
    pub active: bool,
    pub title: String,
    pub description: String,
    pub from: DateTime,
    pub to: DateTime,
    /// `bb_event_date`: more than one for an event with several dates.
    pub dates: Vec<(DateTime, DateTime)>,
    pub resources: Vec<u64>,
    pub contact_name: String,
    pub contact_email: String,
    pub contact_phone: String,
    pub organization_id: Option<u64>,
    pub season_id: Option<u64>,
    pub allocation_id: Option<u64>,
}

impl Row {
    /// A row with nothing but its key.
    pub fn blank(id: u64, class: Class) -> Self {
        Self {
            id,
            class,
            active: true,
            title: String::new(),
            description: String::new(),
            from: DateTime::ZERO,
            to: DateTime::ZERO,
            dates: Vec::new(),
            resources: Vec::new(),
            contact_name: String::new(),
            contact_email: String::new(),
            contact_phone: String::new(),
            organization_id: None,
            season_id: None,
            allocation_id: None,
        }
    }

    /// All spans of time this row takes.
    pub fn spans(&self) -> Vec<(DateTime, DateTime)> {
        if self.dates.len() > 1 { self.dates.clone() } else { vec![(self.from, self.to)] }
    }

    /// Whether both take one resource at one time.
    pub fn collides(&self, other: &Self) -> bool {
        let shared = self.resources.iter().any(|id| other.resources.contains(id));
        let spans = other.spans();
        shared && self.spans().iter().any(|own| spans.iter().any(|span| own.0 < span.1 && span.0 < own.1))
    }

    /// The row in full.
    pub fn render(&self, name_of: impl Fn(u64) -> String) -> Value {
        let resources: Vec<Value> = self.resources.iter().map(|id| json!({"id": id, "name": name_of(*id)})).collect();
        let dates: Vec<Value> =
            self.spans().iter().map(|(from, to)| json!({"from_": show(*from), "to_": show(*to)})).collect();
        let mut out = json!({
            "id": self.id, "type": self.class, "active": i32::from(self.active), "name": self.title,
            "description": self.description, "from_": show(self.from), "to_": show(self.to), "resources": resources,
            "building_id": 1, "building_name": "Rådhuset",
        });
        if self.class == Class::Event {
            out["title"] = json!(self.title);
            out["dates"] = json!(dates);
            out["contact_name"] = json!(self.contact_name);
            out["contact_email"] = json!(self.contact_email);
            out["contact_phone"] = json!(self.contact_phone);
            out["organizer"] = json!(self.contact_name);
            out["activity_id"] = json!(1);
            out["is_public"] = json!(0);
        } else {
            out["organization_id"] = json!(self.organization_id);
            out["season_id"] = json!(self.season_id);
            out["allocation_id"] = json!(self.allocation_id);
        }
        out
    }

    /// Takes over the members that are given.
    pub fn merge(&mut self, body: &Value) -> Result<(), Reply> {
        let fields = [
            ("title", &mut self.title, 255),
            ("description", &mut self.description, 10_000),
            ("contact_name", &mut self.contact_name, 50),
            ("contact_email", &mut self.contact_email, 50),
            ("contact_phone", &mut self.contact_phone, 50),
        ];
        for (name, target, most) in fields {
            let Some(text) = body[name].as_str() else { continue };
            if text.chars().count() > most {
                return Err(refuse(400, &format!("{name} is longer than {most} characters")));
            }
            text.clone_into(target);
        }
        if let (None, Some(name)) = (body["title"].as_str(), body["name"].as_str()) {
            name.clone_into(&mut self.title);
        }
        let given = body["from_"].is_string() || body["to_"].is_string();
        for (name, target) in [("from_", &mut self.from), ("to_", &mut self.to)] {
            let Some(text) = body[name].as_str() else { continue };
            *target = read(text).ok_or_else(|| refuse(400, &format!("{name} is not a time")))?;
        }
        if self.to <= self.from {
            return Err(refuse(400, "to_ must be after from_"));
        }
        if given || self.dates.is_empty() {
            self.dates = vec![(self.from, self.to)];
        }
        self.merge_links(body);
        Ok(())
    }

    fn merge_links(&mut self, body: &Value) {
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        if let Some(list) = body["resources"].as_array() {
            self.resources = list.iter().filter_map(|item| number(item).or_else(|| number(&item["id"]))).collect();
        }
        for (name, target) in [
            ("organization_id", &mut self.organization_id),
            ("season_id", &mut self.season_id),
            ("allocation_id", &mut self.allocation_id),
        ] {
            if let Some(id) = number(&body[name]) {
                *target = Some(id);
            }
        }
    }
}

/// A refusal with the text this system answers.
pub(in crate::sandbox) fn refuse(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({"error": text, "success": false}))
}

/// Local wall time as a `timestamp` column prints it.
pub(in crate::sandbox) fn show(wall: DateTime) -> String {
    wall.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads a time as a `timestamp` column does: an offset is dropped, not applied.
pub(in crate::sandbox) fn read(text: &str) -> Option<DateTime> {
    let text = text.trim().replace(' ', "T");
    let plain: String = text.chars().take(19).collect();
    let plain = plain.trim_end_matches('Z');
    plain.parse().ok().or_else(|| plain.get(..16)?.parse().ok())
}

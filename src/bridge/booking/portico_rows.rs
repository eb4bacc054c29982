//! The rows of a `PorticoEstate` schedule, and events in their form: wall-clock times of one zone, never an offset.

use super::local;
use crate::bridge::text;
use crate::bridge::{RemoteCalendar, RemoteId, RemoteItem};
use crate::model::{Content, Event, EventTime, Person, ReservationClass, Uid, ZoneId};
use jiff::civil::{DateTime, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One allocation, booking or event.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    pub(super) id: Value,
    #[serde(rename = "type")]
    pub(super) class: Option<String>,
    pub(super) active: Option<Value>,
    name: Option<String>,
    title: Option<String>,
    description: Option<String>,
    from_: Option<String>,
    to_: Option<String>,
    resources: Option<Vec<Value>>,
    dates: Option<Vec<Value>>,
    completed: Option<Value>,
    contact_name: Option<String>,
    contact_email: Option<String>,
}

impl Row {
    /// Whether it takes place.
    pub(super) fn is_active(&self) -> bool {
        !is_off(self.active.as_ref())
    }

    /// Whether it uses the resource; a schedule that names none is the resource's own.
    pub(super) fn is_at(&self, at: &RemoteCalendar) -> bool {
        let Some(all) = &self.resources else { return true };
        all.iter().any(|resource| {
            let id = resource.get("id").unwrap_or(resource);
            number(id).as_deref() == Some(at.id.as_str())
        })
    }

    /// The composite id, since ids of different classes collide.
    pub(super) fn remote_id(&self) -> Result<RemoteId, String> {
        let id = number(&self.id).ok_or("a reservation without id")?;
        Ok(RemoteId(format!("{}:{id}", self.class.as_deref().unwrap_or("event"))))
    }

    /// The item; `None` when it is inactive.
    pub(super) fn item(&self, zone: &ZoneId) -> Result<Option<RemoteItem>, String> {
        let id = self.remote_id()?;
        if !self.is_active() {
            return Ok(None);
        }
        let class = match self.class.as_deref().unwrap_or("event") {
            "event" => ReservationClass::Event,
            "booking" => ReservationClass::Booking,
            "allocation" => ReservationClass::Allocation,
            other => return Err(format!("{id} is of the unknown class `{other}`")),
        };
        let wall = |text: &Option<String>| {
            text.as_deref().and_then(read_wall).ok_or_else(|| format!("{id} has no usable from_ or to_"))
        };
        let (start, end) = (wall(&self.from_)?, wall(&self.to_)?);
        let event = Event {
            uid: Uid(format!("booking-{}", id.0.replace(':', "-"))),
            class,
            when: days(EventTime::Timed { start, end, zone: zone.clone() }),
            content: self.content(),
            recurrence: None,
            overrides: BTreeMap::new(),
        };
        let event = comparable(zone, &event);
        Ok(Some(RemoteItem { id, version: None, key: None, event, locked: self.lock(class), assumed: None }))
    }

    /// All items of the row: a reservation with several dates takes the room on each of them. The first date has the id of
    /// the row, the others have that id and their start.
    pub(super) fn items(&self, zone: &ZoneId) -> Result<Vec<RemoteItem>, String> {
        let Some(first) = self.item(zone)? else { return Ok(Vec::new()) };
        let mut all = vec![first.clone()];
        for date in self.dates.iter().flatten() {
            let wall = |name: &str| {
                let text = date.get(name).and_then(Value::as_str);
                text.and_then(read_wall).ok_or_else(|| format!("{} has a date without from_ or to_", first.id))
            };
            let (start, end) = (wall("from_")?, wall("to_")?);
            let mut event = Event { when: EventTime::Timed { start, end, zone: zone.clone() }, ..first.event.clone() };
            event.when = comparable(zone, &event).when;
            if event.when == first.event.when {
                continue;
            }
            let mark = start.strftime("%Y%m%dT%H%M%S");
            event.uid = Uid(format!("{}-{mark}", event.uid.as_str()));
            all.push(RemoteItem { id: RemoteId(format!("{}@{mark}", first.id)), event, ..first.clone() });
        }
        Ok(all)
    }

    fn content(&self) -> Content {
        let some = |text: &Option<String>| text.as_deref().unwrap_or("").trim().to_owned();
        let who = Person { name: some(&self.contact_name), email: some(&self.contact_email).to_lowercase() };
        Content {
            summary: self.title.clone().filter(|title| !title.is_empty()).or(self.name.clone()).unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            organizer: (!who.name.is_empty() || !who.email.is_empty()).then_some(who),
            busy: true,
            ..Content::default()
        }
    }

    /// Why the gateway must not write it: every save leaves one date, and rewrites the invoice.
    fn lock(&self, class: ReservationClass) -> Option<String> {
        let why = if class != ReservationClass::Event {
            "only events can be written through the booking system's interface"
        } else if self.completed.as_ref().is_some_and(|completed| !is_off(Some(completed)) && !completed.is_null()) {
            "the reservation is completed and invoiced"
        } else if self.dates.as_ref().is_some_and(|dates| dates.len() > 1) {
            "the reservation has several dates, which a save would lose"
        } else if self.resources.as_ref().is_some_and(|all| all.len() > 1) {
            "the reservation takes several resources"
        } else {
            return None;
        };
        Some(why.to_owned())
    }
}

fn is_off(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(on)) => !on,
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::String(text)) => matches!(text.as_str(), "0" | "false" | ""),
        _ => false,
    }
}

pub(super) fn number(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Wall time as the system prints it. An offset says nothing new: the column has none.
fn read_wall(text: &str) -> Option<DateTime> {
    let text = text.trim().replacen(' ', "T", 1);
    let plain = text.get(..19).or_else(|| text.get(..16))?;
    plain.parse().ok()
}

/// Wall time as it is sent: no offset, no `Z`.
fn say(wall: DateTime) -> String {
    wall.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// 00:00 to 23:59 is whole days, as the system's own forms write them.
fn days(when: EventTime) -> EventTime {
    match &when {
        EventTime::Timed { start, end, .. }
            if start.time() == Time::midnight() && (end.hour(), end.minute()) == (23, 59) =>
        {
            match end.date().tomorrow() {
                Ok(end) => EventTime::AllDay { start: start.date(), end },
                Err(_) => when,
            }
        }
        _ => when,
    }
}

/// An event as this side keeps it: title, text, one contact, wall-clock time.
pub(super) fn comparable(zone: &ZoneId, event: &Event) -> Event {
    let who = event.content.organizer.as_ref().map(|who| Person {
        name: text::shorten(&text::one_line(if who.name.is_empty() { &who.email } else { &who.name }), 50),
        email: if who.email.chars().count() > 50 { String::new() } else { who.email.clone() },
    });
    let summary = text::shorten(&text::one_line(&event.content.summary), 255);
    Event {
        uid: event.uid.clone(),
        class: event.class,
        when: days(local(zone, &event.when)),
        content: Content {
            summary: if summary.is_empty() { "Reserved".to_owned() } else { summary },
            description: text::tidy(&event.content.description),
            organizer: who,
            busy: true,
            ..Content::default()
        },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

/// The members that are sent.
pub(super) fn body(event: &Event) -> Value {
    let (start, end) = match &event.when {
        EventTime::Timed { start, end, .. } => (*start, *end),
        EventTime::AllDay { start, end } => {
            let last = end.yesterday().unwrap_or(*start);
            (start.to_datetime(Time::midnight()), last.at(23, 59, 0, 0))
        }
    };
    let mut body = json!({
        "title": event.content.summary, "name": event.content.summary, "description": event.content.description,
        "from_": say(start), "to_": say(end), "source": "anteroom",
    });
    if let Some(who) = &event.content.organizer {
        body["contact_name"] = json!(who.name);
        body["contact_email"] = json!(who.email);
    }
    body
}

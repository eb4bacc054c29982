//! A booking system with the generic contract: `POST`, `PUT`, `DELETE`, `GET /api/events`, created by `external_id`,
//! read by `since`, times in UTC.

use super::{dated, local};
use crate::bridge::Unrepresentable;
use crate::bridge::bridges::base_url;
use crate::bridge::http::{Answer, Dial, Http, Intent, clip};
use crate::bridge::text;
use crate::bridge::{Bridge, BridgeError, Complete, Cursor, Delta, GenericConfig, Hook, IdempotencyKey, Known};
use crate::bridge::{Probe, Projection, Reading, RemoteCalendar, RemoteId, RemoteItem, RemoteVersion, Subscribed};
use crate::config::Limits;
use crate::model::{BridgeKind, Clock, Content, Event, EventTime, Person, ReservationClass};
use crate::model::{TimeRange, Timestamp, Uid, ZoneId};
use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far a delta reaches back behind the newest change seen, for changes that share its moment.
const OVERLAP_MS: i64 = 2_000;

/// The bridge to a booking system of the generic kind.
pub(in crate::bridge) struct Generic {
    http: Http,
    config: GenericConfig,
    base: String,
}

/// A row as the system tells it; ids may be numbers or text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    id: Value,
    #[serde(rename = "type")]
    class: Value,
    external_id: Option<String>,
    title: Option<String>,
    description: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    location: Option<String>,
    resource_id: Value,
    organizer: Option<RowPerson>,
    active: Option<Value>,
    deleted: Option<bool>,
    status: Option<String>,
    updated_at: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RowPerson {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rows {
    Plain(Vec<Row>),
    Events { events: Vec<Row> },
    Data { data: Vec<Row> },
    Results { results: Vec<Row> },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Resources {
    Plain(Vec<Resource>),
    Named { resources: Vec<Resource> },
}

#[derive(Deserialize)]
struct Resource {
    id: Value,
    #[serde(default)]
    name: Option<String>,
}

impl Generic {
    pub(in crate::bridge) fn new(
        config: GenericConfig,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Result<Self, BridgeError> {
        // The address is often given with the `/api` that every path begins with.
        let base = base_url(config.base_url.trim_end_matches('/').trim_end_matches("/api"))?;
        let dial = Dial { base: &base, proxy: config.proxy.as_deref(), timeout_ms: config.timeout_ms };
        let http = Http::new(&dial, clock, limits)?;
        Ok(Self { http, config, base })
    }

    pub(super) async fn call(&self, method: Method, path: &[&str], body: Option<Value>) -> Result<Answer, BridgeError> {
        self.ask(method, path, &[], body).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Answer, BridgeError> {
        let mut url = url::Url::parse(&self.base).map_err(|why| BridgeError::Refused(why.to_string()))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        let intent = if method == Method::GET { Intent::Read } else { Intent::Write };
        let mut request = self.http.client().request(method, url).query(query).header("Accept", "application/json");
        if let Some(key) = &self.config.api_key {
            request = request.header("X-API-Key", key.reveal());
        }
        if let Some(token) = &self.config.bearer {
            request = request.bearer_auth(token.reveal());
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        self.http.send(request, intent).await
    }

    async fn since(&self, at: &RemoteCalendar, since: Timestamp) -> Result<Vec<Row>, BridgeError> {
        let answer = self.ask(Method::GET, &["events"], &[("since", &since.to_string())], None).await?;
        let rows = match checked(answer, Intent::Read)?.read::<Rows>(Intent::Read)? {
            Rows::Plain(rows)
            | Rows::Events { events: rows }
            | Rows::Data { data: rows }
            | Rows::Results { results: rows } => rows,
        };
        Ok(rows.into_iter().filter(|row| row.is_at(at)).collect())
    }

    /// Nothing is filed under a resource that was removed or renamed, which is no absence of events. Systems that list
    /// their resources tell the one from the other.
    async fn is_there(&self, at: &RemoteCalendar) -> Result<(), BridgeError> {
        let all = self.calendars().await?;
        if all.is_empty() || all.iter().any(|one| one.id == at.id) {
            return Ok(());
        }
        Err(BridgeError::CalendarGone(format!("the booking system has no resource `{}`", clip(&at.id))))
    }

    async fn row(&self, id: &str) -> Result<Option<Row>, BridgeError> {
        let answer = self.call(Method::GET, &["events", id], None).await?;
        if answer.status == 404 && answer.is_json() {
            return Ok(None);
        }
        checked(answer, Intent::Read)?.read(Intent::Read).map(Some)
    }

    async fn read_back(&self, at: &RemoteCalendar, id: &str) -> Result<RemoteItem, BridgeError> {
        let lost = |why: BridgeError| BridgeError::Unknown(format!("written, but not read back: {why}"));
        let row = self.row(id).await.map_err(lost)?;
        let item = row.map(|row| row.item(at)).transpose().map_err(BridgeError::Unknown)?.flatten();
        item.ok_or_else(|| BridgeError::Unknown("written, but not there when read back".to_owned()))
    }

    fn body(&self, at: &RemoteCalendar, event: &Event) -> Value {
        let (start, end) = event.when.instants(&at.zone);
        let mut body = json!({
            "title": event.content.summary, "description": event.content.description,
            "start_time": start.to_string(), "end_time": end.to_string(),
            "location": at.name, "resource_id": at.id, "source_system": self.config.source_system,
        });
        if let Some(who) = &event.content.organizer {
            body["organizer"] = json!({"name": who.name, "email": who.email});
        }
        body
    }
}

impl Row {
    fn is_at(&self, at: &RemoteCalendar) -> bool {
        match plain(&self.resource_id) {
            Some(id) => id == at.id,
            None => self.location.as_deref().is_some_and(|name| name.trim().eq_ignore_ascii_case(at.name.trim())),
        }
    }

    fn is_cancelled(&self) -> bool {
        let off = match &self.active {
            Some(Value::Bool(active)) => !active,
            Some(Value::Number(number)) => number.as_i64() == Some(0),
            _ => false,
        };
        off || self.deleted == Some(true)
            || self.status.as_deref().is_some_and(|status| {
                ["cancelled", "canceled", "deleted"].iter().any(|gone| status.eq_ignore_ascii_case(gone))
            })
    }

    fn updated(&self) -> Option<Timestamp> {
        self.updated_at.as_deref().and_then(instant)
    }

    fn remote_id(&self) -> Result<RemoteId, String> {
        plain(&self.id).map(RemoteId).ok_or_else(|| "an event without id".to_owned())
    }

    /// The item; `None` when it is cancelled.
    pub(super) fn item(&self, at: &RemoteCalendar) -> Result<Option<RemoteItem>, String> {
        let id = self.remote_id()?;
        if self.is_cancelled() {
            return Ok(None);
        }
        let time = |text: &Option<String>| {
            text.as_deref().and_then(instant).ok_or_else(|| format!("event {id} has no usable start or end"))
        };
        let (start, end) = (time(&self.start_time)?, time(&self.end_time)?);
        let who = self.organizer.as_ref().map(|who| Person {
            name: who.name.as_deref().unwrap_or("").trim().to_owned(),
            email: who.email.as_deref().unwrap_or("").trim().to_lowercase(),
        });
        let event = Event {
            uid: Uid(format!("booking-{id}")),
            class: ReservationClass::Event,
            when: EventTime::Timed {
                start: ZoneId::utc().wall(start),
                end: ZoneId::utc().wall(end),
                zone: ZoneId::utc(),
            },
            content: Content {
                summary: self.title.clone().unwrap_or_default(),
                description: self.description.clone().unwrap_or_default(),
                organizer: who.filter(|who| !(who.name.is_empty() && who.email.is_empty())),
                busy: true,
                ..Content::default()
            },
            recurrence: None,
            overrides: BTreeMap::new(),
        };
        // Systems that tell their classes: a season's standing slot is nobody's to write but theirs.
        let is_allocation = self.class.as_str().is_some_and(|class| class.eq_ignore_ascii_case("allocation"));
        let class = if is_allocation { ReservationClass::Allocation } else { ReservationClass::Event };
        Ok(Some(RemoteItem {
            id,
            version: self.updated_at.clone().map(RemoteVersion),
            key: self.external_id.clone().map(IdempotencyKey),
            event: Event { class, ..comparable(at, &event) },
            locked: is_allocation.then(|| "allocations are written in the booking system only".to_owned()),
            assumed: None,
        }))
    }
}

/// An event as this side keeps it: title, text, organizer, and a time in the room's zone.
pub(super) fn comparable(at: &RemoteCalendar, event: &Event) -> Event {
    Event {
        uid: event.uid.clone(),
        class: ReservationClass::Event,
        when: exact(&at.zone, &event.when),
        content: Content {
            summary: text::one_line(&event.content.summary),
            description: text::tidy(&event.content.description),
            organizer: event.content.organizer.clone(),
            busy: true,
            ..Content::default()
        },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

/// A time in the wall-clock time of the room; in UTC where the hour that comes twice in autumn would blur it.
fn exact(zone: &ZoneId, when: &EventTime) -> EventTime {
    let here = local(zone, when);
    if here.is_all_day() || here.instants(zone) == when.instants(zone) {
        return here;
    }
    local(&ZoneId::utc(), when)
}

/// An instant with offset; fractions are allowed.
fn instant(text: &str) -> Option<Timestamp> {
    text.trim().parse::<jiff::Timestamp>().ok().map(Timestamp::from_jiff)
}

pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What an answer means; 404 of a collection is never an absence.
pub(super) fn checked(answer: Answer, intent: Intent) -> Result<Answer, BridgeError> {
    if answer.ok() {
        return Ok(answer);
    }
    let body = answer.value();
    let words = [&body["message"], &body["error"]].into_iter().find_map(Value::as_str).map(clip).unwrap_or_default();
    Err(match answer.status {
        401 | 403 => BridgeError::Auth(words),
        _ if !answer.is_json() => intent.unusable(format!("status {} without JSON", answer.status)),
        404 if intent == Intent::Read => BridgeError::CalendarGone(words),
        404 => BridgeError::NotFound,
        409 if body["error"] == "duplicate_external_id" => {
            BridgeError::Unknown("an event with this external_id exists".to_owned())
        }
        409 => BridgeError::SlotTaken(words),
        412 => BridgeError::Stale,
        400..=499 => BridgeError::Refused(words),
        status => intent.unusable(format!("status {status}")),
    })
}

/// The cursor after these rows: the newest change, or where the reading began.
fn newest(rows: &[Row], before: Timestamp) -> Cursor {
    let newest = rows.iter().filter_map(Row::updated).max().unwrap_or(before).max(before);
    Cursor(newest.ms().to_string())
}

#[async_trait]
impl Bridge for Generic {
    fn kind(&self) -> BridgeKind {
        BridgeKind::BookingGeneric
    }

    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
        dated(at, event, window, comparable)
    }

    fn comparable(&self, at: &RemoteCalendar, event: &Event) -> Event {
        comparable(at, event)
    }

    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        let rows = self.since(at, Timestamp(0)).await?;
        if rows.is_empty() {
            self.is_there(at).await?;
        }
        let mut items = Vec::new();
        for row in &rows {
            let item = row.item(at).map_err(BridgeError::Garbage)?;
            let inside = |item: &RemoteItem| {
                let (start, end) = item.event.when.instants(&at.zone);
                TimeRange::new(start, end).overlaps(&window)
            };
            items.extend(item.filter(inside));
        }
        Ok(Complete::proved(window, items, Some(newest(&rows, Timestamp(0)))))
    }

    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError> {
        let before = Timestamp(since.0.parse().map_err(|_| BridgeError::CursorGone)?);
        let rows = self.since(at, Timestamp(before.ms().saturating_sub(OVERLAP_MS).max(0))).await?;
        let cursor = newest(&rows, before);
        let (mut items, mut removed) = (BTreeMap::new(), Vec::new());
        for row in rows {
            let id = row.remote_id().map_err(BridgeError::Garbage)?;
            match row.item(at).map_err(BridgeError::Garbage)? {
                Some(item) => {
                    items.insert(id, item);
                }
                None => removed.push(id),
            }
        }
        Ok(Reading::Delta(Delta { items: items.into_values().collect(), removed, cursor }))
    }

    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        match self.row(&id.0).await? {
            Some(row) if row.is_at(at) => row.item(at).map_err(BridgeError::Garbage),
            _ => Ok(None),
        }
    }

    async fn create(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        // The contract promises nothing about a repeated external_id: look before writing.
        if let Probe::Found(item) = self.probe(at, event, key).await? {
            return Ok(*item);
        }
        let mut body = self.body(at, event);
        body["external_id"] = json!(key.0);
        let answer = checked(self.call(Method::POST, &["events"], Some(body)).await?, Intent::Write)?;
        let made: Value = answer.read(Intent::Write)?;
        let id = plain(&made["id"]).or_else(|| plain(&made["data"]["id"]));
        let id = id.ok_or_else(|| BridgeError::Unknown("the new event has no id".to_owned()))?;
        self.read_back(at, &id).await
    }

    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        let now = self.fetch(at, &item.id).await?.ok_or(BridgeError::NotFound)?;
        let same = |other: &Event| {
            let other = comparable(at, other);
            (&other.when, &other.content) == (&now.event.when, &now.event.content)
        };
        if same(event) {
            return Ok(now);
        }
        if !same(base) {
            return Err(BridgeError::Stale);
        }
        let answer = self.call(Method::PUT, &["events", &item.id.0], Some(self.body(at, event))).await?;
        checked(answer, Intent::Write)?;
        self.read_back(at, &item.id.0).await
    }

    async fn delete(&self, _at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError> {
        let answer = self.call(Method::DELETE, &["events", &item.id.0], None).await?;
        // 204 has no body and so no content type.
        match answer.status {
            200..=299 => Ok(()),
            404 | 410 if answer.is_json() => Ok(()),
            _ => checked(answer, Intent::Write).map(|_| ()),
        }
    }

    async fn probe(&self, at: &RemoteCalendar, _event: &Event, key: &IdempotencyKey) -> Result<Probe, BridgeError> {
        let rows = self.since(at, Timestamp(0)).await?;
        let own = rows.iter().filter(|row| row.external_id.as_deref() == Some(key.0.as_str()));
        let mut found = Vec::new();
        for row in own {
            found.extend(row.item(at).map_err(BridgeError::Garbage)?);
        }
        Ok(match found.len() {
            0 => Probe::NotFound,
            1 => found.pop().map_or(Probe::NotFound, |item| Probe::Found(Box::new(item))),
            _ => Probe::Ambiguous(found.into_iter().map(|item| item.id).collect()),
        })
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        let answer = self.call(Method::GET, &["resources"], None).await?;
        // The contract has no list of resources; systems without one are mapped by hand.
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let all = match checked(answer, Intent::Read)?.read::<Resources>(Intent::Read)? {
            Resources::Plain(all) | Resources::Named { resources: all } => all,
        };
        let room = |resource: Resource| {
            let id = plain(&resource.id)?;
            Some(RemoteCalendar { name: resource.name.unwrap_or_else(|| id.clone()), id, zone: ZoneId::utc() })
        };
        Ok(all.into_iter().filter_map(room).collect())
    }

    async fn subscribe(&self, _at: &RemoteCalendar, hook: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        self.register(hook).await
    }

    async fn renew(&self, _at: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError> {
        self.look_after(id).await
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError> {
        self.unregister(id).await
    }
}

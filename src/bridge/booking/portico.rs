//! `PorticoEstate` (Aktiv kommune): session login, schedules read in slices, events written and read back.

use super::dated;
use super::portico_rows::{self, Row, body, comparable};
use crate::bridge::bridges::base_url;
use crate::bridge::http::{Answer, Dial, Http, Intent, clip};
use crate::bridge::{Bridge, BridgeError, Complete, Cursor, Hook, IdempotencyKey, Known, PorticoConfig, Probe};
use crate::bridge::{Projection, Reading, RemoteCalendar, RemoteId, RemoteItem, Subscribed, Unrepresentable};
use crate::config::Limits;
use crate::config::Secret;
use crate::model::{BridgeKind, Clock, Event, TimeRange, Timestamp};
use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A session lasts 30 minutes; a new one is made a little earlier.
const SESSION_MS: i64 = 25 * 60_000;
/// Days of one schedule request.
const SLICE_DAYS: i64 = 31;
/// The longest subscription, 30 days in minutes.
const LIFE_MINUTES: i64 = 43_200;

/// The bridge to a `PorticoEstate` booking system.
pub(in crate::bridge) struct Portico {
    http: Http,
    config: PorticoConfig,
    base: String,
    clock: Arc<dyn Clock>,
    session: Mutex<Option<Session>>,
    slices: usize,
}

#[derive(Clone)]
struct Session {
    name: String,
    id: Secret,
    renew_at: Timestamp,
}

#[derive(Deserialize)]
struct LoggedIn {
    session_name: String,
    session_id: Secret,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    total_records: usize,
    results: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    id: Value,
    #[serde(default)]
    name: Option<String>,
}

impl Portico {
    pub(in crate::bridge) fn new(
        config: PorticoConfig,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Result<Self, BridgeError> {
        let base = base_url(&config.base_url)?;
        let dial = Dial { base: &base, proxy: config.proxy.as_deref(), timeout_ms: config.timeout_ms };
        let http = Http::new(&dial, Arc::clone(&clock), limits)?;
        Ok(Self { http, config, base, clock, session: Mutex::new(None), slices: limits.pull_pages })
    }

    async fn session(&self, refused: Option<&Session>) -> Result<Session, BridgeError> {
        let mut held = self.session.lock().await;
        let fresh =
            |own: &&Session| self.clock.now() < own.renew_at && refused.is_none_or(|refused| refused.id != own.id);
        if let Some(own) = held.as_ref().filter(fresh) {
            return Ok(own.clone());
        }
        let (login, password) = (&self.config.login, self.config.password.reveal());
        let form = json!({"logindomain": self.config.logindomain, "login": login, "passwd": password});
        let request = self.http.client().post(format!("{}/login", self.base)).json(&form);
        let answer = self.http.send(request, Intent::Read).await?;
        if matches!(answer.status, 400 | 401 | 403) {
            return Err(BridgeError::Auth("the booking system refuses login and password".to_owned()));
        }
        let made: LoggedIn = answer.read(Intent::Read)?;
        let renew_at = self.clock.now().plus_ms(SESSION_MS);
        let session = Session { name: made.session_name, id: made.session_id, renew_at };
        *held = Some(session.clone());
        Ok(session)
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, BridgeError> {
        let session = self.session(None).await?;
        let answer = self.once((&method, path, query), body, &session).await?;
        if !matches!(answer.status, 401 | 403) {
            return Ok(answer);
        }
        let session = self.session(Some(&session)).await?;
        self.once((&method, path, query), body, &session).await
    }

    async fn once(
        &self,
        (method, path, query): (&Method, &[&str], &[(&str, &str)]),
        body: Option<&Value>,
        session: &Session,
    ) -> Result<Answer, BridgeError> {
        let mut url = url::Url::parse(&self.base).map_err(|why| BridgeError::Refused(why.to_string()))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("booking").extend(path);
        }
        let intent = if *method == Method::GET { Intent::Read } else { Intent::Write };
        let own = [
            (session.name.as_str(), session.id.reveal()),
            ("domain", self.config.logindomain.as_str()),
            ("phpgw_return_as", "json"),
            ("api_mode", "true"),
        ];
        let mut request = self.http.client().request(method.clone(), url).query(query).query(&own);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.http.send(request, intent).await
    }

    /// All active reservations that overlap the window, each once.
    async fn schedule(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Vec<RemoteItem>, BridgeError> {
        let mut found = BTreeMap::new();
        let mut from = window.start;
        for _ in 0..self.slices {
            let to = from.plus_days(SLICE_DAYS).min(window.end);
            let day = |instant: Timestamp| self.config.zone.wall(instant).date().to_string();
            let query = [("start_date", day(from)), ("end_date", day(to))];
            let query = [(query[0].0, query[0].1.as_str()), (query[1].0, query[1].1.as_str())];
            let answer = self.call(Method::GET, &["resources", &at.id, "schedule"], &query, None).await?;
            for row in checked(answer, Intent::Read)?.read::<Vec<Row>>(Intent::Read)? {
                let items = row.items(&self.config.zone).map_err(BridgeError::Garbage)?;
                let ours = items.into_iter().filter(|item| self.overlaps(item, window) && row.is_at(at));
                found.extend(ours.map(|item| (item.id.clone(), item)));
            }
            if to >= window.end {
                return Ok(found.into_values().collect());
            }
            from = to;
        }
        Err(BridgeError::Refused("the window is too long to be read; ask for a shorter one".to_owned()))
    }

    fn overlaps(&self, item: &RemoteItem, window: TimeRange) -> bool {
        let (start, end) = item.event.when.instants(&self.config.zone);
        TimeRange::new(start, end).overlaps(&window)
    }

    /// The events with exactly this title and time. The system keeps no key, so that is all there is to go by.
    async fn twins(&self, at: &RemoteCalendar, event: &Event) -> Result<Vec<RemoteItem>, BridgeError> {
        let want = comparable(&self.config.zone, event);
        let (start, end) = want.when.instants(&self.config.zone);
        let all = self.schedule(at, TimeRange::new(start, end)).await?;
        let same = |item: &RemoteItem| {
            // What is locked was not made by us.
            item.id.0.starts_with("event:")
                && item.locked.is_none()
                && item.event.when == want.when
                && item.event.content.summary == want.content.summary
        };
        Ok(all.into_iter().filter(same).collect())
    }

    async fn read_back(&self, at: &RemoteCalendar, id: &RemoteId, want: &Event) -> Result<RemoteItem, BridgeError> {
        let lost = |why: BridgeError| BridgeError::Unknown(format!("written, but not read back: {why}"));
        let item = self.fetch(at, id).await.map_err(lost)?;
        let item = item.ok_or_else(|| BridgeError::Unknown("written, but not there when read back".to_owned()))?;
        if item.event.when != want.when {
            let why = format!("the booking system stored another time for {id} than was sent");
            return Err(BridgeError::Unknown(why));
        }
        Ok(item)
    }
}

/// The number of an event; other classes and further dates cannot be written.
fn event_number(id: &RemoteId) -> Result<&str, BridgeError> {
    let locked = || BridgeError::Refused(format!("{id} cannot be written: only events with one date can"));
    id.0.strip_prefix("event:").filter(|number| !number.contains('@')).ok_or_else(locked)
}

/// What an answer means; 404 of a resource is never an absence.
fn checked(answer: Answer, intent: Intent) -> Result<Answer, BridgeError> {
    if answer.ok() {
        return Ok(answer);
    }
    let body = answer.value();
    let words = [&body["error"], &body["message"]].into_iter().find_map(Value::as_str).map(clip).unwrap_or_default();
    Err(match answer.status {
        401 | 403 => BridgeError::Auth(words),
        _ if !answer.is_json() => intent.unusable(format!("status {} without JSON", answer.status)),
        404 => BridgeError::CalendarGone(words),
        409 if words.to_lowercase().contains("duplicate") => BridgeError::Unknown(words),
        409 => BridgeError::SlotTaken(words),
        400..=499 => BridgeError::Refused(words),
        status => intent.unusable(format!("status {status}")),
    })
}

#[async_trait]
impl Bridge for Portico {
    fn kind(&self) -> BridgeKind {
        BridgeKind::BookingPortico
    }

    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
        dated(at, event, window, |_, event| comparable(&self.config.zone, event))
    }

    // What is written over its REST interface is announced to nobody.
    fn announces_everything(&self) -> bool {
        false
    }

    fn tells_keys(&self) -> bool {
        false
    }

    fn comparable(&self, _at: &RemoteCalendar, event: &Event) -> Event {
        comparable(&self.config.zone, event)
    }

    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        let items = self.schedule(at, window).await?;
        let cursor = Cursor(format!("{}/{}", window.start.ms(), window.end.ms()));
        Ok(Complete::proved(window, items, Some(cursor)))
    }

    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError> {
        let ends = since.0.split_once('/').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let (from, to) = ends.ok_or(BridgeError::CursorGone)?;
        self.read_all(at, TimeRange::new(Timestamp(from), Timestamp(to))).await.map(Reading::Complete)
    }

    fn is_only_listed(&self, id: &RemoteId) -> bool {
        // Bookings cannot be read one by one, and further dates are told by their event only.
        id.0.starts_with("booking:") || id.0.contains('@')
    }

    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        let Some((class, number)) = id.0.split_once(':') else { return Ok(None) };
        let path = match class {
            _ if self.is_only_listed(id) => return Err(BridgeError::Refused(format!("{id} cannot be read by itself"))),
            "event" => ["events", number],
            "allocation" => ["allocations", number],
            _ => return Ok(None),
        };
        let answer = self.call(Method::GET, &path, &[], None).await?;
        if answer.status == 404 && answer.is_json() {
            return Ok(None);
        }
        let value: Value = checked(answer, Intent::Read)?.read(Intent::Read)?;
        let value = value.get(class).filter(|inner| inner.is_object()).unwrap_or(&value).clone();
        let mut row: Row = serde_json::from_value(value).map_err(|why| BridgeError::Garbage(why.to_string()))?;
        row.class = Some(class.to_owned());
        if row.is_at(at) { row.item(&self.config.zone).map_err(BridgeError::Garbage) } else { Ok(None) }
    }

    async fn create(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        _key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        let event = comparable(&self.config.zone, event);
        let path = ["resources", at.id.as_str(), "events"];
        let answer = self.call(Method::POST, &path, &[], Some(&body(&event))).await?;
        let made: Value = checked(answer, Intent::Write)?.read(Intent::Write)?;
        let number = portico_rows::number(&made["event_id"]).or_else(|| portico_rows::number(&made["id"]));
        let number = number.ok_or_else(|| BridgeError::Unknown("the new event has no id".to_owned()))?;
        self.read_back(at, &RemoteId(format!("event:{number}")), &event).await
    }

    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        let number = event_number(&item.id)?;
        let now = self.fetch(at, &item.id).await?.ok_or(BridgeError::NotFound)?;
        if let Some(why) = now.locked {
            return Err(BridgeError::Refused(why));
        }
        let event = comparable(&self.config.zone, event);
        let base = comparable(&self.config.zone, base);
        if (&now.event.when, &now.event.content) == (&event.when, &event.content) {
            return Ok(now);
        }
        if (&now.event.when, &now.event.content) != (&base.when, &base.content) {
            return Err(BridgeError::Stale);
        }
        let answer = self.call(Method::PUT, &["events", number], &[], Some(&body(&event))).await?;
        match checked(answer, Intent::Write) {
            Err(BridgeError::CalendarGone(_)) => return Err(BridgeError::NotFound),
            other => other?,
        };
        self.read_back(at, &item.id, &event).await
    }

    async fn delete(&self, at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError> {
        let number = event_number(&item.id)?;
        let Some(now) = self.fetch(at, &item.id).await? else { return Ok(()) };
        if let Some(why) = now.locked {
            return Err(BridgeError::Refused(why));
        }
        // Never without a body: that would turn the state round.
        let off = json!({"active": false});
        let answer = self.call(Method::PATCH, &["events", number, "toggle-active"], &[], Some(&off)).await?;
        match checked(answer, Intent::Write) {
            Ok(_) | Err(BridgeError::CalendarGone(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    async fn probe(&self, at: &RemoteCalendar, event: &Event, _key: &IdempotencyKey) -> Result<Probe, BridgeError> {
        let mut found = self.twins(at, event).await?;
        Ok(match found.len() {
            0 => Probe::NotFound,
            1 => found.pop().map_or(Probe::NotFound, |item| Probe::Found(Box::new(item))),
            _ => Probe::Ambiguous(found.into_iter().map(|item| item.id).collect()),
        })
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        let mut all = Vec::new();
        for _ in 0..self.slices {
            let start = all.len().to_string();
            let query = [("start", start.as_str()), ("results", "100")];
            let answer = self.call(Method::GET, &["resources"], &query, None).await?;
            let page: Resources = checked(answer, Intent::Read)?.read(Intent::Read)?;
            let last = page.results.is_empty();
            all.extend(page.results.into_iter().filter_map(|resource| {
                let id = portico_rows::number(&resource.id)?;
                let name = resource.name.unwrap_or_else(|| id.clone());
                Some(RemoteCalendar { id, name, zone: self.config.zone.clone() })
            }));
            if last || all.len() >= page.total_records {
                break;
            }
        }
        Ok(all)
    }

    async fn subscribe(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        let body = json!({
            "calendar_id": at.id, "entity_type": "all", "webhook_url": hook.url,
            "change_types": ["created", "updated", "deleted"], "client_state": hook.secret,
            "secretKey": hook.secret, "expirationMinutes": LIFE_MINUTES,
        });
        let answer = self.call(Method::POST, &["webhooks", "subscriptions"], &[], Some(&body)).await?;
        let made: Value = checked(answer, Intent::Write)?.read(Intent::Write)?;
        let id = ["subscription_id", "id"].iter().find_map(|name| portico_rows::number(&made[*name]));
        let id = id.ok_or_else(|| BridgeError::Unknown("the new subscription has no id".to_owned()))?;
        // Its own expires_at is a wall time of no named zone.
        Ok(Some(Subscribed { id, expires: Some(self.clock.now().plus_ms(LIFE_MINUTES * 60_000)) }))
    }

    async fn renew(&self, _at: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError> {
        let body = json!({"expirationMinutes": LIFE_MINUTES});
        let answer = self.call(Method::PATCH, &["webhooks", "subscriptions", id], &[], Some(&body)).await?;
        match checked(answer, Intent::Write) {
            Ok(_) => {
                let expires = Some(self.clock.now().plus_ms(LIFE_MINUTES * 60_000));
                Ok(Subscribed { id: id.to_owned(), expires })
            }
            Err(BridgeError::CalendarGone(_)) => Err(BridgeError::NotFound),
            Err(other) => Err(other),
        }
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError> {
        let answer = self.call(Method::DELETE, &["webhooks", "subscriptions", id], &[], None).await?;
        match answer.status {
            200..=299 | 404 | 410 => Ok(()),
            _ => checked(answer, Intent::Write).map(|_| ()),
        }
    }
}

//! Between Graph events and [`Event`]: pure, both ways. What is written reads back as the same event.

use super::recurrence;
use super::wire::{GraphEvent, GraphTime, MARKER, PREDECESSOR};
use crate::bridge::IdempotencyKey;
use crate::bridge::RemoteCalendar;
use crate::bridge::RemoteId;
use crate::bridge::RemoteItem;
use crate::bridge::RemoteVersion;
use crate::bridge::text;
use crate::ical::zone;
use crate::model::{Content, Event, EventStatus, EventTime, Override, Person, Privacy};
use crate::model::{Recurrence, RecurrenceId, ReservationClass, Timestamp, Uid, ZoneId};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the marker property holds, compact so that its text is the same for the same item.
#[derive(Debug, Deserialize, Serialize)]
struct Marker {
    k: String,
    u: String,
}

/// The marker's text for a key and a UID.
pub(super) fn marker(key: &IdempotencyKey, uid: &Uid) -> String {
    serde_json::to_string(&Marker { k: key.0.clone(), u: uid.0.clone() }).unwrap_or_default()
}

/// The zone in which an item of `zone` comes back: Graph knows Windows names, which stand for several IANA zones.
/// `None` where Windows has no equal: such times are written in UTC.
pub(super) fn kept_zone(at: &RemoteCalendar, zone: &ZoneId) -> Option<ZoneId> {
    let name = zone::windows_name(zone)?;
    if zone::windows_name(&at.zone) == Some(name) {
        return Some(at.zone.clone());
    }
    zone::from_windows(name)
}

/// A time in another zone, the same instants.
pub(super) fn in_zone(when: &EventTime, zone: &ZoneId) -> EventTime {
    match when {
        EventTime::AllDay { .. } => when.clone(),
        EventTime::Timed { zone: own, .. } if own == zone => when.clone(),
        EventTime::Timed { start, end, zone: own } => EventTime::Timed {
            start: zone.wall(own.instant(*start)),
            end: zone.wall(own.instant(*end)),
            zone: zone.clone(),
        },
    }
}

/// Moves a time to the form in which it comes back. Zones with the same Windows name keep their wall-clock times.
pub(super) fn kept_time(at: &RemoteCalendar, when: &EventTime) -> EventTime {
    match when {
        EventTime::AllDay { .. } => when.clone(),
        EventTime::Timed { start, end, zone } => match kept_zone(at, zone) {
            Some(zone) => EventTime::Timed { start: whole(*start), end: whole(*end), zone },
            None => in_zone(when, &ZoneId::utc()),
        },
    }
}

fn whole(wall: DateTime) -> DateTime {
    wall.with().subsec_nanosecond(0).build().unwrap_or(wall)
}

/// Content as Graph keeps it in mode direct: no people, one line of title, plain text, and a state that `showAs` can say.
pub(super) fn kept_content(content: &Content) -> Content {
    let tentative = content.busy && content.status == EventStatus::Tentative;
    Content {
        summary: text::shorten(&text::one_line(&content.summary), 255),
        description: text::tidy(&content.description),
        location: text::one_line(&content.location),
        organizer: None,
        attendees: Vec::new(),
        status: if tentative { EventStatus::Tentative } else { EventStatus::Confirmed },
        busy: content.busy,
        privacy: content.privacy,
    }
}

/// An event as Graph keeps it, recurrence left alone: the form in which both directions are compared. An override that
/// says what its series says anyway does not count as one.
pub(super) fn comparable(at: &RemoteCalendar, event: &Event) -> Event {
    let when = kept_time(at, &event.when);
    let content = kept_content(&event.content);
    let overrides = event.overrides.iter().map(|(id, changed)| {
        let place = kept_time(at, &changed.when);
        let place = when.zone().map_or_else(|| place.clone(), |zone| in_zone(&place, zone));
        (*id, Override { when: place, content: kept_content(&changed.content) })
    });
    let overrides: BTreeMap<_, _> = overrides
        .filter(|(id, changed)| changed.content != content || Some(&changed.when) != instance_time(&when, *id).as_ref())
        .collect();
    Event {
        uid: event.uid.clone(),
        class: ReservationClass::Event,
        when,
        content,
        recurrence: event.recurrence.clone(),
        overrides,
    }
}

/// When an instance takes place unless it is changed.
pub(super) fn instance_time(when: &EventTime, id: RecurrenceId) -> Option<EventTime> {
    match when {
        EventTime::AllDay { start, end } => {
            let days = start.until(*end).ok()?;
            let first = id.0.date();
            Some(EventTime::AllDay { start: first, end: first.checked_add(days).ok()? })
        }
        EventTime::Timed { start, end, zone } => {
            let length = zone.instant(*end).ms() - zone.instant(*start).ms();
            let last = zone.wall(zone.instant(id.0).plus_ms(length));
            Some(EventTime::Timed { start: id.0, end: last, zone: zone.clone() })
        }
    }
}

/// The members of one item, or of one changed instance.
pub(super) fn members(at: &RemoteCalendar, when: &EventTime, content: &Content) -> Map<String, Value> {
    let (start, end) = times(at, when);
    let show_as = match (content.busy, content.status) {
        (false, _) => "free",
        (true, EventStatus::Tentative) => "tentative",
        (true, _) => "busy",
    };
    let sensitivity = match content.privacy {
        Privacy::Public => "normal",
        Privacy::Private => "private",
        Privacy::Confidential => "confidential",
    };
    let members = json!({
        "subject": content.summary,
        "body": {"contentType": "text", "content": content.description},
        "location": {"displayName": content.location},
        "start": start,
        "end": end,
        "isAllDay": when.is_all_day(),
        "showAs": show_as,
        "sensitivity": sensitivity,
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn times(at: &RemoteCalendar, when: &EventTime) -> (Value, Value) {
    let zone = when.zone().unwrap_or(&at.zone);
    let name = zone::windows_name(zone).unwrap_or("UTC");
    let say = |wall: DateTime| json!({"dateTime": wall.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": name});
    (say(when.wall_start()), say(when.wall_end()))
}

/// The members in which two states differ; the three members of the time go together.
pub(super) fn changed_members(now: &Map<String, Value>, want: &Map<String, Value>) -> Map<String, Value> {
    const TIME: [&str; 3] = ["start", "end", "isAllDay"];
    let time_differs = TIME.iter().any(|name| now.get(*name) != want.get(*name));
    let differs = |name: &str, value: &Value| {
        if TIME.contains(&name) { time_differs } else { now.get(name) != Some(value) }
    };
    want.iter()
        .filter(|(name, value)| differs(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Reads an item; the error says what is wrong with it. A cancelled item reads as `None`.
pub(super) fn read_item(at: &RemoteCalendar, graph: &GraphEvent) -> Result<Option<RemoteItem>, String> {
    if graph.is_cancelled == Some(true) || graph.removed.is_some() {
        return Ok(None);
    }
    let marker = property(graph, MARKER).and_then(|text| serde_json::from_str::<Marker>(text).ok());
    let ours = graph.is_organizer.unwrap_or(true);
    let event = Event {
        uid: uid(graph, marker.as_ref()),
        class: ReservationClass::Event,
        when: read_time(at, graph, own_zone(at, graph))?,
        content: read_content(graph, ours),
        recurrence: None,
        overrides: BTreeMap::new(),
    };
    let event = comparable_people(at, &read_series(at, graph, event, ours)?, ours);
    let key = marker.map(|marker| marker.k).or_else(|| graph.transaction_id.clone()).map(IdempotencyKey);
    Ok(Some(RemoteItem {
        id: RemoteId(graph.id.clone()),
        version: graph.etag.clone().map(RemoteVersion),
        key,
        event,
        locked: (!ours)
            .then(|| "an invitation of which the room holds a copy: the organizer's calendar decides".to_owned()),
        assumed: assumed_zone(at, graph),
    }))
}

/// The comparable form of what was read; the people of an invitation stay, since they are worth showing.
fn comparable_people(at: &RemoteCalendar, event: &Event, ours: bool) -> Event {
    let mut kept = comparable(at, event);
    if !ours {
        kept.content.organizer.clone_from(&event.content.organizer);
        kept.content.attendees.clone_from(&event.content.attendees);
    }
    kept
}

fn property<'a>(graph: &'a GraphEvent, id: &str) -> Option<&'a str> {
    let all = graph.single_value_extended_properties.as_ref()?;
    all.iter().find(|property| property.id.eq_ignore_ascii_case(id)).map(|property| property.value.as_str())
}

/// The UID: ours by the marker, the predecessor's by its source id, the organizer's, else one made from the id.
fn uid(graph: &GraphEvent, marker: Option<&Marker>) -> Uid {
    if let Some(marker) = marker {
        return Uid(marker.u.clone());
    }
    if let Some(source) = property(graph, PREDECESSOR[2]) {
        return Uid(format!("bridge-{source}"));
    }
    match graph.ical_uid.as_deref().filter(|uid| !uid.is_empty()) {
        Some(uid) => Uid(foreign_uid(uid).unwrap_or_else(|| uid.to_owned())),
        None => Uid(format!("graph-{}", graph.id)),
    }
}

/// The organizer's UID inside a global object id (MS-OXCICAL 2.1.3.1.1.20.26), if it came from outside Exchange.
fn foreign_uid(hex: &str) -> Option<String> {
    const HEAD: &str = "040000008200E00074C5B7101A82E008";
    if hex.len() < 100 || !hex.is_ascii() || !hex[..32].eq_ignore_ascii_case(HEAD) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok()).collect();
    let bytes = bytes?;
    let rest = bytes.get(40..)?.strip_prefix(b"vCal-Uid\x01\0\0\0")?;
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    String::from_utf8(rest[..end].to_vec()).ok().filter(|uid| !uid.is_empty())
}

/// The zone an item was made in; the calendar's where Graph does not tell one that can be known.
fn own_zone(at: &RemoteCalendar, graph: &GraphEvent) -> ZoneId {
    let zone = told_zone(at, graph).unwrap_or_else(|| at.zone.clone());
    kept_zone(at, &zone).unwrap_or(zone)
}

/// The zone Graph tells, where it can be known.
fn told_zone(at: &RemoteCalendar, graph: &GraphEvent) -> Option<ZoneId> {
    let series = graph.recurrence.as_ref().and_then(recurrence::zone_of);
    series.or_else(|| match graph.original_start_time_zone.as_deref()? {
        "tzone://Microsoft/Utc" => Some(ZoneId::utc()),
        name => zone::resolve(name, None, Some(&at.zone)),
    })
}

/// A series whose zone cannot be known keeps the calendar's time on the wall over the changes of the clock. For a single
/// event nothing depends on it.
fn assumed_zone(at: &RemoteCalendar, graph: &GraphEvent) -> Option<String> {
    let told = graph.recurrence.as_ref()?.range.recurrence_time_zone.as_deref();
    if graph.is_all_day == Some(true) || told_zone(at, graph).is_some() {
        return None;
    }
    let named = told.or(graph.original_start_time_zone.as_deref()).filter(|name| !name.is_empty());
    let named = named.map_or_else(|| "no zone".to_owned(), |name| format!("the zone `{}`", text::shorten(name, 60)));
    Some(format!("the series names {named}, whose rules cannot be known; {} was assumed", at.zone))
}

fn read_time(at: &RemoteCalendar, graph: &GraphEvent, zone: ZoneId) -> Result<EventTime, String> {
    let (Some(start), Some(end)) = (&graph.start, &graph.end) else {
        return Err(format!("event {} has no start or no end", graph.id));
    };
    if graph.is_all_day == Some(true) {
        // Boundaries of whole days are dates whatever zone they are told in.
        let (start, end) = (wall(start)?.date(), wall(end)?.date());
        let end = end.max(start.tomorrow().unwrap_or(start));
        return Ok(EventTime::AllDay { start, end });
    }
    let (start, end) = (instant(at, start)?, instant(at, end)?);
    if end < start {
        return Err(format!("event {} ends before it starts", graph.id));
    }
    let told_in = |zone: ZoneId| EventTime::Timed { start: zone.wall(start), end: zone.wall(end), zone };
    let here = told_in(zone);
    // The hour that comes twice in autumn cannot be told apart in wall-clock time: only UTC says it.
    let is_exact = graph.recurrence.is_some() || here.instants(&at.zone) == (start, end);
    Ok(if is_exact { here } else { told_in(ZoneId::utc()) })
}

fn wall(time: &GraphTime) -> Result<DateTime, String> {
    time.date_time
        .trim_end_matches('Z')
        .parse::<DateTime>()
        .map(whole)
        .map_err(|_| format!("`{}` is no date and time", text::shorten(&time.date_time, 40)))
}

fn instant(at: &RemoteCalendar, time: &GraphTime) -> Result<Timestamp, String> {
    let zone = match time.time_zone.as_deref() {
        None | Some("" | "UTC" | "tzone://Microsoft/Utc") => ZoneId::utc(),
        Some(name) => zone::resolve(name, None, Some(&at.zone)).ok_or_else(|| format!("zone `{name}` is not known"))?,
    };
    Ok(zone.instant(wall(time)?))
}

fn read_content(graph: &GraphEvent, ours: bool) -> Content {
    let body = graph.body.as_ref();
    let raw = body.and_then(|body| body.content.as_deref()).unwrap_or("");
    let html = body.and_then(|body| body.content_type.as_deref()).is_some_and(|kind| kind.eq_ignore_ascii_case("html"));
    let show_as = graph.show_as.as_deref().unwrap_or("busy").to_ascii_lowercase();
    Content {
        summary: graph.subject.clone().unwrap_or_default(),
        description: if html { text::from_html(raw) } else { text::tidy(raw) },
        location: graph.location.as_ref().and_then(|place| place.display_name.clone()).unwrap_or_default(),
        organizer: (!ours)
            .then(|| graph.organizer.as_ref().and_then(|who| person(who.email_address.as_ref())))
            .flatten(),
        attendees: if ours { Vec::new() } else { people(graph) },
        status: if show_as == "tentative" { EventStatus::Tentative } else { EventStatus::Confirmed },
        busy: !matches!(show_as.as_str(), "free" | "workingelsewhere"),
        privacy: match graph.sensitivity.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("normal") => Privacy::Public,
            Some("confidential") => Privacy::Confidential,
            Some(_) => Privacy::Private,
        },
    }
}

/// The people of an invitation; rooms and things that are invited as resources are not people.
fn people(graph: &GraphEvent) -> Vec<Person> {
    let all = graph.attendees.iter().flatten();
    let all = all.filter(|attendee| attendee.kind.as_deref() != Some("resource"));
    let mut people: Vec<Person> = all.filter_map(|attendee| person(attendee.email_address.as_ref())).collect();
    people.sort_by(|a, b| a.email.cmp(&b.email));
    people
}

fn person(mail: Option<&super::wire::Mail>) -> Option<Person> {
    let mail = mail?;
    let email = mail.address.as_deref().unwrap_or("").trim().to_lowercase();
    let name = mail.name.as_deref().unwrap_or("").trim().to_owned();
    (!email.is_empty() || !name.is_empty()).then_some(Person { name, email })
}

/// Completes a series master with its rule, removed and changed instances.
fn read_series(at: &RemoteCalendar, graph: &GraphEvent, mut event: Event, ours: bool) -> Result<Event, String> {
    let Some(pattern) = &graph.recurrence else { return Ok(event) };
    let rule = recurrence::from_graph(pattern, &event.when).map_err(|why| format!("event {}: {why}", graph.id))?;
    let mut set = Recurrence { rule: Some(rule), ..Recurrence::default() };
    let time = event.when.wall_start().time();
    for text in graph.cancelled_occurrences.iter().flatten() {
        set.exdates.insert(cancelled_date(text)?.to_datetime(time));
    }
    for row in graph.exception_occurrences.iter().flatten() {
        let id = recurrence_id(&event.when, row)?;
        if row.is_cancelled == Some(true) {
            set.exdates.insert(id.0);
            continue;
        }
        let zone = event.when.zone().cloned().unwrap_or_else(|| at.zone.clone());
        let when = read_time(at, row, zone)?;
        event.overrides.insert(id, Override { when, content: read_content(row, ours) });
    }
    event.recurrence = Some(set);
    Ok(event)
}

/// The date at the end of `OID.{master}.{yyyy-MM-dd}`.
fn cancelled_date(text: &str) -> Result<jiff::civil::Date, String> {
    let date = text.rsplit('.').next().unwrap_or("");
    date.parse().map_err(|_| "cancelledOccurrences names no date".to_owned())
}

/// The original start of an exception, told in the master's zone.
pub(super) fn recurrence_id(master: &EventTime, row: &GraphEvent) -> Result<RecurrenceId, String> {
    let text = row.original_start.as_deref().ok_or_else(|| format!("exception {} has no originalStart", row.id))?;
    let wrong = || format!("`{}` is no originalStart", text::shorten(text, 40));
    let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    match master {
        EventTime::Timed { .. } => {
            master.original_start(Timestamp::from_jiff(instant)).map(RecurrenceId).ok_or_else(wrong)
        }
        EventTime::AllDay { .. } => {
            // A midnight of some zone: the nearest midnight in UTC is the date.
            let near = instant.as_second() + 43_200;
            let day = jiff::Timestamp::from_second(near.div_euclid(86_400) * 86_400).map_err(|_| wrong())?;
            Ok(RecurrenceId(jiff::tz::TimeZone::UTC.to_datetime(day)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn room() -> RemoteCalendar {
        RemoteCalendar { id: "r@x".to_owned(), name: "R".to_owned(), zone: ZoneId::parse("Europe/Oslo").unwrap() }
    }

    fn read(text: &str) -> Option<RemoteItem> {
        read_item(&room(), &serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn an_invitation_is_locked_and_keeps_its_people() {
        let item = read(include_str!("../../../fixtures/graph/invitation.json")).unwrap();
        assert!(item.locked.is_some());
        assert_eq!(item.event.content.organizer.unwrap().email, "kari@fjordby.example");
        assert_eq!(item.event.content.attendees.len(), 1, "the room itself is no attendee");
        assert_eq!(item.event.content.description, "Agenda\nfollows");
        assert_eq!(item.event.content.privacy, Privacy::Private);
        let zone = room().zone;
        let (start, end) = (date(2026, 7, 1).at(10, 0, 0, 0), date(2026, 7, 1).at(11, 30, 0, 0));
        assert_eq!(item.event.when, EventTime::Timed { start, end, zone }, "a custom zone falls back to the room's");
    }

    #[test]
    fn a_cancelled_copy_counts_as_gone() {
        let text = include_str!("../../../fixtures/graph/invitation.json");
        assert_eq!(read(&text.replace("\"isCancelled\": false", "\"isCancelled\": true")), None);
    }

    #[test]
    fn the_uid_of_an_outside_organizer_is_unwrapped() {
        let plain = "7643616C2D556964010000006162632D31406F75742E6578616D706C6500";
        let hex = format!("040000008200E00074C5B7101A82E008{}{plain}", "0".repeat(48));
        assert_eq!(foreign_uid(&hex).as_deref(), Some("abc-1@out.example"));
        assert_eq!(foreign_uid("not hexadecimal"), None);
    }

    #[test]
    fn a_time_that_does_not_change_is_not_sent() {
        let when = EventTime::AllDay { start: date(2026, 7, 1), end: date(2026, 7, 2) };
        let one = Content { summary: "A".to_owned(), busy: true, ..Content::default() };
        let two = Content { summary: "B".to_owned(), ..one.clone() };
        let changed = changed_members(&members(&room(), &when, &one), &members(&room(), &when, &two));
        assert_eq!(changed.keys().collect::<Vec<_>>(), ["subject"]);
    }
}

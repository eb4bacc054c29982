//! What a client may write into an event: members read, checked and stored.

use super::Mailbox;
use super::item::Address;
use super::item::Exception;
use super::item::Item;
use super::item::Series;
use super::item::Times;
use super::item::zone_of;
use super::series;
use super::wire::Failure;
use super::wire::unknown_zone;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::sandbox::wire::Request;
use jiff::civil::Date;
use jiff::civil::DateTime;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Members that are stored as they come.
const WRITABLE: [&str; 17] = [
    "subject",
    "body",
    "location",
    "locations",
    "attendees",
    "showAs",
    "sensitivity",
    "importance",
    "categories",
    "isReminderOn",
    "reminderMinutesBeforeStart",
    "responseRequested",
    "allowNewTimeProposals",
    "hideAttendees",
    "isOnlineMeeting",
    "onlineMeetingProvider",
    "onlineMeetingUrl",
];

/// Members with a place of their own, or read-only ones that are taken and ignored.
const KNOWN: [&str; 27] = [
    "start",
    "end",
    "isAllDay",
    "recurrence",
    "transactionId",
    "singleValueExtendedProperties",
    "id",
    "iCalUId",
    "type",
    "seriesMasterId",
    "changeKey",
    "createdDateTime",
    "lastModifiedDateTime",
    "bodyPreview",
    "organizer",
    "isOrganizer",
    "responseStatus",
    "isCancelled",
    "isDraft",
    "originalStart",
    "originalStartTimeZone",
    "originalEndTimeZone",
    "webLink",
    "hasAttachments",
    "onlineMeeting",
    "occurrenceId",
    "extensions",
];

const ENUMS: [(&str, &[&str]); 3] = [
    ("showAs", &["free", "tentative", "busy", "oof", "workingElsewhere", "unknown"]),
    ("sensitivity", &["normal", "personal", "private", "confidential"]),
    ("importance", &["low", "normal", "high"]),
];

/// The body as an object of known members.
pub(super) fn read_body(request: &Request) -> Result<Map<String, Value>, Failure> {
    let refuse = |text: &str| Failure::new(400, "RequestBodyRead", text);
    let Ok(Value::Object(body)) = request.json() else { return Err(refuse("The request body is not a JSON object.")) };
    for name in body.keys().filter(|name| !name.contains('@')) {
        if !WRITABLE.contains(&name.as_str()) && !KNOWN.contains(&name.as_str()) {
            let text = format!("The property '{name}' does not exist on type 'microsoft.graph.event'.");
            return Err(refuse(&text));
        }
    }
    Ok(body)
}

/// A new event of this mailbox.
pub(super) fn build(
    mailbox: &Mailbox,
    body: &Map<String, Value>,
    stem: String,
    now: Timestamp,
) -> Result<Item, Failure> {
    let times = read_times(body, None)?;
    let mut item = Item {
        ical_uid: ical_uid(&stem, now),
        stem,
        seq: 0,
        created: now,
        modified: now,
        transaction: body.get("transactionId").and_then(Value::as_str).map(str::to_owned),
        props: read_props(body)?,
        extended: read_extended(body)?,
        times,
        series: None,
        organizer: Address { name: mailbox.name.clone(), address: mailbox.address.clone() },
        is_organizer: true,
        response: "organizer".to_owned(),
        responded: None,
        cancelled: false,
    };
    if let Some(recurrence) = body.get("recurrence").filter(|value| !value.is_null()) {
        set_recurrence(&mut item, recurrence)?;
    }
    Ok(item)
}

/// Exchange's global object id: class id, no instance date, creation time, reserved, size, data.
fn ical_uid(stem: &str, now: Timestamp) -> String {
    let data = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, stem.as_bytes()).simple().to_string().to_uppercase();
    let ticks = (now.ms() + 11_644_473_600_000).unsigned_abs().saturating_mul(10_000).swap_bytes();
    format!("040000008200E00074C5B7101A82E00800000000{ticks:016X}000000000000000010000000{data}")
}

/// Takes over a recurrence and moves the start to the first matching date.
fn set_recurrence(item: &mut Item, value: &Value) -> Result<(), Failure> {
    let (pattern, range) = series::parse(value, &item.times.start_name)?;
    let zone = zone_of(&range.zone).ok_or_else(|| unknown_zone(&range.zone))?;
    let told = item.times.start.date();
    if !item.times.all_day {
        item.times = in_zone(&item.times, zone);
    }
    if range.start != told && range.start != item.times.start.date() {
        return Err(Failure::property("range.startDate must be the date of the event's start."));
    }
    let far = jiff::civil::date(range.start.year().saturating_add(12).min(9_000), 12, 31);
    let Some(first) = series::dates(&pattern, &range, far).first().copied() else {
        let text = "The recurrence pattern has no occurrence inside its range.";
        return Err(Failure::new(400, "ErrorRecurrenceHasNoOccurrence", text));
    };
    item.times = item.times.on(first);
    item.series = Some(Series { pattern, range, cancelled: BTreeSet::new(), exceptions: BTreeMap::new() });
    Ok(())
}

/// The same instants as wall clock of another zone; the names stay as they were given.
fn in_zone(times: &Times, zone: ZoneId) -> Times {
    let range = times.range();
    Times { start: zone.wall(range.start), end: zone.wall(range.end), zone, ..times.clone() }
}

/// Changes a single instance or a master.
pub(super) fn change(item: &mut Item, body: &Map<String, Value>) -> Result<(), Failure> {
    let mut next = item.clone();
    next.props.extend(read_props(body)?);
    sync_locations(&mut next.props, body);
    next.extended.extend(read_extended(body)?);
    let moved = read_times(body, Some(&item.times))?;
    if moved.range() != item.times.range() || moved.all_day != item.times.all_day {
        next.times = moved;
    }
    match body.get("recurrence") {
        Some(Value::Null) => next.series = None,
        Some(value) => set_recurrence(&mut next, value)?,
        None => {}
    }
    keep_exceptions(item, &mut next);
    *item = next;
    Ok(())
}

/// Exceptions and cancellations outlive a change only when pattern, first start and length stay as they were.
fn keep_exceptions(old: &Item, next: &mut Item) {
    let (Some(before), Some(after)) = (&old.series, &mut next.series) else { return };
    let same = before.pattern == after.pattern
        && before.range.start == after.range.start
        && old.times.start == next.times.start
        && old.times.end == next.times.end
        && old.times.zone == next.times.zone
        && old.times.all_day == next.times.all_day;
    if !same {
        after.cancelled.clear();
        after.exceptions.clear();
        after.range.start = next.times.start.date();
        if let Some(first) = series::dates(&after.pattern, &after.range, Date::MAX).first() {
            next.times = next.times.on(*first);
        }
        return;
    }
    let dates: BTreeSet<Date> = series::dates(&after.pattern, &after.range, Date::MAX).into_iter().collect();
    after.cancelled = before.cancelled.intersection(&dates).copied().collect();
    after.exceptions = before
        .exceptions
        .iter()
        .filter(|(date, _)| dates.contains(date))
        .map(|(date, exception)| (*date, exception.clone()))
        .collect();
}

/// Changes one instance: it becomes an exception.
pub(super) fn change_instance(item: &mut Item, date: Date, body: &Map<String, Value>, seq: u64) -> Result<(), Failure> {
    if body.get("recurrence").is_some_and(|value| !value.is_null()) {
        return Err(Failure::property("An occurrence cannot have a recurrence of its own."));
    }
    let current = item.instance(date).ok_or_else(Failure::not_found)?;
    let times = read_times(body, Some(&current.times))?;
    if times.range() != current.times.range() {
        item.check_boundary(date, &times)?;
    }
    let props = read_props(body)?;
    let extended = read_extended(body)?;
    let moved = times != current.times;
    let Some(series) = &mut item.series else { return Err(Failure::not_found()) };
    let exception: &mut Exception = series.exceptions.entry(date).or_default();
    exception.props.extend(props);
    sync_locations(&mut exception.props, body);
    exception.extended.extend(extended);
    exception.seq = seq;
    if moved {
        exception.times = Some(times);
    }
    Ok(())
}

/// Setting `location` replaces all `locations`.
fn sync_locations(props: &mut Map<String, Value>, body: &Map<String, Value>) {
    if body.contains_key("location") && !body.contains_key("locations") {
        props.remove("locations");
    }
}

fn read_props(body: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let mut props = Map::new();
    for name in WRITABLE {
        let Some(value) = body.get(name) else { continue };
        if let Some((_, values)) = ENUMS.iter().find(|(known, _)| *known == name) {
            let text = value.as_str().unwrap_or_default();
            let known = values.iter().find(|known| known.eq_ignore_ascii_case(text));
            let known = known.ok_or_else(|| Failure::property(&format!("'{text}' is not a value of {name}.")))?;
            props.insert(name.to_owned(), json!(known));
        } else {
            props.insert(name.to_owned(), value.clone());
        }
    }
    if props.get("subject").and_then(Value::as_str).is_some_and(|subject| subject.chars().count() > 255) {
        return Err(Failure::property("The subject is longer than 255 characters."));
    }
    if props.get("attendees").and_then(Value::as_array).is_some_and(|attendees| attendees.len() > 500) {
        return Err(Failure::property("An event has at most 500 attendees."));
    }
    complete_location(&mut props);
    complete_attendees(&mut props);
    Ok(props)
}

/// Locations come back with members nobody wrote.
fn complete_location(props: &mut Map<String, Value>) {
    if let Some(Value::Object(location)) = props.get_mut("location") {
        let name = location.get("displayName").cloned().unwrap_or_else(|| json!(""));
        location.entry("locationType").or_insert_with(|| json!("default"));
        location.entry("uniqueId").or_insert(name);
        location.entry("uniqueIdType").or_insert_with(|| json!("private"));
    }
}

fn complete_attendees(props: &mut Map<String, Value>) {
    for attendee in props.get_mut("attendees").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(attendee) = attendee else { continue };
        attendee.entry("type").or_insert_with(|| json!("required"));
        attendee.entry("status").or_insert_with(|| json!({"response": "none", "time": "0001-01-01T00:00:00Z"}));
    }
}

fn read_extended(body: &Map<String, Value>) -> Result<BTreeMap<String, String>, Failure> {
    let mut out = BTreeMap::new();
    for property in body.get("singleValueExtendedProperties").and_then(Value::as_array).into_iter().flatten() {
        let (Some(id), Some(value)) = (property["id"].as_str(), property["value"].as_str()) else {
            return Err(Failure::property("An extended property needs id and value."));
        };
        if id.split(' ').count() < 2 {
            return Err(Failure::property(&format!("'{id}' is not the id of an extended property.")));
        }
        out.insert(id.to_owned(), value.to_owned());
    }
    Ok(out)
}

/// Start, end and isAllDay from the body, missing ones from what stands.
fn read_times(body: &Map<String, Value>, current: Option<&Times>) -> Result<Times, Failure> {
    let start =
        body.get("start").filter(|value| !value.is_null()).map(|value| read_time(value, "Start")).transpose()?;
    let end = body.get("end").filter(|value| !value.is_null()).map(|value| read_time(value, "End")).transpose()?;
    let all_day = body.get("isAllDay").and_then(Value::as_bool);
    let missing =
        |name: &str| Failure::property(&format!("The property '{name}' is required when creating the entity."));
    let mut times = match (current, &start) {
        (Some(current), _) => current.clone(),
        (None, None) => return Err(missing("Event.Start")),
        (None, Some((wall, zone, name))) => Times {
            start: *wall,
            end: *wall,
            zone: zone.clone(),
            start_name: name.clone(),
            end_name: name.clone(),
            all_day: false,
        },
    };
    if current.is_none() && end.is_none() {
        return Err(missing("Event.End"));
    }
    times.all_day = all_day.unwrap_or(times.all_day);
    if let Some((wall, zone, name)) = start {
        let kept_end = times.zone.instant(times.end);
        times.start = wall;
        times.start_name = name;
        if !times.all_day {
            times.end = zone.wall(kept_end);
        }
        times.zone = zone;
    }
    if let Some((wall, zone, name)) = end {
        times.end = if times.all_day || zone == times.zone { wall } else { times.zone.wall(zone.instant(wall)) };
        times.end_name = name;
    }
    times.check()?;
    Ok(times)
}

fn read_time(value: &Value, name: &str) -> Result<(DateTime, ZoneId, String), Failure> {
    let text = value["dateTime"].as_str().unwrap_or_default();
    let wall = text.parse::<DateTime>().map_err(|_error| {
        Failure::property(&format!("Event.{name}.DateTime '{text}' is not a date and time without offset."))
    })?;
    let zone = value["timeZone"].as_str().filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    let rules = zone_of(zone).ok_or_else(|| unknown_zone(zone))?;
    Ok((wall, rules, zone.to_owned()))
}

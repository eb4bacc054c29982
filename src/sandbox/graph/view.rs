//! Reading events: lists with filters, one event with its expansions, calendarView, instances, free/busy.

use super::Call;
use super::Graph;
use super::Mailbox;
use super::events;
use super::events::Target;
use super::item::Item;
use super::wire;
use super::wire::Failure;
use super::wire::Prefer;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use crate::sandbox::wire::percent_encode;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// `GET /events`: single instances and masters, no occurrences.
pub(super) fn list(mailbox: &Mailbox, call: &Call<'_>) -> Result<Reply, Failure> {
    let filters = call.request.param("$filter").map_or_else(|| Ok(Vec::new()), parse_filter)?;
    let mut items: Vec<&Item> =
        mailbox.items.values().filter(|item| filters.iter().all(|filter| filter.fits(item))).collect();
    items.sort_by_key(|item| std::cmp::Reverse((item.created, item.seq)));
    let rows = items.into_iter().map(|item| {
        let row = wire::render(item, &call.prefer);
        selected(with_extended(row, &item.extended, call.request), call.request)
    });
    page(call, rows.collect(), 10)
}

/// `GET /calendarView`: occurrences, exceptions and single instances of a window.
pub(super) fn calendar_view(mailbox: &Mailbox, call: &Call<'_>) -> Result<Reply, Failure> {
    let window = window(call.request)?;
    if window.end.ms() - window.start.ms() > 1_825 * 86_400_000 {
        let text = "The requested time duration is too long: at most 1825 days.";
        return Err(Failure::new(400, "ErrorCalendarViewRangeTooBig", text));
    }
    let mut rows = Vec::new();
    for item in mailbox.items.values() {
        if item.series.is_some() {
            for instance in item.instances(&window) {
                rows.push((instance.times.range().start, wire::render_instance(item, &instance, &call.prefer)));
            }
        } else if item.times.inside(&window) {
            let row = with_extended(wire::render(item, &call.prefer), &item.extended, call.request);
            rows.push((item.times.range().start, row));
        }
    }
    rows.sort_by_key(|(start, _)| *start);
    page(call, rows.into_iter().map(|(_, row)| selected(row, call.request)).collect(), 10)
}

/// `GET /events/{master}/instances`.
pub(super) fn instances(mailbox: &Mailbox, call: &Call<'_>, id: &str) -> Result<Reply, Failure> {
    let window = window(call.request)?;
    let target = events::find(mailbox, id)?;
    let item = mailbox.items.get(target.stem()).ok_or_else(Failure::not_found)?;
    if item.series.is_none() || matches!(target, Target::Instance(..)) {
        return Err(Failure::new(400, "ErrorInvalidRequest", "Instances exist for a series master only."));
    }
    let rows = item.instances(&window);
    let rows = rows.iter().map(|instance| selected(wire::render_instance(item, instance, &call.prefer), call.request));
    page(call, rows.collect(), 10)
}

/// `GET /events/{id}`.
pub(super) fn get(mailbox: &Mailbox, call: &Call<'_>, id: &str) -> Result<Reply, Failure> {
    let target = events::find(mailbox, id)?;
    let mut shown = render_target(mailbox, &target, &call.prefer)?;
    let item = mailbox.items.get(target.stem()).ok_or_else(Failure::not_found)?;
    match &target {
        Target::Whole(_) => shown = with_extended(shown, &item.extended, call.request),
        Target::Instance(_, date) => {
            let exception = item.series.as_ref().and_then(|series| series.exceptions.get(date));
            let extended = exception.map_or(&item.extended, |exception| &exception.extended);
            shown = with_extended(shown, extended, call.request);
        }
    }
    if let (Target::Whole(_), Some(series)) = (&target, &item.series) {
        let asked = |name: &str| {
            call.request.param("$select").is_some_and(|list| list.split(',').any(|part| part.trim() == name))
        };
        if asked("cancelledOccurrences") {
            let ids = series.cancelled.iter().map(|date| wire::occurrence_id(item, *date, &call.prefer));
            shown["cancelledOccurrences"] = json!(ids.collect::<Vec<_>>());
        }
        if asked("exceptionOccurrences")
            && expands(call.request).iter().any(|part| part.starts_with("exceptionOccurrences"))
        {
            let exceptions = series.exceptions.keys().filter_map(|date| item.instance(*date));
            let rows = exceptions.map(|instance| wire::render_instance(item, &instance, &call.prefer));
            shown["exceptionOccurrences"] = json!(rows.collect::<Vec<_>>());
        }
    }
    Ok(Reply::json(200, &selected(shown, call.request)))
}

/// What an id points to, in full.
pub(super) fn render_target(mailbox: &Mailbox, target: &Target, prefer: &Prefer) -> Result<Value, Failure> {
    let item = mailbox.items.get(target.stem()).ok_or_else(Failure::not_found)?;
    match target {
        Target::Whole(_) => Ok(wire::render(item, prefer)),
        Target::Instance(_, date) => {
            let instance = item.instance(*date).ok_or_else(Failure::not_found)?;
            Ok(wire::render_instance(item, &instance, prefer))
        }
    }
}

/// One page of a list: `$top`, `$skip`, `@odata.nextLink`.
pub(super) fn page(call: &Call<'_>, rows: Vec<Value>, default: usize) -> Result<Reply, Failure> {
    let number = |name: &str| -> Result<Option<usize>, Failure> {
        let parse =
            |text: &str| text.parse().map_err(|_error| Failure::new(400, "BadRequest", &format!("Invalid {name}.")));
        call.request.param(name).map(parse).transpose()
    };
    let top = number("$top")?.or(call.prefer.page).unwrap_or(default).clamp(1, 1_000);
    let skip = number("$skip")?.unwrap_or(0);
    let more = rows.len() > skip.saturating_add(top);
    let mut body = json!({"@odata.context": format!("{}/v1.0/$metadata#Collection", call.request.base)});
    if call.request.param("$count") == Some("true") {
        body["@odata.count"] = json!(rows.len());
    }
    body["value"] = json!(rows.into_iter().skip(skip).take(top).collect::<Vec<_>>());
    if more {
        let kept = call.request.query.iter().filter(|(name, _)| !matches!(name.as_str(), "$skip" | "$top"));
        let mut query: Vec<String> =
            kept.map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
        query.push(format!("$top={top}&$skip={}", skip + top));
        body["@odata.nextLink"] = json!(format!("{}{}?{}", call.request.base, call.request.path, query.join("&")));
    }
    Ok(preferred(Reply::json(200, &body), call))
}

/// Names the preferences that were followed.
fn preferred(reply: Reply, call: &Call<'_>) -> Reply {
    if call.request.header("prefer").is_none() {
        return reply;
    }
    reply.with_header("Preference-Applied", &format!("outlook.timezone=\"{}\"", call.prefer.zone_name))
}

/// `startDateTime` and `endDateTime`: with the offset given, UTC when none is.
pub(super) fn window(request: &Request) -> Result<TimeRange, Failure> {
    let read = |name: &str| {
        let text = request.param(name).ok_or_else(|| {
            let text = format!("This request requires a time window specified by the query string parameters StartDateTime and EndDateTime; {name} is missing.");
            Failure::new(400, "ErrorInvalidParameter", &text)
        })?;
        instant(text)
            .ok_or_else(|| Failure::new(400, "ErrorInvalidParameter", &format!("'{text}' is not a date and time.")))
    };
    let window = TimeRange::new(read("startDateTime")?, read("endDateTime")?);
    if window.end <= window.start {
        return Err(Failure::new(400, "ErrorInvalidParameter", "EndDateTime must be after StartDateTime."));
    }
    Ok(window)
}

/// An instant from text with an offset, or without one in UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_jiff(instant));
    }
    let wall = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(crate::model::ZoneId::utc().instant(wall))
}

/// Applies `$select`; id and etag always stay.
pub(super) fn selected(row: Value, request: &Request) -> Value {
    let Some(list) = request.param("$select") else { return row };
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    let Value::Object(row) = row else { return row };
    let kept = |name: &str| {
        matches!(name, "id" | "@odata.etag" | "@odata.type" | "singleValueExtendedProperties") || names.contains(&name)
    };
    Value::Object(row.into_iter().filter(|(name, _)| kept(name)).collect::<Map<_, _>>())
}

/// Adds the extended properties `$expand` names.
fn with_extended(mut row: Value, extended: &BTreeMap<String, String>, request: &Request) -> Value {
    for part in expands(request) {
        let Some(rest) = part.strip_prefix("singleValueExtendedProperties") else { continue };
        let wanted: Vec<&str> = rest.split('\'').skip(1).step_by(2).collect();
        let found = wanted.iter().filter_map(|id| extended.get(*id).map(|value| json!({"id": id, "value": value})));
        let found: Vec<Value> = found.collect();
        if !found.is_empty() {
            row["singleValueExtendedProperties"] = json!(found);
        }
    }
    row
}

/// The parts of `$expand`, split at commas outside parentheses.
fn expands(request: &Request) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for letter in request.param("$expand").unwrap_or_default().chars() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// One clause of `$filter`.
enum Filter {
    Uid(String),
    Extended(String, String),
    Start(bool, Timestamp),
    Type(String),
}

impl Filter {
    fn fits(&self, item: &Item) -> bool {
        match self {
            Self::Uid(uid) => item.ical_uid == *uid,
            Self::Extended(id, value) => item.extended.get(id).is_some_and(|own| own.eq_ignore_ascii_case(value)),
            Self::Start(from, instant) => (item.times.range().start >= *instant) == *from,
            Self::Type(kind) => item.series.is_some() == (kind == "seriesMaster"),
        }
    }
}

fn parse_filter(text: &str) -> Result<Vec<Filter>, Failure> {
    let bad = || Failure::new(400, "ErrorInvalidUrlQueryFilter", &format!("The filter '{text}' is not supported."));
    clauses(text).iter().map(|clause| parse_clause(clause.trim()).ok_or_else(bad)).collect()
}

/// The clauses joined by ` and ` outside quotes and parentheses.
fn clauses(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let (mut depth, mut quoted) = (0_i32, false);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        quoted ^= letter == '\'';
        if !quoted {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            if depth == 0 && rest.starts_with(" and ") {
                out.push(String::new());
                rest = &rest[5..];
                continue;
            }
        }
        if let Some(last) = out.last_mut() {
            last.push(letter);
        }
        rest = &rest[letter.len_utf8()..];
    }
    out
}

fn parse_clause(clause: &str) -> Option<Filter> {
    if let Some(rest) = clause.strip_prefix("iCalUId eq ") {
        return quoted(rest).map(Filter::Uid);
    }
    if let Some(rest) = clause.strip_prefix("type eq ") {
        return quoted(rest).map(Filter::Type);
    }
    if let Some(rest) = clause.strip_prefix("start/dateTime ge ") {
        return quoted(rest).and_then(|text| instant(&text)).map(|at| Filter::Start(true, at));
    }
    if let Some(rest) = clause.strip_prefix("start/dateTime lt ") {
        return quoted(rest).and_then(|text| instant(&text)).map(|at| Filter::Start(false, at));
    }
    parse_any(clause)
}

/// `singleValueExtendedProperties/Any(ep: ep/id eq '..' and ep/value eq '..')`.
fn parse_any(clause: &str) -> Option<Filter> {
    let rest = clause.strip_prefix("singleValueExtendedProperties/")?;
    let rest = rest.strip_prefix("Any(").or_else(|| rest.strip_prefix("any("))?.strip_suffix(')')?;
    let (variable, condition) = rest.split_once(':')?;
    let variable = variable.trim();
    let inner = clauses(condition.trim());
    let [id, value] = inner.as_slice() else { return None };
    let id = quoted(id.trim().strip_prefix(&format!("{variable}/id eq "))?)?;
    let value = quoted(value.trim().strip_prefix(&format!("{variable}/value eq "))?)?;
    Some(Filter::Extended(id, value))
}

/// A quoted `OData` string; quotes inside are doubled.
fn quoted(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

/// `POST /calendar/getSchedule`: the busy times of several mailboxes.
pub(super) fn schedule(graph: &Graph, call: &Call<'_>) -> Result<Reply, Failure> {
    let body = call.request.json().map_err(|text| Failure::new(400, "RequestBodyRead", &text))?;
    let read = |name: &str| {
        let zone = body[name]["timeZone"].as_str().and_then(super::item::zone_of);
        let wall = body[name]["dateTime"].as_str().and_then(|text| text.parse::<jiff::civil::DateTime>().ok());
        let (zone, wall) =
            zone.zip(wall).ok_or_else(|| Failure::property(&format!("{name} is missing or malformed.")))?;
        Ok::<Timestamp, Failure>(zone.instant(wall))
    };
    let window = TimeRange::new(read("startTime")?, read("endTime")?);
    let step_ms = body["availabilityViewInterval"].as_i64().unwrap_or(30).clamp(5, 1_440) * 60_000;
    let mut rows = Vec::new();
    for address in body["schedules"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let Some(mailbox) = graph.mailboxes.get(&address.to_lowercase()) else {
            let error = json!({"message": "Unable to resolve e-mail address to an Active Directory object.",
                               "responseCode": "ErrorMailRecipientNotFound"});
            rows.push(json!({"scheduleId": address, "error": error}));
            continue;
        };
        let busy = mailbox.items.values().filter(|item| item.is_busy()).flat_map(|item| item.covered(&window));
        let busy: Vec<_> = busy.collect();
        let taken: Vec<TimeRange> = busy.iter().map(super::item::Times::range).collect();
        let items = busy.iter().map(|times| {
            json!({"status": "busy", "start": wire::zoned(times, times.start, &call.prefer),
                   "end": wire::zoned(times, times.end, &call.prefer)})
        });
        rows.push(json!({"scheduleId": address, "availabilityView": availability(&taken, window, step_ms),
                         "scheduleItems": items.collect::<Vec<_>>()}));
    }
    Ok(Reply::json(200, &json!({"value": rows})))
}

/// One digit for each step of the window: 2 where something takes the room, else 0.
fn availability(taken: &[TimeRange], window: TimeRange, step_ms: i64) -> String {
    /// Most digits of one answer: two months of the shortest step.
    const MOST: usize = 17_856;
    let starts = std::iter::successors(Some(window.start), |start| Some(start.plus_ms(step_ms)));
    let steps = starts.take_while(|start| *start < window.end).take(MOST);
    let is_taken =
        |start: Timestamp| taken.iter().any(|one| one.overlaps(&TimeRange::new(start, start.plus_ms(step_ms))));
    steps.map(|start| if is_taken(start) { '2' } else { '0' }).collect()
}

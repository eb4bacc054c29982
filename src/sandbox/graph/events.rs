//! Events of one mailbox: routes, create, read, change, delete, cancel and answer.

use super::Call;
use super::Graph;
use super::Later;
use super::Mailbox;
use super::Notice;
use super::attendant;
use super::delta;
use super::item::Item;
use super::no_route;
use super::places;
use super::view;
use super::wire;
use super::wire::Failure;
use super::wire::Prefer;
use super::write;
use crate::sandbox::wire::Reply;
use jiff::civil::Date;
use serde_json::Value;
use serde_json::json;
use std::hash::Hash as _;
use std::hash::Hasher as _;

/// Everything below `/users/{id}`.
pub(super) fn route(graph: &mut Graph, call: &Call<'_>, address: &str, rest: &[&str]) -> Result<Reply, Failure> {
    let rest = match rest {
        ["calendar", rest @ ..] | ["calendars", _, rest @ ..] if !rest.is_empty() => rest,
        other => other,
    };
    let method = call.request.method.as_str();
    let mailbox = graph.mailboxes.get_mut(address).ok_or_else(Failure::not_found)?;
    match (method, rest) {
        ("GET", []) => Ok(Reply::json(200, &view::selected(places::user(mailbox), call.request))),
        ("GET", ["mailboxSettings"]) => Ok(Reply::json(200, &json!({"timeZone": "W. Europe Standard Time"}))),
        ("GET", ["calendar"] | ["calendars", "AAMkCalendar"]) => Ok(Reply::json(200, &calendar(mailbox))),
        ("GET", ["calendars"]) => Ok(Reply::json(200, &json!({"value": [calendar(mailbox)]}))),
        ("GET", ["events"]) => view::list(mailbox, call),
        ("GET", ["calendarView"]) => view::calendar_view(mailbox, call),
        ("GET", ["calendarView", delta]) if is_delta(delta) => {
            let epoch = graph.general.cursor_epoch;
            delta::calendar_view(&graph.mailboxes[address], call, epoch)
        }
        ("GET", ["events", delta]) if is_delta(delta) => {
            let epoch = graph.general.cursor_epoch;
            delta::events(&graph.mailboxes[address], call, epoch)
        }
        ("GET", ["events", id, "instances"]) => view::instances(mailbox, call, id),
        ("POST", ["getSchedule"]) => view::schedule(graph, call),
        ("POST", ["events"]) => create(graph, call, address),
        ("GET", ["events", id]) => view::get(mailbox, call, id),
        ("PATCH", ["events", id]) => patch(graph, call, address, id),
        ("DELETE", ["events", id]) => delete(graph, call, address, id),
        ("POST", ["events", id, "cancel"]) => cancel(graph, call, address, id),
        ("POST", ["events", id, verb]) => respond(graph, call, address, id, verb),
        _ => Err(no_route(call.request)),
    }
}

/// The one calendar of a mailbox.
fn calendar(mailbox: &Mailbox) -> Value {
    json!({
        "id": "AAMkCalendar", "name": "Calendar", "isDefaultCalendar": true, "canEdit": true, "canShare": true,
        "owner": {"name": mailbox.name, "address": mailbox.address},
    })
}

fn is_delta(segment: &str) -> bool {
    matches!(segment, "delta" | "delta()" | "microsoft.graph.delta()" | "microsoft.graph.delta")
}

/// What an id points to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A single instance or a master.
    Whole(String),
    /// One instance of a series: the master's stem and the pattern's date.
    Instance(String, Date),
}

impl Target {
    /// The stem of the stored event.
    pub(super) fn stem(&self) -> &str {
        match self {
            Self::Whole(stem) | Self::Instance(stem, _) => stem,
        }
    }
}

/// What an id of this mailbox points to; 404 when there is nothing, 400 when it is no id.
pub(super) fn find(mailbox: &Mailbox, id: &str) -> Result<Target, Failure> {
    let malformed = || Failure::new(400, "ErrorInvalidIdMalformed", "Id is malformed.");
    let stem = wire::stem_of(id).ok_or_else(malformed)?;
    if mailbox.items.contains_key(stem) {
        return Ok(Target::Whole(stem.to_owned()));
    }
    let (master, date) = wire::split_instance(stem).ok_or_else(Failure::not_found)?;
    let item = mailbox.items.get(&master).ok_or_else(Failure::not_found)?;
    item.instance(date).map(|_| Target::Instance(master, date)).ok_or_else(Failure::not_found)
}

fn create(graph: &mut Graph, call: &Call<'_>, address: &str) -> Result<Reply, Failure> {
    let body = write::read_body(call.request)?;
    let transaction = body.get("transactionId").and_then(Value::as_str).map(str::to_owned);
    let digest = digest(&Value::Object(body.clone()));
    let mailbox = graph.mailboxes.get_mut(address).ok_or_else(Failure::not_found)?;
    if let Some((known, stem)) = transaction.as_ref().and_then(|id| mailbox.transactions.get(id)) {
        return match mailbox.items.get(stem) {
            Some(item) if *known == digest => Ok(created(item, call)),
            _ => Err(duplicate_transaction(stem, digest, call)),
        };
    }
    graph.general.ids += 1;
    graph.general.dirty = true;
    let stem = new_stem(graph.general.secret, graph.general.ids);
    let item = write::build(mailbox, &body, stem.clone(), call.now)?;
    if let Some(id) = transaction {
        mailbox.transactions.insert(id, (digest, stem.clone()));
    }
    mailbox.items.insert(stem.clone(), item);
    changed(graph, call, address, &stem, "created");
    graph.later.push(Later::Bump { address: address.to_owned(), stem: stem.clone() });
    let item = graph.mailboxes.get(address).and_then(|mailbox| mailbox.items.get(&stem));
    item.map(|item| created(item, call)).ok_or_else(Failure::not_found)
}

fn created(item: &Item, call: &Call<'_>) -> Reply {
    Reply::json(201, &wire::render(item, &call.prefer))
}

/// The same transactionId with other content. Clients have seen both 400 and 409, so both come.
fn duplicate_transaction(stem: &str, digest: u64, call: &Call<'_>) -> Failure {
    let text = "Your request can't be completed. The TransactionId specified in the request has already been used to \
                create a different event.";
    let status = if digest.is_multiple_of(2) { 409 } else { 400 };
    let mut failure = Failure::new(status, "ErrorDuplicateTransactionId", text);
    failure.extra = Some(Box::new(("@event.existingEventId", json!(wire::shown_id(stem, call.prefer.immutable)))));
    failure
}

fn digest(value: &Value) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

fn new_stem(secret: u64, number: u64) -> String {
    use base64::Engine as _;
    let mut dice = crate::sandbox::faults::Dice::new(secret ^ number.wrapping_mul(0x0100_0000_01B3));
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend(dice.next().to_be_bytes());
    bytes.extend(dice.next().to_be_bytes());
    format!("{}AAA=", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Numbers a change, and tells subscribers and attendees.
pub(super) fn changed(graph: &mut Graph, call: &Call<'_>, address: &str, stem: &str, change: &'static str) {
    let Some(mailbox) = graph.mailboxes.get_mut(address) else { return };
    mailbox.seq += 1;
    mailbox.dirty = true;
    let (seq, object_id) = (mailbox.seq, mailbox.object_id.clone());
    if let Some(item) = mailbox.items.get_mut(stem) {
        item.seq = seq;
        item.modified = call.now;
        if item.is_organizer && attendant::is_or_was_meeting(item) {
            graph.later.push(Later::Deliver { address: address.to_owned(), stem: stem.to_owned() });
        }
    } else {
        mailbox.gone.insert(stem.to_owned(), seq);
    }
    graph.outbox.push(Notice { object_id, stem: stem.to_owned(), seq, change });
}

/// Moves the change key of an event nobody touched, as Exchange does shortly after a create.
pub(super) fn bump(graph: &mut Graph, address: &str, stem: &str) {
    let Some(mailbox) = graph.mailboxes.get_mut(address) else { return };
    let Some(item) = mailbox.items.get_mut(stem) else { return };
    mailbox.seq += 1;
    mailbox.dirty = true;
    item.seq = mailbox.seq;
    let notice =
        Notice { object_id: mailbox.object_id.clone(), stem: stem.to_owned(), seq: mailbox.seq, change: "updated" };
    graph.outbox.push(notice);
}

/// Compares If-Match with what the event's entity tag is now.
fn check_match(mailbox: &Mailbox, target: &Target, call: &Call<'_>) -> Result<(), Failure> {
    let Some(wanted) = call.request.header("if-match").filter(|wanted| *wanted != "*") else { return Ok(()) };
    let shown = view::render_target(mailbox, target, &call.prefer)?;
    if shown["@odata.etag"].as_str() == Some(wanted) {
        return Ok(());
    }
    let text = "The send or update operation could not be performed because the change key passed in the request does \
                not match the current change key for the item.";
    Err(Failure::new(412, "ErrorIrresolvableConflict", text))
}

fn patch(graph: &mut Graph, call: &Call<'_>, address: &str, id: &str) -> Result<Reply, Failure> {
    let body = write::read_body(call.request)?;
    let mailbox = graph.mailboxes.get_mut(address).ok_or_else(Failure::not_found)?;
    let target = find(mailbox, id)?;
    check_match(mailbox, &target, call)?;
    let next = mailbox.seq + 1;
    let item = mailbox.items.get_mut(target.stem()).ok_or_else(Failure::not_found)?;
    match &target {
        Target::Whole(_) => write::change(item, &body)?,
        Target::Instance(_, date) => write::change_instance(item, *date, &body, next)?,
    }
    changed(graph, call, address, target.stem(), "updated");
    let mailbox = graph.mailboxes.get(address).ok_or_else(Failure::not_found)?;
    Ok(Reply::json(200, &view::render_target(mailbox, &target, &call.prefer)?))
}

fn delete(graph: &mut Graph, call: &Call<'_>, address: &str, id: &str) -> Result<Reply, Failure> {
    let mailbox = graph.mailboxes.get_mut(address).ok_or_else(Failure::not_found)?;
    let target = find(mailbox, id)?;
    check_match(mailbox, &target, call)?;
    remove(graph, call, address, &target);
    Ok(Reply::empty(204))
}

fn remove(graph: &mut Graph, call: &Call<'_>, address: &str, target: &Target) {
    let Some(mailbox) = graph.mailboxes.get_mut(address) else { return };
    match target {
        Target::Whole(stem) => {
            let removed = mailbox.items.remove(stem);
            changed(graph, call, address, stem, "deleted");
            if let Some(item) = removed.filter(|item| item.is_organizer) {
                attendant::withdraw(graph, &item.ical_uid, &[], call.now);
            }
        }
        Target::Instance(stem, date) => {
            if let Some(series) = mailbox.items.get_mut(stem).and_then(|item| item.series.as_mut()) {
                series.cancelled.insert(*date);
                series.exceptions.remove(date);
            }
            changed(graph, call, address, stem, "updated");
        }
    }
}

fn cancel(graph: &mut Graph, call: &Call<'_>, address: &str, id: &str) -> Result<Reply, Failure> {
    let mailbox = graph.mailboxes.get_mut(address).ok_or_else(Failure::not_found)?;
    let target = find(mailbox, id)?;
    let item = mailbox.items.get(target.stem()).ok_or_else(Failure::not_found)?;
    if !item.is_organizer {
        let text = "Your request can't be completed. You need to be an organizer to cancel a meeting.";
        return Err(Failure::new(400, "ErrorAccessDenied", text));
    }
    remove(graph, call, address, &target);
    Ok(Reply::empty(202))
}

fn respond(graph: &mut Graph, call: &Call<'_>, address: &str, id: &str, verb: &str) -> Result<Reply, Failure> {
    let response = match verb {
        "accept" => "accepted",
        "tentativelyAccept" => "tentativelyAccepted",
        "decline" => "declined",
        "dismissReminder" | "snoozeReminder" => return Ok(Reply::empty(202)),
        _ => return Err(no_route(call.request)),
    };
    let mailbox = graph.mailboxes.get_mut(address).ok_or_else(Failure::not_found)?;
    let target = find(mailbox, id)?;
    let item = mailbox.items.get_mut(target.stem()).ok_or_else(Failure::not_found)?;
    if item.is_organizer {
        let text = "Your request can't be completed. You can't respond to this meeting because you're the meeting \
                    organizer.";
        return Err(Failure::new(400, "ErrorInvalidRequest", text));
    }
    response.clone_into(&mut item.response);
    item.responded = Some(call.now);
    let (uid, name) = (item.ical_uid.clone(), mailbox.address.clone());
    let organizer = item.organizer.address.to_lowercase();
    if response == "declined" {
        remove(graph, call, address, &target);
    } else {
        changed(graph, call, address, target.stem(), "updated");
    }
    if matches!(target, Target::Whole(_)) {
        attendant::record_answer(graph, &organizer, &uid, (&name, response), call.now);
    }
    Ok(Reply::empty(202))
}

/// An event with everything that hangs on it, for `GET /state`.
pub(super) fn show_for_control(item: &Item, prefer: &Prefer) -> Value {
    let mut shown = wire::render(item, prefer);
    shown["extended"] = json!(item.extended);
    if let Some(series) = &item.series {
        shown["cancelledDates"] = json!(series.cancelled);
        shown["exceptionDates"] = json!(series.exceptions.keys().collect::<Vec<_>>());
    }
    shown
}

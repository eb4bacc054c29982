//! Meetings: attendees get copies, and the booking attendant of a room accepts or declines by the room's policy.

use super::Call;
use super::Graph;
use super::Later;
use super::Mailbox;
use super::events;
use super::item::Item;
use super::wire::Prefer;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::sandbox::wire::Request;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

/// Set-CalendarProcessing of one mailbox, with Exchange's defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "these are Exchange's switches, one by one")]
pub(in crate::sandbox) struct Policy {
    /// `AutomateProcessing` is AutoAccept; otherwise requests stay tentative.
    pub auto_accept: bool,
    /// `AddOrganizerToSubject`.
    pub add_organizer_to_subject: bool,
    /// `DeleteSubject`.
    pub delete_subject: bool,
    /// `DeleteComments`.
    pub delete_comments: bool,
    /// `RemovePrivateProperty`.
    pub remove_private_property: bool,
    /// `AllowConflicts`.
    pub allow_conflicts: bool,
    /// `AllowRecurringMeetings`.
    pub allow_recurring_meetings: bool,
    /// `RemoveCanceledMeetings`.
    pub remove_canceled_meetings: bool,
    /// `BookingWindowInDays`; 0 for no limit.
    pub booking_window_days: i64,
    /// `MaximumDurationInMinutes`; 0 for no limit.
    pub maximum_duration_min: i64,
    /// The application may not use this mailbox: 403.
    pub access_denied: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            auto_accept: true,
            add_organizer_to_subject: true,
            delete_subject: true,
            delete_comments: true,
            remove_private_property: true,
            allow_conflicts: false,
            allow_recurring_meetings: true,
            remove_canceled_meetings: false,
            booking_window_days: 180,
            maximum_duration_min: 1_440,
            access_denied: false,
        }
    }
}

/// Whether an event is a meeting, or was one before its last attendee was taken off.
pub(super) fn is_or_was_meeting(item: &Item) -> bool {
    item.props.contains_key("attendees")
}

fn attendee_addresses(item: &Item) -> Vec<String> {
    let attendees = item.props.get("attendees").and_then(Value::as_array);
    let addresses = attendees.into_iter().flatten().filter_map(|attendee| attendee["emailAddress"]["address"].as_str());
    addresses.map(str::to_lowercase).collect()
}

/// Finds meetings whose room has not answered, after a restart.
pub(super) fn resume(graph: &mut Graph) {
    let waiting = |item: &&Item| {
        let attendees = item.props.get("attendees").and_then(Value::as_array);
        item.is_organizer && attendees.into_iter().flatten().any(|attendee| attendee["status"]["response"] == "none")
    };
    let later: Vec<Later> = graph
        .mailboxes
        .iter()
        .flat_map(|(address, mailbox)| {
            let stems = mailbox.items.values().filter(waiting).map(|item| item.stem.clone());
            stems.map(|stem| Later::Deliver { address: address.clone(), stem })
        })
        .collect();
    graph.later.extend(later);
}

/// Brings the attendees' copies in step with the organizer's event.
pub(super) fn deliver(graph: &mut Graph, address: &str, stem: &str, now: Timestamp) {
    let Some(source) = graph.mailboxes.get(address).and_then(|mailbox| mailbox.items.get(stem)).cloned() else {
        return;
    };
    let invited = attendee_addresses(&source);
    withdraw(graph, &source.ical_uid, &invited, now);
    for attendee in invited {
        if attendee != address && graph.mailboxes.contains_key(&attendee) {
            deliver_to(graph, &attendee, &source, now);
        }
    }
}

fn deliver_to(graph: &mut Graph, attendee: &str, source: &Item, now: Timestamp) {
    let Some(mailbox) = graph.mailboxes.get_mut(attendee) else { return };
    let old = mailbox.items.values().find(|item| item.ical_uid == source.ical_uid).cloned();
    let response = judge(mailbox, source, old.as_ref().map(|item| item.response.as_str()), now);
    let fresh_stem = || format!("{}r{}", source.stem.trim_end_matches("AAA="), copy_mark(mailbox));
    let stem = old.as_ref().map_or_else(fresh_stem, |item| item.stem.clone());
    if response == "declined" {
        if mailbox.items.remove(&stem).is_some() {
            note(graph, attendee, &stem, "deleted", now);
        }
    } else {
        let copy = copy_for(mailbox, source, stem.clone(), response, now);
        if old.as_ref().is_none_or(|old| content(old) != content(&copy)) {
            mailbox.items.insert(stem.clone(), copy);
            note(graph, attendee, &stem, if old.is_some() { "updated" } else { "created" }, now);
        }
    }
    if response != "notResponded" {
        let organizer = source.organizer.address.to_lowercase();
        record_answer(graph, &organizer, &source.ical_uid, (attendee, response), now);
    }
}

/// What two versions of a copy are compared by.
fn content(item: &Item) -> Value {
    json!([item.times, item.series, item.props, item.response, item.cancelled, item.organizer])
}

/// A short text that differs from mailbox to mailbox.
fn copy_mark(mailbox: &Mailbox) -> &str {
    mailbox.object_id.get(..8).unwrap_or_default()
}

/// What the attendant of a mailbox answers to a request.
fn judge(mailbox: &Mailbox, source: &Item, before: Option<&str>, now: Timestamp) -> &'static str {
    if mailbox.kind == "person" {
        return match before {
            Some("accepted") => "accepted",
            Some("tentativelyAccepted") => "tentativelyAccepted",
            _ => "notResponded",
        };
    }
    let policy = &mailbox.policy;
    if !policy.auto_accept {
        return "notResponded";
    }
    let horizon = now.plus_days(if policy.booking_window_days == 0 { 1_080 } else { policy.booking_window_days });
    let covered = source.covered(&TimeRange::new(Timestamp::MIN, horizon.plus_days(30)));
    let too_far = policy.booking_window_days > 0 && covered.iter().any(|times| times.range().start > horizon);
    let longest = policy.maximum_duration_min;
    let too_long =
        longest > 0 && covered.iter().any(|times| times.range().end.ms() - times.range().start.ms() > longest * 60_000);
    let recurring = source.series.is_some() && !policy.allow_recurring_meetings;
    let taken =
        !policy.allow_conflicts && covered.iter().any(|times| is_taken(mailbox, &times.range(), &source.ical_uid));
    if too_far || too_long || recurring || taken { "declined" } else { "accepted" }
}

fn is_taken(mailbox: &Mailbox, range: &TimeRange, uid: &str) -> bool {
    let others = mailbox.items.values().filter(|item| item.ical_uid != uid && item.is_busy());
    others.into_iter().any(|item| !item.covered(range).is_empty())
}

/// The attendee's copy: same iCalUId, other id, and for a room what its policy leaves of the content.
fn copy_for(mailbox: &Mailbox, source: &Item, stem: String, response: &str, now: Timestamp) -> Item {
    let old = mailbox.items.get(&stem);
    let mut copy = source.clone();
    copy.created = old.map_or(now, |item| item.created);
    copy.extended = old.map(|item| item.extended.clone()).unwrap_or_default();
    copy.stem = stem;
    copy.transaction = None;
    copy.is_organizer = false;
    response.clone_into(&mut copy.response);
    copy.responded = (response != "notResponded").then_some(now);
    if response != "accepted" {
        copy.props.insert("showAs".to_owned(), json!("tentative"));
    }
    for attendee in copy.props.get_mut("attendees").and_then(Value::as_array_mut).into_iter().flatten() {
        attendee["status"] = json!({"response": "none", "time": "0001-01-01T00:00:00Z"});
    }
    if mailbox.kind != "person" && mailbox.policy.auto_accept {
        strip(&mut copy, &mailbox.policy);
    }
    copy
}

fn strip(copy: &mut Item, policy: &Policy) {
    let organizer = copy.organizer.name.clone();
    let mut bags = vec![&mut copy.props];
    if let Some(series) = &mut copy.series {
        bags.extend(series.exceptions.values_mut().map(|exception| &mut exception.props));
    }
    for (at, props) in bags.into_iter().enumerate() {
        let has_subject = at == 0 || props.contains_key("subject");
        let subject = props.get("subject").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kept = if policy.delete_subject { String::new() } else { subject };
        let shown = match (policy.add_organizer_to_subject, kept.is_empty()) {
            (true, true) => organizer.clone(),
            (true, false) => format!("{organizer} {kept}"),
            (false, _) => kept,
        };
        if has_subject {
            props.insert("subject".to_owned(), json!(shown));
        }
        if policy.delete_comments {
            props.remove("body");
        }
        if policy.remove_private_property {
            props.remove("sensitivity");
        }
    }
}

/// Copies of those who are not invited (any more) go, or stay as cancelled.
pub(super) fn withdraw(graph: &mut Graph, uid: &str, invited: &[String], now: Timestamp) {
    let has_copy = |mailbox: &Mailbox| mailbox.items.values().any(|item| item.ical_uid == uid && !item.is_organizer);
    let concerned = graph.mailboxes.iter().filter(|(address, mailbox)| !invited.contains(address) && has_copy(mailbox));
    let concerned: Vec<String> = concerned.map(|(address, _)| address.clone()).collect();
    for attendee in concerned {
        let Some(mailbox) = graph.mailboxes.get_mut(&attendee) else { continue };
        let copy = mailbox.items.values_mut().find(|item| item.ical_uid == uid && !item.cancelled);
        let Some(copy) = copy else { continue };
        let stem = copy.stem.clone();
        if mailbox.policy.remove_canceled_meetings {
            mailbox.items.remove(&stem);
            note(graph, &attendee, &stem, "deleted", now);
        } else {
            copy.cancelled = true;
            copy.props.insert("showAs".to_owned(), json!("free"));
            note(graph, &attendee, &stem, "updated", now);
        }
    }
}

/// Writes an attendee's answer into the organizer's event.
pub(super) fn record_answer(graph: &mut Graph, organizer: &str, uid: &str, answer: (&str, &str), now: Timestamp) {
    let Some(mailbox) = graph.mailboxes.get_mut(organizer) else { return };
    let Some(item) = mailbox.items.values_mut().find(|item| item.ical_uid == uid && item.is_organizer) else { return };
    let mut is_new = false;
    for attendee in item.props.get_mut("attendees").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_it = attendee["emailAddress"]["address"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(answer.0));
        if is_it && attendee["status"]["response"] != answer.1 {
            attendee["status"] = json!({"response": answer.1, "time": now.to_string()});
            is_new = true;
        }
    }
    let stem = item.stem.clone();
    if is_new {
        note_quietly(graph, organizer, &stem, now);
    }
}

/// Numbers a change made by the attendant and tells the subscribers.
fn note(graph: &mut Graph, address: &str, stem: &str, change: &'static str, now: Timestamp) {
    let request = Request::default();
    let call = Call { request: &request, prefer: Prefer::plain(), now, cursor_gone: false };
    events::changed(graph, &call, address, stem, change);
}

/// The same for the organizer's own event, which must not invite again.
fn note_quietly(graph: &mut Graph, address: &str, stem: &str, now: Timestamp) {
    let before = graph.later.len();
    note(graph, address, stem, "updated", now);
    graph.later.truncate(before);
}

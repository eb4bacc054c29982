//! The text of an event that came from a remote side. The same input gives the same bytes.

use super::component::Component;
use super::component::Item;
use super::error::IcalError;
use super::line::ContentLine;
use super::line::Param;
use super::normal::normalize;
use super::object::CalendarObject;
use super::object::ParseContext;
use super::object::Stamp;
use super::read::CLASS_PROPERTY;
use super::rule;
use super::value::Form;
use super::value::time_line;
use super::value::times_line;
use super::value::utc_text;
use super::vtimezone::vtimezone;
use super::write::escape_text;
use crate::config::Limits;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Person;
use crate::model::Privacy;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::Uid;
use crate::model::ZoneId;
use std::collections::BTreeSet;

/// What writes our objects (RFC 5545, 3.7.3).
pub const PRODID: &str = "-//Anteroom//Anteroom 0.1//EN";

impl CalendarObject {
    /// The object for an event that came from a remote side. Reading it back gives the event in normal form; an event
    /// that has no text which says so is refused.
    pub fn compose(event: &Event, stamp: &Stamp) -> Result<Self, IcalError> {
        let event = normalize(event);
        let limits = Limits::default();
        let text = calendar(&event, stamp)?.emit();
        let object = Self::parse(text.as_bytes(), &ParseContext { limits: &limits, floating: &ZoneId::utc() })?;
        if *object.event() != event {
            return Err(unsayable(&event));
        }
        Ok(object)
    }
}

/// The refusal of an event that no text can say.
pub(super) fn unsayable(event: &Event) -> IcalError {
    IcalError::ValidCalendarData(format!("the event {} says something that iCalendar cannot say", event.uid))
}

fn calendar(event: &Event, stamp: &Stamp) -> Result<Component, IcalError> {
    let mut root = empty_calendar();
    for zone in zones_of(event) {
        root.add_component(timezone(&zone)?);
    }
    for vevent in events(event, stamp) {
        root.add_component(vevent);
    }
    Ok(root)
}

/// VCALENDAR with VERSION, PRODID and CALSCALE.
pub(super) fn empty_calendar() -> Component {
    let mut root = Component::new("VCALENDAR");
    root.add_line(ContentLine::new("VERSION", &[], "2.0"));
    root.add_line(ContentLine::new("PRODID", &[], PRODID));
    root.add_line(ContentLine::new("CALSCALE", &[], "GREGORIAN"));
    root
}

/// The VTIMEZONE of a zone as a component.
pub(super) fn timezone(zone: &ZoneId) -> Result<Component, IcalError> {
    // The text is our own; reading it gives the tree that edits work on.
    Component::parse(&vtimezone(zone), &Limits::default())
}

/// Every zone an event names, UTC left out: it needs no VTIMEZONE.
pub(super) fn zones_of(event: &Event) -> BTreeSet<ZoneId> {
    let changes = event.recurrence.iter().flat_map(|recurrence| recurrence.changes.values());
    let others = changes.chain(event.overrides.values()).map(|other| &other.when);
    let times = std::iter::once(&event.when).chain(others);
    times.filter_map(EventTime::zone).filter(|zone| **zone != ZoneId::utc()).cloned().collect()
}

/// The VEVENTs of an event: the master, then the changes that hold from an instance on, then the overrides, each in the
/// order of RECURRENCE-ID.
pub(super) fn events(event: &Event, stamp: &Stamp) -> Vec<Component> {
    let orphaned = event.recurrence.is_none() && !event.overrides.is_empty();
    let mut events = Vec::with_capacity(event.overrides.len() + 1);
    if !orphaned {
        events.push(master(event, stamp));
    }
    for (id, changed) in event.recurrence.iter().flat_map(|recurrence| &recurrence.changes) {
        events.push(change(event, *id, changed, stamp));
    }
    for (index, (id, changed)) in event.overrides.iter().enumerate() {
        let mut vevent = instance(event, *id, changed, stamp);
        if orphaned && index == 0 {
            vevent.items.extend(class_line(event.class).map(Item::Line));
        }
        events.push(vevent);
    }
    events
}

/// The VEVENT of a single event or of a series.
pub(super) fn master(event: &Event, stamp: &Stamp) -> Component {
    let mut vevent = head(&event.uid, stamp);
    add_time(&mut vevent, &event.when);
    let form = form_of(&event.when);
    if let Some(recurrence) = &event.recurrence {
        if let Some(rule) = &recurrence.rule {
            vevent.add_line(ContentLine::new("RRULE", &[], &rule::to_text(rule, &event.when)));
        }
        for (name, dates) in [("RDATE", &recurrence.rdates), ("EXDATE", &recurrence.exdates)] {
            if !dates.is_empty() {
                vevent.add_line(times_line(name, dates.iter().copied(), &form));
            }
        }
    }
    add_content(&mut vevent, &event.content);
    if let Some(line) = class_line(event.class) {
        vevent.add_line(line);
    }
    vevent
}

/// The VEVENT of one override.
pub(super) fn instance(event: &Event, id: RecurrenceId, changed: &Override, stamp: &Stamp) -> Component {
    let mut vevent = head(&event.uid, stamp);
    vevent.add_line(id_line(event, id, false));
    add_time(&mut vevent, &changed.when);
    add_content(&mut vevent, &changed.content);
    vevent
}

/// The VEVENT of a change that holds from an instance on.
pub(super) fn change(event: &Event, id: RecurrenceId, changed: &Override, stamp: &Stamp) -> Component {
    let mut vevent = instance(event, id, changed, stamp);
    vevent.set_line(id_line(event, id, true));
    vevent
}

/// RECURRENCE-ID, of a change with its RANGE.
pub(super) fn id_line(event: &Event, id: RecurrenceId, and_future: bool) -> ContentLine {
    let line = time_line("RECURRENCE-ID", id.0, &id_form(&event.when, id));
    if !and_future {
        return line;
    }
    let mut params = line.params;
    params.insert(0, Param { name: "RANGE".to_owned(), values: vec!["THISANDFUTURE".to_owned()] });
    ContentLine::with_params("RECURRENCE-ID", params, &line.value)
}

/// How a RECURRENCE-ID is spelled in a series.
fn id_form(master: &EventTime, id: RecurrenceId) -> Form {
    match form_of(master) {
        Form::Date if id.0.time() != jiff::civil::Time::midnight() => Form::Floating,
        form => form,
    }
}

fn head(uid: &Uid, stamp: &Stamp) -> Component {
    let mut vevent = Component::new("VEVENT");
    vevent.add_line(ContentLine::new("UID", &[], &escape_text(&uid.0)));
    vevent.add_line(ContentLine::new("DTSTAMP", &[], &utc_text(stamp.modified)));
    vevent.add_line(ContentLine::new("CREATED", &[], &utc_text(stamp.created)));
    vevent.add_line(ContentLine::new("LAST-MODIFIED", &[], &utc_text(stamp.modified)));
    vevent.add_line(ContentLine::new("SEQUENCE", &[], &stamp.sequence.to_string()));
    vevent
}

/// How the times of a composed event are spelled.
pub(super) fn form_of(when: &EventTime) -> Form {
    match when.zone() {
        None => Form::Date,
        Some(zone) if *zone == ZoneId::utc() => Form::Utc,
        Some(zone) => Form::Zoned(zone.as_str().to_owned()),
    }
}

pub(super) fn add_time(vevent: &mut Component, when: &EventTime) {
    let form = form_of(when);
    vevent.add_line(time_line("DTSTART", when.wall_start(), &form));
    vevent.add_line(time_line("DTEND", when.wall_end(), &form));
}

fn add_content(vevent: &mut Component, content: &Content) {
    let texts = [("SUMMARY", &content.summary), ("DESCRIPTION", &content.description), ("LOCATION", &content.location)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        vevent.add_line(ContentLine::new(name, &[], &escape_text(text)));
    }
    if let Some(organizer) = &content.organizer {
        vevent.add_line(person_line("ORGANIZER", organizer));
    }
    for attendee in &content.attendees {
        vevent.add_line(person_line("ATTENDEE", attendee));
    }
    vevent.add_line(ContentLine::new("STATUS", &[], status_text(content.status)));
    vevent.add_line(ContentLine::new("TRANSP", &[], transp_text(content.busy)));
    if content.privacy != Privacy::Public {
        vevent.add_line(ContentLine::new("CLASS", &[], privacy_text(content.privacy)));
    }
}

/// ORGANIZER or ATTENDEE.
pub(super) fn person_line(name: &str, person: &Person) -> ContentLine {
    let params: &[(&str, &str)] = if person.name.is_empty() { &[] } else { &[("CN", person.name.as_str())] };
    ContentLine::new(name, params, &person_value(person))
}

/// The calendar address of a person; systems that know only names get the address that Exchange uses for nobody.
pub(super) fn person_value(person: &Person) -> String {
    if person.email.is_empty() { "invalid:nomail".to_owned() } else { format!("mailto:{}", person.email) }
}

/// X-ANTEROOM-CLASS; `None` for the class that every client writes.
pub(super) fn class_line(class: ReservationClass) -> Option<ContentLine> {
    let value = match class {
        ReservationClass::Event => return None,
        ReservationClass::Allocation => "ALLOCATION",
        ReservationClass::Booking => "BOOKING",
        ReservationClass::Closure => "CLOSURE",
    };
    Some(ContentLine::new(CLASS_PROPERTY, &[], value))
}

/// STATUS.
pub(super) const fn status_text(status: EventStatus) -> &'static str {
    match status {
        EventStatus::Confirmed => "CONFIRMED",
        EventStatus::Tentative => "TENTATIVE",
        EventStatus::Cancelled => "CANCELLED",
    }
}

/// TRANSP.
pub(super) const fn transp_text(busy: bool) -> &'static str {
    if busy { "OPAQUE" } else { "TRANSPARENT" }
}

/// CLASS.
pub(super) const fn privacy_text(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::Public => "PUBLIC",
        Privacy::Private => "PRIVATE",
        Privacy::Confidential => "CONFIDENTIAL",
    }
}

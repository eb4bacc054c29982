//! What an integrator says of a booking in JSON, and the event that it means. Pure.

use super::super::{ManageError, rooms};
use crate::config::Limits;
use crate::ical::rule::{self, RuleContext};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Person;
use crate::model::Privacy;
use crate::model::Recurrence;
use crate::model::ReservationClass;
use crate::model::Timestamp;
use crate::model::ZoneId;
use jiff::civil::Date;
use jiff::civil::DateTime;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;

/// Most characters of a title, a place or a name, and of a description.
const LINE: usize = 1_000;
const TEXT: usize = 32_000;

/// Most people who are named.
const PEOPLE: usize = 500;

/// A booking to make, or what shall change in one: what is left out stays. `null` takes organizer or recurrence away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BookingForm {
    /// The program's own name for the booking, which becomes its iCalendar UID and never changes; one is invented if there
    /// is none.
    pub uid: Option<String>,
    /// When it begins: RFC 3339 (`2027-02-10T09:00:00Z`), a wall-clock time of `zone` (`2027-02-10T10:00`), or a day
    /// (`2027-02-10`) for whole days. In a change, `start` alone moves the booking and keeps its length.
    pub start: Option<String>,
    /// When it ends, written as `start` is; for whole days the day after the last.
    pub end: Option<String>,
    /// IANA name of the time zone that times are kept in; the room's if left out.
    pub zone: Option<String>,
    /// Its title.
    pub summary: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// Where exactly, if not simply in the room.
    pub location: Option<String>,
    /// Who is responsible for it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<PersonForm>)]
    pub organizer: Option<Option<PersonForm>>,
    /// Who else takes part; replaces whoever stood there. Nobody is sent a mail.
    pub attendees: Option<Vec<PersonForm>>,
    /// `confirmed` or `tentative`; a booking is cancelled by `DELETE`.
    #[schema(value_type = Option<String>)]
    pub status: Option<EventStatus>,
    /// Whether it takes the room; it does if left out.
    pub busy: Option<bool>,
    /// Whether others see no more than that the room is taken.
    pub private: Option<bool>,
    /// Its reservation class; `event` if left out. Others are for those who administer the room.
    pub class: Option<ReservationClass>,
    /// How it repeats.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<RecurrenceForm>)]
    pub recurrence: Option<Option<RecurrenceForm>>,
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonForm {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// How a booking repeats. Starts are wall-clock times of the booking's zone, or days where it takes whole days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecurrenceForm {
    /// The value of an RRULE, e.g. `FREQ=WEEKLY;BYDAY=MO;COUNT=10` (RFC 5545, 3.3.10).
    pub rule: Option<String>,
    /// Starts that the rule does not give (RDATE).
    pub added: Vec<String>,
    /// Starts that are left out (EXDATE).
    pub removed: Vec<String>,
}

/// Tells `null` from nothing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Where a form is read: the zone of the room, and the bounds.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) zone: &'a ZoneId,
    pub(super) limits: &'a Limits,
}

/// A moment as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Day(Date),
    Wall(DateTime),
    Instant(Timestamp),
}

impl BookingForm {
    /// The time of a new booking.
    pub(super) fn when(&self, desk: Desk<'_>) -> Result<EventTime, ManageError> {
        let missing = |field| ManageError::invalid(field, "must be given");
        let start = moment("start", self.start.as_deref().ok_or_else(|| missing("start"))?)?;
        let end = moment("end", self.end.as_deref().ok_or_else(|| missing("end"))?)?;
        span(start, end, &self.zone(desk.zone)?)
    }

    /// The time that a booking has after the change.
    pub(super) fn when_changed(&self, before: &EventTime, desk: Desk<'_>) -> Result<EventTime, ManageError> {
        if self.start.is_none() && self.end.is_none() && self.zone.is_none() {
            return Ok(before.clone());
        }
        let zone = self.zone(before.zone().unwrap_or(desk.zone))?;
        let start = match &self.start {
            Some(text) => moment("start", text)?,
            None => edge(before, before.wall_start()),
        };
        let end = match (&self.end, start) {
            (Some(text), _) => moment("end", text)?,
            (None, _) if self.start.is_none() => edge(before, before.wall_end()),
            (None, Moment::Day(day)) if before.is_all_day() => {
                let length = before.wall_end().date() - before.wall_start().date();
                Moment::Day(day.checked_add(length).map_err(|_| ManageError::invalid("start", "is out of range"))?)
            }
            (None, Moment::Wall(_) | Moment::Instant(_)) if !before.is_all_day() => {
                let (first, last) = before.instants(desk.zone);
                Moment::Instant(instant(start, &zone).plus_ms(last.ms() - first.ms()))
            }
            (None, _) => {
                return Err(ManageError::invalid("end", "must be given where whole days become times, or the reverse"));
            }
        };
        span(start, end, &zone)
    }

    /// Writes what the form says of a content into it.
    pub(super) fn fill(&self, content: &mut Content) -> Result<(), ManageError> {
        if let Some(summary) = &self.summary {
            content.summary = rooms::line("summary", summary, LINE)?;
        }
        if let Some(description) = &self.description {
            content.description = rooms::prose("description", description, TEXT)?;
        }
        if let Some(location) = &self.location {
            content.location = rooms::prose("location", location, LINE)?;
        }
        if let Some(organizer) = &self.organizer {
            content.organizer = organizer.as_ref().map(|person| person.read("organizer")).transpose()?;
        }
        if let Some(attendees) = &self.attendees {
            if attendees.len() > PEOPLE {
                return Err(ManageError::invalid("attendees", format!("are more than {PEOPLE}")));
            }
            content.attendees = attendees.iter().map(|person| person.read("attendees")).collect::<Result<_, _>>()?;
        }
        match self.status {
            Some(EventStatus::Cancelled) => {
                return Err(ManageError::invalid("status", "is confirmed or tentative; DELETE cancels a booking"));
            }
            Some(status) => content.status = status,
            None => {}
        }
        content.busy = self.busy.unwrap_or(content.busy);
        content.privacy = match (self.private, content.privacy) {
            (Some(false), _) => Privacy::Public,
            (Some(true), Privacy::Public) => Privacy::Private,
            (_, before) => before,
        };
        Ok(())
    }

    /// The recurrence after the change.
    pub(super) fn recurrence(&self, event: &Event, desk: Desk<'_>) -> Result<Option<Recurrence>, ManageError> {
        match &self.recurrence {
            None => Ok(event.recurrence.clone()),
            Some(None) => Ok(None),
            Some(Some(form)) => Ok(Some(form.read(&event.when, desk)?)),
        }
    }

    /// What only a whole series has.
    pub(super) fn refuse_for_instance(&self) -> Result<(), ManageError> {
        let why = "belongs to the whole series; leave recurrence_id out to change it";
        if self.recurrence.is_some() {
            return Err(ManageError::invalid("recurrence", why));
        }
        if self.class.is_some() {
            return Err(ManageError::invalid("class", why));
        }
        Ok(())
    }

    fn zone(&self, usual: &ZoneId) -> Result<ZoneId, ManageError> {
        self.zone.as_deref().map_or_else(|| Ok(usual.clone()), |name| rooms::zone("zone", name))
    }
}

impl PersonForm {
    fn read(&self, field: &'static str) -> Result<Person, ManageError> {
        let (name, email) = (self.name.trim(), self.email.trim());
        if name.is_empty() && email.is_empty() {
            return Err(ManageError::invalid(field, "a person has a name, an email or both"));
        }
        let name = if name.is_empty() { String::new() } else { rooms::line(field, name, LINE)? };
        if email.is_empty() {
            return Ok(Person { name, email: String::new() });
        }
        let email = rooms::line(field, email, 254)?;
        let is_address = email.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
        if !is_address || email.contains(char::is_whitespace) {
            return Err(ManageError::invalid(field, format!("{email:?} is no mail address")));
        }
        Ok(Person { name, email: email.to_lowercase() })
    }
}

impl RecurrenceForm {
    fn read(&self, when: &EventTime, desk: Desk<'_>) -> Result<Recurrence, ManageError> {
        let all_day = when.is_all_day();
        let cx = RuleContext { zone: when.zone(), all_day, limits: desk.limits };
        let rule = self.rule.as_deref().map(|text| rule::parse(text.trim_start_matches("RRULE:"), cx)).transpose();
        let rule = rule.map_err(|error| ManageError::invalid("recurrence", error.to_string()))?;
        if rule.is_none() && self.added.is_empty() {
            return Err(ManageError::invalid("recurrence", "needs a rule, or starts that are added"));
        }
        let starts = |texts: &[String]| {
            if texts.len() > desk.limits.report_instances {
                return Err(ManageError::invalid("recurrence", "names too many starts"));
            }
            texts.iter().map(|text| start_of(text, when)).collect()
        };
        let (rdates, exdates) = (starts(&self.added)?, starts(&self.removed)?);
        Ok(Recurrence { rule, rdates, exdates, ..Recurrence::default() })
    }
}

/// The original start of an instance as it is written in a request: like the starts of a series.
pub(super) fn start_of(text: &str, when: &EventTime) -> Result<DateTime, ManageError> {
    let refused = |why: &str| ManageError::invalid("recurrence", format!("{text:?} {why}"));
    match (moment("recurrence", text)?, when.zone()) {
        (Moment::Day(day), None) => Ok(day.to_datetime(jiff::civil::Time::midnight())),
        (Moment::Wall(wall), Some(_)) => Ok(wall),
        (Moment::Instant(at), Some(zone)) => Ok(when.original_start(at).unwrap_or_else(|| zone.wall(at))),
        (_, None) => Err(refused("is no day, and the booking takes whole days")),
        (Moment::Day(_), Some(_)) => Err(refused("has no time of day")),
    }
}

/// An end of a stored time as if it had been written.
fn edge(when: &EventTime, wall: DateTime) -> Moment {
    match when.zone() {
        None => Moment::Day(wall.date()),
        Some(zone) => Moment::Instant(zone.instant(wall)),
    }
}

fn instant(moment: Moment, zone: &ZoneId) -> Timestamp {
    match moment {
        Moment::Day(day) => zone.instant(day.to_datetime(jiff::civil::Time::midnight())),
        Moment::Wall(wall) => zone.instant(wall),
        Moment::Instant(at) => at,
    }
}

fn span(start: Moment, end: Moment, zone: &ZoneId) -> Result<EventTime, ManageError> {
    let after = || ManageError::invalid("end", "must be after start");
    match (start, end) {
        (Moment::Day(start), Moment::Day(end)) if end > start => Ok(EventTime::AllDay { start, end }),
        (Moment::Day(_), Moment::Day(_)) => Err(ManageError::invalid(
            "end",
            "must be after start: it is the day after the last, so one day ends on the next",
        )),
        (Moment::Day(_), _) | (_, Moment::Day(_)) => {
            Err(ManageError::invalid("end", "must be a day where start is one, and a time where start is a time"))
        }
        _ => {
            let (first, last) = (instant(start, zone), instant(end, zone));
            if last <= first {
                return Err(after());
            }
            let wall = |at| (zone.wall(at), zone.instant(zone.wall(at)) == at);
            let ((begin, begin_kept), (stop, stop_kept)) = (wall(first), wall(last));
            if begin_kept && stop_kept {
                return Ok(EventTime::Timed { start: begin, end: stop, zone: zone.clone() });
            }
            // The second of two hours of the same name in autumn cannot be told by the wall clock.
            let utc = ZoneId::utc();
            Ok(EventTime::Timed { start: utc.wall(first), end: utc.wall(last), zone: utc })
        }
    }
}

/// Reads a time as people and programs write it, to the second.
fn moment(field: &'static str, text: &str) -> Result<Moment, ManageError> {
    let text = text.trim();
    let whole = |ms: i64| Timestamp(ms.div_euclid(1_000) * 1_000);
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Moment::Instant(whole(at.as_millisecond())));
    }
    if let Ok(day) = Date::strptime("%Y-%m-%d", text) {
        return Ok(Moment::Day(day));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    forms.iter().find_map(|form| DateTime::strptime(form, text).ok()).map(Moment::Wall).ok_or_else(|| {
        let why = format!(
            "{text:?} is no time; write 2027-02-10T09:00:00Z, a wall-clock time as 2027-02-10T10:00, or a day as \
             2027-02-10"
        );
        ManageError::invalid(field, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oslo() -> ZoneId {
        ZoneId::parse("Europe/Oslo").unwrap()
    }

    fn read(json: serde_json::Value) -> BookingForm {
        serde_json::from_value(json).unwrap()
    }

    fn when(start: &str, end: &str) -> Result<EventTime, String> {
        let limits = Limits::default();
        let form = read(serde_json::json!({ "start": start, "end": end }));
        form.when(Desk { zone: &oslo(), limits: &limits }).map_err(|error| error.to_string())
    }

    #[test]
    fn times_are_read_as_instants_as_wall_clocks_and_as_days() {
        let ten = when("2027-02-10T10:00", "2027-02-10T11:00:00").unwrap();
        assert_eq!(when("2027-02-10T09:00:00Z", "2027-02-10T11:00:00+01:00").unwrap(), ten);
        assert_eq!(ten.zone(), Some(&oslo()));
        let day = when("2027-02-10", "2027-02-11").unwrap();
        assert!(day.is_all_day());
    }

    #[test]
    fn the_second_hour_of_an_autumn_night_is_kept_in_utc() {
        let twice = when("2027-10-31T01:30:00Z", "2027-10-31T02:30:00Z").unwrap();
        assert_eq!(twice.zone(), Some(&ZoneId::utc()));
        assert_eq!(twice.instants(&oslo()).0.to_string(), "2027-10-31T01:30:00Z");
    }

    #[test]
    fn what_is_no_span_of_time_is_refused_by_its_field() {
        for (start, end, told) in [
            ("tomorrow", "2027-02-10", "start: \"tomorrow\" is no time"),
            ("2027-02-10", "2027-02-10", "end: must be after start: it is the day after the last"),
            ("2027-02-10", "2027-02-10T10:00", "end: must be a day where start is one"),
            ("2027-02-10T10:00", "2027-02-10T10:00", "end: must be after start"),
            ("2027-02-30", "2027-03-01", "start: \"2027-02-30\" is no time"),
        ] {
            let refused = when(start, end).unwrap_err();
            assert!(refused.starts_with(told), "{refused}");
        }
    }

    #[test]
    fn a_start_alone_moves_and_an_end_alone_lengthens() {
        let limits = Limits::default();
        let (zone, desk_limits) = (oslo(), &limits);
        let desk = Desk { zone: &zone, limits: desk_limits };
        let before = when("2027-02-10T10:00", "2027-02-10T11:30").unwrap();
        let moved = read(serde_json::json!({ "start": "2027-02-11T08:00" })).when_changed(&before, desk).unwrap();
        assert_eq!(moved, when("2027-02-11T08:00", "2027-02-11T09:30").unwrap());
        let longer = read(serde_json::json!({ "end": "2027-02-10T12:00" })).when_changed(&before, desk).unwrap();
        assert_eq!(longer, when("2027-02-10T10:00", "2027-02-10T12:00").unwrap());
        let kept = read(serde_json::json!({ "summary": "x" })).when_changed(&before, desk).unwrap();
        assert_eq!(kept, before);
        let days = when("2027-02-10", "2027-02-12").unwrap();
        let moved = read(serde_json::json!({ "start": "2027-03-01" })).when_changed(&days, desk).unwrap();
        assert_eq!(moved, when("2027-03-01", "2027-03-03").unwrap());
        assert!(read(serde_json::json!({ "start": "2027-03-01" })).when_changed(&before, desk).is_err());
    }

    #[test]
    fn null_takes_away_and_nothing_keeps() {
        let mut content = Content::default();
        read(serde_json::json!({ "summary": " Choir ", "organizer": { "name": "Kari", "email": "Kari@Example.org" } }))
            .fill(&mut content)
            .unwrap();
        assert_eq!(content.summary, "Choir");
        assert_eq!(content.organizer.as_ref().map(|person| person.email.as_str()), Some("kari@example.org"));
        read(serde_json::json!({ "private": true })).fill(&mut content).unwrap();
        assert_eq!((content.organizer.is_some(), content.privacy), (true, Privacy::Private));
        read(serde_json::json!({ "organizer": null, "private": false })).fill(&mut content).unwrap();
        assert_eq!((content.organizer, content.privacy), (None, Privacy::Public));
    }

    #[test]
    fn what_says_nothing_sensible_is_refused() {
        for (json, told) in [
            (serde_json::json!({ "summary": "" }), "summary: must not be empty"),
            (serde_json::json!({ "status": "cancelled" }), "status: is confirmed or tentative"),
            (serde_json::json!({ "organizer": {} }), "organizer: a person has a name"),
            (serde_json::json!({ "attendees": [{ "email": "kari" }] }), "attendees: \"kari\" is no mail address"),
        ] {
            let refused = read(json).fill(&mut Content::default()).unwrap_err().to_string();
            assert!(refused.starts_with(told), "{refused}");
        }
    }

    #[test]
    fn a_recurrence_has_a_rule_or_starts_of_its_kind() {
        let (zone, limits) = (oslo(), Limits::default());
        let desk = Desk { zone: &zone, limits: &limits };
        let timed = when("2027-02-10T10:00", "2027-02-10T11:00").unwrap();
        let form = |json: serde_json::Value| serde_json::from_value::<RecurrenceForm>(json).unwrap().read(&timed, desk);
        let weekly = form(serde_json::json!({ "rule": "FREQ=WEEKLY;COUNT=4", "removed": ["2027-02-17T10:00"] }));
        assert_eq!(weekly.unwrap().exdates.len(), 1);
        for (json, told) in [
            (serde_json::json!({}), "recurrence: needs a rule"),
            (serde_json::json!({ "rule": "FREQ=OFTEN" }), "recurrence: The rule part FREQ"),
            (
                serde_json::json!({ "rule": "FREQ=DAILY", "removed": ["2027-02-17"] }),
                "recurrence: \"2027-02-17\" has no",
            ),
        ] {
            let refused = form(json).unwrap_err().to_string();
            assert!(refused.starts_with(told), "{refused}");
        }
    }
}

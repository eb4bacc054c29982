//! From VEVENT components to the normal form of the model (RFC 5545, 3.6.1 and 3.8).

use super::component::Component;
use super::error::IcalError;
use super::line::ContentLine;
use super::normal::normal_person;
use super::normal::sorted_people;
use super::rule;
use super::value::Duration;
use super::value::TimeValue;
use super::value::Zones;
use super::value::wall_not_before;
use super::write::normal_text;
use super::write::unescape_text;
use crate::config::Limits;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Person;
use crate::model::Privacy;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::Rule;
use crate::model::Uid;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::DateTime;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The property that carries the reservation class of composed objects; absent for class Event.
pub(crate) const CLASS_PROPERTY: &str = "X-ANTEROOM-CLASS";

/// Most changes of one series that hold from an instance on. Each is a stretch that is expanded on its own.
const MOST_CHANGES: usize = 50;

/// What reading needs to know besides the object.
pub(crate) struct Reader<'a> {
    pub(crate) zones: Zones<'a>,
    pub(crate) limits: &'a Limits,
}

/// One VEVENT.
pub(crate) struct Part<'a> {
    pub(crate) component: &'a Component,
    pub(crate) start: TimeValue,
    pub(crate) when: EventTime,
    pub(crate) content: Content,
    pub(crate) recurrence_id: Option<TimeValue>,
    /// Whether it stands for all later instances too (RANGE=THISANDFUTURE).
    pub(crate) and_future: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(root: &Component, floating: &'a ZoneId, limits: &'a Limits) -> Self {
        Self { zones: Zones::of(root, floating), limits }
    }

    /// The normal form of all VEVENTs of one UID.
    pub(crate) fn event(&self, root: &Component, uid: Uid) -> Result<Event, IcalError> {
        let mut parts = Vec::new();
        for component in root.components_named("VEVENT") {
            parts.push(self.part(component)?);
        }
        let (masters, mut overrides): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.recurrence_id.is_none());
        let mut masters = masters.into_iter();
        let master = masters.next();
        if let Some(second) = masters.next() {
            let what = format!("line {}: a second VEVENT without RECURRENCE-ID", second.component.number());
            return Err(IcalError::ValidCalendarObjectResource(what));
        }
        overrides.sort_by_key(|part| part.recurrence_id.as_ref().map(|id| id.instant(self.zones.floating())));
        match (master, overrides.is_empty()) {
            (Some(master), _) => self.series(uid, &master, overrides),
            (None, false) => self.orphans(uid, overrides),
            (None, true) => Err(IcalError::ValidCalendarObjectResource("it holds no VEVENT".to_owned())),
        }
    }

    /// A master with its overrides.
    fn series(&self, uid: Uid, master: &Part<'_>, overrides: Vec<Part<'_>>) -> Result<Event, IcalError> {
        let mut recurrence = self.recurrence(master)?;
        let (changes, overrides): (Vec<_>, Vec<_>) = overrides.into_iter().partition(|part| part.and_future);
        let mut found = BTreeMap::new();
        if let Some(recurrence) = recurrence.as_mut() {
            self.periods(master, recurrence, &mut found)?;
        } else if !overrides.is_empty() || !changes.is_empty() {
            recurrence = Some(Recurrence::default());
        }
        if let Some(recurrence) = recurrence.as_mut() {
            recurrence.changes = self.overrides(&master.when, changes)?;
        }
        let explicit = self.overrides(&master.when, overrides)?;
        for (id, part) in explicit {
            found.remove(&id);
            match recurrence.as_mut().filter(|_| part.content.status == EventStatus::Cancelled) {
                Some(recurrence) => {
                    recurrence.exdates.insert(id.0);
                }
                None => {
                    found.insert(id, part);
                }
            }
        }
        let class = reservation_class(master.component);
        let event = Event {
            uid,
            class,
            when: master.when.clone(),
            content: master.content.clone(),
            recurrence,
            overrides: found,
        };
        self.check_counts(&event)?;
        Ok(event)
    }

    /// Overrides without a master: the first stands for the event.
    fn orphans(&self, uid: Uid, overrides: Vec<Part<'_>>) -> Result<Event, IcalError> {
        if let Some(part) = overrides.iter().find(|part| part.and_future) {
            let what = format!("line {}: RANGE=THISANDFUTURE stands without its series", part.component.number());
            return Err(IcalError::ValidCalendarObjectResource(what));
        }
        let first = overrides
            .first()
            .map(|part| (part.when.clone(), part.content.clone(), reservation_class(part.component)))
            .ok_or_else(|| IcalError::ValidCalendarObjectResource("it holds no VEVENT".to_owned()))?;
        let overrides = self.overrides(&first.0, overrides)?;
        let event = Event { uid, class: first.2, when: first.0, content: first.1, recurrence: None, overrides };
        self.check_counts(&event)?;
        Ok(event)
    }

    fn overrides(
        &self,
        master: &EventTime,
        parts: Vec<Part<'_>>,
    ) -> Result<BTreeMap<RecurrenceId, Override>, IcalError> {
        let mut found = BTreeMap::new();
        for part in parts {
            let Some(id) = &part.recurrence_id else { continue };
            let id = RecurrenceId(id.in_series(master, self.zones.floating()));
            if found.insert(id, Override { when: part.when, content: part.content }).is_some() {
                let what = format!("line {}: a second VEVENT for the instance {id}", part.component.number());
                return Err(IcalError::ValidCalendarObjectResource(what));
            }
        }
        Ok(found)
    }

    fn check_counts(&self, event: &Event) -> Result<(), IcalError> {
        let limit = self.limits.recurrence_dates;
        let (rdates, exdates, changes) = event.recurrence.as_ref().map_or((0, 0, 0), |recurrence| {
            (recurrence.rdates.len(), recurrence.exdates.len(), recurrence.changes.len())
        });
        if event.overrides.len() > limit || rdates > limit || exdates > limit || changes > MOST_CHANGES {
            return Err(IcalError::MaxInstances { limit });
        }
        Ok(())
    }

    /// One VEVENT.
    pub(crate) fn part<'c>(&self, component: &'c Component) -> Result<Part<'c>, IcalError> {
        let (start, when) = self.when(component)?;
        let recurrence_id = component.line("RECURRENCE-ID").map(|line| self.recurrence_id(line)).transpose()?;
        let content = content(component);
        if content.attendees.len() > self.limits.attendees {
            return Err(IcalError::MaxAttendees { limit: self.limits.attendees });
        }
        let and_future = component.line("RECURRENCE-ID").is_some_and(is_and_future);
        Ok(Part { component, start, when, content, recurrence_id, and_future })
    }

    /// A RECURRENCE-ID.
    pub(crate) fn recurrence_id(&self, line: &ContentLine) -> Result<TimeValue, IcalError> {
        if line.param("RANGE").is_some() && !is_and_future(line) {
            return Err(IcalError::at_line(line.number, "RECURRENCE-ID;RANGE can be THISANDFUTURE only"));
        }
        self.zones.time(line, &line.value)
    }

    /// DTSTART with DTEND or DURATION.
    pub(crate) fn when(&self, component: &Component) -> Result<(TimeValue, EventTime), IcalError> {
        let line = component.line("DTSTART").ok_or_else(|| {
            IcalError::ValidCalendarObjectResource(format!("line {}: VEVENT has no DTSTART", component.number()))
        })?;
        let start = self.zones.time(line, &line.value)?;
        let when = match &start.zone {
            None => all_day(component, &start)?,
            Some(zone) => self.timed(component, &start, zone)?,
        };
        self.check_years(line, &when)?;
        Ok((start, when))
    }

    fn check_years(&self, line: &ContentLine, when: &EventTime) -> Result<(), IcalError> {
        let (min, max) = (self.limits.min_year, self.limits.max_year);
        if when.wall_start().year() < min {
            return Err(IcalError::MinDateTime(format!("line {}: DTSTART is before the year {min}", line.number)));
        }
        if when.wall_end().year() > max {
            return Err(IcalError::MaxDateTime(format!("line {}: the event ends after the year {max}", line.number)));
        }
        Ok(())
    }

    fn timed(&self, component: &Component, start: &TimeValue, zone: &ZoneId) -> Result<EventTime, IcalError> {
        let wall_end = if let Some(line) = component.line("DTEND") {
            let end = self.zones.time(line, &line.value)?;
            match &end.zone {
                None => return Err(IcalError::at_line(line.number, "DTEND is a date but DTSTART is a time")),
                Some(own) if own == zone => end.wall,
                Some(own) => wall_not_before(own.instant(end.wall), zone),
            }
        } else if let Some(line) = component.line("DURATION") {
            duration_of(line)?.after(start.wall, zone).ok_or_else(|| too_long(line))?
        } else {
            start.wall
        };
        if zone.instant(wall_end) < zone.instant(start.wall) {
            return Err(end_before_start(component));
        }
        Ok(EventTime::Timed { start: start.wall, end: wall_end, zone: zone.clone() })
    }

    /// RRULE, RDATE and EXDATE of a master.
    fn recurrence(&self, master: &Part<'_>) -> Result<Option<Recurrence>, IcalError> {
        let component = master.component;
        let rule = self.rule(master)?;
        let rdates = self.dates(component, "RDATE", &master.when)?;
        let exdates = self.dates(component, "EXDATE", &master.when)?;
        if rule.is_none() && rdates.is_empty() && exdates.is_empty() {
            return Ok(None);
        }
        Ok(Some(Recurrence { rule, rdates, exdates, ..Recurrence::default() }))
    }

    fn rule(&self, master: &Part<'_>) -> Result<Option<Rule>, IcalError> {
        let mut lines = master.component.lines_named("RRULE");
        let Some(line) = lines.next() else { return Ok(None) };
        let cx = rule::RuleContext { zone: master.when.zone(), all_day: master.when.is_all_day(), limits: self.limits };
        let rule = rule::parse(&line.value, cx).map(|rule| rule::end_before_gap(rule, &line.value, &master.when));
        rule.map(Some).map_err(|error| match valid_part(&line.value, &error.part) {
            Some(part) => IcalError::unsupported(line.number, &part, &error.to_string()),
            None => IcalError::ValidCalendarData(format!("line {}: {error}", line.number)),
        })
    }

    /// All values of the lines of one name as wall-clock starts of the series.
    fn dates(&self, component: &Component, name: &str, master: &EventTime) -> Result<BTreeSet<DateTime>, IcalError> {
        let mut dates = BTreeSet::new();
        for line in component.lines_named(name) {
            dates.extend(self.line_dates(line, master)?);
        }
        Ok(dates)
    }

    /// The values of one RDATE or EXDATE line as wall-clock starts of the series.
    pub(crate) fn line_dates(&self, line: &ContentLine, master: &EventTime) -> Result<Vec<DateTime>, IcalError> {
        let values = line.value.split(',').filter(|value| !value.trim().is_empty());
        let mut dates = Vec::new();
        for value in values {
            let start = value.split_once('/').map_or(value, |(start, _)| start);
            let date = self.zones.time(line, start)?.in_series(master, self.zones.floating());
            if date.year() < self.limits.min_year {
                return Err(IcalError::MinDateTime(format!("line {}: {} {value}", line.number, line.name)));
            }
            if date.year() > self.limits.max_year {
                return Err(IcalError::MaxDateTime(format!("line {}: {} {value}", line.number, line.name)));
            }
            dates.push(date);
        }
        Ok(dates)
    }

    /// RDATE periods whose length is not the master's become overrides with the master's content.
    fn periods(
        &self,
        master: &Part<'_>,
        recurrence: &Recurrence,
        found: &mut BTreeMap<RecurrenceId, Override>,
    ) -> Result<(), IcalError> {
        for line in master.component.lines_named("RDATE") {
            for (id, when) in self.line_periods(line, &master.when)? {
                if recurrence.rdates.contains(&id.0) {
                    found.insert(id, Override { when, content: master.content.clone() });
                }
            }
        }
        Ok(())
    }

    /// The periods of one RDATE line in the zone of the series.
    pub(crate) fn line_periods(
        &self,
        line: &ContentLine,
        master: &EventTime,
    ) -> Result<Vec<(RecurrenceId, EventTime)>, IcalError> {
        let mut periods = Vec::new();
        for (start, end) in line.value.split(',').filter_map(|value| value.split_once('/')) {
            let Some(zone) = master.zone() else {
                return Err(IcalError::at_line(line.number, "RDATE has a period but DTSTART is a date"));
            };
            let start = self.zones.time(line, start)?.in_series(master, self.zones.floating());
            let end = if let Some(duration) = Duration::parse(end) {
                duration.after(start, zone).ok_or_else(|| too_long(line))?
            } else {
                wall_not_before(self.zones.time(line, end)?.instant(zone), zone)
            };
            if zone.instant(end) < zone.instant(start) {
                return Err(IcalError::at_line(line.number, "RDATE has a period that ends before it begins"));
            }
            periods.push((RecurrenceId(start), EventTime::Timed { start, end, zone: zone.clone() }));
        }
        Ok(periods)
    }
}

/// RANGE=THISANDFUTURE (RFC 5545, 3.2.13).
pub(crate) fn is_and_future(line: &ContentLine) -> bool {
    line.param("RANGE").is_some_and(|range| range.eq_ignore_ascii_case("THISANDFUTURE"))
}

fn all_day(component: &Component, start: &TimeValue) -> Result<EventTime, IcalError> {
    let first = start.wall.date();
    let next = first.checked_add(1.day()).unwrap_or(first);
    let end = if let Some(line) = component.line("DTEND") {
        let text = line.value.trim();
        super::value::parse_date(text).ok_or_else(|| {
            IcalError::at_line(line.number, "DTSTART is a date, so DTEND must be one: DTEND;VALUE=DATE:20260302")
        })?
    } else if let Some(line) = component.line("DURATION") {
        let duration = duration_of(line)?;
        if duration.seconds % 86_400 != 0 {
            return Err(IcalError::at_line(line.number, "DTSTART is a date, so DURATION must be whole days"));
        }
        let days = duration.days + duration.seconds / 86_400;
        let span = jiff::Span::new().try_days(days).map_err(|_| too_long(line))?;
        first.checked_add(span).map_err(|_| too_long(line))?
    } else {
        next
    };
    if end < first {
        return Err(end_before_start(component));
    }
    // Some clients end a day on itself.
    Ok(EventTime::AllDay { start: first, end: end.max(next) })
}

/// A refused rule part that RFC 5545 or RFC 7529 allows, as it stands in the rule.
fn valid_part(rule: &str, part: &str) -> Option<String> {
    let rule = rule.to_ascii_uppercase();
    let found = rule.split(';').map(str::trim).find(|piece| piece.split('=').next() == Some(part))?;
    let valid = ["FREQ=SECONDLY", "FREQ=MINUTELY", "SKIP=BACKWARD", "SKIP=FORWARD"].contains(&found)
        || found.starts_with("RSCALE=");
    valid.then(|| found.to_owned())
}

fn duration_of(line: &ContentLine) -> Result<Duration, IcalError> {
    let bad = || IcalError::at_line(line.number, "DURATION is no positive duration such as PT1H30M");
    Duration::parse(&line.value).filter(|duration| !duration.negative).ok_or_else(bad)
}

fn too_long(line: &ContentLine) -> IcalError {
    IcalError::MaxDateTime(format!("line {}: {} reaches beyond the calendar", line.number, line.name))
}

fn end_before_start(component: &Component) -> IcalError {
    IcalError::ValidCalendarData(format!("line {}: DTEND lies before DTSTART", component.number()))
}

fn reservation_class(component: &Component) -> ReservationClass {
    let value = component.line(CLASS_PROPERTY).map(|line| line.value.trim().to_ascii_lowercase());
    match value.as_deref() {
        Some("allocation") => ReservationClass::Allocation,
        Some("booking") => ReservationClass::Booking,
        Some("closure") => ReservationClass::Closure,
        _ => ReservationClass::Event,
    }
}

/// What a VEVENT says besides its times.
pub(crate) fn content(component: &Component) -> Content {
    let text =
        |name: &str| component.line(name).map(|line| normal_text(&unescape_text(&line.value))).unwrap_or_default();
    let word = |name: &str| component.line(name).map(|line| line.value.trim().to_ascii_uppercase());
    let people = component.lines_named("ATTENDEE").filter_map(person).collect();
    Content {
        summary: text("SUMMARY"),
        description: text("DESCRIPTION"),
        location: text("LOCATION"),
        organizer: component.line("ORGANIZER").and_then(person),
        attendees: sorted_people(people),
        status: match word("STATUS").as_deref() {
            Some("TENTATIVE") => EventStatus::Tentative,
            Some("CANCELLED") => EventStatus::Cancelled,
            _ => EventStatus::Confirmed,
        },
        busy: word("TRANSP").as_deref() != Some("TRANSPARENT"),
        privacy: match word("CLASS").as_deref() {
            None | Some("PUBLIC" | "") => Privacy::Public,
            Some("CONFIDENTIAL") => Privacy::Confidential,
            Some(_) => Privacy::Private,
        },
    }
}

/// ORGANIZER or ATTENDEE; `None` for one that names nobody.
pub(crate) fn person(line: &ContentLine) -> Option<Person> {
    let value = line.value.trim();
    let address = match value.split_at_checked(7) {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto:") => address,
        _ => line.param("EMAIL").unwrap_or_default(),
    };
    let person = Person { name: line.joined_param("CN").unwrap_or_default(), email: address.to_owned() };
    normal_person(&person)
}

//! An upstream change in a client's text: only the lines that say something else are replaced, all others stay octet
//! for octet (RFC 4791, 5.3.3: what we do not understand belongs to the client).

mod lines;

use super::component::Component;
use super::component::Item;
use super::compose;
use super::error::IcalError;
use super::line::ContentLine;
use super::normal::normalize;
use super::object::CalendarObject;
use super::object::ParseContext;
use super::object::Stamp;
use super::object::sequence_of;
use super::read::CLASS_PROPERTY;
use super::read::Part;
use super::read::Reader;
use super::rule;
use super::value::Form;
use super::value::times_line;
use super::value::utc_text;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use jiff::civil::DateTime;
use lines::set_content;
use lines::set_time;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

impl CalendarObject {
    /// This object's text saying `event`. Properties whose meaning differs are replaced, and SEQUENCE, LAST-MODIFIED
    /// and DTSTAMP of their VEVENT move on; everything else stays. An event that says the same gives the same text.
    pub fn patch(&self, event: &Event, stamp: &Stamp) -> Result<Self, IcalError> {
        let event = normalize(event);
        if event == *self.event() {
            return Ok(self.clone());
        }
        if event.uid != *self.uid() {
            let what = format!("the UID {} cannot become {}", self.uid(), event.uid);
            return Err(IcalError::ValidCalendarObjectResource(what));
        }
        let stamp = self.next_stamp(stamp);
        let patched = Patch { old: self, event: &event, stamp: &stamp }.apply()?;
        let cx = ParseContext { limits: &self.limits, floating: &self.floating };
        match Self::parse(patched.emit().as_bytes(), &cx) {
            Ok(object) if *object.event() == event => Ok(object),
            // The client's text is too strange to be edited line by line: the booking counts more than its wrapping.
            Ok(_) | Err(_) => Self::compose(&event, &stamp),
        }
    }

    /// A stamp that is not behind the versions the text already has.
    fn next_stamp(&self, stamp: &Stamp) -> Stamp {
        let modified = self.last_modified().map_or(stamp.modified, |last| last.max(stamp.modified));
        Stamp { sequence: stamp.sequence.max(self.sequence().saturating_add(1)), modified, ..*stamp }
    }
}

/// Which VEVENTs a text has.
#[derive(Default)]
struct Seen {
    master: bool,
    changes: BTreeSet<RecurrenceId>,
    overrides: BTreeSet<RecurrenceId>,
}

/// One change of one text.
struct Patch<'a> {
    old: &'a CalendarObject,
    event: &'a Event,
    stamp: &'a Stamp,
}

impl Patch<'_> {
    fn apply(&self) -> Result<Component, IcalError> {
        let mut root = self.old.root().clone();
        let reader = Reader::new(self.old.root(), &self.old.floating, &self.old.limits);
        let mut items = Vec::with_capacity(root.items.len());
        let mut seen = Seen::default();
        for item in std::mem::take(&mut root.items) {
            let Item::Component(vevent) = item else {
                items.push(item);
                continue;
            };
            if vevent.name != "VEVENT" {
                items.push(Item::Component(vevent));
                continue;
            }
            let part = reader.part(&vevent)?;
            let kept = match &part.recurrence_id {
                None => {
                    seen.master = true;
                    self.master(&reader, &part)?
                }
                Some(id) => {
                    let id = RecurrenceId(id.in_series(&self.event.when, &self.old.floating));
                    if part.and_future { &mut seen.changes } else { &mut seen.overrides }.insert(id);
                    self.instance(&part, id)
                }
            };
            items.extend(kept.map(Item::Component));
        }
        root.items = items;
        self.add_missing(&mut root, &seen, &reader)?;
        self.set_class(&mut root);
        add_timezones(&mut root, self.event)?;
        Ok(root)
    }

    /// Whether the changed event is overrides without a master.
    fn is_orphaned(&self) -> bool {
        self.event.recurrence.is_none() && !self.event.overrides.is_empty()
    }

    /// The master with what changed; `None` when the changed event has none.
    fn master(&self, reader: &Reader<'_>, part: &Part<'_>) -> Result<Option<Component>, IcalError> {
        if self.is_orphaned() {
            return Ok(None);
        }
        let mut vevent = part.component.clone();
        let form = set_time(&mut vevent, part, &self.event.when);
        set_content(&mut vevent, &part.content, &self.event.content);
        self.set_recurrence(&mut vevent, reader, part, &form)?;
        if vevent != *part.component || self.event.class != self.old.event().class {
            self.touch(&mut vevent);
        }
        Ok(Some(vevent))
    }

    /// An override, or a change that holds from an instance on, with what changed; `None` when it is gone.
    fn instance(&self, part: &Part<'_>, id: RecurrenceId) -> Option<Component> {
        let mut vevent = part.component.clone();
        let from_here_on = self.event.recurrence.as_ref().filter(|_| part.and_future);
        match from_here_on.map_or(&self.event.overrides, |recurrence| &recurrence.changes).get(&id) {
            Some(changed) => {
                set_time(&mut vevent, part, &changed.when);
                set_content(&mut vevent, &part.content, &changed.content);
            }
            // Cancelled here, and no date of the series there: both say the same.
            None if !part.and_future && self.keeps_cancelled(part, id) => {}
            None => return None,
        }
        if self.event.when.zone() != self.old.event().when.zone() {
            vevent.set_line(compose::id_line(self.event, id, part.and_future));
        }
        if vevent != *part.component {
            self.touch(&mut vevent);
        }
        Some(vevent)
    }

    fn keeps_cancelled(&self, part: &Part<'_>, id: RecurrenceId) -> bool {
        let cancelled = part.content.status == crate::model::EventStatus::Cancelled;
        cancelled && self.event.recurrence.as_ref().is_some_and(|recurrence| recurrence.exdates.contains(&id.0))
    }

    /// RRULE, RDATE and EXDATE of the master.
    fn set_recurrence(
        &self,
        vevent: &mut Component,
        reader: &Reader<'_>,
        part: &Part<'_>,
        form: &Form,
    ) -> Result<(), IcalError> {
        let none = Recurrence::default();
        let old = self.old.event().recurrence.as_ref().unwrap_or(&none);
        let new = self.event.recurrence.as_ref().unwrap_or(&none);
        let moved = part.when.zone() != self.event.when.zone();
        match &new.rule {
            None => vevent.remove_lines("RRULE", |_| true),
            Some(rule) if moved || old.rule.as_ref() != Some(rule) => {
                vevent.set_line(ContentLine::new("RRULE", &[], &rule::to_text(rule, &self.event.when)));
            }
            Some(_) => {}
        }
        let cancelled = self.cancelled_dates(reader)?;
        let exdates: BTreeSet<DateTime> = new.exdates.difference(&cancelled).copied().collect();
        let no_periods = |_: RecurrenceId, _: &EventTime| true;
        let dates = Dates { reader, master: &self.event.when, form };
        dates.set(vevent, "RDATE", &new.rdates, |id, when| self.says_period(id, when))?;
        dates.set(vevent, "EXDATE", &exdates, no_periods)
    }

    /// Starts that kept, cancelled overrides take out of the series.
    fn cancelled_dates(&self, reader: &Reader<'_>) -> Result<BTreeSet<DateTime>, IcalError> {
        let mut dates = BTreeSet::new();
        for vevent in self.old.root().components_named("VEVENT") {
            let part = reader.part(vevent)?;
            let Some(id) = part.recurrence_id.as_ref().filter(|_| !part.and_future) else { continue };
            let id = RecurrenceId(id.in_series(&self.event.when, &self.old.floating));
            if self.keeps_cancelled(&part, id) && !self.event.overrides.contains_key(&id) {
                dates.insert(id.0);
            }
        }
        Ok(dates)
    }

    /// Whether the changed event lets this instance last as an RDATE period says, or says otherwise in an override.
    fn says_period(&self, id: RecurrenceId, _when: &EventTime) -> bool {
        self.event.overrides.contains_key(&id)
    }

    /// Adds the VEVENTs the text lacks: a master, changes and overrides in the order of RECURRENCE-ID.
    fn add_missing(&self, root: &mut Component, seen: &Seen, reader: &Reader<'_>) -> Result<(), IcalError> {
        if !seen.master && !self.is_orphaned() {
            insert_event(root, compose::master(self.event, self.stamp));
        }
        for (id, changed) in self.event.recurrence.iter().flat_map(|recurrence| &recurrence.changes) {
            if !seen.changes.contains(id) {
                insert_event(root, compose::change(self.event, *id, changed, self.stamp));
            }
        }
        let periods = periods_of(root, reader, &self.event.when)?;
        for (id, changed) in &self.event.overrides {
            let said = periods.get(id).is_some_and(|when| *when == changed.when);
            if seen.overrides.contains(id) || (said && changed.content == self.event.content) {
                continue;
            }
            let vevent = compose::instance(self.event, *id, changed, self.stamp);
            insert_event(root, vevent);
        }
        Ok(())
    }

    /// X-ANTEROOM-CLASS of the VEVENT that stands for the event.
    fn set_class(&self, root: &mut Component) {
        if self.event.class == self.old.event().class {
            return;
        }
        let first = self.event.overrides.keys().next().copied();
        let orphaned = self.is_orphaned();
        let floating = &self.old.floating;
        let zones = super::value::Zones::of(self.old.root(), floating);
        let stands = |vevent: &Component| match vevent.line("RECURRENCE-ID") {
            None => true,
            Some(line) => {
                let id = zones.time(line, &line.value).ok();
                orphaned && id.map(|id| RecurrenceId(id.in_series(&self.event.when, floating))) == first
            }
        };
        for vevent in root.components_mut().filter(|vevent| vevent.name == "VEVENT" && stands(vevent)) {
            match compose::class_line(self.event.class) {
                Some(line) => vevent.set_line(line),
                None => vevent.remove_lines(CLASS_PROPERTY, |_| true),
            }
        }
    }

    /// SEQUENCE, LAST-MODIFIED and DTSTAMP of a VEVENT that was changed.
    fn touch(&self, vevent: &mut Component) {
        let sequence = self.stamp.sequence.max(sequence_of(vevent).saturating_add(1));
        vevent.set_line(ContentLine::new("SEQUENCE", &[], &sequence.to_string()));
        vevent.set_line(ContentLine::new("LAST-MODIFIED", &[], &utc_text(self.stamp.modified)));
        vevent.set_line(ContentLine::new("DTSTAMP", &[], &utc_text(self.stamp.modified)));
    }
}

/// How RDATE and EXDATE lines of one master are read and spelled: against the new time of the master, as they will be
/// read once the text is changed.
struct Dates<'a> {
    reader: &'a Reader<'a>,
    master: &'a EventTime,
    form: &'a Form,
}

impl Dates<'_> {
    /// Makes the lines of one name say `wanted`: lines that say only wanted dates stay, others go, and dates that no
    /// kept line says are added as one line.
    fn set(
        &self,
        vevent: &mut Component,
        name: &str,
        wanted: &BTreeSet<DateTime>,
        period_stays: impl Fn(RecurrenceId, &EventTime) -> bool,
    ) -> Result<(), IcalError> {
        let mut missing = wanted.clone();
        let mut gone = Vec::new();
        for line in vevent.lines_named(name) {
            let said = self.reader.line_dates(line, self.master)?;
            // A period says nothing in a series of whole days.
            let periods = self.reader.line_periods(line, self.master);
            let stays = said.iter().all(|date| wanted.contains(date))
                && periods.is_ok_and(|periods| periods.iter().all(|(id, when)| period_stays(*id, when)));
            if stays {
                missing.retain(|date| !said.contains(date));
            } else {
                gone.push(line.raw().to_owned());
            }
        }
        vevent.remove_lines(name, |line| gone.iter().any(|raw| raw == line.raw()));
        if !missing.is_empty() {
            vevent.add_line(times_line(name, missing, self.form));
        }
        Ok(())
    }
}

/// Periods that the RDATEs of the patched master still say.
fn periods_of(
    root: &Component,
    reader: &Reader<'_>,
    when: &EventTime,
) -> Result<BTreeMap<RecurrenceId, EventTime>, IcalError> {
    let mut periods = BTreeMap::new();
    let master = root.components_named("VEVENT").find(|vevent| vevent.line("RECURRENCE-ID").is_none());
    for line in master.into_iter().flat_map(|master| master.lines_named("RDATE")) {
        periods.extend(reader.line_periods(line, when)?);
    }
    Ok(periods)
}

/// Adds a VEVENT behind the last one.
fn insert_event(root: &mut Component, vevent: Component) {
    let last = root.items.iter().rposition(|item| matches!(item, Item::Component(c) if c.name == "VEVENT"));
    let position = last.map_or(root.items.len(), |last| last + 1);
    let vevent = vevent.with_line_end(root.line_end());
    root.items.insert(position, Item::Component(vevent));
}

/// Adds the VTIMEZONE of every zone that the patched lines name and the text does not describe.
fn add_timezones(root: &mut Component, event: &Event) -> Result<(), IcalError> {
    let named: BTreeSet<String> = root
        .components_named("VEVENT")
        .flat_map(Component::lines)
        .filter_map(|line| line.param("TZID").map(str::to_owned))
        .collect();
    let described: BTreeSet<String> =
        root.components_named("VTIMEZONE").filter_map(|zone| Some(zone.line("TZID")?.value.clone())).collect();
    let line_end = root.line_end();
    for zone in compose::zones_of(event) {
        if !named.contains(zone.as_str()) || described.contains(zone.as_str()) {
            continue;
        }
        let component = compose::timezone(&zone)?.with_line_end(line_end);
        let position = root.items.iter().position(|item| matches!(item, Item::Component(_)));
        root.items.insert(position.unwrap_or(root.items.len()), Item::Component(component));
    }
    Ok(())
}

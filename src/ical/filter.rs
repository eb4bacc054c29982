//! The filter tree of calendar-query and its evaluation (RFC 4791, 9.7 and 9.9).

use super::casemap::casemap;
use super::component::Component;
use super::line::ContentLine;
use super::object::CalendarObject;
use super::recur;
use super::recur::Budget;
use super::recur::Occurrence;
use super::recur::RecurError;
use super::value::Duration;
use super::value::Zones;
use super::value::parse_utc;
use super::write::unescape_text;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;

/// `CALDAV:comp-filter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompFilter {
    /// Component name in upper case; the root of a filter names VCALENDAR.
    pub name: String,
    /// Matches where no such component exists; everything else is then ignored.
    pub is_not_defined: bool,
    /// `CALDAV:time-range`, for VEVENT and VALARM.
    pub time_range: Option<TimeRange>,
    /// All must match the same component.
    pub prop_filters: Vec<PropFilter>,
    /// All must match inside the same component.
    pub comp_filters: Vec<CompFilter>,
}

/// `CALDAV:prop-filter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropFilter {
    /// Property name in upper case.
    pub name: String,
    /// Matches where no such property exists; everything else is then ignored.
    pub is_not_defined: bool,
    /// `CALDAV:time-range`, for properties with a date or time.
    pub time_range: Option<TimeRange>,
    /// `CALDAV:text-match` on the value.
    pub text_match: Option<TextMatch>,
    /// All must match the same property.
    pub param_filters: Vec<ParamFilter>,
}

/// `CALDAV:param-filter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamFilter {
    /// Parameter name in upper case.
    pub name: String,
    /// Matches where no such parameter exists.
    pub is_not_defined: bool,
    /// `CALDAV:text-match` on one of its values.
    pub text_match: Option<TextMatch>,
}

/// `CALDAV:text-match`: a substring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextMatch {
    /// How characters are compared.
    pub collation: Collation,
    /// `negate-condition="yes"`.
    pub negate: bool,
    /// What to look for.
    pub text: String,
}

/// Collations of `CALDAV:supported-collation-set` (RFC 4790, RFC 5051).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// `i;ascii-casemap`
    #[default]
    AsciiCasemap,
    /// `i;octet`
    Octet,
    /// `i;unicode-casemap`
    UnicodeCasemap,
}

impl CompFilter {
    /// Whether the object matches. Whole days are taken in `day_zone`; an error says that a rule cost too much.
    pub fn matches(&self, object: &CalendarObject, day_zone: &ZoneId, budget: &Budget) -> Result<bool, RecurError> {
        let zones = Zones::of(object.root(), &object.floating);
        let scope = Scope { object, zones: &zones, day_zone, budget };
        let root = Target { component: object.root(), event: None };
        if self.name != root.component.name {
            return Ok(self.is_not_defined);
        }
        if self.is_not_defined {
            return Ok(false);
        }
        scope.inside(self, &root)
    }

    /// Whether the filter asks for nothing but an event in its range, so that an index of instances decides it.
    pub fn asks_only_for_time(&self) -> bool {
        let [event] = self.comp_filters.as_slice() else { return false };
        let no_more = |filter: &Self| !filter.is_not_defined && filter.prop_filters.is_empty();
        self.name == "VCALENDAR"
            && no_more(self)
            && self.time_range.is_none()
            && event.name == "VEVENT"
            && no_more(event)
            && event.time_range.is_some()
            && event.comp_filters.is_empty()
    }

    /// The range that an event of a matching object must overlap, so that a caller can look up candidates by index.
    /// `None` when the filter does not bound it.
    pub fn event_range(&self) -> Option<TimeRange> {
        if self.name != "VCALENDAR" || self.is_not_defined {
            return None;
        }
        self.comp_filters
            .iter()
            .filter(|filter| filter.name == "VEVENT" && !filter.is_not_defined)
            .find_map(|filter| filter.time_range)
    }
}

impl TextMatch {
    /// Whether a value matches, negation included.
    pub fn matches(&self, value: &str) -> bool {
        let found = match self.collation {
            Collation::Octet => value.contains(&self.text),
            Collation::AsciiCasemap => value.to_ascii_lowercase().contains(&self.text.to_ascii_lowercase()),
            Collation::UnicodeCasemap => casemap(value).contains(&casemap(&self.text)),
        };
        found != self.negate
    }
}

/// What one evaluation works with.
struct Scope<'a> {
    object: &'a CalendarObject,
    zones: &'a Zones<'a>,
    day_zone: &'a ZoneId,
    budget: &'a Budget,
}

/// A component under test, and which instances it describes.
struct Target<'a> {
    component: &'a Component,
    event: Option<Describes>,
}

/// Which instances a VEVENT (or the VEVENT around a VALARM) describes.
#[derive(Clone, Copy)]
enum Describes {
    /// The master: every instance without a VEVENT of its own.
    Series,
    /// One instance.
    Instance(RecurrenceId),
}

impl Scope<'_> {
    /// A comp-filter against the components inside one component.
    fn child(&self, filter: &CompFilter, parent: &Target<'_>) -> Result<bool, RecurError> {
        let mut defined = false;
        for component in parent.component.components_named(&filter.name) {
            if filter.is_not_defined {
                return Ok(false);
            }
            defined = true;
            let event = if component.name == "VEVENT" { self.describes(component) } else { parent.event };
            if self.inside(filter, &Target { component, event })? {
                return Ok(true);
            }
        }
        Ok(filter.is_not_defined && !defined)
    }

    /// The conditions of a comp-filter on one component of its name.
    fn inside(&self, filter: &CompFilter, target: &Target<'_>) -> Result<bool, RecurError> {
        if !filter.prop_filters.iter().all(|filter| self.property(filter, target.component)) {
            return Ok(false);
        }
        if let Some(range) = filter.time_range
            && !self.in_range(range, target)?
        {
            return Ok(false);
        }
        for filter in &filter.comp_filters {
            if !self.child(filter, target)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn describes(&self, vevent: &Component) -> Option<Describes> {
        let Some(line) = vevent.line("RECURRENCE-ID") else { return Some(Describes::Series) };
        let id = self.zones.time(line, &line.value).ok()?;
        let id = RecurrenceId(id.in_series(&self.object.event().when, self.zones.floating()));
        Some(Describes::Instance(id))
    }

    fn in_range(&self, range: TimeRange, target: &Target<'_>) -> Result<bool, RecurError> {
        let Some(event) = target.event else { return Ok(false) };
        match target.component.name.as_str() {
            "VEVENT" => self.any_instance(range, event, |_, _| true),
            "VALARM" => self.any_alarm(range, event, target.component),
            _ => Ok(false),
        }
    }

    /// Whether an instance that overlaps `range` fulfils a condition.
    fn any_instance(
        &self,
        range: TimeRange,
        describes: Describes,
        condition: impl Fn(Timestamp, Timestamp) -> bool,
    ) -> Result<bool, RecurError> {
        let Describes::Instance(id) = describes else { return self.any_of_series(range, condition) };
        let Some(changed) = self.object.event().overrides.get(&id) else { return Ok(false) };
        let (start, end) = changed.when.instants(self.day_zone);
        let overlaps = if start == end {
            range.start <= start && start < range.end
        } else {
            range.overlaps(&TimeRange::new(start, end))
        };
        Ok(overlaps && condition(start, end))
    }

    /// As [`Scope::any_instance`] for the instances without a VEVENT of their own. Looks through growing windows, so
    /// that a series without end is not expanded further than to its first match.
    fn any_of_series(
        &self,
        range: TimeRange,
        condition: impl Fn(Timestamp, Timestamp) -> bool,
    ) -> Result<bool, RecurError> {
        const FIRST_DAYS: i64 = 400;
        let event = self.object.event();
        let (first, last) = recur::span(event, self.day_zone, self.budget);
        let end = range.end.min(last.map_or(Timestamp::MAX, |last| last.plus_ms(1)));
        let mut from = range.start.max(first);
        let (mut days, mut looked_at) = (FIRST_DAYS, 0);
        while from < end {
            let to = from.plus_days(days).min(end);
            let found = match recur::occurrences(event, TimeRange::new(from, to), self.day_zone, self.budget) {
                // Smaller windows hold fewer instances.
                Err(RecurError::Instances(_)) if days > 1 => {
                    days = (days / 8).max(1);
                    continue;
                }
                found => found?,
            };
            if found.iter().any(|instance| self.is_of_series(instance) && condition(instance.start, instance.end)) {
                return Ok(true);
            }
            looked_at += found.len();
            if looked_at > self.budget.instances {
                return Err(RecurError::Instances(self.budget.instances));
            }
            from = to;
            days = days.saturating_mul(2);
        }
        Ok(false)
    }

    fn is_of_series(&self, instance: &Occurrence) -> bool {
        !instance.overridden || !self.has_own_vevent(instance.recurrence_id)
    }

    /// An override that came from an RDATE period has no VEVENT of its own.
    fn has_own_vevent(&self, id: Option<RecurrenceId>) -> bool {
        let mut events = self.object.root().components_named("VEVENT");
        events.any(|vevent| match self.describes(vevent) {
            Some(Describes::Instance(own)) => Some(own) == id,
            Some(Describes::Series) | None => false,
        })
    }

    /// RFC 4791, 9.9: a VALARM overlaps a range when one of its triggers, repetitions included, lies inside.
    fn any_alarm(&self, range: TimeRange, describes: Describes, alarm: &Component) -> Result<bool, RecurError> {
        let Some(trigger) = Trigger::of(alarm) else { return Ok(false) };
        if let Anchor::At(instant) = trigger.anchor {
            return Ok(trigger.rings_inside(instant, range));
        }
        let zone = self.object.event().when.zone().unwrap_or(self.day_zone);
        self.any_instance(trigger.instances_of(range), describes, |start, end| {
            let anchor = if trigger.anchor == Anchor::End { end } else { start };
            trigger.rings_inside(trigger.first_after(anchor, zone), range)
        })
    }

    fn property(&self, filter: &PropFilter, component: &Component) -> bool {
        let mut lines = component.lines_named(&filter.name);
        if filter.is_not_defined {
            return lines.next().is_none();
        }
        lines.any(|line| self.line(filter, line))
    }

    fn line(&self, filter: &PropFilter, line: &ContentLine) -> bool {
        let in_range = |range: TimeRange| {
            // Of a period, its start.
            let starts = line.value.split(',').map(|value| value.split_once('/').map_or(value, |(start, _)| start));
            let values = starts.filter_map(|value| self.zones.time(line, value).ok());
            values.map(|value| value.instant(self.day_zone)).any(|at| range.start <= at && at < range.end)
        };
        filter.time_range.is_none_or(in_range)
            && filter.text_match.as_ref().is_none_or(|text| text.matches(&unescape_text(&line.value)))
            && filter.param_filters.iter().all(|filter| param(filter, line))
    }
}

fn param(filter: &ParamFilter, line: &ContentLine) -> bool {
    let mut found = line.params.iter().filter(|param| param.name == filter.name).peekable();
    if filter.is_not_defined || found.peek().is_none() {
        return filter.is_not_defined && found.peek().is_none();
    }
    filter
        .text_match
        .as_ref()
        .is_none_or(|text| found.any(|param| param.values.iter().any(|value| text.matches(value))))
}

/// When an alarm rings (RFC 5545, 3.8.6.3).
struct Trigger {
    anchor: Anchor,
    offset: Duration,
    repeats: i64,
    every_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Start,
    End,
    At(Timestamp),
}

impl Trigger {
    /// Most repetitions that are looked at, and how long they may go on.
    const REPEATS_MAX: i64 = 1000;
    const REPEATS_MS: i64 = 366 * 86_400_000;

    fn of(alarm: &Component) -> Option<Self> {
        let line = alarm.line("TRIGGER")?;
        let (anchor, offset) = match parse_utc(&line.value) {
            Some(instant) => (Anchor::At(instant), Duration { negative: false, days: 0, seconds: 0 }),
            None if line.param("RELATED").is_some_and(|related| related.eq_ignore_ascii_case("END")) => {
                (Anchor::End, Duration::parse(&line.value)?)
            }
            None => (Anchor::Start, Duration::parse(&line.value)?),
        };
        let every_ms = alarm.line("DURATION").and_then(|line| Duration::parse(&line.value)).map_or(0, Duration::ms);
        let repeats = alarm.line("REPEAT").and_then(|line| line.value.trim().parse().ok()).unwrap_or(0);
        let repeats = if every_ms > 0 { i64::min(repeats, Self::REPEATS_MS / every_ms) } else { 0 };
        Some(Self { anchor, offset, repeats: repeats.clamp(0, Self::REPEATS_MAX), every_ms })
    }

    /// When the alarm of an instance first rings: days count on the calendar, hours as time elapsed (RFC 5545, 3.3.6).
    fn first_after(&self, anchor: Timestamp, zone: &ZoneId) -> Timestamp {
        if self.offset.days == 0 {
            return anchor.plus_ms(self.offset.ms());
        }
        let days = Duration { seconds: 0, ..self.offset };
        let clock = Duration { days: 0, ..self.offset };
        match days.after(zone.wall(anchor), zone) {
            Some(wall) => zone.instant(wall).plus_ms(clock.ms()),
            None => anchor.plus_ms(self.offset.ms()),
        }
    }

    fn rings_inside(&self, first: Timestamp, range: TimeRange) -> bool {
        (0..=self.repeats)
            .map(|index| first.plus_ms(index.saturating_mul(self.every_ms)))
            .any(|at| range.start <= at && at < range.end)
    }

    /// Where the instances lie whose alarm may ring inside `range`; wider by what a change of offset can make of days.
    fn instances_of(&self, range: TimeRange) -> TimeRange {
        const SHIFT_MS: i64 = 86_400_000;
        let (back_ms, repeats_ms) = (self.offset.ms().saturating_neg(), self.repeats * self.every_ms);
        let start = range.start.plus_ms(back_ms).plus_ms(-repeats_ms - 1 - SHIFT_MS);
        TimeRange::new(start, range.end.plus_ms(back_ms).plus_ms(SHIFT_MS))
    }
}

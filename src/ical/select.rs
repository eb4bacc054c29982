//! What a report returns of an object: `CALDAV:calendar-data` (RFC 4791, 9.6).

use super::component::Component;
use super::component::Item;
use super::line::ContentLine;
use super::object::CalendarObject;
use super::read::is_and_future;
use super::recur;
use super::recur::Budget;
use super::recur::Occurrence;
use super::recur::RecurError;
use super::value::Form;
use super::value::Zones;
use super::value::time_line;
use crate::model::EventTime;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::ZoneId;

/// A request for calendar data. The default asks for the object as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarData {
    /// `CALDAV:comp` for VCALENDAR; `None` returns everything.
    pub selection: Option<CompSelection>,
    /// `CALDAV:expand`: instances in UTC instead of series.
    pub expand: Option<TimeRange>,
    /// `CALDAV:limit-recurrence-set`: the master and the overrides that touch the range.
    pub limit_recurrence_set: Option<TimeRange>,
    /// `CALDAV:limit-freebusy-set`: FREEBUSY values outside the range are left out. Objects of rooms hold no VFREEBUSY,
    /// so that there is nothing to leave out of them.
    pub limit_freebusy_set: Option<TimeRange>,
}

/// `CALDAV:comp`: what is returned of components of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompSelection {
    /// Component name in upper case.
    pub name: String,
    /// `CALDAV:allprop`.
    pub all_props: bool,
    /// `CALDAV:prop`.
    pub props: Vec<PropSelection>,
    /// `CALDAV:allcomp`.
    pub all_comps: bool,
    /// The components inside.
    pub comps: Vec<CompSelection>,
}

/// `CALDAV:prop`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropSelection {
    /// Property name in upper case.
    pub name: String,
    /// `novalue="yes"`: name and parameters without the value.
    pub novalue: bool,
}

/// The text a report returns for an object. Whole days are taken in `day_zone`; expanding more than `max_instances`
/// instances is an error.
pub fn render(
    object: &CalendarObject,
    data: &CalendarData,
    day_zone: &ZoneId,
    max_instances: usize,
) -> Result<String, RecurError> {
    let mut root = None;
    if let Some(range) = data.expand {
        root = Some(expanded(object, range, day_zone, max_instances)?);
    } else if let Some(range) = data.limit_recurrence_set {
        root = Some(limited(object, range, day_zone));
    }
    if let Some(selection) = &data.selection {
        root = Some(selected(root.as_ref().unwrap_or(object.root()), selection));
    }
    Ok(root.map_or_else(|| object.text().to_owned(), |root| root.emit()))
}

/// RFC 4791, 9.6.5: one VEVENT for each instance inside the range, times in UTC, no rules, no VTIMEZONE.
fn expanded(
    object: &CalendarObject,
    range: TimeRange,
    day_zone: &ZoneId,
    max_instances: usize,
) -> Result<Component, RecurError> {
    let budget = Budget { candidates: object.limits.expansion_candidates, instances: max_instances };
    let instances = recur::occurrences(object.event(), range, day_zone, &budget)?;
    let root = object.root();
    let sources = Sources::of(object);
    let mut items: Vec<Item> =
        root.items.iter().filter(|item| !is_component(item, &["VEVENT", "VTIMEZONE"])).cloned().collect();
    for instance in &instances {
        if let Some(source) = sources.of_instance(instance.recurrence_id) {
            items.push(Item::Component(expand_one(object, source, instance)));
        }
    }
    Ok(root.with_items(items))
}

/// Properties that an expanded instance has its own of, or none.
const REPLACED: [&str; 8] =
    ["DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE", "X-MICROSOFT-ORIGINALSTART"];

fn expand_one(object: &CalendarObject, source: &Component, instance: &Occurrence) -> Component {
    let kept = source.items.iter().filter(|item| !matches!(item, Item::Line(line) if is_replaced(line)));
    let mut vevent = source.with_items(kept.cloned().collect());
    if let Some(id) = instance.recurrence_id {
        vevent.add_line(utc_line("RECURRENCE-ID", id.0, &object.event().when));
    }
    vevent.add_line(utc_line("DTSTART", instance.when.wall_start(), &instance.when));
    vevent.add_line(utc_line("DTEND", instance.when.wall_end(), &instance.when));
    vevent
}

fn is_replaced(line: &ContentLine) -> bool {
    REPLACED.contains(&line.name.as_str())
}

/// A time of `when`'s zone in UTC; whole days stay dates.
fn utc_line(name: &str, wall: jiff::civil::DateTime, when: &EventTime) -> ContentLine {
    match when.zone() {
        None => time_line(name, wall, &Form::Date),
        Some(zone) => time_line(name, ZoneId::utc().wall(zone.instant(wall)), &Form::Utc),
    }
}

/// The VEVENTs of an object by the instance they describe, or from which on they describe all.
struct Sources<'a>(Vec<(Option<RecurrenceId>, &'a Component)>);

/// Whether a VEVENT stands for all later instances too.
fn is_change(vevent: &Component) -> bool {
    vevent.line("RECURRENCE-ID").is_some_and(is_and_future)
}

impl<'a> Sources<'a> {
    fn of(object: &'a CalendarObject) -> Self {
        let zones = Zones::of(object.root(), &object.floating);
        let id_of = |vevent: &Component| {
            let line = vevent.line("RECURRENCE-ID")?;
            let id = zones.time(line, &line.value).ok()?;
            Some(RecurrenceId(id.in_series(&object.event().when, zones.floating())))
        };
        Self(object.root().components_named("VEVENT").map(|vevent| (id_of(vevent), vevent)).collect())
    }

    /// The override of an instance, else the change that holds for it, else the master.
    fn of_instance(&self, id: Option<RecurrenceId>) -> Option<&'a Component> {
        let own = self.0.iter().find(|(own, vevent)| *own == id && !is_change(vevent));
        let changes = self.0.iter().filter(|(own, vevent)| own.is_some() && *own <= id && is_change(vevent));
        let change = || changes.max_by_key(|(own, _)| *own);
        let master = || self.0.iter().find(|(own, _)| own.is_none());
        own.or_else(change).or_else(master).map(|(_, vevent)| *vevent)
    }
}

/// RFC 4791, 9.6.6: overrides stay that take place inside the range or would have without being moved.
fn limited(object: &CalendarObject, range: TimeRange, day_zone: &ZoneId) -> Component {
    let event = object.event();
    let (master_start, master_end) = event.when.instants(day_zone);
    let length_ms = master_end.ms() - master_start.ms();
    let touches = |id: RecurrenceId, vevent: &Component| {
        let original = event.when.zone().unwrap_or(day_zone).instant(id.0);
        let moved = event.overrides.get(&id).map(|changed| changed.when.instants(day_zone));
        let overlaps = |start, end| overlaps(range, start, end);
        // A cancelled override has no time of its own in the normal form.
        overlaps(original, original.plus_ms(length_ms))
            || moved.is_some_and(|(start, end)| overlaps(start, end))
            || vevent.line("RECURRENCE-ID").is_none_or(is_and_future)
    };
    let sources = Sources::of(object);
    let dropped: Vec<usize> = sources
        .0
        .iter()
        .filter(|(id, vevent)| id.is_some_and(|id| !touches(id, vevent)))
        .map(|(_, vevent)| vevent.number())
        .collect();
    if dropped.len() == sources.0.len() {
        // Overrides without a master, all outside: a calendar without any event would be no object.
        return object.root().clone();
    }
    let kept = object
        .root()
        .items
        .iter()
        .filter(|item| !matches!(item, Item::Component(c) if c.name == "VEVENT" && dropped.contains(&c.number())));
    object.root().with_items(kept.cloned().collect())
}

fn overlaps(range: TimeRange, start: crate::model::Timestamp, end: crate::model::Timestamp) -> bool {
    if start == end {
        return range.start <= start && start < range.end;
    }
    range.overlaps(&TimeRange::new(start, end))
}

/// RFC 4791, 9.6.1 to 9.6.4. A component that is asked for without saying what of it is returned whole, as the example
/// of 7.8.1 has it.
fn selected(component: &Component, selection: &CompSelection) -> Component {
    let says_what = selection.all_props || selection.all_comps;
    if !says_what && selection.props.is_empty() && selection.comps.is_empty() {
        return component.clone();
    }
    let items = component.items.iter().filter_map(|item| match item {
        Item::Line(line) => selected_line(line, selection).map(Item::Line),
        Item::Component(inner) if selection.all_comps => Some(Item::Component(inner.clone())),
        Item::Component(inner) => selection
            .comps
            .iter()
            .find(|selection| selection.name == inner.name)
            .map(|selection| Item::Component(selected(inner, selection))),
    });
    component.with_items(items.collect())
}

fn selected_line(line: &ContentLine, selection: &CompSelection) -> Option<ContentLine> {
    if selection.all_props {
        return Some(line.clone());
    }
    let asked = selection.props.iter().find(|asked| asked.name == line.name)?;
    if asked.novalue {
        return Some(ContentLine::with_params(&line.name, line.params.clone(), ""));
    }
    Some(line.clone())
}

fn is_component(item: &Item, names: &[&str]) -> bool {
    matches!(item, Item::Component(component) if names.contains(&component.name.as_str()))
}

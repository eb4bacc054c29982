//! The exact form of a hub event in Microsoft 365: one item where Graph can hold it, else an item for some or all of its
//! instances. Nothing is approximated.

use super::recurrence;
use super::translate::{comparable, in_zone, kept_zone};
use crate::bridge::Part;
use crate::bridge::Projection;
use crate::bridge::RemoteCalendar;
use crate::bridge::Unrepresentable;
use crate::ical::recur::{self, Budget};
use crate::model::{Content, Event, EventStatus, EventTime, Recurrence, RecurrenceId, TimeRange};
use jiff::civil::{Date, DateTime};
use std::collections::BTreeMap;

/// How much work one projection may be.
const BUDGET: Budget = Budget { candidates: 200_000, instances: 5_000 };

/// The projection of an event: a series that Graph cannot hold becomes its instances inside the window.
pub(super) fn project(at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
    if event.is_instances_alone() {
        return materialise(at, event, window);
    }
    whole(at, event).or_else(|_| materialise(at, event, window))
}

/// The projection of an event that is one item there; what stands in the way where it is none.
pub(super) fn whole(at: &RemoteCalendar, event: &Event) -> Result<Projection, Unrepresentable> {
    let mut projection = Projection::default();
    if event.content.status == EventStatus::Cancelled {
        return Ok(projection);
    }
    let master = match &event.recurrence {
        None => comparable(at, event),
        Some(set) => series(at, event, set, &mut projection.parts)?,
    };
    projection.parts.insert(Part::Whole, master);
    Ok(projection)
}

/// Every instance inside the window as an item of its own.
pub(in crate::bridge) fn instances(
    at: &RemoteCalendar,
    event: &Event,
    window: TimeRange,
) -> Result<Vec<(RecurrenceId, Event)>, Unrepresentable> {
    let found = recur::occurrences(event, window, &at.zone, &BUDGET)
        .map_err(|why| Unrepresentable { part: "RRULE".to_owned(), why: why.to_string() })?;
    let mut all = Vec::new();
    for instance in found {
        let Some(id) = instance.recurrence_id else { continue };
        let content = event.content_of(Some(id));
        if content.status != EventStatus::Cancelled {
            all.push((id, single(event, instance.when, content)));
        }
    }
    Ok(all)
}

fn materialise(at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
    let all = instances(at, event, window)?;
    let parts = all.into_iter().map(|(id, single)| (Part::Instance(id), comparable(at, &single))).collect();
    Ok(Projection { parts })
}

fn single(event: &Event, when: EventTime, content: &Content) -> Event {
    Event {
        uid: event.uid.clone(),
        class: event.class,
        when,
        content: content.clone(),
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

/// The event as a series of Graph, with the instances that must stand beside it in `beside`; an error where the rule has
/// no Graph form.
fn series(
    at: &RemoteCalendar,
    event: &Event,
    set: &Recurrence,
    beside: &mut BTreeMap<Part, Event>,
) -> Result<Event, Unrepresentable> {
    check_series(at, event, set)?;
    let mut master = comparable(at, &bare(event, set));
    let rule_only = Recurrence { rule: set.rule.clone(), ..Recurrence::default() };
    let graph = recurrence::to_graph(&master.when, &rule_only).map_err(|why| no(why.part, why.why))?;
    let rule = recurrence::from_graph(&graph, &master.when).map_err(|why| no("RRULE", why.why))?;
    let mut out = Recurrence { rule: Some(rule), exdates: set.exdates.clone(), ..Recurrence::default() };
    let mut apart = stay_apart(event, &mut out, &mut master);
    let plain = Event { recurrence: Some(rule_only), overrides: BTreeMap::new(), ..master.clone() };
    let on_rule = |wall: &DateTime| recur::is_on_rule(&plain, RecurrenceId(*wall), &BUDGET);
    let extra: Vec<DateTime> = set.rdates.iter().filter(|wall| !set.exdates.contains(wall)).copied().collect();
    apart.extend(extra.into_iter().filter(|wall| !on_rule(wall)).map(RecurrenceId));
    out.exdates.retain(on_rule);
    for id in apart {
        if let Some(single) = instance(event, id) {
            beside.insert(Part::Instance(id), comparable(at, &single));
        }
    }
    master.recurrence = Some(out);
    Ok(master)
}

/// What no series there has, whatever its rule.
fn check_series(at: &RemoteCalendar, event: &Event, set: &Recurrence) -> Result<(), Unrepresentable> {
    if event.when.zone().is_some_and(|zone| kept_zone(at, zone).is_none()) {
        return Err(no("DTSTART", "is told in a time zone that Windows has no equal of"));
    }
    if event.when.wall_start().second() != 0 || event.when.wall_end().second() != 0 {
        return Err(no("DTSTART", "or the end is no whole minute"));
    }
    if !set.changes.is_empty() {
        return Err(no(
            "RECURRENCE-ID",
            "changes this and all later instances; a series there has one time and one text",
        ));
    }
    Ok(())
}

fn no(part: &str, why: &str) -> Unrepresentable {
    Unrepresentable { part: part.to_owned(), why: format!("Microsoft 365 cannot hold this series: {part} {why}.") }
}

/// The event without overrides, for the form of its master.
fn bare(event: &Event, set: &Recurrence) -> Event {
    let kept = event.overrides.iter().filter(|(id, _)| !set.rdates.contains(&id.0));
    Event { overrides: kept.map(|(id, changed)| (*id, changed.clone())).collect(), ..event.clone() }
}

/// Takes overrides out of the master that Graph cannot hold as exceptions: cancelled ones become removed dates, those
/// that leave the days between their neighbours, or change between days and times, become items of their own.
fn stay_apart(event: &Event, out: &mut Recurrence, master: &mut Event) -> Vec<RecurrenceId> {
    let mut apart = Vec::new();
    let mut last: Option<Date> = None;
    for (id, changed) in &event.overrides {
        if changed.content.status == EventStatus::Cancelled {
            master.overrides.remove(id);
            out.exdates.insert(id.0);
            continue;
        }
        let Some(kept) = master.overrides.get(id) else { continue };
        let day = master.when.zone().map_or_else(|| kept.when.clone(), |zone| in_zone(&kept.when, zone));
        let day = day.wall_start().date();
        let fits = kept.when.is_all_day() == master.when.is_all_day()
            && last.is_none_or(|last| last < day)
            && between_neighbours(master, out, *id, day);
        if fits {
            last = Some(day);
        } else {
            master.overrides.remove(id);
            out.exdates.insert(id.0);
            apart.push(*id);
        }
    }
    apart
}

/// Whether `day` lies strictly between the days of the instances before and after (graph.microsoft.com answers
/// `ErrorOccurrenceCrossingBoundary` otherwise).
fn between_neighbours(master: &Event, out: &Recurrence, id: RecurrenceId, day: Date) -> bool {
    let Some(rule) = &out.rule else { return false };
    let own = id.0.date();
    let (low, high) = if day < own { (day, own) } else { (own, day) };
    let from = low.to_datetime(jiff::civil::Time::MIN);
    let to = high.to_datetime(jiff::civil::Time::MAX);
    match recur::rule_starts(rule, master.when.wall_start(), (from, to), &BUDGET) {
        Ok(starts) => starts.iter().all(|start| *start == id.0),
        Err(_) => false,
    }
}

/// One instance as a single event, override or not.
fn instance(event: &Event, id: RecurrenceId) -> Option<Event> {
    if let Some(changed) = event.overrides.get(&id) {
        return Some(single(event, changed.when.clone(), &changed.content));
    }
    let when = super::translate::instance_time(&event.when, id)?;
    Some(single(event, when, &event.content))
}

//! Which instances an event has (RFC 5545, 3.8.5): rule, RDATE, EXDATE and overrides together, inside a range of time.
//!
//! A series is expanded in wall-clock time and only then placed in its zone, so a meeting stays at six o'clock when the
//! offset changes. Every instance lasts as long as the first one: the same time elapsed for timed events, the same
//! number of days for whole days (RFC 5545, 3.8.5.3). DTSTART always is an instance and counts as the first of COUNT,
//! also where the rule alone would leave it out. A change that holds from an instance on moves and stretches all that
//! follow (RANGE=THISANDFUTURE, 3.8.4.4).

#[cfg(test)]
mod against_dateutil;
#[cfg(test)]
mod against_oracle;
#[cfg(test)]
mod against_rrule;
#[cfg(test)]
mod costs;
mod days;
#[cfg(test)]
pub(crate) mod dice;
#[cfg(test)]
mod examples;
mod filter;
#[cfg(test)]
mod oracle;
mod place;
mod plan;
#[cfg(test)]
mod tests;

use crate::model::Event;
use crate::model::EventTime;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::Rule;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use jiff::civil::DateTime;
use place::Placer;
use plan::Plan;

/// One instance of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The original start in the series; `None` for an event that does not recur.
    pub recurrence_id: Option<RecurrenceId>,
    /// When the instance takes place.
    pub when: EventTime,
    /// The instant it starts.
    pub start: Timestamp,
    /// The instant it ends.
    pub end: Timestamp,
    /// Whether it is an override, whose content differs from that of the series.
    pub overridden: bool,
}

/// How much one expansion may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most days (hours for hourly rules) and starts that may be looked at.
    pub candidates: usize,
    /// Most instances that may be found.
    pub instances: usize,
}

impl Budget {
    /// The bounds set in the configuration.
    pub const fn of(limits: &crate::config::Limits) -> Self {
        Self { candidates: limits.expansion_candidates, instances: limits.report_instances }
    }
}

/// Why an expansion was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurError {
    /// The rule needs more candidates than the budget has.
    #[error("The rule was given up after {0} candidate dates; ask for a shorter range or use a simpler rule.")]
    Candidates(usize),
    /// The range holds more instances than the budget has.
    #[error("The range holds more than {0} instances; ask for a shorter one.")]
    Instances(usize),
}

/// The instances that overlap `range`, sorted by start. An instance without length counts when it starts inside.
/// Cancelled instances are among them; whole days are taken in `day_zone`.
pub fn occurrences(
    event: &Event,
    range: TimeRange,
    day_zone: &ZoneId,
    budget: &Budget,
) -> Result<Vec<Occurrence>, RecurError> {
    let mut found = Vec::new();
    let Some(recurrence) = event.recurrence.as_ref() else {
        push_single(event, range, day_zone, &mut found);
        return Ok(found);
    };
    for place in Placer::all(event, day_zone) {
        for stamp in starts(event, recurrence, place.window(range), budget)? {
            let Some(wall) = days::wall(stamp) else { continue };
            if recurrence.exdates.contains(&wall) || event.overrides.contains_key(&RecurrenceId(wall)) {
                continue;
            }
            found.extend(place.instance(wall).filter(|instance| inside(instance, range)));
        }
    }
    push_overrides(event, range, day_zone, &mut found);
    if found.len() > budget.instances {
        return Err(RecurError::Instances(budget.instances));
    }
    found.sort_by_key(|instance| (instance.start, instance.end, instance.recurrence_id));
    // Two starts of one spring gap, as hourly rules give them, are one instance.
    found.dedup_by(|later, earlier| later.start == earlier.start && !later.overridden && !earlier.overridden);
    Ok(found)
}

/// The earliest start and the latest end of all instances; the end is `None` for a series without end, and for one
/// whose end costs more than `budget` to find. Removed instances may lie at either edge, so this bounds the instances
/// and may be wider than they are.
pub fn span(event: &Event, day_zone: &ZoneId, budget: &Budget) -> (Timestamp, Option<Timestamp>) {
    let places = Placer::all(event, day_zone);
    let (mut first, own_end) = event.when.instants(day_zone);
    let mut last = Some(own_end);
    if let Some(recurrence) = &event.recurrence {
        let start = days::stamp(event.when.wall_start());
        let mut edges: Vec<i64> = recurrence
            .rdates
            .first()
            .into_iter()
            .chain(recurrence.rdates.last())
            .map(|wall| days::stamp(*wall))
            .collect();
        match recurrence.rule.as_ref().map(|rule| last_start(rule, start, budget)) {
            Some(Some(stamp)) => edges.push(stamp),
            Some(None) => last = None,
            None => {}
        }
        // Where the series changes on the way, each of its forms may reach furthest.
        edges.extend((places.len() > 1).then_some(start));
        let instants = places.iter().flat_map(|place| edges.iter().filter_map(|at| place.instants(days::wall(*at)?)));
        for (edge_start, edge_end) in instants {
            first = first.min(edge_start);
            last = last.map(|last| last.max(edge_end));
        }
    }
    for changed in event.overrides.values() {
        let (start, end) = changed.when.instants(day_zone);
        first = first.min(start);
        last = last.map(|last| last.max(end));
    }
    (first, last)
}

/// Whether the event takes place at all: a series can lose its last instance to EXDATE.
pub fn has_instance(event: &Event, budget: &Budget) -> bool {
    let Some(recurrence) = &event.recurrence else { return true };
    if !event.overrides.is_empty() || !recurrence.exdates.contains(&event.when.wall_start()) {
        return true;
    }
    if recurrence.rdates.iter().any(|wall| !recurrence.exdates.contains(wall)) {
        return true;
    }
    let Some(rule) = &recurrence.rule else { return false };
    let start = days::stamp(event.when.wall_start());
    let mut alive = false;
    let gone_through = walk(&Plan::new(rule, start), start, (start, i64::MAX), budget, |stamp| {
        alive = days::wall(stamp).is_some_and(|wall| !recurrence.exdates.contains(&wall));
        !alive
    });
    // A rule that is too sparse to look through counts as alive: nothing is thrown away on a guess.
    alive || gone_through.is_err()
}

/// Whether `id` names an instance of the series before EXDATE: its DTSTART, an RDATE, or a start of its rule.
pub fn is_on_rule(event: &Event, id: RecurrenceId, budget: &Budget) -> bool {
    let Some(recurrence) = &event.recurrence else { return false };
    if id.0 == event.when.wall_start() || recurrence.rdates.contains(&id.0) {
        return true;
    }
    let at = days::stamp(id.0);
    starts(event, recurrence, (at, at), budget).is_ok_and(|starts| starts.contains(&at))
}

/// The starts of a rule alone inside a window of wall-clock times, both ends included: DTSTART is not among them unless
/// the rule gives it.
pub fn rule_starts(
    rule: &Rule,
    start: DateTime,
    (from, to): (DateTime, DateTime),
    budget: &Budget,
) -> Result<Vec<DateTime>, RecurError> {
    let first = days::stamp(start);
    let mut found = Vec::new();
    walk(&Plan::new(rule, first), first, (days::stamp(from), days::stamp(to)), budget, |stamp| {
        found.extend(days::wall(stamp));
        found.len() < budget.instances
    })?;
    Ok(found)
}

/// The last start of a rule; `None` when it has no end, or when the end costs more than `budget` to find.
pub fn last_rule_start(rule: &Rule, start: DateTime, budget: &Budget) -> Option<DateTime> {
    days::wall(last_start(rule, days::stamp(start), budget)?)
}

fn push_single(event: &Event, range: TimeRange, day_zone: &ZoneId, found: &mut Vec<Occurrence>) {
    let (start, end) = event.when.instants(day_zone);
    let single = Occurrence { recurrence_id: None, when: event.when.clone(), start, end, overridden: false };
    // Overrides without a master: the event's own time is that of the first of them.
    if inside(&single, range) && event.overrides.is_empty() {
        found.push(single);
    }
    push_overrides(event, range, day_zone, found);
    found.sort_by_key(|instance| instance.start);
}

/// Overrides count wherever they were moved to, and also when no instance of the series has their original start: a
/// booking that only an orphaned override tells of still takes the room.
fn push_overrides(event: &Event, range: TimeRange, day_zone: &ZoneId, found: &mut Vec<Occurrence>) {
    let removed = event.recurrence.as_ref().map(|recurrence| &recurrence.exdates);
    for (id, changed) in &event.overrides {
        if removed.is_some_and(|dates| dates.contains(&id.0)) {
            continue;
        }
        let (start, end) = changed.when.instants(day_zone);
        let when = changed.when.clone();
        let instance = Occurrence { recurrence_id: Some(*id), when, start, end, overridden: true };
        if inside(&instance, range) {
            found.push(instance);
        }
    }
}

fn inside(instance: &Occurrence, range: TimeRange) -> bool {
    if instance.start == instance.end {
        return range.start <= instance.start && instance.start < range.end;
    }
    instance.start < range.end && instance.end > range.start
}

/// The starts of DTSTART, RDATE and the rule inside a window of stamps, both ends included; sorted, each once.
fn starts(
    event: &Event,
    recurrence: &Recurrence,
    (from, to): (i64, i64),
    budget: &Budget,
) -> Result<Vec<i64>, RecurError> {
    let first = days::stamp(event.when.wall_start());
    let mut found: Vec<i64> = Vec::new();
    let mut full = false;
    // Removed starts do not use up the budget of instances.
    let room = budget.instances.saturating_add(recurrence.exdates.len()).saturating_add(event.overrides.len());
    if let Some(rule) = &recurrence.rule {
        walk(&Plan::new(rule, first), first, (from, to), budget, |stamp| {
            full = found.len() >= room;
            found.push(stamp);
            !full
        })?;
    }
    if full {
        return Err(RecurError::Instances(budget.instances));
    }
    found.extend(std::iter::once(first).filter(|stamp| (from..=to).contains(stamp)));
    found.extend(recurrence.rdates.iter().map(|wall| days::stamp(*wall)).filter(|stamp| (from..=to).contains(stamp)));
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Hands every start of the rule between two stamps to `take` in order, until it answers `false`. The answer is how
/// many candidates were looked at.
fn walk(
    plan: &Plan,
    first: i64,
    (from, to): (i64, i64),
    budget: &Budget,
    mut take: impl FnMut(i64) -> bool,
) -> Result<usize, RecurError> {
    let last = to.min(plan.until());
    if last < from || last < first {
        return Ok(0);
    }
    let mut set = Vec::new();
    let (mut index, mut left) = entry(plan, first, from, &mut set);
    let mut spent = 0_usize;
    while let Some(filled) = plan.fill(index, &mut set) {
        spent = spent.saturating_add(filled.cost);
        for stamp in set.iter().copied().filter(|stamp| *stamp >= first) {
            if stamp > last || left == 0 {
                return Ok(spent);
            }
            left -= 1;
            if stamp >= from && !take(stamp) {
                return Ok(spent);
            }
        }
        if spent > budget.candidates {
            return Err(RecurError::Candidates(budget.candidates));
        }
        if left == 0 || plan.index_at(last) < filled.next {
            return Ok(spent);
        }
        index = filled.next;
    }
    Ok(spent)
}

/// Where to enter a rule to see everything from `from` on, and how many starts COUNT leaves from there.
fn entry(plan: &Plan, first: i64, from: i64, set: &mut Vec<i64>) -> (i64, u64) {
    let near = plan.index_at(from);
    let Some(count) = plan.count() else { return (near, u64::MAX) };
    plan.fill(0, set);
    let in_first = set.iter().filter(|stamp| **stamp >= first).count();
    // A DTSTART that the rule leaves out is an instance of its own and uses up one of COUNT.
    let count = if set.contains(&first) { count } else { count - 1 };
    let (Some(each), true) = (plan.per_period(), near > 0) else { return (0, count) };
    let before = each.saturating_mul(u64::try_from(near - 1).unwrap_or(0)).saturating_add(in_first as u64);
    (near, count.saturating_sub(before))
}

/// The last start of a rule; `None` when it has no end or the end costs too much to find.
fn last_start(rule: &Rule, first: i64, budget: &Budget) -> Option<i64> {
    let plan = Plan::new(rule, first);
    if plan.count().is_some() {
        return last_counted(&plan, first, budget);
    }
    if plan.until() == i64::MAX {
        return None;
    }
    let mut set = Vec::new();
    let mut spent = 0_usize;
    let mut index = plan.index_at(plan.until());
    while index >= 0 {
        let filled = plan.fill(index, &mut set)?;
        if let Some(stamp) = set.iter().rev().find(|stamp| (first..=plan.until()).contains(stamp)) {
            return Some(*stamp);
        }
        spent = spent.saturating_add(filled.cost);
        if spent > budget.candidates {
            return Some(plan.until());
        }
        index -= 1;
    }
    Some(first)
}

fn last_counted(plan: &Plan, first: i64, budget: &Budget) -> Option<i64> {
    let mut set = Vec::new();
    let (_, count) = entry(plan, first, first, &mut set);
    set.retain(|stamp| *stamp >= first);
    let in_first = set.len() as u64;
    if let (Some(each), true) = (plan.per_period().filter(|each| *each > 0), count > in_first) {
        let beyond = count - in_first - 1;
        plan.fill(i64::try_from(1 + beyond / each).ok()?, &mut set)?;
        return set.get(usize::try_from(beyond % each).ok()?).copied();
    }
    let mut last = first;
    walk(plan, first, (first, i64::MAX), budget, |stamp| {
        last = stamp;
        true
    })
    .ok()
    .map(|_| last)
}

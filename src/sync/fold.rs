//! Weekly allocations that are identical but for their date, as one series (pure): which dates are in step, and how a
//! series of them is said most plainly.

use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Frequency;
use crate::model::Override;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::Rule;
use crate::model::RuleEnd;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::model::Weekday;
use crate::model::WeekdayNum;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::DateTime;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Fewest dates that make a series.
const FEWEST: usize = 3;

/// Most dates in a row that may be missing inside a series: holidays interrupt a season, a longer pause ends it.
const MOST_MISSING: i64 = 6;

/// Most weeks between two dates of a series.
const MOST_WEEKS: i64 = 4;

/// What allocations must have in common to be one series: everything but the date.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(String);

impl Slot {
    /// The slot of an allocation, as its system keeps it.
    pub(super) fn of(event: &Event) -> Self {
        let (start, end) = (event.when.wall_start(), event.when.wall_end());
        let days = day(end.date()) - day(start.date());
        let zone = event.when.zone().map_or("", ZoneId::as_str);
        let content = serde_json::to_string(&event.content).unwrap_or_default();
        let weekday = Weekday::from_jiff(start.weekday()).as_ical();
        Self(format!("{weekday} {} {days} {} {zone} {:?} {content}", start.time(), end.time(), event.class))
    }
}

/// Dates of one slot that are a series: always so many weeks apart, some missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Weeks from one date to the next.
    pub(super) interval: i64,
    /// The dates, in their order.
    pub(super) dates: Vec<Date>,
}

/// The series among the dates of one slot. A date that is in none stays alone.
pub(super) fn runs(dates: &BTreeSet<Date>) -> Vec<Run> {
    let mut alone: BTreeSet<Date> = dates.clone();
    let mut found = Vec::new();
    loop {
        let all = in_step(&alone);
        if all.is_empty() {
            return found;
        }
        for run in all {
            for date in &run.dates {
                alone.remove(date);
            }
            found.push(run);
        }
    }
}

/// The series that have the most usual distance between neighbours.
fn in_step(dates: &BTreeSet<Date>) -> Vec<Run> {
    let Some(interval) = usual_distance(dates) else { return Vec::new() };
    let mut groups: Vec<Run> = Vec::new();
    for date in dates {
        let next = groups.iter_mut().find(|run| run.dates.last().is_some_and(|last| goes_on(*last, *date, interval)));
        match next {
            Some(run) => run.dates.push(*date),
            None => groups.push(Run { interval, dates: vec![*date] }),
        }
    }
    groups.retain(is_series);
    groups
}

/// The weeks between neighbours that occur most often; of those that occur as often, the fewest.
fn usual_distance(dates: &BTreeSet<Date>) -> Option<i64> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for (one, next) in dates.iter().zip(dates.iter().skip(1)) {
        *counts.entry(weeks(*one, *next)).or_default() += 1;
    }
    let usual = counts.into_iter().filter(|(weeks, _)| (1..=MOST_WEEKS).contains(weeks));
    usual.max_by_key(|(weeks, count)| (*count, -weeks)).map(|(weeks, _)| weeks)
}

fn goes_on(last: Date, date: Date, interval: i64) -> bool {
    let weeks = weeks(last, date);
    weeks % interval == 0 && weeks <= (MOST_MISSING + 1) * interval
}

/// Enough dates, and more of them there than missing.
fn is_series(run: &Run) -> bool {
    let (Some(first), Some(last)) = (run.dates.first(), run.dates.last()) else { return false };
    let places = weeks(*first, *last) / run.interval + 1;
    run.dates.len() >= FEWEST && i64::try_from(run.dates.len()).is_ok_and(|there| 2 * there > places)
}

fn weeks(from: Date, to: Date) -> i64 {
    (day(to) - day(from)) / 7
}

fn day(date: Date) -> i64 {
    jiff::civil::date(1970, 1, 1).until(date).map_or(0, |span| i64::from(span.get_days()))
}

/// What takes place on each date of a series, by its original start.
pub(super) type Instances = BTreeMap<RecurrenceId, Override>;

/// How a series goes on from date to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Its identity, class, and the time and text of a date of it.
    event: Event,
    rule: Rule,
    first: DateTime,
    last: DateTime,
}

impl Shape {
    /// The shape of a new series of dates like `sample`.
    pub(super) fn new(uid: Uid, sample: &Event, run: &Run) -> Option<Self> {
        let (first, last) = (*run.dates.first()?, *run.dates.last()?);
        let event = Event { uid, recurrence: None, overrides: BTreeMap::new(), ..sample.clone() };
        let at = |date| on(&event.when, date).wall_start();
        let interval = u32::try_from(run.interval).ok()?;
        Some(Self { rule: weekly(interval, first), first: at(first), last: at(last), event })
    }

    /// The shape of a series that was made before; `None` where somebody has given it another rule since. What is left of
    /// a removed one (its dates without a rule) gets the rule again that they show.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let Some(recurrence) = &event.recurrence else { return Self::of_dates(event) };
        let rule = recurrence.rule.clone()?;
        let RuleEnd::Until(last) = rule.end else { return None };
        let plain = Rule { end: rule.end, ..weekly(rule.interval, event.when.wall_start().date()) };
        let kept = rule == plain && recurrence.rdates.is_empty() && recurrence.changes.is_empty();
        let (first, event) = (event.when.wall_start(), event.clone());
        kept.then_some(Self { event, rule, first, last })
    }

    fn of_dates(event: &Event) -> Option<Self> {
        let (id, sample) = event.overrides.iter().find(|(id, one)| one.when.wall_start() == id.0)?;
        let dates: BTreeSet<Date> = event.overrides.keys().map(|id| id.0.date()).collect();
        let interval = usual_distance(&dates).unwrap_or(1);
        let run = Run { interval, dates: dates.into_iter().collect() };
        let sample = Event { when: sample.when.clone(), content: sample.content.clone(), ..event.clone() };
        let shape = Self::new(event.uid.clone(), &sample, &run)?;
        (shape.first.time() == id.0.time()).then_some(shape)
    }

    /// Whether a date may come into the series: in step with it, and not long before or after it.
    pub(super) fn takes(&self, when: &EventTime) -> bool {
        let (first, last) = (self.first.date(), self.last.date());
        let (date, interval) = (when.wall_start().date(), i64::from(self.rule.interval));
        let in_step = (day(date) - day(first)) % (7 * interval) == 0;
        let (from, to) = (date.min(first), date.max(last));
        let near = |one, other| weeks(one, other) <= (MOST_MISSING + 1) * interval;
        in_step && near(from, first) && near(last, to)
    }

    /// The series with exactly these instances, said most plainly: what most dates say is the series, a date that is not
    /// among them an EXDATE, one that is otherwise an override. `None` where they do not fit its rule.
    pub(super) fn with(&self, instances: &Instances, budget: &Budget) -> Option<Event> {
        let (first, last) = (instances.first_key_value()?.0.0, instances.last_key_value()?.0.0);
        let (first, last) = (self.first.min(first), self.last.max(last));
        let end = RuleEnd::Until(last);
        let rule = Rule { end, ..self.rule.clone() };
        let mut series = Event {
            when: on(&self.event.when, first.date()),
            content: usual_content(instances, &self.event.content),
            recurrence: Some(Recurrence { rule: Some(rule), ..Recurrence::default() }),
            overrides: BTreeMap::new(),
            ..self.event.clone()
        };
        let regular = recur::occurrences(&series, TimeRange::ALL, &ZoneId::utc(), budget).ok()?;
        let regular: BTreeMap<RecurrenceId, EventTime> =
            regular.into_iter().filter_map(|one| Some((one.recurrence_id?, one.when))).collect();
        if !instances.keys().all(|id| regular.contains_key(id)) {
            return None;
        }
        for (id, when) in regular {
            match (instances.get(&id), &mut series.recurrence) {
                (None, Some(recurrence)) => {
                    recurrence.exdates.insert(id.0);
                }
                (Some(one), _) if one.when != when || one.content != series.content => {
                    series.overrides.insert(id, one.clone());
                }
                _ => {}
            }
        }
        Some(series)
    }
}

/// Every instance of a series.
pub(super) fn instances(event: &Event, day_zone: &ZoneId, budget: &Budget) -> Option<Instances> {
    let found = recur::occurrences(event, TimeRange::ALL, day_zone, budget).ok()?;
    let instance = |one: recur::Occurrence| {
        let content = event.content_of(one.recurrence_id).clone();
        Some((one.recurrence_id?, Override { when: one.when, content }))
    };
    found.into_iter().map(instance).collect()
}

/// What most instances say; where as many say something else, what the series says already.
fn usual_content(instances: &Instances, present: &Content) -> Content {
    let mut counts: Vec<(&Content, usize)> = Vec::new();
    for one in instances.values() {
        match counts.iter_mut().find(|(content, _)| *content == &one.content) {
            Some((_, count)) => *count += 1,
            None => counts.push((&one.content, 1)),
        }
    }
    let usual = counts.into_iter().max_by_key(|(content, count)| (*count, *content == present));
    usual.map_or_else(|| present.clone(), |(content, _)| content.clone())
}

/// The same times on another day.
fn on(when: &EventTime, date: Date) -> EventTime {
    let (start, end) = (when.wall_start(), when.wall_end());
    let days = day(end.date()) - day(start.date());
    let last = date.checked_add(days.days()).unwrap_or(date);
    match when {
        EventTime::AllDay { .. } => EventTime::AllDay { start: date, end: last },
        EventTime::Timed { zone, .. } => EventTime::Timed {
            start: date.to_datetime(start.time()),
            end: last.to_datetime(end.time()),
            zone: zone.clone(),
        },
    }
}

fn weekly(interval: u32, first: Date) -> Rule {
    let day = WeekdayNum { ordinal: None, day: Weekday::from_jiff(first.weekday()) };
    Rule { interval, by_day: vec![day], ..Rule::every(Frequency::Weekly) }
}

#[cfg(test)]
mod tests;

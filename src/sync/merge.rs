//! Three-way merge of one event by units (pure). A unit is what is decided as one: the time with the rule, each text,
//! the people, and each instance of a series that differs from it.

use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::Rule;
use jiff::civil::DateTime;
use std::collections::BTreeSet;

/// Whose value wins where both sides changed the same unit to different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// The hub.
    Ours,
    /// The remote side.
    Theirs,
}

/// What a merge came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The merged event.
    pub event: Event,
    /// Units that both sides changed to different values, by name; the winner's value stands in `event`.
    pub contested: Vec<&'static str>,
}

/// One version of everything that is merged: what both last agreed on, what the hub says, what the remote side says.
#[derive(Clone, Copy)]
struct Three<T> {
    base: T,
    ours: T,
    theirs: T,
}

/// Merges two versions of an event over their base.
pub fn merge(base: &Event, ours: &Event, theirs: &Event, winner: Winner) -> Merged {
    let mut contested = Vec::new();
    let all = Three { base, ours, theirs };
    let (shape, shape_from) = merge_shape(all, winner, &mut contested);
    let content = merge_content(all.map(|event| &event.content), winner, &mut contested);
    let mut event = Event {
        uid: ours.uid.clone(),
        class: ours.class,
        when: shape.when,
        content,
        recurrence: shape.recurrence,
        overrides: std::collections::BTreeMap::new(),
    };
    merge_instances(&mut event, all, shape_from, winner, &mut contested);
    Merged { event, contested }
}

/// Carries what changed between two reduced versions of an event over to the full one: a unit that did not change
/// between `before` and `after` keeps the value of `full`, which may hold what the remote side cannot.
pub fn carry_over(full: &Event, before: &Event, after: &Event) -> Event {
    merge(before, full, after, Winner::Theirs).event
}

impl<'a, T> Three<&'a T> {
    fn map<U>(self, project: impl Fn(&'a T) -> U) -> Three<U> {
        Three { base: project(self.base), ours: project(self.ours), theirs: project(self.theirs) }
    }
}

/// Which side a unit was taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Both,
    Ours,
    Theirs,
}

impl<T: PartialEq> Three<T> {
    /// The rule of every unit: whoever changed it wins; if both did, and differently, the winner does.
    fn pick(self, winner: Winner, name: &'static str, contested: &mut Vec<&'static str>) -> (T, From) {
        if self.ours == self.theirs {
            return (self.ours, From::Both);
        }
        if self.theirs == self.base {
            return (self.ours, From::Ours);
        }
        if self.ours != self.base {
            contested.push(name);
            if winner == Winner::Ours {
                return (self.ours, From::Ours);
            }
        }
        (self.theirs, From::Theirs)
    }
}

/// Time and rule, which make no sense apart.
#[derive(Clone, PartialEq, Eq)]
struct Shape {
    when: EventTime,
    recurrence: Option<Recurrence>,
}

#[derive(PartialEq, Eq)]
struct ShapeRef<'a> {
    when: &'a EventTime,
    rule: Option<(Option<&'a Rule>, &'a BTreeSet<DateTime>)>,
}

impl<'a> ShapeRef<'a> {
    fn of(event: &'a Event) -> Self {
        let rule = event.recurrence.as_ref().map(|recurrence| (recurrence.rule.as_ref(), &recurrence.rdates));
        Self { when: &event.when, rule }
    }
}

fn merge_shape(all: Three<&Event>, winner: Winner, contested: &mut Vec<&'static str>) -> (Shape, From) {
    let (_, from) = all.map(ShapeRef::of).pick(winner, "time", contested);
    let source = if from == From::Theirs { all.theirs } else { all.ours };
    let recurrence = source.recurrence.clone().map(|mut recurrence| {
        recurrence.exdates.clear();
        recurrence
    });
    (Shape { when: source.when.clone(), recurrence }, from)
}

fn merge_content(all: Three<&Content>, winner: Winner, contested: &mut Vec<&'static str>) -> Content {
    macro_rules! unit {
        ($field:ident, $name:literal) => {
            all.map(|content| &content.$field).pick(winner, $name, contested).0.clone()
        };
    }
    Content {
        summary: unit!(summary, "title"),
        description: unit!(description, "description"),
        location: unit!(location, "location"),
        organizer: unit!(organizer, "organizer"),
        attendees: unit!(attendees, "attendees"),
        status: unit!(status, "status"),
        busy: unit!(busy, "busy"),
        privacy: unit!(privacy, "privacy"),
    }
}

/// How one date of a series differs from the rule.
#[derive(Clone, PartialEq, Eq)]
enum Instance<'a> {
    Regular,
    Excluded,
    Overridden(&'a Override),
}

fn instance(event: &Event, id: RecurrenceId) -> Instance<'_> {
    if let Some(instance) = event.overrides.get(&id) {
        return Instance::Overridden(instance);
    }
    let excluded = event.recurrence.as_ref().is_some_and(|recurrence| recurrence.exdates.contains(&id.0));
    if excluded { Instance::Excluded } else { Instance::Regular }
}

fn special_dates(event: &Event) -> impl Iterator<Item = RecurrenceId> + '_ {
    let excluded = event.recurrence.iter().flat_map(|recurrence| recurrence.exdates.iter().copied().map(RecurrenceId));
    excluded.chain(event.overrides.keys().copied())
}

/// Merges date by date. When one side moved the whole series, its dates stand for themselves.
fn merge_instances(
    event: &mut Event,
    all: Three<&Event>,
    shape_from: From,
    winner: Winner,
    contested: &mut Vec<&'static str>,
) {
    let moved = ShapeRef::of(all.base) != ShapeRef::of(all.ours) || ShapeRef::of(all.base) != ShapeRef::of(all.theirs);
    let sources = match (moved, shape_from) {
        (true, From::Theirs) => Three { base: all.theirs, ours: all.theirs, theirs: all.theirs },
        (true, From::Ours) => Three { base: all.ours, ours: all.ours, theirs: all.ours },
        (true, From::Both) | (false, _) => all,
    };
    let dates: BTreeSet<RecurrenceId> =
        special_dates(sources.base).chain(special_dates(sources.ours)).chain(special_dates(sources.theirs)).collect();
    for id in dates {
        let picked = sources.map(|side| instance(side, id)).pick(winner, "an instance", contested).0;
        match picked {
            Instance::Regular => {}
            Instance::Excluded => {
                if let Some(recurrence) = &mut event.recurrence {
                    recurrence.exdates.insert(id.0);
                }
            }
            Instance::Overridden(instance) => {
                event.overrides.insert(id, instance.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Frequency, ReservationClass, Uid, ZoneId};
    use jiff::civil::date;

    fn event() -> Event {
        Event {
            uid: Uid("u".to_owned()),
            class: ReservationClass::Event,
            when: EventTime::Timed {
                start: date(2026, 3, 2).at(9, 0, 0, 0),
                end: date(2026, 3, 2).at(10, 0, 0, 0),
                zone: ZoneId::utc(),
            },
            content: Content { summary: "Budget".to_owned(), busy: true, ..Content::default() },
            recurrence: None,
            overrides: std::collections::BTreeMap::new(),
        }
    }

    fn series() -> Event {
        let recurrence = Recurrence { rule: Some(Rule::every(Frequency::Weekly)), ..Recurrence::default() };
        Event { recurrence: Some(recurrence), ..event() }
    }

    fn titled(mut event: Event, title: &str) -> Event {
        event.content.summary = title.to_owned();
        event
    }

    fn moved(mut event: Event, hour: i8) -> Event {
        event.when = EventTime::Timed {
            start: date(2026, 3, 2).at(hour, 0, 0, 0),
            end: date(2026, 3, 2).at(hour + 1, 0, 0, 0),
            zone: ZoneId::utc(),
        };
        event
    }

    fn without(mut event: Event, day: i8) -> Event {
        if let Some(recurrence) = &mut event.recurrence {
            recurrence.exdates.insert(date(2026, 3, day).at(9, 0, 0, 0));
        }
        event
    }

    #[test]
    fn edits_of_different_units_both_survive() {
        let merged = merge(&event(), &titled(event(), "Budget 2027"), &moved(event(), 14), Winner::Theirs);
        assert_eq!(merged.event, titled(moved(event(), 14), "Budget 2027"));
        assert!(merged.contested.is_empty());
    }

    #[test]
    fn the_same_unit_edited_on_both_sides_goes_to_the_winner_and_is_told() {
        let (ours, theirs) = (titled(event(), "A"), titled(event(), "B"));
        let merged = merge(&event(), &ours, &theirs, Winner::Theirs);
        assert_eq!((merged.event.content.summary.as_str(), merged.contested), ("B", vec!["title"]));
        let merged = merge(&event(), &ours, &theirs, Winner::Ours);
        assert_eq!(merged.event.content.summary, "A");
    }

    #[test]
    fn the_same_edit_on_both_sides_is_no_conflict() {
        let same = titled(event(), "A");
        let merged = merge(&event(), &same, &same, Winner::Theirs);
        assert_eq!(merged, Merged { event: same, contested: vec![] });
    }

    #[test]
    fn different_dates_of_a_series_merge_date_by_date() {
        let merged = merge(&series(), &without(series(), 9), &without(series(), 16), Winner::Theirs);
        assert_eq!(merged.event, without(without(series(), 9), 16));
    }

    #[test]
    fn when_one_side_moves_the_series_its_dates_stand() {
        let merged = merge(&without(series(), 9), &without(series(), 9), &moved(series(), 14), Winner::Theirs);
        assert_eq!(merged.event, moved(series(), 14));
    }

    #[test]
    fn what_the_remote_side_cannot_hold_survives_a_remote_edit() {
        let mut full = event();
        full.content.organizer = Some(crate::model::Person { name: "Kari".to_owned(), email: "k@x".to_owned() });
        let carried = carry_over(&full, &event(), &titled(event(), "New"));
        assert_eq!(carried, titled(full, "New"));
    }
}

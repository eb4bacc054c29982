//! What of a booking shows where stronger classes lie over it: an allocation gives way to an arrangement for as long as
//! that one stands (pure). Nothing of this is stored; it follows from what the room holds now.

use crate::ical::recur;
use crate::ical::recur::{Budget, Occurrence};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::ZoneId;
use std::collections::BTreeMap;

/// What of a hub event a mapping shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The event without what lies under others; `None` where nothing of it is left.
    pub(super) event: Option<Event>,
    /// Where something lies in the middle of an instance: what follows, by its start.
    pub(super) rests: Vec<(RecurrenceId, Event)>,
    /// Whether something is hidden.
    pub(super) is_displaced: bool,
}

impl Shown {
    /// All of it.
    pub(super) fn whole(event: Option<Event>) -> Self {
        Self { event, ..Self::default() }
    }
}

/// The event without the times `over` it, which are sorted by start. Whole days have no hours: such an instance gives
/// way only where it lies under others from its beginning to its end.
pub(super) fn under(event: Event, over: &[TimeRange], window: TimeRange, zone: &ZoneId, budget: &Budget) -> Shown {
    let single = event.recurrence.is_none() && event.overrides.is_empty();
    let range = if single { TimeRange::ALL } else { window };
    // What cannot be expanded here is refused by name where it is projected.
    let Ok(occurrences) = recur::occurrences(&event, range, zone, budget) else { return Shown::whole(Some(event)) };
    let mut shown = Shown { event: Some(event.clone()), rests: Vec::new(), is_displaced: false };
    for occurrence in occurrences {
        let content = event.content_of(occurrence.recurrence_id);
        if takes_room(content)
            && let Some(left) = left_of(&occurrence, over)
        {
            shown.is_displaced = true;
            shown.shorten(&event, &occurrence, content, left);
        }
    }
    shown
}

impl Shown {
    /// The first stretch that is left takes the place of the instance; the others stand beside it.
    fn shorten(&mut self, event: &Event, occurrence: &Occurrence, content: &Content, left: Vec<EventTime>) {
        let mut left = left.into_iter();
        let first = left.next();
        for when in left {
            let id = RecurrenceId(when.wall_start());
            let content = content.clone();
            let rest = Event { when, content, recurrence: None, overrides: BTreeMap::new(), ..event.clone() };
            self.rests.push((id, rest));
        }
        self.event = match (self.event.take(), occurrence.recurrence_id) {
            (Some(shown), None) => first.map(|when| Event { when, ..shown }),
            (Some(shown), Some(id)) => with_instance(shown, id, first.map(|when| (when, content.clone()))),
            (None, _) => None,
        };
    }
}

/// The series with one instance elsewhere, or without it; `None` where that was the last one of instances alone.
fn with_instance(mut event: Event, id: RecurrenceId, instance: Option<(EventTime, Content)>) -> Option<Event> {
    match (instance, &mut event.recurrence) {
        (Some((when, content)), _) => {
            event.overrides.insert(id, Override { when, content });
        }
        (None, Some(recurrence)) => {
            event.overrides.remove(&id);
            recurrence.exdates.insert(id.0);
        }
        (None, None) => {
            event.overrides.remove(&id);
        }
    }
    (event.recurrence.is_some() || !event.overrides.is_empty()).then_some(event)
}

/// The stretches of an instance that nothing lies over, by start; `None` where nothing lies over any of it.
fn left_of(occurrence: &Occurrence, over: &[TimeRange]) -> Option<Vec<EventTime>> {
    let (mut from, end) = (occurrence.start, occurrence.end);
    let mut left = Vec::new();
    let mut touched = false;
    for other in over.iter().filter(|other| other.start < end && occurrence.start < other.end) {
        touched = true;
        if from < other.start {
            left.push(TimeRange::new(from, other.start));
        }
        from = from.max(other.end);
    }
    if from < end {
        left.push(TimeRange::new(from, end));
    }
    match occurrence.when.zone() {
        _ if !touched => None,
        None => left.is_empty().then(Vec::new),
        Some(zone) => Some(left.into_iter().map(|stretch| timed(stretch, zone)).collect()),
    }
}

fn timed(stretch: TimeRange, zone: &ZoneId) -> EventTime {
    EventTime::Timed { start: zone.wall(stretch.start), end: zone.wall(stretch.end), zone: zone.clone() }
}

fn takes_room(content: &Content) -> bool {
    content.busy && content.status != EventStatus::Cancelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::model::{Frequency, Recurrence, ReservationClass, Rule, Timestamp, Uid};
    use jiff::civil::date;

    fn oslo() -> ZoneId {
        ZoneId::parse("Europe/Oslo").unwrap()
    }

    /// 2 March 2026 in Oslo.
    fn at(hour: i8) -> Timestamp {
        oslo().instant(date(2026, 3, 2).at(hour, 0, 0, 0))
    }

    fn allocation(when: EventTime) -> Event {
        Event {
            uid: Uid("a".to_owned()),
            class: ReservationClass::Allocation,
            when,
            content: Content { summary: "Handball".to_owned(), busy: true, ..Content::default() },
            recurrence: None,
            overrides: BTreeMap::new(),
        }
    }

    fn from_to(from: i8, to: i8) -> EventTime {
        let day = date(2026, 3, 2);
        EventTime::Timed { start: day.at(from, 0, 0, 0), end: day.at(to, 0, 0, 0), zone: oslo() }
    }

    fn show(event: Event, over: &[(i8, i8)]) -> Shown {
        let over: Vec<TimeRange> = over.iter().map(|(from, to)| TimeRange::new(at(*from), at(*to))).collect();
        let window = TimeRange::new(at(0).plus_days(-7), at(0).plus_days(28));
        under(event, &over, window, &oslo(), &Budget::of(&Limits::default()))
    }

    fn hours(shown: &Shown) -> Vec<String> {
        let text =
            |when: &EventTime| format!("{}-{}", when.wall_start().strftime("%d %H"), when.wall_end().strftime("%H"));
        let rests = shown.rests.iter().map(|(id, rest)| {
            assert_eq!(id.0, rest.when.wall_start(), "a rest is named by its start");
            text(&rest.when)
        });
        shown.event.iter().map(|event| text(&event.when)).chain(rests).collect()
    }

    /// What lies over 16-22, and what is left of it.
    type Case = (&'static [(i8, i8)], &'static [&'static str]);

    #[test]
    fn what_lies_under_others_is_left_out_and_the_rest_is_split() {
        let table: [Case; 8] = [
            (&[], &["02 16-22"]),
            (&[(12, 16), (22, 23)], &["02 16-22"]),
            (&[(16, 22)], &[]),
            (&[(10, 18), (17, 23)], &[]),
            (&[(15, 18)], &["02 18-22"]),
            (&[(20, 23)], &["02 16-20"]),
            (&[(18, 19)], &["02 16-18", "02 19-22"]),
            (&[(17, 19), (18, 20), (21, 22)], &["02 16-17", "02 20-21"]),
        ];
        for (over, left) in table {
            let shown = show(allocation(from_to(16, 22)), over);
            assert_eq!(hours(&shown), left, "{over:?}");
            assert_eq!(shown.is_displaced, left != ["02 16-22"], "{over:?}");
        }
    }

    #[test]
    fn a_whole_day_gives_way_as_a_whole_or_not_at_all() {
        let day = || allocation(EventTime::AllDay { start: date(2026, 3, 2), end: date(2026, 3, 3) });
        assert_eq!(show(day(), &[(10, 12)]), Shown::whole(Some(day())));
        let shown = show(day(), &[(0, 12), (12, 23), (22, 24 - 1)]);
        assert!(shown.event.is_some(), "an hour is left");
        let all = TimeRange::new(at(0), at(0).plus_days(1));
        let window = TimeRange::new(at(0), at(0).plus_days(2));
        let shown = under(day(), &[all], window, &oslo(), &Budget::of(&Limits::default()));
        assert_eq!((shown.event, shown.is_displaced), (None, true));
    }

    #[test]
    fn of_a_series_only_the_instances_that_lie_under_others_give_way() {
        let mut series = allocation(from_to(16, 22));
        series.recurrence = Some(Recurrence { rule: Some(Rule::every(Frequency::Weekly)), ..Recurrence::default() });
        let shown = show(series.clone(), &[(16, 22)]);
        let event = shown.event.unwrap();
        assert!(event.recurrence.as_ref().unwrap().exdates.contains(&date(2026, 3, 2).at(16, 0, 0, 0)));
        assert_eq!((event.when, event.overrides.len()), (series.when.clone(), 0));

        let shown = show(series, &[(18, 19)]);
        let event = shown.event.unwrap();
        let first = &event.overrides[&RecurrenceId(date(2026, 3, 2).at(16, 0, 0, 0))];
        assert_eq!(first.when, from_to(16, 18));
        assert_eq!(shown.rests[0].1.when, from_to(19, 22));
        assert!(shown.rests[0].1.recurrence.is_none());
    }

    #[test]
    fn what_does_not_take_the_room_gives_no_way() {
        let mut free = allocation(from_to(16, 22));
        free.content.busy = false;
        assert_eq!(show(free.clone(), &[(16, 22)]), Shown::whole(Some(free)));
    }
}

//! The double-booking rule: which instances collide. Pure.

use crate::model::ObjectName;
use crate::model::ReservationClass;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::model::ZoneId;
use crate::store::instances::{NewInstance, Taken};
use std::fmt;

/// Two bookings that want the room at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The room's name.
    pub room: String,
    /// The zone in which people of the room read times.
    pub zone: ZoneId,
    /// The booking that has the room.
    pub with: Uid,
    /// Its object.
    pub with_name: ObjectName,
    /// Its class.
    pub class: ReservationClass,
    /// Its title; what the caller may not see is for the door to leave out.
    pub summary: String,
    /// When it has the room.
    pub at: TimeRange,
    /// When the next few other instances of the wished series would start that collide too, with this booking or
    /// others; only the first few.
    pub also: Vec<Timestamp>,
    /// How many other instances collide, those of `also` included.
    pub more: usize,
}

impl Collision {
    /// How many further dates a sentence lists.
    pub(super) const TOLD: usize = 3;

    /// The sentence without the title, for callers who may not see it.
    pub fn without_title(&self) -> String {
        format!("{}{}", self.slot(), self.further())
    }

    /// The first collision alone.
    pub(super) fn first(&self) -> String {
        match self.class {
            _ if self.summary.is_empty() => self.slot(),
            ReservationClass::Closure => format!("{}: {}", self.slot(), self.summary),
            _ => format!("{} by {}", self.slot(), self.summary),
        }
    }

    fn slot(&self) -> String {
        let word = if self.class == ReservationClass::Closure { "closed" } else { "taken" };
        format!("{} is {word} {}", self.room, self.hours())
    }

    /// On how many more dates of a series the room is taken, and on which first.
    fn further(&self) -> String {
        if self.more == 0 {
            return String::new();
        }
        let mut dates: Vec<String> = self.also.iter().map(|start| self.zone.wall(*start).date().to_string()).collect();
        let left = self.more - self.also.len().min(self.more);
        if left > 0 {
            dates.push(format!("{left} later"));
        }
        let last = dates.pop().unwrap_or_default();
        let all = if dates.is_empty() { last } else { format!("{} and {last}", dates.join(", ")) };
        let times = if self.more == 1 { "once more" } else { &format!("{} more times", self.more) };
        format!(", and {times} in this series: {all}")
    }

    fn hours(&self) -> String {
        let (start, end) = (self.zone.wall(self.at.start), self.zone.wall(self.at.end));
        if start.date() == end.date() {
            return format!("on {} {}-{}", start.date(), start.strftime("%H:%M"), end.strftime("%H:%M"));
        }
        format!("from {} to {}", start.strftime("%Y-%m-%d %H:%M"), end.strftime("%Y-%m-%d %H:%M"))
    }
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.first(), self.further())
    }
}

/// Whether bookings of two classes exclude each other. A stronger class may lie over a weaker one, as an arrangement
/// lies over a season's allocation; a closure excludes everything.
pub(super) fn exclusive(a: ReservationClass, b: ReservationClass) -> bool {
    a == b || a == ReservationClass::Closure || b == ReservationClass::Closure
}

/// Each new instance that collides with a stored one, with the first it collides with. Both lists are sorted by start.
pub(super) fn all<'a>(
    new: &'a [NewInstance],
    class: ReservationClass,
    taken: &'a [Taken],
) -> impl Iterator<Item = (&'a NewInstance, &'a Taken)> {
    let length = |other: &Taken| other.end_ms.ms().saturating_sub(other.start_ms.ms());
    let longest = taken.iter().map(length).max().unwrap_or(0);
    new.iter().filter(|instance| instance.busy.is_some() && instance.start < instance.end).filter_map(move |instance| {
        // What starts after the end cannot collide, nor what starts so early that even the longest is over.
        let from = taken.partition_point(|other| other.start_ms < instance.start.plus_ms(-longest));
        let until = taken.partition_point(|other| other.start_ms < instance.end);
        let other =
            taken[from..until].iter().find(|other| other.end_ms > instance.start && exclusive(class, other.class))?;
        Some((instance, other))
    })
}

/// The range that holds all of these times.
pub(super) fn hull(times: &[TimeRange]) -> Option<TimeRange> {
    let start = times.iter().map(|time| time.start).min()?;
    let end = times.iter().map(|time| time.end).max()?;
    Some(TimeRange::new(start, end))
}

/// The length of the longest instance in milliseconds.
pub(super) fn longest_ms(new: &[NewInstance]) -> i64 {
    let length = |instance: &NewInstance| Timestamp::ms(instance.end) - Timestamp::ms(instance.start);
    new.iter().map(length).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ical::freebusy::BusyKind;

    fn new(start: i64, end: i64) -> NewInstance {
        NewInstance {
            start: Timestamp(start),
            end: Timestamp(end),
            recurrence_id: String::new(),
            busy: Some(BusyKind::Busy),
        }
    }

    fn taken(start: i64, end: i64, class: ReservationClass) -> Taken {
        Taken {
            start_ms: Timestamp(start),
            end_ms: Timestamp(end),
            uid: Uid(format!("{start}")),
            class,
            name: "x.ics".to_owned(),
        }
    }

    #[test]
    fn neighbours_do_not_collide_and_overlaps_do() {
        let stored = [taken(0, 10, ReservationClass::Event), taken(20, 30, ReservationClass::Event)];
        let find =
            |start, end| all(&[new(start, end)], ReservationClass::Event, &stored).next().map(|(_, t)| t.start_ms.ms());
        assert_eq!(find(10, 20), None);
        assert_eq!(find(9, 11), Some(0));
        assert_eq!(find(25, 40), Some(20));
        assert_eq!(find(15, 15), None);
        assert_eq!(find(-5, 50), Some(0));
        let series = [new(-20, -10), new(5, 6), new(12, 13), new(29, 31)];
        let found: Vec<(i64, i64)> = all(&series, ReservationClass::Event, &stored)
            .map(|(wished, other)| (wished.start.ms(), other.start_ms.ms()))
            .collect();
        assert_eq!(found, [(5, 0), (29, 20)]);
    }

    #[test]
    fn an_event_may_lie_over_an_allocation_but_not_over_a_closure() {
        let allocation = [taken(0, 10, ReservationClass::Allocation)];
        let closure = [taken(0, 10, ReservationClass::Closure)];
        let collides = |class, stored: &[Taken]| all(&[new(1, 2)], class, stored).next().is_some();
        assert!(!collides(ReservationClass::Event, &allocation));
        assert!(collides(ReservationClass::Event, &closure));
        assert!(collides(ReservationClass::Allocation, &closure));
    }

    #[test]
    fn a_refusal_reads_as_a_sentence() {
        let mut collision = Collision {
            room: "Council hall".to_owned(),
            zone: ZoneId::parse("Europe/Oslo").unwrap(),
            with: Uid("u".to_owned()),
            with_name: ObjectName::parse("u.ics").unwrap(),
            class: ReservationClass::Event,
            summary: "Budget meeting".to_owned(),
            at: TimeRange::new(Timestamp(1_772_442_000_000), Timestamp(1_772_445_600_000)),
            also: Vec::new(),
            more: 0,
        };
        assert_eq!(collision.to_string(), "Council hall is taken on 2026-03-02 10:00-11:00 by Budget meeting");
        assert_eq!(collision.without_title(), "Council hall is taken on 2026-03-02 10:00-11:00");
        let week = |n: i64| Timestamp(1_772_442_000_000).plus_days(7 * n);
        (collision.also, collision.more) = (vec![week(1)], 1);
        assert_eq!(
            collision.to_string(),
            "Council hall is taken on 2026-03-02 10:00-11:00 by Budget meeting, and once more in this series: 2026-03-09"
        );
        (collision.also, collision.more) = (vec![week(1), week(2), week(4)], 12);
        assert_eq!(
            collision.without_title(),
            "Council hall is taken on 2026-03-02 10:00-11:00, and 12 more times in this series: 2026-03-09, \
             2026-03-16, 2026-03-30 and 9 later"
        );
        let closure = Collision {
            class: ReservationClass::Closure,
            summary: "New floor".to_owned(),
            also: Vec::new(),
            more: 0,
            ..collision
        };
        assert_eq!(closure.to_string(), "Council hall is closed on 2026-03-02 10:00-11:00: New floor");
    }
}

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
}

impl Collision {
    /// The sentence without the title, for callers who may not see it.
    pub fn without_title(&self) -> String {
        let word = if self.class == ReservationClass::Closure { "closed" } else { "taken" };
        format!("{} is {word} {}", self.room, self.hours())
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
        if self.summary.is_empty() {
            return f.write_str(&self.without_title());
        }
        if self.class == ReservationClass::Closure {
            return write!(f, "{}: {}", self.without_title(), self.summary);
        }
        write!(f, "{} by {}", self.without_title(), self.summary)
    }
}

/// Whether bookings of two classes exclude each other. A stronger class may lie over a weaker one, as an arrangement
/// lies over a season's allocation; a closure excludes everything.
pub(super) fn exclusive(a: ReservationClass, b: ReservationClass) -> bool {
    a == b || a == ReservationClass::Closure || b == ReservationClass::Closure
}

/// The first stored instance that one of the new ones collides with. Both lists are sorted by start.
pub(super) fn first<'a>(new: &[NewInstance], class: ReservationClass, taken: &'a [Taken]) -> Option<&'a Taken> {
    new.iter().filter(|instance| instance.busy && instance.start < instance.end).find_map(|instance| {
        // Starts after the end cannot collide; before it, the longest instance decides how far back to look.
        let until = taken.partition_point(|other| other.start_ms < instance.end);
        taken[..until].iter().find(|other| other.end_ms > instance.start && exclusive(class, other.class))
    })
}

/// The range that holds every busy instance.
pub(super) fn hull(new: &[NewInstance]) -> Option<TimeRange> {
    let busy = || new.iter().filter(|instance| instance.busy);
    let start = busy().map(|instance| instance.start).min()?;
    let end = busy().map(|instance| instance.end).max()?;
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

    fn new(start: i64, end: i64) -> NewInstance {
        NewInstance { start: Timestamp(start), end: Timestamp(end), recurrence_id: String::new(), busy: true }
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
        let find = |start, end| first(&[new(start, end)], ReservationClass::Event, &stored).map(|t| t.start_ms.ms());
        assert_eq!(find(10, 20), None);
        assert_eq!(find(9, 11), Some(0));
        assert_eq!(find(25, 40), Some(20));
        assert_eq!(find(15, 15), None);
        assert_eq!(find(-5, 50), Some(0));
    }

    #[test]
    fn an_event_may_lie_over_an_allocation_but_not_over_a_closure() {
        let allocation = [taken(0, 10, ReservationClass::Allocation)];
        let closure = [taken(0, 10, ReservationClass::Closure)];
        assert!(first(&[new(1, 2)], ReservationClass::Event, &allocation).is_none());
        assert!(first(&[new(1, 2)], ReservationClass::Event, &closure).is_some());
        assert!(first(&[new(1, 2)], ReservationClass::Allocation, &closure).is_some());
    }

    #[test]
    fn a_refusal_reads_as_a_sentence() {
        let collision = Collision {
            room: "Council hall".to_owned(),
            zone: ZoneId::parse("Europe/Oslo").unwrap(),
            with: Uid("u".to_owned()),
            with_name: ObjectName::parse("u.ics").unwrap(),
            class: ReservationClass::Event,
            summary: "Budget meeting".to_owned(),
            at: TimeRange::new(Timestamp(1_772_442_000_000), Timestamp(1_772_445_600_000)),
        };
        assert_eq!(collision.to_string(), "Council hall is taken on 2026-03-02 10:00-11:00 by Budget meeting");
        assert_eq!(collision.without_title(), "Council hall is taken on 2026-03-02 10:00-11:00");
        let closure = Collision { class: ReservationClass::Closure, summary: "New floor".to_owned(), ..collision };
        assert_eq!(closure.to_string(), "Council hall is closed on 2026-03-02 10:00-11:00: New floor");
    }
}

//! Booking systems: the generic `/api/events` contract, and `PorticoEstate`. Both keep dated reservations, no rules.

mod generic;
mod generic_hooks;
mod portico;
mod portico_rows;
#[cfg(test)]
mod tests;

pub(super) use generic::Generic;
pub(super) use portico::Portico;

use super::graph::instances;
use super::{Part, Projection, RemoteCalendar, Unrepresentable};
use crate::model::{Event, EventStatus, EventTime, TimeRange, ZoneId};
use jiff::civil::Time;

/// The dated reservations of an event, each in the form `comparable` gives it.
pub(super) fn dated(
    at: &RemoteCalendar,
    event: &Event,
    window: TimeRange,
    comparable: impl Fn(&RemoteCalendar, &Event) -> Event,
) -> Result<Projection, Unrepresentable> {
    let mut projection = Projection::default();
    let alone = event.is_instances_alone();
    if event.content.status == EventStatus::Cancelled && !alone {
        return Ok(projection);
    }
    let all = match event.recurrence {
        None if !alone => vec![(Part::Whole, event.clone())],
        _ => instances(at, event, window)?.into_iter().map(|(id, one)| (Part::Instance(id), one)).collect(),
    };
    for (part, one) in all {
        // A reservation always takes the room: what does not take it has nothing to be there.
        if !one.content.busy {
            continue;
        }
        let one = comparable(at, &one);
        if one.when.wall_end() <= one.when.wall_start() {
            let why = "a reservation must last some time".to_owned();
            return Err(Unrepresentable { part: "DTEND".to_owned(), why });
        }
        projection.parts.insert(part, one);
    }
    Ok(projection)
}

/// A time in the wall-clock time of the calendar; from midnight to midnight is whole days.
fn local(zone: &ZoneId, when: &EventTime) -> EventTime {
    let EventTime::Timed { start, end, zone: own } = when else { return when.clone() };
    let move_to = |wall: jiff::civil::DateTime| {
        let wall = if own == zone { wall } else { zone.wall(own.instant(wall)) };
        wall.with().subsec_nanosecond(0).build().unwrap_or(wall)
    };
    let (start, end) = (move_to(*start), move_to(*end));
    if start.time() == Time::midnight() && end.time() == Time::midnight() && start < end {
        return EventTime::AllDay { start: start.date(), end: end.date() };
    }
    EventTime::Timed { start, end, zone: zone.clone() }
}

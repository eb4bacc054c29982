//! What of an event may leave, and in which pieces (pure).

use super::layers::Shown;
use crate::bridge::Bridge;
use crate::bridge::Part;
use crate::bridge::Projection;
use crate::bridge::RemoteCalendar;
use crate::bridge::Unrepresentable;
use crate::ical::privacy;
use crate::model::DetailLevel;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::TimeRange;

/// What a mapping shows of a hub event, as the remote side may hold it: reduced to the mapping's detail level, then to what the system can keep.
/// A booking that does not take place is nothing there.
pub(super) fn project(
    bridge: &dyn Bridge,
    calendar: &RemoteCalendar,
    detail: DetailLevel,
    shown: &Shown,
    window: TimeRange,
) -> Result<Projection, Unrepresentable> {
    let reduced = |event: &Event| match detail {
        DetailLevel::Full => bridge.project(calendar, event, window),
        DetailLevel::Busy => bridge.project(calendar, &privacy::busy_only(event, "Busy"), window),
    };
    let takes_place = |event: &&Event| event.is_instances_alone() || event.content.status != EventStatus::Cancelled;
    let mut projection = match shown.event.as_ref().filter(takes_place) {
        Some(event) => reduced(event)?,
        None => Projection::default(),
    };
    for (start, rest) in &shown.rests {
        let whole = reduced(rest)?.parts.remove(&Part::Whole);
        projection.parts.extend(whole.map(|rest| (Part::Rest(*start), rest)));
    }
    Ok(projection)
}

/// The piece of a projection that one link carries.
pub(super) fn piece<'a>(projection: &'a Projection, part: &Part) -> Option<&'a Event> {
    projection.parts.get(part)
}

//! Instances as rows: a rolling horizon of every recurrence set, so that range queries, free-busy and the overlap check
//! read an index instead of expanding rules.

use super::{ChangeError, Context};
use crate::ical::freebusy;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::recur;
use crate::ical::recur::{Budget, Occurrence};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::instances;
use crate::store::instances::{NewInstance, Owner};
use crate::store::objects;
use crate::store::rooms;
use crate::store::rooms::Room;
use std::collections::HashSet;

/// How many days of the past are kept as rows; older windows are expanded when asked for.
const PAST_DAYS: i64 = 366;

/// How far before its end the horizon is rolled on, so that a room in use never runs out of rows.
const MARGIN_DAYS: i64 = 30;

/// A time that a booking takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// Whether it is whole days, which have no hours of their own.
    pub(super) whole_day: bool,
    /// Which instance of a series it is.
    pub(super) id: Option<RecurrenceId>,
    /// Whether it is an override.
    pub(super) overridden: bool,
}

/// A recurrence set expanded to the horizon.
pub(super) struct Expansion {
    pub(super) instances: Vec<NewInstance>,
    /// Those of the instances that take the room and last at all, by start.
    pub(super) slots: Vec<Slot>,
    /// The range for which `instances` is complete.
    pub(super) range: TimeRange,
    pub(super) first: Timestamp,
    pub(super) last: Option<Timestamp>,
}

impl Expansion {
    /// The times it takes, by start.
    pub(super) fn times(&self) -> Vec<TimeRange> {
        self.slots.iter().map(|slot| TimeRange::new(slot.start, slot.end)).collect()
    }
}

/// Expands an event from a year ago to the horizon; a single event has its one instance whenever it is.
pub(super) fn expand(event: &Event, day_zone: &ZoneId, cx: Context<'_>) -> Result<Expansion, ChangeError> {
    let budget = Budget::of(cx.limits);
    let (first, last) = recur::span(event, day_zone, &budget);
    let range = if event.recurrence.is_none() { TimeRange::ALL } else { horizon(cx) };
    let occurrences = recur::occurrences(event, range, day_zone, &budget)
        .map_err(|error| ChangeError::TooManyInstances(error.to_string()))?;
    let mut slots = Vec::new();
    let mut instances = Vec::with_capacity(occurrences.len());
    for occurrence in occurrences {
        let instance = instance_of(event, &occurrence);
        if instance.busy.is_some() && instance.start < instance.end {
            slots.push(slot_of(&occurrence));
        }
        instances.push(instance);
    }
    Ok(Expansion { instances, slots, range, first, last })
}

fn instance_of(event: &Event, occurrence: &Occurrence) -> NewInstance {
    let content = event.content_of(occurrence.recurrence_id);
    NewInstance {
        start: occurrence.start,
        end: occurrence.end,
        recurrence_id: occurrence.recurrence_id.map_or_else(String::new, |id| id.to_string()),
        busy: freebusy::busy_kind(event, content),
    }
}

const fn slot_of(occurrence: &Occurrence) -> Slot {
    Slot {
        start: occurrence.start,
        end: occurrence.end,
        whole_day: occurrence.when.is_all_day(),
        id: occurrence.recurrence_id,
        overridden: occurrence.overridden,
    }
}

/// The times of an expansion that the event did not take `before`.
pub(super) fn fresh(now: &Expansion, before: Option<&Expansion>) -> Vec<Slot> {
    let stood: HashSet<(Timestamp, Timestamp)> =
        before.into_iter().flat_map(|before| &before.slots).map(|slot| (slot.start, slot.end)).collect();
    now.slots.iter().filter(|slot| !stood.contains(&(slot.start, slot.end))).cloned().collect()
}

/// Whether something takes the room's time.
pub(super) fn takes_room(content: &Content) -> bool {
    content.busy && content.status != EventStatus::Cancelled
}

fn horizon(cx: Context<'_>) -> TimeRange {
    TimeRange::new(cx.now.plus_days(-PAST_DAYS), cx.now.plus_days(cx.limits.instance_horizon_days))
}

/// Rolls the rows of up to `limit` series on to the present horizon. Answers how many it found behind.
pub async fn roll_forward(tx: &mut Tx, cx: Context<'_>, limit: i64) -> Result<usize, ChangeError> {
    let until = cx.now.plus_days(cx.limits.instance_horizon_days - MARGIN_DAYS);
    let behind = objects::behind_horizon(tx, until, limit).await?;
    let count = behind.len();
    for mut row in behind {
        let Some(room) = rooms::get(tx, &row.tenant_id, &row.room_id).await? else { continue };
        rooms::lock(tx, &room.tenant_id, &room.id).await?;
        let object = reparse(&row.body, &room, cx)?;
        let event = Event { class: row.class, ..object.event().clone() };
        let expansion = expand(&event, &room.zone, cx)?;
        row.expanded_from_ms = expansion.range.start;
        row.expanded_until_ms = expansion.range.end;
        objects::put(tx, &row).await?;
        let owner = Owner { tenant: &row.tenant_id, room: &row.room_id, object: &row.id };
        instances::replace(tx, &owner, &expansion.instances).await?;
    }
    Ok(count)
}

/// The parsed view of stored octets.
pub(super) fn reparse(body: &str, room: &Room, cx: Context<'_>) -> Result<CalendarObject, ChangeError> {
    let parse = ParseContext { limits: cx.limits, floating: &room.zone };
    Ok(CalendarObject::parse(body.as_bytes(), &parse)?)
}

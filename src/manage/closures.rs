//! Closures of rooms: maintenance, holidays, a broken lift. A closure is a booking of the class that excludes every other
//! one, so that it blocks the room on every system the room hangs together with.

use super::{Acting, ManageError, rooms};
use crate::change;
use crate::change::{Change, Context, Origin, Precondition, Target, Wish};
use crate::config::Limits;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::ReservationClass;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::instances;
use crate::store::instances::Taken;
use crate::store::objects;
use crate::store::rooms::Room;
use jiff::civil::{Date, DateTime};
use serde::Deserialize;

/// A closure to make. Both ends are days (`2026-07-14`, the last one included) or wall-clock times of the room's zone
/// (`2026-07-14T12:00`).
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClosure {
    /// First day, or time.
    pub from: String,
    /// Last day, or time of opening again.
    pub to: String,
    /// Why, as everybody reads it who looks at the room; `Closed` if left out.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A closure as it stands.
pub struct Closure {
    /// What it says.
    pub event: Event,
    /// Its first instant and the first one after it.
    pub at: TimeRange,
    /// Bookings that fall into it. Each has an open conflict.
    pub bookings: Vec<Taken>,
}

/// Closes a room.
pub async fn create(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    slug: &str,
    new: &NewClosure,
) -> Result<(Room, Closure), ManageError> {
    let room = rooms::find(tx, acting, slug).await?;
    let summary = rooms::line("reason", new.reason.as_deref().unwrap_or("Closed"), 200)?;
    let event = Event {
        uid: Uid(format!("closure-{}", uuid::Uuid::now_v7())),
        class: ReservationClass::Closure,
        when: times(new, &room)?,
        content: Content { summary, busy: true, ..Content::default() },
        recurrence: None,
        overrides: std::collections::BTreeMap::new(),
    };
    apply(tx, acting, limits, &room, (&event.uid, Wish::Become(Box::new(event.clone())))).await?;
    let closure = with_bookings(tx, &room, event).await?;
    let said = format!("{} was closed from {} to {}: {}.", slug, new.from, new.to, closure.event.content.summary);
    acting.record(tx, "room.close", Some(&room.id), &said).await?;
    Ok((room, closure))
}

/// The closures of a room that have not ended, by their beginning.
pub async fn list(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    slug: &str,
) -> Result<(Room, Vec<Closure>), ManageError> {
    let room = rooms::find(tx, acting, slug).await?;
    let parse = ParseContext { limits, floating: &room.zone };
    let coming = |row: &objects::ObjectRow| row.last_ms.is_none_or(|last| last > acting.now);
    let mut closures = Vec::new();
    for row in objects::of_class(tx, acting.tenant, &room.id, ReservationClass::Closure).await? {
        if coming(&row) {
            let object = CalendarObject::parse(row.body.as_bytes(), &parse).map_err(change::ChangeError::from)?;
            closures.push(with_bookings(tx, &room, object.event().clone()).await?);
        }
    }
    closures.sort_by_key(|closure| closure.at.start);
    Ok((room, closures))
}

/// Opens a room again before its closure ends.
pub async fn remove(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    slug: &str,
    uid: &Uid,
) -> Result<(), ManageError> {
    let room = rooms::find(tx, acting, slug).await?;
    let there = objects::by_uid(tx, acting.tenant, &room.id, uid).await?;
    if there.is_none_or(|row| row.class != ReservationClass::Closure) {
        return Err(ManageError::no("closure", uid.as_str()));
    }
    apply(tx, acting, limits, &room, (uid, Wish::Delete)).await?;
    acting.record(tx, "room.open", Some(&room.id), &format!("The closure {uid} of {slug} was ended.")).await?;
    Ok(())
}

async fn apply(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    room: &Room,
    (uid, wish): (&Uid, Wish),
) -> Result<(), ManageError> {
    let change = Change {
        target: Target::Uid(uid.clone()),
        wish,
        precondition: Precondition::none(),
        origin: Origin::System { why: "closure" },
    };
    change::apply(tx, Context { now: acting.now, limits }, room, change).await?;
    Ok(())
}

async fn with_bookings(tx: &mut Tx, room: &Room, event: Event) -> Result<Closure, ManageError> {
    let (start, end) = event.when.instants(&room.zone);
    let at = TimeRange::new(start, end);
    let bookings = instances::taken(tx, &room.tenant_id, &room.id, at, room.longest_ms, &event.uid).await?;
    Ok(Closure { event, at, bookings })
}

/// The time of a closure: whole days with the last one included, or times.
fn times(new: &NewClosure, room: &Room) -> Result<EventTime, ManageError> {
    let when = if let (Ok(start), Ok(last), false) = (new.from.parse::<Date>(), new.to.parse::<Date>(), has_time(new)) {
        let end = last.tomorrow().map_err(|_| ManageError::invalid("to", "lies too far ahead"))?;
        EventTime::AllDay { start, end }
    } else {
        EventTime::Timed { start: wall("from", &new.from)?, end: wall("to", &new.to)?, zone: room.zone.clone() }
    };
    let (start, end) = when.instants(&room.zone);
    if end <= start {
        return Err(ManageError::invalid("to", format!("{} is not after {}", new.to, new.from)));
    }
    Ok(when)
}

fn has_time(new: &NewClosure) -> bool {
    is_time(&new.from) || is_time(&new.to)
}

fn is_time(text: &str) -> bool {
    text.contains(['T', 't', ' '])
}

fn wall(field: &'static str, text: &str) -> Result<DateTime, ManageError> {
    let read = Some(text).filter(|text| is_time(text)).and_then(|text| text.parse().ok());
    read.ok_or_else(|| {
        let why = format!("{text:?} is no time; write 2026-07-14T12:00, or a day such as 2026-07-14 at both ends");
        ManageError::invalid(field, why)
    })
}

//! Bookings made by programs: read, made, changed and cancelled in JSON, through the same gate as those of calendar
//! programs, and by the same rules.

mod busy;
mod form;

pub use busy::{BusyError, Reckoning};
pub use form::{BookingForm, PersonForm, RecurrenceForm};

use super::{Acting, ManageError, rooms};
use crate::change;
use crate::change::{Change, ChangeError, Context, Origin, Precondition, Tags, Target, Wish};
use crate::config::Limits;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::privacy;
use crate::ical::recur::{self, Budget};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Privilege;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::model::View;
use crate::store::Tx;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::rooms as stored_rooms;
use crate::store::rooms::Room;
use form::Desk;
use std::collections::BTreeMap;

/// Most characters of a UID.
const LONGEST_UID: usize = 255;

/// How far from its original start an instance is looked for, in milliseconds: a change of the series may have moved it.
const NEAR_MS: i64 = 32 * 86_400_000;

/// A booking as it stands.
pub struct Booking {
    /// What is stored of it.
    pub row: ObjectRow,
    /// What it says to the one who asks.
    pub event: Event,
}

/// Who acts in which room, and what they may do there.
#[derive(Clone, Copy)]
pub struct Booker<'a> {
    /// The room.
    pub room: &'a Room,
    /// The login.
    pub login: &'a str,
    /// What they may do.
    pub privilege: Privilege,
}

/// A booking that is meant, or one instance of it, and under which condition.
pub struct Which<'a> {
    /// The booking.
    pub uid: &'a Uid,
    /// The original start of one instance, as the booking's own start is written.
    pub instance: Option<&'a str>,
    /// `If-Match`.
    pub precondition: Precondition,
}

impl Booker<'_> {
    fn desk<'a>(&'a self, limits: &'a Limits) -> Desk<'a> {
        Desk { zone: &self.room.zone, limits }
    }

    fn origin(&self) -> Origin {
        Origin::Principal { login: self.login.to_owned(), privilege: self.privilege }
    }

    /// The booking as this caller may see it: who only reads sees of private ones when they are.
    fn shown(&self, row: ObjectRow, limits: &Limits) -> Result<Booking, ManageError> {
        let event = event_of(&row, self.room, limits)?;
        let event = match View::of(self.privilege) {
            View::Full => event,
            View::Projected => privacy::public_only(&event, privacy::BUSY),
        };
        Ok(Booking { row, event })
    }
}

/// The booking with that UID.
pub async fn find(tx: &mut Tx, by: Booker<'_>, limits: &Limits, uid: &Uid) -> Result<Booking, ManageError> {
    by.shown(stored(tx, by.room, uid).await?, limits)
}

/// The bookings that take place in a range, by start; series once.
pub async fn list(tx: &mut Tx, by: Booker<'_>, limits: &Limits, range: TimeRange) -> Result<Vec<Booking>, ManageError> {
    let room = by.room;
    let rows = objects::in_range(tx, &room.tenant_id, &room.id, range, room.longest_ms).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let booking = by.shown(row, limits)?;
        let taken = recur::occurrences(&booking.event, range, &room.zone, &Budget::of(limits));
        if taken.map_err(too_much)?.is_empty() {
            continue;
        }
        found.push(booking);
    }
    found.sort_by_key(|booking| (booking.event.when.instants(&room.zone), booking.row.uid.clone()));
    Ok(found)
}

/// Makes a booking.
pub async fn create(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    by: Booker<'_>,
    form: &BookingForm,
) -> Result<Booking, ManageError> {
    let uid = Uid(match &form.uid {
        Some(text) => rooms::line("uid", text, LONGEST_UID)?,
        None => uuid::Uuid::now_v7().to_string(),
    });
    if form.summary.is_none() {
        return Err(ManageError::invalid("summary", "must be given"));
    }
    let desk = by.desk(limits);
    let mut event = Event {
        uid: uid.clone(),
        class: form.class.unwrap_or_default(),
        when: form.when(desk)?,
        content: Content { busy: true, ..Content::default() },
        recurrence: None,
        overrides: BTreeMap::new(),
    };
    form.fill(&mut event.content)?;
    event.recurrence = form.recurrence(&event, desk)?;
    let new = Precondition { if_match: None, if_none_match: Some(Tags::Any) };
    let change = (Target::Uid(uid.clone()), Wish::Become(Box::new(event)), new);
    apply(tx, acting, limits, by, change).await.map_err(|error| match error {
        ManageError::Stale { .. } => {
            ManageError::Taken { what: format!("there is a booking with the UID {uid} already") }
        }
        other => other,
    })?;
    find(tx, by, limits, &uid).await
}

/// Changes a booking, or one instance of a series.
pub async fn change(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    by: Booker<'_>,
    (which, form): (Which<'_>, &BookingForm),
) -> Result<Booking, ManageError> {
    if form.uid.as_ref().is_some_and(|uid| uid != which.uid.as_str()) {
        return Err(ManageError::invalid("uid", "never changes; leave it out"));
    }
    let row = held(tx, by.room, which.uid).await?;
    let mut event = event_of(&row, by.room, limits)?;
    let desk = by.desk(limits);
    if let Some(text) = which.instance {
        form.refuse_for_instance()?;
        let id = RecurrenceId(form::start_of(text, &event.when)?);
        let mut changed = instance(&event, id, by.room, limits)?;
        changed.when = form.when_changed(&changed.when, desk)?;
        form.fill(&mut changed.content)?;
        event.overrides.insert(id, changed);
    } else {
        let when = form.when_changed(&event.when, desk)?;
        refuse_lost_instances(&event, &when)?;
        event.when = when;
        form.fill(&mut event.content)?;
        event.class = form.class.unwrap_or(event.class);
        event.recurrence = form.recurrence(&event, desk)?;
        if event.recurrence.is_none() {
            event.overrides.clear();
        }
    }
    let change = (Target::Uid(which.uid.clone()), Wish::Become(Box::new(event)), which.precondition);
    apply(tx, acting, limits, by, change).await?;
    find(tx, by, limits, which.uid).await
}

/// Cancels a booking, or one instance of a series.
pub async fn cancel(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    by: Booker<'_>,
    which: Which<'_>,
) -> Result<(), ManageError> {
    let row = held(tx, by.room, which.uid).await?;
    let wish = match which.instance {
        None => Wish::Delete,
        Some(text) => {
            let mut event = event_of(&row, by.room, limits)?;
            let id = RecurrenceId(form::start_of(text, &event.when)?);
            instance(&event, id, by.room, limits)?;
            event.overrides.remove(&id);
            if let Some(recurrence) = event.recurrence.as_mut() {
                recurrence.exdates.insert(id.0);
            }
            if recur::has_instance(&event, &Budget::of(limits)) { Wish::Become(Box::new(event)) } else { Wish::Delete }
        }
    };
    apply(tx, acting, limits, by, (Target::Uid(which.uid.clone()), wish, which.precondition)).await
}

async fn apply(
    tx: &mut Tx,
    acting: &Acting<'_>,
    limits: &Limits,
    by: Booker<'_>,
    (target, wish, precondition): (Target, Wish, Precondition),
) -> Result<(), ManageError> {
    let change = Change { target, wish, precondition, origin: by.origin() };
    match Box::pin(change::apply(tx, Context { now: acting.now, limits }, by.room, change)).await {
        Ok(_) => Ok(()),
        Err(ChangeError::Missing) => Err(ManageError::NotFound { what: "such booking any more".to_owned() }),
        Err(error) => Err(error.into()),
    }
}

/// As [`stored`], and nobody else changes it before this transaction ends: what is left out of a change stays as it is
/// then, not as it was when somebody else was about to change it.
async fn held(tx: &mut Tx, room: &Room, uid: &Uid) -> Result<ObjectRow, ManageError> {
    stored_rooms::lock(tx, &room.tenant_id, &room.id).await?;
    stored(tx, room, uid).await
}

async fn stored(tx: &mut Tx, room: &Room, uid: &Uid) -> Result<ObjectRow, ManageError> {
    let row = objects::by_uid(tx, &room.tenant_id, &room.id, uid).await?;
    row.ok_or_else(|| ManageError::no("booking", uid.as_str()))
}

/// What an object says. Its class is as the gate has judged it.
fn event_of(row: &ObjectRow, room: &Room, limits: &Limits) -> Result<Event, ManageError> {
    let parse = ParseContext { limits, floating: &room.zone };
    let object = CalendarObject::parse(row.body.as_bytes(), &parse).map_err(ChangeError::from)?;
    Ok(Event { class: row.class, ..object.event().clone() })
}

/// One instance of a series as it stands.
fn instance(event: &Event, id: RecurrenceId, room: &Room, limits: &Limits) -> Result<Override, ManageError> {
    if let Some(changed) = event.overrides.get(&id) {
        return Ok(changed.clone());
    }
    let zone = event.when.zone().unwrap_or(&room.zone);
    let at = zone.instant(id.0);
    let near = TimeRange::new(at.plus_ms(-NEAR_MS), at.plus_ms(NEAR_MS));
    let found = recur::occurrences(event, near, &room.zone, &Budget::of(limits)).map_err(too_much)?;
    let found = found.into_iter().find(|instance| instance.recurrence_id == Some(id));
    let when = found.map(|instance| instance.when).ok_or_else(|| {
        let start = id.0.strftime("%Y-%m-%dT%H:%M:%S");
        ManageError::NotFound { what: format!("instance of this booking that begins {start}") }
    })?;
    Ok(Override { when, content: event.content_of(Some(id)).clone() })
}

/// Moving a whole series leaves the instances that differ without a place.
fn refuse_lost_instances(event: &Event, when: &EventTime) -> Result<(), ManageError> {
    let moved = when.wall_start() != event.when.wall_start() || when.zone() != event.when.zone();
    let has_own = event.recurrence.as_ref().is_some_and(|own| {
        !own.exdates.is_empty() || !own.rdates.is_empty() || !own.changes.is_empty() || !event.overrides.is_empty()
    });
    if moved && has_own {
        let why = "cannot be changed while instances of the series differ from it; end the series and make a new one";
        return Err(ManageError::invalid("start", why));
    }
    Ok(())
}

fn too_much(error: recur::RecurError) -> ManageError {
    ManageError::State { why: error.to_string() }
}

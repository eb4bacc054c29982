//! What the reconciler reads from and writes into the hub, always through the gate.

use super::layers::Shown;
use super::merge::carry_over;
use super::pull_item::{View, changed};
use super::{Engine, Site, SyncError, layers};
use crate::bridge::Part;
use crate::change;
use crate::change::{Change, ChangeError, Origin, Precondition, Target, Wish};
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::model::ClassProjection;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::Override;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::TimeRange;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::instances;
use crate::store::links::Link;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::rooms;
use crate::store::rooms::Room;

/// The hub's event with that UID.
pub(super) async fn event(engine: &Engine, tx: &mut Tx, site: &Site, uid: &Uid) -> Result<Option<Event>, SyncError> {
    event_in(engine, tx, &site.room, uid).await
}

/// The event of a room with that UID.
pub(super) async fn event_in(engine: &Engine, tx: &mut Tx, room: &Room, uid: &Uid) -> Result<Option<Event>, SyncError> {
    let row = objects::by_uid(tx, &room.tenant_id, &room.id, uid).await?;
    row.map(|row| parsed(engine, room, &row)).transpose()
}

fn parsed(engine: &Engine, room: &Room, row: &ObjectRow) -> Result<Event, SyncError> {
    let parse = ParseContext { limits: &engine.limits, floating: &room.zone };
    let object = CalendarObject::parse(row.body.as_bytes(), &parse).map_err(ChangeError::from)?;
    Ok(object.event().clone())
}

/// How many days before the window what lies over a series is looked at.
const SHOWN_DAYS: i64 = 366;

/// What this mapping shows of the hub's event, and the event. What was born at the remote side is never hidden there.
pub(super) async fn shown(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    uid: &Uid,
) -> Result<(Option<Event>, Shown), SyncError> {
    let (room, mapping) = (&site.room, &site.mapping);
    let row = objects::by_uid(tx, &room.tenant_id, &room.id, uid).await?;
    let Some(row) = row else { return Ok((None, Shown::default())) };
    let hub = parsed(engine, room, &row)?;
    let event = Some(hub.clone());
    let all = mapping.projection == ClassProjection::All || room.allow_overlaps || row.origin == mapping.id.as_str();
    if all || hub.class == ReservationClass::Closure {
        return Ok((event.clone(), Shown::whole(event)));
    }
    let window = engine.window();
    // Dates that have left the window stay as they were shown.
    let window = TimeRange::new(window.start.plus_days(-SHOWN_DAYS), window.end);
    let (start, end) = hub.when.instants(&room.zone);
    let range = if row.recurring || !hub.overrides.is_empty() { window } else { TimeRange::new(start, end) };
    // A longer booking may have come since this piece of work began.
    let longest_ms = rooms::get(tx, &room.tenant_id, &room.id).await?.map_or(room.longest_ms, |room| room.longest_ms);
    let mut over = instances::taken(tx, &room.tenant_id, &room.id, range, longest_ms, uid).await?;
    over.retain(|other| other.class > hub.class);
    let over: Vec<TimeRange> = over.iter().map(|other| TimeRange::new(other.start_ms, other.end_ms)).collect();
    Ok((event, layers::under(hub, &over, window, &room.zone, &Budget::of(&engine.limits))))
}

/// An event stored as JSON; empty text is none.
pub(super) fn event_of(json: &str) -> Result<Option<Event>, SyncError> {
    if json.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(json).map(Some).map_err(|error| SyncError::Damaged(format!("a stored event: {error}")))
}

/// An event as it is stored with a link.
pub(super) fn json(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

/// A remote event under the identity the hub knows it by: remote systems do not keep UIDs and classes.
pub(super) fn aligned(theirs: &Event, link: &Link, known: Option<&Event>) -> Event {
    let mut theirs = theirs.clone();
    theirs.uid = link.uid.clone();
    if let Some(known) = known {
        theirs.class = known.class;
    }
    theirs
}

/// A change that comes from the remote side.
#[derive(Clone, Copy)]
pub(super) struct Edit<'a> {
    /// What it changes.
    pub(super) before: &'a Event,
    /// What it changes it to.
    pub(super) after: &'a Event,
    /// Whether the remote side holds the outcome already.
    pub(super) settled: bool,
}

/// Takes an edit into the hub's event, or its outcome as it is where the hub has none.
pub(super) async fn take(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    view: &View,
    edit: Edit<'_>,
) -> Result<bool, SyncError> {
    put(engine, tx, site, outcome(view, edit), edit.settled).await
}

/// What an edit makes of the hub's event.
pub(super) fn outcome(view: &View, edit: Edit<'_>) -> Event {
    let Edit { before, after, .. } = edit;
    match (&view.hub, &view.part) {
        // A date that comes back alone comes back as what it is: one of its series, of which nothing else is left.
        (None, Part::Instance(id)) => {
            let date = Override { when: after.when.clone(), content: after.content.clone() };
            Event { overrides: [(*id, date)].into(), ..after.clone() }
        }
        (None, Part::Whole | Part::Rest(_)) => after.clone(),
        (Some(hub), Part::Whole) => revived(carry_over(hub, before, after), after),
        (Some(hub), Part::Instance(id)) => with_instance(hub, *id, before, after),
        (Some(hub), Part::Rest(_)) => hub.clone(),
    }
}

/// Puts an event that came from this mapping.
pub(super) async fn put(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    event: Event,
    settled: bool,
) -> Result<bool, SyncError> {
    let change = Change {
        target: Target::Uid(event.uid.clone()),
        wish: Wish::Become(Box::new(event)),
        precondition: Precondition::none(),
        origin: Origin::Mapping { id: site.mapping.id.clone(), settled },
    };
    let applied = change::apply(tx, engine.change_context(), &site.room, change).await?;
    Ok(changed(applied.effect))
}

/// Removes what a link carried: the event, or one instance of the series.
pub(super) async fn remove(
    engine: &Engine,
    tx: &mut Tx,
    site: &Site,
    hub: Option<&Event>,
    part: &Part,
    link: &Link,
) -> Result<bool, SyncError> {
    match (hub, part) {
        (None, _) | (Some(_), Part::Rest(_)) => Ok(false),
        // The last date takes the booking with it.
        (Some(hub), Part::Instance(id)) if goes_on_without(engine, hub, *id) => {
            put(engine, tx, site, without_instance(hub, *id), true).await
        }
        (Some(_), Part::Whole | Part::Instance(_)) => {
            let change = Change {
                target: Target::Uid(link.uid.clone()),
                wish: Wish::Delete,
                precondition: Precondition::none(),
                origin: Origin::Mapping { id: site.mapping.id.clone(), settled: true },
            };
            change::apply(tx, engine.change_context(), &site.room, change).await?;
            Ok(true)
        }
    }
}

/// Whether anything takes place without that date.
fn goes_on_without(engine: &Engine, hub: &Event, id: RecurrenceId) -> bool {
    if hub.recurrence.is_none() {
        return hub.overrides.keys().any(|own| *own != id);
    }
    recur::has_instance(&without_instance(hub, id), &Budget::of(&engine.limits))
}

/// Has the event sent to this mapping again.
pub(super) async fn resend(engine: &Engine, tx: &mut Tx, site: &Site, link: &Link) -> Result<(), SyncError> {
    Ok(change::resend(tx, engine.change_context(), &site.room, &site.mapping.id, &link.uid).await?)
}

/// A booking that was cancelled here and takes place there takes place again.
fn revived(mut event: Event, theirs: &Event) -> Event {
    if event.content.status == EventStatus::Cancelled {
        event.content.status = theirs.content.status;
    }
    event
}

/// The series with one instance changed as the item that carries it was.
pub(super) fn with_instance(hub: &Event, id: RecurrenceId, before: &Event, after: &Event) -> Event {
    let mut hub = hub.clone();
    let present = hub.overrides.get(&id);
    let single = Event {
        uid: hub.uid.clone(),
        class: hub.class,
        when: present.map_or_else(|| before.when.clone(), |instance| instance.when.clone()),
        content: present.map_or_else(|| hub.content.clone(), |instance| instance.content.clone()),
        recurrence: None,
        overrides: std::collections::BTreeMap::new(),
    };
    let changed = carry_over(&single, before, after);
    if let Some(recurrence) = &mut hub.recurrence {
        recurrence.exdates.remove(&id.0);
    }
    hub.overrides.insert(id, Override { when: changed.when, content: changed.content });
    hub
}

/// The series without one of its dates.
pub(super) fn without_instance(hub: &Event, id: RecurrenceId) -> Event {
    let mut hub = hub.clone();
    hub.overrides.remove(&id);
    if let Some(recurrence) = &mut hub.recurrence {
        recurrence.exdates.insert(id.0);
    }
    hub
}

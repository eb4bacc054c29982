//! Bookings that wait for somebody who administers the room: what is held as tentative, and what a decision makes of it.

use super::expand::{Expansion, Slot, takes_room};
use super::verdict::Asking;
use super::{ChangeError, Context, Origin};
use crate::ical::object::{CalendarObject, Stamp};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Privilege;
use crate::model::RecurrenceId;
use crate::model::RoomRules;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::approvals;
use crate::store::approvals::{Ending, Request};
use crate::store::rooms::Room;

/// Whether this origin has to ask before it takes the room.
pub(super) fn must_ask(rules: &RoomRules, origin: &Origin) -> bool {
    rules.approval && matches!(origin, Origin::Principal { privilege, .. } if *privilege < Privilege::Admin)
}

/// The object as it is kept while nobody has decided: every time that is `fresh` is tentative, and times that stood
/// before keep the status they had.
pub(super) fn hold(
    object: CalendarObject,
    stored: Option<&Event>,
    (expansion, fresh): (&Expansion, &[Slot]),
    cx: Context<'_>,
) -> Result<CalendarObject, ChangeError> {
    let held = held(object.event(), stored, expansion, fresh);
    if held == *object.event() {
        return Ok(object);
    }
    let created = object.created().unwrap_or(cx.now);
    Ok(object.patch(&held, &Stamp { created, modified: cx.now, sequence: object.sequence() })?)
}

fn held(event: &Event, stored: Option<&Event>, expansion: &Expansion, fresh: &[Slot]) -> Event {
    let mut held = event.clone();
    // Times beyond the rows are known by their rule only.
    let beyond = expansion.last.is_none_or(|last| last > expansion.range.end);
    let stood = |form: &Form| {
        stored.is_some_and(|stored| {
            form.was_confirmed(stored) && !form.has_any(fresh) && !(beyond && form.differs(event, stored))
        })
    };
    let forms = Form::all(event);
    let changed = held.recurrence.iter_mut().flat_map(|recurrence| recurrence.changes.values_mut());
    let contents = std::iter::once(&mut held.content).chain(changed.map(|changed| &mut changed.content));
    for (content, form) in contents.zip(&forms) {
        restrain(content, stood(form));
    }
    for (id, changed) in &mut held.overrides {
        let is_fresh = fresh.iter().any(|slot| slot.overridden && slot.id == Some(*id));
        let before = stored.filter(|_| !is_fresh).map(|stored| stored.content_of(Some(*id)).status);
        restrain(&mut changed.content, before == Some(EventStatus::Confirmed));
    }
    held
}

/// The instances of a series that are alike: those before its first change, or those from one change to the next.
struct Form {
    from: Option<RecurrenceId>,
    until: Option<RecurrenceId>,
}

impl Form {
    /// The forms of an event: first that of the event itself, then one for each of its changes.
    fn all(event: &Event) -> Vec<Self> {
        let changes = event.recurrence.iter().flat_map(|recurrence| recurrence.changes.keys());
        let edges: Vec<RecurrenceId> = changes.copied().collect();
        let starts = std::iter::once(None).chain(edges.iter().copied().map(Some));
        starts.enumerate().map(|(n, from)| Self { from, until: edges.get(n).copied() }).collect()
    }

    fn holds(&self, id: Option<RecurrenceId>) -> bool {
        let Some(id) = id else { return self.from.is_none() };
        self.from.is_none_or(|from| from <= id) && self.until.is_none_or(|until| id < until)
    }

    fn has_any(&self, slots: &[Slot]) -> bool {
        slots.iter().any(|slot| !slot.overridden && self.holds(slot.id))
    }

    /// Whether the instances of this form may have other times than in `stored`.
    fn differs(&self, event: &Event, stored: &Event) -> bool {
        let rule = |event: &Event| event.recurrence.as_ref().and_then(|recurrence| recurrence.rule.clone());
        let times = |event: &Event| -> Vec<(RecurrenceId, EventTime)> {
            self.changes_of(event).map(|(id, changed)| (*id, changed.when.clone())).collect()
        };
        rule(event) != rule(stored) || times(event) != times(stored)
    }

    /// Whether all that `stored` says of these instances is confirmed.
    fn was_confirmed(&self, stored: &Event) -> bool {
        let before = self.from.and_then(|from| {
            let changes = &stored.recurrence.as_ref()?.changes;
            changes.range(..=from).next_back().map(|(_, changed)| &changed.content)
        });
        let later = self.changes_of(stored).map(|(_, changed)| &changed.content);
        later.chain([before.unwrap_or(&stored.content)]).all(|content| content.status == EventStatus::Confirmed)
    }

    fn changes_of<'e>(&self, event: &'e Event) -> impl Iterator<Item = (&'e RecurrenceId, &'e Override)> {
        let changes = event.recurrence.iter().flat_map(|recurrence| &recurrence.changes);
        changes.filter(|(id, _)| self.holds(Some(**id)))
    }
}

/// Takes back a confirmation that the caller cannot give.
fn restrain(content: &mut Content, was_confirmed: bool) {
    if takes_room(content) && content.status == EventStatus::Confirmed && !was_confirmed {
        content.status = EventStatus::Tentative;
    }
}

/// The event with everything that waits decided.
pub fn decided(event: &Event, status: EventStatus) -> Event {
    let mut event = event.clone();
    let decide = |content: &mut Content| {
        if waits(content) {
            content.status = status;
        }
    };
    decide(&mut event.content);
    let changes = event.recurrence.iter_mut().flat_map(|recurrence| recurrence.changes.values_mut());
    for changed in changes.chain(event.overrides.values_mut()) {
        decide(&mut changed.content);
    }
    event
}

/// Whether something of the event takes the room without being confirmed.
pub fn is_waiting(event: &Event) -> bool {
    event.contents().any(waits)
}

fn waits(content: &Content) -> bool {
    takes_room(content) && content.status == EventStatus::Tentative
}

/// Keeps the list of requests in step with what was written.
pub(super) async fn follow(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    (event, fresh, asked): (&Event, &[Slot], &Asking),
    origin: &Origin,
) -> Result<(), ChangeError> {
    match origin {
        Origin::Principal { login, .. } if asked.must_ask && is_waiting(event) => {
            let (start, end) = event.when.instants(&room.zone);
            let at = fresh.first().map_or((start, end), |slot| (slot.start, slot.end));
            let request = Request {
                tenant: &room.tenant_id,
                room: &room.id,
                uid: &event.uid,
                summary: &event.content.summary,
                at,
                recurring: event.recurrence.is_some(),
                by: login,
                now: cx.now,
            };
            Ok(approvals::ask(tx, &request).await?)
        }
        // Every change comes here, so that nobody asks any more for what did not exist or did not wait.
        _ if !asked.was_waiting() || is_waiting(event) => Ok(()),
        _ => {
            let declined = event.content.status == EventStatus::Cancelled;
            let state = if declined { approvals::DECLINED } else { approvals::CONFIRMED };
            end(tx, cx, room, &event.uid, (state, origin)).await
        }
    }
}

/// Ends the request of a booking that does not wait any more, or is gone.
pub(super) async fn end(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    uid: &Uid,
    (state, origin): (&str, &Origin),
) -> Result<(), ChangeError> {
    let ending = Ending { state, by: &origin.actor(), now: cx.now, reason: "" };
    approvals::end(tx, (&room.tenant_id, &room.id, uid), &ending).await?;
    Ok(())
}

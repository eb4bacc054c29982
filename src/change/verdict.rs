//! What the rules of a room make of a wish: a principal is refused, a booking that stands at a remote side gets a conflict
//! record, and nothing that stood before is judged again.

use super::approval;
use super::expand::{Expansion, Slot, expand, fresh, reparse, takes_room};
use super::rules;
use super::rules::{Asked, Breach, House, Reach, Rule};
use super::{ChangeError, Context, Origin, resolve};
use crate::ical::object::{CalendarObject, Stamp};
use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Misfits;
use crate::model::Privilege;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::Resolution;
use crate::model::RoomRules;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::footing::Ground;
use crate::store::instances;
use crate::store::instances::Taken;
use crate::store::objects::ObjectRow;
use crate::store::rooms::Room;
use crate::store::rules as stored;

/// What a wish is judged by.
pub(super) struct Asking {
    rules: RoomRules,
    before: Option<Event>,
    /// Whether the caller's bookings wait for a confirmation.
    pub(super) must_ask: bool,
}

/// What an event wishes of its room.
pub(super) struct Wishes<'a> {
    rules: &'a RoomRules,
    event: &'a Event,
    /// Every time it takes.
    all: &'a [Slot],
    /// Those it did not take before.
    fresh: &'a [Slot],
    reach: Reach,
    is_new: bool,
}

impl Asking {
    /// What becomes of bookings of connected systems that the room would have refused.
    pub(super) const fn misfits(&self) -> Option<Misfits> {
        self.rules.misfits
    }

    /// The rules of the room, and the event as it stands.
    pub(super) fn of(
        ground: &Ground,
        current: Option<&ObjectRow>,
        (room, origin): (&Room, &Origin),
        cx: Context<'_>,
    ) -> Result<Self, ChangeError> {
        let before = match current {
            Some(row) => Some(reparse(&row.body, room, cx)?.event().clone()),
            None => None,
        };
        Ok(Self { must_ask: approval::must_ask(&ground.rules, origin), rules: ground.rules.clone(), before })
    }

    /// Whether something of the event as it stands waits for a confirmation, so that there may be a request for it.
    pub(super) fn was_waiting(&self) -> bool {
        self.before.as_ref().is_some_and(approval::is_waiting)
    }

    /// The times the event takes and did not take before.
    pub(super) fn fresh(&self, expansion: &Expansion, room: &Room, cx: Context<'_>) -> Result<Vec<Slot>, ChangeError> {
        if self.rules == RoomRules::default() {
            return Ok(Vec::new());
        }
        let before = self.before.as_ref().map(|event| expand(event, &room.zone, cx)).transpose()?;
        Ok(fresh(expansion, before.as_ref()))
    }

    /// The event as it stands, with the times it takes.
    pub(super) fn stood(&self, room: &Room, cx: Context<'_>) -> Result<Option<(&Event, Expansion)>, ChangeError> {
        let Some(event) = &self.before else { return Ok(None) };
        Ok(Some((event, expand(event, &room.zone, cx)?)))
    }

    /// Whether an event takes the room exactly when the stored one did.
    pub(super) fn keeps_times(&self, event: &Event) -> bool {
        let Some(old) = &self.before else { return false };
        let times = |event: &Event| -> Vec<(Option<RecurrenceId>, EventTime, bool)> {
            let overrides =
                event.overrides.iter().map(|(id, one)| (Some(*id), one.when.clone(), takes_room(&one.content)));
            std::iter::once((None, event.when.clone(), takes_room(&event.content))).chain(overrides).collect()
        };
        old.recurrence == event.recurrence && old.class == event.class && times(old) == times(event)
    }

    /// What is to be judged of an event.
    pub(super) fn wish<'a>(&'a self, event: &'a Event, expansion: &'a Expansion, fresh: &'a [Slot]) -> Wishes<'a> {
        let same_rule = self.before.as_ref().is_some_and(|before| dates(before) == dates(event));
        let reach = match expansion.last {
            _ if same_rule || event.recurrence.is_none() => Reach::Known,
            None => Reach::Endless,
            Some(last) if last > expansion.range.end => Reach::Until(last),
            Some(_) => Reach::Known,
        };
        let is_new = self.before.is_none();
        Wishes { rules: &self.rules, event, all: &expansion.slots, fresh, reach, is_new }
    }

    /// The object as it may stand now: tentative where somebody has to confirm it first.
    pub(super) fn hold(
        &self,
        object: CalendarObject,
        times: (&Expansion, &[Slot]),
        cx: Context<'_>,
    ) -> Result<CalendarObject, ChangeError> {
        if self.must_ask { approval::hold(object, self.before.as_ref(), times, cx) } else { Ok(object) }
    }
}

/// The recurrence set without what its changes say.
fn dates(event: &Event) -> Option<Recurrence> {
    let mut recurrence = event.recurrence.clone()?;
    for changed in recurrence.changes.values_mut() {
        changed.content = Content::default();
    }
    Some(recurrence)
}

/// Closing a room, and opening it again, is for those who administer it.
pub(super) fn guard_closure(room: &Room, class: ReservationClass, origin: &Origin) -> Result<(), ChangeError> {
    if class == ReservationClass::Closure && !may_class(origin) {
        return Err(ChangeError::Class { room: room.name.clone(), class });
    }
    Ok(())
}

/// The object with the class it may have. What people write is an arrangement, and a booking keeps the class it has:
/// only who administers the room may say otherwise. Programs that drop the line of the class change nothing.
pub(super) fn classed(
    object: CalendarObject,
    stood: Option<ReservationClass>,
    (room, origin): (&Room, &Origin),
    cx: Context<'_>,
) -> Result<CalendarObject, ChangeError> {
    let usual = ReservationClass::default();
    let (wished, keeps) = (object.event().class, stood.unwrap_or(usual));
    if wished == keeps || may_class(origin) {
        return Ok(object);
    }
    if wished != usual || keeps == ReservationClass::Closure {
        let class = if keeps == ReservationClass::Closure { keeps } else { wished };
        return Err(ChangeError::Class { room: room.name.clone(), class });
    }
    let event = Event { class: keeps, ..object.event().clone() };
    let created = object.created().unwrap_or(cx.now);
    Ok(object.patch(&event, &Stamp { created, modified: cx.now, sequence: object.sequence() })?)
}

fn may_class(origin: &Origin) -> bool {
    !matches!(origin, Origin::Principal { privilege, .. } if *privilege < Privilege::Admin)
}

/// Judges what the booking asks for by itself: hours, horizon, lead time, length.
pub(super) async fn judge(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    wish: &Wishes<'_>,
    origin: &Origin,
) -> Result<(), ChangeError> {
    let Some((slots, reach)) = wish.judged_for(origin, cx) else { return Ok(()) };
    let asked = Asked { slots: &slots, reach, recurring: wish.event.recurrence.is_some() };
    let breaches = rules::judge(house(room, wish.rules, cx), asked);
    if matches!(origin, Origin::Principal { .. }) {
        return breaches.into_iter().next().map_or(Ok(()), |breach| Err(ChangeError::Rule(Box::new(breach))));
    }
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::Buffer) {
        let breach = breaches.iter().find(|breach| breach.rule == rule);
        note(tx, cx, room, wish, (rule, breach)).await?;
    }
    Ok(())
}

/// Judges how near the booking is to others. Comes after the question whether the room is free at all.
pub(super) async fn judge_buffer(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    wish: &Wishes<'_>,
    origin: &Origin,
) -> Result<(), ChangeError> {
    let Some((slots, reach)) = wish.judged_for(origin, cx) else { return Ok(()) };
    let gap_ms = i64::from(wish.rules.gap_minutes()) * 60_000;
    // Where bookings may lie over each other nothing has to be free around them.
    let breach = if gap_ms > 0 && !room.allow_overlaps {
        let wide = |slot: &Slot| TimeRange::new(slot.start.plus_ms(-gap_ms), slot.end.plus_ms(gap_ms));
        let taken = meeting(tx, room, &slots.iter().map(wide).collect::<Vec<_>>(), wish.event).await?;
        let asked = Asked { slots: &slots, reach, recurring: wish.event.recurrence.is_some() };
        rules::too_close(house(room, wish.rules, cx), asked, wish.event.class, &taken)
    } else {
        None
    };
    match (breach, origin) {
        (Some(breach), Origin::Principal { .. }) => Err(ChangeError::Rule(Box::new(breach))),
        (None, Origin::Principal { .. }) => Ok(()),
        (breach, _) => note(tx, cx, room, wish, (Rule::Buffer, breach.as_ref())).await,
    }
}

/// Asks again whether a booking lies inside the room's hours: its zone has other rules, and these of its times lie
/// elsewhere now. Nothing else that the rules ask changes with them, and times that stay are not judged again.
pub(super) async fn ask_hours_again(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    (event, expansion): (&Event, &Expansion),
    moved: impl Fn(&Slot) -> bool,
) -> Result<(), ChangeError> {
    let rules = stored::of_room(tx, &room.tenant_id, &room.id).await?;
    if !rules.has_hours() || event.class == ReservationClass::Closure {
        return Ok(());
    }
    let coming: Vec<Slot> = expansion.slots.iter().filter(|slot| slot.start >= cx.now).cloned().collect();
    let fresh: Vec<Slot> = coming.iter().filter(|slot| moved(slot)).cloned().collect();
    let outside = |slots: &[Slot]| {
        let asked = Asked { slots, reach: Reach::Known, recurring: event.recurrence.is_some() };
        let all = rules::judge(house(room, &rules, cx), asked);
        all.into_iter().find(|breach| breach.rule == Rule::OpeningHours)
    };
    let breach = outside(&fresh);
    // What was recorded before ends only where nothing of the booking lies outside any more.
    if breach.is_none() && outside(&coming).is_some() {
        return Ok(());
    }
    let wish = Wishes { rules: &rules, event, all: &coming, fresh: &fresh, reach: Reach::Known, is_new: false };
    note(tx, cx, room, &wish, (Rule::OpeningHours, breach.as_ref())).await
}

impl Wishes<'_> {
    /// The times to judge; `None` where the rules do not concern the booking. A principal is asked about new times only.
    /// What a remote side holds is judged as a whole, but from now on only, and as far as its times are known.
    fn judged_for(&self, origin: &Origin, cx: Context<'_>) -> Option<(Vec<Slot>, Reach)> {
        let has_no_rules = self.is_new && *self.rules == RoomRules::default();
        if has_no_rules || self.event.class == ReservationClass::Closure {
            return None;
        }
        match origin {
            Origin::Principal { .. } => Some((self.fresh.to_vec(), self.reach)),
            Origin::Mapping { .. } => {
                let coming = self.all.iter().filter(|slot| slot.start >= cx.now);
                Some((coming.cloned().collect(), Reach::Known))
            }
            Origin::System { .. } => None,
        }
    }
}

const fn house<'a>(room: &'a Room, rules: &'a RoomRules, cx: Context<'_>) -> House<'a> {
    House { rules, name: room.name.as_str(), zone: &room.zone, now: cx.now }
}

/// Records a broken rule, and ends what was recorded about this rule before.
async fn note(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    wish: &Wishes<'_>,
    (rule, breach): (Rule, Option<&Breach>),
) -> Result<(), ChangeError> {
    let key = (&room.tenant_id, &room.id, &wish.event.uid);
    let sentence = breach.map(ToString::to_string).unwrap_or_default();
    let decision = "the booking has another time now";
    conflicts::outdate(tx, key, rule.conflict_kind(), cx.now, (decision, &sentence)).await?;
    if sentence.is_empty() {
        return Ok(());
    }
    let opened = conflicts::Opened {
        room: (&room.tenant_id, &room.id),
        mapping: "",
        uid: &wish.event.uid,
        kind: rule.conflict_kind(),
        sentence,
        versions: (serde_json::to_string(wish.event).unwrap_or_default(), String::new()),
        proposal: Some(proposal(wish.rules.misfits, Resolution::KeepRemote, cx)),
        standing: String::new(),
        now: cx.now,
    };
    Ok(conflicts::record(tx, &opened.into()).await?)
}

/// Tells every booking inside a closure that the room is closed.
pub(super) async fn close_over(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    closure: &Event,
    expansion: &Expansion,
) -> Result<(), ChangeError> {
    open_over(tx, cx, room, closure.uid.as_str()).await?;
    for other in meeting(tx, room, &expansion.times(), closure).await? {
        let inside = |slot: &&Slot| other.start_ms < slot.end && slot.start < other.end_ms;
        let Some(slot) = expansion.slots.iter().find(inside) else { continue };
        let (from, to) = (room.zone.wall(slot.start), room.zone.wall(slot.end));
        let at = room.zone.wall(other.start_ms);
        let time = |wall: jiff::civil::DateTime| wall.strftime("%Y-%m-%d %H:%M").to_string();
        let sentence = format!(
            "{} is closed from {} to {} ({}), and a booking stands at {}",
            room.name,
            time(from),
            time(to),
            closure.content.summary,
            time(at)
        );
        let undecided = (Resolution::KeepBothTentative, resolve::deadline(cx));
        shut_out(tx, cx, room, (&other.uid, &closure.uid), (sentence, undecided)).await?;
    }
    Ok(())
}

/// What a closure that is gone meant for bookings.
pub(super) async fn open_again(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    current: &ObjectRow,
) -> Result<(), ChangeError> {
    if current.class == ReservationClass::Closure {
        open_over(tx, cx, room, current.uid.as_str()).await?;
    }
    Ok(())
}

async fn open_over(tx: &mut Tx, cx: Context<'_>, room: &Room, closure: &str) -> Result<(), ChangeError> {
    let place = (&room.tenant_id, &room.id);
    Ok(conflicts::end_with(tx, place, (resolve::CLOSURE, closure), cx.now, "the room is not closed at that time")
        .await?)
}

/// Records that a booking stands where the room is closed. `theirs` is the closure, with which the record ends.
pub(super) async fn shut_out(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    (booking, closure): (&Uid, &Uid),
    (sentence, proposal): (String, (Resolution, Timestamp)),
) -> Result<(), ChangeError> {
    let opened = conflicts::Opened {
        room: (&room.tenant_id, &room.id),
        mapping: "",
        uid: booking,
        kind: resolve::CLOSURE,
        sentence,
        versions: (String::new(), closure.to_string()),
        proposal: Some(proposal),
        standing: String::new(),
        now: cx.now,
    };
    Ok(conflicts::record(tx, &opened.into()).await?)
}

/// What is decided, and when, about a booking of a connected system that the room would have refused. A room that
/// declines such bookings does so at once; `usual` stands where the room says nothing.
pub(super) fn proposal(misfits: Option<Misfits>, usual: Resolution, cx: Context<'_>) -> (Resolution, Timestamp) {
    match misfits {
        Some(Misfits::Decline) => (Resolution::KeepHub, cx.now),
        Some(Misfits::Tentative) => (Resolution::KeepBothTentative, resolve::deadline(cx)),
        Some(Misfits::Keep) | None => (usual, resolve::deadline(cx)),
    }
}

async fn meeting(tx: &mut Tx, room: &Room, times: &[TimeRange], event: &Event) -> Result<Vec<Taken>, ChangeError> {
    let place = (&room.tenant_id, &room.id);
    Ok(instances::meeting(tx, place, times, room.longest_ms, &event.uid).await?)
}

//! What becomes of a conflict: which decisions make sense for it, what is decided without a person, and how a decision is
//! carried out, in the caller's transaction.

use super::expand::reparse;
use super::{Change, ChangeError, Context, Origin, Precondition, Rule, Target, Wish, apply, resend};
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::LinkState;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::Resolution;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::conflicts::Conflict;
use crate::store::links;
use crate::store::mappings;
use crate::store::objects;
use crate::store::pages;
use crate::store::rooms;
use crate::store::rooms::Room;
use serde::{Deserialize, Serialize};

/// Two bookings have the room at one time. `ours` has it, `theirs` came later.
pub const SLOT_COLLISION: &str = "slot_collision";
/// Both sides changed the same field; a rule has decided.
pub const FIELD_CONFLICT: &str = "field_conflict";
/// One side removed what the other changed; a rule has decided. The version of the side that removed it is empty.
pub const DELETE_EDIT: &str = "delete_edit";
/// The remote side does not take the hub's booking.
pub const REJECTED: &str = "rejected";
/// The remote side does not take one date of a series; the series goes on without it. `ours` is that date alone.
pub const DATE_REFUSED: &str = "date_refused";
/// The remote side does not take what is left of a booking behind a stronger one; the rest of the booking stands.
pub const REST_REFUSED: &str = "rest_refused";
/// The remote copy may not be written.
pub const LOCKED: &str = "locked";
/// Several remote bookings could be the effect of a write without an answer.
pub const AMBIGUOUS: &str = "ambiguous";
/// One side cannot hold what the other says.
pub const UNREPRESENTABLE: &str = "unrepresentable";
/// Unusually many bookings have disappeared at once; the mapping is held.
pub const MASS_DELETE_HOLD: &str = "mass_delete_hold";

/// A booking stands where the room is closed.
pub const CLOSURE: &str = "closure";

/// Kinds of bookings that stand although the room would have refused them.
fn is_misfit(kind: &str) -> bool {
    kind == CLOSURE || Rule::ALL.iter().any(|rule| rule.conflict_kind() == kind)
}

/// A removal that waits for a person's word, as a `mass_delete_hold` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Removal {
    /// The remote item that is gone.
    pub remote_id: String,
    /// The hub's booking that would go.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// Its wall-clock start.
    pub start: String,
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It makes no sense for this conflict; a sentence says why.
    #[error("{0}")]
    Senseless(String),
    /// The bookings are not what they were any more; a sentence says what is.
    #[error("{0}")]
    Outdated(String),
    /// The gate.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<crate::store::StoreError> for ResolveError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// The removals that a `mass_delete_hold` lists; none for other conflicts.
pub fn removals(conflict: &Conflict) -> Vec<Removal> {
    serde_json::from_str(&conflict.theirs).unwrap_or_default()
}

/// The decisions that make sense for a conflict.
pub fn choices(conflict: &Conflict) -> Vec<Resolution> {
    Resolution::ALL.into_iter().filter(|one| objection(conflict, *one).is_none()).collect()
}

/// Until when a person may decide.
pub fn deadline(cx: Context<'_>) -> Timestamp {
    cx.now.plus_ms(cx.limits.conflict_hours * 3_600_000)
}

/// Why a decision makes no sense for a conflict; `None` when it does.
fn objection(conflict: &Conflict, resolution: Resolution) -> Option<&'static str> {
    use Resolution::{Ignore, KeepBothTentative, KeepHub, KeepRemote, PushAgain};
    let incoming = conflict.ours.is_empty();
    match (conflict.kind.as_str(), resolution) {
        (_, Ignore)
        | (SLOT_COLLISION, KeepHub | KeepRemote | KeepBothTentative)
        | (FIELD_CONFLICT | DELETE_EDIT | MASS_DELETE_HOLD, KeepHub | KeepRemote)
        | (LOCKED | UNREPRESENTABLE, KeepRemote)
        | (DATE_REFUSED, KeepRemote | PushAgain)
        | (REST_REFUSED, PushAgain)
        | (REJECTED, KeepHub | KeepRemote | KeepBothTentative | PushAgain)
        | (AMBIGUOUS, KeepHub | PushAgain) => None,
        (kind, KeepHub | KeepRemote | KeepBothTentative) if is_misfit(kind) => None,
        (kind, PushAgain) if is_misfit(kind) => {
            Some("keep_remote lets the booking stand, keep_hub cancels it, keep_both_tentative marks it")
        }
        (UNREPRESENTABLE, KeepHub | PushAgain) if !incoming => None,
        (UNREPRESENTABLE, KeepHub | PushAgain) => {
            Some("the hub cannot hold this booking, so there is nothing to keep or send")
        }
        (SLOT_COLLISION, PushAgain) => {
            Some("both bookings are where they belong already; say which one keeps the room")
        }
        (FIELD_CONFLICT, PushAgain) => Some("both sides agree on what the rule decided; there is nothing to send"),
        (DELETE_EDIT, PushAgain) => Some("keep_hub brings the hub's version to both sides"),
        (LOCKED, KeepHub | PushAgain) => Some("the remote copy may not be written; change it in the remote system"),
        (DATE_REFUSED, KeepHub) => Some("push_again asks the remote side for the date once more"),
        (AMBIGUOUS, KeepRemote) => {
            Some("the gateway cannot tell which remote booking it is; delete the surplus there, then decide push_again")
        }
        (MASS_DELETE_HOLD, PushAgain) => {
            Some("keep_hub brings the missing bookings back, keep_remote removes them here")
        }
        (_, KeepBothTentative) => Some("this is about one booking, not about two that want one time"),
        (_, KeepHub | KeepRemote | PushAgain) => Some("decide it in the calendars; the record closes by itself"),
    }
}

/// Carries a decision out. The conflict's row is for the caller to close.
pub async fn resolve(
    tx: &mut Tx,
    cx: Context<'_>,
    conflict: &Conflict,
    resolution: Resolution,
) -> Result<(), ResolveError> {
    if let Some(why) = objection(conflict, resolution) {
        let word = resolution.as_str();
        return Err(ResolveError::Senseless(format!("{word} makes no sense for a {}: {why}", conflict.kind)));
    }
    // What is decided about is what stands when it is carried out.
    let room = rooms::lock(tx, &conflict.tenant_id, &conflict.room_id).await?;
    let room = room.ok_or_else(|| ResolveError::Outdated("the room is gone".to_owned()))?;
    let case = Case { cx, room: &room, conflict };
    if resolution == Resolution::Ignore {
        return Ok(());
    }
    match conflict.kind.as_str() {
        SLOT_COLLISION => case.collision(tx, resolution).await,
        FIELD_CONFLICT | DELETE_EDIT => case.version(tx, resolution).await,
        // The hub follows the copy already.
        LOCKED => Ok(()),
        MASS_DELETE_HOLD => case.removals(tx, resolution).await,
        DATE_REFUSED => case.date(tx, resolution).await,
        kind if is_misfit(kind) => case.misfit(tx, resolution).await,
        _ => case.refusal(tx, resolution).await,
    }
}

struct Case<'a> {
    cx: Context<'a>,
    room: &'a Room,
    conflict: &'a Conflict,
}

/// What a decision writes concerns every side.
const EVERYBODY: Origin = Origin::System { why: "conflict" };

impl Case<'_> {
    /// One booking gives way, or both do.
    async fn collision(&self, tx: &mut Tx, resolution: Resolution) -> Result<(), ResolveError> {
        let uid_of = |json: &str| serde_json::from_str::<Event>(json).ok().map(|event| event.uid);
        let standing = uid_of(&self.conflict.ours).unwrap_or_else(|| self.conflict.uid.clone());
        let newcomer = uid_of(&self.conflict.theirs).unwrap_or_else(|| self.conflict.uid.clone());
        match resolution {
            Resolution::KeepHub => self.set_status(tx, &newcomer, EventStatus::Cancelled, EVERYBODY).await,
            Resolution::KeepRemote => self.set_status(tx, &standing, EventStatus::Cancelled, EVERYBODY).await,
            _ => {
                self.set_status(tx, &standing, EventStatus::Tentative, EVERYBODY).await?;
                self.set_status(tx, &newcomer, EventStatus::Tentative, EVERYBODY).await
            }
        }
    }

    /// A booking that the room would have refused stands, is cancelled, or becomes tentative.
    async fn misfit(&self, tx: &mut Tx, resolution: Resolution) -> Result<(), ResolveError> {
        let uid = &self.conflict.uid;
        match resolution {
            Resolution::KeepHub => self.set_status(tx, uid, EventStatus::Cancelled, EVERYBODY).await,
            Resolution::KeepBothTentative => self.set_status(tx, uid, EventStatus::Tentative, EVERYBODY).await,
            Resolution::KeepRemote | Resolution::PushAgain | Resolution::Ignore => Ok(()),
        }
    }

    /// The hub becomes one of the two versions, and every side hears of it.
    async fn version(&self, tx: &mut Tx, resolution: Resolution) -> Result<(), ResolveError> {
        let wanted = if resolution == Resolution::KeepHub { &self.conflict.ours } else { &self.conflict.theirs };
        let current = objects::by_uid(tx, &self.room.tenant_id, &self.room.id, &self.conflict.uid).await?;
        let standing = current.as_ref().map_or("", |row| row.fingerprint.as_str());
        let event: Option<Event> = serde_json::from_str(wanted).ok();
        if standing == event.as_ref().map_or_else(String::new, |event| event.fingerprint().as_str().to_owned()) {
            return Ok(());
        }
        // What the rule left is what is kept: nothing to write, whatever became of the booking since.
        if self.conflict.proposal == resolution.as_str() {
            return Ok(());
        }
        if standing != self.conflict.standing {
            let why = "the booking has been changed since; change it in a calendar instead".to_owned();
            return Err(ResolveError::Outdated(why));
        }
        let wish = event.map_or(Wish::Delete, |event| Wish::Become(Box::new(event)));
        self.write(tx, &self.conflict.uid, wish, EVERYBODY).await
    }

    /// What becomes of a booking that the remote side does not take, or does not tell whether it has.
    async fn refusal(&self, tx: &mut Tx, resolution: Resolution) -> Result<(), ResolveError> {
        let uid = &self.conflict.uid;
        let mapping = MappingId::from(self.conflict.mapping_id.as_str());
        let elsewhere = Origin::Mapping { id: mapping.clone(), settled: true };
        match resolution {
            Resolution::KeepHub => self.confirm_again(tx, elsewhere).await,
            Resolution::KeepRemote if self.conflict.ours.is_empty() => Ok(()),
            Resolution::KeepRemote => self.set_status(tx, uid, EventStatus::Cancelled, EVERYBODY).await,
            Resolution::PushAgain => {
                self.confirm_again(tx, elsewhere).await?;
                Ok(resend(tx, self.cx, self.room, &mapping, uid).await?)
            }
            _ => self.set_status(tx, uid, EventStatus::Tentative, elsewhere).await,
        }
    }

    /// A date that was refused is asked for again, or stays off.
    async fn date(&self, tx: &mut Tx, resolution: Resolution) -> Result<(), ResolveError> {
        if resolution != Resolution::PushAgain {
            return Ok(());
        }
        let gone = || ResolveError::Outdated("the series does not have this date any more".to_owned());
        let refused: Event = serde_json::from_str(&self.conflict.ours).map_err(|_| gone())?;
        let (id, date) = refused.overrides.into_iter().next().ok_or_else(gone)?;
        let uid = &self.conflict.uid;
        let row = objects::by_uid(tx, &self.room.tenant_id, &self.room.id, uid).await?.ok_or_else(gone)?;
        let mut event = reparse(&row.body, self.room, self.cx)?.event().clone();
        event.overrides.remove(&id);
        event.recurrence.as_mut().ok_or_else(gone)?.exdates.remove(&id.0);
        let (budget, day_zone) = (Budget::of(self.cx.limits), &self.room.zone);
        if !recur::is_on_rule(&event, id, &budget) {
            return Err(gone());
        }
        let (start, end) = date.when.instants(day_zone);
        let found = recur::occurrences(&event, TimeRange::new(start, end), day_zone, &budget).unwrap_or_default();
        let by_rule = found.iter().any(|one| one.recurrence_id == Some(id) && one.when == date.when);
        if !by_rule || *event.content_of(Some(id)) != date.content {
            event.overrides.insert(id, date);
        }
        self.write(tx, uid, Wish::Become(Box::new(event)), EVERYBODY).await
    }

    /// A booking that was marked as tentative by the refusal is confirmed again.
    async fn confirm_again(&self, tx: &mut Tx, origin: Origin) -> Result<(), ResolveError> {
        let before: Option<Event> = serde_json::from_str(&self.conflict.ours).ok();
        match before {
            Some(event) if self.conflict.kind == REJECTED && event.content.status == EventStatus::Confirmed => {
                self.set_status(tx, &self.conflict.uid, EventStatus::Confirmed, origin).await
            }
            _ => Ok(()),
        }
    }

    /// The held mapping works again: with the removals, or with the bookings sent anew.
    async fn removals(&self, tx: &mut Tx, resolution: Resolution) -> Result<(), ResolveError> {
        let id = MappingId::from(self.conflict.mapping_id.as_str());
        let mapping = mappings::get(tx, &self.room.tenant_id, &id).await?;
        let mapping = mapping.filter(|mapping| mapping.state == MappingState::Held);
        let mapping = mapping.ok_or_else(|| ResolveError::Outdated("the mapping is not held any more".to_owned()))?;
        let removals = removals(self.conflict);
        if resolution == Resolution::KeepRemote {
            let count = i64::try_from(removals.len()).unwrap_or(i64::MAX);
            mappings::allow_removals(tx, &mapping, count).await?;
        } else {
            for removal in &removals {
                self.bring_back(tx, &mapping.id, &removal.remote_id).await?;
            }
        }
        Ok(mappings::set_state(tx, &mapping, MappingState::Active, "", (self.cx.now, self.cx.now)).await?)
    }

    async fn bring_back(&self, tx: &mut Tx, mapping: &MappingId, remote: &str) -> Result<(), ResolveError> {
        let Some(mut link) = links::by_remote(tx, &self.room.tenant_id, mapping, remote).await? else { return Ok(()) };
        link.state = LinkState::Forgotten;
        link.sent.clear();
        links::put(tx, &link).await?;
        Ok(resend(tx, self.cx, self.room, mapping, &link.uid).await?)
    }

    /// Gives a booking another status; one that is gone, or cancelled for good, stays so.
    async fn set_status(
        &self,
        tx: &mut Tx,
        uid: &Uid,
        status: EventStatus,
        origin: Origin,
    ) -> Result<(), ResolveError> {
        let Some(row) = objects::by_uid(tx, &self.room.tenant_id, &self.room.id, uid).await? else { return Ok(()) };
        let mut event = reparse(&row.body, self.room, self.cx)?.event().clone();
        if event.content.status == status || event.content.status == EventStatus::Cancelled {
            return Ok(());
        }
        event.content.status = status;
        for changed in event.overrides.values_mut().filter(|one| one.content.status != EventStatus::Cancelled) {
            changed.content.status = status;
        }
        self.write(tx, uid, Wish::Become(Box::new(event)), origin).await
    }

    async fn write(&self, tx: &mut Tx, uid: &Uid, wish: Wish, origin: Origin) -> Result<(), ResolveError> {
        let precondition = Precondition::none();
        let change = Change { target: Target::Uid(uid.clone()), wish, precondition, origin };
        match apply(tx, self.cx, self.room, change).await {
            Ok(_) | Err(ChangeError::Missing) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Carries a decision out and closes the conflict, with the story of who decided what. `false` when the conflict is not
/// open any more.
pub async fn decide(
    tx: &mut Tx,
    cx: Context<'_>,
    conflict: &Conflict,
    (resolution, state): (Resolution, &str),
    by: &str,
) -> Result<bool, ResolveError> {
    let decided = conflicts::Decided { state, decision: resolution.as_str(), by, now: cx.now };
    if !conflicts::decide(tx, &conflict.tenant_id, &conflict.id, &decided).await? {
        return Ok(false);
    }
    resolve(tx, cx, conflict, resolution).await?;
    tell(tx, conflict, &decided).await?;
    Ok(true)
}

/// Closes a conflict that nothing can be decided about any more.
pub async fn expire(tx: &mut Tx, cx: Context<'_>, conflict: &Conflict, why: &str) -> Result<(), ChangeError> {
    let decided = conflicts::Decided { state: conflicts::EXPIRED, decision: why, by: "rule", now: cx.now };
    if conflicts::decide(tx, &conflict.tenant_id, &conflict.id, &decided).await? {
        tell(tx, conflict, &decided).await?;
    }
    Ok(())
}

/// Closes what a booking that is gone leaves open about single dates: there is no series any more to bring one back to.
pub(super) async fn end_dates(tx: &mut Tx, cx: Context<'_>, room: &Room, uid: &Uid) -> Result<(), ChangeError> {
    let decision = "the series was deleted";
    for conflict in pages::conflicts_of_event(tx, &room.tenant_id, &room.id, uid).await? {
        let decided = conflicts::Decided { state: conflicts::EXPIRED, decision, by: "rule", now: cx.now };
        let concerned = conflict.kind == DATE_REFUSED || conflict.kind == REST_REFUSED;
        if concerned && conflicts::decide(tx, &conflict.tenant_id, &conflict.id, &decided).await? {
            tell(tx, &conflict, &decided).await?;
        }
    }
    Ok(())
}

async fn tell(tx: &mut Tx, conflict: &Conflict, decided: &conflicts::Decided<'_>) -> Result<(), ChangeError> {
    let entry = crate::store::audit::Entry {
        tenant: &conflict.tenant_id,
        at: decided.now,
        actor: decided.by,
        action: &format!("conflict.{}", decided.state),
        room: Some(&conflict.room_id),
        uid: Some(&conflict.uid),
        seq: 0,
        detail: &format!("{}: {} ({})", conflict.kind, decided.decision, conflict.id),
    };
    Ok(crate::store::audit::append(tx, &entry).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RoomId, TenantId};

    fn conflict(kind: &str, ours: &str) -> Conflict {
        let (tenant, room) = (TenantId::from("t"), RoomId::from("r"));
        let uid = Uid("u".to_owned());
        conflicts::Opened {
            room: (&tenant, &room),
            mapping: "m",
            uid: &uid,
            kind,
            sentence: String::new(),
            versions: (ours.to_owned(), String::new()),
            proposal: None,
            standing: String::new(),
            now: Timestamp(0),
        }
        .into()
    }

    #[test]
    fn every_kind_names_the_decisions_that_make_sense_and_refuses_the_others_with_a_sentence() {
        use Resolution::{Ignore, KeepBothTentative, KeepHub, KeepRemote, PushAgain};
        let table: [(&str, &str, &[Resolution]); 14] = [
            (SLOT_COLLISION, "{}", &[KeepHub, KeepRemote, KeepBothTentative, Ignore]),
            (FIELD_CONFLICT, "{}", &[KeepHub, KeepRemote, Ignore]),
            (DELETE_EDIT, "{}", &[KeepHub, KeepRemote, Ignore]),
            (REJECTED, "{}", &[KeepHub, KeepRemote, KeepBothTentative, PushAgain, Ignore]),
            (DATE_REFUSED, "{}", &[KeepRemote, PushAgain, Ignore]),
            (REST_REFUSED, "{}", &[PushAgain, Ignore]),
            (LOCKED, "{}", &[KeepRemote, Ignore]),
            (AMBIGUOUS, "{}", &[KeepHub, PushAgain, Ignore]),
            (UNREPRESENTABLE, "{}", &[KeepHub, KeepRemote, PushAgain, Ignore]),
            (UNREPRESENTABLE, "", &[KeepRemote, Ignore]),
            (MASS_DELETE_HOLD, "", &[KeepHub, KeepRemote, Ignore]),
            (CLOSURE, "", &[KeepHub, KeepRemote, KeepBothTentative, Ignore]),
            ("opening_hours", "{}", &[KeepHub, KeepRemote, KeepBothTentative, Ignore]),
            ("something_new", "{}", &[Ignore]),
        ];
        for (kind, ours, sensible) in table {
            assert_eq!(choices(&conflict(kind, ours)), sensible, "{kind}");
        }
    }
}

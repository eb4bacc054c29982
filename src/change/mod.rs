//! Floor 3: the gate. [`apply`] is the only writer of calendar objects: it checks, then writes object, instances, change
//! log, outbox and audit in the caller's transaction. Doors and the reconciler wish; the gate decides.

mod approval;
mod displace;
mod expand;
mod fanout;
mod overlap;
mod precondition;
mod retire;
mod rules;
mod transfer;
mod verdict;
mod write;
mod zones;

pub mod resolve;

pub use approval::{decided, is_waiting};
pub use expand::roll_forward;
pub use overlap::Collision;
pub use precondition::{Precondition, Tags};
pub use retire::retire;
pub use rules::{Breach, Rule};
pub use transfer::{Transfer, lock, transfer};
pub use zones::{follow_zones, remember_zones, zones_with_other_rules};

use crate::config::Limits;
use crate::ical::IcalError;
use crate::ical::object::CalendarObject;
use crate::model::Etag;
use crate::model::Event;
use crate::model::MappingId;
use crate::model::ObjectName;
use crate::model::Privilege;
use crate::model::ReservationClass;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::footing;
use crate::store::footing::Ground;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::operations;
use crate::store::rooms;
use crate::store::rooms::Room;

/// A wish to put or delete one object.
pub struct Change {
    /// Which object.
    pub target: Target,
    /// What shall become of it.
    pub wish: Wish,
    /// Under which condition.
    pub precondition: Precondition,
    /// Who wishes.
    pub origin: Origin,
}

/// Which object a change is about.
#[derive(Clone, Debug)]
pub enum Target {
    /// The one of that name, as DAV addresses it.
    Name(ObjectName),
    /// The one with that UID, as remote systems do.
    Uid(Uid),
}

/// What shall become of an object.
pub enum Wish {
    /// These octets, verbatim.
    Put(Box<CalendarObject>),
    /// This content: an existing object is patched where it differs, everything else in it stays.
    Become(Box<Event>),
    /// Nothing.
    Delete,
}

/// Who wishes. Decides what happens on a collision, and who hears of the change.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A principal, through DAV or REST: refused when the room is taken or its rules forbid it.
    Principal {
        /// Its login.
        login: String,
        /// What it may do in the room.
        privilege: Privilege,
    },
    /// A remote side, where the booking already stands: a collision, or a broken rule, becomes a conflict record.
    Mapping {
        /// The mapping it came through.
        id: MappingId,
        /// The remote side holds exactly this content, so that nothing needs to be sent back.
        settled: bool,
    },
    /// The gateway itself, e.g. after a refusal by a remote side.
    System {
        /// What for.
        why: &'static str,
    },
}

impl Origin {
    /// The same, with what a principal may do in another room.
    fn with_right(&self, privilege: Privilege) -> Self {
        match self {
            Self::Principal { login, .. } => Self::Principal { login: login.clone(), privilege },
            other => other.clone(),
        }
    }

    /// As the audit names it.
    pub fn actor(&self) -> String {
        match self {
            Self::Principal { login, .. } => format!("principal:{login}"),
            Self::Mapping { id, .. } => format!("mapping:{id}"),
            Self::System { why } => format!("system:{why}"),
        }
    }
}

/// What holds while a change is applied.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The present instant.
    pub now: Timestamp,
    /// The limits in force.
    pub limits: &'a Limits,
}

/// What a change has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The name of the object.
    pub name: ObjectName,
    /// Validator of the octets that stand now; `None` after a delete.
    pub etag: Option<Etag>,
    /// The room's sequence number afterwards.
    pub seq: i64,
    /// What happened.
    pub effect: Effect,
    /// Whether a remote system is to be told.
    pub queued: bool,
}

/// What happened to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is new.
    Created,
    /// It changed.
    Updated,
    /// It is gone.
    Deleted,
    /// It stood so already; nothing was written.
    Unchanged,
}

/// Why a change was not applied. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The object is not what the precondition says.
    #[error("the booking has changed meanwhile")]
    Stale {
        /// What stands now; `None` for nothing.
        current: Option<Etag>,
    },
    /// There is no such object.
    #[error("there is no such booking")]
    Missing,
    /// The UID belongs to another object of the room, or the object has another UID.
    #[error("another booking of this room has the UID {uid}")]
    UidTaken {
        /// The UID.
        uid: Uid,
        /// The object that has it, or that would be given another one.
        by: ObjectName,
    },
    /// The room is taken.
    #[error("{0}")]
    Overlap(Box<Collision>),
    /// The room's rules forbid it.
    #[error("{0}")]
    Rule(Box<Breach>),
    /// Only who administers the room may make a booking of this class, or change one.
    #[error("only an administrator of {room} may {}", class_act(*class))]
    Class {
        /// The room's name.
        room: String,
        /// The class.
        class: ReservationClass,
    },
    /// The series has more instances than one object may have.
    #[error("the series is too long to be expanded: {0}")]
    TooManyInstances(String),
    /// The object cannot be written as iCalendar.
    #[error(transparent)]
    Ical(#[from] IcalError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const fn class_act(class: ReservationClass) -> &'static str {
    match class {
        ReservationClass::Closure => "close it or open it again",
        ReservationClass::Event => "make another booking an arrangement",
        ReservationClass::Booking => "make a booking of an association",
        ReservationClass::Allocation => "allocate it for a season",
    }
}

/// Applies a change to a room. The transaction is the caller's to commit; after an error it must be dropped.
pub async fn apply(tx: &mut Tx, cx: Context<'_>, room: &Room, change: Change) -> Result<Applied, ChangeError> {
    // What was read before the lock may be older than what the last holder has booked.
    let room = &rooms::lock(tx, &room.tenant_id, &room.id).await?.ok_or(ChangeError::Missing)?;
    let (ground, current, twin) = find(tx, room, &change).await?;
    change.precondition.check(current.as_ref().map(|object| &object.etag))?;
    match change.wish {
        Wish::Put(object) => {
            let by_uid = matches!(change.target, Target::Uid(_));
            let name = match change.target {
                Target::Name(name) => name,
                Target::Uid(uid) => current.as_ref().map_or_else(|| ObjectName::for_uid(&uid), |row| row.name.clone()),
            };
            if by_uid {
                // Who was looked for by UID and is not there may still find the name taken.
                let at_name = match &current {
                    None => objects::by_name(tx, &room.tenant_id, &room.id, &name).await?,
                    current => current.clone(),
                };
                refuse_uid_conflict(tx, room, at_name.as_ref(), object.uid()).await?;
            } else {
                refuse_twin(current.as_ref(), twin, object.uid())?;
            }
            Box::pin(write::put(tx, cx, write::Place { room, name, ground, current }, *object, &change.origin)).await
        }
        Wish::Become(event) => {
            let object = write::object_for(&event, current.as_ref(), room, cx)?;
            let name = match &current {
                Some(row) => row.name.clone(),
                None => free_name(tx, room, &event.uid).await?,
            };
            Box::pin(write::put(tx, cx, write::Place { room, name, ground, current }, object, &change.origin)).await
        }
        Wish::Delete => {
            let current = current.ok_or(ChangeError::Missing)?;
            verdict::guard_closure(room, current.class, &change.origin)?;
            write::delete(tx, cx, (room, &ground), &current, &change.origin).await
        }
    }
}

/// What holds in the room, the object that a change is about and, where an object is put under a name, another one that has
/// its UID.
async fn find(
    tx: &mut Tx,
    room: &Room,
    change: &Change,
) -> Result<(Ground, Option<ObjectRow>, Option<ObjectRow>), StoreError> {
    let wanted = match (&change.target, &change.wish) {
        (Target::Name(name), Wish::Put(object)) => (Some(name), Some(object.uid())),
        (Target::Name(name), _) => (Some(name), None),
        (Target::Uid(uid), _) => (None, Some(uid)),
    };
    let (ground, found) = footing::read(tx, &room.tenant_id, &room.id, wanted).await?;
    let (mut named, mut others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|row| wanted.0.is_none_or(|name| row.name == *name));
    Ok((ground, named.pop(), others.pop()))
}

/// RFC 4791, 5.3.2.1 (`CALDAV:no-uid-conflict`): one UID, one object, for as long as the object lives. `at_name` is what
/// has the name of the object that is put.
async fn refuse_uid_conflict(
    tx: &mut Tx,
    room: &Room,
    at_name: Option<&ObjectRow>,
    uid: &Uid,
) -> Result<(), ChangeError> {
    if at_name.is_some_and(|row| row.uid == *uid) {
        return Ok(());
    }
    refuse_twin(at_name, objects::by_uid(tx, &room.tenant_id, &room.id, uid).await?, uid)
}

/// The same where it is known which other object has the UID.
fn refuse_twin(at_name: Option<&ObjectRow>, twin: Option<ObjectRow>, uid: &Uid) -> Result<(), ChangeError> {
    if let Some(other) = twin {
        return Err(ChangeError::UidTaken { uid: uid.clone(), by: other.name });
    }
    match at_name.filter(|row| row.uid != *uid) {
        Some(other) => Err(ChangeError::UidTaken { uid: other.uid.clone(), by: other.name.clone() }),
        None => Ok(()),
    }
}

/// A name for an object that came from a remote side: its UID's, unless a client has put another object there.
async fn free_name(tx: &mut Tx, room: &Room, uid: &Uid) -> Result<ObjectName, StoreError> {
    let plain = ObjectName::for_uid(uid);
    if objects::by_name(tx, &room.tenant_id, &room.id, &plain).await?.is_none() {
        return Ok(plain);
    }
    Ok(ObjectName::for_uid(&Uid(format!("{uid}/{}", plain.as_str()))))
}

/// Sends an event to one mapping again, although it has not changed in the hub: the remote copy is not what it should
/// be. The room's lock must be held, or the row must not matter to the caller.
pub async fn resend(
    tx: &mut Tx,
    cx: Context<'_>,
    room: &Room,
    mapping: &MappingId,
    uid: &Uid,
) -> Result<(), ChangeError> {
    let wish =
        operations::Wish { tenant: &room.tenant_id, mapping, room: &room.id, uid, cause_seq: room.seq, due: cx.now };
    Ok(operations::enqueue(tx, &wish).await?)
}

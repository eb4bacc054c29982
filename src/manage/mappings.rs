//! Which room hangs together with which remote calendar.

use super::{Acting, ManageError, bridges, rooms};
use crate::change::resolve;
use crate::change::resolve::Removal;
use crate::model::Authority;
use crate::model::ClassProjection;
use crate::model::DetailLevel;
use crate::model::Direction;
use crate::model::MappingId;
use crate::model::MappingState;
use crate::model::Resolution;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::objects;
use crate::store::operations;
use crate::store::operations::Wish;
use crate::store::plans;
use crate::store::rooms as stored_rooms;
use serde::Deserialize;

/// A mapping to make.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMapping {
    /// Slug of the room.
    pub room: String,
    /// Name of the bridge.
    pub bridge: String,
    /// How the remote system addresses the calendar: mailbox address, resource id.
    pub remote_id: String,
    /// How people know it there; the room's name if left out.
    #[serde(default)]
    pub remote_name: Option<String>,
    /// Which way changes travel; `two_way` if left out.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Whose version of a field wins; `per_origin` if left out.
    #[serde(default)]
    pub authority: Option<Authority>,
    /// How much of a booking may leave; `full` if left out.
    #[serde(default)]
    pub detail: Option<DetailLevel>,
    /// What leaves where a stronger reservation class lies over a weaker one; `highest_wins` if left out.
    #[serde(default)]
    pub projection: Option<ClassProjection>,
    /// Whether weekly allocations of that side that are identical but for their date come as one series; `false` if left
    /// out.
    #[serde(default)]
    pub fold_allocations: Option<bool>,
    /// `false`: nothing is written on either side until somebody has approved the plan of the first contact. `true` if
    /// left out.
    #[serde(default)]
    pub auto_approve: Option<bool>,
}

/// Changes to the policy of a mapping; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Which way changes travel.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Whose version of a field wins.
    #[serde(default)]
    pub authority: Option<Authority>,
    /// How much of a booking may leave.
    #[serde(default)]
    pub detail: Option<DetailLevel>,
    /// What leaves where a stronger reservation class lies over a weaker one.
    #[serde(default)]
    pub projection: Option<ClassProjection>,
    /// Whether weekly allocations of that side that are identical but for their date come as one series.
    #[serde(default)]
    pub fold_allocations: Option<bool>,
}

/// The mapping with that id.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId) -> Result<Mapping, ManageError> {
    let found = mappings::get(tx, acting.tenant, id).await?;
    let found = found.filter(|mapping| mapping.state != MappingState::Removed);
    found.ok_or_else(|| ManageError::no("mapping", id.as_str()))
}

/// Makes a mapping; its first read of the remote calendar is due at once.
pub async fn create(tx: &mut Tx, acting: &Acting<'_>, new: &NewMapping) -> Result<Mapping, ManageError> {
    let room = rooms::find(tx, acting, &new.room).await?;
    let bridge = bridges::find(tx, acting, &new.bridge).await?;
    let approved = new.auto_approve.unwrap_or(true);
    let mapping = Mapping {
        id: MappingId::fresh(),
        tenant_id: acting.tenant.clone(),
        room_id: room.id.clone(),
        bridge_id: bridge.id,
        remote_id: rooms::line("remote_id", &new.remote_id, 1000)?,
        remote_name: rooms::line("remote_name", new.remote_name.as_deref().unwrap_or(&room.name), 200)?,
        direction: new.direction.unwrap_or(Direction::TwoWay),
        authority: new.authority.unwrap_or(Authority::PerOrigin),
        detail: new.detail.unwrap_or(DetailLevel::Full),
        projection: new.projection.unwrap_or(ClassProjection::HighestWins),
        fold_allocations: new.fold_allocations.unwrap_or(false),
        state: if approved { MappingState::Active } else { MappingState::AwaitingApproval },
        reason: String::new(),
        cursor: String::new(),
        window_start_ms: Timestamp(0),
        window_end_ms: Timestamp(0),
        due_ms: acting.now,
        dirty_since_ms: None,
        pulled_ms: None,
        completed_ms: None,
        failures: 0,
        last_error: String::new(),
        created_ms: acting.now,
    };
    // Whoever is changing the room at this moment does not know of the mapping: its first read waits for that.
    stored_rooms::lock(tx, acting.tenant, &room.id).await?;
    mappings::insert(tx, &mapping).await.map_err(|error| {
        let (room, bridge, remote) = (&new.room, &new.bridge, &mapping.remote_id);
        ManageError::taken(error, || {
            format!("room {room} has a mapping on bridge {bridge} already, or {remote:?} there belongs to another room")
        })
    })?;
    let detail = format!("Room {} is mapped to {:?} on bridge {}.", room.slug, mapping.remote_id, bridge.name);
    acting.record(tx, "mapping.create", Some(&room.id), &detail).await?;
    Ok(mapping)
}

/// Changes direction, authority, detail, projection or folding.
pub async fn set_policy(
    tx: &mut Tx,
    acting: &Acting<'_>,
    id: &MappingId,
    policy: &Policy,
) -> Result<Mapping, ManageError> {
    let mut mapping = find(tx, acting, id).await?;
    mapping.direction = policy.direction.unwrap_or(mapping.direction);
    mapping.authority = policy.authority.unwrap_or(mapping.authority);
    mapping.detail = policy.detail.unwrap_or(mapping.detail);
    let shows_otherwise = policy.projection.is_some_and(|new| new != mapping.projection);
    mapping.projection = policy.projection.unwrap_or(mapping.projection);
    mapping.fold_allocations = policy.fold_allocations.unwrap_or(mapping.fold_allocations);
    mappings::set_policy(tx, &mapping).await?;
    if shows_otherwise {
        resend_covered(tx, acting, &mapping).await?;
    }
    // What was read under the old policy says nothing about the new one: compare everything again.
    mappings::forget_cursor(tx, &mapping, acting.now).await?;
    let detail = format!(
        "Mapping {id} is {:?} with authority {:?}, detail {:?} and projection {:?}, allocations {}.",
        mapping.direction,
        mapping.authority,
        mapping.detail,
        mapping.projection,
        if mapping.fold_allocations { "folded" } else { "date by date" }
    );
    acting.record(tx, "mapping.policy", Some(&mapping.room_id), &detail).await?;
    Ok(mapping)
}

/// Has everything that a stronger class may lie over sent as the mapping shows it now.
async fn resend_covered(tx: &mut Tx, acting: &Acting<'_>, mapping: &Mapping) -> Result<(), ManageError> {
    if !mapping.exports() {
        return Ok(());
    }
    let Some(room) = stored_rooms::get(tx, acting.tenant, &mapping.room_id).await? else { return Ok(()) };
    for uid in objects::coverable(tx, acting.tenant, &mapping.room_id).await? {
        let (tenant, cause_seq) = (acting.tenant, room.seq);
        let wish = Wish { tenant, mapping: &mapping.id, room: &room.id, uid: &uid, cause_seq, due: acting.now };
        operations::enqueue(tx, &wish).await?;
    }
    Ok(())
}

/// Stops a mapping: nothing is read or written until it is released.
pub async fn hold(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId, reason: &str) -> Result<Mapping, ManageError> {
    let reason = rooms::line("reason", reason, 500)?;
    if find(tx, acting, id).await?.state == MappingState::AwaitingApproval {
        let why = format!("mapping {id} waits for approval; nothing is read or written before");
        return Err(ManageError::State { why });
    }
    move_to(tx, acting, id, MappingState::Held, &reason).await
}

/// Lets a held mapping work again; its next read is due at once. What the brake has held is removed then: see
/// [`removals`].
pub async fn release(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId) -> Result<Mapping, ManageError> {
    let mapping = find(tx, acting, id).await?;
    if mapping.state != MappingState::Held {
        let why = format!("mapping {id} is not held but {:?}; there is nothing to release", mapping.state);
        return Err(ManageError::State { why });
    }
    if let Some(conflict) = conflicts::open_of_mapping(tx, acting.tenant, id, resolve::MASS_DELETE_HOLD).await? {
        let count = i64::try_from(resolve::removals(&conflict).len()).unwrap_or(i64::MAX);
        mappings::allow_removals(tx, &mapping, count).await?;
        let decision = Resolution::KeepRemote.as_str();
        let decided = conflicts::Decided { state: conflicts::RESOLVED, decision, by: acting.actor, now: acting.now };
        conflicts::decide(tx, acting.tenant, &conflict.id, &decided).await?;
    }
    move_to(tx, acting, id, MappingState::Active, "").await
}

/// Lets a mapping begin whose first contact was to be approved; its first read is due at once.
pub async fn approve(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId) -> Result<Mapping, ManageError> {
    let mapping = find(tx, acting, id).await?;
    if mapping.state != MappingState::AwaitingApproval {
        let why = format!("mapping {id} does not wait for approval, it is {:?}", mapping.state);
        return Err(ManageError::State { why });
    }
    plans::forget(tx, acting.tenant, id).await?;
    let detail = format!("The first contact of mapping {id} is approved: {}.", mapping.reason);
    acting.record(tx, "mapping.approve", Some(&mapping.room_id), &detail).await?;
    move_to(tx, acting, id, MappingState::Active, "").await
}

/// What the release of a held mapping would remove from the hub; empty where a person holds it.
pub async fn removals(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId) -> Result<Vec<Removal>, ManageError> {
    find(tx, acting, id).await?;
    let conflict = conflicts::open_of_mapping(tx, acting.tenant, id, resolve::MASS_DELETE_HOLD).await?;
    Ok(conflict.as_ref().map(resolve::removals).unwrap_or_default())
}

/// Ends a mapping. Copies at both sides stay; the room and the remote calendar can be mapped anew.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId) -> Result<(), ManageError> {
    move_to(tx, acting, id, MappingState::Removed, "").await.map(|_| ())
}

/// Makes the next read due now: "sync now". A held mapping is not read before it is released.
pub async fn sync_now(tx: &mut Tx, acting: &Acting<'_>, id: &MappingId) -> Result<Mapping, ManageError> {
    let mapping = find(tx, acting, id).await?;
    if mapping.state != MappingState::Active {
        let why = format!("mapping {id} is {:?} ({}); release it first", mapping.state, mapping.reason);
        return Err(ManageError::State { why });
    }
    mappings::wake(tx, acting.tenant, id, acting.now, acting.now).await?;
    acting
        .record(tx, "mapping.sync", Some(&mapping.room_id), &format!("A sync of mapping {id} was asked for."))
        .await?;
    Ok(mapping)
}

async fn move_to(
    tx: &mut Tx,
    acting: &Acting<'_>,
    id: &MappingId,
    state: MappingState,
    reason: &str,
) -> Result<Mapping, ManageError> {
    let mapping = find(tx, acting, id).await?;
    mappings::set_state(tx, &mapping, state, reason, (acting.now, acting.now)).await?;
    let (action, what) = match state {
        MappingState::Active => ("mapping.release", "works again"),
        MappingState::Held => ("mapping.hold", "is held"),
        MappingState::AwaitingApproval => ("mapping.await", "waits for approval"),
        MappingState::Removed => ("mapping.remove", "was removed"),
    };
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    acting.record(tx, action, Some(&mapping.room_id), &format!("Mapping {id} {what}{why}.")).await?;
    Ok(Mapping { state, reason: reason.to_owned(), due_ms: acting.now, ..mapping })
}

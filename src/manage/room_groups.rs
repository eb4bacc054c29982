//! Groups of rooms, for which rights are given together.

use super::{Acting, ManageError, Slug, rooms};
use crate::model::RoomGroupId;
use crate::store::Tx;
use crate::store::room_groups;
use crate::store::room_groups::RoomGroup;
use serde::Deserialize;

/// Most groups of one tenant.
const MOST: usize = 1_000;
/// Most rooms that one request names.
const ROOMS: usize = 500;

/// A group to make.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoomGroup {
    /// The name people read.
    pub name: String,
    /// Its name in addresses: 1 to 64 of a-z, 0-9 and `-`; made from the name if left out.
    #[serde(default)]
    pub slug: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Slugs of the rooms in it.
    #[serde(default)]
    pub rooms: Vec<String>,
}

/// Changes to a group; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomGroupPatch {
    /// The name people read.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

/// The group of that slug.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, slug: &str) -> Result<RoomGroup, ManageError> {
    room_groups::by_slug(tx, acting.tenant, slug).await?.ok_or_else(|| ManageError::no("room group", slug))
}

/// Makes a group.
pub async fn create(tx: &mut Tx, acting: &Acting<'_>, new: &NewRoomGroup) -> Result<RoomGroup, ManageError> {
    let name = rooms::line("name", &new.name, 200)?;
    let slug = match &new.slug {
        Some(slug) => Slug::parse("slug", slug)?,
        None => {
            Slug::of(&name).ok_or_else(|| ManageError::invalid("slug", "is needed: none can be made of the name"))?
        }
    };
    if room_groups::list(tx, acting.tenant).await?.len() >= MOST {
        return Err(ManageError::State { why: format!("the tenant has {MOST} room groups, which is the most") });
    }
    if new.rooms.len() > ROOMS {
        return Err(ManageError::invalid("rooms", format!("are more than {ROOMS}; put the others in one by one")));
    }
    let group = RoomGroup {
        id: RoomGroupId::fresh(),
        tenant_id: acting.tenant.clone(),
        slug: slug.as_str().to_owned(),
        name,
        description: described(new.description.as_deref())?,
        created_ms: acting.now,
    };
    room_groups::insert(tx, &group)
        .await
        .map_err(|error| ManageError::taken(error, || format!("there is a room group {slug} already")))?;
    acting.record(tx, "room-group.create", None, &format!("The room group {slug} was made.")).await?;
    for room in &new.rooms {
        add(tx, acting, &group.slug, room).await?;
    }
    Ok(group)
}

/// Changes name or description of a group.
pub async fn update(
    tx: &mut Tx,
    acting: &Acting<'_>,
    slug: &str,
    patch: &RoomGroupPatch,
) -> Result<RoomGroup, ManageError> {
    let mut group = find(tx, acting, slug).await?;
    if let Some(name) = &patch.name {
        group.name = rooms::line("name", name, 200)?;
    }
    if let Some(text) = &patch.description {
        group.description = described(Some(text))?;
    }
    room_groups::update(tx, &group).await?;
    acting.record(tx, "room-group.update", None, &format!("The room group {slug} was changed.")).await?;
    Ok(group)
}

/// Removes a group with the rights that were given for it; its rooms stay.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, slug: &str) -> Result<(), ManageError> {
    let group = find(tx, acting, slug).await?;
    room_groups::delete(tx, &group).await?;
    let detail = format!("The room group {slug} was removed, and the rights that were given for it.");
    Ok(acting.record(tx, "room-group.remove", None, &detail).await?)
}

/// Puts a room into a group.
pub async fn add(tx: &mut Tx, acting: &Acting<'_>, slug: &str, room: &str) -> Result<RoomGroup, ManageError> {
    let group = find(tx, acting, slug).await?;
    let id = rooms::find(tx, acting, room).await?.id;
    room_groups::add(tx, &group, &id).await?;
    acting.record(tx, "room-group.add", Some(&id), &format!("{room} is in the room group {slug}.")).await?;
    Ok(group)
}

/// Takes a room out of a group.
pub async fn take(tx: &mut Tx, acting: &Acting<'_>, slug: &str, room: &str) -> Result<RoomGroup, ManageError> {
    let group = find(tx, acting, slug).await?;
    let id = rooms::find(tx, acting, room).await?.id;
    if !room_groups::take(tx, &group, &id).await? {
        return Err(ManageError::NotFound { what: format!("room {room:?} in the room group {slug:?}") });
    }
    acting
        .record(tx, "room-group.take", Some(&id), &format!("{room} is not in the room group {slug} any more."))
        .await?;
    Ok(group)
}

fn described(text: Option<&str>) -> Result<String, ManageError> {
    match text.map(str::trim) {
        None | Some("") => Ok(String::new()),
        Some(text) => rooms::line("description", text, 500),
    }
}

//! Rooms and equipment.

use super::{Acting, ManageError, Slug, principals};
use crate::model::Features;
use crate::model::RoomId;
use crate::model::RoomKind;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::mappings;
use crate::store::registrations;
use crate::store::removal;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::tenants;
use serde::Deserialize;

/// Colour of a room that was given none.
const COLOR: &str = "#3B6EA5";

/// A room to make.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// The name people read.
    pub name: String,
    /// The name in URLs; derived from `name` if left out. Never changes.
    #[serde(default)]
    pub slug: Option<String>,
    /// Room or equipment; a room if left out.
    #[serde(default)]
    pub kind: Option<RoomKind>,
    /// IANA name of its time zone; the tenant's if left out.
    #[serde(default)]
    pub zone: Option<String>,
    /// Its e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// What it is good for.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it is.
    #[serde(default)]
    pub building: Option<String>,
    /// How many people fit.
    #[serde(default)]
    pub capacity: Option<i64>,
    /// What it has, e.g. `projector`.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// `#RRGGBB`.
    #[serde(default)]
    pub color: Option<String>,
    /// Whether bookings may lie over each other, as in a foyer; they may not if left out.
    #[serde(default)]
    pub allow_overlaps: Option<bool>,
}

/// Changes to a room; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomPatch {
    /// The name people read.
    #[serde(default)]
    pub name: Option<String>,
    /// IANA name of its time zone.
    #[serde(default)]
    pub zone: Option<String>,
    /// Its e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// What it is good for.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it is.
    #[serde(default)]
    pub building: Option<String>,
    /// How many people fit; 0 for unknown.
    #[serde(default)]
    pub capacity: Option<i64>,
    /// What it has, e.g. `projector`; replaces what stood there.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// `#RRGGBB`.
    #[serde(default)]
    pub color: Option<String>,
    /// Whether bookings may lie over each other, as in a foyer; they may not if left out.
    #[serde(default)]
    pub allow_overlaps: Option<bool>,
}

/// The room with that slug.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, slug: &str) -> Result<Room, ManageError> {
    rooms::by_slug(tx, acting.tenant, slug).await?.ok_or_else(|| ManageError::no("room", slug))
}

/// Makes a room.
pub async fn create(tx: &mut Tx, acting: &Acting<'_>, new: &NewRoom) -> Result<Room, ManageError> {
    let name = line("name", &new.name, 200)?;
    let slug = Slug::given_or_of("slug", new.slug.as_deref(), &name)?;
    let mut room = Room {
        id: RoomId::fresh(),
        tenant_id: acting.tenant.clone(),
        slug: slug.as_str().to_owned(),
        kind: new.kind.unwrap_or(RoomKind::Room),
        zone: tenant_zone(tx, acting).await?,
        email: String::new(),
        description: String::new(),
        building: String::new(),
        capacity: None,
        features: Features::default(),
        color: COLOR.to_owned(),
        allow_overlaps: false,
        seq: 0,
        modified_ms: acting.now,
        longest_ms: 0,
        created_ms: acting.now,
        name,
    };
    apply(&mut room, &new.description())?;
    rooms::insert(tx, &room)
        .await
        .map_err(|error| ManageError::taken(error, || format!("there is a room {slug} already; give another slug")))?;
    acting.record(tx, "room.create", Some(&room.id), &format!("Room {slug} ({}) was made.", room.name)).await?;
    Ok(room)
}

/// Changes how a room is described.
pub async fn update(tx: &mut Tx, acting: &Acting<'_>, slug: &str, patch: &RoomPatch) -> Result<Room, ManageError> {
    let mut room = find(tx, acting, slug).await?;
    apply(&mut room, patch)?;
    rooms::update(tx, &room).await?;
    registrations::property_changed(tx, acting.tenant, &room.id, None, "").await?;
    acting.record(tx, "room.update", Some(&room.id), &format!("Room {slug} was described anew.")).await?;
    Ok(room)
}

/// Removes a room with its bookings, rules, feeds and grants. Its mappings have ended before; see `sync::leave`. The slug
/// is free again; whoever has the address of a feed is told that it was withdrawn.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, slug: &str) -> Result<(), ManageError> {
    let room = find(tx, acting, slug).await?;
    rooms::lock(tx, acting.tenant, &room.id).await?;
    let left = mappings::of_room(tx, acting.tenant, &room.id).await?.len();
    if left > 0 {
        return Err(ManageError::State { why: format!("{left} mappings of room {slug} have not ended yet") });
    }
    removal::room(tx, acting.tenant, &room.id, acting.now).await?;
    let detail = format!("Room {slug} ({}) was removed with its bookings.", room.name);
    Ok(acting.record(tx, "room.remove", Some(&room.id), &detail).await?)
}

/// Refuses a removal that does not name what is removed.
pub fn confirmed(name: &str, given: &str) -> Result<(), ManageError> {
    if name == given {
        return Ok(());
    }
    Err(ManageError::invalid("confirm", format!("is {given:?}; repeat the name {name:?} of what is to be removed")))
}

impl NewRoom {
    fn description(&self) -> RoomPatch {
        RoomPatch {
            name: None,
            zone: self.zone.clone(),
            email: self.email.clone(),
            description: self.description.clone(),
            building: self.building.clone(),
            capacity: self.capacity,
            features: self.features.clone(),
            color: self.color.clone(),
            allow_overlaps: self.allow_overlaps,
        }
    }
}

fn apply(room: &mut Room, patch: &RoomPatch) -> Result<(), ManageError> {
    if let Some(name) = &patch.name {
        room.name = line("name", name, 200)?;
    }
    if let Some(name) = &patch.zone {
        room.zone = zone("zone", name)?;
    }
    if let Some(email) = &patch.email {
        room.email = principals::address("email", email)?;
    }
    if let Some(description) = &patch.description {
        room.description = prose("description", description, 2_000)?;
    }
    if let Some(building) = &patch.building {
        room.building = prose("building", building, 2_000)?;
    }
    if let Some(capacity) = patch.capacity {
        room.capacity = checked_capacity(capacity)?;
    }
    if let Some(features) = &patch.features {
        room.features = checked_features(features)?;
    }
    if let Some(color) = &patch.color {
        room.color = checked_color(color)?;
    }
    if let Some(allow_overlaps) = patch.allow_overlaps {
        room.allow_overlaps = allow_overlaps;
    }
    Ok(())
}

async fn tenant_zone(tx: &mut Tx, acting: &Acting<'_>) -> Result<ZoneId, ManageError> {
    let tenant = tenants::get(tx, acting.tenant).await?;
    tenant.map(|tenant| tenant.zone).ok_or_else(|| ManageError::no("tenant", acting.tenant.as_str()))
}

/// A time zone by its IANA name.
pub(super) fn zone(field: &'static str, name: &str) -> Result<ZoneId, ManageError> {
    ZoneId::parse(name).ok_or_else(|| {
        ManageError::invalid(field, format!("{name:?} is no time zone; use an IANA name such as Europe/Oslo"))
    })
}

/// One line of text: trimmed, not empty, no control characters, at most `longest` characters.
pub(super) fn line(field: &'static str, text: &str, longest: usize) -> Result<String, ManageError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ManageError::invalid(field, "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(ManageError::invalid(field, "must be one line without control characters"));
    }
    if text.chars().count() > longest {
        return Err(ManageError::invalid(field, format!("has more than {longest} characters")));
    }
    Ok(text.to_owned())
}

/// Text of several lines: trimmed, no other control characters, at most `longest` characters; may be empty.
pub(super) fn prose(field: &'static str, text: &str, longest: usize) -> Result<String, ManageError> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ManageError::invalid(field, "must not hold control characters"));
    }
    if text.chars().count() > longest {
        return Err(ManageError::invalid(field, format!("has more than {longest} characters")));
    }
    Ok(text)
}

fn checked_capacity(capacity: i64) -> Result<Option<i64>, ManageError> {
    match capacity {
        0 => Ok(None),
        1..=1_000_000 => Ok(Some(capacity)),
        _ => Err(ManageError::invalid("capacity", format!("{capacity} is no number of people"))),
    }
}

fn checked_features(list: &[String]) -> Result<Features, ManageError> {
    Features::of(list).ok_or_else(|| {
        let (most, longest) = (Features::MOST, Features::LONGEST);
        ManageError::invalid("features", format!("are at most {most} words of {longest} characters without commas"))
    })
}

fn checked_color(text: &str) -> Result<String, ManageError> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err(ManageError::invalid("color", format!("{text:?} is no colour; write #RRGGBB")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_bounded_and_refused_by_field() {
        assert_eq!(checked_color("#aabb0c").unwrap(), "#AABB0C");
        assert!(checked_color("red").unwrap_err().to_string().starts_with("color: "));
        assert_eq!(checked_capacity(0).unwrap(), None);
        assert!(checked_capacity(-1).is_err());
        assert_eq!(line("name", "  Hall ", 10).unwrap(), "Hall");
        for bad in ["", " ", "a\nb", "12345678901"] {
            assert!(line("name", bad, 10).unwrap_err().to_string().starts_with("name: "), "{bad:?}");
        }
        assert!(zone("zone", "Mars/Olympus").unwrap_err().to_string().contains("Europe/Oslo"));
        assert_eq!(prose("description", " a\r\nb ", 9).unwrap(), "a\nb");
        assert!(prose("description", "a\0b", 9).is_err());
    }
}

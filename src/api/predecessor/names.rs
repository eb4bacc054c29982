//! What the predecessor calls things: `outlook` and `booking_system` are bridges by their kind, and a resource mapping is
//! a room with a calendar on each of two bridges.

use super::super::error::ApiError;
use super::call::Call;
use crate::manage::ManageError;
use crate::model::BridgeId;
use crate::model::BridgeKind;
use crate::model::Direction;
use crate::model::MappingState;
use crate::model::RoomKind;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::bridges;
use crate::store::bridges::BridgeRow;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::rooms;
use crate::store::rooms::Room;
use serde_json::{Value, json};

/// The predecessor's word for calendars of Microsoft 365.
pub(super) const OUTLOOK: &str = "outlook";
/// The predecessor's word for the booking system.
pub(super) const BOOKING: &str = "booking_system";
/// Where rooms are that hang on no booking system.
pub(super) const HUB: &str = "anteroom";

/// Everything of a tenant that has a name.
pub(super) struct Scene {
    /// Its bridges, by name.
    pub(super) bridges: Vec<BridgeRow>,
    /// Its mappings, oldest first.
    pub(super) mappings: Vec<Mapping>,
    /// Its rooms, by slug.
    pub(super) rooms: Vec<Room>,
}

/// A calendar and what it is kept in step with: the booking system's resource of the same room, else the room itself.
pub(super) struct Pair<'a> {
    /// The room.
    pub(super) room: &'a Room,
    /// The room at the booking system.
    pub(super) source: Option<&'a Mapping>,
    /// The calendar.
    pub(super) target: &'a Mapping,
}

/// Whether a bridge is a booking system.
pub(super) const fn is_booking(kind: BridgeKind) -> bool {
    matches!(kind, BridgeKind::BookingGeneric | BridgeKind::BookingPortico)
}

impl Scene {
    /// Reads it.
    pub(super) async fn of(call: &Call, tx: &mut Tx) -> Result<Self, StoreError> {
        let tenant = call.tenant();
        Ok(Self {
            bridges: bridges::list(tx, tenant).await?,
            mappings: mappings::list(tx, tenant).await?,
            rooms: rooms::list(tx, tenant).await?,
        })
    }

    /// The bridge that a word means: the one of that name, else the first of its kind.
    pub(super) fn bridge(&self, word: &str) -> Result<&BridgeRow, ApiError> {
        let named = self.bridges.iter().find(|bridge| bridge.name == word || bridge.name == word.replace('_', "-"));
        let kind = |bridge: &&BridgeRow| match word {
            // A client in use sends the member's name for its value.
            OUTLOOK | "bridge_to" => bridge.kind == BridgeKind::Graph,
            BOOKING | "booking" => is_booking(bridge.kind),
            _ => false,
        };
        let found = named.or_else(|| self.bridges.iter().find(kind));
        found.ok_or_else(|| ManageError::NotFound { what: format!("bridge {word:?}") }.into())
    }

    /// The word for a bridge.
    pub(super) fn word(&self, id: &BridgeId) -> String {
        let Some(bridge) = self.bridges.iter().find(|bridge| bridge.id == *id) else { return id.to_string() };
        let first = |wanted: &dyn Fn(BridgeKind) -> bool| {
            self.bridges.iter().find(|one| wanted(one.kind)).is_some_and(|one| one.id == *id)
        };
        match bridge.kind {
            BridgeKind::Graph if first(&|kind| kind == BridgeKind::Graph) => OUTLOOK.to_owned(),
            kind if is_booking(kind) && first(&is_booking) => BOOKING.to_owned(),
            _ => bridge.name.clone(),
        }
    }

    /// Whether a mapping is on a booking system.
    pub(super) fn is_booking(&self, mapping: &Mapping) -> bool {
        self.bridges.iter().any(|bridge| bridge.id == mapping.bridge_id && is_booking(bridge.kind))
    }

    /// The mappings on one bridge.
    pub(super) fn on<'a>(&'a self, bridge: &'a BridgeId) -> impl Iterator<Item = &'a Mapping> {
        self.mappings.iter().filter(move |mapping| mapping.bridge_id == *bridge)
    }

    /// The mapping of a remote calendar.
    pub(super) fn at(&self, bridge: &BridgeId, remote_id: &str) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| mapping.bridge_id == *bridge && mapping.remote_id == remote_id)
    }

    /// All pairs, oldest calendar first.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.mappings.iter().filter(|mapping| !self.is_booking(mapping)).filter_map(|target| self.pair(target))
    }

    /// The pair of a calendar.
    pub(super) fn pair<'a>(&'a self, target: &'a Mapping) -> Option<Pair<'a>> {
        let room = self.rooms.iter().find(|room| room.id == target.room_id)?;
        let source = self.mappings.iter().find(|one| one.room_id == target.room_id && self.is_booking(one));
        Some(Pair { room, source, target })
    }

    /// A pair in all the shapes that clients of the predecessor read.
    pub(super) fn show(&self, pair: &Pair<'_>) -> Value {
        let Pair { room, source, target } = pair;
        let from = source.map_or_else(|| HUB.to_owned(), |source| self.word(&source.bridge_id));
        let source_id = source.map_or(room.slug.as_str(), |source| source.remote_id.as_str());
        let source_name = source.map_or(room.name.as_str(), |source| source.remote_name.as_str());
        let to = self.word(&target.bridge_id);
        let active = target.state == MappingState::Active;
        json!({
            "id": target.id.as_str(),
            "bridge_from": from,
            "bridge_to": to,
            "source_calendar_id": source_id,
            "source_calendar_name": source_name,
            "target_calendar_id": target.remote_id,
            "target_calendar_name": target.remote_name,
            "resource_id": source_id,
            "calendar_id": target.remote_id,
            "calendar_name": target.remote_name,
            "booking_system_resource_id": source_id,
            "calendar_system": to,
            "calendar_resource_id": target.remote_id,
            "calendar_resource_name": target.remote_name,
            "display_name": room.name,
            "resource_type": match room.kind { RoomKind::Room => "room", RoomKind::Equipment => "equipment" },
            "sync_direction": way(target.direction),
            "active": active,
            "is_active": active,
            "sync_enabled": active,
            "sync_status": status(target),
            "last_synced_at": target.pulled_ms.map(|at| at.to_string()),
            "created_at": target.created_ms.to_string(),
            "anteroom_room": room.slug,
        })
    }
}

/// The predecessor's word for a direction, seen from the booking system.
const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::TwoWay => "bidirectional",
        Direction::Export => "source_to_target",
        Direction::Import => "target_to_source",
    }
}

/// How a mapping is doing, in the predecessor's words.
pub(super) fn status(mapping: &Mapping) -> &'static str {
    match mapping.state {
        MappingState::Held | MappingState::AwaitingApproval => "conflict",
        MappingState::Removed => "cancelled",
        MappingState::Active if mapping.failures > 0 => "error",
        MappingState::Active if mapping.completed_ms.is_none() => "pending",
        MappingState::Active => "synced",
    }
}

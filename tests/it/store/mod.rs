//! The contract of the store: each case once, run on both engines.

mod abandoned;
mod bell;
mod bookkeeping;
mod bridges;
mod changes;
mod feeds;
mod idempotency;
mod leases;
mod links;
mod mappings;
mod objects;
mod operations;
mod principals;
mod ranges;
mod registrations;
mod room_groups;
mod rooms;
mod rules;
mod sessions;
mod subscriptions;
mod tenants;
mod tls;
mod turns;

use crate::house::{HOUR_MS, House, START};
use anteroom::ical::freebusy::BusyKind;
use anteroom::model::{
    Authority, BridgeId, BridgeKind, ClassProjection, DetailLevel, Direction, Etag, Fingerprint, MappingId,
    MappingState, ObjectName, ReservationClass, Timestamp, Uid,
};
use anteroom::store::bridges::BridgeRow;
use anteroom::store::instances::{NewInstance, Owner};
use anteroom::store::mappings::Mapping;
use anteroom::store::objects::ObjectRow;
use anteroom::store::rooms::Room;
use anteroom::store::{StoreError, Tx, instances};

/// Hours after the start of the test.
const fn at(hours: i64) -> Timestamp {
    START.plus_ms(hours * HOUR_MS)
}

fn uid(text: &str) -> Uid {
    Uid(text.to_owned())
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

fn is_taken<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Taken(_)))
}

/// An object of one hour, `hours` after the start, called `<uid>.ics`; not stored yet.
fn object(room: &Room, of: &str, hours: i64) -> ObjectRow {
    let body = format!("BEGIN:VCALENDAR\r\nUID:{of}\r\nEND:VCALENDAR\r\n");
    ObjectRow {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        name: name(&format!("{of}.ics")),
        uid: uid(of),
        etag: Etag::of(body.as_bytes()),
        fingerprint: Fingerprint::of(&of),
        class: ReservationClass::Event,
        origin: "hub".to_owned(),
        body,
        seq: 1,
        recurring: false,
        first_ms: at(hours),
        last_ms: Some(at(hours + 1)),
        expanded_from_ms: at(hours),
        expanded_until_ms: at(hours + 1),
        created_ms: START,
        modified_ms: START,
    }
}

/// Stores an object with the instances given as (start, end) in hours after the start of the test.
async fn put_with_instances(tx: &mut Tx, object: &ObjectRow, spans: &[(i64, i64)]) -> Result<(), StoreError> {
    anteroom::store::objects::put(tx, object).await?;
    let rows: Vec<NewInstance> = spans
        .iter()
        .map(|(start, end)| NewInstance {
            start: at(*start),
            end: at(*end),
            recurrence_id: if object.recurring { format!("{start}") } else { String::new() },
            busy: Some(BusyKind::Busy),
        })
        .collect();
    let owner = Owner { tenant: &object.tenant_id, room: &object.room_id, object: &object.id };
    instances::replace(tx, &owner, &rows).await
}

impl House {
    /// A remote system.
    async fn bridge(&self, name: &str) -> BridgeRow {
        let bridge = BridgeRow {
            id: BridgeId::fresh(),
            tenant_id: self.tenant().clone(),
            name: name.to_owned(),
            kind: BridgeKind::Memory,
            settings: "{}".to_owned(),
            sealed: String::new(),
            created_ms: self.now(),
        };
        self.write_one(async |tx| anteroom::store::bridges::insert(tx, &bridge).await).await;
        bridge
    }

    /// An active two-way mapping of a room, due at once.
    async fn mapping(&self, room: &Room, bridge: &BridgeRow) -> Mapping {
        let mapping = plan_mapping(room, bridge, &format!("{}@remote", room.slug));
        self.write_one(async |tx| anteroom::store::mappings::insert(tx, &mapping).await).await;
        mapping
    }

    /// A room with a bridge and a mapping.
    async fn mapped_room(&self) -> (Room, Mapping) {
        let room = self.room("Council hall").await;
        let bridge = self.bridge("memory").await;
        let mapping = self.mapping(&room, &bridge).await;
        (room, mapping)
    }
}

/// A mapping that is not stored yet.
fn plan_mapping(room: &Room, bridge: &BridgeRow, remote_id: &str) -> Mapping {
    Mapping {
        id: MappingId::fresh(),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        bridge_id: bridge.id.clone(),
        remote_id: remote_id.to_owned(),
        remote_name: room.name.clone(),
        direction: Direction::TwoWay,
        authority: Authority::PerOrigin,
        detail: DetailLevel::Full,
        projection: ClassProjection::HighestWins,
        fold_allocations: false,
        state: MappingState::Active,
        reason: String::new(),
        cursor: String::new(),
        window_start_ms: Timestamp(0),
        window_end_ms: Timestamp(0),
        due_ms: START,
        dirty_since_ms: None,
        pulled_ms: None,
        completed_ms: None,
        failures: 0,
        last_error: String::new(),
        created_ms: START,
    }
}

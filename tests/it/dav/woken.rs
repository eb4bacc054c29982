//! The reconciler is woken by a write exactly where something is to be sent.

use super::house::House;
use anteroom::model::{
    Authority, BridgeId, BridgeKind, ClassProjection, DetailLevel, Direction, MappingId, MappingState, Timestamp,
};
use anteroom::store::bridges::BridgeRow;
use anteroom::store::mappings::Mapping;
use anteroom::store::rooms::Room;
use anteroom::store::{bridges, mappings, rooms};

const A: &str = "/dav/t/rooms/hall/a.ics";

async fn connect(house: &House, room: &Room, direction: Direction) {
    let bridge = BridgeRow {
        id: BridgeId::fresh(),
        tenant_id: room.tenant_id.clone(),
        name: "memory".to_owned(),
        kind: BridgeKind::Memory,
        settings: "{}".to_owned(),
        sealed: String::new(),
        created_ms: room.created_ms,
    };
    let mapping = Mapping {
        id: MappingId::fresh(),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        bridge_id: bridge.id.clone(),
        remote_id: "hall@remote".to_owned(),
        remote_name: room.name.clone(),
        direction,
        authority: Authority::PerOrigin,
        detail: DetailLevel::Full,
        projection: ClassProjection::HighestWins,
        fold_allocations: false,
        state: MappingState::Active,
        reason: String::new(),
        cursor: String::new(),
        window_start_ms: Timestamp(0),
        window_end_ms: Timestamp(0),
        due_ms: room.created_ms,
        dirty_since_ms: None,
        pulled_ms: None,
        completed_ms: None,
        failures: 0,
        last_error: String::new(),
        created_ms: room.created_ms,
    };
    let mut tx = house.store.begin_write().await.unwrap();
    bridges::insert(&mut tx, &bridge).await.unwrap();
    mappings::insert(&mut tx, &mapping).await.unwrap();
    tx.commit().await.unwrap();
}

/// How often the reconciler is woken by a PUT, a repetition of it, and a DELETE.
async fn woken(direction: Option<Direction>) -> [usize; 3] {
    let house = House::with_anna().await;
    let room = rooms::by_slug(&mut house.store.begin_read().await.unwrap(), &house.tenant.id, "hall").await.unwrap();
    if let Some(direction) = direction {
        connect(&house, &room.unwrap(), direction).await;
    }
    let mut counts = [0; 3];
    for (count, method) in counts.iter_mut().zip(["PUT", "PUT", "DELETE"]) {
        let answer = match method {
            "PUT" => house.book("anna", A, "a", 10).await,
            _ => house.send("anna", method, A, &[], "").await,
        };
        assert!(matches!(answer.status, 201 | 204), "{}", answer.body);
        *count = std::mem::take(&mut *house.nudged.lock().unwrap()).len();
    }
    counts
}

#[actix_web::test]
async fn who_changes_a_connected_room_wakes_the_reconciler() {
    assert_eq!(woken(Some(Direction::TwoWay)).await, [1, 0, 1]);
    assert_eq!(woken(Some(Direction::Export)).await, [1, 0, 1]);
}

#[actix_web::test]
async fn nobody_is_woken_where_nothing_is_to_be_sent() {
    assert_eq!(woken(Some(Direction::Import)).await, [0, 0, 0]);
    assert_eq!(woken(None).await, [0, 0, 0]);
}

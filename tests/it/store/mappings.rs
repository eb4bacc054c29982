//! Mappings: the star around the hub, and when the next pull is due.

use super::{at, is_taken, plan_mapping};
use crate::house::{House, on_both};
use anteroom::model::{Authority, BridgeId, DetailLevel, Direction, MappingState, TenantId, TimeRange};
use anteroom::store::bridges::{self, BridgeRow};
use anteroom::store::mappings::{self, Mapping, Pulled, Spread};
use anteroom::store::rooms::{self, Room};

async fn stored(house: &House, mapping: &Mapping) -> Mapping {
    mappings::get(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap().unwrap()
}

async fn due(house: &House, hours: i64) -> usize {
    mappings::due(&mut house.read().await, at(hours), 10).await.unwrap().len()
}

async fn pull(house: &House, mapping: &Mapping, began: i64, ended: i64, next: i64) {
    let pulled = Pulled {
        cursor: "sealed",
        window: TimeRange::new(at(-24), at(240)),
        due: at(next),
        ended: at(ended),
        complete: false,
        began: at(began),
    };
    house.write_one(async |tx| mappings::pulled(tx, mapping, &pulled).await).await;
}

async fn wake(house: &House, mapping: &Mapping, due: i64, now: i64) {
    house.write_one(async |tx| mappings::wake(tx, house.tenant(), &mapping.id, at(due), at(now)).await).await;
}

on_both!(a_mapping_comes_back_as_it_was_stored, |house| async {
    let (room, mapping) = house.mapped_room().await;
    assert_eq!(format!("{:?}", stored(house, &mapping).await), format!("{mapping:?}"));
    let mut tx = house.read().await;
    assert_eq!(mappings::list(&mut tx, house.tenant()).await.unwrap().len(), 1);
    assert_eq!(mappings::of_room(&mut tx, house.tenant(), &room.id).await.unwrap().len(), 1);
    assert!(mappings::get(&mut tx, &TenantId::fresh(), &mapping.id).await.unwrap().is_none());
});

on_both!(a_remote_calendar_belongs_to_one_room_and_a_room_has_one_on_a_bridge, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let bridge = house.bridge("memory").await;
    let first = house.mapping(&hall, &bridge).await;
    let same_remote = plan_mapping(&attic, &bridge, &first.remote_id);
    let same_room = plan_mapping(&hall, &bridge, "other@remote");
    for twin in [&same_remote, &same_room] {
        let again = house.try_write(async |tx| mappings::insert(tx, twin).await).await;
        assert!(is_taken(&again), "{again:?}");
    }
    house
        .write_one(async |tx| mappings::set_state(tx, &first, MappingState::Removed, "moved", (at(0), at(0))).await)
        .await;
    house.write_one(async |tx| mappings::insert(tx, &same_remote).await).await;
    house.write_one(async |tx| mappings::insert(tx, &same_room).await).await;
    let mut tx = house.read().await;
    assert_eq!(mappings::list(&mut tx, house.tenant()).await.unwrap().len(), 2, "removed ones are not listed");
    assert!(mappings::get(&mut tx, house.tenant(), &first.id).await.unwrap().is_some(), "but they are kept");
});

on_both!(only_active_mappings_are_due_the_longest_due_first, |house| async {
    let bridge = house.bridge("memory").await;
    let mut rooms = Vec::new();
    for name in ["One", "Two", "Three"] {
        rooms.push(house.room(name).await);
    }
    let mut all = Vec::new();
    for (room, hours) in rooms.iter().zip([3, 1, 2]) {
        let mapping = Mapping { due_ms: at(hours), ..plan_mapping(room, &bridge, &room.slug) };
        house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
        all.push(mapping);
    }
    let order = mappings::due(&mut house.read().await, at(3), 2).await.unwrap();
    assert_eq!(order.iter().map(|mapping| &mapping.id).collect::<Vec<_>>(), [&all[1].id, &all[2].id]);
    house
        .write_one(async |tx| mappings::set_state(tx, &all[1], MappingState::Held, "brake", (at(1), at(1))).await)
        .await;
    assert_eq!(due(house, 1).await, 0);
    assert_eq!(stored(house, &all[1]).await.reason, "brake");
});

on_both!(a_good_pull_moves_the_cursor_and_clears_failures, |house| async {
    let (_, mapping) = house.mapped_room().await;
    house.write_one(async |tx| mappings::failed(tx, &mapping, "503", at(1), at(0)).await).await;
    house.write_one(async |tx| mappings::failed(tx, &mapping, "504", at(2), at(1)).await).await;
    let failing = stored(house, &mapping).await;
    assert_eq!((failing.failures, failing.last_error.as_str(), failing.due_ms), (2, "504", at(2)));
    assert_eq!(failing.dirty_since_ms, Some(at(0)), "the first failure tells since when something may wait");

    pull(house, &mapping, 2, 3, 10).await;
    let after = stored(house, &mapping).await;
    assert_eq!((after.failures, after.last_error.as_str(), after.dirty_since_ms), (0, "", None));
    assert_eq!((after.cursor.as_str(), after.due_ms, after.pulled_ms), ("sealed", at(10), Some(at(3))));
    assert_eq!((after.window_start_ms, after.window_end_ms), (at(-24), at(240)));
    assert_eq!(after.completed_ms, None, "a read of changes proves no completeness");

    house.write_one(async |tx| mappings::forget_cursor(tx, &after, at(4)).await).await;
    let forgot = stored(house, &mapping).await;
    assert_eq!((forgot.cursor.as_str(), forgot.due_ms), ("", at(4)));
});

on_both!(a_complete_read_is_remembered_and_later_partial_ones_keep_it, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let window = TimeRange::new(at(0), at(240));
    let complete = Pulled { cursor: "c", window, due: at(9), ended: at(2), complete: true, began: at(1) };
    house.write_one(async |tx| mappings::pulled(tx, &mapping, &complete).await).await;
    pull(house, &mapping, 3, 4, 10).await;
    assert_eq!(stored(house, &mapping).await.completed_ms, Some(at(2)));
});

on_both!(a_notification_brings_the_next_pull_forward_never_back, |house| async {
    let (_, mapping) = house.mapped_room().await;
    pull(house, &mapping, 0, 0, 10).await;
    wake(house, &mapping, 3, 2).await;
    assert_eq!(stored(house, &mapping).await.due_ms, at(3));
    wake(house, &mapping, 5, 4).await;
    let woken = stored(house, &mapping).await;
    assert_eq!((woken.due_ms, woken.dirty_since_ms), (at(3), Some(at(2))), "the first notification still counts");
});

on_both!(a_notification_during_a_pull_is_not_lost, |house| async {
    let (_, mapping) = house.mapped_room().await;
    pull(house, &mapping, 0, 0, 10).await;
    wake(house, &mapping, 1, 1).await;
    // A pull begins at 2 and has read the remote side when the next notification comes at 3.
    wake(house, &mapping, 3, 3).await;
    pull(house, &mapping, 2, 4, 99).await;
    let after = stored(house, &mapping).await;
    assert_eq!(after.due_ms, at(3), "what came at 3 is unread and must not wait until 99");
    assert!(after.dirty_since_ms.is_some(), "something is known to wait");
    pull(house, &mapping, 5, 6, 99).await;
    let after = stored(house, &mapping).await;
    assert_eq!((after.due_ms, after.dirty_since_ms), (at(99), None));
});

on_both!(a_notification_that_announces_a_later_change_outlives_an_early_pull, |house| async {
    let (_, mapping) = house.mapped_room().await;
    wake(house, &mapping, 5, 1).await;
    // The poll that was due anyway comes before the moment the notification asked for.
    pull(house, &mapping, 2, 3, 99).await;
    assert_eq!(stored(house, &mapping).await.due_ms, at(5));
    pull(house, &mapping, 5, 6, 99).await;
    assert_eq!(stored(house, &mapping).await.due_ms, at(99));
});

on_both!(the_policy_of_a_mapping_can_change, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let changed = Mapping {
        direction: Direction::Export,
        authority: Authority::Hub,
        detail: DetailLevel::Busy,
        remote_id: "ignored".to_owned(),
        ..mapping.clone()
    };
    house.write_one(async |tx| mappings::set_policy(tx, &changed).await).await;
    let after = stored(house, &mapping).await;
    assert_eq!(
        (after.direction, after.authority, after.detail),
        (Direction::Export, Authority::Hub, DetailLevel::Busy)
    );
    assert_eq!(after.remote_id, mapping.remote_id);
    assert!(after.exports() && !after.imports());
});

on_both!(no_tenant_waits_behind_all_that_another_one_has_to_do, |house| async {
    let bridge = house.bridge("memory").await;
    for number in 0..30 {
        let room = house.room(&format!("Room {number}")).await;
        let mapping = Mapping { due_ms: at(0), ..plan_mapping(&room, &bridge, &room.slug) };
        house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
    }
    let village = house.another_tenant("village").await;
    let room = Room { tenant_id: village.id.clone(), ..house.plan_room("Barn") };
    let foreign = BridgeRow { id: BridgeId::fresh(), tenant_id: village.id.clone(), ..bridge };
    let late = Mapping { due_ms: at(1), ..plan_mapping(&room, &foreign, "barn") };
    house.write_one(async |tx| rooms::insert(tx, &room).await).await;
    house.write_one(async |tx| bridges::insert(tx, &foreign).await).await;
    house.write_one(async |tx| mappings::insert(tx, &late).await).await;
    let found = mappings::due(&mut house.read().await, at(2), 4).await.unwrap();
    let places: Vec<bool> = found.iter().map(|one| one.tenant_id == village.id).collect();
    assert_eq!(places, [false, true, false, false], "one of each tenant, then the rest");
});

on_both!(the_turns_are_the_same_however_many_are_asked_for, |house| async {
    let bridge = house.bridge("memory").await;
    for (key, count) in [("north", 7), ("south", 2), ("west", 1)] {
        let tenant = house.another_tenant(key).await;
        let foreign = BridgeRow { id: BridgeId::fresh(), tenant_id: tenant.id.clone(), ..bridge.clone() };
        house.write_one(async |tx| bridges::insert(tx, &foreign).await).await;
        for number in 0..count {
            let room = Room { tenant_id: tenant.id.clone(), ..house.plan_room(&format!("{key} {number}")) };
            let mapping = Mapping { due_ms: at(0).plus_ms(number), ..plan_mapping(&room, &foreign, &room.slug) };
            house.write_one(async |tx| rooms::insert(tx, &room).await).await;
            house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
        }
    }
    let order = async |limit| {
        let due = mappings::due(&mut house.read().await, at(1), limit).await.unwrap();
        due.into_iter().map(|one| (one.due_ms, one.tenant_id)).collect::<Vec<_>>()
    };
    // Who is first of those that are due since the same moment is nobody's concern.
    let turns = |mut order: Vec<(_, TenantId)>| {
        order.sort();
        order
    };
    let all = order(20).await;
    assert_eq!(all.len(), 10);
    let places: Vec<i64> = all.iter().map(|(due, _)| due.ms() - at(0).ms()).collect();
    assert_eq!(places, [0, 0, 0, 1, 1, 2, 3, 4, 5, 6], "the first of each, the second of each, then the rest");
    for limit in [10, 9, 8, 5, 3] {
        let some = order(i64::try_from(limit).unwrap()).await;
        assert_eq!(turns(some), turns(all[..limit].to_vec()), "{limit}");
    }
});

on_both!(however_many_there_are_all_are_woken_within_a_span, |house| async {
    let bridge = house.bridge("memory").await;
    for number in 0..12 {
        let room = house.room(&format!("Room {number}")).await;
        let mapping = Mapping { due_ms: at(9), ..plan_mapping(&room, &bridge, &room.slug) };
        house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
    }
    let spread = Spread { at_once: 2, gap_ms: 600, most_ms: 1_000 };
    house.write_one(async |tx| mappings::wake_all(tx, at(0), spread).await).await;
    let all = mappings::list(&mut house.read().await, house.tenant()).await.unwrap();
    let mut waits: Vec<i64> = all.iter().map(|one| one.due_ms.ms() - at(0).ms()).collect();
    waits.sort_unstable();
    assert_eq!(waits, [0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
});

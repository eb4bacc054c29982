//! Rooms: the slug, the description, and the sequence number that is lock, ctag and sync token.

use super::is_taken;
use crate::house::on_both;
use anteroom::model::{RoomId, TenantId};
use anteroom::store::rooms::{self, Room};
use std::collections::BTreeSet;

on_both!(a_slug_is_taken_once_in_a_tenant, |house| async {
    let hall = house.room("Council hall").await;
    let twin = house.plan_room("Council hall");
    let again = house.try_write(async |tx| rooms::insert(tx, &twin).await).await;
    assert!(is_taken(&again), "{again:?}");

    let other = house.another_tenant("other").await;
    let elsewhere = Room { tenant_id: other.id.clone(), ..house.plan_room("Council hall") };
    house.write_one(async |tx| rooms::insert(tx, &elsewhere).await).await;
    let mut tx = house.read().await;
    assert_eq!(rooms::by_slug(&mut tx, house.tenant(), "council-hall").await.unwrap().unwrap().id, hall.id);
    assert_eq!(rooms::by_slug(&mut tx, &other.id, "council-hall").await.unwrap().unwrap().id, elsewhere.id);
    assert!(rooms::get(&mut tx, &other.id, &hall.id).await.unwrap().is_none(), "another tenant's room");
    assert_eq!(rooms::list(&mut tx, house.tenant()).await.unwrap().len(), 1);
});

on_both!(a_description_can_change_but_neither_slug_nor_sequence, |house| async {
    let hall = house.room("Council hall").await;
    let changed = Room {
        slug: "other".to_owned(),
        name: "Rådssal".to_owned(),
        capacity: None,
        seq: 99,
        building: "Town hall".to_owned(),
        allow_overlaps: true,
        ..hall.clone()
    };
    house.write_one(async |tx| rooms::update(tx, &changed).await).await;
    let stored = rooms::get(&mut house.read().await, house.tenant(), &hall.id).await.unwrap().unwrap();
    assert_eq!((stored.slug.as_str(), stored.seq), ("council-hall", 0));
    assert_eq!((stored.name.as_str(), stored.capacity, stored.building.as_str()), ("Rådssal", None, "Town hall"));
    assert!(stored.allow_overlaps && !hall.allow_overlaps);
});

on_both!(twenty_writers_at_once_get_twenty_numbers_without_a_gap, |house| async {
    let hall = house.room("Council hall").await;
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let (store, tenant, room) = (house.store.clone(), house.tenant().clone(), hall.id.clone());
            let now = house.now();
            tokio::spawn(async move {
                let mut tx = store.begin_write().await.unwrap();
                let seq = rooms::next_seq(&mut tx, &tenant, &room, now).await.unwrap();
                // Others must wait here: the row is locked until the commit.
                tokio::task::yield_now().await;
                tx.commit().await.unwrap();
                seq
            })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for writer in writers {
        numbers.insert(writer.await.unwrap());
    }
    assert_eq!(numbers, (1..=20).collect());
    let stored = rooms::get(&mut house.read().await, house.tenant(), &hall.id).await.unwrap().unwrap();
    assert_eq!(stored.seq, 20);
});

on_both!(a_number_of_an_abandoned_transaction_is_given_again, |house| async {
    let hall = house.room("Council hall").await;
    let mut abandoned = house.write().await;
    assert_eq!(rooms::next_seq(&mut abandoned, house.tenant(), &hall.id, house.now()).await.unwrap(), 1);
    drop(abandoned);
    let seq = house.write_one(async |tx| rooms::next_seq(tx, house.tenant(), &hall.id, house.now()).await).await;
    assert_eq!(seq, 1);
});

on_both!(the_lock_tells_the_number_and_changes_nothing, |house| async {
    let hall = house.room("Council hall").await;
    house.write_one(async |tx| rooms::next_seq(tx, house.tenant(), &hall.id, house.now()).await).await;
    house.clock.advance_ms(1);
    let seq = house.write_one(async |tx| rooms::lock(tx, house.tenant(), &hall.id).await).await;
    assert_eq!(seq.map(|room| room.seq), Some(1));
    let none = house.write_one(async |tx| rooms::lock(tx, house.tenant(), &RoomId::fresh()).await).await;
    assert_eq!(none, None);
    let strange = house.write_one(async |tx| rooms::lock(tx, &TenantId::fresh(), &hall.id).await).await;
    assert_eq!(strange, None);
    let stored = rooms::get(&mut house.read().await, house.tenant(), &hall.id).await.unwrap().unwrap();
    assert!(stored.modified_ms < house.now());
});

on_both!(the_longest_instance_only_grows, |house| async {
    let hall = house.room("Council hall").await;
    for length in [500, 9000, 20] {
        house.write_one(async |tx| rooms::raise_longest(tx, house.tenant(), &hall.id, length).await).await;
    }
    let stored = rooms::get(&mut house.read().await, house.tenant(), &hall.id).await.unwrap().unwrap();
    assert_eq!(stored.longest_ms, 9000);
});

on_both!(a_reader_sees_one_state_while_a_writer_commits, |house| async {
    let hall = house.room("Council hall").await;
    let mut reader = house.read().await;
    let before = rooms::get(&mut reader, house.tenant(), &hall.id).await.unwrap().unwrap().seq;
    house.write_one(async |tx| rooms::next_seq(tx, house.tenant(), &hall.id, house.now()).await).await;
    let after = rooms::get(&mut reader, house.tenant(), &hall.id).await.unwrap().unwrap().seq;
    assert_eq!((before, after), (0, 0));
});

//! The change log: replayed from any point in pages it gives the present state, also while it grows.

use super::{at, name, object, uid};
use crate::house::{House, on_both, scaled};
use anteroom::model::RoomId;
use anteroom::store::changes::{self, NewChange};
use anteroom::store::rooms::{self, Room};
use anteroom::store::{StoreError, Tx, objects};
use std::collections::BTreeMap;

/// Puts or deletes a member as the gate does: number, object and change in one transaction.
async fn change(tx: &mut Tx, room: &Room, of: &str, deleted: bool) -> Result<i64, StoreError> {
    let seq = rooms::next_seq(tx, &room.tenant_id, &room.id, at(0)).await?;
    let stored = objects::by_uid(tx, &room.tenant_id, &room.id, &uid(of)).await?;
    match (deleted, stored) {
        (true, Some(row)) => objects::delete(tx, &room.tenant_id, &room.id, &row.id).await?,
        (true, None) => {}
        (false, Some(row)) => objects::put(tx, &row).await?,
        (false, None) => objects::put(tx, &object(room, of, 1)).await?,
    }
    let (name, uid) = (name(&format!("{of}.ics")), uid(of));
    let (tenant, room) = (&room.tenant_id, &room.id);
    changes::record(tx, &NewChange { tenant, room, name: &name, uid: &uid, seq, deleted, at: at(0) }).await?;
    Ok(seq)
}

async fn since(house: &House, room: &RoomId, seq: i64, limit: i64) -> Vec<(String, i64, bool)> {
    let rows = changes::since(&mut house.read().await, house.tenant(), room, seq, limit).await.unwrap();
    rows.into_iter().map(|row| (row.name.as_str().to_owned(), row.seq, row.deleted)).collect()
}

fn row(name: &str, seq: i64, deleted: bool) -> (String, i64, bool) {
    (format!("{name}.ics"), seq, deleted)
}

on_both!(each_member_is_told_once_with_its_last_change, |house| async {
    let room = house.room("Hall").await;
    for (of, deleted) in
        [("a", false), ("b", false), ("a", false), ("b", true), ("c", false), ("c", true), ("c", false)]
    {
        house.write_one(async |tx| change(tx, &room, of, deleted).await).await;
    }
    assert_eq!(since(house, &room.id, 0, 100).await, [row("a", 3, false), row("b", 4, true), row("c", 7, false)]);
    assert_eq!(since(house, &room.id, 3, 100).await, [row("b", 4, true), row("c", 7, false)]);
    assert!(since(house, &room.id, 7, 100).await.is_empty());
});

on_both!(a_member_that_exists_carries_its_validator_and_one_that_is_gone_none, |house| async {
    let room = house.room("Hall").await;
    for (of, deleted) in [("a", false), ("b", false), ("b", true)] {
        house.write_one(async |tx| change(tx, &room, of, deleted).await).await;
    }
    let mut tx = house.read().await;
    let rows = changes::since(&mut tx, house.tenant(), &room.id, 0, 100).await.unwrap();
    let stored = objects::by_uid(&mut tx, house.tenant(), &room.id, &uid("a")).await.unwrap().unwrap();
    assert_eq!(rows[0].etag, Some(stored.etag));
    assert_eq!((rows[1].deleted, rows[1].etag.clone()), (true, None));
    let present = changes::present_since(&mut tx, house.tenant(), &room.id, 0, 100).await.unwrap();
    assert_eq!(present.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["a.ics"]);
});

on_both!(rooms_do_not_see_each_others_changes, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    house.write_one(async |tx| change(tx, &hall, "a", false).await).await;
    house.write_one(async |tx| change(tx, &attic, "a", false).await).await;
    assert_eq!(since(house, &hall.id, 0, 100).await, [row("a", 1, false)]);
});

on_both!(a_reader_that_pages_while_others_write_ends_with_the_present_state, |house| async {
    let room = house.room("Hall").await;
    for number in 0..20 {
        house.write_one(async |tx| change(tx, &room, &format!("m{number}"), false).await).await;
    }
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, room) = (house.store.clone(), room.clone());
            tokio::spawn(async move {
                for step in 0..scaled(15) {
                    let mut tx = store.begin_write().await.unwrap();
                    let member = format!("m{}", (writer * 7 + step * 3) % 25);
                    change(&mut tx, &room, &member, (writer + step) % 3 == 0).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    let mut client = BTreeMap::new();
    let mut token = 0;
    let mut quiet = false;
    loop {
        let finished = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let page = since(house, &room.id, token, 3).await;
        if page.is_empty() && quiet {
            break;
        }
        quiet = finished;
        for (name, seq, deleted) in page {
            assert!(seq > token, "the log goes forward");
            token = seq;
            if deleted {
                client.remove(&name)
            } else {
                client.insert(name, seq)
            };
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let present = objects::heads(&mut house.read().await, house.tenant(), &room.id).await.unwrap();
    let names: Vec<&str> = present.iter().map(|head| head.name.as_str()).collect();
    assert_eq!(client.keys().map(String::as_str).collect::<Vec<_>>(), names);
});

//! A database that is set back to a backup, while the remote systems remember what came after it (F60).

use super::scene::{CALENDAR, Scene, event};
use crate::house::on_both;
use crate::sim::ground::Ground;
use anteroom::bridge::BridgeError;
use anteroom::bridge::memory::Fault;
use anteroom::model::{Clock, LinkState};
use anteroom::store::{links, restore, rooms};

/// Sets the database back to what the ground remembers, as `anteroom restored` is told of.
async fn go_back(scene: &Scene<'_>, ground: &mut Ground) {
    ground.restore().await;
    let now = scene.house.now();
    scene.house.write_one(async |tx| restore::begin_anew(tx, now).await).await;
    scene.settle().await;
}

on_both!(f60_a_restored_backup_loses_doubles_and_resurrects_nothing_that_stood_elsewhere, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().give_own_uids();
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    // What a backup from before the link looks like: the event is there, and nobody knows of its copy.
    let mapping = scene.mapping().await;
    let known = links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    let lost = links::Link { remote_id: Some("lost".to_owned()), create_key: "lost".to_owned(), ..known[0].clone() };
    let lost = links::Link { state: LinkState::Forgotten, ..lost };
    house.write_one(async |tx| links::put(tx, &lost).await).await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Budget 2027".to_owned());
    scene.remote().book(CALENDAR, event("x", "Choir", 4, 9));
    house.write_one(async |tx| restore::begin_anew(tx, house.clock.now()).await).await;
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (2, 2), "it is known by its marker");
    assert_eq!(scene.conflict_kinds().await, ["field_conflict"], "without a base nobody wins silently");
});

on_both!(f60_sequence_numbers_of_the_lost_time_are_never_given_again, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    let seq = async || {
        let mut tx = house.read().await;
        rooms::get(&mut tx, house.tenant(), &scene.room.id).await.unwrap().unwrap().seq
    };
    let token = anteroom::model::SyncToken { room: scene.room.id.clone(), seq: seq().await, began: None };
    assert!(token.is_before(seq().await));
    house.write_one(async |tx| restore::begin_anew(tx, house.clock.now()).await).await;
    assert!(!token.is_before(seq().await), "clients of the lost time start afresh");
    scene.put(&event("b", "Choir", 4, 9)).await.unwrap();
    assert!(seq().await > anteroom::model::ERA);
});

on_both!(f60_what_was_booked_anew_after_the_backup_is_not_what_the_backup_was_about_to_remove, |house| async {
    let scene = Scene::new(house, 2).await;
    let mut ground = Ground::under(house).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    scene.delete("a").await.unwrap();
    ground.remember().await;
    scene.settle().await;
    assert!(scene.remote_titles(0).is_empty());
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    go_back(&scene, &mut ground).await;
    let sides = [scene.titles().await, scene.remote_titles(0), scene.remote_titles(1)];
    assert_eq!(sides, [["Budget"]; 3], "the removal came before it");
});

on_both!(f60_a_copy_that_was_on_its_way_out_is_known_again_by_the_one_made_after_the_backup, |house| async {
    let scene = Scene::new(house, 1).await;
    let mut ground = Ground::under(house).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    scene.delete("a").await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::Unknown("timeout".to_owned()))]);
    scene.run().await;
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    let mapping = scene.mapping().await;
    let known = links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    assert_eq!(known[0].state, LinkState::Deleting);
    ground.remember().await;
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Budget 2027"]);
    go_back(&scene, &mut ground).await;
    assert_eq!([scene.titles().await, scene.remote_titles(0)], [["Budget 2027"]; 2]);
});

on_both!(f60_what_a_person_books_where_our_copy_was_on_its_way_out_stays, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    scene.delete("a").await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    assert!(scene.remote_titles(0).is_empty(), "it is done, and nobody knows");
    scene.remote().book(CALENDAR, event("b", "Budget", 3, 9));
    scene.settle().await;
    assert_eq!([scene.titles().await, scene.remote_titles(0)], [["Budget"]; 2]);
});

//! The reconciler between the hub and remote systems in memory: what must arrive arrives once, whatever fails.

mod alerts;
mod at_once;
mod classes;
mod conflicts;
mod failures;
mod folding;
mod operator;
mod replicas;
mod restored;
mod retention;
mod rules;
pub mod scene;
mod scheduling;
mod series;
mod tenants;
mod zone_rules;

use crate::house::on_both;
use anteroom::bridge::BridgeError;
use anteroom::bridge::memory::Fault;
use anteroom::model::{Authority, EventStatus, MappingState};
use anteroom::store::leases;
use scene::{CALENDAR, Scene, event};

on_both!(a_booking_of_the_hub_appears_at_the_remote_side_once, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.run().await;
    assert_eq!(scene.remote_titles(0), ["Budget"]);
    scene.settle().await;
    assert_eq!((scene.remote_titles(0).len(), scene.remote().writes()), (1, 1), "a second run has nothing to do");
});

on_both!(a_booking_of_the_remote_side_appears_in_the_hub_and_is_not_sent_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, event("x", "From afar", 3, 9));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["From afar"]);
    assert_eq!(scene.remote().writes(), 0);
});

on_both!(changes_travel_both_ways, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    scene.put(&event("a", "Budget 2027", 3, 10)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Budget 2027"]);
    let id = scene.remote_id("Budget 2027");
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Budget 2028".to_owned());
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Budget 2028"]);
    assert_eq!(scene.remote().writes(), 2);
});

on_both!(an_edit_over_a_change_whose_answer_was_lost_is_not_overruled_by_it, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    let id = scene.remote_id("Budget 2027");
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Budget 2028".to_owned());
    scene.settle().await;
    assert_eq!(
        (scene.titles().await, scene.remote_titles(0)),
        (vec!["Budget 2028".to_owned()], vec!["Budget 2028".to_owned()])
    );
});

on_both!(deletions_travel_both_ways, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "One", 3, 9)).await.unwrap();
    scene.put(&event("b", "Two", 4, 9)).await.unwrap();
    scene.settle().await;
    scene.delete("a").await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Two"]);
    scene.remote().cancel(CALENDAR, &scene.remote_id("Two"));
    scene.settle().await;
    assert!(scene.hub().await.is_empty());
});

on_both!(what_comes_from_one_side_reaches_the_other_once_and_never_comes_back, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remotes[0].bridge.book(CALENDAR, event("x", "Choir", 3, 18));
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.remote_titles(1)), (vec!["Choir".to_owned()], vec!["Choir".to_owned()]));
    assert_eq!((scene.remotes[0].bridge.writes(), scene.remotes[1].bridge.writes()), (0, 1));
    scene.remote().cancel(CALENDAR, &scene.remote_id("Choir"));
    scene.settle().await;
    assert!(scene.remote_titles(1).is_empty());
});

on_both!(edits_of_different_fields_on_both_sides_both_survive, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.location = "Upstairs".to_owned());
    scene.put(&event("a", "Budget", 5, 14)).await.unwrap();
    scene.settle().await;
    let merged = scene.hub().await.remove("a").unwrap();
    assert_eq!((merged.content.location.as_str(), &merged.when), ("Upstairs", &event("a", "", 5, 14).when));
    assert_eq!(scene.remote().events(CALENDAR)[0].1, merged);
});

on_both!(an_edit_of_the_same_field_on_both_sides_is_decided_and_told, |house| async {
    let scene = Scene::with_authority(house, 1, Authority::Remote).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Theirs".to_owned());
    scene.put(&event("a", "Ours", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec!["Theirs".to_owned()], vec!["Theirs".to_owned()]));
    assert_eq!(scene.conflict_kinds().await, ["field_conflict"]);
});

on_both!(a_create_whose_answer_was_lost_is_found_and_not_repeated, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    scene.settle().await;
    assert_eq!((scene.remote_titles(0).len(), scene.titles().await.len()), (1, 1));
});

on_both!(a_create_whose_answer_was_lost_and_that_is_no_longer_wanted_is_taken_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer, Fault::Before(BridgeError::Transport("down".to_owned()))]);
    scene.run().await;
    scene.delete("a").await.unwrap();
    scene.settle().await;
    assert!(scene.remote_titles(0).is_empty() && scene.titles().await.is_empty());
});

on_both!(a_create_without_key_whose_answer_was_lost_is_not_taken_for_a_newcomer, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().forget_keys();
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    assert_eq!(scene.remote_titles(0), ["Budget"]);
    scene.delete("a").await.unwrap();
    scene.hint().await;
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec![], vec![]));
});

on_both!(a_remote_booking_that_is_deleted_while_a_change_of_it_is_unanswered_does_not_come_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.rest().await;
    let mut edited = scene.hub().await.remove("x").unwrap();
    edited.content.location = "Upstairs".to_owned();
    scene.put(&edited).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    assert_eq!(scene.remote().events(CALENDAR)[0].1.content.location, "Upstairs");
    scene.delete("x").await.unwrap();
    scene.hint().await;
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec![], vec![]));
});

on_both!(a_change_that_was_taken_back_while_its_answer_was_lost_stays_taken_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    assert_eq!(scene.remote_titles(0), ["Budget 2027"]);
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec!["Budget".to_owned()], vec!["Budget".to_owned()]));
});

on_both!(a_booking_that_is_taken_up_again_after_it_was_deleted_there_comes_back_once, |house| async {
    let scene = Scene::new(house, 2).await;
    let id = scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.settle().await;
    scene.remote().deactivate(CALENDAR, &id);
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(1)), (vec![], vec![]));
    scene.remote().reactivate(CALENDAR, &id).unwrap();
    scene.settle().await;
    let here = (scene.titles().await, scene.remote_titles(0), scene.remote_titles(1));
    assert_eq!(here, (vec!["Choir".to_owned()], vec!["Choir".to_owned()], vec!["Choir".to_owned()]));
});

on_both!(a_list_that_lags_behind_does_not_bring_a_deleted_booking_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.run().await;
    scene.delete("a").await.unwrap();
    scene.remote().lag_behind(CALENDAR);
    scene.run().await;
    scene.hint().await;
    scene.run().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec![], vec![]));
});

on_both!(a_mapping_that_another_process_works_on_is_left_alone_until_its_lease_is_over, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    let name = format!("mapping:{}", scene.remotes[0].mapping);
    let until = house.now().plus_ms(60_000);
    house.write_one(async |tx| leases::acquire(tx, &name, "another", house.now(), until).await).await.unwrap();
    scene.run().await;
    assert!(scene.hub().await.is_empty());
    house.clock.advance_ms(61_000);
    scene.run().await;
    assert_eq!(scene.titles().await, ["Choir"]);
});

on_both!(a_failed_read_is_never_an_empty_calendar, |house| async {
    let scene = Scene::new(house, 1).await;
    for day in 3..8 {
        scene.remote().book(CALENDAR, event(&format!("x{day}"), "Lesson", day, 9));
    }
    scene.settle().await;
    let down = Fault::Before(BridgeError::Transport("down".to_owned()));
    scene.remote().fail_next(std::iter::repeat_n(down, 8));
    scene.settle().await;
    assert_eq!(scene.titles().await.len(), 5);
});

on_both!(a_forgotten_cursor_costs_a_full_read_and_nothing_else, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Ours", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "Theirs", 4, 9));
    scene.settle().await;
    scene.remote().cancel(CALENDAR, &scene.remote_id("Theirs"));
    scene.remote().book(CALENDAR, event("y", "New", 5, 9));
    scene.remote().forget_cursors(CALENDAR);
    scene.settle().await;
    assert_eq!(scene.titles().await, ["New", "Ours"]);
    assert_eq!(scene.remote_titles(0), ["New", "Ours"]);
});

on_both!(a_mass_deletion_is_held_until_a_person_has_looked, |house| async {
    let scene = Scene::new(house, 1).await;
    for day in 3..23 {
        scene.remote().book(CALENDAR, event(&format!("x{day}"), "Lesson", day, 9));
    }
    scene.settle().await;
    for (id, _) in scene.remote().events(CALENDAR).into_iter().take(15) {
        scene.remote().cancel(CALENDAR, &id);
    }
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.mapping().await.state), (20, MappingState::Held));
    assert_eq!(scene.conflict_kinds().await, ["mass_delete_hold"]);
});

on_both!(the_same_booking_on_both_sides_at_first_contact_is_paired, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("ours", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("theirs", "Budget", 3, 9));
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (1, 1));
});

on_both!(a_booking_that_the_remote_side_refuses_stays_visible_as_tentative, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::SlotTaken("Choir has the hall".to_owned()))]);
    scene.run().await;
    scene.settle().await;
    assert_eq!(scene.hub().await["a"].content.status, EventStatus::Tentative);
    assert_eq!(scene.conflict_kinds().await, ["rejected"]);
    assert!(scene.remote_titles(0).is_empty());
});

on_both!(two_remote_bookings_of_one_hour_are_kept_and_told, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remotes[0].bridge.book(CALENDAR, event("x", "Choir", 3, 18));
    scene.remotes[1].bridge.book(CALENDAR, event("y", "Chess", 3, 18));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Chess", "Choir"]);
    assert!(scene.conflict_kinds().await.contains(&"slot_collision".to_owned()));
});

on_both!(a_deleted_booking_that_comes_back_is_created_anew, |house| async {
    let scene = Scene::new(house, 1).await;
    for _ in 0..3 {
        scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
        scene.settle().await;
        assert_eq!(scene.remote_titles(0), ["Budget"]);
        scene.delete("a").await.unwrap();
        scene.settle().await;
        assert!(scene.remote_titles(0).is_empty());
    }
    assert_eq!(scene.remote().writes(), 6);
});

on_both!(what_can_only_be_listed_is_gone_when_two_complete_reads_say_so, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().only_list();
    let id = scene.remote().book(CALENDAR, event("x", "Training", 3, 9));
    scene.remote().book(CALENDAR, event("y", "Rehearsal", 4, 9));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Rehearsal", "Training"]);
    scene.remote().cancel(CALENDAR, &id);
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Rehearsal"]);
});

async fn removes_a_locked_booking(scene: &Scene<'_>) {
    let id = scene.remote().book(CALENDAR, event("x", "Season's grant", 3, 9));
    scene.remote().lock(CALENDAR, &id);
    scene.settle().await;
    for _ in 0..2 {
        scene.delete("x").await.unwrap();
        scene.settle().await;
        assert_eq!(scene.titles().await, ["Season's grant"]);
        assert_eq!((scene.remote_titles(0).len(), scene.remote().writes()), (1, 0));
        assert!(scene.conflict_kinds().await.contains(&"locked".to_owned()));
    }
}

on_both!(a_locked_booking_that_is_removed_from_the_hub_comes_back, |house| async {
    removes_a_locked_booking(&Scene::new(house, 1).await).await;
});

on_both!(a_locked_booking_that_can_only_be_listed_comes_back_as_well, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().only_list();
    removes_a_locked_booking(&scene).await;
});

on_both!(a_locked_booking_that_is_changed_in_the_hub_goes_back_to_what_it_was, |house| async {
    let scene = Scene::new(house, 1).await;
    let id = scene.remote().book(CALENDAR, event("x", "Season's grant", 3, 9));
    scene.remote().lock(CALENDAR, &id);
    scene.remote().only_list();
    scene.settle().await;
    scene.put(&event("x", "Mine now", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Season's grant"]);
    assert_eq!(scene.remote().writes(), 0);
});

on_both!(what_the_hub_held_before_a_mapping_was_made_is_sent_at_first_contact, |house| async {
    let scene = Scene::detached(house).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.attach().await;
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.remote().writes()), (vec!["Budget".to_owned()], 1));
});

on_both!(nothing_is_sent_to_a_calendar_that_was_never_read, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("ours", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("theirs", "Budget", 3, 9));
    scene.remote().fail_next([Fault::Before(BridgeError::Transport("down".to_owned()))]);
    scene.run().await;
    assert_eq!(scene.remote().writes(), 0, "what stands there already would be doubled");
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (1, 1));
});

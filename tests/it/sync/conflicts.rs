//! Conflicts: told with both versions, decided by a person or at the deadline, and the decision reaches every side.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{HOUR_MS, on_both};
use anteroom::bridge::BridgeError;
use anteroom::bridge::memory::Fault;
use anteroom::manage::ManageError;
use anteroom::model::{Authority, EventStatus, MappingState, Resolution};

/// Both sides have changed the title; the remote side's stands.
async fn two_titles(scene: &Scene<'_>) {
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Theirs".to_owned());
    scene.put(&event("a", "Ours", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Theirs"]);
}

on_both!(a_rule_may_be_overruled_until_the_deadline, |house| async {
    let scene = Scene::with_authority(house, 1, Authority::Remote).await;
    two_titles(&scene).await;
    let conflict = scene.open("field_conflict").await;
    assert_eq!((conflict.proposal.as_str(), conflict.deadline_ms.is_some()), ("keep_remote", true));
    assert!(conflict.ours.contains("Ours") && conflict.theirs.contains("Theirs"), "{conflict:?}");
    let senseless = scene.decide(&conflict, Resolution::PushAgain).await.unwrap_err();
    assert!(matches!(senseless, ManageError::Invalid { .. }), "{senseless}");
    scene.decide(&conflict, Resolution::KeepHub).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec!["Ours".to_owned()], vec!["Ours".to_owned()]));
    let otherwise = scene.decide(&conflict, Resolution::KeepRemote).await.unwrap_err();
    assert!(otherwise.to_string().contains("principal:olav"), "{otherwise}");
    assert_eq!(scene.decide(&conflict, Resolution::KeepHub).await.unwrap().state, "resolved");
});

on_both!(nobody_decides_and_the_rule_stands, |house| async {
    let scene = Scene::with_authority(house, 1, Authority::Remote).await;
    two_titles(&scene).await;
    scene.keep_house().await;
    scene.open("field_conflict").await;
    house.clock.advance_ms(24 * HOUR_MS);
    scene.keep_house().await;
    let decided = &scene.conflicts().await[0];
    assert_eq!(
        (decided.state.as_str(), decided.decision.as_str(), decided.decided_by.as_str()),
        ("auto", "keep_remote", "rule")
    );
    let writes = scene.remote().writes();
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote().writes()), (vec!["Theirs".to_owned()], writes));
    house.clock.advance_ms(89 * 24 * HOUR_MS);
    scene.keep_house().await;
    assert_eq!(scene.conflicts().await.len(), 1, "both versions are kept for 90 days");
    house.clock.advance_ms(2 * 24 * HOUR_MS);
    scene.keep_house().await;
    assert!(scene.conflicts().await.is_empty());
});

on_both!(a_decision_never_overwrites_a_later_change, |house| async {
    let scene = Scene::with_authority(house, 1, Authority::Remote).await;
    two_titles(&scene).await;
    scene.put(&event("a", "Later", 3, 9)).await.unwrap();
    scene.settle().await;
    let conflict = scene.open("field_conflict").await;
    let refused = scene.decide(&conflict, Resolution::KeepHub).await.unwrap_err();
    assert!(refused.to_string().contains("changed since"), "{refused}");
    assert_eq!((scene.titles().await, scene.open("field_conflict").await.id), (vec!["Later".to_owned()], conflict.id));
});

on_both!(a_removal_that_won_over_a_change_is_taken_back, |house| async {
    let scene = Scene::with_authority(house, 2, Authority::Remote).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    scene.remote().cancel(CALENDAR, &scene.remote_id("Budget"));
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.settle().await;
    assert!(scene.titles().await.is_empty() && scene.remote_titles(0).is_empty());
    let conflict = scene.open("delete_edit").await;
    assert_eq!((conflict.proposal.as_str(), conflict.theirs.as_str()), ("keep_remote", ""));
    scene.decide(&conflict, Resolution::KeepHub).await.unwrap();
    scene.settle().await;
    for number in 0..2 {
        assert_eq!(scene.remote_titles(number), ["Budget 2027"], "remote {number}");
    }
    assert_eq!(scene.titles().await, ["Budget 2027"]);
});

on_both!(of_two_bookings_of_one_hour_the_one_that_gives_way_is_cancelled_everywhere, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remotes[0].bridge.book(CALENDAR, event("x", "Choir", 3, 18));
    scene.remotes[1].bridge.book(CALENDAR, event("y", "Chess", 3, 18));
    scene.settle().await;
    let conflict = scene.open("slot_collision").await;
    let stands: anteroom::model::Event = serde_json::from_str(&conflict.ours).unwrap();
    scene.decide(&conflict, Resolution::KeepHub).await.unwrap();
    scene.settle().await;
    let hub = scene.hub().await;
    let confirmed: Vec<&str> = hub
        .values()
        .filter(|event| event.content.status == EventStatus::Confirmed)
        .map(|event| event.content.summary.as_str())
        .collect();
    assert_eq!((hub.len(), confirmed), (2, vec![stands.content.summary.as_str()]));
    for number in 0..2 {
        assert_eq!(scene.remote_titles(number), [stands.content.summary.as_str()], "remote {number}");
    }
});

on_both!(two_bookings_of_one_hour_become_tentative_when_nobody_decides, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remotes[0].bridge.book(CALENDAR, event("x", "Choir", 3, 18));
    scene.remotes[1].bridge.book(CALENDAR, event("y", "Chess", 3, 18));
    scene.settle().await;
    house.clock.advance_ms(24 * HOUR_MS);
    scene.keep_house().await;
    scene.settle().await;
    assert!(scene.hub().await.values().all(|event| event.content.status == EventStatus::Tentative));
    for remote in &scene.remotes {
        assert!(remote.bridge.events(CALENDAR).iter().all(|(_, event)| event.content.status == EventStatus::Tentative));
    }
    assert!(scene.conflicts().await.iter().all(|one| one.state == "auto"), "{:?}", scene.conflicts().await);
});

on_both!(a_booking_that_was_refused_is_sent_once_more_and_confirmed_again, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::SlotTaken("Choir has the hall".to_owned()))]);
    scene.run().await;
    let conflict = scene.open("rejected").await;
    assert_eq!(conflict.proposal, "keep_both_tentative");
    scene.decide(&conflict, Resolution::PushAgain).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.hub().await["a"].content.status, EventStatus::Confirmed);
    assert_eq!(scene.remote().events(CALENDAR)[0].1.content.status, EventStatus::Confirmed);
});

on_both!(a_booking_whose_slot_its_own_cancelled_copy_has_is_confirmed_as_soon_as_that_is_seen, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remote().refuse_overlaps();
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    let id = scene.remote_id("Budget");
    scene.remote().deactivate(CALENDAR, &id);
    scene.rest().await;
    assert!(scene.titles().await.is_empty());
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().reactivate(CALENDAR, &id).unwrap();
    scene.run().await;
    scene.open("rejected").await;
    assert_eq!(scene.hub().await["a"].content.status, EventStatus::Tentative);
    scene.settle().await;
    assert_eq!(scene.hub().await["a"].content.status, EventStatus::Confirmed);
    for remote in &scene.remotes {
        let there = remote.bridge.events(CALENDAR);
        assert_eq!((there.len(), there[0].1.content.status), (1, EventStatus::Confirmed));
    }
    assert_eq!((scene.conflicts().await.len(), scene.conflicts().await[0].state.as_str()), (1, "expired"));
    assert_eq!(scene.verify().await.violations, []);
});

/// A booking of that status is refused by the first side, and taken when somebody has changed its place.
async fn refused_and_taken(scene: &Scene<'_>, booked: EventStatus) -> EventStatus {
    scene.rest().await;
    let mut budget = event("a", "Budget", 3, 9);
    budget.content.status = booked;
    scene.put(&budget).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::SlotTaken("Choir has the hall".to_owned()))]);
    scene.run().await;
    let mut edited = scene.hub().await.remove("a").unwrap();
    assert_eq!(edited.content.status, EventStatus::Tentative);
    edited.content.location = "Upstairs".to_owned();
    scene.put(&edited).await.unwrap();
    scene.settle().await;
    let hub = scene.hub().await.remove("a").unwrap().content;
    assert_eq!(hub.location, "Upstairs");
    for remote in &scene.remotes {
        assert_eq!(remote.bridge.events(CALENDAR)[0].1.content, hub);
    }
    hub.status
}

on_both!(a_booking_that_was_refused_is_confirmed_when_it_is_taken_after_all, |house| async {
    let scene = Scene::new(house, 2).await;
    assert_eq!(refused_and_taken(&scene, EventStatus::Confirmed).await, EventStatus::Confirmed);
});

on_both!(who_books_tentatively_means_it_whatever_was_refused_meanwhile, |house| async {
    let scene = Scene::new(house, 2).await;
    assert_eq!(refused_and_taken(&scene, EventStatus::Tentative).await, EventStatus::Tentative);
});

on_both!(a_booking_that_was_refused_is_given_up, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::SlotTaken("Choir has the hall".to_owned()))]);
    scene.run().await;
    assert_eq!(scene.remote_titles(1), ["Budget"]);
    scene.decide(&scene.open("rejected").await, Resolution::KeepRemote).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.hub().await["a"].content.status, EventStatus::Cancelled);
    assert!(scene.remote_titles(0).is_empty() && scene.remote_titles(1).is_empty());
});

/// Fifteen of twenty lessons have disappeared at the remote side, and the mapping is held.
async fn held(scene: &Scene<'_>) {
    for day in 3..23 {
        scene.remote().book(CALENDAR, event(&format!("x{day}"), "Lesson", day, 9));
    }
    scene.settle().await;
    for (id, _) in scene.remote().events(CALENDAR).into_iter().take(15) {
        scene.remote().cancel(CALENDAR, &id);
    }
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.mapping().await.state), (20, MappingState::Held));
}

on_both!(a_held_mapping_is_released_with_its_removals, |house| async {
    let scene = Scene::new(house, 1).await;
    held(&scene).await;
    let conflict = scene.open("mass_delete_hold").await;
    assert_eq!((conflict.deadline_ms, conflict.theirs.matches("Lesson").count()), (None, 15));
    scene.decide(&conflict, Resolution::KeepRemote).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.mapping().await.state), (5, MappingState::Active));
});

on_both!(a_release_covers_what_was_shown_and_no_more, |house| async {
    let scene = Scene::new(house, 1).await;
    held(&scene).await;
    for (id, _) in scene.remote().events(CALENDAR) {
        scene.remote().cancel(CALENDAR, &id);
    }
    scene.decide(&scene.open("mass_delete_hold").await, Resolution::KeepRemote).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.mapping().await.state), (20, MappingState::Held));
});

on_both!(what_disappeared_is_brought_back_instead, |house| async {
    let scene = Scene::new(house, 1).await;
    held(&scene).await;
    scene.decide(&scene.open("mass_delete_hold").await, Resolution::KeepHub).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (20, 20));
    assert_eq!(scene.mapping().await.state, MappingState::Active);
});

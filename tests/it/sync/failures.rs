//! What goes wrong between two systems, one scenario for each failure of `docs/failures.md` that no other test tells.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{HOUR_MS, on_both};
use crate::sim::ground::Ground;
use anteroom::bridge::memory::Fault;
use anteroom::bridge::{Bridge, BridgeError, IdempotencyKey, RemoteCalendar, RemoteId};
use anteroom::model::{
    DetailLevel, Event, Frequency, LinkState, MappingId, MappingState, Recurrence, Rule, RuleEnd, SubscriptionId,
};
use anteroom::store::mappings::Mapping;
use anteroom::store::subscriptions::{self, Subscription};
use anteroom::store::{audit, conflicts, links, mappings, operations};

const MINUTE_MS: i64 = 60_000;

fn down() -> Fault {
    Fault::Before(BridgeError::Transport("down".to_owned()))
}

on_both!(f2_what_nobody_announced_arrives_with_the_next_poll, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    house.clock.advance_ms(2 * MINUTE_MS);
    scene.run().await;
    assert_eq!(scene.titles().await, ["Choir"]);
});

on_both!(f4_a_change_that_nobody_announced_has_the_subscription_checked_at_once, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    let mapping = scene.mapping().await;
    let far = house.now().plus_ms(100 * HOUR_MS);
    let subscription = Subscription {
        id: SubscriptionId::fresh(),
        tenant_id: mapping.tenant_id.clone(),
        mapping_id: mapping.id.clone(),
        hook_key: "key".to_owned(),
        hook_base: "https://rooms.example.org".to_owned(),
        sealed_secret: String::new(),
        remote_id: Some("there".to_owned()),
        state: subscriptions::ACTIVE.to_owned(),
        expires_ms: Some(far),
        renew_ms: far,
        notified_ms: None,
        last_error: String::new(),
        created_ms: house.now(),
        misses: 0,
    };
    house.write_one(async |tx| subscriptions::put(tx, &subscription).await).await;
    let renewal = async || {
        let mut tx = house.read().await;
        subscriptions::of_mapping(&mut tx, house.tenant(), &mapping.id).await.unwrap()[0].renew_ms
    };
    scene.settle().await;
    assert_eq!(renewal().await, far, "as long as nothing changes, silence is no sign");
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.settle().await;
    assert!(renewal().await <= house.now());
});

on_both!(f5_processes_that_ask_at_once_make_one_subscription, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().take_subscriptions();
    let (one, other) = (scene.reachable("one"), scene.reachable("other"));
    for _ in 0..3 {
        let (first, second) = tokio::join!(one.keep_house_once(), other.keep_house_once());
        first.unwrap();
        second.unwrap();
    }
    let mapping = scene.mapping().await;
    let made = subscriptions::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    let states: Vec<(&str, &str)> = made.iter().map(|one| (one.state.as_str(), one.last_error.as_str())).collect();
    assert_eq!(states, [(subscriptions::ACTIVE, "")]);
});

on_both!(f12_what_changed_while_the_gateway_was_down_is_read_at_its_start, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.run().await;
    assert!(scene.titles().await.is_empty(), "no poll is due yet");
    scene.take_up().await;
    scene.run().await;
    assert_eq!(scene.titles().await, ["Choir"]);
});

on_both!(f14_a_read_that_breaks_off_leaves_the_cursor_where_it_was, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    let cursor = scene.mapping().await.cursor;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.hint().await;
    scene.remote().fail_next([down()]);
    scene.run().await;
    assert_eq!((scene.mapping().await.cursor, scene.titles().await.len()), (cursor, 0));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Choir"]);
});

on_both!(f16_f20_what_a_list_does_not_show_and_answers_by_its_id_is_not_gone, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.remote().lag_behind(CALENDAR);
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.run().await;
    scene.remote().forget_cursors(CALENDAR);
    scene.hint().await;
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec!["Budget".to_owned()], vec!["Budget".to_owned()]));
    assert_eq!(scene.remote().writes(), 1);
});

on_both!(f17_the_window_moves_on_with_the_days, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    let before = scene.mapping().await;
    house.clock.advance_ms(25 * HOUR_MS);
    scene.run().await;
    let after = scene.mapping().await;
    assert!(after.completed_ms > before.completed_ms, "a complete comparison is due every day");
    assert!(after.window_end_ms > before.window_end_ms && after.window_start_ms > before.window_start_ms);
});

on_both!(f21_an_item_whose_id_changes_stays_the_same_booking, |house| async {
    let scene = Scene::new(house, 2).await;
    for day in 3..23 {
        scene.put(&event(&format!("a{day}"), &format!("Lesson {day}"), day, 9)).await.unwrap();
    }
    scene.settle().await;
    let writes = scene.remotes[1].bridge.writes();
    scene.remote().renumber(CALENDAR);
    scene.remote().forget_cursors(CALENDAR);
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (20, 20));
    assert_eq!(scene.remotes[1].bridge.writes(), writes, "nobody else hears of it");
    assert_eq!(scene.mapping().await.state, MappingState::Active, "a mailbox that was migrated is no mass deletion");
    assert_eq!(scene.verify().await.violations, []);
});

on_both!(f22_a_calendar_that_is_gone_is_an_error_and_no_mass_deletion, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.settle().await;
    let gone = Fault::Before(BridgeError::CalendarGone("the mailbox has moved".to_owned()));
    scene.remote().fail_next(std::iter::repeat_n(gone, 4));
    scene.run().await;
    let mapping = scene.mapping().await;
    assert!(mapping.last_error.contains("the mailbox has moved"), "{}", mapping.last_error);
    assert_eq!(scene.titles().await, ["Choir"]);
});

on_both!(f23_refused_credentials_delete_nothing_and_work_goes_on_when_they_are_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.rest().await;
    scene.put(&event("a", "Budget", 4, 9)).await.unwrap();
    let revoked = Fault::Before(BridgeError::Auth("the secret has expired".to_owned()));
    scene.remote().fail_next(std::iter::repeat_n(revoked, 6));
    house.clock.advance_ms(2 * MINUTE_MS);
    scene.run().await;
    assert!(scene.mapping().await.last_error.contains("expired"));
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (2, 1));
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (2, 2));
});

/// A request that arrives long after its sender has given it up: it was for nothing, and nobody expects it any more.
async fn late_create(scene: &Scene<'_>, event: &Event, key: &str) {
    let at = RemoteCalendar { id: CALENDAR.to_owned(), name: "Council hall".to_owned(), zone: scene.room.zone.clone() };
    scene.remote().create(&at, event, &IdempotencyKey(key.to_owned())).await.unwrap();
}

async fn house_waits(scene: &Scene<'_>) {
    scene.house.clock.advance_ms(10 * MINUTE_MS);
    scene.run().await;
}

async fn given_up_and_late(scene: &Scene<'_>) {
    scene.rest().await;
    let budget = event("a", "Budget", 3, 9);
    scene.put(&budget).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::Unknown("timeout".to_owned()))]);
    scene.run().await;
    scene.delete("a").await.unwrap();
    for _ in 0..2 {
        house_waits(scene).await;
    }
    let mapping = scene.mapping().await;
    let mut tx = scene.house.read().await;
    let known = links::of_uid(&mut tx, scene.house.tenant(), &mapping.id, &budget.uid).await.unwrap();
    drop(tx);
    let states: Vec<LinkState> = known.iter().map(|link| link.state).collect();
    assert_eq!(states, [LinkState::Forgotten], "it was given up");
    late_create(scene, &budget, &known[0].create_key).await;
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec![], vec![]));
}

/// A create is given up, its booking is deleted and made anew, and then the first create arrives. Answers its item.
async fn anew_and_late(scene: &Scene<'_>) -> RemoteId {
    scene.rest().await;
    let budget = event("a", "Budget", 3, 9);
    scene.put(&budget).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::Unknown("timeout".to_owned()))]);
    scene.run().await;
    scene.delete("a").await.unwrap();
    for _ in 0..2 {
        house_waits(scene).await;
    }
    let key = {
        let mapping = scene.mapping().await;
        let mut tx = scene.house.read().await;
        links::of_uid(&mut tx, scene.house.tenant(), &mapping.id, &budget.uid).await.unwrap()[0].create_key.clone()
    };
    scene.put(&event("a", "Budget", 4, 10)).await.unwrap();
    scene.settle().await;
    late_create(scene, &budget, &key).await;
    scene.remote().events(CALENDAR).into_iter().find(|(_, there)| there.when == budget.when).unwrap().0
}

on_both!(f27_a_create_that_arrives_after_its_event_was_made_anew_doubles_nothing, |house| async {
    let scene = Scene::new(house, 2).await;
    anew_and_late(&scene).await;
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len(), scene.remote_titles(1).len()), (1, 1, 1));
    assert_eq!(scene.hub().await["a"].when, event("a", "", 4, 10).when, "the later wish counts");
    assert_eq!(scene.verify().await.violations, []);
});

on_both!(f27_a_create_that_arrives_late_and_was_changed_by_somebody_is_a_booking_of_its_own, |house| async {
    let scene = Scene::new(house, 2).await;
    let id = anew_and_late(&scene).await;
    scene.remote().change(CALENDAR, &id, |event| event.content.location = "Upstairs".to_owned());
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len(), scene.remote_titles(1).len()), (2, 2, 2));
});

on_both!(f27_a_create_that_arrives_after_its_event_was_deleted_brings_nothing_back, |house| async {
    given_up_and_late(&Scene::new(house, 1).await).await;
});

on_both!(f27_a_create_without_key_that_arrives_after_its_event_was_deleted_brings_nothing_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().forget_keys();
    given_up_and_late(&scene).await;
});

on_both!(f27_a_copy_that_was_changed_before_its_creation_was_confirmed_keeps_the_change, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.location = "Upstairs".to_owned());
    // The outbox is quicker than the next poll.
    for _ in 0..3 {
        house.clock.advance_ms(8_000);
        scene.run().await;
    }
    scene.settle().await;
    assert_eq!(scene.hub().await["a"].content.location, "Upstairs");
    assert_eq!(scene.remote().events(CALENDAR)[0].1.content.location, "Upstairs");
});

on_both!(f24_a_small_calendar_that_is_switched_off_is_no_deletion_of_its_bookings, |house| async {
    let scene = Scene::new(house, 2).await;
    let ids: Vec<RemoteId> =
        (3..9).map(|day| scene.remote().book(CALENDAR, event(&format!("x{day}"), "Season", day, 9))).collect();
    scene.settle().await;
    for id in &ids {
        scene.remote().deactivate(CALENDAR, id);
    }
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(1).len()), (6, 6));
    assert_eq!(scene.mapping().await.state, MappingState::Held);
    assert!(scene.open("mass_delete_hold").await.sentence.contains("switched off"));
});

on_both!(f36_an_edit_between_a_write_and_its_reading_is_no_rewriting, |house| async {
    let scene = Scene::new(house, 2).await;
    let sides = async || [scene.titles().await, scene.remote_titles(0), scene.remote_titles(1)];
    scene.remote().change_next(|made| "Budget, with coffee".clone_into(&mut made.content.summary));
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!(sides().await, [["Budget, with coffee"]; 3], "while it was made");
    let moved = event("a", "", 4, 9).when;
    scene.remote().change_next({
        let moved = moved.clone();
        move |changed| changed.when = moved
    });
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!(sides().await, [["Budget 2027"]; 3], "while it was changed");
    for remote in &scene.remotes {
        let times: Vec<_> = remote.bridge.events(CALENDAR).into_iter().map(|(_, event)| event.when).collect();
        assert_eq!(times, std::slice::from_ref(&moved));
    }
});

on_both!(f40_a_copy_that_was_removed_before_its_creation_was_confirmed_is_a_removal, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remote().burn_keys();
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    let id = scene.remote_id("Budget");
    scene.remote().cancel(CALENDAR, &id);
    house.clock.advance_ms(8_000);
    scene.run().await;
    assert_eq!(scene.titles().await, ["Budget"], "lists may lag behind: nothing is concluded at once");
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0), scene.remote_titles(1)), (vec![], vec![], vec![]));
    assert_eq!(scene.conflict_kinds().await, Vec::<String>::new());
});

on_both!(f40_a_booking_that_was_changed_since_its_unconfirmed_copy_was_removed_is_made_anew, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remote().burn_keys();
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::LostAnswer]);
    scene.run().await;
    let id = scene.remote_id("Budget");
    scene.remote().cancel(CALENDAR, &id);
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.remote_titles(1).len()), (vec!["Budget 2027".to_owned()], 1));
    assert_eq!(scene.verify().await.violations, []);
});

on_both!(f30_what_was_throttled_for_hours_is_sent_once_as_it_is_in_the_end, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    let busy = Fault::Before(BridgeError::Busy { after_ms: Some(3 * 3_600_000) });
    scene.remote().fail_next([busy]);
    for edit in 0..10 {
        scene.put(&event("a", &format!("Budget, draft {edit}"), 3, 9)).await.unwrap();
        scene.run().await;
    }
    let mut tx = house.read().await;
    let waiting = operations::backlog_of_tenant(&mut tx, house.tenant()).await.unwrap();
    drop(tx);
    assert_eq!((waiting.open_count, scene.remote().writes()), (1, 0), "a newer wish does not shorten the wait");
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.remote().writes()), (vec!["Budget, draft 9".to_owned()], 1));
});

on_both!(f31_a_copy_that_was_changed_meanwhile_is_read_before_it_is_written, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.location = "Upstairs".to_owned());
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.run().await;
    scene.settle().await;
    let hub = scene.hub().await.remove("a").unwrap();
    assert_eq!((hub.content.summary.as_str(), hub.content.location.as_str()), ("Budget 2027", "Upstairs"));
    assert_eq!(scene.remote().events(CALENDAR)[0].1, hub);
});

on_both!(f32_a_series_of_which_some_dates_were_written_is_finished_and_none_is_written_twice, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().keep_dates();
    scene.rest().await;
    let rule = Rule { end: RuleEnd::Count(5), ..Rule::every(Frequency::Daily) };
    let recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
    scene.put(&Event { recurrence, ..event("a", "Lesson", 4, 9) }).await.unwrap();
    scene.remote().fail_after(2, down());
    scene.run().await;
    let written = scene.remote_titles(0).len();
    assert!((1..5).contains(&written), "{written} of 5 dates are there");
    let open = operations::backlog_of_tenant(&mut house.read().await, house.tenant()).await.unwrap().open_count;
    assert_eq!(open, 1, "the operation stays open until all dates are there");
    scene.settle().await;
    assert_eq!((scene.remote_titles(0).len(), scene.remote().writes()), (5, 5));
    assert_eq!(scene.verify().await.violations, []);
});

on_both!(f33_f34_what_a_system_will_never_take_is_told_and_holds_nothing_else_up, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Poison", 3, 9)).await.unwrap();
    let never = Fault::Before(BridgeError::Refused("the calendar may only be read".to_owned()));
    scene.remote().fail_next([never]);
    scene.run().await;
    scene.put(&event("b", "Budget", 4, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.titles().await.len()), (vec!["Budget".to_owned()], 2));
    let conflict = scene.open("rejected").await;
    assert!(conflict.sentence.contains("may only be read"), "{}", conflict.sentence);
    let mut tx = house.read().await;
    let room = (house.tenant(), &scene.room.id);
    let tried = operations::of_event(&mut tx, room.0, room.1, &event("a", "", 3, 9).uid).await.unwrap();
    assert_eq!(tried.iter().map(|one| one.attempts).sum::<i64>(), 1, "it is not tried for ever");
});

on_both!(f36_a_system_that_rewrites_what_it_is_given_causes_no_further_writes, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.remote().rewrite_titles();
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    house.clock.advance_ms(25 * HOUR_MS);
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.titles().await), (vec!["BUDGET".to_owned()], vec!["Budget".to_owned()]));
    assert_eq!((scene.remotes[0].bridge.writes(), scene.remotes[1].bridge.writes()), (1, 1));
});

on_both!(f40_a_copy_that_was_removed_while_a_change_was_on_its_way_is_made_anew_at_once, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    let id = scene.remote_id("Budget");
    scene.remote().cancel(CALENDAR, &id);
    // The last change in the room is the one whose operation finds the copy gone.
    scene.put(&event("a", "Budget 2027", 3, 9)).await.unwrap();
    scene.run().await;
    assert_eq!(scene.remote_titles(0), ["Budget 2027"], "the edit wins");
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0).len()), (vec!["Budget 2027".to_owned()], 1));
});

on_both!(f53_a_booking_that_has_left_the_window_is_history_and_not_a_deletion, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    house.clock.advance_ms(60 * 24 * HOUR_MS);
    scene.settle().await;
    let id = scene.remote_id("Budget");
    scene.remote().cancel(CALENDAR, &id);
    scene.remote().forget_cursors(CALENDAR);
    scene.settle().await;
    assert_eq!(
        (scene.titles().await.len(), scene.remote_titles(1).len()),
        (1, 1),
        "old bookings may be cleared away there"
    );
});

on_both!(f57_a_mapping_of_busy_time_shows_that_the_room_is_taken_and_nothing_else, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.set_detail(DetailLevel::Busy).await;
    let mut secret = event("a", "Interview with Kari", 3, 9);
    secret.content.description = "about her salary".to_owned();
    secret.content.location = "Upstairs".to_owned();
    scene.put(&secret).await.unwrap();
    scene.settle().await;
    let (_, there) = scene.remote().events(CALENDAR).remove(0);
    assert_eq!(there.when, secret.when);
    let shown = format!("{there:?}");
    assert!(!["Interview", "Kari", "salary", "Upstairs"].iter().any(|word| shown.contains(word)), "{shown}");
    // What comes back from there takes nothing away here.
    let id = scene.remote().events(CALENDAR)[0].0.clone();
    let later = event("", "", 3, 11).when;
    scene.remote().change(CALENDAR, &id, |event| event.when = later.clone());
    scene.settle().await;
    let hub = scene.hub().await.remove("a").unwrap();
    assert_eq!((hub.content, hub.when), (secret.content, later));
});

on_both!(f56_a_booking_that_moves_to_another_room_leaves_the_first, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let item = scene.remote_id("Budget");
    let moved = scene.remote().events(CALENDAR)[0].1.clone();
    scene.remote().cancel(CALENDAR, &item);
    scene.remote().book("another room", moved);
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote().writes()), (vec![], 1));
});

on_both!(f54_what_another_program_copies_of_our_copies_goes_no_further, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let shadow = scene.remote().book(CALENDAR, event("their-own", "Budget", 3, 9));
    for _ in 0..3 {
        house.clock.advance_ms(25 * HOUR_MS);
        scene.settle().await;
    }
    assert_eq!((scene.titles().await, scene.remote_titles(1)), (vec!["Budget".to_owned()], vec!["Budget".to_owned()]));
    assert_eq!((scene.remotes[0].bridge.writes(), scene.remotes[1].bridge.writes()), (1, 1));
    let uid = event("a", "", 3, 9).uid;
    let story = audit::of_event(&mut house.read().await, house.tenant(), &scene.room.id, &uid).await.unwrap();
    let told = story.into_iter().filter(|entry| entry.action == "pull.shadow").count();
    assert_eq!((told, scene.verify().await.violations.len()), (1, 0));

    scene.delete("a").await.unwrap();
    scene.settle().await;
    let sides = [scene.titles().await, scene.remote_titles(0), scene.remote_titles(1)];
    assert_eq!(sides, [["Budget"]; 3], "the room is taken by it now");
    scene.remote().cancel(CALENDAR, &shadow);
    scene.settle().await;
    assert!(scene.titles().await.is_empty() && scene.remote_titles(1).is_empty());
});

on_both!(f54_a_copy_that_somebody_changes_is_a_booking_of_its_own, |house| async {
    let scene = Scene::new(house, 2).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let shadow = scene.remote().book(CALENDAR, event("their-own", "Budget", 3, 9));
    scene.settle().await;
    scene.remote().change(CALENDAR, &shadow, |event| event.content.summary = "Chess".to_owned());
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Budget", "Chess"]);
    assert!(scene.conflict_kinds().await.contains(&"slot_collision".to_owned()));
});

on_both!(f64_a_base_of_an_older_form_causes_no_write, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let mapping = scene.mapping().await;
    let link = links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap().remove(0);
    // The same event, written by a program that put its fields in another order and with other spaces.
    let value: serde_json::Value = serde_json::from_str(&link.base).unwrap();
    let older = links::Link { base: serde_json::to_string_pretty(&value).unwrap(), ..link };
    house.write_one(async |tx| links::put(tx, &older).await).await;
    house.clock.advance_ms(25 * HOUR_MS);
    scene.settle().await;
    assert_eq!(scene.remote().writes(), 1);
});

on_both!(f65_what_stands_still_is_seen_by_its_age, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.remote().fail_next(std::iter::repeat_n(down(), 40));
    house.clock.advance_ms(5 * MINUTE_MS);
    scene.run().await;
    let since = scene.mapping().await.dirty_since_ms.unwrap();
    house.clock.advance_ms(3 * HOUR_MS);
    scene.run().await;
    assert_eq!(scene.mapping().await.dirty_since_ms, Some(since), "the age grows until a pull succeeds");
});

on_both!(pulls_that_failed_are_tried_again_within_minutes, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.remote().fail_next(std::iter::repeat_n(down(), 400));
    for _ in 0..60 {
        house.clock.advance_ms(8 * MINUTE_MS);
        scene.run().await;
        let wait = scene.mapping().await.due_ms.ms() - house.now().ms();
        assert!(wait <= 450_000, "the next pull is {} minutes away", wait / MINUTE_MS);
    }
});

on_both!(one_success_of_a_system_wakes_its_other_calendars, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    let mapping = scene.mapping().await;
    let room = house.room("Library").await;
    let other =
        Mapping { id: MappingId::fresh(), room_id: room.id, remote_id: "library".to_owned(), ..mapping.clone() };
    house.write_one(async |tx| mappings::insert(tx, &other).await).await;
    scene.remote().book("library", event("x", "Reading", 3, 9));
    let far = house.now().plus_ms(HOUR_MS);
    for mapping in scene.mappings().await {
        house.write_one(async |tx| mappings::failed(tx, &mapping, "down", far, house.now()).await).await;
    }
    scene.hint().await;
    scene.run().await;
    let failures: Vec<i64> = scene.mappings().await.iter().map(|mapping| mapping.failures).collect();
    assert_eq!(failures, [0, 0]);
});

on_both!(the_audit_tells_what_an_item_has_become, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    scene.remote().renumber(CALENDAR);
    scene.settle().await;
    let told =
        audit::of_event(&mut house.read().await, house.tenant(), &scene.room.id, &event("a", "", 3, 9).uid).await;
    assert!(told.unwrap().iter().any(|entry| entry.action == "pull.follow"));
    assert_eq!(conflicts::count_open(&mut house.read().await, house.tenant()).await.unwrap(), 0);
});

on_both!(f61_what_cannot_be_stored_is_not_sent, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    let mut ground = Ground::under(house).await;
    // As with a full disk: what is there can be read, and nothing of what is to be sent can be written down.
    ground.refuse_writes("links").await;
    scene.run().await;
    assert_eq!((scene.remote().writes(), scene.remote_titles(0).len()), (0, 0));
    ground.take_writes("links").await;
    scene.settle().await;
    assert_eq!((scene.remote_titles(0), scene.remote().writes()), (vec!["Budget".to_owned()], 1));
});

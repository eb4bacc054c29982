//! Bookings of remote systems and the rules of the room: nothing is refused, everything is told.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{House, START, on_both};
use anteroom::config::Limits;
use anteroom::manage::Acting;
use anteroom::manage::approvals::{self, Decision};
use anteroom::model::{
    Event, EventStatus, Frequency, Recurrence, ReservationClass, Resolution, RoomRules, Rule, RuleEnd,
};
use anteroom::store::approvals as stored;
use anteroom::store::pages::Page;
use anteroom::store::rooms::{self, Room};
use anteroom::store::rules::RulesRow;
use anteroom::store::{conflicts, rules};

pub async fn set(scene: &Scene<'_>, json: &str) {
    let rules: RoomRules = serde_json::from_str(json).unwrap();
    let row = RulesRow { room_id: scene.room.id.clone(), rules, changed_ms: START, changed_by: "test".to_owned() };
    scene.house.write_one(async |tx| rules::put(tx, scene.house.tenant(), &row).await).await;
}

async fn open_kinds(house: &House) -> Vec<String> {
    let mut tx = house.read().await;
    let found = conflicts::list(&mut tx, house.tenant(), conflicts::OPEN, 10).await.unwrap();
    let mut kinds: Vec<String> = found.into_iter().map(|conflict| conflict.kind).collect();
    kinds.sort();
    kinds
}

on_both!(a_remote_booking_that_breaks_rules_stands_and_is_told_until_it_moves, |house| async {
    let scene = Scene::new(house, 1).await;
    set(
        &scene,
        r#"{"opening_hours":[{"days":["monday","tuesday","wednesday","thursday","friday"],
        "from":"08:00","to":"16:00"}],"buffer_after_minutes":30}"#,
    )
    .await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "Late", 3, 18));
    scene.remote().book(CALENDAR, event("y", "Near", 3, 10));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Budget", "Late", "Near"], "nothing is lost");
    assert_eq!(open_kinds(house).await, ["buffer", "opening_hours"]);
    for (title, hour) in [("Late", 14), ("Near", 12)] {
        let id = scene.remote_id(title);
        scene.remote().change(CALENDAR, &id, |booking| booking.when = event("z", "", 3, hour).when);
    }
    scene.settle().await;
    assert_eq!(open_kinds(house).await, Vec::<String>::new());
});

on_both!(a_confirmation_reaches_the_remote_side_and_so_does_a_refusal, |house| async {
    let scene = Scene::new(house, 1).await;
    set(&scene, r#"{"approval":true}"#).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.put(&event("b", "Choir", 3, 12)).await.unwrap();
    scene.settle().await;
    let status = |title: &str| {
        let events = scene.remote().events(CALENDAR);
        events.into_iter().find(|(_, event)| event.content.summary == title).map(|(_, event)| event.content.status)
    };
    assert_eq!((status("Budget"), status("Choir")), (Some(EventStatus::Tentative), Some(EventStatus::Tentative)));
    let limits = Limits::default();
    let mut tx = house.write().await;
    let acting = Acting { tenant: house.tenant(), actor: "test", now: house.now() };
    for request in stored::list(&mut tx, house.tenant(), Page { after: "", limit: 9 }, ("", "")).await.unwrap() {
        let decision = if request.summary == "Budget" { Decision::Confirm } else { Decision::Decline };
        approvals::decide(&mut tx, &acting, &limits, &request.id, (decision, "")).await.unwrap();
    }
    tx.commit().await.unwrap();
    scene.settle().await;
    assert_eq!(status("Budget"), Some(EventStatus::Confirmed));
    assert!(matches!(status("Choir"), None | Some(EventStatus::Cancelled)), "{:?}", status("Choir"));
});

on_both!(a_room_that_declines_misfits_cancels_them_at_once_on_every_side, |house| async {
    let scene = Scene::new(house, 2).await;
    set(
        &scene,
        r#"{"opening_hours":[{"days":["tuesday"],"from":"08:00","to":"16:00"}],"horizon_days":30,
        "misfits":"decline"}"#,
    )
    .await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    scene.remote().book(CALENDAR, event("x", "Late", 3, 18));
    scene.remote().book(CALENDAR, event("y", "Rival", 3, 9));
    scene.remote().book(CALENDAR, event("z", "Fits", 3, 12));
    scene.settle().await;
    scene.keep_house().await;
    scene.settle().await;
    assert_eq!(
        (scene.remote_titles(0), scene.remote_titles(1)),
        (vec!["Budget".to_owned(), "Fits".to_owned()], vec!["Budget".to_owned(), "Fits".to_owned()])
    );
    let mut told: Vec<(String, String, String)> =
        scene.conflicts().await.into_iter().map(|one| (one.kind, one.state, one.decision)).collect();
    told.sort();
    let decided = |kind: &str| (kind.to_owned(), "auto".to_owned(), "keep_hub".to_owned());
    assert_eq!(told, [decided("opening_hours"), decided("slot_collision")], "never silently");
    assert!(scene.verify().await.violations.is_empty());
});

on_both!(a_person_lets_a_misfit_stand_or_cancels_it, |house| async {
    let scene = Scene::new(house, 1).await;
    set(&scene, r#"{"opening_hours":[{"days":["tuesday"],"from":"08:00","to":"16:00"}]}"#).await;
    scene.remote().book(CALENDAR, event("x", "Late", 3, 18));
    scene.settle().await;
    let late = scene.open("opening_hours").await;
    assert_eq!(late.proposal, "keep_remote", "nobody decides: it stands");
    assert!(scene.decide(&late, Resolution::PushAgain).await.is_err());
    scene.decide(&late, Resolution::KeepRemote).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Late"]);
    scene.remote().book(CALENDAR, event("y", "Later", 3, 20));
    scene.settle().await;
    let later = scene.open("opening_hours").await;
    scene.decide(&later, Resolution::KeepHub).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Late"]);
});

on_both!(a_remote_booking_inside_a_closure_is_told_as_such_and_the_closure_stays_as_it_is, |house| async {
    let scene = Scene::new(house, 1).await;
    let closed = Event { class: ReservationClass::Closure, ..event("c", "New floor", 3, 9) };
    scene.put(&closed).await.unwrap();
    scene.settle().await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.settle().await;
    let told = scene.open("closure").await;
    assert_eq!((told.theirs.as_str(), told.proposal.as_str()), ("c", "keep_both_tentative"));
    assert!(told.sentence.contains("is closed on 2026-03-03 09:00-10:00: New floor"), "{}", told.sentence);
    house.clock.advance_ms(25 * 3_600_000);
    scene.keep_house().await;
    scene.settle().await;
    let hub = scene.hub().await;
    let status = |uid: &str| hub.values().find(|event| event.content.summary == uid).map(|one| one.content.status);
    assert_eq!((status("New floor"), status("Choir")), (Some(EventStatus::Confirmed), Some(EventStatus::Tentative)));
    assert!(scene.verify().await.violations.is_empty());
});

on_both!(every_date_of_a_remote_series_is_judged_and_the_first_offending_one_is_named, |house| async {
    let scene = Scene::new(house, 1).await;
    set(&scene, r#"{"horizon_days":10,"opening_hours":[{"days":["tuesday"],"from":"08:00","to":"16:00"}]}"#).await;
    let mut series = event("x", "Choir", 3, 15);
    let rule = Rule { end: RuleEnd::Count(5), ..Rule::every(Frequency::Weekly) };
    series.recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
    scene.remote().book(CALENDAR, series);
    scene.settle().await;
    let told = scene.open("booking_horizon").await;
    assert!(told.sentence.contains("2026-03-17"), "{}", told.sentence);
    assert_eq!(open_kinds(house).await, ["booking_horizon"], "the hours are kept also after the change of the clocks");
});

on_both!(where_bookings_may_overlap_no_buffer_is_asked_of_a_remote_one_and_closures_still_count, |house| async {
    let scene = Scene::new(house, 1).await;
    set(&scene, r#"{"buffer_after_minutes":60}"#).await;
    let room = Room { allow_overlaps: true, ..scene.room.clone() };
    house.write_one(async |tx| rooms::update(tx, &room).await).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    let closed = Event { class: ReservationClass::Closure, ..event("c", "New floor", 4, 9) };
    scene.put(&closed).await.unwrap();
    scene.settle().await;
    for (uid, title, day, hour) in [("x", "Same", 3, 9), ("y", "Near", 3, 10), ("z", "Closed", 4, 9)] {
        scene.remote().book(CALENDAR, event(uid, title, day, hour));
    }
    scene.settle().await;
    assert_eq!(open_kinds(house).await, ["closure"]);
});

//! Reservation classes that lie over each other: what connected systems are shown of them.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{House, START, on_both};
use anteroom::change::ChangeError;
use anteroom::manage::{self, Acting};
use anteroom::model::{
    ClassProjection, Event, EventStatus, EventTime, Frequency, Recurrence, ReservationClass, Rule, RuleEnd,
};
use anteroom::store::audit;
use anteroom::sync::Report;

/// A season's slot of 2026-03-`day` from `from` to `to` o'clock.
fn allocation(uid: &str, day: i8, from: i8, to: i8) -> Event {
    let zone = anteroom::model::ZoneId::parse("Europe/Oslo").unwrap();
    let day = jiff::civil::date(2026, 3, day);
    let when = EventTime::Timed { start: day.at(from, 0, 0, 0), end: day.at(to, 0, 0, 0), zone };
    Event { class: ReservationClass::Allocation, when, ..event(uid, uid, 3, 9) }
}

/// What stands at the remote side number `number`: title and hours, by time.
fn there(scene: &Scene<'_>, number: usize) -> Vec<String> {
    let text = |event: &Event| {
        let (start, end) = (event.when.wall_start(), event.when.wall_end());
        format!("{} {}-{}", event.content.summary, start.strftime("%d %H"), end.strftime("%H"))
    };
    let mut events: Vec<Event> =
        scene.remotes[number].bridge.events(CALENDAR).into_iter().map(|(_, event)| event).collect();
    events.sort_by_key(|event| event.when.wall_start());
    events.iter().map(text).collect()
}

async fn story(house: &House, uid: &str) -> Vec<String> {
    let mut tx = house.read().await;
    let all = audit::latest(&mut tx, house.tenant(), 100).await.unwrap();
    let mine = all.into_iter().rev().filter(|entry| entry.uid == uid && entry.action.starts_with("object."));
    mine.map(|entry| format!("{} {}", entry.action, entry.detail)).collect()
}

fn quiet(report: &Report) {
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
}

async fn show(scene: &Scene<'_>, projection: ClassProjection) {
    let mut tx = scene.house.write().await;
    let acting = Acting { tenant: scene.house.tenant(), actor: "test", now: scene.house.now() };
    let policy = manage::mappings::Policy { projection: Some(projection), ..Default::default() };
    manage::mappings::set_policy(&mut tx, &acting, &scene.mapping().await.id, &policy).await.unwrap();
    tx.commit().await.unwrap();
}

on_both!(a_displaced_allocation_gives_way_and_comes_back_when_the_event_goes, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&allocation("Handball", 3, 16, 22)).await.unwrap();
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Handball 03 16-22"]);

    scene.put(&event("gala", "Gala", 3, 16)).await.unwrap();
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Gala 03 16-17", "Handball 03 17-22"]);
    assert_eq!(scene.hub().await["Handball"].when, allocation("", 3, 16, 22).when, "the hub knows all of it");
    quiet(&scene.verify().await);

    scene.put(&event("gala", "Gala", 3, 18)).await.unwrap();
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Handball 03 16-18", "Gala 03 18-19", "Handball 03 19-22"]);
    quiet(&scene.verify().await);
    let writes = scene.remote().writes();
    scene.settle().await;
    assert_eq!(scene.remote().writes(), writes, "nothing is left to do");

    scene.delete("gala").await.unwrap();
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Handball 03 16-22"]);
    quiet(&scene.verify().await);
    assert_eq!(
        story(house, "Handball").await,
        [
            "object.create Handball.ics",
            "object.displaced under Gala (gala)",
            "object.restored no longer under Gala (gala)"
        ]
    );
});

on_both!(a_room_is_judged_as_it_is_under_its_lock_and_not_as_it_was_read_before, |house| async {
    let scene = Scene::new(house, 1).await;
    let long = Event { class: ReservationClass::Event, ..allocation("Fair", 3, 9, 20) };
    scene.put(&long).await.unwrap();
    assert!(scene.room.longest_ms == 0, "the scene's view of the room is from before");
    let refused = scene.put(&event("late", "Late", 3, 18)).await;
    assert!(matches!(refused, Err(ChangeError::Overlap(_))), "{refused:?}");
    // Both come in one read of the remote calendar.
    scene.remote().book(CALENDAR, Event { class: ReservationClass::Event, ..allocation("Long", 5, 8, 20) });
    scene.remote().book(CALENDAR, event("x", "Short", 5, 18));
    scene.settle().await;
    assert_eq!(scene.conflict_kinds().await, ["slot_collision"]);
});

on_both!(a_rest_that_is_refused_is_told_and_the_booking_stands_without_it, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&allocation("Handball", 3, 16, 22)).await.unwrap();
    scene.rest().await;
    scene.remote().refuse_overlaps();
    // A meeting comes in over the middle of it, and one more that the list does not show yet.
    scene.remote().book(CALENDAR, event("x", "Gala", 3, 18));
    scene.remote().lag_behind(CALENDAR);
    scene.remote().book(CALENDAR, event("y", "Quiz", 3, 20));
    scene.hint().await;
    scene.run().await;
    let told = scene.open("rest_refused").await;
    assert!(told.sentence.contains("2026-03-03 19:00 to 22:00") && told.sentence.contains("Handball"), "{told:?}");
    assert_eq!(scene.hub().await["Handball"].content.status, EventStatus::Confirmed, "the booking stands");
    assert_eq!(there(&scene, 0), ["Handball 03 16-18", "Gala 03 18-19", "Quiz 03 20-21"]);
    // Once that side's other booking is known, what is left is asked for around it.
    scene.settle().await;
    assert_eq!(
        there(&scene, 0),
        ["Handball 03 16-18", "Gala 03 18-19", "Handball 03 19-20", "Quiz 03 20-21", "Handball 03 21-22"]
    );
    let open: Vec<_> = scene.conflicts().await.into_iter().filter(|one| one.state == "open").collect();
    assert!(open.is_empty(), "{open:?}");
    quiet(&scene.verify().await);
});

on_both!(an_allocation_that_lies_wholly_under_an_event_is_gone_there_until_it_moves, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&allocation("Handball", 3, 18, 19)).await.unwrap();
    scene.put(&event("gala", "Gala", 3, 18)).await.unwrap();
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Gala 03 18-19"]);
    assert_eq!(scene.titles().await, ["Gala", "Handball"]);
    scene.put(&event("gala", "Gala", 4, 18)).await.unwrap();
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Handball 03 18-19", "Gala 04 18-19"]);
    quiet(&scene.verify().await);
});

on_both!(a_mapping_may_show_all_classes_and_changes_its_mind, |house| async {
    let scene = Scene::new(house, 1).await;
    show(&scene, ClassProjection::All).await;
    scene.put(&allocation("Handball", 3, 18, 19)).await.unwrap();
    scene.put(&event("gala", "Gala", 3, 18)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Gala", "Handball"]);
    show(&scene, ClassProjection::HighestWins).await;
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Gala"]);
    show(&scene, ClassProjection::All).await;
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Gala", "Handball"]);
    quiet(&scene.verify().await);
});

on_both!(one_week_of_a_season_gives_way_to_an_inbound_meeting_and_no_conflict_is_told, |house| async {
    let scene = Scene::new(house, 2).await;
    let mut season = allocation("Handball", 3, 18, 20);
    let rule = Rule { end: RuleEnd::Count(3), ..Rule::every(Frequency::Weekly) };
    season.recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
    scene.put(&season).await.unwrap();
    scene.settle().await;
    scene.remote().book(CALENDAR, event("x", "Gala", 10, 18));
    scene.remote().book(CALENDAR, event("y", "Quiz", 17, 19));
    scene.settle().await;
    assert_eq!(scene.conflict_kinds().await, Vec::<String>::new());
    for number in [0, 1] {
        assert_eq!(there(&scene, number), ["Handball 03 18-20", "Gala 10 18-19", "Quiz 17 19-20"], "{number}");
        let events = scene.remotes[number].bridge.events(CALENDAR);
        let (_, series) = events.into_iter().find(|(_, event)| event.recurrence.is_some()).unwrap();
        let hours: Vec<String> = series
            .overrides
            .values()
            .map(|one| format!("{}-{}", one.when.wall_start().strftime("%d %H"), one.when.wall_end().strftime("%H")))
            .collect();
        assert_eq!(hours, ["10 19-20", "17 18-19"], "{number}");
    }
    assert!(scene.hub().await["Handball"].overrides.is_empty());
    quiet(&scene.verify().await);
    let id = scene.remote_id("Gala");
    scene.remote().cancel(CALENDAR, &id);
    scene.settle().await;
    quiet(&scene.verify().await);
    let events = scene.remotes[1].bridge.events(CALENDAR);
    let (_, series) = events.into_iter().find(|(_, event)| event.recurrence.is_some()).unwrap();
    assert_eq!(series.overrides.len(), 1, "the tenth is whole again");
});

on_both!(a_booking_is_never_hidden_where_it_was_born, |house| async {
    let scene = Scene::new(house, 2).await;
    // The memory bridge keeps classes, as the booking system does.
    scene.remote().book(CALENDAR, allocation("Handball", 3, 18, 19));
    scene.settle().await;
    scene.put(&event("gala", "Gala", 3, 18)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Gala", "Handball"]);
    assert_eq!(scene.remote_titles(1), ["Gala"]);
    quiet(&scene.verify().await);
});

on_both!(what_is_left_of_an_allocation_follows_the_hub_whatever_is_done_to_it, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&allocation("Handball", 3, 16, 22)).await.unwrap();
    scene.put(&event("gala", "Gala", 3, 18)).await.unwrap();
    scene.settle().await;
    let rest = |scene: &Scene<'_>| {
        let events = scene.remote().events(CALENDAR);
        let late = |event: &Event| event.when.wall_start().hour() == 19 || event.content.summary == "Mine";
        events.into_iter().find(|(_, event)| late(event)).map(|(id, _)| id).unwrap()
    };
    let id = rest(&scene);
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Mine".to_owned());
    scene.settle().await;
    let whole = ["Handball 03 16-18", "Gala 03 18-19", "Handball 03 19-22"];
    assert_eq!(there(&scene, 0), whole);
    scene.remote().cancel(CALENDAR, &rest(&scene));
    scene.settle().await;
    assert_eq!(there(&scene, 0), whole);
    assert_eq!(scene.hub().await["Handball"].when, allocation("", 3, 16, 22).when);
    // The first stretch is the booking itself: a new title is the booking's, and the times that lie under stay its own.
    let first = scene.remote().events(CALENDAR).into_iter().find(|(_, event)| event.when.wall_start().hour() == 16);
    scene.remote().change(CALENDAR, &first.unwrap().0, |event| event.content.summary = "Floorball".to_owned());
    scene.settle().await;
    assert_eq!(there(&scene, 0), ["Floorball 03 16-18", "Gala 03 18-19", "Floorball 03 19-22"]);
    let hub = scene.hub().await["Handball"].clone();
    assert_eq!((hub.content.summary.as_str(), hub.when), ("Floorball", allocation("", 3, 16, 22).when));
    quiet(&scene.verify().await);
});

on_both!(a_closure_displaces_what_it_closes_out_and_opening_brings_it_back, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("choir", "Choir", 3, 18)).await.unwrap();
    scene.settle().await;
    let mut tx = house.write().await;
    let acting = Acting { tenant: house.tenant(), actor: "test", now: START };
    let new = manage::closures::NewClosure {
        from: "2026-03-03".to_owned(),
        to: "2026-03-03".to_owned(),
        reason: Some("New floor".to_owned()),
    };
    let slug = scene.room.slug.clone();
    let (_, closure) = manage::closures::create(&mut tx, &acting, &scene.limits, &slug, &new).await.unwrap();
    tx.commit().await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["New floor"]);
    assert_eq!(scene.conflict_kinds().await, ["closure"]);
    quiet(&scene.verify().await);
    let mut tx = house.write().await;
    manage::closures::remove(&mut tx, &acting, &scene.limits, &slug, &closure.event.uid).await.unwrap();
    tx.commit().await.unwrap();
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Choir"]);
    assert_eq!(scene.conflicts().await[0].state, "expired");
});

//! Series between the hub and a side that keeps dates: one operation carries them, what is refused is told date by date,
//! and the dates follow the horizon.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{HOUR_MS, on_both};
use anteroom::model::{Event, EventStatus, EventTime, Frequency, Recurrence, RecurrenceId, Resolution, Rule, RuleEnd};
use anteroom::store::operations;
use jiff::civil::{DateTime, date};

const DAY_MS: i64 = 24 * HOUR_MS;

/// A weekly series from a Monday on, at nine.
fn weekly(uid: &str, end: RuleEnd) -> Event {
    let rule = Rule { end, ..Rule::every(Frequency::Weekly) };
    let recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
    Event { recurrence, ..event(uid, "Choir", 9, 9) }
}

fn nine(month: i8, day: i8) -> DateTime {
    date(2026, month, day).at(9, 0, 0, 0)
}

async fn with_dates(house: &crate::house::House) -> Scene<'_> {
    let scene = Scene::new(house, 1).await;
    scene.remote().keep_dates();
    scene.remote().refuse_overlaps();
    scene
}

/// The wall-clock starts of what is called so at the remote side.
fn remote_starts(scene: &Scene<'_>, title: &str) -> Vec<DateTime> {
    let all = scene.remote().events(CALENDAR).into_iter();
    let mut starts: Vec<DateTime> =
        all.filter(|(_, event)| event.content.summary == title).map(|(_, event)| event.when.wall_start()).collect();
    starts.sort();
    starts
}

on_both!(refused_dates_leave_the_series_and_each_is_a_conflict_that_can_be_asked_for_again, |house| async {
    let scene = with_dates(house).await;
    for day in [16, 30] {
        scene.remote().book(CALENDAR, event(&format!("other{day}"), "Theatre", day, 9));
    }
    // The hub learns of them later: they were booked while the series was on its way.
    scene.put(&weekly("choir", RuleEnd::Count(5))).await.unwrap();
    scene.run().await;
    let series = scene.hub().await["choir"].clone();
    let exdates: Vec<DateTime> = series.recurrence.iter().flat_map(|set| set.exdates.iter().copied()).collect();
    assert_eq!(exdates, [nine(3, 16), nine(3, 30)]);
    assert_eq!(series.content.status, EventStatus::Confirmed, "what was taken stands");
    assert_eq!(remote_starts(&scene, "Choir"), [nine(3, 9), nine(3, 23), nine(4, 6)]);
    let all = operations::of_tenant(&mut house.read().await, house.tenant(), 100).await.unwrap();
    let of_series: Vec<_> = all.iter().filter(|one| one.uid.as_str() == "choir").collect();
    assert_eq!(of_series.len(), 1, "one operation carries the whole series");
    scene.settle().await;
    let refused: Vec<_> = scene.conflicts().await.into_iter().filter(|one| one.kind == "date_refused").collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().all(|one| one.state == "open" && one.proposal == "keep_remote"), "{refused:?}");
    let of_the_16th = refused.iter().find(|one| one.sentence.contains("2026-03-16 09:00")).unwrap();
    assert!(of_the_16th.sentence.contains("Choir") && of_the_16th.sentence.contains("Theatre"), "{of_the_16th:?}");
    // The theatre gives one evening back, and somebody asks for it again.
    let id =
        scene.remote().events(CALENDAR).into_iter().find(|(_, one)| one.when.wall_start() == nine(3, 16)).unwrap().0;
    scene.remote().cancel(CALENDAR, &id);
    scene.settle().await;
    scene.decide(of_the_16th, Resolution::PushAgain).await.unwrap();
    scene.settle().await;
    assert_eq!(remote_starts(&scene, "Choir"), [nine(3, 9), nine(3, 16), nine(3, 23), nine(4, 6)]);
    let series = scene.hub().await["choir"].clone();
    assert!(series.overrides.is_empty(), "a date as the rule has it is no exception");
    let writes = scene.remote().writes();
    scene.settle().await;
    assert_eq!(scene.remote().writes(), writes, "nothing is asked for twice");
});

on_both!(what_was_refused_of_a_series_that_is_deleted_needs_no_decision_any_more, |house| async {
    let scene = with_dates(house).await;
    scene.remote().book(CALENDAR, event("other", "Theatre", 16, 9));
    scene.put(&weekly("choir", RuleEnd::Count(3))).await.unwrap();
    scene.run().await;
    let conflict = scene.open("date_refused").await;
    scene.delete("choir").await.unwrap();
    let closed = scene.conflicts().await.into_iter().find(|one| one.id == conflict.id).unwrap();
    assert_eq!((closed.state.as_str(), closed.decision.as_str()), ("expired", "the series was deleted"));
    let uid = anteroom::model::Uid("choir".to_owned());
    let mut tx = house.read().await;
    let story = anteroom::store::audit::of_event(&mut tx, house.tenant(), &scene.room.id, &uid).await.unwrap();
    let told = story.iter().find(|entry| entry.action == "conflict.expired").unwrap();
    assert!(told.detail.starts_with("date_refused: the series was deleted"), "{}", told.detail);
});

on_both!(the_last_date_that_is_cancelled_there_takes_the_series_with_it, |house| async {
    let scene = with_dates(house).await;
    scene.put(&weekly("choir", RuleEnd::Count(2))).await.unwrap();
    scene.settle().await;
    for (id, _) in scene.remote().events(CALENDAR) {
        scene.remote().cancel(CALENDAR, &id);
    }
    scene.settle().await;
    assert!(scene.hub().await.is_empty());
});

on_both!(a_date_that_moves_into_a_taken_slot_goes_back_to_where_it_stands, |house| async {
    let scene = with_dates(house).await;
    let mut series = weekly("choir", RuleEnd::Count(3));
    scene.put(&series).await.unwrap();
    scene.rest().await;
    let id = RecurrenceId(nine(3, 16));
    let moved = EventTime::Timed {
        start: date(2026, 3, 16).at(14, 0, 0, 0),
        end: date(2026, 3, 16).at(15, 0, 0, 0),
        zone: series.when.zone().unwrap().clone(),
    };
    let change = anteroom::model::Override { when: moved, content: series.content.clone() };
    series.overrides.insert(id, change);
    scene.remote().fail_next([anteroom::bridge::memory::Fault::Before(anteroom::bridge::BridgeError::SlotTaken(
        "Theatre".to_owned(),
    ))]);
    scene.put(&series).await.unwrap();
    scene.run().await;
    assert_eq!(remote_starts(&scene, "Choir"), [nine(3, 9), nine(3, 16), nine(3, 23)]);
    let conflict = scene.open("date_refused").await;
    assert!(conflict.sentence.contains("2026-03-16 14:00") && conflict.sentence.contains("stays at"), "{conflict:?}");
    let standing = scene.hub().await["choir"].clone();
    assert!(standing.overrides.values().all(|one| one.when.wall_start() == nine(3, 16)), "{standing:?}");
    scene.decide(&conflict, Resolution::PushAgain).await.unwrap();
    scene.settle().await;
    assert_eq!(remote_starts(&scene, "Choir")[1], date(2026, 3, 16).at(14, 0, 0, 0));
});

on_both!(a_series_of_which_no_date_is_taken_is_refused_as_a_whole, |house| async {
    let scene = with_dates(house).await;
    for day in [9, 16] {
        scene.remote().book(CALENDAR, event(&format!("other{day}"), "Theatre", day, 9));
    }
    scene.put(&weekly("choir", RuleEnd::Count(2))).await.unwrap();
    scene.run().await;
    assert_eq!(scene.hub().await["choir"].content.status, EventStatus::Tentative);
    scene.open("rejected").await;
});

on_both!(the_dates_of_a_series_without_end_follow_the_horizon, |house| async {
    let scene = with_dates(house).await;
    scene.put(&weekly("choir", RuleEnd::Never)).await.unwrap();
    scene.settle().await;
    let first = remote_starts(&scene, "Choir");
    let (begin, end) = (first[0], *first.last().unwrap());
    assert_eq!(begin, nine(3, 9));
    for _ in 0..8 {
        house.clock.advance_ms(7 * DAY_MS);
        scene.keep_house().await;
        scene.settle().await;
    }
    let later = remote_starts(&scene, "Choir");
    assert_eq!(later[0], begin, "what has taken place stays where it is");
    let weeks = |from: DateTime, to: DateTime| from.date().until(to.date()).unwrap().get_days() / 7;
    assert_eq!(weeks(end, *later.last().unwrap()), 8, "as many weeks more as have passed");
    assert!(later.windows(2).all(|two| weeks(two[0], two[1]) == 1), "each week once");
    let writes = scene.remote().writes();
    scene.settle().await;
    assert_eq!(scene.remote().writes(), writes);
});

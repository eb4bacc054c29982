//! Weekly allocations of a booking system as one series: made, changed date by date, moved on, and given back, without a
//! write to the side they come from.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{HOUR_MS, House, on_both};
use anteroom::bridge::RemoteId;
use anteroom::manage::{self, Acting};
use anteroom::model::{Event, EventTime, RecurrenceId, ReservationClass, RuleEnd};
use anteroom::store::{links, rooms};
use anteroom::sync::{PlanAct, PlanSide};
use jiff::ToSpan;
use jiff::civil::{DateTime, date};

/// The evening of the Wednesday that many weeks after 4 March 2026.
fn evening(week: i64) -> DateTime {
    date(2026, 3, 4).at(18, 0, 0, 0).checked_add((7 * week).days()).unwrap()
}

fn allocation(week: i64) -> Event {
    let zone = anteroom::model::ZoneId::parse("Europe/Oslo").unwrap();
    let when = EventTime::Timed { start: evening(week), end: evening(week).checked_add(2.hours()).unwrap(), zone };
    Event {
        class: ReservationClass::Allocation,
        when,
        ..event(&format!("booking-allocation-{week}"), "Handball", 4, 18)
    }
}

/// Somebody grants one more evening there.
fn grant(scene: &Scene<'_>, event: Event) -> RemoteId {
    let id = scene.remote().book(CALENDAR, event);
    scene.remote().lock(CALENDAR, &id);
    id
}

async fn ask(scene: &Scene<'_>, fold: bool) {
    let mut tx = scene.house.write().await;
    let acting = Acting { tenant: scene.house.tenant(), actor: "test", now: scene.house.now() };
    let policy = manage::mappings::Policy { fold_allocations: Some(fold), ..Default::default() };
    manage::mappings::set_policy(&mut tx, &acting, &scene.mapping().await.id, &policy).await.unwrap();
    tx.commit().await.unwrap();
}

/// A booking system with these evenings, which comes as series, and a calendar that knows series.
async fn with_season<'a>(house: &'a House, weeks: &[i64]) -> (Scene<'a>, Vec<RemoteId>) {
    let scene = Scene::new(house, 2).await;
    scene.remote().keep_dates();
    scene.remote().only_list();
    scene.remote().forget_keys();
    ask(&scene, true).await;
    let ids = weeks.iter().map(|week| grant(&scene, allocation(*week))).collect();
    scene.settle().await;
    (scene, ids)
}

fn starts(event: &Event) -> Vec<DateTime> {
    let limits = anteroom::config::Limits::default();
    let budget = anteroom::ical::recur::Budget::of(&limits);
    let (range, zone) = (anteroom::model::TimeRange::ALL, event.when.zone().unwrap().clone());
    let all = anteroom::ical::recur::occurrences(event, range, &zone, &budget).unwrap();
    all.into_iter().map(|one| one.when.wall_start()).collect()
}

fn evenings(weeks: &[i64]) -> Vec<DateTime> {
    weeks.iter().map(|week| evening(*week)).collect()
}

/// The one booking of the hub, and what the second system has, which is the same.
async fn one(scene: &Scene<'_>) -> Event {
    let hub = scene.hub().await;
    assert_eq!(hub.len(), 1, "{hub:#?}");
    let event = hub.into_values().next().unwrap();
    let there = scene.remotes[1].bridge.events(CALENDAR);
    assert_eq!(there.len(), 1, "{there:#?}");
    assert_eq!(there[0].1, event, "the other side has the same series");
    event
}

async fn seq(scene: &Scene<'_>) -> i64 {
    rooms::get(&mut scene.house.read().await, scene.house.tenant(), &scene.room.id).await.unwrap().unwrap().seq
}

/// Nothing happens any more: not at the booking system, not in the hub, not at the other side.
async fn quiet(scene: &Scene<'_>) {
    let report = scene.verify().await;
    assert!(report.violations.is_empty() && report.skipped.is_empty(), "{report:#?}");
    assert_eq!(scene.remote().writes(), 0, "allocations are read only");
    let before = (seq(scene).await, scene.remotes[1].bridge.writes());
    scene.settle().await;
    assert_eq!((seq(scene).await, scene.remotes[1].bridge.writes()), before, "nothing changed");
}

on_both!(identical_weekly_allocations_are_one_series_in_the_hub_and_at_the_other_side, |house| async {
    let (scene, _) = with_season(house, &[0, 1, 2, 3, 5]).await;
    let event = one(&scene).await;
    assert_eq!((event.class, event.content.summary.as_str()), (ReservationClass::Allocation, "Handball"));
    assert_eq!(starts(&event), evenings(&[0, 1, 2, 3, 5]));
    let recurrence = event.recurrence.as_ref().unwrap();
    assert_eq!(recurrence.rule.as_ref().unwrap().end, RuleEnd::Until(evening(5)));
    assert_eq!(recurrence.exdates.iter().copied().collect::<Vec<_>>(), [evening(4)], "a gap is an EXDATE");
    let mapping = scene.mapping().await;
    let all = links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    assert_eq!(all.len(), 5, "a link for each evening");
    assert!(all.iter().all(|link| link.uid == event.uid && !link.part.is_empty()), "{all:#?}");
    quiet(&scene).await;
});

on_both!(allocations_that_differ_or_are_too_few_stay_alone, |house| async {
    let (scene, _) = with_season(house, &[0, 1]).await;
    assert_eq!(scene.hub().await.len(), 2);
    let mut other = allocation(2);
    other.content.description = "hall B".to_owned();
    grant(&scene, other);
    scene.settle().await;
    assert_eq!(scene.hub().await.len(), 3);
    // The third that is identical makes a series of those that stood alone.
    grant(&scene, allocation(3));
    scene.settle().await;
    let hub = scene.hub().await;
    assert_eq!(hub.len(), 2, "{hub:#?}");
    let series = hub.values().find(|event| event.recurrence.is_some()).unwrap();
    assert_eq!(starts(series), evenings(&[0, 1, 3]));
    assert_eq!(scene.remotes[1].bridge.events(CALENDAR).len(), 2);
    quiet(&scene).await;
});

on_both!(an_evening_that_is_cancelled_moved_or_renamed_there_changes_that_date_alone, |house| async {
    let (scene, ids) = with_season(house, &[0, 1, 2, 3, 4]).await;
    let uid = one(&scene).await.uid;
    scene.remote().cancel(CALENDAR, &ids[1]);
    scene.settle().await;
    assert_eq!(starts(&one(&scene).await), evenings(&[0, 2, 3, 4]));
    scene.remote().change(CALENDAR, &ids[2], |event| {
        let zone = event.when.zone().unwrap().clone();
        let at = |hour| date(2026, 3, 19).at(hour, 0, 0, 0);
        event.when = EventTime::Timed { start: at(9), end: at(11), zone };
    });
    scene.remote().change(CALENDAR, &ids[3], |event| event.content.summary = "Cup".to_owned());
    scene.settle().await;
    let event = one(&scene).await;
    assert_eq!(event.uid, uid, "it stays the booking it is");
    assert_eq!(event.overrides[&RecurrenceId(evening(2))].when.wall_start(), date(2026, 3, 19).at(9, 0, 0, 0));
    assert_eq!(event.overrides[&RecurrenceId(evening(3))].content.summary, "Cup");
    assert_eq!(event.overrides.len(), 2);
    // Taken back there, it is a date like the others again.
    scene.remote().change(CALENDAR, &ids[3], |event| event.content.summary = "Handball".to_owned());
    scene.settle().await;
    let event = one(&scene).await;
    assert_eq!(event.overrides.keys().copied().collect::<Vec<_>>(), [RecurrenceId(evening(2))]);
    quiet(&scene).await;
});

on_both!(a_season_goes_on_gets_evenings_back_and_keeps_its_uid, |house| async {
    let (scene, ids) = with_season(house, &[0, 1, 2, 3]).await;
    let uid = one(&scene).await.uid;
    grant(&scene, allocation(4));
    grant(&scene, allocation(6));
    scene.remote().cancel(CALENDAR, &ids[0]);
    scene.settle().await;
    let event = one(&scene).await;
    assert_eq!((&event.uid, starts(&event)), (&uid, evenings(&[1, 2, 3, 4, 6])));
    quiet(&scene).await;
    // The evening that was cancelled is granted anew, and one before the season.
    grant(&scene, allocation(0));
    grant(&scene, allocation(-1));
    scene.settle().await;
    let event = one(&scene).await;
    assert_eq!((&event.uid, starts(&event)), (&uid, evenings(&[-1, 0, 1, 2, 3, 4, 6])));
    quiet(&scene).await;
    // The next season is another series.
    for week in [30, 31, 32] {
        grant(&scene, allocation(week));
    }
    scene.settle().await;
    assert_eq!(scene.hub().await.len(), 2);
    quiet(&scene).await;
});

on_both!(a_season_that_is_renamed_there_is_renamed_as_one, |house| async {
    let (scene, ids) = with_season(house, &[0, 1, 2, 3]).await;
    for id in &ids {
        scene.remote().change(CALENDAR, id, |event| event.content.summary = "Football".to_owned());
    }
    scene.settle().await;
    let event = one(&scene).await;
    assert_eq!((event.content.summary.as_str(), event.overrides.len()), ("Football", 0));
    quiet(&scene).await;
});

on_both!(the_last_evening_that_goes_takes_the_series_with_it, |house| async {
    let (scene, ids) = with_season(house, &[0, 1, 2]).await;
    for id in &ids {
        scene.remote().cancel(CALENDAR, id);
    }
    scene.settle().await;
    assert!(scene.hub().await.is_empty());
    assert!(scene.remotes[1].bridge.events(CALENDAR).is_empty());
    quiet(&scene).await;
});

on_both!(what_is_written_in_the_hub_goes_back_to_what_the_allocations_say, |house| async {
    let (scene, _) = with_season(house, &[0, 1, 2, 3]).await;
    let event = one(&scene).await;
    let mut renamed = event.clone();
    renamed.content.summary = "Ours".to_owned();
    scene.put(&renamed).await.unwrap();
    scene.settle().await;
    assert_eq!(one(&scene).await, event);
    scene.delete(event.uid.as_str()).await.unwrap();
    scene.settle().await;
    let back = one(&scene).await;
    assert_eq!((&back.uid, starts(&back)), (&event.uid, starts(&event)), "allocations are not removed from here");
    assert_eq!(scene.remote().events(CALENDAR).len(), 4);
    quiet(&scene).await;
});

on_both!(an_allocation_that_somebody_has_added_to_in_the_hub_stays_alone, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().keep_dates();
    scene.remote().only_list();
    for week in [0, 1, 2, 3] {
        grant(&scene, allocation(week));
    }
    scene.settle().await;
    // Nothing that the other side would hear of.
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT";
    scene.edit_text("booking-allocation-1", |text| text.replace("END:VEVENT", alarm)).await;
    ask(&scene, true).await;
    scene.settle().await;
    let hub = scene.hub().await;
    assert_eq!(hub.len(), 2, "{hub:#?}");
    assert!(hub.contains_key("booking-allocation-1"));
    let series = hub.values().find(|event| event.recurrence.is_some()).unwrap();
    assert_eq!(starts(series), evenings(&[0, 2, 3]));
    assert_eq!(scene.remote().writes(), 0, "allocations are read only");
});

on_both!(what_was_folded_is_given_back_date_by_date_when_the_option_goes, |house| async {
    let (scene, ids) = with_season(house, &[0, 1, 2, 3]).await;
    scene.remote().change(CALENDAR, &ids[3], |event| event.content.summary = "Cup".to_owned());
    scene.settle().await;
    ask(&scene, false).await;
    let plan = scene.plan().await;
    assert_eq!(plan.count(PlanSide::Hub, PlanAct::Change), 1, "{plan:#?}");
    scene.settle().await;
    let hub = scene.hub().await;
    assert_eq!(hub.len(), 4, "{hub:#?}");
    let cup = &hub["booking-allocation-3"];
    assert_eq!((cup.content.summary.as_str(), cup.recurrence.is_none()), ("Cup", true));
    assert_eq!(scene.remotes[1].bridge.events(CALENDAR).len(), 4);
    quiet(&scene).await;
    ask(&scene, true).await;
    scene.settle().await;
    let hub = scene.hub().await;
    assert_eq!(hub.len(), 2, "the renamed one stays alone: {hub:#?}");
    quiet(&scene).await;
});

on_both!(the_plan_of_a_first_contact_tells_series_as_such, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().keep_dates();
    scene.remote().only_list();
    ask(&scene, true).await;
    for week in 0..6 {
        grant(&scene, allocation(week));
    }
    let plan = scene.plan().await;
    assert_eq!(plan.count(PlanSide::Hub, PlanAct::Create), 1, "{plan:#?}");
    assert!(plan.steps[0].why.contains("6 weekly allocations"), "{plan:#?}");
    assert_eq!(plan.steps.len(), 1, "nothing is written there: {plan:#?}");
});

on_both!(evenings_leave_the_window_and_others_come_into_it, |house| async {
    let weeks: Vec<i64> = (0..8).collect();
    let (scene, _) = with_season(house, &weeks).await;
    let uid = one(&scene).await.uid;
    house.clock.advance_ms(60 * 24 * HOUR_MS);
    for week in 8..10 {
        grant(&scene, allocation(week));
    }
    scene.settle().await;
    let event = one(&scene).await;
    assert_eq!(event.uid, uid);
    assert_eq!(starts(&event), evenings(&(0..10).collect::<Vec<i64>>()), "what is over stays in the series");
    quiet(&scene).await;
});

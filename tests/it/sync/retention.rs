//! Past bookings that have outlived their policy: gone from the hub and from nowhere else, and nothing brings them back.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{HOUR_MS, on_both};
use anteroom::bridge::BridgeError;
use anteroom::bridge::memory::Fault;
use anteroom::crypt::Key;
use anteroom::manage::retention::{self, Archives, Bounds, NewPolicy};
use anteroom::manage::{Acting, ManageError};
use anteroom::model::{Event, EventTime, Frequency, LinkState, Recurrence, Resolution, Rule, RuleEnd, Uid, ZoneId};
use anteroom::store::{changes, leases, links, operations};
use tempfile::TempDir;

const DAY_MS: i64 = 24 * HOUR_MS;

fn archives(folder: &TempDir) -> Archives {
    Archives::new(folder.path(), &Key::new([5; 32]), &Key::new([3; 32]))
}

/// A weekly series from 2026-03-09 on, with an end or without.
fn weekly(uid: &str, hour: i8, end: RuleEnd) -> Event {
    let rule = Rule { end, ..Rule::every(Frequency::Weekly) };
    let recurrence = Some(Recurrence { rule: Some(rule), ..Recurrence::default() });
    Event { recurrence, ..event(uid, uid, 9, hour) }
}

/// Says for how many days past bookings are kept.
async fn keep(scene: &Scene<'_>, keep_days: i64) -> Result<(), ManageError> {
    let acting = Acting { tenant: scene.house.tenant(), actor: "principal:ada", now: scene.house.now() };
    let mut tx = scene.house.write().await;
    retention::set(&mut tx, &acting, "bookings", &NewPolicy { keep_days, archive: true }).await?;
    tx.commit().await.unwrap();
    Ok(())
}

/// The daily round; how many bookings went.
async fn round(scene: &Scene<'_>, folder: &TempDir, past_days: i64) -> u64 {
    let (house, bounds) = (scene.house, Bounds { limits: &scene.limits, past_days });
    let ended = retention::enforce(&house.store, &archives(folder), house.tenant(), bounds, house.now()).await.unwrap();
    ended.into_iter().find(|(what, _)| what == "bookings").map_or(0, |(_, count)| count)
}

on_both!(what_has_outlived_its_policy_goes_here_stays_there_and_does_not_come_back, |house| async {
    let (scene, folder) = (Scene::new(house, 2).await, tempfile::tempdir().unwrap());
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "From afar", 4, 9));
    scene.put(&weekly("ended", 12, RuleEnd::Count(3))).await.unwrap();
    scene.put(&weekly("goes on", 14, RuleEnd::Never)).await.unwrap();
    scene.settle().await;
    let there = scene.remote_titles(0);
    assert_eq!(there.len(), 4, "{there:?}");
    house.clock.advance_ms(500 * DAY_MS);
    scene.settle().await;
    let (before, wrote) = (scene.remotes[1].bridge.events(CALENDAR), scene.remote().writes());
    assert_eq!(round(&scene, &folder, 30).await, 0, "nobody has said so");
    assert!(keep(&scene, 399).await.is_err());
    keep(&scene, 400).await.unwrap();
    assert_eq!(round(&scene, &folder, 200).await, 0, "the reconciler still looks back as far as that");
    let seq = changes_until(&scene).await;
    assert_eq!((round(&scene, &folder, 30).await, round(&scene, &folder, 30).await), (3, 0));
    assert_eq!(scene.titles().await, ["goes on"]);

    // Calendar programs are told that three members are gone.
    let rows = changes::since(&mut house.read().await, house.tenant(), &scene.room.id, seq, 10).await.unwrap();
    assert_eq!((rows.len(), rows.iter().all(|row| row.etag.is_none())), (3, true));
    // What is left of them here is how to know them again.
    for remote in &scene.remotes {
        for uid in ["a", "x", "ended"] {
            let uid = Uid(uid.to_owned());
            let of = links::of_uid(&mut house.read().await, house.tenant(), &remote.mapping, &uid).await.unwrap();
            assert!(!of.is_empty(), "{uid:?}");
            for link in of {
                assert_eq!((link.state, link.base.as_str()), (LinkState::Forgotten, ""));
                assert!(link.remote_id.is_some() && link.sent.is_empty() && link.echo.is_empty());
            }
        }
    }
    let kept = archives(&folder).read(house.tenant(), "bookings").unwrap();
    let bodies: Vec<&str> = kept.iter().map(|line| line["detail"].as_str().unwrap()).collect();
    assert!(bodies.len() == 3 && bodies.iter().any(|body| body.contains("SUMMARY:Budget\r\n")), "{bodies:?}");

    // Nothing leaves, nothing comes, whatever is read.
    scene.settle().await;
    for remote in &scene.remotes {
        remote.bridge.forget_cursors(CALENDAR);
    }
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec!["goes on".to_owned()], there));
    assert_eq!((scene.remotes[1].bridge.events(CALENDAR).len(), scene.remote().writes()), (before.len(), wrote));
    let report = scene.verify().await;
    assert!(report.violations.is_empty(), "{:?}", report.violations);
});

/// The number of the last change.
async fn changes_until(scene: &Scene<'_>) -> i64 {
    let house = scene.house;
    let all = changes::since(&mut house.read().await, house.tenant(), &scene.room.id, 0, 1000).await.unwrap();
    all.last().unwrap().seq
}

on_both!(an_old_copy_that_is_edited_stays_old_and_one_that_is_moved_is_a_booking_again, |house| async {
    let (scene, folder) = (Scene::new(house, 1).await, tempfile::tempdir().unwrap());
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "Choir", 4, 9));
    scene.settle().await;
    house.clock.advance_ms(500 * DAY_MS);
    scene.settle().await;
    keep(&scene, 400).await.unwrap();
    assert_eq!(round(&scene, &folder, 30).await, 2);
    let wrote = scene.remote().writes();
    for title in ["Budget", "Choir"] {
        let id = scene.remote_id(title);
        scene.remote().change(CALENDAR, &id, |event| event.content.location = "Upstairs".to_owned());
    }
    scene.hint().await;
    scene.settle().await;
    assert!(scene.titles().await.is_empty(), "{:?}", scene.titles().await);
    assert_eq!((scene.remote_titles(0).len(), scene.remote().writes()), (2, wrote), "and nothing is removed there");
    for title in ["Budget", "Choir"] {
        let id = scene.remote_id(title);
        scene.remote().change(CALENDAR, &id, |event| {
            let zone = ZoneId::parse("Europe/Oslo").unwrap();
            let day = jiff::civil::date(2027, 9, if title == "Choir" { 6 } else { 7 });
            event.when = EventTime::Timed { start: day.at(9, 0, 0, 0), end: day.at(10, 0, 0, 0), zone };
        });
    }
    scene.hint().await;
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Budget", "Choir"]);
    assert_eq!((scene.remote_titles(0).len(), scene.remote().writes()), (2, wrote));
});

on_both!(a_past_booking_about_which_something_is_open_stays_until_it_is_not, |house| async {
    let (scene, folder) = (Scene::new(house, 1).await, tempfile::tempdir().unwrap());
    scene.rest().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next([Fault::Before(BridgeError::SlotTaken("Choir has the hall".to_owned()))]);
    scene.settle().await;
    let refused = scene.open("rejected").await;
    house.clock.advance_ms(500 * DAY_MS);
    keep(&scene, 400).await.unwrap();
    assert_eq!(round(&scene, &folder, 30).await, 0, "a person has to decide");
    scene.decide(&refused, Resolution::Ignore).await.unwrap();
    let mut edited = scene.hub().await.remove("a").unwrap();
    edited.content.location = "Upstairs".to_owned();
    scene.put(&edited).await.unwrap();
    let open =
        operations::of_event(&mut house.read().await, house.tenant(), &scene.room.id, &edited.uid).await.unwrap();
    assert!(open.iter().any(|one| one.ended_ms.is_none()));
    assert_eq!(round(&scene, &folder, 30).await, 0, "it is on its way");
    scene.settle().await;
    // While the reconciler works on the room, the round leaves it alone.
    let (name, until) = (format!("mapping:{}", scene.remotes[0].mapping), house.now().plus_ms(60_000));
    house.write_one(async |tx| leases::acquire(tx, &name, "another", house.now(), until).await).await.unwrap();
    assert_eq!(round(&scene, &folder, 30).await, 0);
    house.clock.advance_ms(61_000);
    assert_eq!(round(&scene, &folder, 30).await, 1);
    assert!(archives(&folder).read(house.tenant(), "bookings").unwrap().len() == 1, "what stayed is in no archive");
});

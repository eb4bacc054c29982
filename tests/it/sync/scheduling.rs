//! When the reconciler works, and who of several processes does.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{self, Engine, HOUR_MS, House, on_both};
use anteroom::bridge::Bridge;
use anteroom::bridge::memory::MemoryBridge;
use anteroom::model::{Clock, Event, EventTime, SubscriptionId, SystemClock, Timestamp, ZoneId};
use anteroom::store::leases::{self, Lease};
use anteroom::store::mappings::{self, Mapping};
use anteroom::store::subscriptions::{self, Subscription};
use anteroom::sync::{Settings, Worker};
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;

/// The clock of a machine that nobody has set right.
struct WrongClock(i64);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0)
    }

    fn is_of_the_world(&self) -> bool {
        true
    }
}

fn worker(scene: &Scene<'_>, owner: &str, clock: impl Clock + 'static, settings: Settings) -> Worker {
    scene.worker_of(owner, Arc::new(clock), settings, |_, bridge: Arc<MemoryBridge>| bridge as Arc<dyn Bridge>)
}

/// A meeting in three days of the real world.
fn soon(title: &str) -> Event {
    let day = SystemClock.now().plus_ms(72 * HOUR_MS).to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    let start = day.at(9, 0, 0, 0);
    let end = start + jiff::Span::new().hours(1);
    Event { when: EventTime::Timed { start, end, zone: ZoneId::utc() }, ..event(title, title, 3, 9) }
}

async fn taken(house: &House, scene: &Scene<'_>, for_ms: i64) -> Lease {
    let name = format!("mapping:{}", scene.remotes[0].mapping);
    let taken = house.write_one(async |tx| {
        let now = leases::time(tx).await?;
        leases::acquire(tx, &name, "another", now, now.plus_ms(for_ms)).await
    });
    taken.await.unwrap()
}

async fn f25(house: &House) {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, soon("Choir"));
    let (fast, slow) = (WrongClock(HOUR_MS), WrongClock(-HOUR_MS));
    taken(house, &scene, 10 * MINUTE_MS).await;
    worker(&scene, "fast", fast, Settings::default()).run_until_idle().await.unwrap();
    assert!(scene.hub().await.is_empty(), "it would have taken the lease of somebody who is at work");
    let lease = taken(house, &scene, 10 * MINUTE_MS).await;
    house.write_one(async |tx| leases::release(tx, &lease).await).await;
    let lease = taken(house, &scene, -MINUTE_MS).await;
    worker(&scene, "slow", slow, Settings::default()).run_until_idle().await.unwrap();
    assert_eq!(scene.titles().await, ["Choir"], "it would have waited an hour for {lease:?}, which is over");
}

/// On `SQLite` all processes are on one machine, which has one clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_processes_whose_clocks_are_an_hour_apart_keep_their_leases_by_the_clock_of_the_database() {
    house::run(Engine::Postgres, f25).await;
}

on_both!(work_that_takes_longer_than_a_lease_keeps_it, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, soon("Choir"));
    scene.remote().read_slowly(Duration::from_millis(1_500));
    let settings = Settings { lease: Duration::from_millis(450), ..Settings::default() };
    let one = worker(&scene, "one", SystemClock, settings.clone());
    let other = worker(&scene, "other", SystemClock, settings);
    let rival = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            other.run_until_idle().await.unwrap();
        }
    };
    let (done, ()) = tokio::join!(one.run_until_idle(), rival);
    done.unwrap();
    assert_eq!(scene.titles().await, ["Choir"]);
    assert_eq!(scene.remote().complete_reads(), 1, "the other process has read as well");
});

fn subscription(mapping: &Mapping, now: Timestamp) -> Subscription {
    let far = now.plus_ms(1_000 * HOUR_MS);
    Subscription {
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
        created_ms: now,
        misses: 0,
    }
}

/// Pulls now. Answers for how many minutes nothing is read after that.
async fn pause(scene: &Scene<'_>) -> i64 {
    let due = scene.mapping().await.due_ms;
    scene.house.clock.advance_ms((due.ms() - scene.house.now().ms()).max(0));
    scene.run().await;
    (scene.mapping().await.due_ms.ms() - scene.house.now().ms()) / MINUTE_MS
}

on_both!(f4_a_calendar_is_polled_fast_while_its_notifications_are_silent_and_slowly_while_they_speak, |house| async {
    let scene = Scene::new(house, 1).await;
    assert!(pause(&scene).await < 2, "nothing is announced without a subscription");
    let mapping = scene.mapping().await;
    let subscription = subscription(&mapping, house.now());
    house.write_one(async |tx| subscriptions::put(tx, &subscription).await).await;
    assert!((7..23).contains(&pause(&scene).await));
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    assert!((7..23).contains(&pause(&scene).await), "one notification may be lost");
    assert!((7..23).contains(&pause(&scene).await), "silence while nothing changes is no sign");
    scene.remote().book(CALENDAR, event("y", "Chess", 4, 9));
    assert!(pause(&scene).await < 2, "two changes were not announced");
    assert!(pause(&scene).await < 2);
    house.write_one(async |tx| subscriptions::notified(tx, &subscription, house.now()).await).await;
    assert!((7..23).contains(&pause(&scene).await), "it speaks again");
});

on_both!(f4_a_subscription_that_stays_silent_is_replaced_and_its_heir_has_to_prove_itself, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().take_subscriptions();
    let worker = scene.reachable("one");
    worker.keep_house_once().await.unwrap();
    let mapping = scene.mapping().await;
    let living =
        async || subscriptions::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    let first = living().await.remove(0);
    pause(&scene).await;
    for (uid, day) in [("x", 3), ("y", 4)] {
        scene.remote().book(CALENDAR, event(uid, uid, day, 9));
        pause(&scene).await;
    }
    house.clock.advance_ms(2 * HOUR_MS);
    for _ in 0..2 {
        worker.keep_house_once().await.unwrap();
    }
    let heir = living().await.remove(0);
    assert_ne!(heir.id, first.id);
    assert!(!heir.is_healthy(house.now()), "nobody knows yet whether it speaks");
    house.write_one(async |tx| subscriptions::notified(tx, &heir, house.now()).await).await;
    assert!(living().await.remove(0).is_healthy(house.now()));
});

on_both!(a_complete_comparison_is_made_in_the_night_of_the_tenant, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.run().await;
    let first = scene.mapping().await.completed_ms.unwrap();
    let mut made = Vec::new();
    for _ in 0..4 * 48 {
        house.clock.advance_ms(15 * MINUTE_MS);
        scene.run().await;
        made.push(scene.mapping().await.completed_ms.unwrap());
    }
    made.dedup();
    made.retain(|at| *at != first);
    let hour = |at: &Timestamp| at.to_jiff().in_tz("Europe/Oslo").unwrap().hour();
    assert_eq!(made.len(), 2, "two nights: {made:?}");
    assert!(made.iter().all(|at| (1..6).contains(&hour(at))), "{made:?}");
});

on_both!(after_a_start_a_small_installation_is_looked_at_at_once_and_a_large_one_bit_by_bit, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.take_up().await;
    assert!(scene.mapping().await.due_ms <= house.now());
    let far = house.now().plus_ms(10 * HOUR_MS);
    let template = scene.mapping().await;
    for number in 0..99 {
        let room = house.room(&format!("Room {number}")).await;
        let id = format!("many-{number:02}");
        let mapping =
            Mapping { id: id.clone().into(), room_id: room.id, remote_id: id, due_ms: far, ..template.clone() };
        house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
    }
    let rows = mappings::list(&mut house.read().await, house.tenant()).await.unwrap();
    for mapping in &rows {
        house.write_one(async |tx| mappings::set_state(tx, mapping, mapping.state, "", (far, far)).await).await;
    }
    scene.take_up().await;
    let mut waits: Vec<i64> = scene.mappings().await.iter().map(|one| one.due_ms.ms() - house.now().ms()).collect();
    waits.sort_unstable();
    assert_eq!(waits.iter().filter(|wait| **wait == 0).count(), 64);
    assert_eq!((waits[64], waits[99]), (600, 36 * 600), "the others come one after the other");
});

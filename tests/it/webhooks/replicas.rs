//! A replica that looks once an hour tells webhooks what another one has committed.

use super::{Stage, courier};
use crate::house::{self, Engine, House};
use anteroom::store::{Heard, Store, Waking};
use anteroom::sync::{Nudge, Settings};
use std::time::Duration;
use tokio::time::Instant;

async fn told(house: &House) {
    let stage = Stage::new(house).await;
    stage.plain().await;
    let (store, nudge) = (Store::open(&house.url).await.unwrap(), Nudge::default());
    let other = courier(&store, house.clock.clone());
    let other =
        anteroom::sync::Courier { settings: Settings { look: Duration::from_hours(1), ..other.settings }, ..other };
    let (listener, wakes) = (store.listener().unwrap(), nudge.clone());
    let ears = tokio::spawn(async move {
        let told = |heard| {
            if matches!(heard, Heard::Waking(who) if who.wakes(Waking::COURIER)) {
                wakes.nudge();
            }
        };
        listener.run(told).await;
    });
    let work = tokio::spawn(other.run(nudge, std::future::pending()));
    let mut times = Vec::new();
    for hour in 8..18 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        stage.book(&format!("u{hour}"), hour).await;
        let began = Instant::now();
        while stage.receiver.take().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(1), "another replica does not tell");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.push(began.elapsed());
    }
    times.sort();
    println!("from a commit in one replica to a webhook by another: p50={:?} max={:?}", times[5], times[9]);
    ears.abort();
    work.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_commits_another_tells_webhooks_within_a_second() {
    house::run(Engine::Postgres, told).await;
}

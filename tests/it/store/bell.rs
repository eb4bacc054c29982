//! What one process tells the others through the database.

use super::{name, uid};
use crate::house::{self, Engine, House};
use anteroom::store::changes::NewChange;
use anteroom::store::rooms::Room;
use anteroom::store::{Heard, Store, Tx, Waking, changes};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Another process that listens.
struct Neighbour {
    heard: Arc<Mutex<Vec<Waking>>>,
    task: JoinHandle<()>,
}

impl Neighbour {
    async fn listening(store: &Store) -> Self {
        let (listener, heard) = (store.listener().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let log = heard.clone();
        let task = tokio::spawn(async move {
            let note = |one| {
                if let Heard::Waking(who) = one {
                    log.lock().unwrap().push(who);
                }
            };
            listener.run(note).await;
        });
        let neighbour = Self { heard, task };
        assert_eq!(neighbour.next(1).await, [Waking::EVERYBODY], "what was told before it listened is missed");
        neighbour
    }

    /// What was heard since, as soon as there are so many.
    async fn next(&self, least: usize) -> Vec<Waking> {
        let end = Instant::now() + Duration::from_secs(5);
        while self.heard.lock().unwrap().len() < least {
            assert!(Instant::now() < end, "nothing was heard");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// What was heard within a while.
    async fn within(&self, while_ms: u64) -> Vec<Waking> {
        tokio::time::sleep(Duration::from_millis(while_ms)).await;
        self.next(0).await
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn change(house: &House, tx: &mut Tx, room: &Room, seq: i64) {
    let (uid, name) = (uid("a"), name("a.ics"));
    let (tenant, at) = (house.tenant(), house.now());
    let change = NewChange { tenant, room: &room.id, name: &name, uid: &uid, seq, deleted: false, at };
    changes::record(tx, &change).await.unwrap();
}

async fn commits(house: &House) {
    let room = house.room("Council hall").await;
    let neighbour = Neighbour::listening(&Store::open(&house.url).await.unwrap()).await;
    let mut tx = house.write().await;
    change(house, &mut tx, &room, 1).await;
    change(house, &mut tx, &room, 2).await;
    assert_eq!(neighbour.within(200).await, [], "before the commit there is nothing to find");
    tx.commit().await.unwrap();
    assert_eq!(neighbour.next(1).await, [Waking::ANNOUNCER]);
    let mut tx = house.write().await;
    change(house, &mut tx, &room, 3).await;
    drop(tx);
    house.write_one(async |tx| anteroom::store::rooms::lock(tx, house.tenant(), &room.id).await.map(|_| ())).await;
    assert_eq!(neighbour.within(300).await, [], "what is taken back, and what nobody waits for, is not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_tells_once_what_it_left_and_one_that_is_taken_back_tells_nothing() {
    house::run(Engine::Postgres, commits).await;
}

async fn crowd(house: &House) {
    let room = house.room("Council hall").await;
    let neighbour = Neighbour::listening(&Store::open(&house.url).await.unwrap()).await;
    // A process that listens has somebody who tells what its commits owe.
    let ours = Neighbour::listening(&house.store).await;
    let began = Instant::now();
    for seq in 0..100 {
        let mut tx = house.write().await;
        change(house, &mut tx, &room, seq).await;
        tx.commit().await.unwrap();
    }
    let pauses = usize::try_from(began.elapsed().as_millis() / 50).unwrap();
    let last = Instant::now();
    let mut heard = neighbour.next(1).await;
    heard.extend(neighbour.within(500).await);
    println!("100 commits in {:?}: {} notifications", last - began, heard.len());
    assert!(heard.len() <= 2 * (pauses + 2), "{} notifications within {pauses} pauses", heard.len());
    assert!(heard.iter().all(|who| *who == Waking::ANNOUNCER));
    ours.within(0).await;
    // The last of two that come together is told as well.
    for seq in [200, 201] {
        let mut tx = house.write().await;
        change(house, &mut tx, &room, seq).await;
        tx.commit().await.unwrap();
    }
    assert_eq!(neighbour.next(2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commits_in_a_moment_are_told_together_and_the_last_one_too() {
    house::run(Engine::Postgres, crowd).await;
}

async fn walls(house: &House) {
    let other = House::on(Engine::Postgres).await.unwrap();
    let neighbour = Neighbour::listening(&Store::open(&other.url).await.unwrap()).await;
    let room = house.room("Council hall").await;
    let mut tx = house.write().await;
    change(house, &mut tx, &room, 1).await;
    tx.commit().await.unwrap();
    assert_eq!(neighbour.within(300).await, []);
    other.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installations_in_one_database_do_not_hear_each_other() {
    house::run(Engine::Postgres, walls).await;
}

#[tokio::test]
async fn on_sqlite_there_is_nobody_to_hear() {
    assert!(House::new().await.store.listener().is_none());
}

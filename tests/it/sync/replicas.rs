//! Two replicas on one PostgreSQL: what one commits wakes the other, whose own looks are an hour apart here.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{self, Engine, House};
use anteroom::store::{Heard, Store};
use anteroom::sync::{Nudge, Settings};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Between two looks of a replica: longer than any test.
const LOOK: Duration = Duration::from_hours(1);
/// What a change that one replica commits needs to be carried on by another.
const BOUND: Duration = Duration::from_secs(1);
/// The same while nothing can be heard: a poll of half a second, a connection and the work.
const POLLED: Duration = Duration::from_secs(3);

/// A process that has the reconciler and listens, but takes no requests.
struct Replica {
    heard: Arc<Mutex<Vec<Heard>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Replica {
    async fn start(scene: &Scene<'_>, url: &str) -> Self {
        let (store, nudge, heard) =
            (Store::open(url).await.unwrap(), Nudge::default(), Arc::<Mutex<Vec<_>>>::default());
        let listener = store.listener().unwrap();
        let (log, wakes) = (heard.clone(), nudge.clone());
        let ears = tokio::spawn(async move {
            let told = |one| {
                if matches!(one, Heard::Waking(_)) {
                    wakes.nudge();
                }
                log.lock().unwrap().push(one);
            };
            listener.run(told).await;
        });
        let worker = scene.replica(store, nudge, Settings { look: LOOK, ..Settings::default() });
        let work = tokio::spawn(worker.run(std::future::pending()));
        let replica = Self { heard, tasks: [ears, work] };
        until(POLLED, async || replica.connections() == 1).await;
        replica
    }

    /// How often it has begun to hear.
    fn connections(&self) -> usize {
        self.heard.lock().unwrap().iter().filter(|one| **one == Heard::Connected).count()
    }

    fn losses(&self) -> usize {
        self.heard.lock().unwrap().iter().filter(|one| matches!(one, Heard::Lost(_))).count()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Waits until it is so, and answers how long that took.
async fn until(patience: Duration, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < patience, "waited {patience:?} in vain");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

/// A booking that this process commits; how long another one takes to bring it to the remote side.
async fn sent(scene: &Scene<'_>, number: i8, patience: Duration) -> Duration {
    let title = format!("Booking {number}");
    scene.put(&event(&title, &title, 3 + number / 10, 8 + number % 10)).await.unwrap();
    until(patience, async || scene.remote_titles(0).contains(&title)).await
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort();
    println!("{what}: n={} p50={:?} max={:?}", times.len(), times[times.len() / 2], times[times.len() - 1]);
}

async fn latency(house: &House) {
    let scene = Scene::new(house, 1).await;
    scene.run().await;
    let _replica = Replica::start(&scene, &house.url).await;
    let mut out = Vec::new();
    for number in 0..20 {
        out.push(sent(&scene, number, BOUND).await);
    }
    told("from a commit in one replica to the remote side by another", out);
    let mut back = Vec::new();
    for number in 0..10 {
        let title = format!("From afar {number}");
        scene.remote().book(CALENDAR, event(&title, &title, 10, 8 + number));
        // What is announced in the very millisecond in which a read begins counts as read.
        house.clock.advance_ms(10);
        scene.hint().await;
        back.push(until(BOUND, async || scene.titles().await.contains(&title)).await);
    }
    told("from a stored notification to the hub by another replica", back);
}

/// On `SQLite` there is one process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_commits_is_carried_on_by_another_within_a_second() {
    house::run(Engine::Postgres, latency).await;
}

/// Ends the connections of this house that listen.
async fn cut(house: &House) -> u64 {
    let mut connection = PgConnection::connect(&house.url).await.unwrap();
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'anteroom listener'
        AND query = 'LISTEN \"anteroom_' || md5(current_schema()) || '\"'";
    let ended = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
    connection.close().await.unwrap();
    ended.rows_affected()
}

async fn cut_off(house: &House) {
    let scene = Scene::new(house, 1).await;
    scene.run().await;
    let replica = Replica::start(&scene, &house.url).await;
    for round in 0..5 {
        assert_eq!(cut(house).await, 1, "one connection of each process listens");
        // While it is away, and once it is back.
        sent(&scene, 2 * round, POLLED).await;
        let back = usize::try_from(round).unwrap() + 2;
        until(POLLED, async || replica.connections() == back).await;
        sent(&scene, 2 * round + 1, BOUND).await;
    }
    assert_eq!(replica.losses(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_cut_off_comes_back_and_nothing_is_lost() {
    house::run(Engine::Postgres, cut_off).await;
}

/// Passes connections on to the server, as long as it is open; those that stand are kept.
struct Gate {
    url: String,
    is_open: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Gate {
    async fn before(url: &str) -> Self {
        let rest = url.split_once("127.0.0.1:").unwrap().1;
        let server = format!("127.0.0.1:{}", rest.split('/').next().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url.replace(&server, &listener.local_addr().unwrap().to_string());
        let is_open = Arc::new(AtomicBool::new(true));
        let lets_in = is_open.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                if lets_in.load(Ordering::SeqCst) {
                    let mut far = TcpStream::connect(&server).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
                }
            }
        });
        Self { url, is_open, task }
    }
}

async fn deaf(house: &House) {
    let scene = Scene::new(house, 1).await;
    scene.run().await;
    let gate = Gate::before(&house.url).await;
    let replica = Replica::start(&scene, &gate.url).await;
    sent(&scene, 0, BOUND).await;
    gate.is_open.store(false, Ordering::SeqCst);
    assert_eq!(cut(house).await, 1);
    until(POLLED, async || replica.losses() == 1).await;
    let mut polled = Vec::new();
    for number in 1..6 {
        polled.push(sent(&scene, number, POLLED).await);
    }
    told("the same while nothing can be heard", polled);
    assert_eq!((replica.connections(), replica.losses()), (1, 1), "one failure is told once");
    gate.is_open.store(true, Ordering::SeqCst);
    until(Duration::from_secs(10), async || replica.connections() == 2).await;
    sent(&scene, 6, BOUND).await;
    gate.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_cannot_listen_looks_twice_a_second_until_it_can() {
    house::run(Engine::Postgres, deaf).await;
}

//! Group commit on `SQLite`: who waits shares a commit, who fails takes back only what is his, and who was answered is
//! on disk, whenever the process dies.

use super::{at, object, uid};
use crate::house::{House, scaled};
use anteroom::store::rooms::{self, Room};
use anteroom::store::{Store, StoreError, Tx, objects};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Two writes that belong together: the next sequence number and an object.
async fn book(tx: &mut Tx, room: &Room, of: &str) -> Result<(), StoreError> {
    rooms::next_seq(tx, &room.tenant_id, &room.id, at(0)).await?;
    objects::put(tx, &object(room, of, 1)).await
}

/// Books in a transaction of its own; `keep` says whether it ends well.
fn writer(store: &Store, room: &Room, of: &str, keep: bool) -> JoinHandle<Result<(), StoreError>> {
    let (store, room, of) = (store.clone(), room.clone(), of.to_owned());
    tokio::spawn(async move {
        let mut tx = store.begin_write().await?;
        book(&mut tx, &room, &of).await?;
        if keep { tx.commit().await } else { Ok(()) }
    })
}

async fn booked(store: &Store, room: &Room) -> BTreeSet<String> {
    let mut tx = store.begin_read().await.unwrap();
    let rows = objects::list(&mut tx, &room.tenant_id, &room.id).await.unwrap();
    let found = rooms::get(&mut tx, &room.tenant_id, &room.id).await.unwrap().unwrap();
    assert_eq!(usize::try_from(found.seq).unwrap(), rows.len(), "a transaction is stored whole or not at all");
    rows.into_iter().map(|row| row.uid.0).collect()
}

/// Long enough for tasks that were just spawned to stand in line.
async fn line_up() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// How many commits the write-ahead log of a database holds: frames that carry the size of the database after them.
fn commits(house: &House) -> usize {
    let log = std::fs::read(format!("{}-wal", house.url.strip_prefix("sqlite:").unwrap())).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let frame = 24 + usize::try_from(number(8)).unwrap();
    let frames = (32..=log.len() - frame).step_by(frame);
    frames.filter(|at| log[at + 8..at + 16] == log[16..24] && number(at + 4) != 0).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_who_wait_share_one_commit() {
    let house = House::new().await;
    let room = house.room("Hall").await;
    let mut first = house.write().await;
    book(&mut first, &room, "first").await.unwrap();
    let waiting: Vec<_> = (0..20).map(|n| writer(&house.store, &room, &format!("w{n}"), true)).collect();
    line_up().await;
    let before = commits(&house);
    first.commit().await.unwrap();
    for writer in waiting {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(commits(&house) - before, 1);
    assert_eq!(booked(&house.store, &room).await.len(), 21);
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_and_nothing_is_seen_before_the_commit() {
    let house = House::new().await;
    let room = house.room("Hall").await;
    let mut first = house.write().await;
    book(&mut first, &room, "first").await.unwrap();
    let (store, second) = (house.store.clone(), house.store.clone());
    let second = tokio::spawn(async move { second.begin_write().await });
    line_up().await;
    let answer = tokio::spawn(first.commit());
    let mut second = second.await.unwrap().unwrap();
    book(&mut second, &room, "second").await.unwrap();
    line_up().await;
    assert!(!answer.is_finished(), "the commit waits for who stood in line");
    assert!(booked(&store, &room).await.is_empty());
    drop(second);
    answer.await.unwrap().unwrap();
    assert_eq!(booked(&store, &room).await, BTreeSet::from(["first".to_owned()]));
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_sees_what_those_before_it_wrote_and_a_failed_one_takes_back_only_its_own() {
    let house = House::new().await;
    let room = house.room("Hall").await;
    for (round, keep) in [[true, false, true], [false, true, false], [true, true, false]].into_iter().enumerate() {
        let first = house.write().await;
        let mut wanted = booked(&house.store, &room).await;
        let mut writers = Vec::new();
        for (n, keep) in keep.into_iter().enumerate() {
            let of = format!("r{round}w{n}");
            writers.push(writer(&house.store, &room, &of, keep));
            wanted.extend(keep.then_some(of));
            line_up().await;
        }
        first.commit().await.unwrap();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(booked(&house.store, &room).await, wanted, "round {round}");
    }
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_fails_inside_a_group_harms_nobody_else() {
    let house = House::new().await;
    let room = house.room("Hall").await;
    let mut first = house.write().await;
    book(&mut first, &room, "same").await.unwrap();
    let clash = writer(&house.store, &room, "same", true);
    line_up().await;
    let after = writer(&house.store, &room, "after", true);
    line_up().await;
    first.commit().await.unwrap();
    assert!(super::is_taken(&clash.await.unwrap()));
    after.await.unwrap().unwrap();
    assert_eq!(booked(&house.store, &room).await, BTreeSet::from(["after".to_owned(), "same".to_owned()]));
    house.leave().await;
}

/// Callers that give up at any moment, in line, in their turn or while they wait for the commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_go_away_at_any_moment_neither_stop_the_line_nor_lose_an_answered_write() {
    let house = House::new().await;
    let room = house.room("Hall").await;
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut answered = BTreeSet::new();
    for round in 0..scaled(12) {
        let writers: Vec<_> = (0..12)
            .map(|n| {
                let of = format!("r{round}w{n}");
                let written = writer(&house.store, &room, &of, n % 4 != 3);
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let patience = Duration::from_micros((chance >> 33) % 12_000);
                tokio::spawn(async move {
                    let abort = written.abort_handle();
                    tokio::select! {
                        done = written => (of, done.is_ok_and(|done| done.is_ok()) && n % 4 != 3),
                        () = tokio::time::sleep(patience) => { abort.abort(); (of, false) }
                    }
                })
            })
            .collect();
        for writer in writers {
            let (of, kept) = writer.await.unwrap();
            answered.extend(kept.then_some(of));
        }
    }
    writer(&house.store, &room, "last", true).await.unwrap().unwrap();
    answered.insert("last".to_owned());
    let stored = booked(&house.store, &room).await;
    assert!(stored.is_superset(&answered), "missing: {:?}", answered.difference(&stored));
    assert!(!stored.iter().any(|of| of.ends_with("w3") || of.ends_with("w7") || of.ends_with("w11")));
    house.leave().await;
}

/// What [`a_process_that_is_killed_has_every_write_that_it_answered`] starts and kills: writes for ever, and says which
/// writes were answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs until it is killed"]
async fn writes_until_it_is_killed() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let [url, slug, round] = line.split_whitespace().collect::<Vec<_>>()[..] else { return };
    let store = Store::open(url).await.unwrap();
    let mut tx = store.begin_read().await.unwrap();
    let tenant = anteroom::store::tenants::by_key(&mut tx, "example").await.unwrap().unwrap();
    let room = rooms::by_slug(&mut tx, &tenant.id, slug).await.unwrap().unwrap();
    drop(tx);
    let writers: Vec<_> = (0..12)
        .map(|n| {
            let (store, room, round) = (store.clone(), room.clone(), round.to_owned());
            tokio::spawn(async move {
                for step in 0..10_000 {
                    let of = format!("{round}-{n}-{step}");
                    let mut tx = store.begin_write().await.unwrap();
                    book(&mut tx, &room, &of).await.unwrap();
                    if (n + step) % 5 == 0 {
                        continue;
                    }
                    tx.commit().await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "answered {of}").unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_process_that_is_killed_has_every_write_that_it_answered() {
    let house = House::new().await;
    let room = house.room("Hall").await;
    let mut answered = BTreeSet::new();
    for round in 0..scaled(4) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::turns::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{} {} {round}", house.url, room.slug).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed in the middle of work; what it said before it noticed counts as answered too.
        let enough = answered.len() + 60 + 37 * round;
        for line in &mut lines {
            if let Some((_, of)) = line.unwrap().split_once("answered ") {
                answered.insert(of.to_owned());
            }
            if answered.len() == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(answered.len() >= enough, "the process ended by itself");
        let store = Store::open(&house.url).await.unwrap();
        let stored = booked(&store, &room).await;
        assert!(stored.is_superset(&answered), "lost: {:?}", answered.difference(&stored));
        store.close().await;
    }
    assert_eq!(objects::by_uid(&mut house.read().await, house.tenant(), &room.id, &uid("0-0-0")).await.unwrap(), None);
    house.leave().await;
}

//! Several replicas of the real program on one PostgreSQL: work is taken over from those that die, and none is lost while
//! they are replaced one after the other behind a load balancer.

pub mod balancer;
mod rolling;
mod schema;

use super::demo::{TURN, until};
use super::gateways::{Gateways, Plan};
use super::quiet::{converged, stays_quiet};
use super::town::{Room, Side, slot};
use crate::house::{Engine, House};
use serde_json::{Value, json};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

const CALM: Duration = Duration::from_mins(2);

/// `lease_seconds` of these processes.
const LEASE: Duration = Duration::from_secs(15);

/// What a change that one process commits needs to be carried on by another.
const BOUND: Duration = Duration::from_secs(1);

/// Starts the replicas, walks, and stops them.
pub fn on_postgres(plan: Plan<'_>, walk: impl FnOnce(&Gateways, &House)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let Some(house) = runtime.block_on(House::on(Engine::Postgres)) else {
        println!("skipped: TEST_POSTGRES_URL is not set");
        return;
    };
    let gateways = Gateways::start(&runtime, &house.url, plan);
    walk(&gateways, &house);
    gateways.stop(&runtime);
    runtime.block_on(house.leave());
}

fn latency(gateways: &Gateways, ms: u64) {
    let each = json!({"latency_ms": [ms, ms]});
    let all = json!({"graph": each, "generic": each, "portico": each});
    assert_eq!(gateways.towns[0].control("PUT", "/faults", &all).unwrap().status, 200);
}

/// How many copies Outlook shows.
fn copies(gateways: &Gateways, room: &Room, title: &str) -> usize {
    gateways.towns[0].seen(Side::Graph, room).map_or(0, |all| all.iter().filter(|seen| seen.title == title).count())
}

/// Whether a write of that process waits for its answer.
fn is_sending(gateways: &Gateways, number: usize) -> Option<()> {
    let open = gateways.towns[number].api("GET", "/operations?state=sending").ok()?.json();
    (!open["items"].as_array()?.is_empty()).then_some(())
}

/// What is under way in a replica when it dies has its leases until they run out; everything else goes on at once.
fn dies(gateways: &Gateways, dead: usize) -> (Duration, Duration) {
    let others: Vec<usize> = (0..3).filter(|number| *number != dead).collect();
    let town = &gateways.towns[dead];
    let (room, elsewhere) = (&town.rooms[dead], &town.rooms[dead + 3]);
    let day = 30 + i64::try_from(dead).unwrap();
    let (under_way, next, other) = (format!("Under way {dead}"), format!("Next {dead}"), format!("Elsewhere {dead}"));
    // A start reads every calendar: nothing of that is under way any more.
    converged(town, CALM);
    std::thread::sleep(Duration::from_secs(3));
    latency(gateways, 3_000);
    // The others stand still, so that this one has the work for certain.
    for number in &others {
        gateways.signal(*number, "STOP");
    }
    town.book(Side::CalDav, room, &slot(day, 8).titled(&under_way)).unwrap().unwrap();
    until("a write to be under way", CALM, || is_sending(gateways, dead));
    gateways.kill(dead);
    let died = Instant::now();
    for number in &others {
        gateways.signal(*number, "CONT");
    }
    latency(gateways, 0);
    let alive = &gateways.towns[others[0]];
    alive.book(Side::CalDav, room, &slot(day, 10).titled(&next)).unwrap().unwrap();
    alive.book(Side::CalDav, elsewhere, &slot(day, 12).titled(&other)).unwrap().unwrap();
    let goes_on = until("another room to go on", CALM, || (copies(gateways, elsewhere, &other) > 0).then_some(())).1;
    until("the room to be taken over", CALM, || (copies(gateways, room, &next) > 0).then_some(()));
    let taken_over = died.elapsed();
    until("what was under way", CALM, || (copies(gateways, room, &under_way) > 0).then_some(()));
    gateways.start_again(dead);
    gateways.until_ready(dead);
    (taken_over, goes_on)
}

#[test]
fn when_one_of_three_replicas_is_killed_at_work_another_takes_its_rooms_over() {
    on_postgres(Plan { poll_notified_seconds: 3_600, ..Plan::of(3, 6) }, |gateways, _| {
        let town = &gateways.towns[0];
        converged(town, CALM);
        let times: Vec<(Duration, Duration)> = (0..3).map(|dead| dies(gateways, dead)).collect();
        let after = converged(town, CALM);
        for (at, room) in town.rooms.iter().enumerate() {
            let ours = after[&room.slug].iter().filter(|seen| seen.title.ends_with(&format!(" {}", at % 3))).count();
            assert_eq!(ours, if at < 3 { 2 } else { 1 }, "{}: {:?}", room.slug, after[&room.slug]);
        }
        stays_quiet(town, &after, Duration::from_secs(5));
        gateways.verify();
        for (taken_over, goes_on) in &times {
            println!(
                "killed at work: its room taken over after {taken_over:.1?}, other rooms went on within {goes_on:.1?}"
            );
            assert!(*taken_over < LEASE + Duration::from_secs(5), "a lease of {LEASE:?} lasted {taken_over:?}");
            assert!(*goes_on < Duration::from_secs(5), "rooms of nobody waited {goes_on:?}");
        }
    });
}

/// Looks of these processes are a minute apart: what a command commits is heard of.
#[test]
fn what_a_command_of_the_operator_commits_wakes_the_replicas_at_once() {
    on_postgres(Plan { look_ms: 60_000, poll_notified_seconds: 3_600, ..Plan::of(2, 2) }, |gateways, _| {
        let town = &gateways.towns[0];
        converged(town, CALM);
        let all = json!({"graph": {"notification_loss_rate": 1.0}});
        assert_eq!(town.control("PUT", "/faults", &all).unwrap().status, 200);
        let room = &town.rooms[0];
        let mappings = town.api("GET", "/mappings?limit=500").unwrap().json();
        let is_ours = |one: &&Value| one["room"] == room.slug.as_str() && one["remote_id"] == room.mailbox.as_str();
        let mapping = mappings["items"].as_array().unwrap().iter().find(is_ours).unwrap()["id"].as_str().unwrap();
        let mut times = Vec::new();
        for hour in 8..13 {
            let what = slot(30, hour).titled(&format!("Unannounced {hour}"));
            town.book(Side::Graph, room, &what).unwrap().unwrap();
            gateways.run(&["mapping", "sync", mapping]);
            let is_there = || town.find(Side::CalDav, room, &what).map(|_| ());
            times.push(until("a command to take effect", CALM, is_there).1);
        }
        times.sort();
        println!("from the end of a command to the calendar: p50={:?} max={:?}", times[2], times[4]);
        assert!(times[4] < BOUND, "{times:?}");
    });
}

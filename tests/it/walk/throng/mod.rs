//! A throng: forty rooms, people on three sides of each, processes killed all the time, a network that loses and refuses.
//! Then everything is healthy, and what the people wrote down is what all sides say.

mod figures;
mod people;

use super::demo::TURN;
use super::gateways::{Gateways, Plan};
use super::ledger::{Dice, Seed};
use super::quiet::{Picture, converged, look_everywhere, stays_quiet};
use crate::house::{Engine, House};
use figures::{Figures, waits_for_notifications};
use people::{Notebook, Person};
use serde_json::{Value, json};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const ROOMS: usize = 40;
const PEOPLE: usize = 4;

/// Between two kills, at most.
const LIFE: Duration = Duration::from_secs(6);

/// How long it may take until all sides agree once everything is healthy.
const CALM: Duration = Duration::from_mins(4);

/// The same where more has happened than in a short run.
fn calm_of(acts: u64) -> Duration {
    CALM + Duration::from_millis(100) * u32::try_from(acts).unwrap()
}

/// Acts of people: thousands in a long run.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is no configuration of the gateway")]
fn acts() -> u64 {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let usual = if number("ANTEROOM_TEST_SCALE").is_some_and(|scale| scale >= 10) { 5_000 } else { 160 };
    number("ANTEROOM_WALK_ACTS").unwrap_or(usual)
}

#[test]
fn a_throng_in_forty_rooms_loses_and_doubles_nothing_while_the_gateway_is_killed() {
    throng(Engine::Sqlite, 1, 20_261_123);
}

#[test]
fn a_throng_in_forty_rooms_loses_and_doubles_nothing_while_one_of_two_replicas_is_killed() {
    throng(Engine::Postgres, 2, 20_261_124);
}

fn throng(engine: Engine, replicas: usize, usual: u64) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = Seed::or(usual);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let Some(house) = runtime.block_on(House::on(engine)) else {
        println!("skipped: TEST_POSTGRES_URL is not set");
        return;
    };
    let gateways = Gateways::start(&runtime, &house.url, Plan::of(replicas, ROOMS));
    let figures = walk(&gateways, seed.0);
    println!("{engine:?}, {replicas} replicas, seed {}: {figures}", seed.0);
    gateways.stop(&runtime);
    runtime.block_on(house.leave());
}

fn walk(gateways: &Gateways, seed: u64) -> Figures {
    let town = &gateways.towns[0];
    let before = converged(town, CALM);
    faults(
        gateways,
        &json!({"notification_loss_rate": 0.3, "lost_answer_rate": 0.1, "throttle_rate": 0.05,
                             "retry_after_s": 1, "error_rate": 0.01}),
    );
    let began = Instant::now();
    let (notebooks, kills) = crowd(gateways, seed);
    let crowded = began.elapsed();
    faults(gateways, &json!({}));
    gateways.until_all_answer();
    let calm = Instant::now();
    look_everywhere(town, calm_of(acts()));
    let after = converged(town, calm_of(acts()));
    let convergence = calm.elapsed();
    let changes = count(&gateways.counters(), ".changes");
    check(&notebooks, &before, &after);
    stays_quiet(town, &after, Duration::from_secs(5));
    gateways.verify();
    let figures = Figures::gather(gateways, &notebooks, (kills, changes), (crowded, convergence));
    assert!(figures.settled_share() > 0.9, "people have too much to decide: {figures}");
    figures.with_waits(waits_for_notifications(gateways))
}

/// People act, and processes die, until enough was done.
fn crowd(gateways: &Gateways, seed: u64) -> (Vec<Notebook>, u64) {
    let (left, is_over) = (AtomicU64::new(acts()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let people: Vec<_> = (0..PEOPLE)
            .map(|number| {
                let left = &left;
                scope.spawn(move || {
                    let rooms = gateways.towns[0].rooms.iter().skip(number).step_by(PEOPLE).cloned().collect();
                    let mut person = Person::new(number, seed, &gateways.towns, rooms);
                    while person.visit(left) {}
                    person.notebook
                })
            })
            .collect();
        let death = scope.spawn(|| {
            let mut dice = Dice(seed ^ 0xDEAD);
            let mut kills = 0;
            while !is_over.load(Ordering::SeqCst) {
                let pause = dice.below(u64::try_from(LIFE.as_millis()).unwrap());
                std::thread::sleep(Duration::from_millis(500 + pause));
                gateways.kill_and_restart(dice.below(gateways.towns.len() as u64));
                kills += 1;
            }
            kills
        });
        let notebooks = people.into_iter().map(|person| person.join().unwrap()).collect();
        is_over.store(true, Ordering::SeqCst);
        (notebooks, death.join().unwrap())
    })
}

fn faults(gateways: &Gateways, of_each: &Value) {
    let all = json!({"graph": of_each, "generic": of_each, "portico": of_each});
    assert_eq!(gateways.towns[0].control("PUT", "/faults", &all).unwrap().status, 200);
}

/// What all counters that end so say together.
fn count(counters: &Value, suffix: &str) -> u64 {
    let all = counters.as_object().unwrap().iter();
    all.filter(|(name, _)| name.ends_with(suffix)).map(|(_, count)| count.as_u64().unwrap()).sum()
}

/// Nothing lost, nothing doubled, nothing invented.
fn check(notebooks: &[Notebook], before: &Picture, after: &Picture) {
    let mut wrong: Vec<String> = notebooks.iter().flat_map(|notebook| notebook.surprises.clone()).collect();
    for (room, seen) in after {
        let notebook = notebooks.iter().find(|notebook| notebook.has_room(room)).unwrap();
        wrong.extend(notebook.wrongs(room, &before[room], seen));
    }
    assert!(wrong.is_empty(), "{} things are not as they must be:\n{}", wrong.len(), wrong.join("\n"));
}

//! SIGKILL at random moments of a workload on all sides.

use super::demo::{Demo, until};
use super::http::ask;
use super::ledger::{Dice, Ledger, Seed};
use super::quiet::{converged, stays_quiet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const KILLS: u64 = 20;

#[test]
fn a_gateway_killed_at_20_moments_loses_doubles_and_invents_nothing() {
    let seed = Seed::or(20_261_121);
    let (mut demo, town) = Demo::start();
    let before = converged(&town, Duration::from_secs(30));
    let mut ledger = Ledger::new(seed.0);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let walk = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                ledger.step(&town);
                std::thread::sleep(Duration::from_millis(15));
            }
        });
        let mut dice = Dice(seed.0 ^ 0xD1E);
        for kill in 0..KILLS {
            assert!(demo.is_alive(), "it ended by itself:\n{}", demo.complaints());
            std::thread::sleep(Duration::from_millis(dice.below(2_000)));
            demo.kill();
            demo.restart();
            // Every fourth kill strikes while it is still coming up.
            if kill % 4 != 3 {
                until("the gateway to answer again", Duration::from_secs(30), || {
                    ask("GET", &format!("{}/ready", town.base), &[], "").ok().filter(|answer| answer.status == 200)
                });
            }
        }
        std::thread::sleep(Duration::from_secs(1));
        is_over.store(true, Ordering::SeqCst);
        walk.join().unwrap();
        assert_eq!(demo.ready(), town, "a later start has other addresses or credentials");
    });
    let after = converged(&town, Duration::from_mins(1));
    println!("{KILLS} kills: {:?}", ledger.tally);
    assert!(ledger.tally.confirmed > 100, "the walk was too short to tell anything");
    ledger.check(&before, &after);
    stays_quiet(&town, &after, Duration::from_secs(5));
}

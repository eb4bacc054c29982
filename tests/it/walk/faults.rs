//! A workload while notifications and answers are lost and the remote systems refuse to be hurried.

use super::demo::Demo;
use super::ledger::{Ledger, Seed};
use super::quiet::{MINUTE, converged, look_everywhere, stays_quiet};
use serde_json::json;
use std::time::Duration;

const ACTS: u32 = 60;

#[test]
fn under_lost_notifications_lost_answers_throttling_and_errors_both_sides_agree_in_the_end() {
    let seed = Seed::or(20_261_122);
    let (_demo, town) = Demo::start();
    let before = converged(&town, Duration::from_secs(30));
    let bad = json!({"notification_loss_rate": 0.3, "lost_answer_rate": 0.1, "throttle_rate": 0.05,
                     "retry_after_s": 1, "error_rate": 0.01});
    let faults = json!({"graph": bad, "generic": bad, "portico": bad});
    assert_eq!(town.control("PUT", "/faults", &faults).unwrap().status, 200);
    let mut ledger = Ledger::new(seed.0);
    while ledger.tally.confirmed < ACTS {
        ledger.step(&town);
        std::thread::sleep(Duration::from_millis(100));
    }
    let healthy = json!({"graph": {}, "generic": {}, "portico": {}});
    assert_eq!(town.control("PUT", "/faults", &healthy).unwrap().status, 200);
    look_everywhere(&town, MINUTE);
    let after = converged(&town, Duration::from_secs(90));
    ledger.check(&before, &after);
    stays_quiet(&town, &after, Duration::from_secs(5));
}

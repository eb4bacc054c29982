//! The breaker (pure): a remote system that failed several times in a row is left alone for a while, with all its
//! calendars; then one of them tries it. A calendar that was throttled is left alone for as long as it asked.

use super::retry::jitter;
use crate::bridge::BridgeError;
use crate::model::BridgeId;
use crate::model::MappingId;
use crate::model::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Failures in a row after which a system is left alone.
const PATIENCE: u32 = 5;

/// How long it is left alone then, and at most.
const FIRST_REST: Duration = Duration::from_secs(15);
const LONGEST_REST: Duration = Duration::from_mins(5);

/// How the systems are doing, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    systems: HashMap<BridgeId, Breaker>,
    throttled: HashMap<MappingId, Timestamp>,
}

#[derive(Debug)]
struct Breaker {
    failures: u32,
    closed_until: Timestamp,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 0, closed_until: Timestamp(0) }
    }
}

impl Breakers {
    /// Until when a calendar is to be left alone. Whoever is let through to a system that failed is its only caller for
    /// a while: nobody else is until its answer is known.
    pub(super) fn rests_until(&mut self, bridge: &BridgeId, mapping: &MappingId, now: Timestamp) -> Option<Timestamp> {
        self.throttled.retain(|_, until| *until > now);
        if let Some(until) = self.throttled.get(mapping) {
            return Some(*until);
        }
        let breaker = self.systems.get_mut(bridge)?;
        if breaker.failures < PATIENCE {
            return None;
        }
        if breaker.closed_until > now {
            return Some(breaker.closed_until);
        }
        breaker.closed_until = now.plus_ms(rest(breaker.failures, 0));
        None
    }

    /// A call was answered: the system works, whatever it said.
    pub(super) fn works(&mut self, bridge: &BridgeId) {
        self.systems.remove(bridge);
    }

    /// A call failed.
    pub(super) fn failed(
        &mut self,
        (bridge, mapping): (&BridgeId, &MappingId),
        error: &BridgeError,
        (now, seed): (Timestamp, u64),
    ) {
        match error {
            BridgeError::Busy { after_ms: Some(ms) } => {
                let until = now.plus_ms(i64::try_from(*ms).unwrap_or(i64::MAX / 2));
                self.throttled.insert(mapping.clone(), until);
            }
            BridgeError::Transport(_) | BridgeError::Auth(_) => {
                let breaker = self.systems.entry(bridge.clone()).or_default();
                breaker.failures += 1;
                if breaker.failures >= PATIENCE {
                    breaker.closed_until = now.plus_ms(rest(breaker.failures, seed));
                }
            }
            // Whatever it says: it answers.
            BridgeError::CursorGone
            | BridgeError::CalendarGone(_)
            | BridgeError::NotFound
            | BridgeError::Stale
            | BridgeError::SlotTaken(_)
            | BridgeError::Refused(_) => self.works(bridge),
            BridgeError::Busy { after_ms: None } | BridgeError::Unknown(_) | BridgeError::Garbage(_) => {}
        }
    }
}

/// Doubled with every failure beyond the first few, in milliseconds.
fn rest(failures: u32, seed: u64) -> i64 {
    let doubled = FIRST_REST.saturating_mul(1_u32 << failures.saturating_sub(PATIENCE).min(10));
    super::pull::millis(jitter(doubled.min(LONGEST_REST), seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn ids() -> (BridgeId, MappingId) {
        (BridgeId::from("bridge"), MappingId::from("mapping"))
    }

    fn broken(times: u32) -> Breakers {
        let (bridge, mapping) = ids();
        let mut breakers = Breakers::default();
        for _ in 0..times {
            breakers.failed((&bridge, &mapping), &BridgeError::Transport("down".to_owned()), (NOW, 7));
        }
        breakers
    }

    #[test]
    fn a_system_is_left_alone_after_five_failures_in_a_row_and_no_earlier() {
        let (bridge, mapping) = ids();
        assert_eq!(broken(4).rests_until(&bridge, &mapping, NOW), None);
        assert!(broken(5).rests_until(&bridge, &mapping, NOW) > Some(NOW));
        let mut works = broken(4);
        works.works(&bridge);
        works.failed((&bridge, &mapping), &BridgeError::Transport("down".to_owned()), (NOW, 7));
        assert_eq!(works.rests_until(&bridge, &mapping, NOW), None);
    }

    #[test]
    fn one_caller_tries_it_afterwards_and_its_success_opens_it_for_all() {
        let (bridge, mapping) = ids();
        let mut breakers = broken(5);
        let until = breakers.rests_until(&bridge, &mapping, NOW).unwrap();
        assert_eq!(breakers.rests_until(&bridge, &mapping, until), None, "the first may try");
        assert!(breakers.rests_until(&bridge, &mapping, until).is_some(), "the second waits for its answer");
        breakers.works(&bridge);
        assert_eq!(breakers.rests_until(&bridge, &mapping, until), None);
    }

    #[test]
    fn the_rest_grows_and_ends() {
        let (bridge, mapping) = ids();
        let rest = |failures| broken(failures).rests_until(&bridge, &mapping, NOW).unwrap().ms() - NOW.ms();
        assert!(rest(6) > rest(5));
        assert!(rest(60) <= 450_000);
    }

    #[test]
    fn a_throttled_calendar_rests_as_long_as_it_asked_and_the_others_go_on() {
        let (bridge, mapping) = ids();
        let mut breakers = Breakers::default();
        breakers.failed((&bridge, &mapping), &BridgeError::Busy { after_ms: Some(60_000) }, (NOW, 7));
        assert_eq!(breakers.rests_until(&bridge, &mapping, NOW), Some(NOW.plus_ms(60_000)));
        assert_eq!(breakers.rests_until(&bridge, &MappingId::from("another"), NOW), None);
        assert_eq!(breakers.rests_until(&bridge, &mapping, NOW.plus_ms(60_000)), None);
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let (bridge, mapping) = ids();
        let mut breakers = broken(5);
        assert!(breakers.rests_until(&bridge, &mapping, NOW).is_some());
        breakers.failed((&bridge, &mapping), &BridgeError::Refused("no".to_owned()), (NOW, 7));
        assert_eq!(breakers.rests_until(&bridge, &mapping, NOW), None);
    }
}

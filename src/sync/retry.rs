//! When to try again (pure).

use super::Settings;
use crate::bridge::BridgeError;
use std::time::Duration;

/// The wait where a person has to do something first (credentials, permissions).
const AUTH_WAIT: Duration = Duration::from_mins(5);

/// How long to wait before the next attempt after `attempts` failures. `seed` spreads waits by half to one and a half,
/// so that many mappings that failed together do not come back together.
pub fn wait(error: &BridgeError, attempts: u32, seed: u64, settings: &Settings) -> Duration {
    match error {
        BridgeError::Busy { after_ms: Some(ms) } => {
            Duration::from_millis(*ms) + jitter(Duration::from_millis(250), seed)
        }
        BridgeError::Auth(_) | BridgeError::CalendarGone(_) => jitter(AUTH_WAIT, seed),
        BridgeError::Stale | BridgeError::CursorGone => Duration::from_millis(200),
        BridgeError::Busy { after_ms: None }
        | BridgeError::Transport(_)
        | BridgeError::Unknown(_)
        | BridgeError::NotFound
        | BridgeError::SlotTaken(_)
        | BridgeError::Refused(_)
        | BridgeError::Garbage(_) => backoff(attempts, seed, settings),
    }
}

/// Doubled after each failure, up to the longest.
pub fn backoff(attempts: u32, seed: u64, settings: &Settings) -> Duration {
    let doubled = settings.backoff_first.saturating_mul(1_u32 << attempts.min(20));
    jitter(doubled.min(settings.backoff_most), seed)
}

/// Half to one and a half of a wait.
pub fn jitter(wait: Duration, seed: u64) -> Duration {
    // SplitMix64: spreads neighbouring seeds over the whole range.
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let per_mille = u32::try_from((mixed ^ (mixed >> 31)) % 1001).unwrap_or(0);
    wait * (500 + per_mille) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_honoured_and_never_shortened() {
        for seed in 0..100 {
            let waited = wait(&BridgeError::Busy { after_ms: Some(5000) }, 0, seed, &Settings::default());
            assert!(waited >= Duration::from_secs(5));
        }
    }

    #[test]
    fn waits_double_are_spread_and_bounded() {
        let settings = Settings::default();
        let wait = |attempts, seed| wait(&BridgeError::Transport(String::new()), attempts, seed, &settings);
        for seed in 0..100 {
            assert!(wait(0, seed) >= settings.backoff_first / 2 && wait(0, seed) <= settings.backoff_first * 3 / 2);
            assert!(wait(60, seed) <= settings.backoff_most * 3 / 2);
        }
        assert_ne!(wait(3, 1), wait(3, 2));
    }
}

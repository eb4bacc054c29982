//! How often the reconciler works, how far it looks and how much it does at once.

use crate::config::Sync;
use std::time::Duration;

/// The reconciler's settings; `[sync]` of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest pause between two looks for what has become due; what is new wakes at once.
    pub look: Duration,
    /// Days before today that are kept in step.
    pub past_days: i64,
    /// Days from today on that are kept in step.
    pub future_days: i64,
    /// Time between pulls while notifications work.
    pub poll_healthy: Duration,
    /// Time between pulls while they do not.
    pub poll_unhealthy: Duration,
    /// Time between complete comparisons.
    pub compare_every: Duration,
    /// The wait before the first repetition of a failed call; doubled each time.
    pub backoff_first: Duration,
    /// The longest wait between two repetitions.
    pub backoff_most: Duration,
    /// How long a piece of work may take before another replica takes over.
    pub lease: Duration,
    /// Mappings worked on at once.
    pub concurrency: usize,
    /// Share of a calendar's bookings that may disappear in one run.
    pub brake_percent: usize,
    /// Deletions that are never held, however small the calendar.
    pub brake_least: usize,
}

/// The longest wait between two pulls that fail, where polling itself is not slower.
const PULL_WAIT_MOST: Duration = Duration::from_mins(5);

impl Settings {
    /// The same with the waits of pulls: a system that is back is seen soon, since asking costs it one request.
    pub(super) fn of_pulls(&self) -> Self {
        let backoff_most = self.backoff_most.min(PULL_WAIT_MOST.max(self.poll_unhealthy));
        Self { backoff_most, ..self.clone() }
    }
}

impl From<&Sync> for Settings {
    fn from(sync: &Sync) -> Self {
        Self {
            look: Duration::from_millis(sync.look_ms),
            past_days: sync.past_days,
            future_days: sync.future_days,
            poll_healthy: Duration::from_secs(sync.poll_notified_seconds),
            poll_unhealthy: Duration::from_secs(sync.poll_seconds),
            compare_every: Duration::from_secs(sync.compare_hours * 3600),
            backoff_first: Duration::from_secs(sync.backoff_first_seconds),
            backoff_most: Duration::from_secs(sync.backoff_most_seconds),
            lease: Duration::from_secs(sync.lease_seconds),
            concurrency: sync.workers.max(1),
            brake_percent: usize::from(sync.brake_percent),
            brake_least: sync.brake_least,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from(&Sync::default())
    }
}

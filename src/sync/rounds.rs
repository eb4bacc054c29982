//! What works beside the reconciler works in rounds until it is told to stop.

use super::worker::Nudge;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest pause between two rounds, however often somebody nudges.
const BREATH: Duration = Duration::from_millis(50);

/// Between two rounds in which house is kept.
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// One round after the other.
pub(super) struct Rounds<S> {
    stop: Pin<Box<S>>,
    nudge: Nudge,
    /// The longest pause.
    pause: Duration,
    /// When house was last kept.
    kept: Option<Instant>,
}

impl<S: Future<Output = ()>> Rounds<S> {
    /// The first round begins at once, each later one after the pause or a nudge; `stop` ends them when it resolves.
    pub(super) fn until(stop: S, nudge: Nudge, pause: Duration) -> Self {
        Self { stop: Box::pin(stop), nudge, pause, kept: None }
    }

    /// Waits for the next round and answers whether house is kept in it; `None` when it is over.
    pub(super) async fn next(&mut self) -> Option<bool> {
        if self.kept.is_some() {
            let called = async {
                tokio::time::sleep(BREATH.min(self.pause)).await;
                let _ = tokio::time::timeout(self.pause.saturating_sub(BREATH), self.nudge.nudged()).await;
            };
            tokio::select! {
                () = &mut self.stop => return None,
                () = called => {}
            }
        }
        let now = Instant::now();
        let keep_house = self.kept.is_none_or(|kept| now.duration_since(kept) >= HOUSEKEEPING);
        if keep_house {
            self.kept = Some(now);
        }
        Some(keep_house)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_nudge_ends_a_long_pause_and_none_is_lost_between_two_rounds() {
        let nudge = Nudge::default();
        let mut rounds = Rounds::until(std::future::pending(), nudge.clone(), Duration::from_hours(1));
        assert_eq!(rounds.next().await, Some(true), "the first round keeps house");
        nudge.nudge();
        let next = tokio::time::timeout(Duration::from_secs(10), rounds.next()).await;
        assert_eq!(next, Ok(Some(false)), "a nudge that came during a round begins the next one");
    }

    #[tokio::test]
    async fn a_stop_ends_a_long_pause() {
        let mut rounds = Rounds::until(std::future::ready(()), Nudge::default(), Duration::from_hours(1));
        assert_eq!(rounds.next().await, Some(true));
        assert_eq!(rounds.next().await, None);
    }
}

//! What works beside the reconciler works in rounds until it is told to stop.

use std::pin::Pin;
use std::time::Duration;

/// Between two rounds.
const TICK: Duration = Duration::from_millis(500);

/// Rounds between two in which house is kept.
const HOUSEKEEPING: u32 = 120;

/// One round after the other.
pub(super) struct Rounds<S> {
    stop: Pin<Box<S>>,
    count: u32,
}

impl<S: Future<Output = ()>> Rounds<S> {
    /// The first round begins at once; `stop` ends them when it resolves.
    pub(super) fn until(stop: S) -> Self {
        Self { stop: Box::pin(stop), count: 0 }
    }

    /// Waits for the next round and answers whether house is kept in it; `None` when it is over.
    pub(super) async fn next(&mut self) -> Option<bool> {
        if self.count > 0 {
            tokio::select! {
                () = &mut self.stop => return None,
                () = tokio::time::sleep(TICK) => {}
            }
        }
        let keep_house = self.count.is_multiple_of(HOUSEKEEPING);
        self.count = self.count % HOUSEKEEPING + 1;
        Some(keep_house)
    }
}

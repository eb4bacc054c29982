//! Hears what other replicas committed, and wakes whoever waits for it here.

use crate::observe::Metrics;
use crate::observe::names;
use crate::store::Heard;
use crate::store::Listener;
use crate::store::Waking;
use crate::sync::Nudge;
use std::sync::Arc;

/// Those that are woken.
#[derive(Clone, Default)]
pub(super) struct Sleepers {
    pub(super) reconciler: Nudge,
    pub(super) courier: Nudge,
    pub(super) announcer: Nudge,
}

impl Sleepers {
    fn wake(&self, who: Waking) {
        let all = [
            (Waking::RECONCILER, &self.reconciler),
            (Waking::COURIER, &self.courier),
            (Waking::ANNOUNCER, &self.announcer),
        ];
        for (one, nudge) in all {
            if who.wakes(one) {
                nudge.nudge();
            }
        }
    }
}

/// What listens beside the reconciler.
pub(super) struct Ears {
    pub(super) listener: Listener,
    pub(super) sleepers: Sleepers,
    pub(super) metrics: Arc<Metrics>,
}

impl Ears {
    /// Listens until `stop` resolves.
    pub(super) async fn run(self, stop: impl Future<Output = ()>) {
        self.metrics.set(&names::DATABASE_LISTENING, &[], 0.0);
        tokio::select! {
            () = stop => {}
            () = self.listener.run(|heard| self.heard(heard)) => {}
        }
        self.listener.settle().await;
    }

    fn heard(&self, heard: Heard) {
        match heard {
            Heard::Waking(who) => self.sleepers.wake(who),
            Heard::Connected => {
                self.metrics.set(&names::DATABASE_LISTENING, &[], 1.0);
                tracing::info!("the database tells what other replicas do");
            }
            Heard::Lost(why) => {
                self.metrics.set(&names::DATABASE_LISTENING, &[], 0.0);
                tracing::warn!("the database does not tell what other replicas do; it is asked twice a second: {why}");
            }
        }
    }
}

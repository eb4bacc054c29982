//! What one process tells the others through the database: that something waits, and for whom. `PostgreSQL` alone can; the
//! notification leaves with the commit of what it tells. `SQLite` serves one process, which wakes itself.
//!
//! A commit that notifies holds a lock of the whole database until it is on disk, and would end group commit. So a process
//! notifies in the transaction at most once in [`PAUSE`]; what is committed within it is told at its end by the listener.

use sqlx::PgConnection;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Shortest pause between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(50);

const RING: &str = "SELECT pg_notify($1, $2)";

/// Who is to look for work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waking(u8);

impl Waking {
    /// Nobody: the notification says only that the line is open.
    pub const NOBODY: Self = Self(0);
    /// Mappings are due, or operations wait.
    pub const RECONCILER: Self = Self(1);
    /// Webhooks are to be told something.
    pub const COURIER: Self = Self(2);
    /// Clients that registered are to be told something.
    pub const ANNOUNCER: Self = Self(4);
    /// Everybody: nobody knows what was missed.
    pub const EVERYBODY: Self = Self(7);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of those are woken.
    pub const fn wakes(self, who: Self) -> bool {
        self.0 & who.0 == who.0
    }

    /// Whether nobody is.
    pub const fn is_nobody(self) -> bool {
        self.0 == 0
    }

    /// One digit.
    fn payload(self) -> String {
        self.0.to_string()
    }

    /// Of a later version or of somebody else: everybody looks.
    pub(super) fn parse(payload: &str) -> Self {
        payload.parse().ok().filter(|bits| *bits <= Self::EVERYBODY.0).map_or(Self::EVERYBODY, Self)
    }
}

/// What tells the others.
pub(super) struct Bell {
    /// The channel: that of the schema.
    pub(super) channel: String,
    state: Mutex<State>,
    owing: Notify,
}

#[derive(Default)]
struct State {
    /// Committed, and not told yet.
    owed: Waking,
    rang: Option<Instant>,
    /// Whether somebody rings what is owed.
    has_ringer: bool,
}

impl Bell {
    pub(super) fn new(channel: String) -> Self {
        Self { channel, state: Mutex::default(), owing: Notify::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a transaction tells by itself; otherwise it owes.
    pub(super) fn may_ring(&self) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        let is_quiet = state.rang.is_none_or(|rang| now.duration_since(rang) >= PAUSE);
        if is_quiet {
            state.rang = Some(now);
        }
        is_quiet || !state.has_ringer
    }

    /// Something was committed that has still to be told.
    pub(super) fn owe(&self, waking: Waking) {
        let mut state = self.state();
        state.owed = state.owed.and(waking);
        drop(state);
        self.owing.notify_one();
    }

    /// What is owed, taken by whoever tells it now.
    pub(super) fn settle(&self) -> Waking {
        let mut state = self.state();
        let owed = std::mem::take(&mut state.owed);
        if !owed.is_nobody() {
            state.rang = Some(Instant::now());
        }
        owed
    }

    /// Resolves a pause after something was owed.
    pub(super) async fn owes(&self) {
        self.owing.notified().await;
        tokio::time::sleep(PAUSE).await;
    }

    /// From now until the value is dropped, somebody rings what is owed.
    pub(super) fn ringer(&self) -> Ringer<'_> {
        self.state().has_ringer = true;
        Ringer(self)
    }

    pub(super) async fn ring(&self, connection: &mut PgConnection, waking: Waking) -> Result<(), sqlx::Error> {
        sqlx::query(RING).bind(&self.channel).bind(waking.payload()).execute(connection).await.map(|_| ())
    }
}

/// While it lives, what is owed is rung.
pub(super) struct Ringer<'a>(&'a Bell);

impl Drop for Ringer<'_> {
    fn drop(&mut self) {
        self.0.state().has_ringer = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_digit_and_what_is_not_known_wakes_everybody() {
        let both = Waking::COURIER.and(Waking::ANNOUNCER);
        assert_eq!((both.payload().as_str(), Waking::parse("6")), ("6", both));
        assert_eq!(Waking::parse("0"), Waking::NOBODY);
        for strange in ["", "8", "-1", "x", "99999"] {
            assert_eq!(Waking::parse(strange), Waking::EVERYBODY, "{strange:?}");
        }
        assert!(both.wakes(Waking::COURIER) && !both.wakes(Waking::RECONCILER));
    }

    #[tokio::test]
    async fn one_of_many_commits_rings_and_the_others_are_owed_together() {
        let bell = Bell::new("test".to_owned());
        assert!(bell.may_ring() && bell.may_ring(), "where nobody rings what is owed, each commit does");
        let ringer = bell.ringer();
        assert!(!bell.may_ring());
        tokio::time::sleep(PAUSE).await;
        assert!(bell.may_ring());
        assert!(!bell.may_ring());
        bell.owe(Waking::COURIER);
        bell.owe(Waking::RECONCILER);
        bell.owes().await;
        assert_eq!(bell.settle(), Waking::COURIER.and(Waking::RECONCILER));
        assert_eq!(bell.settle(), Waking::NOBODY);
        drop(ringer);
        assert!(bell.may_ring());
    }
}

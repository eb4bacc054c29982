//! Hearing what other processes committed: one connection that listens, made anew whenever it breaks or falls silent.
//! While it is down, everybody looks as often as where no database tells anything.

use super::bell::Waking;
use super::postgres::Shared;
use sqlx::postgres::{PgListener, PgPoolOptions};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often everybody looks while nothing can be heard, and how often a connection is tried.
const POLL: Duration = Duration::from_millis(500);

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a process says that it is there, and the silence after which the connection counts as dead: a network that
/// drops packets, or a pooler between that listens for nobody.
const BEAT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(25);

/// What the operators of the database see.
const NAME: &str = "anteroom listener";

/// What is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// These are to look for work.
    Waking(Waking),
    /// The connection stands, for the first time or again. What was told meanwhile was missed.
    Connected,
    /// There is no connection; a sentence says why.
    Lost(String),
}

/// What hears, and tells what commits left to be told.
pub struct Listener {
    shared: Shared,
}

impl Listener {
    pub(super) const fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// Tells what is heard, until it is dropped.
    pub async fn run(&self, mut heard: impl FnMut(Heard)) {
        let _ringer = self.shared.bell.ringer();
        tokio::join!(self.hear(&mut heard), self.ring(), self.beat());
    }

    /// Tells what is still owed, at the end.
    pub async fn settle(&self) {
        let owed = self.shared.bell.settle();
        if !owed.is_nobody() {
            self.tell(owed).await;
        }
    }

    async fn hear(&self, heard: &mut impl FnMut(Heard)) {
        let mut is_told = false;
        loop {
            let why = match self.connect().await {
                Ok(mut line) => {
                    is_told = false;
                    heard(Heard::Connected);
                    heard(Heard::Waking(Waking::EVERYBODY));
                    follow(&mut line, heard).await
                }
                Err(error) => error.to_string(),
            };
            if !is_told {
                heard(Heard::Lost(why));
                is_told = true;
            }
            heard(Heard::Waking(Waking::EVERYBODY));
            tokio::time::sleep(POLL).await;
        }
    }

    /// A connection of its own: the others are for work, and all of them may be taken.
    async fn connect(&self) -> Result<PgListener, sqlx::Error> {
        let options = self.shared.options.clone().application_name(NAME);
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.acquire_timeout(PATIENCE).connect_with(options).await?;
        let mut line = PgListener::connect_with(&pool).await?;
        line.eager_reconnect(false);
        line.listen(&self.shared.bell.channel).await?;
        Ok(line)
    }

    /// Tells what commits owe.
    async fn ring(&self) {
        loop {
            self.shared.bell.owes().await;
            self.settle().await;
        }
    }

    async fn beat(&self) {
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.tell(Waking::NOBODY).await;
        }
    }

    /// What cannot be told is found by the next look of the others.
    async fn tell(&self, waking: Waking) {
        let told = async {
            let mut connection = self.shared.pool.acquire().await?;
            self.shared.bell.ring(&mut connection, waking).await
        };
        if let Err(error) = told.await {
            tracing::debug!("other processes could not be told: {error}");
        }
    }
}

/// Follows a connection to its end; answers why it ended.
async fn follow(line: &mut PgListener, heard: &mut impl FnMut(Heard)) -> String {
    let mut last = Instant::now();
    loop {
        let next = tokio::select! {
            next = line.try_recv() => next,
            () = tokio::time::sleep_until(last + SILENCE) => {
                return format!("nothing was heard for {} seconds, not even ourselves", SILENCE.as_secs());
            }
        };
        match next {
            Ok(Some(notification)) => {
                last = Instant::now();
                let waking = Waking::parse(notification.payload());
                if !waking.is_nobody() {
                    heard(Heard::Waking(waking));
                }
            }
            Ok(None) => return "the database closed the connection".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

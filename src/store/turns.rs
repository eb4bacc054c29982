//! Group commit on `SQLite`: writers take turns on the one writing connection, and those who wait share one commit.
//!
//! A turn is one caller's transaction. The first turn of a group begins the real transaction; each later one runs inside
//! a savepoint of it, so that a failed turn takes back its own work only. A turn that ends well is answered after the
//! commit of its group and never before: a crash until then answers nobody. The commit queues for the connection like
//! any other writer, behind exactly those who were waiting when the group's first turn ended. A lonely writer therefore
//! commits at once, and no flow of writers can put a commit off.

use super::error::StoreError;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Sqlite, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

type Outcome = Result<(), StoreError>;

/// Whoever holds this lock has the connection. It is handed out in the order of asking.
type Line = Arc<Mutex<Option<Group>>>;

/// The line of writers.
#[derive(Clone)]
pub(super) struct Turns {
    pool: SqlitePool,
    line: Line,
    patience: Duration,
}

/// The turns that share a transaction.
struct Group {
    transaction: Transaction<'static, Sqlite>,
    /// Who ended well and waits for the commit. Empty only during the first turn.
    ended: Vec<oneshot::Sender<Outcome>>,
    savepoint: Savepoint,
}

/// The savepoint of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Savepoint {
    /// There is none: only the first turn has been.
    None,
    /// Of the turn that goes on, or of one that was dropped.
    Begun,
    /// Of a turn that ended well. It is released together with what comes next: each statement costs a way to the
    /// connection's thread and back.
    Ended,
}

/// One writer's transaction. Dropped without [`Turn::commit`], it leaves no trace.
pub struct Turn {
    /// Taken when the turn has ended.
    held: Option<OwnedMutexGuard<Option<Group>>>,
    line: Line,
}

impl Turns {
    /// A line before the connection of that pool, which has one at most. Nobody waits longer than `patience`.
    pub(super) fn new(pool: SqlitePool, patience: Duration) -> Self {
        Self { pool, line: Line::default(), patience }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self) -> Result<Turn, StoreError> {
        let line = Arc::clone(&self.line);
        let held = timeout(self.patience, Arc::clone(&line).lock_owned()).await.map_err(|_| StoreError::Busy)?;
        let turn = Turn { held: Some(held), line };
        // On its own, here and in `commit`: a caller who goes away in the middle leaves a savepoint or a commit half done.
        tokio::spawn(turn.begin(self.pool.clone())).await.map_err(|_| StoreError::Busy)?
    }

    /// Waits until every turn that was taken has ended, and closes the connection.
    pub(super) async fn close(&self) {
        // A group that is open has its commit in the line.
        while self.line.lock().await.is_some() {
            tokio::task::yield_now().await;
        }
        self.pool.close().await;
    }
}

impl Group {
    async fn begin(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        let transaction = match pool.begin_with(BEGIN).await {
            // `SQLite` ended the last transaction by itself, for a full disk perhaps, and the driver still counts it.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                drop(pool.acquire().await?.detach());
                pool.begin_with(BEGIN).await?
            }
            begun => begun?,
        };
        Ok(Self { transaction, ended: Vec::new(), savepoint: Savepoint::None })
    }

    /// Begins one more turn, behind what the last one did or, where it was dropped, in its place. A savepoint outside of a
    /// transaction would commit by itself: after a turn that failed, the way back shows whether the transaction still lives.
    async fn join(&mut self) -> Result<(), sqlx::Error> {
        let statement = match self.savepoint {
            Savepoint::None => "SAVEPOINT turn",
            Savepoint::Begun => "ROLLBACK TO turn",
            Savepoint::Ended => "RELEASE turn; SAVEPOINT turn",
        };
        self.savepoint = Savepoint::Begun;
        self.run(statement).await
    }

    /// Ends the turn that goes on.
    fn keep(&mut self) {
        if self.savepoint == Savepoint::Begun {
            self.savepoint = Savepoint::Ended;
        }
    }

    /// Takes back what a dropped turn did.
    async fn take_back(&mut self) -> Result<(), sqlx::Error> {
        if self.savepoint == Savepoint::Begun {
            self.run("ROLLBACK TO turn").await?;
        }
        Ok(())
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut *self.transaction).await.map(|_| ())
    }

    /// Commits all turns that ended well; the savepoint ends with the transaction.
    async fn commit(mut self) {
        if let Err(error) = self.take_back().await {
            return self.fail(&error);
        }
        let outcome = self.transaction.commit().await;
        answer(self.ended, outcome.as_ref().err());
    }

    /// Rolls everything back and says so to all who wait.
    fn fail(self, why: &sqlx::Error) {
        drop(self.transaction);
        answer(self.ended, Some(why));
    }
}

fn answer(ended: Vec<oneshot::Sender<Outcome>>, error: Option<&sqlx::Error>) {
    for waiting in ended {
        // Who no longer waits has gone away.
        drop(waiting.send(error.map_or(Ok(()), |error| Err(StoreError::NotCommitted(error.to_string())))));
    }
}

impl Turn {
    async fn begin(mut self, pool: SqlitePool) -> Result<Self, StoreError> {
        let Some(held) = &mut self.held else { return Err(StoreError::Busy) };
        if let Some(group) = &mut **held {
            match group.join().await {
                Ok(()) => return Ok(self),
                Err(error) => held.take().into_iter().for_each(|broken| broken.fail(&error)),
            }
        }
        **held = Some(Group::begin(&pool).await?);
        Ok(self)
    }

    /// The connection, which is this turn's alone.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let group = self.held.as_mut().and_then(|held| held.as_mut()).ok_or(sqlx::Error::PoolClosed)?;
        Ok(&mut group.transaction)
    }

    /// Ends the turn well; answers when the commit of its group is on disk.
    pub(super) async fn commit(self) -> Outcome {
        let (ended, outcome) = oneshot::channel();
        tokio::spawn(self.end(ended));
        outcome.await.unwrap_or_else(|_| Err(StoreError::NotCommitted("the server is stopping".to_owned())))
    }

    async fn end(mut self, ended: oneshot::Sender<Outcome>) {
        let Some(mut held) = self.held.take() else { return };
        let Some(group) = &mut *held else { return };
        group.keep();
        group.ended.push(ended);
        if group.ended.len() > 1 {
            return;
        }
        drop(held);
        let whole = self.line.lock().await.take();
        if let Some(group) = whole {
            group.commit().await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The first turn of a group takes its transaction along. What a later one did is taken back by whoever has the
        // connection next: there is always one, for the group has a commit in the line.
        if let Some(held) = &mut self.held
            && held.as_ref().is_some_and(|group| group.ended.is_empty())
        {
            **held = None;
        }
    }
}

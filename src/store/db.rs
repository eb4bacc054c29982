//! The two engines behind one SQL text. The only file that knows which one is in use.
//!
//! `SQLite` has one writing connection (`BEGIN IMMEDIATE`, WAL, `synchronous = FULL`: an answered write is on disk) whose
//! writers share commits (`turns`), and several reading ones; `PostgreSQL` has one pool for both, and shares commits by
//! itself. Dialect differences: [`Tx::skip_locked`], [`Tx::clock`] and [`Tx::wake`], nothing else.

use super::bell::Waking;
use super::error::StoreError;
use super::postgres::{PostgresTx, Shared};
use super::turns::{Turn, Turns};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Sqlite, Transaction};
use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

/// How long a writer waits for its turn before the store counts as busy.
const WRITE_WAIT: Duration = Duration::from_secs(20);

/// Statements each connection keeps prepared.
pub(super) const STATEMENTS: usize = 256;

/// Rows a `SQLite` connection finds before whoever asked has to take some: whole answers are asked for, and each time that
/// it has to wait costs as much as finding many rows.
const ROWS: usize = 1024;

#[derive(Clone)]
pub(super) enum Db {
    Sqlite { read: SqlitePool, write: Turns },
    Postgres(Box<Shared>),
}

/// A transaction on either engine. Dropped without [`Tx::commit`], it leaves no trace.
pub enum Tx {
    /// On `SQLite`.
    Sqlite(SqliteTx),
    /// On `PostgreSQL`.
    Postgres(PostgresTx),
}

/// A transaction on `SQLite`.
pub enum SqliteTx {
    /// On one of the reading connections.
    Read(Transaction<'static, Sqlite>),
    /// On the writing connection.
    Write(Turn),
    /// On one of the reading connections, outside of a transaction: [`Db::glance`].
    Glance(PoolConnection<Sqlite>),
}

/// Runs `$body` on the engine in use: one SQL text, one list of binds, expanded once per engine.
macro_rules! on {
    ($tx:expr, $connection:ident => $body:expr) => {
        match $tx {
            $crate::store::db::Tx::Sqlite(transaction) => {
                let $connection = transaction.connection()?;
                $body
            }
            $crate::store::db::Tx::Postgres(transaction) => {
                let $connection = transaction.connection();
                $body
            }
        }
    };
}
pub(super) use on;

impl Tx {
    /// Makes everything done in this transaction durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(SqliteTx::Read(transaction)) => transaction.commit().await?,
            Self::Sqlite(SqliteTx::Write(turn)) => turn.commit().await?,
            // Nothing was begun.
            Self::Sqlite(SqliteTx::Glance(_)) => {}
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }

    /// Whether other processes of ours may work on this database: only `PostgreSQL` is run with several replicas.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Once this is committed, those look for work, in every process that shares the database. Where none does, nothing
    /// happens: a process wakes itself.
    pub(super) fn wake(&mut self, who: Waking) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(transaction) => transaction.wake(who),
        }
    }

    /// What a claiming sub-select ends with, so that two replicas never claim the same row.
    pub(super) const fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Asks for the database's time in milliseconds since the epoch, which goes on during a transaction.
    pub(super) const fn clock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
            Self::Postgres(_) => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

impl SqliteTx {
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        match self {
            Self::Read(transaction) => Ok(&mut **transaction),
            Self::Write(turn) => turn.connection(),
            Self::Glance(connection) => Ok(&mut **connection),
        }
    }
}

impl Db {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let shared = Shared::connect(url, WRITE_WAIT).await?;
            migrator().run(&shared.pool).await?;
            return Ok(Self::Postgres(Box::new(shared)));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(STATEMENTS)
            .row_buffer_size(ROWS);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(WRITE_WAIT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        // Before the readers open: a connection that was there earlier may hold the old schema.
        migrator().run(&write).await?;
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self::Sqlite { read, write: Turns::new(write, WRITE_WAIT) })
    }

    pub(super) async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(SqliteTx::Read(read.begin().await?)),
            Self::Postgres(shared) => Tx::Postgres(shared.begin_read().await?),
        })
    }

    /// For one statement, which sees one state by itself: nothing is begun and nothing ended.
    pub(super) async fn glance(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(SqliteTx::Glance(read.acquire().await?)),
            Self::Postgres(shared) => Tx::Postgres(shared.glance().await?),
        })
    }

    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(SqliteTx::Write(write.take().await?)),
            Self::Postgres(shared) => Tx::Postgres(shared.begin_write().await?),
        })
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(shared) => shared.pool.close().await,
        }
    }
}

/// The migrations, carried in the program. Append-only: a released file is never changed.
pub(super) const MIGRATIONS: &[(&str, &str)] = &[
    ("tenants", include_str!("../../migrations/0001_tenants.sql")),
    ("rooms", include_str!("../../migrations/0002_rooms.sql")),
    ("feeds", include_str!("../../migrations/0003_feeds.sql")),
    ("bridges", include_str!("../../migrations/0004_bridges.sql")),
    ("sync", include_str!("../../migrations/0005_sync.sql")),
    ("audit", include_str!("../../migrations/0006_audit.sql")),
    ("link_sent", include_str!("../../migrations/0007_link_sent.sql")),
    ("features", include_str!("../../migrations/0008_features.sql")),
    ("growth", include_str!("../../migrations/0009_growth.sql")),
    ("idempotency", include_str!("../../migrations/0010_idempotency.sql")),
    ("overlaps", include_str!("../../migrations/0011_overlaps.sql")),
    ("operator", include_str!("../../migrations/0012_operator.sql")),
    ("rules", include_str!("../../migrations/0013_rules.sql")),
    ("push", include_str!("../../migrations/0014_push.sql")),
    ("zones", include_str!("../../migrations/0015_zones.sql")),
    ("silence", include_str!("../../migrations/0016_silence.sql")),
    ("tenant_record", include_str!("../../migrations/0017_tenant_record.sql")),
    ("folding", include_str!("../../migrations/0018_folding.sql")),
    ("data_keys", include_str!("../../migrations/0019_data_keys.sql")),
    ("audit_chain", include_str!("../../migrations/0020_audit_chain.sql")),
    ("fbtype", include_str!("../../migrations/0021_fbtype.sql")),
    ("directory", include_str!("../../migrations/0022_directory.sql")),
    ("turns", include_str!("../../migrations/0023_turns.sql")),
    ("webhooks", include_str!("../../migrations/0024_webhooks.sql")),
    ("alerts", include_str!("../../migrations/0025_alerts.sql")),
    ("resend", include_str!("../../migrations/0026_resend.sql")),
    ("sign_in", include_str!("../../migrations/0027_sign_in.sql")),
    ("room_groups", include_str!("../../migrations/0028_room_groups.sql")),
    ("housekeeping", include_str!("../../migrations/0029_housekeeping.sql")),
    ("secret_scope", include_str!("../../migrations/0030_secret_scope.sql")),
];

fn migrator() -> Migrator {
    let migrations = (1..)
        .zip(MIGRATIONS)
        .map(|(version, (name, sql))| {
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect::<Vec<_>>();
    let mut migrator = Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT };
    // A replica of a later version may have been here: a schema only grows, so that both can work on it.
    migrator.set_ignore_missing(true);
    migrator
}

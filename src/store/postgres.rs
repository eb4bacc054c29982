//! `PostgreSQL`: how it is reached, and transactions that tell the other processes what waits.

use super::bell::{Bell, Waking};
use super::db::STATEMENTS;
use super::error::StoreError;
use super::reach::explain;
use crate::config::database_url;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How long a server that did not answer is asked once more.
const GLANCE: Duration = Duration::from_secs(3);

/// Connections of one process, but for the one that listens.
const CONNECTIONS: u32 = 16;

// Schemas of one database have channels of their own; a name of a channel has less than 64 octets.
const CHANNEL: &str = "SELECT 'anteroom_' || md5(COALESCE(current_schema(), ''))";

/// A database that several processes may share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) pool: PgPool,
    pub(super) options: PgConnectOptions,
    pub(super) bell: Arc<Bell>,
}

impl Shared {
    /// Connects, without looking at the schema.
    pub(super) async fn connect(url: &str, patience: Duration) -> Result<Self, StoreError> {
        let problems = database_url::problems(url);
        if !problems.is_empty() {
            return Err(StoreError::Address(problems.join("; it ")));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| StoreError::Address(error.to_string()))?;
        let options = options.statement_cache_capacity(STATEMENTS);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(patience);
        let pool = match pool.connect_with(options.clone()).await {
            Ok(pool) => pool,
            Err(sqlx::Error::PoolTimedOut) => return Err(reason(&options).await),
            Err(error) => return Err(explain(error, &options)),
        };
        let channel: String = sqlx::query_scalar(CHANNEL).fetch_one(&pool).await?;
        Ok(Self { pool, options, bell: Arc::new(Bell::new(channel)) })
    }

    pub(super) async fn begin_read(&self) -> Result<PostgresTx, StoreError> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    pub(super) async fn begin_write(&self) -> Result<PostgresTx, StoreError> {
        self.begin("BEGIN").await
    }

    /// A connection outside of a transaction.
    pub(super) async fn glance(&self) -> Result<PostgresTx, StoreError> {
        Ok(self.told_by(Line::Glance(self.pool.acquire().await?)))
    }

    /// The caller may go away in the middle: the driver would give the connection back with a transaction that nobody
    /// ends, and whoever gets it next would stand in it. On its own the beginning comes to its end, and is taken back then.
    async fn begin(&self, statement: &'static str) -> Result<PostgresTx, StoreError> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin_with(statement).await });
        Ok(self.told_by(Line::Begun(begun.await.map_err(|_| StoreError::Busy)??)))
    }

    fn told_by(&self, line: Line) -> PostgresTx {
        PostgresTx { line, bell: self.bell.clone(), waking: Waking::NOBODY }
    }
}

/// Why a server could not be reached for so long: what it does now.
async fn reason(options: &PgConnectOptions) -> StoreError {
    match tokio::time::timeout(GLANCE, PgConnection::connect_with(options)).await {
        Ok(Err(error)) => explain(error, options),
        Ok(Ok(_)) | Err(_) => explain(sqlx::Error::PoolTimedOut, options),
    }
}

enum Line {
    /// A transaction.
    Begun(Transaction<'static, Postgres>),
    /// A connection outside of one.
    Glance(PoolConnection<Postgres>),
}

/// A transaction on `PostgreSQL`.
pub struct PostgresTx {
    line: Line,
    bell: Arc<Bell>,
    /// Who is told when it is committed.
    waking: Waking,
}

impl PostgresTx {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match &mut self.line {
            Line::Begun(transaction) => transaction,
            Line::Glance(connection) => connection,
        }
    }

    /// Whoever that is looks for work once this is committed, in every process.
    pub(super) fn wake(&mut self, who: Waking) {
        self.waking = self.waking.and(who);
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        // Nothing was begun at a glance.
        let Line::Begun(mut transaction) = self.line else { return Ok(()) };
        if self.waking.is_nobody() {
            return transaction.commit().await;
        }
        let rings = self.bell.may_ring();
        if rings {
            self.bell.ring(&mut transaction, self.waking).await?;
        }
        transaction.commit().await?;
        if !rings {
            self.bell.owe(self.waking);
        }
        Ok(())
    }
}

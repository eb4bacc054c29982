//! Floor 2: the only SQL. Free functions over a transaction; composition is by calling several inside one, and no
//! function commits by itself. Every function takes the tenant, or an id that was looked up with it.

mod bell;
mod db;
mod error;
mod listener;
mod postgres;
mod reach;
mod row;
mod turns;

pub mod alerts;
pub mod approvals;
pub mod audit;
pub mod audit_chain;
pub mod bridges;
pub mod changes;
pub mod conflicts;
pub mod data_keys;
pub mod deliveries;
pub mod directory;
pub mod dump;
pub mod feeds;
pub mod idempotency;
pub mod inbox;
pub mod instances;
pub mod leases;
pub mod links;
pub mod mappings;
pub mod objects;
pub mod operations;
pub mod overview;
pub mod pages;
pub mod plans;
pub mod principals;
pub mod privacy;
pub mod properties;
pub mod providers;
pub mod registrations;
pub mod removal;
pub mod restore;
pub mod retention;
pub mod rights;
pub mod room_groups;
pub mod rooms;
pub mod rules;
pub mod runs;
pub mod schema;
pub mod sealed;
pub mod secrets;
pub mod sessions;
pub mod subscriptions;
pub mod tallies;
pub mod tenants;
pub mod webhooks;
pub mod zones;

pub use bell::Waking;
pub use db::Tx;
pub use error::StoreError;
pub use listener::{Heard, Listener};

use db::Db;

/// The database: `SQLite` in a file, or `PostgreSQL`.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens the database at `sqlite:…` or `postgres://…` and brings its schema up to date. Of several processes that do so
    /// at once, one does.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let store = Self { db: Db::open(url).await? };
        if schema::is_later(&mut store.begin_read().await?).await? {
            tracing::warn!(
                "the database has the schema of a later version of this program; both can work on it, but replace this one \
                 soon: it does not know what is new"
            );
        }
        Ok(store)
    }

    /// A transaction that only reads, and sees one state of everything.
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        self.db.begin_read().await
    }

    /// For a question of one statement, which sees one state by itself: what it costs to begin a transaction and to end it
    /// is saved. A second statement would see another state.
    pub async fn glance(&self) -> Result<Tx, StoreError> {
        self.db.glance().await
    }

    /// A transaction that may write.
    pub async fn begin_write(&self) -> Result<Tx, StoreError> {
        self.db.begin_write().await
    }

    /// What hears of the work that other processes leave; `None` where there can be none.
    pub fn listener(&self) -> Option<Listener> {
        match &self.db {
            Db::Sqlite { .. } => None,
            Db::Postgres(shared) => Some(Listener::new((**shared).clone())),
        }
    }

    /// Waits for open transactions and closes all connections.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

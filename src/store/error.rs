//! What can go wrong with the database. Absence is no error: look-ups answer `Option`.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is overloaded or locked; the caller may try again.
    #[error("the database is busy")]
    Busy,
    /// The transaction ended well, but the commit that it shared with others did not.
    #[error("the database could not commit: {0}")]
    NotCommitted(String),
    /// A row breaks a uniqueness rule.
    #[error("the database already has such a row: {0}")]
    Taken(String),
    /// A stored value cannot be read as what it should be.
    #[error("the database holds something unreadable in {column}: {what}")]
    Corrupt {
        /// Which column.
        column: &'static str,
        /// What is wrong with the value.
        what: String,
    },
    /// The address of the database cannot be used; a sentence says why.
    #[error("its address {0}")]
    Address(String),
    /// The database cannot be reached.
    #[error("{why}")]
    Unreachable {
        /// Why, and what to do.
        why: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The database driver failed.
    #[error("the database failed")]
    Driver(#[source] sqlx::Error),
    /// A migration failed.
    #[error("the database could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(database) if database.is_unique_violation() => {
                Self::Taken(database.message().to_owned())
            }
            // SQLite 5 and 6 (busy, locked); PostgreSQL 40001 and 40P01 (serialization failure, deadlock).
            sqlx::Error::Database(database)
                if database.code().is_some_and(|code| matches!(&*code, "5" | "6" | "517" | "40001" | "40P01")) =>
            {
                Self::Busy
            }
            _ => Self::Driver(error),
        }
    }
}

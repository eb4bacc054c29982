//! Backups: the rows of every table in one consistent state, in a form that is the same for both engines.
//!
//! A backup is a text of JSON lines, compressed, and locked for those who may read it (`crypt::Lock`). It is made in one
//! read transaction while everything goes on, and put back in one write transaction. What is sealed stays sealed in it: who
//! opens a backup has the bookings, and needs the master key for the secrets.

mod carry;
mod format;
mod keep;
mod make;
mod restore;
mod sealed;
mod shelved;
mod tally;
mod verify;

pub use carry::{Moved, carry};
pub use format::Head;
pub use keep::{Keep, name_of, outlived, time_of};
pub use make::{Made, make};
pub use restore::{Restored, Target, restore};
pub use shelved::{Found, make_at, newest, prune};
pub use verify::{Chain, Sealed, Verified, verify};

use super::ManageError;
use std::path::Path;

/// What a file cannot do.
fn of_file(path: &Path, why: &std::io::Error) -> ManageError {
    refused(format!("{}: {why}", path.display()))
}

fn refused(why: impl Into<String>) -> ManageError {
    ManageError::State { why: why.into() }
}

/// Work on files goes on a thread of its own, from now on, whether anybody waits for it or not.
fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ManageError> + Send + 'static,
) -> impl Future<Output = Result<T, ManageError>> + Send {
    let begun = tokio::task::spawn_blocking(work);
    async { begun.await.map_err(|_| refused("the thread that worked on the backup ended early"))? }
}

//! Backups on a shelf: made there under their name, found again, and removed when they have outlived the policy.

use super::super::ManageError;
use super::keep::{Keep, name_of, outlived, time_of};
use super::make::{Made, make};
use super::refused;
use crate::bridge::shelf::Shelf;
use crate::bridge::shelf::ShelfError;
use crate::crypt::Lock;
use crate::model::Timestamp;
use crate::store::Store;
use crate::store::tenants::Tenant;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// After that time without a byte, a backup is not being made any more.
const LEFT_MS: i64 = 3_600_000;

impl From<ShelfError> for ManageError {
    fn from(error: ShelfError) -> Self {
        refused(error.to_string())
    }
}

/// Makes a backup and puts it on the shelf, by its usual name or the one given; `bench` is a folder in which it may be made.
pub async fn make_at(
    store: &Store,
    tenant: Option<&Tenant>,
    lock: Lock,
    (shelf, bench, name): (&Shelf, &Path, Option<String>),
    now: Timestamp,
) -> Result<(String, Made), ManageError> {
    let usual = || name_of(tenant.map(|tenant| tenant.tenant_key.as_str()), now, !lock.is_open());
    let name = name.unwrap_or_else(usual);
    let bench = shelf.workbench(bench);
    sweep(bench, &name, now).await;
    let path = bench.join(format!(".{name}.part"));
    let made = make(store, tenant, lock, &path, now).await?;
    shelf.put(&name, &path).await?;
    Ok((name, made))
}

/// Removes what backups left that were killed: what nobody has written to for an hour. What is still written is younger.
async fn sweep(bench: &Path, name: &str, now: Timestamp) {
    let Ok(mut files) = tokio::fs::read_dir(bench).await else { return };
    while let Ok(Some(file)) = files.next_entry().await {
        let called = file.file_name();
        let Some(of) = called.to_str().and_then(|called| called.strip_prefix('.')?.strip_suffix(".part")) else {
            continue;
        };
        if of != name && !of.starts_with("anteroom-") {
            continue;
        }
        let Some(age_ms) = age_ms(&file, now).await.filter(|age_ms| *age_ms >= LEFT_MS) else { continue };
        match tokio::fs::remove_file(file.path()).await {
            Ok(()) => {
                tracing::info!(file = %file.path().display(), age_ms, "removed what a backup left that was killed");
            }
            Err(error) => tracing::warn!(file = %file.path().display(), "cannot be removed: {error}"),
        }
    }
}

/// How long nobody has written to a file.
async fn age_ms(file: &tokio::fs::DirEntry, now: Timestamp) -> Option<i64> {
    let written = file.metadata().await.ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(now.ms() - i64::try_from(written.as_millis()).ok()?)
}

/// The newest backup on a shelf, and when it was made.
pub async fn newest(shelf: &Shelf, tenant: Option<&str>) -> Result<Option<(Timestamp, String)>, ManageError> {
    let names = shelf.list().await?;
    Ok(names.into_iter().filter_map(|name| Some((time_of(&name, tenant)?, name))).max())
}

/// Removes what the policy does not keep; answers its names.
pub async fn prune(shelf: &Shelf, tenant: Option<&str>, keep: Keep) -> Result<Vec<String>, ManageError> {
    let gone = outlived(&shelf.list().await?, tenant, keep);
    for name in &gone {
        shelf.remove(name).await?;
    }
    Ok(gone)
}

/// A backup that is read from a file of this machine; a copy goes when it is done with.
pub struct Found {
    /// The file.
    pub path: PathBuf,
    copied: bool,
}

impl Found {
    /// The backup of that name, or the newest one where none is given.
    pub async fn on(
        shelf: &Shelf,
        name: Option<String>,
        tenant: Option<&str>,
        bench: &Path,
    ) -> Result<Self, ManageError> {
        let name = match name {
            Some(name) => name,
            None => match (newest(shelf, None).await?, tenant) {
                (Some((_, name)), _) => name,
                (None, Some(_)) => newest(shelf, tenant).await?.ok_or_else(nothing)?.1,
                (None, None) => return Err(nothing()),
            },
        };
        let path = shelf.fetch(&name, bench).await?;
        Ok(Self { path, copied: matches!(shelf, Shelf::Bucket { .. }) })
    }
}

fn nothing() -> ManageError {
    ManageError::no("backup", "in that place")
}

impl Drop for Found {
    fn drop(&mut self) {
        if self.copied {
            // A copy that stays is locked all the same.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

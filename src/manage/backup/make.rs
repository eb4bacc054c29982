//! Making a backup: one read transaction, row by row into a file, while everything else goes on.

use super::super::ManageError;
use super::format::{Head, Writer};
use super::{elsewhere, of_file, refused};
use crate::crypt::Lock;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::Store;
use crate::store::dump::{self, Row};
use crate::store::schema::{self, Table};
use crate::store::tenants::Tenant;
use futures_util::StreamExt as _;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Rows that are handed over at once, and handfuls that wait at most: what a backup needs of memory.
const HANDFUL: usize = 64;
const WAITING: usize = 4;

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Made {
    /// Tables in it.
    pub tables: usize,
    /// Rows in it.
    pub rows: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

enum Part {
    Table(&'static Table),
    Rows(Vec<Row>),
    End,
}

/// The tables of a backup in its order: keys first, because what follows is sealed with them; the audit last, when it is
/// known where its chains begin. Each names only tables before it.
pub(super) fn tables(tenant: bool) -> Vec<&'static Table> {
    let rank = |table: &&Table| match table.name.as_str() {
        "data_keys" => 0,
        "audit" => 2,
        _ => 1,
    };
    let kept = |table: &&Table| !tenant || table.owner().is_some() || table.name == "data_keys";
    let mut all: Vec<&Table> = schema::tables().iter().filter(kept).collect();
    all.sort_by_key(rank);
    all
}

/// Writes a backup of the installation, or of one tenant, into a new file that only its owner can read.
pub async fn make(
    store: &Store,
    tenant: Option<&Tenant>,
    lock: Lock,
    path: &Path,
    now: Timestamp,
) -> Result<Made, ManageError> {
    let head = Head::new(now.ms(), tenant.map(|tenant| tenant.tenant_key.clone()));
    let (parts, given) = mpsc::channel(WAITING);
    let path = path.to_owned();
    let writing = elsewhere(move || write(&path, &lock, &head, given));
    let (read, written) = tokio::join!(read(store, tenant.map(|tenant| &tenant.id), parts), writing);
    // Where writing failed, reading found nobody to give to: the cause is told.
    let made = written?;
    read?;
    Ok(made)
}

async fn read(store: &Store, tenant: Option<&TenantId>, parts: mpsc::Sender<Part>) -> Result<(), ManageError> {
    let gone = |_| refused("nobody writes the backup any more");
    let mut tx = store.begin_read().await?;
    for table in tables(tenant.is_some()) {
        parts.send(Part::Table(table)).await.map_err(gone)?;
        let mut rows = dump::rows(&mut tx, table, tenant)?.chunks(HANDFUL);
        while let Some(handful) = rows.next().await {
            let rows = handful.into_iter().collect::<Result<_, _>>()?;
            parts.send(Part::Rows(rows)).await.map_err(gone)?;
        }
        drop(rows);
        parts.send(Part::End).await.map_err(gone)?;
    }
    Ok(())
}

fn write(path: &Path, lock: &Lock, head: &Head, mut parts: mpsc::Receiver<Part>) -> Result<Made, ManageError> {
    let mut unfinished = Unfinished { path: path.to_owned(), done: false };
    let options = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut writer = Writer::begin(options.map_err(|why| of_file(path, &why))?, lock, head)?;
    let (mut tables, mut rows) = (0, 0);
    while let Some(part) = parts.blocking_recv() {
        match part {
            Part::Table(table) => writer.table(table)?,
            Part::Rows(handful) => handful.iter().try_for_each(|row| writer.row(row))?,
            Part::End => {
                rows += writer.end()?.rows;
                tables += 1;
            }
        }
    }
    if tables != self::tables(head.tenant.is_some()).len() {
        return Err(refused("the database could not be read to its end"));
    }
    let file = writer.finish()?;
    file.sync_all().map_err(|why| of_file(path, &why))?;
    let bytes = file.metadata().map_err(|why| of_file(path, &why))?.len();
    unfinished.done = true;
    Ok(Made { tables, rows, bytes })
}

/// A file that is of no use until it is done.
struct Unfinished {
    path: PathBuf,
    done: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.done {
            // It may not have been made at all.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

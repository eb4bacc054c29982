//! Putting a backup back: everything into an empty database or in the place of everything, or one tenant while the others
//! go on. In one transaction, after the backup was read to its end and judged; afterwards every side is read anew.

use super::super::keys::Vault;
use super::super::restore::begin_anew;
use super::super::{Acting, ManageError};
use super::format::Piece;
use super::sealed::{self, BackupKeys, SealedColumns};
use super::verify::{self, Verified};
use super::{elsewhere, refused};
use crate::crypt::KeyProvider;
use crate::crypt::KeyRing;
use crate::crypt::Keys;
use crate::crypt::Opener;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::Store;
use crate::store::Tx;
use crate::store::dump::{self, Cell, Row};
use crate::store::restore as anew;
use crate::store::schema::{self, Table};
use futures_util::StreamExt as _;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Rows that are put back by one statement, and handfuls that wait at most: what a restore needs of memory.
const HANDFUL: usize = 100;
const WAITING: usize = 2;

/// What a backup is put into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A database without a row.
    Empty,
    /// A database whose rows go.
    Everything,
    /// The place of one tenant, by its key. Its audit stays: what happened in the lost time happened.
    Tenant(String),
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// What was read and found.
    pub backup: Verified,
    /// Rows that were put back.
    pub rows: u64,
    /// Rows of people who are not there any more, which were left out.
    pub left_out: u64,
}

/// A table with rows of it.
struct Load {
    table: Table,
    rows: Vec<Row>,
}

/// Puts a backup back. Nothing is changed unless all of it is.
pub async fn restore(
    store: &Store,
    master: &Arc<dyn KeyProvider>,
    (path, opener): (&Path, &Opener),
    target: &Target,
    (actor, now): (&str, Timestamp),
) -> Result<Restored, ManageError> {
    let backup = verify::verify(path, opener, Some(master)).await?;
    let stored = {
        let (path, opener) = (path.to_owned(), opener.clone());
        elsewhere(move || verify::stored_keys(&path, &opener)).await?
    };
    // Asked again for its sentence: the answer of the judge says only that they do not open.
    let keys = sealed::open(master, &stored).await?;
    let (rows, left_out) = match target {
        Target::Empty | Target::Everything => whole(store, (path, opener), &backup, target, (actor, now)).await?,
        Target::Tenant(key) => {
            let living = Vault::new(store.clone(), master.clone()).open(now).await?;
            one(store, (path, opener), key, (&keys, &living), (actor, now)).await?
        }
    };
    Ok(Restored { backup, rows, left_out })
}

async fn whole(
    store: &Store,
    (path, opener): (&Path, &Opener),
    backup: &Verified,
    target: &Target,
    (actor, now): (&str, Timestamp),
) -> Result<(u64, u64), ManageError> {
    if let Some(tenant) = &backup.head.tenant {
        return Err(refused(format!(
            "the backup holds the tenant {tenant:?} alone; say --tenant {tenant} to put it into a running system"
        )));
    }
    let mut tx = store.begin_write().await?;
    if *target == Target::Everything {
        for table in schema::tables().iter().rev() {
            dump::clear(&mut tx, table).await?;
        }
    } else {
        refuse_rows(&mut tx, "say --replace to put the backup in the place of everything in it").await?;
    }
    let (mut loads, reading) = loads(path, opener);
    let mut rows = 0;
    while let Some(load) = loads.recv().await {
        rows += load.rows.len() as u64;
        dump::insert(&mut tx, &load.table, load.rows).await?;
    }
    reading.await?;
    begin_anew(&mut tx, actor, now).await?;
    tx.commit().await?;
    Ok((rows, 0))
}

/// A database that is not empty is refused, with what else could be done.
pub(super) async fn refuse_rows(tx: &mut Tx, instead: &str) -> Result<(), ManageError> {
    for table in schema::tables() {
        if !dump::is_empty(tx, table).await? {
            return Err(refused(format!("the database is not empty: {} has rows; {instead}", table.name)));
        }
    }
    Ok(())
}

async fn one(
    store: &Store,
    (path, opener): (&Path, &Opener),
    key: &str,
    (theirs, living): (&BackupKeys, &Keys),
    (actor, now): (&str, Timestamp),
) -> Result<(u64, u64), ManageError> {
    if !Keys::from_root(&theirs.root, theirs.ring.clone()).feed.is(&living.feed) {
        return Err(refused(
            "the backup is of another installation, whose feed links and audits cannot be judged here; restore it whole",
        ));
    }
    let mut tx = store.begin_write().await?;
    let (mut loads, reading) = loads(path, opener);
    let mut place: Option<Place> = None;
    let (mut rows, mut left_out) = (0, 0);
    while let Some(load) = loads.recv().await {
        if load.table.name == "tenants" && place.is_none() {
            place = Place::find(&mut tx, &load, key).await?;
        }
        let Some(place) = &mut place else { continue };
        let taken = place.take(load, &theirs.ring, &living.ring)?;
        rows += taken.rows.len() as u64;
        left_out += std::mem::take(&mut place.left_out);
        dump::insert(&mut tx, &taken.table, taken.rows).await?;
    }
    reading.await?;
    let Some(place) = place else { return Err(ManageError::no("tenant in the backup", key)) };
    anew::begin_anew_of(&mut tx, &place.tenant, place.last_seq, now).await?;
    let acting = Acting { tenant: &place.tenant, actor, now };
    let sentence = "A backup of this tenant was restored; everything of it is read anew.";
    acting.record(&mut tx, "tenant.restored", None, sentence).await?;
    tx.commit().await?;
    Ok((rows, left_out))
}

/// The place that a tenant comes into.
struct Place {
    tenant: TenantId,
    /// Whether it is there already, and keeps its audit.
    stands: bool,
    last_seq: i64,
    principals: BTreeSet<String>,
    left_out: u64,
}

impl Place {
    /// Looks whether the tenant is among these; if so, what is there of it goes, and its row becomes that of the backup.
    async fn find(tx: &mut Tx, load: &Load, key: &str) -> Result<Option<Self>, ManageError> {
        let column = |name: &str| load.table.column(name).ok_or_else(|| refused("the backup is damaged: no tenants"));
        let (id, named, number) = (column("id")?, column("tenant_key")?, column("directory")?);
        let Some(row) = load.rows.iter().find(|row| row[named].text() == key) else { return Ok(None) };
        let tenant = TenantId::from(row[id].text());
        let tenants = schema::tables().iter().find(|table| table.name == "tenants").unwrap_or(&load.table);
        let here = dump::rows(tx, tenants, Some(&tenant))?.next().await.transpose()?;
        let last_seq = anew::fence(tx, &tenant).await?;
        dump::clear_tenant(tx, &tenant).await?;
        let mut row = row.clone();
        let stands = here.is_some();
        if let Some(here) = here {
            let before = tenants.column("directory").and_then(|at| here[at].number()).unwrap_or(0);
            // What anybody remembers of its directory holds no longer.
            row[number] = Cell::Number(before.max(row[number].number().unwrap_or(0)) + 2);
            dump::replace(tx, &load.table, (id, row)).await?;
        } else {
            dump::insert(tx, &load.table, vec![row]).await?;
        }
        let principals = dump::principals_elsewhere(tx, &tenant).await?;
        Ok(Some(Self { tenant, stands, last_seq, principals, left_out: 0 }))
    }

    /// Of what was read, the rows that are put back.
    fn take(&mut self, load: Load, theirs: &KeyRing, ours: &KeyRing) -> Result<Load, ManageError> {
        let Load { table, mut rows } = load;
        let kept = dump::KEPT.contains(&table.name.as_str()) && (self.stands || table.name == "tenants");
        let owner = table.owner().and_then(|owner| table.column(owner));
        let (Some(owner), false) = (owner, kept) else { return Ok(Load { table, rows: Vec::new() }) };
        rows.retain(|row| row[owner].text() == self.tenant.as_str());
        if let (true, Some(id)) = (table.name == "principals", table.column("id")) {
            self.principals.extend(rows.iter().map(|row| row[id].text().to_owned()));
        } else if let Some(principal) = table.column("principal_id") {
            // Somebody of another tenant who is gone meanwhile.
            let before = rows.len();
            rows.retain(|row| self.principals.contains(row[principal].text()));
            self.left_out += (before - rows.len()) as u64;
        }
        if let Some(columns) = SealedColumns::of(&table) {
            let known = ours.ids();
            for row in &mut rows {
                columns.each(row, |place, envelope| match theirs.look(place, envelope) {
                    // A key of that name is the same key: they are of one installation.
                    Ok(_) if known.iter().any(|id| envelope.starts_with(&crate::crypt::prefix(id))) => Ok(None),
                    Ok(text) => ours.seal(place, text.reveal()).map(Some),
                    // It did not open before either; the check of secrets tells it.
                    Err(_) => Ok(None),
                })?;
            }
        }
        Ok(Load { table, rows })
    }
}

/// Reads a backup on a thread of its own: its rows by handfuls, and how reading ended.
fn loads(
    path: &Path,
    opener: &Opener,
) -> (mpsc::Receiver<Load>, impl Future<Output = Result<(), ManageError>> + Send + use<>) {
    let (give, given) = mpsc::channel(WAITING);
    let (path, opener) = (path.to_owned(), opener.clone());
    (given, elsewhere(move || read(&path, &opener, &give)))
}

fn read(path: &Path, opener: &Opener, give: &mpsc::Sender<Load>) -> Result<(), ManageError> {
    let mut reader = verify::open(path, opener)?;
    let mut load = Load { table: Table { name: String::new(), columns: Vec::new() }, rows: Vec::new() };
    loop {
        let piece = reader.next()?;
        let full = load.rows.len() >= dump::at_once(load.table.columns.len()).min(HANDFUL);
        if full || !matches!(piece, Piece::Row(_)) {
            let table = load.table.clone();
            let rows = std::mem::take(&mut load.rows);
            if !rows.is_empty() && give.blocking_send(Load { table, rows }).is_err() {
                return Err(refused("nobody puts the rows back any more"));
            }
        }
        match piece {
            Piece::Table(table) => load.table = table,
            Piece::Row(row) => load.rows.push(row),
            Piece::End(_) => {}
            Piece::Whole => return Ok(()),
        }
    }
}

//! Whether a backup is one: it opens, nothing is missing or changed, its secrets open, and the chains of its audit hold.

use super::super::ManageError;
use super::super::chain::{Broken, Walk};
use super::format::{Head, Piece, Reader};
use super::sealed::{self, BackupKeys, SealedColumns};
use super::{elsewhere, of_file, refused};
use crate::crypt::Key;
use crate::crypt::KeyProvider;
use crate::crypt::Keys;
use crate::crypt::Opener;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::audit_chain::{Chained, Head as ChainHead};
use crate::store::data_keys::DataKey;
use crate::store::dump::{Cell, Row};
use crate::store::schema::Table;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The chain of a tenant's audit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Chain {
    /// Key of the tenant.
    pub tenant: String,
    /// Entries that were checked.
    pub entries: i64,
    /// The first thing that is wrong.
    pub broken: Option<Broken>,
}

/// The secrets in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Sealed {
    /// How many there are.
    pub values: u64,
    /// How many of them do not open.
    pub refused: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// What it is.
    pub head: Head,
    /// Its tables and how many rows each has.
    pub tables: Vec<(String, u64)>,
    /// Keys of the tenants in it.
    pub tenants: Vec<String>,
    /// Whether the master key at hand opens its keys; without it secrets and audit are not judged.
    pub keys: bool,
    /// Its secrets.
    pub sealed: Sealed,
    /// The audits in it.
    pub audit: Vec<Chain>,
}

impl Verified {
    /// Whether nothing is wrong that could be judged.
    pub fn is_whole(&self) -> bool {
        self.sealed.refused == 0 && self.audit.iter().all(|chain| chain.broken.is_none())
    }
}

/// Reads a backup to its end and judges it. What is damaged is an error; what the keys refuse stands in the answer.
pub async fn verify(
    path: &Path,
    opener: &Opener,
    master: Option<&Arc<dyn KeyProvider>>,
) -> Result<Verified, ManageError> {
    let keys = match master {
        None => None,
        Some(master) => {
            let (path, opener) = (path.to_owned(), opener.clone());
            let stored = elsewhere(move || stored_keys(&path, &opener)).await?;
            sealed::open(master, &stored).await.ok()
        }
    };
    let (path, opener) = (path.to_owned(), opener.clone());
    elsewhere(move || judge(&path, &opener, keys)).await
}

pub(super) fn open(path: &Path, opener: &Opener) -> Result<Reader<'static>, ManageError> {
    Reader::open(File::open(path).map_err(|why| of_file(path, &why))?, opener)
}

/// The wrapped keys, which come before everything else.
pub(super) fn stored_keys(path: &Path, opener: &Opener) -> Result<Vec<DataKey>, ManageError> {
    let mut reader = open(path, opener)?;
    let (mut table, mut keys): (Option<Table>, Vec<DataKey>) = (None, Vec::new());
    loop {
        match (reader.next()?, &table) {
            (Piece::Table(found), None) if found.name == "data_keys" => table = Some(found),
            (Piece::Row(row), Some(table)) => keys.push(sealed::data_key(table, &row)?),
            (_, Some(_)) => return Ok(keys),
            (_, None) => return Err(refused("the backup is damaged: it does not begin with its keys")),
        }
    }
}

fn judge(path: &Path, opener: &Opener, keys: Option<BackupKeys>) -> Result<Verified, ManageError> {
    let mut reader = open(path, opener)?;
    let mut judge = Judge::new(reader.head.clone(), keys);
    loop {
        match reader.next()? {
            Piece::Table(table) => judge.begin(table),
            Piece::Row(row) => judge.row(row),
            Piece::End(tally) => judge.found.tables.push((judge.table.name.clone(), tally.rows)),
            Piece::Whole => return Ok(judge.end()),
        }
    }
}

struct Judge {
    found: Verified,
    ring: Option<crate::crypt::KeyRing>,
    audit: Option<Key>,
    table: Table,
    sealed: Option<SealedColumns>,
    /// Keys of tenants by their ids.
    tenants: BTreeMap<String, String>,
    heads: BTreeMap<String, ChainHead>,
    walk: Option<(String, Walk)>,
}

impl Judge {
    fn new(head: Head, keys: Option<BackupKeys>) -> Self {
        let found = Verified {
            head,
            tables: Vec::new(),
            tenants: Vec::new(),
            keys: keys.is_some(),
            sealed: Sealed::default(),
            audit: Vec::new(),
        };
        let audit = keys.as_ref().map(|keys| Keys::from_root(&keys.root, keys.ring.clone()).audit);
        Self {
            found,
            ring: keys.map(|keys| keys.ring),
            audit,
            table: Table { name: String::new(), columns: Vec::new() },
            sealed: None,
            tenants: BTreeMap::new(),
            heads: BTreeMap::new(),
            walk: None,
        }
    }

    fn begin(&mut self, table: Table) {
        self.sealed = SealedColumns::of(&table);
        self.table = table;
    }

    fn row(&mut self, mut row: Row) {
        if let (Some(columns), Some(ring)) = (&self.sealed, &self.ring) {
            let sealed = &mut self.found.sealed;
            let looked = columns.each(&mut row, |place, envelope| {
                sealed.values += 1;
                // Answers to repeated requests are kept for a day, and nothing depends on them.
                let matters = place.table != "idempotency_keys";
                sealed.refused += u64::from(matters && ring.look(place, envelope).is_err());
                Ok(None)
            });
            // Looking never fails.
            drop(looked);
        }
        match self.table.name.as_str() {
            "tenants" => drop(self.tenants.insert(self.text(&row, "id"), self.text(&row, "tenant_key"))),
            "audit_heads" => drop(self.heads.insert(self.text(&row, "tenant_id"), self.head(&row))),
            "audit" => self.entry(&row),
            _ => {}
        }
    }

    fn text(&self, row: &Row, column: &str) -> String {
        self.table.column(column).map_or_else(String::new, |at| row[at].text().to_owned())
    }

    fn number(&self, row: &Row, column: &str) -> i64 {
        self.table.column(column).and_then(|at| row[at].number()).unwrap_or(0)
    }

    fn head(&self, row: &Row) -> ChainHead {
        ChainHead {
            tenant_id: TenantId::from(self.text(row, "tenant_id")),
            last_no: self.number(row, "last_no"),
            last_hash: self.text(row, "last_hash"),
            anchor_no: self.number(row, "anchor_no"),
            anchor_hash: self.text(row, "anchor_hash"),
            code: self.text(row, "code"),
        }
    }

    /// An entry of the audit. They come in the order of their chains; those that are not chained yet are left out.
    fn entry(&mut self, row: &Row) {
        let Some(key) = self.audit.clone() else { return };
        let entry = self.chained(row);
        if entry.chain_no.is_none() {
            return;
        }
        let tenant = entry.tenant_id.to_string();
        if self.walk.as_ref().is_none_or(|(of, _)| *of != tenant) {
            self.end_walk();
            self.walk = Some((tenant.clone(), Walk::begin(key, self.heads.remove(&tenant), 0)));
        }
        if let Some((_, walk)) = &mut self.walk {
            walk.follow(&entry);
        }
    }

    fn chained(&self, row: &Row) -> Chained {
        let optional = |column: &str| self.table.column(column).map_or(&Cell::Null, |at| &row[at]).number();
        Chained {
            id: self.text(row, "id"),
            tenant_id: TenantId::from(self.text(row, "tenant_id")),
            at_ms: Timestamp(self.number(row, "at_ms")),
            actor: self.text(row, "actor"),
            action: self.text(row, "action"),
            room_id: self.text(row, "room_id"),
            uid: self.text(row, "uid"),
            seq: self.number(row, "seq"),
            detail: self.text(row, "detail"),
            request: self.text(row, "request"),
            chain_no: optional("chain_no"),
            chain_hash: self.text(row, "chain_hash"),
            personal: self.text(row, "personal"),
            salt: self.text(row, "salt"),
            erased_ms: optional("erased_ms").map(Timestamp),
        }
    }

    fn end_walk(&mut self) {
        let Some((tenant, walk)) = self.walk.take() else { return };
        let verdict = walk.end();
        let tenant = self.tenants.get(&tenant).cloned().unwrap_or(tenant);
        self.found.audit.push(Chain { tenant, entries: verdict.entries, broken: verdict.broken });
    }

    fn end(mut self) -> Verified {
        self.end_walk();
        // A chain of which no entry is left, although it had some.
        if let Some(key) = self.audit.clone() {
            for (tenant, head) in std::mem::take(&mut self.heads) {
                self.walk = Some((tenant, Walk::begin(key.clone(), Some(head), 0)));
                self.end_walk();
            }
        }
        self.found.tenants = self.tenants.into_values().collect();
        self.found.tenants.sort();
        self.found
    }
}

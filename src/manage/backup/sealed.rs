//! Sealed values on their way: which columns they are in, the keys of a backup, and sealing with keys of the living system
//! what was sealed with one that is destroyed there.

use super::super::ManageError;
use super::super::keys::unwrap_all;
use super::refused;
use crate::crypt::CryptError;
use crate::crypt::Key;
use crate::crypt::KeyProvider;
use crate::crypt::KeyRing;
use crate::crypt::Place;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::data_keys::{self, DataKey};
use crate::store::dump::{Cell, Row};
use crate::store::schema::Table;
use crate::store::sealed::COLUMNS;
use std::sync::Arc;

/// The keys of a backup.
pub(super) struct BackupKeys {
    /// Where signatures and the codes of the audit come from.
    pub root: Key,
    /// Opens what is sealed in it.
    pub ring: KeyRing,
}

/// Opens the keys that came with a backup, whatever the clock says; refused where the master key at hand is not the one that wrapped them.
pub(super) async fn open(provider: &Arc<dyn KeyProvider>, stored: &[DataKey]) -> Result<BackupKeys, ManageError> {
    let (root, ring) = unwrap_all(provider, stored, Timestamp(i64::MAX)).await?;
    Ok(BackupKeys { root, ring })
}

/// A wrapped key, as a backup holds it.
pub(super) fn data_key(table: &Table, row: &Row) -> Result<DataKey, ManageError> {
    let cell = |name: &str| table.column(name).and_then(|at| row.get(at));
    let text = |name: &str| cell(name).map(|cell| cell.text().to_owned());
    let number = |name: &str| cell(name).and_then(Cell::number).map(Timestamp);
    let key = || {
        Some(DataKey {
            id: text("id")?,
            purpose: text("purpose")?,
            wrapped: text("wrapped")?,
            created_ms: number("created_ms")?,
            seals_from_ms: number("seals_from_ms")?,
            retired_ms: number("retired_ms"),
        })
    };
    let key = key().ok_or_else(|| refused("the backup is damaged: a key lacks something"))?;
    let known = [data_keys::ROOT, data_keys::SEAL].contains(&key.purpose.as_str());
    if known {
        Ok(key)
    } else {
        Err(refused(format!("the backup is damaged: {:?} is no purpose of a key", key.purpose)))
    }
}

/// The sealed columns of a table, and where the tenant stands in it.
pub(super) struct SealedColumns {
    table: &'static str,
    tenant: usize,
    columns: Vec<(usize, &'static str)>,
    row: Vec<usize>,
}

impl SealedColumns {
    /// Of that table; `None` where nothing is sealed in it.
    pub(super) fn of(table: &Table) -> Option<Self> {
        let sealed = COLUMNS.iter().filter(|column| column.table == table.name);
        let columns: Vec<_> = sealed.filter_map(|column| Some((table.column(column.name)?, column.name))).collect();
        let name = COLUMNS.iter().find(|column| column.table == table.name)?.table;
        // What `store::sealed` binds into the envelope.
        let row = if name == "idempotency_keys" { &["principal_id", "idempotency_key"][..] } else { &["id"] };
        let row = row.iter().map(|column| table.column(column)).collect::<Option<_>>()?;
        Some(Self { table: name, tenant: table.column("tenant_id")?, columns, row })
    }

    /// Goes through the sealed values of a row; what `each` answers takes the place of a value.
    pub(super) fn each(
        &self,
        row: &mut Row,
        mut each: impl FnMut(Place<'_>, &str) -> Result<Option<String>, CryptError>,
    ) -> Result<(), CryptError> {
        let tenant = TenantId::from(row[self.tenant].text());
        let id: Vec<&str> = self.row.iter().map(|at| row[*at].text()).collect();
        let id = id.join("|");
        for (at, column) in &self.columns {
            let place = Place { tenant: &tenant, table: self.table, column, row: &id };
            let envelope = row[*at].text();
            if !envelope.is_empty()
                && let Some(anew) = each(place, envelope)?
            {
                row[*at] = Cell::Text(anew);
            }
        }
        Ok(())
    }
}

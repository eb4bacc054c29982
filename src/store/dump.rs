//! Rows of any table, as values that both engines have: what backups are made of, and what moves from one engine to the
//! other.

use super::db::{Tx, on};
use super::error::StoreError;
use super::schema::{Kind, Table};
use crate::model::TenantId;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// Values that one statement carries; both engines take more.
const VALUES: usize = 8_000;

/// Everything of a tenant that a restored state takes the place of, what names others first. Its row stays, and so does
/// its audit: what happened in the lost time happened.
const OF_TENANT: [&str; 33] = [
    "DELETE FROM deliveries WHERE tenant_id = $1",
    "DELETE FROM webhooks WHERE tenant_id = $1",
    "DELETE FROM alerts WHERE tenant_id = $1",
    "DELETE FROM instances WHERE tenant_id = $1",
    "DELETE FROM objects WHERE tenant_id = $1",
    "DELETE FROM changes WHERE tenant_id = $1",
    "DELETE FROM room_rules WHERE tenant_id = $1",
    "DELETE FROM approvals WHERE tenant_id = $1",
    "DELETE FROM conflicts WHERE tenant_id = $1",
    "DELETE FROM push_registrations WHERE tenant_id = $1",
    "DELETE FROM properties WHERE tenant_id = $1",
    "DELETE FROM idempotency_keys WHERE tenant_id = $1",
    "DELETE FROM operations WHERE tenant_id = $1",
    "DELETE FROM links WHERE tenant_id = $1",
    "DELETE FROM inbox WHERE tenant_id = $1",
    "DELETE FROM subscriptions WHERE tenant_id = $1",
    "DELETE FROM sync_runs WHERE tenant_id = $1",
    "DELETE FROM plans WHERE tenant_id = $1",
    "DELETE FROM retention_policies WHERE tenant_id = $1",
    "DELETE FROM mappings WHERE tenant_id = $1",
    "DELETE FROM bridges WHERE tenant_id = $1",
    "DELETE FROM withdrawn_tokens WHERE tenant_id = $1",
    "DELETE FROM feeds WHERE tenant_id = $1",
    "DELETE FROM sign_ins WHERE tenant_id = $1",
    "DELETE FROM sessions WHERE tenant_id = $1",
    "DELETE FROM identities WHERE tenant_id = $1",
    "DELETE FROM providers WHERE tenant_id = $1",
    "DELETE FROM grants WHERE tenant_id = $1",
    "DELETE FROM room_group_members WHERE tenant_id = $1",
    "DELETE FROM room_groups WHERE tenant_id = $1",
    "DELETE FROM secrets WHERE tenant_id = $1",
    "DELETE FROM principals WHERE tenant_id = $1",
    "DELETE FROM rooms WHERE tenant_id = $1",
];
/// What stays when a tenant is set back.
pub const KEPT: [&str; 3] = ["tenants", "audit", "audit_heads"];

/// Binds the values of a row, each as the type of its column: an absent one too.
macro_rules! bind_cells {
    ($query:ident, $row:expr, $table:expr) => {
        for (cell, (_, kind)) in $row.into_iter().zip(&$table.columns) {
            $query = match (kind, cell) {
                (Kind::Text, Cell::Text(text)) => $query.bind(Some(text)),
                (Kind::Text, _) => $query.bind(None::<String>),
                (Kind::Number, cell) => $query.bind(cell.number()),
                (Kind::Truth, Cell::Truth(truth)) => $query.bind(Some(truth)),
                (Kind::Truth, _) => $query.bind(None::<bool>),
            };
        }
    };
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// NULL.
    Null,
    /// BOOLEAN.
    Truth(bool),
    /// BIGINT.
    Number(i64),
    /// TEXT.
    Text(String),
}

impl Cell {
    /// Its text; empty where it is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// Its number, if it is one.
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a column of that kind takes it.
    pub const fn is(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Null, _)
                | (Self::Truth(_), Kind::Truth)
                | (Self::Number(_), Kind::Number)
                | (Self::Text(_), Kind::Text)
        )
    }
}

/// The values of a row, in the order of the columns.
pub type Row = Vec<Cell>;

/// Every row of a table, one after the other, or every one that belongs to a tenant. Entries of the audit come in the
/// order of their chains.
pub fn rows<'t>(
    tx: &'t mut Tx,
    table: &Table,
    tenant: Option<&TenantId>,
) -> Result<BoxStream<'t, Result<Row, StoreError>>, StoreError> {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    let owner = tenant.and_then(|tenant| Some((table.owner()?, tenant.to_string())));
    if let Some((column, _)) = &owner {
        sql = format!("{sql} WHERE {column} = $1");
    }
    if table.name == "audit" {
        sql.push_str(" ORDER BY tenant_id, chain_no, id");
    }
    let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).collect();
    on!(tx, c => {
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        if let Some((_, tenant)) = owner {
            query = query.bind(tenant);
        }
        Ok(query.fetch(c).map(move |row| Ok(cells(&row?, &kinds)?)).boxed())
    })
}

fn cells<'r, R>(row: &'r R, kinds: &[Kind]) -> Result<Row, sqlx::Error>
where
    R: sqlx::Row,
    usize: sqlx::ColumnIndex<R>,
    Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    Option<i64>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    Option<bool>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let cell = |(at, kind): (usize, &Kind)| {
        Ok(match kind {
            Kind::Text => row.try_get::<Option<String>, _>(at)?.map_or(Cell::Null, Cell::Text),
            Kind::Number => row.try_get::<Option<i64>, _>(at)?.map_or(Cell::Null, Cell::Number),
            Kind::Truth => row.try_get::<Option<bool>, _>(at)?.map_or(Cell::Null, Cell::Truth),
        })
    };
    kinds.iter().enumerate().map(cell).collect()
}

/// How many rows of a table [`insert`] takes at once.
pub const fn at_once(columns: usize) -> usize {
    let rows = VALUES / if columns == 0 { 1 } else { columns };
    if rows == 0 { 1 } else { rows }
}

/// Inserts rows as they are; each has a value for each of the columns of `into`, which may be fewer than a table has.
pub async fn insert(tx: &mut Tx, into: &Table, rows: Vec<Row>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns: Vec<&str> = into.columns.iter().map(|(name, _)| name.as_str()).collect();
    let group = |row: usize| {
        let numbers: Vec<String> = (1..=columns.len()).map(|at| format!("${}", row * columns.len() + at)).collect();
        format!("({})", numbers.join(", "))
    };
    let groups: Vec<String> = (0..rows.len()).map(group).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES {}", into.name, columns.join(", "), groups.join(", "));
    on!(tx, c => {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            bind_cells!(query, row, into);
        }
        query.execute(c).await.map(|_| ())?;
    });
    Ok(())
}

/// Gives the row that has the same value in the column `key` these values.
pub async fn replace(tx: &mut Tx, table: &Table, (key, row): (usize, Row)) -> Result<(), StoreError> {
    let sets = table.columns.iter().enumerate().map(|(at, (name, _))| format!("{name} = ${}", at + 1));
    let sets: Vec<String> = sets.collect();
    let sql = format!("UPDATE {} SET {} WHERE {}", table.name, sets.join(", "), sets[key]);
    on!(tx, c => {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        bind_cells!(query, row, table);
        query.execute(c).await.map(|_| ())?;
    });
    Ok(())
}

/// Whether a table has no row.
pub async fn is_empty(tx: &mut Tx, table: &Table) -> Result<bool, StoreError> {
    let sql = format!("SELECT CAST(1 AS BIGINT) FROM {} LIMIT 1", table.name);
    let found: Option<i64> = on!(tx, c => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_optional(c).await)?;
    Ok(found.is_none())
}

/// Empties a table.
pub async fn clear(tx: &mut Tx, table: &Table) -> Result<(), StoreError> {
    let sql = format!("DELETE FROM {}", table.name);
    on!(tx, c => sqlx::query(AssertSqlSafe(sql)).execute(c).await.map(|_| ())?);
    Ok(())
}

const PRINCIPALS: &str = "SELECT id FROM principals WHERE tenant_id <> $1";

/// Who there is outside of a tenant.
pub async fn principals_elsewhere(tx: &mut Tx, tenant: &TenantId) -> Result<BTreeSet<String>, StoreError> {
    let ids: Vec<String> = on!(tx, c => sqlx::query_scalar(PRINCIPALS).bind(tenant.as_str()).fetch_all(c).await)?;
    Ok(ids.into_iter().collect())
}

/// Deletes what a restored state of a tenant takes the place of. The tenant's row stays, with its audit.
pub async fn clear_tenant(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    for statement in OF_TENANT {
        on!(tx, c => sqlx::query(statement).bind(tenant.as_str()).execute(c).await.map(|_| ())?);
    }
    super::directory::changed(tx, tenant).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn whatever_belongs_to_a_tenant_is_set_back_or_kept_on_purpose() {
        for table in schema::tables().iter().filter(|table| table.owner().is_some()) {
            let cleared = OF_TENANT.iter().any(|one| one.starts_with(&format!("DELETE FROM {} WHERE", table.name)));
            let kept = KEPT.contains(&table.name.as_str());
            assert!(cleared != kept, "{} is neither set back nor kept, or both", table.name);
        }
    }

    #[test]
    fn values_are_the_same_in_json_and_back() {
        let row: Row = vec![Cell::Null, Cell::Truth(true), Cell::Number(i64::MAX), Cell::Text("3".to_owned())];
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(json, "[null,true,9223372036854775807,\"3\"]");
        assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), row);
    }

    #[test]
    fn a_statement_carries_no_more_than_both_engines_take() {
        for table in schema::tables() {
            assert!(at_once(table.columns.len()) * table.columns.len() <= 32_766);
        }
        assert_eq!((at_once(0), at_once(100_000)), (VALUES, 1));
    }
}

//! Every column that holds sealed values: what is sealed with which key, and sealing it anew.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::TenantId;

row! {
    /// A sealed value, and where it is.
    pub struct SealedRow {
        /// Whose it is.
        pub tenant_id: TenantId,
        /// The row, as it is bound into the envelope.
        pub row_id: String,
        /// The envelope.
        pub sealed: String,
    }
}

/// A column of sealed values.
#[derive(Debug)]
pub struct Column {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    page: &'static str,
    others: &'static str,
    count: &'static str,
    count_all: &'static str,
    replace: &'static str,
}

macro_rules! column {
    ($table:literal, $name:literal, $row:literal) => {
        Column {
            table: $table,
            name: $name,
            page: concat!(
                "SELECT tenant_id, ",
                $row,
                " AS row_id, ",
                $name,
                " AS sealed FROM ",
                $table,
                " WHERE ",
                $row,
                " > $1 AND ",
                $name,
                " <> '' ORDER BY ",
                $row,
                " LIMIT $2"
            ),
            others: concat!(
                "SELECT tenant_id, ",
                $row,
                " AS row_id, ",
                $name,
                " AS sealed FROM ",
                $table,
                " WHERE ",
                $row,
                " > $1 AND ",
                $name,
                " <> '' AND SUBSTR(",
                $name,
                ", 1, CAST($3 AS INTEGER)) <> $4",
                " ORDER BY ",
                $row,
                " LIMIT $2"
            ),
            count: concat!("SELECT COUNT(*) FROM ", $table, " WHERE SUBSTR(", $name, ", 1, CAST($1 AS INTEGER)) = $2"),
            count_all: concat!("SELECT COUNT(*) FROM ", $table, " WHERE ", $name, " <> ''"),
            replace: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $name,
                " = $3 WHERE tenant_id = $4 AND ",
                $row,
                " = $1 AND ",
                $name,
                " = $2"
            ),
        }
    };
}

/// All of them. A migration that adds one adds it here.
pub static COLUMNS: &[Column] = &[
    column!("bridges", "sealed", "id"),
    column!("mappings", "cursor", "id"),
    column!("subscriptions", "sealed_secret", "id"),
    column!("push_registrations", "sealed_target", "id"),
    column!("webhooks", "sealed_secret", "id"),
    column!("providers", "sealed_secret", "id"),
    column!("idempotency_keys", "answer", "(principal_id || '|' || idempotency_key)"),
];

impl Column {
    /// Values in the order of their rows, those after `after`.
    pub async fn page(&self, tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<SealedRow>, StoreError> {
        Ok(on!(tx, c => sqlx::query_as(self.page).bind(after).bind(limit).fetch_all(c).await)?)
    }

    /// Values that do not begin with `prefix`, in the order of their rows, those after `after`.
    pub async fn others(
        &self,
        tx: &mut Tx,
        prefix: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<SealedRow>, StoreError> {
        Ok(on!(tx, c => sqlx::query_as(self.others).bind(after).bind(limit).bind(length(prefix)).bind(prefix)
            .fetch_all(c).await)?)
    }

    /// How many values begin with `prefix`.
    pub async fn count(&self, tx: &mut Tx, prefix: &str) -> Result<i64, StoreError> {
        Ok(on!(tx, c => sqlx::query_scalar(self.count).bind(length(prefix)).bind(prefix).fetch_one(c).await)?)
    }

    /// How many values there are.
    pub async fn count_all(&self, tx: &mut Tx) -> Result<i64, StoreError> {
        Ok(on!(tx, c => sqlx::query_scalar(self.count_all).fetch_one(c).await)?)
    }

    /// Puts `sealed` into the place of what was read; whether it still stood there.
    pub async fn replace(&self, tx: &mut Tx, row: &SealedRow, sealed: &str) -> Result<bool, StoreError> {
        let rows = on!(tx, c => sqlx::query(self.replace)
            .bind(&row.row_id)
            .bind(&row.sealed)
            .bind(sealed)
            .bind(row.tenant_id.as_str())
            .execute(c).await.map(|done| done.rows_affected())?);
        Ok(rows == 1)
    }
}

fn length(prefix: &str) -> i64 {
    i64::try_from(prefix.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::COLUMNS;

    #[test]
    fn every_column_that_a_migration_calls_sealed_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        for file in std::fs::read_dir(folder).unwrap() {
            let sql = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let columns = sql.lines().filter_map(|line| line.trim().split_once(" TEXT").map(|(name, _)| name.trim()));
            for name in columns.filter(|name| name.starts_with("sealed")) {
                assert!(COLUMNS.iter().any(|column| column.name == name), "{name} is not rotated");
            }
        }
        assert_eq!(COLUMNS.len(), 7, "cursors and kept answers are sealed too");
    }
}

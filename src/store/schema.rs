//! The tables as the migrations make them: their names, columns and order. What is written to a backup and read from one
//! follows this, so that a new migration needs no word anywhere else.

use super::db::{MIGRATIONS, Tx, on};
use super::error::StoreError;
use std::sync::LazyLock;

/// What a column holds. `tests/migrations.rs` allows no other types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TEXT.
    Text,
    /// BIGINT.
    Number,
    /// BOOLEAN.
    Truth,
}

/// A table. Each one names only tables before it in its foreign keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order in which migrations add them.
    pub columns: Vec<(String, Kind)>,
}

impl Table {
    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    /// The column by which its rows belong to a tenant; none where they belong to the installation.
    pub fn owner(&self) -> Option<&'static str> {
        match self.name.as_str() {
            "tenants" => Some("id"),
            _ => self.column("tenant_id").map(|_| "tenant_id"),
        }
    }
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| read(MIGRATIONS.iter().map(|(_, sql)| *sql)));

/// All tables of this program.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// The number of the last migration: the version of the schema.
pub fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

const LATER: &str = "SELECT COUNT(*) FROM _sqlx_migrations WHERE version > $1";

/// Whether a later version of the program has changed the schema, as it does while replicas are replaced one by one: there
/// may be columns and tables that this one does not know.
pub async fn is_later(tx: &mut Tx) -> Result<bool, StoreError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(LATER).bind(version()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// The first migration after `version` that changes rows which are there already, and not only what can be stored: rows of
/// that version are not rows of the present one then.
pub fn rewritten_since(version: i64) -> Option<&'static str> {
    let later = MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0));
    later.into_iter().find(|(_, sql)| rewrites(sql)).map(|(name, _)| *name)
}

fn rewrites(sql: &str) -> bool {
    statements(sql).iter().any(|one| ["UPDATE ", "DELETE ", "INSERT "].iter().any(|verb| one.starts_with(verb)))
}

/// The statements of a file without comments.
fn statements(sql: &str) -> Vec<String> {
    let plain: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    plain.join("\n").split(';').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

fn read<'s>(migrations: impl Iterator<Item = &'s str>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for statement in migrations.flat_map(statements) {
        if let Some(rest) = statement.strip_prefix("CREATE TABLE ") {
            tables.extend(created(rest));
        } else if let Some((name, column)) = statement.strip_prefix("ALTER TABLE ").and_then(added)
            && let Some(table) = tables.iter_mut().find(|table| table.name == name)
        {
            table.columns.push(column);
        }
    }
    tables
}

fn created(rest: &str) -> Option<Table> {
    let (name, body) = rest.split_once('(')?;
    let columns = body.lines().filter_map(column).collect();
    Some(Table { name: name.trim().to_owned(), columns })
}

fn added(rest: &str) -> Option<(&str, (String, Kind))> {
    let (name, definition) = rest.split_once(" ADD COLUMN ")?;
    Some((name.trim(), column(definition)?))
}

fn column(definition: &str) -> Option<(String, Kind)> {
    let mut words = definition.split([' ', ',']).filter(|word| !word.is_empty());
    let name = words.next()?;
    let kind = match words.next()? {
        "TEXT" => Kind::Text,
        "BIGINT" => Kind::Number,
        "BOOLEAN" => Kind::Truth,
        _ => return None,
    };
    Some((name.to_owned(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_columns_are_read_in_the_order_in_which_they_are_made() {
        let tables = read(
            [
                "CREATE TABLE a (\n    id TEXT PRIMARY KEY, -- a BIGINT, once\n    at_ms BIGINT,\n    UNIQUE (id, at_ms)\n);",
                "-- more\nALTER TABLE a ADD COLUMN done BOOLEAN NOT NULL DEFAULT FALSE;\nCREATE INDEX a_by ON a (at_ms);",
            ]
            .into_iter(),
        );
        let columns = [("id", Kind::Text), ("at_ms", Kind::Number), ("done", Kind::Truth)];
        let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
        assert_eq!(tables, [Table { name: "a".to_owned(), columns }]);
    }

    #[test]
    fn every_table_names_only_tables_before_it() {
        let all = tables();
        for (_, sql) in MIGRATIONS {
            for statement in statements(sql) {
                let Some(rest) = statement.strip_prefix("CREATE TABLE ") else { continue };
                let place = |name: &str| all.iter().position(|table| table.name == name.trim()).unwrap();
                let here = place(rest.split('(').next().unwrap());
                for target in rest.split("REFERENCES ").skip(1) {
                    assert!(place(target.split('(').next().unwrap()) < here, "{target} comes after {rest}");
                }
            }
        }
    }

    #[test]
    fn a_migration_that_rewrites_rows_is_told_from_one_that_adds() {
        assert!(rewrites("ALTER TABLE a ADD COLUMN b TEXT;\nUPDATE a SET b = '';"));
        assert!(!rewrites("-- UPDATE nothing\nCREATE INDEX a_by ON a (b);"));
        assert_eq!(rewritten_since(version()), None);
        assert_eq!(rewritten_since(7), Some("operator"));
    }
}

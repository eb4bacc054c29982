//! What happens to a database behind the gateway's back: it is emptied for the next story, remembered as a backup does,
//! set back to what was remembered, and bent by mutants. No part of the gateway can do any of this.

use crate::house::House;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

/// A connection of its own to the database of a house.
pub struct Ground {
    line: Line,
    tables: Vec<String>,
}

enum Line {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Ground {
    pub async fn under(house: &House) -> Self {
        let line = if house.url.starts_with("sqlite:") {
            // Foreign keys are not asked about here, so that tables may be emptied in any order.
            let options: sqlx::sqlite::SqliteConnectOptions = house.url.parse().unwrap();
            Line::Sqlite(SqliteConnection::connect_with(&options.foreign_keys(false)).await.unwrap())
        } else {
            Line::Postgres(PgConnection::connect(&house.url).await.unwrap())
        };
        let mut ground = Self { line, tables: Vec::new() };
        ground.tables = ground.find_tables().await;
        ground.prepare().await;
        ground
    }

    async fn find_tables(&mut self) -> Vec<String> {
        const SQLITE: &str =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlx%' ORDER BY name";
        const POSTGRES: &str =
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE '%sqlx%'";
        let name = |text: String| text;
        match &mut self.line {
            Line::Sqlite(line) => {
                let rows = line.fetch_all(SQLITE).await.unwrap();
                rows.into_iter().map(|row| name(row.get(0))).collect()
            }
            Line::Postgres(line) => {
                let rows = line.fetch_all(POSTGRES).await.unwrap();
                rows.into_iter().map(|row| name(row.get(0))).collect()
            }
        }
    }

    /// Room for one backup.
    async fn prepare(&mut self) {
        let copies = self.each(|table| format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table} WHERE 1 = 0"));
        self.run(&copies).await;
    }

    /// Runs statements as they stand.
    pub async fn run(&mut self, statements: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        match &mut self.line {
            Line::Sqlite(line) => line.execute(sql).await.map(|_| ()).unwrap(),
            Line::Postgres(line) => line.execute(sql).await.map(|_| ()).unwrap(),
        }
    }

    fn each(&self, statement: impl Fn(&str) -> String) -> String {
        let statements: Vec<String> = self.tables.iter().map(|table| statement(table)).collect();
        statements.join(";\n")
    }

    fn all_at_once(&self, statements: &str) -> String {
        match &self.line {
            Line::Sqlite(_) => format!("BEGIN IMMEDIATE; {statements}; COMMIT"),
            // Foreign keys are asked about at the end of a TRUNCATE of everything, and not at all for replicated rows.
            Line::Postgres(_) => {
                format!("BEGIN; SET LOCAL session_replication_role = replica; {statements}; COMMIT")
            }
        }
    }

    /// Removes every row there is.
    pub async fn empty(&mut self) {
        let emptied = self.all_at_once(&self.each(|table| format!("DELETE FROM {table}")));
        self.run(&emptied).await;
    }

    /// Makes a backup. It replaces the earlier one.
    pub async fn remember(&mut self) {
        let kept =
            self.each(|table| format!("DELETE FROM kept_{table}; INSERT INTO kept_{table} SELECT * FROM {table}"));
        let kept = self.all_at_once(&kept);
        self.run(&kept).await;
    }

    /// Restores the backup.
    pub async fn restore(&mut self) {
        let back = self.each(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}"));
        let back = self.all_at_once(&back);
        self.run(&back).await;
    }

    /// From now on no row of that table can be written.
    pub async fn refuse_writes(&mut self, table: &str) {
        let statements = match &self.line {
            Line::Sqlite(_) => ["INSERT", "UPDATE"]
                .map(|verb| {
                    format!(
                        "CREATE TRIGGER full_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                    )
                })
                .join(";\n"),
            Line::Postgres(_) => format!(
                "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
                 CREATE TRIGGER is_full BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION is_full()"
            ),
        };
        self.run(&statements).await;
    }

    /// Writes are taken again.
    pub async fn take_writes(&mut self, table: &str) {
        let statements = match &self.line {
            Line::Sqlite(_) => "DROP TRIGGER full_INSERT; DROP TRIGGER full_UPDATE".to_owned(),
            Line::Postgres(_) => format!("DROP TRIGGER is_full ON {table}; DROP FUNCTION is_full()"),
        };
        self.run(&statements).await;
    }
}

//! The rules of time zones by which the stored instances were computed.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use std::collections::BTreeMap;

row! {
    /// One zone.
    pub struct ZoneRow {
        /// Its name.
        pub name: String,
        /// Digest of its rules.
        pub rules: String,
    }
}

const LIST: &str = "SELECT name, rules FROM zones";
const CLEAR: &str = "DELETE FROM zones";

/// Digests of the rules by the names of the zones; empty before the first start.
pub async fn list(tx: &mut Tx) -> Result<BTreeMap<String, String>, StoreError> {
    let rows: Vec<ZoneRow> = on!(tx, c => sqlx::query_as(LIST).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|row| (row.name, row.rules)).collect())
}

/// Replaces all of them by those of a release of the database.
pub async fn replace(tx: &mut Tx, zones: &BTreeMap<String, String>, tzdata: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(CLEAR).execute(c).await.map(|_| ())?);
    let all: Vec<(&String, &String)> = zones.iter().collect();
    for chunk in all.chunks(200) {
        on!(tx, c => {
            let mut query = sqlx::QueryBuilder::new("INSERT INTO zones (name, rules, tzdata) ");
            query.push_values(chunk, |mut row, (name, rules)| {
                row.push_bind(name.as_str()).push_bind(rules.as_str()).push_bind(tzdata);
            });
            query.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

//! Moving everything from one database to another, whichever engines they are: row by row, in one transaction on each side,
//! and compared afterwards.

use super::super::ManageError;
use super::format::octets;
use super::make::tables;
use super::refused;
use super::restore::refuse_rows;
use super::tally::Tally;
use crate::store::Store;
use crate::store::Tx;
use crate::store::dump;
use crate::store::schema::Table;
use futures_util::StreamExt as _;

/// Rows that one statement inserts.
const HANDFUL: usize = 100;

/// A table that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    /// Its name.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// Sum over them, the same on both sides.
    pub sum: String,
}

/// Copies every row into an empty database, tells of each table, compares both sides, and only then commits: a move that
/// breaks off leaves the target as it was, and can be begun again.
pub async fn carry(
    from: &Store,
    to: &Store,
    mut tell: impl FnMut(&Moved) -> Result<(), ManageError>,
) -> Result<Vec<Moved>, ManageError> {
    let mut reading = from.begin_read().await?;
    let mut writing = to.begin_write().await?;
    refuse_rows(&mut writing, "move into a new one, or remove what is in it").await?;
    let mut all = Vec::new();
    for table in tables(false) {
        let sent = copy(&mut reading, &mut writing, table).await?;
        let arrived = tally(&mut writing, table).await?;
        if sent != arrived {
            let (there, here) = (sent.rows, arrived.rows);
            return Err(refused(format!("{}: {there} rows were read and {here} arrived, or others", table.name)));
        }
        let moved = Moved { table: &table.name, rows: sent.rows, sum: sent.sum() };
        tell(&moved)?;
        all.push(moved);
    }
    writing.commit().await?;
    Ok(all)
}

async fn copy(from: &mut Tx, to: &mut Tx, table: &Table) -> Result<Tally, ManageError> {
    let mut tally = Tally::default();
    let mut handfuls = dump::rows(from, table, None)?.chunks(dump::at_once(table.columns.len()).min(HANDFUL));
    while let Some(handful) = handfuls.next().await {
        let rows = handful.into_iter().collect::<Result<Vec<_>, _>>()?;
        for row in &rows {
            tally.add(&octets(row)?);
        }
        dump::insert(to, table, rows).await?;
    }
    Ok(tally)
}

async fn tally(tx: &mut Tx, table: &Table) -> Result<Tally, ManageError> {
    let mut tally = Tally::default();
    let mut rows = dump::rows(tx, table, None)?;
    while let Some(row) = rows.next().await {
        tally.add(&octets(&row?)?);
    }
    Ok(tally)
}

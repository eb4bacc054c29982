//! The lines of a backup. The first says what it is; then, for each table, a line with its columns, a line for each row, and
//! one with their number and sum; the last says that all is there.

use super::super::ManageError;
use super::refused;
use super::tally::Tally;
use crate::crypt::Lock;
use crate::crypt::LockWriter;
use crate::crypt::Opener;
use crate::store::dump::{Cell, Row};
use crate::store::schema::{self, Kind, Table};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

/// The form described here.
const FORM: u32 = 1;
/// Longest line in bytes: the largest object, escaped, has room in it many times over.
const LINE: u64 = 256 << 20;

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the form.
    pub anteroom_backup: u32,
    /// When it was made, in milliseconds since the epoch.
    pub made_ms: i64,
    /// Version of the program that made it.
    pub program: String,
    /// Version of the schema its rows belong to.
    pub schema: i64,
    /// Key of the tenant that it holds; absent where it holds the installation.
    pub tenant: Option<String>,
}

impl Head {
    /// Of a backup made now by this program.
    pub(super) fn new(made_ms: i64, tenant: Option<String>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { anteroom_backup: FORM, made_ms, program, schema: schema::version(), tenant }
    }

    /// Whether this program understands its rows.
    fn check(&self) -> Result<(), ManageError> {
        if self.anteroom_backup != FORM {
            return Err(refused(format!(
                "the backup has form {}, and form {FORM} is known here",
                self.anteroom_backup
            )));
        }
        let (theirs, ours) = (self.schema, schema::version());
        if theirs > ours {
            let by = &self.program;
            return Err(refused(format!(
                "the backup was made by version {by} with schema {theirs}, and this program has {ours}; use a newer one"
            )));
        }
        match schema::rewritten_since(theirs) {
            None => Ok(()),
            Some(name) => Err(refused(format!(
                "the backup has schema {theirs}, and the change {name:?} since then rewrites rows: restore it with version {} \
                 and upgrade afterwards",
                self.program
            ))),
        }
    }
}

/// A line that is no row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Table { name: String, columns: Vec<(String, String)> },
    End { rows: u64, sum: String },
    Whole { tables: u64, rows: u64 },
}

/// Writes a backup.
pub(super) struct Writer<W: Write> {
    out: BufWriter<GzEncoder<LockWriter<W>>>,
    tables: u64,
    rows: u64,
    tally: Tally,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    pub(super) fn begin(file: W, lock: &Lock, head: &Head) -> Result<Self, ManageError> {
        let out = BufWriter::new(GzEncoder::new(lock.writer(file)?, Compression::fast()));
        let mut writer = Self { out, tables: 0, rows: 0, tally: Tally::default() };
        writer.line(head)?;
        Ok(writer)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), ManageError> {
        let mut text = serde_json::to_vec(line).map_err(|why| refused(why.to_string()))?;
        text.push(b'\n');
        self.out.write_all(&text).map_err(|why| not_written(&why))
    }

    /// Begins a table.
    pub(super) fn table(&mut self, table: &Table) -> Result<(), ManageError> {
        let word = |kind: Kind| match kind {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Truth => "truth",
        };
        let columns = table.columns.iter().map(|(name, kind)| (name.clone(), word(*kind).to_owned())).collect();
        self.line(&Word::Table { name: table.name.clone(), columns })
    }

    /// Writes a row of the table that was begun.
    pub(super) fn row(&mut self, row: &Row) -> Result<(), ManageError> {
        let mut text = octets(row)?;
        self.tally.add(&text);
        text.push(b'\n');
        self.out.write_all(&text).map_err(|why| not_written(&why))
    }

    /// Ends the table that was begun; answers how many rows it has.
    pub(super) fn end(&mut self) -> Result<Tally, ManageError> {
        let tally = std::mem::take(&mut self.tally);
        self.tables += 1;
        self.rows += tally.rows;
        self.line(&Word::End { rows: tally.rows, sum: tally.sum() })?;
        Ok(tally)
    }

    /// Says that all is there; answers what was written to, for who wants it on disk.
    pub(super) fn finish(mut self) -> Result<W, ManageError> {
        self.line(&Word::Whole { tables: self.tables, rows: self.rows })?;
        let packed = self.out.into_inner().map_err(|why| not_written(why.error()))?;
        let locked = packed.finish().map_err(|why| not_written(&why))?;
        locked.finish().map_err(|why| not_written(&why))
    }
}

/// The octets that stand for a row, in files and in sums.
pub(super) fn octets(row: &Row) -> Result<Vec<u8>, ManageError> {
    serde_json::to_vec(row).map_err(|why| refused(why.to_string()))
}

fn not_written(why: &io::Error) -> ManageError {
    refused(format!("the backup cannot be written: {why}"))
}

/// A piece of a backup.
#[derive(Debug)]
pub(super) enum Piece {
    /// A table begins, with the columns that its rows have.
    Table(Table),
    /// A row of it.
    Row(Row),
    /// It has ended, and its rows are what they were.
    End(Tally),
    /// All is there.
    Whole,
}

/// Reads a backup and believes nothing of it: its end, its counts and sums are checked on the way.
pub(super) struct Reader<'r> {
    input: BufReader<GzDecoder<BufReader<Box<dyn Read + Send + 'r>>>>,
    /// What it is.
    pub(super) head: Head,
    line: Vec<u8>,
    table: Option<Table>,
    tally: Tally,
    tables: u64,
    rows: u64,
}

impl<'r> Reader<'r> {
    /// Begins to read one.
    pub(super) fn open<R: Read + Send + 'r>(file: R, opener: &Opener) -> Result<Self, ManageError> {
        let clear = BufReader::new(opener.reader(BufReader::with_capacity(1 << 16, file))?);
        let mut input = BufReader::with_capacity(1 << 16, GzDecoder::new(clear));
        let mut line = Vec::new();
        read_line(&mut input, &mut line)?;
        let head: Head = serde_json::from_slice(&line).map_err(|_| refused("this is no backup of Anteroom"))?;
        head.check()?;
        Ok(Self { input, head, line, table: None, tally: Tally::default(), tables: 0, rows: 0 })
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Result<Piece, ManageError> {
        read_line(&mut self.input, &mut self.line)?;
        if self.line.first() == Some(&b'[') {
            return self.row();
        }
        let word = serde_json::from_slice(&self.line).map_err(|_| broken("a line is none that is known"))?;
        match (word, self.table.take()) {
            (Word::Table { name, columns }, None) => self.begin(&name, columns),
            (Word::End { rows, sum }, Some(table)) => self.end(&table, rows, &sum),
            (Word::Whole { tables, rows }, None) if (tables, rows) == (self.tables, self.rows) => self.whole(),
            (Word::Whole { .. }, None) => Err(broken("tables or rows are missing")),
            _ => Err(broken("its lines are not in order")),
        }
    }

    fn row(&mut self) -> Result<Piece, ManageError> {
        let Some(table) = &self.table else { return Err(broken("a row belongs to no table")) };
        let row: Row = serde_json::from_slice(&self.line)
            .map_err(|why| broken(&format!("a row of {} cannot be read: {why}", table.name)))?;
        let fits = |(cell, (_, kind)): (&Cell, &(String, Kind))| cell.is(*kind);
        if row.len() != table.columns.len() || !row.iter().zip(&table.columns).all(fits) {
            return Err(broken(&format!("a row of {} does not have the values of its columns", table.name)));
        }
        self.tally.add(&self.line);
        Ok(Piece::Row(row))
    }

    fn begin(&mut self, name: &str, columns: Vec<(String, String)>) -> Result<Piece, ManageError> {
        let known = schema::tables().iter().find(|table| table.name == name);
        let known = known.ok_or_else(|| broken(&format!("there is no table {name:?}")))?;
        let kind = |column: String| {
            let found = known.columns.iter().find(|(one, _)| *one == column).cloned();
            found.ok_or_else(|| broken(&format!("the table {name} has no column {column:?}")))
        };
        let columns = columns.into_iter().map(|(column, _)| kind(column)).collect::<Result<_, _>>()?;
        let table = Table { name: known.name.clone(), columns };
        self.table = Some(table.clone());
        Ok(Piece::Table(table))
    }

    fn end(&mut self, table: &Table, rows: u64, sum: &str) -> Result<Piece, ManageError> {
        let tally = std::mem::take(&mut self.tally);
        if tally.rows != rows || tally.sum() != sum {
            let found = tally.rows;
            return Err(broken(&format!("{} has {found} rows that are not the {rows} it was made with", table.name)));
        }
        self.tables += 1;
        self.rows += rows;
        Ok(Piece::End(tally))
    }

    /// Nothing may follow, and what packed and locked it must agree that this is the end.
    fn whole(&mut self) -> Result<Piece, ManageError> {
        let mut rest = [0_u8; 1];
        match self.input.read(&mut rest) {
            Ok(0) => Ok(Piece::Whole),
            Ok(_) => Err(broken("something follows its end")),
            Err(why) => Err(broken(&why.to_string())),
        }
    }
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<(), ManageError> {
    line.clear();
    input.take(LINE).read_until(b'\n', line).map_err(|why| broken(&why.to_string()))?;
    if line.pop() == Some(b'\n') { Ok(()) } else { Err(broken("it ends early")) }
}

fn broken(why: &str) -> ManageError {
    refused(format!("the backup is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> &'static Table {
        schema::tables().iter().find(|table| table.name == "zones").unwrap()
    }

    fn row(name: &str) -> Row {
        [name, "digest", "2026b"].map(|text| Cell::Text(text.to_owned())).to_vec()
    }

    fn written() -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &Lock::Open, &Head::new(1, None)).unwrap();
        writer.table(zones()).unwrap();
        for name in ["Europe/Oslo", "Europe/Berlin"] {
            writer.row(&row(name)).unwrap();
        }
        writer.end().unwrap();
        writer.finish().unwrap()
    }

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
        let mut reader = Reader::open(bytes, &Opener::default()).map_err(|why| why.to_string())?;
        let mut rows = Vec::new();
        loop {
            match reader.next().map_err(|why| why.to_string())? {
                Piece::Row(row) => rows.push(row),
                Piece::Whole => return Ok(rows),
                Piece::Table(_) | Piece::End(_) => {}
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&written()).unwrap(), [row("Europe/Oslo"), row("Europe/Berlin")]);
    }

    #[test]
    fn every_damage_is_found() {
        let whole = text(&written());
        let lines: Vec<&str> = whole.lines().collect();
        let without = |at: usize| {
            let kept =
                lines.iter().enumerate().filter(|(number, _)| *number != at).map(|(_, line)| format!("{line}\n"));
            kept.collect::<String>()
        };
        for (at, line) in lines.iter().enumerate().skip(1) {
            assert!(read(&packed(&without(at))).is_err(), "line {at} is not missed: {line}");
        }
        for (old, new) in [
            ("Oslo", "Rome"),
            ("[\"Europe/Oslo\",", "["),
            ("\"digest\"", "7"),
            ("zones", "wardrobes"),
            ("tzdata", "moonphase"),
            ("\"tables\":1", "\"tables\":2"),
        ] {
            assert!(whole.contains(old), "{old}");
            assert!(read(&packed(&whole.replacen(old, new, 1))).is_err(), "{new} passes for {old}");
        }
        assert!(read(&packed(&format!("{whole}more\n"))).is_err());
        let bytes = written();
        assert!(read(&bytes[..bytes.len() - 1]).is_err(), "the check sum of the packing is missing");
        assert!(read(b"nonsense").is_err());
    }

    #[test]
    fn a_backup_of_a_newer_program_or_of_rows_that_were_rewritten_since_is_refused_by_name() {
        let head = |schema| Head { schema, ..Head::new(1, None) };
        assert!(head(schema::version()).check().is_ok());
        let newer = head(schema::version() + 1).check().unwrap_err().to_string();
        assert!(newer.contains("use a newer one"), "{newer}");
        let older = head(7).check().unwrap_err().to_string();
        assert!(older.contains("\"operator\"") && older.contains("upgrade afterwards"), "{older}");
    }
}

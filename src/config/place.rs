//! Where in a file something stands: lines, key paths, and keys that no section knows.

use super::Problem;
use super::bootstrap::{BridgeEntry, MappingEntry, RoomEntry, TenantEntry, UserEntry};
use super::limits::Limits;
use super::section::Keys;
use super::sections::{
    Alerts, Auth, Backup, Database, Deliveries, Feed, MasterKey, Observe, Profile, Push, Server, Sync, Webhooks,
};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

/// A section of the file.
pub(super) struct Section {
    /// Its name in brackets.
    pub name: &'static str,
    /// Whether it may be there several times, as `[[name]]`.
    pub many: bool,
    /// Whether it takes keys beyond its own.
    pub open: bool,
    /// What it is about.
    pub about: &'static str,
    /// Its keys.
    pub keys: Keys,
}

const fn one(name: &'static str, about: &'static str, keys: Keys) -> Section {
    Section { name, many: false, open: false, about, keys }
}

const fn many(name: &'static str, about: &'static str, keys: Keys) -> Section {
    Section { name, many: true, open: false, about, keys }
}

/// All sections in the order of the example file.
pub(super) const SECTIONS: &[Section] = &[
    one("server", Server::ABOUT, Server::KEYS),
    one("database", Database::ABOUT, Database::KEYS),
    one("keys", MasterKey::ABOUT, MasterKey::KEYS),
    one("auth", Auth::ABOUT, Auth::KEYS),
    one("sync", Sync::ABOUT, Sync::KEYS),
    one("feed", Feed::ABOUT, Feed::KEYS),
    one("webhooks", Webhooks::ABOUT, Webhooks::KEYS),
    one("deliveries", Deliveries::ABOUT, Deliveries::KEYS),
    one("alerts", Alerts::ABOUT, Alerts::KEYS),
    one("push", Push::ABOUT, Push::KEYS),
    one("backup", Backup::ABOUT, Backup::KEYS),
    one("profile", Profile::ABOUT, Profile::KEYS),
    one("observe", Observe::ABOUT, Observe::KEYS),
    one("limits", Limits::ABOUT, Limits::KEYS),
    many("tenant", TenantEntry::ABOUT, TenantEntry::KEYS),
    Section { name: "bridge", many: true, open: true, about: BridgeEntry::ABOUT, keys: BridgeEntry::KEYS },
    many("room", RoomEntry::ABOUT, RoomEntry::KEYS),
    many("mapping", MappingEntry::ABOUT, MappingEntry::KEYS),
    many("user", UserEntry::ABOUT, UserEntry::KEYS),
];

/// The line of a byte offset, counted from 1.
pub(super) fn line(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count() + 1
}

/// Every section and key of the file that does not exist, with the nearest that does.
pub(super) fn unknown_keys(text: &str, file: &DeTable<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in file {
        let Some(section) = SECTIONS.iter().find(|s| s.name == name.get_ref().as_ref()) else {
            let names = SECTIONS.iter().map(|s| s.name);
            let what = format!("there is no such section{}", nearest(name.get_ref(), names));
            problems.push(Problem::at(name.get_ref().as_ref(), line(text, name.span().start), what));
            continue;
        };
        for (path, table) in tables(section, value.get_ref()) {
            for key in table.keys().filter(|k| !section.open && !knows(section, k.get_ref())) {
                let what =
                    format!("there is no such key{}", nearest(key.get_ref(), section.keys.iter().map(|(key, _)| *key)));
                problems.push(Problem::at(format!("{path}.{}", key.get_ref()), line(text, key.span().start), what));
            }
        }
    }
    problems
}

/// The line of a key such as `room[2].kind`; of its table where the key is missing, `None` where that is missing too.
pub(super) fn line_of(text: &str, file: &DeTable<'_>, path: &str) -> Option<usize> {
    let (table, key) = path.rsplit_once('.')?;
    let section = SECTIONS.iter().find(|section| table.split('[').next() == Some(section.name))?;
    let value = file.get(section.name)?;
    let (_, found) = tables(section, value.get_ref()).into_iter().find(|(path, _)| path == table)?;
    let span = found.iter().find(|(name, _)| name.get_ref() == key).map(|(name, _)| name.span());
    let span = span.or_else(|| place_of_table(section, value, table))?;
    Some(line(text, span.start))
}

fn place_of_table(section: &Section, value: &Spanned<DeValue<'_>>, table: &str) -> Option<Range<usize>> {
    let DeValue::Array(entries) = value.get_ref() else { return Some(value.span()) };
    let at = (0..entries.len()).find(|at| format!("{}[{at}]", section.name) == table)?;
    entries.get(at).map(Spanned::span)
}

fn knows(section: &Section, key: &str) -> bool {
    section.keys.iter().any(|(known, _)| *known == key)
}

/// The tables of a section with their paths: one, or one for each `[[name]]`.
fn tables<'a, 'i>(section: &Section, value: &'a DeValue<'i>) -> Vec<(String, &'a DeTable<'i>)> {
    match value {
        DeValue::Table(table) => vec![(section.name.to_owned(), table)],
        DeValue::Array(entries) => entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| Some((format!("{}[{at}]", section.name), entry.get_ref().as_table()?)))
            .collect(),
        _ => Vec::new(),
    }
}

fn nearest(word: &str, known: impl Iterator<Item = &'static str>) -> String {
    let close = known.map(|k| (distance(word, k), k)).min().filter(|(d, k)| *d <= k.len().div_ceil(3));
    close.map_or(String::new(), |(_, k)| format!("; did you mean `{k}`?"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

//! Whether each key of a file exists and each value has the type of its key: all that is wrong at once. What is wrong
//! is taken out of the file, so that the rest can be judged too.

use super::Config;
use super::Problem;
use super::place;
use super::place::SECTIONS;
use super::place::Section;
use serde::Deserialize;
use toml::Table;
use toml::Value;
use toml::de::DeTable;

/// What a bridge is taken for while the rest of its entry is looked at.
const ANY_KIND: &str = "graph";

/// Everything that is wrong with keys and types. Afterwards the file holds what is right.
pub(super) fn fit_file(text: &str, spanned: &DeTable<'_>, file: &mut Table) -> Vec<Problem> {
    let mut problems = place::unknown_keys(text, spanned);
    file.retain(|name, _| SECTIONS.iter().any(|section| section.name == name));
    for section in SECTIONS {
        for (path, entry) in entries(section, file) {
            let mut wrong = fit_entry(section, &path, entry);
            for problem in &mut wrong {
                problem.line = place::line_of(text, spanned, &problem.key);
            }
            problems.append(&mut wrong);
        }
    }
    problems
}

/// The tables of a section with their paths: one, or one for each `[[name]]`.
fn entries<'a>(section: &Section, file: &'a mut Table) -> Vec<(String, &'a mut Table)> {
    match file.get_mut(section.name) {
        Some(Value::Table(table)) => vec![(section.name.to_owned(), table)],
        Some(Value::Array(all)) => all
            .iter_mut()
            .enumerate()
            .filter_map(|(at, one)| Some((format!("{}[{at}]", section.name), one.as_table_mut()?)))
            .collect(),
        _ => Vec::new(),
    }
}

fn fit_entry(section: &Section, path: &str, entry: &mut Table) -> Vec<Problem> {
    entry.retain(|key, _| section.open || knows(section, key));
    let mut problems = Vec::new();
    let keys: Vec<String> = entry.keys().filter(|key| knows(section, key)).cloned().collect();
    for key in keys {
        let Some(value) = entry.get(&key) else { continue };
        if let Err(what) = fits(section, &key, value) {
            problems.push(Problem::new(format!("{path}.{key}"), what));
            entry.remove(&key);
        }
    }
    if section.open && !entry.contains_key("kind") {
        if problems.iter().all(|problem| problem.key != format!("{path}.kind")) {
            let what = "is missing; it is one of graph, booking_generic, booking_portico";
            problems.push(Problem::new(format!("{path}.kind"), what));
        }
        entry.insert("kind".to_owned(), Value::String(ANY_KIND.to_owned()));
    }
    problems
}

fn knows(section: &Section, key: &str) -> bool {
    section.keys.iter().any(|(known, _)| *known == key)
}

/// Whether a configuration with nothing but this one key can be read.
fn fits(section: &Section, key: &str, value: &Value) -> Result<(), String> {
    let mut entry = Table::new();
    if section.open {
        entry.insert("kind".to_owned(), Value::String(ANY_KIND.to_owned()));
    }
    entry.insert(key.to_owned(), value.clone());
    let entry = Value::Table(entry);
    let whole = if section.many { Value::Array(vec![entry]) } else { entry };
    let file = Table::from_iter([(section.name.to_owned(), whole)]);
    Config::deserialize(file).map(|_| ()).map_err(|error| error.message().to_owned())
}

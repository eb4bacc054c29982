//! Answers: a table for people, JSON for programs.

use super::Common;
use super::error::CliError;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use std::io::Write;

/// A column: its heading and what stands in it.
pub(super) type Column<T> = (&'static str, fn(&T) -> String);

/// Writes a list.
pub(super) fn list<T: Serialize>(
    common: &Common,
    out: &mut impl Write,
    items: &[T],
    columns: &[Column<T>],
) -> Result<(), CliError> {
    if common.json {
        return json(out, &items);
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(columns.iter().map(|column| column.0));
    for item in items {
        table.add_row(columns.iter().map(|column| plain((column.1)(item))));
    }
    Ok(writeln!(out, "{table}")?)
}

/// Writes one thing: JSON, or the given sentences, a line each.
pub(super) fn one<T: Serialize>(
    common: &Common,
    out: &mut impl Write,
    item: &T,
    sentences: &[String],
) -> Result<(), CliError> {
    if common.json {
        return json(out, item);
    }
    for sentence in sentences {
        writeln!(out, "{}", plain(sentence.clone()))?;
    }
    Ok(())
}

fn json<T: Serialize>(out: &mut impl Write, value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(writeln!(out, "{text}")?)
}

/// Without control characters, which would steer the terminal.
fn plain(text: String) -> String {
    if text.chars().any(char::is_control) {
        return text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    text
}

/// A value that may be absent.
pub(super) fn or_dash(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "-".to_owned())
}

/// A word of the model, as it is stored and as JSON shows it.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

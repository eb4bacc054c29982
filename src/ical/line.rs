//! The lossless content-line layer (RFC 5545, 3.1): octets in, the same octets out.
//!
//! Unfolding works on octets, because clients fold in the middle of multi-byte characters. Every logical line keeps
//! the octets it was read from, so that a line nobody edits is written back as it came.

use super::error::IcalError;
use super::write::encode_parameter;
use super::write::fold;
use super::write::plain_value;
use std::borrow::Cow;

/// One logical line: `NAME;PARAM=value:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentLine {
    /// Property name in upper case.
    pub name: String,
    /// Parameters in their order.
    pub params: Vec<Param>,
    /// The value as it stands on the unfolded line, escapes included.
    pub value: String,
    /// The physical line of the source it begins on, counted from 1; 0 for lines that were made here.
    pub number: usize,
    /// The source text: folds, line end and the blank lines around it included.
    raw: String,
}

/// One parameter with its list of values, RFC 6868 and quotes decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Parameter name in upper case.
    pub name: String,
    /// The values; usually one.
    pub values: Vec<String>,
}

impl ContentLine {
    /// A new line. Nothing in `params` or `value` can break out of its place: names are reduced to letters, digits and
    /// `-`, parameter values are encoded by RFC 6868, and control characters are left out of the value.
    /// TEXT values must have passed [`super::write::escape_text`].
    pub fn new(name: &str, params: &[(&str, &str)], value: &str) -> Self {
        let params = params
            .iter()
            .map(|(name, value)| Param { name: (*name).to_owned(), values: vec![(*value).to_owned()] })
            .collect();
        Self::with_params(name, params, value)
    }

    /// As [`ContentLine::new`], with parameters as they were read from another line.
    pub fn with_params(name: &str, params: Vec<Param>, value: &str) -> Self {
        let name = plain_name(name);
        let mut logical = name.clone();
        for param in &params {
            logical.push(';');
            logical.push_str(&plain_name(&param.name));
            logical.push('=');
            let values: Vec<String> = param.values.iter().map(|value| encode_parameter(value)).collect();
            logical.push_str(&values.join(","));
        }
        let value = plain_value(value);
        logical.push(':');
        logical.push_str(&value);
        Self { name, params, value, number: 0, raw: fold(&logical, "\r\n") }
    }

    /// The text this line was read from or is written as, line end included.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The first value of a parameter (upper-case name).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|param| param.name == name)?.values.first().map(String::as_str)
    }

    /// All values of a parameter joined as they stood, for clients that forget to quote `Doe, Jane`.
    pub fn joined_param(&self, name: &str) -> Option<String> {
        self.params.iter().find(|param| param.name == name).map(|param| param.values.join(","))
    }

    /// The same line with another line end, so that an edited file keeps its style.
    pub(crate) fn with_line_end(mut self, line_end: &str) -> Self {
        if line_end != "\r\n" {
            self.raw = self.raw.replace("\r\n", line_end);
        }
        self
    }
}

/// Reads all logical lines. Their raw texts, one after the other, are the input.
///
/// Tolerates a byte order mark, LF, CR and CRLF line ends and blank lines; refuses control characters, lines without a
/// colon, and more than `max_lines` lines.
pub fn read_lines(text: &str, max_lines: usize) -> Result<Vec<ContentLine>, IcalError> {
    let mut lines: Vec<ContentLine> = Vec::new();
    let mut pending: Option<(usize, usize, Cow<'_, str>)> = None;
    let mut raw_start = 0;
    let mut seen = 0;
    for physical in PhysicalLines::new(text.as_bytes()) {
        seen += 1;
        let body = &text[physical.start..physical.start + physical.body.len()];
        let body = if seen == 1 { body.trim_start_matches('\u{feff}') } else { body };
        if body.is_empty() {
            continue;
        }
        if let Some(continued) = body.strip_prefix([' ', '\t']) {
            match pending.as_mut() {
                Some((_, _, logical)) => logical.to_mut().push_str(continued),
                None => return Err(IcalError::at_line(seen, "begins with white space but continues no line")),
            }
            continue;
        }
        if let Some((number, start, logical)) = pending.take() {
            lines.push(parse_line(&logical, number, &text[start..physical.start])?);
            raw_start = physical.start;
        }
        if lines.len() >= max_lines {
            return Err(IcalError::ValidCalendarData(format!("more than {max_lines} content lines")));
        }
        pending = Some((seen, raw_start, Cow::Borrowed(body)));
    }
    if let Some((number, start, logical)) = pending {
        lines.push(parse_line(&logical, number, &text[start..])?);
    }
    Ok(lines)
}

/// Octets as text. Where folds split characters, the lines are unfolded first and folded again on character borders;
/// the result then differs from the octets that were sent.
pub fn text_of(octets: &[u8]) -> Result<String, IcalError> {
    if let Ok(text) = std::str::from_utf8(octets) {
        return Ok(text.to_owned());
    }
    let mut text = String::with_capacity(octets.len());
    let mut logical: Vec<u8> = Vec::new();
    let mut number = 0;
    for (index, physical) in PhysicalLines::new(octets).enumerate() {
        if let Some(b' ' | b'\t') = physical.body.first() {
            logical.extend_from_slice(&physical.body[1..]);
            continue;
        }
        push_refolded(&mut text, &logical, number)?;
        logical.clear();
        logical.extend_from_slice(physical.body);
        number = index + 1;
    }
    push_refolded(&mut text, &logical, number)?;
    Ok(text)
}

fn push_refolded(text: &mut String, logical: &[u8], number: usize) -> Result<(), IcalError> {
    if logical.is_empty() {
        return Ok(());
    }
    let line =
        std::str::from_utf8(logical).map_err(|_| IcalError::at_line(number, "is not UTF-8; save it as UTF-8"))?;
    text.push_str(&fold(line, "\r\n"));
    Ok(())
}

/// One line as an editor shows it.
struct Physical<'a> {
    start: usize,
    body: &'a [u8],
}

/// Splits octets at CRLF, LF and lone CR.
struct PhysicalLines<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> PhysicalLines<'a> {
    const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }
}

impl<'a> Iterator for PhysicalLines<'a> {
    type Item = Physical<'a>;

    fn next(&mut self) -> Option<Physical<'a>> {
        let start = self.at;
        let rest = self.octets.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let end_of_line = match &rest[length..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        self.at = start + length + end_of_line;
        Some(Physical { start, body: &rest[..length] })
    }
}

/// Splits one unfolded line into name, parameters and value.
fn parse_line(logical: &str, number: usize, raw: &str) -> Result<ContentLine, IcalError> {
    // All of them are one octet long, and no octet of a longer character is one.
    if let Some(bad) = logical.bytes().map(char::from).find(|c| is_refused(*c)) {
        return Err(IcalError::at_line(number, &format!("contains the control character U+{:04X}", u32::from(bad))));
    }
    let name_end = logical.find([';', ':']).ok_or_else(|| IcalError::at_line(number, "has no colon"))?;
    let name = logical[..name_end].to_ascii_uppercase();
    if name.is_empty() || !name.bytes().all(is_name_byte) {
        return Err(IcalError::at_line(number, "does not begin with a property name"));
    }
    let mut cursor = Cursor { rest: &logical[name_end..], number };
    let mut params = Vec::new();
    while let Some(rest) = cursor.rest.strip_prefix(';') {
        cursor.rest = rest;
        params.push(cursor.param()?);
    }
    let value = cursor.rest.strip_prefix(':').ok_or_else(|| IcalError::at_line(number, "has no colon"))?;
    Ok(ContentLine { name, params, value: value.to_owned(), number, raw: raw.to_owned() })
}

/// Control characters other than HTAB (RFC 5545, 3.1: CONTROL).
pub(crate) const fn is_refused(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{8}' | '\u{a}'..='\u{1f}' | '\u{7f}')
}

/// Octets of property and parameter names. `_` and `.` are not in the grammar but are sent.
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A name reduced to what the grammar allows.
fn plain_name(name: &str) -> String {
    name.bytes().filter(|byte| is_name_byte(*byte)).map(|byte| char::from(byte.to_ascii_uppercase())).collect()
}

/// The unread rest of one logical line.
struct Cursor<'a> {
    rest: &'a str,
    number: usize,
}

impl Cursor<'_> {
    /// One parameter; `rest` stands behind its semicolon.
    fn param(&mut self) -> Result<Param, IcalError> {
        let end = self.rest.find(['=', ';', ':']).unwrap_or(self.rest.len());
        let name = self.rest[..end].trim().to_ascii_uppercase();
        self.rest = &self.rest[end..];
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            return Err(IcalError::at_line(self.number, "has a parameter without a name"));
        }
        let mut values = Vec::new();
        while let Some(rest) = self.rest.strip_prefix(if values.is_empty() { '=' } else { ',' }) {
            self.rest = rest;
            values.push(decode_parameter(&self.param_value()?));
        }
        Ok(Param { name, values })
    }

    /// One value up to `,`, `;` or `:`; quoted, bare, or bare with the backslash escapes that Apple writes.
    fn param_value(&mut self) -> Result<String, IcalError> {
        let mut value = String::new();
        if let Some(rest) = self.rest.strip_prefix('"') {
            let end = rest.find('"').ok_or_else(|| IcalError::at_line(self.number, "has a quote that never ends"))?;
            value.push_str(&rest[..end]);
            self.rest = &rest[end + 1..];
        }
        let mut end = self.rest.len();
        let mut escaped = false;
        for (index, c) in self.rest.char_indices() {
            match c {
                ';' | ',' if escaped => value.push(c),
                ';' | ',' | ':' => {
                    end = index;
                    break;
                }
                '\\' if self.rest[index + 1..].starts_with([';', ',']) => {}
                _ => value.push(c),
            }
            escaped = c == '\\';
        }
        self.rest = &self.rest[end..];
        Ok(value)
    }
}

/// RFC 6868: `^n`, `^^` and `^'`.
fn decode_parameter(value: &str) -> String {
    if !value.contains('^') {
        return value.to_owned();
    }
    let mut decoded = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match (c, chars.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            _ => {
                decoded.push(c);
                continue;
            }
        };
        chars.next();
        decoded.push(plain);
    }
    decoded
}

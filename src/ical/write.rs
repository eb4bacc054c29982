//! Writing content lines so that nothing can break out of its place (RFC 5545, 3.1 and 3.3.11; RFC 6868).

use super::line::is_refused;

/// Longest physical line in octets, without its line end (RFC 5545, 3.1).
pub const FOLD_OCTETS: usize = 75;

/// Folds a logical line at 75 octets, never inside a character, and ends it with `line_end`.
pub fn fold(logical: &str, line_end: &str) -> String {
    let mut text = String::with_capacity(logical.len() + logical.len() / 60 + 4);
    let mut octets = 0;
    for c in logical.chars() {
        if octets + c.len_utf8() > FOLD_OCTETS {
            text.push_str(line_end);
            text.push(' ');
            octets = 1;
        }
        text.push(c);
        octets += c.len_utf8();
    }
    text.push_str(line_end);
    text
}

/// Plain text as a TEXT value: backslash, semicolon, comma and line ends escaped, control characters left out.
pub fn escape_text(plain: &str) -> String {
    let mut value = String::with_capacity(plain.len() + 8);
    for c in plain.chars() {
        match c {
            '\\' | ';' | ',' => {
                value.push('\\');
                value.push(c);
            }
            '\n' => value.push_str("\\n"),
            _ if is_refused(c) => {}
            _ => value.push(c),
        }
    }
    value
}

/// A TEXT value as plain text. `\:` and `\"`, which some clients write, lose their backslash too; any other pair stays.
pub fn unescape_text(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n' | 'N') => plain.push('\n'),
            Some(escaped @ ('\\' | ';' | ',' | ':' | '"')) => plain.push(escaped),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

/// Text in the normal form of the model: `\n` line ends, no control characters, no surrounding white space.
pub fn normal_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = text.chars().filter(|c| *c == '\n' || !is_refused(*c)).collect();
    kept.trim().to_owned()
}

/// A value without anything that could end its line.
pub(crate) fn plain_value(value: &str) -> String {
    value.chars().filter(|c| !is_refused(*c)).collect()
}

/// A parameter value as it is written: RFC 6868 for what quotes cannot hold, quotes where the grammar needs them.
pub(crate) fn encode_parameter(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len() + 2);
    for c in value.chars() {
        match c {
            '^' => encoded.push_str("^^"),
            '"' => encoded.push_str("^'"),
            '\n' => encoded.push_str("^n"),
            _ if is_refused(c) => {}
            _ => encoded.push(c),
        }
    }
    if encoded.contains([':', ';', ',', '\\']) {
        return format!("\"{encoded}\"");
    }
    encoded
}

//! The collation `i;unicode-casemap` (RFC 5051, 2): one case, and letters with marks as letter and mark, so that both
//! ways of writing an accent are the same text.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Canonical decompositions of the Unicode Character Database, one a line: the character, then what it consists of.
/// Hangul follows a rule of its own; ideographs kept for compatibility are left as they are.
const DECOMPOSITIONS: &str = include_str!("casemap.txt");

/// The text as the collation compares it.
pub(super) fn casemap(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars().map(one_case) {
        match decompositions().get(&c) {
            Some(parts) => mapped.push_str(parts),
            None => push_syllable(c, &mut mapped),
        }
    }
    mapped
}

/// Character by character: so the three forms of a sigma are one letter, which mapping whole words to lower case would
/// keep apart. Characters that would become several stay.
fn one_case(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

fn decompositions() -> &'static BTreeMap<char, &'static str> {
    static TABLE: OnceLock<BTreeMap<char, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let entry = |line: &'static str| {
            let first = line.chars().next()?;
            Some((first, &line[first.len_utf8()..]))
        };
        DECOMPOSITIONS.lines().filter_map(entry).collect()
    })
}

/// A Hangul syllable as its letters (Unicode, 3.12); any other character as it is.
fn push_syllable(c: char, out: &mut String) {
    const FIRST: u32 = 0xAC00;
    let Some(index) = u32::from(c).checked_sub(FIRST).filter(|index| *index < 11_172) else {
        out.push(c);
        return;
    };
    let letters = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28];
    let count = if index % 28 == 0 { 2 } else { 3 };
    out.extend(letters.into_iter().take(count).filter_map(char::from_u32));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_accent_and_all_forms_of_a_letter_are_one() {
        for (one, other) in [
            ("Åpent møte", "a\u{30A}PENT MØTE"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "οδος"),
            ("Ǆ", "ǆ"),
            ("Việt", "vie\u{323}\u{302}T"),
            ("Ärger", "a\u{308}rger"),
            ("한글", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}"),
        ] {
            assert_eq!(casemap(one), casemap(other), "{one} {other}");
        }
        for (one, other) in [("a", "å"), ("o", "ø"), ("ß", "ss"), ("e", "é")] {
            assert_ne!(casemap(one), casemap(other), "{one} {other}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_a_character_and_more() {
        assert!(decompositions().len() > 1000);
        assert!(DECOMPOSITIONS.lines().all(|line| line.chars().count() >= 2));
    }
}

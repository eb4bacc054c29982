//! The collation `i;unicode-casemap` (RFC 5051, 2): one case, and letters with marks as letter and mark, so that both
//! ways of writing an accent are the same text.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Every character beyond ASCII that the collation changes, one a line: the character, then what it becomes by its simple
/// titlecase and the full decomposition of that, of any kind (`UnicodeData.txt` of Unicode 14). Hangul follows a rule of
/// its own.
const TABLE: &str = include_str!("casemap.txt");

/// The text as the collation compares it.
pub(super) fn casemap(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars() {
        match table().get(&c) {
            Some(parts) => mapped.push_str(parts),
            None => push_syllable(c.to_ascii_uppercase(), &mut mapped),
        }
    }
    mapped
}

fn table() -> &'static BTreeMap<char, &'static str> {
    static MADE: OnceLock<BTreeMap<char, &'static str>> = OnceLock::new();
    MADE.get_or_init(|| {
        let entry = |line: &'static str| {
            let first = line.chars().next()?;
            Some((first, &line[first.len_utf8()..]))
        };
        TABLE.lines().filter_map(entry).collect()
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
    fn characters_become_what_rfc_5051_makes_of_them() {
        for (text, mapped) in [
            // The example of RFC 5051, 2.
            ("\u{1C4}", "Dz\u{30C}"),
            ("ﬁ", "fi"),
            ("ａＢ", "AB"),
            ("①", "1"),
            ("ᾀ", "Α\u{313}\u{345}"),
            ("ა", "ა"),
            ("a\u{a0}b", "A B"),
        ] {
            assert_eq!(casemap(text), mapped, "{text}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_a_character_and_more() {
        assert!(table().len() > 6_000);
        assert!(TABLE.lines().all(|line| line.chars().count() >= 2));
    }
}

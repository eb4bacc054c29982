//! Names in URLs: lower-case letters, digits and dashes, 1 to 64 of them.

use super::ManageError;
use std::fmt;

/// A name in a URL that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// Longest slug in characters.
    pub const MAX_CHARS: usize = 64;

    /// A slug as somebody typed it; refused unless it has the right form already.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ManageError> {
        let plain = (1..=Self::MAX_CHARS).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if plain {
            return Ok(Self(text.to_owned()));
        }
        Err(ManageError::invalid(
            field,
            format!("{text:?} is no name for a URL; use 1 to {} of a-z, 0-9 and -, no - at the ends", Self::MAX_CHARS),
        ))
    }

    /// The slug of a name that people read. `None` when nothing of it can be kept.
    pub fn of(name: &str) -> Option<Self> {
        let mut slug = String::new();
        for character in name.chars().flat_map(char::to_lowercase) {
            match plain_letters(character) {
                Some(letters) if slug.len() + letters.len() <= Self::MAX_CHARS => slug.push_str(letters),
                Some(_) => break,
                None if character.is_ascii_alphanumeric() && slug.len() < Self::MAX_CHARS => slug.push(character),
                None if character.is_ascii_alphanumeric() => break,
                // A combining mark changes the letter before it and parts no words.
                None if ('\u{300}'..='\u{36f}').contains(&character) => {}
                None => {
                    if !slug.is_empty() && !slug.ends_with('-') && slug.len() < Self::MAX_CHARS {
                        slug.push('-');
                    }
                }
            }
        }
        let slug = slug.trim_end_matches('-');
        (!slug.is_empty()).then(|| Self(slug.to_owned()))
    }

    /// The slug that was asked for, else the one of the name.
    pub fn given_or_of(field: &'static str, given: Option<&str>, name: &str) -> Result<Self, ManageError> {
        match given {
            Some(given) => Self::parse(field, given),
            None => Self::of(name).ok_or_else(|| {
                ManageError::invalid(field, format!("cannot be derived from the name {name:?}; give one"))
            }),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ASCII letters that stand for a letter of the Nordic and German alphabets, or for an accented one.
const fn plain_letters(character: char) -> Option<&'static str> {
    Some(match character {
        'æ' | 'ä' => "ae",
        'ø' | 'ö' | 'ó' | 'ò' | 'ô' | 'õ' => "o",
        'å' | 'á' | 'à' | 'â' | 'ã' => "a",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'í' | 'ì' | 'î' | 'ï' => "i",
        'ú' | 'ù' | 'û' | 'ü' => "u",
        'ý' => "y",
        'ç' | 'č' => "c",
        'ñ' | 'ŋ' => "n",
        'đ' | 'ð' => "d",
        'š' => "s",
        'ž' => "z",
        'ŧ' | 'þ' => "t",
        'ß' => "ss",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Slug;
    use proptest::prelude::*;

    #[test]
    fn names_give_the_slugs_people_expect() {
        for (name, slug) in [
            ("Council Hall", Some("council-hall")),
            ("Møterom Æ/Ø/Å 2", Some("moterom-ae-o-a-2")),
            ("  --Storsalen (1. etg.)--  ", Some("storsalen-1-etg")),
            ("Straße", Some("strasse")),
            ("Cafe\u{301}", Some("cafe")),
            ("会議室", None),
            ("", None),
        ] {
            assert_eq!(Slug::of(name).as_ref().map(Slug::as_str), slug, "{name}");
        }
    }

    #[test]
    fn a_typed_slug_is_taken_as_it_is_or_refused_by_name() {
        assert_eq!(Slug::parse("slug", "hall-2").unwrap().as_str(), "hall-2");
        for bad in ["", "Hall", "hall 2", "-hall", "hall-", "hall/2", "møterom", &"x".repeat(65)] {
            let error = Slug::parse("slug", bad).unwrap_err().to_string();
            assert!(error.starts_with("slug: ") && error.contains("a-z"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_derived_slug_always_parses(name in ".{0,100}") {
            if let Some(slug) = Slug::of(&name) {
                prop_assert!(Slug::parse("slug", slug.as_str()).is_ok(), "{slug}");
            }
        }
    }
}

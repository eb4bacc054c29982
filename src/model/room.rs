//! Rooms.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a bookable thing is a room or a piece of equipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// A place; calendar-user-type ROOM (RFC 6638, 2.4.2).
    Room,
    /// A thing; calendar-user-type RESOURCE.
    Equipment,
}

/// What a room has, e.g. `projector` and `wheelchair access`: words of the house that runs it, in lower case, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features(Vec<String>);

impl Features {
    /// Most features of one room.
    pub const MOST: usize = 50;
    /// Longest feature in characters.
    pub const LONGEST: usize = 60;

    /// Takes a list. `None` for too many or too long ones, and for one that is empty or holds a comma or control
    /// character: a comma separates them where they are written as one text.
    pub fn of<S: AsRef<str>>(list: &[S]) -> Option<Self> {
        let mut found: Vec<String> = Vec::with_capacity(list.len());
        for feature in list {
            let feature = feature.as_ref().trim().to_lowercase();
            let fits = !feature.is_empty() && feature.chars().count() <= Self::LONGEST;
            if !fits || feature.chars().any(|c| c == ',' || c.is_control()) {
                return None;
            }
            if !found.contains(&feature) {
                found.push(feature);
            }
        }
        (found.len() <= Self::MOST).then_some(Self(found))
    }

    /// Reads them from one text, separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        Self::of(&text.split(',').collect::<Vec<_>>())
    }

    /// One by one, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Separated by a comma, as they are stored.
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_written_and_read_as_one_text() {
        let features = Features::of(&["Projector", " wheelchair access ", "projector"]).unwrap();
        assert_eq!(features.to_string(), "projector,wheelchair access");
        assert_eq!(Features::parse("projector,wheelchair access"), Some(features));
        assert_eq!(Features::parse(" "), Some(Features::default()));
        for bad in ["a,,b", ",", "a\nb", &"x".repeat(61), "x\ty"] {
            assert_eq!(Features::parse(bad), None, "{bad:?}");
        }
        let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
        assert_eq!(Features::of(&many), None);
    }
}

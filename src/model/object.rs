//! Names and versions of calendar objects, and the sync token (RFC 6578).

use super::ids::RoomId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// An iCalendar UID (RFC 5545, 3.8.4.7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub String);

impl Uid {
    /// The UID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last path segment of an object, percent-decoded, e.g. `meeting-7.ics`. Opaque: never a file path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectName(String);

impl ObjectName {
    /// Longest accepted name in bytes.
    pub const MAX_BYTES: usize = 255;

    /// A checked name: not empty, not `.` or `..`, no `/`, no backslash, no control character, at most 255 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text != "."
            && text != ".."
            && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control());
        plain.then(|| Self(text.to_owned()))
    }

    /// The name under which an object that came from a remote side is shown: its UID where that is a plain name, else
    /// a hash of it.
    pub fn for_uid(uid: &Uid) -> Self {
        let plain = uid.0.len() <= 120 && uid.0.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b));
        if plain && !uid.0.starts_with('.') && !uid.0.is_empty() {
            return Self(format!("{}.ics", uid.0));
        }
        Self(format!("{}.ics", &hex(&Sha256::digest(uid.0.as_bytes()))[..32]))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Strong validator of an object's octets (RFC 9110, 8.8.3), without its quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(String);

impl Etag {
    /// The validator of these octets: 128 bits of SHA-256 in hexadecimal.
    pub fn of(octets: &[u8]) -> Self {
        Self(hex(&Sha256::digest(octets))[..32].to_owned())
    }

    /// Without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With quotes, as in headers and `DAV:getetag`.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl From<String> for Etag {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Hash of what counts as content: two texts with the same fingerprint say the same booking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The version of the normal form that is hashed.
    pub const VERSION: &'static str = "1";

    /// The fingerprint of a normal form.
    pub fn of<T: Serialize>(normal_form: &T) -> Self {
        // Field order is the declaration order and maps are sorted, so equal values give equal bytes.
        let bytes = serde_json::to_vec(normal_form).unwrap_or_default();
        Self(format!("{}:{}", Self::VERSION, &hex(&Sha256::digest(bytes))[..40]))
    }

    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Fingerprint {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A point in a room's change log (RFC 6578, 3.2): an opaque URI outside, room and sequence number inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncToken {
    /// The room whose log this is a point of.
    pub room: RoomId,
    /// Everything up to and including this sequence number is known to the holder.
    pub seq: i64,
    /// In the token of a truncated initial report: the room's sequence number when that report began. Members that were
    /// gone by then were never known to the holder. `None` for ordinary tokens.
    pub began: Option<i64>,
}

/// How many sequence numbers an era of a room has. A new one begins when the database is set back to a backup.
pub const ERA: i64 = 1 << 32;

impl SyncToken {
    /// Whether a room that has come to `seq` can go on from here: not beyond it, and of its era. What an earlier era
    /// showed after the backup that ended it is unknown.
    pub const fn is_before(&self, seq: i64) -> bool {
        self.seq <= seq && self.seq / ERA == seq / ERA
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_are_single_plain_segments() {
        assert!(ObjectName::parse("møte 7.ics").is_some());
        for bad in ["", ".", "..", "a/b.ics", "a\\b", "a\0", "a\n"] {
            assert!(ObjectName::parse(bad).is_none(), "{bad:?}");
        }
        assert!(ObjectName::parse(&"x".repeat(256)).is_none());
    }

    #[test]
    fn a_uid_that_is_no_plain_name_is_shown_by_its_hash() {
        assert_eq!(ObjectName::for_uid(&Uid("a-1@x".to_owned())).as_str(), "a-1@x.ics");
        assert_eq!(ObjectName::for_uid(&Uid("../etc".to_owned())).as_str().len(), 36);
    }
}

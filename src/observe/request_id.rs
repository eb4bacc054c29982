//! The id under which a request is found in the log and in the answer of a failure.

use std::fmt;

/// The header that carries it both ways.
pub const HEADER: &str = "x-request-id";

/// An id of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The id a proxy gave, if it is harmless in a log line and a header, otherwise a fresh one.
    pub fn from_header(value: Option<&str>) -> Self {
        value.filter(|v| harmless(v)).map_or_else(Self::fresh, |v| Self(v.to_owned()))
    }

    /// A fresh id.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn harmless(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_id_is_kept_only_if_it_is_harmless() {
        assert_eq!(RequestId::from_header(Some("abc-12345")).as_str(), "abc-12345");
        for bad in [None, Some("short"), Some("has space and more"), Some("line\nbreak1"), Some("\"quotes\"12")] {
            let fresh = RequestId::from_header(bad);
            assert_eq!(fresh.as_str().len(), 32, "{bad:?}");
        }
        assert_ne!(RequestId::fresh(), RequestId::fresh());
    }
}

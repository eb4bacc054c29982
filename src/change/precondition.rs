//! If-Match and If-None-Match (RFC 9110, 13.1), decided inside the transaction that writes.

use super::ChangeError;
use crate::model::Etag;

/// What must hold of the stored object for a change to be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// If-Match.
    pub if_match: Option<Tags>,
    /// If-None-Match.
    pub if_none_match: Option<Tags>,
}

/// A list of entity tags, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`
    Any,
    /// Strong tags without quotes; weak ones never match and are left out by whoever reads the header.
    List(Vec<String>),
}

impl Tags {
    fn include(&self, etag: &Etag) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|tag| tag == etag.as_str()),
        }
    }
}

impl Precondition {
    /// No condition.
    pub const fn none() -> Self {
        Self { if_match: None, if_none_match: None }
    }

    /// Decides on the validator that stands now.
    pub fn check(&self, current: Option<&Etag>) -> Result<(), ChangeError> {
        let matches = |tags: &Tags| current.is_some_and(|etag| tags.include(etag));
        let holds = self.if_match.as_ref().is_none_or(matches) && !self.if_none_match.as_ref().is_some_and(matches);
        if holds { Ok(()) } else { Err(ChangeError::Stale { current: current.cloned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(if_match: Option<Tags>, if_none_match: Option<Tags>, current: Option<&str>) -> bool {
        let current = current.map(|text| Etag::from(text.to_owned()));
        Precondition { if_match, if_none_match }.check(current.as_ref()).is_ok()
    }

    #[test]
    fn preconditions_follow_rfc_9110() {
        let list = |tags: &[&str]| Some(Tags::List(tags.iter().map(|tag| (*tag).to_owned()).collect()));
        assert!(holds(None, None, None));
        assert!(holds(Some(Tags::Any), None, Some("a")));
        assert!(!holds(Some(Tags::Any), None, None));
        assert!(holds(list(&["a", "b"]), None, Some("b")));
        assert!(!holds(list(&["a"]), None, Some("b")));
        assert!(!holds(list(&[]), None, Some("b")));
        assert!(!holds(None, Some(Tags::Any), Some("a")));
        assert!(holds(None, Some(Tags::Any), None));
        assert!(!holds(None, list(&["a"]), Some("a")));
        assert!(holds(None, list(&["a"]), Some("b")));
    }
}

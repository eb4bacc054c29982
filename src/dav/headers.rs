//! The request headers that change what a method does: Depth, If-Match, If-None-Match, Prefer and Brief
//! (RFC 4918, 10.2; RFC 9110, 13.1; RFC 8144; RFC 7240).

use super::error::DavError;
use crate::model::Etag;
use actix_web::http::header::HeaderMap;

/// How deep a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The resource itself.
    Zero,
    /// The resource and its members.
    One,
    /// Everything below.
    Infinity,
}

impl Depth {
    /// The header's value; `None` where it is missing, which each method reads in its own way.
    pub fn parse(headers: &HeaderMap) -> Result<Option<Self>, DavError> {
        let Some(value) = headers.get("depth") else { return Ok(None) };
        match value.to_str().map(str::trim) {
            Ok("0") => Ok(Some(Self::Zero)),
            Ok("1") => Ok(Some(Self::One)),
            Ok(text) if text.eq_ignore_ascii_case("infinity") => Ok(Some(Self::Infinity)),
            _ => Err(DavError::bad_request("Depth is 0, 1 or infinity.")),
        }
    }
}

/// A list of entity tags, or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtagList {
    /// Any representation at all.
    Any,
    /// These, without quotes, weak ones marked.
    These(Vec<ListedEtag>),
}

/// One entity tag of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEtag {
    /// Without quotes.
    pub tag: String,
    /// Whether it was `W/"…"`.
    pub weak: bool,
}

impl EtagList {
    /// Reads a header that may come several times; `None` where it is missing.
    pub fn parse(headers: &HeaderMap, name: &str) -> Result<Option<Self>, DavError> {
        let mut tags = Vec::new();
        let mut present = false;
        for value in headers.get_all(name) {
            present = true;
            let text = value.to_str().map_err(|_| DavError::bad_request(format!("{name} is not ASCII.")))?;
            if text.trim() == "*" {
                return Ok(Some(Self::Any));
            }
            read_tags(text, &mut tags);
        }
        Ok(present.then_some(Self::These(tags)))
    }

    /// Reads a list that stands elsewhere than in a header of its own (RFC 4918, 10.4).
    pub fn of(text: &str) -> Self {
        let mut tags = Vec::new();
        read_tags(text.trim(), &mut tags);
        Self::These(tags)
    }

    /// Whether the list names this validator by strong comparison, as If-Match needs (RFC 9110, 13.1.1).
    pub fn matches_strongly(&self, etag: &Etag) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|listed| !listed.weak && listed.tag == etag.as_str()),
        }
    }

    /// Whether the list names this validator by weak comparison, as If-None-Match allows (RFC 9110, 13.1.2).
    pub fn matches_weakly(&self, etag: &Etag) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|listed| listed.tag == etag.as_str()),
        }
    }
}

/// Reads a comma-separated list. Tags without quotes are taken as they are: some clients strip them.
fn read_tags(text: &str, tags: &mut Vec<ListedEtag>) {
    let mut rest = text.trim_start_matches([',', ' ', '\t']);
    while !rest.is_empty() {
        let weak = rest.starts_with("W/\"");
        let body = if weak { &rest[2..] } else { rest };
        let (tag, after) = match body.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some((tag, after)) => (tag, after),
            None => body.split_once(',').map_or((body, ""), |(tag, after)| (tag, after)),
        };
        tags.push(ListedEtag { tag: tag.trim().trim_matches('"').to_owned(), weak });
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
}

/// What the client would like the answer to be (RFC 7240; RFC 8144), `Brief: t` of older clients included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `return=minimal`: leave out what was not found and what merely succeeded.
    pub minimal: bool,
    /// `return=representation`: send the present object along, also with a 412.
    pub representation: bool,
}

impl Preferences {
    /// Reads `Prefer` and `Brief`. What is not understood is ignored, as RFC 7240 demands.
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for value in headers.get_all("prefer").filter_map(|value| value.to_str().ok()) {
            for preference in value.split([',', ';']) {
                match preference.replace([' ', '\t', '"'], "").to_ascii_lowercase().as_str() {
                    "return=minimal" | "return-minimal" => found.minimal = true,
                    "return=representation" => found.representation = true,
                    _ => {}
                }
            }
        }
        let brief = headers.get("brief").and_then(|value| value.to_str().ok());
        found.minimal |= brief.is_some_and(|text| text.trim().eq_ignore_ascii_case("t"));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderName;
    use actix_web::http::header::HeaderValue;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn p3_depth_has_three_values_and_anything_else_is_refused() {
        let depth = |value| Depth::parse(&headers(&[("depth", value)]));
        assert!(matches!(depth("0"), Ok(Some(Depth::Zero))));
        assert!(matches!(depth(" 1"), Ok(Some(Depth::One))));
        assert!(matches!(depth("Infinity"), Ok(Some(Depth::Infinity))));
        assert!(matches!(Depth::parse(&headers(&[])), Ok(None)));
        for bad in ["", "2", "1,noroot", "-1"] {
            assert!(depth(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn o4_if_match_reads_lists_and_compares_strongly() {
        let list = EtagList::parse(&headers(&[("if-match", "\"a\", W/\"b\" ,\"c,d\""), ("if-match", "e")]), "if-match");
        let list = list.unwrap().unwrap();
        for (tag, strong, weak) in
            [("a", true, true), ("b", false, true), ("c,d", true, true), ("e", true, true), ("x", false, false)]
        {
            let etag = Etag::from(tag.to_owned());
            assert_eq!((list.matches_strongly(&etag), list.matches_weakly(&etag)), (strong, weak), "{tag}");
        }
        let any = EtagList::parse(&headers(&[("if-match", " * ")]), "if-match").unwrap();
        assert_eq!(any, Some(EtagList::Any));
        assert_eq!(EtagList::parse(&headers(&[]), "if-match").unwrap(), None);
        let nothing = EtagList::parse(&headers(&[("if-match", "nothing")]), "if-match").unwrap().unwrap();
        assert!(!nothing.matches_strongly(&Etag::from("a".to_owned())));
        let broken = EtagList::parse(&headers(&[("if-match", "\"open, W/")]), "if-match").unwrap().unwrap();
        assert!(!broken.matches_weakly(&Etag::from("a".to_owned())));
    }

    #[test]
    fn p2_both_spellings_of_a_minimal_answer_are_understood() {
        for list in [
            &[("prefer", "return=minimal")][..],
            &[("prefer", "respond-async, return=\"minimal\"; x=1")],
            &[("prefer", "handling=strict"), ("prefer", "Return = Minimal")],
            &[("brief", "t")],
            &[("prefer", "return=minimal"), ("brief", "f")],
        ] {
            assert!(Preferences::parse(&headers(list)).minimal, "{list:?}");
        }
        assert!(!Preferences::parse(&headers(&[("brief", "f"), ("prefer", "return=full")])).minimal);
    }
}

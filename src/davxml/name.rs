//! Qualified names of WebDAV XML and the namespaces the gateway speaks (RFC 4918, 14; RFC 4791, 9; RFC 6578, 6).

use std::borrow::Cow;
use std::fmt;

/// WebDAV (RFC 4918) and everything that lives in its namespace.
pub const DAV: &str = "DAV:";
/// CalDAV (RFC 4791, 6638, 7809).
pub const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// The calendar server extensions: getctag, calendar-proxy, attendee search.
pub const CALENDARSERVER: &str = "http://calendarserver.org/ns/";
/// Apple's calendar properties: colour and order.
pub const APPLE: &str = "http://apple.com/ns/ical/";
/// WebDAV-Push (draft-bitfire-webdav-push).
pub const PUSH: &str = "https://bitfire.at/webdav-push";
/// Elements of this gateway.
pub const OURS: &str = "https://anteroom.dev/ns/";
/// The namespace that the prefix `xml` is always bound to; holds `xml:lang`.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The prefixes every answer declares on its root element, so that no fragment inside has to.
pub const FIXED_PREFIXES: [(&str, &str); 6] =
    [("D", DAV), ("C", CALDAV), ("CS", CALENDARSERVER), ("A", APPLE), ("P", PUSH), ("R", OURS)];

/// The name of an element or attribute: namespace and local part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QName {
    /// The namespace; empty where there is none.
    pub ns: Cow<'static, str>,
    /// The local part.
    pub local: Cow<'static, str>,
}

impl QName {
    /// A name known when the program was written.
    pub const fn known(ns: &'static str, local: &'static str) -> Self {
        Self { ns: Cow::Borrowed(ns), local: Cow::Borrowed(local) }
    }

    /// A name in `DAV:`.
    pub const fn dav(local: &'static str) -> Self {
        Self::known(DAV, local)
    }

    /// A name in the CalDAV namespace.
    pub const fn caldav(local: &'static str) -> Self {
        Self::known(CALDAV, local)
    }

    /// A name in the calendar server namespace.
    pub const fn calendarserver(local: &'static str) -> Self {
        Self::known(CALENDARSERVER, local)
    }

    /// A name in Apple's namespace.
    pub const fn apple(local: &'static str) -> Self {
        Self::known(APPLE, local)
    }

    /// A name in the namespace of WebDAV-Push.
    pub const fn push(local: &'static str) -> Self {
        Self::known(PUSH, local)
    }

    /// A name in the gateway's own namespace.
    pub const fn ours(local: &'static str) -> Self {
        Self::known(OURS, local)
    }

    /// A name that came from outside.
    pub fn new(ns: &str, local: &str) -> Self {
        Self { ns: Cow::Owned(ns.to_owned()), local: Cow::Owned(local.to_owned()) }
    }

    /// Whether this is the name `local` in `ns`.
    pub fn is(&self, ns: &str, local: &str) -> bool {
        self.ns == ns && self.local == local
    }

    /// The prefix under which answers write this namespace; `None` for foreign ones.
    pub fn fixed_prefix(&self) -> Option<&'static str> {
        FIXED_PREFIXES.iter().find(|(_, ns)| *ns == self.ns).map(|(prefix, _)| *prefix)
    }

    /// The name in Clark notation, `{namespace}local`: how names are stored and logged.
    pub fn clark(&self) -> String {
        self.to_string()
    }

    /// From Clark notation.
    pub fn from_clark(text: &str) -> Option<Self> {
        let (ns, local) = text.strip_prefix('{')?.rsplit_once('}')?;
        (!local.is_empty()).then(|| Self::new(ns, local))
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}", self.ns, self.local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clark_notation_reads_back() {
        for name in [QName::dav("prop"), QName::apple("calendar-color"), QName::new("", "bare"), QName::new("{x}", "y")]
        {
            assert_eq!(QName::from_clark(&name.clark()), Some(name));
        }
        assert_eq!(QName::from_clark("prop"), None);
        assert_eq!(QName::from_clark("{DAV:}"), None);
    }
}

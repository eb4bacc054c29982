//! 207 answers (RFC 4918, 13; RFC 6578, 6.4): responses appended one by one, properties grouped by status.

use super::condition::Condition;
use super::name::QName;
use super::write::XmlWriter;
use std::collections::BTreeMap;

/// The properties of one resource, grouped by status.
#[derive(Debug, Default)]
pub struct PropStats {
    groups: BTreeMap<u16, Group>,
}

/// Properties that share a status.
#[derive(Debug, Default)]
struct Group {
    /// Property elements, well-formed.
    xml: String,
    /// The condition that explains the status.
    error: Option<Condition>,
    /// A sentence about it.
    description: Option<String>,
}

impl PropStats {
    /// Adds a property element, as a fragment, under a status.
    pub fn add(&mut self, status: u16, element: &str) -> &mut Self {
        self.groups.entry(status).or_default().xml.push_str(element);
        self
    }

    /// Adds a property by its name only.
    pub fn add_name(&mut self, status: u16, name: &QName) -> &mut Self {
        let mut xml = XmlWriter::fragment();
        xml.empty(name);
        self.add(status, &xml.finish())
    }

    /// Explains a status.
    pub fn explain(&mut self, status: u16, error: Option<Condition>, description: &str) -> &mut Self {
        let group = self.groups.entry(status).or_default();
        group.error = error;
        group.description = Some(description.to_owned());
        self
    }

    /// Leaves out a status: `Prefer: return=minimal` drops what was not found (RFC 8144, 2.1).
    pub fn without(&mut self, status: u16) -> &mut Self {
        self.groups.remove(&status);
        self
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups as a fragment, for the responses of many resources ([`MultiStatus::found`]).
    pub fn render(&self) -> String {
        let mut xml = XmlWriter::fragment();
        for (status, group) in &self.groups {
            propstat(&mut xml, *status, group);
        }
        xml.finish()
    }
}

/// A multi-status document under construction. Its cost is the answer's: nothing is kept but the text.
#[derive(Debug)]
pub struct MultiStatus {
    xml: XmlWriter,
    responses: usize,
}

impl Default for MultiStatus {
    fn default() -> Self {
        Self::new()
    }
}

impl MultiStatus {
    const ROOT: QName = QName::dav("multistatus");

    /// An empty one.
    pub fn new() -> Self {
        Self { xml: XmlWriter::document(&Self::ROOT), responses: 0 }
    }

    /// A resource with its properties. One without any is told with an empty 200 group, because a response needs a
    /// status or a propstat.
    pub fn properties(&mut self, href: &str, stats: &PropStats) -> &mut Self {
        let response = QName::dav("response");
        self.responses += 1;
        self.xml.open(&response).href(href);
        if stats.is_empty() {
            propstat(&mut self.xml, 200, &Group::default());
        }
        for (status, group) in &stats.groups {
            propstat(&mut self.xml, *status, group);
        }
        self.xml.close(&response);
        self
    }

    /// A resource whose properties `write` writes, all of them found; `others` are its further groups, as
    /// [`PropStats::render`] has them.
    pub fn found(&mut self, href: &str, others: &str, write: impl FnOnce(&mut XmlWriter)) -> &mut Self {
        const CLOSED: &str = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>";
        self.responses += 1;
        self.xml.raw("<D:response>").href(href).raw("<D:propstat><D:prop>");
        write(&mut self.xml);
        self.xml.raw(CLOSED).raw(others).raw("</D:response>");
        self
    }

    /// A resource with nothing but a status: gone, or refused as a whole.
    pub fn status(&mut self, href: &str, status: u16, error: Option<&Condition>, description: &str) -> &mut Self {
        let response = QName::dav("response");
        self.responses += 1;
        self.xml.open(&response).href(href).leaf(&QName::dav("status"), &status_line(status));
        if let Some(condition) = error {
            let wrapper = QName::dav("error");
            self.xml.open(&wrapper);
            condition.write(&mut self.xml);
            self.xml.close(&wrapper);
        }
        if !description.is_empty() {
            self.xml.leaf(&QName::dav("responsedescription"), description);
        }
        self.xml.close(&response);
        self
    }

    /// The sync token, after all responses (RFC 6578, 6.4).
    pub fn sync_token(&mut self, token: &str) -> &mut Self {
        self.xml.leaf(&QName::dav("sync-token"), token);
        self
    }

    /// How many responses have been written.
    pub const fn responses(&self) -> usize {
        self.responses
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.xml.len()
    }

    /// Whether no response has been written.
    pub const fn is_empty(&self) -> bool {
        self.responses == 0
    }

    /// The responses alone, as a fragment for the inside of a property (RFC 3253, 3.8).
    pub fn into_responses(self) -> String {
        let text = self.xml.finish();
        let start = XmlWriter::document(&Self::ROOT).len();
        text[start..].to_owned()
    }

    /// The document.
    pub fn finish(mut self) -> String {
        self.xml.close(&Self::ROOT);
        self.xml.finish()
    }
}

fn propstat(xml: &mut XmlWriter, status: u16, group: &Group) {
    let (stat, prop, error) = (QName::dav("propstat"), QName::dav("prop"), QName::dav("error"));
    xml.open(&stat).open(&prop).raw(&group.xml).close(&prop);
    xml.leaf(&QName::dav("status"), &status_line(status));
    if let Some(condition) = &group.error {
        xml.open(&error);
        condition.write(xml);
        xml.close(&error);
    }
    if let Some(description) = &group.description {
        xml.leaf(&QName::dav("responsedescription"), description);
    }
    xml.close(&stat);
}

/// `HTTP/1.1 404 Not Found`
pub(super) fn status_line(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        424 => "Failed Dependency",
        507 => "Insufficient Storage",
        _ => "Status",
    };
    format!("HTTP/1.1 {status} {reason}")
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;
    use crate::config::Limits;

    #[test]
    fn properties_are_grouped_by_status_and_the_token_comes_last() {
        let mut found = PropStats::default();
        found.add(200, "<D:getetag>\"1\"</D:getetag>").add_name(404, &QName::new("urn:x", "y"));
        found.add(200, "<D:displayname/>");
        let mut answer = MultiStatus::new();
        answer.properties("/a", &found).status("/b", 404, None, "").properties("/c", &PropStats::default());
        answer.sync_token("urn:t");
        assert_eq!(answer.responses(), 3);
        let body = answer.finish();
        let inner = body.split_once("anteroom.dev/ns/\">").unwrap().1;
        assert_eq!(
            inner,
            "<D:response><D:href>/a</D:href><D:propstat><D:prop><D:getetag>\"1\"</D:getetag><D:displayname/></D:prop>\
             <D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop><x:y xmlns:x=\"urn:x\"/></D:prop>\
             <D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response><D:response><D:href>/b</D:href>\
             <D:status>HTTP/1.1 404 Not Found</D:status></D:response><D:response><D:href>/c</D:href><D:propstat>\
             <D:prop></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\
             <D:sync-token>urn:t</D:sync-token></D:multistatus>"
        );
        assert!(read(body.as_bytes(), &Limits::default()).is_ok());
    }

    #[test]
    fn what_is_written_for_many_is_the_same_as_for_one() {
        let (mut all, mut missing) = (PropStats::default(), PropStats::default());
        all.add(200, "<D:getetag>\"1\"</D:getetag>").add_name(404, &QName::dav("owner"));
        missing.add_name(404, &QName::dav("owner"));
        let (mut one, mut many) = (MultiStatus::new(), MultiStatus::new());
        one.properties("/a&b", &all);
        many.found("/a&b", &missing.render(), |xml| {
            xml.leaf(&QName::dav("getetag"), "\"1\"");
        });
        assert_eq!((one.responses(), one.finish()), (many.responses(), many.finish()));
    }

    #[test]
    fn a_truncated_answer_says_so_with_507_and_the_condition() {
        let mut answer = MultiStatus::new();
        answer.status("/room/", 507, Some(&Condition::NumberOfMatchesWithinLimits), "Ask again with the token.");
        assert!(answer.finish().contains(
            "<D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error><D:number-of-matches-within-limits/></D:error>\
             <D:responsedescription>Ask again with the token.</D:responsedescription>"
        ));
    }
}

//! Reading answers: a multi-status as hrefs with their properties, names in Clark notation.

use anteroom::config::Limits;
use anteroom::davxml::Element;
use anteroom::davxml::Node;
use anteroom::davxml::QName;
use anteroom::davxml::read;
use std::collections::BTreeMap;

/// What was told of one resource.
pub struct Told {
    pub href: String,
    /// The status of the whole resource; `None` where there are properties instead.
    pub status: Option<u16>,
    /// Properties with the status they stand under.
    pub props: BTreeMap<String, (u16, Element)>,
}

/// A whole answer as a tree; fails on anything that is not well-formed or whose prefixes nobody declared.
pub fn tree(body: &str) -> Element {
    let limits = Limits { xml_bytes: usize::MAX, xml_elements: usize::MAX, ..Limits::default() };
    read(body.as_bytes(), &limits).unwrap_or_else(|error| panic!("{error}: {body:.2000}"))
}

/// The resources of a multi-status.
pub fn told(body: &str) -> Vec<Told> {
    let root = tree(body);
    assert!(root.name.is("DAV:", "multistatus"), "{body:.300}");
    root.elements().filter(|child| child.name.is("DAV:", "response")).map(response).collect()
}

fn response(element: &Element) -> Told {
    let text = |parent: &Element, name| parent.child("DAV:", name).map(|child| child.text().trim().to_owned());
    let status = |parent: &Element| text(parent, "status").map(|line| line[9..12].parse().unwrap());
    let mut props = BTreeMap::new();
    for stat in element.elements().filter(|child| child.name.is("DAV:", "propstat")) {
        for prop in stat.child("DAV:", "prop").unwrap().elements() {
            let earlier = props.insert(prop.name.clark(), (status(stat).unwrap(), prop.clone()));
            assert!(earlier.is_none(), "{} is told twice", prop.name);
        }
    }
    let told = Told { href: text(element, "href").unwrap(), status: status(element), props };
    let has_stats = element.child("DAV:", "propstat").is_some();
    assert_ne!(told.status.is_some(), has_stats, "{}: a status or properties, never both (RFC 4918, 14.24)", told.href);
    told
}

/// `D:getetag` as `{DAV:}getetag`, with the prefixes that the answers use; other names stay as they are.
pub fn clark(name: &str) -> String {
    let spaces = anteroom::davxml::name::FIXED_PREFIXES;
    let known = name.split_once(':').and_then(|(prefix, local)| {
        spaces.iter().find(|(known, _)| *known == prefix).map(|(_, ns)| QName::new(ns, local).clark())
    });
    known.unwrap_or_else(|| name.to_owned())
}

/// All character data inside an element, deeply.
pub fn text_of(element: &Element) -> String {
    element
        .children
        .iter()
        .map(|node| match node {
            Node::Text(text) => text.clone(),
            Node::Element(child) => text_of(child),
        })
        .collect()
}

//! Request bodies of DAV: no body makes a reader fail other than by refusing, and what was read is written so that it
//! reads the same.
#![no_main]

use anteroom::config::Limits;
use anteroom::davxml::{Element, Node, PropFind, PropPatch, Report, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default();
    let _ = PropFind::parse(body, &limits);
    let _ = PropPatch::parse(body, &limits);
    let _ = Report::parse(body, &limits);
    if let Ok(root) = read(body, &limits) {
        let written = root.to_xml();
        // Written with declarations of its own, a tree at the edge of a limit may lie beyond it.
        let roomy = Limits { xml_attributes: 1_000, xml_bytes: 64 << 20, ..Limits::default() };
        let again = read(written.as_bytes(), &roomy).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert_eq!(bare(again), bare(root), "{written}");
    }
});

/// Without prefixes, which carry no meaning.
fn bare(mut element: Element) -> Element {
    element.prefix.clear();
    element.attributes.iter_mut().for_each(|attribute| attribute.prefix.clear());
    element.children = element
        .children
        .into_iter()
        .map(|node| match node {
            Node::Element(child) => Node::Element(bare(child)),
            text @ Node::Text(_) => text,
        })
        .collect();
    element
}

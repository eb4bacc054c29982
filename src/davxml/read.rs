//! Reading XML request bodies: bytes to a tree, bounded, with everything that is not plain XML refused.
//!
//! WebDAV needs no document type, no entities beyond the five of XML, and no other encoding than UTF-8; what the parser
//! below tolerates (an open element at the end, a second root, a prefix that nobody declared) is an error here.

use super::element::Attribute;
use super::element::Element;
use super::element::Node;
use super::name::QName;
use super::write::is_ncname;
use super::write::is_xml_char;
use crate::config::Limits;
use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::BytesRef;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use quick_xml::name::PrefixDeclaration;
use quick_xml::name::ResolveResult;
use thiserror::Error;

/// Why a body was not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// Longer than `limits.xml_bytes`.
    #[error("the XML body is larger than {0} bytes")]
    TooLarge(usize),
    /// Not UTF-8, or declared to be something else.
    #[error("the XML body is not UTF-8; send it as UTF-8")]
    NotUtf8,
    /// Not well-formed.
    #[error("the XML is not well-formed near byte {at}: {what}")]
    Malformed {
        /// Offset in bytes.
        at: u64,
        /// What is wrong there.
        what: String,
    },
    /// A document type declaration.
    #[error("document type declarations are not accepted; leave out <!DOCTYPE>")]
    DocumentType,
    /// A reference to an entity that XML does not predefine.
    #[error("unknown entity &{0};")]
    UnknownEntity(String),
    /// A character that XML 1.0 does not allow.
    #[error("the XML holds the character U+{0:04X}, which XML 1.0 does not allow")]
    ForbiddenCharacter(u32),
    /// A prefix without a namespace.
    #[error("the prefix \"{0}\" is not declared")]
    UndeclaredPrefix(String),
    /// Nested deeper than `limits.xml_depth`.
    #[error("the XML is nested deeper than {0} elements")]
    TooDeep(usize),
    /// More elements than `limits.xml_elements`.
    #[error("the XML has more than {0} elements")]
    TooManyElements(usize),
    /// More attributes on one element than `limits.xml_attributes`.
    #[error("an XML element has more than {0} attributes")]
    TooManyAttributes(usize),
}

/// Reads a document. The tree is at most `limits.xml_depth` deep, so that walking it by recursion is safe.
pub fn read(body: &[u8], limits: &Limits) -> Result<Element, XmlError> {
    if body.len() > limits.xml_bytes {
        return Err(XmlError::TooLarge(limits.xml_bytes));
    }
    let text = std::str::from_utf8(body).map_err(|_| XmlError::NotUtf8)?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if let Some(bad) = text.chars().find(|c| !is_xml_char(*c)) {
        return Err(XmlError::ForbiddenCharacter(bad.into()));
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut tree = Tree { open: Vec::new(), root: None, elements: 0, limits };
    loop {
        let event = reader.read_event().map_err(|error| malformed(&reader, error.to_string()))?;
        if matches!(event, Event::Eof) {
            return tree.finish(&reader);
        }
        tree.event(event, &reader)?;
    }
}

/// The tree under construction: the chain of open elements, and the root once it is closed.
struct Tree<'l> {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
    limits: &'l Limits,
}

impl Tree<'_> {
    fn event(&mut self, event: Event<'_>, reader: &NsReader<&[u8]>) -> Result<(), XmlError> {
        match event {
            Event::Start(start) | Event::Empty(start) => self.start(&start, reader),
            Event::End(_) => self.end(reader),
            Event::Text(text) => self.text(&text.xml10_content(), reader),
            Event::CData(text) if self.open.is_empty() => Err(outside(reader, &text)),
            Event::CData(text) => self.text(&text.xml10_content(), reader),
            Event::GeneralRef(reference) => self.reference(&reference, reader),
            Event::Decl(declaration) => match declaration.encoding() {
                Some(Ok(name)) if !["utf-8", "utf8", "us-ascii"].contains(&name.to_ascii_lowercase().as_str()) => {
                    Err(XmlError::NotUtf8)
                }
                _ => Ok(()),
            },
            Event::DocType(_) => Err(XmlError::DocumentType),
            Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, reader: &NsReader<&[u8]>) -> Result<(), XmlError> {
        if self.root.is_some() {
            return Err(malformed(reader, "a second root element".to_owned()));
        }
        self.elements += 1;
        if self.elements > self.limits.xml_elements {
            return Err(XmlError::TooManyElements(self.limits.xml_elements));
        }
        if self.open.len() >= self.limits.xml_depth {
            return Err(XmlError::TooDeep(self.limits.xml_depth));
        }
        let (resolved, local) = reader.resolver().resolve_element(start.name());
        named(start.name(), reader)?;
        self.open.push(Element {
            name: QName::new(&namespace(&resolved)?, local.as_ref()),
            prefix: prefix(start.name()),
            attributes: attributes(start, reader, self.limits)?,
            children: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, reader: &NsReader<&[u8]>) -> Result<(), XmlError> {
        let Some(done) = self.open.pop() else {
            return Err(malformed(reader, "an end tag without a start tag".to_owned()));
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(done)),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, reader: &NsReader<&[u8]>) -> Result<(), XmlError> {
        let Some(parent) = self.open.last_mut() else {
            return if text.trim().is_empty() { Ok(()) } else { Err(outside(reader, text)) };
        };
        match parent.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => parent.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>, reader: &NsReader<&[u8]>) -> Result<(), XmlError> {
        let resolved = reference.resolve_char_ref().map_err(|error| malformed(reader, error.to_string()))?;
        let character = match (resolved, &**reference) {
            (Some(character), _) => character,
            (None, "amp") => '&',
            (None, "lt") => '<',
            (None, "gt") => '>',
            (None, "quot") => '"',
            (None, "apos") => '\'',
            (None, unknown) => return Err(XmlError::UnknownEntity(unknown.chars().take(60).collect())),
        };
        if !is_xml_char(character) {
            return Err(XmlError::ForbiddenCharacter(character.into()));
        }
        if self.open.is_empty() {
            return Err(outside(reader, "a reference"));
        }
        self.text(character.encode_utf8(&mut [0; 4]), reader)
    }

    fn finish(self, reader: &NsReader<&[u8]>) -> Result<Element, XmlError> {
        match (self.open.last(), self.root) {
            (Some(open), _) => Err(malformed(reader, format!("the element {} is not closed", open.name))),
            (None, Some(root)) => Ok(root),
            (None, None) => Err(malformed(reader, "there is no element".to_owned())),
        }
    }
}

/// The attributes of a start tag without its namespace declarations, checked for number and repetition.
fn attributes(start: &BytesStart<'_>, reader: &NsReader<&[u8]>, limits: &Limits) -> Result<Vec<Attribute>, XmlError> {
    let mut found: Vec<Attribute> = Vec::new();
    let mut declared: Vec<String> = Vec::new();
    let mut list = start.attributes();
    // Repetition is checked below on resolved names, which the bound on their number keeps cheap.
    for attribute in list.with_checks(false) {
        let attribute = attribute.map_err(|error| malformed(reader, error.to_string()))?;
        if found.len() + declared.len() >= limits.xml_attributes {
            return Err(XmlError::TooManyAttributes(limits.xml_attributes));
        }
        named(attribute.key, reader)?;
        if let Some(declaration) = attribute.key.as_namespace_binding() {
            let prefix = match declaration {
                PrefixDeclaration::Default => String::new(),
                PrefixDeclaration::Named(prefix) => prefix.to_owned(),
            };
            if declared.contains(&prefix) {
                return Err(malformed(reader, format!("the prefix \"{prefix}\" is declared twice")));
            }
            declared.push(prefix);
            continue;
        }
        let (resolved, local) = reader.resolver().resolve_attribute(attribute.key);
        let name = QName::new(&namespace(&resolved)?, local.as_ref());
        if found.iter().any(|known| known.name == name) {
            return Err(malformed(reader, format!("the attribute {name} is given twice")));
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| malformed(reader, error.to_string()))?
            .into_owned();
        if let Some(bad) = value.chars().find(|c| !is_xml_char(*c)) {
            return Err(XmlError::ForbiddenCharacter(bad.into()));
        }
        found.push(Attribute { name, prefix: prefix(attribute.key), value });
    }
    Ok(found)
}

/// Refuses what is no qualified name (Namespaces in XML 1.0, 4): the parser takes anything up to the next blank for one,
/// and a property stored under such a name could never be told in an answer again.
fn named(name: quick_xml::name::QName<'_>, reader: &NsReader<&[u8]>) -> Result<(), XmlError> {
    let (local, prefix) = name.decompose();
    if is_ncname(local.as_ref()) && prefix.is_none_or(|prefix| is_ncname(prefix.as_ref())) {
        return Ok(());
    }
    let shown: String = name.as_ref().chars().take(40).collect();
    Err(malformed(reader, format!("\"{shown}\" is not a name")))
}

/// The namespace a name is in. The parser hands out the declaration as it is written, references and all.
fn namespace(resolved: &ResolveResult<'_>) -> Result<String, XmlError> {
    match resolved {
        ResolveResult::Bound(ns) => match quick_xml::escape::unescape(ns.as_ref()) {
            Ok(name) if name.chars().all(is_xml_char) => Ok(name.into_owned()),
            _ => Err(XmlError::UndeclaredPrefix(ns.as_ref().chars().take(60).collect())),
        },
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(XmlError::UndeclaredPrefix(prefix.clone())),
    }
}

fn prefix(name: quick_xml::name::QName<'_>) -> String {
    name.prefix().map(|prefix| prefix.as_ref().to_owned()).unwrap_or_default()
}

fn outside(reader: &NsReader<&[u8]>, text: &str) -> XmlError {
    let shown: String = text.trim().chars().take(40).collect();
    malformed(reader, format!("text outside the root element: \"{shown}\""))
}

fn malformed(reader: &NsReader<&[u8]>, what: String) -> XmlError {
    XmlError::Malformed { at: reader.error_position().max(reader.buffer_position()), what }
}

#[cfg(test)]
mod tests {
    use super::super::name::XML;
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn parse(text: &str) -> Result<Element, XmlError> {
        read(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn names_are_resolved_and_text_is_joined_over_references_and_cdata() {
        let root = parse("<a:x xmlns:a=\"DAV:\" xml:lang=\"nb\"> 1&amp;&#x32;<![CDATA[<3>]]><y/>4</a:x>").unwrap();
        assert_eq!(root.name, QName::dav("x"));
        assert_eq!(root.lang(), Some("nb"));
        assert_eq!(root.attributes[0].name, QName::known(XML, "lang"));
        assert_eq!(root.children.len(), 3);
        assert_eq!(root.text(), " 1&2<3>4");
        assert_eq!(root.elements().next().unwrap().name, QName::new("", "y"));
    }

    #[test]
    fn an_undeclared_default_namespace_is_no_namespace_and_can_be_taken_back() {
        let root = parse("<x xmlns=\"DAV:\" a=\"1\"><y xmlns=\"\"/></x>").unwrap();
        assert_eq!(root.name, QName::dav("x"));
        assert_eq!(root.attribute("a"), Some("1"));
        assert_eq!(root.elements().next().unwrap().name, QName::new("", "y"));
    }

    #[test]
    fn what_is_not_one_plain_document_is_refused_by_name() {
        let malformed = [
            "",
            "  ",
            "<x>",
            "<x></y>",
            "<x/><y/>",
            "<x/>t",
            "t<x/>",
            "</x>",
            "<x a=1/>",
            "<x a='1' a='2'/>",
            "<x &></x>",
            "<x>&</x>",
            "<x xmlns:a='u' xmlns:b='u' a:c='1' b:c='2'/>",
            "<x/>&#65;",
            "<![CDATA[a]]><x/>",
            "<x xmlns:a='u' xmlns:a='v'/>",
            "<x xmlns:xml='u'/>",
            "<x",
            "<!--",
            "<x><![CDATA[</x>",
            "<\n/>",
            "< x/>",
            "<1a/>",
            "<-a/>",
            "<a\"b/>",
            "<a\u{d7}/>",
            "<:a/>",
            "<xml:/>",
            "<xml:a:b/>",
            "<x 1='u'/>",
            "<x a@b='u'/>",
            "<x xmlns:='u'/>",
        ];
        for bad in malformed {
            let error = parse(bad).unwrap_err();
            assert!(matches!(error, XmlError::Malformed { .. }), "{bad:?}: {error:?}");
        }
        assert_eq!(parse("<!DOCTYPE x><x/>"), Err(XmlError::DocumentType));
        assert_eq!(parse("<!DOCTYPE x [<!ENTITY b \"b\">]><x>&b;</x>"), Err(XmlError::DocumentType));
        assert_eq!(parse("<x>&b;</x>"), Err(XmlError::UnknownEntity("b".to_owned())));
        assert_eq!(parse("<D:x/>"), Err(XmlError::UndeclaredPrefix("D".to_owned())));
        assert_eq!(parse("<x D:a='1'/>"), Err(XmlError::UndeclaredPrefix("D".to_owned())));
        assert_eq!(parse("<x>\u{0}</x>"), Err(XmlError::ForbiddenCharacter(0)));
        assert_eq!(parse("<x>&#1;</x>"), Err(XmlError::ForbiddenCharacter(1)));
        assert_eq!(parse("<x a='&#1;'/>"), Err(XmlError::ForbiddenCharacter(1)));
        assert_eq!(parse("<?xml version='1.0' encoding='utf-16'?><x/>"), Err(XmlError::NotUtf8));
        assert_eq!(read(b"<x>\xff</x>", &Limits::default()), Err(XmlError::NotUtf8));
    }

    #[test]
    fn names_of_any_script_are_read() {
        for name in ["a", "_a", "sted-1.2", "møterom", "会議室", "a\u{b7}"] {
            let text = format!("<{name} {name}=\"1\"/>");
            assert_eq!(parse(&text).unwrap().to_xml(), text);
        }
    }

    #[test]
    fn a_byte_order_mark_and_comments_are_passed_over() {
        let root =
            parse("\u{FEFF}<?xml version='1.0' encoding='UTF-8'?><!-- c --><x>a<!-- b -->c</x><!-- d -->").unwrap();
        assert_eq!(root.text(), "ac");
        assert_eq!(root.children.len(), 1);
    }

    #[test]
    fn every_limit_is_enforced_at_its_value_and_not_before() {
        let limits = Limits { xml_depth: 3, xml_elements: 4, xml_attributes: 2, xml_bytes: 100, ..Limits::default() };
        let parse = |text: &str| read(text.as_bytes(), &limits).map(drop);
        assert_eq!(parse("<a><b><c/></b></a>"), Ok(()));
        assert_eq!(parse("<a><b><c><d/></c></b></a>"), Err(XmlError::TooDeep(3)));
        assert_eq!(parse("<a><b/><b/><b/></a>"), Ok(()));
        assert_eq!(parse("<a><b/><b/><b/><b/></a>"), Err(XmlError::TooManyElements(4)));
        assert_eq!(parse("<a x='' y=''/>"), Ok(()));
        assert_eq!(parse("<a x='' y='' z=''/>"), Err(XmlError::TooManyAttributes(2)));
        assert_eq!(parse("<a xmlns:x='u' xmlns:y='v' z=''/>"), Err(XmlError::TooManyAttributes(2)));
        assert_eq!(parse(&format!("<a>{}</a>", "x".repeat(93))), Ok(()));
        assert_eq!(parse(&format!("<a>{}</a>", "x".repeat(94))), Err(XmlError::TooLarge(100)));
    }

    #[test]
    fn a_tag_with_a_hundred_thousand_attributes_is_refused_at_once() {
        let many = (0..80_000).map(|n| format!(" a{n}=''")).collect::<Vec<_>>().concat();
        assert!(parse(&format!("<x{many}/>")).is_err());
        let many = (0..40_000).map(|n| format!(" xmlns:a{n}='u'")).collect::<Vec<_>>().concat();
        assert!(parse(&format!("<x{many}/>")).is_err());
    }

    #[test]
    fn a_dead_property_reads_back_with_prefixes_and_attributes() {
        let text = "<Z:author xmlns:Z=\"http://ns.example.com/z/\" xml:lang=\"en\" Z:kind=\"a&quot;&#13;b\" plain=\"1\">\
                    <Z:name>Jim &amp; Jo&#13;\n</Z:name><other xmlns=\"urn:o\"><Z:deep/></other><bare/></Z:author>";
        let element = parse(text).unwrap();
        assert_eq!(element.to_xml(), text);
    }

    #[test]
    fn an_element_cut_out_of_its_document_declares_what_it_used_from_outside() {
        let root = parse("<a:r xmlns:a=\"urn:a\" xmlns=\"urn:d\"><p><a:q/></p></a:r>").unwrap();
        let cut = root.elements().next().unwrap();
        assert_eq!(cut.to_xml(), "<p xmlns=\"urn:d\"><a:q xmlns:a=\"urn:a\"/></p>");
    }

    /// Names, and the namespaces they are in.
    fn tree() -> impl Strategy<Value = Element> {
        let name = ("[a-z]{1,4}", prop::sample::select(vec!["", "DAV:", "urn:a", "urn:b&\"<"]))
            .prop_map(|(local, ns)| QName::new(ns, &local));
        let prefix = || prop::sample::select(vec!["", "p", "q", "D"]).prop_map(str::to_owned);
        let attribute = (name.clone(), prefix(), "[ -~æ\r\n\t]{0,6}").prop_map(|(name, prefix, value)| {
            // Unprefixed attributes are in no namespace; prefixed ones are in one.
            let prefix = if name.ns.is_empty() { String::new() } else { format!("a{prefix}") };
            Attribute { name, prefix, value }
        });
        let element = move |children: Vec<Node>, name: QName, prefix: String, attributes: Vec<Attribute>| {
            let prefix = if name.ns.is_empty() { String::new() } else { prefix };
            let mut unique: Vec<Attribute> = Vec::new();
            for attribute in attributes {
                if !unique.iter().any(|known| known.name == attribute.name) {
                    unique.push(attribute);
                }
            }
            let mut joined: Vec<Node> = Vec::new();
            for child in children {
                match (joined.last_mut(), child) {
                    (Some(Node::Text(before)), Node::Text(text)) => before.push_str(&text),
                    (_, child) => joined.push(child),
                }
            }
            Element { name, prefix, attributes: unique, children: joined }
        };
        let attributes = prop::collection::vec(attribute, 0..3);
        let text = "[ -~\r\n\tæ😀]{1,8}".prop_map(Node::Text);
        let leaf = (name.clone(), prefix(), attributes.clone())
            .prop_map(move |(name, prefix, attributes)| element(Vec::new(), name, prefix, attributes));
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let node = prop_oneof![inner.prop_map(Node::Element), text.clone()];
            (prop::collection::vec(node, 0..4), name.clone(), prefix(), attributes.clone())
                .prop_map(move |(children, name, prefix, attributes)| element(children, name, prefix, attributes))
        })
    }

    /// The tree without its prefixes, which carry no meaning.
    fn bare(mut element: Element) -> Element {
        element.prefix.clear();
        element.attributes.iter_mut().for_each(|attribute| attribute.prefix.clear());
        element.children = element
            .children
            .into_iter()
            .map(|node| match node {
                Node::Element(child) => Node::Element(bare(child)),
                Node::Text(text) => Node::Text(text),
            })
            .collect();
        element
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: RngSeed::Fixed(4918), ..ProptestConfig::default() })]

        #[test]
        fn any_tree_reads_back_whatever_prefixes_it_is_written_with(tree in tree()) {
            let written = tree.to_xml();
            prop_assert_eq!(bare(parse(&written).unwrap()), bare(tree), "{}", written);
        }

        #[test]
        fn no_body_makes_the_reader_fail_other_than_by_refusing(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body, &Limits::default());
        }

        #[test]
        fn no_markup_makes_the_reader_fail_other_than_by_refusing(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "<", ">", "/", "</", "/>", "a", "b:", "xmlns", "=", "'", "\"", "<!", "[CDATA[", "]]>", "--", "<?", "?>",
                "&", ";", "#", "x41", " ", "DOCTYPE", "<a>", "</a>", "<b:c xmlns:b='u'>", "</b:c>",
            ]), 0..40)
        ) {
            if let Ok(root) = parse(&pieces.concat()) {
                prop_assert_eq!(bare(parse(&root.to_xml()).unwrap()), bare(root));
            }
        }
    }
}

//! An XML element as a tree: names resolved, prefixes kept, so that a dead property can be given back as it came.

use super::name::QName;
use super::name::XML;
use super::write::escape_attribute;
use super::write::escape_text;

/// An element with everything inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Namespace and local part.
    pub name: QName,
    /// The prefix the sender wrote; empty for the default namespace. Has no meaning (RFC 4918, 4.3), but is kept.
    pub prefix: String,
    /// Attributes in document order, without namespace declarations.
    pub attributes: Vec<Attribute>,
    /// Child elements and text in document order. Comments and processing instructions are dropped.
    pub children: Vec<Node>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Namespace (empty for unprefixed attributes) and local part.
    pub name: QName,
    /// The prefix the sender wrote.
    pub prefix: String,
    /// The value, with references resolved.
    pub value: String,
}

/// A piece of an element's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data, with references resolved; never empty, never two in a row.
    Text(String),
}

impl Element {
    /// The child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child of that name.
    pub fn child(&self, ns: &str, local: &str) -> Option<&Self> {
        self.elements().find(|element| element.name.is(ns, local))
    }

    /// All character data directly inside, white space included.
    pub fn text(&self) -> String {
        self.children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// The value of an attribute without a namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name.is("", local)).map(|a| a.value.as_str())
    }

    /// The element's own `xml:lang`.
    pub fn lang(&self) -> Option<&str> {
        self.attributes.iter().find(|a| a.name.is(XML, "lang")).map(|a| a.value.as_str())
    }

    /// Gives the element an `xml:lang` that it inherits, unless it has its own (RFC 4918, 4.3).
    pub fn inherit_lang(&mut self, lang: Option<&str>) {
        if let (None, Some(lang)) = (self.lang(), lang) {
            self.attributes.push(Attribute {
                name: QName::known(XML, "lang"),
                prefix: "xml".to_owned(),
                value: lang.to_owned(),
            });
        }
    }

    /// The element as XML that stands for itself: every prefix that is used is declared inside.
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        Writer { out: &mut out, scope: vec![("xml".to_owned(), XML.to_owned()), (String::new(), String::new())] }
            .element(self);
        out
    }
}

/// Writes elements with their own prefixes; `scope` holds the declarations in force, innermost last.
struct Writer<'o> {
    out: &'o mut String,
    scope: Vec<(String, String)>,
}

impl Writer<'_> {
    fn element(&mut self, element: &Element) {
        let outer = self.scope.len();
        let mut declarations = String::new();
        let tag = self.qualified(&element.prefix, &element.name, outer, &mut declarations);
        let mut attributes = String::new();
        for attribute in &element.attributes {
            // An attribute without a prefix is in no namespace, whatever the default namespace is.
            let name = if attribute.name.ns.is_empty() {
                attribute.name.local.clone().into_owned()
            } else {
                self.qualified(&attribute.prefix, &attribute.name, outer, &mut declarations)
            };
            attributes.push(' ');
            attributes.push_str(&name);
            attributes.push_str("=\"");
            escape_attribute(&attribute.value, &mut attributes);
            attributes.push('"');
        }
        self.out.push('<');
        self.out.push_str(&tag);
        self.out.push_str(&declarations);
        self.out.push_str(&attributes);
        self.content(element, &tag);
        self.scope.truncate(outer);
    }

    fn content(&mut self, element: &Element, tag: &str) {
        if element.children.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        for node in &element.children {
            match node {
                Node::Element(child) => self.element(child),
                Node::Text(text) => escape_text(text, self.out),
            }
        }
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }

    /// `prefix:local`, declaring the prefix on this element where it does not yet mean the namespace. `outer` is where
    /// the prefixes of this element begin: one that is in use on it already cannot get another meaning.
    fn qualified(&mut self, prefix: &str, name: &QName, outer: usize, declarations: &mut String) -> String {
        let mut prefix = prefix.to_owned();
        let mut attempt = 0;
        loop {
            let bound = self.scope.iter().rposition(|(known, _)| *known == prefix);
            match bound {
                Some(at) if self.scope[at].1 == name.ns => {
                    // Noted as in use on this element, so that nothing else on it can rebind the prefix.
                    if at < outer {
                        self.scope.push((prefix.clone(), name.ns.clone().into_owned()));
                    }
                    break;
                }
                Some(at) if at >= outer => {
                    attempt += 1;
                    prefix = format!("ns{attempt}");
                }
                _ => {
                    self.declare(&prefix, &name.ns, declarations);
                    break;
                }
            }
        }
        if prefix.is_empty() { name.local.clone().into_owned() } else { format!("{prefix}:{}", name.local) }
    }

    fn declare(&mut self, prefix: &str, ns: &str, declarations: &mut String) {
        declarations.push_str(" xmlns");
        if !prefix.is_empty() {
            declarations.push(':');
            declarations.push_str(prefix);
        }
        declarations.push_str("=\"");
        escape_attribute(ns, declarations);
        declarations.push('"');
        self.scope.push((prefix.to_owned(), ns.to_owned()));
    }
}

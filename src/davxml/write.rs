//! Writing XML answers: fixed prefixes, escaping, nothing else (RFC 4918, 8.3; XML 1.0, 2.2).

use super::name::FIXED_PREFIXES;
use super::name::QName;

/// The first line of every answer.
pub const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// Appends elements to a text. The fixed prefixes are taken as declared; foreign namespaces are declared where used.
#[derive(Debug, Default)]
pub struct XmlWriter {
    out: String,
}

impl XmlWriter {
    /// A writer for a fragment of a larger answer.
    pub fn fragment() -> Self {
        Self::default()
    }

    /// A writer for a whole document: the declaration and an open root that declares the fixed prefixes.
    pub fn document(root: &QName) -> Self {
        let mut out = DECLARATION.to_owned();
        out.push('<');
        tag(root, &mut out);
        for (prefix, ns) in FIXED_PREFIXES {
            out.push_str(" xmlns:");
            out.push_str(prefix);
            out.push_str("=\"");
            escape_attribute(ns, &mut out);
            out.push('"');
        }
        out.push('>');
        Self { out }
    }

    /// `<name>`
    pub fn open(&mut self, name: &QName) -> &mut Self {
        self.open_with(name, &[])
    }

    /// `<name a="b">`; the attributes have no namespace.
    pub fn open_with(&mut self, name: &QName, attributes: &[(&str, &str)]) -> &mut Self {
        self.start(name, attributes);
        self.out.push('>');
        self
    }

    /// `</name>`
    pub fn close(&mut self, name: &QName) -> &mut Self {
        self.out.push_str("</");
        tag(name, &mut self.out);
        self.out.push('>');
        self
    }

    /// `<name/>`
    pub fn empty(&mut self, name: &QName) -> &mut Self {
        self.empty_with(name, &[])
    }

    /// `<name a="b"/>`
    pub fn empty_with(&mut self, name: &QName, attributes: &[(&str, &str)]) -> &mut Self {
        self.start(name, attributes);
        self.out.push_str("/>");
        self
    }

    /// Escaped character data.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape_text(text, &mut self.out);
        self
    }

    /// `<name>text</name>`
    pub fn leaf(&mut self, name: &QName, text: &str) -> &mut Self {
        self.open(name).text(text).close(name)
    }

    /// `<D:href>href</D:href>`
    pub fn href(&mut self, href: &str) -> &mut Self {
        self.leaf(&QName::dav("href"), href)
    }

    /// `<name><D:href>href</D:href></name>`
    pub fn href_in(&mut self, name: &QName, href: &str) -> &mut Self {
        self.open(name).href(href).close(name)
    }

    /// XML that is already well-formed: another fragment, or a stored dead property.
    pub fn raw(&mut self, xml: &str) -> &mut Self {
        self.out.push_str(xml);
        self
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.out
    }

    fn start(&mut self, name: &QName, attributes: &[(&str, &str)]) {
        self.out.push('<');
        if tag(name, &mut self.out) {
            self.out.push_str(" xmlns:x=\"");
            escape_attribute(&name.ns, &mut self.out);
            self.out.push('"');
        }
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            escape_attribute(value, &mut self.out);
            self.out.push('"');
        }
    }
}

/// Appends the name as written, and says whether the prefix `x` has to be declared because no fixed prefix fits.
fn tag(name: &QName, out: &mut String) -> bool {
    let prefix = name.fixed_prefix();
    let foreign = prefix.is_none() && !name.ns.is_empty();
    if let Some(prefix) = prefix.or(foreign.then_some("x")) {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(&name.local);
    foreign
}

/// Appends character data. A carriage return is written as a reference, because a bare one would be read back as a
/// line feed (XML 1.0, 2.11); characters that XML cannot hold at all become U+FFFD. What needs nothing, nearly all of a
/// calendar object, is copied in runs.
pub fn escape_text(text: &str, out: &mut String) {
    let (octets, mut copied, mut at) = (text.as_bytes(), 0, 0);
    while let Some(octet) = octets.get(at) {
        // Without a branch for each octet, so that the compiler looks at all of them at once.
        if octets.get(at..at + STRIDE).is_some_and(|some| !some.iter().fold(false, |any, one| any | is_special(*one))) {
            at += STRIDE;
            continue;
        }
        let (written, length) = match octet {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'\r' => ("&#13;", 1),
            // U+FFFE and U+FFFF; of the other characters that begin with this octet XML holds all.
            0xEF if matches!(octets.get(at..at + 3), Some([_, 0xBF, 0xBE | 0xBF])) => ("\u{FFFD}", 3),
            0xEF | b'\t' | b'\n' | 0x20..=0xEE | 0xF0..=0xFF => {
                at += 1;
                continue;
            }
            _ => ("\u{FFFD}", 1),
        };
        out.push_str(text.get(copied..at).unwrap_or_default());
        out.push_str(written);
        at += length;
        copied = at;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
}

/// How many octets are looked at at once.
const STRIDE: usize = 16;

/// Whether an octet may not be copied without a look.
const fn is_special(octet: u8) -> bool {
    matches!(octet, 0..0x20 | b'&' | b'<' | b'>' | 0xEF)
}

/// Appends an attribute value for double quotes; white space is written as references so that it survives attribute
/// value normalisation (XML 1.0, 3.3.3).
pub fn escape_attribute(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c => escape_text(c.encode_utf8(&mut [0; 4]), out),
        }
    }
}

/// Whether XML 1.0 allows the character (2.2).
pub const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Whether the text is a name without a colon: what a prefix and a local part are (Namespaces in XML 1.0, 3).
pub fn is_ncname(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

/// `NameStartChar` without the colon (XML 1.0, 2.3).
const fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` without the colon (XML 1.0, 2.3).
const fn continues_name(c: char) -> bool {
    starts_name(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_are_declared_where_they_are_used_and_fixed_ones_are_not() {
        let mut xml = XmlWriter::fragment();
        xml.leaf(&QName::dav("displayname"), "a < b\r\n").empty(&QName::new("urn:x", "y")).empty(&QName::new("", "z"));
        assert_eq!(xml.finish(), "<D:displayname>a &lt; b&#13;\n</D:displayname><x:y xmlns:x=\"urn:x\"/><z/>");
    }

    #[test]
    fn a_character_that_xml_cannot_hold_is_replaced() {
        let mut out = String::new();
        escape_text("a\u{0}b\u{FFFF}", &mut out);
        assert_eq!(out, "a\u{FFFD}b\u{FFFD}");
    }

    #[test]
    fn every_character_is_kept_escaped_or_replaced_wherever_it_stands() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let written = match c {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&gt;".to_owned(),
                '\r' => "&#13;".to_owned(),
                c if is_xml_char(c) => c.to_string(),
                _ => '\u{FFFD}'.to_string(),
            };
            let mut out = String::new();
            escape_text(&format!("{c}å{c}{c}"), &mut out);
            assert_eq!(out, format!("{written}å{written}{written}"), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn attribute_values_keep_quotes_and_white_space() {
        let mut out = String::new();
        escape_attribute("\"a\"\n\t\r", &mut out);
        assert_eq!(out, "&quot;a&quot;&#10;&#9;&#13;");
    }
}

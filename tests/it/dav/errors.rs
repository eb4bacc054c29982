//! Refusals: statement X9. Every kind of refused request is answered with well-formed XML of the right type, the named
//! condition in its own namespace, and a sentence for the person in front of the client.

use super::house::Answer;
use super::house::House;
use super::house::event;
use super::xml;
use anteroom::config::Limits;
use anteroom::model::Privilege;

const HALL: &str = "/dav/t/rooms/hall/";
const A: &str = "/dav/t/rooms/hall/a.ics";
const NEW: &str = "/dav/t/rooms/hall/new.ics";
const ATTIC: &str = "/dav/t/rooms/attic/";

/// A request, and how it is refused: who, method, path, one header, body; status, name of the condition.
type Case<'a> = (&'a str, &'a str, &'a str, (&'a str, &'a str), String, u16, &'a str);

async fn house() -> House {
    let limits = Limits { attendees: 2, multiget_hrefs: 2, report_instances: 100, ..Limits::default() };
    let house = House::with_limits(limits).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    let attic = house.room("attic").await;
    for (login, privilege) in [("reader", Privilege::Read), ("watcher", Privilege::ReadFreeBusy)] {
        let who = house.user(login).await;
        house.grant(&who, &attic, privilege).await;
    }
    house.book("anna", A, "a", 10).await;
    house
}

fn judge(what: &str, answer: &Answer, status: u16, condition: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/xml; charset=utf-8"), "{what}");
    let root = xml::tree(&answer.body);
    assert!(root.name.is("DAV:", "error"), "{what}: {}", answer.body);
    let sentence =
        root.child("DAV:", "responsedescription").unwrap_or_else(|| panic!("{what}: {}", answer.body)).text();
    assert!(sentence.ends_with('.') && sentence.len() > 15, "{what}: {sentence}");
    let named: Vec<String> =
        root.elements().map(|child| child.name.clark()).filter(|name| name != "{DAV:}responsedescription").collect();
    let expected: Vec<String> = Some(condition).filter(|name| !name.is_empty()).map(xml::clark).into_iter().collect();
    assert_eq!(named, expected, "{what}: {}", answer.body);
}

fn with(uid: &str, lines: &str) -> String {
    event(uid, 14).replace("SUMMARY:", &format!("{lines}\r\nSUMMARY:"))
}

fn report(name: &str, inside: &str) -> String {
    format!("<c:{name} xmlns:c='urn:ietf:params:xml:ns:caldav' xmlns='DAV:'>{inside}</c:{name}>")
}

fn query(filter: &str) -> String {
    report("calendar-query", &format!("<c:filter><c:comp-filter name='VCALENDAR'>{filter}</c:comp-filter></c:filter>"))
}

/// Refusals of what was sent.
fn bodies() -> Vec<Case<'static>> {
    let put = |body: String, condition| ("anna", "PUT", NEW, ("content-type", "text/calendar"), body, 403, condition);
    let many = "ATTENDEE:mailto:x@example.com\r\nATTENDEE:mailto:y@example.com\r\nATTENDEE:mailto:z@example.com";
    vec![
        put("hello".to_owned(), "C:valid-calendar-data"),
        put(event("n", 12).replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST"), "C:valid-calendar-object-resource"),
        put(event("n", 12).replace("VEVENT", "VTODO"), "C:supported-calendar-component"),
        put(event("n", 12).replace("VERSION:2.0", "VERSION:1.0"), "C:supported-calendar-data"),
        put(event("a", 12), "C:no-uid-conflict"),
        put("x".repeat((1 << 20) + 1), "C:max-resource-size"),
        put(event("n", 12).replace("2026", "1926"), "C:min-date-time"),
        put(event("n", 12).replace("2026", "2926"), "C:max-date-time"),
        put(with("n", "RRULE:FREQ=HOURLY"), "C:max-instances"),
        put(with("n", many), "C:max-attendees-per-instance"),
        ("anna", "PUT", NEW, ("content-type", "text/calendar"), event("n", 10), 409, "R:room-occupied"),
        ("anna", "PUT", A, ("if-match", "\"old\""), event("a", 12), 412, ""),
        ("anna", "PUT", A, ("if", "<"), event("a", 12), 400, ""),
        ("anna", "PUT", NEW, ("content-encoding", "gzip"), "x".to_owned(), 415, ""),
        ("anna", "PROPFIND", HALL, ("depth", "0"), "<propfind".to_owned(), 400, ""),
        ("anna", "PROPFIND", HALL, ("depth", "0"), "<!DOCTYPE x><propfind xmlns='DAV:'/>".to_owned(), 400, ""),
        ("anna", "PROPFIND", HALL, ("depth", "0"), "<a xmlns='urn:&lt;x'>&#7;</a>".to_owned(), 400, ""),
        ("anna", "PROPFIND", HALL, ("depth", "0"), "x".repeat((1 << 20) + 2), 413, ""),
        ("anna", "PROPPATCH", HALL, ("depth", "0"), "<propertyupdate xmlns='DAV:'/>".to_owned(), 400, ""),
        ("anna", "POST", "/dav/t/outbox/anna/", ("depth", "0"), "hello".to_owned(), 403, "C:valid-calendar-data"),
        ("anna", "POST", "/dav/t/outbox/anna/", ("depth", "0"), event("a", 1), 403, "C:valid-scheduling-message"),
    ]
}

/// Refusals of where and by whom something was asked.
fn places() -> Vec<Case<'static>> {
    let none = ("depth", "0");
    let mut cases = vec![
        ("anna", "PROPFIND", "/dav/t/rooms/nowhere/", none, String::new(), 404, ""),
        ("anna", "PROPFIND", "/dav/t/%3C%26%3E%22'/", none, String::new(), 404, ""),
        ("anna", "GET", NEW, none, String::new(), 404, ""),
        ("anna", "DELETE", NEW, none, String::new(), 404, ""),
        ("anna", "PROPFIND", "/dav/other/rooms/", none, String::new(), 401, ""),
        ("anna", "DELETE", A, ("if-match", "\"old\""), String::new(), 412, ""),
        ("anna", "PROPFIND", HALL, ("depth", "infinity"), String::new(), 403, "D:propfind-finite-depth"),
        ("anna", "PROPFIND", HALL, ("depth", "3"), String::new(), 400, ""),
        ("anna", "MKCALENDAR", "/dav/t/rooms/x/", none, String::new(), 403, "C:calendar-collection-location-ok"),
        ("anna", "MKCOL", "/dav/t/rooms/x/", none, String::new(), 403, "D:need-privileges"),
        ("anna", "DELETE", HALL, none, String::new(), 403, "D:need-privileges"),
        ("reader", "PUT", "/dav/t/rooms/attic/x.ics", none, event("x", 8), 403, "D:need-privileges"),
        ("reader", "DELETE", "/dav/t/rooms/attic/x.ics", none, String::new(), 403, "D:need-privileges"),
        ("watcher", "GET", "/dav/t/rooms/attic/x.ics", none, String::new(), 403, "D:need-privileges"),
        ("anna", "COPY", A, none, String::new(), 400, ""),
        ("anna", "MOVE", A, none, String::new(), 400, ""),
        ("anna", "POST", "/dav/t/outbox/reader/", none, String::new(), 404, ""),
    ];
    let nothing = ["LOCK", "UNLOCK", "ACL", "PATCH", "SEARCH"];
    cases.extend(nothing.map(|method| ("anna", method, A, none, String::new(), 405, "")));
    cases
}

/// Refusals of reports.
fn reports() -> Vec<Case<'static>> {
    let of = |at, body: String, status, condition| ("anna", "REPORT", at, ("depth", "1"), body, status, condition);
    let sync =
        |token: &str| format!("<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token></sync-collection>");
    let three = "<href>a</href><href>b</href><href>c</href>";
    vec![
        of(HALL, String::new(), 400, ""),
        of(HALL, "<version-tree xmlns='DAV:'/>".to_owned(), 403, "D:supported-report"),
        of("/dav/t/rooms/", query(""), 403, "D:supported-report"),
        of("/dav/t/rooms/", sync(""), 403, "D:sync-traversal-supported"),
        of(HALL, sync("http://example.com/1"), 403, "D:valid-sync-token"),
        of(HALL, report("calendar-query", ""), 403, "C:valid-filter"),
        of(HALL, query("<c:comp-filter name='VEVENT'><c:time-range/></c:comp-filter>"), 403, "C:valid-filter"),
        of(HALL, query("<c:comp-filter name='VEVENT'><x xmlns='urn:x'/></c:comp-filter>"), 403, "C:supported-filter"),
        of(
            HALL,
            query(
                "<c:comp-filter name='VEVENT'><c:prop-filter name='SUMMARY'><c:text-match collation='i;x'>a</c:text-match>\
                 </c:prop-filter></c:comp-filter>",
            ),
            403,
            "C:supported-collation",
        ),
        of(
            HALL,
            query("").replace("</c:calendar-query>", "<c:timezone-id>Mars</c:timezone-id></c:calendar-query>"),
            403,
            "C:valid-timezone",
        ),
        of(HALL, report("calendar-multiget", three), 403, "D:number-of-matches-within-limits"),
        of(HALL, report("free-busy-query", "<c:time-range start='x'/>"), 403, "C:valid-filter"),
        of(
            "/dav/t/principals/",
            "<principal-property-search xmlns='DAV:'><property-search/></principal-property-search>".to_owned(),
            400,
            "",
        ),
        of("/dav/t/principals/", "<principal-match xmlns='DAV:'/>".to_owned(), 403, "D:supported-report"),
    ]
}

#[actix_web::test]
async fn x9_every_kind_of_refusal_is_well_formed_names_its_condition_and_says_a_sentence() {
    let house = house().await;
    for (who, method, path, header, body, status, condition) in bodies().into_iter().chain(places()).chain(reports()) {
        let answer = house.send(who, method, path, &[header], &body).await;
        judge(&format!("{who} {method} {path} {body:.60}"), &answer, status, condition);
    }
    let answer = house.anonymous("PROPFIND", "/dav/", &[("depth", "0")], b"").await;
    judge("nobody", &answer, 401, "");
    let watching = house.send("watcher", "REPORT", ATTIC, &[("depth", "1")], &query("")).await;
    judge("a report of a watcher", &watching, 403, "D:need-privileges");
    house.store.close().await;
    judge("a store that fails", &house.send("anna", "PROPFIND", HALL, &[("depth", "0")], "").await, 500, "");
}

#[actix_web::test]
async fn x9_what_people_write_never_breaks_an_answer() {
    let house = House::new().await;
    let anna = house.user("anna").await;
    let nasty = "</D:prop>]]>&lt;&#0; \u{1}\u{FFFF}\"' <!-- ÆØÅ 会議室";
    let hall = house
        .room_with("hall", |room| {
            nasty.clone_into(&mut room.name);
            nasty.clone_into(&mut room.description);
            nasty.clone_into(&mut room.building);
        })
        .await;
    house.grant(&anna, &hall, Privilege::Write).await;
    let body = event("a", 8).replace("Meeting a", "</C:calendar-data>]]>&amp; \u{85}");
    assert_eq!(house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &body).await.status, 201);
    let all = "<propfind xmlns='DAV:' xmlns:r='https://anteroom.dev/ns/'><prop><displayname/><r:building/><r:description/></prop></propfind>";
    for path in [HALL, "/dav/t/principals/rooms/hall/", "/dav/t/rooms/"] {
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "1")], all).await;
        let name = xml::told(&answer.body)
            .iter()
            .filter_map(|told| told.props.get("{DAV:}displayname"))
            .any(|(_, element)| element.text() == nasty.replace(['\u{1}', '\u{FFFF}'], "\u{FFFD}"));
        assert!(name, "{path}: {}", answer.body);
    }
    let data =
        report("calendar-multiget", &format!("<prop><c:calendar-data/></prop><href>{A}</href><href>/&lt;&amp;</href>"));
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &data).await;
    let told = xml::told(&answer.body);
    assert_eq!(told[0].props[&xml::clark("C:calendar-data")].1.text(), body);
    assert_eq!((told[1].href.as_str(), told[1].status), ("/<&", Some(404)));
    let taken = house.book("anna", NEW, "b", 8).await;
    judge("a title in a sentence", &taken, 409, "R:room-occupied");
}

#[actix_web::test]
async fn x9_every_report_and_property_answer_is_typed_xml() {
    let house = house().await;
    let sync = "<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>";
    let multiget = report("calendar-multiget", &format!("<prop><getetag/></prop><href>{A}</href>"));
    for (method, path, body) in [
        ("PROPFIND", HALL, String::new()),
        ("PROPFIND", "/dav/", "<propfind xmlns='DAV:'><propname/></propfind>".to_owned()),
        (
            "PROPPATCH",
            HALL,
            "<propertyupdate xmlns='DAV:'><remove><prop><x xmlns='urn:x'/></prop></remove></propertyupdate>".to_owned(),
        ),
        ("REPORT", HALL, sync.to_owned()),
        ("REPORT", HALL, multiget),
        ("REPORT", HALL, query("")),
        (
            "REPORT",
            "/dav/t/principals/anna/",
            "<expand-property xmlns='DAV:'><property name='owner'/></expand-property>".to_owned(),
        ),
    ] {
        let answer = house.send("anna", method, path, &[("depth", "1")], &body).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (207, Some("application/xml; charset=utf-8")),
            "{body}"
        );
        assert!(!xml::told(&answer.body).is_empty());
    }
    let set = "<principal-search-property-set xmlns='DAV:'/>";
    let answer = house.send("anna", "REPORT", "/dav/t/principals/", &[("depth", "0")], set).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/xml; charset=utf-8")));
    assert!(xml::tree(&answer.body).name.is("DAV:", "principal-search-property-set"));
}

//! One test for each class of attack that CalDAV servers have met, at the real door, named `class_…`. What a class means
//! for bodies is in the corpus; what it means for remote systems is in `remote`.

use crate::api::fixture as rest;
use crate::dav::house::Answer;
use crate::dav::house::House;
use crate::dav::house::PASSWORD;
use crate::dav::house::event;
use crate::feed::fixture as feeds;
use crate::hooks::fixture as hooks;
use actix_web::test::TestRequest;
use anteroom::config::Limits;
use anteroom::model::DetailLevel;
use anteroom::model::Privilege;
use anteroom::store::objects;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const HALL: &str = "/dav/t/rooms/hall/";
const ICS: [(&str, &str); 1] = [("content-type", "text/calendar")];

/// A calendar-query for events in a range, with that calendar-data.
fn query(data: &str, start: &str, end: &str) -> String {
    format!(
        "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop>{data}</prop><c:filter>\
         <c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'><c:time-range start='{start}' end='{end}'/>\
         </c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    )
}

async fn report(house: &House, body: &str) -> Answer {
    house.send("anna", "REPORT", HALL, &[("depth", "1")], body).await
}

async fn objects_of(house: &House) -> usize {
    let mut tx = house.store.begin_read().await.unwrap();
    let mut all = 0;
    for room in anteroom::store::rooms::list(&mut tx, &house.tenant.id).await.unwrap() {
        all += objects::list(&mut tx, &house.tenant.id, &room.id).await.unwrap().len();
    }
    all
}

#[actix_web::test]
async fn class_entity_expansion_any_document_type_is_refused_wherever_xml_is_read() {
    let house = House::with_anna().await;
    house.book("anna", &format!("{HALL}a.ics"), "a", 10).await;
    let body =
        "<!DOCTYPE p [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><propfind xmlns='DAV:'><prop>&x;</prop></propfind>";
    let room = "/dav/t/rooms/hall/";
    for path in ["/dav/", "/dav/t/", "/dav/t/principals/anna/", "/dav/t/rooms/", room, &format!("{room}a.ics")] {
        for method in ["PROPFIND", "REPORT"] {
            let answer = house.send("anna", method, path, &[("depth", "0")], body).await;
            assert_eq!(answer.status, 400, "{method} {path}: {}", answer.body);
            assert!(answer.body.contains("ocument type declarations are not accepted"), "{}", answer.body);
        }
    }
}

#[actix_web::test]
async fn class_compression_bomb_no_packed_body_is_unpacked() {
    let house = House::with_anna().await;
    let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xb3, 0x29];
    for coding in ["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "identity, gzip", "GZIP", "nonsense"] {
        for (method, path) in [("PUT", "/dav/t/rooms/hall/a.ics"), ("PROPFIND", HALL), ("REPORT", HALL)] {
            let answer = house.send_octets("anna", method, path, &[("content-encoding", coding)], &bomb).await;
            assert_eq!(answer.status, 415, "{method} {coding}: {}", answer.body);
        }
    }
    assert_eq!(objects_of(&house).await, 0);
}

/// CVE-2025-59045: few bytes that are asked to expand become gigabytes.
#[actix_web::test]
async fn class_recurrence_bomb_an_expansion_ends_at_its_bytes_and_says_so() {
    let limits = Limits { report_bytes: 2 << 20, ..Limits::default() };
    let house = House::with_limits(limits).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    for n in 0..20 {
        let long =
            format!("RRULE:FREQ=DAILY\r\nDESCRIPTION:{}\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT", "x".repeat(10_000));
        let body = event(&format!("e{n}"), n).replace("END:VEVENT", &long);
        assert_eq!(house.send("anna", "PUT", &format!("{HALL}e{n}.ics"), &ICS, &body).await.status, 201);
    }
    let expand = "<c:calendar-data><c:expand start='20260301T000000Z' end='20280301T000000Z'/></c:calendar-data>";
    let answer = report(&house, &query(expand, "20260301T000000Z", "20280301T000000Z")).await;
    assert!(answer.body.len() < 8 << 20, "{} bytes", answer.body.len());
    assert!(answer.body.contains("number-of-matches-within-limits"), "{} {}", answer.status, &answer.body[..500]);
}

#[actix_web::test]
async fn class_report_amplification_small_questions_get_no_great_answers() {
    let house = House::with_anna().await;
    house.user("carl").await;
    let body = event("a", 10).replace("END:VEVENT", "RRULE:FREQ=DAILY\r\nEND:VEVENT");
    house.send("anna", "PUT", &format!("{HALL}a.ics"), &ICS, &body).await;
    let expand = "<c:calendar-data><c:expand start='19700101T000000Z' end='22000101T000000Z'/></c:calendar-data>";
    let centuries = report(&house, &query(expand, "19700101T000000Z", "22000101T000000Z")).await;
    assert!(centuries.body.contains("number-of-matches-within-limits"), "{}", centuries.status);
    assert!(centuries.body.len() < 4_096, "{} bytes", centuries.body.len());
    // What a database would take for "anything" is an ordinary letter.
    for wild in ["%", "_", "*", ".*", "%%%%", "h%"] {
        let search = format!(
            "<principal-property-search xmlns='DAV:'><property-search><prop><displayname/></prop><match>{wild}</match>\
             </property-search><prop><displayname/></prop></principal-property-search>"
        );
        let answer = house.send("anna", "REPORT", "/dav/t/principals/", &[("depth", "0")], &search).await;
        assert_eq!((answer.status, answer.inner()), (207, "</D:multistatus>"), "{wild}: {}", answer.body);
    }
}

#[actix_web::test]
async fn class_infinite_depth_is_refused_and_nonsense_is_no_infinity() {
    let house = House::with_anna().await;
    let root = house.send("anna", "PROPFIND", "/dav/", &[("depth", "infinity")], "").await;
    assert_eq!((root.status, root.body.matches("<D:response>").count()), (207, 1), "nothing lies below it");
    for path in ["/dav/t/", "/dav/t/rooms/", HALL, "/dav/t/principals/"] {
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "infinity")], "").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.inner().starts_with("<D:propfind-finite-depth/>"), "{path}: {}", answer.body);
        for nonsense in ["", "2", "-1", "1,noroot", "infinite", "\u{1d7e0}"] {
            let answer = house.send("anna", "PROPFIND", path, &[("depth", nonsense)], "").await;
            assert_eq!(answer.status, 400, "{path} {nonsense:?}: {}", answer.body);
        }
    }
}

#[actix_web::test]
async fn class_path_confusion_no_name_leaves_its_place() {
    let house = House::with_anna().await;
    house.room("attic").await;
    for name in [
        "..%2fattic%2fa.ics",
        "../attic/a.ics",
        "%2e%2e/attic/a.ics",
        "%2e%2e%2fattic%2fa.ics",
        "..%5cattic%5ca.ics",
        "a%00.ics",
        "a%0d%0aSet-Cookie:%20a=b.ics",
        "%2f%2fetc%2fpasswd",
        "a%2fb.ics",
        ".",
        "..",
        "%2e",
        "%ff.ics",
        "%c0%af.ics",
        "%ed%a0%80.ics",
        "a%zz.ics",
        "a%7f.ics",
        "a/b.ics",
        "a.ics/",
        &"x".repeat(3_000),
    ] {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = house.send("anna", method, &format!("{HALL}{name}"), &ICS, &event("a", 10)).await;
            assert!((400..500).contains(&answer.status), "{method} {name}: {} {}", answer.status, answer.body);
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    assert_eq!(objects_of(&house).await, 0);
    // One resource under two spellings, and not two resources.
    assert_eq!(house.book("anna", &format!("{HALL}a@b.ics"), "a@b", 10).await.status, 201);
    assert_eq!(house.send("anna", "GET", &format!("{HALL}a%40b.ics"), &[], "").await.status, 200);
    assert_eq!(house.book("anna", &format!("{HALL}a%2540b.ics"), "other", 12).await.status, 201);
    assert_eq!(objects_of(&house).await, 2);
}

#[actix_web::test]
async fn class_header_injection_what_was_stored_starts_no_header() {
    let house = House::with_anna().await;
    let name = "Hall\r\nSet-Cookie: a=b\r\n\r\n<script>";
    let update = format!(
        "<propertyupdate xmlns='DAV:'><set><prop><displayname>{}</displayname></prop></set></propertyupdate>",
        name.replace('\r', "&#13;").replace('\n', "&#10;").replace('<', "&lt;")
    );
    house.send("anna", "PROPPATCH", HALL, &[], &update).await;
    house.book("anna", &format!("{HALL}a.ics"), "a\\r\\nSet-Cookie: a=b", 10).await;
    for (method, path) in
        [("PROPFIND", HALL), ("GET", "/dav/t/rooms/hall/a.ics"), ("OPTIONS", HALL), ("PROPFIND", "/dav/t/rooms/hall")]
    {
        let answer = house.send("anna", method, path, &[("depth", "0")], "").await;
        assert!(answer.status < 300, "{method} {path}: {}", answer.status);
        for (header, value) in &answer.headers {
            let text = String::from_utf8_lossy(value.as_bytes());
            assert!(header != "set-cookie" && !text.contains("a=b") && !text.contains('<'), "{header}: {text}");
        }
    }
    let feed = feeds::House::new().await;
    let minted = feed.feed(DetailLevel::Full).await;
    let path = feeds::path(&minted).replace("hall.ics", "x%0d%0aSet-Cookie:%20a=b%22;.ics");
    let answer = feed.ask(TestRequest::get().uri(&path)).await;
    assert_eq!(answer.header("set-cookie"), "");
    assert!(
        !answer.header("content-disposition").contains(['\r', '\n', ';']) || answer.status == 200,
        "{}",
        answer.status
    );
}

#[actix_web::test]
async fn class_token_guessing_wrong_links_are_alike_and_a_right_one_leaves_no_trace() {
    let house = feeds::House::new().await;
    let minted = house.feed(DetailLevel::Full).await;
    let path = feeds::path(&minted);
    let token = path.trim_start_matches("/feeds/").trim_end_matches("/hall.ics").to_owned();
    assert_eq!(token.len(), 43 + 1 + 43, "256 bits of chance and a signature");
    let mut answers = Vec::new();
    for at in [0, 20, 42, 44, 60, 86] {
        let letter = if token.as_bytes()[at] == b'A' { 'B' } else { 'A' };
        let wrong = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
        let answer = house.ask(TestRequest::get().uri(&format!("/feeds/{wrong}/hall.ics"))).await;
        assert!(!answer.text.contains(&wrong));
        answers.push((answer.status, answer.text));
    }
    let nothing = house.ask(TestRequest::get().uri("/feeds/nothing/hall.ics")).await;
    assert!(answers.iter().all(|answer| *answer == (404, nothing.text.clone())), "{answers:?}");
    // Many wrong ones do not lock out who has the right one.
    for n in 0..50 {
        house.ask(TestRequest::get().uri(&format!("/feeds/{n}/hall.ics"))).await;
    }
    let right = house.get(&minted).await;
    assert_eq!((right.status, right.text.contains(&token)), (200, false));
    assert_eq!(right.header("referrer-policy"), "no-referrer");
    assert!(right.header("x-robots-tag").contains("noindex"));
    assert!(!format!("{:?}", house.stored(&minted.feed).await).contains(&token[..43]), "only a hash is stored");
}

/// CVE-2026-45281: who knows an address has not yet the right to it.
#[actix_web::test]
async fn class_direct_reference_every_address_is_judged_by_what_it_names() {
    let house = House::with_anna().await;
    let (bert, attic) = (house.user("bert").await, house.room("attic").await);
    house.grant(&bert, &attic, Privilege::Write).await;
    let secret = "/dav/t/rooms/attic/secret.ics";
    assert_eq!(house.book("bert", secret, "secret", 10).await.status, 201);
    for (method, path) in [
        ("GET", secret),
        ("PUT", secret),
        ("DELETE", secret),
        ("PROPFIND", secret),
        ("PROPFIND", "/dav/t/rooms/attic/"),
        ("PROPFIND", "/dav/t/principals/rooms/attic/"),
        ("PROPFIND", "/dav/t/principals/bert/"),
        ("POST", "/dav/t/outbox/bert/"),
        ("GET", "/dav/other/rooms/attic/secret.ics"),
    ] {
        let answer = house.send("anna", method, path, &[("depth", "0")], "").await;
        assert!(matches!(answer.status, 401 | 403 | 404), "{method} {path}: {} {}", answer.status, answer.body);
        assert!(!answer.body.contains("Meeting"), "{}", answer.body);
    }
    // A right address in front does not open a wrong one inside.
    let multiget = format!(
        "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/><c:calendar-data/></prop>\
         <href>{secret}</href><href>http://localhost{secret}</href><href>{HALL}../attic/secret.ics</href></c:calendar-multiget>"
    );
    let answer = report(&house, &multiget).await;
    assert_eq!((answer.status, answer.body.matches("404 Not Found").count()), (207, 3), "{}", answer.body);
    assert!(!answer.body.contains("getetag") && !answer.body.contains("Meeting"), "{}", answer.body);
    let list = house.send("anna", "PROPFIND", "/dav/t/rooms/", &[("depth", "1")], "").await;
    assert!(list.body.contains("/hall/") && !list.body.contains("attic"), "{}", list.body);
}

#[actix_web::test]
async fn class_webhook_forgery_only_who_knows_the_secret_is_heard_and_an_echo_is_no_page() {
    let house = hooks::House::new().await;
    let forged = json!({"value": [{"subscriptionId": hooks::REMOTE, "clientState": "guess", "changeType": "updated"}]});
    let path = format!("/hooks/graph/{}", hooks::KEY);
    for uri in [path.as_str(), "/hooks/graph/guess", "/webhook/outlook-notifications"] {
        let (status, _, text) = house.ask(TestRequest::post().uri(uri).set_json(&forged)).await;
        assert_eq!(
            (status, text.contains("guess")),
            (202, false),
            "{uri}: no answer tells a right key from a wrong one"
        );
    }
    assert_eq!(house.nudges(), 0);
    let markup = "%3Cscript%3Ealert(1)%3C/script%3E";
    let (status, media, _) = house.ask(TestRequest::post().uri(&format!("{path}?validationToken={markup}"))).await;
    assert_eq!((status, media.as_str()), (200, "text/plain"));
    let (status, _, _) =
        house.ask(TestRequest::post().uri(&format!("/hooks/booking/{}", hooks::KEY)).set_payload("{}")).await;
    assert_eq!((status, house.nudges()), (401, 0));
}

#[actix_web::test]
async fn class_stored_markup_is_shown_as_text_and_runs_nowhere() {
    let house = rest::House::new().await;
    let evil = "</title><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}";
    house.post("ada", "/v1/tenants/city/rooms", json!({"name": evil, "description": evil, "building": evil})).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("ada:{}", rest::PASSWORD)));
    let page = house.send(TestRequest::get().uri("/dashboard").insert_header(("authorization", basic))).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("&lt;script&gt;alert(1)"), "{}", page.text);
    assert!(!page.text.contains("<script") && !page.text.contains("<img"), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    let dav = House::with_anna().await;
    let body = event("a", 10).replace("SUMMARY:", "SUMMARY;ALTREP=\"data:text/html,<script>alert(1)</script>\":<b>");
    assert_eq!(dav.send("anna", "PUT", &format!("{HALL}a.ics"), &ICS, &body).await.status, 201);
    let kept = dav.send("anna", "GET", &format!("{HALL}a.ics"), &[], "").await;
    assert!(kept.header("content-type").unwrap().starts_with("text/calendar"));
    let data = report(&dav, &query("<c:calendar-data/>", "20260301T000000Z", "20260401T000000Z")).await;
    assert!(data.body.contains("&lt;script") && !data.body.contains("<script"), "{}", data.body);
}

#[actix_web::test]
async fn class_scheduling_spoof_nobody_speaks_for_another_and_nothing_is_mailed() {
    let house = House::with_anna().await;
    house.user("bert").await;
    for method in ["REQUEST", "CANCEL", "REPLY", "COUNTER"] {
        let body = event("a", 10).replace("VERSION:2.0\r\n", &format!("VERSION:2.0\r\nMETHOD:{method}\r\n"));
        let answer = house.send("anna", "PUT", &format!("{HALL}a.ics"), &ICS, &body).await;
        assert_eq!(answer.status, 403, "{method}");
        assert!(answer.inner().starts_with("<C:valid-calendar-object-resource/>"), "{}", answer.body);
    }
    let question = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:q\r\n\
        DTSTAMP:20260301T000000Z\r\nDTSTART:20260303T000000Z\r\nDTEND:20260304T000000Z\r\n\
        ORGANIZER:mailto:bert@example.com\r\nATTENDEE:mailto:hall@example.com\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n";
    let answer = house.send("anna", "POST", "/dav/t/outbox/anna/", &ICS, question).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.inner().starts_with("<C:organizer-allowed/>"), "{}", answer.body);
    assert_eq!(objects_of(&house).await, 0);
}

#[actix_web::test]
async fn class_leak_by_uid_a_uid_is_taken_in_its_own_room_only() {
    let house = House::with_anna().await;
    let (bert, attic) = (house.user("bert").await, house.room("attic").await);
    house.grant(&bert, &attic, Privilege::Write).await;
    assert_eq!(house.book("bert", "/dav/t/rooms/attic/secret.ics", "shared", 10).await.status, 201);
    // The same UID elsewhere is no conflict, so that no conflict can tell where it is.
    assert_eq!(house.book("anna", &format!("{HALL}mine.ics"), "shared", 10).await.status, 201);
    let again = house.book("anna", &format!("{HALL}other.ics"), "shared", 12).await;
    assert_eq!(again.status, 403);
    assert!(again.body.contains("<D:href>/dav/t/rooms/hall/mine.ics</D:href>"), "{}", again.body);
    assert!(!again.body.contains("attic"), "{}", again.body);
}

#[actix_web::test]
async fn class_cross_site_requests_no_answer_opens_itself_to_other_origins() {
    let house = House::with_anna().await;
    let origin = [("origin", "https://evil.example"), ("access-control-request-method", "PUT"), ("depth", "0")];
    for (method, path) in
        [("OPTIONS", HALL), ("PROPFIND", HALL), ("GET", "/dav/t/rooms/hall/a.ics"), ("PUT", "/dav/t/rooms/hall/a.ics")]
    {
        for answer in
            [house.send("anna", method, path, &origin, "").await, house.anonymous(method, path, &origin, b"").await]
        {
            let open: Vec<_> =
                answer.headers.keys().filter(|name| name.as_str().starts_with("access-control")).collect();
            assert!(open.is_empty(), "{method} {path}: {open:?}");
        }
    }
    // What a form of another site can send changes nothing.
    for media in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        let path = "/dav/t/rooms/hall/a.ics";
        let answer = house.send("anna", "POST", path, &[("content-type", media)], &event("a", 10)).await;
        assert_eq!(answer.status, 405, "{media}");
        assert_eq!(
            house.send("anna", "PUT", path, &[("content-type", media)], &event("a", 10)).await.status,
            403,
            "{media}"
        );
    }
    assert_eq!(objects_of(&house).await, 0);
}

#[actix_web::test]
async fn class_credential_stuffing_a_verified_password_costs_no_hash_and_a_wrong_one_always_does() {
    let house = House::with_anna().await;
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("anna:{password}")));
    let ask = async |credentials: &str| {
        let began = Instant::now();
        let answer = house.anonymous("PROPFIND", HALL, &[("authorization", credentials), ("depth", "0")], b"").await;
        (answer.status, began.elapsed())
    };
    assert_eq!(ask(&basic(PASSWORD)).await.0, 207);
    let (mut known, mut wrong, mut nobody) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for n in 0..4 {
        let (status, took) = ask(&basic(PASSWORD)).await;
        assert_eq!(status, 207);
        known = known.min(took);
        let (status, took) = ask(&basic(&format!("wrong {n}"))).await;
        assert_eq!(status, 401);
        wrong = wrong.min(took);
        let (status, took) = ask(&format!("Basic {}", STANDARD.encode(format!("nobody{n}:x")))).await;
        assert_eq!(status, 401);
        nobody = nobody.min(took);
    }
    assert!(known * 2 < wrong, "known {known:?}, wrong {wrong:?}");
    assert!(nobody * 2 > wrong, "who does not exist takes as long: nobody {nobody:?}, wrong {wrong:?}");
}

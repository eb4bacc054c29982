//! Properties: statements P1 to P11.

use super::house::House;
use anteroom::model::Privilege;

const HALL: &str = "/dav/t/rooms/hall/";
const APPLE: &str = "xmlns:a='http://apple.com/ns/ical/'";

#[actix_web::test]
async fn p1_the_caldav_properties_do_not_answer_allprop_and_an_empty_body_is_one() {
    let house = House::with_anna().await;
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], "").await;
    assert_eq!(
        answer.inner(),
        "<D:response><D:href>/dav/t/rooms/hall/</D:href><D:propstat><D:prop><D:displayname>Hall</D:displayname>\
         <D:creationdate>2026-03-02T08:00:00Z</D:creationdate>\
         <D:getlastmodified>Mon, 02 Mar 2026 08:00:00 GMT</D:getlastmodified><D:resourcetype><D:collection/><C:calendar/>\
         </D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
    );
    let names = "<propfind xmlns='DAV:'><propname/></propfind>";
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], names).await;
    for name in ["<D:displayname/>", "<C:supported-calendar-component-set/>", "<CS:getctag/>", "<D:sync-token/>"] {
        assert_eq!(answer.body.matches(name).count(), 1, "{name}");
    }
    let include = "<propfind xmlns='DAV:'><allprop/><include><sync-token/><displayname/></include></propfind>";
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], include).await;
    assert_eq!(answer.body.matches("<D:sync-token>").count(), 1);
    assert_eq!(answer.body.matches("<D:displayname>").count(), 1);
}

#[actix_web::test]
async fn p2_an_unknown_property_is_404_and_left_out_where_the_client_prefers_less() {
    let house = House::with_anna().await;
    let asked = "<propfind xmlns='DAV:'><prop><displayname/><x xmlns='urn:x'/></prop></propfind>";
    let full = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    assert!(full.body.contains("<x:x xmlns:x=\"urn:x\"/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status>"));
    assert_eq!(full.header("preference-applied"), None);
    for header in [("prefer", "return=minimal"), ("brief", "t")] {
        let brief = house.send("anna", "PROPFIND", HALL, &[("depth", "0"), header], asked).await;
        assert!(!brief.body.contains("404"), "{}", brief.body);
        assert_eq!(brief.header("preference-applied"), Some("return=minimal"));
        assert_eq!(brief.header("vary"), Some("Prefer, Brief"));
    }
}

#[actix_web::test]
async fn p3_depth_infinity_is_refused_by_its_condition_and_nonsense_with_400() {
    let house = House::with_anna().await;
    for headers in [&[("depth", "infinity")][..], &[]] {
        let answer = house.send("anna", "PROPFIND", HALL, headers, "").await;
        assert_eq!(answer.status, 403);
        assert!(answer.inner().starts_with("<D:propfind-finite-depth/>"), "{}", answer.body);
    }
    assert_eq!(house.send("anna", "PROPFIND", HALL, &[("depth", "2")], "").await.status, 400);
}

#[actix_web::test]
async fn p4_proppatch_does_all_or_nothing() {
    let house = House::with_anna().await;
    let body = format!(
        "<propertyupdate xmlns='DAV:' {APPLE}><set><prop><a:calendar-color>#112233</a:calendar-color></prop></set>\
         <set><prop><getetag>x</getetag><sync-token>y</sync-token></prop></set></propertyupdate>"
    );
    let answer = house.send("anna", "PROPPATCH", HALL, &[], &body).await;
    assert_eq!(answer.status, 207);
    assert!(answer.inner().contains("<D:sync-token/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error>"), "{}", answer.body);
    assert!(answer.inner().contains("<A:calendar-color/>") && answer.inner().contains("424 Failed Dependency"));
    let asked = format!("<propfind xmlns='DAV:' {APPLE}><prop><a:calendar-color/></prop></propfind>");
    let color = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], &asked).await;
    assert!(color.body.contains("<A:calendar-color>#336699</A:calendar-color>"), "{}", color.body);
}

#[actix_web::test]
async fn p5_colour_order_and_name_of_a_read_only_room_are_the_caller_s_own() {
    let house = House::with_anna().await;
    let bert = house.user("bert").await;
    let hall = house.room("attic").await;
    house.grant(&bert, &hall, Privilege::Read).await;
    let cara = house.user("cara").await;
    house.grant(&cara, &hall, Privilege::Read).await;
    let body = format!(
        "<propertyupdate xmlns='DAV:' {APPLE} xmlns:c='urn:ietf:params:xml:ns:caldav'><set><prop>\
         <a:calendar-color symbolic-color='custom'>#FD8208FF</a:calendar-color><a:calendar-order>3</a:calendar-order>\
         <displayname>My attic</displayname><c:calendar-timezone>BEGIN:VCALENDAR&#13;\nBEGIN:VTIMEZONE&#13;\n\
         END:VTIMEZONE&#13;\nEND:VCALENDAR&#13;\n</c:calendar-timezone></prop></set></propertyupdate>"
    );
    let answer = house.send("bert", "PROPPATCH", "/dav/t/rooms/attic/", &[], &body).await;
    assert_eq!(
        answer.inner(),
        "<D:response><D:href>/dav/t/rooms/attic/</D:href><D:propstat><D:prop><A:calendar-color/><A:calendar-order/>\
         <D:displayname/><C:calendar-timezone/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\
         </D:multistatus>"
    );
    let asked = format!("<propfind xmlns='DAV:' {APPLE}><prop><a:calendar-color/><displayname/></prop></propfind>");
    let own = house.send("bert", "PROPFIND", "/dav/t/rooms/", &[("depth", "1")], &asked).await;
    assert!(own.body.contains("symbolic-color=\"custom\">#FD8208FF</"), "{}", own.body);
    assert!(own.body.contains(">My attic</"), "{}", own.body);
    let other = house.send("cara", "PROPFIND", "/dav/t/rooms/attic/", &[("depth", "0")], &asked).await;
    assert!(other.body.contains("<A:calendar-color>#336699</A:calendar-color><D:displayname>Attic</D:displayname>"));
}

#[actix_web::test]
async fn p6_dead_properties_come_back_as_they_were_with_language_and_attributes() {
    let house = House::with_anna().await;
    let value = "<z:note xmlns:z=\"urn:z\" z:kind=\"a&quot;b\" xml:lang=\"nb\">Møte <z:b>&amp;</z:b>\n<c/></z:note>";
    let body =
        format!("<propertyupdate xmlns:d='DAV:' xmlns='' ><d:set><d:prop>{value}</d:prop></d:set></propertyupdate>")
            .replace("propertyupdate", "d:propertyupdate");
    let answer = house.send("anna", "PROPPATCH", HALL, &[], &body).await;
    assert_eq!(answer.status, 207, "{}", answer.body);
    let asked = "<propfind xmlns='DAV:'><prop><note xmlns='urn:z'/></prop></propfind>";
    let found = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    assert!(found.body.contains(value), "{}", found.body);
    let remove = "<propertyupdate xmlns='DAV:'><remove><prop><note xmlns='urn:z'/></prop></remove></propertyupdate>";
    assert_eq!(house.send("anna", "PROPPATCH", HALL, &[], remove).await.status, 207);
    let gone = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    assert!(gone.body.contains("404 Not Found"));
}

#[actix_web::test]
async fn p7_privileges_are_told_one_by_one_and_a_read_only_room_looks_read_only() {
    let house = House::with_anna().await;
    let (bert, hall) = (house.user("bert").await, house.room("attic").await);
    let asked = "<propfind xmlns='DAV:'><prop><current-user-privilege-set/></prop></propfind>";
    let privileges = |body: &str| -> Vec<String> {
        body.split("<D:privilege><").skip(1).map(|part| part.split("/>").next().unwrap().to_owned()).collect()
    };
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    let writer = [
        "D:read",
        "C:read-free-busy",
        "D:read-current-user-privilege-set",
        "D:write",
        "D:write-content",
        "D:write-properties",
        "D:bind",
        "D:unbind",
    ];
    assert_eq!(privileges(&answer.body), writer);
    house.grant(&bert, &hall, Privilege::Read).await;
    let answer = house.send("bert", "PROPFIND", "/dav/t/rooms/attic/", &[("depth", "0")], asked).await;
    assert_eq!(privileges(&answer.body), ["D:read", "C:read-free-busy", "D:read-current-user-privilege-set"]);
    house.grant(&bert, &hall, Privilege::ReadFreeBusy).await;
    let answer = house.send("bert", "PROPFIND", "/dav/t/rooms/attic/", &[("depth", "0")], asked).await;
    assert_eq!(privileges(&answer.body), ["C:read-free-busy", "D:read-current-user-privilege-set"]);
}

#[actix_web::test]
async fn p8_every_report_that_is_listed_is_answered_and_every_other_is_refused() {
    let house = House::with_anna().await;
    let asked = "<propfind xmlns='DAV:'><prop><supported-report-set/></prop></propfind>";
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    let listed: Vec<&str> =
        answer.body.split("<D:report><").skip(1).map(|part| part.split("/>").next().unwrap()).collect();
    assert_eq!(
        listed,
        ["C:calendar-query", "C:calendar-multiget", "C:free-busy-query", "D:sync-collection", "D:expand-property"]
    );
    let other = house.send("anna", "REPORT", HALL, &[("depth", "0")], "<version-tree xmlns='DAV:'/>").await;
    assert_eq!(other.status, 403);
    assert!(other.inner().starts_with("<D:supported-report/>"), "{}", other.body);
}

#[actix_web::test]
async fn p9_every_advertised_limit_is_the_enforced_one() {
    let house = House::with_anna().await;
    let asked = "<propfind xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><c:max-resource-size/>\
                 <c:min-date-time/><c:max-date-time/><c:max-attendees-per-instance/><c:supported-calendar-component-set/>\
                 <c:supported-calendar-data/></prop></propfind>";
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], asked).await;
    assert!(
        answer.inner().contains(
            "<C:max-resource-size>1048576</C:max-resource-size><C:min-date-time>19700101T000000Z</C:min-date-time>\
         <C:max-date-time>22001231T235959Z</C:max-date-time>\
         <C:max-attendees-per-instance>500</C:max-attendees-per-instance><C:supported-calendar-component-set>\
         <C:comp name=\"VEVENT\"/></C:supported-calendar-component-set><C:supported-calendar-data>\
         <C:calendar-data content-type=\"text/calendar\" version=\"2.0\"/></C:supported-calendar-data>"
        ),
        "{}",
        answer.body
    );
}

#[actix_web::test]
async fn hostile_bodies_are_refused_with_a_sentence_and_never_an_empty_error() {
    let house = House::with_anna().await;
    let deep = "<a>".repeat(10_000);
    for body in [
        "<!DOCTYPE x [<!ENTITY a 'b'>]><propfind xmlns='DAV:'><allprop/></propfind>",
        "<propfind xmlns='DAV:'><prop>&x;</prop></propfind>",
        "<d:propfind/>",
        "<propfind xmlns='DAV:'><allprop/>",
        "not xml",
        deep.as_str(),
    ] {
        let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], body).await;
        assert_eq!(answer.status, 400, "{body:.40}");
        assert!(answer.inner().starts_with("<D:responsedescription>"), "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/xml; charset=utf-8"));
    }
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(house.send("anna", "PROPFIND", HALL, &[("depth", "0")], &large).await.status, 413);
}

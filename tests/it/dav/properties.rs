//! Properties: statements P1 to P11.

use super::house::House;
use super::house::NOW;
use super::house::event;
use super::xml;
use anteroom::change;
use anteroom::change::Change;
use anteroom::change::Context;
use anteroom::change::Origin;
use anteroom::change::Precondition;
use anteroom::change::Target;
use anteroom::change::Wish;
use anteroom::ical::CalendarObject;
use anteroom::ical::ParseContext;
use anteroom::model::Event;
use anteroom::model::MappingId;
use anteroom::model::Privilege;
use anteroom::store::rooms::Room;
use std::collections::BTreeMap;

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
async fn p2_a_property_that_takes_a_privilege_is_403_and_names_it_and_the_others_are_told() {
    let house = House::with_anna().await;
    let (bert, hall) = (house.user("bert").await, house.room("attic").await);
    house.grant(&bert, &hall, Privilege::ReadFreeBusy).await;
    let asked = "<propfind xmlns='DAV:' xmlns:s='http://calendarserver.org/ns/'><prop><displayname/><sync-token/>\
                 <s:getctag/><acl/><x xmlns='urn:x'/></prop></propfind>";
    for (headers, gone) in [(&[("depth", "0")][..], Some(404)), (&[("depth", "0"), ("prefer", "return=minimal")], None)]
    {
        let answer = house.send("bert", "PROPFIND", "/dav/t/rooms/attic/", headers, asked).await;
        assert_eq!(answer.status, 207);
        let told = xml::told(&answer.body).remove(0).props;
        let status = |name: &str| told.get(&xml::clark(name)).map(|(status, _)| *status);
        assert_eq!((status("D:displayname"), status("D:sync-token")), (Some(200), Some(403)));
        assert_eq!((status("CS:getctag"), status("D:acl"), status("{urn:x}x")), (Some(403), Some(403), gone));
        assert!(answer.body.contains("<D:error><D:need-privileges><D:resource><D:href>/dav/t/rooms/attic/</D:href>"));
    }
    house.grant(&bert, &hall, Privilege::Read).await;
    let answer = house.send("bert", "PROPFIND", "/dav/t/rooms/attic/", &[("depth", "0")], asked).await;
    let told = xml::told(&answer.body).remove(0).props;
    assert_eq!((told["{DAV:}sync-token"].0, told["{DAV:}acl"].0), (200, 403));
    let set = "<propertyupdate xmlns='DAV:'><set><prop><acl/></prop></set></propertyupdate>";
    let answer = house.send("bert", "PROPPATCH", "/dav/t/rooms/attic/", &[], set).await;
    assert_eq!(xml::told(&answer.body)[0].props["{DAV:}acl"].0, 403);
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
async fn p5_each_personal_property_is_kept_for_its_setter_on_a_room_one_may_only_look_at() {
    let house = House::with_anna().await;
    let (bert, cara, attic) = (house.user("bert").await, house.user("cara").await, house.room("attic").await);
    house.grant(&bert, &attic, Privilege::ReadFreeBusy).await;
    house.grant(&cara, &attic, Privilege::Read).await;
    let path = "/dav/t/rooms/attic/";
    for (name, value) in [
        ("A:calendar-color", "#FF2968FF"),
        ("A:calendar-order", "7"),
        ("D:displayname", "Loft"),
        ("C:calendar-description", "Under the roof"),
        ("C:calendar-timezone-id", "America/Denver"),
        ("C:schedule-calendar-transp", "<c:transparent xmlns:c='urn:ietf:params:xml:ns:caldav'/>"),
        ("C:default-alarm-vevent-date", "BEGIN:VALARM"),
    ] {
        let full = xml::clark(name);
        let (ns, local) = full[1..].split_once('}').unwrap();
        let asked = format!("<propfind xmlns='DAV:'><prop><{local} xmlns='{ns}'/></prop></propfind>");
        let of = async |who: &str| {
            let answer = house.send(who, "PROPFIND", path, &[("depth", "0")], &asked).await;
            let (status, element) = xml::told(&answer.body).remove(0).props.remove(&full).unwrap();
            (
                status,
                xml::text_of(&element),
                element.elements().next().map(|child| child.name.local.clone().into_owned()),
            )
        };
        let (before, others) = (of("bert").await, of("cara").await);
        let element = format!("<{local} xmlns='{ns}'>{value}</{local}>");
        let set = format!("<propertyupdate xmlns='DAV:'><set><prop>{element}</prop></set></propertyupdate>");
        let answer = house.send("bert", "PROPPATCH", path, &[], &set).await;
        assert_eq!(xml::told(&answer.body)[0].props[&full].0, 200, "{name}: {}", answer.body);
        let (status, text, child) = of("bert").await;
        assert_eq!(status, 200, "{name}");
        assert!(text == value || child.as_deref() == Some("transparent"), "{name}: {text} {child:?}");
        assert_eq!(of("cara").await, others, "{name} is not bert's to change for cara");
        let remove = format!(
            "<propertyupdate xmlns='DAV:'><remove><prop><{local} xmlns='{ns}'/></prop></remove></propertyupdate>"
        );
        assert_eq!(house.send("bert", "PROPPATCH", path, &[], &remove).await.status, 207);
        assert_eq!(of("bert").await, before, "{name} is the room's again");
    }
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

/// A body for each report there is.
fn report_body(name: &str) -> String {
    let (dav, caldav) = ("xmlns='DAV:'", "xmlns='urn:ietf:params:xml:ns:caldav' xmlns:d='DAV:'");
    match name {
        "calendar-query" => format!(
            "<calendar-query {caldav}><d:prop><d:getetag/></d:prop><filter><comp-filter name='VCALENDAR'/></filter></calendar-query>"
        ),
        "calendar-multiget" => format!(
            "<calendar-multiget {caldav}><d:prop><d:getetag/></d:prop><d:href>/dav/t/rooms/hall/a.ics</d:href></calendar-multiget>"
        ),
        "free-busy-query" => format!(
            "<free-busy-query {caldav}><time-range start='20260303T000000Z' end='20260304T000000Z'/></free-busy-query>"
        ),
        "sync-collection" => format!(
            "<sync-collection {dav}><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
        ),
        "expand-property" => format!("<expand-property {dav}><property name='displayname'/></expand-property>"),
        "principal-search-property-set" => format!("<principal-search-property-set {dav}/>"),
        "principal-property-search" => format!(
            "<principal-property-search {dav}><property-search><prop><displayname/></prop><match>h</match>\
             </property-search><prop><displayname/></prop></principal-property-search>"
        ),
        "principal-match" => format!("<principal-match {dav}><self/></principal-match>"),
        "calendarserver-principal-search" => {
            "<calendarserver-principal-search xmlns='http://calendarserver.org/ns/'><search-token>h</search-token>\
             </calendarserver-principal-search>"
                .to_owned()
        }
        other => panic!("{other}"),
    }
}

#[actix_web::test]
async fn p8_each_resource_answers_the_reports_it_lists_and_no_other() {
    const REPORTS: [&str; 9] = [
        "calendar-query",
        "calendar-multiget",
        "free-busy-query",
        "sync-collection",
        "expand-property",
        "principal-search-property-set",
        "principal-property-search",
        "principal-match",
        "calendarserver-principal-search",
    ];
    let house = House::with_anna().await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 8).await;
    for (path, count) in [
        ("/dav/t/rooms/hall/a.ics", 3),
        (HALL, 5),
        ("/dav/t/rooms/", 1),
        ("/dav/", 5),
        ("/dav/t/", 5),
        ("/dav/t/principals/", 5),
        ("/dav/t/principals/rooms/", 5),
        ("/dav/t/principals/anna/", 1),
        ("/dav/t/principals/rooms/hall/", 1),
        ("/dav/t/outbox/anna/", 1),
    ] {
        let asked = "<propfind xmlns='DAV:'><prop><supported-report-set/></prop></propfind>";
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "0")], asked).await;
        let set = xml::told(&answer.body).remove(0).props.remove("{DAV:}supported-report-set").unwrap().1;
        let listed: Vec<String> = set
            .elements()
            .map(|supported| {
                supported.child("DAV:", "report").unwrap().elements().next().unwrap().name.local.to_string()
            })
            .collect();
        assert_eq!(listed.len(), count, "{path}: {listed:?}");
        for name in REPORTS {
            let answer = house.send("anna", "REPORT", path, &[("depth", "0")], &report_body(name)).await;
            let works = listed.iter().any(|known| known == name);
            assert_eq!(
                matches!(answer.status, 200 | 207),
                works,
                "{name} at {path}: {} {}",
                answer.status,
                answer.body
            );
            let refused =
                answer.body.contains("<D:supported-report/>") || answer.body.contains("<D:sync-traversal-supported/>");
            assert_eq!(answer.status == 403 && refused, !works, "{name} at {path}: {}", answer.body);
        }
    }
}

/// What a client compares: ctag, sync token, and the members with their validators.
#[derive(PartialEq, Debug)]
struct Snapshot {
    ctag: String,
    token: String,
    members: BTreeMap<String, String>,
}

async fn snapshot(house: &House) -> Snapshot {
    let asked = "<propfind xmlns='DAV:' xmlns:s='http://calendarserver.org/ns/'><prop><getetag/><sync-token/>\
                 <s:getctag/></prop></propfind>";
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "1")], asked).await;
    let mut told = xml::told(&answer.body);
    let room = told.remove(0).props;
    let members = told.into_iter().map(|one| (one.href, one.props["{DAV:}getetag"].1.text())).collect();
    Snapshot { ctag: room[&xml::clark("CS:getctag")].1.text(), token: room["{DAV:}sync-token"].1.text(), members }
}

/// What a remote side writes.
async fn upstream(house: &House, room: &Room, wish: Wish, target: Target) {
    let mut tx = house.store.begin_write().await.unwrap();
    let origin = Origin::Mapping { id: MappingId::from("m".to_owned()), settled: true };
    let change = Change { target, wish, precondition: Precondition::none(), origin };
    let cx = Context { now: NOW, limits: &house.limits };
    change::apply(&mut tx, cx, room, change).await.unwrap();
    tx.commit().await.unwrap();
}

fn booking(house: &House, uid: &str, hour: u32) -> Event {
    let cx = ParseContext { limits: &house.limits, floating: &house.tenant.zone };
    CalendarObject::parse(event(uid, hour).as_bytes(), &cx).unwrap().event().clone()
}

#[actix_web::test]
async fn p10_ctag_and_token_change_together_and_exactly_when_a_member_does() {
    let house = House::new().await;
    let (anna, mut hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    let path = |name: &str| format!("{HALL}{name}.ics");
    let mut before = snapshot(&house).await;
    for (step, moves) in [
        ("create", true),
        ("put the same octets", false),
        ("update", true),
        ("refused: occupied", false),
        ("refused: stale", false),
        ("refused: no iCalendar", false),
        ("colour", false),
        ("describe the room", false),
        ("upstream creates", true),
        ("upstream says the same", false),
        ("upstream moves", true),
        ("upstream deletes", true),
        ("delete", true),
        ("delete what is gone", false),
        ("create again", true),
        ("read", false),
    ] {
        let up = |hour| Wish::Become(Box::new(booking(&house, "up", hour)));
        let name = || Target::Uid(booking(&house, "up", 15).uid);
        match step {
            "create" | "put the same octets" | "create again" => drop(house.book("anna", &path("a"), "a", 8).await),
            "update" => drop(house.book("anna", &path("a"), "a", 9).await),
            "refused: occupied" => assert_eq!(house.book("anna", &path("b"), "b", 9).await.status, 409),
            "refused: stale" => {
                let headers = [("if-match", "\"old\"")];
                assert_eq!(house.send("anna", "PUT", &path("a"), &headers, &event("a", 10)).await.status, 412);
            }
            "refused: no iCalendar" => assert_eq!(house.send("anna", "PUT", &path("c"), &[], "x").await.status, 403),
            "colour" => {
                let set = format!(
                    "<propertyupdate xmlns='DAV:' {APPLE}><set><prop><a:calendar-color>#000000</a:calendar-color></prop></set></propertyupdate>"
                );
                assert_eq!(house.send("anna", "PROPPATCH", HALL, &[], &set).await.status, 207);
            }
            "describe the room" => {
                "Great hall".clone_into(&mut hall.name);
                house.describe(&hall).await;
            }
            "upstream creates" | "upstream says the same" => upstream(&house, &hall, up(15), name()).await,
            "upstream moves" => upstream(&house, &hall, up(17), name()).await,
            "upstream deletes" => upstream(&house, &hall, Wish::Delete, name()).await,
            "delete" => assert_eq!(house.send("anna", "DELETE", &path("a"), &[], "").await.status, 204),
            "delete what is gone" => assert_eq!(house.send("anna", "DELETE", &path("a"), &[], "").await.status, 404),
            _ => drop(house.send("anna", "GET", &path("a"), &[], "").await),
        }
        let after = snapshot(&house).await;
        assert_eq!(before.members != after.members, moves, "{step}: members");
        assert_eq!(before.ctag != after.ctag, moves, "{step}: ctag");
        assert_eq!(before.token != after.token, moves, "{step}: sync token");
        before = after;
    }
}

#[actix_web::test]
async fn p11_quota_is_absent_everywhere_and_resource_id_outlives_a_new_name() {
    let house = House::new().await;
    let (anna, mut hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 8).await;
    let asked =
        "<propfind xmlns='DAV:'><prop><quota-available-bytes/><quota-used-bytes/><resource-id/></prop></propfind>";
    let ids = async || {
        let mut ids = Vec::new();
        for path in [
            "/dav/",
            "/dav/t/",
            "/dav/t/rooms/",
            "/dav/t/rooms/hall/a.ics",
            HALL,
            "/dav/t/principals/anna/",
            "/dav/t/principals/rooms/hall/",
        ] {
            let answer = house.send("anna", "PROPFIND", path, &[("depth", "0")], asked).await;
            let told = xml::told(&answer.body).remove(0).props;
            assert_eq!((told["{DAV:}quota-available-bytes"].0, told["{DAV:}quota-used-bytes"].0), (404, 404), "{path}");
            ids.extend(Some(&told["{DAV:}resource-id"]).filter(|id| id.0 == 200).map(|id| xml::text_of(&id.1)));
        }
        ids
    };
    let before = ids().await;
    assert_eq!(before, ["urn:uuid:id-hall", "urn:uuid:id-anna", "urn:uuid:id-hall"]);
    "Great hall".clone_into(&mut hall.name);
    house.describe(&hall).await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 9).await;
    assert_eq!(ids().await, before);
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

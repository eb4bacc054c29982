//! Discovery and OPTIONS: statements D1 to D10.

use super::house::House;
use super::xml;
use anteroom::model::Features;
use anteroom::model::Privilege;
use anteroom::model::Role;
use anteroom::model::RoomKind;

const WHO: &str = "<propfind xmlns='DAV:'><prop><current-user-principal/></prop></propfind>";

#[actix_web::test]
async fn d1_the_well_known_address_redirects_without_credentials_for_any_method() {
    let house = House::new().await;
    for method in ["GET", "PROPFIND", "OPTIONS", "POST"] {
        for path in ["/.well-known/caldav", "/.well-known/caldav/"] {
            let answer = house.anonymous(method, path, &[], b"").await;
            assert_eq!((answer.status, answer.header("location")), (301, Some("/dav/")), "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("max-age=86400"));
        }
    }
}

#[actix_web::test]
async fn d3_every_place_where_clients_knock_asks_for_credentials_and_then_says_who_is_calling() {
    let house = House::with_anna().await;
    for path in ["/", "/principals/", "/dav/", "/calendar/dav/anna/user/", "/dav", "/principals"] {
        let answer = house.anonymous("PROPFIND", path, &[("depth", "0")], WHO.as_bytes()).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Anteroom\", charset=\"UTF-8\""));
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "0")], WHO).await;
        assert_eq!(answer.status, 207, "{path}");
        assert_eq!(
            answer.inner(),
            format!(
                "<D:response><D:href>{path}</D:href><D:propstat><D:prop><D:current-user-principal>\
                 <D:href>/dav/t/principals/anna/</D:href></D:current-user-principal></D:prop>\
                 <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
            )
        );
    }
}

#[actix_web::test]
async fn a_wrong_password_a_revoked_user_and_an_unknown_name_get_the_same_answer() {
    let house = House::with_anna().await;
    for credentials in ["Basic YW5uYTp3cm9uZw==", "Basic bm9ib2R5Ondyb25n", "Bearer x", "Basic"] {
        let headers = [("authorization", credentials), ("depth", "0")];
        let answer = house.anonymous("PROPFIND", "/dav/", &headers, WHO.as_bytes()).await;
        assert_eq!(answer.status, 401, "{credentials}");
        assert_eq!(
            answer.inner(),
            "<D:responsedescription>Sign in with your user name and an app password.</D:responsedescription></D:error>"
        );
    }
}

#[actix_web::test]
async fn d5_options_is_200_without_a_body_and_advertises_what_works() {
    let house = House::new().await;
    for (path, allow) in [
        ("/dav/", "OPTIONS, PROPFIND, REPORT"),
        ("/dav/t/principals/anna/", "OPTIONS, PROPFIND, PROPPATCH, REPORT"),
        ("/dav/t/rooms/", "OPTIONS, PROPFIND, PROPPATCH, REPORT"),
        ("/dav/t/rooms/hall/", "OPTIONS, PROPFIND, PROPPATCH, REPORT, POST"),
        ("/dav/t/rooms/hall/a.ics", "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, REPORT"),
    ] {
        let answer = house.anonymous("OPTIONS", path, &[], b"").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
        let classes = answer.header("dav").unwrap();
        let push = if path == "/dav/t/rooms/hall/" { ", webdav-push" } else { "" };
        assert_eq!(classes, format!("1, 3, access-control, calendar-access, calendar-no-timezone{push}"));
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}

#[actix_web::test]
async fn d6_a_principal_tells_home_addresses_and_type() {
    let house = House::with_anna().await;
    let asked = "<propfind xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><c:calendar-home-set/>\
                 <c:calendar-user-address-set/><c:calendar-user-type/><displayname/><principal-URL/></prop></propfind>";
    let answer = house.send("anna", "PROPFIND", "/dav/t/principals/anna/", &[("depth", "0")], asked).await;
    assert_eq!(answer.status, 207);
    assert_eq!(
        answer.inner(),
        "<D:response><D:href>/dav/t/principals/anna/</D:href><D:propstat><D:prop><C:calendar-home-set>\
         <D:href>/dav/t/rooms/</D:href></C:calendar-home-set><C:calendar-user-address-set>\
         <D:href>mailto:anna@example.com</D:href><D:href>/dav/t/principals/anna/</D:href></C:calendar-user-address-set>\
         <C:calendar-user-type>INDIVIDUAL</C:calendar-user-type><D:displayname>Anna</D:displayname><D:principal-URL>\
         <D:href>/dav/t/principals/anna/</D:href></D:principal-URL></D:prop><D:status>HTTP/1.1 200 OK</D:status>\
         </D:propstat></D:response></D:multistatus>"
    );
}

/// Asks the outbox of `whose` when the hall is taken, as `who`.
async fn ask_outbox(house: &House, who: &str, whose: &str, organizer: &str) -> u16 {
    let question = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:q\r\n\
         DTSTAMP:20260302T080000Z\r\nDTSTART:20260303T000000Z\r\nDTEND:20260304T000000Z\r\nORGANIZER:{organizer}\r\n\
         ATTENDEE:mailto:hall@example.com\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    );
    let headers = [("content-type", "text/calendar; charset=utf-8")];
    house.send(who, "POST", &format!("/dav/t/outbox/{whose}/"), &headers, &question).await.status
}

#[actix_web::test]
async fn d6_the_outbox_is_told_to_exactly_those_whose_questions_it_answers() {
    let house = House::with_anna().await;
    house.user_as("chef", Role::TenantAdmin).await;
    let asked = "<propfind xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><c:schedule-outbox-URL/>\
                 <c:schedule-inbox-URL/></prop></propfind>";
    for (who, whose) in [("anna", "anna"), ("chef", "chef"), ("chef", "anna")] {
        let path = format!("/dav/t/principals/{whose}/");
        let answer = house.send(who, "PROPFIND", &path, &[("depth", "0")], asked).await;
        let told = xml::told(&answer.body).remove(0).props;
        let (status, outbox) = &told[&xml::clark("C:schedule-outbox-URL")];
        let own = who == whose;
        assert_eq!(*status, if own { 200 } else { 404 }, "{who} {whose}");
        assert_eq!(xml::text_of(outbox), if own { format!("/dav/t/outbox/{whose}/") } else { String::new() });
        let organizer = format!("mailto:{who}@example.com");
        assert_eq!(ask_outbox(&house, who, whose, &organizer).await, if own { 200 } else { 404 }, "{who} {whose}");
        assert_eq!(told[&xml::clark("C:schedule-inbox-URL")].0, 404);
    }
    // Someone without any mail address asks under the address of their principal.
    assert_eq!(ask_outbox(&house, "anna", "anna", "/dav/t/principals/anna/").await, 200);
    assert_eq!(ask_outbox(&house, "anna", "anna", "mailto:chef@example.com").await, 403);
}

#[actix_web::test]
async fn d7_the_home_lists_the_rooms_that_the_caller_may_know_of() {
    let house = House::with_anna().await;
    house.room("secret").await;
    let asked = "<propfind xmlns='DAV:'><prop><resourcetype/></prop></propfind>";
    let answer = house.send("anna", "PROPFIND", "/dav/t/rooms/", &[("depth", "1")], asked).await;
    assert_eq!(
        answer.inner(),
        "<D:response><D:href>/dav/t/rooms/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/>\
         </D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\
         <D:response><D:href>/dav/t/rooms/hall/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/>\
         <C:calendar/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\
         </D:multistatus>"
    );
    let hidden = house.send("anna", "PROPFIND", "/dav/t/rooms/secret/", &[("depth", "0")], asked).await;
    assert_eq!(hidden.status, 404);
    let other = house.send("anna", "PROPFIND", "/dav/other/rooms/", &[("depth", "0")], asked).await;
    assert_eq!(other.status, 401);
}

#[actix_web::test]
async fn d8_a_collection_without_its_slash_is_served_with_content_location() {
    let house = House::with_anna().await;
    let answer = house.send("anna", "PROPFIND", "/dav/t/rooms/hall", &[("depth", "0")], WHO).await;
    assert_eq!((answer.status, answer.header("content-location")), (207, Some("/dav/t/rooms/hall/")));
    assert!(answer.body.contains("<D:href>/dav/t/rooms/hall/</D:href>"));
}

#[actix_web::test]
async fn d9_rooms_are_found_by_name_address_seats_and_building_and_people_are_not_listed() {
    let house = House::with_anna().await;
    house.user("bert").await;
    let set = "<principal-search-property-set xmlns='DAV:'/>";
    let answer = house.send("anna", "REPORT", "/dav/t/principals/", &[("depth", "0")], set).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.matches("<D:principal-search-property>").count(), 5);
    for (property, text, found) in [
        ("<displayname/>", "HAL", "/dav/t/principals/rooms/hall/"),
        ("<c:calendar-user-address-set/>", "mailto:hall@example", "/dav/t/principals/rooms/hall/"),
        ("<r:capacity/>", "12", "/dav/t/principals/rooms/hall/"),
        ("<r:building/>", "town", "/dav/t/principals/rooms/hall/"),
        ("<r:capacity/>", "13", ""),
        ("<displayname/>", "bert", ""),
        ("<displayname/>", "anna", "/dav/t/principals/anna/"),
    ] {
        let body = format!(
            "<principal-property-search xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav' \
             xmlns:r='https://anteroom.dev/ns/'><property-search><prop>{property}</prop><match>{text}</match>\
             </property-search><prop><c:calendar-user-type/></prop></principal-property-search>"
        );
        let answer = house.send("anna", "REPORT", "/dav/t/principals/", &[("depth", "0")], &body).await;
        assert_eq!(answer.status, 207, "{property} {text}");
        let hrefs: Vec<&str> = answer.inner().split("<D:response><D:href>").skip(1).collect();
        assert_eq!(hrefs.len(), usize::from(!found.is_empty()), "{property} {text}: {}", answer.body);
        assert!(found.is_empty() || hrefs[0].starts_with(&format!("{found}<")), "{}", answer.body);
    }
    let answer = house.send("anna", "PROPFIND", "/dav/t/principals/bert/", &[("depth", "0")], "").await;
    assert_eq!(answer.status, 404);
}

#[actix_web::test]
async fn d9_a_search_without_a_condition_lists_the_caller_and_the_rooms_that_the_caller_may_know_of() {
    let house = House::with_anna().await;
    house.user("bert").await;
    house.room("vault").await;
    for test in ["allof", "anyof"] {
        let body = format!(
            "<principal-property-search test='{test}' xmlns='DAV:'><prop><displayname/></prop>\
             </principal-property-search>"
        );
        for path in ["/dav/", "/dav/t/principals/"] {
            let answer = house.send("anna", "REPORT", path, &[("depth", "0")], &body).await;
            assert_eq!(answer.status, 207);
            let hrefs: Vec<String> = xml::told(&answer.body).into_iter().map(|told| told.href).collect();
            assert_eq!(hrefs, ["/dav/t/principals/anna/", "/dav/t/principals/rooms/hall/"]);
        }
    }
}

#[actix_web::test]
async fn d9_rooms_and_equipment_say_what_they_are_and_are_found_by_what_they_have() {
    let house = House::with_anna().await;
    let anna = house.user_as("bert", Role::TenantViewer).await;
    house.room_with("attic", |room| room.features = Features::of(&["Projector", "hearing loop"]).unwrap()).await;
    house.room_with("beamer", |room| (room.kind, room.capacity) = (RoomKind::Equipment, None)).await;
    house.grant_all(&anna, Privilege::Read).await;
    let find = async |property: &str, text: &str| -> Vec<String> {
        let body = format!(
            "<principal-property-search xmlns='DAV:' xmlns:r='https://anteroom.dev/ns/'><property-search><prop>\
             {property}</prop><match>{text}</match></property-search><prop><calendar-user-type \
             xmlns='urn:ietf:params:xml:ns:caldav'/><r:features/></prop></principal-property-search>"
        );
        let answer = house.send("bert", "REPORT", "/dav/t/principals/", &[("depth", "0")], &body).await;
        let found = xml::told(&answer.body).into_iter();
        found
            .map(|told| {
                let slug = told.href.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
                let kind = told.props[&xml::clark("C:calendar-user-type")].1.text();
                let features = &told.props[&xml::clark("R:features")];
                let features: Vec<String> = features.1.elements().map(anteroom::davxml::Element::text).collect();
                format!("{slug} {kind} {}", features.join("+")).trim_end().to_owned()
            })
            .collect()
    };
    assert_eq!(
        find("<displayname/>", "a").await,
        ["attic ROOM projector+hearing loop", "beamer RESOURCE", "hall ROOM"]
    );
    assert_eq!(find("<r:features/>", "PROJECTOR").await, ["attic ROOM projector+hearing loop"]);
    assert_eq!(find("<r:features/>", "loop, projector").await, ["attic ROOM projector+hearing loop"]);
    assert_eq!(find("<r:features/>", "projector,stage").await, [""; 0]);
    assert_eq!(find("<r:features/>", ",").await, [""; 0]);
    assert_eq!(find("<r:building/>", "town").await.len(), 3);
}

#[actix_web::test]
async fn x1_of_scheduling_nothing_is_advertised_and_nothing_is_half_there() {
    let house = House::with_anna().await;
    let options = house.anonymous("OPTIONS", "/dav/t/rooms/", &[], b"").await;
    assert!(!options.header("dav").unwrap().contains("calendar-auto-schedule"));
    let caldav = "xmlns='urn:ietf:params:xml:ns:caldav'";
    for (path, property) in [
        ("/dav/t/principals/anna/", "schedule-inbox-URL"),
        ("/dav/t/rooms/", "schedule-default-calendar-URL"),
        ("/dav/t/rooms/hall/a.ics", "schedule-tag"),
    ] {
        house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 8).await;
        let asked = format!("<propfind xmlns='DAV:'><prop><{property} {caldav}/></prop></propfind>");
        let answer = house.send("anna", "PROPFIND", path, &[("depth", "0")], &asked).await;
        assert_eq!(xml::told(&answer.body)[0].props[&xml::clark(&format!("C:{property}"))].0, 404, "{property}");
    }
    assert_eq!(house.send("anna", "PROPFIND", "/dav/t/inbox/anna/", &[("depth", "0")], "").await.status, 404);
    let put = house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 9).await;
    let get = house.send("anna", "GET", "/dav/t/rooms/hall/b.ics", &[], "").await;
    assert_eq!((put.header("schedule-tag"), get.header("schedule-tag")), (None, None));
}

#[actix_web::test]
async fn d10_expand_property_of_delegates_is_207_with_empty_values() {
    let house = House::with_anna().await;
    let body = "<expand-property xmlns='DAV:'><property name='calendar-proxy-read-for' \
                namespace='http://calendarserver.org/ns/'><property name='displayname'/></property>\
                <property name='principal-URL'><property name='displayname'/></property></expand-property>";
    let answer = house.send("anna", "REPORT", "/dav/t/principals/anna/", &[("depth", "0")], body).await;
    assert_eq!(answer.status, 207);
    assert_eq!(
        answer.inner(),
        "<D:response><D:href>/dav/t/principals/anna/</D:href><D:propstat><D:prop><CS:calendar-proxy-read-for>\
         </CS:calendar-proxy-read-for><D:principal-URL><D:response><D:href>/dav/t/principals/anna/</D:href><D:propstat>\
         <D:prop><D:displayname>Anna</D:displayname></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>\
         </D:response></D:principal-URL></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\
         </D:multistatus>"
    );
}

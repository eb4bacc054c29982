//! Reports: statements R1 to R12.

use super::house::House;
use super::house::event;
use anteroom::config::Limits;
use anteroom::model::Privilege;

const HALL: &str = "/dav/t/rooms/hall/";

#[actix_web::test]
async fn r9_multiget_answers_each_href_as_it_was_spelled() {
    let house = House::with_anna().await;
    house.room("attic").await;
    house.book("anna", "/dav/t/rooms/hall/a@b.ics", "a", 10).await;
    let body = "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getcontenttype/>\
                <c:calendar-data/></prop><href>/dav/t/rooms/hall/a%40b.ics</href><href>/dav/t/rooms/hall/gone.ics</href>\
                <href>/dav/t/rooms/attic/a@b.ics</href><href>/dav/t/rooms/hall/../attic/x.ics</href></c:calendar-multiget>";
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], body).await;
    assert_eq!(answer.status, 207);
    let missing = |href: &str| {
        format!("<D:response><D:href>{href}</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>")
    };
    assert_eq!(
        answer.inner(),
        format!(
            "<D:response><D:href>/dav/t/rooms/hall/a%40b.ics</D:href><D:propstat><D:prop><D:getcontenttype>\
             text/calendar; charset=utf-8; component=VEVENT</D:getcontenttype><C:calendar-data>{}</C:calendar-data>\
             </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>{}{}{}</D:multistatus>",
            event("a", 10).replace('\r', "&#13;"),
            missing("/dav/t/rooms/hall/gone.ics"),
            missing("/dav/t/rooms/attic/a@b.ics"),
            missing("/dav/t/rooms/hall/../attic/x.ics"),
        )
    );
}

#[actix_web::test]
async fn r9_five_thousand_hrefs_are_answered_and_one_more_is_refused() {
    let house = House::with_anna().await;
    let body = |count: usize| {
        let hrefs = (0..count).map(|n| format!("<href>{HALL}{n}.ics</href>")).collect::<Vec<_>>().concat();
        format!(
            "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop>{hrefs}\
             </c:calendar-multiget>"
        )
    };
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &body(5000)).await;
    assert_eq!((answer.status, answer.body.matches("404 Not Found").count()), (207, 5000));
    assert!(!answer.body.contains("Insufficient Storage"));
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &body(5001)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.inner().starts_with("<D:number-of-matches-within-limits/>"), "{}", answer.body);
}

#[actix_web::test]
async fn r10_free_busy_joins_neighbours_and_answers_callers_who_may_see_nothing_else() {
    let house = House::with_anna().await;
    for (name, hour) in [("a", 10), ("b", 11), ("c", 14)] {
        house.book("anna", &format!("{HALL}{name}.ics"), name, hour).await;
    }
    let bert = house.user("bert").await;
    house.grant_all(&bert, Privilege::ReadFreeBusy).await;
    let body = "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'>\
                <c:time-range start='20260303T103000Z' end='20260303T143000Z'/></c:free-busy-query>";
    for login in ["anna", "bert"] {
        let answer = house.send(login, "REPORT", HALL, &[("depth", "1")], body).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/calendar; charset=utf-8")));
        assert_eq!(
            answer.body,
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Anteroom//Anteroom//EN\r\nBEGIN:VFREEBUSY\r\n\
             UID:freebusy-id-hall-3@anteroom\r\nDTSTAMP:20260302T080000Z\r\nDTSTART:20260303T103000Z\r\n\
             DTEND:20260303T143000Z\r\nFREEBUSY:20260303T103000Z/20260303T120000Z\r\n\
             FREEBUSY:20260303T140000Z/20260303T143000Z\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
        );
    }
}

#[actix_web::test]
async fn r11_the_outbox_answers_for_rooms_by_address_and_knows_nobody_else() {
    let house = House::with_anna().await;
    house.book("anna", &format!("{HALL}a.ics"), "a", 10).await;
    let question = |organizer: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:q1\r\n\
             DTSTAMP:20260301T000000Z\r\nDTSTART:20260303T000000Z\r\nDTEND:20260304T000000Z\r\nORGANIZER:{organizer}\r\n\
             ATTENDEE:mailto:Hall@example.com\r\nATTENDEE:mailto:bert@example.com\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
        )
    };
    let headers = [("content-type", "text/calendar")];
    let own = question("mailto:anna@example.com");
    let answer = house.send("anna", "POST", "/dav/t/outbox/anna/", &headers, &own).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.inner(),
        "<C:response><C:recipient><D:href>mailto:Hall@example.com</D:href></C:recipient>\
         <C:request-status>2.0;Success</C:request-status><C:calendar-data>BEGIN:VCALENDAR&#13;\nVERSION:2.0&#13;\n\
         PRODID:-//Anteroom//Anteroom//EN&#13;\nMETHOD:REPLY&#13;\nBEGIN:VFREEBUSY&#13;\nUID:q1&#13;\n\
         DTSTAMP:20260302T080000Z&#13;\nDTSTART:20260303T000000Z&#13;\nDTEND:20260304T000000Z&#13;\n\
         ORGANIZER:mailto:anna@example.com&#13;\nATTENDEE:mailto:Hall@example.com&#13;\n\
         FREEBUSY:20260303T100000Z/20260303T110000Z&#13;\nEND:VFREEBUSY&#13;\nEND:VCALENDAR&#13;\n</C:calendar-data>\
         </C:response><C:response><C:recipient><D:href>mailto:bert@example.com</D:href></C:recipient>\
         <C:request-status>3.7;Invalid calendar user</C:request-status></C:response></C:schedule-response>"
    );
    let foreign = question("mailto:bert@example.com");
    let answer = house.send("anna", "POST", "/dav/t/outbox/anna/", &headers, &foreign).await;
    assert_eq!(answer.status, 403);
    assert!(answer.inner().starts_with("<C:organizer-allowed/>"), "{}", answer.body);
    assert_eq!(house.send("anna", "POST", "/dav/t/outbox/bert/", &headers, &own).await.status, 404);
}

/// A calendar-query for members whose VEVENT fulfils `inside`, telling `prop` of each.
fn query(prop: &str, inside: &str, rest: &str) -> String {
    format!(
        "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop>{prop}</prop><c:filter>\
         <c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'>{inside}</c:comp-filter></c:comp-filter>\
         </c:filter>{rest}</c:calendar-query>"
    )
}

fn hrefs(body: &str) -> Vec<&str> {
    body.split("<D:response><D:href>").skip(1).map(|part| part.split("</D:href>").next().unwrap()).collect()
}

/// Every Monday 18:00-19:00 in Oslo from 2026-03-02, four times; the second is moved to the Tuesday after.
fn series() -> String {
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:series\r\nDTSTAMP:20260301T000000Z\r\n\
     DTSTART;TZID=Europe/Oslo:20260302T180000\r\nDTEND;TZID=Europe/Oslo:20260302T190000\r\nSUMMARY:Choir\r\n\
     RRULE:FREQ=WEEKLY;COUNT=4\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:series\r\nDTSTAMP:20260301T000000Z\r\n\
     RECURRENCE-ID;TZID=Europe/Oslo:20260309T180000\r\nDTSTART;TZID=Europe/Oslo:20260310T200000\r\n\
     DTEND;TZID=Europe/Oslo:20260310T210000\r\nSUMMARY:Choir moved\r\nSEQUENCE:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        .to_owned()
}

#[actix_web::test]
async fn r1_a_time_range_tests_every_instance_with_its_override_and_daylight_saving() {
    let house = House::with_anna().await;
    let headers = [("content-type", "text/calendar")];
    let put = house.send("anna", "PUT", &format!("{HALL}s.ics"), &headers, &series()).await;
    assert_eq!(put.status, 201, "{}", put.body);
    for (range, found) in [
        ("start='20260302T170000Z' end='20260302T173000Z'", true),
        ("start='20260309T000000Z' end='20260310T000000Z'", false),
        ("start='20260310T190000Z' end='20260310T200000Z'", true),
        ("start='20260316T180000Z' end='20260316T190000Z'", false),
        ("start='20260323T170000Z'", true),
        ("start='20260323T180000Z'", false),
        ("end='20260302T170000Z'", false),
        ("end='20260302T170001Z'", true),
    ] {
        let body = query("<getetag/>", &format!("<c:time-range {range}/>"), "");
        let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &body).await;
        assert_eq!(answer.status, 207, "{}", answer.body);
        let expected: &[&str] = if found { &["/dav/t/rooms/hall/s.ics"] } else { &[] };
        assert_eq!(hrefs(&answer.body), expected, "{range}");
    }
}

#[actix_web::test]
async fn r4_filters_match_properties_and_a_wrong_filter_is_refused_by_its_condition() {
    let house = House::with_anna().await;
    for (name, hour) in [("a", 10), ("b", 12)] {
        house.book("anna", &format!("{HALL}{name}.ics"), name, hour).await;
    }
    for (inside, found) in [
        ("", 2),
        ("<c:prop-filter name='SUMMARY'><c:text-match>MEETING A</c:text-match></c:prop-filter>", 1),
        ("<c:prop-filter name='SUMMARY'><c:text-match collation='i;octet'>MEETING A</c:text-match></c:prop-filter>", 0),
        ("<c:prop-filter name='SUMMARY'><c:text-match negate-condition='yes'>A</c:text-match></c:prop-filter>", 1),
        ("<c:prop-filter name='LOCATION'><c:is-not-defined/></c:prop-filter>", 2),
        ("<c:comp-filter name='VALARM'/>", 0),
    ] {
        let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", inside, "")).await;
        assert_eq!((answer.status, hrefs(&answer.body).len()), (207, found), "{inside}");
    }
    let odd = "<c:prop-filter name='SUMMARY'><c:text-match collation='i;odd'>a</c:text-match></c:prop-filter>";
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", odd, "")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.inner(),
        "<C:supported-collation/><D:responsedescription>The collation i;odd is not supported.</D:responsedescription>\
         </D:error>"
    );
}

#[actix_web::test]
async fn r6_expand_gives_utc_instances_with_the_override_once() {
    let house = House::with_anna().await;
    house.send("anna", "PUT", &format!("{HALL}s.ics"), &[("content-type", "text/calendar")], &series()).await;
    let expand = "<c:calendar-data><c:expand start='20260301T000000Z' end='20260317T000000Z'/></c:calendar-data>";
    let range = "<c:time-range start='20260301T000000Z' end='20260317T000000Z'/>";
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query(expand, range, "")).await;
    assert_eq!(answer.status, 207);
    assert_eq!(answer.body.matches("BEGIN:VEVENT").count(), 3, "{}", answer.body);
    for line in ["RRULE", "TZID", "VTIMEZONE"] {
        assert!(!answer.body.contains(line), "{line}: {}", answer.body);
    }
    for line in [
        "DTSTART:20260302T170000Z",
        "DTSTART:20260310T190000Z",
        "RECURRENCE-ID:20260309T170000Z",
        "DTSTART:20260316T170000Z",
    ] {
        assert_eq!(answer.body.matches(line).count(), 1, "{line}: {}", answer.body);
    }
}

#[actix_web::test]
async fn r8_only_the_asked_properties_of_the_data_are_sent() {
    let house = House::with_anna().await;
    house.book("anna", &format!("{HALL}a.ics"), "a", 10).await;
    let data = "<c:calendar-data><c:comp name='VCALENDAR'><c:prop name='VERSION'/><c:comp name='VEVENT'>\
                <c:prop name='UID'/></c:comp></c:comp></c:calendar-data>";
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query(data, "", "")).await;
    assert!(
        answer.body.contains(
            "<C:calendar-data>BEGIN:VCALENDAR&#13;\nVERSION:2.0&#13;\nBEGIN:VEVENT&#13;\nUID:a&#13;\nEND:VEVENT&#13;\n\
             END:VCALENDAR&#13;\n</C:calendar-data>"
        ),
        "{}",
        answer.body
    );
}

#[actix_web::test]
async fn r12_a_limited_query_ends_with_507_and_its_condition() {
    let house = House::with_anna().await;
    for (name, hour) in [("a", 10), ("b", 12), ("c", 14)] {
        house.book("anna", &format!("{HALL}{name}.ics"), name, hour).await;
    }
    for (limit, matches, cut) in [(2, 2, true), (3, 3, false)] {
        let rest = format!("<limit><nresults>{limit}</nresults></limit>");
        let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", "", &rest)).await;
        assert_eq!(answer.body.matches("<D:getetag>").count(), matches);
        assert_eq!(answer.body.contains("<D:number-of-matches-within-limits/>"), cut, "{}", answer.body);
    }
}

#[actix_web::test]
async fn r12_the_server_s_own_limit_ends_a_report_as_a_client_s_does() {
    let end = "<D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error><D:number-of-matches-within-limits/>";
    let limited = |limits: Limits| async move {
        let house = House::with_limits(limits).await;
        let (anna, hall) = (house.user("anna").await, house.room("hall").await);
        house.grant(&anna, &hall, Privilege::Write).await;
        for (name, hour) in [("a", 10), ("b", 12), ("c", 14)] {
            house.book("anna", &format!("{HALL}{name}.ics"), name, hour).await;
        }
        house
    };
    let house = limited(Limits { report_members: 2, ..Limits::default() }).await;
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", "", "")).await;
    assert_eq!((answer.status, answer.body.matches("<D:getetag>").count()), (207, 2));
    assert!(answer.body.contains(&format!("<D:response><D:href>{HALL}</D:href>{end}")), "{}", answer.body);
    let house = limited(Limits { report_bytes: 1000, ..Limits::default() }).await;
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<c:calendar-data/>", "", "")).await;
    assert!(answer.body.contains(end) && answer.body.matches("BEGIN:VEVENT").count() < 3, "{}", answer.body);
    let house = limited(Limits { report_instances: 300, ..Limits::default() }).await;
    let daily = event("d", 16).replace("SUMMARY", "RRULE:FREQ=DAILY;COUNT=200\r\nSUMMARY");
    assert_eq!(house.send("anna", "PUT", &format!("{HALL}d.ics"), &[], &daily).await.status, 201);
    let daily = event("e", 18).replace("SUMMARY", "RRULE:FREQ=DAILY;COUNT=200\r\nSUMMARY");
    assert_eq!(house.send("anna", "PUT", &format!("{HALL}e.ics"), &[], &daily).await.status, 201);
    let expand = "<c:calendar-data><c:expand start='20260301T000000Z' end='20270301T000000Z'/></c:calendar-data>";
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query(expand, "", "")).await;
    assert!(answer.body.contains(end) && answer.body.matches("BEGIN:VEVENT").count() <= 300, "{}", answer.body.len());
}

#[actix_web::test]
async fn a_reader_cannot_find_out_a_private_title_by_asking_for_it() {
    let house = House::with_anna().await;
    let body = event("a", 10).replace("SUMMARY:Meeting a", "SUMMARY:Salaries\r\nCLASS:PRIVATE");
    house.send("anna", "PUT", &format!("{HALL}a.ics"), &[("content-type", "text/calendar")], &body).await;
    let bert = house.user("bert").await;
    house.grant_all(&bert, Privilege::Read).await;
    let inside = "<c:prop-filter name='SUMMARY'><c:text-match>Salaries</c:text-match></c:prop-filter>";
    for (login, found) in [("anna", 1), ("bert", 0)] {
        let answer = house.send(login, "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", inside, "")).await;
        assert_eq!(hrefs(&answer.body).len(), found, "{login}");
    }
}

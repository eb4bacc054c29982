//! Filters and parts of calendar data over the wire: statements R4, R5, R7 and R8.

use super::house::House;
use super::house::event;

const HALL: &str = "/dav/t/rooms/hall/";

/// A calendar-query with this filter inside VCALENDAR, telling `prop` of each match.
fn query(prop: &str, filter: &str) -> String {
    format!(
        "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop>{prop}</prop><c:filter>\
         <c:comp-filter name='VCALENDAR'>{filter}</c:comp-filter></c:filter></c:calendar-query>"
    )
}

async fn matches(house: &House, filter: &str) -> bool {
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", filter)).await;
    assert_eq!(answer.status, 207, "{filter}: {}", answer.body);
    answer.body.contains("<D:response>")
}

async fn refused(house: &House, filter: &str) -> String {
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query("<getetag/>", filter)).await;
    assert_eq!(answer.status, 403, "{filter}: {}", answer.body);
    answer.inner().split("<D:responsedescription>").next().unwrap().to_owned()
}

async fn with(lines: &str) -> House {
    let house = House::with_anna().await;
    let body = event("a", 10).replace("SUMMARY:Meeting a\r\n", &lines.replace('\n', "\r\n"));
    let put = house.send("anna", "PUT", "/dav/t/rooms/hall/a.ics", &[("content-type", "text/calendar")], &body).await;
    assert_eq!(put.status, 201, "{}", put.body);
    house
}

#[actix_web::test]
async fn r4_text_is_compared_by_three_collations_and_negated() {
    let house = with("SUMMARY:Åpent møte\\, Große Halle ΟΔΟΣ\n").await;
    for (collation, text, expected) in [
        ("", "åpent", false),
        ("", "Åpent MØTE", false),
        ("", "gROSSE", false),
        ("", "TE, gro", true),
        ("i;ascii-casemap", "hALLE", true),
        ("i;ascii-casemap", "ÅPENT", true),
        ("i;octet", "Halle", true),
        ("i;octet", "halle", false),
        ("i;unicode-casemap", "åPENT mØTE", true),
        ("i;unicode-casemap", "οδος", true),
        ("i;unicode-casemap", "οδοσ", true),
        ("i;unicode-casemap", "a\u{30A}pent", true),
        ("i;unicode-casemap", "apent", false),
        ("i;unicode-casemap", "grosse", false),
    ] {
        let collation = if collation.is_empty() { String::new() } else { format!("collation='{collation}'") };
        for (negate, expected) in [("no", expected), ("yes", !expected)] {
            let filter = format!(
                "<c:comp-filter name='VEVENT'><c:prop-filter name='SUMMARY'><c:text-match {collation} \
                 negate-condition='{negate}'>{text}</c:text-match></c:prop-filter></c:comp-filter>"
            );
            assert_eq!(matches(&house, &filter).await, expected, "{filter}");
        }
    }
}

#[actix_web::test]
async fn r4_properties_and_parameters_are_asked_for_present_absent_and_by_text() {
    let house = with(
        "SUMMARY:Board\nATTENDEE;PARTSTAT=ACCEPTED;CN=\"Berg, Anna\":mailto:anna@example.com\n\
         ATTENDEE;PARTSTAT=DECLINED:mailto:bert@example.com\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\n\
         DESCRIPTION:x\nEND:VALARM\n",
    )
    .await;
    let attendee = |inside: &str| format!("<c:prop-filter name='ATTENDEE'>{inside}</c:prop-filter>");
    let param = |name: &str, inside: &str| format!("<c:param-filter name='{name}'>{inside}</c:param-filter>");
    let text = |text: &str| format!("<c:text-match>{text}</c:text-match>");
    let not = |text: &str| format!("<c:text-match negate-condition='yes'>{text}</c:text-match>");
    let absent = "<c:is-not-defined/>";
    for (inside, expected) in [
        (attendee(""), true),
        (attendee(absent), false),
        ("<c:prop-filter name='location'><c:is-not-defined/></c:prop-filter>".to_owned(), true),
        ("<c:prop-filter name='LOCATION'/>".to_owned(), false),
        (attendee(&format!("{}{}", text("anna"), param("partstat", &text("accepted")))), true),
        (attendee(&format!("{}{}", text("anna"), param("PARTSTAT", &text("DECLINED")))), false),
        (attendee(&format!("{}{}", text("bert"), param("CN", absent))), true),
        (attendee(&format!("{}{}", text("anna"), param("CN", absent))), false),
        (attendee(&param("CN", &text("Berg, A"))), true),
        (attendee(&format!("{}{}", text("anna"), param("PARTSTAT", &not("ACCEPTED")))), false),
        (attendee(&param("ROLE", &not("CHAIR"))), false),
        (format!("{}<c:prop-filter name='LOCATION'/>", attendee("")), false),
        ("<c:comp-filter name='VALARM'/>".to_owned(), true),
        ("<c:comp-filter name='VALARM'><c:is-not-defined/></c:comp-filter>".to_owned(), false),
        (
            format!(
                "<c:comp-filter name='VALARM'><c:prop-filter name='ACTION'>{}</c:prop-filter></c:comp-filter>",
                text("audio")
            ),
            false,
        ),
    ] {
        let filter = format!("<c:comp-filter name='VEVENT'>{inside}</c:comp-filter>");
        assert_eq!(matches(&house, &filter).await, expected, "{inside}");
    }
    assert!(matches(&house, "<c:comp-filter name='VTODO'><c:is-not-defined/></c:comp-filter>").await);
    assert!(matches(&house, "<c:prop-filter name='PRODID'><c:text-match>test</c:text-match></c:prop-filter>").await);
    let conditions = [
        (
            "<c:comp-filter name='VEVENT'><c:prop-filter name='SUMMARY'><c:text-match collation='i;odd'>x</c:text-match></c:prop-filter></c:comp-filter>",
            "<C:supported-collation/>",
        ),
        (
            "<c:comp-filter name='VEVENT'><c:is-not-defined/><c:comp-filter name='VALARM'/></c:comp-filter>",
            "<C:valid-filter/>",
        ),
        ("<c:comp-filter/>", "<C:valid-filter/>"),
        (
            "<c:comp-filter name='VEVENT'><c:guess/></c:comp-filter>",
            "<C:supported-filter><C:comp-filter name=\"VEVENT\"/></C:supported-filter>",
        ),
        (
            "<c:comp-filter name='VEVENT'><c:prop-filter name='SUMMARY'><c:time-range start='20260101T000000Z'/></c:prop-filter></c:comp-filter>",
            "<C:supported-filter><C:prop-filter name=\"SUMMARY\"/></C:supported-filter>",
        ),
    ];
    for (filter, condition) in conditions {
        assert_eq!(refused(&house, filter).await, condition, "{filter}");
    }
}

fn alarm_between(start: &str, end: &str) -> String {
    format!(
        "<c:comp-filter name='VEVENT'><c:comp-filter name='VALARM'><c:time-range start='{start}' end='{end}'/>\
         </c:comp-filter></c:comp-filter>"
    )
}

#[actix_web::test]
async fn r5_an_alarm_is_found_when_it_rings_repetitions_ends_and_overrides_included() {
    // Ten to eleven UTC on the third of March, weekly; the second instance is moved to three on the Wednesday.
    let moved = "END:VEVENT\nBEGIN:VEVENT\nUID:a\nDTSTAMP:20260301T000000Z\nRECURRENCE-ID:20260310T100000Z\n\
                 DTSTART:20260311T150000Z\nDTEND:20260311T160000Z\nSUMMARY:x\nBEGIN:VALARM\nACTION:DISPLAY\n\
                 DESCRIPTION:x\nTRIGGER;RELATED=END:PT0S\nEND:VALARM\n";
    let house = with(&format!(
        "RRULE:FREQ=WEEKLY;COUNT=3\nBEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-PT30M\nREPEAT:2\n\
         DURATION:PT10M\nEND:VALARM\n{moved}"
    ))
    .await;
    for (start, end, expected) in [
        ("20260303T093000Z", "20260303T093001Z", true),
        ("20260303T093001Z", "20260303T094000Z", false),
        ("20260303T094000Z", "20260303T094001Z", true),
        ("20260303T095000Z", "20260303T095001Z", true),
        ("20260303T095001Z", "20260310T000000Z", false),
        ("20260310T000000Z", "20260311T160000Z", false),
        ("20260311T160000Z", "20260311T160001Z", true),
        ("20260317T093000Z", "20260317T093001Z", true),
        ("20260317T095001Z", "20270101T000000Z", false),
    ] {
        assert_eq!(matches(&house, &alarm_between(start, end)).await, expected, "{start} {end}");
    }
}

#[actix_web::test]
async fn r5_an_alarm_a_day_before_rings_at_the_same_hour_across_a_change_of_offset() {
    let house = with("BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-P1D\nEND:VALARM\n").await;
    let body = event("a", 10)
        .replace("DTSTART:20260303T100000Z", "DTSTART;TZID=Europe/Oslo:20260329T180000")
        .replace("DTEND:20260303T110000Z", "DTEND;TZID=Europe/Oslo:20260329T190000")
        .replace("SUMMARY", "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-P1D\r\nEND:VALARM\r\nSUMMARY");
    let put = house.send("anna", "PUT", "/dav/t/rooms/hall/a.ics", &[], &body).await;
    assert_eq!(put.status, 204, "{}", put.body);
    // 18:00 on the day before is winter time, 17:00 UTC, although the event is at 16:00 UTC.
    assert!(matches(&house, &alarm_between("20260328T170000Z", "20260328T170001Z")).await);
    assert!(!matches(&house, &alarm_between("20260328T160000Z", "20260328T160001Z")).await);
}

#[actix_web::test]
async fn r5_free_busy_components_are_asked_for_in_vain_and_what_has_no_times_is_refused_by_name() {
    let house = with("SUMMARY:x\n").await;
    let range = "<c:time-range start='20260301T000000Z' end='20260401T000000Z'/>";
    for name in ["VFREEBUSY", "VTODO", "VJOURNAL"] {
        assert!(!matches(&house, &format!("<c:comp-filter name='{name}'>{range}</c:comp-filter>")).await, "{name}");
    }
    for name in ["VTIMEZONE", "X-PLAN"] {
        assert_eq!(
            refused(&house, &format!("<c:comp-filter name='{name}'>{range}</c:comp-filter>")).await,
            format!("<C:supported-filter><C:comp-filter name=\"{name}\"/></C:supported-filter>")
        );
    }
    let free_busy = event("f", 12).replace("VEVENT", "VFREEBUSY");
    let put = house.send("anna", "PUT", "/dav/t/rooms/hall/f.ics", &[], &free_busy).await;
    assert!(put.inner().starts_with("<C:supported-calendar-component/>"), "none can be stored: {}", put.body);
}

/// Weekly from Monday the second of March, four times; the second is moved to the Tuesday after the third, the fourth
/// has another title.
fn series() -> String {
    let part = |lines: &str| format!("BEGIN:VEVENT\r\nUID:s\r\nDTSTAMP:20260301T000000Z\r\n{lines}END:VEVENT\r\n");
    let master =
        part("DTSTART:20260302T180000Z\r\nDTEND:20260302T190000Z\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:Choir\r\n");
    let moved = part(
        "RECURRENCE-ID:20260309T180000Z\r\nDTSTART:20260317T180000Z\r\nDTEND:20260317T190000Z\r\nSUMMARY:Moved\r\n",
    );
    let named = part(
        "RECURRENCE-ID:20260323T180000Z\r\nDTSTART:20260323T180000Z\r\nDTEND:20260323T190000Z\r\nSUMMARY:Concert\r\n",
    );
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{master}{moved}{named}END:VCALENDAR\r\n")
}

async fn data(house: &House, asked: &str) -> String {
    let multiget = format!(
        "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><c:calendar-data>{asked}\
         </c:calendar-data></prop><href>{HALL}s.ics</href></c:calendar-multiget>"
    );
    let answer = house.send("anna", "REPORT", HALL, &[], &multiget).await;
    assert_eq!(answer.status, 207, "{}", answer.body);
    let (_, rest) = answer.body.split_once("<C:calendar-data>").unwrap();
    rest.split_once("</C:calendar-data>").unwrap().0.replace("&#13;\n", "\r\n")
}

async fn with_series() -> House {
    let house = House::with_anna().await;
    let put = house.send("anna", "PUT", "/dav/t/rooms/hall/s.ics", &[], &series()).await;
    assert_eq!(put.status, 201, "{}", put.body);
    house
}

#[actix_web::test]
async fn r7_limit_recurrence_set_keeps_the_master_and_the_overrides_that_matter() {
    let house = with_series().await;
    for (start, end, kept) in [
        ("20260301T000000Z", "20260303T000000Z", &["Choir"][..]),
        // Here the moved one would have been, there it is.
        ("20260309T000000Z", "20260310T000000Z", &["Choir", "Moved"]),
        ("20260317T183000Z", "20260317T184000Z", &["Choir", "Moved"]),
        ("20260317T190000Z", "20260323T180000Z", &["Choir"]),
        ("20260317T185959Z", "20260323T180001Z", &["Choir", "Moved", "Concert"]),
        ("20270101T000000Z", "20270201T000000Z", &["Choir"]),
    ] {
        let text = data(&house, &format!("<c:limit-recurrence-set start='{start}' end='{end}'/>")).await;
        let titles: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("SUMMARY:")).collect();
        assert_eq!(titles, kept, "{start} {end}");
        assert_eq!(text.matches("RRULE:FREQ=WEEKLY;COUNT=4").count(), 1);
    }
    let both = "<c:limit-recurrence-set start='20260301T000000Z' end='20260303T000000Z'/>\
                <c:expand start='20260301T000000Z' end='20260303T000000Z'/>";
    let body = query(&format!("<c:calendar-data>{both}</c:calendar-data>"), "<c:comp-filter name='VEVENT'/>");
    assert_eq!(house.send("anna", "REPORT", HALL, &[], &body).await.status, 400);
}

#[actix_web::test]
async fn r7_limit_freebusy_set_has_nothing_to_leave_out_of_events_and_free_busy_itself_is_cut_to_its_range() {
    let house = with_series().await;
    let limit = "<c:limit-freebusy-set start='20260301T000000Z' end='20260303T000000Z'/>";
    assert_eq!(data(&house, limit).await, series());
    let busy = "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'>\
                <c:time-range start='20260302T183000Z' end='20260317T183000Z'/></c:free-busy-query>";
    let busy = house.send("anna", "REPORT", HALL, &[], busy).await.body;
    let taken: Vec<&str> = busy.lines().filter_map(|line| line.strip_prefix("FREEBUSY:")).collect();
    assert_eq!(
        taken,
        ["20260302T183000Z/20260302T190000Z", "20260316T180000Z/20260316T190000Z", "20260317T180000Z/20260317T183000Z"]
    );
}

#[actix_web::test]
async fn r8_a_selection_gives_the_components_and_properties_it_names_and_no_others() {
    let house = with(
        "SUMMARY;LANGUAGE=nb:Møte\nX-OWN:1\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:x\nEND:VALARM\n",
    )
    .await;
    let all = house.send("anna", "GET", "/dav/t/rooms/hall/a.ics", &[], "").await.body;
    let move_to = [("destination", "/dav/t/rooms/hall/s.ics")];
    assert_eq!(house.send("anna", "MOVE", "/dav/t/rooms/hall/a.ics", &move_to, "").await.status, 201);
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:x\r\nEND:VALARM\r\n";
    let calendar = |inside: &str| format!("BEGIN:VCALENDAR\r\n{inside}END:VCALENDAR\r\n");
    let vevent = |inside: &str| format!("BEGIN:VEVENT\r\n{inside}END:VEVENT\r\n");
    for (selection, expected) in [
        ("<c:comp name='VCALENDAR'><c:allprop/><c:allcomp/></c:comp>", all.clone()),
        ("<c:comp name='VCALENDAR'/>", all.clone()),
        ("<c:comp name='VCALENDAR'><c:prop name='VERSION'/></c:comp>", calendar("VERSION:2.0\r\n")),
        (
            "<c:comp name='VCALENDAR'><c:prop name='version'/><c:comp name='vevent'><c:prop name='uid'/>\
             <c:prop name='SUMMARY'/></c:comp><c:comp name='VTIMEZONE'/></c:comp>",
            calendar(&format!("VERSION:2.0\r\n{}", vevent("UID:a\r\nSUMMARY;LANGUAGE=nb:Møte\r\n"))),
        ),
        (
            "<c:comp name='VCALENDAR'><c:prop name='VERSION'/><c:comp name='VEVENT'><c:prop name='SUMMARY' \
             novalue='yes'/><c:prop name='X-OWN' novalue='no'/><c:comp name='VALARM'><c:prop name='TRIGGER'/></c:comp>\
             </c:comp></c:comp>",
            calendar(&format!(
                "VERSION:2.0\r\n{}",
                vevent("SUMMARY;LANGUAGE=nb:\r\nX-OWN:1\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n")
            )),
        ),
        (
            "<c:comp name='VCALENDAR'><c:prop name='VERSION'/><c:comp name='VEVENT'><c:prop name='UID'/><c:allcomp/>\
             </c:comp></c:comp>",
            calendar(&format!("VERSION:2.0\r\n{}", vevent(&format!("UID:a\r\n{alarm}")))),
        ),
    ] {
        assert_eq!(data(&house, selection).await, expected, "{selection}");
    }
}

//! Refusals: which element and status each has, and what its sentence says to the person who booked. Statements O7, O8,
//! O14 and X4.

use super::house::Answer;
use super::house::House;
use super::house::NOW;
use super::house::event;
use anteroom::config::Limits;
use anteroom::manage::Acting;
use anteroom::manage::tenants;
use anteroom::model::Privilege;

const B: &str = "/dav/t/rooms/hall/b.ics";

async fn put(house: &House, body: &str) -> Answer {
    house.send("anna", "PUT", B, &[("content-type", "text/calendar")], body).await
}

/// The elements of the refusal and its sentence.
fn told(answer: &Answer) -> (&str, &str) {
    let (elements, rest) = answer.inner().split_once("<D:responsedescription>").unwrap();
    (elements, rest.split_once("</D:responsedescription>").unwrap().0)
}

fn with(lines: &str) -> String {
    event("b", 12).replace("SUMMARY", &format!("{}\r\nSUMMARY", lines.replace('\n', "\r\n")))
}

/// An event whose VEVENT says its times itself.
fn timed(lines: &str) -> String {
    event("b", 12).replace("DTSTART:20260303T120000Z\r\nDTEND:20260303T130000Z", &lines.replace('\n', "\r\n"))
}

#[actix_web::test]
async fn o7_each_of_the_ten_preconditions_is_refused_by_its_own_element_with_403_or_409() {
    let limits = Limits { attendees: 2, object_bytes: 4096, recurrence_dates: 3, ..Limits::default() };
    let house = House::with_limits(limits).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 10).await;
    let people = "ATTENDEE:mailto:a@x.org\nATTENDEE:mailto:b@x.org\nATTENDEE:mailto:c@x.org";
    let dates = "RDATE:20260304T120000Z,20260305T120000Z,20260306T120000Z,20260307T120000Z";
    for (body, condition) in [
        (with("X-LONG:").replace("X-LONG:", &format!("X-LONG:{}", "x".repeat(4096))), "<C:max-resource-size/>"),
        (event("b", 12).replace("VERSION:2.0", "VERSION:1.0"), "<C:supported-calendar-data/>"),
        (event("b", 12).replace("END:VEVENT\r\n", ""), "<C:valid-calendar-data/>"),
        (event("b", 12).replace("PRODID", "METHOD:PUBLISH\r\nPRODID"), "<C:valid-calendar-object-resource/>"),
        (event("b", 12).replace("VEVENT", "VTODO"), "<C:supported-calendar-component/>"),
        (event("a", 12), "<C:no-uid-conflict><D:href>/dav/t/rooms/hall/a.ics</D:href></C:no-uid-conflict>"),
        (timed("DTSTART:19691231T120000Z"), "<C:min-date-time/>"),
        (timed("DTSTART:22010101T120000Z"), "<C:max-date-time/>"),
        (with(dates), "<C:max-instances/>"),
        (with(people), "<C:max-attendees-per-instance/>"),
    ] {
        let answer = put(&house, &body).await;
        assert_eq!(answer.status, 403, "{condition}: {}", answer.body);
        let (elements, sentence) = told(&answer);
        assert_eq!(elements, condition);
        assert!(sentence.len() > 20 && sentence.ends_with('.'), "{sentence}");
        assert_eq!(answer.header("content-type"), Some("application/xml; charset=utf-8"));
    }
    assert_eq!(house.send("anna", "GET", B, &[], "").await.status, 404, "nothing of them was stored");
}

#[actix_web::test]
async fn o7_a_series_with_more_instances_than_are_kept_is_refused_by_max_instances() {
    let house = House::with_limits(Limits { report_instances: 500, ..Limits::default() }).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    let answer = put(&house, &with("RRULE:FREQ=DAILY")).await;
    assert_eq!((answer.status, told(&answer).0), (403, "<C:max-instances/>"), "{}", answer.body);
    assert_eq!(put(&house, &with("RRULE:FREQ=WEEKLY")).await.status, 201);
}

#[actix_web::test]
async fn o8_what_is_no_calendar_object_is_refused_and_a_known_zone_needs_no_definition() {
    let house = House::with_anna().await;
    let second = "BEGIN:VEVENT\r\nUID:other\r\nDTSTAMP:20260301T000000Z\r\nDTSTART:20260401T180000Z\r\nEND:VEVENT\r\n";
    let and = |more: &str| event("b", 12).replace("END:VCALENDAR", &format!("{more}END:VCALENDAR"));
    let object = "<C:valid-calendar-object-resource/>";
    for (body, condition, says) in [
        (event("b", 12).replace("PRODID", "METHOD:REQUEST\r\nPRODID"), object, "METHOD"),
        (and(second), object, "two UIDs, b and other"),
        (and("BEGIN:VTODO\r\nUID:b\r\nEND:VTODO\r\n"), object, "VTODO stands beside VEVENT"),
        (event("b", 12).replace("UID:b\r\n", ""), object, "has no UID"),
        (event("b", 12).replace("DTSTAMP:20260301T000000Z", "DTSTAMP:today"), "<C:valid-calendar-data/>", "DTSTAMP"),
    ] {
        let answer = put(&house, &body).await;
        let (elements, sentence) = told(&answer);
        assert_eq!((answer.status, elements), (403, condition), "{}", answer.body);
        assert!(sentence.contains(says), "{sentence}");
    }
    for tzid in ["Europe/Oslo", "W. Europe Standard Time"] {
        let body = timed(&format!("DTSTART;TZID={tzid}:20260303T180000\nDTEND;TZID={tzid}:20260303T190000"));
        let answer = put(&house, &body).await;
        assert!([201, 204].contains(&answer.status), "{tzid}: {}", answer.body);
        assert_eq!(busy(&house).await, ["20260303T170000Z/20260303T180000Z"], "{tzid}");
    }
}

/// The taken times of the hall in March 2026.
async fn busy(house: &House) -> Vec<String> {
    let body = "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'>\
                <c:time-range start='20260301T000000Z' end='20260401T000000Z'/></c:free-busy-query>";
    let answer = house.send("anna", "REPORT", "/dav/t/rooms/hall/", &[], body).await;
    answer.body.lines().filter_map(|line| line.strip_prefix("FREEBUSY:").map(str::to_owned)).collect()
}

#[actix_web::test]
async fn x4_windows_names_and_their_variants_map_and_an_unknown_zone_needs_rules() {
    let house = House::with_anna().await;
    let rules = "BEGIN:VTIMEZONE\r\nTZID:Town hall time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n\
                 TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n\
                 BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
                 RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";
    for (tzid, definition, expected) in [
        ("W. Europe Standard Time", "", "20260303T170000Z/20260303T180000Z"),
        ("W. Europe Standard Time 1", "", "20260303T170000Z/20260303T180000Z"),
        ("\"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\"", "", "20260303T170000Z/20260303T180000Z"),
        ("Eastern Standard Time", "", "20260303T230000Z/20260304T000000Z"),
        ("/mozilla.org/20070129_1/Europe/Oslo", "", "20260303T170000Z/20260303T180000Z"),
        ("Town hall time", rules, "20260303T170000Z/20260303T180000Z"),
    ] {
        let times = format!("DTSTART;TZID={tzid}:20260303T180000\nDTEND;TZID={tzid}:20260303T190000");
        let body = timed(&times).replace("BEGIN:VEVENT", &format!("{definition}BEGIN:VEVENT"));
        let answer = put(&house, &body).await;
        assert!([201, 204].contains(&answer.status), "{tzid}: {}", answer.body);
        assert_eq!(busy(&house).await, [expected], "{tzid}");
        assert_eq!(house.send("anna", "GET", B, &[], "").await.body, body, "the name stays as it was sent");
    }
    let unknown = timed("DTSTART;TZID=Town hall time:20260303T180000");
    let answer = put(&house, &unknown).await;
    assert_eq!((answer.status, told(&answer).0), (403, "<C:valid-calendar-data/>"));
    assert!(told(&answer).1.contains("unknown time zone \"Town hall time\""), "{}", answer.body);
}

#[actix_web::test]
async fn o14_a_recurrence_that_nobody_could_keep_is_refused_by_its_part() {
    let house = House::with_anna().await;
    for (lines, part) in [
        ("RRULE:FREQ=SECONDLY;COUNT=5", "FREQ=SECONDLY"),
        ("RRULE:FREQ=MINUTELY;INTERVAL=15;COUNT=4", "FREQ=MINUTELY"),
        ("RRULE:RSCALE=HEBREW;FREQ=YEARLY", "RSCALE=HEBREW"),
        ("RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", "EXRULE"),
    ] {
        let answer = put(&house, &with(lines)).await;
        let (elements, sentence) = told(&answer);
        assert_eq!(answer.status, 403);
        assert_eq!(
            elements,
            format!("<C:valid-calendar-object-resource/><R:unsupported-recurrence>{part}</R:unsupported-recurrence>")
        );
        assert!(sentence.starts_with("This recurrence cannot be kept: line "), "{sentence}");
    }
}

#[actix_web::test]
async fn a_series_that_meets_other_bookings_is_refused_with_the_first_dates_and_their_number() {
    let house = House::with_anna().await;
    let taken = with("RRULE:FREQ=WEEKLY;COUNT=8").replace("UID:b", "UID:choir").replace("Meeting b", "Choir");
    house.send("anna", "PUT", "/dav/t/rooms/hall/c.ics", &[], &taken).await;
    for (rule, sentence) in [
        (
            "RRULE:FREQ=DAILY;COUNT=100",
            "Hall is taken on 2026-03-03 13:00-14:00 by Choir, and 7 more times in this series: 2026-03-10, 2026-03-17, \
             2026-03-24 and 4 later.",
        ),
        (
            "RRULE:FREQ=DAILY;INTERVAL=7;COUNT=3",
            "Hall is taken on 2026-03-03 13:00-14:00 by Choir, and 2 more times in this series: 2026-03-10 and \
             2026-03-17.",
        ),
        (
            "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2",
            "Hall is taken on 2026-03-03 13:00-14:00 by Choir, and once more in this series: 2026-03-17.",
        ),
        ("RRULE:FREQ=MONTHLY;COUNT=2", "Hall is taken on 2026-03-03 13:00-14:00 by Choir."),
    ] {
        let answer = put(&house, &with(rule)).await;
        assert_eq!((answer.status, told(&answer)), (409, ("<R:room-occupied/>", sentence)));
    }
}

#[actix_web::test]
async fn a_refusal_is_of_the_kind_that_each_client_survives() {
    let house = House::with_anna().await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 12).await;
    let bert = house.user("bert").await;
    house.grant_all(&bert, Privilege::Read).await;
    let no_right = house.send("bert", "PUT", B, &[], &event("b", 14)).await;
    assert_eq!(no_right.status, 403);
    assert!(told(&no_right).0.starts_with("<D:need-privileges>"), "{}", no_right.body);
    assert_eq!(told(&no_right).1, "You may not change bookings of Hall.");
    let taken = put(&house, &event("b", 12)).await;
    assert_eq!((taken.status, told(&taken).0), (409, "<R:room-occupied/>"), "no bare 403, which would end a sync");
    let stale = house.send("anna", "PUT", "/dav/t/rooms/hall/a.ics", &[("if-match", "\"x\"")], &event("a", 15)).await;
    assert_eq!((stale.status, told(&stale).0), (412, ""));
    for answer in [&no_right, &taken, &stale] {
        assert!(!answer.body.contains("<D:error/>") && !told(answer).1.is_empty(), "{}", answer.body);
    }
}

#[actix_web::test]
async fn a_request_with_several_faults_is_refused_in_one_known_order() {
    let house = House::with_anna().await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 12).await;
    let bert = house.user("bert").await;
    house.grant_all(&bert, Privilege::Read).await;
    let stale = ("if-match", "\"x\"");
    let wrong_type = ("content-type", "text/html");
    let right = house.send("bert", "PUT", B, &[stale, wrong_type], "x").await;
    assert!(told(&right).0.starts_with("<D:need-privileges>"), "rights before the body");
    let media = house.send("anna", "PUT", B, &[stale, wrong_type], "x").await;
    assert_eq!(told(&media).0, "<C:supported-calendar-data/>", "the type before the content");
    let body = house.send("anna", "PUT", B, &[stale], "x").await;
    assert_eq!(told(&body).0, "<C:valid-calendar-data/>", "the content before the conditions");
    let condition = house.send("anna", "PUT", B, &[stale], &event("a", 12)).await;
    assert_eq!(condition.status, 412, "the conditions before the UID");
    let uid = house.send("anna", "PUT", B, &[], &event("a", 12)).await;
    assert!(told(&uid).0.starts_with("<C:no-uid-conflict>"), "the UID before the slot");
    assert_eq!(put(&house, &event("b", 12)).await.status, 409);
}

#[actix_web::test]
async fn a_tenant_that_is_closed_answers_503_and_one_that_is_drained_can_be_read() {
    let house = House::with_anna().await;
    assert_eq!(house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 10).await.status, 201);
    let acting = Acting { tenant: &house.tenant.id, actor: "command-line", now: NOW };
    let ask = async |method, path| house.send("anna", method, path, &[("depth", "0")], "").await;

    let mut tx = house.store.begin_write().await.unwrap();
    tenants::drain(&mut tx, &acting, "moves to another server").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ask("PROPFIND", "/dav/t/rooms/hall/").await.status, 207);
    assert_eq!(ask("GET", "/dav/t/rooms/hall/a.ics").await.status, 200);
    let refused = put(&house, &event("b", 12)).await;
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("can only be read at the moment: moves to another server"), "{}", refused.body);

    let mut tx = house.store.begin_write().await.unwrap();
    tenants::suspend(&mut tx, &acting, "unpaid").await.unwrap();
    tx.commit().await.unwrap();
    for (method, path) in
        [("PROPFIND", "/dav/t/rooms/hall/"), ("GET", "/dav/t/rooms/hall/a.ics"), ("DELETE", "/dav/t/rooms/hall/a.ics")]
    {
        let refused = ask(method, path).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("3600")), "{method} {path}");
        assert!(refused.body.contains("is closed at the moment: unpaid"), "{}", refused.body);
    }

    let mut tx = house.store.begin_write().await.unwrap();
    tenants::resume(&mut tx, &acting).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ask("GET", "/dav/t/rooms/hall/a.ics").await.status, 200, "nothing is gone");
}

//! Time zones by reference: statements X2 and R3.

use super::house::House;
use super::house::event;
use anteroom::model::Privilege;

const HALL: &str = "/dav/t/rooms/hall/";
const A: &str = "/dav/t/rooms/hall/a.ics";
const DEFINITION: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Oslo\r\n";

/// An event whose times are given by `start` and `end`, names of parameters included.
fn timed(uid: &str, start: &str, end: &str) -> String {
    event(uid, 10)
        .replace("DTSTART:20260303T100000Z", &format!("DTSTART{start}"))
        .replace("DTEND:20260303T110000Z", &format!("DTEND{end}"))
}

fn zoned() -> String {
    timed("a", ";TZID=Europe/Oslo:20260303T180000", ";TZID=Europe/Oslo:20260303T190000")
}

#[actix_web::test]
async fn x2_a_client_gets_its_zones_described_or_only_named() {
    let house = House::with_anna().await;
    let headers = [("content-type", "text/calendar"), ("caldav-timezones", "F")];
    let put = house.send("anna", "PUT", A, &headers, &zoned()).await;
    assert_eq!(put.status, 201, "a zone of the database needs no definition");
    let etag = put.header("etag").unwrap();
    let get = |value: Option<&'static str>| {
        let house = &house;
        async move {
            let headers: Vec<(&str, &str)> = value.map(|value| ("caldav-timezones", value)).into_iter().collect();
            house.send("anna", "GET", A, &headers, "").await
        }
    };
    let (described, named, as_put) = (get(Some("T")).await, get(Some("F")).await, get(None).await);
    assert!(described.body.contains(DEFINITION), "{}", described.body);
    assert_eq!((&named.body, &as_put.body), (&zoned(), &zoned()));
    for answer in [&described, &named, &as_put] {
        assert_eq!((answer.header("etag"), answer.header("vary")), (Some(etag), Some("CalDAV-Timezones")));
    }
    assert_eq!(get(Some("X")).await.status, 400);
    let full = described.body.clone();
    let headers = [("content-type", "text/calendar"), ("if-match", etag)];
    assert_eq!(
        house.send("anna", "PUT", A, &headers, &full).await.status,
        204,
        "fetched in one form, written in another"
    );
    assert_eq!((get(None).await.body, get(Some("F")).await.body), (full, zoned()));
    let multiget = format!(
        "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><c:calendar-data/></prop>\
         <href>{A}</href></c:calendar-multiget>"
    );
    for (value, expected) in [("T", 1), ("F", 0)] {
        let answer = house.send("anna", "REPORT", HALL, &[("caldav-timezones", value)], &multiget).await;
        assert_eq!(answer.body.matches("BEGIN:VTIMEZONE").count(), expected, "{}", answer.body);
        assert_eq!(answer.body.matches("TZID=Europe/Oslo").count(), 2);
    }
    let prefer = [("prefer", "return=representation"), ("caldav-timezones", "T")];
    let answer = house.send("anna", "PUT", A, &prefer, &zoned()).await;
    assert!(answer.status == 200 && answer.body.contains(DEFINITION), "{}", answer.body);
}

#[actix_web::test]
async fn x2_the_option_is_advertised_and_the_zone_of_a_calendar_is_set_by_its_name() {
    let house = House::with_anna().await;
    let options = house.send("anna", "OPTIONS", HALL, &[], "").await;
    assert!(options.header("dav").unwrap().split(", ").any(|class| class == "calendar-no-timezone"));
    let patch = |inside: &str| {
        let body =
            format!("<propertyupdate xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>{inside}</propertyupdate>");
        let house = &house;
        async move { house.send("anna", "PROPPATCH", HALL, &[], &body).await }
    };
    let property = |name: &'static str| {
        let house = &house;
        async move {
            let body = format!(
                "<propfind xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><c:{name}/></prop></propfind>"
            );
            let body = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], &body).await.body;
            let (_, rest) = body.split_once(name).unwrap();
            rest.split_once('>').unwrap().1.split_once("</").unwrap().0.replace("&#13;", "")
        }
    };
    let told = || async {
        let definition = property("calendar-timezone").await;
        let tzid = definition.lines().find_map(|line| line.strip_prefix("TZID:").map(str::to_owned));
        (property("calendar-timezone-id").await, tzid.unwrap())
    };
    let both = |zone: &str| (zone.to_owned(), zone.to_owned());
    assert_eq!(told().await, both("Europe/Oslo"));
    let wrong = patch("<set><prop><c:calendar-timezone-id>Mars/Olympus</c:calendar-timezone-id></prop></set>").await;
    assert!(wrong.body.contains("403") && wrong.body.contains("<C:valid-timezone/>"), "{}", wrong.body);
    assert_eq!(told().await, both("Europe/Oslo"));
    patch("<set><prop><c:calendar-timezone-id>America/New_York</c:calendar-timezone-id></prop></set>").await;
    assert_eq!(told().await, both("America/New_York"));
    let tokyo = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Asia/Tokyo\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
                 TZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n";
    patch(&format!("<set><prop><c:calendar-timezone>{tokyo}</c:calendar-timezone></prop></set>")).await;
    assert_eq!(told().await, both("Asia/Tokyo"));
    patch("<remove><prop><c:calendar-timezone/></prop></remove>").await;
    assert_eq!(told().await, both("Europe/Oslo"), "without an own zone, the room's");
}

/// Whether a query for an hour of 2026-03-03 (UTC) finds something.
async fn found(house: &House, login: &str, hour: &str, zone: &str) -> bool {
    let body = format!(
        "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop><c:filter>\
         <c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'><c:time-range start='{hour}00Z' end='{hour}01Z'/>\
         </c:comp-filter></c:comp-filter></c:filter>{zone}</c:calendar-query>"
    );
    let answer = house.send(login, "REPORT", HALL, &[("depth", "1")], &body).await;
    assert_eq!(answer.status, 207, "{}", answer.body);
    answer.body.contains("<D:response>")
}

#[actix_web::test]
async fn r3_whole_days_and_floating_times_are_taken_in_the_zone_of_the_query_else_of_the_calendar() {
    let tokyo = "<c:timezone-id>Asia/Tokyo</c:timezone-id>";
    let own = "<c:timezone>BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Eastern\nX-LIC-LOCATION:America/New_York\n\
               BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0500\nEND:STANDARD\n\
               END:VTIMEZONE\nEND:VCALENDAR</c:timezone>";
    for (object, cases) in [
        // The third of March: in Oslo from 23:00 UTC the day before, in Tokyo from 15:00, in New York from 05:00.
        (
            timed("a", ";VALUE=DATE:20260303", ";VALUE=DATE:20260304"),
            [
                ("20260302T2259", "", false),
                ("20260302T2300", "", true),
                ("20260303T2300", "", false),
                ("20260302T1500", tokyo, true),
                ("20260302T1459", tokyo, false),
                ("20260303T1500", tokyo, false),
                ("20260303T0459", own, false),
                ("20260303T0500", own, true),
                ("20260304T0459", own, true),
            ],
        ),
        // Noon until one, wherever one is.
        (
            timed("a", ":20260303T120000", ":20260303T130000"),
            [
                ("20260303T1059", "", false),
                ("20260303T1100", "", true),
                ("20260303T1200", "", false),
                ("20260303T0300", tokyo, true),
                ("20260303T0259", tokyo, false),
                ("20260303T0400", tokyo, false),
                ("20260303T1659", own, false),
                ("20260303T1700", own, true),
                ("20260303T1800", own, false),
            ],
        ),
    ] {
        let house = House::with_anna().await;
        let put = house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &object).await;
        assert_eq!(put.status, 201, "{}", put.body);
        for (hour, zone, expected) in cases {
            assert_eq!(found(&house, "anna", hour, zone).await, expected, "{hour} {zone}\n{object}");
        }
    }
}

#[actix_web::test]
async fn r3_the_zone_that_a_caller_has_set_on_a_calendar_is_the_zone_of_that_caller_s_queries() {
    let house = House::with_anna().await;
    let bert = house.user("bert").await;
    house.grant_all(&bert, Privilege::Read).await;
    let day = timed("a", ";VALUE=DATE:20260303", ";VALUE=DATE:20260304");
    house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &day).await;
    let body = "<propertyupdate xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><set><prop>\
                <c:calendar-timezone-id>Asia/Tokyo</c:calendar-timezone-id></prop></set></propertyupdate>";
    assert_eq!(house.send("bert", "PROPPATCH", HALL, &[], body).await.status, 207);
    for (login, hour, expected) in [
        ("bert", "20260302T1500", true),
        ("bert", "20260303T1500", false),
        ("anna", "20260302T1500", false),
        ("anna", "20260303T1500", true),
    ] {
        assert_eq!(found(&house, login, hour, "").await, expected, "{login} {hour}");
    }
    let oslo = "<c:timezone-id>Europe/Oslo</c:timezone-id>";
    assert!(found(&house, "bert", "20260303T1500", oslo).await, "the query's zone is stronger");
    let busy = "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'>\
                <c:time-range start='20260301T000000Z' end='20260401T000000Z'/></c:free-busy-query>";
    let busy = house.send("bert", "REPORT", HALL, &[], busy).await.body;
    assert!(busy.contains("FREEBUSY:20260302T230000Z/20260303T230000Z"), "the room is taken when it is taken: {busy}");
}

#[actix_web::test]
async fn r3_a_zone_that_is_none_is_refused_by_its_condition() {
    let house = House::with_anna().await;
    for zone in [
        "<c:timezone-id>Mars/Olympus</c:timezone-id>",
        "<c:timezone>no calendar</c:timezone>",
        "<c:timezone>BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR</c:timezone>",
    ] {
        let body = format!(
            "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop><c:filter>\
             <c:comp-filter name='VCALENDAR'/></c:filter>{zone}</c:calendar-query>"
        );
        let answer = house.send("anna", "REPORT", HALL, &[], &body).await;
        assert_eq!(answer.status, 403);
        assert!(answer.inner().starts_with("<C:valid-timezone/>"), "{}", answer.body);
    }
}

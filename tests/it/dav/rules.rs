//! Rooms' own rules over CalDAV: statement X5, refusals by named elements, bookings that wait for a confirmation.

use super::house::Answer;
use super::house::House;
use super::house::NOW;
use super::house::event;
use anteroom::config::Limits;
use anteroom::manage::Acting;
use anteroom::manage::approvals::Decision;
use anteroom::manage::closures::NewClosure;
use anteroom::manage::{approvals, closures, rules};
use anteroom::model::{ObjectName, Privilege};
use anteroom::store::approvals::Approval;
use anteroom::store::pages::Page;
use anteroom::store::{approvals as stored, audit, conflicts};

const A: &str = "/dav/t/rooms/hall/a.ics";
const HALL: &str = "/dav/t/rooms/hall/";

/// Open from eight to four in Oslo, Mondays to Fridays, except on Wednesday, 2026-03-04.
const OFFICE: &str = r#"{"opening_hours":[
    {"days":["monday","tuesday","wednesday","thursday","friday"],"from":"08:00","to":"16:00"}],
    "exceptions":[{"date":"2026-03-04","hours":[{"from":"10:00","to":"12:00"}],"note":"Training"}]}"#;

fn acting(house: &House) -> Acting<'_> {
    Acting { tenant: &house.tenant.id, actor: "test", now: NOW }
}

async fn set(house: &House, json: &str) {
    let mut tx = house.store.begin_write().await.unwrap();
    let rules = serde_json::from_str(json).unwrap();
    rules::set(&mut tx, &acting(house), &Limits::default(), "hall", &rules).await.unwrap();
    tx.commit().await.unwrap();
}

async fn with_rules(json: &str) -> House {
    let house = House::with_anna().await;
    set(&house, json).await;
    house
}

/// A house where the hall wants bookings to be confirmed, anna books, and greta administers the hall.
async fn with_approval() -> House {
    let house = with_rules(r#"{"approval":true}"#).await;
    let (greta, hall) = (house.user("greta").await, hall(&house).await);
    house.grant(&greta, &hall, Privilege::Admin).await;
    house
}

async fn hall(house: &House) -> anteroom::store::rooms::Room {
    let mut tx = house.store.begin_read().await.unwrap();
    anteroom::store::rooms::by_slug(&mut tx, &house.tenant.id, "hall").await.unwrap().unwrap()
}

/// An event of 2026-03-03 with own lines instead of DTSTART and DTEND.
fn with_times(uid: &str, lines: &str) -> String {
    let text = event(uid, 10);
    let (from, to) = (text.find("DTSTART").unwrap(), text.find("SUMMARY").unwrap());
    format!("{}{lines}\r\n{}", &text[..from], &text[to..])
}

async fn put(house: &House, path: &str, body: &str) -> Answer {
    house.send("anna", "PUT", path, &[("content-type", "text/calendar")], body).await
}

async fn requests(house: &House) -> Vec<Approval> {
    let mut tx = house.store.begin_read().await.unwrap();
    stored::list(&mut tx, &house.tenant.id, Page { after: "", limit: 100 }, ("", "")).await.unwrap()
}

async fn decide(house: &House, decision: Decision, reason: &str) -> Approval {
    let id = requests(house).await[0].id.clone();
    let mut tx = house.store.begin_write().await.unwrap();
    let decided =
        approvals::decide(&mut tx, &acting(house), &Limits::default(), &id, (decision, reason)).await.unwrap();
    tx.commit().await.unwrap();
    decided
}

fn free_busy(from: &str, to: &str) -> String {
    format!(
        "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'><c:time-range start='{from}' end='{to}'/>\
         </c:free-busy-query>"
    )
}

fn periods(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("FREEBUSY")).collect()
}

#[actix_web::test]
async fn a_booking_outside_the_hours_is_409_with_a_named_element_and_a_sentence() {
    let house = with_rules(OFFICE).await;
    assert_eq!(house.book("anna", A, "a", 10).await.status, 201);
    let late = house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 16).await;
    assert_eq!(late.status, 409);
    assert_eq!(
        late.inner(),
        "<R:outside-opening-hours/><D:responsedescription>Hall is open 08:00-16:00 on Tuesdays; 17:00-18:00 on \
         2026-03-03 is outside.</D:responsedescription></D:error>"
    );
    assert_eq!(house.send("anna", "GET", "/dav/t/rooms/hall/b.ics", &[], "").await.status, 404);
}

#[actix_web::test]
async fn every_rule_is_refused_by_its_own_element() {
    for (rules, lines, element) in [
        (r#"{"horizon_days":30}"#, "DTSTART:20260501T100000Z\r\nDTEND:20260501T110000Z", "beyond-booking-horizon"),
        (r#"{"horizon_days":30}"#, "DTSTART:20260303T100000Z\r\nRRULE:FREQ=WEEKLY", "beyond-booking-horizon"),
        (r#"{"lead_minutes":120}"#, "DTSTART:20260302T090000Z\r\nDTEND:20260302T110000Z", "inside-lead-time"),
        (r#"{"shortest_minutes":30}"#, "DTSTART:20260303T100000Z\r\nDTEND:20260303T101500Z", "booking-length"),
        (r#"{"longest_minutes":30}"#, "DTSTART;VALUE=DATE:20260303", "booking-length"),
    ] {
        let house = with_rules(rules).await;
        let refused = put(&house, A, &with_times("a", lines)).await;
        assert_eq!(refused.status, 409, "{rules} {lines}: {}", refused.body);
        assert!(refused.body.contains(&format!("<R:{element}/>")), "{rules}: {}", refused.body);
    }
}

#[actix_web::test]
async fn a_series_is_refused_with_its_first_dates_and_their_number() {
    let house = with_rules(OFFICE).await;
    let daily = "DTSTART;TZID=Europe/Oslo:20260303T130000\r\nDTEND;TZID=Europe/Oslo:20260303T140000\r\n\
                 RRULE:FREQ=DAILY;COUNT=14";
    let refused = put(&house, A, &with_times("a", daily)).await;
    assert_eq!(refused.status, 409);
    let sentence = "Hall is open 10:00-12:00 on 2026-03-04 (Training); 13:00-14:00 on 2026-03-04 is outside. \
                    5 dates of the series are concerned: 2026-03-04, 2026-03-07, 2026-03-08 and 2 more.";
    assert!(refused.body.contains(sentence), "{}", refused.body);
    let workdays = daily.replace("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=TU,TH");
    assert_eq!(put(&house, A, &with_times("a", &workdays)).await.status, 201);
}

#[actix_web::test]
async fn what_stood_before_the_rules_can_be_corrected_and_freed_but_not_spread() {
    let house = House::with_anna().await;
    let evening = "DTSTART:20260303T180000Z\r\nDTEND:20260303T190000Z\r\nRRULE:FREQ=WEEKLY;COUNT=3";
    assert_eq!(put(&house, A, &with_times("a", evening)).await.status, 201);
    set(&house, OFFICE).await;
    let renamed = with_times("a", evening).replace("Meeting a", "Choir");
    assert_eq!(put(&house, A, &renamed).await.status, 204);
    let less = with_times("a", &evening.replace("COUNT=3", "COUNT=2"));
    assert_eq!(put(&house, A, &less).await.status, 204);
    let more = with_times("a", &evening.replace("COUNT=3", "COUNT=4"));
    let refused = put(&house, A, &more).await;
    assert!(refused.body.contains("2 dates of the series are concerned: 2026-03-17, 2026-03-24."), "{}", refused.body);
}

#[actix_web::test]
async fn bookings_keep_their_distance() {
    let house = with_rules(r#"{"buffer_before_minutes":10,"buffer_after_minutes":20}"#).await;
    assert_eq!(house.book("anna", A, "a", 10).await.status, 201);
    let near = house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 11).await;
    assert_eq!(near.status, 409);
    let sentence = "Hall needs 30 minutes between bookings; 12:00-13:00 on 2026-03-03 is too close to the booking \
                    11:00-12:00 on 2026-03-03.";
    assert!(near.body.contains("<R:buffer-needed/>") && near.body.contains(sentence), "{}", near.body);
    let half_past = "DTSTART:20260303T113000Z\r\nDTEND:20260303T120000Z";
    assert_eq!(put(&house, "/dav/t/rooms/hall/b.ics", &with_times("b", half_past)).await.status, 201);
    let busy = free_busy("20260303T000000Z", "20260303T113000Z");
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &busy).await;
    assert_eq!(
        periods(&answer.body),
        [
            ";FBTYPE=BUSY-UNAVAILABLE:20260303T093000Z/20260303T100000Z",
            ":20260303T100000Z/20260303T110000Z",
            ";FBTYPE=BUSY-UNAVAILABLE:20260303T110000Z/20260303T113000Z"
        ]
    );
}

#[actix_web::test]
async fn x5_opening_hours_show_as_availability_and_as_busy_time() {
    let house = with_rules(OFFICE).await;
    let body = "<propfind xmlns='DAV:'><prop><a:calendar-availability xmlns:a='urn:ietf:params:xml:ns:caldav'/></prop>\
                </propfind>";
    let told = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], body).await;
    for line in [
        "BEGIN:VAVAILABILITY",
        "BUSYTYPE:BUSY-UNAVAILABLE",
        "DTSTART;TZID=Europe/Oslo:19700105T080000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "EXDATE;TZID=Europe/Oslo:20260304T080000",
        "DTSTART;TZID=Europe/Oslo:20260304T100000",
        "SUMMARY:Training",
    ] {
        assert!(told.body.contains(line), "{line}: {}", told.body);
    }
    house.book("anna", A, "a", 10).await;
    let query = free_busy("20260303T000000Z", "20260304T120000Z");
    let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query).await;
    assert_eq!(
        periods(&answer.body),
        [
            ";FBTYPE=BUSY-UNAVAILABLE:20260303T000000Z/20260303T070000Z",
            ":20260303T100000Z/20260303T110000Z",
            ";FBTYPE=BUSY-UNAVAILABLE:20260303T150000Z/20260304T090000Z",
            ";FBTYPE=BUSY-UNAVAILABLE:20260304T110000Z/20260304T120000Z"
        ]
    );
    let endless = free_busy("20260303T000000Z", "22000101T000000Z");
    let refused = house.send("anna", "REPORT", HALL, &[("depth", "1")], &endless).await;
    assert!(refused.status == 403 && refused.body.contains("number-of-matches-within-limits"), "{}", refused.body);
}

#[actix_web::test]
async fn x5_the_outbox_says_the_same_and_a_room_without_hours_has_no_availability() {
    let house = with_rules(OFFICE).await;
    let question = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:q\r\n\
        DTSTAMP:20260302T000000Z\r\nDTSTART:20260303T140000Z\r\nDTEND:20260303T180000Z\r\n\
        ORGANIZER:mailto:anna@example.com\r\nATTENDEE:mailto:hall@example.com\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n";
    let headers = [("content-type", "text/calendar")];
    let answer = house.send("anna", "POST", "/dav/t/outbox/anna/", &headers, question).await;
    let told: Vec<&str> = periods(&answer.body).into_iter().map(|line| line.trim_end_matches("&#13;")).collect();
    assert_eq!(told, [";FBTYPE=BUSY-UNAVAILABLE:20260303T150000Z/20260303T180000Z"]);
    set(&house, "{}").await;
    let body = "<propfind xmlns='DAV:'><prop><a:calendar-availability xmlns:a='urn:ietf:params:xml:ns:caldav'/></prop>\
                </propfind>";
    let told = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], body).await;
    assert!(told.body.contains("404 Not Found") && !told.body.contains("VAVAILABILITY"), "{}", told.body);
    let patch = "<propertyupdate xmlns='DAV:'><set><prop><a:calendar-availability \
                 xmlns:a='urn:ietf:params:xml:ns:caldav'>x</a:calendar-availability></prop></set></propertyupdate>";
    let refused = house.send("anna", "PROPPATCH", HALL, &[], patch).await;
    assert!(refused.body.contains("cannot-modify-protected-property"), "{}", refused.body);
}

#[actix_web::test]
async fn a_closure_blocks_the_room_names_bookings_inside_and_cannot_be_removed_by_who_only_books() {
    let house = House::with_anna().await;
    assert_eq!(house.book("anna", A, "a", 10).await.status, 201);
    let new =
        NewClosure { from: "2026-03-03".to_owned(), to: "2026-03-03".to_owned(), reason: Some("New floor".to_owned()) };
    let mut tx = house.store.begin_write().await.unwrap();
    let (_, closure) = closures::create(&mut tx, &acting(&house), &Limits::default(), "hall", &new).await.unwrap();
    assert_eq!(closure.bookings.len(), 1);
    let open = conflicts::list(&mut tx, &house.tenant.id, conflicts::OPEN, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].kind.as_str(), open[0].uid.as_str(), open[0].sentence.as_str()),
        (
            "closure",
            "a",
            "Hall is closed from 2026-03-03 00:00 to 2026-03-04 00:00 (New floor), and a booking stands at \
             2026-03-03 11:00"
        )
    );
    let refused = house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 12).await;
    assert_eq!(refused.status, 409);
    let sentence = "Hall is closed from 2026-03-03 00:00 to 2026-03-04 00:00: New floor.";
    assert!(refused.body.contains(sentence), "{}", refused.body);
    let uid = &closure.event.uid;
    let path = format!("/dav/t/rooms/hall/{}", ObjectName::for_uid(uid).as_str());
    let delete = house.send("anna", "DELETE", &path, &[], "").await;
    assert_eq!(delete.status, 403, "{}", delete.body);
    assert!(delete.body.contains("need-privileges"), "{}", delete.body);
    let query = free_busy("20260303T090000Z", "20260303T120000Z");
    let busy = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query).await;
    assert_eq!(periods(&busy.body), [";FBTYPE=BUSY-UNAVAILABLE:20260303T090000Z/20260303T120000Z"]);
    let mut tx = house.store.begin_write().await.unwrap();
    closures::remove(&mut tx, &acting(&house), &Limits::default(), "hall", uid).await.unwrap();
    assert_eq!(conflicts::count_open(&mut tx, &house.tenant.id).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!(house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 12).await.status, 201);
}

#[actix_web::test]
async fn who_only_books_cannot_close_the_room_by_an_own_line() {
    let house = House::with_anna().await;
    let forged = event("a", 10).replace("SUMMARY", "X-ANTEROOM-CLASS:CLOSURE\r\nSUMMARY");
    assert_eq!(put(&house, A, &forged).await.status, 403);
}

#[actix_web::test]
async fn a_booking_that_has_to_be_confirmed_is_kept_tentative_and_its_put_has_no_etag() {
    let house = with_approval().await;
    let made = house.book("anna", A, "a", 10).await;
    assert_eq!((made.status, made.header("etag")), (201, None));
    let kept = house.send("anna", "GET", A, &[], "").await;
    assert!(kept.body.contains("STATUS:TENTATIVE"), "{}", kept.body);
    let waiting = requests(&house).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].requested_by.as_str(), waiting[0].summary.as_str(), waiting[0].state.as_str()),
        ("anna", "Meeting a", "pending")
    );
    // The slot is taken meanwhile.
    assert_eq!(house.book("anna", "/dav/t/rooms/hall/b.ics", "b", 10).await.status, 409);
    let own = kept.body.replace("STATUS:TENTATIVE", "STATUS:CONFIRMED").replace("Meeting a", "Budget");
    assert_eq!(put(&house, A, &own).await.status, 204);
    let still = house.send("anna", "GET", A, &[], "").await.body;
    assert!(still.contains("STATUS:TENTATIVE") && still.contains("Budget"), "{still}");
    let waiting = requests(&house).await;
    assert_eq!((waiting.len(), waiting[0].summary.as_str()), (1, "Budget"));
}

#[actix_web::test]
async fn a_confirmed_booking_keeps_its_confirmation_until_it_takes_other_times() {
    let house = with_approval().await;
    house.book("anna", A, "a", 10).await;
    let decided = decide(&house, Decision::Confirm, "").await;
    assert_eq!((decided.state.as_str(), decided.decided_by.as_str()), ("confirmed", "test"));
    let confirmed = house.send("anna", "GET", A, &[], "").await.body;
    assert!(!confirmed.contains("TENTATIVE"), "{confirmed}");
    let renamed = put(&house, A, &confirmed.replace("Meeting a", "Budget")).await;
    assert!(renamed.status == 204 && renamed.header("etag").is_some(), "octets as they came");
    let moved = put(&house, A, &event("a", 12)).await;
    assert_eq!((moved.status, moved.header("etag")), (204, None));
    assert_eq!(requests(&house).await[0].state, "pending");
    assert!(house.send("anna", "GET", A, &[], "").await.body.contains("STATUS:TENTATIVE"));
    let mut tx = house.store.begin_read().await.unwrap();
    let story = audit::latest(&mut tx, &house.tenant.id, 20).await.unwrap();
    assert!(story.iter().any(|entry| entry.action == "approval.confirmed" && entry.actor == "test"));
}

#[actix_web::test]
async fn one_more_date_of_a_confirmed_series_waits_alone() {
    let house = with_approval().await;
    let series = "DTSTART:20260303T100000Z\r\nDTEND:20260303T110000Z\r\nRRULE:FREQ=WEEKLY;COUNT=4";
    put(&house, A, &with_times("a", series)).await;
    decide(&house, Decision::Confirm, "").await;
    let confirmed = house.send("anna", "GET", A, &[], "").await.body;
    let moved = "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260301T000000Z\r\nRECURRENCE-ID:20260310T100000Z\r\n\
                 DTSTART:20260310T130000Z\r\nDTEND:20260310T140000Z\r\nSUMMARY:Later\r\nEND:VEVENT\r\nEND:VCALENDAR";
    let put = put(&house, A, &confirmed.replace("END:VCALENDAR", moved)).await;
    assert_eq!((put.status, put.header("etag")), (204, None));
    let kept = house.send("anna", "GET", A, &[], "").await.body;
    assert_eq!(kept.matches("STATUS:TENTATIVE").count(), 1, "{kept}");
    decide(&house, Decision::Decline, "The choir has it").await;
    let declined = house.send("anna", "GET", A, &[], "").await.body;
    assert!(!declined.contains("TENTATIVE"), "{declined}");
    let query = free_busy("20260303T000000Z", "20260401T000000Z");
    let busy = house.send("anna", "REPORT", HALL, &[("depth", "1")], &query).await;
    assert_eq!(periods(&busy.body).len(), 3, "{}", busy.body);
}

#[actix_web::test]
async fn a_declined_booking_is_cancelled_and_frees_the_room_and_a_deleted_one_is_withdrawn() {
    let house = with_approval().await;
    house.book("anna", A, "a", 10).await;
    let decided = decide(&house, Decision::Decline, "No music on Tuesdays").await;
    assert_eq!((decided.state.as_str(), decided.reason.as_str()), ("declined", "No music on Tuesdays"));
    assert!(house.send("anna", "GET", A, &[], "").await.body.contains("STATUS:CANCELLED"));
    let b = "/dav/t/rooms/hall/b.ics";
    assert_eq!(house.book("anna", b, "b", 10).await.status, 201);
    assert_eq!(house.send("anna", "DELETE", b, &[], "").await.status, 204);
    assert_eq!(requests(&house).await[0].state, "withdrawn");
}

#[actix_web::test]
async fn who_administers_the_room_books_at_once_and_confirms_in_any_calendar() {
    let house = with_approval().await;
    let own = house.book("greta", "/dav/t/rooms/hall/g.ics", "g", 8).await;
    assert!(own.status == 201 && own.header("etag").is_some());
    assert!(requests(&house).await.is_empty());
    house.book("anna", A, "a", 10).await;
    let text = house.send("greta", "GET", A, &[], "").await.body;
    let confirmed = text.replace("STATUS:TENTATIVE", "STATUS:CONFIRMED");
    assert_eq!(house.send("greta", "PUT", A, &[("content-type", "text/calendar")], &confirmed).await.status, 204);
    let request = &requests(&house).await[0];
    assert_eq!((request.state.as_str(), request.decided_by.as_str()), ("confirmed", "principal:greta"));
}

const JSON_HOURS_CLOCKS: &str =
    r#"{"opening_hours":[{"days":["monday","tuesday","wednesday","thursday","friday"],"from":"08:00","to":"16:00"}]}"#;

#[actix_web::test]
async fn hours_are_those_of_the_wall_clock_on_both_sides_of_its_change() {
    let house = with_rules(JSON_HOURS_CLOCKS).await;
    let local = "DTSTART;TZID=Europe/Oslo:20260324T150000\r\nDTEND;TZID=Europe/Oslo:20260324T160000\r\n\
                 RRULE:FREQ=WEEKLY;COUNT=3";
    assert_eq!(put(&house, A, &with_times("a", local)).await.status, 201);
    let utc = "DTSTART:20260325T140000Z\r\nDTEND:20260325T150000Z\r\nRRULE:FREQ=WEEKLY;COUNT=3";
    let refused = put(&house, "/dav/t/rooms/hall/b.ics", &with_times("b", utc)).await;
    assert_eq!(refused.status, 409);
    let sentence = "16:00-17:00 on 2026-04-01 is outside. 2 dates of the series are concerned: 2026-04-01, 2026-04-08.";
    assert!(refused.body.contains(sentence), "{}", refused.body);
}

#[actix_web::test]
async fn a_whole_day_takes_the_hours_of_its_days_and_is_refused_where_a_day_has_none() {
    let house = with_rules(JSON_HOURS_CLOCKS).await;
    let friday = "DTSTART;VALUE=DATE:20260306\r\nDTEND;VALUE=DATE:20260307";
    assert_eq!(put(&house, A, &with_times("a", friday)).await.status, 201);
    let weekend = "DTSTART;VALUE=DATE:20260313\r\nDTEND;VALUE=DATE:20260315";
    let refused = put(&house, "/dav/t/rooms/hall/b.ics", &with_times("b", weekend)).await;
    assert!(refused.status == 409 && refused.body.contains("Hall is closed on Saturdays"), "{}", refused.body);
}

#[actix_web::test]
async fn a_series_that_reaches_beyond_the_horizon_is_refused_with_its_first_date_there() {
    let house = with_rules(r#"{"horizon_days":14}"#).await;
    let four = "DTSTART:20260303T100000Z\r\nDTEND:20260303T110000Z\r\nRRULE:FREQ=WEEKLY;COUNT=4";
    let refused = put(&house, A, &with_times("a", four)).await;
    assert_eq!(refused.status, 409);
    let sentence = "Hall can be booked until 2026-03-16 (14 days ahead); 11:00-12:00 on 2026-03-17 is later. 2 dates of \
                    the series are concerned: 2026-03-17, 2026-03-24.";
    assert!(refused.body.contains(sentence), "{}", refused.body);
    assert_eq!(put(&house, A, &with_times("a", &four.replace("COUNT=4", "COUNT=2"))).await.status, 201);
}

/// A house whose attic has rules, where anna may book in hall and attic, and greta administers the hall.
async fn with_attic(json: &str) -> House {
    let house = House::with_anna().await;
    let (attic, greta) = (house.room("attic").await, house.user("greta").await);
    let anna = house.user("boss").await;
    house.grant_all(&anna, Privilege::Write).await;
    house.grant(&greta, &hall(&house).await, Privilege::Admin).await;
    house.grant(&greta, &attic, Privilege::Write).await;
    let mut tx = house.store.begin_write().await.unwrap();
    let rules = serde_json::from_str(json).unwrap();
    rules::set(&mut tx, &acting(&house), &Limits::default(), "attic", &rules).await.unwrap();
    tx.commit().await.unwrap();
    house
}

const ATTIC: &str = "/dav/t/rooms/attic/a.ics";

#[actix_web::test]
async fn a_move_is_judged_by_the_rules_of_the_room_it_ends_in() {
    let house = with_attic(OFFICE).await;
    house.book("boss", A, "a", 18).await;
    for method in ["MOVE", "COPY"] {
        let refused = house.send("boss", method, A, &[("destination", ATTIC)], "").await;
        assert!(refused.status == 409 && refused.body.contains("outside-opening-hours"), "{}", refused.body);
    }
    assert_eq!(house.send("boss", "GET", A, &[], "").await.status, 200, "it stays where it was");
    house.book("boss", A, "a", 10).await;
    assert_eq!(house.send("boss", "MOVE", A, &[("destination", ATTIC)], "").await.status, 201);
}

#[actix_web::test]
async fn a_move_into_a_room_with_approval_waits_there() {
    let house = with_attic(r#"{"approval":true}"#).await;
    house.book("boss", A, "a", 10).await;
    assert_eq!(house.send("boss", "MOVE", A, &[("destination", ATTIC)], "").await.status, 201);
    let there = house.send("boss", "GET", ATTIC, &[], "").await;
    assert!(there.body.contains("STATUS:TENTATIVE"), "{}", there.body);
    let waiting = requests(&house).await;
    assert_eq!((waiting.len(), waiting[0].state.as_str()), (1, "pending"));
    assert_eq!(house.send("boss", "MOVE", ATTIC, &[("destination", A)], "").await.status, 201);
    assert_eq!(requests(&house).await[0].state, "withdrawn");
}

#[actix_web::test]
async fn who_administers_one_room_cannot_take_a_closure_out_of_another_or_into_it() {
    let house = with_attic("{}").await;
    let closed = event("a", 10).replace("SUMMARY", "X-ANTEROOM-CLASS:CLOSURE\r\nSUMMARY");
    let put = house.send("greta", "PUT", A, &[("content-type", "text/calendar")], &closed).await;
    assert_eq!(put.status, 201, "who administers the room may close it: {}", put.body);
    for method in ["MOVE", "COPY"] {
        let refused = house.send("greta", method, A, &[("destination", ATTIC)], "").await;
        assert_eq!(refused.status, 403, "{method}: {}", refused.body);
    }
    // Inside the room who does not administer it cannot even rename it, nor take it away.
    let other = "/dav/t/rooms/hall/z.ics";
    for (method, to) in [("MOVE", other), ("MOVE", ATTIC), ("COPY", ATTIC)] {
        assert_eq!(house.send("boss", method, A, &[("destination", to)], "").await.status, 403, "{method} {to}");
    }
    assert_eq!(house.send("greta", "MOVE", A, &[("destination", other)], "").await.status, 201);
}

#[actix_web::test]
async fn nobody_who_only_books_gives_a_booking_a_class() {
    let house = House::with_anna().await;
    assert_eq!(house.book("anna", A, "a", 10).await.status, 201);
    let (b, hall) = ("/dav/t/rooms/hall/b.ics", hall(&house).await);
    for class in ["ALLOCATION", "BOOKING", "CLOSURE"] {
        let line = format!("X-ANTEROOM-CLASS:{class}\r\nSUMMARY");
        for (path, uid) in [(A, "a"), (b, "b")] {
            let refused = put(&house, path, &event(uid, 10).replace("SUMMARY", &line)).await;
            assert_eq!(refused.status, 403, "{class} {path}: {}", refused.body);
            assert!(refused.body.contains("need-privileges"), "{}", refused.body);
        }
    }
    let greta = house.user("greta").await;
    house.grant(&greta, &hall, Privilege::Admin).await;
    let season = event("b", 10).replace("SUMMARY", "X-ANTEROOM-CLASS:ALLOCATION\r\nSUMMARY");
    let made = house.send("greta", "PUT", b, &[("content-type", "text/calendar")], &season).await;
    assert_eq!(made.status, 201, "an arrangement may lie over an allocation: {}", made.body);
    // A program that drops the line changes the title and not the class; the octets are not those it sent.
    let kept = put(&house, b, &event("b", 10).replace("Meeting b", "Season")).await;
    assert_eq!((kept.status, kept.header("etag")), (204, None), "{}", kept.body);
    let text = house.send("anna", "GET", b, &[], "").await.body;
    assert!(text.contains("X-ANTEROOM-CLASS:ALLOCATION") && text.contains("Season"), "{text}");
    let promoted = put(&house, b, &text.replace("ALLOCATION", "BOOKING")).await;
    assert_eq!(promoted.status, 403, "{}", promoted.body);
}

#[actix_web::test]
async fn where_bookings_may_overlap_a_closure_still_keeps_them_out_and_no_buffer_is_asked() {
    let house = with_rules(r#"{"buffer_after_minutes":60,"horizon_days":30}"#).await;
    let mut tx = house.store.begin_write().await.unwrap();
    let room = anteroom::store::rooms::Room { allow_overlaps: true, ..hall(&house).await };
    anteroom::store::rooms::update(&mut tx, &room).await.unwrap();
    let new = NewClosure { from: "2026-03-03T13:00".to_owned(), to: "2026-03-03T15:00".to_owned(), reason: None };
    closures::create(&mut tx, &acting(&house), &Limits::default(), "hall", &new).await.unwrap();
    tx.commit().await.unwrap();
    for (uid, hour, status) in [("a", 10, 201), ("b", 10, 201), ("c", 11, 201), ("d", 12, 409), ("e", 14, 201)] {
        let path = format!("/dav/t/rooms/hall/{uid}.ics");
        let answer = house.book("anna", &path, uid, hour).await;
        assert_eq!(answer.status, status, "{uid}: {}", answer.body);
    }
    let far = with_times("f", "DTSTART:20260501T100000Z\r\nDTEND:20260501T110000Z");
    assert_eq!(put(&house, "/dav/t/rooms/hall/f.ics", &far).await.status, 409, "the other rules hold");
}

#[actix_web::test]
async fn what_holds_from_a_date_on_waits_alone_and_so_does_what_it_becomes() {
    let house = with_approval().await;
    let series = "DTSTART:20260303T100000Z\r\nDTEND:20260303T110000Z\r\nRRULE:FREQ=WEEKLY;COUNT=4";
    put(&house, A, &with_times("a", series)).await;
    decide(&house, Decision::Confirm, "").await;
    let confirmed = house.send("anna", "GET", A, &[], "").await.body;
    assert!(!confirmed.contains("TENTATIVE"), "{confirmed}");
    let from_now_on = "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260301T000000Z\r\n\
        RECURRENCE-ID;RANGE=THISANDFUTURE:20260317T100000Z\r\nDTSTART:20260317T130000Z\r\nDTEND:20260317T140000Z\r\n\
        SUMMARY:Later\r\nEND:VEVENT\r\nEND:VCALENDAR";
    let moved = put(&house, A, &confirmed.replace("END:VCALENDAR", from_now_on)).await;
    assert_eq!((moved.status, moved.header("etag")), (204, None), "{}", moved.body);
    let kept = house.send("anna", "GET", A, &[], "").await.body;
    let (before, after) = kept.split_once("THISANDFUTURE").unwrap();
    assert!(!before.contains("STATUS:TENTATIVE"), "what stood is confirmed still: {kept}");
    assert_eq!(after.matches("STATUS:TENTATIVE").count(), 1, "{kept}");
    let waiting = &requests(&house).await[0];
    assert_eq!((waiting.state.as_str(), waiting.start_ms.to_string().as_str()), ("pending", "2026-03-17T13:00:00Z"));
    // The stored octets are what a client gets, and putting them back changes nothing.
    let again = house.send("anna", "GET", A, &[], "").await;
    assert_eq!(put(&house, A, &again.body).await.status, 204);
    assert_eq!(house.send("anna", "GET", A, &[], "").await.header("etag"), again.header("etag"));
    // A correction of the text after the date stays what it is: waiting.
    let corrected = put(&house, A, &again.body.replace("Later", "Later still")).await;
    assert_eq!(corrected.status, 204);
    assert_eq!(requests(&house).await[0].state, "pending");
    decide(&house, Decision::Confirm, "").await;
    let all = house.send("anna", "GET", A, &[], "").await.body;
    assert!(!all.contains("TENTATIVE") && all.contains("Later still"), "{all}");
}

#[actix_web::test]
async fn a_held_booking_has_one_etag_that_stands_for_what_is_stored() {
    let house = with_approval().await;
    let sent = event("a", 10);
    assert_eq!(put(&house, A, &sent).await.header("etag"), None);
    let kept = house.send("anna", "GET", A, &[], "").await;
    assert_ne!(kept.body, sent);
    let etag = kept.header("etag").unwrap().to_owned();
    // The client asks for the outcome at once, and gets the validator of what is stored.
    let headers = [("content-type", "text/calendar"), ("prefer", "return=representation"), ("if-match", etag.as_str())];
    let renamed = house.send("anna", "PUT", A, &headers, &sent.replace("Meeting a", "Budget")).await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    assert!(renamed.body.contains("STATUS:TENTATIVE") && renamed.body.contains("Budget"), "{}", renamed.body);
    let now = house.send("anna", "GET", A, &[], "").await;
    assert_eq!((renamed.header("etag"), renamed.body.as_str()), (now.header("etag"), now.body.as_str()));
    // What was sent before is not what stands: a precondition on it fails.
    let stale = house.send("anna", "PUT", A, &[("content-type", "text/calendar"), ("if-match", &etag)], &sent).await;
    assert_eq!(stale.status, 412);
    // Octets that are tentative already are stored as they come, with their validator.
    let own = put(&house, A, &now.body.replace("Budget", "Budget 2027")).await;
    assert!(own.status == 204 && own.header("etag").is_some());
}

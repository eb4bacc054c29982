//! What series cost at the door: those made to be expensive are refused at once and by name, and a far week costs no more
//! than a near one.

use super::house::{Answer, House};
use std::time::Duration;
use tokio::time::Instant;

const HALL: &str = "/dav/t/rooms/hall/";

fn object(uid: &str, start: &str, rule: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260301T000000Z\r\n\
         DTSTART:{start}\r\nDURATION:PT1H\r\nTRANSP:TRANSPARENT\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

async fn put(house: &House, uid: &str, text: &str) -> Answer {
    house.send("anna", "PUT", &format!("{HALL}{uid}.ics"), &[("content-type", "text/calendar")], text).await
}

fn query(data: &str, start: &str, end: &str) -> String {
    format!(
        "<c:calendar-query xmlns:c='urn:ietf:params:xml:ns:caldav' xmlns:d='DAV:'><d:prop><c:calendar-data>{data}\
         </c:calendar-data></d:prop><c:filter><c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'>\
         <c:time-range start='{start}' end='{end}'/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    )
}

async fn ask(house: &House, body: &str) -> Answer {
    house.send("anna", "REPORT", HALL, &[("depth", "1")], body).await
}

fn list(name: &str, values: std::ops::RangeInclusive<i32>) -> String {
    format!("{name}={}", values.map(|value| value.to_string()).collect::<Vec<_>>().join(","))
}

#[actix_web::test]
async fn a_rule_made_to_be_expensive_is_refused_by_name_in_less_than_50_ms() {
    let house = House::with_anna().await;
    let dense = format!("FREQ=DAILY;{};{}", list("BYHOUR", 0..=23), list("BYMINUTE", 0..=59));
    let days = format!("FREQ=YEARLY;{}", list("BYYEARDAY", 1..=366)) + ",1".repeat(1_000).as_str();
    for (rule, part) in [
        ("FREQ=SECONDLY", "FREQ=SECONDLY"),
        ("FREQ=SECONDLY;COUNT=5", "FREQ=SECONDLY"),
        ("FREQ=MINUTELY;INTERVAL=7", "FREQ=MINUTELY"),
        ("FREQ=DAILY;COUNT=1000000000", "COUNT"),
        (&dense, "BYHOUR"),
        (&format!("{dense};{}", list("BYSECOND", 0..=59)), "BYHOUR"),
        (&days, "BYYEARDAY"),
    ] {
        let text = object("dear", "19700101T000000Z", rule);
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            let answer = put(&house, "dear", &text).await;
            best = best.min(began.elapsed());
            assert_eq!(answer.status, 403, "{}", answer.body);
            let named = ["<C:valid-calendar-data/>", "<C:valid-calendar-object-resource/>"];
            assert!(named.iter().any(|name| answer.inner().starts_with(name)), "{}", answer.body);
            assert!(answer.body.contains(part), "{part}: {}", answer.body);
        }
        assert!(best < Duration::from_millis(50), "{part}: {best:?}");
    }
}

#[actix_web::test]
async fn a_question_that_series_make_expensive_is_refused_with_its_bound() {
    let house = House::with_anna().await;
    for uid in ["one", "two", "three"] {
        let answer = put(&house, uid, &object(uid, "20200101T090000Z", "FREQ=DAILY")).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let all =
        query("<c:expand start='20200101T000000Z' end='20990101T000000Z'/>", "20200101T000000Z", "20990101T000000Z");
    let began = Instant::now();
    let answer = ask(&house, &all).await;
    let took = began.elapsed();
    let end: String = answer.body.chars().rev().take(900).collect::<Vec<_>>().into_iter().rev().collect();
    assert!(answer.status == 403 || answer.status == 507 || answer.body.contains("507"), "{}: {end}", answer.status);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[actix_web::test]
async fn a_week_in_2099_of_a_series_from_1990_costs_no_more_than_twice_the_week_in_1990() {
    let house = House::with_anna().await;
    let made = put(&house, "choir", &object("choir", "19900101T090000Z", "FREQ=WEEKLY;BYDAY=MO")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let week = |start: &str, end: &str| query(&format!("<c:expand start='{start}' end='{end}'/>"), start, end);
    let near = week("19900604T000000Z", "19900611T000000Z");
    let far = week("20990601T000000Z", "20990608T000000Z");
    let mut seen = Vec::new();
    // The shortest of many: a busy machine does not count.
    for _ in 0..5 {
        let (mut of_near, mut of_far) = (Duration::MAX, Duration::MAX);
        for _ in 0..12 {
            for (body, best) in [(&near, &mut of_near), (&far, &mut of_far)] {
                let began = Instant::now();
                let answer = ask(&house, body).await;
                *best = (*best).min(began.elapsed());
                assert_eq!(answer.body.matches("BEGIN:VEVENT").count(), 1, "{}", answer.body);
            }
        }
        if of_far <= 2 * of_near {
            return;
        }
        seen.push((of_near, of_far));
    }
    panic!("1990 and 2099: {seen:?}");
}

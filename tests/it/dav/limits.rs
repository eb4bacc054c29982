//! Limits: statement P9. Each is shown at the number that the server advertises: up to it things work, beyond it they
//! are refused by the condition of that name.

use super::house::Answer;
use super::house::House;
use super::xml;
use anteroom::config::Limits;
use anteroom::model::Privilege;

const HALL: &str = "/dav/t/rooms/hall/";

async fn house_with(limits: Limits) -> House {
    let house = House::with_limits(limits).await;
    let (anna, hall) = (house.user("anna").await, house.room("hall").await);
    house.grant(&anna, &hall, Privilege::Write).await;
    house
}

/// What a room advertises under a CalDAV property.
async fn advertised(house: &House, property: &str) -> String {
    let asked =
        format!("<propfind xmlns='DAV:'><prop><{property} xmlns='urn:ietf:params:xml:ns:caldav'/></prop></propfind>");
    let answer = house.send("anna", "PROPFIND", HALL, &[("depth", "0")], &asked).await;
    let (status, element) = &xml::told(&answer.body)[0].props[&xml::clark(&format!("C:{property}"))];
    assert_eq!(*status, 200, "{property}");
    element.text()
}

/// Puts an event made of these lines, each under a name of its own.
async fn put(house: &House, uid: &str, lines: &str) -> Answer {
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260301T000000Z\r\n\
         TRANSP:TRANSPARENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    house.send("anna", "PUT", &format!("{HALL}{uid}.ics"), &[("content-type", "text/calendar")], &text).await
}

fn refused_by(answer: &Answer, condition: &str) {
    assert_eq!(answer.status, 403, "{condition}: {}", answer.body);
    assert!(answer.inner().starts_with(&format!("<C:{condition}/>")), "{condition}: {}", answer.body);
}

#[actix_web::test]
async fn p9_max_resource_size_is_met_to_the_octet() {
    let house = house_with(Limits { object_bytes: 2_000, ..Limits::default() }).await;
    let most: usize = advertised(&house, "max-resource-size").await.parse().unwrap();
    let object = |bytes: usize| {
        let plain = super::house::event("a", 8);
        let filler = "SUMMARY:".to_owned() + &"x".repeat(bytes - plain.len());
        plain.replace("SUMMARY:", &filler)
    };
    let send = async |bytes: usize| {
        let body = object(bytes);
        assert_eq!(body.len(), bytes);
        house.send("anna", "PUT", &format!("{HALL}a.ics"), &[("content-type", "text/calendar")], &body).await
    };
    assert_eq!(send(most).await.status, 201);
    refused_by(&send(most + 1).await, "max-resource-size");
}

#[actix_web::test]
async fn p9_min_and_max_date_time_are_the_first_and_last_accepted_instants() {
    let house = house_with(Limits { min_year: 2020, max_year: 2030, ..Limits::default() }).await;
    let (min, max) = (advertised(&house, "min-date-time").await, advertised(&house, "max-date-time").await);
    assert_eq!((min.as_str(), max.as_str()), ("20200101T000000Z", "20301231T235959Z"));
    assert_eq!(put(&house, "first", &format!("DTSTART:{min}")).await.status, 201);
    assert_eq!(put(&house, "last", &format!("DTSTART:{max}")).await.status, 201);
    refused_by(&put(&house, "early", "DTSTART:20191231T235959Z").await, "min-date-time");
    refused_by(&put(&house, "late", "DTSTART:20310101T000000Z").await, "max-date-time");
    refused_by(&put(&house, "long", "DTSTART:20301231T235959Z\r\nDURATION:PT1H").await, "max-date-time");
    // An UNTIL is no date on which something takes place: a series may go on as one without end does.
    let until = "DTSTART:20260301T000000Z\r\nRRULE:FREQ=YEARLY;UNTIL=20310101T000000Z";
    assert_eq!(put(&house, "until", until).await.status, 201);
    let dates = "DTSTART:20260301T000000Z\r\nRDATE:20310101T000000Z";
    refused_by(&put(&house, "rdate", dates).await, "max-date-time");
}

#[actix_web::test]
async fn p9_max_instances_bounds_rules_and_lists_alike() {
    let house = house_with(Limits { report_instances: 50, recurrence_dates: 50, ..Limits::default() }).await;
    let most: usize = advertised(&house, "max-instances").await.parse().unwrap();
    let rule = |count: usize| format!("DTSTART:20260401T080000Z\r\nRRULE:FREQ=DAILY;COUNT={count}");
    let list = |count: usize| {
        let dates: Vec<String> =
            (0..count).map(|n| format!("2026{:02}{:02}T080000Z", 4 + n / 28, n % 28 + 1)).collect();
        format!("DTSTART:20260401T080000Z\r\nRDATE:{}", dates.join(","))
    };
    assert_eq!(put(&house, "rule", &rule(most)).await.status, 201);
    refused_by(&put(&house, "long-rule", &rule(most + 1)).await, "max-instances");
    assert_eq!(put(&house, "list", &list(most)).await.status, 201);
    refused_by(&put(&house, "long-list", &list(most + 1)).await, "max-instances");
    refused_by(&put(&house, "endless", "DTSTART:20260401T080000Z\r\nRRULE:FREQ=DAILY").await, "max-instances");
    assert_eq!(put(&house, "yearly", "DTSTART:20260401T080000Z\r\nRRULE:FREQ=YEARLY").await.status, 201);
}

#[actix_web::test]
async fn p9_max_attendees_bounds_every_instance() {
    let house = house_with(Limits { attendees: 3, ..Limits::default() }).await;
    let most: usize = advertised(&house, "max-attendees-per-instance").await.parse().unwrap();
    let with = |count: usize| {
        let attendees: Vec<String> = (0..count).map(|n| format!("ATTENDEE:mailto:a{n}@example.com")).collect();
        format!("DTSTART:20260401T080000Z\r\n{}", attendees.join("\r\n"))
    };
    assert_eq!(put(&house, "few", &with(most)).await.status, 201);
    refused_by(&put(&house, "many", &with(most + 1)).await, "max-attendees-per-instance");
    let changed = format!(
        "DTSTART:20260401T080000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:override\r\n\
         DTSTAMP:20260301T000000Z\r\nRECURRENCE-ID:20260402T080000Z\r\n{}",
        with(most + 1).replace("20260401", "20260402")
    );
    refused_by(&put(&house, "override", &changed).await, "max-attendees-per-instance");
}

#[actix_web::test]
async fn p9_only_the_advertised_components_and_media_types_are_taken() {
    let house = house_with(Limits::default()).await;
    assert_eq!(put(&house, "event", "DTSTART:20260401T080000Z").await.status, 201);
    let event = super::house::event("other", 8);
    for (body, kind, condition) in [
        (event.replace("VEVENT", "VTODO"), "text/calendar", "supported-calendar-component"),
        (event.replace("VEVENT", "VJOURNAL"), "text/calendar", "supported-calendar-component"),
        (event.clone(), "application/calendar+json", "supported-calendar-data"),
        (event.replace("VERSION:2.0", "VERSION:1.0"), "text/calendar", "supported-calendar-data"),
    ] {
        let answer = house.send("anna", "PUT", &format!("{HALL}other.ics"), &[("content-type", kind)], &body).await;
        refused_by(&answer, condition);
    }
}

#[actix_web::test]
async fn p9_properties_of_clients_are_bounded_in_number_and_size() {
    let house = house_with(Limits { dead_properties: 2, dead_property_bytes: 200, ..Limits::default() }).await;
    let set = async |name: &str, value: &str| {
        let body = format!(
            "<propertyupdate xmlns='DAV:'><set><prop><{name} xmlns='urn:x'>{value}</{name}></prop></set></propertyupdate>"
        );
        let answer = house.send("anna", "PROPPATCH", HALL, &[], &body).await;
        xml::told(&answer.body)[0].props[&format!("{{urn:x}}{name}")].0
    };
    assert_eq!(set("a", &"x".repeat(300)).await, 507);
    assert_eq!((set("a", "1").await, set("b", "1").await, set("c", "1").await), (200, 200, 507));
    assert_eq!(set("a", "2").await, 200, "one that is there may change");
}

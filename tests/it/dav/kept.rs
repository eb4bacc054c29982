//! What stays as a client has put it, whatever the other sides do: statements O3, O9 and O10.

use super::house::House;
use super::house::event;
use anteroom::change;
use anteroom::change::Applied;
use anteroom::change::Change;
use anteroom::change::Context;
use anteroom::change::Origin;
use anteroom::change::Precondition;
use anteroom::change::Target;
use anteroom::change::Wish;
use anteroom::ical::CalendarObject;
use anteroom::ical::ParseContext;
use anteroom::model::Clock;
use anteroom::model::Event;
use anteroom::model::MappingId;
use anteroom::model::Uid;
use anteroom::store::objects;
use anteroom::store::rooms;

const HALL: &str = "/dav/t/rooms/hall/";
const A: &str = "/dav/t/rooms/hall/a.ics";

/// The other side changes the booking with that UID.
async fn upstream(house: &House, uid: &str, edit: impl FnOnce(&mut Event)) -> Applied {
    let mut tx = house.store.begin_write().await.unwrap();
    let room = rooms::by_slug(&mut tx, &house.tenant.id, "hall").await.unwrap().unwrap();
    let row = objects::by_uid(&mut tx, &house.tenant.id, &room.id, &Uid(uid.to_owned())).await.unwrap().unwrap();
    let cx = ParseContext { limits: &house.limits, floating: &room.zone };
    let mut event = CalendarObject::parse(row.body.as_bytes(), &cx).unwrap().event().clone();
    edit(&mut event);
    let change = Change {
        target: Target::Uid(event.uid.clone()),
        wish: Wish::Become(Box::new(event)),
        precondition: Precondition::none(),
        origin: Origin::Mapping { id: MappingId::fresh(), settled: true },
    };
    let context = Context { now: house.clock.now(), limits: &house.limits };
    let applied = change::apply(&mut tx, context, &room, change).await.unwrap();
    tx.commit().await.unwrap();
    applied
}

async fn token(house: &House) -> String {
    let body = "<propfind xmlns='DAV:' xmlns:s='http://calendarserver.org/ns/'><prop><sync-token/><s:getctag/></prop>\
                </propfind>";
    house.send("anna", "PROPFIND", HALL, &[("depth", "0")], body).await.body
}

fn inside(lines: &str) -> String {
    event("a", 10).replace("SUMMARY", &format!("{lines}SUMMARY"))
}

#[actix_web::test]
async fn o3_an_upstream_change_that_leaves_the_octets_alone_leaves_validator_and_token_alone() {
    let house = House::with_anna().await;
    let etag = house.book("anna", A, "a", 10).await.header("etag").unwrap().to_owned();
    let before = token(&house).await;
    let applied = upstream(&house, "a", |_| {}).await;
    assert_eq!(applied.effect, change::Effect::Unchanged);
    // The remote side has trimmed and rewritten what means the same.
    upstream(&house, "a", |event| event.content.summary = " Meeting a\n".to_owned()).await;
    let stands = house.send("anna", "HEAD", A, &[], "").await;
    assert_eq!(stands.header("etag"), Some(etag.as_str()));
    assert_eq!(token(&house).await, before);
    upstream(&house, "a", |event| event.content.summary = "Budget".to_owned()).await;
    let stands = house.send("anna", "GET", A, &[], "").await;
    assert_ne!(stands.header("etag"), Some(etag.as_str()));
    assert!(stands.body.contains("SUMMARY:Budget\r\n"), "{}", stands.body);
    assert_ne!(token(&house).await, before);
}

#[actix_web::test]
async fn o10_what_the_other_side_cannot_hold_stays_after_it_has_changed_the_rest() {
    let house = House::with_anna().await;
    let kept = [
        "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC\r\n",
        "X-MOZ-LASTACK;X-SENT=yes:20260301T000000Z\r\n",
        "CATEGORIES:Council,Åpent\r\n",
        "ATTACH;FMTTYPE=application/pdf:https://example.org/agenda.pdf\r\n",
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Go\r\nX-WR-ALARMUID:1\r\nEND:VALARM\r\n",
    ];
    let around = "BEGIN:X-ROOM-PLAN\r\nX-CHAIRS:40\r\nEND:X-ROOM-PLAN\r\n";
    let lines = kept.concat();
    let body = inside(&lines[..lines.find("BEGIN:VALARM").unwrap()])
        .replace("END:VEVENT", &format!("{}END:VEVENT", kept[4]))
        .replace("BEGIN:VEVENT", &format!("{around}BEGIN:VEVENT"));
    let put = house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &body).await;
    assert_eq!(put.status, 201, "{}", put.body);
    upstream(&house, "a", |event| {
        event.content.summary = "Budget".to_owned();
        event.content.location = "Hall, first floor".to_owned();
        event.when = anteroom::model::EventTime::Timed {
            start: jiff::civil::date(2026, 3, 3).at(14, 0, 0, 0),
            end: jiff::civil::date(2026, 3, 3).at(16, 0, 0, 0),
            zone: anteroom::model::ZoneId::utc(),
        };
    })
    .await;
    let stands = house.send("anna", "GET", A, &[], "").await.body;
    for line in kept.iter().chain([&around]) {
        assert!(stands.contains(line), "{line}\n{stands}");
    }
    for line in ["SUMMARY:Budget\r\n", "DTSTART:20260303T140000Z\r\n", "LOCATION:Hall\\, first floor\r\n"] {
        assert!(stands.contains(line), "{line}\n{stands}");
    }
    assert!(!stands.contains("Meeting a"), "{stands}");
}

/// Two instances of a series whose master is somewhere else.
fn alone() -> String {
    let instance = |id: &str, start: &str, end: &str, title: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:alone\r\nDTSTAMP:20260301T000000Z\r\nRECURRENCE-ID;TZID=Europe/Oslo:{id}\r\n\
             DTSTART;TZID=Europe/Oslo:{start}\r\nDTEND;TZID=Europe/Oslo:{end}\r\nSUMMARY:{title}\r\nX-OWN:{title}\r\n\
             END:VEVENT\r\n"
        )
    };
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{}{}END:VCALENDAR\r\n",
        instance("20260310T180000", "20260310T180000", "20260310T190000", "Guest one"),
        instance("20260317T180000", "20260318T200000", "20260318T210000", "Guest two"),
    )
}

#[actix_web::test]
async fn o9_an_object_of_overrides_alone_is_accepted_listed_found_by_time_and_takes_the_room() {
    let house = House::with_anna().await;
    let put = house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &alone()).await;
    assert_eq!(put.status, 201, "{}", put.body);
    assert_eq!(house.send("anna", "GET", A, &[], "").await.body, alone());
    let listed = house.send("anna", "PROPFIND", HALL, &[("depth", "1")], "").await;
    assert!(listed.body.contains("<D:href>/dav/t/rooms/hall/a.ics</D:href>"), "{}", listed.body);
    for (start, end, found) in [
        ("20260310T170000Z", "20260310T171500Z", true),
        ("20260317T160000Z", "20260317T190000Z", false),
        ("20260318T190000Z", "20260318T200000Z", true),
        ("20260324T000000Z", "20260401T000000Z", false),
    ] {
        let body = format!(
            "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/><c:calendar-data>\
             <c:expand start='{start}' end='{end}'/></c:calendar-data></prop><c:filter><c:comp-filter \
             name='VCALENDAR'><c:comp-filter name='VEVENT'><c:time-range start='{start}' end='{end}'/>\
             </c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
        );
        let answer = house.send("anna", "REPORT", HALL, &[("depth", "1")], &body).await;
        assert_eq!(answer.body.contains("<D:href>/dav/t/rooms/hall/a.ics"), found, "{start}");
        assert_eq!(answer.body.matches("BEGIN:VEVENT").count(), usize::from(found), "{start}: {}", answer.body);
    }
    let busy = "<c:free-busy-query xmlns:c='urn:ietf:params:xml:ns:caldav'>\
                <c:time-range start='20260301T000000Z' end='20260401T000000Z'/></c:free-busy-query>";
    let busy = house.send("anna", "REPORT", HALL, &[], busy).await.body;
    let taken: Vec<&str> = busy.lines().filter_map(|line| line.strip_prefix("FREEBUSY:")).collect();
    assert_eq!(taken, ["20260310T170000Z/20260310T180000Z", "20260318T190000Z/20260318T200000Z"]);
    let other =
        event("b", 10).replace("20260303T100000Z", "20260318T193000Z").replace("20260303T110000Z", "20260318T203000Z");
    let refused = house.send("anna", "PUT", "/dav/t/rooms/hall/b.ics", &[], &other).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("Hall is taken on 2026-03-18 20:00-21:00"), "{}", refused.body);
}

#[actix_web::test]
async fn o9_instances_alone_are_changed_one_by_one_and_get_their_series_later() {
    let house = House::with_anna().await;
    house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &alone()).await;
    upstream(&house, "alone", |event| {
        for changed in event.overrides.values_mut() {
            if changed.content.summary == "Guest two" {
                changed.content.summary = "Guest three".to_owned();
            }
        }
    })
    .await;
    let stands = house.send("anna", "GET", A, &[], "").await.body;
    assert!(stands.contains("SUMMARY:Guest one\r\nX-OWN:Guest one\r\n"), "{stands}");
    assert!(stands.contains("SUMMARY:Guest three\r\nX-OWN:Guest two\r\n"), "{stands}");
    upstream(&house, "alone", |event| {
        event.overrides.retain(|_, changed| changed.content.summary != "Guest one");
    })
    .await;
    let stands = house.send("anna", "GET", A, &[], "").await.body;
    assert_eq!(stands.matches("BEGIN:VEVENT").count(), 1, "{stands}");
    assert!(stands.contains("X-OWN:Guest two\r\n"), "{stands}");
    let master = "BEGIN:VEVENT\r\nUID:alone\r\nDTSTAMP:20260301T000000Z\r\nDTSTART;TZID=Europe/Oslo:20260303T180000\r\n\
                  DTEND;TZID=Europe/Oslo:20260303T190000\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:Series\r\nEND:VEVENT\r\n";
    let whole = alone().replacen("BEGIN:VEVENT", &format!("{master}BEGIN:VEVENT"), 1);
    assert_eq!(house.send("anna", "PUT", A, &[("content-type", "text/calendar")], &whole).await.status, 204);
    assert_eq!(house.send("anna", "GET", A, &[], "").await.body, whole);
}

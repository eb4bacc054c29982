//! What no other side holds in its own form and is carried there all the same, and what stays with the client that sent
//! it: statements O9, O10 and O14 with every real part between.

use super::demo::{Demo, until};
use super::series::shown;
use super::singles::SOON;
use super::town::{Room, Seen, Side, Town, ZONE, ics, slot, zone};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};

fn hour(day: Date, from: i8, title: &str) -> Seen {
    let at = |hour: i8| day.at(hour, 0, 0, 0).to_zoned(zone()).unwrap().timestamp();
    Seen { start: at(from), end: at(from + 1), title: title.to_owned() }
}

fn today(after: i64) -> Date {
    slot(after, 12).start.to_zoned(zone()).date()
}

fn wall(time: Timestamp) -> String {
    time.to_zoned(zone()).strftime("%Y%m%dT%H%M%S").to_string()
}

fn times(seen: &Seen) -> String {
    format!("DTSTART;TZID={ZONE}:{}\r\nDTEND;TZID={ZONE}:{}\r\n", wall(seen.start), wall(seen.end))
}

/// The last working day of a month.
fn last_working_day(month: Date) -> Date {
    let mut day = month.last_of_month();
    while [Weekday::Saturday, Weekday::Sunday].contains(&day.weekday()) {
        day = day.yesterday().unwrap();
    }
    day
}

fn put(town: &Town, room: &Room, name: &str, text: &str) {
    let made = town.put(&Town::href(room, name), text, ("If-None-Match", "*")).unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
}

/// The last working day of three months and two dates more: Graph and the booking system have no such rule.
fn o14(town: &Town, room: &Room) {
    let first = last_working_day(today(25));
    let month = |n: i64| last_working_day(first.first_of_month() + n.months());
    let mut days = vec![month(0), month(1), month(2), first + 3.days(), first + 5.days()];
    let dates: Vec<Seen> = days.drain(..).map(|day| hour(day, 6, "Lønn")).collect();
    let extra: Vec<String> =
        dates[3..].iter().map(|seen| format!("RDATE;TZID={ZONE}:{}\r\n", wall(seen.start))).collect();
    let lines = format!(
        "SUMMARY:Lønn\r\n{}RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3\r\n{}",
        times(&dates[0]),
        extra.concat()
    );
    put(town, room, "o14", &ics("o14", &lines));
    shown(town, room, "Lønn", &dates);
    let answer = town.dav("DELETE", &Town::href(room, "o14"), &[], "").unwrap();
    assert_eq!(answer.status, 204);
    shown(town, room, "Lønn", &[]);
}

/// Instances of a series whose master nobody here has: each is there, and each goes alone.
fn o9(town: &Town, room: &Room) {
    let mut dates: Vec<Seen> = [12, 19, 33].iter().map(|day| hour(today(*day), 5, &format!("Gjest {day}"))).collect();
    let events: Vec<String> = dates
        .iter()
        .map(|seen| {
            format!(
                "BEGIN:VEVENT\r\nUID:o9\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID={ZONE}:{}\r\nSUMMARY:{}\r\n{}\
                 END:VEVENT\r\n",
                wall(seen.start),
                seen.title,
                times(seen)
            )
        })
        .collect();
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//walk//EN\r\n{}END:VCALENDAR\r\n", events.concat());
    put(town, room, "o9", &text);
    shown(town, room, "Gjest", &dates);
    let id = town.find(Side::Booking, room, &dates[0]).unwrap();
    assert!(town.cancel(Side::Booking, room, &id).unwrap().is_success());
    dates.remove(0);
    shown(town, room, "Gjest", &dates);
    let id = town.find(Side::Graph, room, &dates[1]).unwrap();
    dates[1] = hour(today(33), 7, "Gjest flyttet");
    assert!(town.change(Side::Graph, room, &id, &dates[1]).unwrap().is_success());
    shown(town, room, "Gjest", &dates);
    for side in [Side::Graph, Side::Booking] {
        let id = town.find(side, room, &dates[0]).unwrap();
        assert!(town.cancel(side, room, &id).unwrap().is_success());
        dates.remove(0);
        shown(town, room, "Gjest", &dates);
    }
    let object = Town::href(room, "o9");
    until("the object to go with its last instance", SOON, || {
        (town.dav("GET", &object, &[], "").unwrap().status == 404).then_some(())
    });
}

/// An alarm, a property of one client and a component of another stay when Outlook changes title and time.
fn o10(town: &Town, room: &Room) {
    let mut what = hour(today(13), 4, "Kor");
    let own = "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC\r\n";
    let alarm =
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT15M\r\nX-WR-ALARMUID:7\r\nEND:VALARM\r\n";
    let text = ics("o10", &format!("SUMMARY:Kor\r\n{}{own}{alarm}", times(&what)));
    put(town, room, "o10", &text.replace("BEGIN:VEVENT", "BEGIN:X-PLAN\r\nX-CHAIRS:9\r\nEND:X-PLAN\r\nBEGIN:VEVENT"));
    shown(town, room, "Kor", std::slice::from_ref(&what));
    let id = town.find(Side::Graph, room, &what).unwrap();
    what = hour(today(14), 4, "Kor i kirken");
    assert!(town.change(Side::Graph, room, &id, &what).unwrap().is_success());
    shown(town, room, "Kor", std::slice::from_ref(&what));
    let stands = town.dav("GET", &Town::href(room, "o10"), &[], "").unwrap().text;
    for line in [own, alarm, "BEGIN:X-PLAN\r\nX-CHAIRS:9\r\nEND:X-PLAN\r\n", "SUMMARY:Kor i kirken\r\n"] {
        assert!(stands.contains(line), "{line}\n{stands}");
    }
}

#[test]
fn o9_o10_o14_what_other_sides_cannot_hold_is_carried_by_instances_or_kept() {
    let (_demo, town) = Demo::start();
    for slug in ["moterom-fjord", "kantina"] {
        let room = town.room(slug);
        o14(&town, room);
        o9(&town, room);
        o10(&town, room);
    }
}

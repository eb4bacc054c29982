//! Weekly series with a moved and a cancelled date, made on each side that has series and bent on the one that has not.

use super::demo::{Demo, until};
use super::quiet::{converged, stays_quiet};
use super::singles::SOON;
use super::town::{Room, SIDES, Seen, Side, Town, ZONE, slot};
use jiff::Timestamp;
use jiff::civil::Time;
use serde_json::{Value, json};
use std::time::Duration;

/// Six weekly dates at nine in the morning of the town, whatever the season.
pub fn weekly(first: i64, title: &str) -> Vec<Seen> {
    let zone = super::town::zone();
    let dates = (0..6).map(|week| {
        let date = slot(first + 7 * week, 12).start.to_zoned(zone.clone()).date();
        let at = |hour| date.to_datetime(Time::constant(hour, 0, 0, 0)).to_zoned(zone.clone()).unwrap().timestamp();
        Seen { start: at(9), end: at(10), title: title.to_owned() }
    });
    dates.collect()
}

fn later(seen: &Seen, title: &str) -> Seen {
    let hours = jiff::SignedDuration::from_hours(4);
    Seen { start: seen.start + hours, end: seen.end + hours, title: title.to_owned() }
}

/// Waits until all sides show exactly these instances of what is called so.
pub fn shown(town: &Town, room: &Room, word: &str, wanted: &[Seen]) {
    let mut wanted = wanted.to_vec();
    wanted.sort();
    for side in SIDES {
        let mut last = Vec::new();
        let began = tokio::time::Instant::now();
        while last != wanted {
            assert!(began.elapsed() < SOON, "{side:?} of {} shows {last:#?}\ninstead of {wanted:#?}", room.slug);
            last = town.seen(side, room).unwrap();
            last.retain(|seen| seen.title.starts_with(word));
        }
    }
}

pub fn wall(time: Timestamp) -> String {
    time.to_zoned(super::town::zone()).strftime("%Y%m%dT%H%M%S").to_string()
}

fn by_dav(dates: &[Seen], bent: &Seen, title: &str) -> String {
    let component = |recurrence: &str, seen: &Seen, title: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{title}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:{}\r\n{recurrence}\
             DTSTART;TZID={ZONE}:{}\r\nDTEND;TZID={ZONE}:{}\r\nEND:VEVENT\r\n",
            seen.title,
            wall(seen.start),
            wall(seen.end)
        )
    };
    let rule = format!("RRULE:FREQ=WEEKLY;COUNT=6\r\nEXDATE;TZID={ZONE}:{}\r\n", wall(dates[2].start));
    let master = component(&rule, &dates[0], title);
    let exception = component(&format!("RECURRENCE-ID;TZID={ZONE}:{}\r\n", wall(dates[3].start)), bent, title);
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//walk//EN\r\n{master}{exception}END:VCALENDAR\r\n")
}

fn by_graph(town: &Town, room: &Room, dates: &[Seen], bent: &Seen) {
    let zoned = |time: Timestamp| {
        let wall = time.to_zoned(super::town::zone()).strftime("%Y-%m-%dT%H:%M:%S").to_string();
        json!({"dateTime": wall, "timeZone": "W. Europe Standard Time"})
    };
    let first = dates[0].start.to_zoned(super::town::zone());
    let day = first.strftime("%A").to_string().to_lowercase();
    let event = json!({
        "subject": dates[0].title, "start": zoned(dates[0].start), "end": zoned(dates[0].end),
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [day], "firstDayOfWeek": "monday"},
            "range": {"type": "numbered", "startDate": first.date().to_string(), "numberOfOccurrences": 6,
                      "recurrenceTimeZone": "W. Europe Standard Time"},
        },
    });
    let base = format!("/users/{}/events", room.mailbox);
    let made = town.graph("POST", &base, &event).unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let instance = |seen: &Seen| town.find(Side::Graph, room, seen).unwrap();
    let (cancelled, moved) = (instance(&dates[2]), instance(&dates[3]));
    let patch = json!({"subject": bent.title, "start": zoned(bent.start), "end": zoned(bent.end)});
    assert!(town.graph("PATCH", &format!("{base}/{moved}"), &patch).unwrap().is_success());
    assert!(town.graph("DELETE", &format!("{base}/{cancelled}"), &Value::Null).unwrap().is_success());
}

/// The dates that are left: the third is cancelled, the fourth is moved.
fn left(dates: &[Seen], bent: &Seen) -> Vec<Seen> {
    vec![dates[0].clone(), dates[1].clone(), bent.clone(), dates[4].clone(), dates[5].clone()]
}

#[test]
fn a_series_with_a_moved_and_a_cancelled_date_is_the_same_on_all_sides_whoever_bends_it() {
    let (_demo, town) = Demo::start();
    for slug in ["moterom-fjord", "kantina"] {
        let room = town.room(slug);
        for (first, born, word) in [(20, Side::CalDav, "Avdeling"), (22, Side::Graph, "Utvalg")] {
            let dates = weekly(first, word);
            let bent = later(&dates[3], &format!("{word} flyttet"));
            match born {
                Side::CalDav => {
                    let made = town.put(&Town::href(room, word), &by_dav(&dates, &bent, word), ("If-None-Match", "*"));
                    assert_eq!(made.unwrap().status, 201);
                }
                _ => by_graph(&town, room, &dates, &bent),
            }
            let mut wanted = left(&dates, &bent);
            shown(&town, room, word, &wanted);
            // The booking system has no series: somebody there moves one date and cancels another.
            let id = town.find(Side::Booking, room, &dates[4]).unwrap();
            wanted[3] = later(&dates[4], &format!("{word} til kvelden"));
            assert!(town.change(Side::Booking, room, &id, &wanted[3]).unwrap().is_success());
            shown(&town, room, word, &wanted);
            let id = town.find(Side::Booking, room, &dates[1]).unwrap();
            assert!(town.cancel(Side::Booking, room, &id).unwrap().is_success());
            wanted.remove(1);
            shown(&town, room, word, &wanted);
            let object = until("the object", SOON, || town.find(Side::CalDav, room, &wanted[0])).0;
            let answer = town.dav("DELETE", &object, &[], "").unwrap();
            assert_eq!(answer.status, 204, "{answer:?}");
            shown(&town, room, word, &[]);
        }
    }
    let picture = converged(&town, Duration::from_secs(20));
    stays_quiet(&town, &picture, Duration::from_secs(3));
}

//! How long a change takes from one side to another.

use super::demo::{Demo, until};
use super::town::{Room, Seen, Side, Town, slot};
use serde_json::Value;
use std::time::Duration;

/// Longer than any change may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What 99 of 100 changes stay under.
const BOUND: Duration = Duration::from_secs(5);

#[expect(clippy::disallowed_methods, reason = "how long a test runs is no configuration of the gateway")]
fn count() -> usize {
    let scale: u32 = std::env::var("ANTEROOM_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    if scale >= 10 { 200 } else { 20 }
}

#[test]
fn changes_reach_the_other_sides_within_seconds() {
    let (_demo, town) = Demo::start();
    let ways = [
        (Side::Graph, Side::CalDav),
        (Side::Graph, Side::Booking),
        (Side::CalDav, Side::Graph),
        (Side::CalDav, Side::Booking),
        (Side::Booking, Side::CalDav),
        (Side::Booking, Side::Graph),
    ];
    let mut all: Vec<Vec<Duration>> = vec![Vec::new(); ways.len()];
    for at in 0..count() {
        for born in [Side::Graph, Side::CalDav, Side::Booking] {
            let room = town.room(if at % 2 == 0 { "moterom-fjord" } else { "kantina" });
            let hour = i64::try_from(at).unwrap();
            let row = match born {
                Side::Graph => 0,
                Side::CalDav => 30,
                Side::Booking => 60,
            };
            let what = slot(20 + row + hour / 12, 6 + hour % 12).titled(&format!("Tid {born:?} {at}"));
            let began = tokio::time::Instant::now();
            town.book(born, room, &what).unwrap().unwrap();
            let mut waiting: Vec<usize> = (0..ways.len()).filter(|way| ways[*way].0 == born).collect();
            until(&format!("{what:?}"), PATIENCE, || {
                waiting.retain(|way| {
                    let is_there = is_seen(&town, ways[*way].1, room, &what);
                    if is_there {
                        all[*way].push(began.elapsed());
                    }
                    !is_there
                });
                waiting.is_empty().then_some(())
            });
        }
    }
    for ((from, to), times) in ways.iter().zip(&mut all) {
        times.sort();
        let (half, most) = (quantile(times, 50), quantile(times, 99));
        println!("latency {from:?} -> {to:?}: n={} p50={half:?} p99={most:?} max={:?}", times.len(), times.last());
        assert!(most < BOUND, "{from:?} -> {to:?}: p99 is {most:?}");
    }
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

/// Asked for in a narrow range, so that the question costs little.
fn is_seen(town: &Town, side: Side, room: &Room, what: &Seen) -> bool {
    match side {
        Side::CalDav => {
            let stamp = |time: jiff::Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
            let body = format!(
                "<c:calendar-query xmlns:c=\"urn:ietf:params:xml:ns:caldav\" xmlns:d=\"DAV:\"><d:prop><d:getetag/>\
                 </d:prop><c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\"><c:time-range \
                 start=\"{}\" end=\"{}\"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>",
                stamp(what.start),
                stamp(what.end)
            );
            let path = format!("/dav/fjordby/rooms/{}/", room.slug);
            town.dav("REPORT", &path, &[("Depth", "1")], &body).unwrap().text.contains("<D:href>")
        }
        Side::Graph => {
            let path = format!(
                "/users/{}/calendarView?startDateTime={}&endDateTime={}&$select=subject",
                room.mailbox, what.start, what.end
            );
            town.graph("GET", &path, &Value::Null).unwrap().text.contains(&what.title)
        }
        Side::Booking if room.is_portico => town.find(side, room, what).is_some(),
        Side::Booking => {
            let path = format!("/generic/as-person/api/events?from={}&to={}", what.start, what.end);
            town.control("GET", &path, &Value::Null).unwrap().text.contains(&what.title)
        }
    }
}

//! A season of the booking system: twelve allocations there, one series everywhere else, and nothing written to where they
//! come from.

use super::demo::{Demo, until};
use super::quiet::{MINUTE, converged, look_everywhere, stays_quiet};
use super::series::shown;
use super::singles::SOON;
use super::town::{Room, Seen, Side, Town, text, zone};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const TITLE: &str = "Fjordby IL";

fn evenings(town: &Town, room: &Room) -> Vec<(Seen, String)> {
    let mut all = town.shown(Side::Booking, room).unwrap();
    all.retain(|(seen, _)| seen.title.starts_with(TITLE));
    all
}

fn wall(time: jiff::Timestamp) -> String {
    time.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// What somebody does to an allocation in the booking system's own pages.
fn by_hand(town: &Town, verb: &str, body: &Value) {
    let answer = town.control("POST", &format!("/portico/ui/allocations/{verb}"), body).unwrap();
    assert!(answer.is_success(), "{answer:?}");
    look_everywhere(town, MINUTE);
}

fn ask(town: &Town, room: &Room, fold: bool) {
    let all = town.api("GET", "/mappings?limit=500").unwrap().json();
    let of_room = |one: &&Value| one["remote_id"] == room.booking_id.as_str();
    let id = text(&all["items"].as_array().unwrap().iter().find(of_room).unwrap()["id"]);
    let answer = town.api_with("PATCH", &format!("/mappings/{id}"), &json!({"fold_allocations": fold})).unwrap();
    assert_eq!((answer.status, &answer.json()["fold_allocations"]), (200, &json!(fold)), "{answer:?}");
}

/// The objects in which the season stands, for who reads by CalDAV.
fn objects(town: &Town, room: &Room) -> BTreeSet<String> {
    let all = town.shown(Side::CalDav, room).unwrap().into_iter();
    all.filter(|(seen, _)| seen.title.starts_with(TITLE)).map(|(_, href)| href).collect()
}

/// The kinds of what Outlook has under that title.
fn kinds(town: &Town, room: &Room) -> Vec<String> {
    let path = format!("/users/{}/events?$top=200&$select=subject,type", room.mailbox);
    let found = town.graph("GET", &path, &Value::Null).unwrap().json();
    let rows = found["value"].as_array().unwrap().iter();
    rows.filter(|row| text(&row["subject"]).starts_with(TITLE)).map(|row| text(&row["type"])).collect()
}

#[test]
fn a_season_of_the_booking_system_is_one_series_on_the_other_sides() {
    let (_demo, town) = Demo::start();
    let room = town.room("idrettshallen");
    let _ = converged(&town, Duration::from_secs(30));
    let season = evenings(&town, room);
    let mut wanted: Vec<Seen> = season.iter().map(|(seen, _)| seen.clone()).collect();
    assert!(wanted.len() > 10 && objects(&town, room).len() == wanted.len(), "{wanted:?}");

    ask(&town, room, true);
    until("one object", SOON, || (objects(&town, room).len() == 1).then_some(()));
    let object = objects(&town, room);
    until("one series in Outlook", SOON, || (kinds(&town, room) == ["seriesMaster"]).then_some(()));
    shown(&town, room, TITLE, &wanted);

    // One evening is cancelled, one moves, and two weeks after the last there is one more.
    by_hand(&town, "deactivate", &json!({"id": season[4].1.parse::<u64>().unwrap()}));
    let day = SignedDuration::from_hours(24);
    let moved = Seen { start: season[6].0.start + day, end: season[6].0.end + day, ..season[6].0.clone() };
    let id = season[6].1.parse::<u64>().unwrap();
    by_hand(&town, "update", &json!({"id": id, "from_": wall(moved.start), "to_": wall(moved.end)}));
    let last = season.last().unwrap().0.clone();
    let later =
        |time: jiff::Timestamp| time.to_zoned(zone()).checked_add(jiff::Span::new().weeks(2)).unwrap().timestamp();
    let more = Seen { start: later(last.start), end: later(last.end), ..last };
    let body = json!({"name": more.title, "organization_id": 7, "season_id": 3, "resources": [105],
                      "from_": wall(more.start), "to_": wall(more.end)});
    by_hand(&town, "create", &body);
    wanted[6] = moved;
    wanted.remove(4);
    wanted.push(more);
    shown(&town, room, TITLE, &wanted);
    assert_eq!(objects(&town, room), object, "it is the object it was");
    assert_eq!(kinds(&town, room), ["seriesMaster"]);

    let picture = converged(&town, Duration::from_secs(30));
    stays_quiet(&town, &picture, Duration::from_secs(3));
    look_everywhere(&town, MINUTE);
    stays_quiet(&town, &picture, Duration::from_secs(3));

    ask(&town, room, false);
    until("an object for each evening", SOON, || (objects(&town, room).len() == wanted.len()).then_some(()));
    shown(&town, room, TITLE, &wanted);
    let _ = converged(&town, Duration::from_secs(30));
    let to_booking: Vec<_> = town.remote_writes().unwrap();
    assert!(to_booking.iter().all(|(name, _)| !name.contains("allocations")), "{to_booking:?}");
}

//! Single bookings: made, changed and taken away on each side, and seen on the others in time.

use super::demo::{Demo, until};
use super::quiet::{converged, stays_quiet};
use super::town::{Room, SIDES, Seen, Side, Town, ics, outlook, plain, slot};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a change may take from any side to every other.
pub const SOON: Duration = Duration::from_secs(5);

/// Waits until every side shows exactly this once in the room.
fn everywhere(town: &Town, room: &Room, what: &Seen) {
    for side in SIDES {
        until(&format!("{what:?} on {side:?} of {}", room.slug), SOON, || town.find(side, room, what));
    }
}

/// Waits until no side shows the title in the room.
fn nowhere(town: &Town, room: &Room, title: &str) {
    for side in SIDES {
        until(&format!("no {title} on {side:?} of {}", room.slug), SOON, || {
            let is_there = town.seen(side, room).unwrap().iter().any(|seen| seen.title == title);
            (!is_there).then_some(())
        });
    }
}

/// One booking's life: born on one side, edited on each side in turn, each time by what that side calls it, and taken
/// away by the last.
fn life(town: &Town, room: &Room, born: Side, day: i64) {
    let mut what = slot(day, 8).titled(&format!("Liv {born:?} {day}"));
    town.book(born, room, &what).unwrap().unwrap_or_else(|answer| panic!("{born:?}: {answer:?}"));
    everywhere(town, room, &what);
    let at = SIDES.iter().position(|side| *side == born).unwrap();
    for step in 0..3 {
        let editor = SIDES[(at + step) % 3];
        let old = what.clone();
        let hour = 10 + i64::try_from(step).unwrap() * 2;
        what = slot(day, hour).titled(&format!("Liv {born:?} {day} endret av {editor:?}"));
        let id = town.find(editor, room, &old).unwrap();
        let answer = town.change(editor, room, &id, &what).unwrap();
        assert!(answer.is_success(), "{editor:?}: {answer:?}");
        everywhere(town, room, &what);
        nowhere(town, room, &old.title);
    }
    let last = SIDES[(at + 2) % 3];
    let id = town.find(last, room, &what).unwrap();
    assert!(town.cancel(last, room, &id).unwrap().is_success());
    nowhere(town, room, &what.title);
}

#[test]
fn a_booking_of_any_side_lives_on_all_sides_whoever_edits_it() {
    let (_demo, town) = Demo::start();
    let seeded = converged(&town, Duration::from_secs(30));
    assert!(seeded.values().flatten().count() > 10, "the town has bookings of its own");
    let rooms = ["kommunestyresalen", "moterom-fjord", "moterom-fjell", "kantina"];
    std::thread::scope(|scope| {
        for slug in rooms {
            let (town, room) = (&town, town.room(slug));
            scope.spawn(move || {
                for (at, born) in (20..).zip(SIDES) {
                    life(town, room, born, at);
                }
            });
        }
    });
    let after = converged(&town, Duration::from_secs(30));
    assert_eq!(after, seeded, "what was made is gone again, and nothing else has changed");
    stays_quiet(&town, &after, Duration::from_secs(3));
}

#[test]
fn a_meeting_that_invites_the_room_is_seen_moved_and_cancelled_everywhere() {
    let (_demo, town) = Demo::start();
    let organizer = "/users/kjersti.haland@fjordby.example/events";
    for slug in ["moterom-fjord", "kantina"] {
        let room = town.room(slug);
        let what = slot(20, 8).titled("Kjersti Håland");
        let mut meeting = outlook(&what.titled("Hemmelig møte"));
        meeting["attendees"] =
            json!([{"type": "resource", "emailAddress": {"address": room.mailbox, "name": room.slug}}]);
        let made = town.graph("POST", organizer, &meeting).unwrap();
        assert_eq!(made.status, 201, "{made:?}");
        everywhere(&town, room, &what);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let moved = slot(21, 12).titled(&what.title);
        let times = outlook(&moved);
        let patch = json!({"start": times["start"], "end": times["end"]});
        assert!(town.graph("PATCH", &format!("{organizer}/{id}"), &patch).unwrap().is_success());
        everywhere(&town, room, &moved);
        assert!(town.graph("POST", &format!("{organizer}/{id}/cancel"), &json!({})).unwrap().is_success());
        nowhere(&town, room, &what.title);
    }
}

#[test]
fn a_room_that_is_taken_is_refused_and_nothing_is_stored() {
    let (_demo, town) = Demo::start();
    for (slug, by) in [("moterom-fjord", Side::Graph), ("kantina", Side::Booking)] {
        let room = town.room(slug);
        let taken = slot(20, 8).titled("Opptatt");
        town.book(by, room, &taken).unwrap().unwrap();
        everywhere(&town, room, &taken);
        let before: Vec<Vec<Seen>> = SIDES.iter().map(|side| town.seen(*side, room).unwrap()).collect();
        let href = Town::href(room, "for-sent");
        let late = Seen { end: taken.end + jiff::SignedDuration::from_mins(30), ..taken.titled("For sent") };
        let answer = town.put(&href, &ics("for-sent", &plain(&late)), ("If-None-Match", "*")).unwrap();
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(answer.text.contains("room-occupied"), "{}", answer.text);
        assert_eq!(town.dav("GET", &href, &[], "").unwrap().status, 404);
        let invited = town.graph("GET", &format!("/users/{}/events?$top=200", room.mailbox), &Value::Null).unwrap();
        assert!(!invited.text.contains("For sent"));
        let picture = converged(&town, Duration::from_secs(10));
        stays_quiet(&town, &picture, Duration::from_secs(1));
        let after: Vec<Vec<Seen>> = SIDES.iter().map(|side| town.seen(*side, room).unwrap()).collect();
        assert_eq!(after, before);
    }
}

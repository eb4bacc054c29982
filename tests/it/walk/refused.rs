//! Dates of a series that the booking system has given to others: the rest of the series stands, and everybody sees which
//! dates are missing.

use super::demo::{Demo, until};
use super::quiet::{MINUTE, converged, look_everywhere, stays_quiet};
use super::series::{shown, wall, weekly};
use super::singles::SOON;
use super::town::{Side, Town, ZONE, ics, text};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn dates_that_the_booking_system_has_given_away_leave_the_series_on_all_sides() {
    let (_demo, town) = Demo::start();
    let _ = converged(&town, Duration::from_secs(30));
    for slug in ["moterom-fjord", "kantina"] {
        let room = town.room(slug);
        // Nobody tells the gateway of what is booked there in the meantime.
        let deaf = json!({"notification_loss_rate": 1.0});
        assert_eq!(town.control("PUT", "/faults", &json!({"generic": deaf, "portico": deaf})).unwrap().status, 200);
        let dates = weekly(24, "Kurs");
        let others: Vec<_> = [1, 4].map(|at: usize| dates[at].titled(&format!("Besøk {at}"))).into();
        for other in &others {
            town.book(Side::Booking, room, other).unwrap().unwrap();
        }
        let lines = format!(
            "SUMMARY:Kurs\r\nDTSTART;TZID={ZONE}:{}\r\nDTEND;TZID={ZONE}:{}\r\nRRULE:FREQ=WEEKLY;COUNT=6\r\n",
            wall(dates[0].start),
            wall(dates[0].end)
        );
        let object = Town::href(room, "kurs");
        assert_eq!(town.put(&object, &ics("kurs", &lines), ("If-None-Match", "*")).unwrap().status, 201);
        let left = [0, 2, 3, 5].map(|at: usize| dates[at].clone());
        shown(&town, room, "Kurs", &left);
        let stands = town.dav("GET", &object, &[], "").unwrap().text;
        let missing: Vec<&str> = stands.lines().filter(|line| line.starts_with("EXDATE")).collect();
        for other in &others {
            assert!(missing.concat().contains(&wall(other.start)), "an EXDATE for {other:?}: {stands}");
        }
        assert!(stands.contains("RRULE:FREQ=WEEKLY;COUNT=6") && !stands.contains("TENTATIVE"), "{stands}");
        let told = until("a conflict for each date", SOON, || refused(&town, slug)).0;
        assert!(told.iter().all(|one| one.contains("Kurs") && one.contains("09:00")), "{told:?}");
        let healthy = json!({"generic": {}, "portico": {}});
        assert_eq!(town.control("PUT", "/faults", &healthy).unwrap().status, 200);
        look_everywhere(&town, MINUTE);
        shown(&town, room, "Besøk", &others);
        shown(&town, room, "Kurs", &left);
    }
    let picture = converged(&town, Duration::from_secs(30));
    stays_quiet(&town, &picture, Duration::from_secs(3));
}

/// The sentences of the two open conflicts about dates of a room.
fn refused(town: &Town, slug: &str) -> Option<Vec<String>> {
    let all = town.api("GET", "/conflicts?limit=500").ok()?.json();
    let is_one = |one: &&Value| one["kind"] == "date_refused" && one["room"] == slug && one["state"] == "open";
    let told: Vec<String> = all["items"].as_array()?.iter().filter(is_one).map(|one| text(&one["sentence"])).collect();
    (told.len() == 2).then_some(told)
}

//! The feed of a room: shows what was booked on any side, and answers 304 while nothing changes.

use super::demo::{Demo, until};
use super::http::ask;
use super::singles::SOON;
use super::town::{Side, calendar, slot};

#[test]
fn a_feed_shows_what_any_side_books_and_is_not_modified_then() {
    let (_demo, town) = Demo::start();
    for (slug, side) in [("moterom-fjord", Side::Graph), ("kantina", Side::Booking), ("kantina", Side::CalDav)] {
        let room = town.room(slug);
        let what = slot(20, if side == Side::CalDav { 12 } else { 8 }).titled(&format!("Vist {side:?}"));
        town.book(side, room, &what).unwrap().unwrap();
        for (_, detail, url) in town.feeds.iter().filter(|(of, _, _)| of == slug) {
            let shows = |seen: &super::town::Seen| {
                (seen.start, seen.end) == (what.start, what.end) && (detail == "busy" || seen.title == what.title)
            };
            let (answer, _) = until(&format!("{what:?} in the {detail} feed of {slug}"), SOON, || {
                let answer = ask("GET", url, &[], "").unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                let found = calendar(&answer.text.replace("\r\n ", ""));
                found.iter().any(shows).then_some(answer)
            });
            let tells = calendar(&answer.text.replace("\r\n ", "")).iter().any(|seen| seen.title == what.title);
            assert_eq!(tells, detail == "full", "a busy feed tells no titles");
            let etag = answer.header("etag").unwrap();
            let again = ask("GET", url, &[("If-None-Match", etag)], "").unwrap();
            assert_eq!((again.status, again.text.as_str()), (304, ""));
        }
    }
}

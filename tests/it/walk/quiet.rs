//! When everything has been said: nothing waits to be sent, all sides show the same, and it stays so.

use super::demo::until;
use super::town::{Room, SIDES, Seen, Side, Town};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a few calendars take to be read, at most.
pub const MINUTE: Duration = Duration::from_mins(1);

/// What each room shows, equal on all sides.
pub type Picture = BTreeMap<String, Vec<Seen>>;

/// Waits until nothing is open and every room shows the same on all sides; fails with the difference.
pub fn converged(town: &Town, patience: Duration) -> Picture {
    let began = tokio::time::Instant::now();
    loop {
        let difference = match agreement(town) {
            Ok(picture) => return picture,
            Err(difference) => difference,
        };
        let is_late = began.elapsed() >= patience;
        assert!(!is_late, "no agreement after {patience:?}: {difference}\n{}", open_conflicts(town));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A while in which nothing happens at any side: no remote write, no change of what is shown. An operation may still
/// be planned, as after a complete read, and find that there is nothing to send; it is waited for, and may write nothing.
pub fn stays_quiet(town: &Town, picture: &Picture, length: Duration) {
    let before = town.remote_writes().unwrap();
    std::thread::sleep(length);
    assert_eq!(&converged(town, Duration::from_secs(10)), picture);
    assert_eq!(town.remote_writes().unwrap(), before, "the gateway went on writing after both sides agreed");
}

/// Has every mapping read now. What was not announced is otherwise found by the next poll, minutes later.
pub fn look_everywhere(town: &Town, patience: Duration) {
    for mapping in town.api("GET", "/mappings?limit=500").unwrap().json()["items"].as_array().unwrap() {
        let id = mapping["id"].as_str().unwrap();
        assert_eq!(town.api("POST", &format!("/mappings/{id}/sync")).unwrap().status, 202);
    }
    until("every mapping to be read", patience, || {
        let all = town.api("GET", "/mappings?limit=500").ok()?.json();
        let waits = |mapping: &Value| mapping["dirty_since"].is_string() || mapping["failures"] != 0;
        (!all["items"].as_array()?.iter().any(waits)).then_some(())
    });
}

fn agreement(town: &Town) -> Result<Picture, String> {
    let broken = |trouble| format!("no answer: {trouble:?}");
    for state in ["pending", "sending", "unknown"] {
        let open = town.api("GET", &format!("/operations?state={state}")).map_err(broken)?.json();
        if open["items"].as_array().is_none_or(|items| !items.is_empty()) {
            return Err(format!("open operations: {open}"));
        }
    }
    let mut picture = Picture::new();
    for room in &town.rooms {
        let sides: Vec<Vec<Seen>> =
            SIDES.iter().map(|side| town.seen(*side, room)).collect::<Result<_, _>>().map_err(broken)?;
        for (at, side) in SIDES.iter().enumerate().skip(1) {
            if sides[at] != sides[0] {
                return Err(difference(room, *side, &sides[0], &sides[at]));
            }
        }
        picture.insert(room.slug.clone(), sides.into_iter().next().unwrap());
    }
    Ok(picture)
}

fn difference(room: &Room, side: Side, dav: &[Seen], other: &[Seen]) -> String {
    let missing = |from: &[Seen], of: &[Seen]| -> Vec<String> {
        from.iter().filter(|one| !of.contains(one)).map(|one| format!("{} {}", one.start, one.title)).collect()
    };
    format!(
        "{}: {} on CalDav, {} on {side:?}; only on CalDav: {:?}; only on {side:?}: {:?}",
        room.slug,
        dav.len(),
        other.len(),
        missing(dav, other),
        missing(other, dav)
    )
}

/// The open conflicts and failed operations, for the message of a failure.
pub fn open_conflicts(town: &Town) -> String {
    let list = |path: &str| town.api("GET", path).map(|answer| answer.text).unwrap_or_default();
    format!("conflicts: {}\nfailed: {}", list("/conflicts"), list("/operations?state=failed"))
}

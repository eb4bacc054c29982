//! Who changes the room while others read it.

use super::history::{Held, History};
use super::stage::{HALL, Stage};
use crate::walk::http::Answer;
use anteroom::model::Privilege;
use anteroom::store::{principals, rooms};
use std::time::Duration;

/// Writers who have names of their own.
pub const OWN: usize = 3;
/// Names that each of them has.
const NAMES: usize = 4;
/// The booking that several write, each on the state it knows.
pub const SHARED: &str = "shared.ics";
/// The booking whose title only some may read. It is there from the start and never changes.
pub const SECRET: &str = "secret.ics";
/// What its title is for those who may.
pub const TITLE: &str = "Merger talks";

/// Name `number` of a writer. Each has a day of its own, so that no booking takes another one's time.
pub fn name_of(writer: usize, number: usize) -> String {
    format!("w{writer}-{number}.ics")
}

/// Octets that no other version has; every second version lies in April, the others in May.
fn version(name: &str, day: usize, version: usize, writer: usize) -> String {
    let month = 4 + version % 2;
    let hour = 6 + version % 12;
    booking(name, (month, day, hour), &format!("{name} {version} of {writer}"), "")
}

fn booking(name: &str, (month, day, hour): (usize, usize, usize), title: &str, more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{name}\r\n\
         DTSTAMP:20260301T000000Z\r\nDTSTART:2026{month:02}{day:02}T{hour:02}0000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:{title}\r\n{more}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn put(stage: &Stage, door: usize, login: &str, name: &str, condition: Option<(&str, &str)>, body: &str) -> Answer {
    let mut headers = vec![("content-type", "text/calendar")];
    headers.extend(condition);
    loop {
        let answer = stage.send(door, login, "PUT", &format!("{HALL}{name}"), &headers, body);
        // Nothing was written: another process has the database.
        if answer.status != 503 {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn etag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_default().trim_matches('"').to_owned()
}

/// The private booking, before anybody reads.
pub fn keep_secret(stage: &Stage, history: &History) {
    let body = booking(SECRET, (6, 1, 10), TITLE, "CLASS:PRIVATE\r\n");
    let answer = put(stage, 0, "anna", SECRET, None, &body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    history.acknowledged(SECRET, Some(Held { etag: etag(&answer), body }), None);
}

/// Puts, changes and deletes bookings of its own, through one door and the other.
pub fn write(stage: &Stage, history: &History, writer: usize, acts: usize) {
    let mut there = [false; NAMES];
    for act in 0..acts {
        let number = act * 7 % NAMES;
        let name = name_of(writer, number);
        if there[number] && act % 5 == 4 {
            let answer = stage.send(act, "anna", "DELETE", &format!("{HALL}{name}"), &[], "");
            if answer.status == 503 {
                continue;
            }
            assert_eq!(answer.status, 204, "{}", answer.text);
            there[number] = false;
            history.acknowledged(&name, None, None);
            continue;
        }
        let body = version(&name, 1 + writer * NAMES + number, act, writer);
        let answer = put(stage, act, "anna", &name, None, &body);
        assert_eq!(answer.status, if there[number] { 204 } else { 201 }, "{}", answer.text);
        there[number] = true;
        history.acknowledged(&name, Some(Held { etag: etag(&answer), body }), None);
    }
}

/// Writes the shared booking on the state it knows, and looks again where that state has gone; then tries as bob, who may
/// or may not.
pub fn contend(stage: &Stage, history: &History, writer: usize, acts: usize) {
    let path = format!("{HALL}{SHARED}");
    let mut known: Option<String> = None;
    let mut theirs = false;
    for act in 0..acts {
        let body = version(SHARED, 20, act, writer);
        let quoted = known.as_ref().map(|etag| format!("\"{etag}\""));
        let condition = quoted.as_ref().map_or(("if-none-match", "*"), |etag| ("if-match", etag.as_str()));
        let answer = put(stage, act + writer, "anna", SHARED, Some(condition), &body);
        match answer.status {
            201 | 204 => {
                let held = Held { etag: etag(&answer), body };
                let over = known.replace(held.etag.clone());
                history.acknowledged(SHARED, Some(held), over);
            }
            412 => known = Some(etag(&stage.send(act, "anna", "GET", &path, &[], ""))),
            status => panic!("{status}: {}", answer.text),
        }
        let name = format!("bob-{writer}.ics");
        let body = version(&name, 22 + writer, act, writer);
        let moment = history.asked();
        let answer = put(stage, act, "bob", &name, None, &body);
        let moment = history.answered(moment);
        match answer.status {
            201 | 204 => {
                assert_eq!(answer.status == 204, theirs, "{}", answer.text);
                assert!(history.bob_could_write(moment), "bob wrote without the right to");
                theirs = true;
                history.acknowledged(&name, Some(Held { etag: etag(&answer), body }), None);
            }
            403 | 404 => {}
            status => panic!("{status}: {}", answer.text),
        }
    }
}

/// Changes what bob may do and what the room is called, past the doors.
pub async fn decide(stage: &Stage, history: &History, decisions: usize) {
    let rights = [Some(Privilege::Read), Some(Privilege::Write), None, Some(Privilege::ReadFreeBusy)];
    for number in 0..decisions {
        let decision = history.deciding(|next| {
            if number % 3 == 2 {
                next.name = format!("Hall {number}");
            } else {
                next.bob = rights[number % rights.len()];
            }
        });
        let mut tx = stage.aside.begin_write().await.unwrap();
        let room = rooms::get(&mut tx, &stage.tenant, &stage.room.id).await.unwrap().unwrap();
        rooms::update(&mut tx, &rooms::Room { name: decision.name, ..room }).await.unwrap();
        match decision.bob {
            Some(right) => {
                principals::grant(&mut tx, &stage.tenant, &stage.bob.id, Some(&stage.room.id), right).await.unwrap();
            }
            None => principals::revoke(&mut tx, &stage.tenant, &stage.bob.id, Some(&stage.room.id)).await.unwrap(),
        }
        tx.commit().await.unwrap();
        history.decided();
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

//! The corpus of hostile bodies: each is sent to the real door, answered in time and space, refused by name, and leaves
//! nothing behind.
//!
//! Time is the processor time of the whole process, so that other work on the machine does not count, and memory the peak
//! of its resident memory, which is why the corpus runs in a process of its own. A body must not make the server wait
//! either, so that the clock on the wall has a bound too, a wide one.

use super::ics_bodies;
use super::xml_bodies;
use crate::dav::house::Answer;
use crate::dav::house::House;
use anteroom::store::{changes, objects, rooms};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;
use tokio::time::Instant;

/// One hostile body and the rule that its refusal names.
pub struct Case {
    pub name: &'static str,
    pub body: Vec<u8>,
    /// Found in the answer, in any letter case: an element of a condition, or words of the sentence.
    pub rule: &'static str,
}

impl Case {
    pub const fn new(name: &'static str, body: Vec<u8>, rule: &'static str) -> Self {
        Self { name, body, rule }
    }

    pub fn text(name: &'static str, body: impl Into<String>, rule: &'static str) -> Self {
        Self::new(name, body.into().into_bytes(), rule)
    }
}

/// So many pieces, numbered from 0.
pub fn many(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

/// How much of a processor one answer may take, optimised or not.
const WORK: Duration = Duration::from_secs(1);

/// How long one answer may take on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much the process may grow during one answer, in KiB.
const GROWTH_KIB: u64 = 64 << 10;

/// What a request cost.
struct Cost {
    worked: Duration,
    took: Duration,
    grown_kib: u64,
}

impl Cost {
    fn complaint(&self) -> Option<String> {
        let dear = self.worked > WORK || self.took > PATIENCE || self.grown_kib > GROWTH_KIB;
        dear.then(|| format!("took {:?} of work, {:?} in all, and {} KiB", self.worked, self.took, self.grown_kib))
    }
}

/// `field` of `/proc/self/status` in KiB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Processor time of all threads of this process, those that have ended included. Its unit is a hundredth of a second.
fn worked() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name of the program, which may hold anything: utime and stime are the 14th and 15th field of all.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(10 * ticks)
}

/// Sends a body. The best of three counts: a first time warms up what is made once.
async fn send(house: &House, method: &str, path: &str, body: &[u8]) -> (Answer, Cost) {
    let (mut work, mut took) = (Duration::MAX, Duration::MAX);
    let mut grown_kib = 0;
    let mut last = None;
    for _ in 0..3 {
        // Sets the mark of the highest resident memory back to what it is now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS:");
        let (began, idle) = (Instant::now(), worked());
        let answer = house.send_octets("anna", method, path, &[("depth", "1")], body).await;
        took = took.min(began.elapsed());
        work = work.min(worked().saturating_sub(idle));
        grown_kib = grown_kib.max(memory("VmHWM:").saturating_sub(before));
        last = Some(answer);
        if took < PATIENCE && work < WORK {
            break;
        }
    }
    (last.unwrap(), Cost { worked: work, took, grown_kib })
}

/// Everything that a request could have left behind: objects, change log, properties and the rooms themselves.
async fn stored(house: &House) -> String {
    let mut tx = house.store.begin_read().await.unwrap();
    let tenant = &house.tenant.id;
    let mut all = String::new();
    for room in rooms::list(&mut tx, tenant).await.unwrap() {
        let objects = objects::list(&mut tx, tenant, &room.id).await.unwrap();
        let changes = changes::since(&mut tx, tenant, &room.id, 0, 1_000).await.unwrap();
        write!(all, "{room:?} {objects:?} {changes:?}").unwrap();
    }
    all
}

/// Why an answer is not what a hostile body deserves; nothing if it is.
fn complaint(case: &Case, answer: &Answer, cost: &Cost) -> Option<String> {
    let shown: String = answer.body.chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
    if !(400..500).contains(&answer.status) {
        return Some(format!("was answered {} {shown}", answer.status));
    }
    if !answer.body.to_lowercase().contains(case.rule) {
        return Some(format!("names no rule {:?}: {} {shown}", case.rule, answer.status));
    }
    if answer.body.len() > 4_096 {
        return Some(format!("was answered with {} bytes", answer.body.len()));
    }
    cost.complaint()
}

/// Sends each case by each method and collects the complaints; the second answer is what the dearest cost.
async fn judge(house: &House, cases: &[Case], methods: &[&str], path: &str) -> String {
    let mut complaints = String::new();
    let mut dearest = (Duration::ZERO, "");
    let mut greatest = (0, "");
    for case in cases {
        for method in methods {
            let (answer, cost) = send(house, method, path, &case.body).await;
            dearest = dearest.max((cost.worked, case.name));
            greatest = greatest.max((cost.grown_kib, case.name));
            if let Some(complaint) = complaint(case, &answer, &cost) {
                writeln!(complaints, "{method} {}: {complaint}", case.name).unwrap();
            }
        }
    }
    println!("{} bodies by {methods:?}: dearest {dearest:?}, greatest {greatest:?} KiB", cases.len());
    complaints
}

/// Runs an ignored test in a process of its own and holds this test to its outcome.
pub fn runs_alone(test: &str) {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn the_corpus_holds_two_hundred_hostile_bodies_with_names_of_their_own() {
    let cases = [xml_bodies::documents(), xml_bodies::reports(), ics_bodies::objects(), ics_bodies::heavy()];
    let mut names = BTreeSet::new();
    let twice: Vec<&str> = cases.iter().flatten().map(|case| case.name).filter(|name| !names.insert(*name)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let refused = names.len() - cases[3].len();
    assert!(refused >= 200 && cases[3].len() >= 20, "{refused} refused, {} heavy", cases[3].len());
}

#[test]
fn hostile_xml_is_refused_by_name_in_time_and_space() {
    runs_alone("safety::corpus::hostile_xml");
}

#[actix_web::test]
#[ignore = "measures its process, so it is run in one of its own"]
async fn hostile_xml() {
    let house = House::with_anna().await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 10).await;
    let before = stored(&house).await;
    let room = "/dav/t/rooms/hall/";
    let mut complaints = judge(&house, &xml_bodies::documents(), &["PROPFIND", "PROPPATCH", "REPORT"], room).await;
    complaints += &judge(&house, &xml_bodies::reports(), &["REPORT"], room).await;
    assert!(complaints.is_empty(), "{complaints}");
    assert_eq!(stored(&house).await, before);
}

#[test]
fn hostile_calendar_objects_are_refused_by_name_in_time_and_space() {
    runs_alone("safety::corpus::hostile_calendar_objects");
}

#[actix_web::test]
#[ignore = "measures its process, so it is run in one of its own"]
async fn hostile_calendar_objects() {
    let house = House::with_anna().await;
    house.book("anna", "/dav/t/rooms/hall/a.ics", "a", 10).await;
    let before = stored(&house).await;
    let complaints = judge(&house, &ics_bodies::objects(), &["PUT"], "/dav/t/rooms/hall/x.ics").await;
    assert!(complaints.is_empty(), "{complaints}");
    assert_eq!(stored(&house).await, before);
}

#[test]
fn heavy_but_lawful_calendar_objects_are_kept_octet_for_octet_in_time_and_space() {
    runs_alone("safety::corpus::heavy_calendar_objects");
}

#[actix_web::test]
#[ignore = "measures its process, so it is run in one of its own"]
async fn heavy_calendar_objects() {
    let house = House::with_anna().await;
    let path = "/dav/t/rooms/hall/x.ics";
    let mut complaints = String::new();
    for case in ics_bodies::heavy() {
        let (answer, put) = send(&house, "PUT", path, &case.body).await;
        let (kept, get) = send(&house, "GET", path, b"").await;
        println!("{}: {:?} {} KiB, {:?} {} KiB", case.name, put.worked, put.grown_kib, get.worked, get.grown_kib);
        if !(200..300).contains(&answer.status) || kept.body.as_bytes() != case.body {
            let told: String = answer.body.chars().take(400).collect();
            writeln!(complaints, "{}: {} {told}", case.name, answer.status).unwrap();
        }
        let range = "<c:calendar-query xmlns:c=\"urn:ietf:params:xml:ns:caldav\" xmlns=\"DAV:\"><prop><getetag/></prop>\
            <c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\"><c:time-range \
            start=\"20260301T000000Z\" end=\"20260501T000000Z\"/></c:comp-filter></c:comp-filter></c:filter>\
            </c:calendar-query>";
        let (found, report) = send(&house, "REPORT", "/dav/t/rooms/hall/", range.as_bytes()).await;
        for (what, cost) in [("PUT", put), ("GET", get), ("REPORT", report)] {
            if let Some(complaint) = cost.complaint() {
                writeln!(complaints, "{what} {}: {complaint}", case.name).unwrap();
            }
        }
        if found.status != 207 {
            writeln!(complaints, "{}: {} {}", case.name, found.status, found.body).unwrap();
        }
        house.send("anna", "DELETE", path, &[], "").await;
    }
    assert!(complaints.is_empty(), "{complaints}");
}

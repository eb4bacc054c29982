//! What a walk of a throng is summed up in.

use super::people::Notebook;
use super::{acts, faults};
use crate::walk::demo::until;
use crate::walk::gateways::Gateways;
use crate::walk::town::{Seen, Side, slot};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Conflicts by state: decided by a rule, open with a proposal that is carried out at its deadline, waiting for a person.
#[derive(Debug, Default)]
struct Conflicts {
    by_kind: BTreeMap<String, u64>,
    settled: u64,
    for_people: u64,
}

pub struct Figures {
    bookings: usize,
    confirmed: u64,
    uncertain: u64,
    unheard: u64,
    contested: u64,
    kills: u64,
    faults: BTreeMap<String, u64>,
    conflicts: Conflicts,
    changes: u64,
    copies: u64,
    crowded: Duration,
    convergence: Duration,
    waits: Vec<(&'static str, Vec<Duration>)>,
}

impl Figures {
    pub fn gather(
        gateways: &Gateways,
        notebooks: &[Notebook],
        (kills, changes): (u64, u64),
        (crowded, convergence): (Duration, Duration),
    ) -> Self {
        let sum = |of: fn(&Notebook) -> u64| notebooks.iter().map(of).sum::<u64>();
        let counters = gateways.counters();
        let faults = counters
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, count)| Some((name.strip_prefix("fault ")?.to_owned(), count.as_u64().unwrap())));
        Self {
            bookings: notebooks.iter().map(Notebook::len).sum(),
            confirmed: sum(|notebook| notebook.confirmed),
            uncertain: sum(|notebook| notebook.uncertain),
            unheard: sum(|notebook| notebook.unheard),
            contested: sum(|notebook| notebook.contested),
            kills,
            faults: faults.collect(),
            conflicts: conflicts(gateways),
            changes,
            copies: sum(|notebook| notebook.copies),
            crowded,
            convergence,
            waits: Vec::new(),
        }
    }

    pub fn with_waits(self, waits: Vec<(&'static str, Vec<Duration>)>) -> Self {
        Self { waits, ..self }
    }

    /// How many conflicts need nobody; all of none.
    pub fn settled_share(&self) -> f64 {
        let all = self.conflicts.settled + self.conflicts.for_people;
        if all == 0 { 1.0 } else { as_float(self.conflicts.settled) / as_float(all) }
    }
}

fn as_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn conflicts(gateways: &Gateways) -> Conflicts {
    let mut found = Conflicts::default();
    let mut path = "/conflicts?limit=500".to_owned();
    loop {
        let page = gateways.towns[0].api("GET", &path).unwrap().json();
        for one in page["items"].as_array().unwrap() {
            *found.by_kind.entry(one["kind"].as_str().unwrap().to_owned()).or_default() += 1;
            let waits = one["state"] == "open" && one["proposal"].is_null();
            *(if waits { &mut found.for_people } else { &mut found.settled }) += 1;
        }
        let Some(next) = page["next"].as_str() else { return found };
        path = format!("/conflicts?limit=500&after={next}");
    }
}

/// How long a booking made in Outlook takes until a calendar program sees it: while notifications come, and, in a long
/// run, while none does. Two unannounced changes tell that a calendar's notifications are dead; from then on it is read
/// every ten seconds here.
pub fn waits_for_notifications(gateways: &Gateways) -> Vec<(&'static str, Vec<Duration>)> {
    let is_long = acts() >= 1_000;
    let wait = |word, number| wait(gateways, word, number);
    let mut all: Vec<(&'static str, Vec<Duration>)> =
        vec![("with notifications", (0..if is_long { 50 } else { 5 }).map(|at| wait("healthy", at)).collect())];
    if is_long {
        faults(gateways, &json!({"notification_loss_rate": 1.0}));
        all.push(("while they die", (0..2).map(|at| wait("dying", at)).collect()));
        all.push(("without any", (0..12).map(|at| wait("dead", at)).collect()));
        faults(gateways, &json!({}));
    }
    for (_, waits) in &mut all {
        waits.sort();
    }
    all
}

fn wait(gateways: &Gateways, word: &str, number: usize) -> Duration {
    let town = &gateways.towns[0];
    let room = &town.rooms[usize::from(word == "healthy") * (1 + number % 8)];
    let day = match word {
        "healthy" => 110,
        "dying" => 120,
        _ => 130,
    };
    let what: Seen = slot(day + i64::try_from(number / 12).unwrap(), 6 + i64::try_from(number % 12).unwrap());
    let what = what.titled(&format!("Wait {word} {number}"));
    town.book(Side::Graph, room, &what).unwrap().unwrap();
    let stamp = |time: jiff::Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let body = format!(
        "<c:calendar-query xmlns:c=\"urn:ietf:params:xml:ns:caldav\" xmlns:d=\"DAV:\"><d:prop><d:getetag/></d:prop>\
         <c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\"><c:time-range start=\"{}\" \
         end=\"{}\"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>",
        stamp(what.start),
        stamp(what.end)
    );
    let path = format!("/dav/fjordby/rooms/{}/", room.slug);
    let is_there = || {
        let answer = town.dav("REPORT", &path, &[("Depth", "1")], &body).ok()?;
        answer.text.contains("<D:href>").then_some(())
    };
    until(&format!("{what:?}"), Duration::from_secs(150), is_there).1
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acts = self.confirmed + self.uncertain;
        write!(
            f,
            "{acts} acts of people ({} without an answer, {} that nobody heard, {} bookings touched on two sides at once) on \
             {} bookings in {:.0?}; {} kills; faults {:?}; conflicts {:?}, settled without a person {:.1} %; agreement {:.1?} \
             after the last fault; {} remote changes for {} copies to reach: {:.2} each, {:.2} for each act",
            self.uncertain,
            self.unheard,
            self.contested,
            self.bookings,
            self.crowded,
            self.kills,
            self.faults,
            self.conflicts.by_kind,
            100.0 * self.settled_share(),
            self.convergence,
            self.changes,
            self.copies,
            as_float(self.changes) / as_float(self.copies),
            as_float(self.changes) / as_float(acts),
        )?;
        for (word, waits) in &self.waits {
            let (half, most) = (quantile(waits, 50), quantile(waits, 99));
            write!(f, "; from Outlook to CalDAV {word}: n={} p50={half:.1?} p99={most:.1?}", waits.len())?;
        }
        Ok(())
    }
}

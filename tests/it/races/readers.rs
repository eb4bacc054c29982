//! Who reads the room while others change it: each kind of question, asked again and again through one door and the other.

use super::history::{Held, History, Moment, Seen, line};
use super::stage::{HALL, Stage};
use super::writers::{SECRET, SHARED, TITLE, name_of};
use crate::walk::http::Answer;
use anteroom::model::Privilege;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

const APRIL: &str = "<C:time-range start='20260401T000000Z' end='20260501T000000Z'/>";

/// Reads on and on; remembers what it needs for its next question.
pub struct Reader<'a> {
    name: &'static str,
    ask: Box<dyn FnMut(usize) -> Seen + Send + 'a>,
}

impl Reader<'_> {
    /// Reads until nobody writes any more; what it saw.
    pub fn run(mut self, history: &History) -> (&'static str, Vec<(Moment, Seen)>) {
        let mut all = Vec::new();
        let mut last_round = false;
        while !last_round {
            last_round = history.over.load(Ordering::SeqCst);
            let moment = history.asked();
            let seen = (self.ask)(all.len());
            all.push((history.answered(moment), seen));
        }
        (self.name, all)
    }
}

/// One reader of each kind.
pub fn all(stage: &Stage) -> Vec<Reader<'_>> {
    let reader = |name, ask| Reader { name, ask };
    vec![
        reader("GET", Box::new(move |round| get(stage, round))),
        reader("GET if changed", if_changed(stage)),
        reader("PROPFIND of the room", Box::new(move |round| room(stage, round))),
        reader("PROPFIND of all members", Box::new(move |round| members(stage, round))),
        reader("calendar-query", Box::new(move |round| april(stage, round))),
        reader("calendar-multiget", Box::new(move |round| multiget(stage, round))),
        reader("sync-collection", synchronised(stage)),
        reader("free-busy", Box::new(move |round| busy(stage, round))),
        reader("feed", Box::new(move |round| feed(&stage.read_feed(round, &[])))),
        reader("feed if changed", feed_if_changed(stage)),
        reader("bob's GET", Box::new(move |round| may(stage, round))),
    ]
}

fn some_name(round: usize) -> String {
    match round % 5 {
        0 => SHARED.to_owned(),
        other => name_of(round % 3, other - 1),
    }
}

fn held(answer: &Answer) -> Held {
    Held { etag: answer.header("etag").unwrap().trim_matches('"').to_owned(), body: answer.text.clone() }
}

fn get(stage: &Stage, round: usize) -> Seen {
    let name = some_name(round);
    let answer = stage.send(round, "anna", "GET", &format!("{HALL}{name}"), &[], "");
    match answer.status {
        200 => Seen::One(name, Some(held(&answer))),
        404 => Seen::One(name, None),
        status => panic!("{status}: {}", answer.text),
    }
}

/// Asks for what it has, whether it still stands.
fn if_changed(stage: &Stage) -> Box<dyn FnMut(usize) -> Seen + Send + '_> {
    let mut known: BTreeMap<String, Held> = BTreeMap::new();
    Box::new(move |round| {
        let name = some_name(round / 3);
        let tag = known.get(&name).map_or_else(|| "\"none\"".to_owned(), |held| format!("\"{}\"", held.etag));
        let answer = stage.send(round, "anna", "GET", &format!("{HALL}{name}"), &[("if-none-match", &tag)], "");
        match answer.status {
            200 => {
                known.insert(name.clone(), held(&answer));
                Seen::One(name, Some(held(&answer)))
            }
            304 => Seen::Same(name.clone(), known[&name].etag.clone()),
            404 => Seen::One(name, None),
            status => panic!("{status}: {}", answer.text),
        }
    })
}

fn room(stage: &Stage, round: usize) -> Seen {
    let body = "<propfind xmlns='DAV:'><prop><sync-token/><displayname/></prop></propfind>";
    let answer = stage.send(round, "anna", "PROPFIND", HALL, &[("depth", "0")], body);
    assert_eq!(answer.status, 207, "{}", answer.text);
    Seen::Room(stage.seq(element(&answer.text, "sync-token")), element(&answer.text, "displayname").to_owned())
}

fn members(stage: &Stage, round: usize) -> Seen {
    let body = "<propfind xmlns='DAV:'><prop><getetag/><sync-token/></prop></propfind>";
    let answer = stage.send(round, "anna", "PROPFIND", HALL, &[("depth", "1")], body);
    assert_eq!(answer.status, 207, "{}", answer.text);
    let etags = responses(&answer.text).filter(|(name, _)| !name.is_empty());
    let etags = etags.map(|(name, text)| (name, tag(element(text, "getetag")).to_owned())).collect();
    Seen::All(etags, Some(stage.seq(element(&answer.text, "sync-token"))))
}

fn april(stage: &Stage, round: usize) -> Seen {
    let body = format!(
        "<C:calendar-query xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><prop><getetag/><C:calendar-data/></prop>\
         <C:filter><C:comp-filter name='VCALENDAR'><C:comp-filter name='VEVENT'>{APRIL}</C:comp-filter></C:comp-filter>\
         </C:filter></C:calendar-query>"
    );
    let answer = stage.send(round, "anna", "REPORT", HALL, &[("depth", "1")], &body);
    assert_eq!(answer.status, 207, "{}", answer.text);
    Seen::April(responses(&answer.text).map(|(name, text)| (name, held_in(text).unwrap())).collect())
}

fn multiget(stage: &Stage, round: usize) -> Seen {
    let names: Vec<String> = (round..round + 5).map(some_name).collect();
    let hrefs: String = names.iter().map(|name| format!("<href>{HALL}{name}</href>")).collect();
    let body = format!(
        "<C:calendar-multiget xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><prop><getetag/><C:calendar-data/>\
         </prop>{hrefs}</C:calendar-multiget>"
    );
    let answer = stage.send(round, "anna", "REPORT", HALL, &[("depth", "1")], &body);
    assert_eq!(answer.status, 207, "{}", answer.text);
    let some: BTreeMap<_, _> = responses(&answer.text).map(|(name, text)| (name, held_in(text))).collect();
    assert_eq!(some.len(), names.iter().collect::<BTreeSet<_>>().len(), "{}", answer.text);
    Seen::Some(some)
}

/// Keeps a copy of the room from token to token.
fn synchronised(stage: &Stage) -> Box<dyn FnMut(usize) -> Seen + Send + '_> {
    let (mut token, mut copy) = (String::new(), BTreeMap::new());
    Box::new(move |round| {
        let body = format!(
            "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>\
             </sync-collection>"
        );
        let answer = stage.send(round, "anna", "REPORT", HALL, &[("depth", "0")], &body);
        assert_eq!(answer.status, 207, "{}", answer.text);
        for (name, text) in responses(&answer.text) {
            if text.contains("404 Not Found") {
                copy.remove(&name);
            } else {
                copy.insert(name, tag(element(text, "getetag")).to_owned());
            }
        }
        element(&answer.text, "sync-token").clone_into(&mut token);
        Seen::All(copy.clone(), Some(stage.seq(&token)))
    })
}

fn busy(stage: &Stage, round: usize) -> Seen {
    let body = format!("<C:free-busy-query xmlns:C='urn:ietf:params:xml:ns:caldav'>{APRIL}</C:free-busy-query>");
    let answer = stage.send(round, "anna", "REPORT", HALL, &[("depth", "1")], &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = answer.text.replace("\r\n ", "");
    let lines = text.lines().filter(|line| line.starts_with("FREEBUSY")).filter_map(|line| line.split_once(':'));
    let periods = lines.flat_map(|(_, periods)| periods.split(','));
    let mut starts: Vec<String> = periods.filter_map(|one| Some(one.split_once('/')?.0.to_owned())).collect();
    starts.sort();
    Seen::Busy(starts)
}

fn feed(answer: &Answer) -> Seen {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = answer.text.replace("\r\n ", "");
    let events = text.split("BEGIN:VEVENT").skip(1);
    // In the zone of the room, and told in UTC here.
    let bookings = events.map(|event| (line(event, "SUMMARY").to_owned(), utc(event))).collect();
    Seen::Feed(line(&text, "NAME").to_owned(), bookings)
}

/// The start of an event in a feed, in UTC as it was put.
fn utc(event: &str) -> String {
    let plain = line(event, "DTSTART");
    if !plain.is_empty() {
        return plain.to_owned();
    }
    let (_, rest) = event.split_once("DTSTART;TZID=").unwrap();
    let (zone, wall) = rest.lines().next().unwrap().split_once(':').unwrap();
    let wall = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", wall).unwrap();
    let instant = wall.in_tz(zone).unwrap().timestamp();
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn feed_if_changed(stage: &Stage) -> Box<dyn FnMut(usize) -> Seen + Send + '_> {
    let mut known: Option<(String, Seen)> = None;
    Box::new(move |round| {
        let tag = known.as_ref().map_or("\"none\"", |(tag, _)| tag.as_str()).to_owned();
        let answer = stage.read_feed(round, &[("if-none-match", &tag)]);
        if let (304, Some((_, seen))) = (answer.status, &known) {
            return seen.clone();
        }
        let seen = feed(&answer);
        known = Some((answer.header("etag").unwrap().to_owned(), seen.clone()));
        seen
    })
}

fn may(stage: &Stage, round: usize) -> Seen {
    let answer = stage.send(round, "bob", "GET", &format!("{HALL}{SECRET}"), &[], "");
    Seen::May(match answer.status {
        200 if line(&answer.text, "SUMMARY") == TITLE => Some(Privilege::Write),
        200 => Some(Privilege::Read),
        403 => Some(Privilege::ReadFreeBusy),
        404 => None,
        status => panic!("{status}: {}", answer.text),
    })
}

/// The last path segment of each response, with its text.
fn responses(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.split("<D:response>").skip(1).map(|text| {
        let href = element(text, "href");
        (href.strip_prefix(HALL).unwrap_or_default().to_owned(), text)
    })
}

fn held_in(response: &str) -> Option<Held> {
    if !response.contains("200 OK") {
        return None;
    }
    let (_, data) = response.split_once("calendar-data").and_then(|(_, rest)| rest.split_once('>'))?;
    let body = data.split("</").next().unwrap_or_default();
    let body = body.replace("&#13;", "\r").replace("&#xD;", "\r");
    Some(Held { etag: tag(element(response, "getetag")).to_owned(), body })
}

fn element<'t>(text: &'t str, name: &str) -> &'t str {
    let from = text.split_once(&format!("<D:{name}>")).map_or("", |(_, rest)| rest);
    from.split("</").next().unwrap_or_default()
}

fn tag(text: &str) -> &str {
    text.trim_start_matches("&quot;").trim_end_matches("&quot;").trim_matches('"')
}

//! Replays of what real clients send: statement X11. `fixtures/clients` holds one file for each client, with the
//! requests in the order and shape in which it sends them, and what it needs to find in the answers. The sequences were
//! written down from the clients' sources and published request logs, in our words.

use super::house::Answer;
use super::house::House;
use super::xml;
use anteroom::davxml::Element;
use anteroom::model::Privilege;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A sequence of one client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    /// The client and its version.
    client: String,
    /// What is known of it that explains the sequence.
    about: String,
    /// Headers that it sends with every request.
    headers: BTreeMap<String, String>,
    step: Vec<Step>,
}

/// One request, and what the client needs of the answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// What it does this for.
    does: String,
    /// Who sends it; nobody for an empty name, `anna` unless said.
    #[serde(default = "anna")]
    who: String,
    /// Method and path.
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    status: u16,
    /// Headers of the answer: `*` for any value, empty for none, `~x` for one that holds x.
    #[serde(default)]
    answers: BTreeMap<String, String>,
    /// Resources that a multi-status tells of, in any order and no others.
    #[serde(default)]
    hrefs: Option<Vec<String>>,
    /// `[href, property, expectation]`: the status, then the text, or `<name>` for elements that are inside and
    /// `!<name>` for those that are not. Without a property, the status of the resource.
    #[serde(default)]
    tells: Vec<[String; 3]>,
    #[serde(default)]
    holds: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    /// Names for later steps: `href property`, `header:name`, or `sync-token` of the answer.
    #[serde(default)]
    take: BTreeMap<String, String>,
}

fn anna() -> String {
    "anna".to_owned()
}

/// Anna may book the hall and look at the attic; bert books the hall too; of the cellar she does not know.
async fn town() -> House {
    let house = House::new().await;
    let (anna, bert) = (house.user("anna").await, house.user("bert").await);
    let (hall, attic) = (house.room("hall").await, house.room("attic").await);
    house.room("cellar").await;
    house.grant(&anna, &hall, Privilege::Write).await;
    house.grant(&anna, &attic, Privilege::Read).await;
    house.grant(&bert, &hall, Privilege::Write).await;
    let standup = super::house::event("standup", 9);
    let headers = [("content-type", "text/calendar")];
    let put = house.send("bert", "PUT", "/dav/t/rooms/hall/standup.ics", &headers, &standup).await;
    assert_eq!(put.status, 201);
    house
}

async fn replay(name: &str) {
    let path = format!("{}/fixtures/clients/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let sequence: Sequence = toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(!sequence.client.is_empty() && !sequence.about.is_empty());
    let house = town().await;
    let mut known = BTreeMap::new();
    for (number, step) in (1..).zip(&sequence.step) {
        let at = format!("{} step {number}, {}", sequence.client, step.does);
        let answer = send(&house, &sequence, step, &known).await;
        assert_eq!(answer.status, step.status, "{at}: {}", answer.body);
        step.judge(&at, &answer, &known);
        for (name, source) in &step.take {
            known.insert(name.clone(), taken(&at, &answer, &fill(source, &known)));
        }
    }
}

async fn send(house: &House, sequence: &Sequence, step: &Step, known: &BTreeMap<String, String>) -> Answer {
    let request = fill(&step.request, known);
    let (method, path) = request.split_once(' ').unwrap();
    let own: Vec<(String, String)> =
        step.headers.iter().map(|(name, value)| (name.clone(), fill(value, known))).collect();
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if step.who == "anna" || step.who.is_empty() {
        let common = sequence.headers.iter().filter(|(name, _)| !step.headers.contains_key(*name));
        headers.extend(common.map(|(name, value)| (name.as_str(), value.as_str())));
    }
    headers.extend(own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut body = fill(&step.body, known);
    if body.starts_with("BEGIN:VCALENDAR") {
        body = body.replace('\n', "\r\n");
    }
    if step.who.is_empty() {
        return house.anonymous(method, path, &headers, body.as_bytes()).await;
    }
    house.send(&step.who, method, path, &headers, &body).await
}

/// A text with `{name}` replaced by what earlier answers told.
fn fill(text: &str, known: &BTreeMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

impl Step {
    fn judge(&self, at: &str, answer: &Answer, known: &BTreeMap<String, String>) {
        for (name, expected) in &self.answers {
            let found = answer.header(name);
            let fits = match (expected.as_str(), found) {
                ("", found) => found.is_none(),
                ("*", found) => found.is_some(),
                (expected, Some(found)) => match expected.strip_prefix('~') {
                    Some(part) => found.contains(part),
                    None => found == fill(expected, known),
                },
                (_, None) => false,
            };
            assert!(fits, "{at}: {name} is {found:?}, not {expected:?}");
        }
        if let Some(hrefs) = &self.hrefs {
            let mut told: Vec<String> = xml::told(&answer.body).into_iter().map(|told| told.href).collect();
            let mut expected: Vec<String> = hrefs.iter().map(|href| fill(href, known)).collect();
            told.sort();
            expected.sort();
            assert_eq!(told, expected, "{at}");
        }
        for [href, property, expected] in &self.tells {
            judge_told(at, answer, &fill(href, known), property, &fill(expected, known));
        }
        for part in &self.holds {
            assert!(answer.body.contains(&fill(part, known)), "{at}: no {part:?} in {}", answer.body);
        }
        for part in &self.lacks {
            assert!(!answer.body.contains(&fill(part, known)), "{at}: {part:?} in {}", answer.body);
        }
    }
}

fn judge_told(at: &str, answer: &Answer, href: &str, property: &str, expected: &str) {
    let told = xml::told(&answer.body).into_iter().find(|told| told.href == href);
    let told = told.unwrap_or_else(|| panic!("{at}: nothing of {href} in {}", answer.body));
    let (status, value) = expected.split_at_checked(3).unwrap();
    let status: u16 = status.parse().unwrap();
    if property.is_empty() {
        assert_eq!(told.status, Some(status), "{at}: {href}");
        return;
    }
    let (found, element) = told
        .props
        .get(&xml::clark(property))
        .unwrap_or_else(|| panic!("{at}: no {property} of {href} in {}", answer.body));
    assert_eq!(*found, status, "{at}: {property} of {href}");
    let value = value.trim_start();
    if !value.contains('<') {
        assert!(value.is_empty() || xml::text_of(element) == value, "{at}: {property} is {:?}", xml::text_of(element));
        return;
    }
    for name in value.split_whitespace() {
        let (wanted, name) = name.strip_prefix('!').map_or((true, name), |name| (false, name));
        let name = xml::clark(name.trim_matches(['<', '>']));
        assert_eq!(has(element, &name), wanted, "{at}: {name} in {property} of {href}: {}", answer.body);
    }
}

/// Whether an element of that name, or a component that is named so, is somewhere inside.
fn has(element: &Element, name: &str) -> bool {
    element
        .elements()
        .any(|child| child.name.clark() == name || child.attribute("name") == Some(name) || has(child, name))
}

fn taken(at: &str, answer: &Answer, source: &str) -> String {
    if let Some(name) = source.strip_prefix("header:") {
        return answer.header(name).unwrap_or_else(|| panic!("{at}: no {name}")).to_owned();
    }
    if source == "sync-token" {
        return xml::tree(&answer.body).child("DAV:", "sync-token").unwrap_or_else(|| panic!("{at}: no token")).text();
    }
    let (href, property) = source.split_once(' ').unwrap();
    let told = xml::told(&answer.body).into_iter().find(|told| told.href == href).unwrap();
    xml::text_of(&told.props[&xml::clark(property)].1)
}

/// One test for each file.
macro_rules! replays {
    ($($test:ident = $file:literal;)*) => {
        $(
            #[actix_web::test]
            async fn $test() {
                replay($file).await;
            }
        )*

        #[test]
        fn x11_every_recorded_sequence_is_replayed() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clients");
            let mut found: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
                .collect();
            found.sort();
            assert_eq!(found, [$($file),*]);
        }
    };
}

replays! {
    x11_apple_calendar_on_ios = "apple-ios";
    x11_apple_calendar_on_macos = "apple-macos";
    x11_davx5 = "davx5";
    x11_evolution = "evolution";
    x11_home_assistant = "home-assistant";
    x11_outlook_caldav_synchronizer = "outlook-caldav-synchronizer";
    x11_thunderbird = "thunderbird";
    x11_tsdav = "tsdav";
    x11_vdirsyncer = "vdirsyncer";
}

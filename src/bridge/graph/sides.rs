//! The table at the end of `docs/recurrence.md`: what becomes of each part of a rule on each side, as the code has it.

use super::project::{project, whole};
use crate::bridge::booking::dated;
use crate::bridge::{Part, RemoteCalendar};
use crate::config::Limits;
use crate::ical::IcalError;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::recur::{self, Budget};
use crate::ical::rule;
use crate::model::{Event, TimeRange, ZoneId};
use jiff::civil::date;

const BUDGET: Budget = Budget { candidates: 200_000, instances: 5_000 };

fn room() -> RemoteCalendar {
    RemoteCalendar { id: "r".to_owned(), name: "Room".to_owned(), zone: ZoneId::parse("Europe/Oslo").unwrap() }
}

fn window() -> TimeRange {
    let at = |month| ZoneId::utc().instant(date(2026, month, 1).at(0, 0, 0, 0));
    TimeRange::new(at(3), at(10))
}

/// The event of a row: lines of a VEVENT, separated by white space, that begins on a day at nine.
fn event(lines: &str) -> Result<Event, IcalError> {
    let (day, rest) = lines.split_once(' ').unwrap();
    let lines = rest.replace(' ', "\r\n");
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n\
         SUMMARY:S\r\nDTSTART;TZID=Europe/Oslo:{day}T090000\r\nDURATION:PT1H\r\n{lines}\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n"
    );
    let parse = ParseContext { limits: &Limits::default(), floating: &room().zone };
    CalendarObject::parse(text.as_bytes(), &parse).map(|object| object.event().clone())
}

/// What the hub says to it.
fn hub(event: &Result<Event, IcalError>) -> String {
    match event {
        Ok(_) => "kept".to_owned(),
        Err(IcalError::UnsupportedRecurrence { part, .. }) => {
            format!("refused by {}", part.split('=').next().unwrap_or_default())
        }
        Err(other) => {
            let text = other.to_string();
            let part = text.split("rule part ").nth(1).and_then(|rest| rest.split(' ').next());
            format!("refused by {}", part.unwrap_or(&text))
        }
    }
}

/// What Microsoft 365 holds of it; `strict` refuses by the part that is named.
fn graph(event: &Event) -> String {
    let rule_of = |event: &Event| {
        let rule = event.recurrence.as_ref().and_then(|set| set.rule.clone());
        rule.map(|rule| rule::to_text(&rule, &event.when))
    };
    match whole(&room(), event) {
        Err(why) => {
            let parts = project(&room(), event, window()).unwrap().parts;
            assert!(!parts.is_empty() && parts.keys().all(|part| *part != Part::Whole), "{parts:?}");
            format!("instances ({})", why.part)
        }
        Ok(projection) => {
            let master = &projection.parts[&Part::Whole];
            if projection.parts.len() > 1 {
                return "exact, single items beside".to_owned();
            }
            let (told, kept) = (starts(master), starts(event));
            assert_eq!(told, kept, "the same dates");
            if rule_of(master) == rule_of(event) { "exact".to_owned() } else { "other form".to_owned() }
        }
    }
}

fn starts(event: &Event) -> Vec<crate::model::Timestamp> {
    let found = recur::occurrences(event, window(), &room().zone, &BUDGET).unwrap();
    found.into_iter().map(|one| one.start).collect()
}

/// What a booking system holds of it: one reservation for each date.
fn booking(event: &Event) -> String {
    let parts = dated(&room(), event, window(), |_, one| one.clone()).unwrap().parts;
    let all: Vec<_> = parts.values().map(|one| one.when.instants(&room().zone).0).collect();
    assert_eq!(all, starts(event));
    "dates".to_owned()
}

#[test]
fn the_table_of_the_documentation_is_what_the_code_does() {
    let text = include_str!("../../../docs/recurrence.md");
    let table = text.split("## Part by part").nth(1).unwrap();
    let mut rows = 0;
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, example, told @ ..] = cells.as_slice() else { panic!("{line}") };
        let event = event(example.trim_matches('`'));
        let mut found = vec![hub(&event)];
        match &event {
            Ok(event) => found.extend([graph(event), booking(event)]),
            Err(_) => found.extend([String::new(), String::new()]),
        }
        if found != told {
            wrong.push(format!("| {} | {example} | {} |", cells[0], found.join(" | ")));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "the table should say\n{}", wrong.join("\n"));
    assert!(rows >= 30, "only {rows} rows");
}

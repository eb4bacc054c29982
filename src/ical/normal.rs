//! The normal form of an event: what reading its text gives back.

use super::write::normal_text;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::Person;
use crate::model::Recurrence;
use crate::model::RuleEnd;
use crate::model::Uid;
use std::collections::BTreeSet;

/// An event in the form that reading its text gives back: trimmed text, sorted people, cancelled overrides of a series
/// as EXDATEs, UNTIL as an existing time of the zone. Where there are overrides but no recurrence, the first override
/// gives the event's own time and content.
pub fn normalize(event: &Event) -> Event {
    let mut event = event.clone();
    event.uid = Uid(normal_text(&event.uid.0));
    event.contents_mut().for_each(normalize_content);
    let Some(recurrence) = event.recurrence.as_mut() else {
        // Overrides without a master are the booking; the event's own time and content repeat the first of them.
        if let Some(first) = event.overrides.values().next() {
            event.when = first.when.clone();
            event.content = first.content.clone();
        }
        return event;
    };
    event.overrides.retain(|id, changed| {
        let cancelled = changed.content.status == EventStatus::Cancelled;
        if cancelled {
            recurrence.exdates.insert(id.0);
        }
        !cancelled
    });
    if let (Some(rule), Some(zone)) = (recurrence.rule.as_mut(), event.when.zone())
        && let RuleEnd::Until(until) = &mut rule.end
    {
        *until = zone.wall(zone.instant(*until));
    }
    if event.overrides.is_empty() && *recurrence == Recurrence::default() {
        event.recurrence = None;
    }
    event
}

fn normalize_content(content: &mut Content) {
    for text in [&mut content.summary, &mut content.description, &mut content.location] {
        *text = normal_text(text);
    }
    content.organizer = content.organizer.as_ref().and_then(normal_person);
    content.attendees = sorted_people(content.attendees.iter().filter_map(normal_person).collect());
}

/// A person in normal form; `None` for nobody.
pub(crate) fn normal_person(person: &Person) -> Option<Person> {
    let email: String = person.email.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let person = Person { name: normal_text(&person.name), email: email.to_lowercase() };
    (!person.name.is_empty() || !person.email.is_empty()).then_some(person)
}

/// People sorted by address; of those with the same address the first stays.
pub(crate) fn sorted_people(people: Vec<Person>) -> Vec<Person> {
    let mut kept: Vec<Person> = Vec::with_capacity(people.len());
    let mut seen = BTreeSet::new();
    for person in people {
        let key = if person.email.is_empty() { format!("\n{}", person.name) } else { person.email.clone() };
        if seen.insert(key) {
            kept.push(person);
        }
    }
    kept.sort_by(|a, b| (&a.email, &a.name).cmp(&(&b.email, &b.name)));
    kept
}

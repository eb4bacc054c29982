//! The single lines of a VEVENT that say something else after a change.

use crate::ical::component::Component;
use crate::ical::component::Item;
use crate::ical::compose;
use crate::ical::line::ContentLine;
use crate::ical::line::Param;
use crate::ical::read::Part;
use crate::ical::read::person;
use crate::ical::value::Form;
use crate::ical::value::time_text;
use crate::ical::write::escape_text;
use crate::model::Content;
use crate::model::EventTime;
use crate::model::Person;
use jiff::civil::DateTime;

/// Replaces DTSTART and the end of a VEVENT where they differ. The answer is how its start is spelled.
pub(super) fn set_time(vevent: &mut Component, part: &Part<'_>, when: &EventTime) -> Form {
    if part.when == *when {
        return part.start.form.clone();
    }
    let form = if part.when.zone() == when.zone() { part.start.form.clone() } else { compose::form_of(when) };
    if part.when.wall_start() != when.wall_start() || form != part.start.form {
        set_time_line(vevent, "DTSTART", when.wall_start(), &form);
    }
    vevent.remove_lines("DURATION", |_| true);
    set_time_line(vevent, "DTEND", when.wall_end(), &form);
    form
}

/// A line with a time; parameters other than VALUE and TZID stay.
fn set_time_line(vevent: &mut Component, name: &str, wall: DateTime, form: &Form) {
    let mut params: Vec<Param> = match form {
        Form::Date => vec![Param { name: "VALUE".to_owned(), values: vec!["DATE".to_owned()] }],
        Form::Zoned(tzid) => vec![Param { name: "TZID".to_owned(), values: vec![tzid.clone()] }],
        Form::Utc | Form::Floating => Vec::new(),
    };
    let old = vevent.line(name).map(|line| line.params.clone()).unwrap_or_default();
    params.extend(old.into_iter().filter(|param| param.name != "VALUE" && param.name != "TZID"));
    vevent.set_line(ContentLine::with_params(name, params, &time_text(wall, form)));
}

/// Replaces the properties of a VEVENT that say something else than `new`.
pub(super) fn set_content(vevent: &mut Component, old: &Content, new: &Content) {
    let texts = [
        ("SUMMARY", &old.summary, &new.summary),
        ("DESCRIPTION", &old.description, &new.description),
        ("LOCATION", &old.location, &new.location),
    ];
    for (name, _, new) in texts.into_iter().filter(|(_, old, new)| old != new) {
        set_text(vevent, name, new);
    }
    if old.status != new.status {
        set_word(vevent, "STATUS", compose::status_text(new.status));
    }
    if old.busy != new.busy {
        set_word(vevent, "TRANSP", compose::transp_text(new.busy));
    }
    if old.privacy != new.privacy {
        set_word(vevent, "CLASS", compose::privacy_text(new.privacy));
    }
    if old.organizer != new.organizer {
        let people: Vec<Person> = new.organizer.iter().cloned().collect();
        set_people(vevent, "ORGANIZER", &people);
    }
    if old.attendees != new.attendees {
        set_people(vevent, "ATTENDEE", &new.attendees);
    }
}

/// A text property. ALTREP and LANGUAGE describe the old text and go with it.
fn set_text(vevent: &mut Component, name: &str, text: &str) {
    if text.is_empty() {
        vevent.remove_lines(name, |_| true);
        return;
    }
    let mut params = vevent.line(name).map(|line| line.params.clone()).unwrap_or_default();
    params.retain(|param| param.name != "ALTREP" && param.name != "LANGUAGE");
    vevent.set_line(ContentLine::with_params(name, params, &escape_text(text)));
}

fn set_word(vevent: &mut Component, name: &str, word: &str) {
    vevent.set_line(ContentLine::new(name, &[], word));
}

/// Makes the lines of one name say `wanted`. A person who stays keeps the line with PARTSTAT and the like.
fn set_people(vevent: &mut Component, name: &str, wanted: &[Person]) {
    let mut missing: Vec<&Person> = wanted.iter().collect();
    let line_end = vevent.line_end();
    let mut items = Vec::with_capacity(vevent.items.len());
    for item in std::mem::take(&mut vevent.items) {
        match item {
            Item::Line(line) if line.name == name => {
                let own = person(&line);
                let position = own.and_then(|own| missing.iter().position(|wanted| is_same(&own, wanted)));
                let Some(position) = position else { continue };
                let wanted = missing.remove(position);
                items.push(Item::Line(renamed(line, wanted).with_line_end(line_end)));
            }
            item => items.push(item),
        }
    }
    vevent.items = items;
    for person in missing {
        vevent.add_line(compose::person_line(name, person));
    }
}

fn is_same(a: &Person, b: &Person) -> bool {
    if a.email.is_empty() { a == b } else { a.email == b.email }
}

/// The line of a person with another CN, everything else as it was.
fn renamed(line: ContentLine, wanted: &Person) -> ContentLine {
    if person(&line).as_ref() == Some(wanted) {
        return line;
    }
    let mut params = line.params.clone();
    params.retain(|param| param.name != "CN");
    if !wanted.name.is_empty() {
        params.insert(0, Param { name: "CN".to_owned(), values: vec![wanted.name.clone()] });
    }
    ContentLine::with_params(&line.name, params, &line.value)
}

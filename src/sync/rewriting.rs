//! Whether a copy that says something else than was sent is the system's own way of writing it, or somebody's edit (pure).
//!
//! Few systems answer a write with what they stored, and what is read afterwards may be what a person has made of it
//! meanwhile. Systems change spelling: capitals, spaces, marks, letters they cannot hold, the end of a long text, the zone of a
//! time. They do not move a booking, and they do not give it another name.

use crate::model::Content;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Recurrence;
use std::collections::BTreeMap;

/// From this many letters on a text may have been cut off by the system's limit rather than by a person.
const LIMIT: usize = 40;

/// Whether `read` is `sent` in the system's own writing.
pub(super) fn is_rewriting(sent: &Event, read: &Event) -> bool {
    sent.when.is_same_span(&read.when)
        && is_respelt(&sent.content, &read.content)
        && dates(sent) == dates(read)
        && sent.overrides.keys().eq(read.overrides.keys())
        && sent.overrides.iter().zip(&read.overrides).all(|((_, sent), (_, read))| is_override(sent, read))
}

/// Which dates a series has; what holds from one of them on is no matter of dates.
fn dates(event: &Event) -> Option<Recurrence> {
    event.recurrence.clone().map(|recurrence| Recurrence { changes: BTreeMap::new(), ..recurrence })
}

fn is_override(sent: &Override, read: &Override) -> bool {
    EventTime::is_same_span(&sent.when, &read.when) && is_respelt(&sent.content, &read.content)
}

fn is_respelt(sent: &Content, read: &Content) -> bool {
    let texts = |content: &Content| [content.summary.clone(), content.description.clone(), content.location.clone()];
    texts(sent).iter().zip(&texts(read)).all(|(sent, read)| is_same_text(sent, read))
}

fn is_same_text(sent: &str, read: &str) -> bool {
    if sent == read {
        return true;
    }
    let (ours, theirs) = (letters(sent), letters(read));
    // Only a person makes nothing of something or something of nothing, and of signs alone nobody can tell who changed them.
    let is_blank = |text: &str| text.trim().is_empty();
    if is_blank(sent) != is_blank(read) || (ours.is_empty() && !read.is_ascii()) {
        return false;
    }
    let cut = theirs.chars().count() >= LIMIT && ours.starts_with(&theirs);
    let plain = |text: &str| text.chars().filter(char::is_ascii).collect::<String>();
    ours == theirs || cut || (theirs.is_ascii() && plain(&ours) == theirs)
}

/// What a text says, without the way it is written: letters and figures, outside the marks of HTML.
fn letters(text: &str) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = mark(rest).unwrap_or(letter.len_utf8());
        if length == letter.len_utf8() && letter.is_alphanumeric() {
            said.extend(letter.to_lowercase());
        }
        rest = &rest[length..];
    }
    said
}

/// The length of the mark of HTML that a text begins with. A sign of comparison is none.
fn mark(text: &str) -> Option<usize> {
    let name = text.strip_prefix('<')?;
    let name = name.strip_prefix('/').unwrap_or(name);
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    begins.then(|| text.find('>').map(|end| end + 1)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReservationClass;
    use crate::model::Uid;
    use crate::model::ZoneId;
    use jiff::civil::date;

    fn event(summary: &str, hour: i8) -> Event {
        let zone = ZoneId::parse("Europe/Oslo").unwrap();
        let start = date(2027, 3, 2).at(hour, 0, 0, 0);
        Event {
            uid: Uid("a@test".to_owned()),
            class: ReservationClass::Event,
            when: EventTime::Timed { start, end: start.date().at(hour + 1, 0, 0, 0), zone },
            content: Content { summary: summary.to_owned(), busy: true, ..Content::default() },
            recurrence: None,
            overrides: BTreeMap::new(),
        }
    }

    #[test]
    fn another_spelling_is_the_system_s_own_and_another_name_is_somebody_s_edit() {
        let long = "An evening of songs from the valley, with coffee and cake for all who come along";
        let rewritings = [
            ("Budget", "BUDGET"),
            ("Budget  meeting ", "Budget meeting"),
            ("Øving på låven 🎻", "Øving på låven"),
            ("Øving på låven", "?ving p? l?ven"),
            ("Budget, part 2", "Budget part 2"),
            ("<p>Bring <b>notes</b></p>", "Bring notes"),
            ("\u{1f3bb}", "?"),
            (long, &long[..75]),
        ];
        for (sent, read) in rewritings {
            assert!(is_rewriting(&event(sent, 9), &event(read, 9)), "{sent} -> {read}");
        }
        let edits = [
            ("Kor", "Kor i kirken"),
            ("Kor i kirken", "Kor"),
            ("Budget", ""),
            ("", "Budget"),
            ("Choir < 5 people", "Choir < 7 people"),
            ("\u{97f3}\u{697d}", ""),
            ("\u{1f3bb}", "\u{1f3ba}"),
        ];
        for (sent, read) in edits {
            assert!(!is_rewriting(&event(sent, 9), &event(read, 9)), "{sent} -> {read}");
        }
    }

    #[test]
    fn another_zone_is_the_system_s_own_and_another_time_is_somebody_s_edit() {
        let sent = event("Kor", 9);
        let mut read = sent.clone();
        let (start, end) = sent.when.instants(&ZoneId::utc());
        read.when =
            EventTime::Timed { start: ZoneId::utc().wall(start), end: ZoneId::utc().wall(end), zone: ZoneId::utc() };
        assert!(is_rewriting(&sent, &read));
        assert!(!is_rewriting(&sent, &event("Kor", 10)));
    }

    #[test]
    fn a_date_that_is_missing_or_moved_is_somebody_s_edit() {
        let start = date(2027, 3, 2).at(9, 0, 0, 0);
        let series = |exdates: &[jiff::civil::DateTime]| Event {
            recurrence: Some(Recurrence {
                rdates: [start.date().tomorrow().unwrap().at(9, 0, 0, 0)].into(),
                exdates: exdates.iter().copied().collect(),
                ..Recurrence::default()
            }),
            ..event("Kor", 9)
        };
        assert!(is_rewriting(&series(&[]), &series(&[])));
        assert!(!is_rewriting(&series(&[]), &series(&[start])));
        let id = crate::model::RecurrenceId(start);
        let moved = |hour: i8| {
            let one = event("Kor", hour);
            Event { overrides: [(id, Override { when: one.when, content: one.content })].into(), ..series(&[]) }
        };
        assert!(is_rewriting(&moved(11), &moved(11)));
        assert!(!is_rewriting(&moved(11), &moved(12)));
        assert!(!is_rewriting(&moved(11), &series(&[])));
    }
}

//! RECURRENCE-ID with RANGE=THISANDFUTURE (RFC 5545, 3.2.13 and 3.8.4.4): a change that holds from an instance on.

use super::*;
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::model::Event;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use jiff::civil::date;

fn budget() -> Budget {
    Budget::of(&Limits::default())
}

/// Start, length in minutes and title of the instances between two days.
fn instances(event: &Event, from: &str, to: &str) -> Vec<String> {
    let range = TimeRange::new(instant(&format!("{from}T000000Z")), instant(&format!("{to}T000000Z")));
    let found = recur::occurrences(event, range, &oslo(), &budget()).unwrap();
    let line = |instance: &recur::Occurrence| {
        let minutes = (instance.end.ms() - instance.start.ms()) / 60_000;
        let title = &event.content_of(instance.recurrence_id).summary;
        format!("{} {minutes} {title}", instance.when.wall_start().strftime("%m-%d %H:%M"))
    };
    found.iter().map(line).collect()
}

#[test]
fn later_instances_move_as_the_named_one_does_and_last_as_long() {
    let event = read(EVOLUTION_FUTURE).event().clone();
    assert_eq!(
        instances(&event, "20260322", "20260506"),
        [
            "03-23 18:00 120 Korpsøvelse",
            "04-06 18:00 120 Korpsøvelse",
            "04-13 19:00 150 Korpsøvelse (sommertid)",
            "04-20 19:00 150 Korpsøvelse (sommertid)",
            "04-28 17:00 120 Generalprøve",
            "05-04 19:00 150 Korpsøvelse (sommertid)",
        ]
    );
    assert_eq!(instances(&event, "20990601", "20990608"), ["06-01 19:00 150 Korpsøvelse (sommertid)"]);
    assert_eq!(recur::span(&event, &oslo(), &budget()).1, None);
}

#[test]
fn a_later_change_takes_the_place_of_an_earlier_one_and_days_may_shift() {
    let text = vevent(
        "DTSTART;TZID=Europe/Oslo:20260302T100000\nDTEND;TZID=Europe/Oslo:20260302T110000\nSUMMARY:a\n\
         RRULE:FREQ=WEEKLY;COUNT=6",
    );
    let change = |id: &str, start: &str, end: &str, title: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Oslo:{id}\r\n\
             DTSTART;{start}\r\nDTEND;{end}\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n"
        )
    };
    let days = change("20260316T100000", "VALUE=DATE:20260318", "VALUE=DATE:20260320", "b");
    let far = change(
        "20260330T100000",
        "TZID=America/New_York:20260330T060000",
        "TZID=America/New_York:20260330T063000",
        "c",
    );
    let event = read(&text.replace("END:VCALENDAR", &format!("{days}{far}END:VCALENDAR"))).event().clone();
    assert_eq!(
        instances(&event, "20260301", "20260501"),
        [
            "03-02 10:00 60 a",
            "03-09 10:00 60 a",
            "03-18 00:00 2880 b",
            "03-25 00:00 2880 b",
            // Ten in Oslo is four in New York; told two hours later, it stays so.
            "03-30 06:00 30 c",
            "04-06 06:00 30 c",
        ]
    );
    let (first, last) = recur::span(&event, &oslo(), &budget());
    assert_eq!(first, instant("20260302T090000Z"));
    assert!(last >= Some(instant("20260406T103000Z")));
}

#[test]
fn expanded_data_takes_texts_from_the_change_and_the_set_keeps_it() {
    use crate::ical::select::{CalendarData, render};
    let object = read(EVOLUTION_FUTURE);
    let range = TimeRange::new(instant("20260420T000000Z"), instant("20260421T000000Z"));
    let expand = CalendarData { expand: Some(range), ..CalendarData::default() };
    let text = render(&object, &expand, &oslo(), 100).unwrap();
    assert!(text.contains("DTSTART:20260420T170000Z") && text.contains("(sommertid)"), "{text}");
    assert!(!text.contains("RANGE"), "{text}");
    let limit = CalendarData { limit_recurrence_set: Some(range), ..CalendarData::default() };
    let text = render(&object, &limit, &oslo(), 100).unwrap();
    assert!(text.contains("RANGE=THISANDFUTURE") && !text.contains("Generalprøve"), "{text}");
}

#[test]
fn a_change_is_patched_added_and_removed_in_its_place() {
    let object = read(EVOLUTION_FUTURE);
    let id = RecurrenceId(date(2026, 4, 13).at(18, 0, 0, 0));
    let with = |edit: &dyn Fn(&mut Event)| {
        let mut event = object.event().clone();
        edit(&mut event);
        let patched = object.patch(&event, &stamp()).unwrap();
        assert_eq!(*patched.event(), event);
        patched.text().to_owned()
    };
    let changes = |event: &mut Event| event.recurrence.as_mut().unwrap().changes.clone();
    let renamed = with(&|event| {
        let change = event.recurrence.as_mut().unwrap().changes.get_mut(&id).unwrap();
        change.content.location = "Gymsalen".to_owned();
    });
    assert!(renamed.contains("X-EVOLUTION-KEPT:yes") && renamed.contains("LOCATION:Gymsalen"), "{renamed}");
    assert_eq!(renamed.matches("RANGE=THISANDFUTURE").count(), 1);
    let gone = with(&|event| event.recurrence.as_mut().unwrap().changes.clear());
    assert!(!gone.contains("RANGE") && gone.contains("Generalprøve"), "{gone}");
    let added = with(&|event| {
        let change = changes(event).remove(&id).unwrap();
        let later = RecurrenceId(date(2026, 6, 1).at(18, 0, 0, 0));
        event.recurrence.as_mut().unwrap().changes.insert(later, change);
    });
    assert!(added.contains("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Oslo:20260601T180000\r\n"), "{added}");
}

#[test]
fn a_busy_view_hides_the_texts_of_changes_too() {
    let hidden = crate::ical::privacy::busy_object(&read(EVOLUTION_FUTURE), "Busy").unwrap();
    assert!(!hidden.text().contains("Korps") && !hidden.text().contains("Aula"), "{}", hidden.text());
    assert!(hidden.text().contains("RANGE=THISANDFUTURE"));
}

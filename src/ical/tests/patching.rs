//! Composing objects for remote events, and saying a remote change in a client's text.

use super::strategies::event;
use super::*;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::Person;
use crate::model::RecurrenceId;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The lines of `new` that `old` does not have, and the other way around.
fn difference(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(old), lines(new));
    let gone = old.iter().filter(|line| !new.contains(line)).cloned().collect();
    let came = new.iter().filter(|line| !old.contains(line)).cloned().collect();
    (gone, came)
}

fn patched(text: &str, change: impl FnOnce(&mut Event)) -> CalendarObject {
    let object = read(text);
    let mut event = object.event().clone();
    change(&mut event);
    let patched = object.patch(&event, &stamp()).unwrap();
    assert_eq!(*patched.event(), event);
    patched
}

const STAMPED: [&str; 3] = ["SEQUENCE", "LAST-MODIFIED", "DTSTAMP"];

/// The names of the properties that came, those that every change moves left out.
fn changed_names(old: &str, new: &CalendarObject) -> BTreeSet<String> {
    let (_, came) = difference(old, new.text());
    let names = came
        .iter()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split([';', ':']).next().unwrap_or_default().trim().to_owned());
    names.filter(|name| !STAMPED.contains(&name.as_str())).collect()
}

#[test]
fn the_same_event_leaves_the_text_and_its_etag() {
    for text in ALL {
        let object = read(text);
        let again = object.patch(object.event(), &stamp()).unwrap();
        assert_eq!(again.text(), text);
        assert_eq!(again.etag(), object.etag());
    }
}

#[test]
fn a_new_title_touches_the_title_and_the_version_only() {
    // Where overrides are the booking, and where periods repeat the title, more than one VEVENT is concerned.
    for text in ALL.into_iter().filter(|text| ![EXCHANGE, PERIODS].contains(text)) {
        let object = patched(text, |event| event.content.summary = "Ny tittel".to_owned());
        if !text.contains("RECURRENCE-ID") {
            assert_eq!(changed_names(text, &object), BTreeSet::from(["SUMMARY".to_owned()]), "{}", object.text());
        }
        assert!(object.sequence() > read(text).sequence());
        assert_untouched_lines_stay(text, object.text());
        assert_eq!(object.last_modified(), Some(stamp().modified).max(read(text).last_modified()));
    }
}

/// Every line of `old` that is not about the title or the version is in `new`, octet for octet and in its order.
#[track_caller]
fn assert_untouched_lines_stay(old: &str, new: &str) {
    let logical = |text: &str| {
        let lines = crate::ical::line::read_lines(text, 20_000).unwrap();
        let edited = |name: &str| name == "SUMMARY" || STAMPED.contains(&name);
        lines.into_iter().filter(|line| !edited(&line.name)).map(|line| line.raw().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(logical(old), logical(new));
}

#[test]
fn a_moved_event_keeps_the_spelling_of_its_zone_its_alarm_and_its_x_properties() {
    let object = patched(OUTLOOK, |event| {
        let zone = event.when.zone().unwrap().clone();
        let (start, end) = (date(2026, 3, 11).at(9, 0, 0, 0), date(2026, 3, 11).at(12, 0, 0, 0));
        event.when = crate::model::EventTime::Timed { start, end, zone };
    });
    let (_, came) = difference(OUTLOOK, object.text());
    assert!(came.contains(&"DTSTART;TZID=Customized Time Zone:20260311T090000\r\n".to_owned()), "{came:?}");
    assert!(came.contains(&"DTEND;TZID=Customized Time Zone:20260311T120000\r\n".to_owned()), "{came:?}");
    assert_eq!(came.len(), 5, "{came:?}");
}

#[test]
fn a_person_who_stays_keeps_the_answer_and_the_parameters() {
    let object = patched(OUTLOOK, |event| {
        event.content.attendees.remove(1);
        let email = "ny@example.org".to_owned();
        event.content.attendees.push(Person { name: "Ny; \"Person\"".to_owned(), email });
    });
    let (gone, came) = difference(OUTLOOK, object.text());
    assert!(gone.iter().any(|line| line.starts_with("ATTENDEE;CN=Sal 3")));
    assert!(came.contains(&"ATTENDEE;CN=\"Ny; ^'Person^'\":mailto:ny@example.org\r\n".to_owned()), "{came:?}");
    assert!(object.text().contains("PARTSTAT=ACCEPTED"));
}

#[test]
fn overrides_are_added_changed_and_removed_one_by_one() {
    let id = RecurrenceId(date(2026, 1, 12).at(18, 0, 0, 0));
    let removed = patched(APPLE_SERIES, |event| {
        event.overrides.clear();
    });
    assert!(!removed.text().contains("flyttet"));
    let changed = patched(APPLE_SERIES, |event| {
        event.overrides.get_mut(&id).unwrap().content.location = "Kjelleren".to_owned();
    });
    assert_eq!(changed_names(APPLE_SERIES, &changed), BTreeSet::from(["LOCATION".to_owned()]));
    let added = patched(APPLE_SERIES, |event| {
        let first = event.overrides[&id].clone();
        event.overrides.insert(RecurrenceId(date(2026, 1, 19).at(18, 0, 0, 0)), first);
    });
    let (gone, _) = difference(APPLE_SERIES, added.text());
    assert_eq!(gone, Vec::<String>::new());
    assert!(added.text().contains("RECURRENCE-ID;TZID=Europe/Oslo:20260119T180000\r\n"));
}

#[test]
fn a_removed_date_adds_one_exdate_line_and_a_returned_one_takes_one_away() {
    let object = patched(APPLE_SERIES, |event| {
        let exdates = &mut event.recurrence.as_mut().unwrap().exdates;
        exdates.insert(date(2026, 3, 2).at(18, 0, 0, 0));
        exdates.remove(&date(2026, 2, 16).at(18, 0, 0, 0));
    });
    let (gone, came) = difference(APPLE_SERIES, object.text());
    assert!(gone.contains(&"EXDATE;TZID=Europe/Oslo:20260216T180000\r\n".to_owned()));
    assert!(came.contains(&"EXDATE;TZID=Europe/Oslo:20260302T180000\r\n".to_owned()));
    assert!(object.text().contains("EXDATE;TZID=Europe/Oslo:20260406T180000\r\n"));
}

#[test]
fn an_override_without_a_master_is_patched_in_its_place() {
    let object = read(EXCHANGE);
    let mut event = object.event().clone();
    event.overrides.values_mut().next().unwrap().content.summary = "Ny tittel".to_owned();
    let changed = object.patch(&event, &stamp()).unwrap();
    assert_eq!(changed_names(EXCHANGE, &changed), BTreeSet::from(["SUMMARY".to_owned()]));
    assert_eq!(changed.event().content.summary, "Ny tittel");
}

#[test]
fn a_cancelled_instance_that_comes_back_loses_its_cancelled_vevent() {
    let object = patched(GOOGLE, |event| event.recurrence.as_mut().unwrap().exdates.clear());
    assert!(!object.text().contains("CANCELLED"));
}

#[test]
fn a_period_stays_until_its_instance_lasts_as_long_as_the_others() {
    let text =
        vevent("DTSTART:20260302T180000Z\nDTEND:20260302T190000Z\nRDATE;VALUE=PERIOD:20260303T180000Z/PT3H\nX-KEPT:1");
    let object = read(&text);
    assert_eq!(object.event().overrides.len(), 1);
    let described = patched(&text, |event| event.content.location = "Sal".to_owned());
    assert!(described.text().contains("RECURRENCE-ID:20260303T180000Z"));
    let plain = patched(&text, |event| event.overrides.clear());
    assert!(plain.text().contains("RDATE:20260303T180000Z\r\n") && plain.text().contains("X-KEPT:1"));
}

#[test]
fn a_new_zone_brings_its_vtimezone() {
    let object = patched(DAVX5, |event| {
        let zone = ZoneId::parse("Asia/Tokyo").unwrap();
        let (start, end) = (event.when.wall_start(), event.when.wall_end());
        event.when = crate::model::EventTime::Timed { start, end, zone };
    });
    assert!(object.text().contains("TZID:Asia/Tokyo") && object.text().contains("TRIGGER:-PT30M"));
}

#[test]
fn edited_files_keep_their_line_ends() {
    let text = APPLE_SERIES.replace("\r\n", "\n");
    let object = patched(&text, |event| {
        event.content.summary = "å".repeat(100);
        let first = event.overrides.values().next().unwrap().clone();
        event.overrides.insert(RecurrenceId(date(2026, 1, 19).at(18, 0, 0, 0)), first);
    });
    assert!(!object.text().contains('\r'));
}

#[test]
fn an_object_cannot_be_patched_into_another_uid() {
    let object = read(APPLE);
    let mut event = object.event().clone();
    event.uid = crate::model::Uid("other".to_owned());
    let error = object.patch(&event, &stamp()).unwrap_err();
    assert!(matches!(error, IcalError::ValidCalendarObjectResource(_)), "{error}");
}

/// X- lines and an alarm between the lines of a composed text, as a client would have left them.
fn with_extras(object: &CalendarObject) -> String {
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n";
    let text = object.text().replacen(
        "\r\nEND:VEVENT\r\n",
        &format!("\r\nX-KEPT;X-P=\"a:b\":c,d\r\n{alarm}END:VEVENT\r\n"),
        1,
    );
    text.replace("END:VCALENDAR", "BEGIN:X-MORE\r\nX-A:1\r\nEND:X-MORE\r\nEND:VCALENDAR")
}

/// The lines that do not say title, time or version, with the component each stands in.
fn others(text: &str) -> Vec<String> {
    let told = ["SUMMARY", "DTSTART", "DTEND", "DURATION", "EXDATE"];
    let mut place = String::new();
    let mut kept = Vec::new();
    for line in crate::ical::line::read_lines(text, 20_000).unwrap() {
        let own = place == "/VCALENDAR/VEVENT" && (told.contains(&&*line.name) || STAMPED.contains(&&*line.name));
        if !own {
            kept.push(format!("{place} {}", line.raw()));
        }
        match &*line.name {
            "BEGIN" => place = format!("{place}/{}", line.value.trim().to_uppercase()),
            "END" => place.truncate(place.rfind('/').unwrap_or_default()),
            _ => {}
        }
    }
    kept
}

/// The event and the dates it leaves out, that many minutes later; a day for whole days.
fn move_by(event: &mut Event, minutes: i64) {
    let later = |wall: jiff::civil::DateTime| wall.checked_add(jiff::Span::new().minutes(minutes)).unwrap();
    match &mut event.when {
        EventTime::AllDay { .. } => return,
        EventTime::Timed { start, end, .. } => (*start, *end) = (later(*start), later(*end)),
    }
    if let Some(recurrence) = &mut event.recurrence {
        recurrence.exdates = recurrence.exdates.iter().map(|wall| later(*wall)).collect();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_composed_object_says_exactly_its_event(event in event()) {
        let object = CalendarObject::compose(&event, &stamp()).unwrap();
        prop_assert_eq!(object.event(), &event);
        let again = CalendarObject::compose(&event, &stamp()).unwrap();
        prop_assert_eq!(object.text(), again.text());
        prop_assert!(object.text().split("\r\n").all(|line| line.len() <= 75));
    }

    #[test]
    fn a_patched_object_says_exactly_its_event_and_keeps_what_is_not_ours(old in event(), new in event()) {
        let text = with_extras(&CalendarObject::compose(&old, &stamp()).unwrap());
        let object = read(&text);
        let changed = object.patch(&new, &stamp()).unwrap();
        prop_assert_eq!(changed.event(), &new);
        prop_assert!(changed.text().contains("BEGIN:X-MORE\r\nX-A:1\r\n"), "composed anew:\n{}", changed.text());
        prop_assert!(changed.text().contains("X-KEPT;X-P=\"a:b\":c,d\r\nBEGIN:VALARM") || changed.text().contains("X-KEPT"));
        let back = changed.patch(&old, &stamp()).unwrap();
        prop_assert_eq!(back.event(), &old);
        prop_assert!(back.text().contains("X-KEPT"), "composed anew:\n{}", back.text());
    }

    /// As a side does that renames a series or moves it to another hour: the lines that say so change, and no others.
    #[test]
    fn a_series_that_is_renamed_or_moved_keeps_every_other_line_octet_by_octet(
        composed in event(), index in 0..2 * ALL.len(), renamed in any::<bool>(), minutes in 0i64..90,
    ) {
        let text = ALL.get(index).map_or_else(
            || with_extras(&CalendarObject::compose(&composed, &stamp()).unwrap()),
            |text| (*text).to_owned(),
        );
        let object = read(&text);
        let mut event = object.event().clone();
        // Where overrides are the booking, and where periods repeat the title, more lines say it.
        prop_assume!(!event.is_instances_alone() && !text.contains("VALUE=PERIOD"));
        let alone = event.overrides.is_empty()
            && event.recurrence.as_ref().is_none_or(|set| set.changes.is_empty() && set.rdates.is_empty());
        if renamed {
            event.content.summary = "Ny tittel, flyttet".to_owned();
        }
        // Dates that stand apart have times of their own: of such a series only the title is another one.
        if alone {
            move_by(&mut event, minutes);
        }
        let changed = object.patch(&event, &stamp()).unwrap();
        prop_assert_eq!(changed.event(), &event);
        prop_assert_eq!(others(changed.text()), others(&text));
        prop_assert_eq!(changed.text() == text, event == *object.event());
    }

    #[test]
    fn every_clients_text_can_say_every_event(index in 0..ALL.len(), new in event()) {
        let object = read(ALL[index]);
        let new = Event { uid: object.uid().clone(), ..new };
        let changed = object.patch(&new, &stamp()).unwrap();
        prop_assert_eq!(changed.event(), &new);
        let kept = object.root().line("PRODID").unwrap().raw();
        prop_assert!(changed.text().contains(kept), "composed anew:\n{}", changed.text());
    }
}

//! Each refusal, and the precondition it names.

use super::*;

const START: &str = "DTSTART;TZID=Europe/Oslo:20260302T180000";

fn precondition(error: &IcalError) -> &'static str {
    match error {
        IcalError::SupportedCalendarData(_) => "supported-calendar-data",
        IcalError::ValidCalendarData(_) => "valid-calendar-data",
        IcalError::ValidCalendarObjectResource(_) => "valid-calendar-object-resource",
        IcalError::UnsupportedRecurrence { .. } => "unsupported-recurrence",
        IcalError::SupportedCalendarComponent(_) => "supported-calendar-component",
        IcalError::MaxResourceSize { .. } => "max-resource-size",
        IcalError::MinDateTime(_) => "min-date-time",
        IcalError::MaxDateTime(_) => "max-date-time",
        IcalError::MaxInstances { .. } => "max-instances",
        IcalError::MaxAttendees { .. } => "max-attendees-per-instance",
    }
}

#[track_caller]
fn refused(text: &str, expected: &str, says: &str) {
    let error = parse(text).expect_err(text);
    assert_eq!(precondition(&error), expected, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn events_that_break_the_grammar_are_refused_with_line_and_property() {
    let good = vevent(START);
    assert!(parse(&good).is_ok());
    for (lines, says) in [
        ("DTSTART:2026-03-02", "DTSTART is no date or time"),
        ("DTSTART:20260230T180000Z", "DTSTART is no date or time"),
        ("DTSTART;TZID=Mars/Olympus:20260302T180000", "Mars/Olympus"),
        (&format!("{START}\nDTEND:20260302T160000Z"), "DTEND lies before DTSTART"),
        (&format!("{START}\nDTEND;VALUE=DATE:20260303"), "DTEND is a date"),
        ("DTSTART;VALUE=DATE:20260302\nDTEND:20260303T000000Z", "DTEND must be one"),
        ("DTSTART;VALUE=DATE:20260302\nDURATION:PT5H", "whole days"),
        (&format!("{START}\nDTEND:20260302T190000Z\nDURATION:PT1H"), "DURATION cannot stand beside DTEND"),
        (&format!("{START}\nDURATION:-PT1H"), "no positive duration"),
        (&format!("{START}\nDURATION:PT"), "no positive duration"),
        (&format!("{START}\n{START}"), "second DTSTART"),
        (&format!("{START}\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY"), "second RRULE"),
        (&format!("{START}\nRRULE:FREQ=OFTEN"), "FREQ"),
        (&format!("{START}\nRRULE:FREQ=DAILY;INTERVAL=0"), "INTERVAL"),
        (&format!("{START}\nRRULE:FREQ=DAILY;COUNT=3;UNTIL=20260401"), "COUNT"),
        (&format!("{START}\nRECURRENCE-ID;RANGE=THISANDPRIOR:20260302T170000Z"), "THISANDFUTURE"),
        (&format!("{START}\nDTSTAMP:20260101T000000Z"), "second DTSTAMP"),
        (&format!("{START}\nSUMMARY:a\u{0}b"), "U+0000"),
        (&format!("{START}\nSUMMARY:a\u{7}b"), "U+0007"),
        (&format!("{START}\nno colon here"), "line 8"),
        (&format!("{START}\nATTENDEE;CN=\"x:mailto:a@b"), "quote that never ends"),
        (&format!("{START}\nBEGIN:VALARM"), "END:VEVENT"),
    ] {
        refused(&vevent(lines), "valid-calendar-data", says);
    }
    refused(&good.replace("DTSTAMP:20260101T000000Z", "DTSTAMP:yesterday"), "valid-calendar-data", "DTSTAMP");
    refused(&good.replace("VERSION:2.0\r\n", ""), "valid-calendar-data", "VERSION");
    refused(&good.replace("END:VCALENDAR\r\n", ""), "valid-calendar-data", "no END");
    refused(&format!("{good}{good}"), "valid-calendar-data", "one calendar");
}

#[test]
fn o14_a_recurrence_that_is_valid_and_cannot_be_kept_is_refused_by_its_part() {
    for (lines, part) in [
        ("RRULE:FREQ=MINUTELY;INTERVAL=30", "FREQ=MINUTELY"),
        ("RRULE:COUNT=3;freq=secondly", "FREQ=SECONDLY"),
        ("RRULE:RSCALE=CHINESE;FREQ=YEARLY", "RSCALE=CHINESE"),
        ("RRULE:FREQ=YEARLY;SKIP=FORWARD;RSCALE=GREGORIAN", "SKIP=FORWARD"),
        ("EXRULE:FREQ=DAILY", "EXRULE"),
    ] {
        let text = vevent(&format!("{START}\n{lines}"));
        match parse(&text).expect_err(&text) {
            IcalError::UnsupportedRecurrence { part: found, why } => {
                assert_eq!(found, part);
                assert!(why.starts_with("line "), "{why}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn an_event_without_dtstamp_is_kept_as_it_came() {
    let text = vevent(START).replace("DTSTAMP:20260101T000000Z\r\n", "");
    let object = read(&text);
    assert_eq!((object.text(), object.last_modified()), (text.as_str(), None));
}

#[test]
fn calendars_that_are_no_calendar_object_are_refused() {
    let good = vevent(START);
    let object = "valid-calendar-object-resource";
    let second = "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260401T180000Z\r\nEND:VEVENT\r\n";
    let with = |more: &str| good.replace("END:VCALENDAR", &format!("{more}END:VCALENDAR"));
    refused(&good.replace("PRODID", "METHOD:REQUEST\r\nPRODID"), object, "METHOD");
    refused(&good.replace("UID:1\r\n", ""), object, "no UID");
    refused(&good.replace(START, "SUMMARY:x"), object, "no DTSTART");
    refused(&with(second), object, "second VEVENT without RECURRENCE-ID");
    refused(&with(&second.replace("UID:1", "UID:2")), object, "two UIDs");
    let changed = second.replace("DTSTART", "RECURRENCE-ID:20260302T170000Z\r\nDTSTART");
    assert!(parse(&with(&changed)).is_ok());
    refused(&with(&format!("{changed}{changed}")), object, "second VEVENT for the instance 20260302T180000");
    refused(&with("BEGIN:VTODO\r\nUID:1\r\nEND:VTODO\r\n"), object, "VTODO stands beside VEVENT");
    refused("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", object, "no VEVENT");
    let later = format!("{START}\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260302T170000Z");
    refused(&vevent(&later), object, "without its series");
    let gone = format!("{START}\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260302T170000Z,20260303T170000Z");
    refused(&vevent(&gone), object, "EXDATE");
}

#[test]
fn other_data_and_other_components_are_refused_by_their_own_names() {
    for name in ["VTODO", "VJOURNAL", "VFREEBUSY"] {
        let text =
            format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:{name}\r\nUID:1\r\nEND:{name}\r\nEND:VCALENDAR\r\n");
        refused(&text, "supported-calendar-component", name);
    }
    let data = "supported-calendar-data";
    refused("", data, "empty");
    refused("{\"json\":true}", "valid-calendar-data", "line 1");
    refused("FOO:bar", data, "BEGIN:VCALENDAR");
    refused("BEGIN:VCARD\r\nVERSION:4.0\r\nEND:VCARD\r\n", data, "VCARD");
    refused(&vevent(START).replace("VERSION:2.0", "VERSION:1.0"), data, "1.0");
    refused(&vevent(START).replace("PRODID", "CALSCALE:ISLAMIC\r\nPRODID"), data, "ISLAMIC");
}

#[test]
fn bounds_are_kept() {
    refused(&vevent("DTSTART:19691231T180000Z"), "min-date-time", "1970");
    refused(&vevent("DTSTART:22010101T180000Z"), "max-date-time", "2200");
    refused(&vevent(&format!("{START}\nRDATE:22010101T180000Z")), "max-date-time", "RDATE");
    let attendees: Vec<String> = (0..501).map(|n| format!("ATTENDEE:mailto:a{n}@example.org")).collect();
    refused(&vevent(&format!("{START}\n{}", attendees.join("\n"))), "max-attendees-per-instance", "500");
    let dates: Vec<String> =
        (0..20_100).map(|n| format!("{}{:02}{:02}T000000Z", 2030 + n / 336, n / 28 % 12 + 1, n % 28 + 1)).collect();
    refused(&vevent(&format!("{START}\nRDATE:{}", dates.join(","))), "max-instances", "20000");
    refused(&vevent(&format!("{START}\nX-LONG:{}", "x".repeat(1 << 20))), "max-resource-size", "1048576");
    refused(&vevent(&format!("{START}{}", "\nX-A:1".repeat(20_001))), "valid-calendar-data", "20000 content lines");
    let many = "BEGIN:X-A\r\nEND:X-A\r\n".repeat(1001);
    refused(&vevent(START).replace("BEGIN:VEVENT", &format!("{many}BEGIN:VEVENT")), "valid-calendar-data", "1000");
    let (open, close) = ("BEGIN:X-A\r\n".repeat(8), "END:X-A\r\n".repeat(8));
    let deep = vevent(START).replace("BEGIN:VEVENT", &format!("{open}{close}BEGIN:VEVENT"));
    refused(&deep, "valid-calendar-data", "nested too deeply");
}

#[test]
fn missing_ends_and_unknown_words_have_their_meaning() {
    let event = read(&vevent("DTSTART;VALUE=DATE:20260302")).event().clone();
    assert_eq!(event.when.wall_end().date(), jiff::civil::date(2026, 3, 3));
    let event = read(&vevent(&format!("{START}\nCLASS:X-SECRET\nTRANSP:TRANSPARENT"))).event().clone();
    assert_eq!(event.when.wall_start(), event.when.wall_end());
    assert_eq!(event.content.privacy, crate::model::Privacy::Private);
    assert!(!event.content.busy);
    let floating = read(&vevent("DTSTART:20260302T180000")).event().clone();
    assert_eq!(floating.when.zone(), Some(&oslo()));
    let far = read(&vevent(&format!("{START}\nDTEND;TZID=America/New_York:20260302T140000"))).event().clone();
    assert_eq!(far.when.wall_end().to_string(), "2026-03-02T20:00:00");
}

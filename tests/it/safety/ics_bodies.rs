//! Hostile calendar objects: what attacks the reader of lines, the rules, the zones, and whoever reads the object later.

use super::corpus::Case;
use super::corpus::many;

const GRAMMAR: &str = "valid-calendar-data";
const OBJECT: &str = "valid-calendar-object-resource";
const MEDIA: &str = "supported-calendar-data";
const KIND: &str = "supported-calendar-component";
const SIZE: &str = "max-resource-size";

/// A calendar around components.
fn calendar(inside: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//h//EN\r\n{inside}END:VCALENDAR\r\n")
}

/// An event of an hour with more lines.
fn event(lines: &str) -> String {
    calendar(&vevent(&format!("DTSTART:20260303T100000Z\r\nDURATION:PT1H\r\n{lines}")))
}

/// A VEVENT without a time.
fn vevent(lines: &str) -> String {
    format!("BEGIN:VEVENT\r\nUID:x\r\nDTSTAMP:20260301T000000Z\r\n{lines}END:VEVENT\r\n")
}

/// An event from a start.
fn starting(start: &str) -> String {
    calendar(&vevent(&format!("{start}\r\n")))
}

/// A series with that rule.
fn rule(rule: &str) -> String {
    event(&format!("RRULE:{rule}\r\n"))
}

fn cases(list: Vec<(&'static str, String, &'static str)>) -> Vec<Case> {
    list.into_iter().map(|(name, body, rule)| Case::text(name, body, rule)).collect()
}

/// Bodies that are refused.
pub fn objects() -> Vec<Case> {
    let mut cases = encodings();
    cases.extend(other_formats());
    cases.extend(structure());
    cases.extend(lines());
    cases.extend(properties());
    cases.extend(times());
    cases.extend(rules());
    cases.extend(series());
    cases
}

fn encodings() -> Vec<Case> {
    let plain = event("SUMMARY:Meeting\r\n");
    let wide = |mark: &[u8], big: bool| {
        let units =
            plain.encode_utf16().flat_map(move |unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        mark.iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let with = |octets: &[u8]| {
        plain.clone().into_bytes().iter().copied().fold(Vec::new(), |mut all: Vec<u8>, octet| {
            all.push(octet);
            if all.ends_with(b"SUMMARY:") {
                all.extend_from_slice(octets);
            }
            all
        })
    };
    [
        ("ics-utf-16-little-endian", wide(&[0xff, 0xfe], false)),
        ("ics-utf-16-big-endian", wide(&[0xfe, 0xff], true)),
        ("ics-utf-16-without-a-mark", wide(&[], false)),
        ("ics-utf-32", plain.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()),
        ("ics-latin-1", with(&[b'S', 0xf8, b'r'])),
        ("ics-overlong-line-feed", with(&[0xc0, 0x8a])),
        ("ics-overlong-nul", with(&[0xc0, 0x80])),
        ("ics-encoded-surrogates", with(&[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80])),
        ("ics-beyond-unicode", with(&[0xf5, 0x80, 0x80, 0x80])),
        ("ics-cut-off-sequence", with(&[0xe2, 0x82])),
        ("ics-cut-off-before-a-fold", with(&[0xe2, 0x82, b'\r', b'\n', b' ', b'x'])),
        (
            "ics-fold-inside-a-sequence-that-never-ends",
            with(&[0xf0, b'\r', b'\n', b' ', 0x9f, b'\r', b'\n', b' ', 0x98]),
        ),
        ("ics-cut-off-at-the-end", [plain.as_bytes(), &[0xf0, 0x9f, 0x98]].concat()),
        ("ics-folds-inside-sequences-by-the-megabyte", with(&[0xe2, b'\n', b' ', 0x82, b'\n', b' '].repeat(150_000))),
        ("ics-nul", with(&[0])),
        ("ics-nul-by-the-megabyte", vec![0; 1_000_000]),
        ("ics-escape-sequence-of-a-terminal", with(b"\x1b]0;owned\x07")),
        ("ics-backspace", with(&[8])),
        ("ics-delete-character", with(&[0x7f])),
        ("ics-vertical-tab", with(&[0x0b])),
        ("ics-form-feed", with(&[0x0c])),
        ("ics-binary", (0..=255).collect()),
        ("ics-gzip", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xb3, 0x29]),
    ]
    .into_iter()
    .map(|(name, body)| Case::new(name, body, "calendar"))
    .collect()
}

fn other_formats() -> Vec<Case> {
    let of = |component: &str| {
        calendar(&format!("BEGIN:{component}\r\nUID:x\r\nDTSTAMP:20260301T000000Z\r\nEND:{component}\r\n"))
    };
    cases(vec![
        ("nothing", String::new(), MEDIA),
        ("line-ends-only", "\r\n\r\n\n\r".to_owned(), MEDIA),
        ("byte-order-mark-only", "\u{feff}".to_owned(), MEDIA),
        (
            "xml-instead",
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_owned(),
            GRAMMAR,
        ),
        ("html-instead", "<html><script>alert(1)</script></html>".to_owned(), GRAMMAR),
        ("json-calendar-instead", "[\"vcalendar\",[[\"version\",{},\"text\",\"2.0\"]],[]]".to_owned(), GRAMMAR),
        ("card-instead", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nEND:VCARD\r\n".to_owned(), MEDIA),
        ("utf-7-calendar", "BEGIN+ADo-VCALENDAR\r\n".to_owned(), GRAMMAR),
        ("calendar-1.0", calendar("").replace("2.0", "1.0"), MEDIA),
        ("calendar-of-no-version", calendar("").replace("VERSION:2.0\r\n", ""), GRAMMAR),
        ("version-range", calendar("").replace("2.0", "2.0;3.0"), MEDIA),
        ("calendar-scale", calendar("CALSCALE:HEBREW\r\n"), MEDIA),
        ("method-request", calendar(&format!("METHOD:REQUEST\r\n{}", vevent("DTSTART:20260303T100000Z\r\n"))), OBJECT),
        ("method-cancel", calendar(&format!("METHOD:CANCEL\r\n{}", vevent("DTSTART:20260303T100000Z\r\n"))), OBJECT),
        ("to-do", of("VTODO"), KIND),
        ("journal", of("VJOURNAL"), KIND),
        ("free-busy", of("VFREEBUSY"), KIND),
        ("availability", of("VAVAILABILITY"), KIND),
        ("poll", of("VPOLL"), KIND),
        (
            "to-do-beside-an-event",
            calendar(&format!("{}BEGIN:VTODO\r\nUID:x\r\nEND:VTODO\r\n", vevent("DTSTART:20260303T100000Z\r\n"))),
            OBJECT,
        ),
        ("alarm-on-its-own", of("VALARM"), OBJECT),
        ("event-on-its-own", vevent("DTSTART:20260303T100000Z\r\n"), MEDIA),
    ])
}

fn structure() -> Vec<Case> {
    let nested = |name: &str, depth: usize| {
        calendar(&format!("{}{}", format!("BEGIN:{name}\r\n").repeat(depth), format!("END:{name}\r\n").repeat(depth)))
    };
    cases(vec![
        ("no-component", calendar(""), OBJECT),
        ("begin-without-end", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_owned(), GRAMMAR),
        ("end-without-begin", "END:VCALENDAR\r\n".to_owned(), GRAMMAR),
        ("ends-crossed", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\nEND:VEVENT\r\n".to_owned(), GRAMMAR),
        ("cut-off-inside-a-line", event("SUMMARY:x\r\n")[..60].to_owned(), GRAMMAR),
        ("cut-off-before-the-end", event("").replace("END:VCALENDAR\r\n", ""), GRAMMAR),
        ("two-calendars", event("").repeat(2), GRAMMAR),
        ("something-behind-the-end", format!("{}SUMMARY:late\r\n", event("")), GRAMMAR),
        ("something-in-front", format!("SUMMARY:early\r\n{}", event("")), MEDIA),
        ("calendar-in-a-calendar", calendar(&event("")), OBJECT),
        ("components-nested-nine-deep", nested("VEVENT", 9), GRAMMAR),
        ("components-nested-ten-thousand-deep", nested("X-A", 9_000), GRAMMAR),
        ("components-opened-and-never-closed", "BEGIN:VCALENDAR\r\n".repeat(19_000), GRAMMAR),
        ("components-one-too-many", calendar(&"BEGIN:X-A\r\nEND:X-A\r\n".repeat(1_000)), GRAMMAR),
        ("alarms-ten-thousand", event(&"BEGIN:VALARM\r\nEND:VALARM\r\n".repeat(9_000)), GRAMMAR),
        ("lines-one-too-many", event(&"X-A:1\r\n".repeat(20_000)), GRAMMAR),
        ("lines-two-hundred-thousand", event(&"A:\n".repeat(200_000)), GRAMMAR),
        ("body-over-a-megabyte", event(&format!("DESCRIPTION:{}\r\n", "x".repeat(1 << 20))), SIZE),
        ("body-one-octet-too-long", event("") + &"\n".repeat((1 << 20) + 1 - event("").len()), SIZE),
        (
            "attachment-of-two-megabytes",
            event(&format!("ATTACH;ENCODING=BASE64;VALUE=BINARY:{}\r\n", "QUJD".repeat(1 << 19))),
            SIZE,
        ),
        (
            "attachments-by-the-thousand",
            event(&"ATTACH;VALUE=BINARY;ENCODING=BASE64:QUJDREVGR0hJSktM\r\n".repeat(20_000)),
            SIZE,
        ),
    ])
}

fn lines() -> Vec<Case> {
    cases(vec![
        ("line-without-colon", event("SUMMARY\r\n"), GRAMMAR),
        ("line-of-a-megabyte-without-colon", event(&format!("{}\r\n", "X".repeat(1_000_000))), GRAMMAR),
        ("line-without-name", event(":value\r\n"), GRAMMAR),
        ("line-with-a-space-in-its-name", event("SUM MARY:x\r\n"), GRAMMAR),
        ("line-with-a-name-in-another-alphabet", event("ПРИВЕТ:x\r\n"), GRAMMAR),
        ("line-with-a-look-alike-name", event("SUMMAR\u{0423}:x\r\n"), GRAMMAR),
        ("line-that-continues-nothing", format!(" {}", event("")), GRAMMAR),
        ("parameter-without-name", event("SUMMARY;=x:y\r\n"), GRAMMAR),
        ("parameter-with-nothing", event("SUMMARY;:y\r\n"), GRAMMAR),
        ("parameters-of-nothing-by-the-megabyte", event(&format!("SUMMARY{}:y\r\n", ";".repeat(1_000_000))), GRAMMAR),
        ("quote-that-never-ends", event("ATTENDEE;CN=\"Doe:mailto:a@example.org\r\n"), GRAMMAR),
        (
            "quote-of-a-megabyte-that-never-ends",
            event(&format!("ATTENDEE;CN=\"{}\r\n", "x".repeat(1_000_000))),
            GRAMMAR,
        ),
        ("parameters-without-a-value", event("ATTENDEE;CN=A;ROLE=B\r\n"), GRAMMAR),
        ("values-without-end", event(&format!("ATTENDEE;CN={}\r\n", "a,".repeat(400_000))), GRAMMAR),
        (
            "line-feed-smuggled-into-a-parameter",
            event("ATTENDEE;CN=\"A\nBEGIN:VEVENT\":mailto:a@example.org\r\n"),
            GRAMMAR,
        ),
        (
            "carriage-return-smuggled-into-a-parameter",
            event("ATTENDEE;CN=\"A\rUID:y\":mailto:a@example.org\r\n"),
            GRAMMAR,
        ),
        ("carriage-return-smuggled-into-a-value", event("SUMMARY:A\rUID:y\r\n"), GRAMMAR),
        ("line-feed-smuggled-into-a-value", event("SUMMARY:A\nDTSTART:20260304T100000Z\r\n"), GRAMMAR),
        ("next-line-smuggled-as-an-end", event("SUMMARY:A\r\nEND:VEVENT\r\n"), GRAMMAR),
        ("fold-that-hides-a-second-uid", event("UI\r\n D:y\r\n"), GRAMMAR),
    ])
}

fn properties() -> Vec<Case> {
    let bare = |lines: &str| calendar(&format!("BEGIN:VEVENT\r\n{lines}END:VEVENT\r\n"));
    let once = "DTSTAMP:20260301T000000Z\r\nDTSTART:20260303T100000Z\r\n";
    let people = |count: usize| event(&many(count, |n| format!("ATTENDEE:mailto:p{n}@example.org\r\n")));
    cases(vec![
        ("no-uid", bare(once), OBJECT),
        ("empty-uid", bare(&format!("UID:\r\n{once}")), OBJECT),
        ("uid-of-spaces", bare(&format!("UID:   \r\n{once}")), OBJECT),
        ("uid-of-a-kilobyte-and-one", bare(&format!("UID:{}\r\n{once}", "u".repeat(1_025))), GRAMMAR),
        ("uid-of-a-megabyte", bare(&format!("UID:{}\r\n{once}", "u".repeat(1_000_000))), GRAMMAR),
        ("two-uids-in-one-event", event("UID:y\r\n"), GRAMMAR),
        (
            "two-events-of-two-uids",
            calendar(&format!(
                "{}{}",
                vevent("DTSTART:20260303T100000Z\r\n"),
                vevent("DTSTART:20260303T100000Z\r\n").replace("UID:x", "UID:y")
            )),
            OBJECT,
        ),
        ("two-events-of-one-uid", calendar(&vevent("DTSTART:20260303T100000Z\r\n").repeat(2)), OBJECT),
        ("stamp-of-words", bare("UID:x\r\nDTSTAMP:now\r\nDTSTART:20260303T100000Z\r\n"), GRAMMAR),
        ("two-stamps", event("DTSTAMP:20260301T000000Z\r\n"), GRAMMAR),
        ("no-start", calendar(&vevent("")), OBJECT),
        ("two-starts", event("DTSTART:20260303T100000Z\r\n"), GRAMMAR),
        ("starts-by-the-thousand", event(&"DTSTART:20260303T100000Z\r\n".repeat(10_000)), GRAMMAR),
        (
            "two-ends",
            calendar(&vevent("DTSTART:20260303T100000Z\r\nDTEND:20260303T110000Z\r\nDTEND:20260303T120000Z\r\n")),
            GRAMMAR,
        ),
        ("two-durations", event("DURATION:PT2H\r\n"), GRAMMAR),
        ("duration-beside-end", event("DTEND:20260303T110000Z\r\n"), GRAMMAR),
        ("two-rules", event("RRULE:FREQ=DAILY\r\nRRULE:FREQ=WEEKLY\r\n"), GRAMMAR),
        ("rules-by-the-thousand", event(&"RRULE:FREQ=DAILY\r\n".repeat(10_000)), GRAMMAR),
        ("exclusion-rule", event("RRULE:FREQ=DAILY\r\nEXRULE:FREQ=DAILY\r\n"), OBJECT),
        ("count-of-a-thousand-million", event("RRULE:FREQ=DAILY;COUNT=1000000000\r\n"), GRAMMAR),
        ("count-of-everything", event("RRULE:FREQ=YEARLY;COUNT=4294967295\r\n"), GRAMMAR),
        ("two-recurrence-ids", event("RECURRENCE-ID:20260303T100000Z\r\nRECURRENCE-ID:20260304T100000Z\r\n"), GRAMMAR),
        ("attendees-one-too-many", people(501), "max-attendees-per-instance"),
        ("attendees-ten-thousand", people(10_000), "max-attendees-per-instance"),
    ])
}

fn times() -> Vec<Case> {
    let lasting = |duration: &str| calendar(&vevent(&format!("DTSTART:20260303T100000Z\r\nDURATION:{duration}\r\n")));
    cases(vec![
        ("start-in-year-one", starting("DTSTART:00010101T000000Z"), "min-date-time"),
        ("start-in-year-nought", starting("DTSTART:00000101T000000Z"), "min-date-time"),
        ("start-before-1970", starting("DTSTART:19691231T235959Z"), "min-date-time"),
        ("day-before-1970", starting("DTSTART;VALUE=DATE:19000101"), "min-date-time"),
        ("start-after-2200", starting("DTSTART:22010101T000000Z"), "max-date-time"),
        ("start-in-year-9999", starting("DTSTART:99991231T235959Z"), "max-date-time"),
        (
            "end-in-year-9999",
            calendar(&vevent("DTSTART:20260303T100000Z\r\nDTEND:99991231T235959Z\r\n")),
            "max-date-time",
        ),
        ("start-with-a-long-year", starting("DTSTART:120260303T100000Z"), GRAMMAR),
        ("start-of-words", starting("DTSTART:tomorrow"), GRAMMAR),
        ("start-of-nothing", starting("DTSTART:"), GRAMMAR),
        ("start-of-a-megabyte", starting(&format!("DTSTART:{}", "2".repeat(1_000_000))), GRAMMAR),
        ("start-on-february-30", starting("DTSTART:20260230T100000Z"), GRAMMAR),
        ("start-in-month-13", starting("DTSTART:20261301T100000Z"), GRAMMAR),
        ("start-at-25-o-clock", starting("DTSTART:20260303T250000Z"), GRAMMAR),
        ("start-at-minute-61", starting("DTSTART:20260303T106100Z"), GRAMMAR),
        ("start-with-a-sign", starting("DTSTART:-20260303T100000Z"), GRAMMAR),
        ("start-in-other-digits", starting("DTSTART:٢٠٢٦٠٣٠٣T100000Z"), GRAMMAR),
        ("start-of-two-values", starting("DTSTART:20260303T100000Z,20260304T100000Z"), GRAMMAR),
        ("start-that-is-a-period", starting("DTSTART;VALUE=PERIOD:20260303T100000Z/PT1H"), GRAMMAR),
        ("zone-that-names-a-path", starting("DTSTART;TZID=../../../../etc/passwd:20260303T100000"), GRAMMAR),
        ("end-before-start", calendar(&vevent("DTSTART:20260303T100000Z\r\nDTEND:20260303T090000Z\r\n")), GRAMMAR),
        ("end-that-is-a-day", calendar(&vevent("DTSTART:20260303T100000Z\r\nDTEND;VALUE=DATE:20260304\r\n")), GRAMMAR),
        (
            "day-that-ends-at-a-time",
            calendar(&vevent("DTSTART;VALUE=DATE:20260303\r\nDTEND:20260304T100000Z\r\n")),
            GRAMMAR,
        ),
        ("duration-below-nothing", lasting("-PT1H"), GRAMMAR),
        ("duration-of-words", lasting("long"), GRAMMAR),
        ("duration-without-number", lasting("PTH"), GRAMMAR),
        ("duration-of-many-weeks", lasting("P99999999W"), GRAMMAR),
        ("duration-of-many-seconds", lasting("PT9223372036854775807S"), GRAMMAR),
        ("duration-with-a-huge-number", lasting("P99999999999999999999999999D"), GRAMMAR),
        ("duration-of-a-megabyte", lasting(&format!("P{}D", "9".repeat(1_000_000))), GRAMMAR),
        (
            "day-with-a-duration-of-hours",
            calendar(&vevent("DTSTART;VALUE=DATE:20260303\r\nDURATION:PT7H\r\n")),
            GRAMMAR,
        ),
    ])
}

#[expect(clippy::too_many_lines, reason = "a table of cases reads better whole")]
fn rules() -> Vec<Case> {
    let list = |count: usize| many(count, |n| format!("{},", n % 12 + 1)) + "1";
    let hours = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23";
    let sixty = many(59, |n| format!("{n},")) + "59";
    [
        ("every-second", "FREQ=SECONDLY".to_owned(), "freq"),
        ("every-minute", "FREQ=MINUTELY;COUNT=2".to_owned(), "freq"),
        ("frequency-that-is-unknown", "FREQ=NANOSECONDLY".to_owned(), "freq"),
        ("frequency-that-is-missing", "COUNT=3".to_owned(), "freq"),
        ("frequency-twice", "FREQ=DAILY;FREQ=DAILY".to_owned(), "twice"),
        ("rule-of-nothing", String::new(), "freq"),
        ("rule-without-a-value", "FREQ".to_owned(), "rule part"),
        ("interval-nought", "FREQ=DAILY;INTERVAL=0".to_owned(), "interval"),
        ("interval-below-nothing", "FREQ=DAILY;INTERVAL=-1".to_owned(), "interval"),
        ("interval-with-a-huge-number", "FREQ=DAILY;INTERVAL=99999999999999999999".to_owned(), "interval"),
        ("count-nought", "FREQ=DAILY;COUNT=0".to_owned(), "count"),
        ("count-below-nothing", "FREQ=DAILY;COUNT=-5".to_owned(), "count"),
        ("count-with-a-huge-number", "FREQ=DAILY;COUNT=18446744073709551616".to_owned(), "count"),
        ("count-beside-until", "FREQ=DAILY;COUNT=5;UNTIL=20270101T000000Z".to_owned(), "count"),
        ("until-of-words", "FREQ=DAILY;UNTIL=never".to_owned(), "until"),
        ("until-february-30", "FREQ=DAILY;UNTIL=20260230T000000Z".to_owned(), "until"),
        ("month-13", "FREQ=YEARLY;BYMONTH=13".to_owned(), "bymonth"),
        ("month-nought", "FREQ=YEARLY;BYMONTH=0".to_owned(), "bymonth"),
        ("leap-month", "FREQ=YEARLY;BYMONTH=5L".to_owned(), "bymonth"),
        ("month-day-32", "FREQ=MONTHLY;BYMONTHDAY=32".to_owned(), "bymonthday"),
        ("month-day-nought", "FREQ=MONTHLY;BYMONTHDAY=0".to_owned(), "bymonthday"),
        ("year-day-367", "FREQ=YEARLY;BYYEARDAY=367".to_owned(), "byyearday"),
        ("week-54", "FREQ=YEARLY;BYWEEKNO=54".to_owned(), "byweekno"),
        ("week-of-a-month", "FREQ=MONTHLY;BYWEEKNO=2".to_owned(), "byweekno"),
        ("day-that-is-unknown", "FREQ=WEEKLY;BYDAY=XX".to_owned(), "byday"),
        ("day-nought", "FREQ=MONTHLY;BYDAY=0MO".to_owned(), "byday"),
        ("day-with-a-huge-number", "FREQ=MONTHLY;BYDAY=99999MO".to_owned(), "byday"),
        ("day-in-another-alphabet", "FREQ=WEEKLY;BYDAY=М\u{41e}".to_owned(), "byday"),
        ("day-numbered-in-a-week", "FREQ=WEEKLY;BYDAY=2MO".to_owned(), "byday"),
        ("day-numbered-beside-weeks", "FREQ=YEARLY;BYWEEKNO=2;BYDAY=2MO".to_owned(), "byday"),
        ("hour-24", "FREQ=DAILY;BYHOUR=24".to_owned(), "byhour"),
        ("minute-60", "FREQ=DAILY;BYMINUTE=60".to_owned(), "byminute"),
        ("second-61", "FREQ=DAILY;BYSECOND=61".to_owned(), "bysecond"),
        ("position-nought", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0".to_owned(), "bysetpos"),
        ("position-367", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367".to_owned(), "bysetpos"),
        (
            "every-second-by-lists",
            format!("FREQ=YEARLY;COUNT=1;BYHOUR={hours};BYMINUTE={sixty};BYSECOND={sixty}"),
            "byhour",
        ),
        ("every-minute-by-lists", format!("FREQ=DAILY;BYHOUR={hours};BYMINUTE={sixty}"), "byhour"),
        ("list-one-too-long", format!("FREQ=YEARLY;BYMONTH={}", list(400)), "bymonth"),
        ("list-of-a-megabyte", format!("FREQ=YEARLY;BYMONTH={}", list(400_000)), "bymonth"),
        ("list-of-commas", format!("FREQ=YEARLY;BYMONTH={}", ",".repeat(1_000_000)), "bymonth"),
        ("part-that-is-unknown", "FREQ=YEARLY;BYEASTER=1".to_owned(), "byeaster"),
        (
            "parts-by-the-hundred-thousand",
            format!("FREQ=DAILY{}", many(110_000, |n| format!(";A{n}=1"))),
            "other parts",
        ),
        (
            "own-parts-by-the-hundred-thousand",
            format!("FREQ=DAILY{}", many(90_000, |n| format!(";X-{n}=1"))),
            "other parts",
        ),
        ("part-with-a-name-of-a-megabyte", format!("FREQ=DAILY;{}=1", "A".repeat(1_000_000)), "rule part"),
        ("hebrew-calendar", "RSCALE=HEBREW;FREQ=YEARLY".to_owned(), "rscale"),
        ("skipped-backward", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD".to_owned(), "skip"),
    ]
    .into_iter()
    .map(|(name, text, part)| Case::text(name, rule(&text), part))
    .collect()
}

fn series() -> Vec<Case> {
    let day = |n: usize| format!("{:04}{:02}{:02}T100000Z", 2026 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
    let dates = |count: usize| many(count, |n| day(n) + ",") + "20260303T100000Z";
    let changed = |n: usize| vevent(&format!("RECURRENCE-ID:{0}\r\nDTSTART:{0}\r\n", day(n)));
    let daily = vevent("DTSTART:20260101T100000Z\r\nRRULE:FREQ=DAILY\r\n");
    cases(vec![
        ("dates-one-too-many", event(&format!("RDATE:{}\r\n", dates(20_001))), "max-instances"),
        ("dates-sixty-thousand", event(&format!("RDATE:{}\r\n", dates(60_000))), "max-"),
        (
            "exceptions-one-too-many",
            event(&format!("RRULE:FREQ=DAILY\r\nEXDATE:{}\r\n", dates(20_001))),
            "max-instances",
        ),
        (
            "exceptions-on-many-lines",
            event(&format!("RRULE:FREQ=DAILY\r\n{}", many(20_100, |n| format!("EXDATE:{}\r\n", day(n))))),
            GRAMMAR,
        ),
        ("date-before-1970", event("RDATE:00010101T000000Z\r\n"), "min-date-time"),
        ("date-in-year-9999", event("RDATE:99990101T000000Z\r\n"), "max-date-time"),
        (
            "period-that-ends-before-it-begins",
            event("RDATE;VALUE=PERIOD:20260401T100000Z/20260401T090000Z\r\n"),
            GRAMMAR,
        ),
        ("period-without-end", event("RDATE;VALUE=PERIOD:20260401T100000Z/P9999999999999W\r\n"), "date"),
        (
            "period-in-a-series-of-days",
            calendar(&vevent("DTSTART;VALUE=DATE:20260303\r\nRDATE;VALUE=PERIOD:20260401T100000Z/PT1H\r\n")),
            GRAMMAR,
        ),
        ("every-date-removed", event("RRULE:FREQ=DAILY;COUNT=1\r\nEXDATE:20260303T100000Z\r\n"), OBJECT),
        (
            "all-of-a-short-series-removed",
            event("RRULE:FREQ=DAILY;COUNT=2\r\nEXDATE:20260303T100000Z,20260304T100000Z\r\n"),
            OBJECT,
        ),
        ("overrides-a-thousand", calendar(&format!("{daily}{}", many(1_000, changed))), GRAMMAR),
        ("override-twice", calendar(&format!("{daily}{}", changed(3).repeat(2))), OBJECT),
        (
            "override-for-this-and-all-before",
            calendar(&format!("{daily}{}", changed(3).replace("RECURRENCE-ID:", "RECURRENCE-ID;RANGE=THISANDPRIOR:"))),
            GRAMMAR,
        ),
        (
            "override-of-words",
            calendar(&format!(
                "{daily}{}",
                changed(3).replace(&format!("RECURRENCE-ID:{}", day(3)), "RECURRENCE-ID:first")
            )),
            GRAMMAR,
        ),
        ("every-hour-since-1970", starting("DTSTART:19700101T000000Z\r\nRRULE:FREQ=HOURLY"), "max-instances"),
        ("masters-two", calendar(&format!("{daily}{daily}")), OBJECT),
        ("masters-nine-hundred", calendar(&daily.repeat(900)), OBJECT),
    ])
}

/// Bodies that are heavy and mean something: they are kept, and nothing that is done with them costs too much.
pub fn heavy() -> Vec<Case> {
    let mut cases = heavy_texts();
    cases.extend(heavy_series());
    cases.extend(heavy_zones());
    cases
}

fn heavy_texts() -> Vec<Case> {
    cases(vec![
        ("description-of-a-megabyte", event(&format!("DESCRIPTION:{}\r\n", "x".repeat(1_000_000))), ""),
        ("description-in-folds-of-one-character", event(&format!("DESCRIPTION:{}\r\n", "\r\n x".repeat(250_000))), ""),
        ("description-of-escapes", event(&format!("DESCRIPTION:{}\r\n", "\\n".repeat(500_000))), ""),
        ("description-of-emoji", event(&format!("DESCRIPTION:{}\r\n", "\u{1f3db}".repeat(240_000))), ""),
        (
            "attachment-of-a-megabyte",
            event(&format!("ATTACH;ENCODING=BASE64;VALUE=BINARY:{}\r\n", "QUJD".repeat(250_000))),
            "",
        ),
        (
            "parameters-a-hundred-thousand",
            event(&format!("SUMMARY{}:x\r\n", many(100_000, |n| format!(";X{n}=1")))),
            "",
        ),
        (
            "parameter-of-many-values",
            event(&format!("ATTENDEE;MEMBER={}b:mailto:a@example.org\r\n", "a,".repeat(400_000))),
            "",
        ),
        (
            "parameter-of-circumflexes",
            event(&format!("ATTENDEE;CN={}:mailto:a@example.org\r\n", "^^".repeat(400_000))),
            "",
        ),
        ("lines-of-its-own", event(&many(19_000, |n| format!("X-N{n}:{n}\r\n"))), ""),
        (
            "alarms-nine-hundred",
            event(&"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n".repeat(900)),
            "",
        ),
        ("attendees-five-hundred", event(&many(500, |n| format!("ATTENDEE;CN=P{n}:mailto:p{n}@example.org\r\n"))), ""),
        ("blank-lines", event(&format!("SUMMARY:x\r\n{}", "\r\n".repeat(400_000))), ""),
    ])
}

fn heavy_series() -> Vec<Case> {
    let day = |n: usize| format!("{:04}{:02}{:02}T100000Z", 2026 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
    let changed = |n: usize| vevent(&format!("RECURRENCE-ID:{0}\r\nDTSTART:{0}\r\nSUMMARY:{n}\r\n", day(n)));
    let daily = vevent("DTSTART:20260101T100000Z\r\nRRULE:FREQ=DAILY\r\n");
    cases(vec![
        ("interval-of-everything", rule("FREQ=DAILY;INTERVAL=4294967295"), ""),
        ("every-day-since-1970", starting("DTSTART:19700101T000000Z\r\nRRULE:FREQ=DAILY"), ""),
        ("on-february-30", rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), ""),
        ("in-no-week", rule("FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6"), ""),
        ("hourly-on-a-day-that-never-comes", rule("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=31"), ""),
        ("position-that-never-comes", rule("FREQ=DAILY;BYSETPOS=366"), ""),
        (
            "dense-lists",
            rule(&format!(
                "FREQ=YEARLY;COUNT=1;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYMONTHDAY={};BYHOUR=9,10",
                many(30, |n| format!("{},", n + 1)) + "31"
            )),
            "",
        ),
        (
            "exceptions-two-thousand",
            event(&format!("RRULE:FREQ=DAILY\r\nEXDATE:{}20260101T000000Z\r\n", many(1_990, |n| day(n) + ","))),
            "",
        ),
        ("overrides-nine-hundred", calendar(&format!("{daily}{}", many(900, changed))), ""),
    ])
}

#[expect(clippy::too_many_lines, reason = "a table of cases reads better whole")]
fn heavy_zones() -> Vec<Case> {
    let zone = |name: &str, inside: &str| format!("BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{inside}END:VTIMEZONE\r\n");
    let shift = |n: usize| {
        format!(
            "BEGIN:STANDARD\r\nDTSTART:{}0101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0{}00\r\nEND:STANDARD\r\n",
            1970 + n % 200,
            n % 10
        )
    };
    let rule = |rule: &str| zone("Z", &shift(0).replace("END", &format!("RRULE:{rule}\r\nEND")));
    let here = "DTSTART;TZID=Z:20260303T100000\r\nDURATION:PT1H\r\n";
    let dates = many(2_000, |n| format!("RDATE:{:04}0101T{:02}0000\r\n", 1970 + n % 200, n % 24));
    let wide = zone("Z", &many(400, shift));
    let changed = many(500, |n| {
        let at = format!("{:04}{:02}{:02}T100000", 2026 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
        vevent(&format!("RECURRENCE-ID;TZID=Z:{at}\r\nDTSTART;TZID=Z:{at}\r\nSUMMARY:{n}\r\n"))
    });
    let exceptions = many(1_900, |n| format!("{:04}{:02}{:02}T100000,", 2026 + n / 336, n / 28 % 12 + 1, n % 28 + 1));
    cases(vec![
        ("zone-every-second", calendar(&format!("{}{}", rule("FREQ=SECONDLY"), vevent(here))), ""),
        (
            "zone-every-minute-since-1601",
            calendar(&format!("{}{}", rule("FREQ=MINUTELY").replace("1970", "1601"), vevent(here))),
            "",
        ),
        ("zone-with-a-huge-count", calendar(&format!("{}{}", rule("FREQ=DAILY;COUNT=4294967295"), vevent(here))), ""),
        (
            "zone-with-two-thousand-dates",
            calendar(&format!("{}{}", zone("Z", &shift(0).replace("END", &format!("{dates}END"))), vevent(here))),
            "",
        ),
        ("zone-with-four-hundred-shifts", calendar(&format!("{wide}{}", vevent(here))), ""),
        (
            "zone-with-impossible-offsets",
            calendar(&format!("{}{}", zone("Z", &shift(0).replace("+0100", "+999999")), vevent(here))),
            "",
        ),
        (
            "zones-three-hundred",
            calendar(&format!("{}{}", many(300, |n| zone(&format!("Z{n}"), &shift(n))), vevent(here))),
            "",
        ),
        (
            "zone-with-a-long-name",
            calendar(&format!(
                "{}{}",
                zone(&"Z".repeat(100_000), &shift(0)),
                vevent(&here.replace("TZID=Z", &format!("TZID={}", "Z".repeat(100_000))))
            )),
            "",
        ),
        (
            "zone-of-many-overrides",
            calendar(&format!("{wide}{}{changed}", vevent(&format!("{here}RRULE:FREQ=DAILY\r\n")))),
            "",
        ),
        (
            "zone-of-many-exceptions",
            calendar(&format!(
                "{wide}{}",
                vevent(&format!("{here}RRULE:FREQ=DAILY\r\nEXDATE;TZID=Z:{exceptions}20250101T000000\r\n"))
            )),
            "",
        ),
    ])
}

//! Filters, calendar-data, the busy-only view and feeds.

use super::*;
use crate::ical::feed;
use crate::ical::feed::FeedHeader;
use crate::ical::feed::FeedItem;
use crate::ical::filter::Collation;
use crate::ical::filter::CompFilter;
use crate::ical::filter::ParamFilter;
use crate::ical::filter::PropFilter;
use crate::ical::filter::TextMatch;
use crate::ical::privacy;
use crate::ical::recur::Budget;
use crate::ical::select;
use crate::ical::select::CalendarData;
use crate::ical::select::CompSelection;
use crate::ical::select::PropSelection;
use crate::model::TimeRange;

fn range(start: &str, end: &str) -> TimeRange {
    let at = |text: &str, open| if text.is_empty() { open } else { instant(text) };
    TimeRange::new(at(start, Timestamp::MIN), at(end, Timestamp::MAX))
}

fn calendar(inner: CompFilter) -> CompFilter {
    CompFilter { name: "VCALENDAR".to_owned(), comp_filters: vec![inner], ..CompFilter::default() }
}

fn event_filter() -> CompFilter {
    CompFilter { name: "VEVENT".to_owned(), ..CompFilter::default() }
}

fn matches(filter: CompFilter, text: &str) -> bool {
    calendar(filter).matches(&read(text), &oslo(), &Budget::of(&Limits::default())).unwrap()
}

fn in_time(text: &str, start: &str, end: &str) -> bool {
    matches(CompFilter { time_range: Some(range(start, end)), ..event_filter() }, text)
}

#[test]
fn time_ranges_follow_the_table_of_rfc_4791() {
    let hour = vevent("DTSTART:20260302T180000Z\nDTEND:20260302T190000Z");
    let moment = vevent("DTSTART:20260302T180000Z");
    let empty = vevent("DTSTART:20260302T180000Z\nDURATION:PT0S");
    let day = vevent("DTSTART;VALUE=DATE:20260302");
    for (text, start, end, expected) in [
        (&hour, "20260302T190000Z", "20260302T200000Z", false),
        (&hour, "20260302T185959Z", "20260302T200000Z", true),
        (&hour, "20260302T170000Z", "20260302T180000Z", false),
        (&hour, "20260302T170000Z", "20260302T180001Z", true),
        (&hour, "", "20260302T180001Z", true),
        (&hour, "", "20260302T180000Z", false),
        (&hour, "20260302T190000Z", "", false),
        (&hour, "20260302T183000Z", "", true),
        (&moment, "20260302T180000Z", "20260302T190000Z", true),
        (&moment, "20260302T170000Z", "20260302T180000Z", false),
        (&empty, "20260302T180000Z", "20260302T190000Z", true),
        (&empty, "20260302T180001Z", "20260302T190000Z", false),
        // The day of Oslo begins at 23:00 UTC.
        (&day, "20260301T220000Z", "20260301T230000Z", false),
        (&day, "20260301T220000Z", "20260301T230001Z", true),
        (&day, "20260302T230000Z", "20260303T230000Z", false),
    ] {
        assert_eq!(in_time(text, start, end), expected, "{start} {end}\n{text}");
    }
}

#[test]
fn every_instance_of_a_series_counts_and_removed_and_moved_ones_do_not() {
    for (start, end, expected) in [
        ("20260119T000000Z", "20260120T000000Z", true),
        ("20260112T000000Z", "20260113T000000Z", false),
        ("20260113T000000Z", "20260114T000000Z", true),
        ("20260216T000000Z", "20260217T000000Z", false),
        ("20260629T000000Z", "", true),
        ("20260630T000000Z", "", false),
        ("", "20260105T170000Z", false),
        ("", "20260105T170001Z", true),
    ] {
        assert_eq!(in_time(APPLE_SERIES, start, end), expected, "{start} {end}");
    }
    let endless = vevent("DTSTART:20260302T180000Z\nRRULE:FREQ=HOURLY");
    assert!(in_time(&endless, "20300101T000000Z", ""));
    assert!(in_time(&endless, "", ""));
}

#[test]
fn a_time_range_and_a_property_must_hold_for_the_same_vevent() {
    let moved = |start: &str, end: &str| CompFilter {
        time_range: Some(range(start, end)),
        prop_filters: vec![PropFilter {
            name: "SUMMARY".to_owned(),
            text_match: Some(TextMatch { text: "FLYTTET".to_owned(), ..TextMatch::default() }),
            ..PropFilter::default()
        }],
        ..event_filter()
    };
    assert!(matches(moved("20260113T000000Z", "20260114T000000Z"), APPLE_SERIES));
    assert!(!matches(moved("20260119T000000Z", "20260120T000000Z"), APPLE_SERIES));
}

fn property(filter: PropFilter, text: &str) -> bool {
    matches(CompFilter { prop_filters: vec![filter], ..event_filter() }, text)
}

fn text_filter(name: &str, text: &str, collation: Collation, negate: bool) -> PropFilter {
    let text_match = Some(TextMatch { collation, negate, text: text.to_owned() });
    PropFilter { name: name.to_owned(), text_match, ..PropFilter::default() }
}

#[test]
fn text_is_compared_by_its_collation_after_unescaping() {
    use Collation::{AsciiCasemap, Octet, UnicodeCasemap};
    for (text, collation, expected) in [
        ("sjakk, åpen", AsciiCasemap, true),
        ("SJAKK, åPEN", AsciiCasemap, true),
        ("ÅPEN", AsciiCasemap, false),
        ("ÅPEN", UnicodeCasemap, true),
        ("sjakk", Octet, false),
        ("Sjakk", Octet, true),
    ] {
        assert_eq!(property(text_filter("SUMMARY", text, collation, false), EVOLUTION), expected, "{text}");
        assert_eq!(property(text_filter("SUMMARY", text, collation, true), EVOLUTION), !expected, "{text}");
    }
    assert!(!property(text_filter("LOCATION", "x", Octet, true), EVOLUTION), "there is no LOCATION to differ");
}

#[test]
fn what_is_not_defined_parameters_and_property_times_are_evaluated() {
    let absent = |name: &str| PropFilter { name: name.to_owned(), is_not_defined: true, ..PropFilter::default() };
    assert!(property(absent("LOCATION"), EVOLUTION));
    assert!(!property(absent("SUMMARY"), EVOLUTION));
    let with_param =
        |param| PropFilter { param_filters: vec![param], ..text_filter("ATTENDEE", "", Collation::Octet, false) };
    let partstat = |text: &str| ParamFilter {
        name: "PARTSTAT".to_owned(),
        text_match: Some(TextMatch { text: text.to_owned(), ..TextMatch::default() }),
        is_not_defined: false,
    };
    assert!(property(with_param(partstat("accepted")), OUTLOOK));
    assert!(!property(with_param(partstat("declined")), OUTLOOK));
    let absent_param = ParamFilter { name: "PARTSTAT".to_owned(), is_not_defined: true, text_match: None };
    assert!(property(with_param(absent_param), OUTLOOK), "the room has no PARTSTAT");
    let created = |start: &str, end: &str| PropFilter {
        name: "CREATED".to_owned(),
        time_range: Some(range(start, end)),
        ..PropFilter::default()
    };
    assert!(property(created("20260218T093000Z", "20260218T093001Z"), OUTLOOK));
    assert!(!property(created("20260218T093001Z", ""), OUTLOOK));
    let absent = |name: &str| CompFilter { name: name.to_owned(), is_not_defined: true, ..CompFilter::default() };
    assert!(matches(absent("VTODO"), APPLE));
    assert!(!matches(absent("VEVENT"), APPLE));
    assert!(!matches(CompFilter { name: "VTODO".to_owned(), ..CompFilter::default() }, APPLE));
}

#[test]
fn alarms_ring_relative_to_start_or_end_and_repeat() {
    let alarm = |text: &str, start: &str, end: &str| {
        let alarm =
            CompFilter { name: "VALARM".to_owned(), time_range: Some(range(start, end)), ..CompFilter::default() };
        matches(CompFilter { comp_filters: vec![alarm], ..event_filter() }, text)
    };
    assert!(alarm(APPLE, "20260302T164500Z", "20260302T164501Z"));
    assert!(!alarm(APPLE, "20260302T164501Z", "20260302T200000Z"));
    assert!(alarm(THUNDERBIRD, "20260303T172000Z", "20260303T172001Z"));
    // Third Wednesday of April, summer time.
    assert!(alarm(DAVX5, "20260415T073000Z", "20260415T073001Z"));
    assert!(!alarm(DAVX5, "20260408T000000Z", "20260409T000000Z"));
    let repeated = APPLE.replace("TRIGGER:-PT15M", "TRIGGER:-PT15M\r\nREPEAT:2\r\nDURATION:PT5M");
    assert!(alarm(&repeated, "20260302T165500Z", "20260302T165501Z"));
    let series = vevent("DTSTART:20260302T180000Z\nRRULE:FREQ=DAILY\nBEGIN:VALARM\nTRIGGER:-P9999999W\nEND:VALARM");
    assert!(!alarm(&series, "20300101T000000Z", "20300102T000000Z"), "an absurd alarm costs nothing");
    let absolute = APPLE.replace("TRIGGER:-PT15M", "TRIGGER;VALUE=DATE-TIME:20260301T080000Z");
    assert!(alarm(&absolute, "20260301T080000Z", "20260301T080001Z"));
}

#[test]
fn the_range_of_a_filter_is_known_to_those_who_look_up_candidates() {
    let wanted = range("20260101T000000Z", "20260201T000000Z");
    let filter = calendar(CompFilter { time_range: Some(wanted), ..event_filter() });
    assert_eq!(filter.event_range(), Some(wanted));
    assert_eq!(calendar(event_filter()).event_range(), None);
}

fn rendered(text: &str, data: &CalendarData) -> String {
    select::render(&read(text), data, &oslo(), 100).unwrap()
}

#[test]
fn expanded_series_are_instances_in_utc_and_the_override_replaces_its_instance_once() {
    let data = CalendarData { expand: Some(range("20260101T000000Z", "20260120T000000Z")), ..CalendarData::default() };
    let text = rendered(APPLE_SERIES, &data);
    assert!(
        !text.contains("RRULE") && !text.contains("VTIMEZONE") && !text.contains("TZID") && !text.contains("EXDATE")
    );
    let starts: Vec<&str> = text.lines().filter(|line| line.starts_with("DTSTART")).collect();
    assert_eq!(starts, ["DTSTART:20260105T170000Z", "DTSTART:20260113T170000Z", "DTSTART:20260119T170000Z"]);
    let ids: Vec<&str> = text.lines().filter(|line| line.starts_with("RECURRENCE-ID")).collect();
    assert_eq!(
        ids,
        ["RECURRENCE-ID:20260105T170000Z", "RECURRENCE-ID:20260112T170000Z", "RECURRENCE-ID:20260119T170000Z"]
    );
    assert_eq!(text.matches("flyttet").count(), 1);
}

#[test]
fn expanded_days_stay_dates_and_single_events_get_no_recurrence_id() {
    let data = CalendarData { expand: Some(range("20260101T000000Z", "20290101T000000Z")), ..CalendarData::default() };
    let text = rendered(GOOGLE, &data);
    assert!(text.contains("DTSTART;VALUE=DATE:20260516\r\n") && text.contains("RECURRENCE-ID;VALUE=DATE:20280516\r\n"));
    assert!(!text.contains("2027"), "the cancelled instance does not take place");
    let single = rendered(APPLE, &data);
    assert!(single.contains("DTSTART:20260302T170000Z\r\n") && !single.contains("RECURRENCE-ID"));
    let days = vevent("DTSTART:20260302T180000Z\nRRULE:FREQ=DAILY");
    assert!(select::render(&read(&days), &data, &oslo(), 100).is_err(), "more instances than asked for");
}

#[test]
fn a_limited_recurrence_set_keeps_the_master_and_the_overrides_that_touch_the_range() {
    let limited = |start, end| {
        let data = CalendarData { limit_recurrence_set: Some(range(start, end)), ..CalendarData::default() };
        rendered(APPLE_SERIES, &data)
    };
    assert_eq!(limited("20260112T000000Z", "20260113T000000Z"), APPLE_SERIES, "moved out of the range");
    assert_eq!(limited("20260113T000000Z", "20260114T000000Z"), APPLE_SERIES, "moved into the range");
    let without = limited("20260301T000000Z", "20260401T000000Z");
    assert!(without.contains("RRULE") && !without.contains("flyttet"));
}

#[test]
fn a_selection_returns_the_components_and_properties_that_were_asked_for() {
    let prop = |name: &str, novalue| PropSelection { name: name.to_owned(), novalue };
    let vevent = CompSelection {
        name: "VEVENT".to_owned(),
        props: vec![prop("UID", false), prop("X-APPLE-STRUCTURED-LOCATION", true)],
        ..CompSelection::default()
    };
    let selection = CompSelection {
        name: "VCALENDAR".to_owned(),
        props: vec![prop("VERSION", false)],
        comps: vec![vevent],
        ..CompSelection::default()
    };
    let text = rendered(APPLE, &CalendarData { selection: Some(selection), ..CalendarData::default() });
    let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines[..4],
        ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:6C1E4B0A-2C7E-4C5E-8B77-0A5B0F5C1D11"]
    );
    assert!(lines[4].starts_with("X-APPLE-STRUCTURED-LOCATION;VALUE=URI"));
    assert!(!text.contains("geo:"));
    assert_eq!(lines[5..], ["END:VEVENT", "END:VCALENDAR", ""]);
    assert_eq!(rendered(APPLE, &CalendarData::default()), APPLE);
}

#[test]
fn the_busy_only_view_says_when_and_nothing_else_and_is_the_same_every_time() {
    for text in ALL {
        let object = read(text);
        let busy = privacy::busy_object(&object, "Busy").unwrap();
        assert_eq!(busy.text(), privacy::busy_object(&object, "Busy").unwrap().text());
        assert_eq!(busy.uid(), object.uid());
        assert_eq!(busy.event().when, object.event().when);
        let times = |object: &CalendarObject| {
            let mut recurrence = object.event().recurrence.clone();
            let changes = recurrence.iter_mut().flat_map(|recurrence| std::mem::take(&mut recurrence.changes));
            let changes: Vec<_> = changes.map(|(id, changed)| (id, changed.when)).collect();
            (recurrence, changes)
        };
        assert_eq!(times(&busy), times(&object));
        for secret in ["ATTENDEE", "ORGANIZER", "LOCATION:", "DESCRIPTION", "X-", "VALARM", "møte", "Korøvelse"] {
            assert!(!busy.text().contains(secret), "{secret}\n{}", busy.text());
        }
    }
}

#[test]
fn private_events_are_busy_for_those_who_may_read_the_others() {
    let private = read(THUNDERBIRD);
    assert!(privacy::is_private(private.event()));
    assert_eq!(privacy::public_only(private.event(), "Opptatt").content.summary, "Opptatt");
    let public = read(APPLE);
    assert_eq!(privacy::public_only(public.event(), "Opptatt"), *public.event());
}

fn header() -> FeedHeader {
    FeedHeader {
        name: "Storsalen; hovedhuset".to_owned(),
        color: Some("#336699".to_owned()),
        source: Some("https://rooms.example.org/feeds/x.ics".to_owned()),
        refresh_minutes: 60,
        zone: oslo(),
    }
}

#[test]
fn a_feed_is_one_calendar_in_a_fixed_order_with_one_vtimezone_for_each_zone() {
    let items: Vec<FeedItem> = ALL.iter().map(|text| FeedItem::of(&read(text))).collect();
    let backwards: Vec<FeedItem> = items.iter().rev().cloned().collect();
    let text = feed::render(&items, &header()).unwrap();
    assert_eq!(text, feed::render(&backwards, &header()).unwrap());
    for line in [
        "METHOD:PUBLISH",
        "NAME:Storsalen\\; hovedhuset",
        "X-WR-CALNAME:Storsalen\\; hovedhuset",
        "X-WR-TIMEZONE:Europe/Oslo",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        "X-APPLE-CALENDAR-COLOR:#336699",
        "SOURCE;VALUE=URI:https://rooms.example.org/feeds/x.ics",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 4, "Oslo and Berlin, and two that are made of rules");
    assert!(!text.contains("Customized Time Zone") && !text.contains("VALARM"));
    assert!(text.contains("DTSTAMP:20260301T101611Z"), "the stamp is the source's LAST-MODIFIED");
    assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')));
    let unfolded = text.replace("\r\n ", "");
    let uids: Vec<&str> = unfolded.lines().filter(|line| line.starts_with("UID:")).collect();
    assert!(uids.is_sorted(), "{uids:?}");
}

#[test]
fn what_a_header_says_cannot_leave_its_line() {
    let evil = "x\r\nBEGIN:VEVENT";
    let header =
        FeedHeader { name: evil.to_owned(), color: Some(evil.to_owned()), source: Some(evil.to_owned()), ..header() };
    let text = feed::render(&[], &header).unwrap();
    assert!(!text.contains("\nBEGIN:VEVENT"));
}

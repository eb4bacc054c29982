//! What is read out of the objects of each client.

use super::*;
use crate::config::Limits;
use crate::ical::component::Component;
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::ical::write::fold;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Privacy;
use crate::model::TimeRange;
use jiff::civil::date;
use proptest::prelude::*;

#[test]
fn every_fixture_keeps_its_octets() {
    for text in ALL {
        let object = read(text);
        assert_eq!(object.text(), text);
        assert_eq!(object.root().emit(), text);
    }
}

#[test]
fn an_apple_address_with_an_escaped_semicolon_is_one_parameter() {
    let object = read(APPLE);
    let vevent = object.root().components_named("VEVENT").next().unwrap();
    let line = vevent.line("X-APPLE-STRUCTURED-LOCATION").unwrap();
    assert_eq!(line.param("X-ADDRESS"), Some("Storgata 1-5; 4041 Hafrsfjord"));
    assert_eq!(line.param("X-TITLE"), Some("Storsalen, 2. etasje"));
    assert_eq!(line.value, "geo:58.937,5.621");
    assert_eq!(object.event().content.location, "Storsalen\nStorgata 1-5, 4041 Hafrsfjord");
    assert_eq!(object.sequence(), 1);
    assert_eq!(object.last_modified(), Some(instant("20260301T101611Z")));
}

#[test]
fn a_series_has_its_rule_its_removed_dates_and_its_moved_instance() {
    let event = read(APPLE_SERIES).event().clone();
    let recurrence = event.recurrence.unwrap();
    assert_eq!(recurrence.exdates.len(), 2);
    let (id, moved) = event.overrides.iter().next().unwrap();
    assert_eq!(id.to_string(), "20260112T180000");
    assert_eq!(moved.when.wall_start(), date(2026, 1, 13).at(18, 0, 0, 0));
    assert_eq!(moved.content.summary, "Speidermøte (flyttet)");
}

#[test]
fn private_events_durations_and_tentative_ones_are_understood() {
    assert_eq!(read(THUNDERBIRD).event().content.privacy, Privacy::Private);
    let object = read(DAVX5);
    assert_eq!(object.event().when.wall_end(), date(2026, 3, 4).at(11, 30, 0, 0));
    assert_eq!(object.event().content.status, EventStatus::Tentative);
}

#[test]
fn a_date_in_exdate_removes_the_instance_of_that_day_from_a_timed_series() {
    let object = read(EVOLUTION);
    assert_eq!(object.event().when.zone(), Some(&oslo()));
    let exdates = &object.event().recurrence.as_ref().unwrap().exdates;
    assert_eq!(exdates.first(), Some(&date(2026, 3, 30).at(19, 0, 0, 0)));
}

#[test]
fn a_zone_of_outlooks_own_making_is_recognised_and_people_are_named() {
    let event = read(OUTLOOK).event().clone();
    assert_eq!(event.when.zone(), Some(&oslo()));
    assert_eq!(event.content.organizer.unwrap().email, "ola.nordmann@example.org");
    assert_eq!(event.content.attendees[0].name, "Nordmann, Kari");
    assert_eq!(event.content.attendees[0].email, "kari.nordmann@example.org");
    assert_eq!(event.content.description, "Gjennomgang av budsjett\nTa med: tall; notater");
}

#[test]
fn a_cancelled_override_of_a_series_is_a_removed_date() {
    let event = read(GOOGLE).event().clone();
    assert_eq!(event.when, EventTime::AllDay { start: date(2026, 5, 16), end: date(2026, 5, 18) });
    assert!(!event.content.busy);
    assert!(event.overrides.is_empty());
    assert_eq!(event.recurrence.unwrap().exdates.first(), Some(&date(2027, 5, 16).at(0, 0, 0, 0)));
}

#[test]
fn overrides_without_a_master_stay_listed_and_the_first_stands_for_the_event() {
    let event = read(EXCHANGE).event().clone();
    assert_eq!(event.when.wall_start(), date(2026, 3, 10).at(9, 0, 0, 0));
    assert_eq!(event.recurrence, None);
    let ids: Vec<String> = event.overrides.keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["20260309T090000", "20260316T090000"]);
}

#[test]
fn parameters_are_decoded_and_lists_of_quoted_and_bare_values_stay_apart() {
    let object = read(PARAMETERS);
    let vevent = object.root().components_named("VEVENT").next().unwrap();
    let organizer = vevent.line("ORGANIZER").unwrap();
    assert_eq!(organizer.param("CN"), Some("Kari \"Kaia\" Nordmann"));
    assert_eq!(organizer.param("X-NOTE"), Some("a\nb^c"));
    let list = &vevent.line("X-LIST").unwrap().params[0].values;
    assert_eq!(*list, ["a;1", "b", "c:d"]);
    let names: Vec<&str> = object.event().content.attendees.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["Hansen; Per (Drift, bygg)", ""]);
    assert_eq!(object.event().content.summary, "Årsmøte; innkalling");
}

#[test]
fn dates_in_utc_name_the_instances_of_a_series_in_a_zone() {
    let event = read(DAVX5_DATES).event().clone();
    let recurrence = event.recurrence.unwrap();
    let days = |dates: &std::collections::BTreeSet<jiff::civil::DateTime>| -> Vec<String> {
        dates.iter().map(|date| date.strftime("%m%d %H:%M").to_string()).collect()
    };
    assert_eq!(days(&recurrence.exdates), ["0326 07:00", "0330 07:00"], "before and after the clock went forward");
    assert_eq!(days(&recurrence.rdates), ["0410 07:00", "0411 07:00"]);
    let exdates = read(THUNDERBIRD_ZONE).event().recurrence.as_ref().unwrap().exdates.clone();
    assert_eq!(days(&exdates), ["0402 17:00"]);
}

#[test]
fn an_instance_that_the_spring_gap_moved_is_named_by_its_instant_too() {
    let text = "DTSTART;TZID=Europe/Oslo:20260327T023000\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE:20260329T013000Z";
    let event = read(&vevent(text)).event().clone();
    let exdates = event.recurrence.unwrap().exdates;
    assert_eq!(exdates.first(), Some(&date(2026, 3, 29).at(2, 30, 0, 0)));
}

#[test]
fn a_custom_vtimezone_of_rules_that_no_zone_has_counts_by_its_rules() {
    let event = read(EXCHANGE_RULES).event().clone();
    let zone = event.when.zone().unwrap();
    assert_eq!(zone.as_str(), "Custom/<+0100>-1<+0200>-2_M3.2.0/2_M11.1.0/3");
    // Two hours from UTC from 8 March until 1 November; UNTIL is in UTC and names the last instance.
    let found = recur::occurrences(&event, TimeRange::ALL, &oslo(), &Budget::of(&Limits::default())).unwrap();
    assert_eq!(found.first().unwrap().start, instant("20260316T070000Z"));
    assert_eq!(found.last().unwrap().start, instant("20261116T080000Z"));
    assert_eq!(found.len(), 36);
}

#[test]
fn a_vtimezone_with_an_offset_and_nothing_else_is_that_offset() {
    let event = read(EXCHANGE_BROKEN).event().clone();
    assert_eq!(event.when.instants(&oslo()).0, instant("20260316T032300Z"));
}

#[test]
fn periods_among_added_dates_keep_their_own_length() {
    let event = read(PERIODS).event().clone();
    let found = recur::occurrences(&event, TimeRange::ALL, &oslo(), &Budget::of(&Limits::default())).unwrap();
    let hours: Vec<i64> = found.iter().map(|instance| (instance.end.ms() - instance.start.ms()) / 3_600_000).collect();
    assert_eq!(hours, [2, 5, 1]);
}

#[test]
fn trailing_blanks_and_blank_lines_are_nobodys_business() {
    let event = read(BLANKS).event().clone();
    assert_eq!(event.content.summary, "Dugnad");
    assert_eq!(event.content.description, "Ta med rake og hansker");
    assert!(read(BARE_LF).event().content.summary.ends_with("dem som bare vil se på"));
}

#[test]
fn a_character_split_by_a_fold_survives() {
    let text = vevent("DTSTART:20260302T180000Z\nSUMMARY:Mø te");
    let split = text.replacen("Mø te", "M@", 1);
    let (before, after) = split.split_once('@').unwrap();
    let octets = [before.as_bytes(), b"\xc3\r\n \xb8te", after.as_bytes()].concat();
    let cx = ParseContext { limits: &Limits::default(), floating: &oslo() };
    let object = CalendarObject::parse(&octets, &cx).unwrap();
    assert_eq!(object.event().content.summary, "Møte");
    assert_ne!(object.text().as_bytes(), octets);
}

#[test]
fn byte_order_marks_blank_lines_and_other_line_ends_are_kept() {
    for line_end in ["\n", "\r", "\r\n"] {
        let text = format!("\u{feff}{}\r\n\r\n", APPLE_SERIES.replace("SUMMARY", "\r\nSUMMARY"));
        let text = text.replace("\r\n", line_end);
        let object = read(&text);
        assert_eq!(object.root().emit(), text);
        assert_eq!(object.event().fingerprint(), read(APPLE_SERIES).event().fingerprint());
    }
}

#[test]
fn a_folded_line_has_at_most_75_octets_and_no_split_character() {
    let folded = fold(&"å😀".repeat(90), "\r\n");
    assert!(folded.split("\r\n").all(|line| line.len() <= 75));
    assert_eq!(folded.replace("\r\n ", ""), format!("{}\r\n", "å😀".repeat(90)));
}

/// Lines that the grammar accepts, in many spellings.
fn line() -> impl Strategy<Value = String> {
    let name = "[A-Za-z][A-Za-z0-9-]{0,12}".prop_filter("BEGIN and END are made elsewhere", |name| {
        !name.eq_ignore_ascii_case("BEGIN") && !name.eq_ignore_ascii_case("END")
    });
    let param = "(;[A-Z-]{1,8}=([^\\pC\";:,\\\\]{0,12}|\"[^\\pC\"]{0,12}\")(,[^\\pC\";:,\\\\]{1,8})?){0,3}";
    (name, param, "[^\\pC]{0,100}").prop_map(|(name, params, value)| format!("{name}{params}:{value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_accepted_is_written_back_as_it_came(
        lines in prop::collection::vec(line(), 0..12),
        line_end in prop::sample::select(vec!["\r\n", "\n", "\r"]),
        folded in any::<bool>(),
        blanks in 0usize..3,
        bom in any::<bool>(),
    ) {
        let mut body = String::new();
        for line in &lines {
            body.push_str(&if folded { fold(line, line_end) } else { line.clone() + line_end });
            body.push_str(&line_end.repeat(blanks));
        }
        let bom = if bom { "\u{feff}" } else { "" };
        let text = format!("{bom}BEGIN:VCALENDAR{line_end}BEGIN:X-A{line_end}{body}end:x-a{line_end}{body}END:VCALENDAR");
        let root = Component::parse(&text, &Limits::default()).unwrap();
        prop_assert_eq!(root.emit(), text);
        prop_assert_eq!(root.lines().count(), lines.len());
    }

    #[test]
    fn no_octets_make_the_reader_panic_and_accepted_ones_come_back(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let inside = [b"BEGIN:VCALENDAR\r\n".as_slice(), &octets, b"\r\nEND:VCALENDAR\r\n"].concat();
        let _ = CalendarObject::parse(&octets, &ParseContext { limits: &Limits::default(), floating: &oslo() });
        if let Ok(text) = String::from_utf8(inside)
            && let Ok(root) = Component::parse(&text, &Limits::default())
        {
            prop_assert_eq!(root.emit(), text);
        }
    }
}

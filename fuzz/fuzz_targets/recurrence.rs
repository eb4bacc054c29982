//! Recurrence under a budget: any rule, RDATE, EXDATE and override lines behind a fixed start end in instances in order,
//! inside the range and the budget, or in a refusal.
#![no_main]

use anteroom::config::Limits;
use anteroom::ical::object::{CalendarObject, ParseContext};
use anteroom::ical::recur::{self, Budget};
use anteroom::model::{TimeRange, Timestamp, ZoneId};
use libfuzzer_sys::fuzz_target;

/// 2026-03-02T08:00:00Z.
const START: i64 = 1_772_438_400_000;
const DAY: i64 = 86_400_000;

fuzz_target!(|lines: &str| {
    let limits = Limits { expansion_candidates: 20_000, report_instances: 2_000, ..Limits::default() };
    let zone = ZoneId::parse("Europe/Oslo").expect("a zone of the bundled database");
    // The first line is a rule, so that most inputs have one.
    let body = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//f//EN\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260301T000000Z\r\n\
         DTSTART;TZID=Europe/Oslo:20260302T100000\r\nDURATION:PT1H\r\nRRULE:{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let Ok(object) = CalendarObject::parse(body.as_bytes(), &ParseContext { limits: &limits, floating: &zone }) else {
        return;
    };
    let budget = Budget::of(&limits);
    let _ = recur::span(object.event(), &zone, &budget);
    for (from, days) in [(-30, 60), (3_650, 400), (0, 36_500)] {
        let range = TimeRange::new(Timestamp(START + from * DAY), Timestamp(START + (from + days) * DAY));
        let Ok(found) = recur::occurrences(object.event(), range, &zone, &budget) else { continue };
        assert!(found.len() <= budget.instances);
        assert!(found.windows(2).all(|pair| pair[0].start <= pair[1].start), "in order");
        assert!(found.iter().all(|one| one.start <= one.end && one.start < range.end && one.end >= range.start));
    }
});

//! Tests of calendar objects as a whole; every fixture is written in the manner of one client.

mod compared;
mod corpus;
mod fixtures;
mod patching;
mod refusals;
mod reports;
mod strategies;
mod this_and_future;

use super::CalendarObject;
use super::IcalError;
use super::ParseContext;
use super::Stamp;
use crate::config::Limits;
use crate::model::Timestamp;
use crate::model::ZoneId;

const APPLE: &str = include_str!("../../../fixtures/ics/apple/structured-location.ics");
const APPLE_SERIES: &str = include_str!("../../../fixtures/ics/apple/series-with-override.ics");
const THUNDERBIRD: &str = include_str!("../../../fixtures/ics/thunderbird/single.ics");
const DAVX5: &str = include_str!("../../../fixtures/ics/davx5/duration.ics");
const EVOLUTION: &str = include_str!("../../../fixtures/ics/evolution/local-until.ics");
const OUTLOOK: &str = include_str!("../../../fixtures/ics/outlook/windows-zone.ics");
const GOOGLE: &str = include_str!("../../../fixtures/ics/google/all-day.ics");
const EXCHANGE: &str = include_str!("../../../fixtures/ics/exchange/override-only.ics");
const APPLE_ALARMS: &str = include_str!("../../../fixtures/ics/apple/alarms.ics");
const THUNDERBIRD_ZONE: &str = include_str!("../../../fixtures/ics/thunderbird/mozilla-zone.ics");
const PARAMETERS: &str = include_str!("../../../fixtures/ics/thunderbird/parameters.ics");
const DAVX5_DATES: &str = include_str!("../../../fixtures/ics/davx5/utc-exdates.ics");
const EVOLUTION_FUTURE: &str = include_str!("../../../fixtures/ics/evolution/this-and-future.ics");
const OUTLOOK_HTML: &str = include_str!("../../../fixtures/ics/outlook/html-body.ics");
const GOOGLE_SERIES: &str = include_str!("../../../fixtures/ics/google/conference.ics");
const EXCHANGE_RULES: &str = include_str!("../../../fixtures/ics/exchange/custom-rules.ics");
const EXCHANGE_BROKEN: &str = include_str!("../../../fixtures/ics/exchange/broken-zone.ics");
const BARE_LF: &str = include_str!("../../../fixtures/ics/other/bare-lf.ics");
const BLANKS: &str = include_str!("../../../fixtures/ics/other/bom-and-blanks.ics");
const PERIODS: &str = include_str!("../../../fixtures/ics/other/rdate-periods.ics");
const ALL: [&str; 20] = [
    APPLE,
    APPLE_SERIES,
    THUNDERBIRD,
    DAVX5,
    EVOLUTION,
    OUTLOOK,
    GOOGLE,
    EXCHANGE,
    APPLE_ALARMS,
    THUNDERBIRD_ZONE,
    PARAMETERS,
    DAVX5_DATES,
    EVOLUTION_FUTURE,
    OUTLOOK_HTML,
    GOOGLE_SERIES,
    EXCHANGE_RULES,
    EXCHANGE_BROKEN,
    BARE_LF,
    BLANKS,
    PERIODS,
];

fn oslo() -> ZoneId {
    ZoneId::parse("Europe/Oslo").unwrap()
}

fn parse(text: &str) -> Result<CalendarObject, IcalError> {
    CalendarObject::parse(text.as_bytes(), &ParseContext { limits: &Limits::default(), floating: &oslo() })
}

fn read(text: &str) -> CalendarObject {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A calendar around the lines of one VEVENT, UID and DTSTAMP included.
fn vevent(lines: &str) -> String {
    let lines = lines.replace('\n', "\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n{lines}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn stamp() -> Stamp {
    Stamp { created: Timestamp(1_767_225_600_000), modified: Timestamp(1_772_000_000_000), sequence: 0 }
}

fn instant(text: &str) -> Timestamp {
    super::value::parse_utc(text).unwrap()
}

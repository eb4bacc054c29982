//! The pure code that every request runs through: reading and composing calendar objects, expanding series, and reading
//! and writing XML.
#![expect(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a bench that cannot be set up ends")]

use anteroom::config::Limits;
use anteroom::davxml::{MultiStatus, PropFind, PropStats, QName, Report};
use anteroom::ical::object::{CalendarObject, ParseContext, Stamp};
use anteroom::ical::recur::{self, Budget};
use anteroom::model::{TimeRange, Timestamp, ZoneId};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const SINGLE: &str = include_str!("../fixtures/ics/thunderbird/single.ics");
const SERIES: &str = include_str!("../fixtures/ics/apple/series-with-override.ics");

/// 2026-03-02T08:00:00Z.
const NOW: Timestamp = Timestamp(1_772_438_400_000);

fn calendars(criterion: &mut Criterion) {
    let (limits, zone) = (Limits::default(), ZoneId::parse("Europe/Oslo").unwrap());
    let cx = ParseContext { limits: &limits, floating: &zone };
    let mut group = criterion.benchmark_group("calendar object");
    for (name, text) in [("single", SINGLE), ("series with override", SERIES)] {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
        group.bench_function(format!("parse {name}"), |bencher| {
            bencher.iter(|| CalendarObject::parse(black_box(text.as_bytes()), &cx).unwrap());
        });
        let object = CalendarObject::parse(text.as_bytes(), &cx).unwrap();
        let stamp = Stamp { created: NOW, modified: NOW, sequence: 1 };
        group.bench_function(format!("compose {name}"), |bencher| {
            bencher.iter(|| CalendarObject::compose(black_box(object.event()), &stamp).unwrap());
        });
    }
    group.finish();
}

fn series(criterion: &mut Criterion) {
    let limits = Limits::default();
    let zone = ZoneId::parse("Europe/Oslo").unwrap();
    let budget = Budget::of(&limits);
    let month = TimeRange::new(NOW, NOW.plus_days(31));
    let horizon = TimeRange::new(NOW.plus_days(-366), NOW.plus_days(730));
    let mut group = criterion.benchmark_group("expand");
    for (name, start, rule) in [
        ("weekly", "20260105", "FREQ=WEEKLY"),
        ("weekly for twenty years", "20060102", "FREQ=WEEKLY"),
        ("daily for twenty years", "20060102", "FREQ=DAILY"),
        ("second Tuesday for twenty years", "20060110", "FREQ=MONTHLY;BYDAY=2TU"),
    ] {
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//EN\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n\
             DTSTART;TZID=Europe/Oslo:{start}T180000\r\nDURATION:PT1H\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let cx = ParseContext { limits: &limits, floating: &zone };
        let object = CalendarObject::parse(text.as_bytes(), &cx).unwrap();
        for (range_name, range) in [("a month", month), ("the horizon", horizon)] {
            group.bench_function(format!("{name}, {range_name}"), |bencher| {
                bencher.iter(|| recur::occurrences(black_box(object.event()), range, &zone, &budget).unwrap());
            });
        }
    }
    group.finish();
}

fn xml(criterion: &mut Criterion) {
    let limits = Limits::default();
    let propfind = "<d:propfind xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><d:prop><d:getetag/>\
        <d:resourcetype/><d:displayname/><c:calendar-description/><d:sync-token/></d:prop></d:propfind>";
    let hrefs = (0..50).map(|n| format!("<d:href>/dav/t/rooms/hall/{n}.ics</d:href>")).collect::<Vec<_>>().concat();
    let multiget = format!(
        "<c:calendar-multiget xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><d:prop><d:getetag/>\
         <c:calendar-data/></d:prop>{hrefs}</c:calendar-multiget>"
    );
    let mut group = criterion.benchmark_group("xml");
    group.bench_function("read a PROPFIND", |bencher| {
        bencher.iter(|| PropFind::parse(black_box(propfind.as_bytes()), &limits).unwrap());
    });
    group.bench_function("read a multiget of 50", |bencher| {
        bencher.iter(|| Report::parse(black_box(multiget.as_bytes()), &limits).unwrap());
    });
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("write a multi-status of 1000", |bencher| {
        bencher.iter(|| {
            let mut answer = MultiStatus::new();
            for number in 0..1_000 {
                let mut stats = PropStats::default();
                stats.add(200, "<D:getetag>\"0123456789abcdef\"</D:getetag>");
                stats.add_name(404, &QName::dav("displayname"));
                answer.properties(&format!("/dav/t/rooms/hall/{number}.ics"), &stats);
            }
            answer.finish()
        });
    });
    group.finish();
}

criterion_group!(benches, calendars, series, xml);
criterion_main!(benches);

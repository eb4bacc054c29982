//! Arbitrary events in normal form.

use crate::config::Limits;
use crate::ical::object::normalize;
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::ical::rule;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Override;
use crate::model::Person;
use crate::model::Privacy;
use crate::model::Recurrence;
use crate::model::RecurrenceId;
use crate::model::ReservationClass;
use crate::model::Uid;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Text with everything that has ever broken out of a line.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zæøå ,;:\\\\\"^]{0,20}",
        any::<String>(),
        Just("x\r\nATTENDEE:mailto:evil@example.org\nEND:VEVENT".to_owned()),
        Just("\"\u{7}\\n;CN=x:\\".to_owned()),
    ]
}

fn person() -> impl Strategy<Value = Person> {
    (text(), prop_oneof!["[a-zA-Z.]{1,8}@example\\.org", Just(String::new()), text()])
        .prop_map(|(name, email)| Person { name, email })
}

fn content() -> impl Strategy<Value = Content> {
    let status = prop_oneof![Just(EventStatus::Confirmed), Just(EventStatus::Tentative), Just(EventStatus::Cancelled)];
    let privacy = prop_oneof![Just(Privacy::Public), Just(Privacy::Private), Just(Privacy::Confidential)];
    let people = (prop::option::of(person()), prop::collection::vec(person(), 0..4));
    (text(), text(), text(), people, status, any::<bool>(), privacy).prop_map(
        |(summary, description, location, (organizer, attendees), status, busy, privacy)| Content {
            summary,
            description,
            location,
            organizer,
            attendees,
            status,
            busy,
            privacy,
        },
    )
}

fn day() -> impl Strategy<Value = Date> {
    (0i64..800).prop_map(|days| date(2026, 1, 1).checked_add(days.days()).unwrap())
}

fn zone() -> impl Strategy<Value = ZoneId> {
    prop::sample::select(vec!["Europe/Oslo", "UTC", "America/New_York", "Asia/Tokyo"])
        .prop_map(|name| ZoneId::parse(name).unwrap())
}

/// Hours that no zone skips or repeats.
fn time() -> impl Strategy<Value = EventTime> {
    let timed = (day(), 5i8..20, 0i8..60, 0i64..600, zone()).prop_map(|(day, hour, minute, minutes, zone)| {
        let start = day.at(hour, minute, 0, 0);
        let end = start.checked_add(minutes.minutes()).unwrap();
        // An end in the small hours could fall into a gap.
        let end = if end.date() == day { end } else { day.at(23, 0, 0, 0).max(start) };
        EventTime::Timed { start, end, zone }
    });
    let days = (day(), 1i64..4)
        .prop_map(|(start, days)| EventTime::AllDay { start, end: start.checked_add(days.days()).unwrap() });
    prop_oneof![3 => timed, 1 => days]
}

fn starts(when: &EventTime, days: &[i64]) -> BTreeSet<DateTime> {
    days.iter().map(|days| when.wall_start().checked_add(days.days()).unwrap()).collect()
}

fn rule_text() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        Some("FREQ=DAILY;COUNT=20"),
        Some("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;WKST=SU"),
        Some("FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20280101T000000Z"),
        Some("FREQ=YEARLY;BYMONTH=2,3;BYMONTHDAY=-1"),
    ])
}

/// Single events and series with changed instances, in normal form, all with the UID `same`.
pub fn event() -> impl Strategy<Value = Event> {
    let class =
        prop::sample::select(vec![ReservationClass::Event, ReservationClass::Allocation, ReservationClass::Closure]);
    let series = (
        any::<bool>(),
        rule_text(),
        prop::collection::vec(1i64..60, 0..4),
        prop::collection::vec(1i64..60, 0..4),
        prop::collection::vec((0i64..60, time(), content(), prop::bool::weighted(0.25)), 0..3),
    );
    (class, time(), content(), series)
        .prop_map(|(class, when, content, (recurs, rule, added, removed, changed))| {
            let limits = Limits::default();
            let cx = rule::RuleContext { zone: when.zone(), all_day: when.is_all_day(), limits: &limits };
            let recurrence = recurs.then(|| Recurrence {
                rule: rule.map(|text| rule::parse(text, cx).unwrap()),
                rdates: starts(&when, &added),
                exdates: starts(&when, &removed),
                changes: BTreeMap::new(),
            });
            let mut recurrence = recurrence;
            let mut overrides = BTreeMap::new();
            for (days, time, content, and_future) in changed {
                let Some(recurrence) = &mut recurrence else { break };
                let id = RecurrenceId(when.wall_start().checked_add(days.days()).unwrap());
                let target = if and_future { &mut recurrence.changes } else { &mut overrides };
                target.insert(id, Override { when: time, content });
            }
            normalize(&Event { uid: Uid("same".to_owned()), class, when, content, recurrence, overrides })
        })
        .prop_filter("an event takes place", |event| recur::has_instance(event, &Budget::of(&Limits::default())))
}

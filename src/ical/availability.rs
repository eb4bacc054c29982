//! Opening hours as VAVAILABILITY (RFC 7953, 3.1): what the room's calendar tells of them, in a form that clients expand
//! as any recurrence.

use super::component::Component;
use super::compose::{empty_calendar, timezone};
use super::error::IcalError;
use super::line::ContentLine;
use super::value::Form;
use super::value::time_line;
use super::value::times_line;
use super::value::utc_text;
use super::write::escape_text;
use crate::model::DayException;
use crate::model::Hours;
use crate::model::RoomRules;
use crate::model::Timestamp;
use crate::model::Weekday;
use crate::model::WeeklyHours;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, date};

/// A Monday before every time that can be asked for: the week in which weekly hours begin.
const FIRST_MONDAY: Date = date(1970, 1, 5);

/// Whose hours they are, and since when.
#[derive(Clone, Copy, Debug)]
pub struct AvailabilityHead<'a> {
    /// What the UIDs are made of: the id of the room.
    pub id: &'a str,
    /// When the hours were set.
    pub changed: Timestamp,
    /// The room's zone, in which they are meant.
    pub zone: &'a ZoneId,
}

/// A VCALENDAR with one VAVAILABILITY: everything outside its AVAILABLE times is BUSY-UNAVAILABLE. The same rules give the
/// same bytes. `None` for a room that is always open.
pub fn availability(head: &AvailabilityHead<'_>, rules: &RoomRules) -> Result<Option<String>, IcalError> {
    if !rules.has_hours() {
        return Ok(None);
    }
    let mut whole = Component::new("VAVAILABILITY");
    stamp(&mut whole, head, "availability");
    whole.add_line(ContentLine::new("BUSYTYPE", &[], "BUSY-UNAVAILABLE"));
    let always = [WeeklyHours { days: Weekday::ALL.to_vec(), from: Hours::ALL_DAY.from, to: Hours::ALL_DAY.to }];
    let weekly = if rules.opening_hours.is_empty() { &always[..] } else { &rules.opening_hours };
    for (number, hours) in (1..).zip(weekly) {
        if let Some(available) = week(head, number, hours, rules) {
            whole.add_component(available);
        }
    }
    for exception in &rules.exceptions {
        for (number, hours) in (1..).zip(&exception.hours) {
            whole.add_component(day(head, number, *hours, exception));
        }
    }
    let mut root = empty_calendar();
    if *head.zone != ZoneId::utc() {
        root.add_component(timezone(head.zone)?);
    }
    root.add_component(whole);
    Ok(Some(root.emit()))
}

/// Hours of every week, without the days on which others hold.
fn week(head: &AvailabilityHead<'_>, number: usize, weekly: &WeeklyHours, rules: &RoomRules) -> Option<Component> {
    let mut days = weekly.days.clone();
    days.sort_unstable();
    days.dedup();
    let first = FIRST_MONDAY.checked_add(i64::from(*days.first()? as u8).days()).ok()?;
    let mut available = block(head, &format!("week-{number}"), weekly.hours().on(first), "");
    let names: Vec<&str> = days.iter().map(|day| day.as_ical()).collect();
    available.add_line(ContentLine::new("RRULE", &[], &format!("FREQ=WEEKLY;BYDAY={}", names.join(","))));
    let without: Vec<DateTime> = rules
        .exceptions
        .iter()
        .filter(|exception| days.contains(&Weekday::from_jiff(exception.date.weekday())))
        .map(|exception| weekly.from.on(exception.date))
        .collect();
    if !without.is_empty() {
        available.add_line(times_line("EXDATE", without, &form(head.zone)));
    }
    Some(available)
}

/// Hours of one day.
fn day(head: &AvailabilityHead<'_>, number: usize, hours: Hours, exception: &DayException) -> Component {
    block(head, &format!("{}-{number}", exception.date), hours.on(exception.date), &exception.note)
}

fn block(head: &AvailabilityHead<'_>, name: &str, (start, end): (DateTime, DateTime), note: &str) -> Component {
    let mut available = Component::new("AVAILABLE");
    stamp(&mut available, head, name);
    available.add_line(time_line("DTSTART", start, &form(head.zone)));
    available.add_line(time_line("DTEND", end, &form(head.zone)));
    if !note.is_empty() {
        available.add_line(ContentLine::new("SUMMARY", &[], &escape_text(note)));
    }
    available
}

fn stamp(component: &mut Component, head: &AvailabilityHead<'_>, name: &str) {
    component.add_line(ContentLine::new("UID", &[], &format!("{name}-{}@anteroom", head.id)));
    component.add_line(ContentLine::new("DTSTAMP", &[], &utc_text(head.changed)));
}

fn form(zone: &ZoneId) -> Form {
    if *zone == ZoneId::utc() { Form::Utc } else { Form::Zoned(zone.as_str().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::ical::object::{CalendarObject, ParseContext};
    use crate::ical::recur;
    use crate::ical::recur::Budget;
    use crate::model::TimeRange;
    use proptest::prelude::*;

    fn oslo() -> ZoneId {
        ZoneId::parse("Europe/Oslo").unwrap()
    }

    fn text_of(rules: &RoomRules) -> Option<String> {
        let head = AvailabilityHead { id: "hall", changed: Timestamp(1_772_438_400_000), zone: &oslo() };
        availability(&head, rules).unwrap()
    }

    /// Expands the AVAILABLE components as a client does.
    fn expanded(text: &str, range: TimeRange) -> Vec<TimeRange> {
        let limits = Limits::default();
        let root = Component::parse(text, &limits).unwrap();
        let zone = root.components_named("VTIMEZONE").next().map(Component::emit).unwrap_or_default();
        let whole = root.components_named("VAVAILABILITY").next().unwrap();
        let mut found = Vec::new();
        for available in whole.components_named("AVAILABLE") {
            let event = available.emit().replace(":AVAILABLE", ":VEVENT");
            let object = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{zone}{event}END:VCALENDAR\r\n");
            let cx = ParseContext { limits: &limits, floating: &oslo() };
            let event = CalendarObject::parse(object.as_bytes(), &cx).unwrap();
            let instances = recur::occurrences(event.event(), range, &oslo(), &Budget::of(&limits)).unwrap();
            found.extend(instances.iter().map(|one| TimeRange::new(one.start, one.end)));
        }
        found
    }

    #[test]
    fn opening_hours_are_one_vavailability_with_exceptions_taken_out() {
        let rules: RoomRules = serde_json::from_str(
            r#"{"opening_hours":[{"days":["tuesday","monday"],"from":"08:00","to":"24:00"}],
                "exceptions":[{"date":"2026-03-03","hours":[{"from":"10:00","to":"12:00"}],"note":"Fair, indoors"},
                              {"date":"2026-03-09"}]}"#,
        )
        .unwrap();
        let text = text_of(&rules).unwrap();
        let from = text.find("BEGIN:VAVAILABILITY").unwrap();
        assert_eq!(
            &text[from..],
            "BEGIN:VAVAILABILITY\r\nUID:availability-hall@anteroom\r\nDTSTAMP:20260302T080000Z\r\n\
             BUSYTYPE:BUSY-UNAVAILABLE\r\nBEGIN:AVAILABLE\r\nUID:week-1-hall@anteroom\r\n\
             DTSTAMP:20260302T080000Z\r\nDTSTART;TZID=Europe/Oslo:19700105T080000\r\n\
             DTEND;TZID=Europe/Oslo:19700106T000000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU\r\n\
             EXDATE;TZID=Europe/Oslo:20260303T080000,20260309T080000\r\nEND:AVAILABLE\r\nBEGIN:AVAILABLE\r\n\
             UID:2026-03-03-1-hall@anteroom\r\nDTSTAMP:20260302T080000Z\r\n\
             DTSTART;TZID=Europe/Oslo:20260303T100000\r\nDTEND;TZID=Europe/Oslo:20260303T120000\r\n\
             SUMMARY:Fair\\, indoors\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n"
        );
        assert_eq!(text_of(&RoomRules::default()), None);
    }

    #[test]
    fn a_room_that_is_only_closed_now_and_then_is_available_otherwise() {
        let rules: RoomRules = serde_json::from_str(r#"{"exceptions":[{"date":"2026-03-03"}]}"#).unwrap();
        let text = text_of(&rules).unwrap();
        assert!(text.contains("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"), "{text}");
        assert!(text.contains("EXDATE;TZID=Europe/Oslo:20260303T000000"), "{text}");
    }

    fn hours() -> impl Strategy<Value = Hours> {
        (0_u16..23, 1_u16..24).prop_filter("not empty", |(from, to)| from != to).prop_map(|(from, to)| Hours {
            from: format!("{from:02}:00").parse().unwrap(),
            to: format!("{to:02}:00").parse().unwrap(),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
        #[test]
        fn what_clients_expand_is_when_the_room_is_open(
            weekly in proptest::collection::vec((proptest::sample::subsequence(Weekday::ALL.to_vec(), 1..4), hours()), 1..3),
            exceptions in proptest::collection::btree_map(2_i8..12, proptest::collection::vec(hours(), 0..2), 0..3),
        ) {
            let weekly = weekly.into_iter().map(|(days, hours)| WeeklyHours { days, from: hours.from, to: hours.to });
            let exceptions = exceptions
                .into_iter()
                .map(|(day, hours)| DayException { date: date(2026, 6, day), hours, note: String::new() });
            let rules = RoomRules {
                opening_hours: weekly.collect(),
                exceptions: exceptions.collect(),
                ..RoomRules::default()
            };
            let at = |day: i8| oslo().instant(date(2026, 6, day).at(0, 0, 0, 0));
            let range = TimeRange::new(at(1), at(14));
            let told = expanded(&text_of(&rules).unwrap(), range);
            let open = rules.open(&oslo(), range);
            for hour in 0..13 * 24 {
                let instant = range.start.plus_ms(hour * 3_600_000 + 1);
                let inside = |list: &[TimeRange]| list.iter().any(|one| one.start <= instant && instant < one.end);
                prop_assert_eq!(inside(&told), inside(&open), "{}", instant);
            }
        }
    }
}

//! What makes iCalendar data a calendar object of a room (RFC 4791, 4.1 and 5.3.2.1).

use super::component::Component;
use super::error::IcalError;
use super::write::normal_text;
use super::write::unescape_text;
use crate::model::Uid;

/// Components that a calendar may hold but a room does not.
const OTHER_KINDS: [&str; 5] = ["VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"];

/// Properties that occur at most once in a VEVENT and on whose number the meaning depends (RFC 5545, 3.6.1).
const AT_MOST_ONCE: [&str; 7] = ["UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "DTSTAMP"];

/// Longest accepted UID in bytes.
const UID_BYTES: usize = 1024;

/// Checks a root component; the answer is the one UID of its events.
pub(crate) fn check(root: &Component) -> Result<Uid, IcalError> {
    check_calendar(root)?;
    check_kinds(root)?;
    let mut uid: Option<Uid> = None;
    for event in root.components_named("VEVENT") {
        let own = check_event(event)?;
        match &uid {
            Some(first) if *first != own => {
                let what = format!("it holds two UIDs, {first} and {own}; send each in its own resource");
                return Err(IcalError::ValidCalendarObjectResource(what));
            }
            _ => uid = Some(own),
        }
    }
    uid.ok_or_else(|| IcalError::ValidCalendarObjectResource("it holds no VEVENT".to_owned()))
}

fn check_calendar(root: &Component) -> Result<(), IcalError> {
    if root.name != "VCALENDAR" {
        return Err(IcalError::SupportedCalendarData(format!("it is a {}, not a VCALENDAR", root.name)));
    }
    match root.line("VERSION") {
        Some(line) if line.value.trim() == "2.0" => {}
        Some(line) => return Err(IcalError::SupportedCalendarData(format!("its VERSION is {}", line.value))),
        None => return Err(IcalError::ValidCalendarData("VCALENDAR has no VERSION:2.0".to_owned())),
    }
    if let Some(line) = root.line("CALSCALE").filter(|line| !line.value.trim().eq_ignore_ascii_case("GREGORIAN")) {
        return Err(IcalError::SupportedCalendarData(format!("its CALSCALE is {}", line.value)));
    }
    if let Some(line) = root.line("METHOD") {
        let what = format!("line {}: METHOD is for invitations sent by mail; remove it", line.number);
        return Err(IcalError::ValidCalendarObjectResource(what));
    }
    Ok(())
}

fn check_kinds(root: &Component) -> Result<(), IcalError> {
    let Some(other) = root.components().find(|component| OTHER_KINDS.contains(&component.name.as_str())) else {
        return Ok(());
    };
    if root.components_named("VEVENT").next().is_some() {
        let what = format!("line {}: {} stands beside VEVENT", other.number(), other.name);
        return Err(IcalError::ValidCalendarObjectResource(what));
    }
    Err(IcalError::SupportedCalendarComponent(format!("this is a {}", other.name)))
}

fn check_event(event: &Component) -> Result<Uid, IcalError> {
    let number = event.number();
    for name in AT_MOST_ONCE {
        if let Some(second) = event.lines_named(name).nth(1) {
            return Err(IcalError::at_line(second.number, &format!("VEVENT has a second {name}")));
        }
    }
    if let Some(line) = event.line("EXRULE") {
        let what = "EXRULE is not supported; list the dates in EXDATE";
        return Err(IcalError::unsupported(line.number, "EXRULE", what));
    }
    if let (Some(line), Some(_)) = (event.line("DURATION"), event.line("DTEND")) {
        return Err(IcalError::at_line(line.number, "DURATION cannot stand beside DTEND; send one of them"));
    }
    // RFC 5545, 3.6.1 asks for one; widespread programs leave it out, and their octets are kept as they are.
    if let Some(stamp) = event.line("DTSTAMP")
        && super::value::parse_utc(&stamp.value).is_none()
    {
        return Err(IcalError::at_line(stamp.number, "DTSTAMP is no time in UTC such as 20260302T180000Z"));
    }
    let uid = event.line("UID").map(|line| normal_text(&unescape_text(&line.value))).unwrap_or_default();
    if uid.is_empty() {
        return Err(IcalError::ValidCalendarObjectResource(format!("line {number}: VEVENT has no UID")));
    }
    if uid.len() > UID_BYTES {
        return Err(IcalError::at_line(number, "the UID is longer than 1024 bytes"));
    }
    Ok(Uid(uid))
}

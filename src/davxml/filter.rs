//! `CALDAV:filter` and `CALDAV:calendar-data` as values (RFC 4791, 9.7 and 9.6). What is not understood is refused by
//! name: a filter that ignores a part of itself answers another question.

use super::condition::Condition;
use super::element::Element;
use super::name::CALDAV;
use super::report::time_range;
use super::request::RequestError;
use crate::ical::filter::Collation;
use crate::ical::filter::CompFilter;
use crate::ical::filter::ParamFilter;
use crate::ical::filter::PropFilter;
use crate::ical::filter::TextMatch;
use crate::ical::select::CalendarData;
use crate::ical::select::CompSelection;
use crate::ical::select::PropSelection;
use crate::model::TimeRange;
use crate::model::Timestamp;

/// Properties whose values are dates or times.
const TIMED: [&str; 9] =
    ["COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED", "RECURRENCE-ID", "RDATE"];

/// Components that a time range can be asked of (RFC 4791, 9.9). Rooms hold events and their alarms, so that a question
/// about one of the others is understood and finds nothing.
const RANGED: [&str; 5] = ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VALARM"];

/// Reads a `CALDAV:filter`.
pub fn filter(element: &Element) -> Result<CompFilter, RequestError> {
    let mut filters = element.elements();
    match (filters.next(), filters.next()) {
        (Some(root), None) if root.name.is(CALDAV, "comp-filter") => {
            let root = comp_filter(root)?;
            if root.name != "VCALENDAR" || root.time_range.is_some() {
                return Err(invalid("The outermost comp-filter names VCALENDAR and has no time-range."));
            }
            Ok(root)
        }
        _ => Err(invalid("A CALDAV:filter holds one comp-filter.")),
    }
}

fn comp_filter(element: &Element) -> Result<CompFilter, RequestError> {
    let mut filter = CompFilter { name: name_of(element)?, ..CompFilter::default() };
    for child in element.elements() {
        match local(child) {
            "is-not-defined" => filter.is_not_defined = true,
            "time-range" if filter.name != "VCALENDAR" && !RANGED.contains(&filter.name.as_str()) => {
                return Err(unsupported(element));
            }
            "time-range" => filter.time_range = once(filter.time_range, child)?,
            "prop-filter" => filter.prop_filters.push(prop_filter(child)?),
            "comp-filter" => filter.comp_filters.push(comp_filter(child)?),
            _ => return Err(unsupported(element)),
        }
    }
    refuse_contradiction(filter.is_not_defined, element)?;
    Ok(filter)
}

fn prop_filter(element: &Element) -> Result<PropFilter, RequestError> {
    let mut filter = PropFilter { name: name_of(element)?, ..PropFilter::default() };
    for child in element.elements() {
        match local(child) {
            "is-not-defined" => filter.is_not_defined = true,
            "time-range" if TIMED.contains(&filter.name.as_str()) => {
                filter.time_range = once(filter.time_range, child)?;
            }
            "text-match" if filter.text_match.is_some() => {
                return Err(invalid(&format!("A {} has one text-match.", element.name.local)));
            }
            "text-match" => filter.text_match = Some(text_match(child)?),
            "param-filter" => filter.param_filters.push(param_filter(child)?),
            _ => return Err(unsupported(element)),
        }
    }
    refuse_contradiction(filter.is_not_defined, element)?;
    if filter.time_range.is_some() && filter.text_match.is_some() {
        return Err(invalid("A prop-filter has a time-range or a text-match, not both."));
    }
    Ok(filter)
}

fn param_filter(element: &Element) -> Result<ParamFilter, RequestError> {
    let mut filter = ParamFilter { name: name_of(element)?, ..ParamFilter::default() };
    for child in element.elements() {
        match local(child) {
            "is-not-defined" => filter.is_not_defined = true,
            "text-match" if filter.text_match.is_some() => {
                return Err(invalid(&format!("A {} has one text-match.", element.name.local)));
            }
            "text-match" => filter.text_match = Some(text_match(child)?),
            _ => return Err(unsupported(element)),
        }
    }
    refuse_contradiction(filter.is_not_defined, element)?;
    Ok(filter)
}

fn text_match(element: &Element) -> Result<TextMatch, RequestError> {
    let collation = match element.attribute("collation") {
        None | Some("default" | "i;ascii-casemap") => Collation::AsciiCasemap,
        Some("i;octet") => Collation::Octet,
        Some("i;unicode-casemap") => Collation::UnicodeCasemap,
        Some(other) => {
            let text = format!("The collation {other} is not supported.");
            return Err(RequestError::condition(Condition::SupportedCollation, text));
        }
    };
    let negate = yes(element, "negate-condition")?;
    Ok(TextMatch { collation, negate, text: element.text() })
}

/// Reads a `CALDAV:calendar-data` inside a `DAV:prop`.
pub fn calendar_data(element: &Element) -> Result<CalendarData, RequestError> {
    let plain = |name, value: &str| element.attribute(name).is_none_or(|given| given.eq_ignore_ascii_case(value));
    if !plain("content-type", "text/calendar") || !plain("version", "2.0") {
        let text = "Calendar data is sent as text/calendar, version 2.0.";
        return Err(RequestError::condition(Condition::SupportedCalendarData, text));
    }
    let mut data = CalendarData::default();
    for child in element.elements().filter(|child| child.name.ns == CALDAV) {
        match child.name.local.as_ref() {
            "comp" => data.selection = Some(comp_selection(child)?),
            "expand" => data.expand = Some(closed(child)?),
            "limit-recurrence-set" => data.limit_recurrence_set = Some(closed(child)?),
            "limit-freebusy-set" => data.limit_freebusy_set = Some(closed(child)?),
            other => return Err(RequestError::shape(format!("CALDAV:calendar-data holds no {other}"))),
        }
    }
    if data.expand.is_some() && data.limit_recurrence_set.is_some() {
        return Err(RequestError::shape("CALDAV:expand and CALDAV:limit-recurrence-set exclude each other"));
    }
    if data.selection.as_ref().is_some_and(|selection| selection.name != "VCALENDAR") {
        return Err(RequestError::shape("the outermost CALDAV:comp names VCALENDAR"));
    }
    Ok(data)
}

fn comp_selection(element: &Element) -> Result<CompSelection, RequestError> {
    let mut selection = CompSelection { name: name_of(element)?, ..CompSelection::default() };
    for child in element.elements() {
        match local(child) {
            "allprop" => selection.all_props = true,
            "allcomp" => selection.all_comps = true,
            "prop" => {
                let prop = PropSelection { name: name_of(child)?, novalue: yes(child, "novalue")? };
                selection.props.push(prop);
            }
            "comp" => selection.comps.push(comp_selection(child)?),
            other => return Err(RequestError::shape(format!("CALDAV:comp holds no {other}"))),
        }
    }
    Ok(selection)
}

/// A range with both ends (RFC 4791, 9.6.5-9.6.7).
fn closed(element: &Element) -> Result<TimeRange, RequestError> {
    let range = time_range(element)?;
    if range.start == Timestamp::MIN || range.end == Timestamp::MAX {
        return Err(RequestError::shape(format!("CALDAV:{} needs a start and an end", element.name.local)));
    }
    Ok(range)
}

fn once(known: Option<TimeRange>, element: &Element) -> Result<Option<TimeRange>, RequestError> {
    if known.is_some() {
        return Err(invalid("A filter has one time-range."));
    }
    time_range(element).map(Some)
}

/// The name of a CalDAV element; elements of other namespaces are nothing a filter or selection knows.
fn local(element: &Element) -> &str {
    if element.name.ns == CALDAV { &element.name.local } else { "" }
}

fn name_of(element: &Element) -> Result<String, RequestError> {
    let name = element.attribute("name").map(str::trim).unwrap_or_default();
    if name.is_empty() {
        return Err(invalid(&format!("A {} has a name.", element.name.local)));
    }
    Ok(name.to_ascii_uppercase())
}

fn yes(element: &Element, attribute: &str) -> Result<bool, RequestError> {
    match element.attribute(attribute) {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(other) => Err(invalid(&format!("{attribute} is yes or no, not {other}."))),
    }
}

/// `is-not-defined` stands alone (RFC 4791, 9.7.1-9.7.3).
fn refuse_contradiction(is_not_defined: bool, element: &Element) -> Result<(), RequestError> {
    if is_not_defined && element.elements().count() > 1 {
        return Err(invalid("is-not-defined stands alone in its filter."));
    }
    Ok(())
}

fn invalid(text: &str) -> RequestError {
    RequestError::condition(Condition::ValidFilter, text)
}

fn unsupported(element: &Element) -> RequestError {
    let name = element.attribute("name").unwrap_or_default().to_owned();
    let text = format!("The {} {name} asks for something that cannot be asked here.", element.name.local);
    RequestError::condition(Condition::SupportedFilter { element: element.name.clone(), name }, text)
}

#[cfg(test)]
mod tests {
    use super::super::name::QName;
    use super::super::read::read;
    use super::*;
    use crate::config::Limits;

    fn parse(inner: &str) -> Result<CompFilter, Condition> {
        let text = format!("<filter xmlns='urn:ietf:params:xml:ns:caldav'>{inner}</filter>");
        filter(&read(text.as_bytes(), &Limits::default()).unwrap()).map_err(|error| match error {
            RequestError::Condition { condition, .. } => condition,
            other => panic!("{other}"),
        })
    }

    fn inside(inner: &str) -> Result<CompFilter, Condition> {
        parse(&format!("<comp-filter name='VCALENDAR'><comp-filter name='vevent'>{inner}</comp-filter></comp-filter>"))
    }

    #[test]
    fn r4_a_filter_is_read_with_all_its_parts() {
        let root = inside(
            "<time-range start='20260302T000000Z'/><prop-filter name='attendee'><text-match collation='i;octet' \
             negate-condition='yes'>anna</text-match><param-filter name='PARTSTAT'><is-not-defined/></param-filter>\
             </prop-filter><comp-filter name='VALARM'><is-not-defined/></comp-filter>",
        )
        .unwrap();
        let event = &root.comp_filters[0];
        assert_eq!((root.name.as_str(), event.name.as_str()), ("VCALENDAR", "VEVENT"));
        assert_eq!(event.time_range.unwrap().end, Timestamp::MAX);
        assert_eq!(
            event.prop_filters,
            [PropFilter {
                name: "ATTENDEE".to_owned(),
                text_match: Some(TextMatch { collation: Collation::Octet, negate: true, text: "anna".to_owned() }),
                param_filters: vec![ParamFilter {
                    name: "PARTSTAT".to_owned(),
                    is_not_defined: true,
                    text_match: None
                }],
                ..PropFilter::default()
            }]
        );
        assert!(event.comp_filters[0].is_not_defined);
    }

    #[test]
    fn r4_what_is_nested_wrongly_is_valid_filter_and_what_is_unknown_is_supported_filter() {
        let supported =
            |element, name: &str| Condition::SupportedFilter { element: QName::caldav(element), name: name.to_owned() };
        for (inner, condition) in [
            ("<time-range/>", Condition::ValidFilter),
            ("<time-range start='2026'/>", Condition::ValidFilter),
            ("<is-not-defined/><prop-filter name='UID'/>", Condition::ValidFilter),
            ("<prop-filter/>", Condition::ValidFilter),
            (
                "<prop-filter name='UID'><text-match negate-condition='maybe'>x</text-match></prop-filter>",
                Condition::ValidFilter,
            ),
            (
                "<prop-filter name='UID'><text-match collation='i;odd'>x</text-match></prop-filter>",
                Condition::SupportedCollation,
            ),
            (
                "<prop-filter name='UID'><time-range start='20260302T000000Z'/></prop-filter>",
                supported("prop-filter", "UID"),
            ),
            (
                "<prop-filter name='UID'><text-match>x</text-match><text-match>y</text-match></prop-filter>",
                Condition::ValidFilter,
            ),
            (
                "<comp-filter name='X-PART'><time-range start='20260302T000000Z'/></comp-filter>",
                supported("comp-filter", "X-PART"),
            ),
            ("<text-match>x</text-match>", supported("comp-filter", "vevent")),
            ("<x xmlns='urn:x'/>", supported("comp-filter", "vevent")),
        ] {
            assert_eq!(inside(inner), Err(condition), "{inner}");
        }
        for bad in [
            "",
            "<comp-filter name='VEVENT'/>",
            "<comp-filter name='VCALENDAR'/><comp-filter name='VCALENDAR'/>",
            "<comp-filter name='VCALENDAR'><time-range start='20260302T000000Z'/></comp-filter>",
        ] {
            assert_eq!(parse(bad), Err(Condition::ValidFilter), "{bad}");
        }
    }

    #[test]
    fn r8_a_selection_of_calendar_data_is_read() {
        let read_data = |attributes: &str, inner: &str| {
            let text =
                format!("<calendar-data xmlns='urn:ietf:params:xml:ns:caldav' {attributes}>{inner}</calendar-data>");
            calendar_data(&read(text.as_bytes(), &Limits::default()).unwrap())
        };
        assert_eq!(read_data("", ""), Ok(CalendarData::default()));
        let data = read_data(
            "content-type='text/calendar' version='2.0'",
            "<comp name='VCALENDAR'><prop name='VERSION' novalue='yes'/><comp name='VEVENT'><allprop/><allcomp/></comp></comp>\
             <limit-recurrence-set start='20260302T000000Z' end='20260303T000000Z'/>",
        )
        .unwrap();
        let selection = data.selection.unwrap();
        assert_eq!(selection.props, [PropSelection { name: "VERSION".to_owned(), novalue: true }]);
        assert!(selection.comps[0].all_props && selection.comps[0].all_comps);
        assert!(data.limit_recurrence_set.is_some());
        assert!(read_data("content-type='application/calendar+json'", "").is_err());
        assert!(read_data("", "<expand start='20260302T000000Z'/>").is_err());
        assert!(read_data("", "<comp name='VEVENT'/>").is_err());
    }
}

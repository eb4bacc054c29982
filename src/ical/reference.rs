//! Time zones by reference (RFC 7809, 3.1): an object with a VTIMEZONE for every zone it names, or with none of those
//! that the IANA database knows by the same name.

use super::component::Component;
use super::component::Item;
use super::compose;
use super::error::IcalError;
use super::line::ContentLine;
use super::zone;
use crate::config::Limits;
use crate::model::ZoneId;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The object with a VTIMEZONE for every TZID it uses. Zones that the text describes stay as they are described.
pub fn described<'o>(octets: &'o str, limits: &Limits) -> Result<Cow<'o, str>, IcalError> {
    let mut root = Component::parse(octets, limits)?;
    let mut missing = BTreeSet::new();
    names_in(&root, &mut missing);
    for known in root.components_named("VTIMEZONE").filter_map(|zone| zone.line("TZID")) {
        missing.remove(&known.value);
    }
    if missing.is_empty() {
        return Ok(Cow::Borrowed(octets));
    }
    let line_end = root.line_end();
    for tzid in missing {
        let Some(zone) = zone::resolve(&tzid, None, None) else { continue };
        let mut definition = compose::timezone(&zone)?;
        definition.set_line(ContentLine::new("TZID", &[], &tzid));
        let at = root.items.iter().position(|item| matches!(item, Item::Component(_))).unwrap_or(root.items.len());
        root.items.insert(at, Item::Component(definition.with_line_end(line_end)));
    }
    Ok(Cow::Owned(root.emit()))
}

/// The object without the VTIMEZONEs whose TZID is an IANA name.
pub fn named<'o>(octets: &'o str, limits: &Limits) -> Result<Cow<'o, str>, IcalError> {
    let root = Component::parse(octets, limits)?;
    let kept: Vec<Item> = root.items.iter().filter(|item| !is_standard(item)).cloned().collect();
    if kept.len() == root.items.len() {
        return Ok(Cow::Borrowed(octets));
    }
    Ok(Cow::Owned(root.with_items(kept).emit()))
}

/// A VCALENDAR with the VTIMEZONE of one zone (RFC 4791, 5.2.2).
pub fn calendar_of(zone: &ZoneId) -> String {
    let zone = super::vtimezone::vtimezone(zone);
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{}\r\n{zone}END:VCALENDAR\r\n", compose::PRODID)
}

fn is_standard(item: &Item) -> bool {
    let Item::Component(component) = item else { return false };
    let tzid = component.line("TZID").filter(|_| component.name == "VTIMEZONE");
    tzid.is_some_and(|line| ZoneId::parse(line.value.trim()).is_some())
}

/// The TZIDs of all lines outside VTIMEZONE.
fn names_in(component: &Component, names: &mut BTreeSet<String>) {
    names.extend(component.lines().filter_map(|line| line.param("TZID").map(str::to_owned)));
    for inner in component.components().filter(|inner| inner.name != "VTIMEZONE") {
        names_in(inner, names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(head: &str, tzid: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}BEGIN:VEVENT\r\nDTSTART;TZID={tzid}:20260302T180000\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    #[test]
    fn x2_a_zone_is_described_or_only_named_and_both_ways_lead_back() {
        let limits = Limits::default();
        let bare = object("", "Europe/Oslo");
        let full = described(&bare, &limits).unwrap();
        assert!(full.contains("BEGIN:VTIMEZONE\r\nTZID:Europe/Oslo\r\n"), "{full}");
        assert_eq!(described(&full, &limits).unwrap(), full, "what is described is not described again");
        assert_eq!(named(&full, &limits).unwrap(), bare);
        assert!(matches!(named(&bare, &limits).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn x2_a_zone_that_only_the_object_knows_stays_described() {
        let limits = Limits::default();
        let own = "BEGIN:VTIMEZONE\r\nTZID:Town time\r\nEND:VTIMEZONE\r\n";
        let text = object(own, "Town time");
        assert_eq!(named(&text, &limits).unwrap(), text);
        assert_eq!(described(&text, &limits).unwrap(), text);
        let windows = described(&object("", "W. Europe Standard Time"), &limits).unwrap().into_owned();
        assert!(windows.contains("BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\n"), "{windows}");
    }
}

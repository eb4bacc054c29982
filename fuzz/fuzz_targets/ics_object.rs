//! Calendar objects: what is read is written back octet for octet, reads the same again, and every view of it that
//! leaves the house is a calendar object too.
#![no_main]

use anteroom::config::Limits;
use anteroom::ical::object::{CalendarObject, ParseContext, Stamp};
use anteroom::ical::privacy;
use anteroom::model::{Timestamp, ZoneId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let limits = Limits { expansion_candidates: 20_000, ..Limits::default() };
    let zone = ZoneId::parse("Europe/Oslo").expect("a zone of the bundled database");
    let cx = ParseContext { limits: &limits, floating: &zone };
    let Ok(object) = CalendarObject::parse(body, &cx) else { return };
    assert_eq!(object.root().emit(), object.text());
    if let Ok(text) = std::str::from_utf8(body) {
        assert_eq!(object.text(), text, "the octets are kept");
    }
    let again = CalendarObject::parse(object.text().as_bytes(), &cx).expect("what was read once is read again");
    assert_eq!((again.etag(), again.fingerprint()), (object.etag(), object.fingerprint()));
    let now = Timestamp(1_772_438_400_000);
    let stamp = Stamp { created: now, modified: now, sequence: 1 };
    for event in [privacy::busy_only(object.event(), "Taken"), privacy::public_only(object.event(), "Taken")] {
        if let Ok(patched) = object.patch(&event, &stamp) {
            CalendarObject::parse(patched.text().as_bytes(), &cx).expect("a patched object is one");
        }
        if let Ok(composed) = CalendarObject::compose(&event, &stamp) {
            CalendarObject::parse(composed.text().as_bytes(), &cx).expect("a composed object is one");
        }
    }
});

//! The `icalendar` crate as a second opinion on what our texts say.

use super::strategies::event;
use super::*;
use icalendar::Component as _;
use icalendar::EventLike as _;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn another_reader_finds_the_same_texts_in_a_composed_object(event in event()) {
        let object = CalendarObject::compose(&event, &stamp()).unwrap();
        let read: icalendar::Calendar = object.text().parse().map_err(TestCaseError::fail)?;
        let vevents: Vec<&icalendar::Event> =
            read.components.iter().filter_map(|component| component.as_event()).collect();
        let orphaned = event.recurrence.is_none() && !event.overrides.is_empty();
        let changes = event.recurrence.as_ref().map_or(0, |recurrence| recurrence.changes.len());
        prop_assert_eq!(vevents.len(), event.overrides.len() + changes + usize::from(!orphaned));
        let master = vevents[0];
        prop_assert_eq!(master.get_uid(), Some(event.uid.as_str()));
        prop_assert_eq!(master.get_summary().unwrap_or_default(), event.content.summary.as_str());
        prop_assert_eq!(master.get_description().unwrap_or_default(), event.content.description.as_str());
        prop_assert_eq!(master.get_location().unwrap_or_default(), event.content.location.as_str());
        prop_assert_eq!(master.get_start().is_some(), true);
    }
}

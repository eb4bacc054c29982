//! The JSON of Graph events, as far as it is read. Missing members and Exchange's filler values read alike.

use super::recurrence::PatternedRecurrence;
use serde::Deserialize;

/// The one extended property that marks items of the gateway: our key and the iCalendar UID.
pub(super) const MARKER: &str = "String {b1c9d3de-6a77-4f0a-8b52-93c1f0e7a4d6} Name AnteroomMarker";

/// The properties of the predecessor system, by which its copies are recognised: the last holds the source's event id.
pub(super) const PREDECESSOR: [&str; 3] = [
    "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name BridgeSource",
    "String {66f5a359-4659-4830-9070-00047ec6ac6f} Name SourceBridge",
    "String {66f5a359-4659-4830-9070-00047ec6ac70} Name SourceEventId",
];

/// A page of a collection or of a delta round.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    pub(super) delta: Option<String>,
}

/// One event; occurrence rows of delta hold only the first few members.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GraphEvent {
    pub(super) id: String,
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<serde_json::Value>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) series_master_id: Option<String>,
    #[serde(rename = "iCalUId")]
    pub(super) ical_uid: Option<String>,
    pub(super) transaction_id: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) body: Option<Body>,
    pub(super) start: Option<GraphTime>,
    pub(super) end: Option<GraphTime>,
    pub(super) is_all_day: Option<bool>,
    pub(super) original_start_time_zone: Option<String>,
    pub(super) original_start: Option<String>,
    pub(super) recurrence: Option<PatternedRecurrence>,
    pub(super) location: Option<Location>,
    pub(super) attendees: Option<Vec<Attendee>>,
    pub(super) organizer: Option<Recipient>,
    pub(super) is_organizer: Option<bool>,
    pub(super) show_as: Option<String>,
    pub(super) sensitivity: Option<String>,
    pub(super) is_cancelled: Option<bool>,
    pub(super) cancelled_occurrences: Option<Vec<String>>,
    pub(super) exception_occurrences: Option<Vec<GraphEvent>>,
    pub(super) single_value_extended_properties: Option<Vec<Property>>,
}

/// A body: `text` or `html`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Body {
    pub(super) content_type: Option<String>,
    pub(super) content: Option<String>,
}

/// `dateTimeTimeZone`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GraphTime {
    pub(super) date_time: String,
    #[serde(default)]
    pub(super) time_zone: Option<String>,
}

/// A place; only its name is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location {
    pub(super) display_name: Option<String>,
}

/// An attendee.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attendee {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) email_address: Option<Mail>,
}

/// An organizer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Recipient {
    pub(super) email_address: Option<Mail>,
}

/// Name and address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Mail {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
}

/// A single-value extended property.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Property {
    pub(super) id: String,
    pub(super) value: String,
}

/// A room of `/places`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) email_address: Option<String>,
}

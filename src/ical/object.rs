//! A calendar object (RFC 4791, 4.1): its text as it came, and the booking it describes.

use super::check::check;
use super::component::Component;
use super::error::IcalError;
use super::line::text_of;
use super::read::Reader;
use super::recur;
use super::recur::Budget;
use super::value::parse_utc;
use crate::config::Limits;
use crate::model::Etag;
use crate::model::Event;
use crate::model::Fingerprint;
use crate::model::Timestamp;
use crate::model::Uid;
use crate::model::ZoneId;
use std::sync::OnceLock;

pub use super::normal::normalize;

/// What an object is read against.
#[derive(Clone, Copy, Debug)]
pub struct ParseContext<'a> {
    /// Bounds on size and content.
    pub limits: &'a Limits,
    /// The zone of times that name none: the room's.
    pub floating: &'a ZoneId,
}

/// When a composed or patched object was made and changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// CREATED.
    pub created: Timestamp,
    /// LAST-MODIFIED and DTSTAMP.
    pub modified: Timestamp,
    /// SEQUENCE; a patch never goes back behind the sequence the text already has.
    pub sequence: u32,
}

/// A checked calendar object. Immutable: a change makes another object.
#[derive(Clone, Debug)]
pub struct CalendarObject {
    text: String,
    root: Component,
    event: Event,
    /// Digests are made when they are asked for: who only reads an object asks for none.
    etag: OnceLock<Etag>,
    fingerprint: OnceLock<Fingerprint>,
    pub(super) limits: Limits,
    pub(super) floating: ZoneId,
}

impl CalendarObject {
    /// Reads and checks an object. The text is kept octet for octet; only folds that split characters are moved.
    pub fn parse(octets: &[u8], cx: &ParseContext<'_>) -> Result<Self, IcalError> {
        if octets.len() > cx.limits.object_bytes {
            return Err(IcalError::MaxResourceSize { limit: cx.limits.object_bytes });
        }
        let text = text_of(octets)?;
        let root = Component::parse(&text, cx.limits)?;
        let uid = check(&root)?;
        let event = Reader::new(&root, cx.floating, cx.limits).event(&root, uid)?;
        if !recur::has_instance(&event, &Budget::of(cx.limits)) {
            let what = "every date of the series is removed by EXDATE; delete the event instead".to_owned();
            return Err(IcalError::ValidCalendarObjectResource(what));
        }
        Ok(Self {
            etag: OnceLock::new(),
            fingerprint: OnceLock::new(),
            limits: cx.limits.clone(),
            floating: cx.floating.clone(),
            text,
            root,
            event,
        })
    }

    /// The text, octet for octet.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same with its digests made, before others have to wait for them.
    #[must_use]
    pub fn with_digests(self) -> Self {
        self.etag();
        self.fingerprint();
        self
    }

    /// The components of the text.
    pub const fn root(&self) -> &Component {
        &self.root
    }

    /// The UID that all its events share.
    pub const fn uid(&self) -> &Uid {
        &self.event.uid
    }

    /// The booking in normal form.
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// The strong validator of the text.
    pub fn etag(&self) -> &Etag {
        self.etag.get_or_init(|| Etag::of(self.text.as_bytes()))
    }

    /// The fingerprint of the booking.
    pub fn fingerprint(&self) -> &Fingerprint {
        self.fingerprint.get_or_init(|| self.event.fingerprint())
    }

    /// The master, or the first override where there is no master.
    pub(super) fn main(&self) -> Option<&Component> {
        let mut events = self.root.components_named("VEVENT");
        let master = events.find(|event| event.line("RECURRENCE-ID").is_none());
        master.or_else(|| self.root.components_named("VEVENT").next())
    }

    /// SEQUENCE (RFC 5545, 3.8.7.4); 0 when absent.
    pub fn sequence(&self) -> u32 {
        self.main().map_or(0, sequence_of)
    }

    /// LAST-MODIFIED, else DTSTAMP: the latest of all its events.
    pub fn last_modified(&self) -> Option<Timestamp> {
        self.root
            .components_named("VEVENT")
            .filter_map(|event| event.line("LAST-MODIFIED").or_else(|| event.line("DTSTAMP")))
            .filter_map(|line| parse_utc(&line.value))
            .max()
    }

    /// CREATED, where the text has it.
    pub fn created(&self) -> Option<Timestamp> {
        parse_utc(&self.main()?.line("CREATED")?.value)
    }
}

/// SEQUENCE of one VEVENT; 0 when absent.
pub(super) fn sequence_of(event: &Component) -> u32 {
    event.line("SEQUENCE").and_then(|line| line.value.trim().parse().ok()).unwrap_or(0)
}

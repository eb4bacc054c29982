//! A feed: many events as one VCALENDAR that subscribers of every make understand (RFC 5545, RFC 7986). The same
//! events give the same bytes.

use super::component::Component;
use super::component::Item;
use super::compose;
use super::error::IcalError;
use super::line::ContentLine;
use super::normal::normalize;
use super::object::CalendarObject;
use super::object::Stamp;
use super::privacy;
use super::write::escape_text;
use crate::model::Event;
use crate::model::ZoneId;
use std::collections::BTreeSet;

/// What a feed says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHeader {
    /// NAME and X-WR-CALNAME.
    pub name: String,
    /// `#RRGGBB` for X-APPLE-CALENDAR-COLOR, or a CSS colour name for COLOR (RFC 7986, 5.9).
    pub color: Option<String>,
    /// SOURCE: where the feed is fetched from.
    pub source: Option<String>,
    /// REFRESH-INTERVAL and X-PUBLISHED-TTL in minutes.
    pub refresh_minutes: u32,
    /// X-WR-TIMEZONE: the zone of the room.
    pub zone: ZoneId,
}

/// One event of a feed.
#[derive(Clone, Debug)]
pub struct FeedItem {
    event: Event,
    stamp: Stamp,
}

impl FeedItem {
    /// All an object says in normal form; alarms and X- properties are left out.
    pub fn of(object: &CalendarObject) -> Self {
        Self { event: object.event().clone(), stamp: privacy::stamp_of(object) }
    }

    /// As [`FeedItem::of`] with private instances reduced to `summary`.
    pub fn public(object: &CalendarObject, summary: &str) -> Self {
        Self { event: privacy::public_only(object.event(), summary), stamp: privacy::stamp_of(object) }
    }

    /// Times only; `summary` stands for every title.
    pub fn busy(object: &CalendarObject, summary: &str) -> Self {
        Self { event: privacy::busy_only(object.event(), summary), stamp: privacy::stamp_of(object) }
    }
}

/// The feed: METHOD:PUBLISH, one VTIMEZONE for each zone, events by UID and RECURRENCE-ID.
pub fn render(items: &[FeedItem], header: &FeedHeader) -> Result<String, IcalError> {
    let mut items: Vec<(Event, Stamp)> = items.iter().map(|item| (normalize(&item.event), item.stamp)).collect();
    items.sort_by(|a, b| a.0.uid.cmp(&b.0.uid).then_with(|| a.0.when.wall_start().cmp(&b.0.when.wall_start())));
    let mut root = head(header);
    let zones: BTreeSet<ZoneId> = items.iter().flat_map(|(event, _)| compose::zones_of(event)).collect();
    for zone in &zones {
        root.add_component(compose::timezone(zone)?);
    }
    for (event, stamp) in &items {
        root.items.extend(compose::events(event, stamp).into_iter().map(Item::Component));
    }
    Ok(root.emit())
}

fn head(header: &FeedHeader) -> Component {
    let mut root = compose::empty_calendar();
    let name = escape_text(&super::write::normal_text(&header.name));
    let refresh = duration_text(header.refresh_minutes);
    root.add_line(ContentLine::new("METHOD", &[], "PUBLISH"));
    root.add_line(ContentLine::new("NAME", &[], &name));
    root.add_line(ContentLine::new("X-WR-CALNAME", &[], &name));
    root.add_line(ContentLine::new("X-WR-TIMEZONE", &[], header.zone.as_str()));
    root.add_line(ContentLine::new("REFRESH-INTERVAL", &[("VALUE", "DURATION")], &refresh));
    root.add_line(ContentLine::new("X-PUBLISHED-TTL", &[], &refresh));
    if let Some(color) = &header.color {
        let name = if color.starts_with('#') { "X-APPLE-CALENDAR-COLOR" } else { "COLOR" };
        root.add_line(ContentLine::new(name, &[], &escape_text(color)));
    }
    if let Some(source) = &header.source {
        root.add_line(ContentLine::new("SOURCE", &[("VALUE", "URI")], source));
    }
    root
}

fn duration_text(minutes: u32) -> String {
    if minutes > 0 && minutes.is_multiple_of(60) { format!("PT{}H", minutes / 60) } else { format!("PT{minutes}M") }
}

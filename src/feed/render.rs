//! From the objects of a room to the bytes of its feed: pure, and the same for the same state and day.
//!
//! Every booking is written anew from its normal form, not copied: programs that drop a whole feed for one odd line meet
//! no odd line, alarms and attachments of those who booked do not reach subscribers, and only IANA zones are named.

use crate::config::Limits;
use crate::ical::IcalError;
use crate::ical::feed;
use crate::ical::feed::FeedHeader;
use crate::ical::feed::FeedItem;
use crate::ical::object::CalendarObject;
use crate::ical::object::ParseContext;
use crate::ical::recur;
use crate::model::DetailLevel;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::objects::ObjectRow;
use crate::store::rooms::Room;
use jiff::ToSpan;

/// What subscribers read for a booking whose details they may not see.
const BUSY: &str = "Busy";

/// Everything a feed is made of.
pub(super) struct Source {
    /// The room.
    pub room: Room,
    /// How much of each booking.
    pub detail: DetailLevel,
    /// What it covers.
    pub range: TimeRange,
    /// Minutes after which clients are to come again.
    pub refresh_minutes: u32,
    /// Bounds of parsing and expansion.
    pub limits: Limits,
    /// Objects that may have an instance in the range.
    pub objects: Vec<ObjectRow>,
}

/// Whole days of a zone around the day of `now`.
pub(super) fn range(now: Timestamp, zone: &ZoneId, past_days: i64, future_days: i64) -> TimeRange {
    let today = zone.wall(now).date();
    let midnight = |days: i64| zone.instant(today.saturating_add(days.days()).at(0, 0, 0, 0));
    TimeRange::new(midnight(-past_days), midnight(future_days.saturating_add(1)))
}

/// The feed's text.
pub(super) fn render(source: &Source) -> Result<String, IcalError> {
    let items: Vec<FeedItem> = source.objects.iter().filter_map(|row| item(source, row)).collect();
    let room = &source.room;
    let header = FeedHeader {
        name: room.name.clone(),
        color: Some(room.color.clone()).filter(|color| !color.is_empty()),
        // The address is a secret, and would go along with every copy somebody makes of the file.
        source: None,
        refresh_minutes: source.refresh_minutes,
        zone: room.zone.clone(),
    };
    feed::render(&items, &header)
}

/// One booking as it may be seen; `None` if it is not to be seen. One that cannot be read is left out, loudly: the
/// others are not to suffer for it.
fn item(source: &Source, row: &ObjectRow) -> Option<FeedItem> {
    let context = ParseContext { limits: &source.limits, floating: &source.room.zone };
    let failed = |e: &IcalError| {
        tracing::error!(room.id = %row.room_id, object = %row.name, error = %e, "a booking is left out of a feed");
    };
    let object = CalendarObject::parse(row.body.as_bytes(), &context).inspect_err(failed).ok()?;
    if row.recurring && !takes_place(source, object.event()) {
        return None;
    }
    match source.detail {
        DetailLevel::Full => Some(FeedItem::public(&object, BUSY)),
        DetailLevel::Busy => takes_room(object.event()).then(|| FeedItem::busy(&object, BUSY)),
    }
}

/// The store finds series by rows up to a horizon that moves; whether one is in the range must not depend on that.
fn takes_place(source: &Source, event: &Event) -> bool {
    let budget = recur::Budget::of(&source.limits);
    recur::occurrences(event, source.range, &source.room.zone, &budget).map_or(true, |found| !found.is_empty())
}

fn takes_room(event: &Event) -> bool {
    event.contents().any(|content| content.busy && content.status != EventStatus::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_whole_days_of_the_rooms_zone_whatever_the_hour() {
        let oslo = ZoneId::parse("Europe/Oslo").unwrap();
        let at = |text: &str| Timestamp::from_jiff(text.parse().unwrap());
        let first = range(at("2026-03-28T23:30:00Z"), &oslo, 1, 1);
        assert_eq!(first.start.to_string(), "2026-03-27T23:00:00Z");
        // The clock goes forward on the 29th: the day after the last begins an hour earlier in UTC.
        assert_eq!(first.end.to_string(), "2026-03-30T22:00:00Z");
        assert_eq!(first, range(at("2026-03-29T21:59:59Z"), &oslo, 1, 1));
        assert_ne!(first, range(at("2026-03-29T22:00:00Z"), &oslo, 1, 1));
    }
}

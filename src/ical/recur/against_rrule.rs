//! The expansion against an independent one: the `rrule` crate over the same rules, with its known faults named.
//!
//! Faults and differences of `rrule` 0.14 that the comparison steps around: `BYWEEKNO` without `BYDAY` gives all seven
//! days of the week instead of the weekday of DTSTART; weeks
//! 52 and 53, counted from either end, lose or gain days at the turn of the year; FREQ=WEEKLY with
//! `BYSETPOS` counts the first week from DTSTART on instead of from its first day; `BYDAY=-5MO` with FREQ=MONTHLY is refused; a DTSTART that the
//! rule leaves out is not counted by COUNT; an UNTIL before DTSTART is an error; sparse rules end without notice at a
//! limit of fruitless loops.

use super::Budget;
use super::days;
use super::plan::Plan;
use super::walk;
use crate::config::Limits;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::Rule;
use crate::model::ZoneId;
use jiff::civil::DateTime;
use rrule::RRuleSet;
use std::fmt::Write;

const BUDGET: Budget = Budget { candidates: 60_000, instances: usize::MAX };

/// A small generator with a fixed seed, so that a failure comes back.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn chance(&mut self, percent: u64) -> bool {
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

    fn rule(&mut self) -> (String, String) {
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

    fn start(&mut self) -> DateTime {
        let day = [1, 2, 15, 28, 29, 30, 31][usize::try_from(self.below(7)).unwrap()];
        let month = i8::try_from(1 + self.below(12)).unwrap();
        let year = i16::try_from(1995 + self.below(30)).unwrap();
        let last = jiff::civil::date(year, month, 1).days_in_month();
        jiff::civil::date(year, month, day.min(last)).at(9, 30, 0, 0)
    }
}

fn ours(plan: &Plan, first: i64, window: (i64, i64), most: usize) -> (Vec<i64>, bool) {
    let mut found = Vec::new();
    let walked = walk(plan, first, window, &BUDGET, |stamp| {
        found.push(stamp);
        found.len() < most
    });
    (found, walked.is_err())
}

fn parse(text: &str) -> Rule {
    let limits = Limits::default();
    rule::parse(text, RuleContext { zone: Some(&ZoneId::utc()), all_day: false, limits: &limits }).unwrap()
}

fn weekday_name(start: DateTime) -> &'static str {
    crate::model::Weekday::from_jiff(start.weekday()).as_ical()
}

#[test]
fn two_thousand_random_rules_expand_as_the_rrule_crate_expands_them() {
    let mut dice = Dice(20_260_302);
    let (mut instances, mut given_up) = (0, 0);
    for _ in 0..2000 {
        let (text, derived) = dice.rule();
        let start = dice.start();
        let extra = if derived.is_empty() { String::new() } else { format!(";BYDAY={}", weekday_name(start)) };
        let input = format!("DTSTART:{}Z\nRRULE:{text}{extra}", start.strftime("%Y%m%dT%H%M%S"));
        let first = days::stamp(start);
        let plan = Plan::new(&parse(&text), first);
        let (found, gave_up) = ours(&plan, first, (first, i64::MAX), 25);
        // Where we gave up a sparse rule, only what was found before is compared: the other side needs seconds for it.
        let most = if gave_up { u16::try_from(found.len()).unwrap() } else { 25 };
        let answer = input.parse::<RRuleSet>().unwrap_or_else(|error| panic!("{input}: {error}")).all(most);
        let mut expected: Vec<i64> = answer.dates.iter().map(rrule_stamp).collect();
        if plan.count().is_some_and(|count| count <= 25) && !expected.contains(&first) {
            expected.truncate(usize::try_from(plan.count().unwrap() - 1).unwrap());
        }
        // Either side may give up a sparse rule early; what both saw must agree.
        let short = gave_up || (answer.limited && expected.len() < 25);
        let seen = if short { found.len().min(expected.len()) } else { usize::MAX };
        let cut = |list: &[i64]| list[..seen.min(list.len())].to_vec();
        assert_eq!(cut(&found), cut(&expected), "{input}");
        instances += seen.min(found.len());
        given_up += usize::from(short);
    }
    assert!(instances > 27_000 && given_up < 200, "saw {instances} instances, {given_up} rules given up");
}

fn rrule_stamp(date: &chrono::DateTime<rrule::Tz>) -> i64 {
    date.timestamp()
}

#[test]
fn a_window_shows_the_same_starts_as_the_walk_from_the_beginning() {
    let mut dice = Dice(7);
    for _ in 0..1500 {
        let (text, _) = dice.rule();
        let start = dice.start();
        let first = days::stamp(start);
        let plan = Plan::new(&parse(&text), first);
        let (all, _) = ours(&plan, first, (first, i64::MAX), 200);
        if all.len() < 3 {
            continue;
        }
        let low = usize::try_from(dice.below(all.len() as u64 - 2)).unwrap();
        let high = low + usize::try_from(dice.below((all.len() - low) as u64)).unwrap();
        let window = (all[low] - i64::try_from(dice.below(2)).unwrap(), all[high]);
        assert_eq!(ours(&plan, first, window, usize::MAX).0, all[low..=high], "{start} {text} {window:?}");
    }
}

//! The expansion against the slow one that reads RFC 5545 word by word, on random rules.

use super::Budget;
use super::dice::Dice;
use super::oracle;
use super::rule_starts;
use crate::config::Limits;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::Frequency;
use crate::model::Rule;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::DateTime;

const BUDGET: Budget = Budget { candidates: 2_000_000, instances: usize::MAX };

/// Rules for each of four tests, so that they run beside one another.
const RULES: usize = 5_000;

pub(super) fn parse(text: &str) -> Rule {
    let limits = Limits::default();
    rule::parse(text, RuleContext { zone: Some(&ZoneId::utc()), all_day: false, limits: &limits }).unwrap()
}

/// How many days of a rule are looked at: enough for leap years where a period is a year.
const fn window_days(freq: Frequency) -> i64 {
    match freq {
        Frequency::Hourly => 6,
        Frequency::Daily => 90,
        Frequency::Weekly => 200,
        Frequency::Monthly => 500,
        Frequency::Yearly => 1_500,
    }
}

/// Compares so many rules; the answer is how many instances agreed.
fn compare(seed: u64, rules: usize) -> usize {
    let mut dice = Dice(seed);
    let mut instances = 0;
    for _ in 0..rules {
        let (mut text, start) = (dice.any_rule(), dice.start());
        let end = start.checked_add(window_days(parse(&text).freq).days()).unwrap();
        if !text.contains("COUNT") && dice.chance(30) {
            let minutes = (end - start).get_days() * 1440;
            let until = start.checked_add(i64::try_from(dice.below(minutes.unsigned_abs().into())).unwrap().minutes());
            text += &until.unwrap().strftime(";UNTIL=%Y%m%dT%H%M%S").to_string();
        }
        let rule = parse(&text);
        let slow = oracle::starts(&rule, start, end);
        let fast = rule_starts(&rule, start, (start, end), &BUDGET).unwrap();
        assert_eq!(fast, slow, "DTSTART:{start} RRULE:{text}");
        instances += slow.len();
        from_the_middle(&rule, start, end, &slow);
    }
    instances
}

/// A query that begins in the middle finds the rest.
fn from_the_middle(rule: &Rule, start: DateTime, end: DateTime, all: &[DateTime]) {
    let Some(middle) = all.get(all.len() / 2) else { return };
    let rest = rule_starts(rule, start, (*middle, end), &BUDGET).unwrap();
    assert_eq!(rest, all[all.len() / 2..], "DTSTART:{start} from {middle} {rule:?}");
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_1_of_4() {
    assert!(compare(41, RULES) > 60_000);
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_2_of_4() {
    assert!(compare(42, RULES) > 60_000);
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_3_of_4() {
    assert!(compare(43, RULES) > 60_000);
}

#[test]
fn five_thousand_random_rules_have_the_starts_that_the_rfc_gives_them_4_of_4() {
    assert!(compare(44, RULES) > 60_000);
}

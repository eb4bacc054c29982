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
use super::dice::Dice;
use super::plan::Plan;
use super::walk;
use crate::config::Limits;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::Rule;
use crate::model::ZoneId;
use jiff::civil::DateTime;
use rrule::RRuleSet;

const BUDGET: Budget = Budget { candidates: 60_000, instances: usize::MAX };

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

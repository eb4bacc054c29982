//! The expansion against python-dateutil, an implementation with no line in common. The vectors are made anew for each
//! run by `conformance/clients/recurrence.sh`, which also runs this test.
//!
//! Where dateutil reads RFC 5545 otherwise, the reason is named here and in `docs/recurrence.md`, and the slow expansion
//! has to confirm ours; such a rule counts as a difference, never as an agreement.

use super::Budget;
use super::against_oracle::parse;
use super::oracle;
use super::rule_starts;
use crate::model::Frequency;
use crate::model::Rule;
use crate::model::RuleEnd;
use jiff::civil::DateTime;
use std::collections::BTreeMap;

const BUDGET: Budget = Budget { candidates: 2_000_000, instances: usize::MAX };

/// The most starts a vector holds.
const MOST: usize = 25;

/// Why dateutil answers otherwise than RFC 5545 says.
fn known_difference(rule: &Rule) -> Option<&'static str> {
    let numbered = rule.by_day.iter().filter(|day| day.ordinal.is_some()).count();
    if rule.freq == Frequency::Weekly && !rule.by_set_pos.is_empty() {
        return Some("BYSETPOS counts the first week from DTSTART on instead of from its first day");
    }
    if !rule.by_week_no.is_empty()
        && rule.by_day.is_empty()
        && rule.by_month_day.is_empty()
        && rule.by_year_day.is_empty()
    {
        return Some("BYWEEKNO alone gives all seven days instead of the weekday of DTSTART");
    }
    if numbered > 0 && numbered < rule.by_day.len() {
        return Some("BYDAY with and without numbers means days that are both instead of days that are either");
    }
    rule.by_week_no
        .iter()
        .any(|week| week.abs() >= 52)
        .then_some("BYWEEKNO 52 and 53, from either end, lose days of weeks that two years share")
}

fn wall(text: &str) -> DateTime {
    DateTime::strptime("%Y%m%dT%H%M%S", text).unwrap()
}

#[test]
#[ignore = "needs vectors of python-dateutil: conformance/clients/recurrence.sh"]
fn vectors_of_dateutil_agree_but_for_its_named_faults() {
    #[expect(clippy::disallowed_methods, reason = "a script names the file")]
    let path = std::env::var("ANTEROOM_RECURRENCE_VECTORS").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let (mut rules, mut instances, mut named) = (0_usize, 0_usize, BTreeMap::<&str, usize>::new());
    let mut strange = Vec::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [start, text, end, starts] = columns[..] else { panic!("{line}") };
        let (start, end, rule) = (wall(start), wall(end), parse(text));
        let mut theirs: Vec<DateTime> = starts.split(',').filter(|at| !at.is_empty()).map(wall).collect();
        let mut ours = rule_starts(&rule, start, (start, end), &BUDGET).unwrap();
        if let RuleEnd::Count(count) = rule.end
            && theirs.first() != Some(&start)
        {
            // To them a DTSTART off the rule is no instance; to RFC 5545, 3.8.5.3 it is the first one.
            theirs.truncate(usize::try_from(count - 1).unwrap());
        }
        ours.truncate(MOST);
        rules += 1;
        if ours == theirs {
            instances += ours.len();
            continue;
        }
        let mut slow = oracle::starts(&rule, start, end);
        slow.truncate(MOST);
        match known_difference(&rule) {
            Some(why) if slow == ours => *named.entry(why).or_default() += 1,
            _ => strange.push(format!("{start} {text}\n  ours {ours:?}\n  slow {slow:?}\n  dateutil {theirs:?}")),
        }
    }
    println!("{rules} rules, {instances} instances agree; differences that are dateutil's: {named:#?}");
    assert!(strange.is_empty(), "{} strange:\n{}", strange.len(), strange[..strange.len().min(12)].join("\n"));
    assert!(rules >= 20_000, "only {rules} rules");
}

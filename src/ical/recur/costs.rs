//! What expansions cost, in candidates: far queries as much as near ones, and rules made to be expensive a bounded
//! amount.

use super::Budget;
use super::RecurError;
use super::against_oracle::parse;
use super::days;
use super::last_rule_start;
use super::plan::Plan;
use super::rule_starts;
use super::walk;
use crate::config::Limits;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::ZoneId;
use jiff::civil::DateTime;
use jiff::civil::date;
use tokio::time::Instant;

fn budget() -> Budget {
    Budget::of(&Limits::default())
}

/// How many candidates the starts between two days need, and how many starts there are.
fn cost(text: &str, start: DateTime, from: DateTime, to: DateTime) -> (usize, usize) {
    let first = days::stamp(start);
    let mut found = 0;
    let plan = Plan::new(&parse(text), first);
    let spent = walk(&plan, first, (days::stamp(from), days::stamp(to)), &budget(), |_| {
        found += 1;
        true
    });
    (spent.unwrap(), found)
}

#[test]
fn a_week_in_2099_costs_no_more_than_twice_the_same_week_in_1990() {
    let start = date(1990, 1, 1).at(9, 0, 0, 0);
    let week = |first: DateTime| (first, first.checked_add(jiff::Span::new().days(7)).unwrap());
    for text in [
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;WKST=SU",
        "FREQ=WEEKLY;COUNT=100000",
        "FREQ=WEEKLY;BYDAY=TU,TH;BYSETPOS=-1",
        "FREQ=WEEKLY;UNTIL=21500101T000000Z",
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3;COUNT=100000",
        "FREQ=HOURLY;BYHOUR=9,15",
        "FREQ=MONTHLY;BYDAY=1MO,3MO",
        "FREQ=MONTHLY;BYMONTHDAY=5;COUNT=2000",
        "FREQ=YEARLY;BYMONTH=6;BYDAY=MO",
    ] {
        let (near, far) = (week(date(1990, 6, 4).at(0, 0, 0, 0)), week(date(2099, 6, 1).at(0, 0, 0, 0)));
        let (of_near, of_far) = (cost(text, start, near.0, near.1), cost(text, start, far.0, far.1));
        assert!(of_far.0 <= 2 * of_near.0, "{text}: {of_near:?} near, {of_far:?} far");
        assert!(of_near.0 <= 1_500, "{text}: {of_near:?}");
        if text == "FREQ=WEEKLY" {
            assert_eq!((of_near, of_far), ((18, 1), (18, 1)));
        }
    }
}

/// The shortest of three runs, so that a busy machine does not count.
fn shortest_ms(mut work: impl FnMut()) -> u128 {
    let mut best = u128::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        work();
        best = best.min(began.elapsed().as_millis());
    }
    best
}

fn list(name: &str, values: impl Iterator<Item = i32>) -> String {
    format!("{name}={}", values.map(|value| value.to_string()).collect::<Vec<_>>().join(","))
}

#[test]
fn rules_made_to_be_expensive_are_refused_by_name_in_less_than_50_ms() {
    let limits = Limits::default();
    let cx = RuleContext { zone: Some(&ZoneId::utc()), all_day: false, limits: &limits };
    let dense = format!("FREQ=DAILY;{};{}", list("BYHOUR", 0..24), list("BYMINUTE", 0..60));
    let seconds = format!("{dense};{}", list("BYSECOND", 0..60));
    let long = format!("FREQ=YEARLY;{}", list("BYYEARDAY", (1..=366).chain(-366..0)));
    let huge = format!("FREQ=YEARLY;{}", list("BYSETPOS", std::iter::repeat_n(1, 40_000)));
    for (text, part) in [
        ("FREQ=SECONDLY", "FREQ"),
        ("FREQ=MINUTELY;COUNT=10", "FREQ"),
        ("FREQ=DAILY;COUNT=1000000000", "COUNT"),
        ("FREQ=YEARLY;COUNT=4294967295", "COUNT"),
        ("FREQ=YEARLY;COUNT=99999999999999999999", "COUNT"),
        ("FREQ=YEARLY;INTERVAL=99999999999999999999", "INTERVAL"),
        (&dense, "BYHOUR"),
        (&seconds, "BYHOUR"),
        (&long, "BYYEARDAY"),
        (&huge, "BYSETPOS"),
    ] {
        let ms = shortest_ms(|| assert_eq!(rule::parse(text, cx).unwrap_err().part, part));
        assert!(ms < 50, "{part}: {ms} ms");
    }
}

#[test]
fn rules_that_pass_and_are_still_expensive_stop_at_the_budget() {
    let start = date(1970, 1, 1).at(0, 0, 0, 0);
    let all = (start, date(9999, 12, 31).at(0, 0, 0, 0));
    let times = format!("{};{}", list("BYHOUR", 0..24), list("BYMINUTE", (0..60).step_by(4)));
    let year = format!("FREQ=YEARLY;{};{times}", list("BYYEARDAY", 1..=366));
    let picked = format!("{year};{}", list("BYSETPOS", 1..=366));
    let minutes = format!("FREQ=HOURLY;{}", list("BYMINUTE", 0..60));
    for text in [
        "FREQ=HOURLY",
        "FREQ=DAILY",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYDAY=MO;BYMONTH=2;BYSETPOS=-300",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=YEARLY;INTERVAL=4294967295;BYMONTH=2;BYMONTHDAY=30",
        &year,
        &picked,
        &minutes,
    ] {
        let rule = parse(text);
        let mut outcome = Ok(Vec::new());
        let ms = shortest_ms(|| outcome = rule_starts(&rule, start, all, &budget()));
        // Unoptimised builds are about twenty times slower; `benches/recurrence.rs` has the real figures.
        assert!(ms < 1_000, "{text}: {ms} ms");
        match outcome {
            Ok(found) => assert!(found.len() <= budget().instances, "{text}"),
            Err(error) => assert_eq!(error, RecurError::Candidates(200_000), "{text}"),
        }
        let ms = shortest_ms(|| assert!(last_rule_start(&rule, start, &budget()).is_none_or(|last| last >= start)));
        assert!(ms < 1_000, "the end of {text}: {ms} ms");
    }
}

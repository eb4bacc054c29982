//! What expansions cost in time: `cargo bench --bench recurrence`.

use anteroom::config::Limits;
use anteroom::ical::recur::Budget;
use anteroom::ical::recur::rule_starts;
use anteroom::ical::rule;
use anteroom::ical::rule::RuleContext;
use anteroom::model::Rule;
use criterion::Criterion;
use jiff::civil::DateTime;
use jiff::civil::date;
use std::hint::black_box;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    weeks(&mut criterion);
    expensive_rules(&mut criterion);
    refusals(&mut criterion);
    criterion.final_summary();
}

fn context(limits: &Limits) -> RuleContext<'_> {
    RuleContext { zone: None, all_day: false, limits }
}

fn read(text: &str) -> Option<Rule> {
    rule::parse(text, context(&Limits::default())).ok()
}

fn expand(text: &str, rule: &Rule, window: (DateTime, DateTime)) -> usize {
    let start = date(1990, 1, 1).at(9, 0, 0, 0);
    let found = rule_starts(black_box(rule), start, window, &Budget::of(&Limits::default()));
    black_box((text, found.map_or(0, |found| found.len()))).1
}

/// One week of a series from 1990: in 2099 it shall cost what it costs in 1990.
fn weeks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one week of");
    for text in ["FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;WKST=SU", "FREQ=DAILY;COUNT=100000"] {
        let Some(rule) = read(text) else { continue };
        for year in [1990, 2099] {
            let window = (date(year, 6, 1).at(0, 0, 0, 0), date(year, 6, 8).at(0, 0, 0, 0));
            group.bench_function(format!("{text} in {year}"), |run| run.iter(|| expand(text, &rule, window)));
        }
    }
    group.finish();
}

/// Rules that pass the reader and stop at the budget.
fn expensive_rules(criterion: &mut Criterion) {
    let days: Vec<String> = (1..=366).map(|day| day.to_string()).collect();
    let hours = "BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,5,10,15,20,25,30,35";
    let dense = format!("FREQ=YEARLY;BYYEARDAY={0};{hours};BYSETPOS={0}", days.join(","));
    let mut group = criterion.benchmark_group("giving up");
    group.sample_size(20);
    for text in ["FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", dense.as_str()] {
        let Some(rule) = read(text) else { continue };
        let window = (date(1990, 1, 1).at(0, 0, 0, 0), date(9999, 12, 31).at(0, 0, 0, 0));
        let name: String = text.chars().take(50).collect();
        group.bench_function(name, |run| run.iter(|| expand(text, &rule, window)));
    }
    group.finish();
}

/// Rules that the reader refuses.
fn refusals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("refusing");
    for text in ["FREQ=SECONDLY", "FREQ=DAILY;COUNT=1000000000"] {
        group.bench_function(text, |run| run.iter(|| black_box(read(text)).is_none()));
    }
    group.finish();
}

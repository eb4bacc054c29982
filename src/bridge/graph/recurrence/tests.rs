//! The table of translations, and all translatable rules against an expansion that knows nothing of RRULE.

use super::*;
use crate::config::Limits;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use jiff::ToSpan;
use jiff::civil::Date;
use proptest::prelude::*;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../../fixtures/graph/recurrence.json");

fn timed(start: DateTime) -> EventTime {
    let end = start.checked_add(1.hour()).unwrap();
    EventTime::Timed { start, end, zone: ZoneId::parse("Europe/Oslo").unwrap() }
}

fn series(text: &str) -> Result<Recurrence, rule::RuleError> {
    let (zone, limits) = (ZoneId::parse("Europe/Oslo"), Limits::default());
    let rule = rule::parse(text, RuleContext { zone: zone.as_ref(), all_day: false, limits: &limits })?;
    Ok(Recurrence { rule: Some(rule), ..Recurrence::default() })
}

fn our_dates(rule: &Rule, start: DateTime, years: i16) -> Vec<Date> {
    let end = start.checked_add(i64::from(years).years()).unwrap();
    recur::rule_starts(rule, start, (start, end), &BUDGET).unwrap().into_iter().map(DateTime::date).collect()
}

/// The dates Exchange gives a pattern, day by day, until `end`.
fn exchange_dates(graph: &PatternedRecurrence, end: Date) -> Vec<Date> {
    let (pattern, range) = (&graph.pattern, &graph.range);
    let start = range.start_date.unwrap();
    let last = if range.kind == RangeType::EndDate { end.min(range.end_date.unwrap()) } else { end };
    let most = match range.kind {
        RangeType::Numbered => usize::try_from(range.number_of_occurrences.unwrap()).unwrap(),
        _ => usize::MAX,
    };
    let days = start.series(1.day()).take_while(|day| *day <= last);
    days.filter(|day| falls_on(pattern, start, *day)).take(most).collect()
}

fn falls_on(pattern: &RecurrencePattern, start: Date, day: Date) -> bool {
    let interval = pattern.interval.unwrap();
    let between = |a: Date, b: Date| i64::from((b - a).get_days());
    let months = i64::from(day.year() - start.year()) * 12 + i64::from(day.month() - start.month());
    let listed = |day: Date| pattern.days_of_week.contains(&Day(Weekday::from_jiff(day.weekday())));
    let clamped = || i64::from(day.day()) == pattern.day_of_month.unwrap().min(i64::from(day.days_in_month()));
    let in_month = || i64::from(day.month()) == pattern.month.unwrap();
    let placed = || {
        if !listed(day) {
            return false;
        }
        let matching: Vec<Date> =
            day.first_of_month().series(1.day()).take(31).filter(|d| d.month() == day.month() && listed(*d)).collect();
        let at = pattern.index.unwrap().position();
        let index = if at < 0 { matching.len() - 1 } else { usize::try_from(at - 1).unwrap() };
        matching.get(index) == Some(&day)
    };
    let week = |day: Date| {
        let first = Weekday::ALL.iter().position(|d| Day(*d) == pattern.first_day_of_week.unwrap()).unwrap();
        let back = (i64::from(day.weekday().to_monday_zero_offset()) - i64::try_from(first).unwrap()).rem_euclid(7);
        day.checked_sub(back.days()).unwrap()
    };
    match pattern.kind {
        PatternType::Daily => between(start, day) % interval == 0,
        PatternType::Weekly => listed(day) && between(week(start), week(day)) / 7 % interval == 0,
        PatternType::AbsoluteMonthly => months % interval == 0 && clamped(),
        PatternType::RelativeMonthly => months % interval == 0 && placed(),
        PatternType::AbsoluteYearly => i64::from(day.year() - start.year()) % interval == 0 && in_month() && clamped(),
        PatternType::RelativeYearly => in_month() && i64::from(day.year() - start.year()) % interval == 0 && placed(),
    }
}

#[test]
fn every_vector_is_translated_exactly_or_refused() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 47);
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let (name, start): (_, DateTime) = (text("name"), text("dtstart").parse().unwrap());
        let Ok(recurrence) = series(text("rrule")) else {
            assert!(["minutely", "secondly"].contains(&name), "{name}");
            continue;
        };
        let translated = to_graph(&timed(start), &recurrence);
        if !["exact", "rewrite", "exact-with-adjust"].contains(&text("class")) {
            assert!(translated.is_err(), "{name}: {translated:?}");
            continue;
        }
        let graph = translated.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::to_value(&graph).unwrap(), vector["graph"], "{name}");
        let wanted: Vec<Date> = serde_json::from_value(vector["dates"].clone()).unwrap();
        let back = from_graph(&graph, &timed(start)).unwrap();
        let (ours, theirs) = (our_dates(&back, start, 40), exchange_dates(&graph, start.date() + 40.years()));
        assert_eq!(ours, theirs, "{name}");
        assert!(ours.starts_with(&wanted[..wanted.len().min(4)]), "{name}: {ours:?}");
    }
}

#[test]
fn a_refusal_names_the_part_that_stands_in_the_way() {
    for (text, part) in [
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO,WE", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=MO;BYMONTH=3,4", "BYMONTH"),
        ("FREQ=MONTHLY;BYDAY=5MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,3", "BYSETPOS"),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=6", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYDAY=20MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "BYWEEKNO"),
        ("FREQ=HOURLY", "FREQ"),
        ("FREQ=DAILY;BYHOUR=9,14", "BYHOUR"),
        ("FREQ=WEEKLY;BYDAY=TU", "DTSTART"),
        ("FREQ=DAILY;INTERVAL=1000", "INTERVAL"),
        ("FREQ=WEEKLY;INTERVAL=100", "INTERVAL"),
    ] {
        let start = date(2026, 3, 2).at(9, 0, 0, 0);
        assert_eq!(to_graph(&timed(start), &series(text).unwrap()).unwrap_err().part, part, "{text}");
    }
    let mut added = series("FREQ=DAILY").unwrap();
    added.rdates.insert(date(2026, 4, 1).at(7, 0, 0, 0));
    assert_eq!(to_graph(&timed(date(2026, 3, 2).at(9, 0, 0, 0)), &added).unwrap_err().part, "RDATE");
}

#[test]
fn day_31_passes_while_no_short_month_lies_inside_the_series() {
    let start = date(2026, 7, 31).at(9, 0, 0, 0);
    let graph = to_graph(&timed(start), &series("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2").unwrap()).unwrap();
    assert_eq!(graph.pattern.day_of_month, Some(31));
    assert!(to_graph(&timed(start), &series("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3").unwrap()).is_err());
}

#[test]
fn answers_of_graph_are_read_in_any_case_and_with_members_missing() {
    let start = date(2026, 3, 5).at(9, 0, 0, 0);
    for (text, rule) in [
        (
            r#"{"pattern":{"type":"Weekly","daysOfWeek":["Thursday"]},"range":{"type":"NoEnd","endDate":"0001-01-01"}}"#,
            "FREQ=WEEKLY;BYDAY=TH;WKST=SU",
        ),
        (
            r#"{"pattern":{"type":"absoluteMonthly","interval":1,"dayOfMonth":30,"daysOfWeek":null,"index":"first"},
            "range":{"type":"numbered","numberOfOccurrences":3}}"#,
            "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=28,29,30;BYSETPOS=-1",
        ),
        (
            r#"{"pattern":{"type":"absoluteYearly","month":2,"dayOfMonth":29},"range":{"type":"noEnd"}}"#,
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
        ),
        (
            r#"{"pattern":{"type":"relativeMonthly","daysOfWeek":["sunday","Saturday"],"index":"Last"},
            "range":{"type":"endDate","endDate":"2026-06-30"}}"#,
            "FREQ=MONTHLY;UNTIL=20260630T070000Z;BYDAY=SA,SU;BYSETPOS=-1",
        ),
    ] {
        let graph: PatternedRecurrence = serde_json::from_str(text).unwrap();
        let read = from_graph(&graph, &timed(start)).unwrap();
        assert_eq!(rule::to_text(&read, &timed(start)), rule, "{text}");
    }
    let bad = r#"{"pattern":{"type":"daily","interval":0},"range":{"type":"noEnd"}}"#;
    let graph: PatternedRecurrence = serde_json::from_str(bad).unwrap();
    assert_eq!(from_graph(&graph, &timed(start)).unwrap_err().member, "pattern.interval");
}

fn any_rule() -> impl Strategy<Value = String> {
    let days = prop::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 1..=4);
    let days = days.prop_map(|days| days.join(","));
    let day = prop::sample::select(vec!["1MO", "2WE", "3TH", "4FR", "-1SU", "-1MO"]).prop_map(str::to_owned);
    let place = prop::sample::select(vec!["1", "2", "4", "-1"]);
    let of_month = prop::sample::select(vec!["1", "15", "28", "-1", "28,29;BYSETPOS=-1", "28,29,30;BYSETPOS=-1", "31"]);
    let month = 1..=12_i32;
    let body = prop_oneof![
        Just("DAILY".to_owned()),
        days.clone().prop_map(|days| format!("WEEKLY;BYDAY={days};WKST=SU")),
        days.clone().prop_map(|days| format!("WEEKLY;BYDAY={days}")),
        of_month.clone().prop_map(|day| format!("MONTHLY;BYMONTHDAY={day}")),
        day.clone().prop_map(|day| format!("MONTHLY;BYDAY={day}")),
        (days.clone(), place).prop_map(|(days, place)| format!("MONTHLY;BYDAY={days};BYSETPOS={place}")),
        (month.clone(), day).prop_map(|(month, day)| format!("YEARLY;BYMONTH={month};BYDAY={day}")),
        (month, of_month).prop_map(|(month, day)| format!("YEARLY;BYMONTH={month};BYMONTHDAY={day}")),
    ];
    let end = prop_oneof![
        Just(String::new()),
        (1..40_u32).prop_map(|count| format!(";COUNT={count}")),
        (2026..2034_i32, 1..=12_i32).prop_map(|(year, month)| format!(";UNTIL={year}{month:02}15T080000Z")),
    ];
    (body, 1..5_u32, end).prop_map(|(body, interval, end)| format!("FREQ={body};INTERVAL={interval}{end}"))
}

fn graph_days() -> impl Strategy<Value = Vec<Day>> {
    prop::sample::subsequence(Weekday::ALL.to_vec(), 1..=7).prop_map(|days| days.into_iter().map(Day).collect())
}

/// Any pattern that Graph knows, with the members that its type uses.
fn any_pattern() -> impl Strategy<Value = RecurrencePattern> {
    let kind = prop::sample::select(vec![
        PatternType::Daily,
        PatternType::Weekly,
        PatternType::AbsoluteMonthly,
        PatternType::RelativeMonthly,
        PatternType::AbsoluteYearly,
        PatternType::RelativeYearly,
    ]);
    let index = prop::sample::select(vec![
        WeekIndex::First,
        WeekIndex::Second,
        WeekIndex::Third,
        WeekIndex::Fourth,
        WeekIndex::Last,
    ]);
    let first = prop::sample::select(Weekday::ALL.to_vec());
    // The ends of months and February come often.
    let day = prop_oneof![1..=28_i64, 28..=31_i64];
    let month = prop_oneof![1..=12_i64, Just(2_i64)];
    (kind, 1..6_u32, graph_days(), first, (day, month), index).prop_map(
        |(kind, interval, days, first, (day, month), index)| {
            let mut pattern = RecurrencePattern::new(kind, interval);
            pattern.days_of_week = days;
            pattern.first_day_of_week = Some(Day(first));
            (pattern.day_of_month, pattern.month, pattern.index) = (Some(day), Some(month), Some(index));
            pattern
        },
    )
}

fn any_range() -> impl Strategy<Value = (RangeType, u32, i64)> {
    let kind = prop::sample::select(vec![RangeType::NoEnd, RangeType::Numbered, RangeType::EndDate]);
    (kind, 1..40_u32, 0..4000_i64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_with_a_graph_form_has_the_dates_exchange_gives_it_for_ten_years(
        text in any_rule(), day in 0..900_i64,
    ) {
        let recurrence = series(&text).unwrap();
        let rule = recurrence.rule.clone().unwrap();
        let from = date(2024, 1, 1).checked_add(day.days()).unwrap().at(9, 0, 0, 0);
        let open = Rule { end: RuleEnd::Never, ..rule.clone() };
        // DTSTART is moved to a date of the rule, as clients do.
        let window = (from, from.checked_add(13.years()).unwrap());
        let first = recur::rule_starts(&open, from, window, &BUDGET).unwrap();
        let Some(start) = first.first().copied() else { return Ok(()) };
        if let Ok(graph) = to_graph(&timed(start), &recurrence) {
            let end = start.date().checked_add(10.years()).unwrap();
            let ours = our_dates(&rule, start, 10);
            prop_assert_eq!(&ours, &exchange_dates(&graph, end), "{}", text);
            let back = from_graph(&graph, &timed(start)).unwrap();
            prop_assert_eq!(&ours, &our_dates(&back, start, 10), "{}", text);
        }
    }

    #[test]
    fn the_rule_we_write_for_any_graph_recurrence_has_the_dates_exchange_gives_it_for_ten_years(
        pattern in any_pattern(), (kind, count, length) in any_range(), day in 0..900_i64, hour in 0..24_i8,
    ) {
        let told = date(2024, 1, 1).checked_add(day.days()).unwrap();
        let mut range = RecurrenceRange {
            kind: RangeType::NoEnd,
            start_date: Some(told),
            end_date: None,
            number_of_occurrences: None,
            recurrence_time_zone: Some("W. Europe Standard Time".to_owned()),
        };
        // "The first occurrence is the first matching date at or after startDate": the event starts there.
        let open = PatternedRecurrence { pattern: pattern.clone(), range: range.clone() };
        let first = told.series(1.day()).find(|day| falls_on(&open.pattern, told, *day)).unwrap();
        (range.kind, range.number_of_occurrences) = (kind, Some(i64::from(count)));
        range.end_date = Some(first.checked_add(length.days()).unwrap());
        let graph = PatternedRecurrence { pattern, range };
        let when = timed(first.at(hour, 30, 0, 0));
        let rule = from_graph(&graph, &when).unwrap();
        let theirs = exchange_dates(&graph, first.checked_add(10.years()).unwrap());
        let ours = our_dates(&rule, when.wall_start(), 10);
        prop_assert_eq!(&ours, &theirs, "{:?}", rule);
        // The text that clients get says the same, and so does what would be written back.
        let text = rule::to_text(&rule, &when);
        let zone = when.zone().cloned();
        let cx = RuleContext { zone: zone.as_ref(), all_day: false, limits: &Limits::default() };
        let parsed = rule::parse(&text, cx).unwrap();
        prop_assert_eq!(&parsed, &rule, "{}", text);
        let again = to_graph(&when, &Recurrence { rule: Some(rule), ..Recurrence::default() }).unwrap();
        let again = exchange_dates(&again, first.checked_add(10.years()).unwrap());
        prop_assert_eq!(&again, &theirs, "{}", text);
    }
}

#[test]
fn a_thousand_random_rules_keep_their_dates_wherever_they_have_a_graph_form() {
    let mut dice = recur::dice::Dice(7);
    let (mut told, mut refused) = (0, std::collections::BTreeMap::new());
    for _ in 0..1_000 {
        let (text, from) = (dice.any_rule(), dice.start());
        let recurrence = series(&text).unwrap();
        let rule = recurrence.rule.clone().unwrap();
        let open = Rule { end: RuleEnd::Never, ..rule.clone() };
        let window = (from, from.checked_add(5.years()).unwrap());
        let first = recur::rule_starts(&open, from, window, &BUDGET).unwrap_or_default();
        let Some(start) = first.first().copied() else { continue };
        match to_graph(&timed(start), &recurrence) {
            Ok(graph) => {
                let theirs = exchange_dates(&graph, start.date().checked_add(10.years()).unwrap());
                assert_eq!(our_dates(&rule, start, 10), theirs, "DTSTART:{start} RRULE:{text}");
                told += 1;
            }
            Err(why) => *refused.entry(why.part).or_insert(0) += 1,
        }
    }
    assert!(told > 100 && refused.len() >= 8, "{told} told, refused for {refused:?}");
}

#[test]
fn an_end_date_is_a_date_of_the_recurrence_s_own_zone() {
    // Half past midnight in Tokyo is the day before in UTC; the last instance is that of the end date in Tokyo.
    let zone = ZoneId::parse("Asia/Tokyo").unwrap();
    let start = date(2026, 3, 2).at(0, 30, 0, 0);
    let when = EventTime::Timed { start, end: date(2026, 3, 2).at(1, 0, 0, 0), zone };
    let text = r#"{"pattern":{"type":"daily","interval":1},
        "range":{"type":"endDate","startDate":"2026-03-02","endDate":"2026-03-05","recurrenceTimeZone":"Tokyo Standard Time"}}"#;
    let graph: PatternedRecurrence = serde_json::from_str(text).unwrap();
    let rule = from_graph(&graph, &when).unwrap();
    assert_eq!(rule::to_text(&rule, &when), "FREQ=DAILY;UNTIL=20260304T153000Z");
    assert_eq!(our_dates(&rule, start, 1).len(), 4);
    let back = to_graph(&when, &Recurrence { rule: Some(rule), ..Recurrence::default() }).unwrap();
    assert_eq!(serde_json::to_value(back).unwrap(), serde_json::to_value(graph).unwrap());
}

#[test]
fn whole_days_end_on_a_date_and_name_no_zone() {
    let day = date(2026, 5, 16);
    let when = EventTime::AllDay { start: day, end: day.tomorrow().unwrap() };
    let cx = RuleContext { zone: None, all_day: true, limits: &Limits::default() };
    let rule = rule::parse("FREQ=WEEKLY;UNTIL=20260613;BYDAY=SA;WKST=SU", cx).unwrap();
    let graph = to_graph(&when, &Recurrence { rule: Some(rule.clone()), ..Recurrence::default() }).unwrap();
    let range = serde_json::to_value(&graph.range).unwrap();
    assert_eq!(range, serde_json::json!({"type": "endDate", "startDate": "2026-05-16", "endDate": "2026-06-13"}));
    assert_eq!(from_graph(&graph, &when).unwrap(), rule);
    assert_eq!(rule::to_text(&rule, &when), "FREQ=WEEKLY;UNTIL=20260613;BYDAY=SA;WKST=SU");
}

//! Tables and properties: which dates are a series, and that it says the same however it is said.

use super::*;
use crate::config::Limits;
use crate::model::ReservationClass;
use jiff::civil::date;
use proptest::prelude::*;

fn budget() -> Budget {
    Budget::of(&Limits::default())
}

/// The Monday that many weeks after 2 March 2026.
fn monday(week: i64) -> Date {
    date(2026, 3, 2).checked_add((7 * week).days()).unwrap()
}

fn allocation(week: i64) -> Event {
    let day = monday(week);
    let zone = ZoneId::parse("Europe/Oslo").unwrap();
    let when = EventTime::Timed { start: day.at(18, 0, 0, 0), end: day.at(20, 30, 0, 0), zone };
    Event {
        uid: Uid(format!("a{week}")),
        class: ReservationClass::Allocation,
        when,
        content: Content { summary: "Handball".to_owned(), busy: true, ..Content::default() },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

fn all(weeks: &[i64]) -> BTreeSet<Date> {
    weeks.iter().map(|week| monday(*week)).collect()
}

fn found(weeks: &[i64]) -> Vec<(i64, Vec<i64>)> {
    let week = |date: &Date| super::weeks(monday(0), *date);
    runs(&all(weeks)).iter().map(|run| (run.interval, run.dates.iter().map(week).collect())).collect()
}

fn instances_of(weeks: &[i64]) -> Instances {
    weeks
        .iter()
        .map(|week| {
            let Event { when, content, .. } = allocation(*week);
            (RecurrenceId(when.wall_start()), Override { when, content })
        })
        .collect()
}

fn series(weeks: &[i64]) -> Event {
    let run = runs(&all(weeks)).into_iter().next().unwrap();
    let shape = Shape::new(Uid("s".to_owned()), &allocation(weeks[0]), &run).unwrap();
    shape.with(&instances_of(weeks), &budget()).unwrap()
}

fn starts(event: &Event) -> Vec<DateTime> {
    instances(event, &ZoneId::utc(), &budget()).unwrap().values().map(|one| one.when.wall_start()).collect()
}

#[test]
fn dates_that_many_weeks_apart_are_a_series_and_others_are_not() {
    type Case = (&'static [i64], &'static [(i64, &'static [i64])]);
    let table: [Case; 12] = [
        (&[], &[]),
        (&[0, 1], &[]),
        (&[0, 1, 2], &[(1, &[0, 1, 2])]),
        (&[0, 2, 4], &[(2, &[0, 2, 4])]),
        (&[0, 1, 3, 4], &[(1, &[0, 1, 3, 4])]),
        // Six missing in a row are a holiday, seven end a season.
        (&[0, 1, 2, 3, 4, 5, 6, 13, 14], &[(1, &[0, 1, 2, 3, 4, 5, 6, 13, 14])]),
        (&[0, 1, 2, 10, 11, 12], &[(1, &[0, 1, 2]), (1, &[10, 11, 12])]),
        (&[0, 1, 2, 10, 11], &[(1, &[0, 1, 2])]),
        // More missing than there.
        (&[0, 1, 6, 7, 12, 13], &[]),
        (&[0, 5, 10, 15], &[]),
        // A date off the step stays alone.
        (&[0, 2, 4, 5, 6, 8, 10], &[(2, &[0, 2, 4, 6, 8, 10])]),
        (&[0, 1, 2, 20, 22, 24, 26], &[(1, &[0, 1, 2]), (2, &[20, 22, 24, 26])]),
    ];
    for (weeks, expected) in table {
        let expected: Vec<(i64, Vec<i64>)> = expected.iter().map(|(step, run)| (*step, run.to_vec())).collect();
        let mut found = found(weeks);
        found.sort_by_key(|(_, run)| run[0]);
        assert_eq!(found, expected, "{weeks:?}");
    }
}

#[test]
fn only_what_is_identical_but_for_its_date_has_the_same_slot() {
    let edits: [fn(&mut Event); 7] = [
        |event| event.content.summary = "Football".to_owned(),
        |event| event.content.description = "hall A".to_owned(),
        |event| event.content.organizer = Some(crate::model::Person { name: "IL".to_owned(), email: String::new() }),
        |event| event.class = ReservationClass::Booking,
        |event| event.when = EventTime::AllDay { start: monday(1), end: monday(2) },
        |event| {
            let zone = ZoneId::parse("Europe/Oslo").unwrap();
            let end = monday(1).at(20, 0, 0, 0);
            event.when = EventTime::Timed { start: monday(1).at(18, 0, 0, 0), end, zone };
        },
        |event| {
            let tuesday = monday(1).tomorrow().unwrap();
            event.when = on(&event.when, tuesday);
        },
    ];
    assert_eq!(Slot::of(&allocation(0)), Slot::of(&allocation(7)), "also where the offset has changed");
    for (number, edit) in edits.into_iter().enumerate() {
        let mut other = allocation(1);
        edit(&mut other);
        assert_ne!(Slot::of(&allocation(0)), Slot::of(&other), "{number}");
    }
}

#[test]
fn a_series_says_its_dates_as_a_rule_with_what_is_missing() {
    let event = series(&[0, 1, 2, 4, 5, 7]);
    let recurrence = event.recurrence.clone().unwrap();
    let rule = recurrence.rule.unwrap();
    assert_eq!((rule.freq, rule.interval), (Frequency::Weekly, 1));
    assert_eq!(rule.end, RuleEnd::Until(monday(7).at(18, 0, 0, 0)));
    let missing = [3, 6].map(|week| monday(week).at(18, 0, 0, 0));
    assert_eq!(recurrence.exdates, missing.into_iter().collect());
    assert!(event.overrides.is_empty());
    assert_eq!(starts(&event), [0, 1, 2, 4, 5, 7].map(|week| monday(week).at(18, 0, 0, 0)));
}

#[test]
fn what_most_dates_say_is_the_series_and_the_others_are_overrides() {
    let mut instances = instances_of(&[0, 1, 2, 3]);
    let shape = Shape::of(&series(&[0, 1, 2, 3])).unwrap();
    let rename = |one: &mut Override| one.content.summary = "Football".to_owned();
    instances.values_mut().take(1).for_each(rename);
    let one = shape.with(&instances, &budget()).unwrap();
    assert_eq!((one.content.summary.as_str(), one.overrides.len()), ("Handball", 1));
    instances.values_mut().take(2).for_each(rename);
    let half = shape.with(&instances, &budget()).unwrap();
    assert_eq!((half.content.summary.as_str(), half.overrides.len()), ("Handball", 2), "half of them change nothing");
    instances.values_mut().take(3).for_each(rename);
    let most = shape.with(&instances, &budget()).unwrap();
    assert_eq!((most.content.summary.as_str(), most.overrides.len()), ("Football", 1));
}

#[test]
fn a_series_that_somebody_has_given_another_rule_is_left_alone() {
    let mut daily = series(&[0, 1, 2]);
    daily.recurrence.as_mut().unwrap().rule = Some(Rule::every(Frequency::Daily));
    assert_eq!(Shape::of(&daily), None);
    let mut added = series(&[0, 1, 2]);
    added.recurrence.as_mut().unwrap().rdates.insert(monday(9).at(9, 0, 0, 0));
    assert_eq!(Shape::of(&added), None);
    let mut endless = series(&[0, 1, 2]);
    endless.recurrence.as_mut().unwrap().rule.as_mut().unwrap().end = RuleEnd::Never;
    assert_eq!(Shape::of(&endless), None);
}

#[test]
fn dates_without_their_rule_get_it_back() {
    let whole = series(&[0, 2, 4, 8]);
    let alone = Event { recurrence: None, overrides: instances_of(&[0, 2, 4, 8]), ..whole.clone() };
    let shape = Shape::of(&alone).unwrap();
    let instances = instances(&alone, &ZoneId::utc(), &budget()).unwrap();
    assert_eq!(shape.with(&instances, &budget()), Some(whole));
}

#[test]
fn a_date_comes_in_where_it_is_in_step_and_near() {
    let shape = Shape::of(&series(&[0, 2, 4])).unwrap();
    for (week, takes) in
        [(6, true), (18, true), (20, false), (5, false), (-2, true), (-14, true), (-16, false), (2, true)]
    {
        assert_eq!(shape.takes(&allocation(week).when), takes, "{week}");
    }
}

fn weeks_of_a_season() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::btree_set(0i64..60, 0..40).prop_map(|weeks| weeks.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Nothing is lost and nothing doubled; every series is in step, has three dates, and more there than missing.
    #[test]
    fn every_date_is_in_one_series_or_alone(weeks in weeks_of_a_season()) {
        let runs = runs(&all(&weeks));
        let mut seen: Vec<Date> = runs.iter().flat_map(|run| run.dates.clone()).collect();
        let count = seen.len();
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), count, "a date is in two series");
        for run in &runs {
            prop_assert!(run.dates.len() >= FEWEST);
            prop_assert!(run.dates.iter().all(|date| super::weeks(run.dates[0], *date) % run.interval == 0));
        }
        let alone: BTreeSet<Date> = all(&weeks).into_iter().filter(|date| !seen.contains(date)).collect();
        prop_assert!(super::runs(&alone).is_empty(), "what is left would fold the next time");
    }

    /// The series takes place when its dates do, and never else; said once more it is the same.
    #[test]
    fn a_series_has_exactly_its_dates_and_says_them_the_same_way_again(
        weeks in weeks_of_a_season(), renamed in 0usize..40, moved in 0usize..40, gone in 0usize..40,
    ) {
        for run in runs(&all(&weeks)) {
            let numbers: Vec<i64> = run.dates.iter().map(|date| super::weeks(monday(0), *date)).collect();
            let mut wanted = instances_of(&numbers);
            let shape = Shape::new(Uid("s".to_owned()), &allocation(numbers[0]), &run).unwrap();
            if let Some(one) = wanted.values_mut().nth(renamed) {
                one.content.summary = "Cup".to_owned();
            }
            if let Some(one) = wanted.values_mut().nth(moved) {
                one.when = on(&one.when, one.when.wall_start().date().tomorrow().unwrap());
            }
            if let Some(id) = wanted.keys().nth(gone).copied() {
                wanted.remove(&id);
            }
            let event = shape.with(&wanted, &budget()).unwrap();
            prop_assert_eq!(&instances(&event, &ZoneId::utc(), &budget()).unwrap(), &wanted);
            let again = Shape::of(&event).unwrap().with(&wanted, &budget()).unwrap();
            prop_assert_eq!(again, event);
        }
    }
}

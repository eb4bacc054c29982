//! Instances: what lies in a range, what takes the room, and which series the horizon has left behind.

use super::{at, object, put_with_instances, uid};
use crate::house::{HOUR_MS, House, on_both};
use anteroom::ical::freebusy::BusyKind;
use anteroom::model::{ReservationClass, RoomId, TimeRange};
use anteroom::store::instances::{self, NewInstance, Owner};
use anteroom::store::objects::{self, ObjectRow};
use anteroom::store::rooms;

async fn in_range(house: &House, room: &RoomId, from: i64, until: i64, longest_hours: i64) -> Vec<String> {
    let range = TimeRange::new(at(from), at(until));
    let mut tx = house.read().await;
    let rows = objects::in_range(&mut tx, house.tenant(), room, range, longest_hours * HOUR_MS).await.unwrap();
    rows.into_iter().map(|row| row.uid.0).collect()
}

on_both!(a_range_is_half_open, |house| async {
    let room = house.room("Council hall").await;
    house.write_one(async |tx| put_with_instances(tx, &object(&room, "a", 10), &[(10, 11)]).await).await;
    for (from, until, inside) in
        [(9, 10, false), (11, 12, false), (10, 11, true), (9, 12, true), (0, 99, true), (10, 10, false)]
    {
        assert_eq!(!in_range(house, &room.id, from, until, 1).await.is_empty(), inside, "{from}..{until}");
    }
});

on_both!(a_long_instance_is_found_from_its_middle, |house| async {
    let room = house.room("Council hall").await;
    house.write_one(async |tx| put_with_instances(tx, &object(&room, "long", 0), &[(0, 100)]).await).await;
    house.write_one(async |tx| put_with_instances(tx, &object(&room, "short", 1), &[(1, 2)]).await).await;
    assert_eq!(in_range(house, &room.id, 50, 51, 100).await, ["long"]);
    assert_eq!(in_range(house, &room.id, 1, 2, 100).await, ["long", "short"]);
});

// RFC 4791, 9.9: an event without duration is inside when start <= DTSTART < end.
on_both!(an_instance_without_length_is_inside_at_the_start_and_outside_at_the_end, |house| async {
    let room = house.room("Council hall").await;
    house.write_one(async |tx| put_with_instances(tx, &object(&room, "dot", 10), &[(10, 10)]).await).await;
    assert_eq!(in_range(house, &room.id, 10, 11, 1).await, ["dot"]);
    assert_eq!(in_range(house, &room.id, 9, 11, 1).await, ["dot"]);
    assert!(in_range(house, &room.id, 9, 10, 1).await.is_empty());
    assert!(in_range(house, &room.id, 11, 12, 1).await.is_empty());
});

fn series(room: &anteroom::store::rooms::Room, of: &str, last: Option<i64>) -> ObjectRow {
    ObjectRow {
        recurring: true,
        first_ms: at(0),
        last_ms: last.map(at),
        expanded_from_ms: at(0),
        expanded_until_ms: at(50),
        ..object(room, of, 0)
    }
}

on_both!(a_series_is_a_candidate_beyond_its_expanded_rows_until_it_ends, |house| async {
    let room = house.room("Council hall").await;
    house
        .write_one(async |tx| put_with_instances(tx, &series(&room, "endless", None), &[(0, 1), (24, 25)]).await)
        .await;
    house.write_one(async |tx| put_with_instances(tx, &series(&room, "ending", Some(70)), &[(0, 1)]).await).await;
    assert_eq!(in_range(house, &room.id, 24, 25, 1).await, ["endless"], "inside, the rows decide");
    assert!(in_range(house, &room.id, 30, 31, 1).await.is_empty(), "inside, between instances");
    assert_eq!(in_range(house, &room.id, 60, 61, 1).await, ["ending", "endless"], "beyond, both may");
    assert_eq!(in_range(house, &room.id, 80, 81, 1).await, ["endless"], "the other has ended");
    assert!(in_range(house, &room.id, -9, -8, 1).await.is_empty(), "before the first instance of any");
});

on_both!(series_behind_the_horizon_are_told_the_furthest_first, |house| async {
    let room = house.room("Council hall").await;
    let behind = ObjectRow { expanded_until_ms: at(20), ..series(&room, "behind", None) };
    let complete = series(&room, "complete", Some(50));
    let single = object(&room, "single", 1);
    for row in [&series(&room, "far", None), &behind, &complete, &single] {
        house.write_one(async |tx| objects::put(tx, row).await).await;
    }
    let uids = async |until, limit| {
        let rows = objects::behind_horizon(&mut house.read().await, at(until), limit).await.unwrap();
        rows.into_iter().map(|row| row.uid.0).collect::<Vec<_>>()
    };
    assert_eq!(uids(100, 10).await, ["behind", "far"]);
    assert_eq!(uids(100, 1).await, ["behind"]);
    assert_eq!(uids(30, 10).await, ["behind"]);
    assert!(uids(20, 10).await.is_empty());
});

on_both!(what_goes_on_is_told_room_by_room, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let over = ObjectRow { last_ms: Some(at(20)), ..object(&hall, "over", 10) };
    let all = [over, series(&hall, "endless", None), series(&hall, "ending", Some(21)), object(&attic, "other", 30)];
    for row in &all {
        house.write_one(async |tx| objects::put(tx, row).await).await;
    }
    let mut tx = house.read().await;
    let rows = objects::going_on(&mut tx, house.tenant(), &hall.id, at(20)).await.unwrap();
    assert_eq!(rows.into_iter().map(|row| row.uid.0).collect::<Vec<_>>(), ["ending", "endless"]);
    let mut walked = Vec::new();
    while let Some(room) = rooms::after(&mut tx, walked.last().map_or("", RoomId::as_str)).await.unwrap() {
        walked.push(room.id);
    }
    let mut known = [hall.id, attic.id];
    known.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    assert_eq!(walked, known);
});

async fn taken(house: &House, room: &RoomId, from: i64, until: i64, except: &str) -> Vec<String> {
    let range = TimeRange::new(at(from), at(until));
    let mut tx = house.read().await;
    let found = instances::taken(&mut tx, house.tenant(), room, range, 10 * HOUR_MS, &uid(except)).await.unwrap();
    found.into_iter().map(|row| row.uid.0).collect()
}

on_both!(busy_instances_take_the_room_and_touching_ones_do_not, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let closure = ObjectRow { class: ReservationClass::Closure, ..object(&hall, "a", 10) };
    house.write_one(async |tx| put_with_instances(tx, &closure, &[(10, 12)]).await).await;
    assert_eq!(taken(house, &hall.id, 11, 13, "").await, ["a"]);
    assert!(taken(house, &hall.id, 12, 13, "").await.is_empty());
    assert!(taken(house, &hall.id, 9, 10, "").await.is_empty());
    assert!(taken(house, &hall.id, 11, 13, "a").await.is_empty(), "an event does not collide with itself");
    assert!(taken(house, &attic.id, 11, 13, "").await.is_empty(), "another room");
    let range = TimeRange::new(at(11), at(12));
    let mut tx = house.read().await;
    let rows = instances::taken(&mut tx, house.tenant(), &hall.id, range, 10 * HOUR_MS, &uid("")).await.unwrap();
    assert_eq!((rows[0].class, rows[0].name.as_str()), (ReservationClass::Closure, "a.ics"));
    assert_eq!((rows[0].start_ms, rows[0].end_ms), (at(10), at(12)));
});

/// What lies at one of these times, and how many others were told with it.
async fn met(house: &House, room: &RoomId, times: &[TimeRange], longest_ms: i64) -> (Vec<instances::Taken>, usize) {
    let hull = TimeRange::new(times[0].start, times[times.len() - 1].end);
    let mut tx = house.read().await;
    let all = instances::taken(&mut tx, house.tenant(), room, hull, longest_ms, &uid("own")).await.unwrap();
    let lies = |one: &instances::Taken| {
        let other = TimeRange::new(one.start_ms, one.end_ms);
        times.iter().any(|time| time.overlaps(&other))
    };
    let wanted: Vec<_> = all.into_iter().filter(lies).collect();
    let told = instances::meeting(&mut tx, (house.tenant(), room), times, longest_ms, &uid("own")).await.unwrap();
    let (met, others): (Vec<_>, Vec<_>) = told.into_iter().partition(lies);
    assert_eq!(met, wanted);
    (met, others.len())
}

on_both!(what_lies_at_any_of_many_times_is_found_once, |house| async {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let hours = |from: i64, every: i64| -> Vec<(i64, i64)> {
        (0..200).map(|step| (from + step * every, from + step * every + 1)).collect()
    };
    for (room, of, times) in [
        (&hall, "daily", hours(3, 24)),
        (&hall, "often", hours(0, 5)),
        (&hall, "own", hours(0, 1)),
        (&attic, "other", hours(0, 1)),
        (&hall, "long", vec![(100, 130)]),
    ] {
        house.write_one(async |tx| put_with_instances(tx, &series(room, of, Some(5_000)), &times).await).await;
    }
    let asked = |count: i64, every: i64| -> Vec<TimeRange> {
        (0..count).map(|step| TimeRange::new(at(step * every), at(step * every + 1))).collect()
    };
    for count in [1, 2, 3, 8, 9, 63, 64, 65, 130] {
        let (met, others) = met(house, &hall.id, &asked(count, 3), 30 * HOUR_MS).await;
        let of = |uid: &str| met.iter().filter(|one| one.uid.as_str() == uid).count();
        assert_eq!(of("long"), usize::from(count > 34), "what lies at many of the times is told once");
        assert_eq!((of("own"), of("other"), others), (0, 0, 0));
        assert_eq!(of("often"), usize::try_from((count + 4) / 5).unwrap());
    }
    // As near to each other as this they are asked for as one, and what is between them is told too.
    let (_, others) = met(house, &hall.id, &asked(65, 3), 60 * HOUR_MS).await;
    assert!(others > 0);
    assert_eq!(met(house, &hall.id, &asked(3, 3_000), 30 * HOUR_MS).await.0.len(), 1);
});

on_both!(of_closures_alone_is_told_where_nothing_else_is_asked_for, |house| async {
    let room = house.room("Hall").await;
    let closed = |of: &str| ObjectRow { class: ReservationClass::Closure, ..object(&room, of, 10) };
    for (row, kind) in [
        (closed("closure"), BusyKind::Unavailable),
        (closed("except"), BusyKind::Unavailable),
        (object(&room, "booking", 10), BusyKind::Busy),
    ] {
        let rows = [NewInstance { start: at(10), end: at(12), recurrence_id: String::new(), busy: Some(kind) }];
        house
            .write_one(async |tx| {
                objects::put(tx, &row).await?;
                let owner = Owner { tenant: house.tenant(), room: &room.id, object: &row.id };
                instances::insert(tx, &owner, &rows).await
            })
            .await;
    }
    for (from, until, found) in [(11, 13, 1), (12, 13, 0), (9, 10, 0), (9, 11, 1)] {
        let (range, place) = (TimeRange::new(at(from), at(until)), (house.tenant(), &room.id));
        let rows =
            instances::closed(&mut house.read().await, place, range, 10 * HOUR_MS, &uid("except")).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.uid.as_str() == "closure").count(), found, "{from}..{until}");
        assert_eq!(rows.len(), found);
    }
});

on_both!(replacing_instances_leaves_the_new_ones_whether_they_differ_or_not, |house| async {
    let room = house.room("Hall").await;
    let row = series(&room, "a", Some(50));
    let spans: Vec<(i64, i64)> = (0..70).map(|hour| (hour, hour + 1)).collect();
    house.write_one(async |tx| put_with_instances(tx, &row, &spans).await).await;
    let stored = instances::of_object(&mut house.read().await, house.tenant(), &row.id).await.unwrap();
    assert_eq!(stored.len(), 70);
    let changed = async |mut spans: Vec<(i64, i64)>| {
        spans.sort_unstable();
        house.write_one(async |tx| put_with_instances(tx, &row, &spans).await).await;
        instances::of_object(&mut house.read().await, house.tenant(), &row.id).await.unwrap() != stored
    };
    assert!(!changed(spans.clone()).await);
    let mut longer = spans.clone();
    longer[30].1 += 1;
    assert!(changed(longer).await);
    assert!(!changed(spans.clone()).await);
    assert!(changed(spans[1..].to_vec()).await);
});

on_both!(a_transparent_instance_takes_nothing, |house| async {
    let room = house.room("Hall").await;
    let row = object(&room, "a", 10);
    let free = [NewInstance { start: at(10), end: at(12), recurrence_id: String::new(), busy: None }];
    house
        .write_one(async |tx| {
            objects::put(tx, &row).await?;
            let owner = Owner { tenant: house.tenant(), room: &room.id, object: &row.id };
            instances::replace(tx, &owner, &free).await
        })
        .await;
    assert!(taken(house, &room.id, 10, 12, "").await.is_empty());
    assert_eq!(in_range(house, &room.id, 10, 12, 10).await, ["a"], "but it is shown");
});

on_both!(replacing_instances_leaves_none_of_the_old_ones, |house| async {
    let room = house.room("Hall").await;
    let row = series(&room, "a", Some(50));
    let many: Vec<(i64, i64)> = (0..1100).map(|hour| (hour, hour + 1)).collect();
    house.write_one(async |tx| put_with_instances(tx, &row, &many).await).await;
    assert_eq!(taken(house, &room.id, 0, 2000, "").await.len(), 1100);
    house.write_one(async |tx| put_with_instances(tx, &row, &[(3, 4)]).await).await;
    assert_eq!(taken(house, &room.id, 0, 2000, "").await.len(), 1);
    house.write_one(async |tx| instances::clear(tx, house.tenant(), &row.id).await).await;
    assert!(taken(house, &room.id, 0, 2000, "").await.is_empty());
});

//! A new time zone database: the time on the wall stays, instants follow, and every side hears of it.

use super::scene::{Scene, event};
use crate::house::{HOUR_MS, House, on_both};
use anteroom::ical::freebusy::BusyKind;
use anteroom::model::{
    Event, EventTime, Frequency, LinkState, Recurrence, ReservationClass, Rule, Timestamp, Uid, ZoneId,
};
use anteroom::store::instances::{self, NewInstance, Owner, Stored};
use anteroom::store::objects::{self, ObjectRow};
use anteroom::store::{audit, changes, links, operations, rooms, zones};
use std::collections::BTreeMap;

const OSLO: &str = "Europe/Oslo";

fn weekly(uid: &str, zone: &str) -> Event {
    let mut event = event(uid, uid, 9, 9);
    if let EventTime::Timed { zone: own, .. } = &mut event.when {
        *own = ZoneId::parse(zone).unwrap();
    }
    event.recurrence = Some(Recurrence { rule: Some(Rule::every(Frequency::Weekly)), ..Recurrence::default() });
    event
}

async fn row(scene: &Scene<'_>, uid: &str) -> ObjectRow {
    let uid = Uid(uid.to_owned());
    let mut tx = scene.house.read().await;
    objects::by_uid(&mut tx, scene.house.tenant(), &scene.room.id, &uid).await.unwrap().unwrap()
}

async fn stored(scene: &Scene<'_>, uid: &str) -> Vec<Stored> {
    let row = row(scene, uid).await;
    instances::of_object(&mut scene.house.read().await, scene.house.tenant(), &row.id).await.unwrap()
}

async fn seq(scene: &Scene<'_>) -> i64 {
    rooms::get(&mut scene.house.read().await, scene.house.tenant(), &scene.room.id).await.unwrap().unwrap().seq
}

async fn story(scene: &Scene<'_>, uid: &str) -> Vec<String> {
    let (tenant, uid) = (scene.house.tenant(), Uid(uid.to_owned()));
    let story = audit::of_event(&mut scene.house.read().await, tenant, &scene.room.id, &uid).await.unwrap();
    story.into_iter().map(|entry| format!("{} {}", entry.action, entry.detail)).collect()
}

/// As if the last run had computed by rules that put the clocks of a zone an hour earlier from April on.
async fn by_older_rules(house: &House, scene: &Scene<'_>, zone: &str, uids: &[&str]) {
    for uid in uids {
        let row = row(scene, uid).await;
        let old = |at: Timestamp| {
            if at.to_string().as_str() < "2026-03-20" { at } else { at.plus_ms(-HOUR_MS) }
        };
        let was = |one: Stored| NewInstance {
            start: old(one.start_ms),
            end: old(one.end_ms),
            recurrence_id: one.recurrence_id,
            busy: one.busy.then_some(BusyKind::Busy),
        };
        let all: Vec<NewInstance> = stored(scene, uid).await.into_iter().map(was).collect();
        let owner = Owner { tenant: &row.tenant_id, room: &row.room_id, object: &row.id };
        house.write_one(async |tx| instances::replace(tx, &owner, &all).await).await;
    }
    let mut known = zones::list(&mut house.read().await).await.unwrap();
    known.insert(zone.to_owned(), "older".to_owned());
    house.write_one(async |tx| zones::replace(tx, &known, "2025a").await).await;
}

on_both!(a_start_with_other_zone_rules_moves_what_lies_ahead_and_keeps_the_time_on_the_wall, |house| async {
    let scene = Scene::new(house, 1).await;
    for event in [weekly("choir", OSLO), weekly("call", "America/New_York"), event("single", "single", 31, 14)] {
        scene.put(&event).await.unwrap();
    }
    scene.settle().await;
    assert_eq!(scene.follow_zones().await, 0, "the first start has nothing to compare with");
    let (choir, call, single) =
        (stored(&scene, "choir").await, stored(&scene, "call").await, stored(&scene, "single").await);
    let (etag, before) = (row(&scene, "choir").await.etag, seq(&scene).await);
    by_older_rules(house, &scene, OSLO, &["choir", "single"]).await;
    assert_ne!(stored(&scene, "choir").await, choir);
    assert_eq!(scene.follow_zones().await, 2);
    assert_eq!(stored(&scene, "choir").await, choir);
    assert_eq!(stored(&scene, "single").await, single);
    assert_eq!(stored(&scene, "call").await, call);
    assert_eq!(row(&scene, "choir").await.etag, etag, "the octets say the same");
    let mut tx = house.read().await;
    let told = changes::since(&mut tx, house.tenant(), &scene.room.id, before, 100).await.unwrap();
    let names: Vec<String> = told.iter().map(|change| change.name.to_string()).collect();
    assert_eq!(names.len(), 2);
    for uid in ["choir", "single"] {
        assert!(names.contains(&row(&scene, uid).await.name.to_string()), "{names:?}");
    }
    let story = audit::of_event(&mut tx, house.tenant(), &scene.room.id, &Uid("choir".to_owned())).await.unwrap();
    let entry = story.iter().find(|entry| entry.action == "object.zone_rules").unwrap();
    assert_eq!(entry.actor, "system:zone-rules");
    assert!(entry.detail.contains("not at 2026-03-23T07:00:00Z"), "{}", entry.detail);
    let all = operations::of_tenant(&mut tx, house.tenant(), 100).await.unwrap();
    drop(tx);
    let open: Vec<&str> = all.iter().filter(|one| one.open).map(|one| one.uid.as_str()).collect();
    assert_eq!((open.len(), open.contains(&"choir"), open.contains(&"single")), (2, true, true), "both are sent");
    scene.settle().await;
    let standing = seq(&scene).await;
    assert_eq!(scene.follow_zones().await, 0, "the rules are known now");
    assert_eq!(seq(&scene).await, standing);
});

on_both!(a_booking_that_a_zone_pushes_into_another_one_is_a_conflict, |house| async {
    let scene = Scene::new(house, 0).await;
    scene.put(&event("single", "single", 31, 14)).await.unwrap();
    assert_eq!(scene.follow_zones().await, 0);
    by_older_rules(house, &scene, OSLO, &["single"]).await;
    let mut other = event("other", "other", 31, 14);
    if let EventTime::Timed { zone, start, end } = &mut other.when {
        *zone = ZoneId::utc();
        (*start, *end) = (start.with().hour(12).build().unwrap(), end.with().hour(13).build().unwrap());
    }
    // By the older rules the hour is free.
    scene.put(&other).await.unwrap();
    assert_eq!(scene.follow_zones().await, 1);
    assert_eq!(scene.open("slot_collision").await.uid.as_str(), "single");
});

on_both!(
    a_booking_that_a_zone_pushes_out_of_the_rooms_hours_is_a_conflict_and_what_stays_is_not_asked,
    |house| async {
        let scene = Scene::new(house, 0).await;
        scene.put(&weekly("call", "America/New_York")).await.unwrap();
        scene.put(&event("evening", "evening", 31, 20)).await.unwrap();
        assert_eq!(scene.follow_zones().await, 0);
        by_older_rules(house, &scene, "America/New_York", &["call"]).await;
        // Nine in New York is three in Oslo from 30 March on, and was two by the older rules.
        super::rules::set(&scene, r#"{"opening_hours":[{"days":["monday"],"from":"08:00","to":"15:30"}]}"#).await;
        assert_eq!(scene.follow_zones().await, 1);
        let told = scene.open("opening_hours").await;
        assert_eq!(told.uid.as_str(), "call", "who stands where he stood is not judged again");
        assert!(told.sentence.contains("15:00-16:00 on 2026-03-30 is outside"), "{}", told.sentence);
        // The next rules bring it back.
        super::rules::set(&scene, r#"{"opening_hours":[{"days":["monday"],"from":"08:00","to":"18:00"}]}"#).await;
        by_older_rules(house, &scene, "America/New_York", &["call"]).await;
        assert_eq!(scene.follow_zones().await, 1);
        let open: Vec<_> = scene.conflicts().await.into_iter().filter(|one| one.state == "open").collect();
        assert!(open.is_empty(), "{open:?}");
    }
);

on_both!(bookings_that_move_together_do_not_collide_on_the_way, |house| async {
    let scene = Scene::new(house, 0).await;
    for hour in [13, 14, 15] {
        let uid = format!("at{hour}");
        scene.put(&event(&uid, &uid, 31, hour)).await.unwrap();
    }
    assert_eq!(scene.follow_zones().await, 0);
    by_older_rules(house, &scene, OSLO, &["at13", "at14", "at15"]).await;
    assert_eq!(scene.follow_zones().await, 3);
    let kinds: Vec<String> = scene.conflicts().await.into_iter().map(|one| one.kind).collect();
    assert!(kinds.is_empty(), "{kinds:?}");
});

on_both!(an_allocation_that_an_event_moves_onto_gives_way_and_one_that_moves_along_is_not_told_again, |house| async {
    let scene = Scene::new(house, 1).await;
    let utc = |uid: &str, hour: i8| {
        let mut one = Event { class: ReservationClass::Allocation, ..event(uid, uid, 31, hour) };
        if let EventTime::Timed { zone, .. } = &mut one.when {
            *zone = ZoneId::utc();
        }
        one
    };
    // 31 March, 14:00 in Oslo is 12:00 in UTC, and was 11:00 by the older rules.
    for allocation in [utc("left", 11), utc("reached", 12)] {
        scene.put(&allocation).await.unwrap();
    }
    scene.put(&event("gala", "Gala", 31, 14)).await.unwrap();
    scene.put(&Event { class: ReservationClass::Allocation, ..event("along", "along", 31, 18) }).await.unwrap();
    scene.put(&event("play", "Play", 31, 18)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.follow_zones().await, 0);
    by_older_rules(house, &scene, OSLO, &["gala", "along", "play"]).await;
    let mut before = BTreeMap::new();
    for uid in ["left", "reached", "along"] {
        before.insert(uid, story(&scene, uid).await.len());
    }
    assert_eq!(scene.follow_zones().await, 3);
    assert_eq!(story(&scene, "reached").await[before["reached"]..], ["object.displaced under Gala (gala)"]);
    assert_eq!(story(&scene, "left").await[before["left"]..], ["object.restored no longer under Gala (gala)"]);
    let along = story(&scene, "along").await.split_off(before["along"]);
    assert!(along.iter().all(|line| !line.contains("displaced") && !line.contains("restored")), "{along:?}");
    scene.settle().await;
    let there = scene.remote().events(super::scene::CALENDAR);
    let mut titles: Vec<&str> = there.iter().map(|(_, event)| event.content.summary.as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Gala", "Play", "left"], "what lies under others does not show");
});

on_both!(what_shows_of_an_instance_is_told_in_the_instants_of_that_side_too, |house| async {
    let scene = Scene::keeping_instants(house).await;
    let mut long = Event { class: ReservationClass::Allocation, ..event("Handball", "Handball", 31, 14) };
    if let EventTime::Timed { end, .. } = &mut long.when {
        *end = end.with().hour(20).build().unwrap();
    }
    scene.put(&long).await.unwrap();
    scene.put(&event("gala", "Gala", 31, 16)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.follow_zones().await, 0);
    by_older_rules(house, &scene, OSLO, &["Handball", "gala"]).await;
    assert_eq!(scene.follow_zones().await, 2);
    let (mapping, uid) = (&scene.remotes[0].mapping, Uid("Handball".to_owned()));
    let links = links::of_uid(&mut house.read().await, house.tenant(), mapping, &uid).await.unwrap();
    let mut starts: Vec<i8> = links
        .iter()
        .filter(|link| link.state == LinkState::Linked)
        .map(|link| serde_json::from_str::<Event>(&link.base).unwrap().when.wall_start().hour())
        .collect();
    starts.sort_unstable();
    assert_eq!(starts, [13, 16], "the beginning and the rest lie an hour earlier there");
});

on_both!(a_side_that_keeps_instants_is_told_and_not_believed, |house| async {
    let scene = Scene::keeping_instants(house).await;
    scene.put(&event("single", "single", 31, 14)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.follow_zones().await, 0);
    by_older_rules(house, &scene, OSLO, &["single"]).await;
    // What that side has is the old instant, which the new rules read as an hour earlier.
    let id = scene.remote_id("single");
    scene.remote().change(super::scene::CALENDAR, &id, |event| {
        event.when = super::scene::event("single", "single", 31, 13).when;
    });
    assert_eq!(scene.follow_zones().await, 1);
    let (mapping, uid) = (&scene.remotes[0].mapping, Uid("single".to_owned()));
    let link = links::of_uid(&mut house.read().await, house.tenant(), mapping, &uid).await.unwrap().remove(0);
    assert!(link.base.contains("T13:00:00"), "the base is told in the instants of that side: {}", link.base);
    scene.settle().await;
    let wall = |event: &Event| event.when.wall_start().hour();
    assert_eq!(wall(&scene.hub().await["single"]), 14, "the hub keeps the time on the wall");
    let there = scene.remote().events(super::scene::CALENDAR);
    assert_eq!(there.iter().map(|(_, event)| wall(event)).collect::<Vec<_>>(), [14], "that side follows");
});

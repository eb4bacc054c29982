//! Conflicts, runs and the audit trail.

use super::{at, uid};
use crate::house::{House, on_both};
use anteroom::model::{Resolution, RoomId, TenantId};
use anteroom::store::audit::{self, Entry};
use anteroom::store::conflicts::{self, Conflict, EXPIRED, OPEN, RESOLVED};
use anteroom::store::runs::{self, Run};
use anteroom::store::zones;

fn conflict(house: &House, room: &RoomId, sentence: &str) -> Conflict {
    let opened = conflicts::Opened {
        room: (house.tenant(), room),
        mapping: "m1",
        uid: &uid("a"),
        kind: "rejected",
        sentence: sentence.to_owned(),
        versions: ("{}".to_owned(), String::new()),
        proposal: Some((Resolution::KeepHub, at(5))),
        standing: String::new(),
        now: house.now(),
    };
    opened.into()
}

async fn record(house: &House, conflict: &Conflict) {
    house.write_one(async |tx| conflicts::record(tx, conflict).await).await;
}

async fn count(house: &House, state: &str) -> usize {
    conflicts::list(&mut house.read().await, house.tenant(), state, 100).await.unwrap().len()
}

on_both!(the_same_conflict_is_recorded_once_while_it_is_open, |house| async {
    let room = house.room("Hall").await;
    record(house, &conflict(house, &room.id, "closed on Sundays")).await;
    record(house, &conflict(house, &room.id, "closed on Sundays")).await;
    record(house, &conflict(house, &room.id, "taken by the choir")).await;
    assert_eq!(count(house, OPEN).await, 2);
    let mut tx = house.read().await;
    assert_eq!(conflicts::count_open(&mut tx, house.tenant()).await.unwrap(), 2);
    assert_eq!(conflicts::count_open(&mut tx, &TenantId::fresh()).await.unwrap(), 0);
});

on_both!(a_conflict_whose_cause_is_gone_expires_by_itself, |house| async {
    let room = house.room("Hall").await;
    record(house, &conflict(house, &room.id, "closed on Sundays")).await;
    record(house, &Conflict { uid: uid("b"), ..conflict(house, &room.id, "closed on Sundays") }).await;
    house
        .write_one(async |tx| {
            conflicts::settle(tx, (house.tenant(), &room.id, &uid("a")), "m1", at(1), "accepted later").await
        })
        .await;
    assert_eq!((count(house, OPEN).await, count(house, EXPIRED).await, count(house, "").await), (1, 1, 2));
    let settled = conflicts::list(&mut house.read().await, house.tenant(), EXPIRED, 1).await.unwrap().remove(0);
    assert_eq!((settled.decided_ms, settled.decision.as_str()), (Some(at(1)), "accepted later"));
    record(house, &conflict(house, &room.id, "closed on Sundays")).await;
    assert_eq!(count(house, OPEN).await, 2, "it may arise again");
});

on_both!(a_person_decides_once, |house| async {
    let room = house.room("Hall").await;
    let open = conflict(house, &room.id, "closed on Sundays");
    record(house, &open).await;
    let resolve = async |tenant: &TenantId| {
        house
            .write_one(async |tx| {
                let decided = conflicts::Decided { state: RESOLVED, decision: "keep_hub", by: "anna", now: at(1) };
                conflicts::decide(tx, tenant, &open.id, &decided).await
            })
            .await
    };
    assert!(!resolve(&TenantId::fresh()).await);
    assert!(resolve(house.tenant()).await);
    assert!(!resolve(house.tenant()).await);
    assert_eq!(count(house, RESOLVED).await, 1);
});

on_both!(a_conflict_is_overdue_from_its_deadline_and_forgotten_by_age_once_it_is_decided, |house| async {
    let room = house.room("Hall").await;
    let open = conflict(house, &room.id, "closed on Sundays");
    record(house, &open).await;
    let mut tx = house.read().await;
    assert_eq!(conflicts::overdue(&mut tx, at(4), 10).await.unwrap(), []);
    assert_eq!(conflicts::overdue(&mut tx, at(5), 10).await.unwrap(), std::slice::from_ref(&open));
    drop(tx);
    house.write_one(async |tx| conflicts::forget(tx, at(9)).await).await;
    assert_eq!(count(house, OPEN).await, 1, "what waits is never forgotten");
    let decided = conflicts::Decided { state: RESOLVED, decision: "keep_hub", by: "anna", now: at(6) };
    house.write_one(async |tx| conflicts::decide(tx, house.tenant(), &open.id, &decided).await).await;
    house.write_one(async |tx| conflicts::forget(tx, at(6)).await).await;
    assert_eq!(count(house, "").await, 1);
    house.write_one(async |tx| conflicts::forget(tx, at(7)).await).await;
    assert_eq!(count(house, "").await, 0);
});

on_both!(a_later_ruling_takes_the_place_of_an_earlier_one, |house| async {
    let room = house.room("Hall").await;
    for _ in 0..2 {
        let ruling = Conflict { kind: "field_conflict".to_owned(), ..conflict(house, &room.id, "both changed it") };
        record(house, &ruling).await;
    }
    let first = conflicts::list(&mut house.read().await, house.tenant(), conflicts::AUTO, 9).await.unwrap().remove(0);
    assert_eq!((first.decision.as_str(), first.decided_by.as_str()), ("keep_hub", "rule"));
    assert_eq!(count(house, OPEN).await, 1);
    let settle = conflicts::settle;
    house.write_one(async |tx| settle(tx, (house.tenant(), &room.id, &uid("a")), "m1", at(1), "agreed").await).await;
    assert_eq!(count(house, OPEN).await, 1, "a person may still overrule it");
});

on_both!(runs_are_listed_newest_first_and_forgotten_by_age, |house| async {
    let (_, mapping) = house.mapped_room().await;
    for hour in 0..3 {
        let run = Run {
            id: uuid::Uuid::now_v7().to_string(),
            tenant_id: house.tenant().clone(),
            mapping_id: mapping.id.clone(),
            kind: "changes".to_owned(),
            started_ms: at(hour),
            ended_ms: at(hour + 1),
            seen: hour,
            applied: 0,
            outcome: "ok".to_owned(),
            detail: String::new(),
        };
        house.write_one(async |tx| runs::insert(tx, &run).await).await;
    }
    let seen = async |limit| {
        let runs = runs::list(&mut house.read().await, house.tenant(), limit).await.unwrap();
        runs.into_iter().map(|run| run.seen).collect::<Vec<_>>()
    };
    assert_eq!(seen(2).await, [2, 1]);
    house.write_one(async |tx| runs::forget(tx, at(2)).await).await;
    assert_eq!(seen(10).await, [2, 1], "only the one that ended before 2 is gone");
});

on_both!(the_audit_trail_tells_the_story_of_one_event_in_order, |house| async {
    let room = house.room("Hall").await;
    for (hour, action, of) in [(0, "object.create", "a"), (1, "object.create", "b"), (1, "object.update", "a")] {
        let uid = uid(of);
        let entry = Entry {
            tenant: house.tenant(),
            at: at(hour),
            actor: "principal:anna",
            action,
            room: Some(&room.id),
            uid: Some(&uid),
            seq: hour + 1,
            detail: "",
        };
        house.write_one(async |tx| audit::append(tx, &entry).await).await;
    }
    let mut tx = house.read().await;
    let story = audit::of_event(&mut tx, house.tenant(), &room.id, &uid("a")).await.unwrap();
    assert_eq!(story.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["object.create", "object.update"]);
    let latest = audit::latest(&mut tx, house.tenant(), 2).await.unwrap();
    assert_eq!(latest.iter().map(|row| row.at_ms).collect::<Vec<_>>(), [at(1), at(1)]);
    assert!(audit::latest(&mut tx, &TenantId::fresh(), 2).await.unwrap().is_empty());
});

on_both!(the_rules_of_zones_are_those_of_the_last_release_that_was_remembered, |house| async {
    assert!(zones::list(&mut house.read().await).await.unwrap().is_empty());
    let all = |rules: &str, count: usize| (0..count).map(|n| (format!("Zone/{n}"), rules.to_owned())).collect();
    for (rules, count) in [("older", 450), ("newer", 401)] {
        let known = all(rules, count);
        house.write_one(async |tx| zones::replace(tx, &known, "2026a").await).await;
        assert_eq!(zones::list(&mut house.read().await).await.unwrap(), known);
    }
});

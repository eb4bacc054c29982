//! What an operator does: look before doing, approve, leave, and check.

use super::scene::{CALENDAR, Scene, event};
use crate::house::on_both;
use anteroom::bridge::memory::Fault;
use anteroom::bridge::{Bridge, BridgeError, IdempotencyKey, RemoteCalendar};
use anteroom::manage::{self, Acting};
use anteroom::model::{Authority, MappingState, TimeRange};
use anteroom::store::{links, mappings, rooms};
use anteroom::sync::{self, Leaving, PlanAct, PlanSide};
use std::collections::BTreeMap;

/// Everything that a sync may write, on both sides.
async fn state(scene: &Scene<'_>) -> (String, Vec<String>, u64) {
    let mapping = scene.mapping().await;
    let mut tx = scene.house.read().await;
    let links = links::of_mapping(&mut tx, &mapping.tenant_id, &mapping.id).await.unwrap();
    let hub: BTreeMap<String, String> =
        scene.hub().await.into_iter().map(|(uid, event)| (uid, format!("{event:?}"))).collect();
    (format!("{mapping:?}{links:?}{hub:?}"), scene.remote_titles(0), scene.remote().writes())
}

on_both!(a_plan_says_what_a_sync_would_do_and_writes_nothing, |house| async {
    let scene = Scene::with_authority(house, 1, Authority::Remote).await;
    for (uid, day) in [("keep", 3), ("edit", 4), ("drop", 5), ("both", 6), ("gone", 7)] {
        scene.put(&event(uid, uid, day, 9)).await.unwrap();
    }
    scene.settle().await;
    scene.put(&event("edit", "edited here", 4, 9)).await.unwrap();
    scene.put(&event("both", "hub's", 6, 9)).await.unwrap();
    scene.delete("drop").await.unwrap();
    scene.put(&event("new", "new here", 8, 9)).await.unwrap();
    let there = scene.remote();
    there.change(CALENDAR, &scene.remote_id("both"), |event| event.content.summary = "theirs".to_owned());
    there.cancel(CALENDAR, &scene.remote_id("gone"));
    there.book(CALENDAR, event("far", "new there", 9, 9));

    let before = state(&scene).await;
    let plan = scene.plan().await;
    assert_eq!(state(&scene).await, before, "a dry run writes nothing");
    let mut steps: Vec<(PlanSide, PlanAct, &str)> =
        plan.steps.iter().map(|step| (step.side, step.act, step.title.as_str())).collect();
    steps.sort();
    let expected = [
        (PlanSide::Hub, PlanAct::Create, "new there"),
        (PlanSide::Hub, PlanAct::Change, "theirs"),
        (PlanSide::Hub, PlanAct::Delete, "gone"),
        (PlanSide::Remote, PlanAct::Create, "new here"),
        (PlanSide::Remote, PlanAct::Change, "edited here"),
        (PlanSide::Remote, PlanAct::Change, "theirs"),
        (PlanSide::Remote, PlanAct::Delete, "drop"),
    ];
    assert_eq!((steps, plan.in_step), (expected.to_vec(), 1), "{}", plan.summary());
    assert!(plan.steps.iter().all(|step| step.start.starts_with("2026-03-")));

    scene.settle().await;
    let titles = ["edited here", "keep", "new here", "new there", "theirs"];
    assert_eq!(
        (scene.titles().await, scene.remote_titles(0)),
        (titles.map(str::to_owned).to_vec(), titles.map(str::to_owned).to_vec())
    );
    let plan = scene.plan().await;
    assert_eq!((plan.steps.as_slice(), plan.in_step), ([].as_slice(), 5), "then nothing is left to do");
});

on_both!(a_plan_tells_the_verdict_of_the_brake, |house| async {
    let scene = Scene::new(house, 1).await;
    for day in 3..23 {
        scene.remote().book(CALENDAR, event(&format!("x{day}"), "Lesson", day, 9));
    }
    scene.settle().await;
    for (id, _) in scene.remote().events(CALENDAR).into_iter().take(15) {
        scene.remote().cancel(CALENDAR, &id);
    }
    let plan = scene.plan().await;
    assert_eq!(plan.count(PlanSide::Hub, PlanAct::Delete), 15);
    assert!(plan.brake.unwrap().contains("15 of 20"));
});

on_both!(a_first_contact_waits_with_its_plan_until_it_is_approved, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.set_state(MappingState::AwaitingApproval).await;
    scene.put(&event("ours", "Budget", 3, 9)).await.unwrap();
    scene.put(&event("here", "Only here", 4, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("theirs", "Budget", 3, 9));
    scene.remote().book(CALENDAR, event("there", "Only there", 5, 9));
    scene.settle().await;
    scene.keep_house().await;
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len(), scene.remote().writes()), (2, 2, 0));
    let waiting = scene.mapping().await;
    let summary = "hub: 1 to create, 0 to change, 0 to delete; remote: 1 to create, 0 to change, 0 to delete; \
                   1 recognised as one booking";
    assert!(waiting.reason.contains(summary), "{}", waiting.reason);
    let mut tx = house.write().await;
    let acting = Acting { tenant: house.tenant(), actor: "principal:ada", now: house.now() };
    manage::mappings::approve(&mut tx, &acting, &waiting.id).await.unwrap();
    tx.commit().await.unwrap();
    scene.settle().await;
    let all = ["Budget", "Only here", "Only there"].map(str::to_owned).to_vec();
    assert_eq!((scene.titles().await, scene.remote_titles(0), scene.remote().writes()), (all.clone(), all, 1));
});

on_both!(leaving_takes_our_copies_along_and_nothing_else, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("paired", "On both sides", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("theirs", "On both sides", 3, 9));
    scene.remote().book(CALENDAR, event("x", "Choir", 4, 9));
    scene.settle().await;
    scene.put(&event("a", "Budget", 5, 9)).await.unwrap();
    scene.put(&event("b", "Chess", 6, 9)).await.unwrap();
    scene.settle().await;
    let (engine, tenant, mapping) = (&scene.engine, house.tenant(), &scene.remotes[0].mapping);
    let copies = sync::copies(engine, tenant, mapping).await.unwrap();
    let titles: Vec<&str> = copies.iter().map(|copy| copy.title.as_str()).collect();
    assert_eq!(titles, ["Budget", "Chess"]);
    let unconfirmed = sync::purge(engine, tenant, mapping, (3, Leaving::Remove), "ada").await.unwrap_err();
    assert!(unconfirmed.to_string().contains("there are 2 copies"), "{unconfirmed}");
    assert_eq!(scene.remote_titles(0).len(), 4);

    scene.remote().fail_next([Fault::Before(BridgeError::Transport("down".to_owned()))]);
    sync::purge(engine, tenant, mapping, (2, Leaving::Remove), "ada").await.unwrap_err();
    let purged = sync::purge(engine, tenant, mapping, (2, Leaving::Remove), "ada").await.unwrap();
    assert_eq!((purged.removed, purged.left.len()), (2, 0));
    scene.settle().await;
    assert_eq!(scene.remote_titles(0), ["Choir", "On both sides"]);
    assert_eq!(scene.titles().await, ["Budget", "Chess", "Choir", "On both sides"]);
    assert_eq!(scene.mapping().await.state, MappingState::Removed);
});

on_both!(a_copy_whose_link_was_lost_is_known_by_its_key, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.settle().await;
    let mapping = scene.mapping().await;
    let all = links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    let gone = links::Link { id: anteroom::model::LinkId::fresh(), remote_id: None, ..all[0].clone() };
    let key = gone.create_key.clone();
    house
        .write_one(async |tx| {
            let forgotten = links::Link { state: anteroom::model::LinkState::Forgotten, ..all[0].clone() };
            links::put(tx, &links::Link { create_key: "lost".to_owned(), remote_id: None, ..forgotten }).await
        })
        .await;
    let at = RemoteCalendar { id: CALENDAR.to_owned(), name: "x".to_owned(), zone: scene.room.zone.clone() };
    let foreign = IdempotencyKey("of another tool".to_owned());
    scene.remote().create(&at, &event("f", "Foreign", 4, 9), &foreign).await.unwrap();
    let items = scene.remote().read_all(&at, TimeRange::ALL).await.unwrap();
    assert!(items.items().iter().any(|item| item.key.as_ref().is_some_and(|found| found.0 == key)));
    let copies = sync::copies(&scene.engine, house.tenant(), &mapping.id).await.unwrap();
    let titles: Vec<&str> = copies.iter().map(|copy| copy.title.as_str()).collect();
    assert_eq!(titles, ["Budget"]);
});

on_both!(what_is_in_step_has_no_violation_and_what_is_not_is_named_with_its_evidence, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.put(&event("b", "Chess", 4, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "Choir", 5, 9));
    scene.settle().await;
    let report = scene.verify().await;
    assert_eq!((report.violations.as_slice(), report.mappings, report.compared), ([].as_slice(), 1, 3), "{report:?}");

    let there = scene.remote();
    there.cancel(CALENDAR, &scene.remote_id("Chess"));
    there.change(CALENDAR, &scene.remote_id("Choir"), |event| event.content.summary = "Choir II".to_owned());
    there.book(CALENDAR, event("y", "Unseen", 6, 9));
    let mapping = scene.mapping().await;
    let all = links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap();
    let budget = all.into_iter().find(|link| link.uid.as_str() == "a").unwrap();
    let forgotten = links::Link { state: anteroom::model::LinkState::Forgotten, ..budget };
    house.write_one(async |tx| links::put(tx, &forgotten).await).await;
    let report = scene.verify().await;
    let mut found: Vec<(&str, &str)> =
        report.violations.iter().map(|one| (one.invariant.as_str(), one.uid.as_deref().unwrap())).collect();
    found.sort_unstable();
    let expected = [("convergence", "b"), ("convergence", "x"), ("no_loss", "a"), ("no_loss", "a"), ("no_loss", "y")];
    assert_eq!(found, expected, "{:?}", report.violations);
    assert!(report.violations.iter().any(|one| one.evidence.contains("Choir II")), "{:?}", report.violations);
    let lenient = sync::verify(&scene.engine, house.tenant(), None, false).await.unwrap();
    assert!(lenient.waiting >= 3, "what people did since the last read is not known yet: {lenient:?}");
});

on_both!(bookings_that_may_overlap_violate_nothing, |house| async {
    let mut scene = Scene::new(house, 1).await;
    scene.room.allow_overlaps = true;
    house.write_one(async |tx| rooms::update(tx, &scene.room).await).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.put(&event("b", "Chess", 3, 9)).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.verify().await.violations, []);
    scene.room.allow_overlaps = false;
    house.write_one(async |tx| rooms::update(tx, &scene.room).await).await;
    let found = scene.verify().await.violations;
    assert_eq!(found.iter().map(|one| one.invariant.as_str()).collect::<Vec<_>>(), ["slot_exclusivity"], "{found:?}");
});

on_both!(a_mapping_that_is_not_at_work_is_not_looked_at_and_said_so, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    scene.set_state(MappingState::Held).await;
    let report = scene.verify().await;
    assert_eq!((report.mappings, report.skipped.len()), (0, 1));
    scene.set_state(MappingState::Active).await;
    scene.remote().fail_next([Fault::Before(BridgeError::Transport("down".to_owned()))]);
    assert!(scene.verify().await.skipped[0].contains("down"));
});

on_both!(the_story_of_a_mapping_that_waits_for_approval_is_told_by_its_state, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.set_state(MappingState::AwaitingApproval).await;
    scene.remote().fail_next([Fault::Before(BridgeError::Transport("down".to_owned()))]);
    scene.keep_house().await;
    let mapping = mappings::get(&mut house.read().await, house.tenant(), &scene.remotes[0].mapping).await.unwrap();
    assert!(mapping.unwrap().last_error.contains("down"), "a plan that cannot be made says why");
});

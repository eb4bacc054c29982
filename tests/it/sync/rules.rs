//! Bookings of remote systems and the rules of the room: nothing is refused, everything is told.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{House, START, on_both};
use anteroom::config::Limits;
use anteroom::manage::Acting;
use anteroom::manage::approvals::{self, Decision};
use anteroom::model::{EventStatus, RoomRules};
use anteroom::store::approvals as stored;
use anteroom::store::pages::Page;
use anteroom::store::rules::RulesRow;
use anteroom::store::{conflicts, rules};

async fn set(scene: &Scene<'_>, json: &str) {
    let rules: RoomRules = serde_json::from_str(json).unwrap();
    let row = RulesRow { room_id: scene.room.id.clone(), rules, changed_ms: START, changed_by: "test".to_owned() };
    scene.house.write_one(async |tx| rules::put(tx, scene.house.tenant(), &row).await).await;
}

async fn open_kinds(house: &House) -> Vec<String> {
    let mut tx = house.read().await;
    let found = conflicts::list(&mut tx, house.tenant(), conflicts::OPEN, 10).await.unwrap();
    let mut kinds: Vec<String> = found.into_iter().map(|conflict| conflict.kind).collect();
    kinds.sort();
    kinds
}

on_both!(a_remote_booking_that_breaks_rules_stands_and_is_told_until_it_moves, |house| async {
    let scene = Scene::new(house, 1).await;
    set(
        &scene,
        r#"{"opening_hours":[{"days":["monday","tuesday","wednesday","thursday","friday"],
        "from":"08:00","to":"16:00"}],"buffer_after_minutes":30}"#,
    )
    .await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "Late", 3, 18));
    scene.remote().book(CALENDAR, event("y", "Near", 3, 10));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["Budget", "Late", "Near"], "nothing is lost");
    assert_eq!(open_kinds(house).await, ["buffer", "opening_hours"]);
    for (title, hour) in [("Late", 14), ("Near", 12)] {
        let id = scene.remote_id(title);
        scene.remote().change(CALENDAR, &id, |booking| booking.when = event("z", "", 3, hour).when);
    }
    scene.settle().await;
    assert_eq!(open_kinds(house).await, Vec::<String>::new());
});

on_both!(a_confirmation_reaches_the_remote_side_and_so_does_a_refusal, |house| async {
    let scene = Scene::new(house, 1).await;
    set(&scene, r#"{"approval":true}"#).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.put(&event("b", "Choir", 3, 12)).await.unwrap();
    scene.settle().await;
    let status = |title: &str| {
        let events = scene.remote().events(CALENDAR);
        events.into_iter().find(|(_, event)| event.content.summary == title).map(|(_, event)| event.content.status)
    };
    assert_eq!((status("Budget"), status("Choir")), (Some(EventStatus::Tentative), Some(EventStatus::Tentative)));
    let limits = Limits::default();
    let mut tx = house.write().await;
    let acting = Acting { tenant: house.tenant(), actor: "test", now: house.now() };
    for request in stored::list(&mut tx, house.tenant(), Page { after: "", limit: 9 }, ("", "")).await.unwrap() {
        let decision = if request.summary == "Budget" { Decision::Confirm } else { Decision::Decline };
        approvals::decide(&mut tx, &acting, &limits, &request.id, (decision, "")).await.unwrap();
    }
    tx.commit().await.unwrap();
    scene.settle().await;
    assert_eq!(status("Budget"), Some(EventStatus::Confirmed));
    assert!(matches!(status("Choir"), None | Some(EventStatus::Cancelled)), "{:?}", status("Choir"));
});

//! The drill: bookings on three sides, a backup, more of everything, the backup put back, and all sides in step again.

use super::{filled, put_back, saved};
use crate::house::on_both;
use crate::sync::scene::{CALENDAR, Scene, event};
use anteroom::manage::backup::Target;
use anteroom::model::{ERA, TenantId};
use anteroom::store::{audit, rooms, tenants};
use std::collections::BTreeMap;

/// What happens after the backup: new ones, changed ones and removed ones on every side.
async fn goes_on(scene: &Scene<'_>) {
    scene.put(&event("late", "Late", 20, 9)).await.unwrap();
    scene.remotes[0].bridge.book(CALENDAR, event("late-b", "Late choir", 20, 12));
    scene.put(&event("a5", "Moved", 21, 9)).await.unwrap();
    let id = scene.remote_id("Choir 6");
    scene.remote().change(CALENDAR, &id, |event| event.content.summary = "Big choir".to_owned());
    scene.delete("a7").await.unwrap();
    scene.remote().cancel(CALENDAR, &scene.remote_id("Choir 8"));
    scene.settle().await;
    // What nobody was told of yet.
    scene.put(&event("unsent", "Unsent", 22, 9)).await.unwrap();
    scene.remotes[1].bridge.book(CALENDAR, event("unread", "Unread", 22, 12));
}

/// The hub and both remote calendars show the same, each booking once; answers what they show.
async fn in_step(scene: &Scene<'_>) -> BTreeMap<String, usize> {
    let mut counts: [BTreeMap<String, usize>; 3] = Default::default();
    let sides = [scene.titles().await, scene.remote_titles(0), scene.remote_titles(1)];
    for (count, titles) in counts.iter_mut().zip(sides) {
        for title in titles {
            *count.entry(title).or_default() += 1;
        }
    }
    let [hub, first, second] = counts;
    assert_eq!((&hub, &hub), (&first, &second), "the sides differ");
    assert!(hub.values().all(|count| *count == 1), "something is doubled: {hub:?}");
    hub
}

fn is_after_the_drill(shown: &BTreeMap<String, usize>) {
    // What reached another side comes back from there, what was the hub's own is as it was in the backup.
    for title in ["Late", "Late choir", "Unread", "Big choir", "Choir 3", "Chess 9"] {
        assert!(shown.contains_key(title), "{title} is lost: {shown:?}");
    }
    assert!(!shown.contains_key("Choir 8"), "what was removed elsewhere came back: {shown:?}");
    assert!(shown.contains_key("Moved") || shown.keys().any(|title| title.contains("«5»")), "{shown:?}");
}

on_both!(f60_after_a_restore_of_everything_no_booking_is_lost_or_doubled_on_three_sides, |house| async {
    let scene = filled(house).await;
    let (_folder, path) = saved(house, None).await;
    goes_on(&scene).await;
    put_back(house, &path, Target::Everything).await.unwrap();
    assert_eq!(scene.titles().await.len(), 29, "the hub is as it was");
    scene.settle().await;
    let shown = in_step(&scene).await;
    is_after_the_drill(&shown);
    // The same backup once more: the second time begins from where the first did, and ends at the same.
    put_back(house, &path, Target::Everything).await.unwrap();
    scene.settle().await;
    assert_eq!(in_step(&scene).await, shown);
});

async fn seq(scene: &Scene<'_>, tenant: &TenantId) -> i64 {
    let mut tx = scene.house.read().await;
    rooms::get(&mut tx, tenant, &scene.room.id).await.unwrap().unwrap().seq
}

on_both!(f60_one_tenant_is_set_back_while_another_goes_on, |house| async {
    let scene = filled(house).await;
    let village = house.another_tenant("village").await;
    // Of a backup of everything and of one of the tenant alone.
    let whole = saved(house, None).await;
    let alone = saved(house, Some(house.tenant_row())).await;
    goes_on(&scene).await;
    let theirs = tenants::Tenant { name: "Village on the hill".to_owned(), ..village.clone() };
    house.write_one(async |tx| tenants::update(tx, &theirs).await).await;
    let entries = async || audit::latest(&mut house.read().await, house.tenant(), 10_000).await.unwrap().len();
    let (before, mut last) = (entries().await, seq(&scene, house.tenant()).await);
    for (_folder, path) in [&alone, &whole] {
        let done = put_back(house, path, Target::Tenant("example".to_owned())).await.unwrap();
        assert_eq!((done.left_out, scene.titles().await.len()), (0, 29));
        let now = seq(&scene, house.tenant()).await;
        assert!(now / ERA > last / ERA, "numbers of the lost time are given again");
        last = now;
        scene.settle().await;
        is_after_the_drill(&in_step(&scene).await);
        let kept = tenants::by_key(&mut house.read().await, "village").await.unwrap().unwrap();
        assert_eq!(kept.name, "Village on the hill", "another tenant was set back too");
    }
    assert!(entries().await > before, "what happened in the lost time is still in the audit");
    let nobody = put_back(house, &whole.1, Target::Tenant("nobody".to_owned())).await.unwrap_err().to_string();
    assert!(nobody.contains("nobody"), "{nobody}");
    let mixed = put_back(house, &alone.1, Target::Everything).await.unwrap_err().to_string();
    assert!(mixed.contains("--tenant example"), "{mixed}");
    scene.settle().await;
    is_after_the_drill(&in_step(&scene).await);
});

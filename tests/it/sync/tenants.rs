//! What becomes of the work of a tenant that is suspended, drained, limited or removed, and of the others meanwhile.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{House, on_both};
use anteroom::bridge::memory::MemoryBridge;
use anteroom::bridge::{
    Bridge, BridgeError, Complete, Cursor, Hook, IdempotencyKey, Known, Probe, Projection, Reading, RemoteCalendar,
    RemoteId, RemoteItem, Subscribed, Unrepresentable,
};
use anteroom::config::Limits;
use anteroom::crypt::{Key, KeyRing, Keys};
use anteroom::manage::tenants::{Flags, TenantLimits, TenantPatch};
use anteroom::manage::{self, Acting};
use anteroom::model::{
    BridgeId, BridgeKind, Clock, Event, MappingId, MappingState, RoomId, TenantId, TenantState, TimeRange,
};
use anteroom::observe::Metrics;
use anteroom::observe::names;
use anteroom::store::bridges::BridgeRow;
use anteroom::store::mappings::Mapping;
use anteroom::store::rooms::Room;
use anteroom::store::tenants::Tenant;
use anteroom::store::{audit, bridges, links, mappings, objects, rooms, runs, subscriptions, tenants};
use anteroom::sync::{self, Copies, Engine, Nudge, Settings, Worker};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

fn acting(house: &House) -> Acting<'_> {
    Acting { tenant: house.tenant(), actor: "test", now: house.now() }
}

async fn state(house: &House) -> TenantState {
    tenants::get(&mut house.read().await, house.tenant()).await.unwrap().unwrap().state
}

async fn set(house: &House, patch: TenantPatch) {
    let mut tx = house.write().await;
    manage::tenants::update(&mut tx, &acting(house), &patch).await.unwrap();
    tx.commit().await.unwrap();
}

on_both!(a_suspended_tenant_is_not_synchronised_and_goes_on_where_it_stopped, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    let mut tx = house.write().await;
    manage::tenants::suspend(&mut tx, &acting(house), "unpaid").await.unwrap();
    tx.commit().await.unwrap();
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "From afar", 4, 9));
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote().writes()), (vec!["Budget".to_owned()], 0));

    let mut tx = house.write().await;
    manage::tenants::resume(&mut tx, &acting(house)).await.unwrap();
    tx.commit().await.unwrap();
    scene.settle().await;
    assert_eq!((scene.titles().await.len(), scene.remote_titles(0).len()), (2, 2));
});

on_both!(a_draining_tenant_is_suspended_when_its_outbox_is_empty_and_not_before, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    let mut tx = house.write().await;
    manage::tenants::drain(&mut tx, &acting(house), "moves").await.unwrap();
    tx.commit().await.unwrap();
    scene.keep_house().await;
    assert_eq!(state(house).await, TenantState::Draining, "something is left to send");
    scene.run().await;
    assert_eq!(scene.remote_titles(0), ["Budget"], "what waited is sent");
    scene.keep_house().await;
    assert_eq!(state(house).await, TenantState::Suspended);
    let story = audit::latest(&mut house.read().await, house.tenant(), 1).await.unwrap();
    assert_eq!((story[0].action.as_str(), story[0].actor.as_str()), ("tenant.suspend", "reconciler"));
});

on_both!(what_waits_for_a_person_does_not_keep_a_tenant_from_being_drained, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    scene.set_state(MappingState::Held).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    let mut tx = house.write().await;
    manage::tenants::drain(&mut tx, &acting(house), "moves").await.unwrap();
    tx.commit().await.unwrap();
    scene.keep_house().await;
    assert_eq!(state(house).await, TenantState::Suspended);
});

on_both!(a_run_takes_over_no_more_than_it_may_and_the_next_one_goes_on, |house| async {
    let scene = Scene::new(house, 1).await;
    let limits = TenantLimits { max_events_per_sync: Some(50), ..TenantLimits::default() };
    set(house, TenantPatch { limits, ..TenantPatch::default() }).await;
    for number in 0..120 {
        let (day, hour) = (1 + i8::try_from(number / 8).unwrap(), 8 + i8::try_from(number % 8).unwrap());
        scene.remote().book(CALENDAR, event(&format!("x{number}"), &format!("Title {number}"), day, hour));
    }
    scene.settle().await;
    assert_eq!(scene.titles().await.len(), 120, "all of it arrives");
    let mut applied: Vec<i64> =
        runs::list(&mut house.read().await, house.tenant(), 100).await.unwrap().iter().map(|run| run.applied).collect();
    applied.retain(|many| *many > 0);
    applied.sort_unstable();
    assert_eq!(applied, [20, 50, 50]);
});

on_both!(without_deletion_sync_every_removal_waits_for_a_person, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.remote().book(CALENDAR, event("x", "From afar", 4, 9));
    scene.settle().await;
    let flags = Flags { deletion_sync_enabled: Some(false), ..Flags::default() };
    set(house, TenantPatch { flags, ..TenantPatch::default() }).await;
    scene.remote().cancel(CALENDAR, &scene.remote_id("From afar"));
    scene.settle().await;
    assert_eq!(scene.titles().await, ["From afar"]);
    assert_eq!(scene.mapping().await.state, MappingState::Held);
});

on_both!(
    a_tenant_without_webhooks_gives_its_subscriptions_back_and_gets_them_again_when_it_wants_them,
    |house| async {
        let scene = Scene::new(house, 1).await;
        scene.remote().take_subscriptions();
        let worker = scene.reachable("one");
        let mapping = scene.mapping().await;
        let living = async || {
            worker.keep_house_once().await.unwrap();
            subscriptions::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap().len()
        };
        let wants = async |webhook_enabled| {
            let flags = Flags { webhook_enabled: Some(webhook_enabled), ..Flags::default() };
            set(house, TenantPatch { flags, ..TenantPatch::default() }).await;
        };
        assert_eq!(living().await, 1);
        wants(false).await;
        living().await;
        assert_eq!((living().await, scene.remote().subscribed()), (0, 0), "neither here nor there");
        wants(true).await;
        assert_eq!((living().await, scene.remote().subscribed()), (1, 1));
    }
);

on_both!(a_tenant_that_is_not_monitored_has_no_numbers_of_its_own, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    let metrics = Arc::new(Metrics::new());
    let worker = scene.watched(&metrics);
    let key = tenants::get(&mut house.read().await, house.tenant()).await.unwrap().unwrap().tenant_key;
    let pending = async || {
        worker.keep_house_once().await.unwrap();
        metrics.value(&names::OPERATIONS_PENDING, &[&key])
    };
    assert_eq!(pending().await, Some(1.0));
    let flags = Flags { health_monitoring: Some(false), ..Flags::default() };
    set(house, TenantPatch { flags, ..TenantPatch::default() }).await;
    assert_eq!(pending().await, None, "what was told before is not told for ever");
    assert!(!metrics.render().contains(&format!("tenant=\"{key}\"")), "{}", metrics.render());
});

on_both!(a_removed_room_leaves_links_without_content_and_a_removed_tenant_its_audit_alone, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().book(CALENDAR, event("x", "From afar", 4, 9));
    scene.settle().await;
    let mapping = scene.mapping().await;
    let mut tx = house.write().await;
    let refused = manage::rooms::remove(&mut tx, &acting(house), &scene.room.slug).await.unwrap_err().to_string();
    assert!(refused.contains("have not ended"), "{refused}");
    drop(tx);
    let ending = std::slice::from_ref(&mapping);
    let removed = sync::leave(&scene.engine, house.tenant(), ending, Copies::Purge, "test").await.unwrap();
    assert_eq!((removed, scene.remote_titles(0)), (1, vec!["From afar".to_owned()]), "ours goes, theirs stays");
    let mut tx = house.write().await;
    manage::rooms::remove(&mut tx, &acting(house), &scene.room.slug).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = house.read().await;
    assert_eq!(objects::count(&mut tx, house.tenant(), &scene.room.id).await.unwrap(), 0);
    let left = links::of_tenant(&mut tx, house.tenant(), 10).await.unwrap();
    assert!(!left.is_empty() && left.iter().all(|link| link.base.is_empty() && link.sent.is_empty()), "{left:?}");
    drop(tx);
    house.room("Council hall").await;

    let mut tx = house.write().await;
    manage::tenants::suspend(&mut tx, &acting(house), "leaves").await.unwrap();
    manage::tenants::remove(&mut tx, &acting(house)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = house.read().await;
    assert!(rooms::list(&mut tx, house.tenant()).await.unwrap().is_empty());
    assert!(links::of_tenant(&mut tx, house.tenant(), 10).await.unwrap().is_empty());
    assert!(audit::latest(&mut tx, house.tenant(), 100).await.unwrap().len() > 5);
    assert_eq!(state(house).await, TenantState::Removed);
});

/// A remote system that takes its time and then fails.
struct Sluggish;

const SLUGGISH: Duration = Duration::from_millis(250);

fn failing<T>() -> Result<T, BridgeError> {
    Err(BridgeError::Transport("nobody answers".to_owned()))
}

#[async_trait]
impl Bridge for Sluggish {
    fn kind(&self) -> BridgeKind {
        BridgeKind::Memory
    }

    fn project(&self, _: &RemoteCalendar, _: &Event, _: TimeRange) -> Result<Projection, Unrepresentable> {
        Ok(Projection::default())
    }

    async fn read_all(&self, _: &RemoteCalendar, _: TimeRange) -> Result<Complete, BridgeError> {
        tokio::time::sleep(SLUGGISH).await;
        failing()
    }

    async fn read_changes(&self, _: &RemoteCalendar, _: &Cursor) -> Result<Reading, BridgeError> {
        failing()
    }

    async fn fetch(&self, _: &RemoteCalendar, _: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        failing()
    }

    async fn create(&self, _: &RemoteCalendar, _: &Event, _: &IdempotencyKey) -> Result<RemoteItem, BridgeError> {
        failing()
    }

    async fn update(&self, _: &RemoteCalendar, _: &Known, _: &Event, _: &Event) -> Result<RemoteItem, BridgeError> {
        failing()
    }

    async fn delete(&self, _: &RemoteCalendar, _: &Known) -> Result<(), BridgeError> {
        failing()
    }

    async fn probe(&self, _: &RemoteCalendar, _: &Event, _: &IdempotencyKey) -> Result<Probe, BridgeError> {
        failing()
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        failing()
    }

    async fn subscribe(&self, _: &RemoteCalendar, _: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        failing()
    }

    async fn renew(&self, _: &RemoteCalendar, _: &str) -> Result<Subscribed, BridgeError> {
        failing()
    }

    async fn unsubscribe(&self, _: &str) -> Result<(), BridgeError> {
        failing()
    }
}

/// As many rooms on one bridge of a tenant.
async fn town(house: &House, tenant: &Tenant, many: usize) -> BridgeId {
    let id = BridgeId::fresh();
    let row = BridgeRow {
        id: id.clone(),
        tenant_id: tenant.id.clone(),
        name: "remote".to_owned(),
        kind: BridgeKind::Memory,
        settings: "{}".to_owned(),
        sealed: String::new(),
        created_ms: house.now(),
    };
    house.write_one(async |tx| bridges::insert(tx, &row).await).await;
    for number in 0..many {
        let room =
            Room { id: RoomId::fresh(), tenant_id: tenant.id.clone(), ..house.plan_room(&format!("Room {number}")) };
        let mapping = Mapping {
            id: MappingId::fresh(),
            tenant_id: tenant.id.clone(),
            room_id: room.id.clone(),
            bridge_id: id.clone(),
            remote_id: format!("{CALENDAR}{number}"),
            ..super::scene::new_mapping(house, &room, &row, anteroom::model::Authority::PerOrigin)
        };
        house.write_one(async |tx| rooms::insert(tx, &room).await).await;
        house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
    }
    id
}

async fn tried(house: &House, tenant: &TenantId) -> usize {
    let all = mappings::list(&mut house.read().await, tenant).await.unwrap();
    all.iter().filter(|one| one.failures > 0 || one.pulled_ms.is_some()).count()
}

on_both!(a_tenant_with_a_failing_system_and_much_to_do_does_not_keep_another_one_waiting, |house| async {
    let (large, small) = (house.another_tenant("large").await, house.another_tenant("small").await);
    let slow = town(house, &large, 60).await;
    town(house, &small, 1).await;
    let quick = Arc::new(MemoryBridge::with_calendar(format!("{CALENDAR}0").as_str()));
    let engine = Engine {
        store: house.store.clone(),
        clock: house.clock.clone() as Arc<dyn Clock>,
        limits: Arc::new(Limits::default()),
        settings: Settings { concurrency: 4, ..Settings::default() },
        bridges: Arc::new(move |row| {
            Ok(if row.id == slow { Arc::new(Sluggish) as Arc<dyn Bridge> } else { quick.clone() as Arc<dyn Bridge> })
        }),
        keys: Arc::new(Keys::from_ring(KeyRing::new("k1", Key::new([7; 32])))),
        metrics: Arc::new(Metrics::new()),
        owner: "fair".to_owned(),
        hook_base: None,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::spawn(Worker::new(Arc::new(engine), Nudge::default()).run(async {
        let _ = stopped.await;
    }));
    for _ in 0..400 {
        if tried(house, &small.id).await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let others = tried(house, &large.id).await;
    let _ = stop.send(());
    work.await.unwrap();
    assert_eq!(tried(house, &small.id).await, 1, "the small one was read");
    assert!(others <= 8, "{others} of 60 readings of the large tenant came first");
});

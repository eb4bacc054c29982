//! Alerts: what somebody should look at is told once, by age, and ends by itself when its cause stays gone.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{HOUR_MS, House, on_both};
use anteroom::bridge::BridgeError;
use anteroom::bridge::memory::Fault;
use anteroom::config::Alerts;
use anteroom::manage::passwords::{self, Rotation};
use anteroom::manage::{self, Acting, NewSecret, api_keys};
use anteroom::model::{AlertKind, AlertState, MappingState, Privilege, Severity, Uid};
use anteroom::observe::names;
use anteroom::store::alerts::{self, Alert};
use anteroom::store::bridges::{self, BridgeRow};
use anteroom::store::conflicts::{self, Conflict, Opened};
use anteroom::store::secrets::{self, SecretRow};
use anteroom::store::tenants;
use anteroom::sync::{Watchman, evaluate};

const MINUTE_MS: i64 = 60_000;

/// Looks once; how many were raised and settled. Whoever has something to be told of is among those that are looked at.
async fn look(scene: &Scene<'_>) -> (usize, usize) {
    let house = scene.house;
    let tenant = tenants::get(&mut house.read().await, house.tenant()).await.unwrap().unwrap();
    let suspected = is_suspected(scene).await;
    let told = evaluate(&scene.engine, &Alerts::default(), &tenant).await.unwrap();
    assert!(suspected || told == (0, 0), "nobody would have looked: {told:?}");
    told
}

async fn is_suspected(scene: &Scene<'_>) -> bool {
    let watchman = Watchman { engine: scene.engine.clone(), terms: Alerts::default() };
    watchman.suspects().await.unwrap().contains(scene.house.tenant())
}

async fn standing(house: &House) -> Vec<Alert> {
    alerts::standing(&mut house.read().await, house.tenant()).await.unwrap()
}

async fn kinds(house: &House) -> Vec<AlertKind> {
    standing(house).await.into_iter().map(|alert| alert.kind).collect()
}

on_both!(a_held_mapping_is_one_alert_that_settles_when_it_stays_released, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    assert_eq!(look(&scene).await, (0, 0), "all is well");
    assert!(!is_suspected(&scene).await, "who is well is not looked at");
    scene.set_state(MappingState::Held).await;
    assert_eq!((look(&scene).await, look(&scene).await), ((1, 0), (0, 0)));
    let [alert]: [Alert; 1] = standing(house).await.try_into().unwrap();
    assert_eq!((alert.kind, alert.severity, alert.state), (AlertKind::Held, Severity::Warning, AlertState::Open));
    assert_eq!(
        (alert.cause.as_str(), alert.room_id.as_str()),
        (scene.remotes[0].mapping.as_str(), scene.room.id.as_str())
    );

    // Somebody knows; that ends nothing.
    let acting = Acting { tenant: house.tenant(), actor: "principal:olav", now: house.now() };
    let mut tx = house.write().await;
    let known = manage::alerts::acknowledge(&mut tx, &acting, &alert.id).await.unwrap();
    assert_eq!((known.state, known.acknowledged_by.as_str()), (AlertState::Acknowledged, "principal:olav"));
    tx.commit().await.unwrap();
    assert_eq!(look(&scene).await, (0, 0));

    // What comes and goes is one alert.
    scene.set_state(MappingState::Active).await;
    look(&scene).await;
    house.clock.advance_ms(2 * MINUTE_MS);
    scene.set_state(MappingState::Held).await;
    assert_eq!(look(&scene).await, (0, 0));
    scene.set_state(MappingState::Active).await;
    look(&scene).await;
    house.clock.advance_ms(4 * MINUTE_MS);
    assert_eq!(look(&scene).await, (0, 0), "not gone for long enough");
    house.clock.advance_ms(2 * MINUTE_MS);
    assert_eq!(look(&scene).await, (0, 1));
    assert!(standing(house).await.is_empty());
    let mut tx = house.write().await;
    assert!(manage::alerts::acknowledge(&mut tx, &acting, &alert.id).await.is_err(), "it is over");
    drop(tx);
    house.clock.advance_ms(91 * 24 * HOUR_MS);
    scene.set_state(MappingState::Removed).await;
    Watchman { engine: scene.engine.clone(), terms: Alerts::default() }.look().await.unwrap();
    assert!(
        alerts::get(&mut house.read().await, house.tenant(), &alert.id).await.unwrap().is_none(),
        "it is forgotten"
    );
});

on_both!(refused_credentials_are_one_critical_alert_and_what_follows_from_them_is_none, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.remote().fail_next((0..50).map(|_| Fault::Before(BridgeError::Auth("the secret has ended".to_owned()))));
    for _ in 0..6 {
        house.clock.advance_ms(20 * MINUTE_MS);
        scene.run().await;
    }
    look(&scene).await;
    let all = standing(house).await;
    assert_eq!(
        all.iter().map(|one| (one.kind, one.severity)).collect::<Vec<_>>(),
        [(AlertKind::Credentials, Severity::Critical)]
    );
    assert!(all[0].sentence.contains("the secret has ended"), "{}", all[0].sentence);
});

on_both!(ages_are_told_and_grow_worse_without_any_error, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    look(&scene).await;
    assert!(kinds(house).await.is_empty());
    // Nobody works: nothing fails, and nothing moves.
    house.clock.advance_ms(31 * MINUTE_MS);
    assert_eq!(look(&scene).await, (1, 0));
    let [alert]: [Alert; 1] = standing(house).await.try_into().unwrap();
    assert_eq!((alert.kind, alert.severity), (AlertKind::Pending, Severity::Warning));
    house.clock.advance_ms(2 * HOUR_MS);
    look(&scene).await;
    assert_eq!(standing(house).await[0].severity, Severity::Critical);
    house.clock.advance_ms(50 * HOUR_MS);
    look(&scene).await;
    assert_eq!(kinds(house).await, [AlertKind::Pending, AlertKind::CompleteRead]);
    scene.remote().book(CALENDAR, event("x", "From afar", 4, 9));
    scene.settle().await;
    scene.settle().await;
    look(&scene).await;
    house.clock.advance_ms(6 * MINUTE_MS);
    let (_, settled) = look(&scene).await;
    assert!(settled >= 1, "{:?}", standing(house).await);
    assert!(!kinds(house).await.contains(&AlertKind::Pending));
});

on_both!(a_conflict_near_its_deadline_is_told_and_counted, |house| async {
    let scene = Scene::new(house, 0).await;
    let uid = Uid("a".to_owned());
    let opened = Opened {
        room: (house.tenant(), &scene.room.id),
        mapping: "",
        uid: &uid,
        kind: "slot_collision",
        sentence: "Two at once".to_owned(),
        versions: (String::new(), String::new()),
        proposal: Some((anteroom::model::Resolution::KeepBothTentative, house.now().plus_ms(24 * HOUR_MS))),
        standing: String::new(),
        now: house.now(),
    };
    let conflict = Conflict::from(opened);
    house.write_one(async |tx| conflicts::record(tx, &conflict).await).await;
    assert_eq!(look(&scene).await, (0, 0), "there is time");
    house.clock.advance_ms(20 * HOUR_MS);
    let watchman = Watchman { engine: scene.engine.clone(), terms: Alerts::default() };
    watchman.look().await.unwrap();
    watchman.look().await.unwrap();
    assert_eq!(kinds(house).await, [AlertKind::ConflictDeadline]);
    let labels = ["example", "conflict_deadline", "warning"];
    assert_eq!(scene.engine.metrics.value(&names::ALERTS, &labels), Some(1.0));
    let room = (house.tenant(), &scene.room.id, &uid);
    house.write_one(async |tx| conflicts::settle(tx, room, "", house.now(), "gone").await).await;
    look(&scene).await;
    house.clock.advance_ms(6 * MINUTE_MS);
    assert_eq!(look(&scene).await, (0, 1));
});

on_both!(a_client_secret_that_ends_is_told_a_month_and_again_a_week_before, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.settle().await;
    let mut bridge = bridges::list(&mut house.read().await, house.tenant()).await.unwrap().remove(0);
    let says = async |bridge: &BridgeRow| house.write_one(async |tx| bridges::update(tx, bridge).await).await;
    bridge.settings = r#"{"client_secret_expires":"2026-05-01"}"#.to_owned();
    says(&bridge).await;
    assert_eq!(look(&scene).await, (0, 0), "two months are left");
    house.clock.advance_ms(29 * 24 * HOUR_MS);
    look(&scene).await;
    let told = async || standing(house).await.into_iter().find(|alert| alert.kind == AlertKind::SecretExpiry);
    assert_eq!(told().await, None, "31 days are left");
    house.clock.advance_ms(24 * HOUR_MS);
    look(&scene).await;
    let alert = told().await.unwrap();
    assert_eq!((alert.severity, alert.cause.as_str()), (Severity::Warning, bridge.id.as_str()));
    assert!(alert.sentence.contains("2026-05-01"), "{}", alert.sentence);
    house.clock.advance_ms(23 * 24 * HOUR_MS);
    look(&scene).await;
    assert_eq!(told().await.unwrap().severity, Severity::Critical, "a week is left");
    bridge.settings = r#"{"client_secret_expires":"2028-05-01"}"#.to_owned();
    says(&bridge).await;
    look(&scene).await;
    house.clock.advance_ms(10 * MINUTE_MS);
    look(&scene).await;
    assert_eq!(told().await, None, "there is a new one");
});

/// Gives `anna` an API key that ends after some days.
async fn issue(house: &House, label: &str, days: i64) -> SecretRow {
    let acting = Acting { tenant: house.tenant(), actor: "principal:ada", now: house.now() };
    let wish = NewSecret { expires_in_days: Some(days), ..NewSecret::labelled(label) };
    let (fresh, mut tx) = (api_keys::fresh().await.unwrap(), house.write().await);
    let issued = api_keys::issue(&mut tx, &acting, "anna", &wish, fresh).await.unwrap();
    tx.commit().await.unwrap();
    issued.row
}

on_both!(a_key_that_ends_is_told_before_and_no_more_once_it_is_rotated, |house| async {
    let scene = Scene::new(house, 0).await;
    house.user("anna", Privilege::Write).await;
    let issue = async |label, days| issue(house, label, days).await;
    let told = async || {
        look(&scene).await;
        let all = standing(house).await.into_iter().filter(|alert| alert.kind == AlertKind::SecretExpiry);
        all.map(|alert| (alert.cause, alert.severity, alert.sentence)).collect::<Vec<_>>()
    };
    let over = async || {
        look(&scene).await;
        house.clock.advance_ms(6 * MINUTE_MS);
    };
    let days = |days: i64| house.clock.advance_ms(days * 24 * HOUR_MS);
    let key = issue("billing", 100).await;
    days(69);
    assert!(told().await.is_empty(), "31 days are left");
    days(1);
    let [(cause, severity, sentence)] = told().await.try_into().unwrap();
    assert_eq!((cause, severity), (key.id.clone(), Severity::Warning));
    assert!(
        sentence.contains("\"billing\" of anna") && sentence.contains(&format!("rotate anna {}", key.id)),
        "{sentence}"
    );
    days(23);
    assert_eq!(told().await[0].1, Severity::Critical, "a week is left");
    let acting = Acting { tenant: house.tenant(), actor: "principal:ada", now: house.now() };
    let (fresh, mut tx) = (api_keys::fresh().await.unwrap(), house.write().await);
    let wish = Rotation { expires_in_days: Some(20), ..Rotation::default() };
    let new = passwords::rotate(&mut tx, &acting, ("anna", &key.id), &wish, fresh).await.unwrap().row;
    tx.commit().await.unwrap();
    over().await;
    assert!(told().await.is_empty(), "there is another one, which is new");
    // The last third of its time is soon for what never lasts long.
    days(13);
    assert!(told().await.is_empty(), "seven of twenty days are left");
    days(1);
    assert_eq!(told().await[0].0, new.id);
    // One that has ended is missed if it was in use until then, and for a week.
    house.clock.advance_ms(5 * 24 * HOUR_MS + 12 * HOUR_MS);
    house.write_one(async |tx| secrets::touch(tx, house.tenant(), &new.id, house.now()).await).await;
    days(1);
    let [(cause, severity, sentence)] = told().await.try_into().unwrap();
    assert_eq!((cause, severity), (new.id.clone(), Severity::Critical));
    assert!(sentence.contains("ends at"), "an alert keeps its sentence while its severity stands: {sentence}");
    days(8);
    over().await;
    assert!(told().await.is_empty(), "nobody has missed it");
    issue("unused", 30).await;
    days(21);
    assert_eq!(told().await.len(), 1);
    days(9);
    over().await;
    assert!(told().await.is_empty(), "it has ended, and nobody used it");
});

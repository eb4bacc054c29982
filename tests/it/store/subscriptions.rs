//! Subscriptions and the inbox of notifications.

use super::{at, is_taken};
use crate::house::{House, on_both};
use anteroom::model::{MappingId, SubscriptionId};
use anteroom::store::inbox::{self, Delivery};
use anteroom::store::mappings::{self, Mapping};
use anteroom::store::subscriptions::{self, ACTIVE, DEAD, REQUESTED, Subscription};

fn subscription(house: &House, mapping: &MappingId, key: &str) -> Subscription {
    Subscription {
        id: SubscriptionId::fresh(),
        tenant_id: house.tenant().clone(),
        mapping_id: mapping.clone(),
        hook_key: key.to_owned(),
        hook_base: "https://rooms.example".to_owned(),
        sealed_secret: "v1.key.nonce.text".to_owned(),
        remote_id: None,
        state: REQUESTED.to_owned(),
        expires_ms: None,
        renew_ms: at(1),
        notified_ms: None,
        last_error: String::new(),
        created_ms: house.now(),
        misses: 0,
    }
}

async fn put(house: &House, subscription: &Subscription) {
    house.write_one(async |tx| subscriptions::put(tx, subscription).await).await;
}

on_both!(a_mapping_without_a_living_subscription_is_told, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let without = async || subscriptions::mappings_without(&mut house.read().await, 10).await.unwrap();
    let told = [(house.tenant().clone(), mapping.id.clone())];
    assert_eq!(without().await, told);
    let requested = subscription(house, &mapping.id, "k1");
    put(house, &requested).await;
    assert!(without().await.is_empty());
    put(house, &Subscription { state: DEAD.to_owned(), ..requested }).await;
    assert_eq!(without().await, told);
    let exporting = Mapping { direction: anteroom::model::Direction::Export, ..mapping };
    house.write_one(async |tx| mappings::set_policy(tx, &exporting).await).await;
    assert!(without().await.is_empty(), "an exporting mapping needs none");
});

on_both!(a_subscription_lives_from_request_to_death, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let requested = subscription(house, &mapping.id, "k1");
    put(house, &requested).await;
    let active = Subscription {
        state: ACTIVE.to_owned(),
        remote_id: Some("sub-1".to_owned()),
        expires_ms: Some(at(60)),
        renew_ms: at(30),
        hook_key: "cannot change".to_owned(),
        ..requested.clone()
    };
    put(house, &active).await;
    house.write_one(async |tx| subscriptions::notified(tx, &active, at(2)).await).await;
    let mut tx = house.read().await;
    let found = subscriptions::by_hook_key(&mut tx, "k1").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.expires_ms, found.notified_ms), (ACTIVE, Some(at(60)), Some(at(2))));
    assert_eq!(subscriptions::by_remote_id(&mut tx, "sub-1").await.unwrap().len(), 1);
    assert!(subscriptions::due(&mut tx, at(29), "https://rooms.example", 10).await.unwrap().is_empty());
    assert_eq!(subscriptions::due(&mut tx, at(30), "https://rooms.example", 10).await.unwrap().len(), 1);
    assert_eq!(subscriptions::due(&mut tx, at(29), "https://moved.example", 10).await.unwrap().len(), 1, "moved away");
    drop(tx);

    put(house, &Subscription { state: DEAD.to_owned(), ..active }).await;
    let mut tx = house.read().await;
    assert!(subscriptions::by_remote_id(&mut tx, "sub-1").await.unwrap().is_empty());
    assert!(subscriptions::due(&mut tx, at(99), "https://rooms.example", 10).await.unwrap().is_empty());
    assert!(subscriptions::of_mapping(&mut tx, house.tenant(), &mapping.id).await.unwrap().is_empty());
    assert_eq!(subscriptions::of_tenant(&mut tx, house.tenant()).await.unwrap().len(), 1);
    assert!(subscriptions::by_hook_key(&mut tx, "k1").await.unwrap().is_some(), "a late notification is recognised");
});

on_both!(a_hook_key_is_given_once, |house| async {
    let (_, mapping) = house.mapped_room().await;
    put(house, &subscription(house, &mapping.id, "k1")).await;
    let twin = subscription(house, &mapping.id, "k1");
    let again = house.try_write(async |tx| subscriptions::put(tx, &twin).await).await;
    assert!(is_taken(&again), "{again:?}");
});

async fn deliver(house: &House, mapping: &MappingId, key: &str, received: i64) -> bool {
    let (received, due) = (at(received), at(received));
    let delivery = Delivery { tenant: house.tenant(), mapping, key, kind: "changed", received, due };
    house.write_one(async |tx| inbox::insert_once(tx, &delivery).await).await
}

on_both!(a_notification_is_stored_once_however_often_it_comes, |house| async {
    let (hall, mapping) = house.mapped_room().await;
    assert!(deliver(house, &mapping.id, "d1", 0).await);
    assert!(!deliver(house, &mapping.id, "d1", 5).await);
    assert!(deliver(house, &mapping.id, "d2", 5).await);
    let other = house.mapping(&hall, &house.bridge("second").await).await;
    assert!(deliver(house, &other.id, "d1", 0).await, "the key counts inside one mapping");
});

on_both!(of_ten_copies_at_once_one_is_stored, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let copies = (0..10).map(|_| deliver(house, &mapping.id, "d1", 0));
    let stored = futures_util::future::join_all(copies).await;
    assert_eq!(stored.into_iter().filter(|first| *first).count(), 1);
});

on_both!(what_came_after_a_pull_began_is_not_done_with_it, |house| async {
    let (_, mapping) = house.mapped_room().await;
    for (key, received) in [("before", 1), ("during", 3)] {
        deliver(house, &mapping.id, key, received).await;
    }
    house.write_one(async |tx| inbox::done(tx, house.tenant(), &mapping.id, at(4), at(2)).await).await;
    house.write_one(async |tx| inbox::forget(tx, at(5)).await).await;
    assert!(deliver(house, &mapping.id, "before", 6).await, "done and forgotten: stored anew");
    assert!(!deliver(house, &mapping.id, "during", 6).await, "still waiting");
});

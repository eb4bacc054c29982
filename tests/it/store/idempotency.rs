//! Keys of requests: taken once for each owner, answered later, forgotten by age.

use crate::house::on_both;
use anteroom::model::PrincipalId;
use anteroom::store::idempotency::{self, Owner};

on_both!(a_key_is_taken_once_for_each_principal, |house| async {
    let (anna, ben) = (PrincipalId::from("anna"), PrincipalId::from("ben"));
    let owner = |principal| Owner { tenant: house.tenant(), principal, key: "k-1" };
    let now = house.now();
    house.write_one(async |tx| idempotency::claim(tx, owner(&anna), "f-1", now).await).await;
    house.write_one(async |tx| idempotency::claim(tx, owner(&ben), "f-2", now).await).await;
    let mut tx = house.write().await;
    assert!(super::is_taken(&idempotency::claim(&mut tx, owner(&anna), "f-3", now).await));
    drop(tx);
    house.write_one(async |tx| idempotency::answered(tx, owner(&anna), "sealed").await).await;
    let found = idempotency::get(&mut house.read().await, owner(&anna)).await.unwrap().unwrap();
    assert_eq!((found.fingerprint.as_str(), found.answer.as_str(), found.created_ms), ("f-1", "sealed", now));
    let found = idempotency::get(&mut house.read().await, owner(&ben)).await.unwrap().unwrap();
    assert_eq!((found.fingerprint.as_str(), found.answer.as_str()), ("f-2", ""));
});

on_both!(old_keys_are_forgotten, |house| async {
    let anna = PrincipalId::from("anna");
    let owner = Owner { tenant: house.tenant(), principal: &anna, key: "k-1" };
    let now = house.now();
    house.write_one(async |tx| idempotency::claim(tx, owner, "f-1", now).await).await;
    house.write_one(async |tx| idempotency::forget(tx, now).await).await;
    assert!(idempotency::get(&mut house.read().await, owner).await.unwrap().is_some());
    house.write_one(async |tx| idempotency::forget(tx, now.plus_ms(1)).await).await;
    assert!(idempotency::get(&mut house.read().await, owner).await.unwrap().is_none());
});

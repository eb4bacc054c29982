//! Keys of requests: taken once for each owner, answered later, forgotten by age.

use crate::house::on_both;
use anteroom::model::PrincipalId;
use anteroom::store::idempotency::{self, Owner};
use anteroom::store::retention::{self, IDEMPOTENCY, Policy};

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
    assert_eq!(
        (found.fingerprint.as_str(), found.answer.as_str(), found.kept_until_ms),
        ("f-1", "sealed", now.plus_days(1))
    );
    let found = idempotency::get(&mut house.read().await, owner(&ben)).await.unwrap().unwrap();
    assert_eq!((found.fingerprint.as_str(), found.answer.as_str()), ("f-2", ""));
});

on_both!(a_key_is_remembered_for_a_day_or_as_long_as_its_tenant_says, |house| async {
    let anna = PrincipalId::from("anna");
    let (other, now) = (house.another_tenant("other").await, house.now());
    let owner = |tenant| Owner { tenant, principal: &anna, key: "k-1" };
    let policy = Policy {
        tenant_id: other.id.clone(),
        data_type: IDEMPOTENCY.to_owned(),
        keep_days: 3,
        archive: false,
        changed_ms: now,
        changed_by: "principal:ada".to_owned(),
    };
    house.write_one(async |tx| retention::set(tx, &policy).await).await;
    for tenant in [house.tenant(), &other.id] {
        house.write_one(async |tx| idempotency::claim(tx, owner(tenant), "f-1", now).await).await;
    }
    for (at, here, there) in [
        (now.plus_days(1).plus_ms(-1), true, true),
        (now.plus_days(1), false, true),
        (now.plus_days(3).plus_ms(-1), false, true),
        (now.plus_days(3), false, false),
    ] {
        house.write_one(async |tx| idempotency::forget(tx, at).await).await;
        let known = async |tenant| idempotency::get(&mut house.read().await, owner(tenant)).await.unwrap().is_some();
        assert_eq!((known(house.tenant()).await, known(&other.id).await), (here, there), "{at}");
    }
});

//! Tenants: found by key and by id, each key once.

use super::is_taken;
use crate::house::on_both;
use anteroom::model::{TenantId, ZoneId};
use anteroom::store::{Store, tenants};

on_both!(a_tenant_is_found_by_key_and_by_id, |house| async {
    let mut tx = house.read().await;
    let by_key = tenants::by_key(&mut tx, "example").await.unwrap().unwrap();
    let by_id = tenants::get(&mut tx, house.tenant()).await.unwrap().unwrap();
    assert_eq!(by_key.id, by_id.id);
    assert_eq!(by_id.zone, ZoneId::parse("Europe/Oslo").unwrap());
    assert_eq!(by_id.created_ms, house.now());
    assert!(tenants::by_key(&mut tx, "EXAMPLE").await.unwrap().is_none());
    assert!(tenants::get(&mut tx, &TenantId::fresh()).await.unwrap().is_none());
});

on_both!(a_tenant_key_is_given_once, |house| async {
    let mut twin = house.tenant_row().clone();
    twin.id = TenantId::fresh();
    let again = house.try_write(async |tx| tenants::insert(tx, &twin).await).await;
    assert!(is_taken(&again), "{again:?}");
});

on_both!(tenants_are_listed_by_key, |house| async {
    house.another_tenant("zoo").await;
    house.another_tenant("alpha").await;
    let all = tenants::list(&mut house.read().await).await.unwrap();
    assert_eq!(all.iter().map(|tenant| tenant.tenant_key.as_str()).collect::<Vec<_>>(), ["alpha", "example", "zoo"]);
});

on_both!(a_second_replica_opens_the_same_database_and_sees_the_same, |house| async {
    let replica = Store::open(&house.url).await.unwrap();
    let found = tenants::by_key(&mut replica.begin_read().await.unwrap(), "example").await.unwrap();
    assert_eq!(found.unwrap().id, *house.tenant());
    replica.close().await;
});

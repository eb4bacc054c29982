//! Configured remote systems.

use super::is_taken;
use crate::house::on_both;
use anteroom::model::{BridgeId, TenantId};
use anteroom::store::bridges::{self, BridgeRow};

on_both!(a_bridge_is_found_by_id_and_name_inside_its_tenant, |house| async {
    let bridge = house.bridge("outlook").await;
    let mut tx = house.read().await;
    let by_name = bridges::by_name(&mut tx, house.tenant(), "outlook").await.unwrap().unwrap();
    assert_eq!(format!("{by_name:?}"), format!("{bridge:?}"));
    assert!(bridges::get(&mut tx, house.tenant(), &bridge.id).await.unwrap().is_some());
    assert!(bridges::get(&mut tx, &TenantId::fresh(), &bridge.id).await.unwrap().is_none());
    assert!(bridges::by_name(&mut tx, house.tenant(), "Outlook").await.unwrap().is_none());
    assert_eq!(bridges::list(&mut tx, house.tenant()).await.unwrap().len(), 1);
});

on_both!(the_name_of_a_bridge_is_given_once, |house| async {
    let bridge = house.bridge("outlook").await;
    let twin = BridgeRow { id: BridgeId::fresh(), ..bridge };
    let again = house.try_write(async |tx| bridges::insert(tx, &twin).await).await;
    assert!(is_taken(&again), "{again:?}");
});

on_both!(settings_and_secrets_are_replaced_but_not_the_kind, |house| async {
    let bridge = house.bridge("outlook").await;
    let changed = BridgeRow {
        settings: r#"{"base_url":"https://graph.example"}"#.to_owned(),
        sealed: "v1.key.nonce.text".to_owned(),
        name: "renamed".to_owned(),
        ..bridge.clone()
    };
    house.write_one(async |tx| bridges::update(tx, &changed).await).await;
    let stored = bridges::get(&mut house.read().await, house.tenant(), &bridge.id).await.unwrap().unwrap();
    assert_eq!((stored.settings, stored.sealed), (changed.settings, changed.sealed));
    assert_eq!((stored.name.as_str(), stored.kind), ("outlook", bridge.kind));
});

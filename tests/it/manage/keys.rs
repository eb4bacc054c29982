//! Keys of the database: rotated under two replicas that work on, retired when nothing uses them, and a tenant whose
//! secrets do not open is closed while the others go on.

use crate::house::{House, on_both};
use anteroom::crypt::{Key, KeyRing, Keys, LocalKeys, Place, mac};
use anteroom::manage;
use anteroom::manage::bridges::{BridgePatch, NewBridge};
use anteroom::manage::keys::{self, KeyWord, LAST_WRITE_MS, SETTLE_MS, Vault};
use anteroom::manage::{Acting, ManageError};
use anteroom::model::{BridgeId, BridgeKind, TenantId};
use anteroom::store::bridges::{self, BridgeRow};
use anteroom::store::{Store, data_keys};
use serde_json::json;
use std::sync::Arc;

fn master(id: &str, byte: u8) -> KeyRing {
    KeyRing::new(id, Key::new([byte; 32]))
}

fn vault(store: &Store, ring: KeyRing) -> Vault {
    Vault::new(store.clone(), Arc::new(LocalKeys::new("file", ring)))
}

fn place<'a>(tenant: &'a TenantId, id: &'a BridgeId) -> Place<'a> {
    Place { tenant, table: "bridges", column: "sealed", row: id.as_str() }
}

/// Stores a bridge whose secret is its own id.
async fn keep(house: &House, tenant: &TenantId, ring: &KeyRing) -> BridgeId {
    let id = BridgeId::fresh();
    let sealed = ring.seal(place(tenant, &id), id.as_str()).unwrap();
    let row = BridgeRow {
        tenant_id: tenant.clone(),
        name: id.to_string(),
        kind: BridgeKind::Graph,
        settings: "{}".to_owned(),
        sealed,
        created_ms: house.now(),
        id: id.clone(),
    };
    house.write_one(async |tx| bridges::insert(tx, &row).await).await;
    id
}

async fn stored(house: &House, tenant: &TenantId, id: &BridgeId) -> BridgeRow {
    bridges::get(&mut house.read().await, tenant, id).await.unwrap().unwrap()
}

/// Every secret opens on that replica, and says what was sealed.
async fn all_open(house: &House, ring: &KeyRing) -> usize {
    let all = bridges::list(&mut house.read().await, house.tenant()).await.unwrap();
    for row in &all {
        let opened = ring.open(place(&row.tenant_id, &row.id), &row.sealed).unwrap();
        assert_eq!(opened.reveal(), row.id.as_str());
    }
    all.len()
}

async fn rotate(house: &House, vault: &Vault) -> Result<(), ManageError> {
    let key = vault.make(house.now()).await?;
    let mut tx = house.write().await;
    let acting = Acting { tenant: house.tenant(), actor: "principal:root", now: house.now() };
    keys::rotate(&mut tx, &acting, &key).await?;
    Ok(tx.commit().await?)
}

on_both!(keys_are_rotated_while_two_replicas_write_and_no_secret_is_ever_unreadable, |house| async {
    let other = Store::open(&house.url).await.unwrap();
    let (a, b) = (vault(&house.store, master("k1", 1)), vault(&other, master("k1", 1)));
    let (first, second) = (a.open(house.now()).await.unwrap(), b.open(house.now()).await.unwrap());
    for _ in 0..130 {
        keep(house, house.tenant(), &first.ring).await;
    }
    rotate(house, &a).await.unwrap();
    assert!(matches!(rotate(house, &b).await, Err(ManageError::State { .. })), "one rotation at a time");
    for (vault, keys) in [(&a, &first), (&b, &second)] {
        vault.refresh(&keys.ring, house.now()).await.unwrap();
        assert_eq!(keys.ring.current_id(), "d1", "nobody seals with a key that others may not know");
    }
    house.clock.advance_ms(SETTLE_MS);
    a.refresh(&first.ring, house.now()).await.unwrap();
    assert_eq!((first.ring.current_id(), second.ring.current_id()), ("d2".to_owned(), "d1".to_owned()));
    keep(house, house.tenant(), &first.ring).await;
    keep(house, house.tenant(), &second.ring).await;
    assert_eq!((all_open(house, &first.ring).await, all_open(house, &second.ring).await), (132, 132));
    assert_eq!(a.report(&first.ring, house.now()).await.unwrap().left, 131);
    assert_eq!(a.seal_anew(&first.ring, "a", house.now()).await.unwrap(), 131);
    // The second replica is still behind, and writes once more with the old key.
    keep(house, house.tenant(), &second.ring).await;
    house.clock.advance_ms(LAST_WRITE_MS);
    assert_eq!(a.retire(house.now()).await.unwrap(), Vec::<String>::new(), "a key in use is not retired");
    b.refresh(&second.ring, house.now()).await.unwrap();
    assert_eq!(b.seal_anew(&second.ring, "b", house.now()).await.unwrap(), 1);
    assert_eq!(b.retire(house.now()).await.unwrap(), ["d1"]);
    a.refresh(&first.ring, house.now()).await.unwrap();
    assert_eq!((all_open(house, &first.ring).await, all_open(house, &second.ring).await), (133, 133));
    let report = b.report(&second.ring, house.now()).await.unwrap();
    let told: Vec<_> = report.keys.iter().map(|key| (key.id.as_str(), key.state, key.values)).collect();
    let wanted = [("k1", KeyWord::Direct, 0), ("d1", KeyWord::Retired, 0), ("d2", KeyWord::Sealing, 133)];
    assert_eq!((told.as_slice(), report.left), (wanted.as_slice(), 0));
    let rows = data_keys::list(&mut house.read().await).await.unwrap();
    assert!(rows.iter().any(|key| key.id == "d1" && key.wrapped.is_empty()), "a retired key is destroyed");
    assert!(first.ring.get("d1").is_none(), "and forgotten");
    other.close().await;
});

on_both!(of_two_replicas_that_start_at_once_both_have_the_same_keys, |house| async {
    let other = Store::open(&house.url).await.unwrap();
    let (a, b) = (vault(&house.store, master("k1", 1)), vault(&other, master("k1", 1)));
    let (first, second) = tokio::join!(a.open(house.now()), b.open(house.now()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let id = keep(house, house.tenant(), &first.ring).await;
    let row = stored(house, house.tenant(), &id).await;
    assert_eq!(second.ring.open(place(house.tenant(), &id), &row.sealed).unwrap().reveal(), id.as_str());
    assert_eq!(mac::sign_text(&first.feed, "x"), mac::sign_text(&second.feed, "x"));
    other.close().await;
});

on_both!(a_tenant_whose_secrets_do_not_open_is_closed_and_the_others_go_on, |house| async {
    let vault = vault(&house.store, master("k1", 1));
    let keys = vault.open(house.now()).await.unwrap();
    let well = house.another_tenant("well").await.id;
    let (broken, fine) = (keep(house, house.tenant(), &keys.ring).await, keep(house, &well, &keys.ring).await);
    let intact = keep(house, house.tenant(), &keys.ring).await;
    let mut row = stored(house, house.tenant(), &broken).await;
    let (whole, kept) = (row.sealed.clone(), stored(house, house.tenant(), &intact).await);
    row.sealed = stored(house, &well, &fine).await.sealed;
    house.write_one(async |tx| bridges::update(tx, &row).await).await;
    let closed = vault.check(&keys.ring).await.unwrap();
    assert_eq!(closed.keys().collect::<Vec<_>>(), [house.tenant()]);
    assert!(closed[house.tenant()].contains(broken.as_str()), "it is said which one: {closed:?}");
    let refused = keys.ring.open(place(house.tenant(), &intact), &kept.sealed).unwrap_err().to_string();
    assert!(refused.starts_with("nothing of this tenant is opened"), "{refused}");
    let other = stored(house, &well, &fine).await;
    assert_eq!(keys.ring.open(place(&well, &fine), &other.sealed).unwrap().reveal(), fine.as_str());
    row.sealed = whole;
    house.write_one(async |tx| bridges::update(tx, &row).await).await;
    assert!(vault.check(&keys.ring).await.unwrap().is_empty());
    assert!(keys.ring.open(place(house.tenant(), &intact), &kept.sealed).is_ok(), "and it is opened again");
});

on_both!(a_bridge_whose_secrets_do_not_open_is_given_all_of_them_anew, |house| async {
    let vault = vault(&house.store, master("k1", 1));
    let keys = vault.open(house.now()).await.unwrap();
    let acting = Acting { tenant: house.tenant(), actor: "principal:kari", now: house.now() };
    let new: NewBridge = serde_json::from_value(json!({"name": "booking", "kind": "booking_portico", "settings":
        {"base_url": "https://booking.example.org", "login": "bridge", "logindomain": "default",
         "zone": "Europe/Oslo"}, "secrets": {"password": "first"}}))
    .unwrap();
    let mut tx = house.write().await;
    let made = manage::bridges::create(&mut tx, &acting, &keys.ring, &new).await.unwrap();
    tx.commit().await.unwrap();
    let elsewhere = keep(house, house.tenant(), &keys.ring).await;
    let foreign = stored(house, house.tenant(), &elsewhere).await.sealed;
    house.write_one(async |tx| bridges::update(tx, &BridgeRow { sealed: foreign, ..made.clone() }).await).await;
    assert_eq!(vault.check(&keys.ring).await.unwrap().len(), 1, "nothing of the tenant is opened");

    let change = async |patch: serde_json::Value| {
        let patch: BridgePatch = serde_json::from_value(patch).unwrap();
        let mut tx = house.write().await;
        let changed = manage::bridges::update(&mut tx, &acting, &keys.ring, "booking", &patch).await?;
        tx.commit().await.map(|()| changed).map_err(ManageError::from)
    };
    let refused = change(json!({"settings": {"base_url": "https://new.example.org"}})).await.unwrap_err();
    assert!(matches!(refused, ManageError::Crypt(_)), "settings alone do not mend it: {refused}");
    change(json!({"secrets": {"password": "second"}})).await.unwrap();
    assert!(vault.check(&keys.ring).await.unwrap().is_empty());
    let row = stored(house, house.tenant(), &made.id).await;
    assert_eq!(manage::bridges::open(&keys.ring, &row).unwrap()["password"].reveal(), "second");
});

on_both!(what_the_master_key_sealed_directly_is_sealed_anew_and_signatures_stay, |house| async {
    let before = Keys::from_ring(master("k1", 1));
    let id = keep(house, house.tenant(), &before.ring).await;
    let vault = vault(&house.store, master("k1", 1));
    let keys = vault.open(house.now()).await.unwrap();
    assert_eq!(all_open(house, &keys.ring).await, 1);
    assert_eq!(vault.seal_anew(&keys.ring, "a", house.now()).await.unwrap(), 1);
    assert!(stored(house, house.tenant(), &id).await.sealed.starts_with("v1.d1."));
    assert_eq!(all_open(house, &keys.ring).await, 1);
    assert_eq!(mac::sign_text(&before.feed, "x"), mac::sign_text(&keys.feed, "x"));
});

on_both!(a_master_key_is_replaced_by_appending_one_and_taking_the_old_one_away, |house| async {
    let old = vault(&house.store, master("k1", 1)).open(house.now()).await.unwrap();
    let id = keep(house, house.tenant(), &old.ring).await;
    let stranger = vault(&house.store, master("k9", 9)).open(house.now()).await.unwrap_err().to_string();
    assert!(stranger.contains("\"root\" of the database does not open") && stranger.contains("\"k1\""), "{stranger}");
    let both = master("k1", 1).followed_by("k2", Key::new([2; 32]));
    vault(&house.store, both).open(house.now()).await.unwrap();
    let new = vault(&house.store, master("k2", 2)).open(house.now()).await.unwrap();
    let row = stored(house, house.tenant(), &id).await;
    assert_eq!(new.ring.open(place(house.tenant(), &id), &row.sealed).unwrap().reveal(), id.as_str());
    assert_eq!(mac::sign_text(&old.feed, "x"), mac::sign_text(&new.feed, "x"));
});

//! Whether the keys of this start open what is stored. A key that was lost or left out is told at once and by the name of
//! what it sealed, not by the first call that needs it.

use crate::crypt::Keys;
use crate::crypt::Place;
use crate::manage;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::bridges;
use crate::store::subscriptions;
use crate::store::tenants;

/// A sentence for each sealed thing that cannot be opened. What it belongs to stands still, everything else works.
pub(super) async fn unopened(store: &Store, keys: &Keys) -> Result<Vec<String>, StoreError> {
    let mut tx = store.begin_read().await?;
    let mut found = Vec::new();
    for tenant in tenants::list(&mut tx).await? {
        let key = &tenant.tenant_key;
        for bridge in bridges::list(&mut tx, &tenant.id).await? {
            if let Err(error) = manage::bridges::config(&keys.ring, &bridge) {
                found.push(format!("the secrets of bridge {} of {key} cannot be used: {error}", bridge.name));
            }
        }
        for one in subscriptions::of_tenant(&mut tx, &tenant.id).await? {
            let place = Place::of_subscription(&tenant.id, &one.id);
            if one.state != subscriptions::DEAD && keys.ring.open(place, &one.sealed_secret).is_err() {
                found.push(format!("the secret of subscription {} of {key} cannot be opened", one.id));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypt::{Key, KeyRing};
    use crate::manage::Acting;
    use crate::model::{BridgeKind, Timestamp, ZoneId};

    #[tokio::test]
    async fn f67_a_start_without_a_key_names_what_that_key_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite://{}/hub.db", folder.path().display())).await.unwrap();
        let both = || KeyRing::new("old", Key::new([1; 32])).followed_by("new", Key::new([2; 32]));
        let sealed_by_new = Keys::from_ring(both());
        let mut tx = store.begin_write().await.unwrap();
        let oslo = ZoneId::parse("Europe/Oslo").unwrap();
        let now = Timestamp(0);
        let tenant = manage::tenants::ensure(&mut tx, ("fjordby", "Fjordby"), &oslo, now).await.unwrap();
        let acting = Acting { tenant: &tenant.id, actor: "test", now };
        let settings = serde_json::json!({"base_url": "https://booking.example", "api_key": "secret"});
        let new = manage::bridges::NewBridge {
            name: "booking".to_owned(),
            kind: BridgeKind::BookingGeneric,
            settings: settings.as_object().unwrap().clone(),
            secrets: std::collections::BTreeMap::new(),
        };
        manage::bridges::create(&mut tx, &acting, &sealed_by_new.ring, &new).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(unopened(&store, &sealed_by_new).await.unwrap(), Vec::<String>::new());
        let without = Keys::from_ring(KeyRing::new("old", Key::new([1; 32])));
        let told = unopened(&store, &without).await.unwrap();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("bridge booking of fjordby") && told[0].contains("new"), "{told:?}");
    }
}

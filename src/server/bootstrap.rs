//! What the configuration declares to exist is made at the start if it is missing. Nothing is ever removed, and what is
//! there is data in the store. Only a bridge whose declaration has changed since it was last applied is changed with it:
//! a rotated secret has to arrive. What was changed over REST stays as long as the declaration does not change.

use super::ServerError;
use crate::bridge::{BridgeConfig, build};
use crate::config;
use crate::config::Limits;
use crate::config::{BridgeEntry, Config, MappingEntry, RoomEntry, UserEntry};
use crate::crypt::Keys;
use crate::crypt::Secret;
use crate::crypt::mac;
use crate::manage;
use crate::manage::Acting;
use crate::manage::ManageError;
use crate::manage::NewSecret;
use crate::model::BridgeId;
use crate::model::Privilege;
use crate::model::SystemClock;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::Store;
use crate::store::Tx;
use crate::store::bridges;
use crate::store::mappings;
use crate::store::principals;
use crate::store::rooms;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who does it, as the audit names it.
const ACTOR: &str = "configuration";

/// Makes everything the configuration declares and that is not there yet.
pub async fn bootstrap(store: &Store, keys: &Keys, config: &Config, now: Timestamp) -> Result<(), ServerError> {
    for entry in config.tenants() {
        let zone = ZoneId::parse(&entry.zone).ok_or_else(|| ServerError::Zone(entry.zone.clone()))?;
        let mut tx = store.begin_write().await?;
        let tenant = manage::tenants::ensure(&mut tx, (&entry.key, &entry.name), &zone, now).await?;
        let acting = Acting { tenant: &tenant.id, actor: ACTOR, now };
        for room in config.room.iter().filter(|room| room.tenant == entry.key) {
            ensure_room(&mut tx, &acting, room).await?;
        }
        for bridge in config.bridge.iter().filter(|bridge| bridge.tenant == entry.key) {
            ensure_bridge(&mut tx, &acting, keys, bridge).await?;
        }
        for mapping in config.mapping.iter().filter(|mapping| mapping.tenant == entry.key) {
            ensure_mapping(&mut tx, &acting, mapping).await?;
        }
        tx.commit().await?;
        for user in config.user.iter().filter(|user| user.tenant == entry.key) {
            ensure_user(store, &tenant.id, user, now).await?;
        }
    }
    Ok(())
}

/// Says what a declared bridge lacks; nothing is sent.
pub fn judge_bridge(entry: &BridgeEntry) -> Result<(), String> {
    let mut whole = entry.settings.clone();
    whole.insert("kind".to_owned(), serde_json::to_value(entry.kind).unwrap_or_default());
    let settings: BridgeConfig = serde_json::from_value(Value::Object(whole)).map_err(|error| error.to_string())?;
    build(&settings, Arc::new(SystemClock), &Limits::default()).map(|_| ()).map_err(|error| error.to_string())
}

async fn ensure_room(tx: &mut Tx, acting: &Acting<'_>, entry: &RoomEntry) -> Result<(), ServerError> {
    if rooms::by_slug(tx, acting.tenant, &entry.slug).await?.is_some() {
        return Ok(());
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let new = manage::rooms::NewRoom {
        name: if entry.name.is_empty() { entry.slug.clone() } else { entry.name.clone() },
        slug: Some(entry.slug.clone()),
        kind: Some(entry.kind),
        zone: entry.zone.clone(),
        email: some(&entry.email),
        description: some(&entry.description),
        building: some(&entry.building),
        capacity: entry.capacity,
        features: Some(entry.features.clone()),
        color: some(&entry.color),
        allow_overlaps: Some(entry.allow_overlaps),
    };
    manage::rooms::create(tx, acting, &new).await?;
    Ok(())
}

async fn ensure_bridge(tx: &mut Tx, acting: &Acting<'_>, keys: &Keys, entry: &BridgeEntry) -> Result<(), ServerError> {
    let declared = declaration(keys, entry);
    let id = match bridges::by_name(tx, acting.tenant, &entry.name).await? {
        None => make_bridge(tx, acting, keys, entry).await?,
        Some(bridge) if bridge.kind != entry.kind => {
            return Err(ServerError::BridgeKind { name: bridge.name, stored: bridge.kind, declared: entry.kind });
        }
        Some(bridge) if bridges::declared(tx, acting.tenant, &bridge.id).await? == declared => return Ok(()),
        Some(bridge) => {
            let patch = manage::bridges::BridgePatch { settings: Some(entry.settings.clone()), ..Default::default() };
            manage::bridges::update(tx, acting, &keys.ring, &entry.name, &patch).await?;
            bridge.id
        }
    };
    Ok(bridges::declare(tx, acting.tenant, &id, &declared).await?)
}

async fn make_bridge(
    tx: &mut Tx,
    acting: &Acting<'_>,
    keys: &Keys,
    entry: &BridgeEntry,
) -> Result<BridgeId, ServerError> {
    let new = manage::bridges::NewBridge {
        name: entry.name.clone(),
        kind: entry.kind,
        settings: entry.settings.clone(),
        secrets: BTreeMap::new(),
    };
    Ok(manage::bridges::create(tx, acting, &keys.ring, &new).await?.id)
}

/// What stands for a declaration in the store. It is keyed, for there are secrets in it.
fn declaration(keys: &Keys, entry: &BridgeEntry) -> String {
    mac::sign_text(&keys.declaration, &Value::Object(entry.settings.clone()).to_string())
}

async fn ensure_mapping(tx: &mut Tx, acting: &Acting<'_>, entry: &MappingEntry) -> Result<(), ServerError> {
    let room = manage::rooms::find(tx, acting, &entry.room).await?;
    let bridge = manage::bridges::find(tx, acting, &entry.bridge).await?;
    let there = mappings::of_room(tx, acting.tenant, &room.id).await?;
    if there.iter().any(|mapping| mapping.bridge_id == bridge.id) {
        return Ok(());
    }
    let new = manage::mappings::NewMapping {
        room: entry.room.clone(),
        bridge: entry.bridge.clone(),
        remote_id: entry.remote_id.clone(),
        remote_name: None,
        direction: Some(entry.direction),
        authority: Some(entry.authority),
        detail: Some(entry.detail),
        projection: Some(entry.projection),
        fold_allocations: Some(entry.fold_allocations),
        auto_approve: Some(entry.auto_approve),
    };
    manage::mappings::create(tx, acting, &new).await?;
    Ok(())
}

/// The password is hashed before the transaction begins: hashing is slow on purpose.
async fn ensure_user(store: &Store, tenant: &TenantId, entry: &UserEntry, now: Timestamp) -> Result<(), ServerError> {
    let mut tx = store.begin_read().await?;
    let there = principals::by_login(&mut tx, tenant, &entry.name).await?.is_some();
    drop(tx);
    if there {
        return Ok(());
    }
    let password = match &entry.password {
        Some(password) => Some(manage::passwords::of_text(clear(password)).await?),
        None => None,
    };
    let acting = Acting { tenant, actor: ACTOR, now };
    let mut tx = store.begin_write().await?;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let new = manage::principals::NewPrincipal {
        login: entry.name.clone(),
        display_name: some(&entry.display_name),
        email: some(&entry.email),
        kind: Some(entry.kind),
        role: Some(entry.role),
    };
    manage::principals::create(&mut tx, &acting, &new).await?;
    if let Some(password) = password {
        let wish = NewSecret::labelled("from the configuration");
        manage::passwords::issue(&mut tx, &acting, &entry.name, &wish, password).await?;
    }
    grant(&mut tx, &acting, entry).await?;
    Ok(tx.commit().await?)
}

/// The strongest list that names a room wins.
async fn grant(tx: &mut Tx, acting: &Acting<'_>, entry: &UserEntry) -> Result<(), ManageError> {
    let lists = [
        (&entry.free_busy, Privilege::ReadFreeBusy),
        (&entry.read, Privilege::Read),
        (&entry.write, Privilege::Write),
        (&entry.admin, Privilege::Admin),
    ];
    for (rooms, privilege) in lists {
        for room in rooms {
            manage::grants::set(tx, acting, &entry.name, room, privilege).await?;
        }
    }
    Ok(())
}

fn clear(secret: &config::Secret) -> Secret {
    Secret::new(secret.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, load};
    use crate::crypt::Keys;

    const AT: Timestamp = Timestamp(1_772_438_400_000);

    fn declared(settings: &str) -> Config {
        let text = format!("[[bridge]]\nname = \"booking\"\nkind = \"booking_generic\"\n{settings}");
        load(&text, &Environment::default(), &judge_bridge).unwrap()
    }

    /// The API key that the stored bridge would send.
    async fn key_of(store: &Store, keys: &Keys) -> String {
        let mut tx = store.begin_read().await.unwrap();
        let tenant = crate::store::tenants::by_key(&mut tx, "default").await.unwrap().unwrap();
        let bridge = bridges::by_name(&mut tx, &tenant.id, "booking").await.unwrap().unwrap();
        manage::bridges::open(&keys.ring, &bridge).unwrap()["api_key"].reveal().to_owned()
    }

    async fn started(store: &Store, keys: &Keys, settings: &str) -> Result<(), ServerError> {
        bootstrap(store, keys, &declared(settings), AT).await
    }

    /// Changes the API key as REST does.
    async fn changed_over_rest(store: &Store, keys: &Keys, key: &str) {
        let mut tx = store.begin_write().await.unwrap();
        let tenant = crate::store::tenants::by_key(&mut tx, "default").await.unwrap().unwrap();
        let acting = Acting { tenant: &tenant.id, actor: "anna", now: AT };
        let secrets = BTreeMap::from([("api_key".to_owned(), Secret::new(key))]);
        let patch = manage::bridges::BridgePatch { settings: None, secrets };
        manage::bridges::update(&mut tx, &acting, &keys.ring, "booking", &patch).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_changed_declaration_arrives_and_an_unchanged_one_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/hub.db", folder.path().display());
        let (store, keys) = (Store::open(&url).await.unwrap(), Keys::load_or_create(folder.path()).unwrap());
        let first = "base_url = \"https://booking.example\"\napi_key = \"first\"\n";
        started(&store, &keys, first).await.unwrap();
        assert_eq!(key_of(&store, &keys).await, "first");

        changed_over_rest(&store, &keys, "by-hand").await;
        started(&store, &keys, first).await.unwrap();
        assert_eq!(key_of(&store, &keys).await, "by-hand", "the declaration is the same as before");

        started(&store, &keys, &first.replace("first", "rotated")).await.unwrap();
        assert_eq!(key_of(&store, &keys).await, "rotated", "a rotated secret arrives");
    }

    #[tokio::test]
    async fn a_declared_bridge_of_another_kind_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/hub.db", folder.path().display());
        let (store, keys) = (Store::open(&url).await.unwrap(), Keys::load_or_create(folder.path()).unwrap());
        let settings = "base_url = \"https://booking.example\"\napi_key = \"first\"\n";
        started(&store, &keys, settings).await.unwrap();
        let mut config = declared(settings);
        config.bridge[0].kind = crate::model::BridgeKind::BookingPortico;
        let error = bootstrap(&store, &keys, &config, AT).await.unwrap_err().to_string();
        assert!(error.starts_with("the bridge booking is of kind BookingGeneric already"), "{error}");
    }
}

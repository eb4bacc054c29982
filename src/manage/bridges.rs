//! Remote systems: settings as JSON, secrets sealed.

use super::{Acting, ManageError, Slug};
use crate::bridge::BridgeConfig;
use crate::crypt::CryptError;
use crate::crypt::KeyRing;
use crate::crypt::Place;
use crate::crypt::Secret;
use crate::model::BridgeId;
use crate::model::BridgeKind;
use crate::model::TenantId;
use crate::store::Tx;
use crate::store::bridges;
use crate::store::bridges::BridgeRow;
use crate::store::mappings;
use crate::store::mappings::Mapping;
use crate::store::removal;
use crate::store::tenants;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Settings that are secrets: sealed, wherever they were given.
pub const SECRETS: [&str; 4] = ["client_secret", "api_key", "bearer", "password"];

/// A bridge to make.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBridge {
    /// What people call it; 1 to 64 of a-z, 0-9 and `-`.
    pub name: String,
    /// Its kind.
    pub kind: BridgeKind,
    /// Everything but secrets; which members there are depends on the kind.
    #[schema(value_type = Object)]
    #[serde(default)]
    pub settings: serde_json::Map<String, Value>,
    /// Secrets by name, e.g. `client_secret`. Sealed before they are stored, never shown again.
    #[schema(value_type = BTreeMap<String, String>)]
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
}

/// Changes to a bridge.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BridgePatch {
    /// New settings in whole; the old ones stay if left out.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub settings: Option<serde_json::Map<String, Value>>,
    /// Secrets to replace; those not named stay.
    #[schema(value_type = BTreeMap<String, String>)]
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
}

/// The bridge with that name.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, name: &str) -> Result<BridgeRow, ManageError> {
    bridges::by_name(tx, acting.tenant, name).await?.ok_or_else(|| ManageError::no("bridge", name))
}

/// Makes a bridge.
pub async fn create(
    tx: &mut Tx,
    acting: &Acting<'_>,
    ring: &KeyRing,
    new: &NewBridge,
) -> Result<BridgeRow, ManageError> {
    let name = Slug::parse("name", &new.name)?;
    leave_room(tx, acting).await?;
    let id = BridgeId::fresh();
    let (settings, secrets) = parted(&new.settings, &new.secrets);
    let bridge = BridgeRow {
        tenant_id: acting.tenant.clone(),
        name: name.as_str().to_owned(),
        kind: new.kind,
        settings: Value::Object(settings).to_string(),
        sealed: seal(ring, acting.tenant, &id, &secrets)?,
        created_ms: acting.now,
        id,
    };
    check(&bridge, &secrets)?;
    bridges::insert(tx, &bridge)
        .await
        .map_err(|error| ManageError::taken(error, || format!("there is a bridge {name} already")))?;
    acting.record(tx, "bridge.create", None, &format!("Bridge {name} ({:?}) was made.", bridge.kind)).await?;
    Ok(bridge)
}

/// Refused where the tenant has as many bridges as it may have.
async fn leave_room(tx: &mut Tx, acting: &Acting<'_>) -> Result<(), ManageError> {
    let most = tenants::get(tx, acting.tenant).await?.map_or(0, |tenant| tenant.max_bridges);
    let has = bridges::list(tx, acting.tenant).await?.len();
    if usize::try_from(most).is_ok_and(|most| has < most) {
        return Ok(());
    }
    let why = format!("the tenant has {has} bridges already, and its max_bridges is {most}");
    Err(ManageError::State { why })
}

/// Removes a bridge with its settings and secrets. Its mappings have ended before; see `sync::leave`.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, name: &str) -> Result<(), ManageError> {
    let bridge = find(tx, acting, name).await?;
    let left = mapped(tx, acting, &bridge).await?.len();
    if left > 0 {
        return Err(ManageError::State { why: format!("{left} mappings on bridge {name} have not ended yet") });
    }
    removal::bridge(tx, acting.tenant, &bridge.id, acting.now).await?;
    Ok(acting.record(tx, "bridge.remove", None, &format!("Bridge {name} was removed.")).await?)
}

/// The mappings on a bridge that have not ended.
pub async fn mapped(tx: &mut Tx, acting: &Acting<'_>, bridge: &BridgeRow) -> Result<Vec<Mapping>, ManageError> {
    let all = mappings::list(tx, acting.tenant).await?;
    Ok(all.into_iter().filter(|mapping| mapping.bridge_id == bridge.id).collect())
}

/// Changes settings or secrets of a bridge. Secrets that are not given stay, unless those that are stored do not open any
/// more: then the given ones take the place of all.
pub async fn update(
    tx: &mut Tx,
    acting: &Acting<'_>,
    ring: &KeyRing,
    name: &str,
    patch: &BridgePatch,
) -> Result<BridgeRow, ManageError> {
    let mut bridge = find(tx, acting, name).await?;
    let (settings, fresh) = parted(patch.settings.as_ref().unwrap_or(&serde_json::Map::new()), &patch.secrets);
    if patch.settings.is_some() {
        bridge.settings = Value::Object(settings).to_string();
    }
    let (mut secrets, opens) = match open(ring, &bridge) {
        Ok(secrets) => (secrets, true),
        // Whoever gives secrets anew gives all of them.
        Err(ManageError::Crypt(_)) if !fresh.is_empty() => (BTreeMap::new(), false),
        Err(error) => return Err(error),
    };
    if !fresh.is_empty() {
        secrets.extend(fresh);
        bridge.sealed = seal(ring, acting.tenant, &bridge.id, &secrets)?;
    }
    check(&bridge, &secrets)?;
    bridges::update(tx, &bridge).await?;
    let why = if opens { "" } else { " Its earlier secrets did not open and are gone." };
    acting.record(tx, "bridge.update", None, &format!("Bridge {name} was changed.{why}")).await?;
    Ok(bridge)
}

/// Settings without secrets, and the secrets with those that somebody wrote among the settings.
fn parted(
    settings: &serde_json::Map<String, Value>,
    secrets: &BTreeMap<String, Secret>,
) -> (serde_json::Map<String, Value>, BTreeMap<String, Secret>) {
    let (hidden, open): (serde_json::Map<_, _>, serde_json::Map<_, _>) =
        settings.clone().into_iter().partition(|(name, value)| SECRETS.contains(&name.as_str()) && value.is_string());
    let hidden = hidden.iter().filter_map(|(name, value)| Some((name.clone(), Secret::from(value.as_str()?))));
    (open, hidden.chain(secrets.clone()).collect())
}

/// The secrets of a bridge in clear, by name.
pub fn open(ring: &KeyRing, bridge: &BridgeRow) -> Result<BTreeMap<String, Secret>, ManageError> {
    if bridge.sealed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let text = ring.open(place(&bridge.tenant_id, &bridge.id), &bridge.sealed)?;
    serde_json::from_str(text.reveal())
        .map_err(|_| ManageError::Crypt(CryptError::Envelope("the secrets of a bridge are no JSON object")))
}

/// What a stored bridge is made from. Refused where settings and secrets do not make a bridge of its kind.
pub fn config(ring: &KeyRing, bridge: &BridgeRow) -> Result<BridgeConfig, ManageError> {
    made_of(bridge, &open(ring, bridge)?)
}

fn made_of(bridge: &BridgeRow, secrets: &BTreeMap<String, Secret>) -> Result<BridgeConfig, ManageError> {
    serde_json::from_str(whole(bridge, secrets).reveal())
        .map_err(|error| ManageError::invalid("settings", without_place(&error)))
}

/// A bridge is checked before it is stored. What is in memory is for tests, and is gone with the process.
fn check(bridge: &BridgeRow, secrets: &BTreeMap<String, Secret>) -> Result<(), ManageError> {
    refuse_credentials_in_addresses(&bridge.settings)?;
    match bridge.kind {
        BridgeKind::Memory => {
            Err(ManageError::invalid("kind", "is graph, booking_generic or booking_portico; memory is for tests"))
        }
        BridgeKind::Graph | BridgeKind::BookingGeneric | BridgeKind::BookingPortico => {
            made_of(bridge, secrets).map(|_| ())
        }
    }
}

/// Settings are shown to whoever may look at bridges: a password does not belong into an address.
fn refuse_credentials_in_addresses(settings: &str) -> Result<(), ManageError> {
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    for name in ["base_url", "login_url"] {
        let address = settings.get(name).and_then(Value::as_str).and_then(|text| text.split_once("://"));
        if address.is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@'))) {
            let why = format!("{name} has a user or a password in it; give them as settings and secrets of their own");
            return Err(ManageError::invalid("settings", why));
        }
    }
    Ok(())
}

/// The error without line and column, which nobody wrote.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Kind, settings and secrets of a bridge as the one JSON object that it is made from.
fn whole(bridge: &BridgeRow, secrets: &BTreeMap<String, Secret>) -> Secret {
    let settings: Value = serde_json::from_str(&bridge.settings).unwrap_or_default();
    let mut whole = settings.as_object().cloned().unwrap_or_default();
    for (name, secret) in secrets {
        whole.insert(name.clone(), Value::String(secret.reveal().to_owned()));
    }
    whole.insert("kind".to_owned(), serde_json::to_value(bridge.kind).unwrap_or_default());
    Secret::new(Value::Object(whole).to_string())
}

fn seal(
    ring: &KeyRing,
    tenant: &TenantId,
    id: &BridgeId,
    secrets: &BTreeMap<String, Secret>,
) -> Result<String, ManageError> {
    if secrets.is_empty() {
        return Ok(String::new());
    }
    let clear: BTreeMap<&str, &str> = secrets.iter().map(|(name, secret)| (name.as_str(), secret.reveal())).collect();
    let text = serde_json::to_string(&clear)
        .map(Secret::new)
        .map_err(|error| ManageError::invalid("secrets", error.to_string()))?;
    Ok(ring.seal(place(tenant, id), text.reveal())?)
}

fn place<'a>(tenant: &'a TenantId, id: &'a BridgeId) -> Place<'a> {
    Place { tenant, table: "bridges", column: "sealed", row: id.as_str() }
}

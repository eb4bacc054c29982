//! Organisations: made, described, suspended, drained, resumed and removed while the server runs.

use super::{Acting, ManageError, Slug, rooms};
use crate::model::TenantId;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::mappings;
use crate::store::removal;
use crate::store::tenants;
use crate::store::tenants::Tenant;
use serde::Deserialize;

/// The key of the tenant that is there from the first start on.
pub const DEFAULT: &str = "default";

/// A tenant to make.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// The name in URLs; 1 to 64 of a-z, 0-9 and `-`. Never changes.
    pub key: String,
    /// The name people read.
    pub name: String,
    /// Its name in full.
    #[serde(default)]
    pub display_name: Option<String>,
    /// IANA name of the zone of new rooms.
    pub zone: String,
    /// Whose work is taken up first, 1 to 1000: the smaller number. 100 if left out.
    #[serde(default)]
    pub priority: Option<i64>,
    /// What it may use; everything if left out.
    #[serde(default)]
    pub flags: Flags,
    /// How much it may ask for.
    #[serde(default)]
    pub limits: TenantLimits,
}

/// Changes to a tenant; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    /// The name people read.
    #[serde(default)]
    pub name: Option<String>,
    /// Its name in full; empty to take it back.
    #[serde(default)]
    pub display_name: Option<String>,
    /// IANA name of the zone of new rooms.
    #[serde(default)]
    pub zone: Option<String>,
    /// Whose work is taken up first, 1 to 1000: the smaller number.
    #[serde(default)]
    pub priority: Option<i64>,
    /// What it may use.
    #[serde(default)]
    pub flags: Flags,
    /// How much it may ask for.
    #[serde(default)]
    pub limits: TenantLimits,
}

/// What a tenant may use; what is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// Remote systems are asked for notifications.
    #[serde(default)]
    pub webhook_enabled: Option<bool>,
    /// Bookings that disappeared at a remote side go from the hub; otherwise each such run is held for a person.
    #[serde(default)]
    pub deletion_sync_enabled: Option<bool>,
    /// A notification makes its calendar be read at once; otherwise it is read when its time has come.
    #[serde(default)]
    pub real_time_sync: Option<bool>,
    /// Its state is among the metrics.
    #[serde(default)]
    pub health_monitoring: Option<bool>,
}

/// How much a tenant may ask for; what is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantLimits {
    /// Minutes between two readings of a calendar that announces nothing, 1 to 1440; 0 for what the server does.
    #[serde(default)]
    pub sync_frequency_minutes: Option<i64>,
    /// Most bridges, 0 to 1000.
    #[serde(default)]
    pub max_bridges: Option<i64>,
    /// Most remote changes that one run takes over, 50 to 1000000; the next run goes on from there.
    #[serde(default)]
    pub max_events_per_sync: Option<i64>,
    /// Most REST requests in one minute, 1 to 1000000.
    #[serde(default)]
    pub rate_limit_per_minute: Option<i64>,
}

impl TenantPatch {
    /// Whether it changes what the tenants share: only who runs the server may.
    pub fn is_about_shares(&self) -> bool {
        self.priority.is_some() || self.limits != TenantLimits::default()
    }
}

/// The tenant with that key.
pub async fn find(tx: &mut Tx, key: &str) -> Result<Tenant, ManageError> {
    tenants::by_key(tx, key).await?.ok_or_else(|| ManageError::no("tenant", key))
}

/// The tenant with that key, made under that name if it is not there yet.
pub async fn ensure(
    tx: &mut Tx,
    (key, name): (&str, &str),
    zone: &ZoneId,
    now: Timestamp,
) -> Result<Tenant, ManageError> {
    let key = Slug::parse("tenant", key)?;
    if let Some(tenant) = tenants::by_key(tx, key.as_str()).await? {
        return Ok(tenant);
    }
    let tenant = Tenant::new(key.as_str(), name, zone.clone(), now);
    insert(tx, &tenant, "system", now).await?;
    Ok(tenant)
}

/// Makes a tenant; it works at once.
pub async fn create(tx: &mut Tx, actor: &str, now: Timestamp, new: &NewTenant) -> Result<Tenant, ManageError> {
    let key = Slug::parse("key", &new.key)?;
    let zone = rooms::zone("zone", &new.zone)?;
    let mut tenant = Tenant::new(key.as_str(), &rooms::line("name", &new.name, 200)?, zone, now);
    let rest = TenantPatch {
        display_name: new.display_name.clone(),
        priority: new.priority,
        flags: new.flags,
        limits: new.limits,
        ..TenantPatch::default()
    };
    apply(&mut tenant, &rest)?;
    insert(tx, &tenant, actor, now).await?;
    Ok(tenant)
}

async fn insert(tx: &mut Tx, tenant: &Tenant, actor: &str, now: Timestamp) -> Result<(), ManageError> {
    let key = &tenant.tenant_key;
    tenants::insert(tx, tenant)
        .await
        .map_err(|error| ManageError::taken(error, || format!("there is a tenant {key} already")))?;
    let acting = Acting { tenant: &tenant.id, actor, now };
    Ok(acting.record(tx, "tenant.create", None, &format!("Tenant {key} was made.")).await?)
}

/// Describes a tenant anew.
pub async fn update(tx: &mut Tx, acting: &Acting<'_>, patch: &TenantPatch) -> Result<Tenant, ManageError> {
    let mut tenant = own(tx, acting.tenant).await?;
    apply(&mut tenant, patch)?;
    tenants::update(tx, &tenant).await?;
    let detail = format!("Tenant {} was described anew.", tenant.tenant_key);
    acting.record(tx, "tenant.update", None, &detail).await?;
    Ok(tenant)
}

/// Closes the doors of a tenant at once; nothing of it is synchronised any more. What waits in its outbox stays there.
pub async fn suspend(tx: &mut Tx, acting: &Acting<'_>, reason: &str) -> Result<Tenant, ManageError> {
    move_to(tx, acting, TenantState::Suspended, &rooms::line("reason", reason, 500)?).await
}

/// Lets a tenant only be read until what waits to be sent is sent; then it is suspended.
pub async fn drain(tx: &mut Tx, acting: &Acting<'_>, reason: &str) -> Result<Tenant, ManageError> {
    move_to(tx, acting, TenantState::Draining, &rooms::line("reason", reason, 500)?).await
}

/// Opens the doors of a tenant again; its work goes on where it stopped.
pub async fn resume(tx: &mut Tx, acting: &Acting<'_>) -> Result<Tenant, ManageError> {
    move_to(tx, acting, TenantState::Active, "").await
}

/// Removes everything of a suspended tenant but its audit. What it had mapped has ended before; see `sync::leave`.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>) -> Result<(), ManageError> {
    let tenant = removable(tx, acting).await?;
    let left = mappings::list(tx, acting.tenant).await?.len();
    if left > 0 {
        let why = format!("{left} mappings of tenant {} have not ended yet", tenant.tenant_key);
        return Err(ManageError::State { why });
    }
    removal::tenant(tx, acting.tenant).await?;
    tenants::entomb(tx, acting.tenant).await?;
    let detail = format!("Tenant {} ({}) was removed; its audit is kept.", tenant.tenant_key, tenant.name);
    Ok(acting.record(tx, "tenant.remove", None, &detail).await?)
}

/// The tenant, where it may be removed: it was suspended before, so that nobody works on it.
pub async fn removable(tx: &mut Tx, acting: &Acting<'_>) -> Result<Tenant, ManageError> {
    let tenant = own(tx, acting.tenant).await?;
    if tenant.state == TenantState::Suspended {
        return Ok(tenant);
    }
    let why = format!("tenant {} is {:?}; drain or suspend it before it is removed", tenant.tenant_key, tenant.state);
    Err(ManageError::State { why })
}

async fn own(tx: &mut Tx, id: &TenantId) -> Result<Tenant, ManageError> {
    tenants::get(tx, id).await?.ok_or_else(|| ManageError::no("tenant", id.as_str()))
}

async fn move_to(tx: &mut Tx, acting: &Acting<'_>, state: TenantState, reason: &str) -> Result<Tenant, ManageError> {
    let mut tenant = own(tx, acting.tenant).await?;
    let (action, what) = match state {
        TenantState::Active => ("tenant.resume", "works again"),
        TenantState::Draining => ("tenant.drain", "is drained"),
        TenantState::Suspended => ("tenant.suspend", "is suspended"),
        TenantState::Removed => ("tenant.remove", "is removed"),
    };
    if tenant.state == TenantState::Removed {
        let why = format!("tenant {} was removed; only its audit is left", tenant.tenant_key);
        return Err(ManageError::State { why });
    }
    tenants::set_state(tx, &tenant.id, state, reason).await?;
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    acting.record(tx, action, None, &format!("Tenant {} {what}{why}.", tenant.tenant_key)).await?;
    tenant.state = state;
    reason.clone_into(&mut tenant.reason);
    Ok(tenant)
}

fn apply(tenant: &mut Tenant, patch: &TenantPatch) -> Result<(), ManageError> {
    if let Some(name) = &patch.name {
        tenant.name = rooms::line("name", name, 200)?;
    }
    if let Some(name) = &patch.display_name {
        tenant.display_name =
            if name.trim().is_empty() { String::new() } else { rooms::line("display_name", name, 200)? };
    }
    if let Some(zone) = &patch.zone {
        tenant.zone = rooms::zone("zone", zone)?;
    }
    bounded("priority", patch.priority, 1..=1000, &mut tenant.priority)?;
    let Flags { webhook_enabled, deletion_sync_enabled, real_time_sync, health_monitoring } = patch.flags;
    tenant.webhook_enabled = webhook_enabled.unwrap_or(tenant.webhook_enabled);
    tenant.deletion_sync_enabled = deletion_sync_enabled.unwrap_or(tenant.deletion_sync_enabled);
    tenant.real_time_sync = real_time_sync.unwrap_or(tenant.real_time_sync);
    tenant.health_monitoring = health_monitoring.unwrap_or(tenant.health_monitoring);
    let limits = &patch.limits;
    let mut minutes = tenant.sync_frequency_minutes.unwrap_or(0);
    bounded("limits.sync_frequency_minutes", limits.sync_frequency_minutes, 0..=1440, &mut minutes)?;
    tenant.sync_frequency_minutes = (minutes > 0).then_some(minutes);
    bounded("limits.max_bridges", limits.max_bridges, 0..=1000, &mut tenant.max_bridges)?;
    let (most, events) = (limits.max_events_per_sync, &mut tenant.max_events_per_sync);
    bounded("limits.max_events_per_sync", most, 50..=1_000_000, events)?;
    let (most, rate) = (limits.rate_limit_per_minute, &mut tenant.rate_limit_per_minute);
    bounded("limits.rate_limit_per_minute", most, 1..=1_000_000, rate)
}

fn bounded(
    field: &'static str,
    given: Option<i64>,
    range: std::ops::RangeInclusive<i64>,
    place: &mut i64,
) -> Result<(), ManageError> {
    let Some(given) = given else { return Ok(()) };
    if !range.contains(&given) {
        let why = format!("{given} is not between {} and {}", range.start(), range.end());
        return Err(ManageError::invalid(field, why));
    }
    *place = given;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_bounded_and_refused_by_name() {
        let mut tenant = Tenant::new("city", "City", ZoneId::utc(), Timestamp(0));
        let limits = |limits| TenantPatch { limits, ..TenantPatch::default() };
        let ok = TenantLimits { sync_frequency_minutes: Some(5), max_bridges: Some(2), ..TenantLimits::default() };
        apply(&mut tenant, &limits(ok)).unwrap();
        assert_eq!((tenant.sync_frequency_minutes, tenant.max_bridges), (Some(5), 2));
        let back = TenantLimits { sync_frequency_minutes: Some(0), ..TenantLimits::default() };
        apply(&mut tenant, &limits(back)).unwrap();
        assert_eq!(tenant.sync_frequency_minutes, None);
        for (bad, field) in [
            (
                TenantLimits { rate_limit_per_minute: Some(0), ..TenantLimits::default() },
                "limits.rate_limit_per_minute",
            ),
            (TenantLimits { max_events_per_sync: Some(1), ..TenantLimits::default() }, "limits.max_events_per_sync"),
            (TenantLimits { max_bridges: Some(-1), ..TenantLimits::default() }, "limits.max_bridges"),
        ] {
            let refused = apply(&mut tenant, &limits(bad)).unwrap_err().to_string();
            assert!(refused.starts_with(field), "{refused}");
        }
    }

    #[test]
    fn shares_are_what_the_tenants_have_in_common() {
        assert!(!TenantPatch { name: Some("City".to_owned()), ..TenantPatch::default() }.is_about_shares());
        assert!(TenantPatch { priority: Some(1), ..TenantPatch::default() }.is_about_shares());
    }
}

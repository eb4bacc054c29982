//! Tenants, and what dashboards of the predecessor read of them.

use super::super::error::ApiError;
use super::super::view::TenantView;
use super::call::{Answer, Call, ok};
use super::{bridges, counts};
use crate::manage::confirmed;
use crate::manage::tenants as manage;
use crate::manage::tenants::{Flags, NewTenant, TenantLimits, TenantPatch};
use crate::model::Role;
use crate::store::mappings;
use crate::store::tenants;
use crate::store::tenants::Tenant;
use crate::sync;
use crate::sync::Copies;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

/// A tenant with the predecessor's names beside ours.
fn show(tenant: Tenant) -> Value {
    let (key, zone, priority) = (tenant.tenant_key.clone(), tenant.zone.to_string(), tenant.priority);
    let mut shown = serde_json::to_value(TenantView::from(tenant)).unwrap_or_default();
    shown["tenant_key"] = key.into();
    shown["status"] = shown["state"].clone();
    shown["timezone"] = zone.into();
    shown["priority"] = priority.into();
    shown
}

async fn visible(call: &Call) -> Result<Vec<Tenant>, ApiError> {
    Ok(match call.caller.principal.role {
        Role::SuperAdmin => tenants::list(&mut call.read().await?).await?,
        _ => vec![call.caller.tenant.clone()],
    })
}

/// Lists the caller's tenant; all of them for a super admin.
pub(super) async fn list(call: Call) -> Answer {
    let tenants: Vec<Value> = visible(&call).await?.into_iter().map(show).collect();
    ok(json!({ "success": true, "count": tenants.len(), "tenants": tenants }))
}

/// Reads one tenant.
#[expect(clippy::unused_async, reason = "a handler like the others")]
pub(super) async fn read(call: Call) -> Answer {
    ok(json!({ "success": true, "tenant": show(call.caller.tenant.clone()) }))
}

fn terms(call: &Call) -> (Flags, TenantLimits) {
    let number = |name: &str| call.text(&[name]).and_then(|text| text.parse().ok());
    let flags = Flags {
        webhook_enabled: call.truth(&["webhook_enabled"]),
        deletion_sync_enabled: call.truth(&["deletion_sync_enabled"]),
        real_time_sync: call.truth(&["real_time_sync"]),
        health_monitoring: call.truth(&["health_monitoring"]),
    };
    let limits = TenantLimits {
        sync_frequency_minutes: number("sync_frequency_minutes"),
        max_bridges: number("max_bridge_connections").or_else(|| number("max_bridges")),
        max_events_per_sync: number("max_events_per_sync"),
        rate_limit_per_minute: number("rate_limit_per_minute"),
    };
    (flags, limits)
}

/// Makes a tenant.
pub(super) async fn create(call: Call) -> Answer {
    let (flags, limits) = terms(&call);
    let key = call.needed(&["tenant_key", "key", "tenant_id"])?.to_ascii_lowercase().replace('_', "-");
    let new = NewTenant {
        name: call.text(&["name"]).unwrap_or_else(|| key.clone()),
        key,
        display_name: call.text(&["display_name"]),
        zone: call.needed(&["timezone", "zone"])?,
        priority: call.text(&["priority"]).and_then(|text| text.parse().ok()),
        flags,
        limits,
    };
    let mut tx = call.write().await?;
    let tenant = manage::create(&mut tx, &call.actor, call.now, &new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, json!({ "success": true, "message": "Tenant created", "tenant": show(tenant) })))
}

/// Describes a tenant anew; what is left out stays. `status` suspends or resumes it.
pub(super) async fn update(call: Call) -> Answer {
    let (flags, limits) = terms(&call);
    let patch = TenantPatch {
        name: call.text(&["name"]),
        display_name: call.text(&["display_name"]),
        zone: call.text(&["timezone", "zone"]),
        priority: call.text(&["priority"]).and_then(|text| text.parse().ok()),
        flags,
        limits,
    };
    let wish = call.text(&["status"]);
    if patch.is_about_shares() || wish.is_some() {
        call.require(Role::SuperAdmin)?;
    }
    let mut tx = call.write().await?;
    let mut tenant = manage::update(&mut tx, &call.acting(), &patch).await?;
    match wish.as_deref() {
        None => {}
        Some("active") => tenant = manage::resume(&mut tx, &call.acting()).await?,
        Some("suspended" | "inactive") => {
            let reason = call.text(&["reason"]).unwrap_or_else(|| "suspended by an administrator".to_owned());
            tenant = manage::suspend(&mut tx, &call.acting(), &reason).await?;
        }
        Some(other) => {
            let why = format!("status {other:?} is neither active nor suspended");
            return Err(ApiError::Malformed { part: "body", why });
        }
    }
    tx.commit().await?;
    ok(json!({ "success": true, "message": "Tenant updated", "tenant": show(tenant) }))
}

/// Removes a suspended tenant; `confirm` repeats its key, `copies` is `leave` or `purge`.
pub(super) async fn remove(call: Call) -> Answer {
    let given = |name: &str| call.query.get(name).cloned().or_else(|| call.text(&[name]));
    let key = &call.caller.tenant.tenant_key;
    confirmed(key, &given("confirm").unwrap_or_default())?;
    let copies = match given("copies").as_deref() {
        None | Some("leave") => Copies::Leave,
        Some("purge") => Copies::Purge,
        Some(other) => {
            let why = format!("copies {other:?} is neither leave nor purge");
            return Err(ApiError::Malformed { part: "query", why });
        }
    };
    if call.caller.tenant.id == call.caller.principal.tenant_id {
        let why = "this is the tenant you belong to; somebody of another one has to remove it".to_owned();
        return Err(crate::manage::ManageError::State { why }.into());
    }
    let mut tx = call.read().await?;
    manage::removable(&mut tx, &call.acting()).await?;
    let ending = mappings::list(&mut tx, call.tenant()).await?;
    drop(tx);
    let removed = sync::leave(&call.door.engine, call.tenant(), &ending, copies, &call.actor).await?;
    let mut tx = call.write().await?;
    manage::remove(&mut tx, &call.acting()).await?;
    tx.commit().await?;
    ok(json!({ "success": true, "message": "Tenant removed", "tenant_key": key, "copies_removed": removed }))
}

/// Tenants with their numbers.
pub(super) async fn dashboard(call: Call) -> Answer {
    let mut all = Vec::new();
    for tenant in visible(&call).await? {
        let own = call.within(tenant.clone());
        let mut shown = show(tenant);
        shown["numbers"] = numbers(&own).await?;
        all.push(shown);
    }
    ok(json!({ "success": true, "count": all.len(), "tenants": all }))
}

async fn numbers(call: &Call) -> Result<Value, ApiError> {
    let status = sync::status(&mut call.read().await?, call.tenant()).await?;
    let mappings = || status.rooms.iter().flat_map(|room| &room.mappings);
    let of = |word: &str| mappings().filter(|one| one.word() == word).count();
    Ok(json!({
        "rooms": status.rooms.len(), "mappings": mappings().count(), "ok": of("ok"), "waiting": of("waiting"),
        "failing": of("failing"), "held": of("held"), "operations_waiting": status.pending,
        "conflicts_open": status.open_conflicts,
        "oldest_waiting": status.oldest_waiting.map(|at| at.to_string()),
    }))
}

/// Health of one tenant: its numbers and its bridges.
pub(super) async fn health(call: Call) -> Answer {
    let mut shown = bridges::health_of(&call).await?;
    shown["tenant"] = call.caller.tenant.tenant_key.clone().into();
    shown["numbers"] = numbers(&call).await?;
    ok(shown)
}

/// Sums over all tenants that the caller may see.
pub(super) async fn global(call: Call) -> Answer {
    let tenants = visible(&call).await?;
    let count = tenants.len();
    let active = tenants.iter().filter(|one| one.state == crate::model::TenantState::Active).count();
    let mut sums = serde_json::Map::new();
    let mut bookings = serde_json::Map::new();
    for tenant in tenants {
        let own = call.within(tenant);
        add(&mut sums, &numbers(&own).await?);
        add(&mut bookings, &counts::summary_of(&own).await?);
    }
    ok(json!({ "success": true, "tenants": count, "tenants_active": active, "totals": sums, "bookings": bookings }))
}

/// Adds the numbers of an object to those of another.
fn add(sums: &mut serde_json::Map<String, Value>, numbers: &Value) {
    for (name, number) in numbers.as_object().into_iter().flatten() {
        if let Some(number) = number.as_i64() {
            let sum = sums.get(name).and_then(Value::as_i64).unwrap_or(0) + number;
            sums.insert(name.clone(), sum.into());
        }
    }
}

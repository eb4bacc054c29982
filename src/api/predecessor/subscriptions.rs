//! Subscriptions for notifications. The gateway asks for them and renews them by itself; these show and hasten that.

use super::super::error::ApiError;
use super::call::{Answer, Call, ok};
use super::names::Scene;
use crate::manage::ManageError;
use crate::model::SubscriptionId;
use crate::store::subscriptions;
use crate::store::subscriptions::{DEAD, Subscription};
use actix_web::http::StatusCode;
use serde_json::{Value, json};

fn show(scene: &Scene, one: &Subscription) -> Value {
    let mapping = scene.mappings.iter().find(|mapping| mapping.id == one.mapping_id);
    json!({
        "id": one.id.as_str(), "subscription_id": one.remote_id,
        "calendar_id": mapping.map(|mapping| mapping.remote_id.as_str()),
        "bridge": mapping.map(|mapping| scene.word(&mapping.bridge_id)),
        "status": one.state, "is_active": one.state == subscriptions::ACTIVE,
        "expires_at": one.expires_ms.map(|at| at.to_string()),
        "renews_at": one.renew_ms.to_string(),
        "last_notification_at": one.notified_ms.map(|at| at.to_string()),
        "error": (!one.last_error.is_empty()).then_some(&one.last_error),
    })
}

/// Lists living subscriptions.
pub(super) async fn list(call: Call) -> Answer {
    let mut tx = call.read().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let all = subscriptions::of_tenant(&mut tx, call.tenant()).await?;
    let living: Vec<Value> = all.iter().filter(|one| one.state != DEAD).map(|one| show(&scene, one)).collect();
    ok(json!({ "success": true, "count": living.len(), "subscriptions": living }))
}

/// Has a calendar subscribed to: at the next round of housekeeping, within seconds. One that is subscribed to already is
/// shown.
pub(super) async fn create(call: Call) -> Answer {
    let calendar = call.needed(&["calendar_id"])?;
    if call.door.engine.hook_base.is_none() {
        let why = "no address for notifications is known; set webhooks.base_url".to_owned();
        return Err(ManageError::State { why }.into());
    }
    let mut tx = call.read().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let mapping = scene.mappings.iter().find(|mapping| mapping.remote_id == calendar);
    let mapping = mapping.ok_or_else(|| ManageError::NotFound { what: format!("mapped calendar {calendar:?}") })?;
    let living = subscriptions::of_mapping(&mut tx, call.tenant(), &mapping.id).await?;
    drop(tx);
    (call.door.nudge)(&mapping.id);
    if let Some(one) = living.first() {
        return ok(json!({ "success": true, "subscription": show(&scene, one) }));
    }
    let message = "The subscription is asked for within seconds";
    Ok((StatusCode::ACCEPTED, json!({ "success": true, "message": message, "calendar_id": calendar })))
}

/// The living subscription of that id, ours or the remote system's.
async fn found(call: &Call) -> Result<Subscription, ApiError> {
    let id = call.segment("id");
    let all = subscriptions::of_tenant(&mut call.read().await?, call.tenant()).await?;
    let fits = |one: &Subscription| {
        let ours = one.id == SubscriptionId::from(id);
        one.state != DEAD && (ours || one.remote_id.as_deref() == Some(id))
    };
    let found = all.into_iter().find(fits);
    found.ok_or_else(|| ManageError::NotFound { what: format!("subscription {id:?}") }.into())
}

/// Has a subscription renewed at the next round of housekeeping, within seconds.
pub(super) async fn renew(call: Call) -> Answer {
    let one = Subscription { renew_ms: call.now, ..found(&call).await? };
    let mut tx = call.write().await?;
    subscriptions::put(&mut tx, &one).await?;
    tx.commit().await?;
    (call.door.nudge)(&one.mapping_id);
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let message = "The subscription is renewed within seconds";
    Ok((StatusCode::ACCEPTED, json!({ "success": true, "message": message, "subscription": show(&scene, &one) })))
}

/// Ends a subscription. While its calendar is mapped and the tenant wants notifications another one is asked for.
pub(super) async fn remove(call: Call) -> Answer {
    let one = Subscription { state: DEAD.to_owned(), ..found(&call).await? };
    let mut tx = call.write().await?;
    subscriptions::put(&mut tx, &one).await?;
    tx.commit().await?;
    ok(json!({ "success": true, "message": "The subscription has ended", "subscription_id": call.segment("id") }))
}

//! Change notifications: subscriptions with a real handshake, deliveries with retries, lifecycle notifications.

use super::Call;
use super::Graph;
use super::Notice;
use super::no_route;
use super::view;
use super::wire;
use super::wire::Failure;
use crate::model::Timestamp;
use crate::sandbox::caller::call as send;
use crate::sandbox::seed;
use crate::sandbox::state::World;
use crate::sandbox::state::lock;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use crate::sandbox::wire::percent_encode;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
const SHORTEST_MIN: i64 = 45;
const LONGEST_MIN: i64 = 10_080;
const HANDSHAKE: Duration = Duration::from_secs(10);
const FIRST_DELIVERY: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_secs(10);
/// Retries double their wait from one second; the sum stays below four hours.
const RETRIES: u32 = 13;

/// One subscription.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscription {
    id: String,
    /// The resource as it was asked for.
    resource: String,
    object_id: String,
    changes: Vec<String>,
    change_type: String,
    url: String,
    lifecycle_url: Option<String>,
    client_state: Option<String>,
    expires: Timestamp,
    immutable: bool,
}

/// lifecycleEvent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) enum Lifecycle {
    Missed,
    SubscriptionRemoved,
    ReauthorizationRequired,
}

impl Subscription {
    pub(super) fn render(&self) -> Value {
        json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity",
            "id": self.id, "resource": self.resource, "applicationId": seed::CLIENT_ID, "changeType": self.change_type,
            "clientState": self.client_state, "notificationUrl": self.url, "notificationQueryOptions": null,
            "notificationContentType": null, "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": self.expires.to_string(), "creatorId": seed::CLIENT_ID, "includeResourceData": null,
            "latestSupportedTlsVersion": "v1_2", "encryptionCertificate": null, "encryptionCertificateId": null,
            "notificationUrlAppId": null,
        })
    }
}

/// `POST /subscriptions`: checks, shakes hands with each address, and only then exists.
pub(super) async fn create(world: &Arc<World>, request: &Request) -> Result<Reply, Failure> {
    let subscription = read(world, request)?;
    handshake(&subscription.url).await?;
    if let Some(url) = &subscription.lifecycle_url {
        handshake(url).await?;
    }
    let mut graph = lock(&world.graph);
    refuse_duplicate(&graph, &subscription)?;
    let reply = Reply::json(201, &subscription.render());
    graph.general.subscriptions.insert(subscription.id.clone(), subscription);
    graph.touch_general();
    world.save_graph(&mut graph);
    Ok(reply)
}

fn read(world: &Arc<World>, request: &Request) -> Result<Subscription, Failure> {
    let refuse = |text: &str| Failure::new(400, "ValidationError", text);
    let now = world.now();
    let body = request.json().map_err(|text| Failure::new(400, "RequestBodyRead", &text))?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let needed = |name: &str| text(name).ok_or_else(|| refuse(&format!("'{name}' is required.")));
    let resource = needed("resource")?;
    let parts: Vec<&str> = resource.trim_matches('/').split('/').collect();
    let [users, user, events] = parts[..] else { return Err(refuse("The resource is not supported.")) };
    if !users.eq_ignore_ascii_case("users") || !events.eq_ignore_ascii_case("events") {
        return Err(refuse("The resource is not supported."));
    }
    let change_type = needed("changeType")?;
    let changes: Vec<String> = change_type.split(',').map(|part| part.trim().to_lowercase()).collect();
    if changes.iter().any(|change| !["created", "updated", "deleted"].contains(&change.as_str())) {
        return Err(refuse("changeType must be a list of created, updated, deleted."));
    }
    let client_state = text("clientState");
    if client_state.as_ref().is_some_and(|state| state.chars().count() > 128) {
        return Err(refuse("clientState is longer than 128 characters."));
    }
    let expires = expiry(&body, now)?;
    let mut graph = lock(&world.graph);
    graph.general.subscriptions.retain(|_, old| old.expires > now);
    let object_id = graph.mailbox(user).map(|mailbox| mailbox.object_id.clone());
    let subscription = Subscription {
        id: uuid::Uuid::new_v4().to_string(),
        object_id: object_id.ok_or_else(|| Failure::new(404, "ResourceNotFound", "The user does not exist."))?,
        resource,
        changes,
        change_type,
        url: needed("notificationUrl")?,
        lifecycle_url: text("lifecycleNotificationUrl"),
        client_state,
        expires,
        immutable: wire::Prefer::of(request)?.immutable,
    };
    refuse_duplicate(&graph, &subscription)?;
    Ok(subscription)
}

fn refuse_duplicate(graph: &Graph, new: &Subscription) -> Result<(), Failure> {
    let same = |old: &&Subscription| old.object_id == new.object_id && old.change_type == new.change_type;
    match graph.general.subscriptions.values().find(same) {
        None => Ok(()),
        Some(_) => {
            Err(Failure::new(409, "Conflict", "A subscription for this resource and changeType exists already."))
        }
    }
}

/// expirationDateTime: raised to 45 minutes, refused beyond seven days.
fn expiry(body: &Value, now: Timestamp) -> Result<Timestamp, Failure> {
    let refuse = |text: &str| Failure::new(400, "ValidationError", text);
    let asked = body["expirationDateTime"].as_str().and_then(view::instant);
    let asked = asked.ok_or_else(|| refuse("'expirationDateTime' is required."))?;
    if asked <= now {
        return Err(refuse("Subscription expiration must be in the future."));
    }
    if asked > now.plus_ms(LONGEST_MIN * MINUTE_MS) {
        return Err(refuse("Subscription expiration can only be 10080 minutes in the future."));
    }
    Ok(asked.max(now.plus_ms(SHORTEST_MIN * MINUTE_MS)))
}

/// Sends the validation token and wants it back as plain text.
async fn handshake(url: &str) -> Result<(), Failure> {
    let failed =
        |text: &str| Failure::new(400, "ValidationError", &format!("Subscription validation request failed. {text}"));
    let token = format!(
        "Validation: Testing client application reachability for subscription Request-Id: {}",
        uuid::Uuid::new_v4()
    );
    let joint = if url.contains('?') { '&' } else { '?' };
    let address = format!("{url}{joint}validationToken={}", percent_encode(&token).replace("%20", "+"));
    let headers = [("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    match send("POST", &address, &headers, b"", HANDSHAKE).await {
        Ok(answer) if answer.status == 200 && answer.body == token.as_bytes() => Ok(()),
        Ok(answer) if answer.status == 200 => {
            Err(failed("Response must exactly match validationToken query parameter."))
        }
        Ok(answer) => Err(failed(&format!(
            "Notification endpoint must respond with 200 OK to validation request. It answered {}.",
            answer.status
        ))),
        Err(error) => Err(failed(&format!("The request is invalid or timed out: {error}."))),
    }
}

/// Everything below `/subscriptions` but the creation.
pub(super) fn route(graph: &mut Graph, call: &Call<'_>, rest: &[&str]) -> Result<Reply, Failure> {
    graph.general.subscriptions.retain(|_, old| old.expires > call.now);
    let missing = || Failure::new(404, "ResourceNotFound", "The subscription does not exist.");
    match (call.request.method.as_str(), rest) {
        ("GET", []) => {
            let rows = graph.general.subscriptions.values().map(Subscription::render).collect();
            view::page(call, rows, 100)
        }
        ("GET", [id]) => {
            let found = graph.general.subscriptions.get(*id).ok_or_else(missing)?;
            Ok(Reply::json(200, &found.render()))
        }
        ("PATCH", [id]) => {
            let body = call.request.json().map_err(|text| Failure::new(400, "RequestBodyRead", &text))?;
            let found = graph.general.subscriptions.get_mut(*id).ok_or_else(missing)?;
            if body.get("lifecycleNotificationUrl").is_some() {
                return Err(Failure::new(400, "ValidationError", "lifecycleNotificationUrl cannot be changed."));
            }
            found.expires = expiry(&body, call.now)?;
            let reply = Reply::json(200, &found.render());
            graph.touch_general();
            Ok(reply)
        }
        ("POST", [id, "reauthorize"]) => {
            graph.general.subscriptions.get(*id).map(|_| Reply::empty(204)).ok_or_else(missing)
        }
        ("DELETE", [id]) => {
            graph.general.subscriptions.remove(*id).ok_or_else(missing)?;
            graph.touch_general();
            Ok(Reply::empty(204))
        }
        _ => Err(no_route(call.request)),
    }
}

/// Sets off the deliveries of these changes: some several times, some not at all, as the switchboard says.
pub(super) fn notify(world: &Arc<World>, notices: Vec<Notice>) {
    if notices.is_empty() {
        return;
    }
    let now = world.now();
    let subscriptions: Vec<Subscription> = lock(&world.graph).general.subscriptions.values().cloned().collect();
    for notice in notices {
        let interested = subscriptions.iter().filter(|subscription| {
            subscription.object_id == notice.object_id
                && subscription.expires > now
                && subscription.changes.iter().any(|change| change == notice.change)
        });
        for subscription in interested {
            let copies = world.copies(|faults| &faults.graph);
            let body = json!({"value": [render_notice(subscription, &notice)]});
            for copy in 0..copies {
                deliver(world, subscription.url.clone(), body.clone(), Duration::from_millis(40 * copy));
            }
        }
    }
}

fn render_notice(subscription: &Subscription, notice: &Notice) -> Value {
    let id = wire::shown_id(&notice.stem, subscription.immutable);
    let path = format!("Users/{}/Events/{id}", notice.object_id);
    json!({
        "subscriptionId": subscription.id, "subscriptionExpirationDateTime": subscription.expires.to_string(),
        "changeType": notice.change, "resource": path, "clientState": subscription.client_state,
        "tenantId": seed::TENANT_ID,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event", "@odata.id": path,
            "@odata.etag": wire::etag(&notice.stem, notice.seq), "id": id,
        },
    })
}

/// Delivers in the background; anything but 2xx in time is tried again with growing waits.
fn deliver(world: &Arc<World>, url: String, body: Value, delay: Duration) {
    world.spawn(async move {
        tokio::time::sleep(delay).await;
        let bytes = body.to_string().into_bytes();
        let headers = [("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
        let mut patience = FIRST_DELIVERY;
        for attempt in 0..=RETRIES {
            match send("POST", &url, &headers, &bytes, patience).await {
                Ok(answer) if (200..300).contains(&answer.status) => return,
                _ => tokio::time::sleep(Duration::from_secs(1 << attempt.min(13))).await,
            }
            patience = RETRY;
        }
        tracing::warn!(%url, "a notification was given up");
    });
}

/// Tells every subscription with a lifecycle address; `subscriptionRemoved` also ends the subscriptions.
pub(super) fn lifecycle(world: &Arc<World>, event: Lifecycle) -> usize {
    let subscriptions: Vec<Subscription> = {
        let mut graph = lock(&world.graph);
        let all = graph.general.subscriptions.values().cloned().collect();
        if event == Lifecycle::SubscriptionRemoved {
            graph.general.subscriptions.clear();
            graph.touch_general();
            world.save_graph(&mut graph);
        }
        all
    };
    let mut told = 0;
    for subscription in subscriptions {
        let Some(url) = &subscription.lifecycle_url else { continue };
        let row = json!({
            "subscriptionId": subscription.id, "subscriptionExpirationDateTime": subscription.expires.to_string(),
            "tenantId": seed::TENANT_ID, "clientState": subscription.client_state, "lifecycleEvent": event,
        });
        deliver(world, url.clone(), json!({"value": [row]}), Duration::ZERO);
        told += 1;
    }
    told
}

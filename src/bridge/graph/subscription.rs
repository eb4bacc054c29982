//! Subscriptions for change notifications of one mailbox.

use super::Graph;
use super::calls::{Call, Target};
use crate::bridge::{BridgeError, Hook, RemoteCalendar, Subscribed};
use crate::model::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest life Graph allows for events is 10,080 minutes; a little less for clocks that differ.
const LIFE_MS: i64 = 10_070 * 60_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: String,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    notification_url: Option<String>,
    expiration_date_time: Option<String>,
}

impl Subscription {
    fn told(self) -> Subscribed {
        let expires = self.expiration_date_time.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        Subscribed { id: self.id, expires: expires.map(Timestamp::from_jiff) }
    }
}

impl Graph {
    pub(super) async fn ask_for_notices(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Subscribed, BridgeError> {
        match self.post_subscription(at, hook).await {
            Err(BridgeError::Refused(why)) if is_duplicate(&why) => {}
            other => return other,
        }
        // One that notifies us is in the way, also under a key that was lost; clientState cannot be read back, so it is
        // made anew.
        let all: Vec<Subscription> = self.pages_of(None, self.calls.url(&["subscriptions"])).await?;
        let resource = resource(at);
        let same = |subscription: &Subscription| {
            subscription
                .resource
                .as_deref()
                .is_some_and(|own| own.trim_start_matches('/').eq_ignore_ascii_case(&resource))
                && subscription.notification_url.as_deref().is_none_or(|url| door(url) == door(&hook.url))
        };
        for old in all.into_iter().filter(same) {
            self.end_notices(&old.id).await?;
        }
        self.post_subscription(at, hook).await
    }

    async fn post_subscription(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Subscribed, BridgeError> {
        let body = json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": hook.url,
            "lifecycleNotificationUrl": hook.lifecycle_url,
            "resource": format!("/{}", resource(at)),
            "expirationDateTime": self.farthest(),
            "clientState": hook.secret,
        });
        let url = self.calls.url(&["subscriptions"]);
        let call = Call::write(Method::POST, url, Some(body), Target::Calendar);
        Ok(self.calls.read::<Subscription>(None, &call).await?.told())
    }

    pub(super) async fn extend_notices(&self, id: &str) -> Result<Subscribed, BridgeError> {
        let url = self.calls.url(&["subscriptions", id]);
        let body: Value = json!({"expirationDateTime": self.farthest()});
        let call = Call::write(Method::PATCH, url, Some(body), Target::Item);
        match self.calls.read::<Subscription>(None, &call).await {
            Ok(subscription) => Ok(subscription.told()),
            Err(BridgeError::CalendarGone(_)) => Err(BridgeError::NotFound),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn end_notices(&self, id: &str) -> Result<(), BridgeError> {
        let url = self.calls.url(&["subscriptions", id]);
        match self.calls.send(None, &Call::write(Method::DELETE, url, None, Target::Item)).await {
            Ok(_) | Err(BridgeError::NotFound | BridgeError::CalendarGone(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn farthest(&self) -> String {
        self.clock.now().plus_ms(LIFE_MS).to_string()
    }
}

fn resource(at: &RemoteCalendar) -> String {
    format!("users/{}/events", at.id)
}

/// A notification address without the key it ends in.
fn door(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(door, _)| door)
}

/// Two codes are in use for a second subscription to the same thing.
fn is_duplicate(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    why.contains("conflict") || why.contains("already exists") || why.contains("duplicate")
}

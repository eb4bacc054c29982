//! Webhooks and what they were told as JSON. The secret is in the answer that makes or rotates it and nowhere else.

use super::{Names, text_if, time, time_if};
use crate::manage::webhooks;
use crate::manage::webhooks::Minted;
use crate::model::DeliveryState;
use crate::model::DetailLevel;
use crate::model::NoticeKind;
use crate::model::WebhookState;
use crate::store::deliveries::Delivery;
use crate::store::webhooks::Webhook;
use serde::Serialize;

/// Who outside is told what happens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: String,
    /// What its maker calls it.
    pub label: String,
    /// Where deliveries go.
    pub url: String,
    /// What it is told; empty for everything.
    pub kinds: Vec<NoticeKind>,
    /// Slugs of the rooms it is told about; empty for all.
    pub rooms: Vec<String>,
    /// How much of a booking it is told.
    pub detail: DetailLevel,
    /// Whether it is told anything.
    pub state: WebhookState,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when nothing was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
    /// The last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When its receiver last took something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<String>,
    /// When it was made.
    pub created: String,
}

impl WebhookView {
    /// With the names of its rooms.
    pub fn of(webhook: Webhook, names: &Names) -> Self {
        Self {
            id: webhook.id.to_string(),
            kinds: webhooks::kinds(&webhook),
            rooms: webhook.room_ids().iter().map(|id| names.room(id.as_str())).collect(),
            label: webhook.label,
            url: webhook.url,
            detail: webhook.detail,
            state: webhook.state,
            reason: text_if(webhook.reason),
            failing_since: time_if(webhook.failing_since_ms),
            last_error: text_if(webhook.last_error),
            delivered: time_if(webhook.delivered_ms),
            created: time(webhook.created_ms),
        }
    }
}

/// A webhook with its secret, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookSecretView {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// What receivers verify `webhook-signature` with (Standard Webhooks).
    pub secret: String,
}

impl WebhookSecretView {
    /// With the names of its rooms.
    pub fn of(minted: Minted, names: &Names) -> Self {
        Self { secret: minted.secret.reveal().to_owned(), webhook: WebhookView::of(minted.webhook, names) }
    }
}

/// One thing that a webhook is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryView {
    /// Its id, as in the header `webhook-id`.
    pub id: String,
    /// What happened.
    pub kind: NoticeKind,
    /// Slug of the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// UID of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Id of the conflict, mapping or alert it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    pub at: String,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was sent in vain.
    pub attempts: i64,
    /// The status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// What the last failure was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// When it was taken or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl DeliveryView {
    /// With the name of its room.
    pub fn of(one: Delivery, names: &Names) -> Self {
        Self {
            room: text_if(one.room_id).map(|id| names.room(&id)),
            id: one.id,
            kind: one.kind,
            uid: text_if(one.uid),
            subject: text_if(one.subject),
            at: time(one.at_ms),
            due: (one.state == DeliveryState::Pending).then(|| time(one.due_ms)),
            state: one.state,
            attempts: one.attempts,
            status: one.status,
            last_error: text_if(one.last_error),
            ended: time_if(one.ended_ms),
        }
    }
}

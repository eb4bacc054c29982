//! What programs outside are told, and how a webhook stands.

use serde::{Deserialize, Serialize};

/// What happened, as a webhook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum NoticeKind {
    /// A booking is new in a room.
    #[serde(rename = "booking.created")]
    BookingCreated,
    /// A booking says something else than before.
    #[serde(rename = "booking.changed")]
    BookingChanged,
    /// A booking is gone from a room.
    #[serde(rename = "booking.cancelled")]
    BookingCancelled,
    /// A conflict waits for a person.
    #[serde(rename = "conflict.opened")]
    ConflictOpened,
    /// A conflict was decided, or its cause went away.
    #[serde(rename = "conflict.settled")]
    ConflictSettled,
    /// A mapping is held until a person releases it.
    #[serde(rename = "mapping.held")]
    MappingHeld,
    /// A held mapping works again.
    #[serde(rename = "mapping.released")]
    MappingReleased,
    /// Somebody should look at something.
    #[serde(rename = "alert.raised")]
    AlertRaised,
    /// The cause of an alert is gone.
    #[serde(rename = "alert.settled")]
    AlertSettled,
    /// A test that an administrator asked for; sent to its webhook whatever that wants to be told.
    #[serde(rename = "webhook.test")]
    WebhookTest,
}

/// Whether a webhook is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookState {
    /// It is told.
    Active,
    /// Nothing is sent until an administrator goes on; what happens meanwhile waits for as long as a failed delivery does.
    Paused,
    /// It was given up after long failure, or its receiver said that it is gone; nothing is kept for it.
    Disabled,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It waits to be sent, for the first time or again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

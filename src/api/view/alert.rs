//! Alerts as JSON.

use super::{Names, text_if, time, time_if};
use crate::model::AlertKind;
use crate::model::AlertState;
use crate::model::Severity;
use crate::store::alerts::Alert;
use serde::Serialize;

/// What somebody should look at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AlertView {
    /// Its id.
    pub id: String,
    /// The kind of cause.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: Severity,
    /// How it stands.
    pub state: AlertState,
    /// What is the matter.
    pub sentence: String,
    /// Slug of the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Id of the bridge, mapping, conflict or webhook it is about; absent where it is about the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When it was raised.
    pub raised: String,
    /// When somebody said that they know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
    /// Who that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When its cause was gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<String>,
}

impl AlertView {
    /// With the name of its room.
    pub fn of(alert: Alert, names: &Names) -> Self {
        Self {
            id: alert.id.to_string(),
            kind: alert.kind,
            severity: alert.severity,
            state: alert.state,
            sentence: alert.sentence,
            room: text_if(alert.room_id).map(|id| names.room(&id)),
            cause: text_if(alert.cause),
            raised: time(alert.raised_ms),
            acknowledged: time_if(alert.acknowledged_ms),
            acknowledged_by: text_if(alert.acknowledged_by),
            settled: time_if(alert.settled_ms),
        }
    }
}

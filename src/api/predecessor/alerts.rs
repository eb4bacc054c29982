//! Alerts in the shape of the predecessor.

use super::super::error::ApiError;
use super::call::{Answer, Call, ok};
use crate::manage::alerts;
use crate::model::AlertId;
use crate::model::AlertKind;
use crate::model::AlertState;
use crate::model::Severity;
use crate::store::alerts as stored;
use crate::store::alerts::{Alert, Wanted};
use crate::store::pages::Page;
use crate::sync;
use serde_json::{Map, Value, json};

/// Rows of a list where nobody says how many.
const USUAL: i64 = 100;

/// Days for which settled alerts are kept where nobody says how long.
const DAYS: i64 = 30;

fn shown(alert: &Alert) -> Value {
    json!({
        "id": alert.id.as_str(),
        "alert_type": alert.kind,
        "severity": alert.severity,
        "message": alert.sentence,
        "status": alert.state,
        "created_at": alert.raised_ms.to_string(),
        "acknowledged_at": alert.acknowledged_ms.map(|at| at.to_string()),
        "acknowledged_by": (!alert.acknowledged_by.is_empty()).then_some(&alert.acknowledged_by),
        "resolved_at": alert.settled_ms.map(|at| at.to_string()),
    })
}

/// Lists alerts whose cause lasts.
pub(super) async fn list(call: Call) -> Answer {
    let limit = call.limit(USUAL)?;
    let mut tx = call.read().await?;
    let mut found = stored::standing(&mut tx, call.tenant()).await?;
    found.reverse();
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let found: Vec<Value> = found.iter().map(shown).collect();
    ok(json!({ "success": true, "count": found.len(), "alerts": found }))
}

/// Looks now, and says what is new.
pub(super) async fn check(call: Call) -> Answer {
    let (raised, settled) = sync::evaluate(&call.door.engine, &call.door.alerts, &call.caller.tenant).await?;
    let mut tx = call.read().await?;
    let found: Vec<Value> = stored::standing(&mut tx, call.tenant()).await?.iter().map(shown).collect();
    ok(json!({ "success": true, "new_alerts": raised, "resolved_alerts": settled, "alerts": found }))
}

/// Counts alerts by kind, severity and state.
pub(super) async fn stats(call: Call) -> Answer {
    let mut tx = call.read().await?;
    let all = stored::list(&mut tx, call.tenant(), Wanted::default(), Page { after: "", limit: 10_000 }).await?;
    let many = |fits: &dyn Fn(&Alert) -> bool| all.iter().filter(|alert| fits(alert)).count();
    let lasts = |alert: &Alert| alert.state != AlertState::Settled;
    let kinds = AlertKind::ALL.into_iter().filter_map(|kind| {
        let count = many(&|alert| lasts(alert) && alert.kind == kind);
        (count > 0).then(|| (kind.as_str().to_owned(), count.into()))
    });
    let by_type: Map<String, Value> = kinds.collect();
    ok(json!({ "success": true, "statistics": {
        "total": all.len(),
        "open": many(&|alert| alert.state == AlertState::Open),
        "acknowledged": many(&|alert| alert.state == AlertState::Acknowledged),
        "resolved": many(&|alert| alert.state == AlertState::Settled),
        "critical": many(&|alert| lasts(alert) && alert.severity == Severity::Critical),
        "warning": many(&|alert| lasts(alert) && alert.severity == Severity::Warning),
        "by_type": by_type,
    } }))
}

/// Says that somebody knows.
pub(super) async fn acknowledge(call: Call) -> Answer {
    let mut tx = call.write().await?;
    let alert = alerts::acknowledge(&mut tx, &call.acting(), &AlertId::from(call.segment("id"))).await?;
    tx.commit().await?;
    ok(json!({ "success": true, "message": "Alert acknowledged", "alert": shown(&alert) }))
}

/// Deletes what was settled long ago.
pub(super) async fn forget(call: Call) -> Answer {
    let days = match call.query.get("days").map(|text| text.parse::<i64>()) {
        None => DAYS,
        Some(Ok(days)) if (1..=3_660).contains(&days) => days,
        Some(_) => {
            return Err(ApiError::Malformed { part: "query", why: "days is not between 1 and 3660".to_owned() });
        }
    };
    let mut tx = call.write().await?;
    let deleted = stored::forget(&mut tx, call.tenant(), call.now.plus_days(-days)).await?;
    tx.commit().await?;
    ok(json!({ "success": true, "deleted_count": deleted }))
}

//! Numbers and lists of the predecessor, each counted from the store when it is asked for.

use super::super::error::ApiError;
use super::call::{Answer, Call, ok};
use super::names::{Scene, status};
use super::settle;
use crate::model::MappingState;
use crate::model::ReservationClass;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::conflicts;
use crate::store::mappings::Mapping;
use crate::store::objects;
use crate::store::operations;
use crate::store::pages;
use crate::store::pages::Page;
use crate::store::tallies;
use crate::store::tallies::{Carried, Tally};
use serde_json::{Map, Value, json};

/// Rows of a list where nobody says how many.
const USUAL: i64 = 100;

/// Bookings as they stand on calendars.
const CALENDAR: &str = "calendar";
/// Bookings of calendars as they stand on the booking system.
const IMPORT: &str = "import";

/// The standings that the predecessor counts.
const STANDINGS: [&str; 4] = ["pending", "synced", "error", "conflict"];

/// Sums of a tally, by standing.
fn summary(tally: &[Tally], way: &str) -> Map<String, Value> {
    let sum = |standing: &str| {
        let of = tally.iter().filter(|one| one.way == way && one.standing == standing);
        of.map(|one| one.many).sum::<i64>()
    };
    STANDINGS.into_iter().map(|standing| (standing.to_owned(), sum(standing).into())).collect()
}

fn by_type(tally: &[Tally], way: &str) -> Value {
    let of = |class: ReservationClass| {
        let own: Vec<Tally> = tally.iter().filter(|one| one.class == class).cloned().collect();
        summary(&own, way)
    };
    json!({
        "event": of(ReservationClass::Event),
        "booking": of(ReservationClass::Booking),
        "allocation": of(ReservationClass::Allocation),
        "closure": of(ReservationClass::Closure),
    })
}

/// How all bookings stand on the calendars, in the shape of requirement B15.
pub(super) async fn stats(call: Call) -> Answer {
    ok(stats_of(&call).await?)
}

/// How many bookings stand how on the calendars.
pub(super) async fn summary_of(call: &Call) -> Result<Value, ApiError> {
    Ok(stats_of(call).await?["summary"].clone())
}

async fn stats_of(call: &Call) -> Result<Value, ApiError> {
    let mut tx = call.read().await?;
    let tally = tallies::tally(&mut tx, call.tenant()).await?;
    let ended: i64 = tallies::count_ended(&mut tx, call.tenant()).await?.iter().map(|(_, many)| many).sum();
    let mut summary = summary(&tally, CALENDAR);
    summary.insert("cancelled".to_owned(), ended.into());
    let by_type = by_type(&tally, CALENDAR);
    let statistics = json!({ "summary": summary, "by_type": by_type });
    Ok(json!({ "success": true, "statistics": statistics, "summary": summary, "by_type": by_type }))
}

/// What the reconciler has done and has to do.
pub(super) async fn automation(call: Call) -> Answer {
    let mut tx = call.read().await?;
    let day = call.now.plus_days(-1);
    let ended = operations::ended_since(&mut tx, call.tenant(), day, 1000).await?;
    let backlog = operations::backlog_of_tenant(&mut tx, call.tenant()).await?;
    let open_conflicts = conflicts::count_open(&mut tx, call.tenant()).await?;
    let runs = pages::runs(&mut tx, call.tenant(), Page { after: "", limit: 1000 }, "").await?;
    let recent = || runs.iter().filter(|run| run.started_ms >= day);
    let failed = ended.iter().filter(|one| one.state == crate::model::OperationState::Failed).count();
    ok(json!({ "success": true, "statistics": {
        "since": day.to_string(),
        "operations_ended": ended.len(), "operations_failed": failed,
        "operations_waiting": backlog.open_count,
        "oldest_waiting": backlog.oldest_ms.map(|at| at.to_string()),
        "runs": recent().count(), "runs_failed": recent().filter(|run| run.outcome == "failed").count(),
        "conflicts_open": open_conflicts,
    } }))
}

fn carried(scene: &Scene, one: &Carried) -> Value {
    let mapping = scene.mappings.iter().find(|mapping| mapping.id == one.mapping_id);
    let source = scene.mappings.iter().find(|mapping| mapping.room_id == one.room_id && scene.is_booking(mapping));
    json!({
        "id": one.link_id,
        "uid": one.uid.as_str(),
        "reservation_type": one.class,
        "resource_id": source.map(|source| source.remote_id.as_str()),
        "target_system": scene.word(&one.bridge_id),
        "target_calendar_id": mapping.map(|mapping| mapping.remote_id.as_str()),
        "remote_id": one.remote_id,
        "start": one.first_ms.to_string(),
        "sync_status": one.standing,
    })
}

/// A list with the number of all there are.
async fn listed(call: &Call, way: &str, standings: &[&str], name: &str) -> Answer {
    let limit = call.limit(USUAL)?;
    let mut tx = call.read().await?;
    let scene = Scene::of(call, &mut tx).await?;
    let tally = tallies::tally(&mut tx, call.tenant()).await?;
    let fits = |one: &&Tally| one.way == way && standings.contains(&one.standing.as_str());
    let count: i64 = tally.iter().filter(fits).map(|one| one.many).sum();
    let mut rows = Vec::new();
    for standing in standings {
        let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
        rows.extend(tallies::carried(&mut tx, call.tenant(), (way, standing), left).await?);
    }
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut shown = carried(&scene, row);
        shown["title"] = title(&mut tx, call, row).await?.into();
        if way == IMPORT {
            shown["reservation_id"] = row.remote_id.as_deref().map_or(Value::Null, number);
            shown["outlook_event_id"] = outlook_id(&mut tx, call, row).await?;
        }
        items.push(shown);
    }
    let mut answer = json!({ "success": true, "count": count });
    answer[name] = items.into();
    ok(answer)
}

async fn title(tx: &mut Tx, call: &Call, row: &Carried) -> Result<String, ApiError> {
    let object = objects::by_uid(tx, call.tenant(), &row.room_id, &row.uid).await?;
    let line =
        |body: &str| body.lines().find_map(|line| line.strip_prefix("SUMMARY:").map(|text| text.trim().to_owned()));
    Ok(object.and_then(|object| line(&object.body)).unwrap_or_default())
}

/// The id that a booking has in the calendar it was born in.
async fn outlook_id(tx: &mut Tx, call: &Call, row: &Carried) -> Result<Value, ApiError> {
    let origin = row.origin.as_str().into();
    let link = crate::store::links::of_uid(tx, call.tenant(), &origin, &row.uid).await?.pop();
    Ok(link.and_then(|link| link.remote_id).map_or(Value::Null, Value::from))
}

/// What waits to be sent to the calendars.
pub(super) async fn pending_items(call: Call) -> Answer {
    listed(&call, CALENDAR, &["pending", "error"], "items").await
}

/// Bookings of calendars that the booking system does not have.
pub(super) async fn outlook_events(call: Call) -> Answer {
    listed(&call, IMPORT, &["pending", "error", "conflict", "none"], "events").await
}

/// Bookings of calendars that wait to be sent to the booking system.
pub(super) async fn pending_imports(call: Call) -> Answer {
    listed(&call, IMPORT, &["pending", "error"], "imports").await
}

/// Bookings of calendars that the booking system has.
pub(super) async fn processed_imports(call: Call) -> Answer {
    listed(&call, IMPORT, &["synced"], "imports").await
}

/// How the bookings of calendars stand on the booking system.
pub(super) async fn processing_stats(call: Call) -> Answer {
    let tally = tallies::tally(&mut call.read().await?, call.tenant()).await?;
    let statistics = json!({ "summary": summary(&tally, IMPORT), "by_type": by_type(&tally, IMPORT) });
    ok(json!({ "success": true, "statistics": statistics }))
}

/// Writes that wait.
pub(super) async fn pending(call: Call) -> Answer {
    let limit = usize::try_from(call.limit(USUAL)?).unwrap_or(usize::MAX);
    let mut tx = call.read().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let mut open = Vec::new();
    for mapping in &scene.mappings {
        open.extend(operations::open_of_mapping(&mut tx, call.tenant(), &mapping.id).await?);
    }
    open.sort_by_key(|one| one.created_ms);
    let show = |one: &operations::Operation| {
        let mapping = scene.mappings.iter().find(|mapping| mapping.id == one.mapping_id);
        json!({ "id": one.id.as_str(), "uid": one.uid.as_str(), "status": one.state, "attempts": one.attempts,
            "target_system": mapping.map(|mapping| scene.word(&mapping.bridge_id)),
            "scheduled_at": one.due_ms.to_string(), "created_at": one.created_ms.to_string(),
            "error": (!one.last_error.is_empty()).then_some(&one.last_error) })
    };
    let operations: Vec<Value> = open.iter().take(limit).map(show).collect();
    ok(json!({ "success": true, "count": open.len(), "operations": operations }))
}

/// Writes that changed something, the latest first.
pub(super) async fn completed(call: Call) -> Answer {
    let limit = usize::try_from(call.limit(USUAL)?).unwrap_or(usize::MAX);
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let done = settle::since(&call, &scene, Timestamp(0)).await?;
    let done: Vec<_> = done.into_iter().filter(settle::Done::is_success).collect();
    let operations: Vec<Value> = done.iter().take(limit).map(|one| settle::show(&scene, one)).collect();
    ok(json!({ "success": true, "count": done.len(), "operations": operations }))
}

/// How many copies ended, by system.
pub(super) async fn cancel_stats(call: Call) -> Answer {
    let mut tx = call.read().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let counts = tallies::count_ended(&mut tx, call.tenant()).await?;
    let total: i64 = counts.iter().map(|(_, many)| many).sum();
    let by_system: Map<String, Value> =
        counts.into_iter().map(|(bridge, many)| (scene.word(&bridge), many.into())).collect();
    let waiting = operations::backlog_of_tenant(&mut tx, call.tenant()).await?.open_count;
    let statistics = json!({ "cancelled": total, "by_system": by_system, "operations_waiting": waiting });
    ok(json!({ "success": true, "statistics": statistics }))
}

/// Reservations that ended, the latest first.
pub(super) async fn cancelled(call: Call) -> Answer {
    let limit = call.limit(USUAL)?;
    let mut tx = call.read().await?;
    let scene = Scene::of(&call, &mut tx).await?;
    let counts = tallies::count_ended(&mut tx, call.tenant()).await?;
    let ended = tallies::ended(&mut tx, call.tenant(), limit).await?;
    let show = |one: &tallies::Ended| {
        json!({ "id": one.link_id, "mapping_id": one.mapping_id.as_str(), "uid": one.uid.as_str(),
            "reservation_id": one.remote_id.as_deref().map(number), "resource_id": one.calendar_id,
            "system": scene.word(&one.bridge_id), "sync_status": "cancelled",
            "last_written_at": one.written_ms.to_string() })
    };
    let reservations: Vec<Value> = ended.iter().map(show).collect();
    let count: i64 = counts.iter().map(|(_, many)| many).sum();
    ok(json!({ "success": true, "count": count, "cancelled_reservations": reservations }))
}

/// Deletes what waits for mappings that have ended. Links are kept: by them a late echo is recognised.
pub(super) async fn cleanup(call: Call) -> Answer {
    let mut tx = call.write().await?;
    let deleted = operations::forget_orphans(&mut tx, call.tenant()).await?;
    tx.commit().await?;
    let message = "Orphaned entries cleaned up";
    ok(json!({ "success": true, "message": message, "deleted_count": deleted, "results": { "deleted": deleted } }))
}

/// How the calendars are followed.
pub(super) async fn polling(call: Call) -> Answer {
    let scene = Scene::of(&call, &mut call.read().await?).await?;
    let calendars: Vec<&Mapping> = scene.mappings.iter().filter(|one| !scene.is_booking(one)).collect();
    let show = |one: &&Mapping| {
        json!({ "mapping_id": one.id.as_str(), "calendar_id": one.remote_id, "status": status(one),
            "is_healthy": one.state == MappingState::Active && one.failures == 0, "poll_errors_count": one.failures,
            "last_poll": one.pulled_ms.map(|at| at.to_string()), "next_poll": one.due_ms.to_string(),
            "has_delta_token": !one.cursor.is_empty() })
    };
    let healthy = calendars.iter().filter(|one| one.state == MappingState::Active && one.failures == 0).count();
    ok(json!({ "success": true, "statistics": { "total_calendars": calendars.len(), "healthy": healthy,
        "unhealthy": calendars.len() - healthy }, "calendars": calendars.iter().map(show).collect::<Vec<_>>() }))
}

/// What readings have brought.
#[derive(Default)]
pub(super) struct Runs {
    /// Items seen.
    pub(super) seen: i64,
    /// Changes taken over.
    pub(super) applied: i64,
    /// Readings that failed.
    pub(super) failed: usize,
    all: usize,
}

impl Runs {
    /// Share of the readings that ended well.
    pub(super) fn rate(&self) -> String {
        settle::rate(self.all - self.failed, self.all)
    }
}

/// What the readings of these mappings have brought since the request came.
pub(super) async fn runs_since(call: &Call, asked: &[&Mapping]) -> Result<Runs, ApiError> {
    let mut tx = call.read().await?;
    let mut sums = Runs::default();
    for mapping in asked {
        let page = Page { after: "", limit: 50 };
        for run in pages::runs(&mut tx, call.tenant(), page, mapping.id.as_str()).await? {
            if run.started_ms >= call.now {
                sums.seen += run.seen;
                sums.applied += run.applied;
                sums.failed += usize::from(run.outcome == "failed");
                sums.all += 1;
            }
        }
    }
    Ok(sums)
}

/// The number in an id such as `event:78268`; the id itself where there is none.
pub(super) fn number(id: impl AsRef<str>) -> Value {
    let id = id.as_ref();
    let digits = id.rsplit([':', '_']).next().unwrap_or(id);
    digits.parse::<u64>().map_or_else(|_| Value::from(id), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_known_by_its_number_where_it_has_one() {
        assert_eq!(number("event:78268"), json!(78268));
        assert_eq!(number("booking_17"), json!(17));
        assert_eq!(number("4"), json!(4));
        assert_eq!(number("AAMk="), json!("AAMk="));
    }

    #[test]
    fn sums_are_made_by_standing_and_way() {
        let tally = |class, standing: &str, way: &str, many| Tally {
            class,
            standing: standing.to_owned(),
            way: way.to_owned(),
            many,
        };
        let all = [
            tally(ReservationClass::Event, "synced", CALENDAR, 3),
            tally(ReservationClass::Booking, "synced", CALENDAR, 2),
            tally(ReservationClass::Event, "synced", IMPORT, 9),
            tally(ReservationClass::Event, "none", CALENDAR, 7),
        ];
        let sums = summary(&all, CALENDAR);
        assert_eq!((sums["synced"].as_i64(), sums["pending"].as_i64(), sums.len()), (Some(5), Some(0), 4));
        assert_eq!(by_type(&all, CALENDAR)["booking"]["synced"], 2);
    }
}

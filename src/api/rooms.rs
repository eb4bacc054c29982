//! `/v1/tenants/{tenant}/rooms`: rooms and equipment, and what takes them.

use super::caller::{As, TenantAdmin, TenantViewer};
use super::error::ApiError;
use super::object::Object;
use super::page::{PageQuery, Paged};
use super::tenants::Removal;
use super::view::{InstanceView, RoomView};
use crate::manage::confirmed;
use crate::manage::rooms::{self, NewRoom, RoomPatch};
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::store::mappings;
use crate::store::pages;
use crate::store::rooms as stored;
use crate::sync;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post};
use serde::Deserialize;

/// Lists the rooms of the tenant, by slug.
#[utoipa::path(tag = "rooms", operation_id = "list_rooms", params(("tenant", Path), PageQuery),
    responses((status = 200, body = Paged<RoomView>)))]
#[get("/tenants/{tenant}/rooms")]
pub(super) async fn list(desk: As<TenantViewer>, page: Query<PageQuery>) -> Result<Json<Paged<RoomView>>, ApiError> {
    let rooms = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    Ok(Json(page.of_all(rooms, |room| &room.slug, RoomView::from)?))
}

/// Makes a room.
#[utoipa::path(tag = "rooms", operation_id = "create_room", params(("tenant", Path)), request_body = NewRoom,
    responses((status = 201, body = RoomView)))]
#[post("/tenants/{tenant}/rooms")]
pub(super) async fn create(desk: As<TenantAdmin>, new: Json<Object<NewRoom>>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let room = rooms::create(&mut tx, &desk.acting(), &new).await?;
    tx.commit().await?;
    Ok(desk.created(&format!("rooms/{}", room.slug), &RoomView::from(room)))
}

/// Reads one room.
#[utoipa::path(tag = "rooms", operation_id = "read_room", params(("tenant", Path), ("room", Path)),
    responses((status = 200, body = RoomView)))]
#[get("/tenants/{tenant}/rooms/{room}")]
pub(super) async fn read(desk: As<TenantViewer>, path: Path<(String, String)>) -> Result<Json<RoomView>, ApiError> {
    let room = rooms::find(&mut desk.read().await?, &desk.acting(), &path.1).await?;
    Ok(Json(room.into()))
}

/// Describes a room anew; what is left out stays.
#[utoipa::path(tag = "rooms", operation_id = "update_room", params(("tenant", Path), ("room", Path)),
    request_body = RoomPatch, responses((status = 200, body = RoomView)))]
#[patch("/tenants/{tenant}/rooms/{room}")]
pub(super) async fn update(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    wish: Json<Object<RoomPatch>>,
) -> Result<Json<RoomView>, ApiError> {
    let mut tx = desk.write().await?;
    let room = rooms::update(&mut tx, &desk.acting(), &path.1, &wish).await?;
    tx.commit().await?;
    Ok(Json(room.into()))
}

/// Removes a room with its bookings, rules, feeds and grants for good; its mappings end. With `copies=purge` our copies
/// go from the remote calendars first; what cannot be removed stops it all.
#[utoipa::path(tag = "rooms", operation_id = "remove_room", params(("tenant", Path), ("room", Path), Removal),
    responses((status = 204)))]
#[delete("/tenants/{tenant}/rooms/{room}")]
pub(super) async fn remove(
    desk: As<TenantAdmin>,
    path: Path<(String, String)>,
    removal: Query<Removal>,
) -> Result<HttpResponse, ApiError> {
    let acting = desk.acting();
    let mut tx = desk.read().await?;
    let room = rooms::find(&mut tx, &acting, &path.1).await?;
    confirmed(&room.slug, &removal.confirm)?;
    let ending = mappings::of_room(&mut tx, acting.tenant, &room.id).await?;
    drop(tx);
    sync::leave(&desk.door.engine, acting.tenant, &ending, removal.copies, acting.actor).await?;
    let mut tx = desk.write().await?;
    rooms::remove(&mut tx, &acting, &path.1).await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which time is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RangeQuery {
    /// Start of the range, RFC 3339; now if left out.
    from: Option<String>,
    /// End of the range, RFC 3339; 30 days after the start if left out.
    to: Option<String>,
}

/// Lists what takes place in a room in a range of time, series expanded, by start; at most 5000 instances.
#[utoipa::path(tag = "rooms", operation_id = "list_events", params(("tenant", Path), ("room", Path), RangeQuery),
    responses((status = 200, body = Vec<InstanceView>)))]
#[get("/tenants/{tenant}/rooms/{room}/events")]
pub(super) async fn events(
    desk: As<TenantViewer>,
    path: Path<(String, String)>,
    query: Query<RangeQuery>,
) -> Result<Json<Vec<InstanceView>>, ApiError> {
    let range = query.range(desk.now(), desk.door.limits.instance_horizon_days)?;
    let mut tx = desk.read().await?;
    let room = rooms::find(&mut tx, &desk.acting(), &path.1).await?;
    let found = pages::instances(&mut tx, (&room.tenant_id, &room.id), range, room.longest_ms, MOST + 1).await?;
    if found.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
        let why = format!("more than {MOST} instances are in the range; ask for a shorter one");
        return Err(ApiError::Malformed { part: "query", why });
    }
    Ok(Json(found.into_iter().map(InstanceView::from).collect()))
}

/// Most instances of one answer.
const MOST: i64 = 5000;

impl RangeQuery {
    /// The range, refused where it ends before it starts or after the horizon up to which instances are known.
    pub(super) fn range(&self, now: Timestamp, horizon_days: i64) -> Result<TimeRange, ApiError> {
        let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
        let start = given(&self.from).as_deref().map_or(Ok(now), instant)?;
        let end = given(&self.to).as_deref().map_or(Ok(start.plus_days(30)), instant)?;
        let refused = |why: String| Err(ApiError::Malformed { part: "query", why });
        if end <= start {
            return refused(format!("to ({end}) is not after from ({start})"));
        }
        let horizon = now.plus_days(horizon_days);
        if end > horizon {
            return refused(format!("to ({end}) is after {horizon}, up to which series are expanded"));
        }
        Ok(TimeRange::new(start, end))
    }
}

fn instant(text: &str) -> Result<Timestamp, ApiError> {
    text.parse::<jiff::Timestamp>().map(Timestamp::from_jiff).map_err(|_| {
        let why = format!("{text:?} is no time; write RFC 3339 such as 2026-03-02T18:00:00Z, with + as %2B");
        ApiError::Malformed { part: "query", why }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: Option<&str>, to: Option<&str>) -> Result<TimeRange, ApiError> {
        RangeQuery { from: from.map(str::to_owned), to: to.map(str::to_owned) }.range(Timestamp(0), 60)
    }

    #[test]
    fn a_range_without_ends_is_the_next_thirty_days() {
        let range = range(None, None).unwrap();
        assert_eq!((range.start, range.end), (Timestamp(0), Timestamp(0).plus_days(30)));
    }

    #[test]
    fn times_of_any_offset_are_instants() {
        let range = range(Some("1970-01-02T01:00:00+01:00"), Some("1970-01-03T00:00:00Z")).unwrap();
        assert_eq!(range.start, Timestamp(0).plus_days(1));
    }

    #[test]
    fn turned_too_late_and_unreadable_ranges_are_refused() {
        for (from, to) in [
            (Some("1970-01-03T00:00:00Z"), Some("1970-01-02T00:00:00Z")),
            (None, Some("1970-06-01T00:00:00Z")),
            (Some("yesterday"), None),
        ] {
            assert!(range(from, to).is_err(), "{from:?} {to:?}");
        }
    }
}

//! `/v1/tenants/{tenant}/rooms/{room}/bookings` and `…/free-busy`: what programs book, change and cancel, and when a room
//! can be had. What a caller may do follows from the grants of the room, as over CalDAV.

use super::caller::{As, Member};
use super::error::ApiError;
use super::object::Object;
use super::rooms::RangeQuery;
use super::view::{BookingView, FreeBusyView};
use crate::change::{Precondition, Tags};
use crate::manage::ManageError;
use crate::manage::bookings::{self, Booker, Booking, BookingForm, BusyError, Reckoning, Which};
use crate::manage::rooms;
use crate::model::Privilege;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::mappings;
use crate::store::rooms::Room;
use crate::store::rules;
use actix_web::http::header;
use actix_web::web::{self, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use serde::Deserialize;

/// Which instance of a series is meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InstanceQuery {
    /// The original start of the instance (`2027-02-17T10:00`, or a day); the whole booking if left out.
    recurrence_id: Option<String>,
}

/// Lists the bookings of a room that take place in a range of time, by start; a series once. Needs the privilege `read`
/// in the room.
#[utoipa::path(tag = "bookings", operation_id = "list_bookings", params(("tenant", Path), ("room", Path), RangeQuery),
    responses((status = 200, body = Vec<BookingView>)))]
#[get("/tenants/{tenant}/rooms/{room}/bookings")]
pub(super) async fn list(
    desk: As<Member>,
    path: Path<(String, String)>,
    query: Query<RangeQuery>,
) -> Result<Json<Vec<BookingView>>, ApiError> {
    let range = query.range(desk.now(), desk.door.limits.instance_horizon_days)?;
    let mut tx = desk.read().await?;
    let (room, privilege) = room_for(&desk, &mut tx, &path.1, Privilege::Read).await?;
    let found = bookings::list(&mut tx, booker(&desk, &room, privilege), &desk.door.limits, range).await?;
    Ok(Json(found.into_iter().map(|booking| BookingView::of(booking, &room)).collect()))
}

/// Makes a booking. 409 says why the room cannot be had: taken, closed, or against its rules. In a room that asks for an
/// approval the booking is `tentative` until somebody confirms it. Needs the privilege `write` in the room.
#[utoipa::path(tag = "bookings", operation_id = "create_booking", params(("tenant", Path), ("room", Path)),
    request_body = BookingForm, responses((status = 201, body = BookingView)))]
#[post("/tenants/{tenant}/rooms/{room}/bookings")]
pub(super) async fn create(
    desk: As<Member>,
    path: Path<(String, String)>,
    form: Json<Object<BookingForm>>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.write().await?;
    let (room, privilege) = room_for(&desk, &mut tx, &path.1, Privilege::Write).await?;
    let by = booker(&desk, &room, privilege);
    let made = bookings::create(&mut tx, &desk.acting(), &desk.door.limits, by, &form).await?;
    keep(&desk, tx, &room).await?;
    let (etag, address) = (tag(&made), format!("rooms/{}/bookings/{}", room.slug, segment(&made.row.uid)));
    let mut answer = desk.created(&address, &BookingView::of(made, &room));
    answer.headers_mut().insert(header::ETAG, etag);
    Ok(answer)
}

/// Reads one booking. Needs the privilege `read` in the room; without `write`, private bookings are no more than busy
/// time.
#[utoipa::path(tag = "bookings", operation_id = "read_booking", params(("tenant", Path), ("room", Path), ("uid", Path)),
    responses((status = 200, body = BookingView)))]
#[get("/tenants/{tenant}/rooms/{room}/bookings/{uid}")]
pub(super) async fn read(desk: As<Member>, path: Path<(String, String, String)>) -> Result<HttpResponse, ApiError> {
    let mut tx = desk.read().await?;
    let (room, privilege) = room_for(&desk, &mut tx, &path.1, Privilege::Read).await?;
    let by = booker(&desk, &room, privilege);
    let found = bookings::find(&mut tx, by, &desk.door.limits, &Uid(path.2.clone())).await?;
    Ok(shown(found, &room))
}

/// Changes a booking, or one instance of a series; what is left out stays. With `If-Match` only as long as nobody else
/// has changed it. Needs the privilege `write` in the room.
#[utoipa::path(tag = "bookings", operation_id = "update_booking",
    params(("tenant", Path), ("room", Path), ("uid", Path), InstanceQuery),
    request_body = BookingForm, responses((status = 200, body = BookingView)))]
#[patch("/tenants/{tenant}/rooms/{room}/bookings/{uid}")]
pub(super) async fn update(
    desk: As<Member>,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    query: Query<InstanceQuery>,
    form: Json<Object<BookingForm>>,
) -> Result<HttpResponse, ApiError> {
    let precondition = precondition(&request)?;
    let mut tx = desk.write().await?;
    let (room, privilege) = room_for(&desk, &mut tx, &path.1, Privilege::Write).await?;
    let by = booker(&desk, &room, privilege);
    let which = Which { uid: &Uid(path.2.clone()), instance: query.recurrence_id.as_deref(), precondition };
    let changed = bookings::change(&mut tx, &desk.acting(), &desk.door.limits, by, (which, &form)).await?;
    keep(&desk, tx, &room).await?;
    Ok(shown(changed, &room))
}

/// Cancels a booking, or one instance of a series. Needs the privilege `write` in the room.
#[utoipa::path(tag = "bookings", operation_id = "cancel_booking",
    params(("tenant", Path), ("room", Path), ("uid", Path), InstanceQuery), responses((status = 204)))]
#[delete("/tenants/{tenant}/rooms/{room}/bookings/{uid}")]
pub(super) async fn cancel(
    desk: As<Member>,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    query: Query<InstanceQuery>,
) -> Result<HttpResponse, ApiError> {
    let precondition = precondition(&request)?;
    let mut tx = desk.write().await?;
    let (room, privilege) = room_for(&desk, &mut tx, &path.1, Privilege::Write).await?;
    let by = booker(&desk, &room, privilege);
    let which = Which { uid: &Uid(path.2.clone()), instance: query.recurrence_id.as_deref(), precondition };
    bookings::cancel(&mut tx, &desk.acting(), &desk.door.limits, by, which).await?;
    keep(&desk, tx, &room).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tells when a room cannot be had: bookings, closures, closed hours and the time that is kept free around bookings.
/// Needs the privilege `read-free-busy` in the room.
#[utoipa::path(tag = "bookings", operation_id = "free_busy", params(("tenant", Path), ("room", Path), RangeQuery),
    responses((status = 200, body = FreeBusyView)))]
#[get("/tenants/{tenant}/rooms/{room}/free-busy")]
pub(super) async fn free_busy(
    desk: As<Member>,
    path: Path<(String, String)>,
    query: Query<RangeQuery>,
) -> Result<Json<FreeBusyView>, ApiError> {
    let range = query.range(desk.now(), desk.door.limits.instance_horizon_days)?;
    let mut tx = desk.read().await?;
    let (room, _) = room_for(&desk, &mut tx, &path.1, Privilege::ReadFreeBusy).await?;
    let rules = rules::of_room(&mut tx, &room.tenant_id, &room.id).await?;
    let reckoning = Reckoning::read(&mut tx, &room, rules, range, &desk.door.limits).await?;
    let reckoned = web::block(move || reckoning.reckon()).await.map_err(|_| ApiError::NotReady)?;
    let periods = reckoned.map_err(|error| match error {
        BusyError::Damaged(..) => ApiError::from(ManageError::State { why: error.to_string() }),
        BusyError::TooMuch(why) => ApiError::Malformed { part: "query", why: why.to_string() },
    })?;
    Ok(Json(FreeBusyView::of(&room, range, &periods)))
}

/// The room, for callers who may do this there. Who may do nothing there is not told that it exists.
async fn room_for(
    desk: &As<Member>,
    tx: &mut Tx,
    slug: &str,
    needed: Privilege,
) -> Result<(Room, Privilege), ApiError> {
    let room = rooms::find(tx, &desk.acting(), slug).await?;
    let principal = &desk.caller().principal;
    let Some(privilege) = desk.caller().rights(tx).await?.in_room(&room.id) else {
        return Err(ManageError::no("room", slug).into());
    };
    if privilege >= needed {
        return Ok((room, privilege));
    }
    let what = match needed {
        Privilege::Admin => "administer",
        Privilege::Write => "book",
        Privilege::Read | Privilege::ReadFreeBusy => "read the bookings of",
    };
    let why = format!("{} may not {what} {}; ask who administers it for a grant", principal.login, room.name);
    Err(ManageError::Forbidden { why }.into())
}

fn booker<'a>(desk: &'a As<Member>, room: &'a Room, privilege: Privilege) -> Booker<'a> {
    Booker { room, login: &desk.caller().principal.login, privilege }
}

/// Commits, and wakes who brings it to the other systems.
async fn keep(desk: &As<Member>, mut tx: Tx, room: &Room) -> Result<(), ApiError> {
    let targets = mappings::of_room(&mut tx, &room.tenant_id, &room.id).await?;
    tx.commit().await?;
    for mapping in targets {
        (desk.door.nudge)(&mapping.id);
    }
    Ok(())
}

fn shown(booking: Booking, room: &Room) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, tag(&booking))).json(BookingView::of(booking, room))
}

/// The strong validator of a booking; the calendar object has the same one over CalDAV.
fn tag(booking: &Booking) -> header::HeaderValue {
    let text = format!("\"{}\"", booking.row.etag.as_str());
    header::HeaderValue::from_str(&text).unwrap_or_else(|_| header::HeaderValue::from_static("\"\""))
}

/// `If-Match` (RFC 9110, 13.1.1).
fn precondition(request: &HttpRequest) -> Result<Precondition, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else { return Ok(Precondition::none()) };
    let refused = || ApiError::Malformed {
        part: "header If-Match",
        why: "must be * or entity tags in quotes, such as \"a1b2\"".to_owned(),
    };
    let text = value.to_str().map_err(|_| refused())?.trim();
    if text == "*" {
        return Ok(Precondition { if_match: Some(Tags::Any), if_none_match: None });
    }
    let quoted = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.starts_with("W/")).map(quoted);
    let tags = tags.collect::<Option<Vec<_>>>().ok_or_else(refused)?;
    Ok(Precondition { if_match: Some(Tags::List(tags)), if_none_match: None })
}

/// A UID as the last segment of a path.
fn segment(uid: &Uid) -> String {
    let mut path = url::Url::parse("http://localhost").ok();
    if let Some(mut segments) = path.as_mut().and_then(|url| url.path_segments_mut().ok()) {
        segments.push(uid.as_str());
    }
    path.map_or_else(String::new, |url| url.path().trim_start_matches('/').to_owned())
}

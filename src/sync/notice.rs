//! What a webhook is sent: one small JSON object, with the booking as far as the webhook may know it.

use super::SyncError;
use crate::config::Limits;
use crate::ical::object::{CalendarObject, ParseContext};
use crate::ical::privacy;
use crate::ical::rule;
use crate::model::DetailLevel;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::NoticeKind;
use crate::model::ReservationClass;
use crate::model::RoomId;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::deliveries::Delivery;
use crate::store::objects;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::tenants;
use crate::store::webhooks::Webhook;
use serde::Serialize;

/// The body, in the form that Standard Webhooks proposes.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: NoticeKind,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_name: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'a str,
    /// The room's sequence number: a receiver that keeps the highest knows what is old.
    #[serde(skip_serializing_if = "is_zero")]
    seq: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sentence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking: Option<Booking>,
}

/// A booking as it stands when the delivery leaves.
#[derive(Serialize)]
struct Booking {
    start: String,
    end: String,
    all_day: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    class: ReservationClass,
    status: EventStatus,
    busy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizer: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The octets of one delivery.
pub(super) async fn body(
    tx: &mut Tx,
    limits: &Limits,
    webhook: &Webhook,
    one: &Delivery,
) -> Result<Vec<u8>, SyncError> {
    let tenant = tenants::get(tx, &one.tenant_id).await?.map_or_else(String::new, |tenant| tenant.tenant_key);
    let room = rooms::get(tx, &one.tenant_id, &RoomId::from(one.room_id.as_str())).await?;
    let booking = match &room {
        Some(room) if !one.uid.is_empty() => booking(tx, limits, room, (&one.uid, webhook.detail)).await?,
        _ => None,
    };
    let data = Data {
        tenant,
        room: room.as_ref().map(|room| room.slug.as_str()),
        room_name: room.as_ref().map(|room| room.name.as_str()),
        uid: &one.uid,
        seq: one.seq,
        subject: &one.subject,
        // What is said of a conflict may name bookings.
        sentence: if webhook.detail == DetailLevel::Full || !speaks_of_bookings(one.kind) { &one.sentence } else { "" },
        booking,
    };
    let body = Body { id: &one.id, kind: one.kind, timestamp: one.at_ms.to_string(), data };
    serde_json::to_vec(&body).map_err(|error| SyncError::Damaged(error.to_string()))
}

const fn speaks_of_bookings(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::ConflictOpened | NoticeKind::ConflictSettled)
}

async fn booking(
    tx: &mut Tx,
    limits: &Limits,
    room: &Room,
    (uid, detail): (&str, DetailLevel),
) -> Result<Option<Booking>, SyncError> {
    let row = objects::by_uid(tx, &room.tenant_id, &room.id, &Uid(uid.to_owned())).await?;
    let Some(row) = row else { return Ok(None) };
    let parse = ParseContext { limits, floating: &room.zone };
    // What cannot be read any more is told without its booking.
    let parsed = CalendarObject::parse(row.body.as_bytes(), &parse).ok();
    Ok(parsed.map(|object| shown(object.event(), room, detail)))
}

/// What may be known of an event. Titles of private bookings are known to nobody outside.
fn shown(event: &Event, room: &Room, detail: DetailLevel) -> Booking {
    let event = privacy::public_only(event, privacy::BUSY);
    let (start, end) = event.when.instants(&room.zone);
    let full = detail == DetailLevel::Full;
    let rule = event.recurrence.as_ref().and_then(|recurrence| recurrence.rule.as_ref());
    let organizer = event.content.organizer.as_ref();
    Booking {
        start: start.to_string(),
        end: end.to_string(),
        all_day: event.when.is_all_day(),
        zone: event.when.zone().map(|zone| zone.as_str().to_owned()),
        class: event.class,
        status: event.content.status,
        busy: event.content.busy,
        rule: rule.map(|rule| rule::to_text(rule, &event.when)),
        summary: full.then(|| event.content.summary.clone()),
        organizer: organizer.filter(|_| full).map(|person| person.email.clone()),
    }
}

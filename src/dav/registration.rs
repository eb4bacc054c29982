//! Registrations for push messages (draft-bitfire-webdav-push-00, 3): POST to a room makes or renews one, DELETE of its own
//! address ends it. `Push-Dont-Notify` (4.2) spares clients messages about what they did themselves.

use super::Call;
use super::DavDoor;
use super::error::DavError;
use super::options::allow;
use super::path::Kind;
use super::path::Resource;
use super::property::room::http_date;
use crate::bridge::webpush::PushResource;
use crate::config::Push;
use crate::crypt::webpush::Reader;
use crate::davxml::Condition;
use crate::davxml::PushRegister;
use crate::model::RegistrationId;
use crate::model::RoomId;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::audit;
use crate::store::registrations;
use crate::store::registrations::Maker;
use crate::store::registrations::Registration;
use crate::sync::PushTarget;
use crate::sync::resource_hash;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::http::header::HeaderMap;

/// Most registrations that one `Push-Dont-Notify` names.
const NAMED: usize = 20;

/// What the door knows of push messages.
#[derive(Clone, Debug)]
pub struct PushDoor {
    /// Whether push services may lie in private networks.
    pub private: bool,
    /// Days after which a client has to register again.
    pub days: i64,
    /// The address under which clients know this server; `None`: the one they call it by.
    pub base: Option<String>,
}

impl PushDoor {
    /// As configured; `None` where no messages are sent.
    pub fn of(push: &Push, public_url: Option<&str>) -> Option<Self> {
        let base = public_url.map(|url| url.trim_end_matches('/').to_owned());
        push.enabled.then_some(Self { private: push.private_networks, days: push.days, base })
    }
}

/// Answers a POST to a room: 201 for a new registration, 204 for one that is known.
pub async fn register(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let push = call.door.push.as_ref().ok_or(DavError::MethodNotAllowed(allow(Kind::Room, false)))?;
    let href = call.resource.href();
    let Resource::Room { room, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let asked = PushRegister::parse(&call.body, &call.door.limits)?;
    let (target, expires) = (target(push, &asked)?, expires(call.door, push, asked.expires.as_deref())?);
    let mut tx = call.begin_write().await?;
    let visible = call.room(&mut tx, room, &href).await?;
    visible.require_read(&href)?;
    let mut wished = wished(call, &visible.room.id, &asked, &target);
    (wished.told_seq, wished.expires_ms) = (visible.room.seq, expires);
    let known = registrations::same(&mut tx, &wished).await?;
    if let Some(known) = &known {
        wished.id = known.id.clone();
    }
    let text = serde_json::to_string(&target).map_err(|error| DavError::Failed(error.to_string()))?;
    let sealed = call.door.keys.ring.seal(PushTarget::place(&wished.tenant_id, &wished.id), &text);
    wished.sealed_target = sealed.map_err(|error| DavError::Failed(error.to_string()))?;
    if known.is_some() {
        registrations::renew(&mut tx, &wished).await?;
    } else {
        refuse_too_many(&mut tx, call).await?;
        registrations::insert(&mut tx, &wished).await?;
        record(&mut tx, call, &wished, "push.register", "A client registered for push messages.").await?;
    }
    tx.commit().await?;
    let mut answer = if known.is_some() { HttpResponse::NoContent() } else { HttpResponse::Created() };
    Ok(answer
        .insert_header((header::LOCATION, address(call, push, &wished.id)))
        .insert_header((header::EXPIRES, http_date(expires)))
        .finish())
}

/// Answers a DELETE of a registration. One of somebody else is as unknown as one that does not exist.
pub async fn unregister(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Registration { id, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let mut tx = call.begin_write().await?;
    let found = registrations::get(&mut tx, &call.caller.tenant.id, &RegistrationId::from(id.as_str())).await?;
    let own =
        found.filter(|one| one.principal_id == call.caller.principal.id && one.expires_ms > call.door.clock.now());
    let own = own.ok_or_else(|| DavError::not_found(&href))?;
    registrations::delete(&mut tx, &own.tenant_id, &own.id).await?;
    record(&mut tx, call, &own, "push.unregister", "A client ended its registration for push messages.").await?;
    tx.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Spares the caller's registrations that the request names a message about what it has just done in a room, in the
/// transaction that does it. `since` is the room's sequence number before. `*` means all of the caller's own: nobody can
/// keep others from being told.
pub async fn leave_out(tx: &mut Tx, call: &Call<'_>, room: &RoomId, since: i64) -> Result<(), DavError> {
    for registration in named(call.headers) {
        let (tenant, principal) = (&call.caller.tenant.id, &call.caller.principal.id);
        let maker = Maker { tenant, principal, registration: &registration };
        registrations::leave_out(tx, &maker, room, since).await?;
    }
    Ok(())
}

/// Notes that the caller sees a room under other properties than before: for the caller's registrations, but not for the
/// one that the request names.
pub async fn personal_property(tx: &mut Tx, call: &Call<'_>, room: &RoomId) -> Result<(), DavError> {
    let except = named(call.headers).into_iter().next().unwrap_or_default();
    if except != "*" {
        let (tenant, principal) = (&call.caller.tenant.id, &call.caller.principal.id);
        registrations::property_changed(tx, tenant, room, Some(principal), &except).await?;
    }
    Ok(())
}

/// The ids of the registrations that `Push-Dont-Notify` names, or `*`.
fn named(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("push-dont-notify").filter_map(|value| value.to_str().ok());
    let texts = values.flat_map(|value| value.split(',')).map(|text| text.trim().trim_matches('"'));
    let ids = texts.filter_map(|text| match Resource::parse(text) {
        _ if text == "*" => Some(text.to_owned()),
        Some(Resource::Registration { id, .. }) => Some(id),
        _ => None,
    });
    ids.take(NAMED).collect()
}

fn target(push: &PushDoor, asked: &PushRegister) -> Result<PushTarget, DavError> {
    let invalid = |text: String| DavError::forbidden(Condition::InvalidSubscription, text);
    let resource = PushResource::parse(&asked.resource, push.private).map_err(invalid)?;
    Reader::parse(&asked.public_key, &asked.auth_secret).map_err(|error| invalid(format!("The {error}.")))?;
    Ok(PushTarget {
        resource: resource.as_str().to_owned(),
        public_key: asked.public_key.clone(),
        auth_secret: asked.auth_secret.clone(),
    })
}

/// When the registration ends: as the client wishes, but not later than the server allows (3.4).
fn expires(door: &DavDoor, push: &PushDoor, wished: Option<&str>) -> Result<Timestamp, DavError> {
    let now = door.clock.now();
    let most = now.plus_days(push.days);
    let Some(text) = wished else { return Ok(most) };
    let wished = jiff::fmt::rfc2822::parse(text).map_err(|_| DavError::bad_request("Expires is an HTTP date."))?;
    let wished = Timestamp(wished.timestamp().as_millisecond());
    if wished <= now {
        return Err(DavError::bad_request("The registration would have expired already."));
    }
    Ok(wished.min(most))
}

fn wished(call: &Call<'_>, room: &RoomId, asked: &PushRegister, target: &PushTarget) -> Registration {
    let now = call.door.clock.now();
    Registration {
        id: RegistrationId::fresh(),
        tenant_id: call.caller.tenant.id.clone(),
        principal_id: call.caller.principal.id.clone(),
        room_id: room.clone(),
        resource_hash: resource_hash(&call.door.keys, &target.resource),
        sealed_target: String::new(),
        content: asked.content,
        property: asked.property,
        told_seq: 0,
        property_seq: 0,
        property_told: 0,
        due_ms: now,
        attempts: 0,
        last_error: String::new(),
        expires_ms: now,
        created_ms: now,
    }
}

async fn refuse_too_many(tx: &mut Tx, call: &Call<'_>) -> Result<(), DavError> {
    let most = call.door.limits.push_registrations;
    if registrations::count(tx, &call.caller.tenant.id, &call.caller.principal.id).await? < most {
        return Ok(());
    }
    let text = format!("You have {most} registrations for push messages, which is the most; end one first.");
    Err(DavError::forbidden(Condition::PushNotAvailable, text))
}

async fn record(tx: &mut Tx, call: &Call<'_>, one: &Registration, action: &str, detail: &str) -> Result<(), DavError> {
    let entry = audit::Entry {
        tenant: &one.tenant_id,
        at: call.door.clock.now(),
        actor: &format!("principal:{}", call.caller.principal.login),
        action,
        room: Some(&one.room_id),
        uid: None,
        seq: 0,
        detail,
    };
    Ok(audit::append(tx, &entry).await?)
}

/// The whole address of a registration: clients keep it and use it alone.
fn address(call: &Call<'_>, push: &PushDoor, id: &RegistrationId) -> String {
    let tenant = call.caller.tenant.tenant_key.clone();
    let path = Resource::Registration { tenant, id: id.as_str().to_owned() }.href();
    format!("{}{path}", push.base.as_deref().unwrap_or(&call.origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderName;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn x7_push_dont_notify_names_registrations_by_their_addresses() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HeaderName::from_static("push-dont-notify"), HeaderValue::from_static(value));
            }
            named(&headers)
        };
        assert_eq!(read(&["\"https://rooms.example.org/dav/t/push/a1\", \"/dav/t/push/b2\""]), ["a1", "b2"]);
        assert_eq!(read(&["/dav/t/push/a1", "\"/dav/t/push/b2\""]), ["a1", "b2"]);
        assert_eq!(read(&["*"]), ["*"]);
        assert_eq!(read(&["\"/dav/t/rooms/hall/\", nonsense, \"\""]), Vec::<String>::new());
    }
}

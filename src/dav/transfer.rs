//! COPY and MOVE of a calendar object to another name, in its own room or in another (RFC 4918, 9.8 and 9.9). Rights,
//! double bookings and UIDs are judged in both rooms, and a move is one transaction: the booking is never in both rooms
//! and never in none.

use super::Call;
use super::caller::VisibleRoom;
use super::error::DavError;
use super::get::visible_octets;
use super::headers::Depth;
use super::headers::EtagList;
use super::path::Resource;
use super::property::object::etag_for;
use super::put::refusal;
use super::registration;
use crate::change;
use crate::change::Context;
use crate::change::Effect;
use crate::change::Origin;
use crate::change::Transfer;
use crate::ical::object::CalendarObject;
use crate::ical::object::ParseContext;
use crate::model::Etag;
use crate::model::ObjectName;
use crate::store::Tx;
use crate::store::objects;
use crate::store::rooms;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Answers a COPY, or with `moves` a MOVE.
pub async fn transfer(call: &Call<'_>, moves: bool) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let Resource::Object { room, name, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    accept_depth(call)?;
    let overwrite = overwrite(call)?;
    let target = Destination::parse(call)?;
    let mut tx = call.begin_write().await?;
    let from = call.room(&mut tx, room, &href).await?;
    if moves {
        from.require_write(&href, "unbind")?;
    } else {
        from.require_read(&href)?;
    }
    let to = target.room(&mut tx, call).await?;
    change::lock(&mut tx, &from.room, &to.room).await.map_err(|error| refusal(&call.resource, error))?;
    let before = positions(&mut tx, [&from, &to]).await?;
    let row = objects::by_name(&mut tx, &from.room.tenant_id, &from.room.id, name).await?;
    let row = row.ok_or_else(|| DavError::not_found(&href))?;
    require_unchanged(call, &etag_for(&row.etag, from.view()))?;
    target.refuse_occupied(&mut tx, &to, overwrite).await?;
    let object = {
        let octets = visible_octets(call, &from, &row)?;
        CalendarObject::parse(octets.as_bytes(), &ParseContext { limits: &call.door.limits, floating: &to.room.zone })?
    };
    let wish = Transfer {
        from: &from.room,
        row,
        to: &to.room,
        name: target.name.clone(),
        object: Box::new(object),
        moves,
        origin: Origin::Principal { login: call.caller.principal.login.clone(), privilege: to.privilege },
        right: from.privilege,
    };
    let context = Context { now: call.door.clock.now(), limits: &call.door.limits };
    let applied = change::transfer(&mut tx, context, wish).await.map_err(|error| refusal(&target.resource, error))?;
    for (room, since) in [&from, &to].into_iter().zip(before) {
        registration::leave_out(&mut tx, call, &room.room.id, since).await?;
    }
    tx.commit().await?;
    if moves && from.room.id != to.room.id {
        (call.door.nudge)(&from.room.id);
    }
    (call.door.nudge)(&to.room.id);
    Ok(match applied.effect {
        Effect::Created => HttpResponse::Created().finish(),
        Effect::Updated | Effect::Unchanged | Effect::Deleted => HttpResponse::NoContent().finish(),
    })
}

/// The sequence numbers of rooms whose locks are held.
async fn positions(tx: &mut Tx, rooms: [&VisibleRoom; 2]) -> Result<[i64; 2], DavError> {
    let mut found = [0; 2];
    for (room, seq) in rooms.into_iter().zip(&mut found) {
        *seq = rooms::lock(tx, &room.room.tenant_id, &room.room.id).await?.map_or(room.room.seq, |locked| locked.seq);
    }
    Ok(found)
}

/// An object has nothing inside it, so that 0 and infinity ask for the same; 1 is no depth of these methods.
fn accept_depth(call: &Call<'_>) -> Result<(), DavError> {
    match Depth::parse(call.headers)? {
        None | Some(Depth::Zero | Depth::Infinity) => Ok(()),
        Some(Depth::One) => Err(DavError::bad_request("Depth is 0 or infinity for COPY and MOVE.")),
    }
}

/// `Overwrite` (RFC 4918, 10.6); missing means yes.
fn overwrite(call: &Call<'_>) -> Result<bool, DavError> {
    let Some(value) = call.headers.get("overwrite") else { return Ok(true) };
    match value.to_str().map(str::trim) {
        Ok("T" | "t") => Ok(true),
        Ok("F" | "f") => Ok(false),
        _ => Err(DavError::bad_request("Overwrite is T or F.")),
    }
}

/// If-Match and If-None-Match are about the resource of the request, the source.
fn require_unchanged(call: &Call<'_>, etag: &Etag) -> Result<(), DavError> {
    let wrong = EtagList::parse(call.headers, "if-match")?.is_some_and(|list| !list.matches_strongly(etag))
        || EtagList::parse(call.headers, "if-none-match")?.is_some_and(|list| list.matches_weakly(etag));
    if wrong {
        return Err(DavError::PreconditionFailed("The booking has changed meanwhile; fetch it again.".to_owned()));
    }
    Ok(())
}

/// Where the object shall go.
struct Destination {
    resource: Resource,
    tenant: String,
    slug: String,
    name: ObjectName,
}

impl Destination {
    /// Reads the `Destination` header (RFC 4918, 10.3): a URI of this server, or an absolute path.
    fn parse(call: &Call<'_>) -> Result<Self, DavError> {
        let value = call.headers.get("destination").and_then(|value| value.to_str().ok()).map(str::trim);
        let text = value.ok_or_else(|| DavError::bad_request("COPY and MOVE need a Destination."))?;
        let path = path_here(text, &call.host)?;
        let resource = Resource::parse(path).ok_or_else(|| no_room(path))?;
        if resource == call.resource {
            let text = "The Destination is the booking itself.";
            return Err(DavError::Refused { status: StatusCode::FORBIDDEN, conditions: Vec::new(), text: text.into() });
        }
        let Resource::Object { tenant, room, name } = &resource else {
            let text = "The Destination of a booking is a name inside a room.";
            return Err(DavError::need_privilege(&resource.href(), "bind", text));
        };
        Ok(Self { tenant: tenant.clone(), slug: room.clone(), name: name.clone(), resource })
    }

    /// The room, if the caller may know of it. One of another tenant is as unknown as one that does not exist.
    async fn room(&self, tx: &mut Tx, call: &Call<'_>) -> Result<VisibleRoom, DavError> {
        let href = self.resource.href();
        if self.tenant != call.caller.tenant.tenant_key {
            return Err(no_room(&href));
        }
        match call.room(tx, &self.slug, &href).await {
            Err(DavError::NotFound(_)) => Err(no_room(&href)),
            found => found,
        }
    }

    /// Judges the right to write there, and `Overwrite: F`.
    async fn refuse_occupied(&self, tx: &mut Tx, to: &VisibleRoom, overwrite: bool) -> Result<(), DavError> {
        let there = objects::by_name(tx, &to.room.tenant_id, &to.room.id, &self.name).await?;
        to.require_write(&self.resource.href(), if there.is_some() { "write-content" } else { "bind" })?;
        if there.is_some() && !overwrite {
            let text = "There is a booking of that name already, and Overwrite is F.";
            return Err(DavError::PreconditionFailed(text.to_owned()));
        }
        Ok(())
    }
}

/// RFC 4918, 9.8.5: 409 where the collection of the destination does not exist.
fn no_room(href: &str) -> DavError {
    let text = format!("There is no room at {href} to bring the booking to.");
    DavError::Refused { status: StatusCode::CONFLICT, conditions: Vec::new(), text }
}

/// The path of a destination on this server. Whether it is asked for with or without encryption makes no difference:
/// that may end at a proxy.
fn path_here<'t>(text: &'t str, host: &str) -> Result<&'t str, DavError> {
    let Some((scheme, rest)) = text.split_once("://") else {
        if text.starts_with('/') && !text.starts_with("//") {
            return Ok(text);
        }
        return Err(DavError::bad_request("Destination is a whole URI or an absolute path."));
    };
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !known || !bare_host(authority).eq_ignore_ascii_case(bare_host(host)) {
        let text = format!("The Destination is on another server than {host}.");
        return Err(DavError::BadGateway(text));
    }
    Ok(path)
}

/// Host and port without user information and without the ports that go without saying.
fn bare_host(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o15_a_destination_is_a_path_or_a_uri_of_this_server() {
        for text in [
            "/dav/t/rooms/hall/a.ics",
            "http://rooms.example.com/dav/t/rooms/hall/a.ics",
            "https://Rooms.example.com:443/dav/t/rooms/hall/a.ics",
            "HTTP://anna@rooms.example.com:80/dav/t/rooms/hall/a.ics",
        ] {
            assert_eq!(path_here(text, "rooms.example.com").unwrap(), "/dav/t/rooms/hall/a.ics", "{text}");
        }
        assert_eq!(path_here("http://[::1]:8080/x", "[::1]:8080").unwrap(), "/x");
        for text in ["http://other.example.com/x", "http://rooms.example.com:81/x", "ftp://rooms.example.com/x", "x://"]
        {
            assert!(matches!(path_here(text, "rooms.example.com"), Err(DavError::BadGateway(_))), "{text}");
        }
        for text in ["a.ics", "//rooms.example.com/x", "", "mailto:x"] {
            assert!(matches!(path_here(text, "rooms.example.com"), Err(DavError::BadRequest(_))), "{text}");
        }
    }
}

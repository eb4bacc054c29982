//! PROPPATCH (RFC 4918, 9.2): all steps or none. What a client sets is kept for the caller alone, also on rooms that
//! the caller may only read: colour, order and name in one person's client concern nobody else.

use super::Call;
use super::conditional;
use super::error::DavError;
use super::headers::Preferences;
use super::multistatus;
use super::options::allow;
use super::own_zone;
use super::path::Kind;
use super::path::Resource;
use super::property::What;
use super::property::is_live;
use super::property::room::Property;
use super::property::storage_key;
use super::propfind::visible_principal;
use super::registration;
use crate::davxml::Condition;
use crate::davxml::Element;
use crate::davxml::MultiStatus;
use crate::davxml::PropPatch;
use crate::davxml::PropStats;
use crate::davxml::PropUpdate;
use crate::davxml::QName;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::properties;
use actix_web::HttpResponse;

/// Why one step cannot be done.
struct Obstacle {
    status: u16,
    condition: Option<Condition>,
    text: String,
}

/// Answers a PROPPATCH.
pub async fn proppatch(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    if !matches!(call.resource.kind(), Kind::Room | Kind::Principal | Kind::Home) {
        return Err(not_here(call));
    }
    let patch = PropPatch::parse(&call.body, &call.door.limits)?;
    let minimal = Preferences::parse(call.headers).minimal;
    let mut tx = call.begin_write().await?;
    conditional::require_alone(&mut tx, call).await?;
    let (key, obstacles) = judge(&mut tx, call, &patch).await?;
    let done = obstacles.iter().all(Option::is_none);
    if done {
        for update in &patch.updates {
            carry_out(&mut tx, call, &key, update).await?;
        }
        if let Resource::Room { room, .. } = &call.resource {
            let room = call.room(&mut tx, room, &call.resource.href()).await?.room.id;
            registration::personal_property(&mut tx, call, &room).await?;
        }
        tx.commit().await?;
    }
    let mut answer = MultiStatus::new();
    let mut stats = outcome(&patch, &obstacles);
    if minimal && done {
        // What merely succeeded need not be told (RFC 8144, 2.2).
        stats = PropStats::default();
    }
    answer.properties(&call.resource.href(), &stats);
    Ok(multistatus(answer.finish(), minimal))
}

/// Nothing can be set on such a resource, whatever the body says.
fn not_here(call: &Call<'_>) -> DavError {
    DavError::MethodNotAllowed(allow(call.resource.kind(), call.door.push.is_some()))
}

/// Where the properties go, and what stands in the way of each step.
async fn judge(tx: &mut Tx, call: &Call<'_>, patch: &PropPatch) -> Result<(String, Vec<Option<Obstacle>>), DavError> {
    let (resource, href) = (&call.resource, call.resource.href());
    let (room, principal);
    let what = match resource {
        Resource::Room { room: slug, .. } => {
            room = call.room(tx, slug, &href).await?;
            What::Room(&room)
        }
        Resource::Principal { login, .. } => {
            principal = visible_principal(tx, call, login).await?;
            if principal.id != call.caller.principal.id {
                return Err(DavError::need_privilege(&href, "write-properties", "This principal is somebody else."));
            }
            What::Principal(&principal)
        }
        _ => What::Plain,
    };
    let key = storage_key(resource, what).ok_or_else(|| not_here(call))?;
    let present = properties::of_resource(tx, &call.caller.home.id, &call.caller.principal.id, &key).await?;
    let mut room_left = call.door.limits.dead_properties.saturating_sub(present.len());
    let mut judged = Vec::with_capacity(patch.updates.len());
    for update in &patch.updates {
        let known = present.iter().any(|row| update.name().is(&row.namespace, &row.name));
        let mut obstacle = obstacle(call, what, update);
        if obstacle.is_none() && !known && matches!(update, PropUpdate::Set(_)) {
            match room_left.checked_sub(1) {
                Some(left) => room_left = left,
                None => obstacle = Some(too_much("There are too many properties on this resource.")),
            }
        }
        judged.push(obstacle);
    }
    Ok((key, judged))
}

fn obstacle(call: &Call<'_>, what: What<'_>, update: &PropUpdate) -> Option<Obstacle> {
    let name = update.name();
    let personal = match what {
        What::Room(_) => Property::from_name(name).is_some_and(Property::is_personal),
        _ => false,
    };
    if is_live(what, name) && !personal {
        return Some(Obstacle {
            status: 403,
            condition: Some(Condition::CannotModifyProtectedProperty),
            text: format!("{} is set by the server.", name.local),
        });
    }
    let PropUpdate::Set(element) = update else { return None };
    if element.to_xml().len() > call.door.limits.dead_property_bytes {
        return Some(too_much("The property is too large."));
    }
    if personal { refuse_value(name, element) } else { None }
}

/// Values that have a meaning are checked (RFC 4791, 5.2.2; RFC 7809, 5.2).
fn refuse_value(name: &QName, element: &Element) -> Option<Obstacle> {
    let text = element.text();
    let (valid, condition) = match Property::from_name(name)? {
        Property::CalendarTimezone => {
            let has = |line: &str| text.lines().any(|l| l.trim().eq_ignore_ascii_case(line));
            (has("BEGIN:VCALENDAR") && has("BEGIN:VTIMEZONE") && has("END:VTIMEZONE"), Condition::ValidCalendarData)
        }
        Property::CalendarTimezoneId => (ZoneId::parse(text.trim()).is_some(), Condition::ValidTimezone),
        _ => return None,
    };
    let text = format!("{} is not a usable time zone.", name.local);
    (!valid).then_some(Obstacle { status: 403, condition: Some(condition), text })
}

fn too_much(text: &str) -> Obstacle {
    Obstacle { status: 507, condition: None, text: text.to_owned() }
}

async fn carry_out(tx: &mut Tx, call: &Call<'_>, key: &str, update: &PropUpdate) -> Result<(), DavError> {
    let (tenant, principal) = (&call.caller.home.id, &call.caller.principal.id);
    match update {
        PropUpdate::Set(element) => {
            properties::set(tx, tenant, principal, &own_zone::row(key, element)).await?;
            match own_zone::companion(element, &call.door.limits) {
                Some((_, Some(other))) => {
                    properties::set(tx, tenant, principal, &own_zone::row(key, &other)).await?;
                }
                Some((name, None)) => {
                    properties::remove(tx, tenant, principal, key, (&name.ns, &name.local)).await?;
                }
                None => {}
            }
        }
        PropUpdate::Remove(name) => {
            for name in std::iter::once(name.clone()).chain(own_zone::companion_name(name)) {
                properties::remove(tx, tenant, principal, key, (&name.ns, &name.local)).await?;
            }
        }
    }
    Ok(())
}

/// Each property once, under its status: those in the way with their own, the others with 424 if there are any.
fn outcome(patch: &PropPatch, obstacles: &[Option<Obstacle>]) -> PropStats {
    let failed = obstacles.iter().any(Option::is_some);
    let mut stats = PropStats::default();
    let mut told: Vec<&QName> = Vec::new();
    for (update, obstacle) in patch.updates.iter().zip(obstacles) {
        let name = update.name();
        match obstacle {
            Some(obstacle) => {
                stats.add_name(obstacle.status, name);
                stats.explain(obstacle.status, obstacle.condition.clone(), &obstacle.text);
            }
            None if told.contains(&name) => {}
            None => {
                stats.add_name(if failed { 424 } else { 200 }, name);
            }
        }
        told.push(name);
    }
    stats
}

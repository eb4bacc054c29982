//! calendar-multiget (RFC 4791, 7.9): named members, each with its own answer.

use super::super::Call;
use super::super::error::DavError;
use super::super::path::Resource;
use super::desk::Desk;
use super::desk::aside;
use super::members::Members;
use crate::davxml::CalendarMultiget;
use crate::model::ObjectName;
use crate::store::objects;
use crate::store::objects::ObjectRow;
use actix_web::HttpResponse;
use std::collections::HashMap;

/// Answers a calendar-multiget report.
pub async fn answer(call: &Call<'_>, multiget: CalendarMultiget) -> Result<HttpResponse, DavError> {
    let href = call.resource.href();
    let (Resource::Room { room, .. } | Resource::Object { room, .. }) = &call.resource else {
        return Err(DavError::not_found(&href));
    };
    let mut tx = call.begin_read().await?;
    let room = call.room(&mut tx, room, &href).await?;
    room.require_read(&href)?;
    let CalendarMultiget { select, hrefs } = multiget;
    let wanted: Vec<(String, Option<ObjectName>)> = hrefs
        .into_iter()
        .map(|href| {
            let name = member_named(&call.resource, &href);
            (href, name)
        })
        .collect();
    let mut names: Vec<ObjectName> = wanted.iter().filter_map(|(_, name)| name.clone()).collect();
    names.sort();
    names.dedup();
    let found: HashMap<ObjectName, ObjectRow> =
        objects::by_names(&mut tx, &call.caller.tenant.id, &room.room.id, &names)
            .await?
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
    drop(tx);
    let most = call.door.limits.multiget_hrefs;
    let desk = Desk::new(call, room)?;
    Ok(aside(move || tell(Members::new(desk, select, most), &wanted, &found)).await?.finish())
}

fn tell(
    mut members: Members,
    wanted: &[(String, Option<ObjectName>)],
    found: &HashMap<ObjectName, ObjectRow>,
) -> Result<Members, DavError> {
    for (href, name) in wanted {
        match name.as_ref().and_then(|name| found.get(name)) {
            Some(row) => members.tell(href, row)?,
            None => members.missing(href),
        }
    }
    Ok(members)
}

/// The member of the request's calendar that an href names; `None` for anything else, whatever it is: what a report may
/// tell is bounded by the collection it was sent to.
fn member_named(target: &Resource, href: &str) -> Option<ObjectName> {
    let Resource::Object { tenant, room, name } = Resource::parse(href)? else { return None };
    let inside = match target {
        Resource::Room { tenant: t, room: r } => tenant == *t && room == *r,
        Resource::Object { tenant: t, room: r, name: n } => tenant == *t && room == *r && name == *n,
        _ => false,
    };
    inside.then_some(name)
}

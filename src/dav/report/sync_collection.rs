//! sync-collection (RFC 6578, 3): what changed in a room since a token.
//!
//! The change log holds the last change of every name, ordered by sequence number. A truncated answer is a prefix of it,
//! and its token the number of its last row, so the next page goes on exactly there: what changes meanwhile moves to the
//! end and is met again or for the first time, and nothing is skipped.

use super::super::Call;
use super::super::caller::VisibleRoom;
use super::super::error::DavError;
use super::super::headers::Depth;
use super::super::headers::Preferences;
use super::super::multistatus;
use super::super::path::Resource;
use super::super::path::member_href;
use super::super::property::Scene;
use super::super::property::Subject;
use super::super::property::What;
use super::super::property::object::ObjectView;
use super::super::property::plan::Plan;
use crate::crypt::sync_token;
use crate::davxml::Condition;
use crate::davxml::MultiStatus;
use crate::davxml::PropFind;
use crate::davxml::QName;
use crate::davxml::SyncCollection;
use crate::davxml::SyncLevel;
use crate::model::ObjectName;
use crate::model::SyncToken;
use crate::store::Tx;
use crate::store::changes;
use crate::store::changes::ChangeRow;
use crate::store::objects;
use actix_web::HttpResponse;
use std::collections::HashMap;

/// Answers a sync-collection report on a room.
pub async fn answer(call: &Call<'_>, sync: &SyncCollection) -> Result<HttpResponse, DavError> {
    accept_depth(call)?;
    // Rooms have no collections inside, so the two levels say the same.
    let (SyncLevel::One | SyncLevel::Infinite) = sync.level;
    let href = call.resource.href();
    let Resource::Room { room, .. } = &call.resource else { return Err(DavError::not_found(&href)) };
    let mut tx = call.begin_read().await?;
    let room = call.room(&mut tx, room, &href).await?;
    room.require_read(&href)?;
    let since = sync.token.as_deref().map(|text| known_token(call, &room, text)).transpose()?;
    let limit = sync.limit.unwrap_or(usize::MAX).min(call.door.limits.report_members);
    let page = Page::read(&mut tx, call, &room, since.as_ref(), limit).await?;
    let objects = whole(&mut tx, call, &room, sync, &page.rows).await?;
    let minimal = Preferences::parse(call.headers).minimal;
    Ok(multistatus(write(call, &room, sync, page, objects), minimal))
}

/// RFC 6578 wants Depth: 0, but widespread clients send 1, and some none.
fn accept_depth(call: &Call<'_>) -> Result<(), DavError> {
    match Depth::parse(call.headers)? {
        None | Some(Depth::Zero | Depth::One) => Ok(()),
        Some(Depth::Infinity) => Err(DavError::bad_request("Depth is 0 for a sync-collection report.")),
    }
}

fn known_token(call: &Call<'_>, room: &VisibleRoom, text: &str) -> Result<SyncToken, DavError> {
    sync_token::parse(&call.door.keys.sync_token, text, &room.room.id, room.view())
        .filter(|token| token.is_before(room.room.seq))
        .ok_or_else(|| {
            let text = "This sync token is not one of this calendar's; start afresh without a token.";
            DavError::forbidden(Condition::ValidSyncToken, text)
        })
}

/// One answer's worth of the change log.
struct Page {
    rows: Vec<ChangeRow>,
    /// The token that covers exactly what was reported before and now.
    next: SyncToken,
    truncated: bool,
}

impl Page {
    async fn read(
        tx: &mut Tx,
        call: &Call<'_>,
        room: &VisibleRoom,
        since: Option<&SyncToken>,
        limit: usize,
    ) -> Result<Self, DavError> {
        let (tenant, id) = (&call.caller.tenant.id, &room.room.id);
        let began = since.map_or(Some(room.room.seq), |token| token.began);
        let mut position = since.map_or(0, |token| token.seq);
        let mut rows = Vec::new();
        // One row more than wanted tells whether the page ends here.
        let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        while rows.len() <= limit {
            let read = changes::since(tx, tenant, id, position, wanted).await?;
            let last = i64::try_from(read.len()).unwrap_or(i64::MAX) < wanted;
            position = read.last().map_or(position, |row| row.seq);
            // What was gone before the initial report began was never known to the client.
            rows.extend(read.into_iter().filter(|row| !(row.deleted && began.is_some_and(|began| row.seq <= began))));
            if last {
                break;
            }
        }
        let truncated = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(row) if truncated => SyncToken { room: id.clone(), seq: row.seq, began },
            _ => SyncToken { room: id.clone(), seq: room.room.seq, began: None },
        };
        Ok(Self { rows, next, truncated })
    }
}

/// The members that exist, as the caller sees them, where more than validators is asked for.
async fn whole(
    tx: &mut Tx,
    call: &Call<'_>,
    room: &VisibleRoom,
    sync: &SyncCollection,
    rows: &[ChangeRow],
) -> Result<HashMap<ObjectName, ObjectView>, DavError> {
    if !needs_objects(&sync.props) {
        return Ok(HashMap::new());
    }
    let timezones = super::super::timezones::Timezones::parse(call.headers)?;
    let names: Vec<ObjectName> = rows.iter().filter(|row| !row.deleted).map(|row| row.name.clone()).collect();
    let mut views = HashMap::with_capacity(names.len());
    for row in objects::by_names(tx, &call.caller.tenant.id, &room.room.id, &names).await? {
        let octets = super::super::get::visible_octets(call, room, &row)?;
        let mut view = ObjectView::of_row(&row, &octets, room.view());
        if sync.props.names(&QName::caldav("calendar-data")) {
            view.data = Some(timezones.shown(&octets, &call.door.limits)?.into_owned());
        }
        views.insert(row.name.clone(), view);
    }
    Ok(views)
}

fn needs_objects(asked: &PropFind) -> bool {
    match asked {
        PropFind::Prop(names) => names.iter().any(|name| {
            ["getcontentlength", "getlastmodified", "creationdate"].map(QName::dav).contains(name)
                || *name == QName::caldav("calendar-data")
        }),
        PropFind::AllProp { .. } | PropFind::PropName => true,
    }
}

fn write(
    call: &Call<'_>,
    room: &VisibleRoom,
    sync: &SyncCollection,
    page: Page,
    mut objects: HashMap<ObjectName, ObjectView>,
) -> String {
    let scene = Scene { door: call.door, caller: &call.caller };
    let minimal = Preferences::parse(call.headers).minimal;
    let plan = Plan::new(&scene, room, &sync.props, minimal);
    let (mut answer, place) = (MultiStatus::new(), call.resource.href());
    for row in page.rows {
        let href = member_href(&place, &row.name);
        let whole = objects.remove(&row.name);
        let of_log = || if row.deleted { None } else { ObjectView::of_change(row, room.view()) };
        let Some(view) = whole.or_else(of_log) else {
            answer.status(&href, 404, None, "");
            continue;
        };
        if plan.as_ref().is_some_and(|plan| plan.tell(&href, &view, &mut answer)) {
            continue;
        }
        let resource = member(&call.resource, &view.name);
        let mut stats = Subject::new(resource, What::Object(room, &view), &[]).answer(&scene, &sync.props);
        if minimal {
            stats.without(404);
        }
        answer.properties(&href, &stats);
    }
    if page.truncated {
        let text = "There is more; ask again with the token of this answer.";
        answer.status(&place, 507, Some(&Condition::NumberOfMatchesWithinLimits), text);
    }
    answer.sync_token(&sync_token::print(&call.door.keys.sync_token, &page.next, room.view()));
    answer.finish()
}

/// A member of the room that `collection` names.
pub fn member(collection: &Resource, name: &ObjectName) -> Resource {
    match collection {
        Resource::Room { tenant, room } | Resource::Object { tenant, room, .. } => {
            Resource::Object { tenant: tenant.clone(), room: room.clone(), name: name.clone() }
        }
        other => other.clone(),
    }
}

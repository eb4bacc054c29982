//! REPORT (RFC 3253, 3.6): which report is offered where, and which file answers it.

mod calendar_query;
mod desk;
mod expand_property;
pub(super) mod freebusy;
mod members;
mod multiget;
mod principal_search;
mod sync_collection;

pub(super) use sync_collection::member;

use super::Call;
use super::error::DavError;
use super::path::Kind;
use crate::davxml::Condition;
use crate::davxml::QName;
use crate::davxml::Report;
use actix_web::HttpResponse;

/// The reports that such a resource answers: what `DAV:supported-report-set` lists, and nothing else is answered.
pub fn offered(kind: Kind) -> &'static [QName] {
    const EXPAND: QName = QName::dav("expand-property");
    const MATCH: QName = QName::dav("principal-match");
    const SEARCH: QName = QName::dav("principal-property-search");
    const SEARCH_SET: QName = QName::dav("principal-search-property-set");
    const TOKEN_SEARCH: QName = QName::calendarserver("calendarserver-principal-search");
    const QUERY: QName = QName::caldav("calendar-query");
    const MULTIGET: QName = QName::caldav("calendar-multiget");
    const FREE_BUSY: QName = QName::caldav("free-busy-query");
    const SYNC: QName = QName::dav("sync-collection");
    const SEARCHING: &[QName] = &[EXPAND, MATCH, SEARCH, SEARCH_SET, TOKEN_SEARCH];
    const EXPANDING: &[QName] = &[EXPAND];
    const CALENDAR: &[QName] = &[QUERY, MULTIGET, FREE_BUSY, SYNC, EXPAND];
    const OBJECT: &[QName] = &[QUERY, MULTIGET, EXPAND];
    match kind {
        Kind::Root | Kind::Tenant | Kind::Principals | Kind::RoomPrincipals => SEARCHING,
        Kind::Principal | Kind::RoomPrincipal | Kind::Home | Kind::Outbox => EXPANDING,
        Kind::Room => CALENDAR,
        Kind::Object => OBJECT,
        Kind::Registration => &[],
    }
}

/// Answers a REPORT.
pub async fn report(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let report = Report::parse(&call.body, &call.door.limits)?;
    let kind = call.resource.kind();
    if !offered(kind).contains(&report.name()) {
        return Err(not_offered(&report, kind));
    }
    match report {
        Report::CalendarQuery(query) => calendar_query::answer(call, query).await,
        Report::FreeBusyQuery(range) => freebusy::answer(call, range).await,
        Report::CalendarMultiget(multiget) => multiget::answer(call, multiget).await,
        Report::SyncCollection(sync) => sync_collection::answer(call, &sync).await,
        Report::ExpandProperty(expansions) => expand_property::answer(call, &expansions).await,
        Report::PrincipalSearchPropertySet => Ok(principal_search::property_set()),
        Report::PrincipalPropertySearch(search) => principal_search::by_property(call, &search).await,
        Report::PrincipalMatch(asked) => Ok(principal_search::oneself(call, &asked)),
        Report::CalendarserverPrincipalSearch(search) => principal_search::by_token(call, &search).await,
    }
}

fn not_offered(report: &Report, kind: Kind) -> DavError {
    if matches!(report, Report::SyncCollection(_)) && kind == Kind::Home {
        // Following changes of a whole home in one report (RFC 6578, 3.3).
        return DavError::forbidden(Condition::SyncTraversalSupported, "Ask each calendar for its changes.");
    }
    let text = format!("The report {} is not offered here.", report.name().local);
    DavError::forbidden(Condition::SupportedReport, text)
}

//! Searching principals (RFC 3744, 9.3-9.5; CS:calendarserver-principal-search): rooms the caller may know of, and the
//! caller. Nobody else is found, so that a search cannot be used to list the people of a tenant.

use super::super::Call;
use super::super::error::DavError;
use super::super::headers::Preferences;
use super::super::multistatus;
use super::super::path::Resource;
use super::super::property::Scene;
use super::super::property::Subject;
use super::super::property::What;
use super::super::property::principal::RoomProperty;
use super::super::property::principal::address;
use crate::davxml::Condition;
use crate::davxml::MultiStatus;
use crate::davxml::PrincipalPropertySearch;
use crate::davxml::PropFind;
use crate::davxml::PropertyMatch;
use crate::davxml::QName;
use crate::davxml::TokenSearch;
use crate::davxml::XmlWriter;
use crate::model::Features;
use crate::store::principals::Principal;
use crate::store::rooms::Room;
use actix_web::HttpResponse;
use actix_web::http::header;

/// What the searchable properties of a principal say.
struct Card<'a> {
    name: &'a str,
    email: &'a str,
    building: &'a str,
    capacity: Option<i64>,
    features: Option<&'a Features>,
}

impl<'a> Card<'a> {
    fn of_room(room: &'a Room) -> Self {
        Self {
            name: &room.name,
            email: &room.email,
            building: &room.building,
            capacity: room.capacity,
            features: Some(&room.features),
        }
    }

    fn of_principal(principal: &'a Principal) -> Self {
        let email = address(principal).unwrap_or_default();
        Self { name: &principal.display_name, email, building: "", capacity: None, features: None }
    }

    /// Whether the text is found in any of the properties. A number of seats is looked for as a least number.
    fn matches(&self, condition: &PropertyMatch) -> bool {
        condition.properties.iter().any(|name| match RoomProperty::from_name(name) {
            Some(RoomProperty::DisplayName) => holds(self.name, &condition.text),
            Some(RoomProperty::CalendarUserAddressSet | RoomProperty::EmailAddressSet) => {
                let wanted = condition.text.strip_prefix("mailto:").unwrap_or(&condition.text);
                holds(self.email, wanted)
            }
            Some(RoomProperty::Building) => holds(self.building, &condition.text),
            Some(RoomProperty::Capacity) => {
                let wanted: Option<i64> = condition.text.trim().parse().ok();
                self.capacity.zip(wanted).is_some_and(|(seats, wanted)| seats >= wanted)
            }
            Some(RoomProperty::Features) => self.has_all(&condition.text),
            _ => false,
        })
    }

    /// Whether the room has everything that is listed, separated by commas as clients of other servers do.
    fn has_all(&self, wanted: &str) -> bool {
        let has = |wanted: &str| self.features.is_some_and(|own| own.iter().any(|feature| holds(feature, wanted)));
        let mut wanted = wanted.split(',').map(str::trim).filter(|text| !text.is_empty()).peekable();
        wanted.peek().is_some() && wanted.all(has)
    }
}

/// Whether a text holds another, without regard to case.
fn holds(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(&wanted.to_lowercase())
}

/// `DAV:principal-search-property-set`: exactly what can be searched; 200, not 207.
pub fn property_set() -> HttpResponse {
    let root = QName::dav("principal-search-property-set");
    let (entry, prop, text) = (QName::dav("principal-search-property"), QName::dav("prop"), QName::dav("description"));
    let mut xml = XmlWriter::document(&root);
    for (property, description) in RoomProperty::SEARCHABLE {
        xml.open(&entry).open(&prop).empty(&property.name()).close(&prop);
        xml.open_with(&text, &[("xml:lang", "en")]).text(description).close(&text).close(&entry);
    }
    xml.close(&root);
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/xml; charset=utf-8")).body(xml.finish())
}

/// `DAV:principal-property-search`.
pub async fn by_property(call: &Call<'_>, search: &PrincipalPropertySearch) -> Result<HttpResponse, DavError> {
    let matches = |card: &Card<'_>| {
        let mut conditions = search.conditions.iter();
        if search.any && !search.conditions.is_empty() {
            conditions.any(|c| card.matches(c))
        } else {
            conditions.all(|c| card.matches(c))
        }
    };
    find(call, &search.props, usize::MAX, matches).await
}

/// `CS:calendarserver-principal-search`: every word somewhere in name or address.
pub async fn by_token(call: &Call<'_>, search: &TokenSearch) -> Result<HttpResponse, DavError> {
    let matches = |card: &Card<'_>| search.tokens.iter().all(|t| holds(card.name, t) || holds(card.email, t));
    find(call, &search.props, search.limit.unwrap_or(usize::MAX), matches).await
}

/// `DAV:principal-match` with `DAV:self`.
pub fn oneself(call: &Call<'_>, asked: &PropFind) -> HttpResponse {
    let mut answer = MultiStatus::new();
    tell(call, asked, &mut answer, call.caller.resource(), What::Principal(&call.caller.principal));
    multistatus(answer.finish(), Preferences::parse(call.headers).minimal)
}

async fn find(
    call: &Call<'_>,
    asked: &PropFind,
    limit: usize,
    matches: impl Fn(&Card<'_>) -> bool,
) -> Result<HttpResponse, DavError> {
    let mut tx = call.begin_read().await?;
    let caller = &call.caller;
    let rooms = caller.rooms(&mut tx).await?;
    let mut answer = MultiStatus::new();
    let most = limit.min(call.door.limits.report_members);
    if caller.home.id == caller.tenant.id && matches(&Card::of_principal(&caller.principal)) {
        tell(call, asked, &mut answer, caller.resource(), What::Principal(&caller.principal));
    }
    for room in rooms.iter().filter(|room| matches(&Card::of_room(&room.room))) {
        if answer.responses() >= most {
            let text = "There are more matches; search for something narrower.";
            answer.status(&call.resource.href(), 507, Some(&Condition::NumberOfMatchesWithinLimits), text);
            break;
        }
        let (tenant, slug) = (caller.tenant.tenant_key.clone(), room.room.slug.clone());
        tell(call, asked, &mut answer, Resource::RoomPrincipal { tenant, room: slug }, What::RoomPrincipal(room));
    }
    Ok(multistatus(answer.finish(), Preferences::parse(call.headers).minimal))
}

fn tell(call: &Call<'_>, asked: &PropFind, answer: &mut MultiStatus, resource: Resource, what: What<'_>) {
    let href = resource.href();
    let scene = Scene { door: call.door, caller: &call.caller };
    let mut stats = Subject::new(resource, what, &[]).answer(&scene, asked);
    if Preferences::parse(call.headers).minimal {
        stats.without(404);
    }
    answer.properties(&href, &stats);
}

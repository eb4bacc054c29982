//! The zone that a caller has set on a room (RFC 4791, 5.2.2; RFC 7809, 5.2). It is the caller's own, as everything
//! that clients set: it decides how that caller's queries take whole days and floating times, and not when the room is
//! taken.

use super::Call;
use super::caller::VisibleRoom;
use super::error::DavError;
use super::property::What;
use super::property::storage_key;
use crate::config::Limits;
use crate::davxml::Element;
use crate::davxml::Node;
use crate::davxml::QName;
use crate::davxml::read;
use crate::ical::component::Component;
use crate::ical::reference;
use crate::ical::zone;
use crate::model::ZoneId;
use crate::store::Tx;
use crate::store::properties::PropertyRow;

/// A VCALENDAR with one VTIMEZONE.
pub const DEFINITION: QName = QName::caldav("calendar-timezone");
/// The name of the same zone.
pub const NAME: QName = QName::caldav("calendar-timezone-id");

/// The zone that the caller has set on the room of the request, if any.
pub async fn own_zone(tx: &mut Tx, call: &Call<'_>, room: &VisibleRoom) -> Result<Option<ZoneId>, DavError> {
    let Some(key) = storage_key(&call.resource, What::Room(room)) else { return Ok(None) };
    let rows = call.own_properties(tx).await?;
    let value = |name: &QName| {
        let row = rows.iter().find(|row| row.resource == key && name.is(&row.namespace, &row.name))?;
        Some(read(row.value.as_bytes(), &call.door.limits).ok()?.text())
    };
    let named = value(&NAME).and_then(|text| ZoneId::parse(text.trim()));
    Ok(named.or_else(|| defined(&value(&DEFINITION)?, &call.door.limits, Some(&room.room.zone))))
}

/// The zone that a VCALENDAR with a VTIMEZONE describes; of several alike, `prefer`.
pub fn defined(text: &str, limits: &Limits, prefer: Option<&ZoneId>) -> Option<ZoneId> {
    let calendar = Component::parse(text.trim_start(), limits).ok()?;
    let definition = calendar.components_named("VTIMEZONE").next()?;
    let name = &definition.line("TZID")?.value;
    zone::resolve(name, Some(&definition.emit()), prefer)
}

/// What the other of the two properties has to say when one is set, so that both name one zone (RFC 7809, 5.2): its
/// name, and the element, or none where the zone has no name.
pub fn companion(set: &Element, limits: &Limits) -> Option<(QName, Option<Element>)> {
    let text = set.text();
    if set.name == NAME {
        let definition = reference::calendar_of(&ZoneId::parse(text.trim())?);
        return Some((DEFINITION, Some(element(DEFINITION, definition))));
    }
    if set.name == DEFINITION {
        let zone = defined(&text, limits, None);
        return Some((NAME, zone.map(|zone| element(NAME, zone.as_str().to_owned()))));
    }
    None
}

/// The other of the two properties, which goes when one is removed.
pub fn companion_name(name: &QName) -> Option<QName> {
    match name {
        name if *name == NAME => Some(DEFINITION),
        name if *name == DEFINITION => Some(NAME),
        _ => None,
    }
}

/// A property of one resource as it is stored.
pub fn row(resource: &str, element: &Element) -> PropertyRow {
    PropertyRow {
        resource: resource.to_owned(),
        namespace: element.name.ns.clone().into_owned(),
        name: element.name.local.clone().into_owned(),
        value: element.to_xml(),
    }
}

fn element(name: QName, text: String) -> Element {
    Element { name, prefix: "C".to_owned(), attributes: Vec::new(), children: vec![Node::Text(text)] }
}

//! expand-property (RFC 3253, 3.8): properties of a resource and, where their values are hrefs, of what these name.
//! One step is followed; what clients ask in practice (delegates and their names) needs no more.

use super::super::Call;
use super::super::error::DavError;
use super::super::headers::Preferences;
use super::super::multistatus;
use super::super::path::Resource;
use super::super::property::Scene;
use super::super::property::Subject;
use super::super::property::Value;
use super::super::property::What;
use super::super::property::object::ObjectView;
use super::super::propfind::own_outbox;
use super::super::propfind::visible_principal;
use crate::davxml::Expansion;
use crate::davxml::MultiStatus;
use crate::davxml::PropStats;
use crate::davxml::QName;
use crate::davxml::XmlWriter;
use crate::store::Tx;
use crate::store::properties;
use crate::store::properties::PropertyRow;
use actix_web::HttpResponse;

/// Answers an expand-property report.
pub async fn answer(call: &Call<'_>, expansions: &[Expansion]) -> Result<HttpResponse, DavError> {
    let mut tx = call.begin_read().await?;
    let own = properties::of_principal(&mut tx, &call.caller.home.id, &call.caller.principal.id).await?;
    let minimal = Preferences::parse(call.headers).minimal;
    let names: Vec<QName> = expansions.iter().map(|expansion| expansion.name.clone()).collect();
    let values = values(&mut tx, call, &call.resource, &names, &own).await?;
    let mut stats = PropStats::default();
    for (expansion, value) in expansions.iter().zip(values) {
        match value {
            Value::Absent if minimal => {}
            Value::Is(_) if !expansion.inner.is_empty() => {
                let expanded = expand(&mut tx, call, expansion, &own).await?;
                stats.add(200, &expanded);
            }
            value => value.tell(&call.resource.href(), &expansion.name, &mut stats),
        }
    }
    let mut answer = MultiStatus::new();
    answer.properties(&call.resource.href(), &stats);
    Ok(multistatus(answer.finish(), minimal))
}

/// The property with responses in place of its hrefs.
async fn expand(tx: &mut Tx, call: &Call<'_>, expansion: &Expansion, own: &[PropertyRow]) -> Result<String, DavError> {
    let names: Vec<QName> = expansion.inner.iter().map(|inner| inner.name.clone()).collect();
    let mut xml = XmlWriter::fragment();
    xml.open(&expansion.name);
    for target in targets(call, &expansion.name) {
        let mut stats = PropStats::default();
        for (name, value) in names.iter().zip(values(tx, call, &target, &names, own).await?) {
            value.tell(&target.href(), name, &mut stats);
        }
        let mut inner = MultiStatus::new();
        inner.properties(&target.href(), &stats);
        xml.raw(&inner.into_responses());
    }
    xml.close(&expansion.name);
    Ok(xml.finish())
}

/// What the hrefs of a property name.
fn targets(call: &Call<'_>, name: &QName) -> Vec<Resource> {
    let tenant = || call.caller.tenant.tenant_key.clone();
    if *name == QName::dav("current-user-principal") {
        return vec![call.caller.resource()];
    }
    if *name == QName::dav("principal-collection-set") {
        return vec![Resource::Principals { tenant: tenant() }];
    }
    let own = [QName::dav("principal-URL"), QName::dav("owner")].contains(name);
    match &call.resource {
        Resource::Principal { .. } | Resource::RoomPrincipal { .. } if own => vec![call.resource.clone()],
        Resource::Room { room, .. } | Resource::Object { room, .. } if own => {
            vec![Resource::RoomPrincipal { tenant: tenant(), room: room.clone() }]
        }
        _ if *name == QName::caldav("calendar-home-set") => {
            vec![Resource::Home { tenant: call.caller.home.tenant_key.clone() }]
        }
        _ => Vec::new(),
    }
}

/// The values of properties of a resource, in order.
async fn values(
    tx: &mut Tx,
    call: &Call<'_>,
    resource: &Resource,
    names: &[QName],
    own: &[PropertyRow],
) -> Result<Vec<Value>, DavError> {
    let href = resource.href();
    let scene = Scene { door: call.door, caller: &call.caller };
    let (room, principal, view);
    let what = match resource {
        Resource::Principal { login, .. } => {
            principal = visible_principal(tx, call, login).await?;
            What::Principal(&principal)
        }
        Resource::RoomPrincipal { room: slug, .. } => {
            room = call.room(tx, slug, &href).await?;
            What::RoomPrincipal(&room)
        }
        Resource::Room { room: slug, .. } => {
            room = call.room(tx, slug, &href).await?;
            What::Room(&room)
        }
        Resource::Object { .. } => {
            let (visible, row) = super::super::get::object(call).await?;
            let octets = super::super::get::visible_octets(call, &visible, &row)?;
            view = ObjectView::of_row(&row, &octets, visible.view());
            room = visible;
            What::Object(&room, &view)
        }
        Resource::Outbox { login, .. } => {
            own_outbox(call, login, resource)?;
            What::Plain
        }
        _ => What::Plain,
    };
    let subject = Subject::new(resource.clone(), what, own);
    Ok(names.iter().map(|name| subject.value(&scene, name)).collect())
}

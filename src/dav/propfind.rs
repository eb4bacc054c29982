//! PROPFIND (RFC 4918, 9.1): the properties of a resource and, at depth 1, of its members.

use super::Call;
use super::caller::VisibleRoom;
use super::error::DavError;
use super::headers::Depth;
use super::headers::Preferences;
use super::multistatus;
use super::path::Kind;
use super::path::Resource;
use super::path::member_href;
use super::property::Scene;
use super::property::Subject;
use super::property::What;
use super::property::object::ObjectView;
use super::property::plan::Plan;
use super::report::member;
use crate::davxml::Condition;
use crate::davxml::MultiStatus;
use crate::davxml::PropFind;
use crate::model::Privilege;
use crate::model::Role;
use crate::store::Tx;
use crate::store::objects;
use crate::store::principals;
use crate::store::principals::Principal;
use crate::store::properties::PropertyRow;
use actix_web::HttpResponse;

/// Answers a PROPFIND.
pub async fn propfind(call: &Call<'_>) -> Result<HttpResponse, DavError> {
    let asked = PropFind::parse(&call.body, &call.door.limits)?;
    let deep = depth(call)? == Depth::One;
    let minimal = Preferences::parse(call.headers).minimal;
    let mut tx = if !deep && tells_itself(call) { call.glance().await? } else { call.begin_read().await? };
    let own = call.own_properties(&mut tx).await?;
    let mut listing = Listing { call, asked: &asked, own: &own, minimal, answer: MultiStatus::new() };
    listing.resource(&mut tx, &call.resource, deep).await?;
    Ok(multistatus(listing.answer.finish(), minimal))
}

/// Whether the resource itself, without its members, is told from what is remembered.
fn tells_itself(call: &Call<'_>) -> bool {
    let is_own = |login: &str| login == call.caller.principal.login;
    let needs_no_row = match &call.resource {
        Resource::Object { .. } | Resource::Registration { .. } => false,
        Resource::Principal { login, .. } => is_own(login),
        Resource::Root { .. }
        | Resource::Tenant { .. }
        | Resource::Principals { .. }
        | Resource::RoomPrincipals { .. }
        | Resource::RoomPrincipal { .. }
        | Resource::Home { .. }
        | Resource::Room { .. }
        | Resource::Outbox { .. } => true,
    };
    needs_no_row && call.caller.knows(&call.resource)
}

/// How deep to go. A missing header means infinity (RFC 4918, 9.1), and that is refused where there are members.
fn depth(call: &Call<'_>) -> Result<Depth, DavError> {
    let has_members = match call.resource.kind() {
        Kind::Tenant | Kind::Principals | Kind::RoomPrincipals | Kind::Home | Kind::Room => true,
        Kind::Root | Kind::Principal | Kind::RoomPrincipal | Kind::Object | Kind::Registration | Kind::Outbox => false,
    };
    match Depth::parse(call.headers)?.unwrap_or(Depth::Infinity) {
        Depth::Infinity if has_members => {
            let text = "Ask with Depth: 0 or Depth: 1.";
            Err(DavError::forbidden(Condition::PropfindFiniteDepth, text))
        }
        Depth::Infinity => Ok(Depth::Zero),
        depth => Ok(depth),
    }
}

/// A multi-status under construction, with what every response of it needs.
struct Listing<'a> {
    call: &'a Call<'a>,
    asked: &'a PropFind,
    own: &'a [PropertyRow],
    minimal: bool,
    answer: MultiStatus,
}

impl Listing<'_> {
    async fn resource(&mut self, tx: &mut Tx, resource: &Resource, deep: bool) -> Result<(), DavError> {
        let caller = &self.call.caller;
        match resource {
            Resource::Principal { login, .. } => {
                let principal = visible_principal(tx, self.call, login).await?;
                self.tell(resource.clone(), What::Principal(&principal));
            }
            Resource::RoomPrincipal { room, .. } => {
                let room = self.call.room(tx, room, &resource.href()).await?;
                self.tell(resource.clone(), What::RoomPrincipal(&room));
            }
            Resource::Room { room, .. } => {
                let room = self.call.room(tx, room, &resource.href()).await?;
                self.tell(resource.clone(), What::Room(&room));
                if deep && room.privilege >= Privilege::Read {
                    self.objects(tx, &room).await?;
                }
            }
            Resource::Object { room, name, .. } => {
                let href = resource.href();
                let room = self.call.room(tx, room, &href).await?;
                room.require_read(&href)?;
                let row = objects::by_name(tx, &caller.tenant.id, &room.room.id, name).await?;
                let row = row.ok_or_else(|| DavError::not_found(&href))?;
                let octets = super::get::visible_octets(self.call, &room, &row)?;
                self.tell(resource.clone(), What::Object(&room, &ObjectView::of_row(&row, &octets, room.view())));
            }
            Resource::Outbox { login, .. } => {
                own_outbox(self.call, login, resource)?;
                self.tell(resource.clone(), What::Plain);
            }
            Resource::Registration { .. } => return Err(DavError::not_found(&resource.href())),
            Resource::Root { .. }
            | Resource::Tenant { .. }
            | Resource::Principals { .. }
            | Resource::RoomPrincipals { .. }
            | Resource::Home { .. } => {
                self.tell(resource.clone(), What::Plain);
                if deep {
                    self.members(tx, resource).await?;
                }
            }
        }
        Ok(())
    }

    async fn members(&mut self, tx: &mut Tx, resource: &Resource) -> Result<(), DavError> {
        let key = || self.call.caller.tenant.tenant_key.clone();
        match resource {
            Resource::Tenant { .. } => {
                let (principals, home) = (Resource::Principals { tenant: key() }, Resource::Home { tenant: key() });
                self.tell(principals, What::Plain);
                self.tell(home, What::Plain);
            }
            Resource::Principals { .. } => {
                let rooms = Resource::RoomPrincipals { tenant: key() };
                let caller = &self.call.caller;
                if caller.home.id == caller.tenant.id {
                    self.tell(caller.resource(), What::Principal(&caller.principal));
                }
                self.tell(rooms, What::Plain);
            }
            Resource::RoomPrincipals { .. } => {
                for room in self.call.caller.rooms(tx).await? {
                    let resource = Resource::RoomPrincipal { tenant: key(), room: room.room.slug.clone() };
                    self.tell(resource, What::RoomPrincipal(&room));
                }
            }
            Resource::Home { .. } => {
                for room in self.call.caller.rooms(tx).await? {
                    let resource = Resource::Room { tenant: key(), room: room.room.slug.clone() };
                    self.tell(resource, What::Room(&room));
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn objects(&mut self, tx: &mut Tx, room: &VisibleRoom) -> Result<(), DavError> {
        let tenant = &self.call.caller.tenant;
        let scene = Scene { door: self.call.door, caller: &self.call.caller };
        let plan = Plan::new(&scene, room, self.asked, self.minimal);
        let place = self.call.resource.href();
        for head in objects::heads(tx, &tenant.id, &room.room.id).await? {
            let object = ObjectView::of_head(head, room.view());
            let href = member_href(&place, &object.name);
            if !plan.as_ref().is_some_and(|plan| plan.tell(&href, &object, &mut self.answer)) {
                self.tell(member(&self.call.resource, &object.name), What::Object(room, &object));
            }
        }
        Ok(())
    }

    fn tell(&mut self, resource: Resource, what: What<'_>) {
        let href = resource.href();
        let scene = Scene { door: self.call.door, caller: &self.call.caller };
        let mut stats = Subject::new(resource, what, self.own).answer(&scene, self.asked);
        if self.minimal {
            stats.without(404);
        }
        self.answer.properties(&href, &stats);
    }
}

/// The principal of that login, if the caller may know of it: oneself, and everybody for those who look after the
/// tenant.
pub async fn visible_principal(tx: &mut Tx, call: &Call<'_>, login: &str) -> Result<Principal, DavError> {
    let caller = &call.caller;
    if login == caller.principal.login && caller.home.id == caller.tenant.id {
        return Ok(caller.principal.clone());
    }
    let found = match caller.principal.role {
        Role::TenantViewer | Role::TenantOperator | Role::TenantAdmin | Role::SuperAdmin => {
            principals::by_login(tx, &caller.tenant.id, login).await?
        }
        Role::Member | Role::SystemMonitor => None,
    };
    found.ok_or_else(|| DavError::not_found(&call.resource.href()))
}

/// Refuses other people's outboxes.
pub fn own_outbox(call: &Call<'_>, login: &str, resource: &Resource) -> Result<(), DavError> {
    let caller = &call.caller;
    if login == caller.principal.login && caller.home.id == caller.tenant.id {
        return Ok(());
    }
    Err(DavError::not_found(&resource.href()))
}

//! Who calls, and what that lets them see: credentials to a [`Caller`].

use super::DavDoor;
use super::error::DavError;
use super::known::Directory;
use super::known::OwnProperties;
use super::known::Pass;
use super::path::Kind;
use super::path::Resource;
use crate::crypt::Key;
use crate::crypt::sync_token;
use crate::manage::sign_in::{Credential, SignedIn};
use crate::model::Privilege;
use crate::model::Reach;
use crate::model::Role;
use crate::model::RoomId;
use crate::model::RoomRules;
use crate::model::SyncToken;
use crate::model::TenantId;
use crate::model::TenantState;
use crate::model::Timestamp;
use crate::model::View;
use crate::model::ZoneId;
use crate::observe::request;
use crate::observe::request::Means;
use crate::store::Tx;
use crate::store::directory;
use crate::store::directory::Standing;
use crate::store::principals::Principal;
use crate::store::properties;
use crate::store::properties::PropertyRow;
use crate::store::rights::Rights;
use crate::store::rooms;
use crate::store::rooms::Room;
use crate::store::rules;
use crate::store::rules::RulesRow;
use crate::store::tenants;
use crate::store::tenants::Tenant;
use actix_web::http::Method;
use actix_web::http::header;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;
use std::collections::HashMap;
use std::sync::Arc;

/// A principal that has signed in, inside one tenant.
pub struct Caller {
    /// The principal, with the role that is left of its own.
    pub principal: Principal,
    /// How far the secret reaches that it came with.
    pub reach: Reach,
    /// From when on that secret opens nothing.
    pub expires_ms: Option<Timestamp>,
    /// The principal's own tenant.
    pub home: Tenant,
    /// The tenant the request is about.
    pub tenant: Tenant,
    /// What the principal may do in rooms, as far as the secret reaches.
    pub rights: Rights,
    /// What is remembered of the directory of `home`, under the number it had before all this was read.
    pub directory: Arc<Directory>,
    /// What the principal has set anywhere, once it was read.
    own: OwnProperties,
    /// By what the principal was recognised.
    means: Means,
}

/// A room as one caller may use it.
pub struct VisibleRoom {
    /// The room.
    pub room: Room,
    /// What the caller may do there.
    pub privilege: Privilege,
    /// What the room asks of bookings; `None` where nobody ever said.
    pub rules: Option<RulesRow>,
}

impl VisibleRoom {
    /// What the room asks of bookings.
    pub fn hours(&self) -> RoomRules {
        self.rules.as_ref().map(|row| row.rules.clone()).unwrap_or_default()
    }

    /// How much of its bookings the caller sees: who may write a room may read everything in it.
    pub fn view(&self) -> View {
        View::of(self.privilege)
    }

    /// The room's present sync token from the caller's point of view.
    pub fn token(&self, key: &Key) -> String {
        let point = SyncToken { room: self.room.id.clone(), seq: self.room.seq, began: None };
        sync_token::print(key, &point, self.view())
    }

    /// Refuses callers who may see only when the room is taken.
    pub fn require_read(&self, href: &str) -> Result<(), DavError> {
        if self.privilege >= Privilege::Read {
            return Ok(());
        }
        Err(DavError::need_privilege(href, "read", "You may see when this room is taken, but not its bookings."))
    }

    /// Refuses callers who may not write; `privilege` is the one that the method needs.
    pub fn require_write(&self, href: &str, privilege: &'static str) -> Result<(), DavError> {
        if self.privilege >= Privilege::Write {
            return Ok(());
        }
        Err(DavError::need_privilege(href, privilege, format!("You may not change bookings of {}.", self.room.name)))
    }
}

impl Caller {
    /// Lets in who was let in a moment ago, else signs in from the request's headers. Who was known has to be looked at
    /// again, with the eyes of the transaction that answers: [`Standing`].
    pub async fn enter(door: &Arc<DavDoor>, headers: &HeaderMap, resource: &Resource) -> Result<Arc<Self>, DavError> {
        let authorization = headers.get(header::AUTHORIZATION).ok_or(DavError::Unauthorized)?;
        let pass = Pass::new(&door.keys.cache, authorization, resource.tenant());
        if let Some(caller) = door.known.find(pass, door.clock.now()) {
            request::recognised(caller.principal.tenant_id.as_str(), &caller.principal.login, caller.means.clone());
            return Ok(caller);
        }
        let caller = Arc::new(Self::sign_in(door, authorization, resource).await?);
        // The number of one directory says nothing about rights in another tenant; a closed one may open any moment.
        if caller.home.id == caller.tenant.id && caller.tenant.state == TenantState::Active {
            door.known.remember(pass, &caller, door.clock.now());
        }
        Ok(caller)
    }

    /// Signs in again, because what was known of the caller holds no longer.
    pub async fn enter_afresh(
        door: &Arc<DavDoor>,
        headers: &HeaderMap,
        resource: &Resource,
    ) -> Result<Arc<Self>, DavError> {
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            door.known.forget(Pass::new(&door.keys.cache, authorization, resource.tenant()));
        }
        Self::enter(door, headers, resource).await
    }

    /// Signs in. Clients that know only a host name do not say which tenant they belong to; the path may.
    async fn sign_in(door: &DavDoor, authorization: &HeaderValue, resource: &Resource) -> Result<Self, DavError> {
        let header = authorization.to_str().ok();
        let credential = header.and_then(Credential::from_authorization).ok_or(DavError::Unauthorized)?;
        let tenant = match resource.tenant() {
            Some(key) => tenants::by_key(&mut door.store.begin_read().await?, key).await?,
            None => Self::tenant_of(door, &credential).await?,
        };
        let tenant = tenant.ok_or(DavError::Unauthorized)?;
        let before = number(door, &tenant.id).await?;
        let found = door.sign_in.principal(&credential, Some(&tenant.id), door.clock.now()).await?;
        let SignedIn { principal, reach, expires_ms } = found.ok_or(DavError::Unauthorized)?;
        // An API key is known without its tenant, and a super admin's secret may have a scope that stays at home.
        if resource.tenant().is_some() && principal.tenant_id != tenant.id && principal.role != Role::SuperAdmin {
            return Err(DavError::Unauthorized);
        }
        let mut tx = door.store.begin_read().await?;
        let home = tenants::get(&mut tx, &principal.tenant_id)
            .await?
            .ok_or_else(|| DavError::Failed("a principal without tenant".to_owned()))?;
        // Who comes without the name of a tenant is at home.
        let tenant = if resource.tenant().is_some() { tenant } else { home.clone() };
        let rights = Rights::read(&mut tx, &principal, &reach).await?;
        let directory = door.known.directory(&tenant.id, before);
        let (own, means) = (OwnProperties::new(), request::means());
        Ok(Self { principal, reach, expires_ms, home, tenant, rights, directory, own, means })
    }

    /// The tenant of who comes without the name of one.
    async fn tenant_of(door: &DavDoor, credential: &Credential) -> Result<Option<Tenant>, DavError> {
        let Some(found) = door.sign_in.principal(credential, None, door.clock.now()).await? else {
            return Ok(None);
        };
        Ok(tenants::get(&mut door.store.begin_read().await?, &found.principal.tenant_id).await?)
    }

    /// The room of that slug as the caller may use it, from what is remembered: `standing` is of this transaction.
    pub fn known_room(&self, standing: &Standing, slug: &str) -> Option<VisibleRoom> {
        let known = self.directory.room(slug).filter(|_| standing.directory == self.directory.number)?;
        let (seq, modified_ms) = (standing.room_seq?, standing.room_modified_ms?);
        let longest_ms = standing.room_longest_ms?;
        let room = Room { seq, modified_ms, longest_ms, ..known.room.clone() };
        Some(VisibleRoom { rules: known.rules.clone(), ..self.visible(room)? })
    }

    /// Whether everything about a resource itself is remembered, so that the standing of the directory says the rest.
    pub fn knows(&self, resource: &Resource) -> bool {
        let at_home = self.home.id == self.tenant.id && self.own.get().is_some();
        at_home && resource.room().is_none_or(|slug| self.knows_room(slug))
    }

    /// Whether a room is remembered.
    pub fn knows_room(&self, slug: &str) -> bool {
        self.directory.room(slug).is_some()
    }

    /// The zone of a room that the caller could write when its directory was read; nothing where that is not remembered.
    pub fn writable_zone(&self, slug: &str) -> Option<ZoneId> {
        let known = self.directory.room(slug)?;
        let may = self.rights.in_room(&known.room.id)?;
        (may >= Privilege::Write).then(|| known.room.zone.clone())
    }

    /// What the principal has set anywhere; remembered if the transaction shows one state, that of the directory.
    pub async fn own_properties(&self, tx: &mut Tx, one_state: bool) -> Result<Arc<[PropertyRow]>, DavError> {
        let may_remember = one_state && self.home.id == self.tenant.id;
        if let Some(own) = self.own.get().filter(|_| may_remember) {
            return Ok(Arc::clone(own));
        }
        let read: Arc<[PropertyRow]> = properties::of_principal(tx, &self.home.id, &self.principal.id).await?.into();
        Ok(if may_remember { Arc::clone(self.own.get_or_init(|| read)) } else { read })
    }

    /// Refuses requests to a tenant that is closed, for as long as it is: 503, which no client takes for a deletion.
    pub fn require_open(&self, method: &Method) -> Result<(), DavError> {
        let what = match self.tenant.state {
            TenantState::Active => return Ok(()),
            TenantState::Draining if !changes(method) => return Ok(()),
            TenantState::Draining => "can only be read at the moment",
            TenantState::Suspended | TenantState::Removed => "is closed at the moment",
        };
        let why = if self.tenant.reason.is_empty() { String::new() } else { format!(": {}", self.tenant.reason) };
        Err(DavError::Closed(format!("{} {what}{why}.", self.tenant.name)))
    }

    /// Refuses changes by who came with a secret for reading only, whatever the principal may do. A question to the outbox
    /// changes nothing.
    pub fn require_unscoped(&self, method: &Method, resource: &Resource) -> Result<(), DavError> {
        let asks = resource.kind() == Kind::Outbox && *method == Method::POST;
        if !self.reach.is_read_only() || asks || !changes(method) {
            return Ok(());
        }
        let privilege = match method.as_str() {
            "PUT" => "write-content",
            "DELETE" | "MOVE" => "unbind",
            "COPY" => "bind",
            "PROPPATCH" => "write-properties",
            _ => "write",
        };
        let text = "You signed in with an app password for reading only; use one that was made without that.";
        Err(DavError::need_privilege(&resource.href(), privilege, text))
    }

    /// The room of that slug as the caller may use it; a room without any grant does not exist for the caller.
    pub async fn room(&self, tx: &mut Tx, slug: &str, href: &str) -> Result<VisibleRoom, DavError> {
        let room = rooms::by_slug(tx, &self.tenant.id, slug).await?;
        let mut visible = room.and_then(|room| self.visible(room)).ok_or_else(|| DavError::not_found(href))?;
        visible.rules = rules::get(tx, &self.tenant.id, &visible.room.id).await?;
        Ok(visible)
    }

    /// All rooms the caller may know of, by slug.
    pub async fn rooms(&self, tx: &mut Tx) -> Result<Vec<VisibleRoom>, DavError> {
        let rooms = rooms::list(tx, &self.tenant.id).await?;
        let rules = rules::list(tx, &self.tenant.id).await?;
        let mut rules: HashMap<RoomId, RulesRow> = rules.into_iter().map(|row| (row.room_id.clone(), row)).collect();
        let with_rules = |visible: VisibleRoom| VisibleRoom { rules: rules.remove(&visible.room.id), ..visible };
        Ok(rooms.into_iter().filter_map(|room| self.visible(room)).map(with_rules).collect())
    }

    fn visible(&self, room: Room) -> Option<VisibleRoom> {
        let privilege = self.rights.in_room(&room.id)?;
        Some(VisibleRoom { room, privilege, rules: None })
    }

    /// The caller's own principal resource.
    pub fn resource(&self) -> Resource {
        Resource::Principal { tenant: self.home.tenant_key.clone(), login: self.principal.login.clone() }
    }
}

/// The number of a tenant's directory.
async fn number(door: &DavDoor, tenant: &TenantId) -> Result<i64, DavError> {
    let standing = directory::standing(&mut door.store.begin_read().await?, tenant, "").await?;
    Ok(standing.ok_or(DavError::Unauthorized)?.directory)
}

/// Whether a method may change what is stored.
fn changes(method: &Method) -> bool {
    !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT")
}

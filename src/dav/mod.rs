//! Floor 5: the CalDAV door. This file is the order of processing: path, method, caller, body, handler, answer.
//!
//! | RFC | what of it |
//! |---|---|
//! | 4918 | class 1 and 3: PROPFIND, PROPPATCH, GET, PUT, DELETE, COPY and MOVE of objects; no locks |
//! | 4791 | all of calendar-access |
//! | 6578 | sync-collection on rooms |
//! | 3744 | privileges shown, principals searched; no ACL method |
//! | 6638 | free-busy questions to the outbox |
//! | 6764 | `/.well-known/caldav` |
//! | 7809 | time zones by reference |
//! | WebDAV-Push draft | registrations on rooms |
//!
//! Beside these: `/dav/features.json`, the door described for programs, and `/dav/profile.mobileconfig`, an account
//! ready to install on Apple devices.

mod caller;
mod conditional;
mod delete;
mod describe;
mod error;
mod get;
mod headers;
mod known;
mod options;
mod outbox;
mod own_zone;
mod path;
mod profile;
mod property;
mod propfind;
mod proppatch;
mod put;
mod refuse;
mod registration;
mod report;
mod timezones;
mod transfer;

pub use known::KnownCallers;
pub use registration::PushDoor;

use crate::config::Limits;
use crate::crypt::Keys;
use crate::manage::SignIn;
use crate::manage::profile::Profiles;
use crate::model::Clock;
use crate::model::ObjectName;
use crate::model::RoomId;
use crate::store::Store;
use crate::store::Tx;
use crate::store::directory;
use crate::store::directory::Standing;
use crate::store::objects::ObjectRow;
use crate::store::properties::PropertyRow;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header;
use actix_web::http::header::HeaderMap;
use actix_web::http::header::HeaderValue;
use actix_web::web;
use actix_web::web::Bytes;
use caller::Caller;
use caller::VisibleRoom;
use error::DavError;
use path::Kind;
use path::Resource;
use std::cell::RefCell;
use std::sync::Arc;

/// How often a request is carried out again because rights or rooms have changed meanwhile.
const ATTEMPTS: usize = 3;

/// What the door stands on.
pub struct DavDoor {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The limits in force; those that RFC 4791 names are advertised.
    pub limits: Limits,
    /// Signs sync tokens.
    pub keys: Keys,
    /// Called after a committed write, so that it is pushed at once and not only at the next tick.
    pub nudge: Arc<dyn Fn(&RoomId) + Send + Sync>,
    /// Who may come in.
    pub sign_in: Arc<SignIn>,
    /// Who came in lately.
    pub known: KnownCallers,
    /// Makes configuration profiles.
    pub profiles: Arc<Profiles>,
    /// What is known of push messages; `None` where none are sent.
    pub push: Option<PushDoor>,
}

/// The path of a principal, for what is made outside of this door.
pub fn principal_path(tenant: &str, login: &str) -> String {
    Resource::Principal { tenant: tenant.to_owned(), login: login.to_owned() }.href()
}

/// A request of a caller who has signed in.
struct Call<'a> {
    door: &'a Arc<DavDoor>,
    caller: Arc<Caller>,
    /// How the directory stands in the transaction that was begun last, and what that shows.
    standing: RefCell<Option<(Standing, Shows)>>,
    resource: Resource,
    headers: &'a HeaderMap,
    /// The host under which the client knows this server.
    host: String,
    /// Scheme and host under which the client knows this server.
    origin: String,
    body: Bytes,
}

/// What a transaction shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// One state throughout.
    OneState,
    /// What holds when a statement runs.
    Present,
    /// One state, and only to the statement that told how the directory stands: everything else is remembered.
    Glance,
}

impl Call<'_> {
    /// A transaction that reads one state of everything, in which the caller is still who they were.
    async fn begin_read(&self) -> Result<Tx, DavError> {
        let mut tx = self.door.store.begin_read().await?;
        self.look_again(&mut tx, Shows::OneState).await?;
        Ok(tx)
    }

    /// The same for an answer that needs nothing else of the database.
    async fn glance(&self) -> Result<Tx, DavError> {
        let mut tx = self.door.store.glance().await?;
        self.look_again(&mut tx, Shows::Glance).await?;
        Ok(tx)
    }

    /// A transaction that writes, in which the caller is still who they were.
    async fn begin_write(&self) -> Result<Tx, DavError> {
        let mut tx = self.door.store.begin_write().await?;
        self.look_again(&mut tx, Shows::Present).await?;
        Ok(tx)
    }

    async fn look_again(&self, tx: &mut Tx, shows: Shows) -> Result<(), DavError> {
        let slug = self.resource.room().unwrap_or_default();
        let standing = directory::standing(tx, &self.caller.tenant.id, slug).await?.ok_or(DavError::Outdated)?;
        self.stand(standing, shows)
    }

    /// Refuses to go on where the directory has changed since the caller was let in.
    fn stand(&self, standing: Standing, shows: Shows) -> Result<(), DavError> {
        if standing.directory != self.caller.directory.number {
            return Err(DavError::Outdated);
        }
        self.standing.replace(Some((standing, shows)));
        Ok(())
    }

    /// The object and its room in one statement; `None` where the room is not remembered.
    async fn known_object(&self, slug: &str, name: &ObjectName) -> Result<Option<KnownObject>, DavError> {
        if !self.caller.knows_room(slug) {
            return Ok(None);
        }
        let mut tx = self.door.store.glance().await?;
        let found = directory::with_object(&mut tx, &self.caller.tenant.id, slug, name).await?;
        let (standing, object) = found.ok_or(DavError::Outdated)?;
        self.stand(standing.clone(), Shows::Glance)?;
        Ok(self.caller.known_room(&standing, slug).map(|room| (room, object)))
    }

    /// The room of that slug as the caller may use it; a room without any grant does not exist for the caller. The
    /// transaction is the one that was begun last.
    async fn room(&self, tx: &mut Tx, slug: &str, href: &str) -> Result<VisibleRoom, DavError> {
        let standing = self.standing.borrow().clone().filter(|_| self.resource.room() == Some(slug));
        if let Some((standing, _)) = &standing
            && let Some(room) = self.caller.known_room(standing, slug)
        {
            return Ok(room);
        }
        if self.shows(Shows::Glance) {
            return Err(DavError::Outdated);
        }
        let visible = self.caller.room(tx, slug, href).await?;
        if standing.is_some() && self.shows(Shows::OneState) {
            self.caller.directory.remember(&visible.room, visible.rules.as_ref());
        }
        Ok(visible)
    }

    /// What the caller has set anywhere; the transaction is the one that was begun last.
    async fn own_properties(&self, tx: &mut Tx) -> Result<Arc<[PropertyRow]>, DavError> {
        self.caller.own_properties(tx, !self.shows(Shows::Present)).await
    }

    fn shows(&self, what: Shows) -> bool {
        self.standing.borrow().as_ref().map_or(Shows::Present, |(_, shows)| *shows) == what
    }
}

/// A room as the caller may use it, and an object there.
type KnownObject = (VisibleRoom, Option<ObjectRow>);

/// Mounts the door: `/dav/…`, the well-known address, and the paths where clients knock that know only a host name.
pub fn routes(config: &mut web::ServiceConfig, door: Arc<DavDoor>) {
    inner_routes(config, door);
    knocks(config);
}

/// Mounts `/dav/…`, where nobody else answers anything: it can stand before all other doors, so that their paths are not
/// compared with every request of a calendar.
pub fn inner_routes(config: &mut web::ServiceConfig, door: Arc<DavDoor>) {
    config.app_data(web::Data::from(door));
    config.route("/dav/features.json", web::get().to(describe::serve));
    config.route("/dav/profile.mobileconfig", web::get().to(profile::serve));
    config.route("/dav", web::to(serve));
    config.service(web::scope("/dav").default_service(web::to(serve)));
}

/// Mounts the well-known address, and the paths where clients knock that know only a host name.
pub fn knocks(config: &mut web::ServiceConfig) {
    for path in ["/.well-known/caldav", "/.well-known/caldav/"] {
        config.route(path, web::to(options::well_known));
    }
    // Other doors may answer GET on these paths, so only DAV's own methods are taken.
    for path in ["/", "/principals", "/principals/", "/calendar/dav/{user}/user", "/calendar/dav/{user}/user/"] {
        for method in [b"PROPFIND".as_slice(), b"REPORT", b"OPTIONS"] {
            if let Ok(method) = Method::from_bytes(method) {
                config.route(path, web::method(method).to(serve));
            }
        }
    }
}

/// Answers one request; failures of the server are logged here, once.
async fn serve(request: HttpRequest, payload: web::Payload, door: web::Data<DavDoor>) -> HttpResponse {
    match answer(&request, payload, &door.into_inner()).await {
        Ok(response) => response,
        Err(error) => {
            if let DavError::Failed(cause) = &error {
                tracing::error!(http.method = %request.method(), error = %cause, "a DAV request failed");
            }
            error.response()
        }
    }
}

async fn answer(request: &HttpRequest, payload: web::Payload, door: &Arc<DavDoor>) -> Result<HttpResponse, DavError> {
    let path = request.uri().path();
    let resource = Resource::parse(path).ok_or_else(|| refuse::nowhere(request.method().as_str(), path))?;
    if request.method() == Method::OPTIONS {
        return Ok(options::options(resource.kind(), door.push.is_some()));
    }
    let mut caller = Caller::enter(door, request.headers(), &resource).await?;
    caller.require_open(request.method())?;
    caller.require_unscoped(request.method(), &resource)?;
    let body = read_body(request, payload, &door.limits).await?;
    let canonical = resource.href();
    let missing_slash = resource.is_collection() && !path.ends_with('/');
    let (host, origin) = {
        let seen = request.connection_info();
        (seen.host().to_owned(), format!("{}://{}", seen.scheme(), seen.host()))
    };
    let mut left = ATTEMPTS;
    let mut response = loop {
        let (resource, headers) = (resource.clone(), request.headers());
        let (host, origin, body, standing) = (host.clone(), origin.clone(), body.clone(), RefCell::default());
        let call = Call { door, caller, standing, resource, headers, host, origin, body };
        match carry_out(request.method(), &call).await {
            Err(DavError::Outdated) if left > 0 => left -= 1,
            done => break done?,
        }
        caller = Caller::enter_afresh(door, request.headers(), &call.resource).await?;
        caller.require_open(request.method())?;
        caller.require_unscoped(request.method(), &call.resource)?;
    };
    // A collection asked for without its slash is served all the same (RFC 4918, 5.2).
    if missing_slash && let Ok(location) = HeaderValue::from_str(&canonical) {
        response.headers_mut().insert(header::CONTENT_LOCATION, location);
    }
    Ok(response)
}

async fn carry_out(method: &Method, call: &Call<'_>) -> Result<HttpResponse, DavError> {
    // What writes is judged again under the room's lock.
    conditional::require(call).await?;
    dispatch(method, call).await
}

async fn dispatch(method: &Method, call: &Call<'_>) -> Result<HttpResponse, DavError> {
    match (method.as_str(), call.resource.kind()) {
        ("DELETE", Kind::Registration) => registration::unregister(call).await,
        (other, kind @ Kind::Registration) => Err(refuse::refuse(other, kind, call)),
        ("POST", Kind::Room) => registration::register(call).await,
        ("PROPFIND", _) => propfind::propfind(call).await,
        ("REPORT", _) => report::report(call).await,
        ("PROPPATCH", _) => proppatch::proppatch(call).await,
        ("GET" | "HEAD", Kind::Object) => get::get(call, method == Method::HEAD).await,
        ("PUT", Kind::Object) => put::put(call).await,
        ("DELETE", Kind::Object) => delete::delete(call).await,
        ("COPY", Kind::Object) => transfer::transfer(call, false).await,
        ("MOVE", Kind::Object) => transfer::transfer(call, true).await,
        ("POST", Kind::Outbox) => outbox::post(call).await,
        (other, kind) => Err(refuse::refuse(other, kind, call)),
    }
}

/// The body, bounded. Compressed bodies are refused: what they unfold to is not bounded by what is sent.
async fn read_body(request: &HttpRequest, payload: web::Payload, limits: &Limits) -> Result<Bytes, DavError> {
    let coding = request.headers().get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if coding.is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
        return Err(DavError::UnsupportedMedia("Compressed request bodies are not read; send it plain.".to_owned()));
    }
    // One octet more than an object may have, so that the limit is judged where its condition is known.
    let limit = limits.object_bytes.max(limits.xml_bytes) + 1;
    match payload.to_bytes_limited(limit).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(DavError::bad_request("The request body broke off.")),
        Err(_) if request.method() == Method::PUT => {
            Err(crate::ical::IcalError::MaxResourceSize { limit: limits.object_bytes }.into())
        }
        Err(_) => Err(DavError::too_large(limit)),
    }
}

/// 207 with a multi-status body.
fn multistatus(body: String, minimal: bool) -> HttpResponse {
    let mut response = HttpResponse::MultiStatus();
    response.insert_header((header::CONTENT_TYPE, "application/xml; charset=utf-8"));
    response.insert_header((header::VARY, "Prefer, Brief"));
    if minimal {
        response.insert_header(("Preference-Applied", "return=minimal"));
    }
    response.body(body)
}

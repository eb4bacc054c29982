//! A room with many bookings behind the real CalDAV door, for tests and benches of what reading it costs. Of any size, it
//! has the same ten bookings in the week that is asked about; all others lie before it.

use actix_web::App;
use actix_web::http::Method;
use actix_web::test;
use anteroom::config::Limits;
use anteroom::config::Profile;
use anteroom::config::Push;
use anteroom::crypt::Key;
use anteroom::crypt::KeyRing;
use anteroom::crypt::Keys;
use anteroom::crypt::VerifiedCache;
use anteroom::crypt::password;
use anteroom::dav;
use anteroom::dav::DavDoor;
use anteroom::dav::KnownCallers;
use anteroom::dav::PushDoor;
use anteroom::ical::freebusy::BusyKind;
use anteroom::manage::SignIn;
use anteroom::manage::profile::Profiles;
use anteroom::model::{
    Clock, Etag, Features, Fingerprint, ManualClock, ObjectName, PrincipalId, PrincipalKind, Privilege,
    ReservationClass, Role, RoomId, RoomKind, Scope, TenantId, Timestamp, Uid, ZoneId,
};
use anteroom::store::changes::NewChange;
use anteroom::store::instances::{NewInstance, Owner};
use anteroom::store::objects::ObjectRow;
use anteroom::store::principals::Principal;
use anteroom::store::rooms::Room;
use anteroom::store::secrets::SecretRow;
use anteroom::store::tenants::Tenant;
use anteroom::store::{Store, Tx, changes, instances, objects, principals, rooms, secrets, tenants};
use base64::Engine as _;
use std::sync::Arc;

/// 2026-03-02T00:00:00Z, a Monday: the week that is asked about begins.
pub const WEEK: Timestamp = Timestamp(1_772_409_600_000);
const HOUR_MS: i64 = 3_600_000;
const PASSWORD: &str = "correct horse";

/// How many bookings lie in the week that is asked about.
pub const IN_WEEK: usize = 10;

/// The door and what stands behind it.
pub struct Scene {
    pub store: Store,
    pub tenant: Tenant,
    door: Arc<DavDoor>,
    folder: tempfile::TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}/scene.db", folder.path().display())).await.unwrap();
        let tenant = Tenant {
            id: TenantId::from("tenant-1"),
            ..Tenant::new("t", "Town", ZoneId::parse("Europe/Oslo").unwrap(), WEEK)
        };
        let mut tx = store.begin_write().await.unwrap();
        tenants::insert(&mut tx, &tenant).await.unwrap();
        anna(&mut tx, &tenant).await;
        tx.commit().await.unwrap();
        let keys = Keys::from_ring(KeyRing::new("scene", Key::new([7; 32])));
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(WEEK));
        let verified = Arc::new(VerifiedCache::new(keys.cache.clone(), 3_600_000, 100));
        let door = Arc::new(DavDoor {
            store: store.clone(),
            clock,
            limits: Limits::default(),
            keys,
            nudge: Arc::new(|_: &RoomId| {}),
            sign_in: Arc::new(SignIn::new(store.clone(), verified)),
            known: KnownCallers::default(),
            profiles: Arc::new(Profiles::new("https://rooms.example.org", &Profile::default()).unwrap()),
            push: PushDoor::of(&Push::default(), None),
        });
        Self { store, tenant, door, folder }
    }

    /// Where the database is.
    pub fn url(&self) -> String {
        format!("sqlite:{}/scene.db", self.folder.path().display())
    }

    /// A room with so many bookings, every fifth of them a series of four weeks.
    pub async fn room(&self, slug: &str, bookings: usize) -> Room {
        let mut room = Room {
            id: RoomId::from(format!("id-{slug}")),
            tenant_id: self.tenant.id.clone(),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            kind: RoomKind::Room,
            zone: self.tenant.zone.clone(),
            email: format!("{slug}@example.com"),
            description: String::new(),
            building: String::new(),
            features: Features::default(),
            allow_overlaps: false,
            capacity: None,
            color: "#336699".to_owned(),
            seq: i64::try_from(bookings).unwrap(),
            modified_ms: WEEK,
            longest_ms: HOUR_MS,
            created_ms: WEEK,
        };
        let mut tx = self.store.begin_write().await.unwrap();
        rooms::insert(&mut tx, &room).await.unwrap();
        for number in 0..bookings {
            // The bookings of the week are the last that changed.
            booking(&mut tx, &room, bookings - 1 - number, i64::try_from(number + 1).unwrap()).await;
        }
        tx.commit().await.unwrap();
        room.seq = i64::try_from(bookings).unwrap();
        room
    }

    /// Sends a request as anna; status and body.
    pub async fn send(&self, method: &str, path: &str, depth: &str, body: &str) -> (u16, String) {
        let app = test::init_service(App::new().configure(|config| dav::routes(config, Arc::clone(&self.door)))).await;
        let token = base64::engine::general_purpose::STANDARD.encode(format!("anna:{PASSWORD}"));
        let request = test::TestRequest::with_uri(path)
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .insert_header(("authorization", format!("Basic {token}")))
            .insert_header(("content-type", if method == "PUT" { "text/calendar" } else { "application/xml" }))
            .insert_header(("depth", depth))
            .set_payload(body.to_owned());
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

/// A calendar-query for the week.
pub fn week_query() -> String {
    "<c:calendar-query xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/><c:calendar-data/></prop>\
     <c:filter><c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'><c:time-range start='20260302T000000Z' \
     end='20260309T000000Z'/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
        .to_owned()
}

/// A sync-collection report from a token on.
pub fn sync_report(token: &str) -> String {
    format!(
        "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level>\
         <prop><getetag/></prop></sync-collection>"
    )
}

/// What a listing asks for.
pub const LISTING: &str = "<propfind xmlns='DAV:'><prop><getetag/><resourcetype/><getcontenttype/></prop></propfind>";

/// The text between two others.
pub fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(found, _)| found)
}

async fn anna(tx: &mut Tx, tenant: &Tenant) {
    let principal = Principal {
        id: PrincipalId::from("id-anna"),
        tenant_id: tenant.id.clone(),
        login: "anna".to_owned(),
        display_name: "Anna".to_owned(),
        email: "anna@example.com".to_owned(),
        kind: PrincipalKind::Person,
        role: Role::Member,
        disabled: false,
        created_ms: WEEK,
    };
    let secret = SecretRow {
        id: "secret-anna".to_owned(),
        tenant_id: tenant.id.clone(),
        principal_id: principal.id.clone(),
        kind: secrets::APP_PASSWORD.to_owned(),
        label: "scene".to_owned(),
        lookup: String::new(),
        hash: password::hash(PASSWORD).unwrap(),
        created_ms: WEEK,
        last_used_ms: None,
        revoked_ms: None,
        expires_ms: None,
        rotated_ms: None,
        scope: Scope::default(),
    };
    principals::insert(tx, &principal).await.unwrap();
    principals::grant(tx, &tenant.id, &principal.id, None, Privilege::Write).await.unwrap();
    secrets::insert(tx, &secret).await.unwrap();
}

/// Booking `number` of a room: the first ten in the week, the others ever further in the past.
async fn booking(tx: &mut Tx, room: &Room, number: usize, seq: i64) {
    let hours = i64::try_from(number).unwrap();
    let week_ms = 7 * 24 * HOUR_MS;
    let before_ms = if number < IN_WEEK { -(8 + 12 * hours) * HOUR_MS } else { 5 * week_ms + 2 * hours * HOUR_MS };
    let start = WEEK.plus_ms(-before_ms);
    let recurring = number.is_multiple_of(5);
    let count = if recurring { 4 } else { 1 };
    let starts: Vec<Timestamp> = (0..count).map(|week| start.plus_ms(week * week_ms)).collect();
    let rule = if recurring { "RRULE:FREQ=WEEKLY;COUNT=4\r\n" } else { "" };
    let body = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//scene//EN\r\nBEGIN:VEVENT\r\nUID:b{number}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:{}\r\nDURATION:PT1H\r\n{rule}SUMMARY:Booking {number}\r\n\
         DESCRIPTION:Coffee for twelve and the wide screen please\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        start.to_jiff().strftime("%Y%m%dT%H%M%SZ")
    );
    let object = ObjectRow {
        id: format!("{}-{number}", room.slug),
        tenant_id: room.tenant_id.clone(),
        room_id: room.id.clone(),
        name: ObjectName::parse(&format!("b{number}.ics")).unwrap(),
        uid: Uid(format!("b{number}")),
        etag: Etag::of(body.as_bytes()),
        fingerprint: Fingerprint::of(&number),
        class: ReservationClass::Event,
        origin: "hub".to_owned(),
        body,
        seq,
        recurring,
        first_ms: start,
        last_ms: starts.last().map(|last| last.plus_ms(HOUR_MS)),
        expanded_from_ms: if recurring { start.plus_days(-366) } else { Timestamp(i64::MIN) },
        expanded_until_ms: if recurring { start.plus_days(730) } else { Timestamp(i64::MAX) },
        created_ms: WEEK,
        modified_ms: WEEK,
    };
    objects::put(tx, &object).await.unwrap();
    let rows: Vec<NewInstance> = starts
        .iter()
        .map(|start| NewInstance {
            start: *start,
            end: start.plus_ms(HOUR_MS),
            recurrence_id: if recurring { start.ms().to_string() } else { String::new() },
            busy: Some(BusyKind::Busy),
        })
        .collect();
    let owner = Owner { tenant: &room.tenant_id, room: &room.id, object: &object.id };
    instances::replace(tx, &owner, &rows).await.unwrap();
    let (tenant, id) = (&room.tenant_id, &room.id);
    let change = NewChange { tenant, room: id, name: &object.name, uid: &object.uid, seq, deleted: false, at: WEEK };
    changes::record(tx, &change).await.unwrap();
}

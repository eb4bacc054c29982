//! What every test starts with: a house with a tenant, rooms, people, and the real app in process.

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
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
use anteroom::manage::SignIn;
use anteroom::manage::profile::Profiles;
use anteroom::model::Clock;
use anteroom::model::Features;
use anteroom::model::ManualClock;
use anteroom::model::PrincipalId;
use anteroom::model::PrincipalKind;
use anteroom::model::Privilege;
use anteroom::model::Role;
use anteroom::model::RoomId;
use anteroom::model::RoomKind;
use anteroom::model::Scope;
use anteroom::model::TenantId;
use anteroom::model::Timestamp;
use anteroom::model::ZoneId;
use anteroom::store::Store;
use anteroom::store::principals;
use anteroom::store::principals::Principal;
use anteroom::store::rooms;
use anteroom::store::rooms::Room;
use anteroom::store::secrets;
use anteroom::store::secrets::SecretRow;
use anteroom::store::tenants;
use anteroom::store::tenants::Tenant;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;

/// The password of everybody; argon2 is paid once.
pub const PASSWORD: &str = "correct horse";
static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD).unwrap());

/// 2026-03-02T08:00:00Z, a Monday.
pub const NOW: Timestamp = Timestamp(1_772_438_400_000);

/// A house with one tenant, `t`.
pub struct House {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub limits: Limits,
    pub profile: Profile,
    pub tenant: Tenant,
    pub nudged: Arc<Mutex<Vec<RoomId>>>,
    keys: Keys,
    door: Mutex<Option<Arc<DavDoor>>>,
    folder: tempfile::TempDir,
}

/// An answer with its whole body.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body without declaration and namespaces, for whole-answer assertions that stay readable.
    pub fn inner(&self) -> &str {
        self.body.split_once("https://anteroom.dev/ns/\">").map_or(&self.body, |(_, inner)| inner)
    }
}

impl House {
    pub async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}/house.db", folder.path().display())).await.unwrap();
        let keys = Keys::from_ring(KeyRing::new("test", Key::new([7; 32])));
        let zone = ZoneId::parse("Europe/Oslo").unwrap();
        let tenant = Tenant { id: TenantId::from("tenant-1"), ..Tenant::new("t", "Town", zone, NOW) };
        let mut tx = store.begin_write().await.unwrap();
        tenants::insert(&mut tx, &tenant).await.unwrap();
        tx.commit().await.unwrap();
        Self {
            store,
            clock: Arc::new(ManualClock::new(NOW)),
            limits,
            profile: Profile::default(),
            tenant,
            nudged: Arc::default(),
            keys,
            door: Mutex::new(None),
            folder,
        }
    }

    /// A room with that slug; its name is the slug with a capital.
    pub async fn room(&self, slug: &str) -> Room {
        self.room_with(slug, |_| {}).await
    }

    /// A room that differs from others by something.
    pub async fn room_with(&self, slug: &str, change: impl FnOnce(&mut Room)) -> Room {
        let mut room = Room {
            id: RoomId::from(format!("id-{slug}")),
            tenant_id: self.tenant.id.clone(),
            slug: slug.to_owned(),
            name: format!("{}{}", slug[..1].to_uppercase(), &slug[1..]),
            kind: RoomKind::Room,
            zone: self.tenant.zone.clone(),
            email: format!("{slug}@example.com"),
            description: String::new(),
            building: "Town house".to_owned(),
            capacity: Some(12),
            features: Features::default(),
            color: "#336699".to_owned(),
            allow_overlaps: false,
            seq: 0,
            modified_ms: NOW,
            longest_ms: 0,
            created_ms: NOW,
        };
        change(&mut room);
        let mut tx = self.store.begin_write().await.unwrap();
        rooms::insert(&mut tx, &room).await.unwrap();
        tx.commit().await.unwrap();
        room
    }

    /// Describes a room anew.
    pub async fn describe(&self, room: &Room) {
        let mut tx = self.store.begin_write().await.unwrap();
        rooms::update(&mut tx, room).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The same house after the process has ended and begun again: another store on the same file, another door.
    pub async fn restarted(self) -> Self {
        self.store.close().await;
        let store = Store::open(&format!("sqlite:{}/house.db", self.folder.path().display())).await.unwrap();
        Self { store, door: Mutex::new(None), ..self }
    }

    /// A member of the tenant who can sign in with [`PASSWORD`] and may do nothing.
    pub async fn user(&self, login: &str) -> Principal {
        self.user_as(login, Role::Member).await
    }

    /// The same with a role.
    pub async fn user_as(&self, login: &str, role: Role) -> Principal {
        self.user_with(login, role, |_| {}).await
    }

    /// The same with a password that differs from others by something.
    pub async fn user_with(&self, login: &str, role: Role, change: impl FnOnce(&mut SecretRow)) -> Principal {
        let principal = Principal {
            id: PrincipalId::from(format!("id-{login}")),
            tenant_id: self.tenant.id.clone(),
            login: login.to_owned(),
            display_name: format!("{}{}", login[..1].to_uppercase(), &login[1..]),
            email: format!("{login}@example.com"),
            kind: PrincipalKind::Person,
            role,
            disabled: false,
            created_ms: NOW,
        };
        let mut secret = SecretRow {
            id: format!("secret-{login}"),
            tenant_id: self.tenant.id.clone(),
            principal_id: principal.id.clone(),
            kind: secrets::APP_PASSWORD.to_owned(),
            label: "test".to_owned(),
            lookup: String::new(),
            hash: HASH.clone(),
            created_ms: NOW,
            last_used_ms: None,
            revoked_ms: None,
            expires_ms: None,
            rotated_ms: None,
            scope: Scope::default(),
        };
        change(&mut secret);
        let mut tx = self.store.begin_write().await.unwrap();
        principals::insert(&mut tx, &principal).await.unwrap();
        secrets::insert(&mut tx, &secret).await.unwrap();
        tx.commit().await.unwrap();
        principal
    }

    pub async fn grant(&self, who: &Principal, room: &Room, privilege: Privilege) {
        let mut tx = self.store.begin_write().await.unwrap();
        principals::grant(&mut tx, &self.tenant.id, &who.id, Some(&room.id), privilege).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Grants something in every room.
    pub async fn grant_all(&self, who: &Principal, privilege: Privilege) {
        let mut tx = self.store.begin_write().await.unwrap();
        principals::grant(&mut tx, &self.tenant.id, &who.id, None, privilege).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A house where anna may write in the room `hall`.
    pub async fn with_anna() -> Self {
        let house = Self::new().await;
        let (anna, hall) = (house.user("anna").await, house.room("hall").await);
        house.grant(&anna, &hall, Privilege::Write).await;
        house
    }

    /// The CalDAV door, the same for every request of this house.
    fn door(&self) -> Arc<DavDoor> {
        let mut door = self.door.lock().unwrap();
        Arc::clone(door.get_or_insert_with(|| {
            let clock: Arc<dyn Clock> = self.clock.clone();
            let nudged = Arc::clone(&self.nudged);
            let nudge = Arc::new(move |room: &RoomId| nudged.lock().unwrap().push(room.clone()));
            let verified = Arc::new(VerifiedCache::new(self.keys.cache.clone(), 300_000, 100));
            Arc::new(DavDoor {
                store: self.store.clone(),
                clock,
                limits: self.limits.clone(),
                keys: self.keys.clone(),
                nudge,
                sign_in: Arc::new(SignIn::new(self.store.clone(), verified)),
                known: KnownCallers::default(),
                profiles: Arc::new(Profiles::new("https://rooms.example.org", &self.profile).unwrap()),
                push: PushDoor::of(&Push::default(), None),
            })
        }))
    }

    /// Sends a request without credentials.
    pub async fn anonymous(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let app = test::init_service(App::new().configure(|config| dav::routes(config, self.door()))).await;
        let mut request = test::TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let response = test::call_service(&app, request.set_payload(body.to_vec()).to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body()).await.ok().unwrap_or_default().to_vec();
        Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }

    /// Sends a request as `login`.
    pub async fn send(&self, login: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send_octets(login, method, path, headers, body.as_bytes()).await
    }

    /// Sends a request as `login` whose body may be anything.
    pub async fn send_octets(
        &self,
        login: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        use base64::Engine as _;
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{login}:{PASSWORD}"));
        let basic = format!("Basic {token}");
        let mut all = vec![("authorization", basic.as_str())];
        all.extend_from_slice(headers);
        self.anonymous(method, path, &all, body).await
    }

    /// Puts an event that lasts an hour from `hour` o'clock UTC of 2026-03-03.
    pub async fn book(&self, login: &str, path: &str, uid: &str, hour: u32) -> Answer {
        self.send(login, "PUT", path, &[("content-type", "text/calendar")], &event(uid, hour)).await
    }
}

/// An event that lasts an hour from `hour` o'clock UTC of 2026-03-03.
pub fn event(uid: &str, hour: u32) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260301T000000Z\r\nDTSTART:20260303T{hour:02}0000Z\r\nDTEND:20260303T{:02}0000Z\r\n\
         SUMMARY:Meeting {uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        hour + 1
    )
}

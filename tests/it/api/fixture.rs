//! A tenant `city` with an administrator, an operator, a viewer and a member, each with an API key; a tenant `village`
//! with a super admin.

use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::{App, test, web};
use anteroom::api::{self, ApiDoor, Rates};
use anteroom::bridge::memory::MemoryBridge;
use anteroom::bridge::oidc::Issuers;
use anteroom::bridge::{Bridge, BridgeError};
use anteroom::config;
use anteroom::config::Limits;
use anteroom::crypt::{Keys, LocalKeys, VerifiedCache};
use anteroom::dash::{self, DashDoor};
use anteroom::manage::keys::Vault;
use anteroom::manage::principals::NewPrincipal;
use anteroom::manage::{Acting, Federation, NewSecret, SignIn, api_keys, passwords, principals, tenants};
use anteroom::model::{Clock, ManualClock, MappingId, Role, TenantId, Timestamp, ZoneId};
use anteroom::observe::Metrics;
use anteroom::observe::request::{Request, during};
use anteroom::store::{Store, Tx};
use anteroom::sync::{Engine, Settings};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// 2026-03-02T08:00:00Z.
pub const START: Timestamp = Timestamp(1_772_438_400_000);

/// The app password of `ada`, the administrator of `city`.
pub const PASSWORD: &str = "correct-horse-battery";

/// The key of the configuration.
pub const CONFIGURED: &str = "a-key-from-the-configuration";

pub struct House {
    pub store: Store,
    pub city: TenantId,
    pub keys: HashMap<&'static str, String>,
    pub nudged: Arc<Mutex<Vec<MappingId>>>,
    pub clock: Arc<ManualClock>,
    api: web::Data<ApiDoor>,
    dash: web::Data<DashDoor>,
    _folder: tempfile::TempDir,
}

/// One answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: actix_web::http::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("house.db").display())).await.unwrap();
        Self::in_store(store, folder).await
    }

    /// In a database on either engine, with no more in it than the tenants of a test.
    pub async fn on(store: &Store) -> Self {
        Self::in_store(store.clone(), tempfile::tempdir().unwrap()).await
    }

    async fn in_store(store: Store, folder: tempfile::TempDir) -> Self {
        let time = Arc::new(ManualClock::new(START));
        let clock: Arc<dyn Clock> = time.clone();
        let master = Keys::load_or_create(folder.path()).unwrap();
        let vault = Vault::new(store.clone(), Arc::new(LocalKeys::new("file", master.ring)));
        let keys = Arc::new(vault.open(START).await.unwrap());
        let mut tx = store.begin_write().await.unwrap();
        let city = tenants::ensure(&mut tx, ("city", "City"), &ZoneId::utc(), START).await.unwrap().id;
        let village = tenants::ensure(&mut tx, ("village", "Village"), &ZoneId::utc(), START).await.unwrap().id;
        let mut made = HashMap::new();
        for (login, role, tenant) in [
            ("ada", Role::TenantAdmin, &city),
            ("olav", Role::TenantOperator, &city),
            ("vera", Role::TenantViewer, &city),
            ("mona", Role::SystemMonitor, &city),
            ("max", Role::Member, &city),
            ("root", Role::SuperAdmin, &village),
        ] {
            made.insert(login, someone(&mut tx, tenant, login, role).await);
        }
        let fresh = passwords::of_text(PASSWORD.into()).await.unwrap();
        passwords::issue(&mut tx, &acting(&city), "ada", &NewSecret::labelled("laptop"), fresh).await.unwrap();
        tx.commit().await.unwrap();
        let cache = Arc::new(VerifiedCache::new(keys.cache.clone(), 60_000, 100));
        let sign_in = SignIn::new(store.clone(), cache).with_configured_key(city.clone(), CONFIGURED.into());
        let sign_in = Arc::new(sign_in.with_federation(federation(&store, &keys, &clock)));
        let nudged = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&nudged);
        let api = web::Data::new(ApiDoor {
            store: store.clone(),
            clock: Arc::clone(&clock),
            keys,
            vault,
            limits: Limits { json_bytes: 4096, ..Limits::default() },
            public_url: "https://rooms.example/".to_owned(),
            feed: config::Feed { past_days: 5, ..config::Feed::default() },
            deliveries: config::Deliveries::default(),
            alerts: config::Alerts::default(),
            sign_in: Arc::clone(&sign_in),
            nudge: Arc::new(move |id| noted.lock().unwrap().push(id.clone())),
            metrics: Arc::new(|| "anteroom_up 1\n".to_owned()),
            open_metrics: false,
            engine: engine(&store, &clock, folder.path()),
            rates: Rates::default(),
            patience: std::time::Duration::from_millis(20),
            leaving: Arc::default(),
        });
        let public_url = "https://rooms.example".to_owned();
        let dash = web::Data::new(DashDoor { store: store.clone(), clock, sign_in, public_url });
        Self { store, city, keys: made, nudged, clock: time, api, dash, _folder: folder }
    }

    /// A request of somebody (a login, or empty for nobody) with a JSON body, or none for `Value::Null`.
    pub async fn ask(&self, who: &str, method: Method, path: &str, body: Value) -> Answer {
        let mut request = test::TestRequest::default().method(method).uri(path);
        if let Some(key) = self.keys.get(who) {
            request = request.insert_header(("x-api-key", key.clone()));
        }
        if !body.is_null() {
            request = request.set_json(body);
        }
        self.send(request).await
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, who: &str, path: &str, body: Value) -> Answer {
        self.ask(who, Method::POST, path, body).await
    }

    /// From now on it is that time.
    pub fn set_clock(&self, now: Timestamp) {
        self.clock.advance_ms(now.ms() - self.clock.now().ms());
    }

    /// As another replica on the same database, which remembers nothing of this one.
    pub fn replica(&self) -> SignIn {
        let cache = Arc::new(VerifiedCache::new(self.api.keys.cache.clone(), 60_000, 100));
        let clock: Arc<dyn Clock> = self.clock.clone();
        SignIn::new(self.store.clone(), cache).with_federation(federation(&self.store, &self.api.keys, &clock))
    }

    pub async fn send(&self, request: test::TestRequest) -> Answer {
        let (api, dash) = (self.api.clone(), self.dash.clone());
        let app = App::new().configure(move |config| {
            api::routes(config, api);
            dash::routes(config, dash);
        });
        let app = test::init_service(app).await;
        let agent = Request { agent: "Test/1.0".to_owned(), ..Request::default() };
        let (answer, _) = during(&agent, test::call_service(&app, request.to_request())).await;
        let answer: ServiceResponse = answer;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = test::read_body(answer).await;
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }
}

/// What signs in by providers, as one replica does.
pub fn federation(store: &Store, keys: &Arc<Keys>, clock: &Arc<dyn Clock>) -> Federation {
    let issuers = Issuers::new(Arc::clone(clock), Arc::new(Limits::default()));
    Federation::new(store.clone(), Arc::clone(keys), issuers, "https://rooms.example/", &config::Auth::default())
}

/// A reconciler whose remote systems are in memory: `m365` has one calendar, `broken` lets nobody in, and all others are
/// one system with an empty calendar `17`.
fn engine(store: &Store, clock: &Arc<dyn Clock>, folder: &std::path::Path) -> Arc<Engine> {
    let [m365, others] = ["hall@city.example", "17"].map(|id| Arc::new(MemoryBridge::with_calendar(id)));
    Arc::new(Engine {
        store: store.clone(),
        clock: Arc::clone(clock),
        limits: Arc::new(Limits::default()),
        settings: Settings::default(),
        bridges: Arc::new(move |row| match row.name.as_str() {
            "broken" => Err(BridgeError::Auth("no token for you".to_owned())),
            "m365" => Ok(Arc::clone(&m365) as Arc<dyn Bridge>),
            _ => Ok(Arc::clone(&others) as Arc<dyn Bridge>),
        }),
        keys: Arc::new(Keys::load_or_create(folder).unwrap()),
        metrics: Arc::new(Metrics::new()),
        owner: "api".to_owned(),
        hook_base: None,
    })
}

pub fn acting(tenant: &TenantId) -> Acting<'_> {
    Acting { tenant, actor: "system", now: START }
}

async fn someone(tx: &mut Tx, tenant: &TenantId, login: &str, role: Role) -> String {
    let new = NewPrincipal { login: login.to_owned(), display_name: None, email: None, kind: None, role: Some(role) };
    principals::create(tx, &acting(tenant), &new).await.unwrap();
    let fresh = api_keys::fresh().await.unwrap();
    let issued = api_keys::issue(tx, &acting(tenant), login, &NewSecret::labelled("script"), fresh).await.unwrap();
    issued.clear.reveal().to_owned()
}

//! A tenant with one room, one mapping and one subscription, behind the real routes.

use actix_web::App;
use actix_web::test;
use anteroom::config::Limits;
use anteroom::crypt::Key;
use anteroom::crypt::KeyRing;
use anteroom::crypt::Keys;
use anteroom::crypt::Place;
use anteroom::hooks::HookDoor;
use anteroom::hooks::routes;
use anteroom::model::*;
use anteroom::observe::Metrics;
use anteroom::observe::names::WEBHOOKS;
use anteroom::store::Store;
use anteroom::store::bridges::BridgeRow;
use anteroom::store::mappings::Mapping;
use anteroom::store::rooms::Room;
use anteroom::store::subscriptions::ACTIVE;
use anteroom::store::subscriptions::Subscription;
use anteroom::store::tenants::Tenant;
use anteroom::store::{bridges, mappings, rooms, subscriptions, tenants};
use std::sync::Arc;
use std::sync::Mutex;

pub const SECRET: &str = "a secret of the subscription";
pub const KEY: &str = "hook-key-1";
pub const REMOTE: &str = "5522bd62-7c96-4530-85b0-00b916f6151a";
pub const NOW: Timestamp = Timestamp(1_772_000_000_000);

pub struct House {
    _folder: tempfile::TempDir,
    pub store: Store,
    pub door: HookDoor,
    pub clock: Arc<ManualClock>,
    pub metrics: Arc<Metrics>,
    pub tenant: TenantId,
    pub mapping: MappingId,
    nudges: Arc<Mutex<Vec<MappingId>>>,
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite://{}", folder.path().join("a.db").display())).await.unwrap();
        let keys = Arc::new(Keys::from_ring(KeyRing::new("k1", Key::new([7; 32]))));
        let (tenant, mapping) = fill(&store, &keys).await;
        let clock = Arc::new(ManualClock::new(NOW));
        let metrics = Arc::new(Metrics::new());
        let nudges: Arc<Mutex<Vec<MappingId>>> = Arc::default();
        let heard = Arc::clone(&nudges);
        let door = HookDoor {
            store: store.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            keys,
            limits: Limits { hook_bytes: 4_096, ..Limits::default() },
            settle_ms: 500,
            metrics: Arc::clone(&metrics),
            nudge: Arc::new(move |_, mapping| heard.lock().unwrap().push(mapping.clone())),
        };
        Self { _folder: folder, store, door, clock, metrics, tenant, mapping, nudges }
    }

    /// Status, media type and text of the answer to one request.
    pub async fn ask(&self, request: test::TestRequest) -> (u16, String, String) {
        let door = self.door.clone();
        let app = test::init_service(App::new().configure(|cfg| routes(cfg, door))).await;
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let media = response.headers().get("content-type").map_or("", |v| v.to_str().unwrap()).to_owned();
        (status, media, String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
    }

    /// How often the workers were nudged.
    pub fn nudges(&self) -> usize {
        let nudges = self.nudges.lock().unwrap();
        assert!(nudges.iter().all(|m| *m == self.mapping));
        nudges.len()
    }

    pub fn counted(&self, source: &str, outcome: &str) -> u64 {
        self.metrics.value(&WEBHOOKS, &[source, outcome]).map_or(0, |count| count.to_string().parse().unwrap())
    }

    pub async fn subscription(&self) -> Subscription {
        let mut tx = self.store.begin_read().await.unwrap();
        subscriptions::by_hook_key(&mut tx, KEY).await.unwrap().unwrap()
    }

    pub async fn put(&self, subscription: &Subscription) {
        let mut tx = self.store.begin_write().await.unwrap();
        subscriptions::put(&mut tx, subscription).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// When the next pull is due.
    pub async fn due(&self) -> Timestamp {
        let mut tx = self.store.begin_read().await.unwrap();
        mappings::get(&mut tx, &self.tenant, &self.mapping).await.unwrap().unwrap().due_ms
    }
}

async fn fill(store: &Store, keys: &Keys) -> (TenantId, MappingId) {
    let (tenant, room, bridge, mapping) = (TenantId::fresh(), RoomId::fresh(), BridgeId::fresh(), MappingId::fresh());
    let mut tx = store.begin_write().await.unwrap();
    let zone = ZoneId::parse("Europe/Oslo").unwrap();
    let row = Tenant { id: tenant.clone(), ..Tenant::new("town", "Town", zone.clone(), NOW) };
    tenants::insert(&mut tx, &row).await.unwrap();
    let row = Room {
        id: room.clone(),
        tenant_id: tenant.clone(),
        slug: "hall".to_owned(),
        name: "Hall".to_owned(),
        kind: RoomKind::Room,
        zone,
        email: String::new(),
        description: String::new(),
        building: String::new(),
        capacity: None,
        features: Features::default(),
        color: String::new(),
        allow_overlaps: false,
        seq: 0,
        modified_ms: NOW,
        longest_ms: 0,
        created_ms: NOW,
    };
    rooms::insert(&mut tx, &row).await.unwrap();
    let row = BridgeRow {
        id: bridge.clone(),
        tenant_id: tenant.clone(),
        name: "outlook".to_owned(),
        kind: BridgeKind::Graph,
        settings: "{}".to_owned(),
        sealed: String::new(),
        created_ms: NOW,
    };
    bridges::insert(&mut tx, &row).await.unwrap();
    mappings::insert(&mut tx, &mapping_row(&tenant, &room, bridge, &mapping)).await.unwrap();
    subscriptions::put(&mut tx, &subscription_row(keys, &tenant, &mapping)).await.unwrap();
    tx.commit().await.unwrap();
    (tenant, mapping)
}

fn mapping_row(tenant: &TenantId, room: &RoomId, bridge: BridgeId, mapping: &MappingId) -> Mapping {
    Mapping {
        id: mapping.clone(),
        tenant_id: tenant.clone(),
        room_id: room.clone(),
        bridge_id: bridge,
        remote_id: "hall@example.org".to_owned(),
        remote_name: "Hall".to_owned(),
        direction: Direction::TwoWay,
        authority: Authority::PerOrigin,
        detail: DetailLevel::Full,
        projection: ClassProjection::HighestWins,
        fold_allocations: false,
        state: MappingState::Active,
        reason: String::new(),
        cursor: String::new(),
        window_start_ms: NOW,
        window_end_ms: NOW,
        due_ms: NOW.plus_days(1),
        dirty_since_ms: None,
        pulled_ms: None,
        completed_ms: None,
        failures: 0,
        last_error: String::new(),
        created_ms: NOW,
    }
}

fn subscription_row(keys: &Keys, tenant: &TenantId, mapping: &MappingId) -> Subscription {
    let id = SubscriptionId::fresh();
    let sealed_secret = keys.ring.seal(Place::of_subscription(tenant, &id), SECRET).unwrap();
    Subscription {
        id,
        tenant_id: tenant.clone(),
        mapping_id: mapping.clone(),
        hook_base: "https://rooms.example".to_owned(),
        hook_key: KEY.to_owned(),
        sealed_secret,
        remote_id: Some(REMOTE.to_owned()),
        state: ACTIVE.to_owned(),
        expires_ms: Some(NOW.plus_days(3)),
        renew_ms: NOW.plus_days(2),
        notified_ms: None,
        last_error: String::new(),
        created_ms: NOW,
        misses: 0,
    }
}

//! Two gateways' doors on one database, with caches of their own, listening on sockets; a room, and three people.

use crate::house::House;
use crate::walk::http::{Answer, ask, base64};
use actix_web::{App, HttpServer};
use anteroom::config::{self, Limits, Profile, Push};
use anteroom::crypt::{Key, KeyRing, Keys, VerifiedCache, password, sync_token};
use anteroom::dav::{self, DavDoor, KnownCallers, PushDoor};
use anteroom::feed::{self, FeedCache, FeedDoor};
use anteroom::manage::feeds::{Links, NewFeed};
use anteroom::manage::profile::Profiles;
use anteroom::manage::{self, Acting, SignIn};
use anteroom::model::{DetailLevel, Privilege, Scope, TenantId, View};
use anteroom::observe::Metrics;
use anteroom::store::principals::Principal;
use anteroom::store::rooms::Room;
use anteroom::store::secrets::{self, SecretRow};
use anteroom::store::{Store, principals};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

const PASSWORD: &str = "correct horse";
static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD).unwrap());

/// The room that everything happens in, and its tenant's part of the path.
pub const HALL: &str = "/dav/example/rooms/council-hall/";

/// The doors, and what is behind them.
pub struct Stage {
    /// Where the doors listen.
    pub doors: Vec<String>,
    /// A door of its own to the database, as the command line has.
    pub aside: Store,
    pub tenant: TenantId,
    pub room: Room,
    /// Who may be anything from one moment to the next.
    pub bob: Principal,
    /// The path of the room's feed.
    pub feed: String,
    key: Key,
    handles: Vec<actix_web::dev::ServerHandle>,
    stores: Vec<Store>,
}

impl Stage {
    pub async fn build(house: &House) -> Self {
        let keys = Keys::from_ring(KeyRing::new("k1", Key::new([7; 32])));
        let room = house.room("Council hall").await;
        let (mut doors, mut handles, mut stores) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..2 {
            let store = Store::open(&house.url).await.unwrap();
            let (address, handle) = serve(house, &store, &keys);
            doors.push(address);
            handles.push(handle);
            stores.push(store);
        }
        for (login, privilege) in [("anna", Privilege::Admin), ("bob", Privilege::Write)] {
            let principal = house.plan_user(login, anteroom::model::Role::Member);
            let secret = SecretRow {
                id: format!("secret-{login}"),
                tenant_id: house.tenant().clone(),
                principal_id: principal.id.clone(),
                kind: secrets::APP_PASSWORD.to_owned(),
                label: "test".to_owned(),
                lookup: String::new(),
                hash: HASH.clone(),
                created_ms: house.now(),
                last_used_ms: None,
                revoked_ms: None,
                expires_ms: None,
                rotated_ms: None,
                scope: Scope::default(),
            };
            house
                .write_one(async |tx| {
                    principals::insert(tx, &principal).await?;
                    principals::grant(tx, house.tenant(), &principal.id, Some(&room.id), privilege).await?;
                    secrets::insert(tx, &secret).await
                })
                .await;
        }
        let feed = mint(house, &room, &keys).await;
        let aside = Store::open(&house.url).await.unwrap();
        let mut tx = aside.begin_read().await.unwrap();
        let bob = principals::by_login(&mut tx, house.tenant(), "bob").await.unwrap().unwrap();
        drop(tx);
        let (tenant, key) = (house.tenant().clone(), keys.sync_token.clone());
        Self { doors, aside, tenant, room, bob, feed, key, handles, stores }
    }

    /// Sends a request through one of the doors.
    pub fn send(
        &self,
        (door, login): (usize, &str),
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let basic = format!("Basic {}", base64(format!("{login}:{PASSWORD}").as_bytes()));
        let mut all = vec![("authorization", basic.as_str())];
        all.extend_from_slice(headers);
        self.insist((method, door), path, &all, body)
    }

    /// Reads the feed through one of the doors.
    pub fn read_feed(&self, door: usize, headers: &[(&str, &str)]) -> Answer {
        self.insist(("GET", door), &self.feed, headers, "")
    }

    /// Asks until there is an answer: 503 says that nothing was stored, because the directory changed again and again
    /// meanwhile, or another process had the database.
    fn insist(&self, (method, door): (&str, usize), path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let address = format!("{}{path}", self.doors[door % self.doors.len()]);
        for _ in 0..500 {
            let answer = ask(method, &address, headers, body);
            let answer = answer.unwrap_or_else(|trouble| panic!("{method} {path}: {trouble:?}"));
            if answer.status != 503 {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{method} {path}: busy for ever")
    }

    /// The sequence number that a sync token of anna's stands for.
    pub fn seq(&self, token: &str) -> i64 {
        let token = sync_token::parse(&self.key, token, &self.room.id, View::Full);
        token.unwrap_or_else(|| panic!("no token")).seq
    }

    pub async fn close(self) {
        for handle in self.handles {
            handle.stop(false).await;
        }
        for store in self.stores.into_iter().chain([self.aside]) {
            store.close().await;
        }
    }
}

/// Doors of one process on a thread of their own; where they listen.
fn serve(house: &House, store: &Store, keys: &Keys) -> (String, actix_web::dev::ServerHandle) {
    let clock: Arc<dyn anteroom::model::Clock> = house.clock.clone();
    let verified = Arc::new(VerifiedCache::new(keys.cache.clone(), 300_000, 100));
    let door = Arc::new(DavDoor {
        store: store.clone(),
        clock: clock.clone(),
        limits: Limits::default(),
        keys: keys.clone(),
        nudge: Arc::new(|_| {}),
        sign_in: Arc::new(SignIn::new(store.clone(), verified)),
        known: KnownCallers::default(),
        profiles: Arc::new(Profiles::new("https://rooms.example.org", &Profile::default()).unwrap()),
        push: PushDoor::of(&Push::default(), None),
    });
    let feeds = FeedDoor {
        store: store.clone(),
        clock,
        keys: Arc::new(keys.clone()),
        limits: Limits::default(),
        config: config::Feed::default(),
        metrics: Arc::new(Metrics::new()),
        patience: Duration::from_secs(20),
    };
    let cache = FeedCache::new(1 << 20);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let (door, feeds) = (Arc::clone(&door), feeds.clone());
                App::new().configure(|app| dav::routes(app, door)).configure(|app| feed::routes(app, feeds, &cache))
            });
            let server = server.workers(2).disable_signals().bind("127.0.0.1:0").unwrap();
            let address = format!("http://{}", server.addrs()[0]);
            let server = server.run();
            tell.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    told.recv().unwrap()
}

async fn mint(house: &House, room: &Room, keys: &Keys) -> String {
    let new = NewFeed {
        room: room.slug.clone(),
        label: None,
        detail: Some(DetailLevel::Full),
        past_days: Some(7),
        future_days: Some(300),
        expires_in_days: None,
    };
    let usual = config::Feed::default();
    let links = Links { public_url: "https://rooms.example.org/", key: &keys.feed, usual: &usual };
    let acting = Acting { tenant: house.tenant(), actor: "command-line", now: house.now() };
    let mut tx = house.write().await;
    let minted = manage::feeds::create(&mut tx, &acting, links, &new).await.unwrap();
    tx.commit().await.unwrap();
    minted.url.reveal().strip_prefix("https://rooms.example.org").unwrap().to_owned()
}

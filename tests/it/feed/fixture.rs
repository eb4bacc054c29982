//! A room with bookings and a feed, behind the real route.

use actix_web::App;
use actix_web::http::header::HeaderMap;
use actix_web::test;
use anteroom::config;
use anteroom::config::Limits;
use anteroom::crypt::Key;
use anteroom::crypt::KeyRing;
use anteroom::crypt::Keys;
use anteroom::feed::FeedCache;
use anteroom::feed::FeedDoor;
use anteroom::feed::routes;
use anteroom::ical::freebusy::BusyKind;
use anteroom::ical::object::CalendarObject;
use anteroom::ical::object::Stamp;
use anteroom::manage::Acting;
use anteroom::manage::feeds;
use anteroom::manage::feeds::Links;
use anteroom::manage::feeds::Minted;
use anteroom::manage::feeds::NewFeed;
use anteroom::model::*;
use anteroom::observe::Metrics;
use anteroom::store::Store;
use anteroom::store::feeds as stored_feeds;
use anteroom::store::feeds::Feed;
use anteroom::store::instances::NewInstance;
use anteroom::store::instances::Owner;
use anteroom::store::objects::ObjectRow;
use anteroom::store::rooms::Room;
use anteroom::store::tenants::Tenant;
use anteroom::store::{instances, objects, rooms, tenants};
use jiff::civil::date;
use std::sync::Arc;
use std::time::Duration;

/// 2026-03-02T11:00:00Z, noon in Oslo.
pub const NOW: Timestamp = Timestamp(1_772_449_200_000);

pub struct House {
    _folder: tempfile::TempDir,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub keys: Arc<Keys>,
    pub room: Room,
    pub metrics: Arc<Metrics>,
    pub usual: config::Feed,
    cache: FeedCache,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite://{}", folder.path().join("a.db").display())).await.unwrap();
        let room = fill(&store).await;
        Self {
            _folder: folder,
            store,
            clock: Arc::new(ManualClock::new(NOW)),
            keys: Arc::new(Keys::from_ring(KeyRing::new("k1", Key::new([7; 32])))),
            room,
            metrics: Arc::new(Metrics::new()),
            usual: config::Feed::default(),
            cache: FeedCache::new(1 << 20),
        }
    }

    /// The same house after a restart: nothing is in memory.
    pub fn restarted(mut self) -> Self {
        self.cache = FeedCache::new(1 << 20);
        self
    }

    pub async fn feed(&self, detail: DetailLevel) -> Minted {
        let new = NewFeed {
            room: self.room.slug.clone(),
            label: None,
            detail: Some(detail),
            past_days: Some(7),
            future_days: Some(30),
            expires_in_days: None,
        };
        let mut tx = self.store.begin_write().await.unwrap();
        let minted = feeds::create(&mut tx, &self.acting(), self.links(), &new).await.unwrap();
        tx.commit().await.unwrap();
        minted
    }

    pub fn acting(&self) -> Acting<'_> {
        Acting { tenant: &self.room.tenant_id, actor: "command-line", now: NOW }
    }

    pub fn links(&self) -> Links<'_> {
        Links { public_url: "https://rooms.example.org/", key: &self.keys.feed, usual: &self.usual }
    }

    pub async fn stored(&self, feed: &Feed) -> Feed {
        let mut tx = self.store.begin_read().await.unwrap();
        stored_feeds::get(&mut tx, &feed.tenant_id, &feed.id).await.unwrap().unwrap()
    }

    pub async fn get(&self, minted: &Minted) -> Answer {
        self.ask(test::TestRequest::get().uri(&path(minted))).await
    }

    pub async fn ask(&self, request: test::TestRequest) -> Answer {
        let door = FeedDoor {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            keys: Arc::clone(&self.keys),
            limits: Limits::default(),
            config: anteroom::config::Feed::default(),
            metrics: Arc::clone(&self.metrics),
            patience: Duration::from_secs(2),
        };
        let cache = self.cache.clone();
        let app = test::init_service(App::new().configure(|cfg| routes(cfg, door, &cache))).await;
        let response = test::call_service(&app, request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        Answer { status, headers, text }
    }

    /// Books the room on a day of March 2026 from ten to eleven.
    pub async fn book(&self, uid: &str, day: i8, change: impl FnOnce(&mut Event)) {
        let mut event = Event {
            uid: Uid(uid.to_owned()),
            class: ReservationClass::Event,
            when: EventTime::Timed {
                start: date(2026, 3, day).at(10, 0, 0, 0),
                end: date(2026, 3, day).at(11, 0, 0, 0),
                zone: self.room.zone.clone(),
            },
            content: Content { summary: format!("Meeting {uid}"), busy: true, ..Content::default() },
            recurrence: None,
            overrides: std::collections::BTreeMap::new(),
        };
        change(&mut event);
        let mut tx = self.store.begin_write().await.unwrap();
        let now = self.clock.now();
        let seq = rooms::next_seq(&mut tx, &self.room.tenant_id, &self.room.id, now).await.unwrap();
        let row = self.row(&event, seq);
        rooms::raise_longest(&mut tx, &row.tenant_id, &row.room_id, 3_600_000).await.unwrap();
        objects::put(&mut tx, &row).await.unwrap();
        let (start, end) = event.when.instants(&self.room.zone);
        let instance = NewInstance {
            start,
            end,
            recurrence_id: String::new(),
            busy: event.content.busy.then_some(BusyKind::Busy),
        };
        let owner = Owner { tenant: &row.tenant_id, room: &row.room_id, object: &row.id };
        instances::replace(&mut tx, &owner, &[instance]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Takes the lines that begin so out of a stored booking.
    pub async fn without(&self, uid: &str, line: &str) {
        let mut tx = self.store.begin_write().await.unwrap();
        let (tenant, room) = (&self.room.tenant_id, &self.room.id);
        let row = objects::by_uid(&mut tx, tenant, room, &Uid(uid.to_owned())).await.unwrap().unwrap();
        let body: String = row.body.split_inclusive('\n').filter(|text| !text.starts_with(line)).collect();
        assert_ne!(body, row.body);
        objects::put(&mut tx, &ObjectRow { body, ..row }).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Makes a stored booking unreadable, without a change of the room's sequence number.
    pub async fn spoil(&self, uid: &str) {
        let mut tx = self.store.begin_write().await.unwrap();
        let (tenant, room) = (&self.room.tenant_id, &self.room.id);
        let row = objects::by_uid(&mut tx, tenant, room, &Uid(uid.to_owned())).await.unwrap().unwrap();
        objects::put(&mut tx, &ObjectRow { body: "no calendar".to_owned(), ..row }).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn row(&self, event: &Event, seq: i64) -> ObjectRow {
        let now = self.clock.now();
        let stamp = Stamp { created: now, modified: now, sequence: 0 };
        let object = CalendarObject::compose(event, &stamp).unwrap();
        let (first, last) = event.when.instants(&self.room.zone);
        ObjectRow {
            id: format!("object-{}", event.uid.as_str()),
            tenant_id: self.room.tenant_id.clone(),
            room_id: self.room.id.clone(),
            name: ObjectName::for_uid(&event.uid),
            uid: event.uid.clone(),
            etag: object.etag().clone(),
            fingerprint: object.fingerprint().clone(),
            class: event.class,
            origin: "hub".to_owned(),
            body: object.text().to_owned(),
            seq,
            recurring: event.recurrence.is_some(),
            first_ms: first,
            last_ms: event.recurrence.is_none().then_some(last),
            expanded_from_ms: first,
            expanded_until_ms: last,
            created_ms: now,
            modified_ms: now,
        }
    }
}

async fn fill(store: &Store) -> Room {
    let tenant = Tenant::new("town", "Town", ZoneId::utc(), NOW);
    let room = Room {
        id: RoomId::fresh(),
        tenant_id: tenant.id.clone(),
        slug: "hall".to_owned(),
        name: "Council hall".to_owned(),
        kind: RoomKind::Room,
        zone: ZoneId::parse("Europe/Oslo").unwrap(),
        email: String::new(),
        description: String::new(),
        building: String::new(),
        capacity: None,
        features: Features::default(),
        color: "#2a9d8f".to_owned(),
        allow_overlaps: false,
        seq: 0,
        modified_ms: NOW,
        longest_ms: 0,
        created_ms: NOW,
    };
    let mut tx = store.begin_write().await.unwrap();
    tenants::insert(&mut tx, &tenant).await.unwrap();
    rooms::insert(&mut tx, &room).await.unwrap();
    tx.commit().await.unwrap();
    room
}

pub fn path(minted: &Minted) -> String {
    minted.url.reveal().strip_prefix("https://rooms.example.org").unwrap().to_owned()
}

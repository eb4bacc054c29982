//! A room between the hub and one or two remote systems in memory.

use crate::house::House;
use anteroom::bridge::memory::MemoryBridge;
use anteroom::bridge::{Bridge, RemoteId};
use anteroom::change::{self, Applied, Change, ChangeError, Context, Origin, Precondition, Target, Wish};
use anteroom::config::Limits;
use anteroom::crypt::{Key, KeyRing, Keys};
use anteroom::ical::object::{CalendarObject, ParseContext};
use anteroom::manage::{self, Acting, ManageError};
use anteroom::model::{
    Authority, BridgeId, BridgeKind, ClassProjection, Clock, Content, DetailLevel, Direction, Event, EventTime,
    MappingId, MappingState, Privilege, ReservationClass, Resolution, Timestamp, Uid, ZoneId,
};
use anteroom::observe::Metrics;
use anteroom::store::bridges::{self, BridgeRow};
use anteroom::store::conflicts::Conflict;
use anteroom::store::mappings::{self, Mapping};
use anteroom::store::rooms::Room;
use anteroom::store::{Store, Tx, conflicts, objects, rooms};
use anteroom::sync::{self, Engine, Nudge, Plan, Report, Settings, Worker};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// A remote system and the mapping to it.
pub struct Remote {
    pub id: BridgeId,
    pub bridge: Arc<MemoryBridge>,
    pub mapping: MappingId,
}

pub struct Scene<'a> {
    pub house: &'a House,
    pub room: Room,
    pub remotes: Vec<Remote>,
    pub limits: Arc<Limits>,
    pub engine: Arc<Engine>,
    worker: Worker,
}

/// How remote calendars are called in scenes.
pub const CALENDAR: &str = "calendar";

impl<'a> Scene<'a> {
    pub async fn new(house: &'a House, remotes: usize) -> Scene<'a> {
        Self::with_authority(house, remotes, Authority::PerOrigin).await
    }

    pub async fn with_authority(house: &'a House, remotes: usize, authority: Authority) -> Scene<'a> {
        Self::made(house, remotes, (authority, BridgeKind::Memory), |_| MappingId::fresh()).await
    }

    /// A scene whose remote system passes for one that keeps single bookings as instants.
    pub async fn keeping_instants(house: &'a House) -> Scene<'a> {
        Self::made(house, 1, (Authority::PerOrigin, BridgeKind::BookingGeneric), |_| MappingId::fresh()).await
    }

    /// A scene whose mappings are called the same every time: what is drawn from their names is the same as well.
    pub async fn named(house: &'a House, remotes: usize) -> Scene<'a> {
        let kind = (Authority::PerOrigin, BridgeKind::Memory);
        Self::made(house, remotes, kind, |number| MappingId::from(format!("mapping-{number}"))).await
    }

    async fn made(
        house: &'a House,
        remotes: usize,
        (authority, kind): (Authority, BridgeKind),
        name: impl Fn(usize) -> MappingId,
    ) -> Scene<'a> {
        let room = house.room("Council hall").await;
        let mut made = Vec::new();
        for number in 0..remotes {
            let row = BridgeRow { kind, ..new_bridge(house, number) };
            let mapping = Mapping { id: name(number), ..new_mapping(house, &room, &row, authority) };
            house.write_one(async |tx| bridges::insert(tx, &row).await).await;
            house.write_one(async |tx| mappings::insert(tx, &mapping).await).await;
            let bridge = Arc::new(MemoryBridge::with_calendar(CALENDAR));
            made.push(Remote { id: row.id, bridge, mapping: mapping.id });
        }
        let limits = Arc::new(Limits::default());
        let bridges = made.iter().map(|one| (one.id.clone(), one.bridge.clone() as Arc<dyn Bridge>)).collect();
        let clock = house.clock.clone() as Arc<dyn Clock>;
        let process = |owner| Process { owner, clock: clock.clone(), settings: Settings::default() };
        let bridges: BTreeMap<BridgeId, Arc<dyn Bridge>> = bridges;
        let worker = Worker::new(Arc::new(new_engine(house, bridges.clone(), process("test"))), Nudge::default());
        let engine = Arc::new(new_engine(house, bridges, process("desk")));
        Scene { house, room, remotes: made, limits, engine, worker }
    }

    /// A process of its own on the same house.
    pub fn worker_of(
        &self,
        owner: &str,
        clock: Arc<dyn Clock>,
        settings: Settings,
        network: impl Fn(usize, Arc<MemoryBridge>) -> Arc<dyn Bridge>,
    ) -> Worker {
        let remotes = self.remotes.iter().enumerate();
        let bridges = remotes.map(|(number, one)| (one.id.clone(), network(number, one.bridge.clone()))).collect();
        let engine = new_engine(self.house, bridges, Process { owner, clock, settings });
        Worker::new(Arc::new(engine), Nudge::default())
    }

    /// A process of its own with connections of its own, that wakes when it is nudged.
    pub fn replica(&self, store: Store, nudge: Nudge, settings: Settings) -> Worker {
        let bridges = self.remotes.iter().map(|one| (one.id.clone(), one.bridge.clone() as Arc<dyn Bridge>)).collect();
        let clock = self.house.clock.clone() as Arc<dyn Clock>;
        let engine = new_engine(self.house, bridges, Process { owner: "replica", clock, settings });
        Worker::new(Arc::new(Engine { store, ..engine }), nudge)
    }

    /// A process of its own that remote systems can reach.
    pub fn reachable(&self, owner: &str) -> Worker {
        let bridges = self.remotes.iter().map(|one| (one.id.clone(), one.bridge.clone() as Arc<dyn Bridge>)).collect();
        let clock = self.house.clock.clone() as Arc<dyn Clock>;
        let engine = new_engine(self.house, bridges, Process { owner, clock, settings: Settings::default() });
        let hook_base = Some("https://rooms.example.org".to_owned());
        Worker::new(Arc::new(Engine { hook_base, ..engine }), Nudge::default())
    }

    /// A process of its own whose numbers can be read.
    pub fn watched(&self, metrics: &Arc<Metrics>) -> Worker {
        let process = Process { owner: "watched", clock: self.house.clock.clone(), settings: Settings::default() };
        let engine = new_engine(self.house, BTreeMap::new(), process);
        Worker::new(Arc::new(Engine { metrics: Arc::clone(metrics), ..engine }), Nudge::default())
    }

    /// A room with one remote system whose mapping is not made yet.
    pub async fn detached(house: &'a House) -> Scene<'a> {
        let scene = Self::new(house, 1).await;
        scene.set_state(MappingState::Removed).await;
        scene
    }

    /// Makes the mapping.
    pub async fn attach(&self) {
        self.set_state(MappingState::Active).await;
    }

    /// What a sync would do.
    pub async fn plan(&self) -> Plan {
        sync::preview(&self.engine, self.house.tenant(), &self.remotes[0].mapping).await.unwrap()
    }

    /// What the invariants say while nobody books.
    pub async fn verify(&self) -> Report {
        sync::verify(&self.engine, self.house.tenant(), None, true).await.unwrap()
    }

    pub async fn set_state(&self, state: MappingState) {
        let mapping = self.mapping().await;
        let due = self.house.now();
        self.house.write_one(async |tx| mappings::set_state(tx, &mapping, state, "", (due, due)).await).await;
    }

    /// From now on the mapping shows that much.
    pub async fn set_detail(&self, detail: DetailLevel) {
        let policy = Mapping { detail, ..self.mapping().await };
        self.house.write_one(async |tx| mappings::set_policy(tx, &policy).await).await;
    }

    pub fn remote(&self) -> &MemoryBridge {
        &self.remotes[0].bridge
    }

    /// Everything that is due, and what becomes due by it, now and in the hours to come.
    pub async fn settle(&self) {
        for _ in 0..12 {
            self.worker.run_until_idle().await.unwrap();
            self.house.clock.advance_ms(20 * 60 * 1000);
        }
    }

    /// Nothing is left to do, and no pull is due for the next seconds: the next call is the one a test means.
    pub async fn rest(&self) {
        self.settle().await;
        self.run().await;
    }

    /// The remote side has said that something changed: the next run reads it first.
    pub async fn hint(&self) {
        let (mapping, now) = (self.mapping().await, self.house.now());
        self.house.write_one(async |tx| mappings::wake(tx, &mapping.tenant_id, &mapping.id, now, now).await).await;
    }

    /// A process begins where an earlier one ended.
    pub async fn take_up(&self) {
        self.worker.take_up().await.unwrap();
    }

    /// Both mappings, as they stand.
    pub async fn mappings(&self) -> Vec<Mapping> {
        mappings::list(&mut self.house.read().await, self.house.tenant()).await.unwrap()
    }

    /// What a start does when the rules of zones are others than at the last one.
    pub async fn follow_zones(&self) -> usize {
        self.worker.follow_zones().await.unwrap()
    }

    /// What is done now and then: overdue conflicts are decided, plans are made.
    pub async fn keep_house(&self) {
        self.worker.keep_house_once().await.unwrap();
    }

    /// Everything that is due now.
    pub async fn run(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    pub async fn put(&self, event: &Event) -> Result<Applied, ChangeError> {
        let wish = Wish::Become(Box::new(event.clone()));
        self.apply(Target::Uid(event.uid.clone()), wish).await
    }

    pub async fn delete(&self, uid: &str) -> Result<Applied, ChangeError> {
        self.apply(Target::Uid(Uid(uid.to_owned())), Wish::Delete).await
    }

    async fn apply(&self, target: Target, wish: Wish) -> Result<Applied, ChangeError> {
        let mut tx = self.house.write().await;
        let applied = self.apply_in(&mut tx, target, wish).await?;
        tx.commit().await.unwrap();
        Ok(applied)
    }

    /// Somebody has the room for themselves while everything that is due is done, and books or changes an event in it.
    pub async fn run_while_somebody_puts(&self, event: &Event) {
        let mut tx = self.house.write().await;
        rooms::lock(&mut tx, self.house.tenant(), &self.room.id).await.unwrap();
        let puts = async {
            // Long enough for who does not wait.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let wish = Wish::Become(Box::new(event.clone()));
            self.apply_in(&mut tx, Target::Uid(event.uid.clone()), wish).await.unwrap();
            tx.commit().await.unwrap();
        };
        tokio::join!(self.run(), puts);
    }

    async fn apply_in(&self, tx: &mut Tx, target: Target, wish: Wish) -> Result<Applied, ChangeError> {
        let cx = Context { now: self.house.now(), limits: &self.limits };
        // Only who administers the room makes something else than an arrangement.
        let usual = !matches!(&wish, Wish::Become(event) if event.class != ReservationClass::Event);
        let privilege = if usual { Privilege::Write } else { Privilege::Admin };
        let origin = Origin::Principal { login: "anna".to_owned(), privilege };
        let change = Change { target, wish, precondition: Precondition::none(), origin };
        change::apply(tx, cx, &self.room, change).await
    }

    /// A client changes the octets of an object.
    pub async fn edit_text(&self, uid: &str, edit: impl FnOnce(&str) -> String) {
        let uid = Uid(uid.to_owned());
        let row = objects::by_uid(&mut self.house.read().await, self.house.tenant(), &self.room.id, &uid).await;
        let text = edit(&row.unwrap().unwrap().body);
        let parse = ParseContext { limits: &self.limits, floating: &self.room.zone };
        let object = CalendarObject::parse(text.as_bytes(), &parse).unwrap();
        self.apply(Target::Uid(uid), Wish::Put(Box::new(object))).await.unwrap();
    }

    /// The hub's events by UID.
    pub async fn hub(&self) -> BTreeMap<String, Event> {
        let rows = objects::list(&mut self.house.read().await, self.house.tenant(), &self.room.id).await.unwrap();
        let parse = ParseContext { limits: &self.limits, floating: &self.room.zone };
        let event = |body: &str| CalendarObject::parse(body.as_bytes(), &parse).unwrap().event().clone();
        rows.into_iter().map(|row| (row.uid.0.clone(), event(&row.body))).collect()
    }

    pub async fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self.hub().await.into_values().map(|event| event.content.summary).collect();
        titles.sort();
        titles
    }

    pub fn remote_titles(&self, number: usize) -> Vec<String> {
        let events = self.remotes[number].bridge.events(CALENDAR);
        let mut titles: Vec<String> = events.into_iter().map(|(_, event)| event.content.summary).collect();
        titles.sort();
        titles
    }

    pub fn remote_id(&self, title: &str) -> RemoteId {
        let events = self.remote().events(CALENDAR);
        events.into_iter().find(|(_, event)| event.content.summary == title).map(|(id, _)| id).unwrap()
    }

    pub async fn mapping(&self) -> Mapping {
        let id = &self.remotes[0].mapping;
        mappings::get(&mut self.house.read().await, self.house.tenant(), id).await.unwrap().unwrap()
    }

    /// All conflicts, newest first.
    pub async fn conflicts(&self) -> Vec<Conflict> {
        conflicts::list(&mut self.house.read().await, self.house.tenant(), "", 100).await.unwrap()
    }

    /// The one conflict of that kind that is open.
    pub async fn open(&self, kind: &str) -> Conflict {
        let all = self.conflicts().await;
        let mut open = all.into_iter().filter(|one| one.kind == kind && one.state == conflicts::OPEN);
        let one = open.next().unwrap_or_else(|| panic!("no open {kind}"));
        assert!(open.next().is_none(), "more than one open {kind}");
        one
    }

    /// A person decides.
    pub async fn decide(&self, conflict: &Conflict, resolution: Resolution) -> Result<Conflict, ManageError> {
        let mut tx = self.house.write().await;
        let acting = Acting { tenant: self.house.tenant(), actor: "principal:olav", now: self.house.now() };
        let decided = manage::conflicts::resolve(&mut tx, &acting, &self.limits, &conflict.id, resolution).await?;
        tx.commit().await.unwrap();
        Ok(decided)
    }

    pub async fn conflict_kinds(&self) -> Vec<String> {
        let all = conflicts::list(&mut self.house.read().await, self.house.tenant(), "", 100).await.unwrap();
        all.into_iter().map(|conflict| conflict.kind).collect()
    }
}

/// A meeting of one hour on the day of the scene, in the hall's zone.
pub fn event(uid: &str, title: &str, day: i8, hour: i8) -> Event {
    let start = jiff::civil::date(2026, 3, day).at(hour, 0, 0, 0);
    Event {
        uid: Uid(uid.to_owned()),
        class: ReservationClass::Event,
        when: EventTime::Timed {
            start,
            end: jiff::civil::date(2026, 3, day).at(hour + 1, 0, 0, 0),
            zone: ZoneId::parse("Europe/Oslo").unwrap(),
        },
        content: Content { summary: title.to_owned(), busy: true, ..Content::default() },
        recurrence: None,
        overrides: BTreeMap::new(),
    }
}

fn new_bridge(house: &House, number: usize) -> BridgeRow {
    BridgeRow {
        id: BridgeId::fresh(),
        tenant_id: house.tenant().clone(),
        name: format!("remote {number}"),
        kind: BridgeKind::Memory,
        settings: "{}".to_owned(),
        sealed: String::new(),
        created_ms: house.now(),
    }
}

pub fn new_mapping(house: &House, room: &Room, bridge: &BridgeRow, authority: Authority) -> Mapping {
    Mapping {
        id: MappingId::fresh(),
        tenant_id: house.tenant().clone(),
        room_id: room.id.clone(),
        bridge_id: bridge.id.clone(),
        remote_id: CALENDAR.to_owned(),
        remote_name: "Council hall".to_owned(),
        direction: Direction::TwoWay,
        authority,
        detail: DetailLevel::Full,
        projection: ClassProjection::HighestWins,
        fold_allocations: false,
        state: MappingState::Active,
        reason: String::new(),
        cursor: String::new(),
        window_start_ms: Timestamp(0),
        window_end_ms: Timestamp(0),
        due_ms: house.now(),
        dirty_since_ms: None,
        pulled_ms: None,
        completed_ms: None,
        failures: 0,
        last_error: String::new(),
        created_ms: house.now(),
    }
}

/// Made once: thousands of processes begin in one run of the simulation, and elliptic curves are slow unoptimised.
fn keys() -> Arc<Keys> {
    static KEYS: LazyLock<Arc<Keys>> =
        LazyLock::new(|| Arc::new(Keys::from_ring(KeyRing::new("k1", Key::new([7; 32])))));
    KEYS.clone()
}

/// What a process of the gateway brings along.
struct Process<'a> {
    owner: &'a str,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

fn new_engine(house: &House, remotes: BTreeMap<BridgeId, Arc<dyn Bridge>>, process: Process<'_>) -> Engine {
    Engine {
        store: house.store.clone(),
        clock: process.clock,
        limits: Arc::new(Limits::default()),
        settings: process.settings,
        bridges: Arc::new(move |row| Ok(remotes[&row.id].clone())),
        keys: keys(),
        metrics: Arc::new(Metrics::new()),
        owner: process.owner.to_owned(),
        hook_base: None,
    }
}

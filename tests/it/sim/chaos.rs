//! What goes wrong, drawn from a seed: remote calls that fail before or after their effect, lists that lag behind, a
//! process that dies at any call and at any moment in between, and one that stands still until its lease is over.

use super::mutant::Mutant;
use anteroom::bridge::memory::MemoryBridge;
use anteroom::bridge::{
    Bridge, BridgeError, Complete, Cursor, Hook, IdempotencyKey, Known, Probe, Projection, Reading, RemoteCalendar,
    RemoteId, RemoteItem, Subscribed, Unrepresentable,
};
use anteroom::model::{BridgeKind, Clock, Event, ManualClock, TimeRange, Timestamp};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// `SplitMix64`: equal seeds, equal stories.
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub fn of_a_thousand(&mut self, share: usize) -> bool {
        self.below(1000) < share
    }
}

/// How deaths are counted that come at no call.
pub const BETWEEN_CALLS: &str = "died between calls";

/// What happens to one remote call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// It fails and has done nothing.
    Before(BridgeError),
    /// It is done, and nobody hears of it.
    LostAnswer,
    /// Lists do not show it yet.
    Lag,
    /// The process dies before it.
    DieBefore,
    /// The process dies after it.
    DieAfter,
    /// The process stands still before it, longer than its lease lasts.
    Pause,
}

impl Fate {
    const fn name(&self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Before(BridgeError::Busy { .. }) => "throttled",
            Self::Before(BridgeError::CursorGone) => "cursor lost",
            Self::Before(BridgeError::Unknown(_)) => "no answer, not done",
            Self::Before(_) => "unreachable",
            Self::LostAnswer => "done, answer lost",
            Self::Lag => "lists lag",
            Self::DieBefore => "died before a call",
            Self::DieAfter => "died after a call",
            Self::Pause => "stood still",
        }
    }
}

/// The source of all that goes wrong in one story.
pub struct Chaos {
    state: Mutex<State>,
    /// Whether processes stand still whenever they can.
    rivals: bool,
    death: Notify,
    pause: Notify,
    resume: Notify,
}

struct State {
    chance: Chance,
    /// Calls that fail, of a thousand; 0 while everything is healthy.
    rate: usize,
    may_pause: bool,
    paused: bool,
    dead: bool,
    /// Readings of the clock until the process dies.
    life: Option<usize>,
    trace: Vec<String>,
    tally: BTreeMap<&'static str, u64>,
    /// Requests that were given up by their sender and are still on their way.
    late: Vec<Late>,
    /// What people have written into bookings between a write and its answer: title, text.
    quicker: Vec<(String, String)>,
}

/// A request to create that arrives when nobody expects it any more.
struct Late {
    system: Arc<MemoryBridge>,
    at: RemoteCalendar,
    event: Event,
    key: IdempotencyKey,
}

impl Chaos {
    pub fn new(seed: u64, rivals: bool) -> Arc<Self> {
        let state = State {
            chance: Chance(seed ^ 0x00c4_a05c_4a05),
            rate: 0,
            may_pause: false,
            paused: false,
            dead: false,
            life: None,
            trace: Vec::new(),
            tally: BTreeMap::new(),
            late: Vec::new(),
            quicker: Vec::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            rivals,
            death: Notify::new(),
            pause: Notify::new(),
            resume: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on so many calls of a thousand fail; processes pause only where another can take over.
    pub fn begin(&self, rate: usize, may_pause: bool) {
        let mut state = self.state();
        (state.rate, state.may_pause) = (rate, may_pause);
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.rate, state.life) = (0, None);
    }

    /// The process dies after so many readings of its clock.
    pub fn limit_life(&self, readings: usize) {
        self.count(BETWEEN_CALLS);
        self.state().life = Some(readings);
    }

    /// Resolves when the process has died.
    pub async fn died(&self) {
        while !self.state().dead {
            self.death.notified().await;
        }
    }

    /// A new process begins.
    pub fn reborn(&self) {
        let mut state = self.state();
        (state.dead, state.life) = (false, None);
    }

    /// Resolves when the process stands still.
    pub async fn stands_still(&self) {
        self.pause.notified().await;
    }

    pub fn go_on(&self) {
        self.state().paused = false;
        self.resume.notify_one();
    }

    pub fn note(&self, what: String) {
        self.state().trace.push(what);
    }

    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    pub fn tally(&self) -> BTreeMap<&'static str, u64> {
        self.state().tally.clone()
    }

    pub fn count(&self, what: &'static str) {
        *self.state().tally.entry(what).or_default() += 1;
    }

    /// What was on its way arrives.
    pub async fn deliver(&self) {
        let late = std::mem::take(&mut self.state().late);
        for Late { system, at, event, key } in late {
            let done = system.create(&at, &event, &key).await.is_ok();
            self.note(format!("the create of {} arrives late: {done}", event.content.summary));
        }
    }

    /// Whether a create is on its way for longer than its sender waits. Where keys are kept, that can be told later.
    fn delays(&self, system: &Arc<MemoryBridge>, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey) -> bool {
        let mut state = self.state();
        let rate = state.rate;
        let delays = !state.dead && system.tells_keys() && state.chance.of_a_thousand(rate / 4);
        if delays {
            state.trace.push(format!("the create of {} is late", event.content.summary));
            *state.tally.entry("create arrives late").or_default() += 1;
            state.late.push(Late { system: system.clone(), at: at.clone(), event: event.clone(), key: key.clone() });
        }
        delays
    }

    /// Now and then a person changes what we write before its answer is read off it.
    fn hurries(self: &Arc<Self>, system: &MemoryBridge) {
        let mut state = self.state();
        let rate = state.rate;
        if !state.chance.of_a_thousand(rate / 4) {
            return;
        }
        let note = format!("note {}", state.chance.below(1_000_000));
        let chaos = self.clone();
        system.change_next(move |event| {
            let mut state = chaos.state();
            if state.rate > 0 {
                event.content.description.clone_from(&note);
                state.quicker.push((event.content.summary.clone(), note));
                *state.tally.entry("edited before the answer").or_default() += 1;
            }
        });
    }

    /// Takes what people have written between writes and their answers since it was last asked.
    pub fn quicker(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.state().quicker)
    }

    fn die(&self) {
        self.state().dead = true;
        self.death.notify_one();
    }

    fn is_dead(&self) -> bool {
        self.state().dead
    }

    fn draw(&self, call: &str, is_write: bool) -> Fate {
        let mut state = self.state();
        let rate = state.rate;
        let fate = match state.chance.of_a_thousand(rate) {
            true if self.rivals && state.may_pause && !state.paused => {
                state.paused = true;
                Fate::Pause
            }
            true => state.fate(is_write),
            false => Fate::Fine,
        };
        state.trace.push(format!("{call}: {}", fate.name()));
        *state.tally.entry(fate.name()).or_default() += 1;
        fate
    }
}

impl State {
    fn fate(&mut self, is_write: bool) -> Fate {
        match self.chance.below(10) {
            0 => Fate::Before(BridgeError::Busy { after_ms: Some(5_000) }),
            1 => Fate::Before(BridgeError::Transport("reset".to_owned())),
            2 if is_write => Fate::Before(BridgeError::Unknown("timeout".to_owned())),
            2 => Fate::Before(BridgeError::CursorGone),
            3 => Fate::DieBefore,
            4 => Fate::DieAfter,
            5 | 7 if self.may_pause && !self.paused => {
                self.paused = true;
                Fate::Pause
            }
            5 | 6 if is_write => Fate::Lag,
            _ => Fate::LostAnswer,
        }
    }
}

/// The clock of a process that may die between any two steps.
pub struct MortalClock {
    pub clock: Arc<ManualClock>,
    pub chaos: Arc<Chaos>,
}

impl Clock for MortalClock {
    fn now(&self) -> Timestamp {
        let ends = {
            let mut state = self.chaos.state();
            state.life = state.life.map(|left| left.saturating_sub(1));
            state.life == Some(0)
        };
        if ends {
            self.chaos.die();
        }
        self.clock.now()
    }
}

/// A remote system behind a network that fails.
pub struct Network {
    pub system: Arc<MemoryBridge>,
    pub name: String,
    pub chaos: Arc<Chaos>,
    /// What the reconciler goes without.
    pub without: Option<Mutant>,
    pub creates: AtomicU64,
}

impl Network {
    /// The key as it goes over the wire.
    fn key(&self, key: &IdempotencyKey) -> IdempotencyKey {
        let call = self.creates.fetch_add(1, Ordering::SeqCst);
        self.without.map_or_else(|| key.clone(), |without| without.key(key, call))
    }

    async fn call<T>(
        &self,
        what: &str,
        at: Option<&RemoteCalendar>,
        act: impl Future<Output = Result<T, BridgeError>>,
    ) -> Result<T, BridgeError> {
        let is_write = at.is_some();
        if self.chaos.is_dead() {
            return std::future::pending().await;
        }
        match self.chaos.draw(&format!("{} {what}", self.name), is_write) {
            Fate::Fine => {}
            Fate::Before(error) => return Err(error),
            Fate::LostAnswer => {
                act.await?;
                let why = "the connection broke".to_owned();
                return Err(if is_write { BridgeError::Unknown(why) } else { BridgeError::Transport(why) });
            }
            Fate::Lag => {
                if let Some(at) = at {
                    self.system.lag_behind(&at.id);
                }
            }
            Fate::DieBefore => return self.end().await,
            Fate::DieAfter => {
                act.await?;
                return self.end().await;
            }
            Fate::Pause => {
                self.chaos.pause.notify_one();
                self.chaos.resume.notified().await;
            }
        }
        act.await
    }

    async fn end<T>(&self) -> T {
        self.chaos.die();
        std::future::pending().await
    }
}

#[async_trait]
impl Bridge for Network {
    fn kind(&self) -> BridgeKind {
        self.system.kind()
    }

    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
        self.system.project(at, event, window)
    }

    fn comparable(&self, at: &RemoteCalendar, event: &Event) -> Event {
        self.system.comparable(at, event)
    }

    fn tells_keys(&self) -> bool {
        self.system.tells_keys()
    }

    fn announces_everything(&self) -> bool {
        self.system.announces_everything()
    }

    fn is_only_listed(&self, id: &RemoteId) -> bool {
        self.system.is_only_listed(id)
    }

    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        let read = self.call("reads all", None, self.system.read_all(at, window)).await;
        if let Some(without) = self.without { without.all(window, read) } else { read }
    }

    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError> {
        let read = self.call("reads changes", None, self.system.read_changes(at, since)).await;
        if let Some(without) = self.without { without.changes(read) } else { read }
    }

    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        let read = self.call(&format!("fetches {id}"), None, self.system.fetch(at, id)).await;
        if let Some(without) = self.without { without.one(read) } else { read }
    }

    async fn create(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        let key = self.key(key);
        if self.chaos.delays(&self.system, at, event, &key) {
            return Err(BridgeError::Unknown("timeout".to_owned()));
        }
        self.chaos.hurries(&self.system);
        let what = format!("creates {}", event.content.summary);
        self.call(&what, Some(at), self.system.create(at, event, &key)).await
    }

    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        self.chaos.hurries(&self.system);
        let what = format!("updates {}", event.content.summary);
        self.call(&what, Some(at), self.system.update(at, item, base, event)).await
    }

    async fn delete(&self, at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError> {
        self.call(&format!("deletes {}", item.id), Some(at), self.system.delete(at, item)).await
    }

    async fn probe(&self, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey) -> Result<Probe, BridgeError> {
        let what = format!("looks for {}", event.content.summary);
        let found = self.call(&what, None, self.system.probe(at, event, &self.key(key))).await;
        if let Some(without) = self.without { without.probe(found) } else { found }
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        self.system.calendars().await
    }

    async fn subscribe(&self, at: &RemoteCalendar, hook: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        self.system.subscribe(at, hook).await
    }

    async fn renew(&self, at: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError> {
        self.system.renew(at, id).await
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError> {
        self.system.unsubscribe(id).await
    }
}

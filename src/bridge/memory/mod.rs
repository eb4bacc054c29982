//! A remote calendar system in memory: what the reconciler is tested against, faults included.
//!
//! It keeps events as they are, understands series, promises one event for one key, and has a cursor. Every fault is
//! asked for by the test that wants it.

mod people;

use super::graph::instances;
use super::{
    Bridge, BridgeError, Complete, Cursor, Delta, Hook, IdempotencyKey, Known, Part, Probe, Projection, Reading,
    RemoteCalendar, RemoteId, RemoteItem, RemoteVersion, Subscribed, Unrepresentable,
};
use crate::model::BridgeKind;
use crate::model::Event;
use crate::model::EventStatus;
use crate::model::TimeRange;
use crate::model::Uid;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What happens to the next call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails like this, before anything is done.
    Before(BridgeError),
    /// It is done, and its answer is lost.
    LostAnswer,
}

/// The system: calendars by id.
#[derive(Default)]
pub struct MemoryBridge {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calendars: BTreeMap<String, Calendar>,
    faults: VecDeque<Fault>,
    last_id: u64,
    writes: u64,
    habits: BTreeSet<Habit>,
    /// Calendars that somebody has subscribed to: one subscription each.
    subscribed: BTreeSet<String>,
    /// How long a complete read takes, and how many there were.
    slowness: Duration,
    complete_reads: u64,
    /// Keys that creates came with.
    keys: BTreeSet<IdempotencyKey>,
    /// A fault, and how many calls pass before it.
    spared: Option<(usize, Fault)>,
    /// What a person makes of the next item that is written.
    quicker: Option<Edit>,
}

/// A change of an event.
type Edit = Box<dyn FnOnce(&mut Event) + Send>;

/// In what a system differs from the plainest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Habit {
    /// Items are told by complete reads only.
    OnlyLists,
    /// Keys are not kept: the effect of a create is known by its content.
    Keyless,
    /// Titles are kept in capital letters.
    Capitals,
    /// Items have UIDs of the system's own.
    OwnUids,
    /// A slot that is taken is not given again.
    Exclusive,
    /// Subscriptions are taken, one for each calendar.
    Announces,
    /// It keeps dated bookings and knows no rules.
    Dated,
    /// A key is good for one item for ever, also after that was removed.
    BurnsKeys,
}

#[derive(Default)]
struct Calendar {
    items: BTreeMap<RemoteId, Stored>,
    /// Items that people have switched off and may switch on again.
    inactive: BTreeMap<RemoteId, Stored>,
    /// What the next list shows instead of what is there, and how long the log was then.
    stale: Option<(BTreeMap<RemoteId, RemoteItem>, usize)>,
    /// Ids in the order they changed.
    log: Vec<RemoteId>,
    /// Cursors from before this point are forgotten.
    forgotten: usize,
}

struct Stored {
    event: Event,
    key: Option<IdempotencyKey>,
    version: u64,
    locked: Option<String>,
}

impl Stored {
    fn item(&self, id: &RemoteId) -> RemoteItem {
        RemoteItem {
            id: id.clone(),
            version: Some(RemoteVersion(self.version.to_string())),
            key: self.key.clone(),
            event: self.event.clone(),
            locked: self.locked.clone(),
            assumed: None,
        }
    }
}

impl MemoryBridge {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of this call: an error before it, or whether its answer shall be lost.
    fn fault(&self) -> Result<bool, BridgeError> {
        let mut state = self.state();
        match &mut state.spared {
            Some((0, _)) => {
                let met = state.spared.take();
                state.faults.extend(met.map(|(_, fault)| fault));
            }
            Some((calls, _)) => *calls -= 1,
            None => {}
        }
        match state.faults.pop_front() {
            None => Ok(false),
            Some(Fault::LostAnswer) => Ok(true),
            Some(Fault::Before(error)) => Err(error),
        }
    }
}

impl Calendar {
    fn present(&self) -> BTreeMap<RemoteId, RemoteItem> {
        self.items.iter().map(|(id, stored)| (id.clone(), stored.item(id))).collect()
    }

    /// What a list shows, and where reading goes on after it.
    fn listed(&mut self) -> (BTreeMap<RemoteId, RemoteItem>, usize) {
        self.stale.take().unwrap_or_else(|| (self.present(), self.log.len()))
    }

    fn switch_off(&mut self, id: &RemoteId) {
        if let Some(stored) = self.items.remove(id) {
            self.inactive.insert(id.clone(), stored);
            self.log.push(id.clone());
        }
    }
}

impl State {
    fn insert(&mut self, calendar: &str, event: Event, key: Option<IdempotencyKey>) -> RemoteId {
        self.last_id += 1;
        let id = RemoteId(format!("m{}", self.last_id));
        let calendar = self.calendars.entry(calendar.to_owned()).or_default();
        calendar.items.insert(id.clone(), Stored { event, key, version: 1, locked: None });
        calendar.log.push(id.clone());
        id
    }

    fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    /// What becomes of an event that is written.
    fn as_kept(&self, event: &Event) -> Event {
        let mut event = event.clone();
        if self.has(Habit::Capitals) {
            event.content.summary = event.content.summary.to_uppercase();
        }
        event
    }

    fn item(&self, calendar: &str, id: &RemoteId) -> Option<RemoteItem> {
        Some(self.calendars.get(calendar)?.items.get(id)?.item(id))
    }

    /// What an answer says of an item that was just written.
    fn read_back(&mut self, calendar: &str, id: &RemoteId) -> Option<RemoteItem> {
        if let Some(edit) = self.quicker.take() {
            let calendar = self.calendars.get_mut(calendar)?;
            let stored = calendar.items.get_mut(id)?;
            edit(&mut stored.event);
            stored.version += 1;
            calendar.log.push(id.clone());
        }
        self.item(calendar, id)
    }

    fn twin(&self, calendar: &str, event: &Event) -> Option<RemoteItem> {
        let items = &self.calendars.get(calendar)?.items;
        let same =
            |stored: &Stored| stored.event.content.summary == event.content.summary && stored.event.when == event.when;
        items.iter().find(|(_, stored)| same(stored)).map(|(id, stored)| stored.item(id))
    }

    /// Refuses a slot that another booking has, where slots are exclusive.
    fn free(&self, calendar: &str, event: &Event) -> Result<(), BridgeError> {
        if !self.has(Habit::Exclusive) {
            return Ok(());
        }
        let zone = crate::model::ZoneId::utc();
        let (start, end) = event.when.instants(&zone);
        let overlaps = |other: &Event| {
            let (begins, ends) = other.when.instants(&zone);
            begins < end && start < ends
        };
        let items = self.calendars.get(calendar).map(|calendar| &calendar.items);
        match items.into_iter().flatten().find(|(_, stored)| overlaps(&stored.event)) {
            Some((_, stored)) => Err(BridgeError::SlotTaken(stored.event.content.summary.clone())),
            None => Ok(()),
        }
    }

    fn by_key(&self, calendar: &str, key: &IdempotencyKey) -> Option<RemoteItem> {
        let items = &self.calendars.get(calendar)?.items;
        items.iter().find(|(_, stored)| stored.key.as_ref() == Some(key)).map(|(id, stored)| stored.item(id))
    }
}

fn unlocked(stored: &Stored) -> Result<(), BridgeError> {
    stored.locked.clone().map_or(Ok(()), |why| Err(BridgeError::Refused(why)))
}

fn answered<T>(lost: bool, answer: T) -> Result<T, BridgeError> {
    if lost { Err(BridgeError::Unknown("the connection broke".to_owned())) } else { Ok(answer) }
}

#[async_trait]
impl Bridge for MemoryBridge {
    fn kind(&self) -> BridgeKind {
        BridgeKind::Memory
    }

    fn project(&self, at: &RemoteCalendar, event: &Event, window: TimeRange) -> Result<Projection, Unrepresentable> {
        if event.content.status == EventStatus::Cancelled {
            return Ok(Projection::default());
        }
        if (event.recurrence.is_some() || event.is_instances_alone()) && self.state().habits.contains(&Habit::Dated) {
            let all = instances(at, event, window)?;
            return Ok(Projection { parts: all.into_iter().map(|(id, one)| (Part::Instance(id), one)).collect() });
        }
        Ok(Projection { parts: [(Part::Whole, event.clone())].into_iter().collect() })
    }

    async fn read_all(&self, at: &RemoteCalendar, window: TimeRange) -> Result<Complete, BridgeError> {
        self.fault()?;
        let slowness = self.state().slowness;
        if !slowness.is_zero() {
            tokio::time::sleep(slowness).await;
        }
        let mut state = self.state();
        state.complete_reads += 1;
        let gone = || BridgeError::CalendarGone(format!("there is no calendar {}", at.id));
        let calendar = state.calendars.get_mut(&at.id).ok_or_else(gone)?;
        let (listed, end) = calendar.listed();
        Ok(Complete::proved(window, listed.into_values().collect(), Some(Cursor(end.to_string()))))
    }

    async fn read_changes(&self, at: &RemoteCalendar, since: &Cursor) -> Result<Reading, BridgeError> {
        if self.state().has(Habit::OnlyLists) {
            return self.read_all(at, TimeRange::ALL).await.map(Reading::Complete);
        }
        self.fault()?;
        let mut state = self.state();
        let calendar = state.calendars.entry(at.id.clone()).or_default();
        let position: usize = since.0.parse().map_err(|_| BridgeError::CursorGone)?;
        if position < calendar.forgotten {
            return Err(BridgeError::CursorGone);
        }
        let (listed, end) = calendar.listed();
        let end = end.max(position);
        let changed: std::collections::BTreeSet<&RemoteId> = calendar.log[position..end].iter().collect();
        let (there, gone): (Vec<_>, Vec<_>) = changed.into_iter().partition(|id| listed.contains_key(*id));
        let items = there.into_iter().filter_map(|id| listed.get(id).cloned()).collect();
        let cursor = Cursor(end.to_string());
        Ok(Reading::Delta(Delta { items, removed: gone.into_iter().cloned().collect(), cursor }))
    }

    fn tells_keys(&self) -> bool {
        !self.state().has(Habit::Keyless)
    }

    fn is_only_listed(&self, _: &RemoteId) -> bool {
        self.state().has(Habit::OnlyLists)
    }

    async fn fetch(&self, at: &RemoteCalendar, id: &RemoteId) -> Result<Option<RemoteItem>, BridgeError> {
        self.fault()?;
        let state = self.state();
        if state.has(Habit::OnlyLists) {
            return Err(BridgeError::Refused(format!("{id} cannot be read by itself")));
        }
        Ok(state.item(&at.id, id))
    }

    async fn create(
        &self,
        at: &RemoteCalendar,
        event: &Event,
        key: &IdempotencyKey,
    ) -> Result<RemoteItem, BridgeError> {
        let lost = self.fault()?;
        let mut state = self.state();
        if let Some(same) = state.by_key(&at.id, key) {
            return answered(lost, same);
        }
        if !state.keys.insert(key.clone()) && state.has(Habit::BurnsKeys) {
            return Err(BridgeError::NotFound);
        }
        state.free(&at.id, event)?;
        state.writes += 1;
        // Two systems never make the same UID.
        let domain = if state.has(Habit::Keyless) { "keyless" } else { "memory" };
        let own = Uid(format!("{}@{domain}", state.last_id + 1));
        let uid = if state.has(Habit::OwnUids) { own } else { event.uid.clone() };
        let key = (!state.has(Habit::Keyless)).then(|| key.clone());
        let kept = Event { uid, ..state.as_kept(event) };
        let id = state.insert(&at.id, kept, key);
        let item = state.read_back(&at.id, &id).ok_or(BridgeError::NotFound)?;
        answered(lost, item)
    }

    async fn update(
        &self,
        at: &RemoteCalendar,
        item: &Known,
        base: &Event,
        event: &Event,
    ) -> Result<RemoteItem, BridgeError> {
        let lost = self.fault()?;
        let mut state = self.state();
        let event = &state.as_kept(event);
        let calendar = state.calendars.entry(at.id.clone()).or_default();
        let stored = calendar.items.get_mut(&item.id).ok_or(BridgeError::NotFound)?;
        unlocked(stored)?;
        // Its UID is its own affair.
        let own = |event: &Event| Event { uid: stored.event.uid.clone(), ..event.clone() };
        if stored.event != own(base) && stored.event != own(event) {
            return Err(BridgeError::Stale);
        }
        stored.event = own(event);
        stored.version += 1;
        calendar.log.push(item.id.clone());
        state.writes += 1;
        let answer = state.read_back(&at.id, &item.id).ok_or(BridgeError::NotFound)?;
        answered(lost, answer)
    }

    async fn delete(&self, at: &RemoteCalendar, item: &Known) -> Result<(), BridgeError> {
        let lost = self.fault()?;
        let mut state = self.state();
        let calendar = state.calendars.entry(at.id.clone()).or_default();
        if let Some(stored) = calendar.items.get(&item.id) {
            unlocked(stored)?;
            calendar.items.remove(&item.id);
            calendar.log.push(item.id.clone());
            state.writes += 1;
        }
        answered(lost, ())
    }

    async fn probe(&self, at: &RemoteCalendar, event: &Event, key: &IdempotencyKey) -> Result<Probe, BridgeError> {
        self.fault()?;
        let state = self.state();
        let found = if state.has(Habit::Keyless) { state.twin(&at.id, event) } else { state.by_key(&at.id, key) };
        Ok(found.map_or(Probe::NotFound, |item| Probe::Found(Box::new(item))))
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, BridgeError> {
        let ids: Vec<String> = self.state().calendars.keys().cloned().collect();
        let calendar = |id: String| RemoteCalendar { name: id.clone(), id, zone: crate::model::ZoneId::utc() };
        Ok(ids.into_iter().map(calendar).collect())
    }

    async fn subscribe(&self, at: &RemoteCalendar, _: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        let mut state = self.state();
        if !state.has(Habit::Announces) {
            return Ok(None);
        }
        if !state.subscribed.insert(at.id.clone()) {
            return Err(BridgeError::Refused("a subscription for this calendar exists already".to_owned()));
        }
        Ok(Some(Subscribed { id: at.id.clone(), expires: None }))
    }

    async fn renew(&self, _: &RemoteCalendar, id: &str) -> Result<Subscribed, BridgeError> {
        let state = self.state();
        let known = state.subscribed.get(id).ok_or(BridgeError::NotFound)?;
        Ok(Subscribed { id: known.clone(), expires: None })
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), BridgeError> {
        self.state().subscribed.remove(id);
        Ok(())
    }
}

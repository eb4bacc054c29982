//! A remote calendar system in memory: what the reconciler is tested against, faults included.
//!
//! It keeps events as they are, understands series, promises one event for one key, and has a cursor. Every fault is
//! asked for by the test that wants it.

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
}

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
    /// A system with one empty calendar. Others come into being when they are written to.
    pub fn with_calendar(id: &str) -> Self {
        let memory = Self::default();
        memory.state().calendars.insert(id.to_owned(), Calendar::default());
        memory
    }

    /// Lets the next calls fail, in this order.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// Takes the next fault back; `false` when there is none.
    pub fn forget_fault(&self) -> bool {
        self.state().faults.pop_front().is_some()
    }

    /// A person books there.
    pub fn book(&self, calendar: &str, event: Event) -> RemoteId {
        self.state().insert(calendar, event, None)
    }

    /// A person changes a booking there.
    pub fn change(&self, calendar: &str, id: &RemoteId, edit: impl FnOnce(&mut Event)) {
        let mut state = self.state();
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        if let Some(stored) = calendar.items.get_mut(id) {
            edit(&mut stored.event);
            stored.version += 1;
            calendar.log.push(id.clone());
        }
    }

    /// A person cancels a booking there.
    pub fn cancel(&self, calendar: &str, id: &RemoteId) {
        let mut state = self.state();
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        calendar.items.remove(id);
        calendar.log.push(id.clone());
    }

    /// A person switches a booking off; it keeps its id.
    pub fn deactivate(&self, calendar: &str, id: &RemoteId) {
        self.state().calendars.entry(calendar.to_owned()).or_default().switch_off(id);
    }

    /// A person switches a booking on again; refused where another booking has its slot by now.
    pub fn reactivate(&self, calendar: &str, id: &RemoteId) -> Result<(), BridgeError> {
        let mut state = self.state();
        let off = |state: &State| Some(state.calendars.get(calendar)?.inactive.get(id)?.event.clone());
        let event = off(&state).ok_or(BridgeError::NotFound)?;
        state.free(calendar, &event)?;
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        if let Some(stored) = calendar.inactive.remove(id) {
            calendar.items.insert(id.clone(), stored);
            calendar.log.push(id.clone());
        }
        Ok(())
    }

    /// From now on a key is good for one item for ever.
    pub fn burn_keys(&self) {
        self.state().habits.insert(Habit::BurnsKeys);
    }

    /// Lets so many calls pass; the next one meets this.
    pub fn fail_after(&self, calls: usize, fault: Fault) {
        self.state().spared = Some((calls, fault));
    }

    /// From now on complete reads take that long.
    pub fn read_slowly(&self, slowness: Duration) {
        self.state().slowness = slowness;
    }

    /// How many complete reads there were.
    pub fn complete_reads(&self) -> u64 {
        self.state().complete_reads
    }

    /// From now on subscriptions are taken, one for each calendar.
    pub fn take_subscriptions(&self) {
        self.state().habits.insert(Habit::Announces);
    }

    /// From now on titles are stored in capital letters.
    pub fn rewrite_titles(&self) {
        self.state().habits.insert(Habit::Capitals);
    }

    /// Every item of a calendar gets another id, as when a mailbox is migrated.
    pub fn renumber(&self, calendar: &str) {
        let mut state = self.state();
        let first = state.last_id + 1;
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        let mut last = first;
        for (old, stored) in std::mem::take(&mut calendar.items) {
            let id = RemoteId(format!("m{last}"));
            last += 1;
            calendar.log.extend([old, id.clone()]);
            calendar.items.insert(id, stored);
        }
        state.last_id = last;
    }

    /// From now on a slot that is taken is not given again.
    pub fn refuse_overlaps(&self) {
        self.state().habits.insert(Habit::Exclusive);
    }

    /// From now on it keeps dated bookings and knows no rules, as booking systems do.
    pub fn keep_dates(&self) {
        self.state().habits.insert(Habit::Dated);
    }

    /// The next list shows the calendar as it is now, whatever happens until then.
    pub fn lag_behind(&self, calendar: &str) {
        let mut state = self.state();
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        calendar.stale = Some((calendar.present(), calendar.log.len()));
    }

    /// Nobody but its people may write a booking from now on.
    pub fn lock(&self, calendar: &str, id: &RemoteId) {
        let mut state = self.state();
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        if let Some(stored) = calendar.items.get_mut(id) {
            stored.locked = Some("only the people of the system may write it".to_owned());
            calendar.log.push(id.clone());
        }
    }

    /// From now on items are told by complete reads only: there are no changes and no item by its id.
    pub fn only_list(&self) {
        self.state().habits.insert(Habit::OnlyLists);
    }

    /// From now on keys are neither kept nor told, and items have UIDs of the system's own.
    pub fn forget_keys(&self) {
        self.state().habits.extend([Habit::Keyless, Habit::OwnUids]);
    }

    /// From now on items have UIDs of the system's own; keys are kept.
    pub fn give_own_uids(&self) {
        self.state().habits.insert(Habit::OwnUids);
    }

    /// The system forgets all cursors it gave for a calendar.
    pub fn forget_cursors(&self, calendar: &str) {
        let mut state = self.state();
        let calendar = state.calendars.entry(calendar.to_owned()).or_default();
        calendar.forgotten = calendar.log.len() + 1;
        calendar.log.push(RemoteId(String::new()));
    }

    /// Everything in a calendar.
    pub fn events(&self, calendar: &str) -> Vec<(RemoteId, Event)> {
        let state = self.state();
        let items = state.calendars.get(calendar).map(|calendar| &calendar.items);
        items.into_iter().flatten().map(|(id, stored)| (id.clone(), stored.event.clone())).collect()
    }

    /// Requests so far that changed something.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

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
        let item = state.item(&at.id, &id).ok_or(BridgeError::NotFound)?;
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
        let answer = stored.item(&item.id);
        calendar.log.push(item.id.clone());
        state.writes += 1;
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

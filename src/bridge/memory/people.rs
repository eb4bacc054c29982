//! What happens at the system in memory without us: what its people do, how it behaves, what goes wrong.

use super::{Calendar, Fault, Habit, MemoryBridge, State};
use crate::bridge::BridgeError;
use crate::bridge::RemoteId;
use crate::model::Event;
use std::time::Duration;

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

    /// A person changes what the next write makes or changes, before the answer is read off it: as in systems that answer
    /// with what stands there and not with what was stored.
    pub fn change_next(&self, edit: impl FnOnce(&mut Event) + Send + 'static) {
        self.state().quicker = Some(Box::new(edit));
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

    /// How many calendars are subscribed to.
    pub fn subscribed(&self) -> usize {
        self.state().subscribed.len()
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
}

//! What was written in which order, and the judgement on what was seen.

use super::stage::Stage;
use crate::house::House;
use anteroom::model::Privilege;
use anteroom::store::audit;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One booking as it was put: validator and octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub etag: String,
    pub body: String,
}

impl Held {
    /// The value of a line of its octets.
    pub fn line(&self, name: &str) -> &str {
        line(&self.body, name)
    }

    /// Whether it lies in April, which is the month that is asked about.
    fn in_april(&self) -> bool {
        self.line("DTSTART").starts_with("202604")
    }
}

/// The value of a line of iCalendar.
pub fn line<'t>(text: &'t str, name: &str) -> &'t str {
    let after = |line: &'t str| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
    text.lines().find_map(after).unwrap_or_default()
}

/// A change that was acknowledged. `None`: the booking is gone.
struct Act {
    name: String,
    held: Option<Held>,
    /// The validator it replaced, where several write one name.
    over: Option<String>,
}

/// What was decided past the doors: bob's right, and the room's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub bob: Option<Privilege>,
    pub name: String,
}

/// When a question was asked: what was acknowledged before, and which decisions can have held.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    acts: usize,
    decided: usize,
    begun: usize,
}

/// What an answer said.
#[derive(Clone, Debug)]
pub enum Seen {
    /// One booking, or that there is none.
    One(String, Option<Held>),
    /// That a booking still has that validator.
    Same(String, String),
    /// Some bookings, each perhaps not there.
    Some(BTreeMap<String, Option<Held>>),
    /// The bookings of April.
    April(BTreeMap<String, Held>),
    /// Every booking with its validator, and the room's number where the answer told it.
    All(BTreeMap<String, String>, Option<i64>),
    /// The room's number and name.
    Room(i64, String),
    /// The times of April at which the room is taken.
    Busy(Vec<String>),
    /// The room's name in a feed, and title and start of every booking.
    Feed(String, BTreeSet<(String, String)>),
    /// What bob may do, as an answer shows it.
    May(Option<Privilege>),
}

/// What was done, as those who did it know it.
pub struct History {
    acts: Mutex<Vec<Act>>,
    decisions: Mutex<Vec<Decision>>,
    decided: AtomicUsize,
    /// Whether readers may stop.
    pub over: AtomicBool,
}

impl History {
    pub fn new(stage: &Stage) -> Self {
        let first = Decision { bob: Some(Privilege::Write), name: stage.room.name.clone() };
        Self {
            acts: Mutex::default(),
            decisions: Mutex::new(vec![first]),
            decided: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// A question is about to be asked.
    pub fn asked(&self) -> Moment {
        let acts = self.acts.lock().unwrap().len();
        Moment { acts, decided: self.decided.load(Ordering::SeqCst), begun: 0 }
    }

    /// It was answered.
    pub fn answered(&self, moment: Moment) -> Moment {
        Moment { begun: self.decisions.lock().unwrap().len() - 1, ..moment }
    }

    /// A write was acknowledged.
    pub fn acknowledged(&self, name: &str, held: Option<Held>, over: Option<String>) {
        self.acts.lock().unwrap().push(Act { name: name.to_owned(), held, over });
    }

    /// A decision is about to be made.
    pub fn deciding(&self, change: impl FnOnce(&mut Decision)) -> Decision {
        let mut decisions = self.decisions.lock().unwrap();
        let mut next = decisions.last().unwrap().clone();
        change(&mut next);
        decisions.push(next.clone());
        next
    }

    /// It was made.
    pub fn decided(&self) {
        self.decided.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether bob had the right to write at some time between question and answer.
    pub fn bob_could_write(&self, moment: Moment) -> bool {
        let decisions = self.decisions.lock().unwrap();
        decisions[moment.decided..=moment.begun].iter().any(|one| one.bob >= Some(Privilege::Write))
    }

    /// The states of the room, one after each change, in the order of the change log: that of the audit.
    pub async fn truth(&self, house: &House) -> Truth {
        let rows = audit::latest(&mut house.read().await, house.tenant(), 1_000_000).await.unwrap();
        let mut log: Vec<(i64, String)> =
            rows.into_iter().filter(|row| row.action.starts_with("object.")).map(|row| (row.seq, row.detail)).collect();
        log.sort();
        assert!(log.iter().map(|(seq, _)| *seq).eq(1..=i64::try_from(log.len()).unwrap()), "{log:?}");
        let acts = self.acts.lock().unwrap();
        assert_eq!(log.len(), acts.len(), "every change was acknowledged once");
        let mut orders = orders(&acts);
        let mut states = vec![BTreeMap::new()];
        let mut seq_of = vec![0; acts.len()];
        for (at, (_, name)) in log.iter().enumerate() {
            let act = orders.get_mut(name).and_then(VecDeque::pop_front).unwrap();
            seq_of[act] = at + 1;
            let mut state = states[at].clone();
            match &acts[act].held {
                Some(held) => state.insert(name.clone(), held.clone()),
                None => state.remove(name),
            };
            states.push(state);
        }
        let mut floors = vec![0];
        for seq in seq_of {
            floors.push(seq.max(*floors.last().unwrap()));
        }
        Truth { states, floors, decisions: self.decisions.lock().unwrap().clone() }
    }
}

/// The acts on each name in the order in which they came true. Who has a name alone knows its order; where several write
/// one name, each says which validator it replaced.
fn orders(acts: &[Act]) -> BTreeMap<String, VecDeque<usize>> {
    let mut orders: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    for (at, act) in acts.iter().enumerate() {
        orders.entry(act.name.clone()).or_default().push_back(at);
    }
    for order in orders.values_mut().filter(|order| order.iter().any(|at| acts[*at].over.is_some())) {
        let first = *order.iter().find(|at| acts[**at].over.is_none()).unwrap();
        let mut chain = VecDeque::from([first]);
        while chain.len() < order.len() {
            let etag = &acts[*chain.back().unwrap()].held.as_ref().unwrap().etag;
            let mut next = order.iter().filter(|at| acts[**at].over.as_ref() == Some(etag));
            chain.push_back(*next.next().expect("each condition held when it was judged"));
            assert!(next.next().is_none(), "two writers replaced the same state");
        }
        *order = chain;
    }
    orders
}

/// What there was to be seen.
pub struct Truth {
    states: Vec<BTreeMap<String, Held>>,
    /// The oldest state that may be shown when so many writes are acknowledged.
    floors: Vec<usize>,
    decisions: Vec<Decision>,
}

impl Truth {
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// Judges what one reader saw, in its order: every answer fits a state that is not older than what was acknowledged
    /// before the question, nor than what the reader saw before.
    pub fn judge(&self, reader: &str, answers: &[(Moment, Seen)]) {
        let mut last = 0;
        for (moment, seen) in answers {
            let held = &self.decisions[moment.decided..=moment.begun];
            if let Seen::May(right) = seen {
                assert!(held.iter().any(|one| one.bob == *right), "{reader}: {right:?}, but then it was {held:?}");
                continue;
            }
            if let Seen::Room(_, name) | Seen::Feed(name, _) = seen {
                assert!(held.iter().any(|one| one.name == *name), "{reader}: {name}, but then it was {held:?}");
            }
            let from = last.max(self.floors[moment.acts]);
            let fits = |state: &usize| self.fits(*state, seen);
            last = (from..self.states.len()).find(fits).unwrap_or_else(|| {
                let stale: Vec<usize> = (0..from).filter(fits).collect();
                panic!("{reader}: no state from {from} on fits, older ones that do: {stale:?}; {seen:?}")
            });
        }
    }

    fn fits(&self, number: usize, seen: &Seen) -> bool {
        let state = &self.states[number];
        let is_number = |seq: i64| usize::try_from(seq).is_ok_and(|seq| seq == number);
        match seen {
            Seen::One(name, held) => state.get(name) == held.as_ref(),
            Seen::Same(name, etag) => state.get(name).is_some_and(|held| held.etag == *etag),
            Seen::Some(some) => some.iter().all(|(name, held)| state.get(name) == held.as_ref()),
            Seen::April(april) => state.iter().filter(|(_, held)| held.in_april()).eq(april.iter()),
            Seen::All(all, seq) => {
                seq.is_none_or(is_number) && state.iter().map(|(name, held)| (name, &held.etag)).eq(all.iter())
            }
            Seen::Room(seq, _) => is_number(*seq),
            Seen::Busy(starts) => {
                let april = state.values().filter(|held| held.in_april());
                let mut taken: Vec<&str> = april.map(|held| held.line("DTSTART")).collect();
                taken.sort_unstable();
                taken == *starts
            }
            Seen::Feed(_, bookings) => {
                let told = |held: &Held| (held.line("SUMMARY").to_owned(), held.line("DTSTART").to_owned());
                state.values().map(told).collect::<BTreeSet<_>>() == *bookings
            }
            Seen::May(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(version: usize) -> Held {
        let body = format!("DTSTART:20260403T0{version}0000Z\r\nSUMMARY:v{version}\r\n");
        Held { etag: version.to_string(), body }
    }

    fn truth() -> Truth {
        let state = |version| BTreeMap::from([("a".to_owned(), held(version))]);
        let decision = |name: &str| Decision { bob: None, name: name.to_owned() };
        let states = vec![BTreeMap::new(), state(1), state(2)];
        Truth { states, floors: vec![0, 1, 2], decisions: vec![decision("old"), decision("new")] }
    }

    fn moment(acts: usize, decided: usize) -> Moment {
        Moment { acts, decided, begun: 1 }
    }

    #[test]
    fn what_is_fresh_passes() {
        let one = |version| Seen::One("a".to_owned(), Some(held(version)));
        truth().judge("r", &[(moment(0, 0), Seen::One("a".to_owned(), None)), (moment(0, 0), one(1))]);
        truth().judge("r", &[(moment(1, 0), one(2)), (moment(2, 0), Seen::Room(2, "old".to_owned()))]);
    }

    #[test]
    #[should_panic(expected = "no state from 2 on fits, older ones that do: [1]")]
    fn an_answer_older_than_an_acknowledged_write_is_found() {
        truth().judge("r", &[(moment(2, 0), Seen::One("a".to_owned(), Some(held(1))))]);
    }

    #[test]
    #[should_panic(expected = "no state from 2 on fits, older ones that do: [0, 1]")]
    fn a_reader_that_goes_back_is_found() {
        let both = |version| Seen::One("a".to_owned(), Some(held(version)));
        let elsewhere = Seen::Some(BTreeMap::from([("b".to_owned(), None)]));
        let mut truth = truth();
        truth.states[2].insert("b".to_owned(), held(1));
        truth.judge("r", &[(moment(0, 0), both(2)), (moment(0, 0), elsewhere)]);
    }

    #[test]
    #[should_panic(expected = "old, but then it was")]
    fn a_name_that_was_replaced_before_the_question_is_found() {
        truth().judge("r", &[(moment(2, 1), Seen::Room(2, "old".to_owned()))]);
    }
}

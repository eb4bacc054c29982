//! One story: people book, change and remove on three sides while everything fails; then everything is healthy again, and
//! what the people did must be what all sides say.

use super::chaos::{Chance, Chaos, MortalClock, Network};
use crate::sync::scene::{CALENDAR, Scene, event};
use anteroom::bridge::{Bridge, RemoteId};
use anteroom::model::{Clock, Event, EventTime};
use anteroom::sync::{Settings, Worker};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What somebody did to a booking since all sides last agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Book,
    Describe(String),
    Place(String),
    Move(Box<Event>),
    Remove,
    TakeUp,
}

/// One booking, known by its title.
#[derive(Debug, Default)]
struct Booking {
    /// Since all sides last agreed.
    acts: Vec<Act>,
    /// Whether all sides had it then.
    stood: bool,
}

pub struct Story<'a> {
    scene: &'a Scene<'a>,
    chance: Chance,
    pub chaos: Arc<Chaos>,
    workers: Vec<Option<Worker>>,
    births: usize,
    bookings: BTreeMap<String, Booking>,
    /// Bookings that were switched off and may be switched on again: remote side, id, title.
    off: Vec<(usize, RemoteId, String)>,
    seed: u64,
    pub acts: u64,
}

impl<'a> Story<'a> {
    pub fn new(scene: &'a Scene<'a>, seed: u64) -> Self {
        let mut chance = Chance(seed);
        // A booking system gives a slot once, which is what keeps doubles away where it keeps no keys.
        scene.remotes[1].bridge.refuse_overlaps();
        if chance.below(2) == 1 {
            scene.remotes[1].bridge.forget_keys();
        }
        let replicas = 1 + chance.below(2);
        let workers = (0..replicas).map(|_| None).collect();
        let (bookings, off) = (BTreeMap::new(), Vec::new());
        Self { scene, chance, chaos: Chaos::new(seed), workers, births: 0, bookings, off, seed, acts: 0 }
    }

    pub async fn play(&mut self) {
        self.settle().await;
        for _ in 0..=self.chance.below(3) {
            let rate = [0, 30, 100, 300][self.chance.below(4)];
            self.chaos.begin(rate, self.workers.len() > 1);
            for _ in 0..4 + self.chance.below(12) {
                self.step(rate).await;
            }
            self.chaos.heal();
            self.settle().await;
            self.check().await;
        }
        self.check_quiet().await;
    }

    async fn step(&mut self, rate: usize) {
        match self.chance.below(13) {
            0..=1 => self.book_in_hub().await,
            2..=3 => self.book_at_remote(),
            4..=5 => self.change_in_hub().await,
            6..=7 => self.change_at_remote(),
            8 => self.remove_in_hub().await,
            9 => self.remove_at_remote(),
            10 => self.take_up_again(),
            _ => {
                if self.chance.of_a_thousand(rate) {
                    let readings = 1 + self.chance.below(80);
                    self.chaos.limit_life(readings);
                }
                let replica = self.chance.below(self.workers.len());
                self.work(replica).await;
            }
        }
        let pause = [500, 5_000, 90_000][self.chance.below(3)];
        self.scene.house.clock.advance_ms(i64::try_from(self.chance.below(pause)).unwrap());
    }

    /// A process does what is due, unless it dies over it.
    async fn work(&mut self, replica: usize) {
        let worker = self.living(replica).await;
        let chaos = self.chaos.clone();
        let mut run = Box::pin(worker.run_until_idle());
        let survived = loop {
            tokio::select! {
                biased;
                () = chaos.died() => break false,
                () = chaos.stands_still() => self.meanwhile(replica).await,
                outcome = &mut run => {
                    outcome.unwrap();
                    break true;
                }
            }
        };
        drop(run);
        if survived {
            self.workers[replica] = Some(worker);
        } else {
            self.chaos.note(format!("process {replica} died"));
            drop(worker);
            self.let_its_tasks_go().await;
        }
        self.chaos.reborn();
    }

    /// While one process stands still, its leases run out and another one does the work.
    async fn meanwhile(&mut self, still: usize) {
        self.scene.house.clock.advance_ms(5 * 60 * 1000);
        let other = (still + 1) % self.workers.len();
        let worker = self.living(other).await;
        let chaos = self.chaos.clone();
        let survived = tokio::select! {
            biased;
            () = chaos.died() => false,
            outcome = worker.run_until_idle() => outcome.is_ok(),
        };
        if survived {
            self.workers[other] = Some(worker);
        } else {
            self.chaos.reborn();
        }
        self.chaos.go_on();
    }

    async fn living(&mut self, replica: usize) -> Worker {
        if let Some(worker) = self.workers[replica].take() {
            return worker;
        }
        self.births += 1;
        let clock = Arc::new(MortalClock { clock: self.scene.house.clock.clone(), chaos: self.chaos.clone() });
        let network = |number: usize, system| {
            let name = format!("remote {number}");
            Arc::new(Network { system, name, chaos: self.chaos.clone() }) as Arc<dyn Bridge>
        };
        let settings = Settings { concurrency: 1, ..Settings::default() };
        let owner = format!("process {}", self.births);
        let worker = self.scene.worker_of(&owner, clock as Arc<dyn Clock>, settings, network);
        if self.workers.len() == 1 {
            worker.take_up().await.unwrap();
        }
        worker
    }

    /// Transactions that died with their process are rolled back when their connection is used again.
    async fn let_its_tasks_go(&self) {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    /// Everything is done, for hours.
    async fn settle(&mut self) {
        for round in 0..8 {
            for replica in 0..self.workers.len() {
                self.work(replica).await;
            }
            let minutes = if round < 4 { 20 } else { 8 * 60 };
            self.scene.house.clock.advance_ms(minutes * 60 * 1000);
        }
    }

    fn did(&mut self, title: &str, act: Act) {
        self.chaos.note(format!("{title}: {act:?}"));
        self.acts += 1;
        self.bookings.entry(title.to_owned()).or_default().acts.push(act);
    }

    fn fresh(&mut self, prefix: &str) -> Event {
        let title = format!("{prefix}{}", self.bookings.len());
        let (day, hour) = slot(self.bookings.len(), false);
        event(&title, &title, day, hour)
    }

    async fn book_in_hub(&mut self) {
        let event = self.fresh("hub-");
        self.scene.put(&event).await.unwrap();
        self.did(&event.content.summary, Act::Book);
    }

    fn book_at_remote(&mut self) {
        let event = self.fresh("far-");
        self.scene.remotes[self.chance.below(2)].bridge.book(CALENDAR, event.clone());
        self.did(&event.content.summary, Act::Book);
    }

    /// A change of one field, or of the time: each booking has two slots of its own.
    fn change(&mut self, event: &mut Event) -> Act {
        let note = format!("note {}", self.chance.below(1_000_000));
        match self.chance.below(3) {
            0 => {
                event.content.description.clone_from(&note);
                Act::Describe(note)
            }
            1 => {
                event.content.location.clone_from(&note);
                Act::Place(note)
            }
            _ => {
                let number = event.content.summary[4..].parse().unwrap();
                let (day, hour) = slot(number, self.chance.below(2) == 1);
                event.when = event_in(day, hour);
                Act::Move(Box::new(event.clone()))
            }
        }
    }

    async fn one_of_hub(&mut self) -> Option<Event> {
        let hub: Vec<Event> = self.scene.hub().await.into_values().collect();
        if hub.is_empty() { None } else { Some(hub[self.chance.below(hub.len())].clone()) }
    }

    fn one_of_remote(&mut self) -> Option<(usize, RemoteId, Event)> {
        let side = self.chance.below(2);
        let events = self.scene.remotes[side].bridge.events(CALENDAR);
        if events.is_empty() {
            return None;
        }
        let (id, event) = events[self.chance.below(events.len())].clone();
        Some((side, id, event))
    }

    async fn change_in_hub(&mut self) {
        let Some(mut event) = self.one_of_hub().await else { return };
        let act = self.change(&mut event);
        self.scene.put(&event).await.unwrap();
        self.did(&event.content.summary, act);
    }

    fn change_at_remote(&mut self) {
        let Some((side, id, mut event)) = self.one_of_remote() else { return };
        let act = self.change(&mut event);
        self.scene.remotes[side].bridge.change(CALENDAR, &id, |stored| *stored = event.clone());
        self.did(&event.content.summary, act);
    }

    async fn remove_in_hub(&mut self) {
        let Some(event) = self.one_of_hub().await else { return };
        self.scene.delete(event.uid.as_str()).await.unwrap();
        self.did(&event.content.summary, Act::Remove);
    }

    fn remove_at_remote(&mut self) {
        let Some((side, id, event)) = self.one_of_remote() else { return };
        if side == 0 || self.chance.below(2) == 0 {
            self.scene.remotes[side].bridge.cancel(CALENDAR, &id);
        } else {
            self.scene.remotes[side].bridge.deactivate(CALENDAR, &id);
            self.off.push((side, id, event.content.summary.clone()));
        }
        self.did(&event.content.summary, Act::Remove);
    }

    fn take_up_again(&mut self) {
        if self.off.is_empty() {
            return;
        }
        let at = self.chance.below(self.off.len());
        let (side, id, title) = self.off.swap_remove(at);
        if self.scene.remotes[side].bridge.reactivate(CALENDAR, &id).is_ok() {
            self.did(&title, Act::TakeUp);
        }
    }

    /// All sides say the same, nothing is there twice, and what the people did has come true.
    async fn check(&mut self) {
        let hub = by_title(self.scene.hub().await.into_values());
        for (number, remote) in self.scene.remotes.iter().enumerate() {
            let events = remote.bridge.events(CALENDAR);
            let there = by_title(events.iter().map(|(_, event)| event.clone()));
            self.hold(there.len() == events.len(), &format!("remote {number} holds something twice"));
            let (here, far): (BTreeSet<_>, BTreeSet<_>) = (hub.keys().collect(), there.keys().collect());
            self.hold(here == far, &format!("remote {number} and hub differ: {:?}", here.symmetric_difference(&far)));
            for (title, event) in &there {
                let same = (&event.content, &event.when) == (&hub[title].content, &hub[title].when);
                self.hold(same, &format!("{title} differs at remote {number}:\n{event:?}\n{:?}", hub[title]));
            }
        }
        let invented: Vec<&String> = hub.keys().filter(|title| !self.bookings.contains_key(*title)).collect();
        self.hold(invented.is_empty(), &format!("invented: {invented:?}"));
        for (title, booking) in &self.bookings {
            self.check_one(title, booking, hub.get(title));
        }
        for (title, booking) in &mut self.bookings {
            booking.acts.clear();
            booking.stood = hub.contains_key(title);
        }
    }

    /// One person's act is done as it was meant; of several at once, none is lost without one that explains it.
    fn check_one(&self, title: &str, booking: &Booking, now: Option<&Event>) {
        let was_removed = booking.acts.contains(&Act::Remove);
        let should_stand = booking.stood || booking.acts.iter().any(|act| matches!(act, Act::Book | Act::TakeUp));
        if should_stand && !was_removed {
            self.hold(now.is_some(), &format!("{title} was lost: {booking:?}"));
        }
        if booking.acts.is_empty() {
            self.hold(now.is_some() == booking.stood, &format!("{title} came back or went by itself: {booking:?}"));
        }
        if let [act] = booking.acts.as_slice() {
            let done = match (act, now) {
                (Act::Remove, now) => now.is_none(),
                (Act::Describe(note), Some(event)) => event.content.description == *note,
                (Act::Place(note), Some(event)) => event.content.location == *note,
                (Act::Move(to), Some(event)) => event.when == to.when,
                (Act::Book | Act::TakeUp, now) => now.is_some(),
                (Act::Describe(_) | Act::Place(_) | Act::Move(_), None) => false,
            };
            self.hold(done, &format!("{title}: {act:?} has not come true: {now:?}"));
        }
    }

    async fn check_quiet(&mut self) {
        let writes = |scene: &Scene<'_>| scene.remotes.iter().map(|remote| remote.bridge.writes()).sum::<u64>();
        let before = writes(self.scene);
        self.settle().await;
        self.hold(before == writes(self.scene), "a quiet run still writes");
        let report = self.scene.verify().await;
        let sound = report.violations.is_empty() && report.mappings == self.scene.remotes.len();
        self.hold(sound, &format!("the invariants do not hold: {report:#?}"));
    }

    fn hold(&self, holds: bool, what: &str) {
        if !holds {
            let trace = self.chaos.trace();
            let seed = self.seed;
            panic!("{what}\n{}\nrepeat with ANTEROOM_SIM_SEED={seed} cargo test --test it sim::", trace.join("\n"));
        }
    }
}

fn by_title(events: impl Iterator<Item = Event>) -> BTreeMap<String, Event> {
    events.map(|event| (event.content.summary.clone(), event)).collect()
}

fn event_in(day: i8, hour: i8) -> EventTime {
    event("", "", day, hour).when
}

/// Slots that never overlap, so that a refused slot is no matter of chance: two hours for each number.
fn slot(number: usize, second: bool) -> (i8, i8) {
    let at = i8::try_from(2 * (number % 110) + usize::from(second)).unwrap();
    (4 + at / 10, 7 + at % 10)
}

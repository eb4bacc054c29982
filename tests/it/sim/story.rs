//! One story: people book, change and remove on three sides while everything fails; then everything is healthy again, and
//! what the people did must be what all sides say.

use super::chaos::{Chance, Chaos, MortalClock, Network};
use super::ground::Ground;
use super::mutant::Mutant;
use crate::sync::scene::{CALENDAR, Scene, event};
use anteroom::bridge::{Bridge, RemoteId};
use anteroom::model::{Clock, Event, EventStatus, EventTime, MappingState, ZoneId};
use anteroom::store::{links, mappings, operations, restore, rooms};
use anteroom::sync::{Settings, Worker};
use jiff::civil::{Date, date};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Rounds of twenty minutes after which everything must have come to rest once nothing fails any more.
const ROUNDS: usize = 12;

const DAY_MS: i64 = 86_400_000;

/// What must hold, and why it does not.
pub type Holds = Result<(), String>;

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

/// When a story takes place.
#[derive(Clone, Copy)]
enum Season {
    Winter,
    /// From that midnight on; in the second night the clocks change.
    Night(Date),
}

/// What a backup was made of.
struct Backup {
    /// Nothing was on its way.
    settled: bool,
    /// Bookings somebody has removed since.
    removed: BTreeSet<String>,
    /// Bookings whose removal was perhaps still on its way. If one was booked anew before any side had heard of the removal,
    /// no side can tell.
    leaving: BTreeSet<String>,
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
    ground: &'a mut Ground,
    without: Option<Mutant>,
    season: Season,
    keyless: bool,
    backup: Option<Backup>,
    chance: Chance,
    pub chaos: Arc<Chaos>,
    workers: Vec<Option<Worker>>,
    births: usize,
    bookings: BTreeMap<String, Booking>,
    /// Items that people made on each side.
    native: BTreeSet<(usize, RemoteId)>,
    /// Bookings that were switched off and may be switched on again: remote side, id, title.
    off: Vec<(usize, RemoteId, String)>,
    /// What somebody removed from the hub and may book anew.
    gone: Vec<Event>,
    pub acts: u64,
}

impl<'a> Story<'a> {
    /// With `rivals` there are two processes, and one stands still whenever it can; what both of them book, nobody but their
    /// lease keeps single.
    pub fn new(
        scene: &'a Scene<'a>,
        ground: &'a mut Ground,
        (seed, rivals): (u64, bool),
        without: Option<Mutant>,
    ) -> Self {
        let mut chance = Chance(seed);
        // A booking system gives a slot once, which is what keeps doubles away where it keeps no keys.
        if !rivals {
            scene.remotes[1].bridge.refuse_overlaps();
        }
        scene.remotes[0].bridge.burn_keys();
        let keyless = chance.below(2) == 1;
        if keyless {
            scene.remotes[1].bridge.forget_keys();
        }
        if chance.below(2) == 1 {
            scene.remotes[0].bridge.give_own_uids();
        }
        let replicas = if rivals { 2 } else { 1 + chance.below(2) };
        let season = match chance.below(4) {
            0 => Season::Night(date(2026, 3, 28)),
            1 => Season::Night(date(2026, 10, 24)),
            _ => Season::Winter,
        };
        Self {
            scene,
            ground,
            without,
            season,
            keyless,
            backup: None,
            chance,
            chaos: Chaos::new(seed, rivals),
            workers: (0..replicas).map(|_| None).collect(),
            births: 0,
            bookings: BTreeMap::new(),
            native: BTreeSet::new(),
            off: Vec::new(),
            gone: Vec::new(),
            acts: 0,
        }
    }

    pub async fn play(&mut self) -> Holds {
        if let Season::Night(day) = self.season {
            let days = i64::from((day - date(2026, 3, 3)).get_days());
            self.scene.house.clock.advance_ms(days * DAY_MS);
        }
        self.work(0).await?;
        // Most stories are short: what two or three acts and one fault can break, they break. Some are long.
        let (rounds, steps) = if self.chance.below(10) == 0 { (1 + self.chance.below(3), 20) } else { (1, 9) };
        for _ in 0..rounds {
            self.round(steps).await?;
        }
        if let Some(backup) = self.backup.take() {
            self.go_back(backup).await?;
        }
        self.check_quiet().await?;
        if self.chance.below(8) == 0 { self.accident().await } else { Ok(()) }
    }

    /// Acts while everything fails, then health, then all sides agree.
    async fn round(&mut self, most: usize) -> Holds {
        let rate = [100, 200, 300, 400][self.chance.below(4)];
        let steps = 3 + self.chance.below(most - 2);
        // Where copies are known by their content only, a backup of a moment in which something was on its way cannot
        // tell later which is which.
        let backup = match self.chance.below(6) {
            0 => Some(0),
            1 if !self.keyless => Some(self.chance.below(steps)),
            _ => None,
        };
        self.chaos.begin(rate, self.workers.len() > 1);
        for step in 0..steps {
            if backup == Some(step) {
                self.remember(step == 0).await;
            }
            self.step(rate).await?;
        }
        self.chaos.heal();
        self.chaos.deliver().await;
        self.hear_of_the_quick();
        self.settle().await?;
        self.check().await
    }

    async fn step(&mut self, rate: usize) -> Holds {
        match self.chance.below(18) {
            0..=1 => self.book_in_hub().await?,
            2..=3 => self.book_at_remote(),
            4..=5 => self.change_in_hub().await?,
            6..=7 => self.change_at_remote().await,
            8 => self.remove_in_hub().await?,
            9 => self.remove_at_remote(),
            10 => self.take_up_again().await,
            11 => self.book_anew().await?,
            _ => {
                if self.chance.of_a_thousand(rate) {
                    let readings = 1 + self.chance.below(80);
                    self.chaos.limit_life(readings);
                }
                let replica = self.chance.below(self.workers.len());
                self.work(replica).await?;
            }
        }
        if self.chance.below(3) == 0 {
            self.chaos.deliver().await;
        }
        let pause = [500, 5_000, 90_000][self.chance.below(3)];
        self.scene.house.clock.advance_ms(i64::try_from(self.chance.below(pause)).unwrap());
        Ok(())
    }

    /// A process does what is due, unless it dies over it.
    async fn work(&mut self, replica: usize) -> Holds {
        if let Some(without) = self.without {
            without.before_work(self.ground).await;
        }
        let worker = self.living(replica).await;
        let chaos = self.chaos.clone();
        let mut run = Box::pin(worker.run_until_idle());
        let survived = loop {
            tokio::select! {
                biased;
                () = chaos.died() => break false,
                () = chaos.stands_still() => self.meanwhile(replica).await,
                outcome = &mut run => {
                    outcome.map_err(|error| format!("a process gave up: {error}"))?;
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
        self.hear_of_the_quick();
        Ok(())
    }

    /// People have changed bookings while they were written.
    fn hear_of_the_quick(&mut self) {
        for (title, note) in self.chaos.quicker() {
            self.did(&title, Act::Describe(note));
        }
    }

    /// While one process stands still, its leases run out and another one does the work.
    async fn meanwhile(&mut self, still: usize) {
        // Within its lease, or beyond it.
        let pause_ms = if self.chance.below(2) == 0 { 10_000 } else { 5 * 60 * 1000 };
        self.scene.house.clock.advance_ms(pause_ms);
        if let Some(without) = self.without {
            without.before_rival(self.ground).await;
        }
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
        if let Some(without) = self.without {
            self.let_transactions_go().await;
            without.after_rival(self.ground).await;
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
            let (name, chaos, without) = (format!("remote {number}"), self.chaos.clone(), self.without);
            Arc::new(Network { system, name, chaos, without, creates: AtomicU64::new(0) }) as Arc<dyn Bridge>
        };
        let settings = Settings { concurrency: 1, ..Settings::default() };
        let settings = self.without.map_or(settings.clone(), |without| without.settings(settings));
        let owner = format!("process {}", self.births);
        let owner = self.without.map_or(owner.clone(), |without| without.owner(owner));
        let worker = self.scene.worker_of(&owner, clock as Arc<dyn Clock>, settings, network);
        if self.workers.len() == 1 {
            worker.take_up().await.unwrap();
        }
        worker
    }

    /// Transactions that died with their process are rolled back when their connection is used again.
    async fn let_its_tasks_go(&mut self) {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        if let Some(without) = self.without {
            self.let_transactions_go().await;
            without.after_death(self.ground).await;
        }
    }

    /// The next transaction ends those that died.
    async fn let_transactions_go(&self) {
        self.scene.house.write_one(async |_| Ok(())).await;
    }

    /// Everything becomes healthy, and everything that was begun is done within hours, without a complete comparison.
    async fn settle(&mut self) -> Holds {
        for round in 0..ROUNDS {
            // In every round a poll is due, also in the first.
            self.scene.house.clock.advance_ms(20 * 60 * 1000);
            let before = self.pulse().await;
            for replica in 0..self.workers.len() {
                self.work(replica).await?;
            }
            let after = self.pulse().await;
            // The first list of all may lag behind; what moved nothing in a later round moves nothing any more.
            if round > 0 && before == after && after.waits == 0 {
                return Ok(());
            }
        }
        Err(format!("it has not come to rest: {:?}", self.pulse().await))
    }

    async fn pulse(&self) -> Pulse {
        let house = self.scene.house;
        let mut tx = house.read().await;
        let room = rooms::get(&mut tx, house.tenant(), &self.scene.room.id).await.unwrap().unwrap();
        let open = operations::backlog_of_tenant(&mut tx, house.tenant()).await.unwrap().open_count;
        let mappings = mappings::list(&mut tx, house.tenant()).await.unwrap();
        let failures: i64 = mappings.iter().map(|mapping| mapping.failures).sum();
        Pulse { seq: room.seq, writes: self.writes(), waits: open + failures }
    }

    fn writes(&self) -> u64 {
        self.scene.remotes.iter().map(|remote| remote.bridge.writes()).sum()
    }

    fn did(&mut self, title: &str, act: Act) {
        self.chaos.note(format!("{title}: {act:?}"));
        self.acts += 1;
        if let (Some(backup), Act::Remove) = (&mut self.backup, &act) {
            backup.removed.insert(title.to_owned());
        }
        self.bookings.entry(title.to_owned()).or_default().acts.push(act);
    }

    fn fresh(&mut self, prefix: &str) -> Event {
        let number = self.bookings.len();
        let title = format!("{prefix}{number}");
        Event { when: self.slot(number, false), ..event(&title, &title, 1, 1) }
    }

    /// Slots that never overlap, so that a refused slot is no matter of chance: two hours for each number.
    fn slot(&self, number: usize, second: bool) -> EventTime {
        let at = i64::try_from(2 * (number % 110) + usize::from(second)).unwrap();
        let start = match self.season {
            Season::Winter => date(2026, 3, 4).at(7, 0, 0, 0) + jiff::Span::new().days(at / 10).hours(at % 10),
            // There is no hour from two to three in the night of spring.
            Season::Night(day) if day.month() == 3 && at == 26 => day.at(0, 0, 0, 0) + jiff::Span::new().hours(230),
            Season::Night(day) => day.at(0, 0, 0, 0) + jiff::Span::new().hours(at),
        };
        let end = start + jiff::Span::new().hours(1);
        EventTime::Timed { start, end, zone: ZoneId::parse("Europe/Oslo").unwrap() }
    }

    /// What was removed from the hub is booked there once more, under its old UID. Who sees that it stands there does not.
    async fn book_anew(&mut self) -> Holds {
        if self.gone.is_empty() {
            return Ok(());
        }
        let at = self.chance.below(self.gone.len());
        let event = self.gone.swap_remove(at);
        let same = |other: &Event| other.uid == event.uid || other.content.summary == event.content.summary;
        if self.scene.hub().await.values().any(same) {
            return Ok(());
        }
        self.put(&event, Act::Book).await
    }

    async fn put(&mut self, event: &Event, act: Act) -> Holds {
        let title = &event.content.summary;
        let written = if self.chance.below(4) == 0 { in_utc(event) } else { event.clone() };
        self.scene.put(&written).await.map_err(|error| format!("the hub refuses {act:?} of {title}: {error}"))?;
        self.did(title, act);
        Ok(())
    }

    async fn book_in_hub(&mut self) -> Holds {
        let event = self.fresh("hub-");
        self.put(&event, Act::Book).await
    }

    fn book_at_remote(&mut self) {
        let event = self.fresh("far-");
        let side = self.chance.below(2);
        let id = self.scene.remotes[side].bridge.book(CALENDAR, event.clone());
        self.native.insert((side, id));
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
                let second = self.chance.below(2) == 1;
                event.when = self.slot(number, second);
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

    async fn change_in_hub(&mut self) -> Holds {
        let Some(mut event) = self.one_of_hub().await else { return Ok(()) };
        let act = self.change(&mut event);
        self.put(&event, act).await
    }

    async fn change_at_remote(&mut self) {
        let Some((side, id, mut event)) = self.one_of_remote() else { return };
        let before = event.when.clone();
        let act = self.change(&mut event);
        // Where copies are known by their content only, one that moves before anybody knows of it is another booking.
        if !event.when.is_same_span(&before) && side == 1 && self.keyless && !self.is_known(side, &id).await {
            return;
        }
        self.scene.remotes[side].bridge.change(CALENDAR, &id, |stored| *stored = event.clone());
        self.did(&event.content.summary, act);
    }

    /// Whether the gateway knows of a remote item, or people made it there.
    async fn is_known(&self, side: usize, id: &RemoteId) -> bool {
        let (house, mapping) = (self.scene.house, &self.scene.remotes[side].mapping);
        let mut tx = house.read().await;
        let link = links::by_remote(&mut tx, house.tenant(), mapping, &id.0).await.unwrap();
        link.is_some() || self.native.contains(&(side, id.clone()))
    }

    /// Whether the gateway has ever known of a remote item, or people made it there.
    async fn was_known(&self, side: usize, id: &RemoteId) -> bool {
        let (house, mapping) = (self.scene.house, &self.scene.remotes[side].mapping);
        let was_forgotten =
            links::was_forgotten(&mut house.read().await, house.tenant(), mapping, &id.0).await.unwrap();
        was_forgotten || self.is_known(side, id).await
    }

    async fn remove_in_hub(&mut self) -> Holds {
        let Some(event) = self.one_of_hub().await else { return Ok(()) };
        let title = &event.content.summary;
        self.scene.delete(event.uid.as_str()).await.map_err(|error| format!("{title} cannot be removed: {error}"))?;
        self.did(title, Act::Remove);
        self.gone.push(event);
        Ok(())
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

    async fn take_up_again(&mut self) {
        if self.off.is_empty() {
            return;
        }
        let at = self.chance.below(self.off.len());
        let (side, id, title) = self.off.swap_remove(at);
        // A copy that nobody has heard of is one whose making arrives late, and is not taken for one taken up again.
        if !self.was_known(side, &id).await {
            return;
        }
        // Whoever sees that the booking stands there does not take its cancelled twin up again.
        let twin = |(_, event): &(RemoteId, Event)| event.content.summary == title;
        if self.scene.remotes[side].bridge.events(CALENDAR).iter().any(twin) {
            return;
        }
        if self.scene.remotes[side].bridge.reactivate(CALENDAR, &id).is_ok() {
            self.did(&title, Act::TakeUp);
        }
    }

    /// A backup is made.
    async fn remember(&mut self, settled: bool) {
        self.let_transactions_go().await;
        self.ground.remember().await;
        self.chaos.note("backup".to_owned());
        let leaves = |(_, booking): &(&String, &Booking)| booking.acts.contains(&Act::Remove);
        let leaving = self.bookings.iter().filter(leaves).map(|(title, _)| title.clone()).collect();
        self.backup = Some(Backup { settled, removed: BTreeSet::new(), leaving });
    }

    /// The database is set back to the backup. The remote systems know what has happened since, and it comes back.
    async fn go_back(&mut self, backup: Backup) -> Holds {
        let before = by_title(self.scene.hub().await.into_values());
        self.workers.iter_mut().for_each(|worker| *worker = None);
        self.let_transactions_go().await;
        self.ground.restore().await;
        self.chaos.count("backup restored");
        self.chaos.note("restored".to_owned());
        let now = self.scene.house.now();
        self.scene.house.write_one(async |tx| restore::begin_anew(tx, now).await).await;
        self.settle().await?;
        let after = self.agreement().await?;
        for (title, event) in &before {
            let now = after.get(title);
            if now.is_none() && backup.leaving.contains(title) {
                continue;
            }
            hold(now.is_some(), || format!("{title} was lost with the backup"))?;
            let same = now.is_some_and(|now| says_the_same(now, event));
            hold(same || !backup.settled, || format!("{title} went back in time:\n{event:?}\n{now:?}"))?;
        }
        for title in after.keys().filter(|title| !before.contains_key(*title)) {
            hold(backup.removed.contains(title), || format!("{title} came back with the backup"))?;
        }
        self.remember_agreement(&after);
        Ok(())
    }

    /// Somebody empties the folder by mistake, after everything else. Nothing is removed anywhere.
    async fn accident(&mut self) -> Holds {
        self.chaos.count("folder emptied");
        for _ in 0..14 {
            let event = self.fresh("far-");
            self.scene.remotes[0].bridge.book(CALENDAR, event.clone());
            self.did(&event.content.summary, Act::Book);
        }
        self.settle().await?;
        let before = self.agreement().await?;
        for (id, _) in self.scene.remotes[0].bridge.events(CALENDAR) {
            self.scene.remotes[0].bridge.cancel(CALENDAR, &id);
        }
        self.settle().await?;
        let hub = by_title(self.scene.hub().await.into_values());
        hold(hub.keys().eq(before.keys()), || format!("of {} bookings {} are left", before.len(), hub.len()))?;
        let there = self.scene.remotes[1].bridge.events(CALENDAR).len();
        hold(there == before.len(), || format!("of {} bookings {there} are left on the other side", before.len()))?;
        let state = self.scene.mapping().await.state;
        hold(state == MappingState::Held, || format!("an emptied folder leaves the mapping {state:?}"))
    }

    /// All sides say the same, and nothing is there twice.
    async fn agreement(&self) -> Result<BTreeMap<String, Event>, String> {
        let events = self.scene.hub().await;
        let hub = by_title(events.values().cloned());
        hold(hub.len() == events.len(), || "the hub holds something twice".to_owned())?;
        for (number, remote) in self.scene.remotes.iter().enumerate() {
            let events = remote.bridge.events(CALENDAR);
            let there = by_title(events.iter().map(|(_, event)| event.clone()));
            hold(there.len() == events.len(), || format!("remote {number} holds something twice"))?;
            let (here, far): (BTreeSet<_>, BTreeSet<_>) = (hub.keys().collect(), there.keys().collect());
            hold(here == far, || format!("remote {number} and hub differ: {:?}", here.symmetric_difference(&far)))?;
            for (title, event) in &there {
                let same = says_the_same(event, &hub[title]);
                hold(same, || format!("{title} differs at remote {number}:\n{event:?}\n{:?}", hub[title]))?;
            }
        }
        let invented: Vec<&String> = hub.keys().filter(|title| !self.bookings.contains_key(*title)).collect();
        hold(invented.is_empty(), || format!("invented: {invented:?}"))?;
        Ok(hub)
    }

    /// All sides agree, and what the people did has come true.
    async fn check(&mut self) -> Holds {
        let hub = self.agreement().await?;
        for (title, booking) in &self.bookings {
            check_one(title, booking, hub.get(title))?;
        }
        self.remember_agreement(&hub);
        Ok(())
    }

    fn remember_agreement(&mut self, hub: &BTreeMap<String, Event>) {
        for (title, booking) in &mut self.bookings {
            booking.acts.clear();
            booking.stood = hub.contains_key(title);
        }
    }

    /// A complete comparison finds nothing to do, and the invariants hold.
    async fn check_quiet(&mut self) -> Holds {
        let before = self.writes();
        self.scene.house.clock.advance_ms(25 * 60 * 60 * 1000);
        for replica in 0..self.workers.len() {
            self.work(replica).await?;
        }
        hold(before == self.writes(), || "a quiet run still writes".to_owned())?;
        let report = self.scene.verify().await;
        let sound = report.violations.is_empty() && report.mappings == self.scene.remotes.len();
        hold(sound, || format!("the invariants do not hold: {report:#?}"))
    }
}

/// What tells whether anything still moves.
#[derive(Debug, PartialEq, Eq)]
struct Pulse {
    seq: i64,
    writes: u64,
    waits: i64,
}

fn hold(holds: bool, what: impl FnOnce() -> String) -> Holds {
    if holds { Ok(()) } else { Err(what()) }
}

/// One person's act is done as it was meant; of several at once, none is lost without one that explains it.
fn check_one(title: &str, booking: &Booking, now: Option<&Event>) -> Holds {
    let confirmed = now.is_none_or(|event| event.content.status == EventStatus::Confirmed);
    hold(confirmed, || format!("{title} was refused, and nobody had its slot: {booking:?}"))?;
    let was_removed = booking.acts.contains(&Act::Remove);
    let should_stand = booking.stood || booking.acts.iter().any(|act| matches!(act, Act::Book | Act::TakeUp));
    if should_stand && !was_removed {
        hold(now.is_some(), || format!("{title} was lost: {booking:?}"))?;
    }
    if booking.acts.is_empty() {
        hold(now.is_some() == booking.stood, || format!("{title} came back or went by itself: {booking:?}"))?;
    }
    for act in booking.acts.iter().filter(|act| is_alone(act, &booking.acts)) {
        let done = match (act, now) {
            (Act::Remove, now) => now.is_none(),
            (Act::Describe(note), Some(event)) => event.content.description == *note,
            (Act::Place(note), Some(event)) => event.content.location == *note,
            (Act::Move(to), Some(event)) => event.when.is_same_span(&to.when),
            (Act::Book | Act::TakeUp, now) => now.is_some(),
            (Act::Describe(_) | Act::Place(_) | Act::Move(_), None) => false,
        };
        hold(done, || format!("{title}: {act:?} has not come true: {now:?} after {:?}", booking.acts))?;
    }
    Ok(())
}

/// Whether nobody did anything else to what the act is about: one change of the place, of the time and of the text each
/// come true together.
fn is_alone(act: &Act, acts: &[Act]) -> bool {
    let edits = acts.iter().all(|other| matches!(other, Act::Describe(_) | Act::Place(_) | Act::Move(_)));
    let alike = acts.iter().filter(|other| discriminant(*other) == discriminant(act)).count();
    acts.len() == 1 || edits && alike == 1
}

/// Whether two versions of a booking are one in everything but the zone in which its time is written.
fn says_the_same(one: &Event, other: &Event) -> bool {
    one.content == other.content && one.when.is_same_span(&other.when)
}

/// The same booking as a program writes it that knows no zones.
fn in_utc(event: &Event) -> Event {
    let utc = ZoneId::utc();
    let (start, end) = event.when.instants(&utc);
    Event { when: EventTime::Timed { start: utc.wall(start), end: utc.wall(end), zone: utc }, ..event.clone() }
}

fn by_title(events: impl Iterator<Item = Event>) -> BTreeMap<String, Event> {
    events.map(|event| (event.content.summary.clone(), event)).collect()
}

//! Seeded chance: people book on every side while calls fail and answers get lost. When it is quiet again, all sides say
//! the same, nothing is there twice, and what nobody deleted is still there. A failing seed is printed.

use super::scene::{CALENDAR, Scene, event};
use crate::house::{Engine, House, run};
use anteroom::bridge::BridgeError;
use anteroom::bridge::memory::Fault;
use anteroom::model::Event;
use std::collections::BTreeMap;

/// `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn fault(&mut self) -> Fault {
        match self.below(6) {
            0 => Fault::Before(BridgeError::Busy { after_ms: Some(5_000) }),
            1 => Fault::Before(BridgeError::Transport("reset".to_owned())),
            2 => Fault::Before(BridgeError::Unknown("timeout".to_owned())),
            3 => Fault::Before(BridgeError::CursorGone),
            _ => Fault::LostAnswer,
        }
    }
}

/// Slots that never overlap, so that a refused slot is no matter of chance: one hour for each number.
fn slot(number: usize) -> (i8, i8) {
    let number = i8::try_from(number % 200).unwrap();
    (3 + number / 10, 7 + number % 10)
}

struct Story<'a> {
    scene: &'a Scene<'a>,
    chance: Chance,
    born: usize,
    /// Titles are unique and tell who made what; those that somebody deleted.
    deleted: Vec<String>,
}

impl Story<'_> {
    async fn act(&mut self) {
        match self.chance.below(10) {
            0..=1 => self.book_in_hub().await,
            2..=3 => self.book_at_remote(),
            4 => self.edit_in_hub().await,
            5 => self.edit_at_remote(),
            6 => self.delete_in_hub().await,
            7 => self.delete_at_remote(),
            8 => {
                let faults: Vec<Fault> = (0..=self.chance.below(3)).map(|_| self.chance.fault()).collect();
                self.scene.remotes[self.chance.below(2)].bridge.fail_next(faults);
            }
            _ => self.scene.run().await,
        }
        self.scene.house.clock.advance_ms(i64::try_from(self.chance.below(90_000)).unwrap());
    }

    fn fresh(&mut self, prefix: &str) -> Event {
        self.born += 1;
        let (day, hour) = slot(self.born);
        event(&format!("{prefix}{}", self.born), &format!("{prefix}{}", self.born), day, hour)
    }

    async fn book_in_hub(&mut self) {
        let event = self.fresh("hub-");
        self.scene.put(&event).await.unwrap();
    }

    fn book_at_remote(&mut self) {
        let remote = self.chance.below(2);
        let event = self.fresh("far-");
        self.scene.remotes[remote].bridge.book(CALENDAR, event);
    }

    async fn edit_in_hub(&mut self) {
        let hub: Vec<Event> = self.scene.hub().await.into_values().collect();
        if hub.is_empty() {
            return;
        }
        let mut event = hub[self.chance.below(hub.len())].clone();
        event.content.description = format!("edit {}", self.chance.next());
        self.scene.put(&event).await.unwrap();
    }

    fn edit_at_remote(&mut self) {
        let bridge = &self.scene.remotes[self.chance.below(2)].bridge;
        let events = bridge.events(CALENDAR);
        if !events.is_empty() {
            let note = format!("edit {}", self.chance.next());
            bridge.change(CALENDAR, &events[self.chance.below(events.len())].0, |event| event.content.location = note);
        }
    }

    async fn delete_in_hub(&mut self) {
        let hub: Vec<Event> = self.scene.hub().await.into_values().collect();
        if !hub.is_empty() {
            let event = &hub[self.chance.below(hub.len())];
            self.deleted.push(event.content.summary.clone());
            self.scene.delete(event.uid.as_str()).await.unwrap();
        }
    }

    fn delete_at_remote(&mut self) {
        let bridge = &self.scene.remotes[self.chance.below(2)].bridge;
        let events = bridge.events(CALENDAR);
        if !events.is_empty() {
            let (id, event) = &events[self.chance.below(events.len())];
            self.deleted.push(event.content.summary.clone());
            bridge.cancel(CALENDAR, id);
        }
    }
}

async fn play(house: &House, seed: u64) {
    let scene = Scene::new(house, 2).await;
    if seed % 2 == 1 {
        scene.remotes[1].bridge.forget_keys();
    }
    let mut story = Story { scene: &scene, chance: Chance(seed), born: 0, deleted: Vec::new() };
    for _ in 0..60 {
        story.act().await;
    }
    for remote in &scene.remotes {
        // Faults that nobody has met yet would hit the quiet time.
        while remote.bridge.forget_fault() {}
    }
    scene.settle().await;
    scene.settle().await;
    let hub: BTreeMap<String, Event> =
        scene.hub().await.into_values().map(|e| (e.content.summary.clone(), e)).collect();
    for (number, remote) in scene.remotes.iter().enumerate() {
        let events = remote.bridge.events(CALENDAR);
        let there: BTreeMap<String, Event> =
            events.iter().map(|(_, event)| (event.content.summary.clone(), event.clone())).collect();
        assert_eq!(there.len(), events.len(), "seed {seed}: remote {number} holds something twice");
        let titles = |side: &BTreeMap<String, Event>| side.keys().cloned().collect::<Vec<_>>();
        assert_eq!(titles(&there), titles(&hub), "seed {seed}: remote {number} and hub differ");
        for (title, event) in &there {
            let same = (&event.content, &event.when) == (&hub[title].content, &hub[title].when);
            assert!(same, "seed {seed}: {title} differs: {event:?} {:?}", hub[title]);
        }
    }
    for number in 1..=story.born {
        let exists = [format!("hub-{number}"), format!("far-{number}")]
            .iter()
            .any(|title| hub.contains_key(title) || story.deleted.contains(title));
        assert!(exists, "seed {seed}: booking {number} was lost");
    }
    let writes: Vec<u64> = scene.remotes.iter().map(|remote| remote.bridge.writes()).collect();
    scene.settle().await;
    let after: Vec<u64> = scene.remotes.iter().map(|remote| remote.bridge.writes()).collect();
    assert_eq!(writes, after, "seed {seed}: a quiet run still writes");
}

#[expect(clippy::disallowed_methods, reason = "how long the ring runs is the caller's choice")]
fn seeds() -> u64 {
    let scale = std::env::var("ANTEROOM_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    40 * scale
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_all_sides_agree_in_the_end() {
    for seed in 0..seeds() {
        run(Engine::Sqlite, async |house: &House| play(house, seed).await).await;
    }
}

//! What the people of the town know for certain: every booking they made, changed or took away on any side, and what
//! may have become of those whose answer was lost.

use super::http::{Answer, Trouble};
use super::quiet::Picture;
use super::town::{SIDES, Seen, Side, Town, slot};
use std::collections::BTreeMap;

/// Rooms that are booked by the workload: of both booking systems, without seasons in them.
const ROOMS: [&str; 6] =
    ["kommunestyresalen", "moterom-fjord", "formannskapssalen", "moterom-fjell", "kantina", "biblioteket-grupperom"];

/// A small seeded generator (splitmix64): equal seeds give equal walks.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// One booking.
#[derive(Debug)]
struct Booking {
    room: &'static str,
    born: Side,
    /// What its side of birth calls it; `None` where the answer was lost.
    id: Option<String>,
    /// What it may be now: one state, or two where an answer was lost. `None` is absence.
    states: Vec<Option<Seen>>,
    history: Vec<String>,
}

/// How many acts of each outcome there were.
#[derive(Debug, Default)]
pub struct Tally {
    pub confirmed: u32,
    pub unheard: u32,
    pub uncertain: u32,
}

/// All bookings of one walk.
pub struct Ledger {
    dice: Dice,
    bookings: Vec<Booking>,
    slots: BTreeMap<&'static str, i64>,
    /// Answers that cannot be if nothing is lost or invented.
    surprises: Vec<String>,
    pub tally: Tally,
}

impl Ledger {
    pub fn new(seed: u64) -> Self {
        let (bookings, surprises) = (Vec::new(), Vec::new());
        Self { dice: Dice(seed), bookings, slots: BTreeMap::new(), surprises, tally: Tally::default() }
    }

    /// One act of one person.
    pub fn step(&mut self, town: &Town) {
        match self.dice.below(10) {
            0..=4 => self.book(town),
            5..=7 => self.change(town),
            _ => self.cancel(town),
        }
    }

    /// A slot that nothing of this walk ever has, at hours at which the town has no series on any day of a week.
    fn fresh_slot(&mut self, room: &'static str) -> Seen {
        let count = self.slots.entry(room).or_insert(0);
        *count += 1;
        slot(30 + *count / 5, 9 + *count % 5)
    }

    fn book(&mut self, town: &Town) {
        let (room, born) = (*self.dice.pick(&ROOMS), *self.dice.pick(&SIDES));
        let what = self.fresh_slot(room).titled(&format!("W{}", self.bookings.len()));
        let outcome = town.book(born, town.room(room), &what);
        let (id, states) = match outcome {
            Err(Trouble::NotSent) => return self.tally.unheard += 1,
            Err(Trouble::Unknown) => (None, vec![None, Some(what)]),
            Ok(Err(answer)) if answer.status >= 500 => (None, vec![None, Some(what)]),
            Ok(Err(answer)) => return self.surprises.push(format!("{what:?} on {born:?} of {room}: {answer:?}")),
            Ok(Ok(id)) => (Some(id), vec![Some(what)]),
        };
        self.count(states.len());
        let history = vec![format!("book on {born:?}: {states:?}")];
        self.bookings.push(Booking { room, born, id, states, history });
    }

    fn change(&mut self, town: &Town) {
        let Some((at, side, id, old)) = self.target(town) else { return };
        let room = self.bookings[at].room;
        let version = self.bookings[at].history.len();
        let title = format!("W{at} v{version}");
        let what = match self.dice.below(3) {
            0 => old.titled(&title),
            1 => self.fresh_slot(room).titled(&old.title),
            _ => self.fresh_slot(room).titled(&title),
        };
        let outcome = town.change(side, town.room(room), &id, &what);
        self.conclude(at, side, outcome, Some(what));
    }

    fn cancel(&mut self, town: &Town) {
        let Some((at, side, id, _)) = self.target(town) else { return };
        let outcome = town.cancel(side, town.room(self.bookings[at].room), &id);
        self.conclude(at, side, outcome, None);
    }

    /// A booking whose state is certain, and a side to touch it on. Somebody on another side than that of its birth
    /// touches it only when it is known everywhere and nothing is on its way, so that no two people edit one booking at
    /// once, and nobody a copy whose making is not confirmed yet.
    fn target(&mut self, town: &Town) -> Option<(usize, Side, String, Seen)> {
        let certain = |booking: &&(usize, &Booking)| booking.1.states.len() == 1 && booking.1.states[0].is_some();
        let all: Vec<usize> = self.bookings.iter().enumerate().filter(|one| certain(&one)).map(|(at, _)| at).collect();
        if all.is_empty() {
            return None;
        }
        let at = *self.dice.pick(&all);
        let side = *self.dice.pick(&SIDES);
        let booking = &self.bookings[at];
        let what = booking.states[0].clone()?;
        if side == booking.born {
            return Some((at, side, booking.id.clone()?, what));
        }
        let room = town.room(booking.room);
        let names: Option<Vec<String>> = SIDES.iter().map(|side| town.find(*side, room, &what)).collect();
        let names = names?;
        if is_on_its_way(town, booking.room) {
            return None;
        }
        let index = SIDES.iter().position(|one| *one == side)?;
        Some((at, side, names[index].clone(), what))
    }

    fn conclude(&mut self, at: usize, side: Side, outcome: Result<Answer, Trouble>, wanted: Option<Seen>) {
        let booking = &mut self.bookings[at];
        let word = outcome.as_ref().map_or_else(|trouble| format!("{trouble:?}"), |answer| answer.status.to_string());
        booking.history.push(format!("{wanted:?} on {side:?}: {word}"));
        match outcome {
            Err(Trouble::NotSent) => return self.tally.unheard += 1,
            // The object was touched between reading and writing it.
            Ok(answer) if answer.status == 412 => return self.tally.unheard += 1,
            Ok(answer) if answer.is_success() => booking.states = vec![wanted],
            Ok(answer) if answer.status < 500 => {
                let text = format!("{:?}: {answer:?}", booking.history);
                return self.surprises.push(text);
            }
            Err(Trouble::Unknown) | Ok(_) => booking.states.push(wanted),
        }
        let length = booking.states.len();
        self.count(length);
    }

    fn count(&mut self, states: usize) {
        if states == 1 { self.tally.confirmed += 1 } else { self.tally.uncertain += 1 }
    }

    /// Nothing lost, nothing doubled, nothing invented: the picture, equal on all sides, is what the people know.
    pub fn check(&self, before: &Picture, now: &Picture) {
        assert!(self.surprises.is_empty(), "answers that cannot be: {:#?}", self.surprises);
        for (room, seen) in now {
            let (ours, others): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|seen| number(&seen.title).is_some());
            assert!(others.into_iter().eq(&before[room]), "what was there before is as it was, in {room}");
            for one in ours {
                let booking = self.bookings.get(number(&one.title).unwrap());
                let booking = booking.unwrap_or_else(|| panic!("invented in {room}: {one:?}"));
                assert_eq!(booking.room, room, "{one:?} wandered: {:#?}", booking.history);
            }
        }
        for (at, booking) in self.bookings.iter().enumerate() {
            let found: Vec<&Seen> = now[booking.room].iter().filter(|seen| number(&seen.title) == Some(at)).collect();
            assert!(found.len() < 2, "doubled: {found:?}\n{:#?}", booking.history);
            let found = found.first().map(|seen| (*seen).clone());
            assert!(booking.states.contains(&found), "W{at} in {}: {found:?}\n{booking:#?}", booking.room);
        }
    }
}

/// Whether something waits to be sent in the room, or nobody can say.
fn is_on_its_way(town: &Town, room: &str) -> bool {
    ["pending", "sending", "unknown"].iter().any(|state| {
        let Ok(answer) = town.api("GET", &format!("/operations?state={state}")) else { return true };
        !answer.is_success() || answer.json()["items"].as_array().unwrap().iter().any(|open| open["room"] == room)
    })
}

/// The number in a title of ours.
fn number(title: &str) -> Option<usize> {
    title.split(' ').next()?.strip_prefix('W')?.parse().ok()
}

/// Prints the seed when the test that holds it fails.
pub struct Seed(pub u64);

impl Seed {
    /// The seed of the environment, or this one.
    #[expect(clippy::disallowed_methods, reason = "the seed of a test is no configuration of the gateway")]
    pub fn or(usual: u64) -> Self {
        Self(std::env::var("ANTEROOM_WALK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(usual))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("repeat this walk with ANTEROOM_WALK_SEED={}", self.0);
        }
    }
}

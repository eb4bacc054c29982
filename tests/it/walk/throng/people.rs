//! Somebody who books, moves, renames and cancels in some of the rooms, on every side of them, and writes down what was
//! answered. The gateway's own tables are not asked.

use crate::walk::http::{Answer, Trouble};
use crate::walk::ledger::Dice;
use crate::walk::town::{Room, SIDES, Seen, Side, Town, slot};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Acts in one visit of a room, at most.
const ACTS: u64 = 8;

/// What somebody did to a booking since all sides last agreed on it.
#[derive(Clone, Debug)]
struct Act {
    what: Deed,
    /// Its answer was lost.
    is_uncertain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    Become(Wish),
    Cancel,
}

/// What somebody wanted a booking to be, and which of it was said: who writes whole bookings says all, also what is old.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    to: Seen,
    says_title: bool,
    says_time: bool,
}

/// A field of a booking.
#[derive(Clone, Copy)]
enum Field {
    Title,
    Time,
}

impl Wish {
    fn whole(to: Seen) -> Self {
        Self { to, says_title: true, says_time: true }
    }

    fn says(&self, field: Field) -> bool {
        match field {
            Field::Title => self.says_title,
            Field::Time => self.says_time,
        }
    }
}

impl Field {
    /// The field as text, to compare by.
    fn of(self, seen: &Seen) -> String {
        match self {
            Self::Title => seen.title.clone(),
            Self::Time => format!("{}/{}", seen.start, seen.end),
        }
    }
}

/// One booking.
#[derive(Debug)]
struct Booking {
    room: String,
    /// What all sides last agreed on; `None` is absence.
    agreed: Option<Seen>,
    /// Since then, in the order of the answers.
    acts: Vec<Act>,
    history: Vec<String>,
}

/// What one person knows.
#[derive(Debug, Default)]
pub struct Notebook {
    person: usize,
    rooms: Vec<String>,
    bookings: Vec<Booking>,
    /// Answers that cannot be.
    pub surprises: Vec<String>,
    pub confirmed: u64,
    pub uncertain: u64,
    pub unheard: u64,
    /// Bookings that were touched on two sides at once.
    pub contested: u64,
    /// Copies that the confirmed and the uncertain acts have to reach.
    pub copies: u64,
}

impl Booking {
    /// What the booking may be now.
    fn allows(&self, found: Option<&Seen>) -> bool {
        let certain: Vec<&Deed> = self.acts.iter().filter(|act| !act.is_uncertain).map(|act| &act.what).collect();
        let all: Vec<&Deed> = self.acts.iter().map(|act| &act.what).collect();
        let Some(found) = found else {
            // Only a cancellation makes a booking go, or one that may never have been.
            return all.contains(&&Deed::Cancel)
                || (self.agreed.is_none() && !certain.iter().any(|deed| matches!(deed, Deed::Become(_))));
        };
        if certain.contains(&&Deed::Cancel) && all.len() == 1 {
            return false;
        }
        let wishes: Vec<&Wish> =
            all.iter().filter_map(|deed| if let Deed::Become(wish) = deed { Some(wish) } else { None }).collect();
        [Field::Title, Field::Time]
            .into_iter()
            .all(|field| self.candidates(&certain, &wishes, field).contains(&field.of(found)))
    }

    /// The values one field may have: what somebody said it should become, and what it was where nobody said for certain
    /// that it changes.
    fn candidates(&self, certain: &[&Deed], wishes: &[&Wish], field: Field) -> Vec<String> {
        let was = self.agreed.as_ref().map(|seen| field.of(seen));
        let said: Vec<&&Wish> = wishes.iter().filter(|wish| wish.says(field)).collect();
        // Of several who say it, one who writes whole bookings may write an old value over a new one.
        let is_alone = said.len() < 2;
        let values = said.iter().map(|wish| field.of(&wish.to));
        let mut values: Vec<String> = values.filter(|value| !is_alone || was.as_ref() != Some(value)).collect();
        let changes = |wish: &Wish| wish.says(field) && was.as_ref() != Some(&field.of(&wish.to));
        if !certain.iter().any(|deed| matches!(deed, Deed::Become(wish) if changes(wish))) {
            values.extend(was);
        }
        values
    }

    fn agree(&mut self, on: Option<Seen>) {
        self.history.push(format!("all agree on {on:?}"));
        self.agreed = on;
        self.acts.clear();
    }
}

impl Notebook {
    pub fn has_room(&self, room: &str) -> bool {
        self.rooms.iter().any(|known| known == room)
    }

    pub fn len(&self) -> usize {
        self.bookings.len()
    }

    /// What is wrong with what all sides of a room say.
    pub fn wrongs(&self, room: &str, before: &[Seen], now: &[Seen]) -> Vec<String> {
        let mut wrongs = Vec::new();
        let (ours, others): (Vec<&Seen>, Vec<&Seen>) = now.iter().partition(|seen| self.number(&seen.title).is_some());
        if !others.iter().copied().eq(before.iter()) {
            wrongs.push(format!("{room}: what was there before has changed: {others:?}"));
        }
        for (at, booking) in self.bookings.iter().enumerate() {
            let found: Vec<&Seen> = ours.iter().copied().filter(|seen| self.number(&seen.title) == Some(at)).collect();
            if booking.room != room {
                if !found.is_empty() {
                    wrongs.push(format!("{found:?} wandered to {room}: {booking:#?}"));
                }
            } else if found.len() > 1 {
                wrongs.push(format!("doubled in {room}: {found:?}\n{booking:#?}"));
            } else if !booking.allows(found.first().copied()) {
                wrongs.push(format!("{room} says {found:?} of {booking:#?}"));
            }
        }
        let invented = ours.iter().filter(|seen| self.number(&seen.title).is_none_or(|at| at >= self.bookings.len()));
        wrongs.extend(invented.map(|seen| format!("invented in {room}: {seen:?}")));
        wrongs
    }

    /// The number in a title of ours.
    fn number(&self, title: &str) -> Option<usize> {
        let (person, number) = title.split(' ').next()?.strip_prefix('P')?.split_once('-')?;
        (person.parse() == Ok(self.person)).then(|| number.parse().ok()).flatten()
    }
}

/// One person.
pub struct Person<'a> {
    dice: Dice,
    towns: &'a [Town],
    rooms: Vec<Room>,
    slots: BTreeMap<String, i64>,
    pub notebook: Notebook,
}

/// What every side shows of the bookings of a room: their names there, and what they say.
type View = BTreeMap<Side, BTreeMap<usize, (String, Seen)>>;

impl<'a> Person<'a> {
    pub fn new(number: usize, seed: u64, towns: &'a [Town], rooms: Vec<Room>) -> Self {
        let names = rooms.iter().map(|room| room.slug.clone()).collect();
        let notebook = Notebook { person: number, rooms: names, ..Notebook::default() };
        Self { dice: Dice(seed ^ (number as u64) << 40), towns, rooms, slots: BTreeMap::new(), notebook }
    }

    /// Looks at a room and acts in it for a while; `false` when enough was done.
    pub fn visit(&mut self, left: &AtomicU64) -> bool {
        let room = self.dice.pick(&self.rooms).clone();
        let town = self.dice.pick(self.towns);
        let Some((view, is_busy)) = self.look(town, &room) else {
            std::thread::sleep(Duration::from_millis(100));
            return left.load(Ordering::SeqCst) > 0;
        };
        if !is_busy {
            self.note_agreement(&room, &view);
        }
        for _ in 0..=self.dice.below(ACTS) {
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
                return false;
            }
            self.act(town, &room, &view, is_busy);
        }
        true
    }

    /// What all sides show, and whether something is on its way there; `None` where a side does not answer.
    fn look(&mut self, town: &Town, room: &Room) -> Option<(View, bool)> {
        let is_busy = is_on_its_way(town, &room.slug);
        let mut view = View::new();
        for side in SIDES {
            let mut known = BTreeMap::new();
            for (seen, id) in town.shown(side, room).ok()? {
                if let Some(number) = self.notebook.number(&seen.title) {
                    known.insert(number, (id, seen));
                }
            }
            view.insert(side, known);
        }
        Some((view, is_busy || is_on_its_way(town, &room.slug)))
    }

    /// Bookings that all sides show alike are what they are, whatever came before.
    fn note_agreement(&mut self, room: &Room, view: &View) {
        for (number, booking) in self.notebook.bookings.iter_mut().enumerate() {
            if booking.room != room.slug || booking.acts.is_empty() {
                continue;
            }
            let shown: Vec<Option<&Seen>> =
                SIDES.iter().map(|side| view[side].get(&number).map(|(_, seen)| seen)).collect();
            let is_one = shown.iter().all(|seen| *seen == shown[0]);
            if is_one && shown[0].is_some() && booking.allows(shown[0]) {
                booking.agree(shown[0].cloned());
            }
        }
    }

    fn act(&mut self, town: &Town, room: &Room, view: &View, is_busy: bool) {
        match self.dice.below(10) {
            0..=4 => self.book(town, room),
            5..=7 => self.change(town, room, view, is_busy),
            8 => self.cancel(town, room, view, is_busy),
            _ => self.contest(town, room, view, is_busy),
        }
    }

    /// A slot that nothing of this walk ever has.
    fn fresh_slot(&mut self, room: &Room) -> Seen {
        let count = self.slots.entry(room.slug.clone()).or_insert(0);
        *count += 1;
        slot(20 + *count / 14, 6 + *count % 14)
    }

    fn book(&mut self, town: &Town, room: &Room) {
        let born = *self.dice.pick(&SIDES);
        let number = self.notebook.bookings.len();
        let what = self.fresh_slot(room).titled(&format!("P{}-{number}", self.notebook.person));
        let outcome = town.book(born, room, &what).map(Result::err);
        let word = format!("booked on {born:?}: {outcome:?}");
        let is_uncertain = match outcome {
            Err(Trouble::NotSent) => return self.unheard(),
            Err(Trouble::Unknown) => true,
            Ok(Some(answer)) if answer.status >= 500 => true,
            Ok(Some(answer)) => {
                return self.notebook.surprises.push(format!("{what:?} on {born:?} of {}: {answer:?}", room.slug));
            }
            Ok(None) => false,
        };
        let acts = vec![Act { what: Deed::Become(Wish::whole(what)), is_uncertain }];
        self.notebook.bookings.push(Booking { room: room.slug.clone(), agreed: None, acts, history: vec![word] });
        self.count(born, is_uncertain);
    }

    /// A booking that was seen on that side. Where it was not born, only what is there for certain is touched: a copy whose
    /// making is not confirmed yet is left alone.
    fn target(&mut self, room: &Room, view: &View, is_busy: bool) -> Option<usize> {
        let is_everywhere = |number: &usize| SIDES.iter().all(|side| view[side].contains_key(number));
        let all: Vec<usize> = view[&Side::CalDav].keys().copied().filter(is_everywhere).collect();
        if all.is_empty() || (is_busy && room.is_portico) { None } else { Some(*self.dice.pick(&all)) }
    }

    fn change(&mut self, town: &Town, room: &Room, view: &View, is_busy: bool) {
        let side = *self.dice.pick(&SIDES);
        match self.target(room, view, is_busy) {
            Some(number) => self.change_on(town, room, view, (number, side)),
            None => self.book(town, room),
        }
    }

    fn change_on(&mut self, town: &Town, room: &Room, view: &View, (number, side): (usize, Side)) {
        let (id, old) = view[&side][&number].clone();
        let version = self.notebook.bookings[number].history.len();
        let title = format!("P{}-{number} v{version}", self.notebook.person);
        let what = match self.dice.below(3) {
            0 => old.titled(&title),
            1 => self.fresh_slot(room).titled(&old.title),
            _ => self.fresh_slot(room).titled(&title),
        };
        let outcome = town.amend(side, room, &id, (&old, &what));
        let is_whole = side == Side::Booking;
        let (says_title, says_time) = (is_whole || what.title != old.title, is_whole || !what.is_at_the_time_of(&old));
        self.conclude(number, side, outcome, Deed::Become(Wish { to: what, says_title, says_time }));
    }

    fn cancel(&mut self, town: &Town, room: &Room, view: &View, is_busy: bool) {
        let side = *self.dice.pick(&SIDES);
        let Some(number) = self.target(room, view, is_busy) else { return self.book(town, room) };
        let outcome = town.cancel(side, room, &view[&side][&number].0);
        self.conclude(number, side, outcome, Deed::Cancel);
    }

    /// Two people at once, on two sides.
    fn contest(&mut self, town: &Town, room: &Room, view: &View, is_busy: bool) {
        let first = self.dice.below(3);
        let second = (first + 1 + self.dice.below(2)) % 3;
        let Some(number) = self.target(room, view, is_busy) else { return self.book(town, room) };
        let side = |at: u64| SIDES[usize::try_from(at).unwrap()];
        self.notebook.contested += 1;
        self.change_on(town, room, view, (number, side(first)));
        if self.dice.below(4) == 0 {
            let side = side(second);
            let outcome = town.cancel(side, room, &view[&side][&number].0);
            self.conclude(number, side, outcome, Deed::Cancel);
        } else {
            self.change_on(town, room, view, (number, side(second)));
        }
    }

    fn conclude(&mut self, number: usize, side: Side, outcome: Result<Answer, Trouble>, what: Deed) {
        let booking = &mut self.notebook.bookings[number];
        let word = outcome.as_ref().map_or_else(|trouble| format!("{trouble:?}"), |answer| answer.status.to_string());
        booking.history.push(format!("{what:?} on {side:?}: {word}"));
        let is_uncertain = match outcome {
            Err(Trouble::NotSent) => return self.unheard(),
            Ok(answer) if answer.is_success() => false,
            // Touched or taken away since it was looked at.
            Ok(answer) if [404, 409, 410, 412].contains(&answer.status) => return self.unheard(),
            Ok(answer) if answer.status < 500 => {
                let text = format!("{:?}: {answer:?}", booking.history);
                return self.notebook.surprises.push(text);
            }
            Err(Trouble::Unknown) | Ok(_) => true,
        };
        booking.acts.push(Act { what, is_uncertain });
        self.count(side, is_uncertain);
    }

    fn count(&mut self, side: Side, is_uncertain: bool) {
        let notebook = &mut self.notebook;
        *(if is_uncertain { &mut notebook.uncertain } else { &mut notebook.confirmed }) += 1;
        notebook.copies += if side == Side::CalDav { 2 } else { 1 };
    }

    /// Nobody was there to hear it.
    fn unheard(&mut self) {
        self.notebook.unheard += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether something waits to be sent in the room, or nobody can say.
fn is_on_its_way(town: &Town, room: &str) -> bool {
    ["pending", "sending", "unknown"].iter().any(|state| {
        let Ok(answer) = town.api("GET", &format!("/operations?state={state}&limit=500")) else { return true };
        !answer.is_success() || answer.json()["items"].as_array().unwrap().iter().any(|open| open["room"] == room)
    })
}

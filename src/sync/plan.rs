//! What to do about one event on one mapping (pure): the merge table of base, hub and remote side.

use super::merge::{Merged, Winner, merge};
use crate::model::Authority;
use crate::model::Event;
use std::borrow::Cow;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Both sides say what they agreed on.
    Nothing,
    /// Both sides say the same, but something else than they agreed on: agree on it.
    Agree,
    /// Only the remote side changed: take its version into the hub.
    TakeTheirs,
    /// Only the hub changed: send its version.
    SendOurs,
    /// Both changed: the merged version goes into the hub and is sent.
    Merge(Box<Merged>),
    /// The remote side removed it and the hub did not touch it: remove it from the hub.
    DeleteOurs,
    /// The hub removed it and the remote side did not touch it: remove it there.
    DeleteTheirs,
    /// The remote side removed what the hub changed meanwhile; the edit wins and is created anew.
    CreateAnew,
    /// The hub removed what the remote side changed meanwhile; the edit wins and comes back.
    TakeBack,
    /// Both sides removed it.
    Forget,
}

/// Decides by what was last agreed on, what the hub says now and what the remote side says now. All three are already
/// reduced to what the remote side can hold. `None` for base: nothing was ever agreed on, and then nobody wins silently
/// and nothing is ever deleted.
pub fn decide(
    base: Option<&Event>,
    ours: Option<&Event>,
    theirs: Option<&Event>,
    authority: Authority,
    born_here: bool,
) -> Decision {
    let remote_wins = remote_wins(authority, born_here);
    let theirs = theirs.map(|theirs| in_the_words_of(theirs, [ours, base]));
    // A program that writes the time in a zone of its own has not moved the booking, and does not stand against who has.
    let agreed = base.map(|base| in_the_words_of(base, [ours, None]));
    match (base, ours, theirs.as_deref()) {
        (_, None, None) => Decision::Forget,
        (_, Some(ours), Some(theirs)) if ours == theirs => {
            if base == Some(ours) {
                Decision::Nothing
            } else {
                Decision::Agree
            }
        }
        (Some(base), Some(ours), Some(theirs)) => {
            both_present(agreed.as_deref().unwrap_or(base), ours, theirs, remote_wins)
        }
        (Some(_), Some(ours), None) if Some(ours) == agreed.as_deref() || remote_wins => Decision::DeleteOurs,
        (Some(_) | None, Some(_), None) => Decision::CreateAnew,
        (Some(base), None, Some(theirs)) if theirs == base || !remote_wins => Decision::DeleteTheirs,
        (Some(_) | None, None, Some(_)) => Decision::TakeBack,
        (None, Some(ours), Some(theirs)) => {
            // Without a base every difference is contested: merging over the loser's version keeps the winner's.
            let winner = if remote_wins { Winner::Theirs } else { Winner::Ours };
            let loser = if remote_wins { ours } else { theirs };
            let mut merged = merge(loser, ours, theirs, winner);
            merged.contested.push("everything");
            Decision::Merge(Box::new(merged))
        }
    }
}

/// A single event that is when one of the others is, written in that one's zone. Programs and systems answer in a zone of their own,
/// and a zone alone is no change to decide about: the booking takes the same time.
pub(super) fn in_the_words_of<'a>(theirs: &'a Event, others: [Option<&Event>; 2]) -> Cow<'a, Event> {
    let single = |event: &Event| event.recurrence.is_none() && event.overrides.is_empty();
    let named = others.into_iter().flatten().find(|other| {
        single(other) && single(theirs) && other.when != theirs.when && other.when.is_same_span(&theirs.when)
    });
    match named {
        Some(other) => Cow::Owned(Event { when: other.when.clone(), ..theirs.clone() }),
        None => Cow::Borrowed(theirs),
    }
}

fn both_present(base: &Event, ours: &Event, theirs: &Event, remote_wins: bool) -> Decision {
    if theirs == base {
        return Decision::SendOurs;
    }
    if ours == base {
        return Decision::TakeTheirs;
    }
    let winner = if remote_wins { Winner::Theirs } else { Winner::Ours };
    Decision::Merge(Box::new(merge(base, ours, theirs, winner)))
}

/// Whether the remote side wins contested units.
pub const fn remote_wins(authority: Authority, born_here: bool) -> bool {
    match authority {
        Authority::Remote => true,
        Authority::Hub => false,
        Authority::PerOrigin => !born_here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, EventTime, ReservationClass, Uid, ZoneId};
    use jiff::civil::date;

    fn event(title: &str) -> Event {
        Event {
            uid: Uid("u".to_owned()),
            class: ReservationClass::Event,
            when: EventTime::Timed {
                start: date(2026, 3, 2).at(9, 0, 0, 0),
                end: date(2026, 3, 2).at(10, 0, 0, 0),
                zone: ZoneId::utc(),
            },
            content: Content { summary: title.to_owned(), busy: true, ..Content::default() },
            recurrence: None,
            overrides: std::collections::BTreeMap::new(),
        }
    }

    /// One letter for each version: `z` the base, other letters edits, `-` absent.
    fn table(base: char, ours: char, theirs: char, authority: Authority) -> &'static str {
        let version = |letter: char| (letter != '-').then(|| event(&letter.to_string()));
        let (base, ours, theirs) = (version(base), version(ours), version(theirs));
        match decide(base.as_ref(), ours.as_ref(), theirs.as_ref(), authority, true) {
            Decision::Nothing => "nothing",
            Decision::Agree => "agree",
            Decision::TakeTheirs => "take theirs",
            Decision::SendOurs => "send ours",
            Decision::Merge(merged) if merged.event.content.summary.starts_with('a') => "merge: ours",
            Decision::Merge(_) => "merge: theirs",
            Decision::DeleteOurs => "delete ours",
            Decision::DeleteTheirs => "delete theirs",
            Decision::CreateAnew => "create anew",
            Decision::TakeBack => "take back",
            Decision::Forget => "forget",
        }
    }

    #[test]
    fn the_merge_table() {
        let rows = [
            ('z', 'z', 'z', "nothing", "nothing"),
            ('z', 'a', 'z', "send ours", "send ours"),
            ('z', 'z', 'b', "take theirs", "take theirs"),
            ('z', 'a', 'a', "agree", "agree"),
            ('z', 'a', 'b', "merge: theirs", "merge: ours"),
            ('z', 'z', '-', "delete ours", "delete ours"),
            ('z', 'a', '-', "delete ours", "create anew"),
            ('z', '-', 'z', "delete theirs", "delete theirs"),
            ('z', '-', 'b', "take back", "delete theirs"),
            ('z', '-', '-', "forget", "forget"),
            ('-', 'a', 'a', "agree", "agree"),
            ('-', 'a', 'b', "merge: theirs", "merge: ours"),
            ('-', 'a', '-', "create anew", "create anew"),
            ('-', '-', 'b', "take back", "take back"),
        ];
        for (base, ours, theirs, remote, hub) in rows {
            assert_eq!(table(base, ours, theirs, Authority::Remote), remote, "{base}{ours}{theirs}, remote decides");
            assert_eq!(table(base, ours, theirs, Authority::Hub), hub, "{base}{ours}{theirs}, hub decides");
        }
    }

    #[test]
    fn without_a_base_nothing_is_ever_deleted() {
        for authority in [Authority::Remote, Authority::Hub, Authority::PerOrigin] {
            for born_here in [true, false] {
                for (ours, theirs) in [(Some(event("a")), None), (None, Some(event("b")))] {
                    let decision = decide(None, ours.as_ref(), theirs.as_ref(), authority, born_here);
                    assert!(!matches!(decision, Decision::DeleteOurs | Decision::DeleteTheirs), "{decision:?}");
                }
            }
        }
    }

    #[test]
    fn a_zone_alone_is_no_change() {
        let utc = event("a");
        let oslo = Event {
            when: EventTime::Timed {
                start: date(2026, 3, 2).at(10, 0, 0, 0),
                end: date(2026, 3, 2).at(11, 0, 0, 0),
                zone: ZoneId::parse("Europe/Oslo").unwrap(),
            },
            ..event("a")
        };
        let decided = |base, ours, theirs| decide(base, ours, theirs, Authority::Hub, true);
        assert_eq!(decided(None, Some(&utc), Some(&oslo)), Decision::Agree, "first contact");
        assert_eq!(decided(Some(&utc), Some(&utc), Some(&oslo)), Decision::Nothing);
        let moved = Event {
            when: EventTime::Timed {
                start: date(2026, 3, 2).at(8, 0, 0, 0),
                end: date(2026, 3, 2).at(9, 0, 0, 0),
                zone: ZoneId::utc(),
            },
            ..event("a")
        };
        assert_eq!(decided(Some(&utc), Some(&moved), Some(&oslo)), Decision::SendOurs);
        assert_eq!(decided(Some(&moved), Some(&moved), Some(&oslo)), Decision::TakeTheirs);
        assert_eq!(decided(Some(&oslo), Some(&utc), None), Decision::DeleteOurs);
        // Renamed by a program that writes UTC, and moved at the other side.
        let renamed = Event { content: event("b").content, ..utc.clone() };
        let Decision::Merge(merged) = decided(Some(&oslo), Some(&renamed), Some(&moved)) else {
            panic!("both have changed something")
        };
        assert_eq!((merged.event.when, merged.contested), (moved.when, vec![]));
        assert_eq!(merged.event.content, renamed.content);
    }
}

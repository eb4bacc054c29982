//! What a read proves. Only a [`Complete`] read can prove an absence; a failed, partial or throttled read has no value
//! of these types at all, so that it can never be mistaken for an empty calendar.

use super::{RemoteId, RemoteItem};
use crate::model::TimeRange;
use serde::{Deserialize, Serialize};

/// Where reading a remote calendar goes on from. Opaque; may hold a URL with a token and is therefore not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursor(***)")
    }
}

/// A successful read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// What changed since a cursor.
    Delta(Delta),
    /// Everything inside a window.
    Complete(Complete),
}

/// Changes since a cursor, to the last page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Items that are new or changed, each once, in their present state.
    pub items: Vec<RemoteItem>,
    /// Items said to be removed. Hints: they may only have left the window.
    pub removed: Vec<RemoteId>,
    /// Where to go on.
    pub cursor: Cursor,
}

/// Everything inside a window, to the last page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    window: TimeRange,
    items: Vec<RemoteItem>,
    cursor: Option<Cursor>,
}

impl Complete {
    /// States that `items` is all there is inside `window`. Only a bridge that has read the last page may say so.
    pub const fn proved(window: TimeRange, items: Vec<RemoteItem>, cursor: Option<Cursor>) -> Self {
        Self { window, items, cursor }
    }

    /// The window inside which an absence is proved.
    pub const fn window(&self) -> TimeRange {
        self.window
    }

    /// The items.
    pub fn items(&self) -> &[RemoteItem] {
        &self.items
    }

    /// Where to go on with changes, for systems that have a cursor.
    pub const fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }
}

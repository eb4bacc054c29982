//! Rendered feeds in memory: by what they were made from, so that an unchanged room costs no read, and by their token,
//! so that there is something to serve when the store does not answer.

use crate::crypt::mac;
use crate::model::Etag;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::store::feeds::Feed;
use crate::store::feeds::Showing;
use crate::store::rooms::Room;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// How long a feed's last use is not written again, in milliseconds.
const TOUCH_MS: i64 = 60_000;

/// A rendered feed.
#[derive(Debug)]
pub(super) struct Page {
    /// The bytes.
    pub bytes: Bytes,
    /// Validator of exactly these bytes.
    pub etag: Etag,
    /// When the state they show began, to the second.
    pub modified: Timestamp,
    /// Name of the file, for those who save it.
    pub file_name: String,
    /// What it was made from.
    made_from: String,
}

impl Page {
    /// A page from its text.
    pub(super) fn new(text: String, made_from: String, room: &Room, range: TimeRange, today: Timestamp) -> Self {
        debug_assert!(range.start <= today);
        let bytes = Bytes::from(text);
        Self {
            etag: Etag::of(&bytes),
            // A new day changes what is shown although nothing in the room did.
            modified: Timestamp(room.modified_ms.max(today).ms().div_euclid(1_000) * 1_000),
            file_name: format!("{}.ics", room.slug),
            bytes,
            made_from,
        }
    }
}

/// Names everything a feed's bytes depend on. Description and colour of a room change without its sequence number.
pub(super) fn made_from(feed: &Feed, showing: &Showing, range: TimeRange) -> String {
    let text = format!(
        "{:?}",
        (
            feed.version,
            feed.detail,
            feed.room_id.as_str(),
            showing.seq,
            (
                showing.slug.as_str(),
                showing.name.as_str(),
                showing.description.as_str(),
                showing.color.as_str(),
                showing.zone.as_str()
            ),
            (range.start, range.end),
        )
    );
    mac::digest(text.as_bytes())
}

/// Pages by the hash of their token, dropped in the order they were last asked for when there is no more room.
#[derive(Debug)]
pub(super) struct Cache {
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pages: BTreeMap<String, (Arc<Page>, u64)>,
    touched: BTreeMap<String, Timestamp>,
    bytes: usize,
    uses: u64,
}

impl Cache {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, state: Mutex::default() }
    }

    /// The page of a token, if it was made from this.
    pub(super) fn fresh(&self, token_hash: &str, made_from: &str) -> Option<Arc<Page>> {
        self.last_good(token_hash).filter(|page| page.made_from == made_from)
    }

    /// The last page of a token, whatever has happened since.
    pub(super) fn last_good(&self, token_hash: &str) -> Option<Arc<Page>> {
        let mut state = self.state();
        state.uses += 1;
        let now = state.uses;
        let (page, used) = state.pages.get_mut(token_hash)?;
        *used = now;
        Some(Arc::clone(page))
    }

    /// Keeps a page. One that is larger than all room there is is not kept.
    pub(super) fn keep(&self, token_hash: &str, page: &Arc<Page>) {
        self.forget(token_hash);
        let mut state = self.state();
        if page.bytes.len() > self.most_bytes {
            return;
        }
        while state.bytes + page.bytes.len() > self.most_bytes {
            let Some(oldest) = state.pages.iter().min_by_key(|(_, (_, used))| *used).map(|(hash, _)| hash.clone())
            else {
                break;
            };
            state.drop_page(&oldest);
        }
        state.uses += 1;
        state.bytes += page.bytes.len();
        let entry = (Arc::clone(page), state.uses);
        state.pages.insert(token_hash.to_owned(), entry);
    }

    /// Forgets a token that was withdrawn: it is not to be served when the store does not answer.
    pub(super) fn forget(&self, token_hash: &str) {
        self.state().drop_page(token_hash);
    }

    /// Whether it is time to write down that a feed is used: at most once a minute for each.
    pub(super) fn is_time_to_touch(&self, feed: &Feed, now: Timestamp) -> bool {
        let recent = |at: Timestamp| now.ms() - at.ms() < TOUCH_MS;
        if feed.last_used_ms.is_some_and(recent) {
            return false;
        }
        let mut state = self.state();
        state.touched.retain(|_, at| recent(*at));
        state.touched.insert(feed.id.as_str().to_owned(), now).is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_page(&mut self, token_hash: &str) {
        if let Some((page, _)) = self.pages.remove(token_hash) {
            self.bytes -= page.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: usize, made_from: &str) -> Arc<Page> {
        Arc::new(Page {
            bytes: Bytes::from(vec![b'x'; size]),
            etag: Etag::of(b""),
            modified: Timestamp(0),
            file_name: String::new(),
            made_from: made_from.to_owned(),
        })
    }

    #[test]
    fn a_page_is_fresh_only_for_what_it_was_made_from() {
        let cache = Cache::new(100);
        cache.keep("t", &page(10, "state 1"));
        assert!(cache.fresh("t", "state 1").is_some());
        assert!(cache.fresh("t", "state 2").is_none());
        assert!(cache.last_good("t").is_some());
        cache.forget("t");
        assert!(cache.last_good("t").is_none());
    }

    #[test]
    fn a_full_cache_drops_what_was_not_asked_for_longest() {
        let cache = Cache::new(100);
        for token in ["a", "b"] {
            cache.keep(token, &page(50, ""));
        }
        assert!(cache.last_good("a").is_some());
        cache.keep("c", &page(40, ""));
        assert!(cache.last_good("a").is_some() && cache.last_good("b").is_none() && cache.last_good("c").is_some());
        cache.keep("huge", &page(101, ""));
        assert!(cache.last_good("huge").is_none() && cache.last_good("a").is_some());
        cache.keep("a", &page(60, ""));
        assert_eq!(cache.state().bytes, 100);
    }
}

//! Callers who were let in a moment ago, and what was read of the directory for them. A program that synchronises sends
//! many requests in a row; each is let in by one small question instead of a sign-in: does the directory still stand?
//!
//! Nothing is answered from here that the database has not confirmed in the transaction of the answer: the number of the
//! directory rises with every change of rights, rooms and properties, whoever makes it ([`crate::store::directory`]).

use super::caller::Caller;
use crate::crypt::Key;
use crate::crypt::mac;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::properties::PropertyRow;
use crate::store::rooms::Room;
use crate::store::rules::RulesRow;
use actix_web::http::header::HeaderValue;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;

/// How long a caller is let in without a sign-in. A password that is in use is written down once in this time.
const KNOWN_MS: i64 = 60_000;
/// Most callers that are known.
const CALLERS: usize = 4096;
/// Most rooms that are remembered of one directory.
const ROOMS: usize = 1024;

/// What one credential stands for in one tenant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pass([u8; 32]);

impl Pass {
    /// Of the header and the tenant that the path names; `key` is [`crate::crypt::Keys::cache`].
    pub fn new(key: &Key, authorization: &HeaderValue, tenant: Option<&str>) -> Self {
        Self(mac::sign(key, &[tenant.unwrap_or_default().as_bytes(), authorization.as_bytes()]))
    }
}

/// The callers of a door.
#[derive(Default)]
pub struct KnownCallers {
    callers: Mutex<HashMap<Pass, (Arc<Caller>, Timestamp)>>,
    directories: Mutex<HashMap<TenantId, Arc<Directory>>>,
}

impl KnownCallers {
    /// Who was let in with this pass lately.
    pub fn find(&self, pass: Pass, now: Timestamp) -> Option<Arc<Caller>> {
        let callers = lock(&self.callers);
        callers.get(&pass).filter(|(_, until)| now < *until).map(|(caller, _)| Arc::clone(caller))
    }

    /// Remembers who was let in, no longer than the secret works that they came with.
    pub fn remember(&self, pass: Pass, caller: &Arc<Caller>, now: Timestamp) {
        let mut callers = lock(&self.callers);
        if callers.len() >= CALLERS {
            callers.retain(|_, (_, until)| now < *until);
        }
        if callers.len() < CALLERS {
            let until = now.plus_ms(KNOWN_MS);
            let until = caller.expires_ms.map_or(until, |end| end.min(until));
            callers.insert(pass, (Arc::clone(caller), until));
        }
    }

    /// Forgets a caller whose directory has changed.
    pub fn forget(&self, pass: Pass) {
        lock(&self.callers).remove(&pass);
    }

    /// What is remembered of a directory under this number: nothing at first.
    pub fn directory(&self, tenant: &TenantId, number: i64) -> Arc<Directory> {
        let mut directories = lock(&self.directories);
        if directories.len() >= CALLERS {
            directories.clear();
        }
        match directories.get(tenant) {
            Some(known) if known.number == number => Arc::clone(known),
            // A number of the past is of no use to others.
            Some(known) if known.number > number => Arc::new(Directory::new(number)),
            _ => {
                let fresh = Arc::new(Directory::new(number));
                directories.insert(tenant.clone(), Arc::clone(&fresh));
                fresh
            }
        }
    }
}

/// What was read of a directory while it had one number.
pub struct Directory {
    /// The number.
    pub number: i64,
    rooms: Mutex<HashMap<String, Arc<KnownRoom>>>,
}

/// A room, as it is described.
pub struct KnownRoom {
    /// The room; its sequence number is of the past.
    pub room: Room,
    /// What it asks of bookings.
    pub rules: Option<RulesRow>,
}

impl Directory {
    fn new(number: i64) -> Self {
        Self { number, rooms: Mutex::default() }
    }

    /// The room of that slug, if it was read before.
    pub fn room(&self, slug: &str) -> Option<Arc<KnownRoom>> {
        lock(&self.rooms).get(slug).map(Arc::clone)
    }

    /// Remembers a room that was read where the number stood.
    pub fn remember(&self, room: &Room, rules: Option<&RulesRow>) {
        let mut rooms = lock(&self.rooms);
        if rooms.len() >= ROOMS {
            rooms.clear();
        }
        let known = KnownRoom { room: room.clone(), rules: rules.cloned() };
        rooms.insert(room.slug.clone(), Arc::new(known));
    }
}

/// What a caller has set anywhere, once it was read.
pub type OwnProperties = OnceLock<Arc<[PropertyRow]>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

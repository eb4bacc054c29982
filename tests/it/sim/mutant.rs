//! The reconciler without one of its defences. Each is taken away from outside, by a network or a database that is bent
//! while the simulation looks on: the program itself has no switch that could do it.

use super::ground::Ground;
use anteroom::bridge::{BridgeError, Complete, IdempotencyKey, Probe, Reading, RemoteItem};
use anteroom::model::TimeRange;
use anteroom::sync::Settings;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Every request to create carries another key.
    Key,
    /// What was to be sent is forgotten when a process dies.
    Outbox,
    /// What both sides last agreed on is forgotten.
    Base,
    /// Whoever asks gets the lease, and nobody is fenced.
    Lease,
    /// A read that failed counts as an empty calendar.
    CompleteRead,
    /// Any number of bookings may disappear at once.
    Brake,
    /// Items do not tell the key they were created with.
    Marker,
}

impl Mutant {
    pub fn settings(self, settings: Settings) -> Settings {
        match self {
            Self::Brake => Settings { brake_percent: 100, brake_least: usize::MAX, ..settings },
            _ => settings,
        }
    }

    /// Who a process says it is.
    pub fn owner(self, owner: String) -> String {
        if self == Self::Lease { "everybody".to_owned() } else { owner }
    }

    /// A process stands still.
    pub async fn before_rival(self, ground: &mut Ground) {
        if self == Self::Lease {
            ground.run("DELETE FROM kept_leases; INSERT INTO kept_leases SELECT * FROM leases").await;
            ground.run("UPDATE leases SET expires_ms = 0; UPDATE operations SET lease_until_ms = 0 WHERE open").await;
        }
    }

    /// A process goes on after another one has done its work.
    pub async fn after_rival(self, ground: &mut Ground) {
        if self == Self::Lease {
            ground.run("DELETE FROM leases; INSERT INTO leases SELECT * FROM kept_leases").await;
        }
    }

    pub async fn before_work(self, ground: &mut Ground) {
        if self == Self::Base {
            ground.run("UPDATE links SET base = '', echo = ''").await;
        }
    }

    pub async fn after_death(self, ground: &mut Ground) {
        if self == Self::Outbox {
            ground.run("DELETE FROM operations WHERE open; DELETE FROM links WHERE state = 'creating'").await;
        }
    }

    pub fn key(self, key: &IdempotencyKey, call: u64) -> IdempotencyKey {
        if self == Self::Key { IdempotencyKey(format!("{}-{call}", key.0)) } else { key.clone() }
    }

    pub fn all(self, window: TimeRange, read: Result<Complete, BridgeError>) -> Result<Complete, BridgeError> {
        let read = match read {
            Err(_) if self == Self::CompleteRead => Ok(Complete::proved(window, Vec::new(), None)),
            read => read,
        };
        if self != Self::Marker {
            return read;
        }
        read.map(|read| {
            let items = read.items().iter().cloned().map(unmarked).collect();
            Complete::proved(read.window(), items, read.cursor().cloned())
        })
    }

    pub fn changes(self, read: Result<Reading, BridgeError>) -> Result<Reading, BridgeError> {
        match read {
            Err(_) if self == Self::CompleteRead => {
                Ok(Reading::Complete(Complete::proved(TimeRange::ALL, Vec::new(), None)))
            }
            Ok(Reading::Delta(mut delta)) if self == Self::Marker => {
                delta.items = delta.items.into_iter().map(unmarked).collect();
                Ok(Reading::Delta(delta))
            }
            read => read,
        }
    }

    pub fn one(self, read: Result<Option<RemoteItem>, BridgeError>) -> Result<Option<RemoteItem>, BridgeError> {
        match read {
            Err(_) if self == Self::CompleteRead => Ok(None),
            Ok(item) if self == Self::Marker => Ok(item.map(unmarked)),
            read => read,
        }
    }

    pub fn probe(self, found: Result<Probe, BridgeError>) -> Result<Probe, BridgeError> {
        if self == Self::Marker { found.map(|_| Probe::NotFound) } else { found }
    }
}

fn unmarked(item: RemoteItem) -> RemoteItem {
    RemoteItem { key: None, ..item }
}

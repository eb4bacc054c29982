//! Anteroom: a CalDAV and ICS gateway for rooms.
//!
//! A change enters by one of four doors (DAV, REST, webhook, poll), becomes one pure value, passes one gate that writes
//! object, change log, outbox and audit in one transaction, and leaves through bridges and feeds that only read.
//!
//! ```text
//! floor 6  main  cli  server                                assembly: config, pools, routes, workers, shutdown
//! floor 5  dav   feed   api   hooks   dash   sandbox        the doors (siblings never import each other)
//! floor 4  sync  manage                                     the reconciler; what administrators do, for REST and command line
//! floor 3  change                                           the gate: the only writer of calendar objects
//! floor 2  store   bridge                                   the two kinds of I/O: our database, their systems
//! floor 1  ical   davxml   crypt   observe                  pure knowledge: iCalendar, WebDAV XML, sealing; metrics
//! floor 0  model  config                                    nouns and values; no clock, no async
//! ```
//!
//! An arrow goes down or stays inside its folder, never up, and never sideways on floors 2 and 5. `tests/floors.rs`
//! holds the house to it. `ARCHITECTURE.md` walks through the ways of the data.

pub mod api;
pub mod bridge;
pub mod change;
pub mod cli;
pub mod config;
pub mod crypt;
pub mod dash;
pub mod dav;
pub mod davxml;
pub mod feed;
pub mod hooks;
pub mod ical;
pub mod manage;
pub mod model;
pub mod observe;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod sync;

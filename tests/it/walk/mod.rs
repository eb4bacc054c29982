//! The real binary against the real sandbox, over HTTP: no booking is lost, doubled or invented.

mod carried;
mod demo;
mod drain;
mod faults;
mod feed;
mod folding;
mod gateways;
pub(crate) mod http;
mod kill;
mod latency;
mod ledger;
mod moved;
mod quiet;
mod refused;
mod replicas;
mod secrets;
mod series;
mod singles;
mod throng;
mod town;

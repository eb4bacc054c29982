//! The interface of the predecessor, so that programs written for it go on: its paths and shapes, translated onto
//! `manage`, `store` and the engine. Nothing is done here that is not done there, and every number is counted.
//!
//! One table ([`routes::ROUTES`]) says what there is: it is mounted, described and tested from there. Paths that have a
//! better place answer with `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to it.

mod alerts;
mod bridges;
mod call;
mod counts;
mod describe;
mod fields;
mod mappings;
mod names;
mod routes;
mod serve;
mod settle;
mod subscriptions;
mod sync;
mod tenants;

pub use describe::document;
pub(super) use serve::mount;

//! The CalDAV door. Each test is named after the statement of the conformance table that it holds the door to.

mod conditional;
mod costs;
mod discovery;
mod errors;
mod features;
mod filters;
mod groups;
pub(crate) mod house;
mod kept;
mod limits;
mod objects;
mod oracle;
mod overlaps;
mod prefer;
mod profile;
mod properties;
mod push;
mod refusals;
mod replay;
mod reports;
mod rules;
mod scopes;
mod sync;
mod timezones;
mod transfer;
mod woken;
mod xml;

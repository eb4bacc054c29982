//! The CalDAV door. Each test is named after the statement of the conformance table that it holds the door to.

mod discovery;
mod filters;
mod house;
mod kept;
mod objects;
mod oracle;
mod prefer;
mod properties;
mod refusals;
mod reports;
mod sync;
mod timezones;
mod transfer;

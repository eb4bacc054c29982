//! The CalDAV door. Each test is named after the statement of the conformance table that it holds the door to.

mod discovery;
mod house;
mod objects;
mod properties;
mod reports;
mod rules;
mod sync;

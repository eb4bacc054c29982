//! The CalDAV door. Each test is named after the statement of the conformance table that it holds the door to.

mod conditional;
mod discovery;
mod errors;
mod features;
mod house;
mod limits;
mod objects;
mod profile;
mod properties;
mod replay;
mod reports;
mod sync;
mod xml;

//! The REST interface and the dashboard as a real app in process, on a real database.

mod access;
mod alerts;
mod bookings;
mod dashboard;
mod feeds;
pub(crate) mod fixture;
mod issuer;
mod keys;
mod openapi;
mod people;
mod predecessor;
mod probes;
mod repeat;
mod room_groups;
mod rooms;
mod rules;
mod scopes;
mod sign_in;
mod sync;
mod tenants;
mod webhooks;
mod workflow;

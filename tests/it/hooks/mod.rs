//! The notification door: what is believed, what is stored, what is answered.

mod booking;
pub(crate) mod fixture;
mod graph;

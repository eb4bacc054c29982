//! The notification door: what is believed, what is stored, what is answered.

mod booking;
mod fixture;
mod graph;

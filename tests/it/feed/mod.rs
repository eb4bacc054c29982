//! Feeds: who gets what, and the same bytes for the same state and day.

pub(crate) mod fixture;
mod links;
mod pages;

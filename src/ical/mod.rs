//! Floor 1: iCalendar (RFC 5545) and calendar objects (RFC 4791, 4.1) as pure functions.
//!
//! `line` and `component` keep every octet; `object` reads a normal form out of them and writes changes back into single
//! lines. `rule`, `recur`, `zone` and `vtimezone` know when things happen; `filter`, `select`, `freebusy`, `privacy`
//! and `feed` are the views reports and feeds need.

pub mod availability;
mod casemap;
mod check;
pub mod component;
mod compose;
mod error;
pub mod feed;
pub mod filter;
pub mod freebusy;
pub mod line;
mod normal;
pub mod object;
mod patch;
pub mod privacy;
mod read;
pub mod recur;
pub mod reference;
pub mod rule;
pub mod select;
mod value;
pub mod vtimezone;
pub mod write;
pub mod zone;

#[cfg(test)]
mod tests;

pub use compose::PRODID;
pub use error::IcalError;
pub use object::CalendarObject;
pub use object::ParseContext;
pub use object::Stamp;

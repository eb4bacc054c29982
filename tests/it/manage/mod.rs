//! What administrators and programs do, on both engines where it is the engine that matters.

mod audit;
mod bookings;
mod keys;
mod privacy;

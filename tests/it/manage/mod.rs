//! What administrators and programs do, on both engines where it is the engine that matters.

mod bookings;
mod keys;

//! Safety: hostile bodies at the real doors, and one test for each class of attack that CalDAV servers have met.

mod corpus;
mod ics_bodies;
mod xml_bodies;

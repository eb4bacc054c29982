//! Safety: hostile bodies at the real doors, and one test for each class of attack that CalDAV servers have met.

mod classes;
mod corpus;
mod growth;
mod ics_bodies;
mod remote;
mod scene;
mod xml_bodies;

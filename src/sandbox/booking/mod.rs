//! The simulated booking systems.

pub(super) mod generic;
pub(super) mod hooks;
pub(super) mod portico;
pub(super) mod portico_hooks;
pub(super) mod portico_rows;

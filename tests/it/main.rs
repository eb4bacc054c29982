//! The tests that need more than a pure function, in one binary that links once. `house` is what each of them starts
//! with.

#[cfg(test)]
mod api;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bridge_contract;
#[cfg(test)]
mod bridge_faults;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod dav;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod house;
#[cfg(test)]
mod manage;
#[cfg(test)]
mod push;
#[cfg(test)]
mod races;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod store;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod webhooks;

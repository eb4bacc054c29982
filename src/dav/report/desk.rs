//! What answering a report needs of its request, without borrowing from it: reports over many objects are worked on away
//! from the threads that answer requests.

use super::super::Call;
use super::super::DavDoor;
use super::super::caller::Caller;
use super::super::caller::VisibleRoom;
use super::super::error::DavError;
use super::super::headers::Preferences;
use super::super::path::Resource;
use super::super::timezones::Timezones;
use actix_web::web;
use std::sync::Arc;

/// Who asks for what, and how the answer shall look.
pub struct Desk {
    /// The door.
    pub door: Arc<DavDoor>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// What the report was sent to.
    pub resource: Resource,
    /// The room it is about.
    pub room: VisibleRoom,
    /// Whether what is not there is left out.
    pub minimal: bool,
    /// Which zones are described.
    pub timezones: Timezones,
}

impl Desk {
    /// Whether the report was sent to the room, and not to one object of it.
    pub const fn of_room(&self) -> bool {
        matches!(self.resource, Resource::Room { .. })
    }

    /// Of a request about a room.
    pub fn new(call: &Call<'_>, room: VisibleRoom) -> Result<Self, DavError> {
        Ok(Self {
            door: Arc::clone(call.door),
            caller: Arc::clone(&call.caller),
            resource: call.resource.clone(),
            room,
            minimal: Preferences::parse(call.headers).minimal,
            timezones: Timezones::parse(call.headers)?,
        })
    }
}

/// Does work that takes its time on a thread of its own.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DavError> + Send + 'static,
) -> Result<T, DavError> {
    web::block(work).await.map_err(|_| DavError::Busy)?
}

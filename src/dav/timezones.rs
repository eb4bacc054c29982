//! Time zones by reference (RFC 7809): whether the zones an object names are described in it, as the client asks with
//! `CalDAV-Timezones`. Without that header an object is sent as it was put. The validator names the booking in each of
//! these forms, so that a client may fetch in one and write in another.

use super::error::DavError;
use crate::config::Limits;
use crate::ical::reference;
use actix_web::http::header::HeaderMap;
use std::borrow::Cow;

/// Which VTIMEZONEs a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timezones {
    /// Those that were put.
    AsPut,
    /// `T`: all that are named.
    Described,
    /// `F`: none that has an IANA name.
    Named,
}

impl Timezones {
    /// Reads the header (RFC 7809, 7.1).
    pub fn parse(headers: &HeaderMap) -> Result<Self, DavError> {
        let Some(value) = headers.get("caldav-timezones") else { return Ok(Self::AsPut) };
        match value.to_str().map(str::trim) {
            Ok("T" | "t") => Ok(Self::Described),
            Ok("F" | "f") => Ok(Self::Named),
            _ => Err(DavError::bad_request("CalDAV-Timezones is T or F.")),
        }
    }

    /// An object as the client wants it.
    pub fn shown<'o>(self, octets: &'o str, limits: &Limits) -> Result<Cow<'o, str>, DavError> {
        let shown = match self {
            Self::AsPut => return Ok(Cow::Borrowed(octets)),
            Self::Described => reference::described(octets, limits),
            Self::Named => reference::named(octets, limits),
        };
        shown.map_err(|error| DavError::Failed(format!("an object cannot be shown: {error}")))
    }
}

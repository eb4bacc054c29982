//! Floor 1: WebDAV XML. Bodies become closed enums here and answers become bytes; nothing else names the XML parser.

mod condition;
mod element;
mod filter;
mod multistatus;
pub mod name;
mod push;
mod read;
mod report;
mod request;
mod write;

pub use condition::{Condition, error_body};
pub use element::{Attribute, Element, Node};
pub use multistatus::{MultiStatus, PropStats};
pub use name::QName;
pub use push::{PushMessage, PushRegister};
pub use read::{XmlError, read};
pub use report::{
    CalendarMultiget, CalendarQuery, Expansion, PrincipalPropertySearch, PropertyMatch, Report, Selection,
    SyncCollection, SyncLevel, TimezoneChoice, TokenSearch, time_range,
};
pub use request::{PropFind, PropPatch, PropUpdate, RequestError};
pub use write::{DECLARATION, XmlWriter, escape_attribute, escape_text};

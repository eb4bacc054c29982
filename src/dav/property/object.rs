//! What a calendar object tells of itself (RFC 4918, 15; RFC 4791, 9.6).

use super::properties;
use super::room::http_date;
use crate::davxml::XmlWriter;
use crate::model::Etag;
use crate::model::ObjectName;
use crate::model::Timestamp;
use crate::model::View;
use crate::store::changes::ChangeRow;
use crate::store::objects::ObjectHead;
use crate::store::objects::ObjectRow;
use std::borrow::Cow;

/// The media type of every object (RFC 5545, 8.1; the component parameter as RFC 4791 clients expect it).
pub const CONTENT_TYPE: &str = "text/calendar; charset=utf-8; component=VEVENT";

properties! {
    /// Properties of a calendar object.
    Property {
        GetContentType = dav "getcontenttype" all;
        GetEtag = dav "getetag" all;
        GetContentLength = dav "getcontentlength" all;
        GetLastModified = dav "getlastmodified" all;
        CreationDate = dav "creationdate" all;
        CalendarData = caldav "calendar-data";
    }
}

/// A calendar object as one caller sees it.
#[derive(Clone, Debug)]
pub struct ObjectView {
    /// Its last path segment.
    pub name: ObjectName,
    /// The validator of what the caller sees.
    pub etag: Etag,
    /// Size in octets, where it is known without reading the object.
    pub size_bytes: Option<usize>,
    /// When it was first stored.
    pub created: Option<Timestamp>,
    /// When it last changed.
    pub modified: Option<Timestamp>,
    /// Its octets, or the part of them that a report asked for.
    pub data: Option<String>,
}

impl ObjectView {
    /// From a listing.
    pub fn of_head(head: ObjectHead, view: View) -> Self {
        Self {
            name: head.name,
            etag: seen_as(head.etag, view),
            size_bytes: (view == View::Full).then(|| usize::try_from(head.size_bytes).unwrap_or(0)),
            created: Some(head.created_ms),
            modified: Some(head.modified_ms),
            data: None,
        }
    }

    /// From the whole object; `octets` are those the caller may see.
    pub fn of_row(row: &ObjectRow, octets: &str, view: View) -> Self {
        Self {
            name: row.name.clone(),
            etag: etag_for(&row.etag, view),
            size_bytes: Some(octets.len()),
            created: Some(row.created_ms),
            modified: Some(row.modified_ms),
            data: None,
        }
    }

    /// From the change log; `None` for a member that is gone.
    pub fn of_change(change: ChangeRow, view: View) -> Option<Self> {
        Some(Self {
            name: change.name,
            etag: seen_as(change.etag?, view),
            size_bytes: None,
            created: None,
            modified: None,
            data: None,
        })
    }
}

/// The validator of what a caller sees. The projection is a function of the stored octets, so the stored validator with
/// a mark is as strong; it is marked on every object, because a listing does not know which ones are private.
pub fn etag_for(stored: &Etag, view: View) -> Etag {
    seen_as(stored.clone(), view)
}

fn seen_as(stored: Etag, view: View) -> Etag {
    match view {
        View::Full => stored,
        View::Projected => Etag::from(format!("{}-{}", stored.as_str(), view.letter())),
    }
}

impl Property {
    /// Writes the property; `false` where it is not known here.
    pub fn write(self, object: &ObjectView, xml: &mut XmlWriter) -> bool {
        self.text(object).map(|text| xml.leaf(&self.name(), &text)).is_some()
    }

    /// What the property says, where it is known here.
    pub fn text(self, object: &ObjectView) -> Option<Cow<'_, str>> {
        match self {
            Self::GetContentType => Some(Cow::Borrowed(CONTENT_TYPE)),
            Self::GetEtag => Some(Cow::Owned(object.etag.quoted())),
            Self::GetContentLength => object.size_bytes.map(|size| Cow::Owned(size.to_string())),
            Self::GetLastModified => object.modified.map(|instant| Cow::Owned(http_date(instant))),
            Self::CreationDate => object.created.map(|instant| Cow::Owned(instant.to_string())),
            Self::CalendarData => object.data.as_deref().map(Cow::Borrowed),
        }
    }

    /// Whether the property is known here.
    pub const fn is_known(self, object: &ObjectView) -> bool {
        match self {
            Self::GetContentType | Self::GetEtag => true,
            Self::GetContentLength => object.size_bytes.is_some(),
            Self::GetLastModified => object.modified.is_some(),
            Self::CreationDate => object.created.is_some(),
            Self::CalendarData => object.data.is_some(),
        }
    }
}

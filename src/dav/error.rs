//! The one place where failures become answers: status, condition elements, and a sentence for the person in front of
//! the client (RFC 4918, 16; RFC 4791, 1.3).

use crate::change::ChangeError;
use crate::change::Rule;
use crate::davxml::Condition;
use crate::davxml::QName;
use crate::davxml::RequestError;
use crate::davxml::XmlError;
use crate::davxml::error_body;
use crate::ical::IcalError;
use crate::store::StoreError;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;

/// Why a request was not carried out.
#[derive(Debug)]
pub enum DavError {
    /// No credentials, or wrong ones.
    Unauthorized,
    /// Nothing there that the caller may know of.
    NotFound(String),
    /// The method does nothing here; the header value says which do.
    MethodNotAllowed(&'static str),
    /// The request makes no sense.
    BadRequest(String),
    /// The body is too large to be read.
    TooLarge(String),
    /// A media type or content coding that is not read.
    UnsupportedMedia(String),
    /// If-Match or If-None-Match does not hold.
    PreconditionFailed(String),
    /// A named precondition does not hold.
    Refused {
        /// 403, or 409 where the client should look again.
        status: StatusCode,
        /// The preconditions.
        conditions: Vec<Condition>,
        /// A sentence.
        text: String,
    },
    /// Another server would have to do it (RFC 4918, 9.8.5).
    BadGateway(String),
    /// What was known of the caller holds no longer; the request is carried out again with what holds now.
    Outdated,
    /// The tenant is closed for the time being.
    Closed(String),
    /// The server cannot answer now.
    Busy,
    /// The server failed; the log knows more than the client is told.
    Failed(String),
}

impl DavError {
    /// 400 with a sentence.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::BadRequest(text.into())
    }

    /// 413 with the limit.
    pub fn too_large(limit: usize) -> Self {
        Self::TooLarge(format!("The request body is larger than {limit} bytes."))
    }

    /// 404 for a path.
    pub fn not_found(href: &str) -> Self {
        Self::NotFound(format!("There is nothing at {href}."))
    }

    /// 403 with one condition.
    pub fn forbidden(condition: Condition, text: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::FORBIDDEN, conditions: vec![condition], text: text.into() }
    }

    /// 403 for a missing privilege (RFC 3744, 7.1.1).
    pub fn need_privilege(href: &str, privilege: &'static str, text: impl Into<String>) -> Self {
        let privilege = match privilege {
            "read-free-busy" => QName::caldav("read-free-busy"),
            other => QName::dav(other),
        };
        Self::forbidden(Condition::NeedPrivileges { href: href.to_owned(), privilege }, text)
    }

    /// A refusal by the gate. `taken` is the path of the object that has the UID.
    pub fn from_change(
        error: ChangeError,
        href: &str,
        taken: impl FnOnce(&crate::model::ObjectName) -> String,
    ) -> Self {
        let conflict = |conditions, text| Self::Refused { status: StatusCode::CONFLICT, conditions, text };
        match error {
            ChangeError::Stale { .. } => {
                Self::PreconditionFailed("The booking has changed meanwhile; fetch it again.".to_owned())
            }
            ChangeError::Missing => Self::not_found(href),
            ChangeError::UidTaken { uid, by } => {
                let text = format!("Another booking of this room has the UID {uid}.");
                Self::forbidden(Condition::NoUidConflict { href: Some(taken(&by)) }, text)
            }
            ChangeError::Overlap(collision) => conflict(vec![Condition::RoomOccupied], format!("{collision}.")),
            ChangeError::Rule(breach) => conflict(vec![condition_of(breach.rule)], format!("{breach}.")),
            ChangeError::Class { .. } => Self::need_privilege(href, "all", sentence(&error.to_string())),
            ChangeError::TooManyInstances(text) => Self::forbidden(Condition::MaxInstances, text),
            ChangeError::Ical(error) => error.into(),
            ChangeError::Store(error) => error.into(),
        }
    }

    /// The answer.
    pub fn response(&self) -> HttpResponse {
        let (status, conditions, text) = self.parts();
        let mut answer = HttpResponse::build(status);
        answer.insert_header((header::CONTENT_TYPE, "application/xml; charset=utf-8"));
        match self {
            Self::Unauthorized => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"Anteroom\", charset=\"UTF-8\""));
            }
            Self::MethodNotAllowed(allow) => {
                answer.insert_header((header::ALLOW, *allow));
            }
            Self::Closed(_) => {
                answer.insert_header((header::RETRY_AFTER, "3600"));
            }
            Self::Busy | Self::Outdated => {
                answer.insert_header((header::RETRY_AFTER, "5"));
            }
            _ => {}
        }
        answer.body(error_body(conditions, text))
    }

    /// Status, conditions and sentence: also what one resource of a multi-status is told.
    pub fn parts(&self) -> (StatusCode, &[Condition], &str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, &[], "Sign in with your user name and an app password."),
            Self::NotFound(text) => (StatusCode::NOT_FOUND, &[], text),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, &[], "This method does nothing here."),
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, &[], text),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, &[], text),
            Self::UnsupportedMedia(text) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, &[], text),
            Self::PreconditionFailed(text) => (StatusCode::PRECONDITION_FAILED, &[], text),
            Self::Refused { status, conditions, text } => (*status, conditions, text),
            Self::BadGateway(text) => (StatusCode::BAD_GATEWAY, &[], text),
            Self::Closed(text) => (StatusCode::SERVICE_UNAVAILABLE, &[], text),
            Self::Busy | Self::Outdated => {
                (StatusCode::SERVICE_UNAVAILABLE, &[], "The server is busy; nothing was stored.")
            }
            Self::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, &[], "The server failed; nothing was stored."),
        }
    }
}

impl From<StoreError> for DavError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            other => Self::Failed(format!("{other}: {:?}", std::error::Error::source(&other).map(ToString::to_string))),
        }
    }
}

impl From<RequestError> for DavError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Xml(XmlError::TooLarge(limit)) => Self::too_large(limit),
            RequestError::Xml(_) | RequestError::Shape(_) => Self::BadRequest(sentence(&error.to_string())),
            RequestError::Condition { condition, text } => Self::forbidden(condition, text),
        }
    }
}

impl From<IcalError> for DavError {
    fn from(error: IcalError) -> Self {
        let condition = match &error {
            IcalError::SupportedCalendarData(_) => Condition::SupportedCalendarData,
            IcalError::ValidCalendarData(_) => Condition::ValidCalendarData,
            IcalError::ValidCalendarObjectResource(_) => Condition::ValidCalendarObjectResource,
            IcalError::UnsupportedRecurrence { part, .. } => {
                let conditions = vec![
                    Condition::ValidCalendarObjectResource,
                    Condition::UnsupportedRecurrence { part: part.clone() },
                ];
                let text = sentence(&error.to_string());
                return Self::Refused { status: StatusCode::FORBIDDEN, conditions, text };
            }
            IcalError::SupportedCalendarComponent(_) => Condition::SupportedCalendarComponent,
            IcalError::MaxResourceSize { .. } => Condition::MaxResourceSize,
            IcalError::MinDateTime(_) => Condition::MinDateTime,
            IcalError::MaxDateTime(_) => Condition::MaxDateTime,
            IcalError::MaxInstances { .. } => Condition::MaxInstances,
            IcalError::MaxAttendees { .. } => Condition::MaxAttendeesPerInstance,
        };
        Self::forbidden(condition, sentence(&error.to_string()))
    }
}

/// The element that names a rule of a room.
const fn condition_of(rule: Rule) -> Condition {
    match rule {
        Rule::OpeningHours => Condition::OutsideOpeningHours,
        Rule::Horizon => Condition::BeyondBookingHorizon,
        Rule::LeadTime => Condition::InsideLeadTime,
        Rule::Length => Condition::BookingLength,
        Rule::Buffer => Condition::BufferNeeded,
    }
}

/// An error's text as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

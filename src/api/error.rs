//! Every refusal of the REST interface, and the one place where it gets a status (RFC 9457).

use crate::bridge::BridgeError;
use crate::bridge::oidc::OidcError;
use crate::crypt::CryptError;
use crate::manage::ManageError;
use crate::manage::federation::FederationError;
use crate::model::Role;
use crate::store::StoreError;
use crate::sync::SyncError;
use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web;
use serde::Serialize;

/// What is refused and why.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No credentials, or wrong ones.
    #[error("give an API key (X-API-Key or Authorization: Bearer) or a login with an app password (Basic)")]
    Unauthenticated,
    /// An access token that is not to be believed.
    #[error("{0}")]
    Token(String),
    /// The session of a browser has ended.
    #[error("the session has ended; sign in again")]
    SessionOver,
    /// A change by cookie that need not come from the person who signed in.
    #[error("a change by a browser's session needs the header X-CSRF-Token with the form_token of GET /v1/session")]
    Unasked,
    /// A provider of sign-ins does not answer as it should, or does not accept us.
    #[error("{0}")]
    Provider(OidcError),
    /// The caller is known but may not do this.
    #[error("this needs the role {needed:?} in this tenant; {login} has {has:?}")]
    Forbidden {
        /// Who.
        login: String,
        /// The caller's role.
        has: Role,
        /// The weakest role that may.
        needed: Role,
    },
    /// The caller came with a secret that changes nothing.
    #[error(
        "{login} came with an app password or API key for reading only, and this would change something; use one that was \
         made without read_only"
    )]
    ReadOnly {
        /// Who.
        login: String,
    },
    /// The caller belongs to another tenant.
    #[error("{login} belongs to another tenant")]
    OtherTenant {
        /// Who.
        login: String,
    },
    /// The tenant is suspended or being drained.
    #[error("tenant {key} {what}{}", if .why.is_empty() { String::new() } else { format!(": {}", .why) })]
    Closed {
        /// Key of the tenant.
        key: String,
        /// `is suspended`, `is being drained and can only be read`, `was removed`.
        what: &'static str,
        /// Why, as the administrator wrote.
        why: String,
    },
    /// The tenant has made as many requests as it may in a minute.
    #[error("tenant {key} has made {quota} requests in this minute, as many as its rate_limit_per_minute allows")]
    TooMany {
        /// Key of the tenant.
        key: String,
        /// Requests in one minute.
        quota: i64,
        /// Seconds until it may go on.
        seconds: i64,
    },
    /// A browser sent a change from a page of another site.
    #[error("changes from pages of other sites are refused; use an API key in a script")]
    CrossSite,
    /// There is nothing at this path.
    #[error("there is nothing at {path}; /v1/docs lists what there is")]
    NoSuchPath {
        /// The path.
        path: String,
    },
    /// The path takes other methods.
    #[error("this path takes {allow} only")]
    Method {
        /// The methods, separated by commas.
        allow: String,
    },
    /// A body, query or path that cannot be read.
    #[error("{part}: {why}")]
    Malformed {
        /// `body`, `query` or `path`.
        part: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A body that is not JSON by its own account.
    #[error("body: send Content-Type: application/json")]
    NotJson,
    /// A body that is too large.
    #[error("body: larger than the {limit} bytes of limits.json_bytes")]
    TooLarge {
        /// Most bytes.
        limit: usize,
    },
    /// What `manage` refuses.
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// A remote system that was asked does not answer as it should.
    #[error("{whose}: {why}")]
    Remote {
        /// The bridge.
        whose: String,
        /// What is wrong.
        why: BridgeError,
    },
    /// Its database does not answer.
    #[error("the database does not answer")]
    NotReady,
    /// The server is about to end.
    #[error("this server is about to end: send requests to another one")]
    Leaving,
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}

impl From<FederationError> for ApiError {
    fn from(error: FederationError) -> Self {
        match error {
            FederationError::Oidc(OidcError::Token(why)) => Self::Token(why),
            FederationError::Oidc(other) => Self::Provider(other),
            FederationError::Manage(error) => Self::Manage(error),
            FederationError::Astray(why) => Self::Token(why.to_owned()),
        }
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Store(error) => error.into(),
            SyncError::Bridge(why) => Self::Remote { whose: "the bridge".to_owned(), why },
            SyncError::Missing { what, id } => ManageError::no(what, &id).into(),
            SyncError::Refused(why) => ManageError::State { why }.into(),
            other => ManageError::State { why: other.to_string() }.into(),
        }
    }
}

impl From<CryptError> for ApiError {
    fn from(error: CryptError) -> Self {
        Self::Manage(error.into())
    }
}

/// Kinds of problems; the list in the documentation is this one.
pub(super) const KINDS: [(&str, StatusCode, &str); 17] = [
    ("unauthenticated", StatusCode::UNAUTHORIZED, "Not signed in"),
    ("forbidden", StatusCode::FORBIDDEN, "Not allowed"),
    ("suspended", StatusCode::FORBIDDEN, "The tenant is closed"),
    ("too-many-requests", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
    ("not-found", StatusCode::NOT_FOUND, "Not found"),
    ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "Other methods only"),
    ("malformed", StatusCode::BAD_REQUEST, "Cannot be read"),
    ("not-json", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not JSON"),
    ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
    ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "Value not accepted"),
    ("taken", StatusCode::CONFLICT, "In use already"),
    ("wrong-state", StatusCode::CONFLICT, "Not in this state"),
    ("against-rules", StatusCode::CONFLICT, "Against the rules of the room"),
    ("stale", StatusCode::PRECONDITION_FAILED, "Changed meanwhile"),
    ("remote", StatusCode::BAD_GATEWAY, "The remote system fails"),
    ("busy", StatusCode::SERVICE_UNAVAILABLE, "Try again shortly"),
    ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Failed on our side"),
];

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `/v1/docs#<kind>`; the kind never changes.
    pub r#type: String,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A sentence about this case.
    pub detail: String,
    /// The request's id, as in the header `X-Request-Id` and the log.
    pub instance: String,
    /// Which input is meant, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
}

impl ApiError {
    /// The kind of this problem, one of [`KINDS`].
    fn kind(&self) -> &'static str {
        match self {
            Self::Unauthenticated | Self::Token(_) | Self::SessionOver => "unauthenticated",
            Self::Manage(ManageError::Rule { .. }) => "against-rules",
            Self::Manage(ManageError::Stale { .. }) => "stale",
            Self::Forbidden { .. }
            | Self::ReadOnly { .. }
            | Self::OtherTenant { .. }
            | Self::CrossSite
            | Self::Unasked
            | Self::Manage(ManageError::Forbidden { .. }) => "forbidden",
            Self::Closed { .. } => "suspended",
            Self::TooMany { .. } => "too-many-requests",
            Self::NoSuchPath { .. } | Self::Manage(ManageError::NotFound { .. }) => "not-found",
            Self::Method { .. } => "method-not-allowed",
            Self::Malformed { .. } => "malformed",
            Self::NotJson => "not-json",
            Self::TooLarge { .. } => "too-large",
            Self::Manage(ManageError::Invalid { .. }) => "invalid",
            Self::Manage(ManageError::Taken { .. }) => "taken",
            Self::Manage(ManageError::State { .. }) => "wrong-state",
            Self::NotReady
            | Self::Leaving
            | Self::Remote { why: BridgeError::Busy { .. }, .. }
            | Self::Manage(ManageError::Store(StoreError::Busy)) => "busy",
            Self::Remote { .. } | Self::Provider(_) => "remote",
            Self::Manage(ManageError::Store(_) | ManageError::Crypt(_)) => "internal",
        }
    }

    fn row(&self) -> (&'static str, StatusCode, &'static str) {
        let kind = self.kind();
        KINDS.into_iter().find(|row| row.0 == kind).unwrap_or(KINDS[KINDS.len() - 1])
    }

    /// The problem document for one request.
    pub(super) fn problem(&self, request_id: &str) -> Problem {
        let (kind, status, title) = self.row();
        Problem {
            r#type: format!("/v1/docs#{kind}"),
            title,
            status: status.as_u16(),
            detail: match kind {
                "internal" => {
                    "The request failed on our side; the log has the reason under this request id.".to_owned()
                }
                // Begins with the name of an input, which is not to be written otherwise than it is.
                "invalid" => closed(self.to_string()),
                _ => closed(sentence(&self.to_string())),
            },
            instance: request_id.to_owned(),
            field: match self {
                Self::Manage(ManageError::Invalid { field, .. }) => Some(field),
                _ => None,
            },
        }
    }

    /// The whole answer for one request.
    pub(super) fn answer(&self, request_id: &str) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::Unauthenticated => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"Anteroom\", charset=\"UTF-8\""));
            }
            Self::Token(_) => {
                // RFC 6750, 3.1; the sentence stands in the body.
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"Anteroom\", error=\"invalid_token\""));
            }
            // A browser that had a session is not to ask for a password on its own.
            Self::SessionOver => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"Anteroom\""));
            }
            Self::Method { allow } => {
                answer.insert_header((header::ALLOW, allow.clone()));
            }
            Self::TooMany { seconds, .. } => {
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            _ if self.kind() == "busy" => {
                answer.insert_header((header::RETRY_AFTER, "5"));
            }
            _ => {}
        }
        let body = serde_json::to_string(&self.problem(request_id)).unwrap_or_default();
        answer.content_type("application/problem+json").body(body)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.row().1
    }

    /// Without a request id; `entry` answers anew with it.
    fn error_response(&self) -> HttpResponse {
        self.answer("")
    }
}

/// With a capital at the start.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", characters.as_str())
}

/// With a full stop at the end.
fn closed(text: String) -> String {
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

/// How JSON bodies are read: bounded, and refused with a problem document.
pub(super) fn json_config(limit: usize) -> web::JsonConfig {
    web::JsonConfig::default().limit(limit).error_handler(move |error, _| {
        let problem = match error {
            JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                ApiError::TooLarge { limit }
            }
            JsonPayloadError::ContentType => ApiError::NotJson,
            JsonPayloadError::Deserialize(error) => ApiError::Malformed { part: "body", why: error.to_string() },
            other => ApiError::Malformed { part: "body", why: other.to_string() },
        };
        problem.into()
    })
}

/// How queries are read.
pub(super) fn query_config() -> web::QueryConfig {
    web::QueryConfig::default()
        .error_handler(|error, _| ApiError::Malformed { part: "query", why: error.to_string() }.into())
}

/// How path segments are read.
pub(super) fn path_config() -> web::PathConfig {
    web::PathConfig::default()
        .error_handler(|error, _| ApiError::Malformed { part: "path", why: error.to_string() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_kind_of_the_list_a_sentence_and_the_request_id() {
        let cases: Vec<(ApiError, &str, u16)> = vec![
            (ApiError::Unauthenticated, "unauthenticated", 401),
            (
                ApiError::Forbidden { login: "a".to_owned(), has: Role::Member, needed: Role::TenantAdmin },
                "forbidden",
                403,
            ),
            (ApiError::ReadOnly { login: "a".to_owned() }, "forbidden", 403),
            (ApiError::CrossSite, "forbidden", 403),
            (ApiError::Unasked, "forbidden", 403),
            (ApiError::Token("the token has expired".to_owned()), "unauthenticated", 401),
            (ApiError::SessionOver, "unauthenticated", 401),
            (
                ApiError::Provider(OidcError::Provider { issuer: "https://a".to_owned(), why: "x".to_owned() }),
                "remote",
                502,
            ),
            (
                ApiError::Closed { key: "city".to_owned(), what: "is suspended", why: "unpaid".to_owned() },
                "suspended",
                403,
            ),
            (ApiError::TooMany { key: "city".to_owned(), quota: 60, seconds: 5 }, "too-many-requests", 429),
            (ApiError::NoSuchPath { path: "/v1/x".to_owned() }, "not-found", 404),
            (ApiError::Method { allow: "GET".to_owned() }, "method-not-allowed", 405),
            (ApiError::Malformed { part: "body", why: "unknown field `x`".to_owned() }, "malformed", 400),
            (ApiError::NotJson, "not-json", 415),
            (ApiError::TooLarge { limit: 5 }, "too-large", 413),
            (ManageError::NotFound { what: "room".to_owned() }.into(), "not-found", 404),
            (ManageError::Taken { what: "in use".to_owned() }.into(), "taken", 409),
            (ManageError::Invalid { field: "zone", why: "no".to_owned() }.into(), "invalid", 422),
            (ManageError::State { why: "held".to_owned() }.into(), "wrong-state", 409),
            (ManageError::Rule { why: "closed".to_owned() }.into(), "against-rules", 409),
            (ManageError::Stale { why: "changed".to_owned() }.into(), "stale", 412),
            (ManageError::Forbidden { why: "not yours".to_owned() }.into(), "forbidden", 403),
            (StoreError::Busy.into(), "busy", 503),
            (ApiError::Remote { whose: "bridge m365".to_owned(), why: BridgeError::NotFound }, "remote", 502),
            (
                ApiError::Remote { whose: "bridge m365".to_owned(), why: BridgeError::Busy { after_ms: None } },
                "busy",
                503,
            ),
            (StoreError::Taken("x".to_owned()).into(), "internal", 500),
        ];
        for (error, kind, status) in cases {
            let problem = error.problem("r-1");
            assert_eq!(problem.r#type, format!("/v1/docs#{kind}"));
            assert_eq!((problem.status, problem.instance.as_str()), (status, "r-1"));
            assert!(problem.detail.ends_with('.'), "{}", problem.detail);
            assert!(KINDS.iter().any(|row| row.0 == kind && row.1.as_u16() == status), "{kind}");
        }
    }

    #[test]
    fn an_internal_failure_tells_the_client_nothing_of_its_cause() {
        let problem = ApiError::from(StoreError::Taken("secrets.hash".to_owned())).problem("r-1");
        assert!(!problem.detail.contains("secrets"), "{}", problem.detail);
    }

    #[test]
    fn an_invalid_value_names_its_field() {
        let error = ApiError::from(ManageError::Invalid { field: "zone", why: "is no zone".to_owned() });
        assert_eq!(error.problem("r").field, Some("zone"));
    }
}

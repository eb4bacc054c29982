//! What an administrator sets for a bridge, and the bridge that follows from it.

use super::Bridge;
use super::BridgeError;
use super::booking::Generic;
use super::booking::Portico;
use super::graph::Graph;
use crate::config::Limits;
use crate::config::Secret;
use crate::model::BridgeKind;
use crate::model::Clock;
use crate::model::ZoneId;
use serde::Deserialize;
use std::sync::Arc;

/// The settings of one bridge; `kind` says which.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BridgeConfig {
    /// Microsoft Graph.
    Graph(GraphConfig),
    /// A booking system with the generic `/api/events` contract.
    BookingGeneric(GenericConfig),
    /// A `PorticoEstate` booking system.
    BookingPortico(PorticoConfig),
}

impl BridgeConfig {
    /// Which kind of system this is for.
    pub const fn kind(&self) -> BridgeKind {
        match self {
            Self::Graph(_) => BridgeKind::Graph,
            Self::BookingGeneric(_) => BridgeKind::BookingGeneric,
            Self::BookingPortico(_) => BridgeKind::BookingPortico,
        }
    }
}

/// How Graph is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphConfig {
    /// Host of the interface, without the version; other clouds have other hosts.
    #[serde(default = "graph_url")]
    pub base_url: String,
    /// Host that issues tokens.
    #[serde(default = "login_url")]
    pub login_url: String,
    /// Directory (tenant) id or verified domain.
    #[serde(alias = "tenant")]
    pub tenant_id: String,
    /// Application id.
    pub client_id: String,
    /// Client secret (its value, not its id).
    pub client_secret: Secret,
    /// The day on which it ends, so that somebody is told in time.
    #[serde(default)]
    pub client_secret_expires: Option<jiff::civil::Date>,
    /// Proxy URL; the system's settings where absent.
    #[serde(default)]
    pub proxy: Option<String>,
    /// Longest time of one exchange in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Which delta is read.
    #[serde(default)]
    pub delta: DeltaForm,
    /// The zone of rooms, for whole days and for items whose own zone is not known.
    #[serde(default = "utc")]
    pub zone: ZoneId,
    /// Whether a series that Microsoft 365 cannot hold as one is refused instead of written date by date.
    #[serde(default)]
    pub strict: bool,
}

/// The two forms of delta for events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaForm {
    /// `calendarView/delta`: documented.
    #[default]
    CalendarView,
    /// `events/delta` with a start: fewer rows, works, but is not documented for v1.0.
    Events,
}

/// How a booking system with the generic contract is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenericConfig {
    /// Where `/api/events` lies.
    pub base_url: String,
    /// Sent as `X-API-Key`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Sent as `Authorization: Bearer`.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// Proxy URL; the system's settings where absent.
    #[serde(default)]
    pub proxy: Option<String>,
    /// Longest time of one exchange in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// What we call ourselves in `source_system`.
    #[serde(default = "source_system")]
    pub source_system: String,
}

/// How a `PorticoEstate` booking system is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PorticoConfig {
    /// Where `/login` and `/booking` lie.
    pub base_url: String,
    /// Account.
    pub login: String,
    /// Password.
    pub password: Secret,
    /// Domain of the account.
    #[serde(default = "logindomain")]
    pub logindomain: String,
    /// The zone of the system's wall-clock times.
    #[serde(default = "oslo")]
    pub zone: ZoneId,
    /// Proxy URL; the system's settings where absent.
    #[serde(default)]
    pub proxy: Option<String>,
    /// Longest time of one exchange in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
}

/// The bridge that these settings describe. Nothing is sent yet.
pub fn build(config: &BridgeConfig, clock: Arc<dyn Clock>, limits: &Limits) -> Result<Arc<dyn Bridge>, BridgeError> {
    Ok(match config {
        BridgeConfig::Graph(config) => Arc::new(Graph::new(config.clone(), clock, limits)?),
        BridgeConfig::BookingGeneric(config) => Arc::new(Generic::new(config.clone(), clock, limits)?),
        BridgeConfig::BookingPortico(config) => Arc::new(Portico::new(config.clone(), clock, limits)?),
    })
}

/// A base URL that can be used: http or https, without a trailing slash.
pub(super) fn base_url(text: &str) -> Result<String, BridgeError> {
    let wrong = |why: &str| BridgeError::Refused(format!("the base URL of the bridge {why}"));
    let url = url::Url::parse(text).map_err(|why| wrong(&format!("cannot be read: {why}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("must begin with https:// and name a host"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong("must hold neither credentials nor a query"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn graph_url() -> String {
    "https://graph.microsoft.com".to_owned()
}

fn login_url() -> String {
    "https://login.microsoftonline.com".to_owned()
}

const fn timeout_ms() -> u64 {
    30_000
}

fn source_system() -> String {
    "anteroom".to_owned()
}

fn logindomain() -> String {
    "default".to_owned()
}

fn utc() -> ZoneId {
    ZoneId::utc()
}

fn oslo() -> ZoneId {
    ZoneId::parse("Europe/Oslo").unwrap_or_else(ZoneId::utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_by_kind_and_unknown_ones_are_refused() {
        let text = r#"{"kind":"graph","tenant":"t","client_id":"c","client_secret":"hush"}"#;
        let config: BridgeConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.kind(), BridgeKind::Graph);
        assert!(!format!("{config:?}").contains("hush"));
        let typo = r#"{"kind":"booking_generic","base_url":"http://b","api_keys":"x"}"#;
        assert!(serde_json::from_str::<BridgeConfig>(typo).is_err());
    }

    #[test]
    fn a_base_url_names_a_host_and_holds_no_credentials() {
        assert_eq!(base_url("https://b.example/x/").unwrap(), "https://b.example/x");
        for bad in ["b.example", "ftp://b.example", "https://u:p@b.example", "https://b.example/?a=1"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}

//! What an administrator can set. Every limit that is enforced anywhere is named in [`Limits`].
//!
//! Order of precedence: default, file, environment, secret file. Without any of them the server runs: SQLite in
//! `./data`, listening on loopback.

mod bootstrap;
mod check;
pub mod database_url;
mod example;
mod fitting;
mod limits;
mod load;
mod municipal;
mod place;
mod problem;
mod secret;
mod section;
mod sections;
mod variables;

pub use bootstrap::BridgeEntry;
pub use bootstrap::DEFAULT_TENANT;
pub use bootstrap::MappingEntry;
pub use bootstrap::RoomEntry;
pub use bootstrap::TenantEntry;
pub use bootstrap::UserEntry;
pub use example::example;
pub use limits::Limits;
pub use load::Environment;
pub use load::Judge;
pub use load::from_process;
pub use load::load;
pub use municipal::Municipal;
pub use municipal::municipals;
pub use problem::ConfigError;
pub use problem::Problem;
pub use secret::Secret;
pub use sections::Alerts;
pub use sections::Auth;
pub use sections::Backup;
pub use sections::Database;
pub use sections::Deliveries;
pub use sections::Feed;
pub use sections::LogFormat;
pub use sections::MasterKey;
pub use sections::Observe;
pub use sections::Profile;
pub use sections::Push;
pub use sections::Server;
pub use sections::Sync;
pub use sections::Webhooks;

use serde::Deserialize;
use serde::Serialize;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[database]`.
    pub database: Database,
    /// `[keys]`.
    pub keys: MasterKey,
    /// `[auth]`.
    pub auth: Auth,
    /// `[sync]`.
    pub sync: Sync,
    /// `[feed]`.
    pub feed: Feed,
    /// `[webhooks]`.
    pub webhooks: Webhooks,
    /// `[deliveries]`.
    pub deliveries: Deliveries,
    /// `[alerts]`.
    pub alerts: Alerts,
    /// `[push]`.
    pub push: Push,
    /// `[backup]`.
    pub backup: Backup,
    /// `[profile]`.
    pub profile: Profile,
    /// `[observe]`.
    pub observe: Observe,
    /// `[limits]`.
    pub limits: Limits,
    /// `[[tenant]]`, as declared. See [`Config::tenants`].
    pub tenant: Vec<TenantEntry>,
    /// `[[bridge]]`.
    pub bridge: Vec<BridgeEntry>,
    /// `[[room]]`.
    pub room: Vec<RoomEntry>,
    /// `[[mapping]]`.
    pub mapping: Vec<MappingEntry>,
    /// `[[user]]`.
    pub user: Vec<UserEntry>,
}

impl Config {
    /// Where everything is stored; an SQLite file in the data folder unless set.
    pub fn database_url(&self) -> Secret {
        self.database
            .url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}/anteroom.db", self.server.data_dir.display()).into())
    }

    /// The address of the server as others see it, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.server
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", called(&self.server.listen)))
            .trim_end_matches('/')
            .to_owned()
    }

    /// The address remote systems send notifications to, without a slash at the end, if there is one.
    pub fn webhook_url(&self) -> Option<String> {
        self.webhooks.base_url.as_ref().map(|url| url.trim_end_matches('/').to_owned())
    }

    /// The declared tenants; the tenant `default` when none is declared.
    pub fn tenants(&self) -> Vec<TenantEntry> {
        if self.tenant.is_empty() { vec![TenantEntry::default()] } else { self.tenant.clone() }
    }
}

/// How programs on this machine call what listens there: `0.0.0.0` and `[::]` are no addresses to call.
fn called(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(at)) if at.ip().is_unspecified() => format!("{}:{}", Ipv4Addr::LOCALHOST, at.port()),
        Ok(SocketAddr::V6(at)) if at.ip().is_unspecified() => format!("[{}]:{}", Ipv6Addr::LOCALHOST, at.port()),
        _ => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn a_server_on_every_address_is_called_by_the_loopback_unless_its_name_is_told() {
        for (listens, called) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.168.1.20:8080", "http://192.168.1.20:8080"),
            ("rooms:8080", "http://rooms:8080"),
        ] {
            let mut config = Config::default();
            listens.clone_into(&mut config.server.listen);
            assert_eq!(config.public_url(), called);
            config.server.public_url = Some("https://rooms.example.org/".to_owned());
            assert_eq!(config.public_url(), "https://rooms.example.org");
        }
    }
}

//! What a command works at: the configuration, the database, the keys and the tenant.

use super::Common;
use super::error::CliError;
use crate::config;
use crate::config::Config;
use crate::crypt::Keys;
use crate::manage::Acting;
use crate::manage::feeds::Links;
use crate::manage::tenants;
use crate::model::Clock;
use crate::model::SystemClock;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::observe::Metrics;
use crate::server;
use crate::store::Store;
use crate::store::Tx;
use crate::sync::Engine;
use std::sync::Arc;

/// Everything a command needs.
pub(super) struct Desk {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The keys.
    pub keys: Keys,
    public_url: String,
    tenant: TenantId,
    now: Timestamp,
}

impl Desk {
    /// Reads the configuration, opens the database and finds the tenant. One that the configuration declares is made.
    pub(super) async fn open(common: &Common) -> Result<Self, CliError> {
        let config = config::from_process(common.config.as_deref(), &|_| Ok(()))?;
        server::make_folder(&config.server.data_dir).map_err(|error| CliError::Failed(error.to_string()))?;
        let keys = server::load_keys(&config)?;
        let store = Store::open(config.database_url().reveal()).await?;
        let now = SystemClock.now();
        let tenant = tenant(&store, &config, &common.tenant, now).await?;
        Ok(Self { public_url: config.public_url(), config, store, keys, tenant, now })
    }

    /// The circumstances of an act of this command.
    pub(super) fn acting(&self) -> Acting<'_> {
        Acting { tenant: &self.tenant, actor: "command-line", now: self.now }
    }

    /// Where feed links point and what signs them.
    pub(super) fn links(&self) -> Links<'_> {
        Links { public_url: &self.public_url, key: &self.keys.feed, usual: &self.config.feed }
    }

    /// A reconciler for looking at both sides; its leases are its own.
    pub(super) fn engine(&self) -> Result<Engine, CliError> {
        let keys = Arc::new(server::load_keys(&self.config)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bridges = server::bridge_source(keys.clone(), clock.clone(), Arc::new(self.config.limits.clone()));
        Ok(server::engine(&self.config, &self.store, &bridges, &keys, &clock, &Arc::new(Metrics::new())))
    }

    /// A transaction that reads.
    pub(super) async fn read(&self) -> Result<Tx, CliError> {
        Ok(self.store.begin_read().await?)
    }

    /// A transaction that writes.
    pub(super) async fn write(&self) -> Result<Tx, CliError> {
        Ok(self.store.begin_write().await?)
    }
}

/// The master key of the configuration, else the one in the data folder.
async fn tenant(store: &Store, config: &Config, key: &str, now: Timestamp) -> Result<TenantId, CliError> {
    let Some(declared) = config.tenants().into_iter().find(|tenant| tenant.key == key) else {
        return Ok(tenants::find(&mut store.begin_read().await?, key).await?.id);
    };
    let zone = ZoneId::parse(&declared.zone).unwrap_or_else(ZoneId::utc);
    let mut tx = store.begin_write().await?;
    let tenant = tenants::ensure(&mut tx, (key, &declared.name), &zone, now).await?;
    tx.commit().await?;
    Ok(tenant.id)
}

//! What a command works at: the configuration, the database, the keys and the tenant.

use super::Common;
use super::error::CliError;
use crate::config;
use crate::config::Config;
use crate::crypt::Keys;
use crate::manage::Acting;
use crate::manage::feeds::Links;
use crate::manage::keys::Vault;
use crate::manage::tenants;
use crate::model::Clock;
use crate::model::SystemClock;
use crate::model::Timestamp;
use crate::model::ZoneId;
use crate::observe::Metrics;
use crate::server;
use crate::store::Store;
use crate::store::Tx;
use crate::store::tenants as stored;
use crate::store::tenants::Tenant;
use crate::sync::Engine;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who acts, as the audit names it.
pub(super) const ACTOR: &str = "command-line";

/// What a command needs that is about no tenant, or about several.
pub(super) struct Office {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The keys.
    pub keys: Keys,
    /// Where they come from.
    pub vault: Vault,
    /// When the command began.
    pub now: Timestamp,
}

impl Office {
    /// Reads the configuration and opens the database.
    pub(super) async fn open(common: &Common) -> Result<Self, CliError> {
        let config = config::from_process(common.config.as_deref(), &|_| Ok(()))?;
        server::make_folder(&config.server.data_dir).map_err(|error| CliError::Failed(error.to_string()))?;
        let store = Store::open(config.database_url().reveal()).await?;
        let now = SystemClock.now();
        let vault = server::vault(&config, &store)?;
        let keys = vault.open(now).await?;
        Ok(Self { config, store, keys, vault, now })
    }
}

/// Everything a command needs.
pub(super) struct Desk {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The keys.
    pub keys: Keys,
    /// Where they come from.
    pub vault: Vault,
    public_url: String,
    tenant: Tenant,
    now: Timestamp,
}

impl Desk {
    /// Reads the configuration, opens the database and finds the tenant. One that the configuration declares is made.
    pub(super) async fn open(common: &Common) -> Result<Self, CliError> {
        let Office { config, store, keys, vault, now } = Office::open(common).await?;
        let tenant = tenant(&store, &config, common.tenant.as_deref(), now).await?;
        Ok(Self { public_url: config.public_url(), config, store, keys, vault, tenant, now })
    }

    /// The circumstances of an act of this command.
    pub(super) fn acting(&self) -> Acting<'_> {
        Acting { tenant: &self.tenant.id, actor: ACTOR, now: self.now }
    }

    /// The tenant that is worked in.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Where feed links point and what signs them.
    pub(super) fn links(&self) -> Links<'_> {
        Links { public_url: &self.public_url, key: &self.keys.feed, usual: &self.config.feed }
    }

    /// A reconciler for looking at both sides; its leases are its own.
    pub(super) fn engine(&self) -> Engine {
        let keys = Arc::new(self.keys.clone());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bridges = server::bridge_source(
            keys.clone(),
            clock.clone(),
            Arc::new(self.config.limits.clone()),
            self.config.sync.tenant_calls,
        );
        server::engine(&self.config, &self.store, &bridges, &keys, &clock, &Arc::new(Metrics::new()))
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

/// The tenant with that key; without one `default`, or the only one there is. One that is declared is made.
async fn tenant(store: &Store, config: &Config, key: Option<&str>, now: Timestamp) -> Result<Tenant, CliError> {
    let declared = config.tenants();
    let stored = stored::list(&mut store.begin_read().await?).await?;
    let keys = declared.iter().map(|tenant| tenant.key.as_str());
    let keys: BTreeSet<&str> = keys.chain(stored.iter().map(|tenant| tenant.tenant_key.as_str())).collect();
    let key = match key {
        Some(key) => key,
        None => only(&keys)?,
    };
    let Some(declared) = declared.iter().find(|tenant| tenant.key == key) else {
        return Ok(tenants::find(&mut store.begin_read().await?, key).await?);
    };
    let zone = ZoneId::parse(&declared.zone).unwrap_or_else(ZoneId::utc);
    let mut tx = store.begin_write().await?;
    let tenant = tenants::ensure(&mut tx, (key, &declared.name), &zone, now).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// The key that is meant where none is given.
fn only<'k>(keys: &BTreeSet<&'k str>) -> Result<&'k str, CliError> {
    let mut all = keys.iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(tenants::DEFAULT),
        (Some(only), None) => Ok(only),
        _ if keys.contains(tenants::DEFAULT) => Ok(tenants::DEFAULT),
        _ => {
            let keys = keys.iter().copied().collect::<Vec<_>>().join(", ");
            Err(CliError::Failed(format!("there are several tenants; name one of them with --tenant: {keys}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_the_default_tenant_is_meant_or_the_only_one() {
        let meant = |keys: &[&'static str]| only(&keys.iter().copied().collect()).map_err(|error| error.to_string());
        assert_eq!(meant(&[]), Ok("default"));
        assert_eq!(meant(&["springfield"]), Ok("springfield"));
        assert_eq!(meant(&["springfield", "default"]), Ok("default"));
        let several = meant(&["springfield", "fjordby"]).unwrap_err();
        assert!(several.ends_with("name one of them with --tenant: fjordby, springfield"), "{several}");
    }
}

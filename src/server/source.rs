//! Living bridges of stored ones: secrets opened, connections and tokens kept between calls, made anew when somebody
//! changes the settings.

use crate::bridge::Bridge;
use crate::bridge::BridgeError;
use crate::bridge::Limited;
use crate::bridge::Turnstiles;
use crate::bridge::build;
use crate::config::Limits;
use crate::crypt::CryptError;
use crate::crypt::Keys;
use crate::manage;
use crate::model::BridgeId;
use crate::model::Clock;
use crate::sync::BridgeSource;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A bridge and what it was made of.
struct Living {
    settings: String,
    sealed: String,
    bridge: Arc<dyn Bridge>,
}

/// The source of bridges for the reconciler. No tenant has more than `tenant_calls` calls under way at once.
pub fn bridge_source(keys: Arc<Keys>, clock: Arc<dyn Clock>, limits: Arc<Limits>, tenant_calls: usize) -> BridgeSource {
    let turnstiles = Turnstiles::new(tenant_calls);
    let living: Mutex<HashMap<BridgeId, Living>> = Mutex::default();
    Arc::new(move |row| {
        if let Some(why) = keys.ring.closed(&row.tenant_id) {
            return Err(BridgeError::Auth(CryptError::Closed(why).to_string()));
        }
        let mut living = living.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = living.get(&row.id)
            && found.settings == row.settings
            && found.sealed == row.sealed
        {
            return Ok(found.bridge.clone());
        }
        let config = manage::bridges::config(&keys.ring, row)
            .map_err(|error| BridgeError::Auth(format!("the settings of bridge {} are unusable: {error}", row.name)))?;
        let bridge = build(&config, clock.clone(), &limits)?;
        let bridge: Arc<dyn Bridge> = Arc::new(Limited::new(bridge, &row.tenant_id, &turnstiles));
        let made = Living { settings: row.settings.clone(), sealed: row.sealed.clone(), bridge: bridge.clone() };
        living.insert(row.id.clone(), made);
        Ok(bridge)
    })
}

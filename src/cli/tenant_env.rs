//! `anteroom tenant import-env`.

use super::Common;
use super::desk::{ACTOR, Office};
use super::error::CliError;
use super::print;
use crate::config::BridgeEntry;
use crate::config::Environment;
use crate::config::Municipal;
use crate::config::municipals;
use crate::manage::Acting;
use crate::manage::bridges::{self, BridgePatch, NewBridge};
use crate::manage::tenants::{self, NewTenant, TenantLimits, TenantPatch};
use crate::server::judge_bridge;
use crate::store::Tx;
use crate::store::bridges as stored_bridges;
use crate::store::tenants as stored;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// Make tenants and their bridges from the environment.
#[derive(Debug, Args)]
#[command(after_help = "Reads NAME_OUTLOOK_CLIENT_ID, NAME_OUTLOOK_CLIENT_SECRET, NAME_OUTLOOK_TENANT_ID, \
    NAME_BOOKING_API_URL, NAME_BOOKING_API_KEY, NAME_BOOKING_PROFILE, NAME_SYNC_FREQUENCY, NAME_PRIORITY and \
    NAME_TIMEZONE, each also with _FILE for what is a secret. MUNICIPAL_A becomes the tenant municipal-a. What is there \
    is brought up to date; nothing is removed.\n\nExample:\n  anteroom tenant import-env --zone Europe/Oslo --dry-run")]
pub(crate) struct ImportEnv {
    #[arg(long, help = "IANA name of the zone of those whose NAME_TIMEZONE is not set")]
    zone: Option<String>,
    /// Only say what would be made
    #[arg(long)]
    dry_run: bool,
}

/// What became of one tenant.
#[derive(Serialize)]
struct Imported {
    tenant: String,
    made: bool,
    bridges: Vec<String>,
    not_used: Vec<String>,
}

impl ImportEnv {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let found = municipals(&Environment::from_process()).map_err(|problems| {
            CliError::Usage(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })?;
        if found.is_empty() {
            return Err(CliError::Usage("the environment describes no tenant; see --help for the names".to_owned()));
        }
        for bridge in found.iter().flat_map(|one| &one.bridges) {
            judge_bridge(bridge).map_err(|why| CliError::Usage(format!("bridge {}: {why}", bridge.name)))?;
        }
        let office = Office::open(common).await?;
        let mut tx = office.store.begin_write().await?;
        let mut imported = Vec::with_capacity(found.len());
        for one in found {
            imported.push(self.import(&office, &mut tx, one).await?);
        }
        if !self.dry_run {
            tx.commit().await?;
        }
        let columns: &[print::Column<Imported>] = &[
            ("Tenant", |one| one.tenant.clone()),
            ("", |one| if one.made { "new" } else { "there already" }.to_owned()),
            ("Bridges", |one| one.bridges.join(", ")),
            ("Not used", |one| one.not_used.join("; ")),
        ];
        print::list(common, out, &imported, columns)
    }

    async fn import(&self, office: &Office, tx: &mut Tx, one: Municipal) -> Result<Imported, CliError> {
        let (tenant, made) = self.tenant(office, tx, &one).await?;
        let acting = Acting { tenant: &tenant.id, actor: ACTOR, now: office.now };
        for bridge in &one.bridges {
            bring_up_to_date(office, tx, &acting, bridge).await?;
        }
        Ok(Imported {
            tenant: one.key,
            made,
            bridges: one.bridges.into_iter().map(|bridge| bridge.name).collect(),
            not_used: one.idle.into_iter().map(|(variable, why)| format!("{variable}: {why}")).collect(),
        })
    }

    async fn tenant(&self, office: &Office, tx: &mut Tx, one: &Municipal) -> Result<(stored::Tenant, bool), CliError> {
        let limits = TenantLimits { sync_frequency_minutes: one.sync_frequency_minutes, ..TenantLimits::default() };
        if let Some(tenant) = stored::by_key(tx, &one.key).await? {
            let acting = Acting { tenant: &tenant.id, actor: ACTOR, now: office.now };
            let (zone, priority) = (one.zone.clone(), one.priority);
            let patch = TenantPatch { zone, priority, limits, ..TenantPatch::default() };
            return Ok((tenants::update(tx, &acting, &patch).await?, false));
        }
        let lacks = || CliError::Usage(format!("{} has no time zone; say --zone, or set its TIMEZONE", one.key));
        let zone = one.zone.clone().or_else(|| self.zone.clone()).ok_or_else(lacks)?;
        let (key, name, priority) = (one.key.clone(), one.key.clone(), one.priority);
        let new = NewTenant { key, name, zone, priority, limits, ..NewTenant::default() };
        Ok((tenants::create(tx, ACTOR, office.now, &new).await?, true))
    }
}

async fn bring_up_to_date(
    office: &Office,
    tx: &mut Tx,
    acting: &Acting<'_>,
    entry: &BridgeEntry,
) -> Result<(), CliError> {
    let (ring, secrets) = (&office.keys.ring, BTreeMap::new());
    if stored_bridges::by_name(tx, acting.tenant, &entry.name).await?.is_some() {
        let patch = BridgePatch { settings: Some(entry.settings.clone()), secrets };
        bridges::update(tx, acting, ring, &entry.name, &patch).await?;
        return Ok(());
    }
    let new = NewBridge { name: entry.name.clone(), kind: entry.kind, settings: entry.settings.clone(), secrets };
    bridges::create(tx, acting, ring, &new).await?;
    Ok(())
}

//! `anteroom tenant`.

use super::Common;
use super::desk::{ACTOR, Desk, Office};
use super::error::CliError;
use super::print;
use super::tenant_env::ImportEnv;
use super::word;
use crate::api::view::TenantView;
use crate::manage::confirmed;
use crate::manage::tenants::{self, Flags, NewTenant, TenantLimits, TenantPatch};
use crate::store::mappings;
use crate::store::removal::{self, Going, What};
use crate::store::tenants as stored;
use crate::sync;
use crate::sync::Copies;
use clap::{Args, Subcommand};
use std::io::Write;

/// Organisations.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant; a running server serves it at once
    #[command(after_help = "Example:\n  anteroom tenant add springfield --name Springfield --zone Europe/Oslo")]
    Add(Box<Add>),
    /// List tenants
    List {
        /// The removed ones, under the keys by which their audit is read
        #[arg(long)]
        removed: bool,
    },
    /// Change how a tenant is described, what it may use, and how much it may ask for
    #[command(after_help = "Example:\n  anteroom tenant set springfield --max-bridges 4 --webhook-enabled false")]
    Set(Box<Set>),
    /// Close the doors of a tenant at once; nothing of it is synchronised
    Suspend(Closing),
    /// Let a tenant only be read until what waits to be sent is sent; then it is suspended
    Drain(Closing),
    /// Open the doors of a tenant again
    Resume {
        /// Key of the tenant
        key: String,
    },
    /// Remove a suspended tenant with all its data for good; its audit is kept
    #[command(
        after_help = "Examples:\n  anteroom tenant remove springfield --dry-run\n  anteroom tenant remove springfield --confirm springfield --copies purge"
    )]
    Remove {
        /// Key of the tenant
        key: String,
        #[command(flatten)]
        removal: Removal,
    },
    /// Make tenants and their bridges from the environment, as installations for several organisations have it
    ImportEnv(ImportEnv),
}

/// A tenant to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The name in URLs: a-z, 0-9 and '-'
    key: String,
    /// The name people read; the key if left out
    #[arg(long)]
    name: Option<String>,
    /// IANA name of the zone of new rooms
    #[arg(long)]
    zone: String,
    #[command(flatten)]
    terms: Terms,
}

/// Changes to a tenant.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Key of the tenant
    key: String,
    /// The name people read
    #[arg(long)]
    name: Option<String>,
    /// IANA name of the zone of new rooms
    #[arg(long)]
    zone: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// What a tenant may use, and how much it may ask for.
#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// Its name in full
    #[arg(long)]
    display_name: Option<String>,
    /// Whose work is taken up first: the smaller number
    #[arg(long)]
    priority: Option<i64>,
    /// Minutes between two readings of a calendar that announces nothing; 0 for what the server does
    #[arg(long)]
    sync_frequency_minutes: Option<i64>,
    /// Most bridges
    #[arg(long)]
    max_bridges: Option<i64>,
    /// Most remote changes that one run takes over
    #[arg(long)]
    max_events_per_sync: Option<i64>,
    /// Most REST requests in one minute
    #[arg(long)]
    rate_limit_per_minute: Option<i64>,
    /// Whether remote systems are asked for notifications
    #[arg(long)]
    webhook_enabled: Option<bool>,
    /// Whether bookings that disappeared at a remote side go from the hub without a person's word
    #[arg(long)]
    deletion_sync_enabled: Option<bool>,
    /// Whether a notification makes its calendar be read at once
    #[arg(long)]
    real_time_sync: Option<bool>,
    /// Whether its state is among the metrics
    #[arg(long)]
    health_monitoring: Option<bool>,
}

impl Terms {
    const fn flags(&self) -> Flags {
        Flags {
            webhook_enabled: self.webhook_enabled,
            deletion_sync_enabled: self.deletion_sync_enabled,
            real_time_sync: self.real_time_sync,
            health_monitoring: self.health_monitoring,
        }
    }

    const fn limits(&self) -> TenantLimits {
        TenantLimits {
            sync_frequency_minutes: self.sync_frequency_minutes,
            max_bridges: self.max_bridges,
            max_events_per_sync: self.max_events_per_sync,
            rate_limit_per_minute: self.rate_limit_per_minute,
        }
    }
}

/// Why a tenant is closed.
#[derive(Debug, Args)]
pub(crate) struct Closing {
    /// Key of the tenant
    key: String,
    /// Why, for those who wonder; its people read it
    #[arg(long)]
    reason: String,
}

/// How something is removed for good.
#[derive(Debug, Args)]
pub(crate) struct Removal {
    /// Its name, once more
    #[arg(long, value_name = "NAME", required_unless_present = "dry_run")]
    confirm: Option<String>,
    /// Say what would go, and change nothing
    #[arg(long, conflicts_with = "confirm")]
    pub(super) dry_run: bool,
    #[arg(long, help = "leave or purge: what becomes of our copies at remote systems", default_value = "leave")]
    #[arg(value_parser = word::parse::<Copies>)]
    pub(super) copies: Copies,
}

impl Removal {
    /// Refuses to go on where the name is not repeated.
    pub(super) fn is_meant(&self, name: &str) -> Result<(), CliError> {
        Ok(confirmed(name, self.confirm.as_deref().unwrap_or_default())?)
    }

    /// Says what would go with it.
    pub(super) fn tell(
        &self,
        common: &Common,
        what: &str,
        going: &Going,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        let all = [
            (going.rooms, "rooms"),
            (going.bookings, "bookings"),
            (going.feeds, "feeds"),
            (going.mappings, "mappings"),
            (going.bridges, "bridges"),
            (going.principals, "people and services"),
        ];
        let some: Vec<String> =
            all.iter().filter(|(many, _)| *many > 0).map(|(many, of)| format!("{many} {of}")).collect();
        let some = if some.is_empty() { "nothing else".to_owned() } else { some.join(", ") };
        let copies = match self.copies {
            Copies::Leave => "stay",
            Copies::Purge => "would be removed where they are ours",
        };
        let sentences = [
            format!("{what} would be removed; with it: {some}."),
            format!("{} bookings at remote systems {copies}. The audit stays. Nothing was changed.", going.copies),
        ];
        let answer = serde_json::json!({
            "would_remove": what, "rooms": going.rooms, "bookings": going.bookings, "feeds": going.feeds,
            "mappings": going.mappings, "copies": going.copies, "bridges": going.bridges, "principals": going.principals,
        });
        print::one(common, out, &answer, &sentences)
    }

    /// Says that it is done.
    pub(super) fn done(
        &self,
        common: &Common,
        what: &str,
        removed: usize,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        let sentence = match self.copies {
            Copies::Leave => format!("{what} is removed; copies at remote systems stay."),
            Copies::Purge => format!("{what} is removed, and {removed} copies at remote systems with it."),
        };
        let answer = serde_json::json!({ "removed": what, "copies_removed": removed });
        print::one(common, out, &answer, std::slice::from_ref(&sentence))
    }
}

impl Tenant {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run(common, out).await,
            Self::List { removed } => list(common, removed, out).await,
            Self::Set(set) => set.run(common, out).await,
            Self::Suspend(closing) => {
                let desk = desk(common, &closing.key).await?;
                let mut tx = desk.write().await?;
                let tenant = tenants::suspend(&mut tx, &desk.acting(), &closing.reason).await?;
                tx.commit().await?;
                say(common, &tenant.into(), "is suspended", out)
            }
            Self::Drain(closing) => {
                let desk = desk(common, &closing.key).await?;
                let mut tx = desk.write().await?;
                let tenant = tenants::drain(&mut tx, &desk.acting(), &closing.reason).await?;
                tx.commit().await?;
                say(common, &tenant.into(), "is being drained; a running server suspends it when nothing is left", out)
            }
            Self::Resume { key } => {
                let desk = desk(common, &key).await?;
                let mut tx = desk.write().await?;
                let tenant = tenants::resume(&mut tx, &desk.acting()).await?;
                tx.commit().await?;
                say(common, &tenant.into(), "works again", out)
            }
            Self::Remove { key, removal } => remove(common, &key, &removal, out).await,
            Self::ImportEnv(import) => import.run(common, out).await,
        }
    }
}

/// The desk of a tenant that is there.
async fn desk(common: &Common, key: &str) -> Result<Desk, CliError> {
    Desk::open(&Common { tenant: Some(key.to_owned()), ..common.clone() }).await
}

fn say(common: &Common, tenant: &TenantView, what: &str, out: &mut impl Write) -> Result<(), CliError> {
    let sentence = format!("Tenant {} {what}.", tenant.key);
    print::one(common, out, tenant, &[sentence])
}

impl Add {
    async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let office = Office::open(common).await?;
        let new = NewTenant {
            name: self.name.unwrap_or_else(|| self.key.clone()),
            key: self.key,
            zone: self.zone,
            flags: self.terms.flags(),
            limits: self.terms.limits(),
            display_name: self.terms.display_name,
            priority: self.terms.priority,
        };
        let mut tx = office.store.begin_write().await?;
        let tenant = tenants::create(&mut tx, ACTOR, office.now, &new).await?;
        tx.commit().await?;
        say(common, &tenant.into(), "is made", out)
    }
}

impl Set {
    async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = desk(common, &self.key).await?;
        let patch = TenantPatch {
            name: self.name,
            zone: self.zone,
            flags: self.terms.flags(),
            limits: self.terms.limits(),
            display_name: self.terms.display_name,
            priority: self.terms.priority,
        };
        let mut tx = desk.write().await?;
        let tenant = tenants::update(&mut tx, &desk.acting(), &patch).await?;
        tx.commit().await?;
        say(common, &tenant.into(), "is described anew", out)
    }
}

async fn remove(common: &Common, key: &str, removal: &Removal, out: &mut impl Write) -> Result<(), CliError> {
    let desk = desk(common, key).await?;
    let acting = desk.acting();
    if removal.dry_run {
        let going = removal::going(&mut desk.read().await?, acting.tenant, What::Tenant).await?;
        return removal.tell(common, &format!("Tenant {key}"), &going, out);
    }
    removal.is_meant(key)?;
    let mut tx = desk.read().await?;
    tenants::removable(&mut tx, &acting).await?;
    let ending = mappings::list(&mut tx, acting.tenant).await?;
    drop(tx);
    let removed = sync::leave(&desk.engine(), acting.tenant, &ending, removal.copies, acting.actor).await?;
    let mut tx = desk.write().await?;
    tenants::remove(&mut tx, &acting).await?;
    tx.commit().await?;
    removal.done(common, &format!("Tenant {key}"), removed, out)
}

async fn list(common: &Common, removed: bool, out: &mut impl Write) -> Result<(), CliError> {
    let office = Office::open(common).await?;
    let mut tx = office.store.begin_read().await?;
    let found = if removed { stored::removed(&mut tx).await? } else { stored::list(&mut tx).await? };
    let tenants: Vec<TenantView> = found.into_iter().map(TenantView::from).collect();
    let columns: &[print::Column<TenantView>] = &[
        ("Tenant", |tenant| tenant.key.clone()),
        ("Name", |tenant| tenant.name.clone()),
        ("State", |tenant| print::word(&tenant.state)),
        ("Why", |tenant| print::or_dash(tenant.reason.as_ref())),
        ("Zone", |tenant| tenant.zone.clone()),
        ("Priority", |tenant| tenant.priority.to_string()),
    ];
    print::list(common, out, &tenants, columns)
}

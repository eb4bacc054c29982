//! `anteroom retention`: how long data is kept.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::api::view::PolicyView;
use crate::manage::retention::{self, Archives, Bounds, NewPolicy};
use crate::store::retention as stored;
use clap::Subcommand;
use serde_json::json;
use std::io::Write;

/// How long data of a tenant is kept.
#[derive(Debug, Subcommand)]
pub(crate) enum Retention {
    /// List the policies
    List,
    /// Say how long a type of data is kept
    Set {
        #[arg(help = "audit, bookings, sync_runs, operations, conflicts, inbox or idempotency")]
        data_type: String,
        #[arg(long, value_name = "DAYS", help = "days for which it is kept")]
        keep_days: i64,
        #[arg(long, help = "write what goes to an encrypted archive in the data folder first")]
        archive: bool,
    },
    /// Take a policy back
    Unset {
        #[arg(help = "audit, bookings, sync_runs, operations, conflicts, inbox or idempotency")]
        data_type: String,
    },
    /// End what has outlived its policy now; a running server does so once a day
    Run,
    /// Print what the archives in the data folder have about a type of data, as JSON lines
    Archived {
        #[arg(help = "audit, bookings, sync_runs, operations, conflicts, inbox or idempotency")]
        data_type: String,
    },
}

impl Retention {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let acting = desk.acting();
        let archives = Archives::new(&desk.config.server.data_dir, &desk.keys.archive, &desk.keys.audit);
        let done = match self {
            Self::List => return list(&desk, common, out).await,
            Self::Archived { data_type } => {
                for line in archives.read(acting.tenant, &data_type)? {
                    writeln!(out, "{line}")?;
                }
                return Ok(());
            }
            Self::Set { data_type, keep_days, archive } => {
                let mut tx = desk.write().await?;
                retention::set(&mut tx, &acting, &data_type, &NewPolicy { keep_days, archive }).await?;
                tx.commit().await?;
                format!("{data_type} are kept for {keep_days} days.")
            }
            Self::Unset { data_type } => {
                let mut tx = desk.write().await?;
                retention::unset(&mut tx, &acting, &data_type).await?;
                tx.commit().await?;
                format!("There is no policy for {data_type} any more.")
            }
            Self::Run => {
                let bounds = Bounds { limits: &desk.config.limits, past_days: desk.config.sync.past_days };
                let ended = retention::enforce(&desk.store, &archives, acting.tenant, bounds, acting.now).await?;
                let told: Vec<String> = ended.iter().map(|(what, count)| format!("{count} {what}")).collect();
                if told.is_empty() {
                    "Nothing has outlived its policy.".to_owned()
                } else {
                    format!("Ended: {}.", told.join(", "))
                }
            }
        };
        print::one(common, out, &json!({ "done": done }), std::slice::from_ref(&done))
    }
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let found = stored::policies(&mut desk.read().await?, desk.acting().tenant).await?;
    let views: Vec<PolicyView> = found.into_iter().map(PolicyView::from).collect();
    let columns: &[print::Column<PolicyView>] = &[
        ("Data", |one| one.data_type.clone()),
        ("Days", |one| one.keep_days.to_string()),
        ("Archive", |one| if one.archive { "yes" } else { "no" }.to_owned()),
        ("Set by", |one| one.changed_by.clone()),
    ];
    print::list(common, out, &views, columns)
}

//! `anteroom audit`: whether the audit is what it was.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::manage::chain;
use clap::Subcommand;
use std::io::Write;

/// The audit of a tenant.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Follow the chain of all entries and name the first that was changed, moved, added or taken out
    Verify,
}

impl Audit {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Verify => verify(&desk, common, out).await,
        }
    }
}

async fn verify(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let (tenant, key) = (desk.acting().tenant, &desk.keys.audit);
    chain::extend(&desk.store, key, tenant).await?;
    let verdict = chain::verify(&mut desk.read().await?, key, tenant).await?;
    let mut sentences = vec![format!(
        "{} entries from number {} on were followed; a person was erased from {} of them. The last has the code {}.",
        verdict.entries, verdict.first, verdict.erased, verdict.last_code
    )];
    if verdict.whole {
        sentences.push("The chain is whole.".to_owned());
    }
    print::one(common, out, &verdict, &sentences)?;
    match verdict.broken {
        None => Ok(()),
        Some(broken) => {
            let entry = broken.entry.map(|id| format!(" ({id})")).unwrap_or_default();
            Err(CliError::Failed(format!("the audit is BROKEN at number {}{entry}: {}", broken.number, broken.why)))
        }
    }
}

//! `anteroom restored`: a backup was put back.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::manage::restore;
use clap::Args;
use std::io::Write;

/// What it means, for whoever has not said that they know.
const ASK: &str = "this is for a database that was set back to a backup, while no server runs on it: every remote \
    calendar is read anew before anything is sent, and every calendar program fetches its rooms afresh; say --yes to do it";

/// Begin anew on a database that was set back to a backup.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  anteroom restored --yes\n\nStop every server first, put the backup back, run this, \
    start the servers."
)]
pub(crate) struct Restored {
    /// A backup was restored, and no server runs
    #[arg(long)]
    yes: bool,
}

impl Restored {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        if !self.yes {
            return Err(CliError::Failed(ASK.to_owned()));
        }
        let desk = Desk::open(common).await?;
        let acting = desk.acting();
        let mut tx = desk.write().await?;
        let tenants = restore::begin_anew(&mut tx, acting.actor, acting.now).await?;
        tx.commit().await?;
        let sentence = format!("Everything of {tenants} tenants is read anew at the next start.");
        let answer = serde_json::json!({ "tenants": tenants, "done": sentence });
        print::one(common, out, &answer, std::slice::from_ref(&sentence))
    }
}

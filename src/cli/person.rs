//! `anteroom person`: what is known of a person.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::manage::privacy;
use clap::Subcommand;
use std::io::Write;

/// What is known of a person.
#[derive(Debug, Subcommand)]
pub(crate) enum Person {
    /// Print everything that is kept of a person, as JSON
    Export {
        /// E-mail address of the person
        email: String,
    },
    /// Take a person out of bookings, principals, conflicts and audit, for good
    Erase {
        /// E-mail address of the person
        email: String,
        #[arg(long, help = "the person asked for it, and it cannot be taken back")]
        yes: bool,
    },
}

impl Person {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let (acting, limits) = (desk.acting(), &desk.config.limits);
        match self {
            Self::Export { email } => {
                let mut tx = desk.write().await?;
                let known = privacy::export(&mut tx, &acting, limits, &email).await?;
                tx.commit().await?;
                let text = serde_json::to_string_pretty(&known).map_err(|error| CliError::Failed(error.to_string()))?;
                Ok(writeln!(out, "{text}")?)
            }
            Self::Erase { yes: false, .. } => {
                let ask = "this takes the person out of everything and cannot be taken back; say --yes to do it";
                Err(CliError::Failed(ask.to_owned()))
            }
            Self::Erase { email, yes: true } => {
                let done = privacy::erase(&desk.store, &desk.keys.audit, &acting, limits, &email).await?;
                let mut sentences = vec![format!(
                    "The person was erased from {} bookings, {} audit entries and {} conflicts.",
                    done.bookings, done.audit, done.conflicts
                )];
                sentences.extend(done.remains.iter().map(|one| format!("What remains: {one}.")));
                print::one(common, out, &done, &sentences)
            }
        }
    }
}

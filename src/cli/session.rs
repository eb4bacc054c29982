//! `anteroom session`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use crate::api::view::{Names, SessionView};
use crate::manage::federation;
use crate::model::SessionId;
use crate::store::providers;
use crate::store::sessions;
use clap::Subcommand;
use std::io::Write;

/// Browsers that are signed in by a provider.
#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List sessions that have not expired
    List,
    /// End a session; that browser has to sign in again
    End {
        /// Id of the session
        id: String,
    },
}

impl Session {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::List => list(&desk, common, out).await,
            Self::End { id } => {
                let mut tx = desk.write().await?;
                federation::end(&mut tx, &desk.acting(), &SessionId::from(id.as_str())).await?;
                tx.commit().await?;
                let sentence = format!("The session {id} is ended.");
                print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
            }
        }
    }
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let acting = desk.acting();
    let (names, from) = (Names::of(&mut tx, acting.tenant).await?, providers::list(&mut tx, acting.tenant).await?);
    let all = sessions::list(&mut tx, acting.tenant, acting.now).await?;
    let all: Vec<SessionView> = all.into_iter().map(|one| SessionView::of(one, &names, &from)).collect();
    let columns: &[print::Column<SessionView>] = &[
        ("Id", |one| one.id.clone()),
        ("Login", |one| one.login.clone()),
        ("Provider", |one| or_dash(one.provider.as_ref())),
        ("Since", |one| one.created.clone()),
        ("Last used", |one| one.last_used.clone()),
        ("Ends", |one| one.expires.clone()),
        ("Program", |one| or_dash(one.agent.as_ref())),
    ];
    print::list(common, out, &all, columns)
}

//! `anteroom operation`: the outbox and its dead letters.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{Names, OperationView};
use crate::manage::operations;
use crate::model::OperationId;
use crate::model::OperationState;
use crate::store::pages;
use crate::store::pages::Page;
use clap::Subcommand;
use std::io::Write;

/// Most operations of one listing.
const MOST: i64 = 500;

/// Outgoing writes.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// List outgoing writes, newest first
    List {
        #[arg(long, help = "pending, sending, unknown, done or failed", value_parser = word::parse::<OperationState>)]
        state: Option<OperationState>,
    },
    /// List the dead letters: writes that were given up, and why
    DeadLetters,
    /// Try a write that was given up again, now
    Retry {
        /// Id of the operation
        id: String,
    },
}

impl Operation {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::List { state } => list(&desk, common, out, state).await,
            Self::DeadLetters => list(&desk, common, out, Some(OperationState::Failed)).await,
            Self::Retry { id } => {
                let mut tx = desk.write().await?;
                operations::retry(&mut tx, &desk.acting(), &OperationId::from(id.as_str())).await?;
                tx.commit().await?;
                let sentence = format!("Operation {id} is due now.");
                let answer = serde_json::json!({ "id": id, "done": sentence });
                print::one(common, out, &answer, std::slice::from_ref(&sentence))
            }
        }
    }
}

async fn list(
    desk: &Desk,
    common: &Common,
    out: &mut impl Write,
    state: Option<OperationState>,
) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let state = state.map_or_else(String::new, |state| print::word(&state));
    let page = Page { after: "", limit: MOST };
    let found = pages::operations(&mut tx, desk.acting().tenant, page, &state).await?;
    let views: Vec<OperationView> = found.into_iter().map(|one| OperationView::of(one, &names)).collect();
    let columns: &[print::Column<OperationView>] = &[
        ("Id", |one| one.id.clone()),
        ("Room", |one| one.room.clone()),
        ("Event", |one| one.uid.clone()),
        ("State", |one| print::word(&one.state)),
        ("Attempts", |one| one.attempts.to_string()),
        ("Due", |one| or_dash(one.due.as_ref())),
        ("Last answer", |one| or_dash(one.last_error.as_ref())),
    ];
    print::list(common, out, &views, columns)
}

//! `anteroom conflict`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{ConflictView, Names};
use crate::manage::conflicts;
use crate::model::ConflictId;
use crate::model::Resolution;
use crate::store::conflicts as stored;
use clap::Subcommand;
use std::io::Write;

/// Most conflicts of one listing.
const MOST: i64 = 500;

/// What waits for a person.
#[derive(Debug, Subcommand)]
pub(crate) enum Conflict {
    /// List conflicts: what happened, what is proposed and until when
    List {
        /// Those that were decided, too
        #[arg(long)]
        all: bool,
    },
    /// Show one conflict with both versions and the decisions that make sense
    Show {
        /// Id of the conflict
        id: String,
    },
    /// Decide one conflict
    #[command(after_help = "Example:\n  anteroom conflict resolve 0198f0c2-... keep_hub")]
    Resolve {
        /// Id of the conflict
        id: String,
        #[arg(
            help = "keep_hub, keep_remote, keep_both_tentative, push_again or ignore",
            value_parser = word::parse::<Resolution>
        )]
        decision: Resolution,
    },
}

impl Conflict {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::List { all } => list(&desk, common, out, all).await,
            Self::Show { id } => {
                let mut tx = desk.read().await?;
                let names = Names::of(&mut tx, desk.acting().tenant).await?;
                let found = conflicts::find(&mut tx, &desk.acting(), &ConflictId::from(id.as_str())).await?;
                show(common, out, &ConflictView::of(found, &names))
            }
            Self::Resolve { id, decision } => {
                let mut tx = desk.write().await?;
                let id = ConflictId::from(id.as_str());
                let limits = &desk.config.limits;
                let decided = conflicts::resolve(&mut tx, &desk.acting(), limits, &id, decision).await?;
                let names = Names::of(&mut tx, desk.acting().tenant).await?;
                tx.commit().await?;
                let sentence = format!("Conflict {id} is decided: {}.", decision.as_str());
                print::one(common, out, &ConflictView::of(decided, &names), &[sentence])
            }
        }
    }
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write, all: bool) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let state = if all { "" } else { stored::OPEN };
    let found = stored::list(&mut tx, desk.acting().tenant, state, MOST).await?;
    let views: Vec<ConflictView> = found.into_iter().map(|conflict| ConflictView::of(conflict, &names)).collect();
    let columns: &[print::Column<ConflictView>] = &[
        ("Id", |conflict| conflict.id.clone()),
        ("Kind", |conflict| conflict.kind.clone()),
        ("What happened", |conflict| conflict.sentence.clone()),
        ("State", |conflict| conflict.state.clone()),
        ("Proposed", |conflict| or_dash(conflict.decision.as_ref().or(conflict.proposal.as_ref()))),
        ("Deadline", |conflict| or_dash(conflict.deadline.as_ref())),
    ];
    print::list(common, out, &views, columns)
}

fn show(common: &Common, out: &mut impl Write, conflict: &ConflictView) -> Result<(), CliError> {
    let version =
        |json: &Option<serde_json::Value>| json.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let choices: Vec<&str> = conflict.decisions.iter().map(|one| one.as_str()).collect();
    let mut lines = vec![
        conflict.sentence.clone(),
        format!("Kind: {}, state: {}", conflict.kind, conflict.state),
        format!("Hub: {}", version(&conflict.ours)),
        format!("Other side: {}", version(&conflict.theirs)),
    ];
    if let Some(decision) = &conflict.decision {
        lines.push(format!("Decided: {decision} by {}", or_dash(conflict.decided_by.as_ref())));
    } else {
        lines.push(format!("Decisions that make sense: {}", choices.join(", ")));
        let (proposal, deadline) = (or_dash(conflict.proposal.as_ref()), or_dash(conflict.deadline.as_ref()));
        lines.push(format!("Unless somebody decides: {proposal} at {deadline}"));
    }
    print::one(common, out, conflict, &lines)
}

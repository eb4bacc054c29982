//! `anteroom approval`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::api::view::{ApprovalView, Names};
use crate::manage::approvals::{self, Decision};
use crate::model::ApprovalId;
use crate::store::approvals as stored;
use crate::store::pages::Page;
use clap::Subcommand;
use std::io::Write;

/// Most requests of a list.
const MOST: i64 = 1000;

/// Bookings that wait for somebody who administers their room.
#[derive(Debug, Subcommand)]
pub(crate) enum Approval {
    /// List what waits
    List {
        /// Decided ones too
        #[arg(long)]
        all: bool,
    },
    /// Let a booking take place
    Confirm {
        /// Id of the request
        id: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Cancel a booking
    Decline {
        /// Id of the request
        id: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
}

impl Approval {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::List { all } => list(&desk, common, all, out).await,
            Self::Confirm { id, reason } => decide(&desk, common, &id, (Decision::Confirm, &reason), out).await,
            Self::Decline { id, reason } => decide(&desk, common, &id, (Decision::Decline, &reason), out).await,
        }
    }
}

async fn list(desk: &Desk, common: &Common, all: bool, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let state = if all { "" } else { stored::PENDING };
    let found = stored::list(&mut tx, desk.acting().tenant, Page { after: "", limit: MOST }, (state, "")).await?;
    let views: Vec<ApprovalView> = found.into_iter().map(|approval| ApprovalView::of(approval, &names)).collect();
    let columns: &[print::Column<ApprovalView>] = &[
        ("Id", |approval| approval.id.clone()),
        ("Room", |approval| approval.room.clone()),
        ("Booking", |approval| approval.summary.clone()),
        ("From", |approval| approval.start.clone()),
        ("To", |approval| approval.end.clone()),
        ("Series", |approval| if approval.recurring { "yes" } else { "" }.to_owned()),
        ("Asked by", |approval| approval.requested_by.clone()),
        ("State", |approval| approval.state.clone()),
    ];
    print::list(common, out, &views, columns)
}

async fn decide(
    desk: &Desk,
    common: &Common,
    id: &str,
    decision: (Decision, &str),
    out: &mut impl Write,
) -> Result<(), CliError> {
    let mut tx = desk.write().await?;
    let id = ApprovalId::from(id);
    let decided = approvals::decide(&mut tx, &desk.acting(), &desk.config.limits, &id, decision).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    let view = ApprovalView::of(decided, &names);
    let sentence = format!("The booking {} of {} in {} is {}.", view.summary, view.requested_by, view.room, view.state);
    print::one(common, out, &view, &[sentence])
}

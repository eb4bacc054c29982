//! `anteroom plan`, `anteroom purge`, `anteroom verify`: looking at both sides before, instead of, and after doing.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::manage::rooms;
use crate::model::MappingId;
use crate::store::mappings;
use crate::sync;
use crate::sync::{Copy, Leaving, Step, Violation};
use clap::Args;
use std::io::Write;

/// Say what a sync of a room would do, and do nothing.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  anteroom plan council-hall")]
pub(crate) struct Plan {
    /// Slug of the room
    room: String,
}

impl Plan {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let (engine, acting) = (desk.engine(), desk.acting());
        let mut tx = desk.read().await?;
        let room = rooms::find(&mut tx, &acting, &self.room).await?;
        let mappings = mappings::of_room(&mut tx, acting.tenant, &room.id).await?;
        drop(tx);
        let mut plans = Vec::with_capacity(mappings.len());
        for mapping in mappings {
            plans.push(sync::preview(&engine, acting.tenant, &mapping.id).await?);
        }
        let lines: Vec<String> = plans.iter().flat_map(lines).collect();
        print::one(common, out, &plans, &lines)
    }
}

/// As people read a plan.
fn lines(plan: &sync::Plan) -> Vec<String> {
    let mut lines = vec![format!("{} with {} ({}): {}", plan.room, plan.remote_name, plan.mapping, plan.summary())];
    lines.extend(plan.brake.iter().map(|why| format!("  The brake holds everything: {why}")));
    lines.extend(plan.steps.iter().map(|step: &Step| {
        let (side, act) = (print::word(&step.side), print::word(&step.act));
        format!("  {side}: {act} \u{201c}{}\u{201d} {} ({}; {})", step.title, step.start, step.why, step.uid)
    }));
    lines
}

/// Remove our copies from the remote calendar of a mapping, and nothing else there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  anteroom purge 0198f0c2-...\n  anteroom purge 0198f0c2-... --confirm 12 --remove")]
pub(crate) struct Purge {
    /// Id of the mapping
    mapping: String,
    /// How many copies shall go; without it they are only listed
    #[arg(long, value_name = "NUMBER")]
    confirm: Option<usize>,
    /// End the mapping with its copies; without it the mapping is held
    #[arg(long)]
    remove: bool,
}

impl Purge {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let (engine, acting) = (desk.engine(), desk.acting());
        let id = MappingId::from(self.mapping.as_str());
        let Some(confirm) = self.confirm else {
            let copies = sync::copies(&engine, acting.tenant, &id).await?;
            return list(common, out, &copies);
        };
        let leaving = if self.remove { Leaving::Remove } else { Leaving::Hold };
        let purged = sync::purge(&engine, acting.tenant, &id, (confirm, leaving), acting.actor).await?;
        let sentence = format!("{} copies were removed, {} could not be.", purged.removed, purged.left.len());
        print::one(common, out, &purged, &[sentence])
    }
}

fn list(common: &Common, out: &mut impl Write, copies: &[Copy]) -> Result<(), CliError> {
    let columns: &[print::Column<Copy>] = &[
        ("Would be removed", |copy| copy.title.clone()),
        ("Start", |copy| copy.start.clone()),
        ("Remote id", |copy| copy.remote_id.clone()),
        ("Stays because", |copy| print::or_dash(copy.locked.as_ref())),
    ];
    print::list(common, out, copies, columns)?;
    if !common.json {
        writeln!(out, "Say --confirm {} to remove them.", copies.len())?;
    }
    Ok(())
}

/// Check the invariants against the living sides; the exit code is 1 where something must not be.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  anteroom verify\n  anteroom verify council-hall --json")]
pub(crate) struct Verify {
    /// Slug of a room; all if left out
    room: Option<String>,
    /// Nobody books meanwhile: what differs since the last read counts as well
    #[arg(long)]
    quiet: bool,
}

impl Verify {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let tenant = desk.acting().tenant;
        let report = sync::verify(&desk.engine(), tenant, self.room.as_deref(), self.quiet).await?;
        let mut lines = vec![format!(
            "{} rooms, {} mappings, {} bookings compared: {} violations, {} differences wait",
            report.rooms,
            report.mappings,
            report.compared,
            report.violations.len(),
            report.waiting
        )];
        lines.extend(report.skipped.iter().map(|what| format!("  not looked at: {what}")));
        lines.extend(report.violations.iter().map(line));
        print::one(common, out, &report, &lines)?;
        match report.violations.len() {
            0 => Ok(()),
            count => Err(CliError::Failed(format!("{count} violations"))),
        }
    }
}

fn line(violation: &Violation) -> String {
    let uid = violation.uid.as_deref().unwrap_or("-");
    let (invariant, room) = (&violation.invariant, &violation.room);
    format!("  {invariant} in {room}, {uid}: {} ({})", violation.sentence, violation.evidence)
}

//! `anteroom mapping`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{MappingView, Names};
use crate::change::resolve::Removal;
use crate::manage::mappings::{self, NewMapping};
use crate::model::Authority;
use crate::model::ClassProjection;
use crate::model::DetailLevel;
use crate::model::Direction;
use crate::model::MappingId;
use crate::store::mappings as stored;
use clap::{Args, Subcommand};
use std::io::Write;

/// Rooms on bridges.
#[derive(Debug, Subcommand)]
pub(crate) enum Mapping {
    /// Map a room to a remote calendar
    #[command(
        after_help = "Example:\n  anteroom mapping add council-hall m365 hall@city.example --authority per_origin"
    )]
    Add(Add),
    /// List mappings
    List,
    /// Stop a mapping until it is released
    Hold {
        /// Id of the mapping
        id: String,
        /// Why, for those who wonder
        #[arg(long, default_value = "held from the command line")]
        reason: String,
    },
    /// Let a held mapping work again. Where the brake holds it, lists what would be removed, and asks for `--yes`
    Release {
        /// Id of the mapping
        id: String,
        /// Remove what the brake has held
        #[arg(long)]
        yes: bool,
    },
    /// Approve the first contact of a mapping that was added with `--approve`
    Approve {
        /// Id of the mapping
        id: String,
    },
    /// End a mapping; copies at both sides stay (`anteroom purge --remove` takes ours along)
    Remove {
        /// Id of the mapping
        id: String,
    },
    /// Make the next sync due now; a running server picks it up within seconds
    Sync {
        /// Id of the mapping
        id: String,
    },
}

/// A mapping to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Slug of the room
    room: String,
    /// Name of the bridge
    bridge: String,
    /// How the remote system addresses the calendar: mailbox address, resource id
    remote_id: String,
    /// How people know it there
    #[arg(long)]
    remote_name: Option<String>,
    #[arg(long, help = "two_way, import or export", value_parser = word::parse::<Direction>)]
    direction: Option<Direction>,
    #[arg(long, help = "remote, hub or per_origin", value_parser = word::parse::<Authority>)]
    authority: Option<Authority>,
    /// full or busy: what may leave
    #[arg(long, value_parser = word::parse::<DetailLevel>)]
    detail: Option<DetailLevel>,
    #[arg(long, help = "highest_wins or all: what leaves where an arrangement lies over an allocation")]
    #[arg(value_parser = word::parse::<ClassProjection>)]
    projection: Option<ClassProjection>,
    /// Take weekly allocations that are identical but for their date over as one series
    #[arg(long)]
    fold_allocations: bool,
    /// Write nothing on either side until the plan of the first contact is approved
    #[arg(long)]
    approve: bool,
}

impl Mapping {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let (id, sentence) = match self {
            Self::Add(add) => return add.run(&desk, common, out).await,
            Self::List => return list(&desk, common, out).await,
            Self::Hold { id, reason } => {
                let mut tx = desk.write().await?;
                mappings::hold(&mut tx, &desk.acting(), &MappingId::from(id.as_str()), &reason).await?;
                tx.commit().await?;
                (id, "is held")
            }
            Self::Release { id, yes } => {
                let mut tx = desk.write().await?;
                let removals = mappings::removals(&mut tx, &desk.acting(), &MappingId::from(id.as_str())).await?;
                if !removals.is_empty() && !yes {
                    return would_remove(common, out, &removals);
                }
                mappings::release(&mut tx, &desk.acting(), &MappingId::from(id.as_str())).await?;
                tx.commit().await?;
                (id, "works again")
            }
            Self::Approve { id } => {
                let mut tx = desk.write().await?;
                mappings::approve(&mut tx, &desk.acting(), &MappingId::from(id.as_str())).await?;
                tx.commit().await?;
                (id, "is approved and begins")
            }
            Self::Remove { id } => {
                let mut tx = desk.write().await?;
                mappings::remove(&mut tx, &desk.acting(), &MappingId::from(id.as_str())).await?;
                tx.commit().await?;
                (id, "is removed")
            }
            Self::Sync { id } => {
                let mut tx = desk.write().await?;
                mappings::sync_now(&mut tx, &desk.acting(), &MappingId::from(id.as_str())).await?;
                tx.commit().await?;
                (id, "is due now")
            }
        };
        let sentence = format!("Mapping {id} {sentence}.");
        print::one(common, out, &serde_json::json!({ "id": id, "done": sentence }), std::slice::from_ref(&sentence))
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let new = NewMapping {
            room: self.room,
            bridge: self.bridge,
            remote_id: self.remote_id,
            remote_name: self.remote_name,
            direction: self.direction,
            authority: self.authority,
            detail: self.detail,
            projection: self.projection,
            fold_allocations: Some(self.fold_allocations),
            auto_approve: Some(!self.approve),
        };
        let mut tx = desk.write().await?;
        let mapping = mappings::create(&mut tx, &desk.acting(), &new).await?;
        let names = Names::of(&mut tx, desk.acting().tenant).await?;
        tx.commit().await?;
        let view = MappingView::of(mapping, &names);
        let sentence = format!("Room {} is mapped to {} on {}: {}", view.room, view.remote_id, view.bridge, view.id);
        print::one(common, out, &view, &[sentence])
    }
}

fn would_remove(common: &Common, out: &mut impl Write, removals: &[Removal]) -> Result<(), CliError> {
    let columns: &[print::Column<Removal>] = &[
        ("Would be removed", |removal| removal.title.clone()),
        ("Start", |removal| removal.start.clone()),
        ("UID", |removal| removal.uid.clone()),
    ];
    print::list(common, out, removals, columns)?;
    let count = removals.len();
    Err(CliError::Failed(format!("{count} bookings would be removed from the hub; say --yes to release the mapping")))
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let mappings = stored::list(&mut tx, desk.acting().tenant).await?;
    let mappings: Vec<MappingView> = mappings.into_iter().map(|mapping| MappingView::of(mapping, &names)).collect();
    let columns: &[print::Column<MappingView>] = &[
        ("Id", |mapping| mapping.id.clone()),
        ("Room", |mapping| mapping.room.clone()),
        ("Bridge", |mapping| mapping.bridge.clone()),
        ("Remote", |mapping| mapping.remote_id.clone()),
        ("Direction", |mapping| print::word(&mapping.direction)),
        ("State", |mapping| print::word(&mapping.state)),
        ("Last sync", |mapping| or_dash(mapping.last_sync.as_ref())),
        ("Trouble", |mapping| or_dash(mapping.reason.as_ref().or(mapping.last_error.as_ref()))),
    ];
    print::list(common, out, &mappings, columns)
}

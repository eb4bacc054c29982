//! `anteroom room-group`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::api::view::{Names, RoomGroupView};
use crate::manage::room_groups::{self, NewRoomGroup};
use crate::store::room_groups as stored;
use clap::Subcommand;
use std::io::Write;

/// Rooms for which rights are given together.
#[derive(Debug, Subcommand)]
pub(crate) enum RoomGroup {
    /// Make a group
    #[command(after_help = "Examples:\n  anteroom room-group add Halls --room council-hall --room great-hall\n  \
        anteroom grant anna group:halls write")]
    Add {
        /// The name people read
        name: String,
        /// Its name in addresses; made from the name if left out
        #[arg(long)]
        slug: Option<String>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Slug of a room in it; may be given several times
        #[arg(long, value_name = "ROOM")]
        room: Vec<String>,
    },
    /// List groups and their rooms
    List,
    /// Put rooms into a group
    Put {
        /// Slug of the group
        group: String,
        /// Slugs of the rooms
        #[arg(required = true)]
        rooms: Vec<String>,
    },
    /// Take rooms out of a group
    Take {
        /// Slug of the group
        group: String,
        /// Slugs of the rooms
        #[arg(required = true)]
        rooms: Vec<String>,
    },
    /// Remove a group with the rights that were given for it; its rooms stay
    Remove {
        /// Slug of the group
        group: String,
    },
}

impl RoomGroup {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let mut tx = desk.write().await?;
        let acting = desk.acting();
        let sentence = match self {
            Self::List => return list(&desk, common, out).await,
            Self::Add { name, slug, description, room } => {
                let new = NewRoomGroup { name, slug, description, rooms: room };
                let group = room_groups::create(&mut tx, &acting, &new).await?;
                format!("The room group {} has {} rooms.", group.slug, new.rooms.len())
            }
            Self::Put { group, rooms } => {
                for room in &rooms {
                    room_groups::add(&mut tx, &acting, &group, room).await?;
                }
                format!("In {group} now: {}.", rooms.join(", "))
            }
            Self::Take { group, rooms } => {
                for room in &rooms {
                    room_groups::take(&mut tx, &acting, &group, room).await?;
                }
                format!("Not in {group} any more: {}.", rooms.join(", "))
            }
            Self::Remove { group } => {
                room_groups::remove(&mut tx, &acting, &group).await?;
                format!("The room group {group} is removed.")
            }
        };
        tx.commit().await?;
        print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
    }
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let tenant = desk.acting().tenant;
    let (names, members) = (Names::of(&mut tx, tenant).await?, stored::members(&mut tx, tenant).await?);
    let all = stored::list(&mut tx, tenant).await?;
    let all: Vec<RoomGroupView> = all.into_iter().map(|one| RoomGroupView::of(one, &members, &names)).collect();
    let columns: &[print::Column<RoomGroupView>] = &[
        ("Group", |one| one.slug.clone()),
        ("Name", |one| one.name.clone()),
        ("Rooms", |one| one.rooms.join(", ")),
        ("For", |one| one.description.clone().unwrap_or_else(|| "-".to_owned())),
    ];
    print::list(common, out, &all, columns)
}

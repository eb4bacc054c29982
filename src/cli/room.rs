//! `anteroom room`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::rules::{self, Close, Rules};
use super::tenant::Removal;
use crate::api::view::RoomView;
use crate::manage::rooms::{self, NewRoom};
use crate::model::RoomKind;
use crate::store::mappings;
use crate::store::removal::{What, going};
use crate::store::rooms as stored;
use crate::sync;
use clap::{Args, Subcommand};
use std::io::Write;

/// Rooms and equipment.
#[derive(Debug, Subcommand)]
pub(crate) enum Room {
    /// Make a room
    #[command(after_help = "Example:\n  anteroom room add \"Council hall\" --building \"Town hall\" --capacity 40")]
    Add(Box<Add>),
    /// List rooms
    List,
    /// Remove a room with its bookings, rules, feeds and grants for good; its mappings end
    #[command(
        after_help = "Examples:\n  anteroom room remove council-hall --dry-run\n  anteroom room remove council-hall --confirm council-hall --copies purge"
    )]
    Remove {
        /// Slug of the room
        room: String,
        #[command(flatten)]
        removal: Removal,
    },
    /// Set when a room can be had, and how; without options, show it
    Rules(Box<Rules>),
    /// Close a room for some time, on every system it hangs together with
    Close(Close),
    /// List the closures of a room
    Closures {
        /// Slug of the room
        room: String,
    },
    /// End a closure
    Open {
        /// Slug of the room
        room: String,
        /// Id of the closure
        closure: String,
    },
}

/// A room to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The name people read
    name: String,
    /// The name in URLs; derived from the name if left out
    #[arg(long)]
    slug: Option<String>,
    /// A projector, a car: equipment instead of a room
    #[arg(long)]
    equipment: bool,
    /// IANA name of its time zone, e.g. Europe/Oslo; the tenant's if left out
    #[arg(long)]
    zone: Option<String>,
    /// Its e-mail address
    #[arg(long)]
    email: Option<String>,
    /// What it is good for
    #[arg(long)]
    description: Option<String>,
    /// Where it is
    #[arg(long)]
    building: Option<String>,
    /// How many people fit
    #[arg(long)]
    capacity: Option<i64>,
    /// What it has, e.g. projector; may come several times
    #[arg(long = "feature", value_name = "FEATURE")]
    features: Vec<String>,
    /// Its colour in calendar programs, #RRGGBB
    #[arg(long)]
    color: Option<String>,
    /// A foyer, a pool of loan computers: bookings may lie over each other
    #[arg(long)]
    allow_overlaps: bool,
}

impl Room {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Add(add) => add.run(&desk, common, out).await,
            Self::List => list(&desk, common, out).await,
            Self::Remove { room, removal } => remove(&desk, common, (&room, &removal), out).await,
            Self::Rules(rules) => rules.run(&desk, common, out).await,
            Self::Close(close) => close.run(&desk, common, out).await,
            Self::Closures { room } => rules::list(&desk, common, &room, out).await,
            Self::Open { room, closure } => rules::open(&desk, common, (&room, &closure), out).await,
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let new = NewRoom {
            name: self.name,
            slug: self.slug,
            kind: Some(if self.equipment { RoomKind::Equipment } else { RoomKind::Room }),
            zone: self.zone,
            email: self.email,
            description: self.description,
            building: self.building,
            capacity: self.capacity,
            features: Some(self.features),
            color: self.color,
            allow_overlaps: Some(self.allow_overlaps),
        };
        let mut tx = desk.write().await?;
        let room = RoomView::from(rooms::create(&mut tx, &desk.acting(), &new).await?);
        tx.commit().await?;
        let path = format!("{}/dav/{}/rooms/{}/", desk.config.public_url(), desk.tenant().tenant_key, room.slug);
        print::one(common, out, &room, &[format!("Room {} is made; its calendar is {path}", room.slug)])
    }
}

async fn remove(
    desk: &Desk,
    common: &Common,
    (slug, removal): (&str, &Removal),
    out: &mut impl Write,
) -> Result<(), CliError> {
    let acting = desk.acting();
    let mut tx = desk.read().await?;
    let room = rooms::find(&mut tx, &acting, slug).await?;
    if removal.dry_run {
        let going = going(&mut tx, acting.tenant, What::Room(&room.id)).await?;
        return removal.tell(common, &format!("Room {slug}"), &going, out);
    }
    removal.is_meant(slug)?;
    let ending = mappings::of_room(&mut tx, acting.tenant, &room.id).await?;
    drop(tx);
    let removed = sync::leave(&desk.engine(), acting.tenant, &ending, removal.copies, acting.actor).await?;
    let mut tx = desk.write().await?;
    rooms::remove(&mut tx, &acting, slug).await?;
    tx.commit().await?;
    removal.done(common, &format!("Room {slug}"), removed, out)
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let rooms = stored::list(&mut desk.read().await?, desk.acting().tenant).await?;
    let rooms: Vec<RoomView> = rooms.into_iter().map(RoomView::from).collect();
    let columns: &[print::Column<RoomView>] = &[
        ("Room", |room| room.slug.clone()),
        ("Name", |room| room.name.clone()),
        ("Kind", |room| print::word(&room.kind)),
        ("Where", |room| or_dash(room.building.as_ref())),
        ("Seats", |room| or_dash(room.capacity.map(|seats| seats.to_string()).as_ref())),
        ("Zone", |room| room.zone.clone()),
    ];
    print::list(common, out, &rooms, columns)
}

//! `anteroom explain` and `anteroom status`: why a booking is where it is, and how every room is doing.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use crate::api::view::{EventStory, MappingStatusView, RoomStory};
use crate::manage::rooms;
use crate::model::ObjectName;
use crate::model::Uid;
use crate::store::Tx;
use crate::store::objects;
use crate::store::rooms as stored;
use crate::store::rooms::Room;
use clap::Args;
use std::io::Write;

/// Tell the whole story of one event or one room.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anteroom explain council-hall\n  anteroom explain 6f1c2a@example.org --room council-hall"
)]
pub(crate) struct Explain {
    /// Slug of a room, UID of an event, or name of its object (`meeting-7.ics`)
    what: String,
    /// Slug of the room the event is in; all rooms if left out
    #[arg(long)]
    room: Option<String>,
}

impl Explain {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let acting = desk.acting();
        let mut tx = desk.read().await?;
        if self.room.is_none()
            && let Some(room) = stored::by_slug(&mut tx, acting.tenant, &self.what).await?
        {
            let story = RoomStory::tell(&mut tx, acting.tenant, &room).await?;
            return print::one(common, out, &story, &story.lines());
        }
        let rooms = match &self.room {
            Some(slug) => vec![rooms::find(&mut tx, &acting, slug).await?],
            None => stored::list(&mut tx, acting.tenant).await?,
        };
        let uid = uid(&mut tx, &rooms, &self.what).await?;
        let story = EventStory::tell(&mut tx, acting.tenant, &rooms, uid).await?;
        if story.is_empty() {
            return Err(CliError::Failed(format!("there is no room and no trace of an event called {:?}", self.what)));
        }
        print::one(common, out, &story, &story.lines())
    }
}

/// The UID of the object of that name; else the text is taken for a UID.
async fn uid(tx: &mut Tx, rooms: &[Room], what: &str) -> Result<Uid, CliError> {
    if let Some(name) = ObjectName::parse(what) {
        for room in rooms {
            if let Some(row) = objects::by_name(tx, &room.tenant_id, &room.id, &name).await? {
                return Ok(row.uid);
            }
        }
    }
    Ok(Uid(what.to_owned()))
}

/// Tell how every room is doing.
#[derive(Debug, Args)]
pub(crate) struct Status {}

impl Status {
    pub(super) async fn run(common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let all = MappingStatusView::of_tenant(&mut desk.read().await?, desk.acting().tenant).await?;
        let columns: &[print::Column<MappingStatusView>] = &[
            ("Room", |one| one.room.clone()),
            ("Bridge", |one| one.bridge.clone()),
            ("Status", |one| one.status.clone()),
            ("Oldest unreconciled change", |one| or_dash(one.oldest_unreconciled.as_ref())),
            ("To be sent", |one| one.pending.to_string()),
            ("Last sync", |one| or_dash(one.last_sync.as_ref())),
            ("Trouble", |one| or_dash(one.trouble.as_ref())),
        ];
        print::list(common, out, &all, columns)
    }
}

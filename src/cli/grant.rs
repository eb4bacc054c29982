//! `anteroom grant`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use super::word;
use crate::manage::grants;
use crate::model::Privilege;
use clap::Args;
use std::io::Write;

/// What a principal may do in a room.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anteroom grant anna council-hall write\n  anteroom grant anna '*' read-free-busy\n  \
    anteroom grant anna group:halls write\n  anteroom grant anna council-hall none"
)]
pub(crate) struct Grant {
    /// Who
    login: String,
    /// Slug of the room; group:SLUG for the rooms of a group; '*' for all
    room: String,
    /// read-free-busy, read, write, admin; none takes the grant back
    #[arg(value_parser = privilege)]
    privilege: Wanted,
}

/// A privilege, or none.
#[derive(Clone, Copy, Debug)]
struct Wanted(Option<Privilege>);

fn privilege(text: &str) -> Result<Wanted, String> {
    if text == "none" {
        return Ok(Wanted(None));
    }
    word::parse(text).map(|privilege| Wanted(Some(privilege)))
}

impl Grant {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let mut tx = desk.write().await?;
        let sentence = if let Some(privilege) = self.privilege.0 {
            grants::set(&mut tx, &desk.acting(), &self.login, &self.room, privilege).await?;
            format!("{} has {} in {}.", self.login, print::word(&privilege), self.room)
        } else {
            grants::remove(&mut tx, &desk.acting(), &self.login, &self.room).await?;
            format!("{} has no grant in {} any more.", self.login, self.room)
        };
        tx.commit().await?;
        print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
    }
}

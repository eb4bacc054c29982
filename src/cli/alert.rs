//! `anteroom alert`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use crate::api::view::{AlertView, Names};
use crate::manage::alerts;
use crate::model::AlertId;
use crate::model::AlertState;
use crate::store::alerts as stored;
use crate::store::pages::Page;
use clap::Subcommand;
use std::io::Write;

/// Alerts that are listed.
const LISTED: i64 = 200;

/// What somebody should look at.
#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// List alerts whose cause lasts
    List {
        /// Those that are settled, too
        #[arg(long)]
        all: bool,
    },
    /// Say that you know; the alert stays until its cause is gone
    Acknowledge {
        /// Id of the alert
        id: String,
    },
}

impl Alert {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::List { all } => list(&desk, all, common, out).await,
            Self::Acknowledge { id } => {
                let mut tx = desk.write().await?;
                let alert = alerts::acknowledge(&mut tx, &desk.acting(), &AlertId::from(id.as_str())).await?;
                tx.commit().await?;
                let sentence = format!("Acknowledged: {}", alert.sentence);
                print::one(common, out, &AlertView::of(alert, &Names::default()), &[sentence])
            }
        }
    }
}

async fn list(desk: &Desk, all: bool, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let page = Page { after: "", limit: LISTED };
    let found = stored::list(&mut tx, desk.acting().tenant, stored::Wanted::default(), page).await?;
    let found = found.into_iter().filter(|alert| all || alert.state != AlertState::Settled);
    let found: Vec<AlertView> = found.map(|alert| AlertView::of(alert, &names)).collect();
    let columns: &[print::Column<AlertView>] = &[
        ("Id", |alert| alert.id.clone()),
        ("Severity", |alert| print::word(&alert.severity)),
        ("Kind", |alert| print::word(&alert.kind)),
        ("State", |alert| print::word(&alert.state)),
        ("Since", |alert| alert.raised.clone()),
        ("Room", |alert| or_dash(alert.room.as_ref())),
        ("What", |alert| alert.sentence.clone()),
    ];
    print::list(common, out, &found, columns)
}

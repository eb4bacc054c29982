//! `anteroom feed`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{FeedLinkView, FeedView, Names};
use crate::manage::feeds::{self, Minted, NewFeed};
use crate::model::DetailLevel;
use crate::model::FeedId;
use crate::store::Tx;
use crate::store::feeds as stored;
use clap::{Args, Subcommand};
use std::io::Write;

/// Signed feeds for calendar programs that subscribe.
#[derive(Debug, Subcommand)]
pub(crate) enum Feed {
    /// Make a feed of a room and show its link, once
    #[command(after_help = "Examples:\n  anteroom feed add council-hall --label \"Display at the door\"\n  \
        anteroom feed add council-hall --detail full --expires-in-days 90")]
    Add(Add),
    /// List feeds
    List,
    /// Give a feed a new link; the old one ends at once
    Rotate {
        /// Id of the feed
        id: String,
    },
    /// End a feed
    Revoke {
        /// Id of the feed
        id: String,
    },
}

/// A feed to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Slug of the room
    room: String,
    /// What you call it
    #[arg(long)]
    label: Option<String>,
    /// busy or full; what the configuration says if left out
    #[arg(long, value_parser = word::parse::<DetailLevel>)]
    detail: Option<DetailLevel>,
    /// Days before today
    #[arg(long, value_name = "DAYS")]
    past_days: Option<i64>,
    /// Days from today on
    #[arg(long, value_name = "DAYS")]
    future_days: Option<i64>,
    /// Days until the link ends by itself
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<i64>,
}

impl Feed {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Add(add) => add.run(&desk, common, out).await,
            Self::List => list(&desk, common, out).await,
            Self::Rotate { id } => {
                let mut tx = desk.write().await?;
                let minted = feeds::rotate(&mut tx, &desk.acting(), desk.links(), &FeedId::from(id)).await?;
                show(&desk, tx, minted, common, out).await
            }
            Self::Revoke { id } => {
                let mut tx = desk.write().await?;
                feeds::revoke(&mut tx, &desk.acting(), &FeedId::from(id.as_str())).await?;
                tx.commit().await?;
                let sentence = format!("The feed {id} is ended; its link answers 410.");
                print::one(common, out, &serde_json::json!({ "done": sentence }), std::slice::from_ref(&sentence))
            }
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let usual = &desk.config.feed;
        let new = NewFeed {
            room: self.room,
            label: self.label,
            detail: Some(self.detail.unwrap_or(usual.detail)),
            past_days: Some(self.past_days.unwrap_or(usual.past_days)),
            future_days: Some(self.future_days.unwrap_or(usual.future_days)),
            expires_in_days: self.expires_in_days,
        };
        let mut tx = desk.write().await?;
        let minted = feeds::create(&mut tx, &desk.acting(), desk.links(), &new).await?;
        show(desk, tx, minted, common, out).await
    }
}

async fn show(desk: &Desk, mut tx: Tx, minted: Minted, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    let view = FeedLinkView::of(minted, &names);
    let sentences = [
        format!("Feed:   {} ({})", view.feed.id, view.feed.label),
        format!("Link:   {}   (shown this once)", view.url),
        format!("Webcal: {}", view.webcal_url),
    ];
    print::one(common, out, &view, &sentences)
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let feeds = stored::list(&mut tx, desk.acting().tenant).await?;
    let feeds: Vec<FeedView> = feeds.into_iter().map(|feed| FeedView::of(feed, &names)).collect();
    let columns: &[print::Column<FeedView>] = &[
        ("Id", |feed| feed.id.clone()),
        ("Room", |feed| feed.room.clone()),
        ("Label", |feed| feed.label.clone()),
        ("Shows", |feed| print::word(&feed.detail)),
        ("Last used", |feed| or_dash(feed.last_used.as_ref())),
        ("By", |feed| or_dash(feed.last_client.as_ref())),
        ("Ended", |feed| or_dash(feed.revoked.as_ref())),
    ];
    print::list(common, out, &feeds, columns)
}

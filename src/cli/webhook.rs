//! `anteroom webhook`.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print::{self, or_dash};
use super::word;
use crate::api::view::{DeliveryView, Names, WebhookSecretView, WebhookView};
use crate::manage::webhooks::{self, Minted, NewWebhook, ResendOrder, WebhookPatch};
use crate::model::DetailLevel;
use crate::model::NoticeKind;
use crate::model::WebhookId;
use crate::store::Tx;
use crate::store::deliveries;
use crate::store::pages::Page;
use crate::store::webhooks as stored;
use clap::{Args, Subcommand};
use std::io::Write;

/// Deliveries that are listed.
const LISTED: i64 = 100;

/// Who outside is told what happens.
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Make a webhook and show its secret, once
    #[command(after_help = "Examples:\n  anteroom webhook add https://hooks.example.org/rooms\n  \
        anteroom webhook add https://hooks.example.org/rooms --kind booking.created --kind booking.changed \
        --room council-hall --detail full")]
    Add(Add),
    /// List webhooks
    List,
    /// Tell a webhook nothing until it is resumed
    Pause {
        /// Id of the webhook
        id: String,
    },
    /// Go on with a webhook that was paused or disabled
    Resume {
        /// Id of the webhook
        id: String,
    },
    /// Give a webhook another secret; the one before signs too for a day
    Rotate {
        /// Id of the webhook
        id: String,
    },
    /// Have the running server send a test
    Test {
        /// Id of the webhook
        id: String,
    },
    /// List what a webhook was or is to be told
    Deliveries {
        /// Id of the webhook
        id: String,
    },
    /// Send once more what was given up
    #[command(after_help = "Examples:\n  anteroom webhook resend ID --delivery 0199f3c2-...\n  \
        anteroom webhook resend ID --since 2026-03-02T18:00:00Z")]
    Resend {
        /// Id of the webhook
        id: String,
        /// Id of the delivery
        #[arg(long, required_unless_present = "since")]
        delivery: Option<String>,
        /// All that happened then or later
        #[arg(long, value_name = "TIME", conflicts_with = "delivery")]
        since: Option<String>,
    },
    /// Remove a webhook with all that it was or is to be told
    Remove {
        /// Id of the webhook
        id: String,
    },
}

/// A webhook to make.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Where deliveries go
    url: String,
    /// What you call it
    #[arg(long)]
    label: Option<String>,
    /// What it is told; everything if left out
    #[arg(long, value_name = "KIND", value_parser = word::parse::<NoticeKind>)]
    kind: Vec<NoticeKind>,
    /// Slug of a room it is told about; all if left out
    #[arg(long, value_name = "ROOM")]
    room: Vec<String>,
    /// busy or full; busy if left out
    #[arg(long, value_parser = word::parse::<DetailLevel>)]
    detail: Option<DetailLevel>,
}

impl Webhook {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        match self {
            Self::Add(add) => add.run(&desk, common, out).await,
            Self::List => list(&desk, common, out).await,
            Self::Pause { id } => pause(&desk, &id, true, common, out).await,
            Self::Resume { id } => pause(&desk, &id, false, common, out).await,
            Self::Rotate { id } => {
                let mut tx = desk.write().await?;
                let id = WebhookId::from(id);
                let minted = webhooks::rotate(&mut tx, &desk.acting(), &desk.keys.ring, &id).await?;
                show(&desk, tx, minted, common, out).await
            }
            Self::Test { id } => {
                let mut tx = desk.write().await?;
                let delivery = webhooks::test(&mut tx, &desk.acting(), &WebhookId::from(id.as_str())).await?;
                tx.commit().await?;
                let sentence = format!(
                    "Delivery {} is to be sent; see `anteroom webhook deliveries {id}` for what became of it.",
                    delivery.id
                );
                print::one(common, out, &DeliveryView::of(delivery, &Names::default()), &[sentence])
            }
            Self::Deliveries { id } => told(&desk, &id, common, out).await,
            Self::Resend { id, delivery, since } => {
                let mut tx = desk.write().await?;
                let order = ResendOrder { delivery, since };
                let resent = webhooks::resend(&mut tx, &desk.acting(), &WebhookId::from(id.as_str()), &order).await?;
                tx.commit().await?;
                let sentence = format!("{} deliveries are sent again.", resent.count);
                print::one(common, out, &resent, &[sentence])
            }
            Self::Remove { id } => {
                let mut tx = desk.write().await?;
                webhooks::remove(&mut tx, &desk.acting(), &WebhookId::from(id.as_str())).await?;
                tx.commit().await?;
                done(common, out, &format!("The webhook {id} is removed."))
            }
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let Self { url, label, kind, room, detail } = self;
        let new = NewWebhook { url, label, kinds: kind, rooms: room, detail };
        let mut tx = desk.write().await?;
        let terms = (&desk.keys.ring, &desk.config.deliveries);
        let minted = webhooks::create(&mut tx, &desk.acting(), terms, &new).await?;
        show(desk, tx, minted, common, out).await
    }
}

async fn show(desk: &Desk, mut tx: Tx, minted: Minted, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    tx.commit().await?;
    let view = WebhookSecretView::of(minted, &names);
    let sentences = [
        format!("Webhook: {} ({})", view.webhook.id, view.webhook.label),
        format!("Secret:  {}   (shown this once)", view.secret),
    ];
    print::one(common, out, &view, &sentences)
}

async fn pause(desk: &Desk, id: &str, paused: bool, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let patch = WebhookPatch { paused: Some(paused), ..WebhookPatch::default() };
    let mut tx = desk.write().await?;
    webhooks::update(&mut tx, &desk.acting(), &desk.config.deliveries, &WebhookId::from(id), &patch).await?;
    tx.commit().await?;
    done(common, out, &format!("The webhook {id} is {}.", if paused { "paused" } else { "active" }))
}

async fn list(desk: &Desk, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let all = stored::list(&mut tx, desk.acting().tenant).await?;
    let all: Vec<WebhookView> = all.into_iter().map(|one| WebhookView::of(one, &names)).collect();
    let columns: &[print::Column<WebhookView>] = &[
        ("Id", |one| one.id.clone()),
        ("Label", |one| one.label.clone()),
        ("Address", |one| one.url.clone()),
        ("State", |one| print::word(&one.state)),
        ("Last taken", |one| or_dash(one.delivered.as_ref())),
        ("Failing since", |one| or_dash(one.failing_since.as_ref())),
        ("Failure", |one| or_dash(one.last_error.as_ref())),
    ];
    print::list(common, out, &all, columns)
}

async fn told(desk: &Desk, id: &str, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
    let mut tx = desk.read().await?;
    let webhook = webhooks::find(&mut tx, &desk.acting(), &WebhookId::from(id)).await?;
    let names = Names::of(&mut tx, desk.acting().tenant).await?;
    let page = Page { after: "", limit: LISTED };
    let rows = deliveries::list(&mut tx, desk.acting().tenant, &webhook.id, None, page).await?;
    let rows: Vec<DeliveryView> = rows.into_iter().map(|one| DeliveryView::of(one, &names)).collect();
    let columns: &[print::Column<DeliveryView>] = &[
        ("Id", |one| one.id.clone()),
        ("What", |one| print::word(&one.kind)),
        ("Room", |one| or_dash(one.room.as_ref())),
        ("When", |one| one.at.clone()),
        ("State", |one| print::word(&one.state)),
        ("Failures", |one| one.attempts.to_string()),
        ("Last failure", |one| or_dash(one.last_error.as_ref())),
    ];
    print::list(common, out, &rows, columns)
}

fn done(common: &Common, out: &mut impl Write, sentence: &str) -> Result<(), CliError> {
    print::one(common, out, &serde_json::json!({ "done": sentence }), &[sentence.to_owned()])
}

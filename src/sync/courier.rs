//! Webhooks: brings what happened to those outside who want to know. Driven by rows that were written in the transaction of
//! what happened (`store::deliveries`), so that nothing is lost however the process dies; a receiver may get a thing twice,
//! with the same id.

use super::Settings;
use super::SyncError;
use super::notice;
use super::retry;
use super::rounds::Rounds;
use super::worker::Nudge;
use crate::bridge::webhook::{Parcel, Receipt, WebhookSender, WebhookUrl};
use crate::config::Deliveries;
use crate::config::Limits;
use crate::crypt::Keys;
use crate::crypt::webhook::Signing;
use crate::model::Clock;
use crate::model::DeliveryState;
use crate::model::Timestamp;
use crate::observe::Metrics;
use crate::observe::names;
use crate::store::Store;
use crate::store::audit;
use crate::store::deliveries;
use crate::store::deliveries::Delivery;
use crate::store::tenants;
use crate::store::webhooks;
use crate::store::webhooks::Webhook;
use futures_util::StreamExt as _;
use futures_util::stream;
use std::sync::Arc;
use std::time::Duration;

/// Webhooks found in one look, those told at once, and deliveries of one of them on their way at once.
const FOUND: i64 = 64;
const AT_ONCE: usize = 8;
const HEADS: i64 = 8;

/// Rounds of deliveries that one webhook gets before others have their turn.
const TURNS: u32 = 50;

/// How long a process has a webhook to itself beyond the time its receiver has to answer.
const CLAIM_MS: i64 = 60_000;

const HOUR_MS: i64 = 3_600_000;

/// Brings what happened to webhooks.
pub struct Courier {
    /// The hub.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Opens the secrets that deliveries are signed with.
    pub keys: Arc<Keys>,
    /// The limits in force.
    pub limits: Arc<Limits>,
    /// Brings deliveries to receivers.
    pub sender: WebhookSender,
    /// How long to wait after failures.
    pub settings: Settings,
    /// How long to try.
    pub terms: Deliveries,
    /// What the operator watches.
    pub metrics: Arc<Metrics>,
}

/// A webhook while it is told: what its deliveries need.
struct Round<'a> {
    webhook: &'a Webhook,
    url: WebhookUrl,
    signing: Signing,
}

/// What became of one delivery.
enum Sent {
    Taken,
    /// It alone was refused; what happens in other rooms is told meanwhile.
    Refused,
    /// The receiver takes nothing now; until when it is left alone.
    Down(Timestamp),
}

impl Courier {
    /// Works until `stop` resolves; looks when it is nudged, and when the time has come.
    pub async fn run(self, nudge: Nudge, stop: impl Future<Output = ()>) {
        let mut rounds = Rounds::until(stop, nudge, self.settings.look);
        while let Some(keep_house) = rounds.next().await {
            if let Err(error) = self.round(keep_house).await {
                tracing::warn!("could not tell webhooks what happened: {error}");
            }
        }
    }

    async fn round(&self, keep_house: bool) -> Result<(), SyncError> {
        if keep_house {
            self.keep_house().await?;
        }
        self.deliver().await
    }

    /// Sends everything that may be sent now.
    pub async fn deliver(&self) -> Result<(), SyncError> {
        let found = webhooks::waiting(&mut self.store.begin_read().await?, self.clock.now(), FOUND).await?;
        let told = stream::iter(found).map(|one| async move {
            if let Err(error) = self.tell(&one).await {
                tracing::warn!(webhook.id = %one.id, "a webhook was not told: {error}");
            }
        });
        told.buffer_unordered(AT_ONCE).collect::<()>().await;
        Ok(())
    }

    /// Gives up what has waited too long, forgets what is over, and counts.
    pub async fn keep_house(&self) -> Result<(), SyncError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await?;
        let given_up = deliveries::give_up(&mut tx, now.plus_ms(-self.terms.retry_hours * HOUR_MS), now).await?;
        deliveries::forget(&mut tx, now.plus_days(-self.terms.keep_days)).await?;
        tx.commit().await?;
        self.metrics.add(&names::DELIVERIES, &["given_up"], given_up);
        self.metrics.clear(&names::DELIVERIES_PENDING);
        let mut tx = self.store.begin_read().await?;
        for tenant in tenants::list(&mut tx).await? {
            let count = deliveries::pending(&mut tx, &tenant.id).await?;
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.metrics.set(&names::DELIVERIES_PENDING, &[&tenant.tenant_key], f64::from(count));
        }
        Ok(())
    }

    async fn tell(&self, webhook: &Webhook) -> Result<(), SyncError> {
        let patience = i64::try_from(self.terms.timeout_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        let until = self.clock.now().plus_ms(CLAIM_MS.saturating_add(patience));
        let mut tx = self.store.begin_write().await?;
        let ours = webhooks::claim(&mut tx, webhook, until).await?;
        tx.commit().await?;
        if !ours {
            return Ok(());
        }
        let due = match self.opened(webhook) {
            Ok(round) => self.turns(&round, until.plus_ms(-patience)).await?,
            Err(why) => {
                self.trouble(webhook, &why).await?;
                self.wait(webhook, webhook.failures, None)
            }
        };
        let mut tx = self.store.begin_write().await?;
        webhooks::free(&mut tx, webhook, until, due).await?;
        Ok(tx.commit().await?)
    }

    /// The address and the secrets; the error is a sentence.
    fn opened<'a>(&self, webhook: &'a Webhook) -> Result<Round<'a>, String> {
        let url = self.sender.url(&webhook.url)?;
        let place = Signing::place(&webhook.tenant_id, &webhook.id);
        let text = self.keys.ring.open(place, &webhook.sealed_secret).map_err(|error| error.to_string())?;
        let signing = serde_json::from_str(text.reveal()).map_err(|error| error.to_string())?;
        Ok(Round { webhook, url, signing })
    }

    /// Sends round after round while all goes well; answers when to look again.
    async fn turns(&self, round: &Round<'_>, until: Timestamp) -> Result<Timestamp, SyncError> {
        for _ in 0..TURNS {
            let now = self.clock.now();
            if now >= until {
                break;
            }
            let mut tx = self.store.begin_read().await?;
            let heads = deliveries::heads(&mut tx, round.webhook, now, HEADS).await?;
            drop(tx);
            if heads.is_empty() {
                break;
            }
            let sent = stream::iter(heads).map(|one| async move { self.send(round, &one).await });
            let sent = sent.buffer_unordered(AT_ONCE);
            let sent: Vec<Result<Sent, SyncError>> = sent.collect().await;
            let sent = sent.into_iter().collect::<Result<Vec<_>, _>>()?;
            let down = sent.into_iter().filter_map(|one| match one {
                Sent::Down(due) => Some(due),
                Sent::Taken | Sent::Refused => None,
            });
            if let Some(due) = down.max() {
                return Ok(due);
            }
        }
        Ok(self.clock.now())
    }

    /// Signs and sends one delivery, and writes down what became of it.
    async fn send(&self, round: &Round<'_>, one: &Delivery) -> Result<Sent, SyncError> {
        let mut tx = self.store.begin_read().await?;
        let body = notice::body(&mut tx, &self.limits, round.webhook, one).await?;
        drop(tx);
        let now = self.clock.now();
        let parcel = Parcel {
            id: one.id.clone(),
            seconds: now.ms().div_euclid(1000),
            signature: round.signing.sign(&one.id, now, &body),
            body,
        };
        let receipt = self.sender.send(&round.url, parcel).await;
        self.settle(round.webhook, one, receipt).await
    }

    async fn settle(&self, webhook: &Webhook, one: &Delivery, receipt: Receipt) -> Result<Sent, SyncError> {
        match receipt {
            Receipt::Taken(status) => {
                self.count("taken");
                let mut tx = self.store.begin_write().await?;
                let now = self.clock.now();
                deliveries::ended(&mut tx, one, DeliveryState::Delivered, (Some(status.into()), ""), now).await?;
                webhooks::taken(&mut tx, webhook, now).await?;
                tx.commit().await?;
                Ok(Sent::Taken)
            }
            Receipt::Gone(status) => {
                self.count("gone");
                let why = "The receiver answered 410: it wants nothing any more.";
                let mut tx = self.store.begin_write().await?;
                deliveries::ended(&mut tx, one, DeliveryState::Failed, (Some(status.into()), why), self.clock.now())
                    .await?;
                tx.commit().await?;
                self.disable(webhook, why).await?;
                Ok(Sent::Down(self.clock.now()))
            }
            Receipt::Failed { status, after_ms, why } => {
                self.count("failed");
                let due = self.wait(webhook, one.attempts, after_ms);
                let mut tx = self.store.begin_write().await?;
                deliveries::again(&mut tx, one, (status.map(i64::from), &why), due).await?;
                tx.commit().await?;
                self.trouble(webhook, &why).await?;
                let is_down = status.is_none_or(|status| matches!(status, 408 | 429 | 500..=599));
                Ok(if is_down { Sent::Down(due) } else { Sent::Refused })
            }
        }
    }

    /// When to try again; a pause of up to an hour that the receiver asks for is kept.
    fn wait(&self, webhook: &Webhook, attempts: i64, after_ms: Option<u64>) -> Timestamp {
        let seed =
            webhook.id.as_str().bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let wait = retry::backoff(u32::try_from(attempts).unwrap_or(u32::MAX), seed, &self.settings);
        let asked = Duration::from_millis(after_ms.unwrap_or(0)).min(Duration::from_hours(1));
        self.clock.now().plus_ms(i64::try_from(wait.max(asked).as_millis()).unwrap_or(i64::MAX))
    }

    /// Remembers a failure, and gives the webhook up after a long time of nothing else.
    async fn trouble(&self, webhook: &Webhook, why: &str) -> Result<(), SyncError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await?;
        webhooks::failed(&mut tx, webhook, now, why).await?;
        let known = webhooks::get(&mut tx, &webhook.tenant_id, &webhook.id).await?;
        tx.commit().await?;
        let since = known.and_then(|known| known.failing_since_ms);
        let hours = self.terms.give_up_hours;
        if since.is_some_and(|since| since.plus_ms(hours * HOUR_MS) <= now) {
            self.disable(webhook, &format!("Given up after {hours} hours of failure: {why}.")).await?;
        }
        Ok(())
    }

    async fn disable(&self, webhook: &Webhook, why: &str) -> Result<(), SyncError> {
        let mut tx = self.store.begin_write().await?;
        if webhooks::disable(&mut tx, webhook, why).await? {
            let detail = format!("The webhook {} was disabled. {why}", webhook.label);
            let entry = audit::Entry {
                tenant: &webhook.tenant_id,
                at: self.clock.now(),
                actor: "system:webhooks",
                action: "webhook.disable",
                room: None,
                uid: None,
                seq: 0,
                detail: &detail,
            };
            audit::append(&mut tx, &entry).await?;
            tracing::warn!(webhook.id = %webhook.id, "a webhook was disabled: {why}");
        }
        Ok(tx.commit().await?)
    }

    fn count(&self, outcome: &str) {
        self.metrics.add(&names::DELIVERIES, &[outcome], 1);
    }
}

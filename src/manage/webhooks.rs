//! Webhooks: who outside is told what happens. The secret is shown once, when it is made or rotated.

use super::{Acting, ManageError, rooms};
use crate::bridge::webhook::WebhookUrl;
use crate::config::Deliveries;
use crate::crypt::CryptError;
use crate::crypt::KeyRing;
use crate::crypt::Secret;
use crate::crypt::webhook::Signing;
use crate::model::DeliveryState;
use crate::model::DetailLevel;
use crate::model::NoticeKind;
use crate::model::RoomId;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::WebhookId;
use crate::model::WebhookState;
use crate::store::Tx;
use crate::store::deliveries;
use crate::store::deliveries::{Delivery, Resend};
use crate::store::webhooks;
use crate::store::webhooks::Webhook;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest address in characters.
const LONGEST: usize = 2_000;

/// Most rooms one webhook may name.
const ROOMS: usize = 500;

/// Hours for which a secret that was rotated away signs too.
const OVERLAP_HOURS: i64 = 24;

/// A webhook to make.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where deliveries go: https, to a public address unless the operator allows others.
    pub url: String,
    /// What its maker calls it; the host of `url` if left out.
    #[serde(default)]
    pub label: Option<String>,
    /// What it is told; everything if left out or empty.
    #[serde(default)]
    pub kinds: Vec<NoticeKind>,
    /// Slugs of the rooms it is told about; all if left out or empty.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// `busy` (times without texts, if left out) or `full`.
    #[serde(default)]
    pub detail: Option<DetailLevel>,
}

/// Deliveries that were given up and are sent once more: `delivery` or `since`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendOrder {
    /// The id of one of them.
    #[serde(default)]
    pub delivery: Option<String>,
    /// All that happened then or later, RFC 3339.
    #[serde(default)]
    pub since: Option<String>,
}

/// What a resend began.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct Resent {
    /// How many deliveries are sent again.
    pub count: u64,
}

/// Changes to a webhook; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookPatch {
    /// Where deliveries go.
    #[serde(default)]
    pub url: Option<String>,
    /// What it is called.
    #[serde(default)]
    pub label: Option<String>,
    /// What it is told; everything for an empty list.
    #[serde(default)]
    pub kinds: Option<Vec<NoticeKind>>,
    /// Slugs of the rooms it is told about; all for an empty list.
    #[serde(default)]
    pub rooms: Option<Vec<String>>,
    /// `busy` or `full`.
    #[serde(default)]
    pub detail: Option<DetailLevel>,
    /// `true` pauses it; `false` goes on, also after it was disabled.
    #[serde(default)]
    pub paused: Option<bool>,
}

/// A webhook with its secret, which cannot be shown again.
pub struct Minted {
    /// The webhook.
    pub webhook: Webhook,
    /// What receivers verify deliveries with: `whsec_…`.
    pub secret: Secret,
}

/// The webhook with that id.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, id: &WebhookId) -> Result<Webhook, ManageError> {
    webhooks::get(tx, acting.tenant, id).await?.ok_or_else(|| ManageError::no("webhook", id.as_str()))
}

/// Makes a webhook.
pub async fn create(
    tx: &mut Tx,
    acting: &Acting<'_>,
    (ring, terms): (&KeyRing, &Deliveries),
    new: &NewWebhook,
) -> Result<Minted, ManageError> {
    let has = webhooks::list(tx, acting.tenant).await?.len();
    if has >= terms.webhooks {
        return Err(ManageError::State { why: format!("the tenant has {has} webhooks already, which is the most") });
    }
    let url = address(&new.url, terms)?;
    let label = new.label.clone().unwrap_or_else(|| host(&url));
    let (id, signing) = (WebhookId::fresh(), Signing::fresh()?);
    let webhook = Webhook {
        tenant_id: acting.tenant.clone(),
        label: rooms::line("label", &label, 200)?,
        url,
        kinds: kinds_of(&new.kinds),
        rooms: rooms_of(tx, acting, &new.rooms).await?,
        detail: new.detail.unwrap_or(DetailLevel::Busy),
        sealed_secret: seal(ring, acting.tenant, &id, &signing)?,
        state: WebhookState::Active,
        reason: String::new(),
        due_ms: acting.now,
        failures: 0,
        failing_since_ms: None,
        last_error: String::new(),
        delivered_ms: None,
        created_ms: acting.now,
        id,
    };
    webhooks::insert(tx, &webhook).await?;
    acting.record(tx, "webhook.create", None, &format!("The webhook {} was made.", webhook.label)).await?;
    Ok(Minted { webhook, secret: signing.reveal() })
}

/// Changes a webhook.
pub async fn update(
    tx: &mut Tx,
    acting: &Acting<'_>,
    terms: &Deliveries,
    id: &WebhookId,
    patch: &WebhookPatch,
) -> Result<Webhook, ManageError> {
    let mut webhook = find(tx, acting, id).await?;
    if let Some(url) = &patch.url {
        webhook.url = address(url, terms)?;
        webhook.due_ms = acting.now;
    }
    if let Some(label) = &patch.label {
        webhook.label = rooms::line("label", label, 200)?;
    }
    if let Some(kinds) = &patch.kinds {
        webhook.kinds = kinds_of(kinds);
    }
    if let Some(rooms) = &patch.rooms {
        webhook.rooms = rooms_of(tx, acting, rooms).await?;
    }
    webhook.detail = patch.detail.unwrap_or(webhook.detail);
    match patch.paused {
        Some(true) => webhook.state = WebhookState::Paused,
        Some(false) => {
            webhook.state = WebhookState::Active;
            webhook.reason.clear();
            webhook.last_error.clear();
            (webhook.failures, webhook.failing_since_ms, webhook.due_ms) = (0, None, acting.now);
        }
        None => {}
    }
    webhooks::update(tx, &webhook).await?;
    acting.record(tx, "webhook.update", None, &format!("The webhook {} was changed.", webhook.label)).await?;
    Ok(webhook)
}

/// Gives a webhook another secret; the one before signs too for a day.
pub async fn rotate(tx: &mut Tx, acting: &Acting<'_>, ring: &KeyRing, id: &WebhookId) -> Result<Minted, ManageError> {
    let webhook = find(tx, acting, id).await?;
    let text = ring.open(Signing::place(acting.tenant, id), &webhook.sealed_secret)?;
    let former: Signing = serde_json::from_str(text.reveal())
        .map_err(|_| ManageError::Crypt(CryptError::Envelope("the secret of a webhook is no JSON object")))?;
    let signing = former.rotated(acting.now.plus_ms(OVERLAP_HOURS * 3_600_000))?;
    webhooks::reseal(tx, &webhook, &seal(ring, acting.tenant, id, &signing)?).await?;
    acting.record(tx, "webhook.rotate", None, &format!("The webhook {} got a new secret.", webhook.label)).await?;
    Ok(Minted { webhook, secret: signing.reveal() })
}

/// Removes a webhook with all that was or is to be told.
pub async fn remove(tx: &mut Tx, acting: &Acting<'_>, id: &WebhookId) -> Result<(), ManageError> {
    let webhook = find(tx, acting, id).await?;
    webhooks::delete(tx, acting.tenant, id).await?;
    Ok(acting.record(tx, "webhook.remove", None, &format!("The webhook {} was removed.", webhook.label)).await?)
}

/// Has something sent to a webhook that says nothing, so that its receiver can be tried out.
pub async fn test(tx: &mut Tx, acting: &Acting<'_>, id: &WebhookId) -> Result<Delivery, ManageError> {
    let webhook = find(tx, acting, id).await?;
    if webhook.state != WebhookState::Active {
        let why = format!("the webhook {} is not active; nothing is sent to it", webhook.label);
        return Err(ManageError::State { why });
    }
    let sentence = "This is a test.";
    let one = deliveries::tell_one(tx, &webhook, NoticeKind::WebhookTest, sentence, acting.now).await?;
    acting.record(tx, "webhook.test", None, &format!("The webhook {} was tested.", webhook.label)).await?;
    let delivery = deliveries::get(tx, acting.tenant, id, &one).await?;
    delivery.ok_or_else(|| ManageError::no("delivery", &one))
}

/// Has deliveries sent once more that were given up: one of them, or all since a time. Answers how many.
pub async fn resend(
    tx: &mut Tx,
    acting: &Acting<'_>,
    id: &WebhookId,
    which: &ResendOrder,
) -> Result<Resent, ManageError> {
    let webhook = find(tx, acting, id).await?;
    if webhook.state != WebhookState::Active {
        let why = format!("the webhook {} is not active; resume it first", webhook.label);
        return Err(ManageError::State { why });
    }
    let which = which.parse()?;
    if let Resend::One(one) = &which {
        let known = deliveries::get(tx, acting.tenant, id, one).await?;
        let state = known.ok_or_else(|| ManageError::no("delivery", one))?.state;
        if state != DeliveryState::Failed {
            let why = format!("the delivery {one} was not given up; only such ones are sent again");
            return Err(ManageError::State { why });
        }
    }
    let count = deliveries::resend(tx, &webhook, &which, acting.now).await?;
    let what = match &which {
        Resend::One(one) => format!("The delivery {one} of the webhook {} is sent again.", webhook.label),
        Resend::Since(since) => {
            format!(
                "{count} deliveries of the webhook {} that were given up since {since} are sent again.",
                webhook.label
            )
        }
    };
    acting.record(tx, "webhook.resend", None, &what).await?;
    Ok(Resent { count })
}

impl ResendOrder {
    fn parse(&self) -> Result<Resend, ManageError> {
        match (&self.delivery, &self.since) {
            (Some(id), None) => Ok(Resend::One(id.clone())),
            (None, Some(text)) => {
                let at = text.parse::<jiff::Timestamp>().map_err(|_| {
                    let why = format!("{text:?} is no time; write RFC 3339 such as 2026-03-02T18:00:00Z");
                    ManageError::invalid("since", why)
                })?;
                Ok(Resend::Since(Timestamp::from_jiff(at)))
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(ManageError::invalid("delivery", "or since has to be given, and only one of them".to_owned()))
            }
        }
    }
}

/// What a webhook is told, as words.
pub fn kinds(webhook: &Webhook) -> Vec<NoticeKind> {
    let word = |text: &str| serde_json::from_value(serde_json::Value::String(text.to_owned())).ok();
    webhook.kinds.split_whitespace().filter_map(word).collect()
}

fn kinds_of(kinds: &[NoticeKind]) -> String {
    let kinds: BTreeSet<NoticeKind> = kinds.iter().copied().collect();
    let words: Vec<String> =
        kinds.iter().filter_map(|kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned)).collect();
    webhooks::listed(words.iter().map(String::as_str))
}

async fn rooms_of(tx: &mut Tx, acting: &Acting<'_>, slugs: &[String]) -> Result<String, ManageError> {
    if slugs.len() > ROOMS {
        return Err(ManageError::invalid("rooms", format!("are more than {ROOMS}; leave them out to name all")));
    }
    let mut ids: BTreeSet<RoomId> = BTreeSet::new();
    for slug in slugs {
        ids.insert(rooms::find(tx, acting, slug).await?.id);
    }
    Ok(webhooks::listed(ids.iter().map(RoomId::as_str)))
}

fn address(text: &str, terms: &Deliveries) -> Result<String, ManageError> {
    let text = rooms::line("url", text, LONGEST)?;
    let url = WebhookUrl::parse(&text, terms.private_networks).map_err(|why| ManageError::invalid("url", why))?;
    Ok(url.as_str().to_owned())
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

fn seal(ring: &KeyRing, tenant: &TenantId, id: &WebhookId, signing: &Signing) -> Result<String, ManageError> {
    let text = serde_json::to_string(signing)
        .map(Secret::new)
        .map_err(|_| ManageError::Crypt(CryptError::Envelope("the secret of a webhook cannot be written")))?;
    Ok(ring.seal(Signing::place(tenant, id), text.reveal())?)
}

//! Signed feeds: the link is shown once, when it is made or rotated.

use super::{Acting, ManageError, rooms};
use crate::config;
use crate::crypt::Key;
use crate::crypt::Secret;
use crate::crypt::token;
use crate::crypt::token::FeedScope;
use crate::model::DetailLevel;
use crate::model::FeedId;
use crate::store::Tx;
use crate::store::feeds;
use crate::store::feeds::Feed;
use crate::store::rooms as stored_rooms;
use serde::Deserialize;

/// Most days a feed may show in one direction.
const LONGEST_DAYS: i64 = 3660;

/// A feed to make.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFeed {
    /// Slug of the room it shows.
    pub room: String,
    /// What its maker calls it, e.g. `Display at the door`.
    #[serde(default)]
    pub label: Option<String>,
    /// `busy` or `full`; `feed.detail` of the configuration (`busy`) if left out.
    #[serde(default)]
    pub detail: Option<DetailLevel>,
    /// Days it shows before today; `feed.past_days` of the configuration (30) if left out.
    #[serde(default)]
    pub past_days: Option<i64>,
    /// Days it shows from today on; `feed.future_days` of the configuration (400) if left out.
    #[serde(default)]
    pub future_days: Option<i64>,
    /// Days after which the link ends by itself; never if left out.
    #[serde(default)]
    pub expires_in_days: Option<i64>,
}

/// Where links point and what signs them.
#[derive(Clone, Copy)]
pub struct Links<'a> {
    /// Scheme, host and port under which clients reach the server, without a slash at the end.
    pub public_url: &'a str,
    /// [`crate::crypt::Keys::feed`].
    pub key: &'a Key,
    /// What a feed shows where its maker does not say: `[feed]` of the configuration.
    pub usual: &'a config::Feed,
}

/// A feed with its link, which is not stored and cannot be shown again.
pub struct Minted {
    /// The feed.
    pub feed: Feed,
    /// `https://…/feeds/<token>/<room>.ics`.
    pub url: Secret,
    /// The same link for calendar programs that subscribe on a click (`webcal://…`).
    pub webcal_url: Secret,
}

/// Makes a feed.
pub async fn create(tx: &mut Tx, acting: &Acting<'_>, links: Links<'_>, new: &NewFeed) -> Result<Minted, ManageError> {
    let room = rooms::find(tx, acting, &new.room).await?;
    let label = new.label.as_deref().unwrap_or(&room.name);
    let feed = Feed {
        id: FeedId::fresh(),
        tenant_id: acting.tenant.clone(),
        room_id: room.id.clone(),
        label: rooms::line("label", label, 200)?,
        token_hash: String::new(),
        detail: new.detail.unwrap_or(links.usual.detail),
        past_days: days("past_days", new.past_days.unwrap_or(links.usual.past_days))?,
        future_days: days("future_days", new.future_days.unwrap_or(links.usual.future_days))?,
        version: 1,
        created_ms: acting.now,
        expires_ms: expiry(acting, new.expires_in_days)?,
        revoked_ms: None,
        last_used_ms: None,
        last_client: String::new(),
    };
    let minted = mint(links, feed, &room.slug)?;
    feeds::insert(tx, &minted.feed).await?;
    let detail = format!("A feed of {} was made: {}.", room.slug, minted.feed.label);
    acting.record(tx, "feed.create", Some(&room.id), &detail).await?;
    Ok(minted)
}

/// Gives a feed a new link; the old one ends at once. A revoked feed comes back.
pub async fn rotate(tx: &mut Tx, acting: &Acting<'_>, links: Links<'_>, id: &FeedId) -> Result<Minted, ManageError> {
    let old = find(tx, acting, id).await?;
    let room = stored_rooms::get(tx, acting.tenant, &old.room_id).await?;
    let room = room.ok_or_else(|| ManageError::no("room", old.room_id.as_str()))?;
    let next = Feed { version: old.version + 1, revoked_ms: None, ..old.clone() };
    let minted = mint(links, next, &room.slug)?;
    feeds::rotate(tx, &old, &minted.feed.token_hash, acting.now).await?;
    let detail = format!("The feed {} of {} got a new link.", old.label, room.slug);
    acting.record(tx, "feed.rotate", Some(&room.id), &detail).await?;
    Ok(minted)
}

/// Ends a feed: its link answers 410 from now on.
pub async fn revoke(tx: &mut Tx, acting: &Acting<'_>, id: &FeedId) -> Result<(), ManageError> {
    let feed = find(tx, acting, id).await?;
    feeds::revoke(tx, &feed, acting.now).await?;
    acting.record(tx, "feed.revoke", Some(&feed.room_id), &format!("The feed {} was revoked.", feed.label)).await?;
    Ok(())
}

/// The feed with that id.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, id: &FeedId) -> Result<Feed, ManageError> {
    feeds::get(tx, acting.tenant, id).await?.ok_or_else(|| ManageError::no("feed", id.as_str()))
}

fn mint(links: Links<'_>, mut feed: Feed, slug: &str) -> Result<Minted, ManageError> {
    let scope = FeedScope {
        room: feed.room_id.clone(),
        detail: feed.detail,
        past_days: feed.past_days,
        future_days: feed.future_days,
        version: feed.version,
    };
    let token = token::mint(links.key, &scope)?;
    feed.token_hash = token::hash(links.key, token.reveal()).unwrap_or_default();
    let url = format!("{}/feeds/{}/{slug}.ics", links.public_url.trim_end_matches('/'), token.reveal());
    let webcal_url = url.split_once("://").map_or_else(|| url.clone(), |(_, rest)| format!("webcal://{rest}"));
    Ok(Minted { feed, url: Secret::new(url), webcal_url: Secret::new(webcal_url) })
}

fn days(field: &'static str, days: i64) -> Result<i64, ManageError> {
    if (0..=LONGEST_DAYS).contains(&days) {
        return Ok(days);
    }
    Err(ManageError::invalid(field, format!("{days} is not between 0 and {LONGEST_DAYS}")))
}

fn expiry(acting: &Acting<'_>, in_days: Option<i64>) -> Result<Option<crate::model::Timestamp>, ManageError> {
    let Some(in_days) = in_days else { return Ok(None) };
    if in_days < 1 {
        return Err(ManageError::invalid("expires_in_days", format!("{in_days} is less than one day")));
    }
    Ok(Some(acting.now.plus_days(days("expires_in_days", in_days)?)))
}

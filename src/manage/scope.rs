//! On which terms a secret is made: what it is called, until when it works, and how much of what its principal may.

use super::{Acting, ManageError, grants, rooms};
use crate::model::Role;
use crate::model::Scope;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::secrets::SecretRow;
use serde::Deserialize;

/// Most days a secret that ends may work.
const LONGEST_DAYS: i64 = 3660;
/// Most rooms that a secret names.
const MOST_ROOMS: usize = 100;

/// An app password or API key to make.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Which client uses it, e.g. `Anna's phone`.
    pub label: String,
    /// Days after which it ends by itself, at most ten years; never if left out.
    #[serde(default)]
    pub expires_in_days: Option<i64>,
    /// The strongest role it acts with; that of its principal if left out, and never a stronger one.
    #[serde(default)]
    pub role: Option<Role>,
    /// Whether it changes nothing, over REST and over CalDAV.
    #[serde(default)]
    pub read_only: bool,
    /// The only rooms it reaches, each as a slug, or as `group:` and the slug of a room group; `*` stands for all. What its
    /// principal may there, it may; outside of rooms it may nothing. All rooms, and what its role allows, if left out.
    #[serde(default)]
    pub rooms: Option<Vec<String>>,
}

impl NewSecret {
    /// One that works until it is withdrawn, and may what its principal may.
    pub fn labelled(label: &str) -> Self {
        Self { label: label.to_owned(), ..Self::default() }
    }
}

/// The same, checked.
pub(super) struct Terms {
    pub(super) label: String,
    pub(super) expires_ms: Option<Timestamp>,
    pub(super) scope: Scope,
}

/// Checks what a secret is wished to be.
pub(super) async fn terms(tx: &mut Tx, acting: &Acting<'_>, wish: &NewSecret) -> Result<Terms, ManageError> {
    let rooms = match &wish.rooms {
        Some(named) => Some(places(tx, acting, named).await?),
        None => None,
    };
    Ok(Terms {
        label: rooms::line("label", &wish.label, 100)?,
        expires_ms: end(acting.now, wish.expires_in_days)?,
        scope: Scope { role: wish.role, read_only: wish.read_only, rooms },
    })
}

/// When it ends.
pub(super) fn end(now: Timestamp, in_days: Option<i64>) -> Result<Option<Timestamp>, ManageError> {
    let Some(days) = in_days else { return Ok(None) };
    if (1..=LONGEST_DAYS).contains(&days) {
        return Ok(Some(now.plus_days(days)));
    }
    Err(ManageError::invalid("expires_in_days", format!("{days} is not between 1 and {LONGEST_DAYS}")))
}

/// What the audit says of the terms, after the name of the secret.
pub(super) fn told(wish: &NewSecret, row: &SecretRow) -> String {
    let mut parts = Vec::new();
    if row.scope.read_only {
        parts.push("for reading only".to_owned());
    }
    parts.extend(row.scope.role.map(|role| format!("as {role:?} at most")));
    parts.extend(wish.rooms.as_ref().map(|rooms| format!("for {} only", rooms.join(", "))));
    parts.extend(row.expires_ms.map(|end| format!("until {end}")));
    if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) }
}

async fn places(tx: &mut Tx, acting: &Acting<'_>, named: &[String]) -> Result<Vec<String>, ManageError> {
    if named.is_empty() || named.len() > MOST_ROOMS {
        let why = format!("name 1 to {MOST_ROOMS} rooms or room groups, or leave it out for all rooms");
        return Err(ManageError::invalid("rooms", why));
    }
    let mut places = Vec::with_capacity(named.len());
    for room in named {
        places.push(grants::place(tx, acting, room).await?.extent().name());
    }
    Ok(places)
}

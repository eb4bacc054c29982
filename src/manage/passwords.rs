//! App passwords and what they have in common with API keys: made here, shown once, stored as a hash, replaced by another
//! one, withdrawn.

use super::scope::{self, NewSecret};
use super::{Acting, ManageError, api_keys, principals};
use crate::crypt::Secret;
use crate::crypt::password;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::principals::Principal;
use crate::store::secrets;
use crate::store::secrets::SecretRow;
use serde::Deserialize;

/// How long a secret that was replaced still works where nobody says, in seconds.
const OVERLAP_SECONDS: i64 = 86_400;
/// The longest that it may, in seconds.
const LONGEST_OVERLAP_SECONDS: i64 = 30 * 86_400;

/// A secret with its hash, made before a transaction begins: hashing is slow on purpose.
pub struct Fresh {
    /// Its text, to be shown once.
    pub(super) clear: Secret,
    /// What it is found by; empty for passwords.
    pub(super) lookup: String,
    /// argon2id hash in PHC form.
    pub(super) hash: String,
}

/// A secret that was just stored. Its text is not stored and cannot be shown again.
pub struct Issued {
    /// What is stored of it.
    pub row: SecretRow,
    /// Its text.
    pub clear: Secret,
}

/// How a secret is replaced by another one of the same label and scope.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Seconds for which the former one still works, at most 30 days; 0 ends it at once, a day if left out.
    #[serde(default)]
    pub overlap_seconds: Option<i64>,
    /// Days after which the new one ends by itself; as long as the former one was meant to last if left out.
    #[serde(default)]
    pub expires_in_days: Option<i64>,
}

/// A fresh app password.
pub async fn fresh() -> Result<Fresh, ManageError> {
    of_text(password::generate()?).await
}

/// A fresh secret of the kind of another one.
pub async fn fresh_like(former: &SecretRow) -> Result<Fresh, ManageError> {
    if former.kind == secrets::API_KEY { api_keys::fresh().await } else { fresh().await }
}

/// A password somebody chose, e.g. the fixed one of a demonstration.
pub async fn of_text(clear: Secret) -> Result<Fresh, ManageError> {
    let hash = hash(clear.clone()).await?;
    Ok(Fresh { clear, lookup: String::new(), hash })
}

/// Stores an app password for one client of a principal.
pub async fn issue(
    tx: &mut Tx,
    acting: &Acting<'_>,
    login: &str,
    wish: &NewSecret,
    fresh: Fresh,
) -> Result<Issued, ManageError> {
    store(tx, acting, (login, secrets::APP_PASSWORD), wish, fresh).await
}

/// Stores a secret of a kind for the principal of that login.
pub(super) async fn store(
    tx: &mut Tx,
    acting: &Acting<'_>,
    (login, kind): (&str, &str),
    wish: &NewSecret,
    fresh: Fresh,
) -> Result<Issued, ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    let terms = scope::terms(tx, acting, wish).await?;
    let row = row(acting, &principal, kind, (terms, &fresh));
    secrets::insert(tx, &row).await?;
    let (action, what) =
        if kind == secrets::API_KEY { ("api-key.issue", "API key") } else { ("password.issue", "app password") };
    let detail = format!("{login} got the {what} {:?}{}.", row.label, scope::told(wish, &row));
    acting.record(tx, action, None, &detail).await?;
    Ok(Issued { row, clear: fresh.clear })
}

/// All app passwords and API keys of a principal, withdrawn ones too.
pub async fn list(tx: &mut Tx, acting: &Acting<'_>, login: &str) -> Result<Vec<SecretRow>, ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    Ok(secrets::of_principal(tx, acting.tenant, &principal.id).await?)
}

/// The app password or API key of a principal with that id, unless it was withdrawn.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, login: &str, id: &str) -> Result<SecretRow, ManageError> {
    let secrets = list(tx, acting, login).await?;
    let found = secrets.into_iter().find(|secret| secret.id == id && secret.revoked_ms.is_none());
    found.ok_or_else(|| ManageError::no("valid password or key", id))
}

/// Withdraws an app password or an API key by its id.
pub async fn revoke(tx: &mut Tx, acting: &Acting<'_>, login: &str, id: &str) -> Result<(), ManageError> {
    let found = find(tx, acting, login, id).await?;
    secrets::revoke(tx, acting.tenant, id, acting.now).await?;
    let detail = format!("The {} {:?} of {login} was withdrawn.", found.kind.replace('_', " "), found.label);
    acting.record(tx, "password.revoke", None, &detail).await?;
    Ok(())
}

/// Has another secret take the place of one: of the same label and scope, for as long a time. The former one goes on
/// working for a while, so that the new one can be brought to where it is used.
pub async fn rotate(
    tx: &mut Tx,
    acting: &Acting<'_>,
    (login, id): (&str, &str),
    wish: &Rotation,
    fresh: Fresh,
) -> Result<Issued, ManageError> {
    let former = find(tx, acting, login, id).await?;
    let until = overlap(acting, &former, wish)?;
    let expires_ms = match (wish.expires_in_days, former.expires_ms) {
        (Some(days), _) => scope::end(acting.now, Some(days))?,
        (None, Some(end)) => Some(acting.now.plus_ms(end.ms() - former.created_ms.ms())),
        (None, None) => None,
    };
    let row = SecretRow {
        id: uuid::Uuid::now_v7().to_string(),
        lookup: fresh.lookup.clone(),
        hash: fresh.hash.clone(),
        created_ms: acting.now,
        last_used_ms: None,
        expires_ms,
        ..former.clone()
    };
    if former.rotated_ms.is_some() || !secrets::rotate(tx, acting.tenant, id, until, acting.now).await? {
        let why = format!("another one has taken the place of {:?} already; rotate that one", former.label);
        return Err(ManageError::State { why });
    }
    secrets::insert(tx, &row).await?;
    let still = if until > acting.now { format!("works until {until}") } else { "has ended".to_owned() };
    let (kind, label) = (former.kind.replace('_', " "), &former.label);
    let detail = format!("The {kind} {label:?} of {login} was replaced by {}; the former one, {id}, {still}.", row.id);
    acting.record(tx, "password.rotate", None, &detail).await?;
    Ok(Issued { row, clear: fresh.clear })
}

/// Until when a secret works that is replaced now: never longer than it was meant to.
fn overlap(acting: &Acting<'_>, former: &SecretRow, wish: &Rotation) -> Result<Timestamp, ManageError> {
    let seconds = wish.overlap_seconds.unwrap_or(OVERLAP_SECONDS);
    if !(0..=LONGEST_OVERLAP_SECONDS).contains(&seconds) {
        let why = format!("{seconds} is not between 0 and {LONGEST_OVERLAP_SECONDS} (30 days)");
        return Err(ManageError::invalid("overlap_seconds", why));
    }
    let until = acting.now.plus_ms(seconds * 1_000);
    Ok(former.expires_ms.map_or(until, |end| end.min(until)))
}

/// The row of a new secret.
fn row(acting: &Acting<'_>, principal: &Principal, kind: &str, (terms, fresh): (scope::Terms, &Fresh)) -> SecretRow {
    SecretRow {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: acting.tenant.clone(),
        principal_id: principal.id.clone(),
        kind: kind.to_owned(),
        label: terms.label,
        lookup: fresh.lookup.clone(),
        hash: fresh.hash.clone(),
        created_ms: acting.now,
        last_used_ms: None,
        revoked_ms: None,
        expires_ms: terms.expires_ms,
        rotated_ms: None,
        scope: terms.scope,
    }
}

/// Hashes off the async threads: argon2 is slow on purpose.
pub(super) async fn hash(clear: Secret) -> Result<String, ManageError> {
    let hashed = tokio::task::spawn_blocking(move || password::hash(clear.reveal())).await;
    Ok(hashed.map_err(|_| crate::crypt::CryptError::Password("the hashing thread ended early".to_owned()))??)
}

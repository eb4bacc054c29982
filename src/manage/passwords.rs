//! App passwords: made here, shown once, stored as a hash.

use super::{Acting, ManageError, principals, rooms};
use crate::crypt::Secret;
use crate::crypt::password;
use crate::store::Tx;
use crate::store::principals::Principal;
use crate::store::secrets;
use crate::store::secrets::SecretRow;

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

/// A fresh app password.
pub async fn fresh() -> Result<Fresh, ManageError> {
    of_text(password::generate()?).await
}

/// A password somebody chose, e.g. the fixed one of a demonstration.
pub async fn of_text(clear: Secret) -> Result<Fresh, ManageError> {
    let hash = hash(clear.clone()).await?;
    Ok(Fresh { clear, lookup: String::new(), hash })
}

/// Stores an app password for one client of a principal; `label` says which, e.g. `Anna's phone`.
pub async fn issue(
    tx: &mut Tx,
    acting: &Acting<'_>,
    login: &str,
    label: &str,
    fresh: Fresh,
) -> Result<Issued, ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    let label = rooms::line("label", label, 100)?;
    let row = row(acting, &principal, secrets::APP_PASSWORD, label, &fresh);
    secrets::insert(tx, &row).await?;
    acting.record(tx, "password.issue", None, &format!("{login} got the app password {:?}.", row.label)).await?;
    Ok(Issued { row, clear: fresh.clear })
}

/// All app passwords and API keys of a principal, withdrawn ones too.
pub async fn list(tx: &mut Tx, acting: &Acting<'_>, login: &str) -> Result<Vec<SecretRow>, ManageError> {
    let principal = principals::find(tx, acting, login).await?;
    Ok(secrets::of_principal(tx, acting.tenant, &principal.id).await?)
}

/// Withdraws an app password or an API key by its id.
pub async fn revoke(tx: &mut Tx, acting: &Acting<'_>, login: &str, id: &str) -> Result<(), ManageError> {
    let secrets = list(tx, acting, login).await?;
    let found = secrets.iter().find(|secret| secret.id == id && secret.revoked_ms.is_none());
    let found = found.ok_or_else(|| ManageError::no("valid password or key", id))?;
    secrets::revoke(tx, acting.tenant, id, acting.now).await?;
    let detail = format!("The {} {:?} of {login} was withdrawn.", found.kind.replace('_', " "), found.label);
    acting.record(tx, "password.revoke", None, &detail).await?;
    Ok(())
}

/// The row of a new secret.
pub(super) fn row(acting: &Acting<'_>, principal: &Principal, kind: &str, label: String, fresh: &Fresh) -> SecretRow {
    SecretRow {
        id: uuid::Uuid::now_v7().to_string(),
        tenant_id: acting.tenant.clone(),
        principal_id: principal.id.clone(),
        kind: kind.to_owned(),
        label,
        lookup: fresh.lookup.clone(),
        hash: fresh.hash.clone(),
        created_ms: acting.now,
        last_used_ms: None,
        revoked_ms: None,
    }
}

/// Hashes off the async threads: argon2 is slow on purpose.
pub(super) async fn hash(clear: Secret) -> Result<String, ManageError> {
    let hashed = tokio::task::spawn_blocking(move || password::hash(clear.reveal())).await;
    Ok(hashed.map_err(|_| crate::crypt::CryptError::Password("the hashing thread ended early".to_owned()))??)
}

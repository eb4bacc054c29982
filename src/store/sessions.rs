//! Sessions of browsers, and browsers that were sent to a provider and are expected back.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{PrincipalId, ProviderId, SessionId, TenantId, Timestamp};

row! {
    /// A browser that is signed in.
    pub struct Session {
        /// Its id.
        pub id: SessionId,
        /// The tenant of the principal.
        pub tenant_id: TenantId,
        /// Who.
        pub principal_id: PrincipalId,
        /// By which provider.
        pub provider_id: ProviderId,
        /// Keyed hash of what the cookie says.
        pub token_hash: String,
        /// The program that signed in.
        pub agent: String,
        /// Since when.
        pub created_ms: Timestamp,
        /// When it was last used, to the minute.
        pub last_used_ms: Timestamp,
        /// When it ends in any case.
        pub expires_ms: Timestamp,
    }
}

row! {
    /// A browser that was sent to a provider.
    pub struct Errand {
        /// Keyed hash of what the browser keeps meanwhile.
        pub token_hash: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// The provider.
        pub provider_id: ProviderId,
        /// Until when it is expected back.
        pub expires_ms: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, principal_id, provider_id, token_hash, agent, created_ms, last_used_ms, expires_ms"
    };
}

const INSERT: &str = concat!("INSERT INTO sessions (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
const BY_HASH: &str = concat!("SELECT ", columns!(), " FROM sessions WHERE token_hash = $1");
const GET: &str = concat!("SELECT ", columns!(), " FROM sessions WHERE tenant_id = $1 AND id = $2");
const LIST: &str =
    concat!("SELECT ", columns!(), " FROM sessions WHERE tenant_id = $1 AND expires_ms > $2 ORDER BY id");
const TOUCH: &str = "UPDATE sessions SET last_used_ms = $3 WHERE tenant_id = $1 AND id = $2";
const END: &str = "DELETE FROM sessions WHERE tenant_id = $1 AND id = $2";
const END_OF: &str = "DELETE FROM sessions WHERE tenant_id = $1 AND principal_id = $2";
const FORGET: [&str; 2] =
    ["DELETE FROM sessions WHERE expires_ms <= $1", "DELETE FROM sign_ins WHERE expires_ms <= $1"];
const SEND: &str = "INSERT INTO sign_ins (token_hash, tenant_id, provider_id, expires_ms) VALUES ($1, $2, $3, $4)";
const COUNT_SENT: &str = "SELECT COUNT(*) FROM sign_ins WHERE tenant_id = $1";
const GIVE_UP: &str = "DELETE FROM sign_ins WHERE tenant_id = $1 AND token_hash IN
    (SELECT token_hash FROM sign_ins WHERE tenant_id = $1 ORDER BY expires_ms LIMIT $2)";
const RETURN: &str = "DELETE FROM sign_ins WHERE token_hash = $1
    RETURNING token_hash, tenant_id, provider_id, expires_ms";

/// Stores a new session.
pub async fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(session.id.as_str())
        .bind(session.tenant_id.as_str())
        .bind(session.principal_id.as_str())
        .bind(session.provider_id.as_str())
        .bind(&session.token_hash)
        .bind(&session.agent)
        .bind(session.created_ms.ms())
        .bind(session.last_used_ms.ms())
        .bind(session.expires_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// The session whose cookie has that hash.
pub async fn by_hash(tx: &mut Tx, token_hash: &str) -> Result<Option<Session>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_HASH).bind(token_hash).fetch_optional(c).await)?)
}

/// The session with that id.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &SessionId) -> Result<Option<Session>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// Sessions of a tenant that have not expired, oldest first.
pub async fn list(tx: &mut Tx, tenant: &TenantId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).bind(now.ms()).fetch_all(c).await)?)
}

/// Remembers that a session was used.
pub async fn touch(tx: &mut Tx, session: &Session, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(TOUCH).bind(session.tenant_id.as_str()).bind(session.id.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Ends a session; whether there was one to end.
pub async fn end(tx: &mut Tx, tenant: &TenantId, id: &SessionId) -> Result<bool, StoreError> {
    let rows = on!(tx, c => sqlx::query(END).bind(tenant.as_str()).bind(id.as_str())
        .execute(c).await.map(|done| done.rows_affected())?);
    Ok(rows == 1)
}

/// Ends all sessions of a principal.
pub async fn end_of(tx: &mut Tx, tenant: &TenantId, principal: &PrincipalId) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(END_OF).bind(tenant.as_str()).bind(principal.as_str())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Forgets what has expired, of all tenants.
pub async fn forget(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    for statement in FORGET {
        on!(tx, c => sqlx::query(statement).bind(now.ms()).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// Expects a browser back.
pub async fn send(tx: &mut Tx, errand: &Errand) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(SEND)
        .bind(&errand.token_hash)
        .bind(errand.tenant_id.as_str())
        .bind(errand.provider_id.as_str())
        .bind(errand.expires_ms.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// How many browsers of a tenant are expected back.
pub async fn count_sent(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(COUNT_SENT).bind(tenant.as_str()).fetch_one(c).await)?)
}

/// Expects no more than `most` browsers of a tenant: those that were sent first are given up.
pub async fn expect_at_most(tx: &mut Tx, tenant: &TenantId, most: i64) -> Result<(), StoreError> {
    let more = count_sent(tx, tenant).await? - most;
    if more > 0 {
        on!(tx, c => sqlx::query(GIVE_UP).bind(tenant.as_str()).bind(more).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// A browser is back; it is not expected a second time.
pub async fn come_back(tx: &mut Tx, token_hash: &str) -> Result<Option<Errand>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(RETURN).bind(token_hash).fetch_optional(c).await)?)
}

//! One request of the predecessor's interface, read whole, and what answers it.

use super::super::ApiDoor;
use super::super::caller::Caller;
use super::super::error::ApiError;
use crate::manage::Acting;
use crate::model::Role;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::tenants::Tenant;
use actix_web::http::StatusCode;
use actix_web::web;
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What a handler answers: status and JSON.
pub(super) type Answer = Result<(StatusCode, Value), ApiError>;

/// What answers a request.
pub(super) type Handler = fn(Call) -> LocalBoxFuture<'static, Answer>;

/// A request.
pub(super) struct Call {
    /// What the interface works with.
    pub(super) door: web::Data<ApiDoor>,
    /// Who calls, in which tenant.
    pub(super) caller: Caller,
    /// Who, as the audit names it.
    pub(super) actor: String,
    /// When the request came.
    pub(super) now: Timestamp,
    /// Segments of the path by name.
    pub(super) path: HashMap<String, String>,
    /// The query.
    pub(super) query: HashMap<String, String>,
    /// The body, an object; empty where none was sent.
    pub(super) body: Map<String, Value>,
}

impl Call {
    /// The circumstances of an act of this caller.
    pub(super) fn acting(&self) -> Acting<'_> {
        Acting { tenant: self.tenant(), actor: &self.actor, now: self.now }
    }

    /// The tenant the request is about.
    pub(super) const fn tenant(&self) -> &TenantId {
        &self.caller.tenant.id
    }

    /// The same request, about another tenant.
    pub(super) fn within(&self, tenant: Tenant) -> Self {
        Self {
            door: self.door.clone(),
            caller: Caller { tenant, ..self.caller.clone() },
            actor: self.actor.clone(),
            now: self.now,
            path: self.path.clone(),
            query: self.query.clone(),
            body: self.body.clone(),
        }
    }

    /// A segment of the path.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A transaction that reads.
    pub(super) async fn read(&self) -> Result<Tx, StoreError> {
        self.door.store.begin_read().await
    }

    /// A transaction that writes.
    pub(super) async fn write(&self) -> Result<Tx, StoreError> {
        self.door.store.begin_write().await
    }

    /// Refuses callers with a weaker role.
    pub(super) fn require(&self, needed: Role) -> Result<(), ApiError> {
        let principal = &self.caller.principal;
        if principal.role >= needed {
            return Ok(());
        }
        Err(ApiError::Forbidden { login: principal.login.clone(), has: principal.role, needed })
    }

    /// How many rows are asked for with `limit`; `usual` if nobody says.
    pub(super) fn limit(&self, usual: i64) -> Result<i64, ApiError> {
        let Some(text) = self.query.get("limit").filter(|text| !text.is_empty()) else { return Ok(usual) };
        let given = text.parse::<i64>().ok().filter(|given| (1..=1000).contains(given));
        given.ok_or_else(|| ApiError::Malformed { part: "query", why: "limit is not between 1 and 1000".to_owned() })
    }
}

/// 200.
#[expect(clippy::unnecessary_wraps, reason = "what handlers end with")]
pub(super) const fn ok(value: Value) -> Answer {
    Ok((StatusCode::OK, value))
}

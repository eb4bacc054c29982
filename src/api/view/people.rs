//! Principals, their secrets (never the text, but once) and grants as JSON.

use super::{Names, text_if, time, time_if};
use crate::manage::passwords::Issued;
use crate::model::PrincipalKind;
use crate::model::Privilege;
use crate::model::Role;
use crate::model::Scope;
use crate::model::SecretState;
use crate::model::Timestamp;
use crate::store::principals::Grant;
use crate::store::principals::Principal;
use crate::store::secrets::SecretRow;
use serde::Serialize;

/// A person, device or service that logs in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PrincipalView {
    /// The user name.
    pub login: String,
    /// The name people read.
    pub display_name: String,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Person or service.
    pub kind: PrincipalKind,
    /// What it may do outside single rooms.
    pub role: Role,
    /// May not log in.
    pub disabled: bool,
    /// When it was made.
    pub created: String,
}

impl From<Principal> for PrincipalView {
    fn from(principal: Principal) -> Self {
        Self {
            login: principal.login,
            display_name: principal.display_name,
            email: text_if(principal.email),
            kind: principal.kind,
            role: principal.role,
            disabled: principal.disabled,
            created: time(principal.created_ms),
        }
    }
}

/// An app password or API key, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SecretView {
    /// Its id.
    pub id: String,
    /// `app_password` or `api_key`.
    pub kind: String,
    /// What its owner calls it.
    pub label: String,
    /// The public start of an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// When it was made.
    pub created: String,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// How it stands.
    pub state: SecretState,
    /// From when on it opens nothing; left out where it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When another one took its place; both work until this one ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<String>,
    /// When it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// What it may do of what its principal may; left out where that is everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeView>,
}

impl SecretView {
    /// As it stands at a time, with the names of rooms.
    pub fn of(secret: SecretRow, now: Timestamp, names: &Names) -> Self {
        Self {
            state: secret.state(now),
            id: secret.id,
            kind: secret.kind,
            label: secret.label,
            prefix: text_if(secret.lookup).map(|lookup| format!("ar_{lookup}")),
            created: time(secret.created_ms),
            last_used: time_if(secret.last_used_ms),
            expires: time_if(secret.expires_ms),
            rotated: time_if(secret.rotated_ms),
            revoked: time_if(secret.revoked_ms),
            scope: (!secret.scope.is_whole()).then(|| ScopeView::of(&secret.scope, names)),
        }
    }
}

/// What a secret may do of what its principal may.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ScopeView {
    /// The strongest role it acts with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// The only rooms it reaches, as slugs, `group:` and the slug of a room group, or `*`; outside of rooms it may nothing
    /// then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
}

impl ScopeView {
    fn of(scope: &Scope, names: &Names) -> Self {
        let rooms = scope.rooms.as_ref();
        Self {
            role: scope.role,
            read_only: scope.read_only,
            rooms: rooms.map(|rooms| rooms.iter().map(|room| names.room(room)).collect()),
        }
    }
}

/// A new app password or API key with its text, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IssuedView {
    /// What is stored of it.
    #[serde(flatten)]
    pub stored: SecretView,
    /// Its text.
    pub secret: String,
}

impl IssuedView {
    /// With the names of rooms.
    pub fn of(issued: Issued, now: Timestamp, names: &Names) -> Self {
        Self { stored: SecretView::of(issued.row, now, names), secret: issued.clear.reveal().to_owned() }
    }
}

/// What a principal may do in a room, or in the rooms of a group.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GrantView {
    /// Who.
    pub login: String,
    /// Slug of the room, `group:` and the slug of a room group, or `*` for all rooms.
    pub room: String,
    /// What.
    pub privilege: Privilege,
}

impl GrantView {
    /// With the names of principal and room.
    pub fn of(grant: &Grant, names: &Names) -> Self {
        Self {
            login: names.principal(grant.principal_id.as_str()),
            room: names.room(&grant.room_id),
            privilege: grant.privilege,
        }
    }
}

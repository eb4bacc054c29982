//! How far somebody goes who has signed in: as far as the principal may, or as far as the scope of a secret leaves of it.

use super::{Privilege, Role};
use serde::{Deserialize, Serialize};

/// What an app password or API key may do of what its principal may. It takes away and never adds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The strongest role it acts with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether it changes nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// The only rooms it reaches, as grants name them; then it may do nothing outside of rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
}

impl Scope {
    /// Whether it leaves everything.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// As it is stored: empty where it leaves everything.
    pub fn to_text(&self) -> String {
        if self.is_whole() { String::new() } else { serde_json::to_string(self).unwrap_or_else(|_| "?".to_owned()) }
    }

    /// From what is stored. What cannot be read leaves nothing: a later version may have meant less than this one knows.
    pub fn from_text(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        serde_json::from_str(text).unwrap_or(Self {
            role: Some(Role::Member),
            read_only: true,
            rooms: Some(Vec::new()),
        })
    }
}

/// How far somebody goes who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    role: Role,
    scope: Scope,
}

impl Reach {
    /// As far as a principal with that role may.
    pub fn whole(role: Role) -> Self {
        Self::within(role, Scope::default())
    }

    /// As far as a scope leaves of what a principal with that role may.
    pub fn within(role: Role, scope: Scope) -> Self {
        Self { role: scope.role.map_or(role, |most| role.min(most)), scope }
    }

    /// The role that counts outside of rooms: none but `member` for who reaches certain rooms only.
    pub fn role(&self) -> Role {
        if self.scope.rooms.is_some() { Role::Member } else { self.role }
    }

    /// The role that counts in the rooms that are reached.
    pub const fn role_in_rooms(&self) -> Role {
        self.role
    }

    /// Whether nothing may be changed.
    pub const fn is_read_only(&self) -> bool {
        self.scope.read_only
    }

    /// The only rooms that are reached, as grants name them.
    pub fn rooms(&self) -> Option<&[String]> {
        self.scope.rooms.as_deref()
    }

    /// What is left of a privilege in a room that is reached.
    pub fn privilege(&self, of: Privilege) -> Privilege {
        if self.scope.read_only { of.min(Privilege::Read) } else { of }
    }

    /// The scope as text, so that two reaches of one principal can be told apart; empty where it leaves everything.
    pub fn to_text(&self) -> String {
        self.scope.to_text()
    }
}

/// How an app password or API key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// It works.
    Active,
    /// Another one took its place; it works until it ends.
    Rotated,
    /// It has ended.
    Expired,
    /// It was withdrawn.
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_was_written_and_what_cannot_be_read_leaves_nothing() {
        let some = Scope { role: Some(Role::TenantViewer), read_only: true, rooms: Some(vec!["a".to_owned()]) };
        for scope in [Scope::default(), some, Scope { read_only: true, ..Scope::default() }] {
            assert_eq!(Scope::from_text(&scope.to_text()), scope);
        }
        assert_eq!(Scope::default().to_text(), "");
        assert_eq!(Scope { read_only: true, ..Scope::default() }.to_text(), r#"{"read_only":true}"#);
        for text in ["?", "{}x", r#"{"read_only":true,"hours":"8-16"}"#, r#"{"role":"king"}"#] {
            let reach = Reach::within(Role::SuperAdmin, Scope::from_text(text));
            assert_eq!(
                (reach.role(), reach.role_in_rooms(), reach.is_read_only(), reach.rooms()),
                (Role::Member, Role::Member, true, Some([].as_slice())),
                "{text}"
            );
        }
    }

    #[test]
    fn a_ceiling_takes_away_and_never_adds() {
        let at_most = |role| Scope { role: Some(role), ..Scope::default() };
        let viewer = Reach::within(Role::SuperAdmin, at_most(Role::TenantViewer));
        assert_eq!((viewer.role(), viewer.role_in_rooms()), (Role::TenantViewer, Role::TenantViewer));
        assert_eq!(Reach::within(Role::Member, at_most(Role::TenantAdmin)).role(), Role::Member);
        let rooms = Scope { rooms: Some(vec!["a".to_owned()]), ..Scope::default() };
        let some = Reach::within(Role::TenantAdmin, rooms);
        assert_eq!((some.role(), some.role_in_rooms()), (Role::Member, Role::TenantAdmin));
        let reader = Reach::within(Role::TenantAdmin, Scope { read_only: true, ..Scope::default() });
        assert_eq!((reader.role(), reader.privilege(Privilege::Admin)), (Role::TenantAdmin, Privilege::Read));
        assert_eq!(reader.privilege(Privilege::ReadFreeBusy), Privilege::ReadFreeBusy);
    }
}

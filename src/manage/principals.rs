//! People and services that log in.

use super::{Acting, ManageError};
use crate::model::PrincipalId;
use crate::model::PrincipalKind;
use crate::model::Role;
use crate::store::Tx;
use crate::store::principals;
use crate::store::principals::Principal;
use crate::store::sessions;
use serde::Deserialize;

/// A principal to make.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrincipal {
    /// The user name: 1 to 64 of a-z, 0-9, `.`, `_`, `-` and `@`.
    pub login: String,
    /// The name people read; the login if left out.
    #[serde(default)]
    pub display_name: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Person or service; a person if left out.
    #[serde(default)]
    pub kind: Option<PrincipalKind>,
    /// What it may do outside single rooms; `member` if left out.
    #[serde(default)]
    pub role: Option<Role>,
}

/// The principal with that login.
pub async fn find(tx: &mut Tx, acting: &Acting<'_>, login: &str) -> Result<Principal, ManageError> {
    principals::by_login(tx, acting.tenant, login).await?.ok_or_else(|| ManageError::no("principal", login))
}

/// Makes a principal. It cannot log in before it has an app password or an API key.
pub async fn create(tx: &mut Tx, acting: &Acting<'_>, new: &NewPrincipal) -> Result<Principal, ManageError> {
    let login = checked_login(&new.login)?;
    let principal = Principal {
        id: PrincipalId::fresh(),
        tenant_id: acting.tenant.clone(),
        display_name: super::rooms::line("display_name", new.display_name.as_deref().unwrap_or(&login), 200)?,
        email: address("email", new.email.as_deref().unwrap_or_default())?,
        kind: new.kind.unwrap_or(PrincipalKind::Person),
        role: new.role.unwrap_or(Role::Member),
        disabled: false,
        created_ms: acting.now,
        login,
    };
    principals::insert(tx, &principal).await.map_err(|error| {
        ManageError::taken(error, || format!("the login {:?} is in use in this tenant", principal.login))
    })?;
    acting
        .record(tx, "principal.create", None, &format!("{} may log in as {:?}.", principal.login, principal.role))
        .await?;
    Ok(principal)
}

/// Locks a principal out of everything, or lets it in again.
pub async fn set_disabled(
    tx: &mut Tx,
    acting: &Acting<'_>,
    login: &str,
    disabled: bool,
) -> Result<Principal, ManageError> {
    let mut principal = find(tx, acting, login).await?;
    principals::set_disabled(tx, acting.tenant, &principal.id, disabled).await?;
    if disabled {
        sessions::end_of(tx, acting.tenant, &principal.id).await?;
    }
    principal.disabled = disabled;
    let (action, what) =
        if disabled { ("principal.disable", "locked out") } else { ("principal.enable", "let in again") };
    acting.record(tx, action, None, &format!("{login} was {what}.")).await?;
    Ok(principal)
}

fn checked_login(text: &str) -> Result<String, ManageError> {
    let login = text.to_ascii_lowercase();
    let plain = (1..=64).contains(&login.len())
        && login.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b))
        && login.bytes().any(|b| b.is_ascii_alphanumeric());
    if plain {
        return Ok(login);
    }
    Err(ManageError::invalid(
        "login",
        format!("{text:?} cannot be a login; use 1 to 64 of a-z, 0-9, '.', '_', '-' and '@'"),
    ))
}

/// An e-mail address in lower case, or nothing.
pub(super) fn address(field: &'static str, text: &str) -> Result<String, ManageError> {
    let address = text.trim().to_lowercase();
    let plain = address.len() <= 254
        && !address.chars().any(|c| c.is_control() || c.is_whitespace())
        && address.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    if address.is_empty() || plain {
        return Ok(address);
    }
    Err(ManageError::invalid(field, format!("{text:?} is no e-mail address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_lower_case_and_plain() {
        assert_eq!(checked_login("Anna.Berg@City.example").unwrap(), "anna.berg@city.example");
        for bad in ["", "a b", "a:b", "a/b", "..", "æ", &"a".repeat(65)] {
            assert!(checked_login(bad).unwrap_err().to_string().starts_with("login: "), "{bad}");
        }
    }

    #[test]
    fn addresses_have_two_sides_or_are_empty() {
        assert_eq!(address("email", " Hall@City.example ").unwrap(), "hall@city.example");
        assert_eq!(address("email", "").unwrap(), "");
        for bad in ["hall", "@city", "hall@", "a b@c", "a\n@c"] {
            assert!(address("email", bad).is_err(), "{bad}");
        }
    }
}

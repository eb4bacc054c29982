//! Who somebody is here whom a provider vouches for: found again, known by name, or made.
//!
//! A subject is found again by its `sub` and by nothing else. The first time, the login claim names a principal that no
//! subject of that provider has been yet; who runs the server is never found this way.

use super::providers::ProviderSettings;
use super::{Acting, ManageError, principals, providers};
use crate::bridge::oidc::Claims;
use crate::model::PrincipalKind;
use crate::model::Role;
use crate::model::Timestamp;
use crate::store::Tx;
use crate::store::principals as stored;
use crate::store::principals::Principal;
use crate::store::providers as known;
use crate::store::providers::Identity;
use crate::store::providers::Provider;

/// Claims by which a program is known that has no login: its client id, as different providers call it.
const PROGRAM_CLAIMS: [&str; 3] = ["azp", "appid", "client_id"];

/// How somebody comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A person with a browser.
    Browser,
    /// Anybody with an access token.
    Token,
}

/// Who somebody calls themselves.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    text: String,
    kind: PrincipalKind,
}

/// Who the subject of these claims is, where nothing has to be written down for that.
pub(super) async fn again(tx: &mut Tx, provider: &Provider, claims: &Claims) -> Result<Option<Principal>, ManageError> {
    let Some(identity) = known::identity(tx, provider, claims.subject()).await? else { return Ok(None) };
    let principal = stored::get(tx, &provider.tenant_id, &identity.principal_id).await?;
    let wanted = role(&providers::settings(provider)?, claims);
    Ok(principal.filter(|one| may_come(one).is_ok() && wanted.is_none_or(|role| role == one.role)))
}

/// Who the subject of these claims is. What is found out or changed is written down.
pub(super) async fn admit(
    tx: &mut Tx,
    provider: &Provider,
    claims: &Claims,
    way: Way,
    now: Timestamp,
) -> Result<Principal, ManageError> {
    let settings = providers::settings(provider)?;
    let actor = format!("provider:{}", provider.name);
    let acting = Acting { tenant: &provider.tenant_id, actor: &actor, now };
    let mut principal = match known::identity(tx, provider, claims.subject()).await? {
        Some(identity) => stored::get(tx, acting.tenant, &identity.principal_id)
            .await?
            .ok_or_else(|| ManageError::no("principal", identity.principal_id.as_str()))?,
        None => meet(tx, &acting, (provider, &settings), claims, way).await?,
    };
    may_come(&principal)?;
    if let Some(role) = role(&settings, claims).filter(|role| *role != principal.role) {
        stored::set_role(tx, acting.tenant, &principal.id, role).await?;
        principal.role = role;
        let detail = format!("{} is {role:?} now, as provider {} says.", principal.login, provider.name);
        acting.record(tx, "principal.role", None, &detail).await?;
    }
    Ok(principal)
}

/// Meets a subject for the first time.
async fn meet(
    tx: &mut Tx,
    acting: &Acting<'_>,
    (provider, settings): (&Provider, &ProviderSettings),
    claims: &Claims,
    way: Way,
) -> Result<Principal, ManageError> {
    let name = named(settings, claims, way)?;
    let found = match by_name(tx, acting, &name).await? {
        Some(found) => {
            may_be(tx, provider, &found, &name).await?;
            found
        }
        None if settings.create_principals => principals::create(tx, acting, &new(&name, claims)).await?,
        None => {
            let why = format!(
                "{} is signed in at {}, but nobody here has that login or address; an administrator of this tenant can \
                 make such a principal",
                name.text, provider.label
            );
            return Err(ManageError::Forbidden { why });
        }
    };
    let identity = Identity {
        provider_id: provider.id.clone(),
        subject: claims.subject().to_owned(),
        tenant_id: acting.tenant.clone(),
        principal_id: found.id.clone(),
        created_ms: acting.now,
    };
    known::identify(tx, &identity)
        .await
        .map_err(|error| ManageError::taken(error, || "somebody signs in the first time twice at once".to_owned()))?;
    let detail = format!("{} is who provider {} calls {}.", found.login, provider.name, name.text);
    acting.record(tx, "identity.create", None, &detail).await?;
    Ok(found)
}

/// A name is taken once: whoever gets an address that somebody else had before is not that person.
async fn may_be(tx: &mut Tx, provider: &Provider, found: &Principal, name: &Name) -> Result<(), ManageError> {
    may_come(found)?;
    if found.kind != name.kind {
        let why = format!("the principal {} is not of the kind that signs in this way", found.login);
        return Err(ManageError::Forbidden { why });
    }
    if known::identity_of(tx, provider, &found.id).await?.is_none() {
        return Ok(());
    }
    let why = format!(
        "{} was somebody else at {} before; an administrator has to make another principal, or remove the former one",
        name.text, provider.label
    );
    Err(ManageError::Forbidden { why })
}

fn may_come(principal: &Principal) -> Result<(), ManageError> {
    if principal.disabled {
        return Err(ManageError::Forbidden { why: format!("{} is locked out", principal.login) });
    }
    if principal.role == Role::SuperAdmin {
        let why = format!("{} runs the server, and signs in with a key or an app password only", principal.login);
        return Err(ManageError::Forbidden { why });
    }
    Ok(())
}

/// As whom somebody is known, if they may come at all.
fn named(settings: &ProviderSettings, claims: &Claims, way: Way) -> Result<Name, ManageError> {
    let claim = settings.login_claim.as_str();
    let text = claims.text(claim).trim().to_lowercase();
    if text.is_empty() {
        if let Some(id) = program(claims).filter(|_| way == Way::Token) {
            return Ok(Name { text: id.to_lowercase(), kind: PrincipalKind::Service });
        }
        let why = format!(
            "the provider does not say the claim {claim:?}; have it sent, or let an administrator name another login_claim"
        );
        return Err(ManageError::Forbidden { why });
    }
    if claim == "email" && claims.truth("email_verified") == Some(false) {
        let why = format!("the provider has not verified that {text} is the address of who signs in");
        return Err(ManageError::Forbidden { why });
    }
    let domain = text.rsplit_once('@').map_or("", |(_, domain)| domain);
    if !settings.domains.is_empty() && !settings.domains.iter().any(|one| one == domain) {
        let why = format!("{text} is not of a domain that may sign in here ({})", settings.domains.join(", "));
        return Err(ManageError::Forbidden { why });
    }
    Ok(Name { text, kind: PrincipalKind::Person })
}

/// The client id of a program that speaks for itself: tokens of people name the program they use, too.
fn program(claims: &Claims) -> Option<&str> {
    let id = PROGRAM_CLAIMS.iter().map(|claim| claims.text(claim).trim()).find(|id| !id.is_empty())?;
    let subject = claims.subject();
    // RFC 9068, 2.2; then as Microsoft says it, which calls people by other subjects than by their object's id.
    let itself =
        subject == id || claims.text("idtyp") == "app" || (subject == claims.text("oid") && !claims.has("scp"));
    itself.then_some(id)
}

/// The principal with that login, or the only one with that address.
async fn by_name(tx: &mut Tx, acting: &Acting<'_>, name: &Name) -> Result<Option<Principal>, ManageError> {
    if let Some(found) = stored::by_login(tx, acting.tenant, &login(&name.text)).await? {
        return Ok(Some(found));
    }
    if !name.text.contains('@') {
        return Ok(None);
    }
    let mut with_address = stored::by_email(tx, acting.tenant, &name.text).await?;
    if with_address.len() > 1 {
        let why = format!("several principals have the address {}; one of them has to get another", name.text);
        return Err(ManageError::Forbidden { why });
    }
    Ok(with_address.pop())
}

/// A name in the letters of logins.
fn login(name: &str) -> String {
    let fitting = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@".contains(c);
    name.chars().map(|c| if fitting(c) { c } else { '-' }).take(64).collect()
}

fn new(name: &Name, claims: &Claims) -> principals::NewPrincipal {
    let display: String = claims.text("name").chars().filter(|c| !c.is_control()).take(200).collect();
    let address = [name.text.as_str(), claims.text("email")].into_iter().find(|text| text.contains('@'));
    principals::NewPrincipal {
        login: login(&name.text),
        display_name: Some(display).filter(|text| !text.trim().is_empty()),
        email: address.map(str::to_owned),
        kind: Some(name.kind),
        role: Some(Role::Member),
    }
}

/// The role that the provider gives; `None` where roles are not its business.
fn role(settings: &ProviderSettings, claims: &Claims) -> Option<Role> {
    if settings.roles.is_empty() {
        return None;
    }
    let said = claims.words(&settings.role_claim);
    let strongest = said.into_iter().filter_map(|value| settings.roles.get(value)).max();
    Some(strongest.copied().unwrap_or(Role::Member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        let Value::Object(map) = value else { panic!("no object") };
        Claims::new(map)
    }

    #[test]
    fn the_strongest_role_counts_none_is_member_and_without_a_map_nothing_is_said() {
        let mut settings = ProviderSettings::default();
        let both = claims(json!({ "roles": ["viewers", "admins", "others"] }));
        assert_eq!(role(&settings, &both), None);
        settings.roles.insert("viewers".to_owned(), Role::TenantViewer);
        settings.roles.insert("admins".to_owned(), Role::TenantAdmin);
        assert_eq!(role(&settings, &both), Some(Role::TenantAdmin));
        assert_eq!(role(&settings, &claims(json!({}))), Some(Role::Member));
    }

    #[test]
    fn a_name_is_verified_of_an_allowed_domain_and_a_program_is_known_by_its_client_id() {
        let mut settings = ProviderSettings::default();
        settings.domains.push("city.example".to_owned());
        let ann = claims(json!({ "email": "Ann@City.example" }));
        let name = named(&settings, &ann, Way::Browser).unwrap();
        assert_eq!((name.text.as_str(), name.kind), ("ann@city.example", PrincipalKind::Person));
        for refused in [
            json!({ "email": "ann@city.example", "email_verified": false }),
            json!({ "email": "ann@evil.example" }),
            json!({ "email": "ann@sub.city.example" }),
            json!({ "email": "ann" }),
            json!({ "azp": "app-1" }),
        ] {
            assert!(named(&settings, &claims(refused.clone()), Way::Browser).is_err(), "{refused}");
        }
        let program = named(&settings, &claims(json!({ "azp": "App-1", "sub": "App-1" })), Way::Token).unwrap();
        assert_eq!((program.text.as_str(), program.kind), ("app-1", PrincipalKind::Service));
        let itself = |value| named(&settings, &claims(value), Way::Token).is_ok();
        assert!(
            itself(json!({ "azp": "a", "sub": "o", "oid": "o" }))
                && itself(json!({ "appid": "a", "sub": "x", "idtyp": "app" }))
        );
        assert!(
            !itself(json!({ "azp": "a", "sub": "person" }))
                && !itself(json!({ "azp": "a", "sub": "o", "oid": "o", "scp": "x" }))
        );
    }

    #[test]
    fn a_name_becomes_a_login() {
        assert_eq!(login("ann+rooms@city.example"), "ann-rooms@city.example");
        assert_eq!(login(&"x".repeat(80)).len(), 64);
    }
}

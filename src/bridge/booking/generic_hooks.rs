//! Webhooks of a booking system with the generic contract: `/api/webhooks`, one for each address, for the whole system.
//!
//! A system tells every change to every address, whichever resource it concerns: what a notification says is not read.
//! The list is optional. Where there is one, an address is never registered twice, and a lost answer can be settled.

use super::generic::{Generic, checked, plain};
use crate::bridge::http::{Answer, Intent};
use crate::bridge::{BridgeError, Hook, Subscribed};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

const PATH: &str = "webhooks";

#[derive(Deserialize)]
struct Registered {
    id: Value,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Plain(Vec<Registered>),
    Webhooks { webhooks: Vec<Registered> },
    Data { data: Vec<Registered> },
}

impl Generic {
    /// Registers the address; `None` where the system has no webhooks.
    pub(super) async fn register(&self, hook: &Hook) -> Result<Option<Subscribed>, BridgeError> {
        // The secret of an older registration is not known any more, so it is replaced.
        for old in self.registered_at(&hook.url).await? {
            self.unregister(&old).await?;
        }
        let body = json!({"url": hook.url, "secret": hook.secret});
        match self.call(Method::POST, &[PATH], Some(body)).await.and_then(made) {
            // The registration may stand although its answer was lost.
            Err(BridgeError::Unknown(why)) => {
                let found = self.registered_at(&hook.url).await.ok().and_then(|mut all| all.pop());
                found.map(for_ever).map(Some).ok_or(BridgeError::Unknown(why))
            }
            other => other,
        }
    }

    /// Whether the registration still stands. A system without a list never ends one by itself.
    pub(super) async fn look_after(&self, id: &str) -> Result<Subscribed, BridgeError> {
        let stands = self.registrations().await?.is_none_or(|all| all.iter().any(|one| has_id(one, id)));
        if stands { Ok(for_ever(id.to_owned())) } else { Err(BridgeError::NotFound) }
    }

    /// Ends a registration.
    pub(super) async fn unregister(&self, id: &str) -> Result<(), BridgeError> {
        let answer = self.call(Method::DELETE, &[PATH, id], None).await?;
        if answer.ok() || answer.status == 410 || is_missing(&answer) {
            return Ok(());
        }
        checked(answer, Intent::Write).map(|_| ())
    }

    async fn registered_at(&self, url: &str) -> Result<Vec<String>, BridgeError> {
        let all = self.registrations().await?.unwrap_or_default();
        Ok(all.iter().filter(|one| one.url.as_deref() == Some(url)).filter_map(|one| plain(&one.id)).collect())
    }

    /// All registrations; `None` where the system does not list them.
    async fn registrations(&self) -> Result<Option<Vec<Registered>>, BridgeError> {
        let answer = self.call(Method::GET, &[PATH], None).await?;
        if is_missing(&answer) {
            return Ok(None);
        }
        Ok(Some(match checked(answer, Intent::Read)?.read::<List>(Intent::Read)? {
            List::Plain(all) | List::Webhooks { webhooks: all } | List::Data { data: all } => all,
        }))
    }
}

/// What the answer to a registration says.
fn made(answer: Answer) -> Result<Option<Subscribed>, BridgeError> {
    if is_missing(&answer) {
        return Ok(None);
    }
    let made: Value = checked(answer, Intent::Write)?.read(Intent::Write)?;
    let id = [&made["id"], &made["data"]["id"], &made["webhook"]["id"]].into_iter().find_map(plain);
    id.map(for_ever).map(Some).ok_or_else(|| BridgeError::Unknown("the new webhook has no id".to_owned()))
}

/// The route, the method or the function does not exist there.
const fn is_missing(answer: &Answer) -> bool {
    matches!(answer.status, 404 | 405 | 501)
}

const fn for_ever(id: String) -> Subscribed {
    Subscribed { id, expires: None }
}

fn has_id(one: &Registered, id: &str) -> bool {
    plain(&one.id).as_deref() == Some(id)
}

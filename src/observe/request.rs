//! The request that is being answered, for whoever writes down what it changed: known to the whole task without passing
//! through every hand.

use serde::Serialize;
use std::cell::RefCell;

/// Longest name of a program that is written down.
const AGENT_CHARS: usize = 200;
/// Longest path that is written down.
const PATH_CHARS: usize = 500;

/// What is known of a request. Never a secret: the path is the redacted one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request {
    /// Its id in log and answer.
    pub id: String,
    /// Where it came from.
    pub address: String,
    /// The program that sent it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Its method.
    pub method: String,
    /// Its path without secrets.
    pub path: String,
    /// By what its caller was recognised.
    #[serde(flatten)]
    pub means: Means,
    /// The status of the answer, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds until the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

impl Request {
    /// The request as JSON, with what is too long cut.
    pub fn text(&self) -> String {
        let cut = |text: &str, most| text.chars().take(most).collect::<String>();
        let short = Self { agent: cut(&self.agent, AGENT_CHARS), path: cut(&self.path, PATH_CHARS), ..self.clone() };
        serde_json::to_string(&short).unwrap_or_default()
    }
}

/// By what somebody was recognised: ids, never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Means {
    /// The session of a browser.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session_id: String,
    /// An API key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_key_id: String,
    /// An app password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password_id: String,
    /// The `OpenID` Connect provider that issued a token, by name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub provider: String,
}

/// Who was recognised behind a request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Id of the tenant.
    pub tenant: String,
    /// As it is audited: `principal:<login>`.
    pub actor: String,
    /// By what.
    pub means: Means,
}

tokio::task_local! {
    static CURRENT: (Request, RefCell<Option<Party>>);
}

/// Answers a request; everything that is audited meanwhile names it. Answers also who was recognised.
pub async fn during<T>(request: &Request, work: impl Future<Output = T>) -> (T, Option<Party>) {
    let told = async {
        let done = work.await;
        (done, CURRENT.try_with(|(_, party)| party.borrow().clone()).ok().flatten())
    };
    CURRENT.scope((request.clone(), RefCell::default()), told).await
}

/// The request that is being answered as JSON; empty where there is none.
pub fn current() -> String {
    let text = |(request, party): &(Request, RefCell<Option<Party>>)| {
        let means = party.borrow().as_ref().map(|party| party.means.clone()).unwrap_or_default();
        Request { means, ..request.clone() }.text()
    };
    CURRENT.try_with(text).unwrap_or_default()
}

/// By what the caller of the request that is being answered was recognised.
pub fn means() -> Means {
    let known = CURRENT.try_with(|(_, party)| party.borrow().as_ref().map(|party| party.means.clone()));
    known.ok().flatten().unwrap_or_default()
}

/// Somebody was recognised behind the request that is being answered.
pub fn recognised(tenant: &str, login: &str, means: Means) {
    let party = Party { tenant: tenant.to_owned(), actor: format!("principal:{login}"), means };
    // Outside of a request there is nobody to tell.
    let _ = CURRENT.try_with(|(_, known)| known.replace(Some(party)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means() -> Means {
        Means { api_key_id: "k".to_owned(), ..Means::default() }
    }

    #[tokio::test]
    async fn a_request_is_known_while_it_is_answered_and_nowhere_else() {
        let request = Request { method: "PUT".to_owned(), agent: "x".repeat(900), ..Request::default() };
        let (seen, party) = during(&request, async {
            recognised("t", "anna", means());
            current()
        })
        .await;
        assert!(seen.contains("\"method\":\"PUT\"") && seen.len() < 400, "{seen}");
        assert!(seen.contains("\"api_key_id\":\"k\"") && !seen.contains("session_id"), "{seen}");
        let whole = Party { tenant: "t".to_owned(), actor: "principal:anna".to_owned(), means: means() };
        assert_eq!(party, Some(whole));
        assert_eq!(current(), "");
    }
}

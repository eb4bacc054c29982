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

/// Who was recognised behind a request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Id of the tenant.
    pub tenant: String,
    /// As it is audited: `principal:<login>`.
    pub actor: String,
}

tokio::task_local! {
    static CURRENT: (String, RefCell<Option<Party>>);
}

/// Answers a request; everything that is audited meanwhile names it. Answers also who was recognised.
pub async fn during<T>(request: &Request, work: impl Future<Output = T>) -> (T, Option<Party>) {
    let told = async {
        let done = work.await;
        (done, CURRENT.try_with(|(_, party)| party.borrow().clone()).ok().flatten())
    };
    CURRENT.scope((request.text(), RefCell::default()), told).await
}

/// The request that is being answered as JSON; empty where there is none.
pub fn current() -> String {
    CURRENT.try_with(|(text, _)| text.clone()).unwrap_or_default()
}

/// Somebody was recognised behind the request that is being answered.
pub fn recognised(tenant: &str, login: &str) {
    let party = Party { tenant: tenant.to_owned(), actor: format!("principal:{login}") };
    // Outside of a request there is nobody to tell.
    let _ = CURRENT.try_with(|(_, known)| known.replace(Some(party)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_known_while_it_is_answered_and_nowhere_else() {
        let request = Request { method: "PUT".to_owned(), agent: "x".repeat(900), ..Request::default() };
        let (seen, party) = during(&request, async {
            recognised("t", "anna");
            current()
        })
        .await;
        assert!(seen.contains("\"method\":\"PUT\"") && seen.len() < 400, "{seen}");
        assert_eq!(party, Some(Party { tenant: "t".to_owned(), actor: "principal:anna".to_owned() }));
        assert_eq!(current(), "");
    }
}

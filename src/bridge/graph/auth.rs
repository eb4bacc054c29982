//! Tokens by client credentials (OAuth 2.0, RFC 6749, 4.4): one at a time, renewed when four fifths of their life are over.

use crate::bridge::BridgeError;
use crate::bridge::GraphConfig;
use crate::bridge::http::{Http, Intent, clip};
use crate::config::Secret;
use crate::model::Clock;
use crate::model::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;

/// The token in use.
#[derive(Default)]
pub(super) struct Tokens {
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Secret,
    renew_at: Timestamp,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    #[serde(default = "one_hour")]
    expires_in: i64,
}

const fn one_hour() -> i64 {
    3_600
}

impl Tokens {
    /// A token that is good for now. Callers that come while one is fetched wait for that one.
    pub(super) async fn get(
        &self,
        http: &Http,
        config: &GraphConfig,
        clock: &dyn Clock,
    ) -> Result<Secret, BridgeError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| clock.now() < held.renew_at) {
            return Ok(held.token.clone());
        }
        let granted = ask(http, config).await?;
        let renew_at = clock.now().plus_ms(granted.expires_in.clamp(0, 86_400) * 800);
        *held = Some(Held { token: granted.access_token.clone(), renew_at });
        Ok(granted.access_token)
    }

    /// Drops a token that was refused, unless another has taken its place already.
    pub(super) async fn refuse(&self, token: &Secret) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.token == *token) {
            *held = None;
        }
    }
}

async fn ask(http: &Http, config: &GraphConfig) -> Result<Granted, BridgeError> {
    let login = config.login_url.trim_end_matches('/');
    let url = format!("{login}/{}/oauth2/v2.0/token", config.tenant_id);
    let scope = format!("{}/.default", config.base_url.trim_end_matches('/'));
    let form = [
        ("client_id", config.client_id.as_str()),
        ("scope", scope.as_str()),
        ("client_secret", config.client_secret.reveal()),
        ("grant_type", "client_credentials"),
    ];
    let answer = http.send(http.client().post(url).form(&form), Intent::Read).await?;
    if answer.ok() {
        return answer.read(Intent::Read);
    }
    if !answer.is_json() {
        return Err(BridgeError::Garbage(format!("the token endpoint answered {} without JSON", answer.status)));
    }
    let body = answer.value();
    let say = |name: &str| body[name].as_str().map(clip).unwrap_or_default();
    // The rest of the description names trace ids only.
    let description = say("error_description");
    let description = description.split("Trace ID").next().unwrap_or("").trim().to_owned();
    Err(BridgeError::Auth(format!("{}: {description}", say("error"))))
}

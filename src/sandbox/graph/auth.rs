//! The token endpoint (client credentials) and the check of the bearer tokens it gave out.

use super::wire::Failure;
use crate::model::Timestamp;
use crate::sandbox::seed;
use crate::sandbox::state::World;
use crate::sandbox::state::lock;
use crate::sandbox::wire::Reply;
use crate::sandbox::wire::Request;
use crate::sandbox::wire::parse_form;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn token(world: &Arc<World>, request: &Request, tenant: &str) -> Reply {
    let now = world.now();
    let mut form = parse_form(&request.body);
    form.extend(basic_client(request));
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if ![seed::TENANT_ID, seed::TENANT_DOMAIN].contains(&tenant) {
        let text =
            format!("AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return refuse(now, 400, "invalid_request", 90_002, &text);
    }
    if field("grant_type") != "client_credentials" {
        let text = format!("AADSTS70003: The app requested an unsupported grant type '{}'.", field("grant_type"));
        return refuse(now, 400, "unsupported_grant_type", 70_003, &text);
    }
    if field("client_id") != seed::CLIENT_ID {
        let text = format!(
            "AADSTS700016: Application with identifier '{}' was not found in the directory.",
            field("client_id")
        );
        return refuse(now, 400, "unauthorized_client", 700_016, &text);
    }
    if field("client_secret") != seed::CLIENT_SECRET {
        let text = "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the \
                    client secret value, not the client secret ID.";
        return refuse(now, 401, "invalid_client", 7_000_215, text);
    }
    if !field("scope").ends_with("/.default") {
        let text = format!(
            "AADSTS70011: The provided value for the input parameter 'scope' is not valid: {}.",
            field("scope")
        );
        return refuse(now, 400, "invalid_scope", 70_011, &text);
    }
    let seconds = lock(&world.faults).graph.token_s;
    let (secret, epoch) = {
        let graph = lock(&world.graph);
        (graph.general.secret, graph.general.token_epoch)
    };
    let claims = json!({
        "appid": field("client_id"), "tid": seed::TENANT_ID, "roles": ["Calendars.ReadWrite", "Place.Read.All"],
        "iat": now.ms() / 1_000, "exp": now.ms() / 1_000 + seconds, "epoch": epoch,
        "jti": uuid::Uuid::new_v4().to_string(),
    });
    let reply = json!({
        "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": sign(&claims, secret),
    });
    Reply::json(200, &reply).with_header("Cache-Control", "no-store, no-cache")
}

/// The client's id and secret in the Authorization header (RFC 6749, 2.3.1), each a form-encoded text.
fn basic_client(request: &Request) -> Vec<(String, String)> {
    let basic = request.header("authorization").and_then(|field| field.strip_prefix("Basic "));
    let text =
        basic.and_then(|coded| STANDARD.decode(coded.trim()).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|text| text.split_once(':')) {
        Some((id, secret)) => parse_form(format!("client_id={id}&client_secret={secret}").as_bytes()),
        None => Vec::new(),
    }
}

fn refuse(now: Timestamp, status: u16, error: &str, code: u32, text: &str) -> Reply {
    let stamp = now.to_jiff().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = uuid::Uuid::new_v4().to_string();
    let correlation = uuid::Uuid::new_v4().to_string();
    let description = format!("{text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}");
    let body = json!({
        "error": error, "error_description": description, "error_codes": [code], "timestamp": stamp,
        "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    Reply::json(status, &body)
}

/// Refuses a request without a token of ours that is still good.
pub(super) fn check(world: &Arc<World>, request: &Request, now: Timestamp) -> Result<(), Failure> {
    let refuse = |text: &str| Failure::new(401, "InvalidAuthenticationToken", text);
    let field = request.header("authorization").ok_or_else(|| refuse("Access token is empty."))?;
    let token = field.strip_prefix("Bearer ").ok_or_else(|| refuse("Access token is empty."))?;
    let (secret, epoch) = {
        let graph = lock(&world.graph);
        (graph.general.secret, graph.general.token_epoch)
    };
    let claims = read(token, secret).ok_or_else(|| refuse("Access token validation failure. Invalid signature."))?;
    if claims["epoch"].as_u64() != Some(u64::from(epoch)) {
        return Err(refuse("Access token has been revoked."));
    }
    if claims["exp"].as_i64().is_none_or(|end| end <= now.ms() / 1_000) {
        return Err(refuse("Lifetime validation failed, the token is expired."));
    }
    Ok(())
}

fn sign(claims: &Value, secret: u64) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "HS256"}).to_string());
    let head = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = tag(&head, secret);
    format!("{head}.{tag}")
}

fn read(token: &str, secret: u64) -> Option<Value> {
    let (head, given) = token.rsplit_once('.')?;
    if tag(head, secret) != given {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head.split_once('.')?.1).ok()?).ok()
}

/// The HMAC of a token's head, as text. A key of any length is accepted, so the empty tag never appears.
fn tag(head: &str, secret: u64) -> String {
    Hmac::<Sha256>::new_from_slice(&secret.to_be_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(head.as_bytes());
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        },
    )
}

//! A small `OpenID` Connect provider on a real connection. It signs and checks with code that shares nothing with the
//! gateway's, does what it is told, and can be told to lie.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub const CLIENT: &str = "anteroom-client";
pub const SECRET: &str = "s3cret/of the client";

/// One key of the provider.
#[derive(Clone)]
pub struct Key {
    pub id: &'static str,
    signing: SigningKey,
}

impl Key {
    pub fn new(id: &'static str, seed: u8) -> Self {
        Self { id, signing: SigningKey::from_slice(&[seed; 32]).unwrap() }
    }

    fn point(&self) -> Vec<u8> {
        self.signing.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    fn jwk(&self) -> Value {
        let point = self.point();
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) })
    }

    /// A token with a true signature.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({ "alg": "ES256", "typ": "JWT", "kid": self.id }), claims)
    }

    /// A token with a true signature under any header.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature: Signature = self.signing.sign(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// A token that is signed by HMAC, with the public key for a secret.
    pub fn confuse(&self, claims: &Value) -> String {
        let text = unsigned(&json!({ "alg": "HS256", "typ": "JWT", "kid": self.id }), claims);
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.point()).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

/// Header and claims of a token, as they are signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// What a browser was sent to the provider with.
#[derive(Clone, Debug)]
pub struct Asked(pub HashMap<String, String>);

impl Asked {
    pub fn of(url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        Self(url.query_pairs().into_owned().collect())
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
struct Inner {
    keys: Vec<Key>,
    codes: HashMap<String, (Asked, Value)>,
    /// Claims that only `userinfo` says, by access token.
    userinfo: Map<String, Value>,
    asked: HashMap<String, usize>,
    down: bool,
    now: i64,
}

/// The provider.
pub struct Issuer {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Issuer {
    /// A provider whose clock stands at `now`, in seconds.
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner { keys: vec![Key::new("k1", 1)], now, ..Inner::default() }));
        let (state, at) = (inner.clone(), url.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, at.clone(), state.clone()));
            }
        });
        Self { url, inner, task }
    }

    /// From now on it has these keys.
    pub fn has_keys(&self, keys: &[Key]) {
        self.inner.lock().unwrap().keys = keys.to_vec();
    }

    /// From now on nothing but 503 comes, or everything again.
    pub fn is_down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
    }

    /// What `userinfo` says beside `sub`.
    pub fn says_later(&self, claims: Value) {
        let Value::Object(claims) = claims else { panic!("no object") };
        self.inner.lock().unwrap().userinfo = claims;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.inner.lock().unwrap().asked.get(path).copied().unwrap_or(0)
    }

    /// Claims as they should be, about somebody.
    pub fn claims(&self, subject: &str, more: Value) -> Value {
        let now = self.inner.lock().unwrap().now;
        let mut claims = json!({ "iss": self.url, "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 300 });
        let Value::Object(more) = more else { panic!("no object") };
        for (name, value) in more {
            claims[name] = value;
        }
        claims
    }

    /// Somebody signs in: the code that their browser goes back with. `more` may say the claims otherwise.
    pub fn code(&self, asked: &Asked, subject: &str, more: Value) -> String {
        assert_eq!((asked.get("response_type"), asked.get("code_challenge_method")), ("code", "S256"));
        let mut claims = self.claims(subject, json!({ "nonce": asked.get("nonce") }));
        let Value::Object(more) = more else { panic!("no object") };
        for (name, value) in more {
            claims[name] = value;
        }
        let mut inner = self.inner.lock().unwrap();
        let code = format!("code-{}", inner.codes.len() + 1);
        inner.codes.insert(code.clone(), (asked.clone(), claims));
        code
    }
}

async fn serve(stream: TcpStream, url: String, inner: Arc<Mutex<Inner>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |text| text.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let (status, body) = answer(&path, &headers, &body, &url, &mut inner.lock().unwrap());
    let reply = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(reply.as_bytes()).await.ok()
}

fn answer(path: &str, headers: &HashMap<String, String>, body: &[u8], url: &str, inner: &mut Inner) -> (u16, String) {
    *inner.asked.entry(path.to_owned()).or_default() += 1;
    if inner.down {
        return (503, "{}".to_owned());
    }
    let authorization = headers.get("authorization").map_or("", String::as_str);
    let (status, body) = match path {
        "/.well-known/openid-configuration" => (200, discovery(url)),
        "/jwks" => (200, json!({ "keys": inner.keys.iter().map(Key::jwk).collect::<Vec<_>>() })),
        "/token" => token(authorization, body, inner),
        "/userinfo" => {
            let mut claims = inner.userinfo.clone();
            let subject = authorization.strip_prefix("Bearer access-of-").unwrap_or_default();
            claims.entry("sub").or_insert_with(|| subject.into());
            (200, Value::Object(claims))
        }
        _ => (404, json!({})),
    };
    (status, body.to_string())
}

fn discovery(url: &str) -> Value {
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

/// The token endpoint: the client's secret, the code once, its redirect URI and its verifier (RFC 7636, 4.6).
fn token(authorization: &str, body: &[u8], inner: &mut Inner) -> (u16, Value) {
    let refused = |error: &str| (400, json!({ "error": error }));
    let escaped: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    if authorization != format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{escaped}"))) {
        return (401, json!({ "error": "invalid_client" }));
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let Some((asked, claims)) = inner.codes.remove(&form["code"]) else { return refused("invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if asked.get("code_challenge") != challenge || asked.get("redirect_uri") != form["redirect_uri"] {
        return refused("invalid_grant");
    }
    let access = format!("access-of-{}", claims["sub"].as_str().unwrap());
    let id_token = inner.keys[0].sign(&claims);
    (200, json!({ "access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": id_token }))
}

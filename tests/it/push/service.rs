//! A push service and a client behind it: what leaves the gateway is read from a real connection and opened with the
//! client's own key, by code that shares nothing with the gateway's.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::{PublicKey, SecretKey};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A message as the push service sees it.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// A push service on this machine.
pub struct PushService {
    pub origin: String,
    seen: Arc<Mutex<Vec<Received>>>,
    /// What it answers: a status and further header lines.
    answer: Arc<Mutex<(u16, &'static str)>>,
    /// How long it takes to answer.
    pause: Arc<Mutex<Duration>>,
    task: tokio::task::JoinHandle<()>,
}

impl PushService {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new((201, ""))));
        let pause = Arc::new(Mutex::new(Duration::ZERO));
        let (log, reply, wait) = (seen.clone(), answer.clone(), pause.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let wait = *wait.lock().unwrap();
                tokio::spawn(serve(stream, log.clone(), reply.clone(), wait));
            }
        });
        Self { origin, seen, answer, pause, task }
    }

    /// From now on it answers so.
    pub fn answers(&self, status: u16, headers: &'static str) {
        *self.answer.lock().unwrap() = (status, headers);
    }

    /// From now on it takes that long to answer.
    pub fn slow(&self, pause: Duration) {
        *self.pause.lock().unwrap() = pause;
    }

    /// What came since the last call.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request on each connection.
async fn serve(
    stream: TcpStream,
    seen: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<(u16, &'static str)>>,
    pause: Duration,
) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let path = line.strip_prefix("POST ").unwrap().split(' ').next().unwrap().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    seen.lock().unwrap().push(Received { path, headers, body });
    tokio::time::sleep(pause).await;
    let (status, more) = *answer.lock().unwrap();
    let reply = format!("HTTP/1.1 {status} Answer\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n");
    // Who has waited too long is gone.
    let _ = stream.write_all(reply.as_bytes()).await;
}

/// A calendar program that has subscribed to a push service.
pub struct Client {
    key: SecretKey,
    auth: [u8; 16],
}

impl Client {
    pub fn new(seed: u8) -> Self {
        Self { key: SecretKey::from_slice(&[seed; 32]).unwrap(), auth: [seed; 16] }
    }

    fn public(&self) -> Vec<u8> {
        self.key.public_key().to_sec1_bytes().to_vec()
    }

    /// The body that registers it.
    pub fn registration(&self, resource: &str, trigger: &str) -> String {
        format!(
            "<push-register xmlns='https://bitfire.at/webdav-push' xmlns:D='DAV:'><subscription>\
             <web-push-subscription><push-resource>{resource}</push-resource>\
             <content-encoding>aes128gcm</content-encoding>\
             <subscription-public-key type='p256dh'>{}</subscription-public-key><auth-secret>{}</auth-secret>\
             </web-push-subscription></subscription>{trigger}</push-register>",
            URL_SAFE_NO_PAD.encode(self.public()),
            URL_SAFE_NO_PAD.encode(self.auth)
        )
    }

    /// Opens a message (RFC 8188, 2; RFC 8291, 3.4).
    pub fn open(&self, message: &Received) -> String {
        assert_eq!(message.headers["content-encoding"], "aes128gcm");
        let (salt, rest) = message.body.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert!(message.body.len() <= 4096 && size == 4096_u32.to_be_bytes());
        let (sender, sealed) = rest[1..].split_at(usize::from(rest[0]));
        let shared = self.key.diffie_hellman(&PublicKey::from_sec1_bytes(sender).unwrap());
        let info = [b"WebPush: info\0".as_slice(), &self.public(), sender].concat();
        let input: [u8; 32] = expand(&self.auth, shared.raw_secret_bytes(), &info);
        let key: [u8; 16] = expand(salt, &input, b"Content-Encoding: aes128gcm\0");
        let nonce: [u8; 12] = expand(salt, &input, b"Content-Encoding: nonce\0");
        let plain = Aes128Gcm::new(&key.into()).decrypt(&Nonce::from(nonce), sealed).unwrap();
        let end = plain.iter().rposition(|octet| *octet != 0).unwrap();
        assert_eq!(plain[end], 2, "the delimiter of the last record");
        String::from_utf8(plain[..end].to_vec()).unwrap()
    }
}

fn expand<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(salt), input).expand(info, &mut out).unwrap();
    out
}

/// The claims of a sender's token, after its signature was verified with the key beside it (RFC 8292, 2 and 3).
pub fn claims(message: &Received) -> (serde_json::Value, String) {
    let (token, key) = message.headers["authorization"].strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public = VerifyingKey::from_sec1_bytes(&URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    (serde_json::from_slice(&claims).unwrap(), key.to_owned())
}

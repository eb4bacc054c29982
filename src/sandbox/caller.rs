//! A small HTTP/1.1 client for the loopback: the simulators' outgoing webhooks, and the tests' way in.

use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Most bytes of an answer that are read.
const ANSWER_BYTES: u64 = 32 << 20;

/// What came back: status, header fields in lower case, body.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The status code.
    pub status: u16,
    /// Header fields; names in lower case.
    #[cfg_attr(not(test), expect(dead_code, reason = "webhook answers are judged by status and body"))]
    pub headers: Vec<(String, String)>,
    /// The body, with the transfer coding removed.
    pub body: Vec<u8>,
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Only `http://` addresses are called.
    #[error("cannot call {0}: only http:// addresses work in the sandbox")]
    Address(String),
    /// Nothing came within the time allowed.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The connection failed.
    #[error("connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The answer is not HTTP/1.1.
    #[error("the answer is not HTTP")]
    Answer,
}

/// Sends one request on its own connection and reads the whole answer.
pub(super) async fn call(
    method: &str,
    address: &str,
    headers: &[(String, String)],
    body: &[u8],
    patience: Duration,
) -> Result<Answer, CallError> {
    tokio::time::timeout(patience, exchange(method, address, headers, body))
        .await
        .map_err(|_elapsed| CallError::Late(patience))?
}

async fn exchange(method: &str, address: &str, headers: &[(String, String)], body: &[u8]) -> Result<Answer, CallError> {
    let url = url::Url::parse(address).map_err(|_error| CallError::Address(address.to_owned()))?;
    let (Some(host), "http") = (url.host_str(), url.scheme()) else {
        return Err(CallError::Address(address.to_owned()));
    };
    let port = url.port_or_known_default().unwrap_or(80);
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut bytes).await?;
    parse(&bytes).ok_or(CallError::Answer)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..split]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[split + 4..];
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
    let length: Option<usize> =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, text)| text.parse().ok());
    let body = match length {
        _ if chunked => dechunk(rest)?,
        Some(length) if rest.len() < length => return None,
        _ => rest.to_vec(),
    };
    Some(Answer { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        rest = rest.get(line + 2..)?;
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

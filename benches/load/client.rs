//! An HTTP/1.1 client with one connection that stays open: it must cost little, for it shares the machine with the server.

use base64::Engine as _;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer, read whole.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub struct Client {
    address: String,
    authorization: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    /// To `host:port`, as a person with that login and password.
    pub fn new(address: &str, login: &str, password: &str) -> Self {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{login}:{password}"));
        Self { address: address.to_owned(), authorization: format!("Basic {token}"), stream: None, buffer: Vec::new() }
    }

    /// Sends a request. A connection that the server has closed meanwhile is opened again once.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
        let kept = self.stream.is_some();
        match self.exchange(method, path, headers, body).await {
            Err(_) if kept => {
                self.stream = None;
                self.exchange(method, path, headers, body).await
            }
            done => done,
        }
    }

    async fn exchange(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(&self.address).await?,
        };
        stream.set_nodelay(true)?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nContent-Length: {}\r\n",
            self.address,
            self.authorization,
            body.len()
        );
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["\r\n", body]);
        stream.write_all(head.as_bytes()).await?;
        let answer = self.read(&mut stream, method).await?;
        if !answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    async fn read(&mut self, stream: &mut TcpStream, method: &str) -> io::Result<Answer> {
        self.buffer.clear();
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n", 0) {
                break at;
            }
            self.more(stream).await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(broken)?;
        let answer = Answer { status, head, body: Vec::new() };
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        let body = match answer.header("content-length").map(str::parse::<usize>) {
            _ if bodiless => Vec::new(),
            Some(Ok(length)) => {
                self.fill(stream, end + 4 + length).await?;
                self.buffer[end + 4..end + 4 + length].to_vec()
            }
            _ if answer.header("transfer-encoding").is_some() => self.chunks(stream, end + 4).await?,
            // Until the connection ends.
            _ => {
                while self.more(stream).await.is_ok() {}
                self.buffer[end + 4..].to_vec()
            }
        };
        Ok(Answer { body, ..answer })
    }

    async fn chunks(&mut self, stream: &mut TcpStream, mut at: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(line) = find(&self.buffer, b"\r\n", at) {
                    break line;
                }
                self.more(stream).await?;
            };
            let size = std::str::from_utf8(&self.buffer[at..line]).ok().and_then(|text| text.split(';').next());
            let size = size.and_then(|text| usize::from_str_radix(text.trim(), 16).ok()).ok_or_else(broken)?;
            self.fill(stream, line + 4 + size).await?;
            body.extend_from_slice(&self.buffer[line + 2..line + 2 + size]);
            at = line + 4 + size;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn fill(&mut self, stream: &mut TcpStream, length: usize) -> io::Result<()> {
        while self.buffer.len() < length {
            self.more(stream).await?;
        }
        Ok(())
    }

    async fn more(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        self.buffer.reserve(64 * 1024);
        if stream.read_buf(&mut self.buffer).await? == 0 { Err(broken()) } else { Ok(()) }
    }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    bytes[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off")
}

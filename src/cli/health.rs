//! `anteroom health`: for containers and scripts that have no HTTP client.

use super::error::CliError;
use clap::Args;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ask a running server whether it is ready.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  anteroom health --url http://127.0.0.1:8080\n\nExit code 0 when /ready answers 200, else 1."
)]
pub(crate) struct Health {
    /// Where the server listens, without TLS
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
}

impl Health {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), CliError> {
        let (host, port) = host_and_port(&self.url)?;
        let status =
            ask(&host, port).map_err(|error| CliError::Failed(format!("{} does not answer: {error}", self.url)))?;
        if status.contains(" 200") {
            return Ok(writeln!(out, "{} is ready.", self.url)?);
        }
        Err(CliError::Failed(format!("{} is not ready: it answers {status:?}", self.url)))
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), CliError> {
    let refused = |why: &str| CliError::Usage(format!("--url {text}: {why}"));
    let url = url::Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if url.scheme() != "http" {
        return Err(refused("give the http address the server itself listens on"));
    }
    let host = url.host_str().ok_or_else(|| refused("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), url.port_or_known_default().unwrap_or(80)))
}

/// The status line of `/ready`.
fn ask(host: &str, port: u16) -> std::io::Result<String> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_address_comes_from_the_url() {
        assert_eq!(host_and_port("http://127.0.0.1:8080").unwrap(), ("127.0.0.1".to_owned(), 8080));
        assert_eq!(host_and_port("http://[::1]:9/x").unwrap(), ("::1".to_owned(), 9));
        assert_eq!(host_and_port("http://localhost").unwrap(), ("localhost".to_owned(), 80));
        for bad in ["https://a", "nonsense"] {
            assert_eq!(host_and_port(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn a_server_that_is_not_ready_is_a_failure_with_its_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            for answer in ["200 OK", "503 Service Unavailable"] {
                let (mut connection, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let _read = connection.read(&mut request).unwrap();
                write!(connection, "HTTP/1.1 {answer}\r\n\r\n").unwrap();
            }
        });
        let mut out = Vec::new();
        Health { url: url.clone() }.run(&mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("is ready.\n"));
        let error = Health { url }.run(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("503") && error.exit_code() == 1, "{error}");
        server.join().unwrap();
    }
}

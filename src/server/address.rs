//! An address that is ours before anybody is heard on it: whoever connects while the database is brought up to date is
//! refused, and a load balancer goes elsewhere.

use super::ServerError;
use std::net::{SocketAddr, TcpListener};
use tokio::net::TcpSocket;

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1024;

/// A bound socket that does not listen.
pub(super) struct Address {
    socket: TcpSocket,
    written: String,
    /// Where the configuration says so.
    key: &'static str,
    pub(super) bound: SocketAddr,
}

impl Address {
    /// Takes an address; refused where somebody listens on it.
    pub(super) fn take(written: &str, key: &'static str) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen { address: written.to_owned(), key, source };
        let parsed: SocketAddr = written.parse().map_err(|error| failed(std::io::Error::other(error)))?;
        let socket = if parsed.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.map_err(failed)?;
        // An address is free again as soon as its last server has ended.
        socket.set_reuseaddr(true).map_err(failed)?;
        socket.bind(parsed).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, written: written.to_owned(), key, bound })
    }

    /// From now on connections are taken.
    pub(super) fn listen(self) -> Result<TcpListener, ServerError> {
        let Self { socket, written, key, .. } = self;
        let listener = socket.listen(BACKLOG).and_then(tokio::net::TcpListener::into_std);
        listener.map_err(|source| ServerError::Listen { address: written, key, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::TcpStream;

    #[tokio::test]
    async fn nobody_is_let_in_before_the_address_listens() {
        let address = Address::take("127.0.0.1:0", "server.listen").unwrap();
        let bound = address.bound;
        assert_eq!(TcpStream::connect(bound).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let _listener = address.listen().unwrap();
        assert!(TcpStream::connect(bound).is_ok());
        assert!(matches!(Address::take(&bound.to_string(), "server.listen"), Err(ServerError::Listen { .. })));
    }
}

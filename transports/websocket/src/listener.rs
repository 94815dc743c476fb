//! Waits at a TCP port for peers.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpStream;
use transport_api::{
    AcceptError, Address, BoxFuture, HandshakeError, Incoming, Link, Listener, Placement,
    Subprotocol,
};

use crate::accept::{Shared, accept};
use crate::acceptor::Acceptor;
use crate::config::Config;
use crate::socket::prepare;

/// How long accepting rests when the system has no more to give, such as file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Listens for WebSocket connections at a TCP port, with TLS if [`Config::tls`] is set.
///
/// Any path is served. `subprotocols` are those that are spoken, best first; who names none gets
/// the first that is text, and who names only others is refused with a sentence that lists them.
///
/// # Errors
/// If the address can't be had.
///
/// # Panics
/// Outside a tokio runtime.
pub fn listen(
    address: SocketAddr,
    config: Config,
    subprotocols: &[Subprotocol],
) -> io::Result<WebSocketListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Otherwise a restart waits for the connections of the last run to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Connections that are accepted have the options of the socket that accepted them.
    prepare(&SockRef::from(&socket), config.unsent_bytes_max)?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    let tcp = StdTcpListener::from(socket);
    let address = tcp.local_addr()?;
    let tcp = Acceptor::new(tcp)?;
    let shared = Arc::new(Shared { config, subprotocols: subprotocols.to_vec() });
    Ok(WebSocketListener { tcp, address, shared, resting: false })
}

/// A TCP port at which WebSocket connections are accepted; see [`listen`].
#[derive(Debug)]
pub struct WebSocketListener {
    tcp: Acceptor,
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The system has no more to give, and that was said.
    resting: bool,
}

impl Listener for WebSocketListener {
    fn transport(&self) -> &'static str {
        if self.shared.config.tls.is_some() { "wss" } else { "ws" }
    }

    fn local_address(&self) -> Address {
        self.address.into()
    }

    fn placement(&self) -> Placement {
        Placement::Anywhere
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        Box::pin(async move {
            loop {
                match self.tcp.accept().await {
                    Ok((tcp, peer)) => {
                        self.resting = false;
                        let shared = self.shared.clone();
                        return Ok(Box::new(WebSocketIncoming { tcp, peer, shared }) as _);
                    }
                    Err(error) if is_the_peers(&error) => {}
                    Err(error) => self.rest(&error).await,
                }
            }
        })
    }
}

impl WebSocketListener {
    async fn rest(&mut self, error: &io::Error) {
        if !self.resting {
            tracing::warn!(%error, address = %self.address, "accepting rests");
        }
        self.resting = true;
        tokio::time::sleep(EXHAUSTED_PAUSE).await;
    }
}

/// Whether a peer has gone before it was accepted, which says nothing of the next.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::ConnectionAborted | E::ConnectionReset | E::ConnectionRefused)
}

/// A TCP connection whose handshakes aren't done. It belongs to no runtime yet.
#[derive(Debug)]
struct WebSocketIncoming {
    tcp: StdTcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
}

impl Incoming for WebSocketIncoming {
    fn peer(&self) -> Address {
        self.peer.into()
    }

    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>> {
        Box::pin(async move {
            let tcp = TcpStream::from_std(self.tcp)?;
            let link = accept(tcp, self.peer, &self.shared).await?;
            Ok(Box::new(link) as _)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_accepted_socket_has_its_options_without_being_given_them() {
        let config = Config { unsent_bytes_max: Some(54_321), ..Config::default() };
        let mut listener = listen(([127, 0, 0, 1], 0).into(), config, &[]).unwrap();
        let address = listener.address;
        let peers = [(); 3].map(|()| StdTcpStream::connect(address).unwrap());
        // The first of a burst is accepted in another way than the others.
        for _ in &peers {
            let (tcp, _) = listener.tcp.accept().await.unwrap();
            let socket = SockRef::from(&tcp);
            assert!(socket.tcp_nodelay().unwrap());
            #[cfg(any(target_os = "linux", target_os = "android"))]
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), 54_321);
            let read = io::Read::read(&mut &tcp, &mut [0]);
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }
}

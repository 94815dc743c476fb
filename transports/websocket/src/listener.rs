//! Waits at a TCP port for peers.

use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use transport_api::{
    AcceptError, Address, BoxFuture, HandshakeError, Incoming, Link, Listener, Placement,
    Subprotocol,
};

use crate::accept::{Shared, accept};
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
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    let tcp = TcpListener::from_std(socket.into())?;
    let address = tcp.local_addr()?;
    let shared = Arc::new(Shared { config, subprotocols: subprotocols.to_vec() });
    Ok(WebSocketListener { tcp, address, shared, resting: false })
}

/// A TCP port at which WebSocket connections are accepted; see [`listen`].
#[derive(Debug)]
pub struct WebSocketListener {
    tcp: TcpListener,
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
                match self.tcp.accept().await.and_then(|(tcp, peer)| Ok((tcp.into_std()?, peer))) {
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
            prepare(&tcp, self.shared.config.unsent_bytes_max)?;
            let link = accept(tcp, self.peer, &self.shared).await?;
            Ok(Box::new(link) as _)
        })
    }
}

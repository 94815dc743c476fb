//! Waits for clients at a UDP socket.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::select;
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn::{Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use tokio::runtime::Handle;
use transport_api::{
    AcceptError, Address, BoxFuture, HandshakeError, Incoming, Link, Listener, Placement,
    Subprotocol,
};
use transport_tls::ServerIdentity;

use crate::failures::handshake_error;
use crate::link::QuicLink;
use crate::{Config, TRANSPORT, socket};

/// Listens at `address` for clients that speak one of `subprotocols`, best first.
///
/// Port 0 lets the system choose. The listener and its links live in the current runtime.
///
/// # Errors
/// If the address can't be bound, or there is no tokio runtime with time and I/O.
pub fn listen(
    address: SocketAddr,
    config: Config,
    identity: &ServerIdentity,
    subprotocols: &[Subprotocol],
) -> io::Result<QuicListener> {
    let endpoint = endpoint(address, &config, identity, subprotocols)?;
    let local_address = endpoint.local_addr()?;
    Ok(QuicListener {
        endpoint,
        local_address,
        subprotocols: subprotocols.into(),
        unproven_max: config.handshakes_unproven_max,
        under_way: Arc::default(),
    })
}

/// The QUIC below a listener, set up as for [`listen`], without what links add: for who wants to
/// know what those cost.
///
/// # Errors
/// As [`listen`].
pub fn endpoint(
    address: SocketAddr,
    config: &Config,
    identity: &ServerIdentity,
    subprotocols: &[Subprotocol],
) -> io::Result<Endpoint> {
    let alpn: Vec<_> = subprotocols.iter().map(|it| it.alpn().into_bytes()).collect();
    let crypto = QuicServerConfig::try_from(identity.server_config(&alpn));
    let mut server = ServerConfig::with_crypto(Arc::new(crypto.map_err(io::Error::other)?));
    server.transport_config(Arc::new(config.transport())).max_incoming(config.incoming_max);
    let socket = socket::bind(address, config.socket_receive_bytes)?;
    Endpoint::new(EndpointConfig::default(), Some(server), socket, Arc::new(TokioRuntime))
}

/// A UDP socket at which clients are accepted.
///
/// Dropping it refuses further clients; the links that exist keep the socket as long as they live.
#[derive(Debug)]
pub struct QuicListener {
    endpoint: Endpoint,
    local_address: SocketAddr,
    subprotocols: Arc<[Subprotocol]>,
    unproven_max: usize,
    /// One for each handshake that isn't done.
    under_way: Arc<()>,
}

impl QuicListener {
    /// The next client that may begin its handshake.
    async fn next(&self) -> Result<quinn::Incoming, AcceptError> {
        loop {
            let incoming = self.endpoint.accept().await.ok_or(AcceptError)?;
            let under_way = Arc::strong_count(&self.under_way) - 1;
            if under_way < self.unproven_max || !incoming.may_retry() {
                return Ok(incoming);
            }
            // It comes again, with the proof. Fails only for one that may not be asked.
            let _ = incoming.retry();
        }
    }
}

impl Listener for QuicListener {
    fn transport(&self) -> &'static str {
        TRANSPORT
    }

    fn local_address(&self) -> Address {
        self.local_address.into()
    }

    fn placement(&self) -> Placement {
        Placement::WithListener
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        Box::pin(async {
            let incoming = QuicIncoming {
                incoming: self.next().await?,
                subprotocols: self.subprotocols.clone(),
                under_way: self.under_way.clone(),
            };
            Ok(Box::new(incoming) as Box<dyn Incoming>)
        })
    }
}

impl Drop for QuicListener {
    fn drop(&mut self) {
        // Without a runtime nothing runs that could answer a client.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(refuse_while_links_live(self.endpoint.clone()));
        }
    }
}

/// Refuses clients at once, instead of leaving them in silence, as long as the socket lives.
async fn refuse_while_links_live(endpoint: Endpoint) {
    let refusing = async {
        while let Some(incoming) = endpoint.accept().await {
            incoming.refuse();
        }
    };
    select(pin!(refusing), pin!(endpoint.wait_idle())).await;
}

/// A client of which the first packet has arrived.
struct QuicIncoming {
    incoming: quinn::Incoming,
    subprotocols: Arc<[Subprotocol]>,
    under_way: Arc<()>,
}

impl Incoming for QuicIncoming {
    fn peer(&self) -> Address {
        self.incoming.remote_address().into()
    }

    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>> {
        Box::pin(async move {
            let connection = self.incoming.await.map_err(handshake_error)?;
            let subprotocol = agreed(&connection, &self.subprotocols)?;
            let control = connection.accept_bi().await.map_err(handshake_error)?;
            drop(self.under_way);
            let link = QuicLink::of_broker(connection, control, subprotocol);
            Ok(Box::new(link) as Box<dyn Link>)
        })
    }
}

fn agreed(
    connection: &Connection,
    subprotocols: &[Subprotocol],
) -> Result<Subprotocol, HandshakeError> {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let name = data.and_then(|data| data.protocol).unwrap_or_default();
    let found = subprotocols.iter().find(|it| it.alpn().as_bytes() == name);
    found.copied().ok_or_else(|| {
        let reason = format!("no protocol was agreed on, but {:?}", String::from_utf8_lossy(&name));
        HandshakeError::Refused { reason }
    })
}

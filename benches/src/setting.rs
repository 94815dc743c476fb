//! A broker in this process, and the way to it over one transport.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Liveness, Running, SUBPROTOCOLS, ShardConfig};
use tempfile::TempDir;
use transport_api::{Connector, Listener};
use transport_memory::Network;
use transport_tls::{ServerIdentity, Trust};

/// Longer than any bench.
const HOUR: Duration = Duration::from_secs(3600);

/// The transports that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In one process.
    Memory,
    /// Over loopback TCP.
    WebSocket,
    /// Over loopback UDP.
    Quic,
}

/// A broker with one shard, in a thread of its own, and the way to it.
pub struct Setting {
    /// The broker.
    pub running: Running,
    connect: Box<dyn Fn() -> Arc<dyn Connector>>,
    /// Where it is.
    pub url: String,
    _directory: TempDir,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::WebSocket, Self::Quic];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::WebSocket => "websocket",
            Self::Quic => "quic",
        }
    }

    /// Starts a broker that listens on this transport.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn start(self) -> anyhow::Result<Setting> {
        let directory = tempfile::tempdir()?;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // Bare clients answer no pings.
        let liveness = Liveness { ping_interval: HOUR, ping_misses: 10, ..Liveness::default() };
        let builder = Broker::builder().config(ShardConfig { liveness, ..ShardConfig::default() });
        let (builder, connect): (_, Box<dyn Fn() -> Arc<dyn Connector>>) = match self {
            Self::Memory => {
                let network = Network::new(1);
                let listener = network.listen("broker", &SUBPROTOCOLS)?;
                (
                    builder.listen(move || Ok(Box::new(listener) as Box<dyn Listener>)),
                    Box::new(move || Arc::new(network.connector())),
                )
            }
            Self::WebSocket => {
                let bind = move || {
                    let config = transport_websocket::Config::default();
                    let listener = transport_websocket::listen(any_port, config, &SUBPROTOCOLS)?;
                    Ok(Box::new(listener) as Box<dyn Listener>)
                };
                let connect = || -> Arc<dyn Connector> {
                    let config = transport_websocket::ClientConfig::default();
                    Arc::new(transport_websocket::WebSocketConnector::new(config))
                };
                (builder.listen(bind), Box::new(connect))
            }
            Self::Quic => {
                let identity = ServerIdentity::development(directory.path())?;
                let trust = Trust::Fingerprint(identity.fingerprint());
                let bind = move || {
                    let config = transport_quic::Config::default();
                    let listener =
                        transport_quic::listen(any_port, config, &identity, &SUBPROTOCOLS)?;
                    Ok(Box::new(listener) as Box<dyn Listener>)
                };
                let connect = move || -> Arc<dyn Connector> {
                    let trust = trust.clone();
                    let config = transport_quic::ClientConfig { trust, ..Default::default() };
                    Arc::new(transport_quic::QuicConnector::new(config))
                };
                (builder.listen(bind), Box::new(connect))
            }
        };
        let running = builder.start().await?;
        let address = running.listening()[0].1.clone();
        let url = match self {
            Self::Memory => "memory://broker".to_owned(),
            Self::WebSocket => format!("ws://{address}"),
            Self::Quic => format!("quic://{address}"),
        };
        Ok(Setting { running, connect, url, _directory: directory })
    }
}

impl Setting {
    /// A connector of its own: over QUIC its links share a socket, and so a receive buffer.
    pub fn connector(&self) -> Arc<dyn Connector> {
        (self.connect)()
    }
}

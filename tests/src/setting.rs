//! A broker in this process, and the way to it over one transport.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::{Broker, Builder, Running, SUBPROTOCOLS};
use tempfile::TempDir;
use transport_api::{Connector, Listener};
use transport_memory::Network;
use transport_tls::{Fingerprint, ServerIdentity, Trust};

/// The transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In one process.
    Memory,
    /// Over loopback TCP.
    WebSocket,
    /// Over TLS and loopback TCP.
    SecureWebSocket,
    /// Over loopback UDP.
    Quic,
    /// Over a Unix socket.
    Unix,
}

/// A broker in this process, and the way to it.
#[derive(Debug)]
pub struct Setting {
    /// The broker.
    pub running: Running,
    /// Where it is; outlives it.
    pub place: Place,
}

/// Where a broker is, and how to get there.
pub struct Place {
    /// Its URL.
    pub url: String,
    /// The network whose links can be made to misbehave, over memory.
    pub network: Option<Network>,
    /// What the broker's certificate is known by, where it has one.
    pub fingerprint: Option<Fingerprint>,
    connect: Connect,
    _directory: Option<TempDir>,
}

/// Makes connectors.
type Connect = Arc<dyn Fn() -> Arc<dyn Connector> + Send + Sync>;

/// How to listen, and how to connect to that.
struct Ends {
    bind: Bind,
    connect: Connect,
    fingerprint: Option<Fingerprint>,
}
type Bind = Box<dyn FnOnce() -> io::Result<Box<dyn Listener>> + Send>;

/// The name of the broker in its memory network.
const NAME: &str = "broker";

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Memory, Self::WebSocket, Self::SecureWebSocket, Self::Quic, Self::Unix];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::WebSocket => "websocket",
            Self::SecureWebSocket => "websocket-tls",
            Self::Quic => "quic",
            Self::Unix => "unix",
        }
    }

    /// A broker that runs elsewhere, known by the certificate with the fingerprint where there is one.
    ///
    /// # Panics
    /// If the transport is within a process.
    pub fn place_at(self, url: String, fingerprint: Option<Fingerprint>) -> Place {
        let trust = trust_in(fingerprint);
        let connect = match self {
            Self::Memory => panic!("a memory network ends with its process"),
            Self::WebSocket | Self::SecureWebSocket => connect_websocket(trust),
            Self::Quic => connect_quic(trust),
            Self::Unix => connect_unix(),
        };
        Place { url, network: None, fingerprint, connect, _directory: None }
    }

    /// Starts a broker with one shard and the default settings.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn start(self) -> anyhow::Result<Setting> {
        self.start_with(Broker::builder()).await
    }

    /// Starts the broker that `builder` describes, on this transport and any free port.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn start_with(self, builder: Builder) -> anyhow::Result<Setting> {
        let directory = tempfile::tempdir()?;
        let network = (self == Self::Memory).then(|| Network::new(1));
        let Ends { bind, connect, fingerprint } = self.ends(network.as_ref(), directory.path())?;
        let running = builder.listen(bind).start().await?;
        let url = self.url(&running.listening()[0].1);
        let _directory = Some(directory);
        let place = Place { url, network, fingerprint, connect, _directory };
        Ok(Setting { running, place })
    }

    /// Starts a broker with one shard and the default settings on this transport and another one.
    /// Returns where it is over the other one too.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn start_beside(self, other: Self) -> anyhow::Result<(Setting, Place)> {
        let directory = tempfile::tempdir()?;
        let Ends { bind, connect, fingerprint } = other.ends(None, directory.path())?;
        let Setting { running, mut place } =
            self.start_with(Broker::builder().listen(bind)).await?;
        let url = other.url(&running.listening()[0].1);
        let _directory = Some(directory);
        let other = Place { url, network: None, fingerprint, connect, _directory };
        place.url = self.url(&running.listening()[1].1);
        Ok((Setting { running, place }, other))
    }

    fn ends(self, network: Option<&Network>, directory: &Path) -> anyhow::Result<Ends> {
        self.ends_at(any_port(), network, directory)
    }

    fn ends_at(
        self,
        address: SocketAddr,
        network: Option<&Network>,
        directory: &Path,
    ) -> anyhow::Result<Ends> {
        let identity = || ServerIdentity::development(directory);
        Ok(match self {
            Self::Memory => memory(network.cloned().unwrap_or_else(|| Network::new(1)))?,
            Self::WebSocket => websocket(address, None),
            Self::SecureWebSocket => websocket(address, Some(identity()?)),
            Self::Quic => quic(address, identity()?),
            Self::Unix => unix(directory.join("socket")),
        })
    }

    fn url(self, address: impl fmt::Display) -> String {
        match self {
            Self::Memory => format!("memory://{NAME}"),
            Self::WebSocket => format!("ws://{address}"),
            Self::SecureWebSocket => format!("wss://{address}"),
            Self::Quic => format!("quic://{address}"),
            Self::Unix => format!("unix:{address}"),
        }
    }
}

impl Setting {
    /// Shuts the broker down, and starts another one that knows nothing of it where it was.
    ///
    /// # Errors
    /// Whatever stands in the way.
    ///
    /// # Panics
    /// If it wasn't started by this.
    pub async fn restart(self, over: Transport) -> anyhow::Result<Self> {
        let Self { running, place } = self;
        running.shutdown().await;
        let directory = place._directory.as_ref().expect("it is where this was started");
        let address = place.address().parse().unwrap_or_else(|_| any_port());
        let ends = over.ends_at(address, place.network.as_ref(), directory.path())?;
        let running = Broker::builder().listen(ends.bind).start().await?;
        Ok(Self { running, place })
    }
}

impl Place {
    /// A connector of its own: over QUIC its links share a socket, and so a receive buffer.
    pub fn connector(&self) -> Arc<dyn Connector> {
        (self.connect)()
    }

    /// The address behind the URL's scheme.
    pub fn address(&self) -> &str {
        self.url.split_once("://").map_or(&*self.url, |(_, address)| address)
    }

    /// The same broker by another way, which ends at `url`.
    #[must_use]
    pub fn by_way_of(&self, url: String) -> Self {
        let (network, connect) = (self.network.clone(), self.connect.clone());
        let fingerprint = self.fingerprint;
        Self { url, network, fingerprint, connect, _directory: None }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("url", &self.url).finish_non_exhaustive()
    }
}

fn memory(network: Network) -> anyhow::Result<Ends> {
    let listener = network.listen(NAME, &SUBPROTOCOLS)?;
    let bind = Box::new(move || Ok(Box::new(listener) as Box<dyn Listener>));
    let connect = Arc::new(move || Arc::new(network.connector()) as Arc<dyn Connector>);
    Ok(Ends { bind, connect, fingerprint: None })
}

fn websocket(address: SocketAddr, identity: Option<ServerIdentity>) -> Ends {
    let fingerprint = identity.as_ref().map(ServerIdentity::fingerprint);
    let bind = move || {
        let tls = identity.map(|identity| identity.server_config(&[]));
        let config = transport_websocket::Config { tls, ..Default::default() };
        let listener = transport_websocket::listen(address, config, &SUBPROTOCOLS)?;
        Ok(Box::new(listener) as Box<dyn Listener>)
    };
    Ends { bind: Box::new(bind), connect: connect_websocket(trust_in(fingerprint)), fingerprint }
}

fn connect_websocket(trust: Trust) -> Connect {
    Arc::new(move || {
        let trust = trust.clone();
        let config = transport_websocket::ClientConfig { trust, ..Default::default() };
        Arc::new(transport_websocket::WebSocketConnector::new(config))
    })
}

fn quic(address: SocketAddr, identity: ServerIdentity) -> Ends {
    let fingerprint = Some(identity.fingerprint());
    let bind = move || {
        let config = transport_quic::Config::default();
        let listener = transport_quic::listen(address, config, &identity, &SUBPROTOCOLS)?;
        Ok(Box::new(listener) as Box<dyn Listener>)
    };
    Ends { bind: Box::new(bind), connect: connect_quic(trust_in(fingerprint)), fingerprint }
}

fn connect_quic(trust: Trust) -> Connect {
    Arc::new(move || {
        let trust = trust.clone();
        let config = transport_quic::ClientConfig { trust, ..Default::default() };
        Arc::new(transport_quic::QuicConnector::new(config))
    })
}

fn unix(path: PathBuf) -> Ends {
    let bind = move || {
        let config = transport_unix::Config::default();
        let listener = transport_unix::listen(&path, &config, &SUBPROTOCOLS)?;
        Ok(Box::new(listener) as Box<dyn Listener>)
    };
    Ends { bind: Box::new(bind), connect: connect_unix(), fingerprint: None }
}

fn connect_unix() -> Connect {
    Arc::new(|| Arc::new(transport_unix::UnixConnector))
}

fn trust_in(fingerprint: Option<Fingerprint>) -> Trust {
    fingerprint.map_or(Trust::System, Trust::Fingerprint)
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

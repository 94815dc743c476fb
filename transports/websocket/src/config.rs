//! The settings of listeners and connectors.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use transport_tls::Trust;

/// The settings of a listener.
#[derive(Debug, Clone)]
pub struct Config {
    /// The longest message that is received, in bytes over all its fragments. A peer that
    /// announces more is told so and closed.
    pub packet_bytes_max: usize,
    /// The longest HTTP request that asks for a WebSocket, in bytes. A longer one is answered 431.
    pub request_bytes_max: usize,
    /// The web pages that may connect, as browsers name them (`https://example.com`). Empty means
    /// any. A peer that names none isn't a browser and is always allowed.
    pub origins_allowed: Vec<String>,
    /// How many bytes the system holds of what isn't on the network yet before it takes no more
    /// (`TCP_NOTSENT_LOWAT`, Linux and Android alone). `None` leaves it to the system: 4 MB of
    /// stale data for each peer that has stalled.
    pub unsent_bytes_max: Option<u32>,
    /// Peers that wait to be accepted, beyond which the system refuses.
    pub backlog: u32,
    /// Who to be, for `wss`. `None` means `ws`.
    pub tls: Option<Arc<ServerConfig>>,
    /// Which kinds of messages are spoken.
    pub messages: Messages,
}

impl Config {
    /// The default of [`Config::packet_bytes_max`]: 1 MiB, what common clients take too.
    pub const PACKET_BYTES_MAX: usize = 1024 * 1024;
    /// The default of [`Config::request_bytes_max`].
    pub const REQUEST_BYTES_MAX: usize = 8 * 1024;
    /// The default of [`Config::unsent_bytes_max`].
    pub const UNSENT_BYTES_MAX: u32 = 128 * 1024;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            packet_bytes_max: Self::PACKET_BYTES_MAX,
            request_bytes_max: Self::REQUEST_BYTES_MAX,
            origins_allowed: Vec::new(),
            unsent_bytes_max: Some(Self::UNSENT_BYTES_MAX),
            backlog: 1024,
            tls: None,
            messages: Messages::AsAgreed,
        }
    }
}

/// Which kinds of messages are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Messages {
    /// What the subprotocol says: text or binary, and nothing else. A message of the other kind is
    /// answered with status 1003, even if its bytes would pass.
    #[default]
    AsAgreed,
    /// Both are received, and a packet is sent as the kind of the message that was received last.
    /// For echo servers, with which the framing itself is tested.
    Mirrored,
}

/// The settings of a connector.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The longest message that is received, in bytes over all its fragments.
    pub packet_bytes_max: usize,
    /// How many bytes the system holds of what isn't on the network yet before it takes no more
    /// (`TCP_NOTSENT_LOWAT`, Linux and Android alone). `None` leaves it to the system.
    pub unsent_bytes_max: Option<u32>,
    /// Which servers are believed to be who they say, for `wss`.
    pub trust: Trust,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            packet_bytes_max: Config::PACKET_BYTES_MAX,
            unsent_bytes_max: Some(Config::UNSENT_BYTES_MAX),
            trust: Trust::System,
        }
    }
}

//! What can be set, what is set, and who set it.
//!
//! Each setting is declared once, in [`sections`](self): name, type, default, allowed values and its
//! documentation. Reading a file, the environment and flags, checking, printing, the repository's
//! `config.toml` and `docs/configuration.md` all follow from that declaration. A [`Config`] that was
//! [loaded](Config::load) is valid; one that was made in code is checked when the broker starts.
//!
//! The values are read by this module's own walk over the parsed TOML and not by serde, which stops at
//! the first fault: here every fault is told at once, with its place and what would be allowed.

mod apply;
mod check;
mod check_patterns;
mod declare;
mod describe;
mod environment;
mod error;
mod file;
mod kind;
mod list;
mod load;
mod nearest;
mod origin;
mod print;
mod schema;
mod sections;
mod setting;
mod written;

pub use error::{ConfigError, ConfigErrors, ConfigFault};
pub use load::{Loaded, Sources};
pub use origin::{Origin, Origins};
pub use sections::{
    InvalidListen, Keep, Lanes, Limits, Listen, Log, LogFormat, Overflow, Pattern, Quic, Requests,
    Retained, Server, Sessions, Shutdown, Tls, Topics, Transport, Unix, WebSocket,
};

/// Everything that can be set.
///
/// ```
/// use broker::config::Config;
///
/// let mut config = Config::default();
/// config.limits.payload_bytes_max = 64 * 1024;
/// assert!(config.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[[listen]]`: where the broker listens.
    pub listen: Vec<Listen>,
    /// `[tls]`
    pub tls: Tls,
    /// `[limits]`
    pub limits: Limits,
    /// `[lanes]`
    pub lanes: Lanes,
    /// `[[pattern]]`: what holds for the topics of a pattern.
    pub patterns: Vec<Pattern>,
    /// `[sessions]`
    pub sessions: Sessions,
    /// `[requests]`
    pub requests: Requests,
    /// `[topics]`
    pub topics: Topics,
    /// `[retained]`
    pub retained: Retained,
    /// `[shutdown]`
    pub shutdown: Shutdown,
    /// `[log]`
    pub log: Log,
    /// `[transport.websocket]`
    pub websocket: WebSocket,
    /// `[transport.quic]`
    pub quic: Quic,
    /// `[transport.unix]`
    pub unix: Unix,
}

impl Default for Config {
    /// The built-in defaults: WebSocket on TCP and QUIC on UDP, port 7400 of the loopback address.
    fn default() -> Self {
        Self {
            server: Server::default(),
            listen: vec![
                Listen::new(Transport::WebSocket, "127.0.0.1:7400"),
                Listen::new(Transport::Quic, "127.0.0.1:7400"),
            ],
            tls: Tls::default(),
            limits: Limits::default(),
            lanes: Lanes::default(),
            patterns: Vec::new(),
            sessions: Sessions::default(),
            requests: Requests::default(),
            topics: Topics::default(),
            retained: Retained::default(),
            shutdown: Shutdown::default(),
            log: Log::default(),
            websocket: WebSocket::default(),
            quic: Quic::default(),
            unix: Unix::default(),
        }
    }
}

impl Config {
    /// Reads the file, the environment and the flags over the defaults, in this order.
    ///
    /// # Errors
    /// Every fault of every source at once.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
        load::load(sources)
    }

    /// Checks every value, and what one setting demands of another.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        ConfigErrors::unless_empty(check::check(self, &Origins::default()))
    }

    /// The commented file that sets everything to what it is by default.
    pub fn template() -> String {
        describe::template()
    }

    /// Every setting as tables in Markdown.
    pub fn reference() -> String {
        describe::reference()
    }
}

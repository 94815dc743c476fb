//! The settings of a client.

use std::time::Duration;

use broker_protocol::Codec;

use crate::inbox::Bound;

/// The settings that the running client needs; the builder fills them in.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) codec: Codec,
    pub(crate) name: Option<String>,
    pub(crate) credential: Option<String>,
    /// From the first byte until the session is open. 10 s.
    pub(crate) connect_timeout: Duration,
    /// How long requests and acknowledgements are waited for. 5 s.
    pub(crate) request_timeout: Duration,
    /// What `close` waits for in all. 5 s.
    pub(crate) close_timeout: Duration,
    /// How long the broker may be silent until it is pinged; after [`Config::PING_MISSES`] times
    /// that it counts as gone. The broker is asked to do the same. 15 s, and what the broker likes,
    /// where nothing is said.
    pub(crate) ping_interval: Option<Duration>,
    /// What waits to be handed to the link at most. 4 MiB.
    pub(crate) outgoing_bytes_max: usize,
    /// What waits for a subscriber at most. 4,096 messages and 4 MiB.
    pub(crate) inbox: Bound,
    /// What of each lane is received and not consumed at most, in bytes; the client takes no part in
    /// credit without it. 1 MiB.
    pub(crate) receive_window: Option<u64>,
    /// How long the broker keeps the session without a connection; as it is configured where nothing
    /// is said.
    pub(crate) session_expiry: Option<Duration>,
}

impl Config {
    /// How long the broker may be silent until it is pinged, where nothing is said.
    const PING_INTERVAL: Duration = Duration::from_secs(15);

    /// Silent intervals until the broker counts as gone.
    pub(crate) const PING_MISSES: u32 = 2;

    /// Commands without an answer at one time. Half of what the broker allows by default, so that
    /// subscriptions made anew after a reconnect have room beside them.
    pub(crate) const COMMANDS_OPEN_MAX: usize = 512;

    /// The largest frame that is received, in bytes: what a payload of 16 MiB, the most that a
    /// broker can be configured for, becomes as base64.
    pub(crate) const FRAME_BYTES_MAX: usize = 24 * 1024 * 1024;

    /// How long the broker may be silent until it is pinged.
    pub(crate) fn ping_interval(&self) -> Duration {
        self.ping_interval.unwrap_or(Self::PING_INTERVAL)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            codec: Codec::Bincode,
            name: None,
            credential: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            ping_interval: None,
            outgoing_bytes_max: 4 * 1024 * 1024,
            inbox: Bound { messages: 4096, bytes: 4 * 1024 * 1024 },
            receive_window: Some(1024 * 1024),
            session_expiry: None,
        }
    }
}

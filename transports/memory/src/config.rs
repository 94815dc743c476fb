//! What a link is, and how it behaves at first.

use transport_api::{Framing, Lanes, PingSupport, Subprotocol};

use crate::Conditions;

/// What a link is, and how it behaves at first.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether packets keep their borders.
    pub framing: Framing,
    /// Whether lanes have channels of their own.
    pub lanes: Lanes,
    /// Whether the link has pings of its own. They are answered by the peer's end of the link when
    /// it reads, behind what was sent before.
    pub ping: PingSupport,
    /// The largest datagram, in bytes with the lane's number, or `None` where there are none.
    pub datagram_bytes_max: Option<usize>,
    /// What [`pair`](crate::pair) says was agreed on; a [`Network`](crate::Network) negotiates it.
    pub subprotocol: Subprotocol,
    /// How the direction from the connecting to the accepting end behaves.
    pub to_server: Conditions,
    /// How the direction from the accepting to the connecting end behaves.
    pub to_client: Conditions,
    /// Where all chance comes from. A [`Network`](crate::Network) gives each link one of its own.
    pub seed: u64,
}

impl Config {
    /// The subprotocol of a pair for which none was chosen: `broker/1 bincode`.
    pub const SUBPROTOCOL: Subprotocol =
        Subprotocol { family: "broker", version: 1, codec: "bincode", text: false };

    /// Both directions with the same conditions.
    #[must_use]
    pub fn with_conditions(mut self, conditions: Conditions) -> Self {
        self.to_server = conditions.clone();
        self.to_client = conditions;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            framing: Framing::Packets,
            lanes: Lanes::Shared,
            ping: PingSupport::None,
            datagram_bytes_max: None,
            subprotocol: Self::SUBPROTOCOL,
            to_server: Conditions::default(),
            to_client: Conditions::default(),
            seed: 0,
        }
    }
}

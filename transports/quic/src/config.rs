//! What can be set, and what it means to QUIC.

use std::time::Duration;

use quinn::{TransportConfig, VarInt};
use transport_tls::Trust;

use crate::LANES_MAX;

/// What a listener's links are allowed.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bytes that QUIC keeps for a link until they are acknowledged, over all channels. A smaller
    /// window bounds memory; a link can't be faster than one window per round trip. 256 KiB.
    pub send_window_bytes: u32,
    /// Bytes that a client may send ahead of what is read from it. 256 KiB.
    pub receive_window_bytes: u32,
    /// Bytes of datagrams that wait to be sent on a link; beyond, none is taken until some have left.
    /// Small, since what waits there can't be replaced by what is newer. 16 KiB.
    pub datagram_buffer_bytes: usize,
    /// A link on which nothing arrives for this long is dead; none means never. 2 minutes.
    pub idle_timeout: Option<Duration>,
    /// After this much silence a link sends a sign of life. None: clients do that.
    pub keep_alive: Option<Duration>,
    /// Bytes that the system is asked to keep of what arrives for all links together until it is read; it
    /// may grant less. What arrives beyond is lost, and sent again. Each packet counts with all of its
    /// buffer, which is often 2 KiB for an acknowledgement: what systems give by default is full when a hundred
    /// clients acknowledge at one time. 4 MiB.
    pub socket_receive_bytes: usize,
    /// Peers that may wait to be accepted; further ones are refused. 1024.
    pub incoming_max: usize,
    /// Handshakes that may be under way before a further peer has to prove its address first, which
    /// costs it a round trip (RFC 9000 §8.1.2): what a flood from forged addresses can occupy. 256.
    pub handshakes_unproven_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            send_window_bytes: 256 * 1024,
            receive_window_bytes: 256 * 1024,
            datagram_buffer_bytes: 16 * 1024,
            idle_timeout: Some(Duration::from_secs(120)),
            keep_alive: None,
            socket_receive_bytes: 4 * 1024 * 1024,
            incoming_max: 1024,
            handshakes_unproven_max: 256,
        }
    }
}

impl Config {
    pub(crate) fn transport(&self) -> TransportConfig {
        let mut transport = transport(self.idle_timeout, self.keep_alive);
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(1))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .send_window(self.send_window_bytes.into())
            .stream_receive_window(self.receive_window_bytes.into())
            .receive_window(self.receive_window_bytes.into())
            .datagram_send_buffer_size(self.datagram_buffer_bytes)
            // Datagrams go one way; without a size for the other way quinn would send none.
            .datagram_receive_buffer_size(Some(1));
        transport
    }
}

/// What a connector's links are allowed, and whom they trust.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Which servers are trusted.
    pub trust: Trust,
    /// Bytes that QUIC keeps until the server acknowledges them. 1 MiB.
    pub send_window_bytes: u32,
    /// Bytes that the server may send ahead of what is read, in each lane. A lane can't be faster
    /// than one window per round trip. 512 KiB.
    pub receive_window_bytes: u32,
    /// Bytes of received datagrams that wait to be read; beyond, the oldest is dropped. 256 KiB.
    pub datagram_buffer_bytes: usize,
    /// A link on which nothing arrives for this long is dead; none means never. 2 minutes.
    pub idle_timeout: Option<Duration>,
    /// After this much silence a link sends a sign of life. 25 seconds, which is less than address
    /// translators usually remember a path.
    pub keep_alive: Option<Duration>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            trust: Trust::default(),
            send_window_bytes: 1024 * 1024,
            receive_window_bytes: 512 * 1024,
            datagram_buffer_bytes: 256 * 1024,
            idle_timeout: Some(Duration::from_secs(120)),
            keep_alive: Some(Duration::from_secs(25)),
        }
    }
}

impl ClientConfig {
    pub(crate) fn transport(&self) -> TransportConfig {
        let mut transport = transport(self.idle_timeout, self.keep_alive);
        // Room for control and every lane: one that isn't read must not stop the others.
        let whole = u64::from(self.receive_window_bytes) * u64::from(LANES_MAX + 1);
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(0))
            .max_concurrent_uni_streams(VarInt::from_u32(LANES_MAX))
            .send_window(self.send_window_bytes.into())
            .stream_receive_window(self.receive_window_bytes.into())
            .receive_window(VarInt::try_from(whole).unwrap_or(VarInt::MAX))
            .datagram_receive_buffer_size(Some(self.datagram_buffer_bytes));
        transport
    }
}

fn transport(idle_timeout: Option<Duration>, keep_alive: Option<Duration>) -> TransportConfig {
    let mut transport = TransportConfig::default();
    // A time-out too long for the wire (2^62 ms) is none.
    let idle_timeout = idle_timeout.and_then(|timeout| timeout.try_into().ok());
    transport.max_idle_timeout(idle_timeout).keep_alive_interval(keep_alive);
    transport
}

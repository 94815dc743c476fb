//! `[[listen]]`: one place where the broker listens.

use crate::config::declare::section;
use crate::config::kind::{Choice, choice, mode, switch, text, texts};

/// What moves the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// WebSocket over TCP, with TLS on request.
    WebSocket,
    /// QUIC over UDP; always encrypted.
    Quic,
    /// A Unix socket.
    Unix,
}

impl Choice for Transport {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("websocket", Self::WebSocket), ("quic", Self::Quic), ("unix", Self::Unix)];
}

section! {
    /// A place where the broker listens; there may be several. A file that has any `[[listen]]`
    /// replaces the built-in ones: WebSocket on TCP and QUIC on UDP, port 7400 of the loopback
    /// address. Every one needs `transport` and `address`.
    pub struct Listen {
        /// What moves the packets: "websocket" for browsers and everybody, "quic" for lossy
        /// and changing networks, "unix" for programs on this machine.
        transport: Transport = Transport::WebSocket, choice();
        /// The IP address and port (`127.0.0.1:7400`, `[::]:7400`; port 0 lets the system choose),
        /// or for "unix" the path of the socket. Loopback by default: whoever reaches it can use it.
        address: String = "127.0.0.1:7400".to_owned(), text(1..=255);
        /// Whether a WebSocket is encrypted ("wss"). QUIC always is; a Unix socket never.
        tls: bool = false, switch();
        /// Which web pages may connect, told by their `Origin`; empty means all. Programs that send no
        /// `Origin` always may. Restrict it where browsers must not reach the broker from any page.
        origins_allowed: Vec<String> = Vec::new(),
            texts(64, "origins such as \"https://example.org\"");
        /// The mode of a Unix socket's file: who may write to it may connect.
        mode: u32 = 0o600, mode();
    }
}

impl Listen {
    /// Listens at the address, everything else as by default.
    pub fn new(transport: Transport, address: impl Into<String>) -> Self {
        Self { transport, address: address.into(), ..Self::default() }
    }
}

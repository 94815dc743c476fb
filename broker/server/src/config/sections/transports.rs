//! `[transport.…]`: what belongs to one transport alone.

use crate::config::declare::section;
use crate::config::kind::{KIB, MIB, bytes};

section! {
    /// WebSocket over TCP.
    pub struct WebSocket {
        /// What may lie unsent in the kernel, for each connection (TCP_NOTSENT_LOWAT). Without a bound a
        /// stalled subscriber hides megabytes there, where they can't be dropped or replaced.
        unsent_bytes_max: usize = 128 * KIB, bytes(4 * KIB..=16 * MIB);
    }
}

section! {
    /// QUIC over UDP.
    pub struct Quic {
        /// What may be sent and not yet acknowledged, for each connection: larger for fast and far
        /// networks, smaller to hold less old data in front of new.
        send_window_bytes: usize = 256 * KIB, bytes(16 * KIB..=16 * MIB);
    }
}

section! {
    /// Unix sockets.
    pub struct Unix {
        /// What may lie unread in the kernel, for each connection (SO_SNDBUF). The system may hold less
        /// than is asked for, and keeps as much again for its own account.
        unsent_bytes_max: usize = 128 * KIB, bytes(4 * KIB..=16 * MIB);
    }
}

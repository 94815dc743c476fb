//! `[sessions]`: clients whose connection is gone.

use std::time::Duration;

use crate::config::declare::section;
use crate::config::kind::{GIB, KIB, MIB, bytes, count, time};

section! {
    /// Sessions outlive their connection: a client that comes back in time goes on where it was.
    pub struct Sessions {
        /// How long a session waits for its client; a client may ask for less. 0 ends sessions with
        /// their connection.
        expiry: Duration = Duration::from_secs(30), time(0..=86_400_000);
        /// Sessions without a connection, for each shard. Beyond it those end that wait longest.
        away_max: usize = 10_000, count(1..=10_000_000);
        /// What may wait for them in all, for each shard. Beyond it those end that wait longest.
        away_bytes_max: usize = 256 * MIB, bytes(MIB..=64 * GIB);
        /// What was sent is kept for each lane until its client has it, in case the connection breaks:
        /// so much for a client that takes no part in credit. Beyond it a client that comes back is told
        /// exactly how much it misses.
        resume_window: usize = 16 * KIB, bytes(KIB..=16 * MIB);
    }
}

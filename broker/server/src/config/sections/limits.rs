//! `[limits]`: what clients may ask of the broker at most.

use std::time::Duration;

use crate::config::declare::section;
use crate::config::kind::{GIB, KIB, MIB, bytes, count, time};

section! {
    /// What clients may ask of the broker at most. What goes beyond is refused with a stable code, and
    /// costs nobody else anything.
    pub struct Limits {
        /// The largest payload of a message. At 512 KiB its JSON form stays under the 1 MiB that common
        /// WebSocket clients accept.
        payload_bytes_max: usize = 512 * KIB, bytes(1..=16 * MIB);
        /// The largest packet that gathers several frames; a larger single message stands alone.
        /// Smaller packets let urgent frames pass sooner, larger ones cost less each.
        packet_bytes_max: usize = 64 * KIB, bytes(KIB..=MIB);
        /// Frames in one packet that a client sends; more end the connection.
        frames_per_packet_max: usize = 10_000, count(1..=1_000_000);
        /// Connections at one time, over all listeners. Each needs a file descriptor.
        connections_max: usize = 100_000, count(1..=1_000_000);
        /// Topics that the broker knows at one time; idle ones are forgotten (`topics.forget_after`). At
        /// the bound those go at once whose first user is gone, and then those that are idle as long,
        /// also where something waits. Patterns bound the topics that they match (`topics_max`).
        topics_max: usize = 1_000_000, count(1..=100_000_000);
        /// Of these, topics that one session was the first to use. At the bound those of them go that are
        /// idle for `topics.forget_after`, also where something waits.
        topics_per_session_max: usize = 100_000, count(1..=100_000_000);
        /// Subscriptions and served topics that one session holds at one time.
        subscriptions_per_session_max: usize = 10_000, count(1..=10_000_000);
        /// Of these, subscriptions that ask for presence: everybody who comes costs a word to each.
        watches_per_session_max: usize = 64, count(1..=10_000_000);
        /// Of these, memberships of queue groups: a message costs a choice in each of its groups.
        memberships_per_session_max: usize = 256, count(1..=10_000_000);
        /// Callbacks that one session offers at one time.
        callbacks_max: usize = 10_000, count(1..=10_000_000);
        /// Callbacks and sessions that one session holds at one time: it is told of their ends.
        holds_max: usize = 100_000, count(1..=10_000_000);
        /// Requests of one session that wait for an answer at one time.
        commands_open_max: usize = 1_024, count(1..=1_000_000);
        /// Answers and other control that wait for one connection. They are never dropped: at the bound
        /// the connection ends.
        control_bytes_max: usize = 4 * MIB, bytes(64 * KIB..=GIB);
        /// The least and the most that a client may ask for as its receive window: what it is sent of a
        /// lane and hasn't consumed. What it asks for otherwise is brought into this range.
        receive_window_min: usize = 8 * KIB, bytes(KIB..=MIB);
        /// The most. What a client hasn't consumed may be wanted again when it comes back: so much is kept
        /// of all lanes of a session together, in equal shares.
        receive_window_max: usize = 16 * MIB, bytes(MIB..=GIB);
        /// The longest name of a client.
        name_bytes_max: usize = 64, bytes(1..=KIB);
        /// The longest key of a message.
        key_bytes_max: usize = 255, bytes(1..=4 * KIB);
        /// Headers of one message.
        headers_max: usize = 32, count(0..=1_024);
        /// All headers of one message together, names and values.
        headers_bytes_max: usize = 8 * KIB, bytes(0..=MIB);
        /// From a connection's first byte to its `connect`: it frees what a silent peer holds.
        handshake_timeout: Duration = Duration::from_secs(5), time(100..=60_000);
        /// How often a silent client is asked for a sign of life.
        ping_interval: Duration = Duration::from_secs(15), time(100..=600_000);
        /// Pings without a sign of life until a client counts as gone.
        ping_misses: usize = 2, count(1..=10);
        /// The log of encoded messages, for each shard. What lanes that are behind want of it is copied
        /// aside when it pins twice that; past this size, as soon as that saves anything.
        log_bytes_max: usize = 64 * MIB, bytes(MIB..=64 * GIB);
        /// What waits between shards, for each shard. At the bound publishing connections are read more
        /// slowly; nothing is dropped.
        inbox_bytes_max: usize = 64 * MIB, bytes(MIB..=GIB);
    }
}

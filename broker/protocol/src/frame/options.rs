//! The options of lanes and subscriptions.

/// What survives while a lane is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Everything, up to the bound.
    #[default]
    All,
    /// The newest `n` of each key; at least 1.
    Latest(u32),
    /// One document per key, merged from those that waited (RFC 7396).
    Merge,
}

/// What happens when a lane reaches its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The session's connection ends, with the code `slow-consumer`.
    Disconnect,
    /// The oldest that wait are dropped, and told in a gap.
    DropOldest,
    /// Everything that waits is discarded and told, and the retained state is sent.
    Resync,
}

/// What a client wishes of a lane, or what the broker granted. `None` leaves it to the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneOptions {
    /// What survives while the lane is behind.
    pub keep: Option<Keep>,
    /// What happens at the bound.
    pub overflow: Option<Overflow>,
    /// The bound in messages.
    pub bound_messages: Option<u32>,
    /// The bound in bytes.
    pub bound_bytes: Option<u64>,
    /// At most one delivery per key in this time, in milliseconds; conflating lanes only.
    pub min_interval: Option<u64>,
    /// 0 to 7; higher leaves first.
    pub priority: Option<u8>,
    /// Datagrams where the link has them; `latest` only.
    pub unreliable: Option<bool>,
}

/// What of the past a subscription begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Replay {
    /// Nothing.
    #[default]
    None,
    /// The retained values.
    Last,
    /// The newest `n` of each topic that are still kept.
    Newest(u32),
    /// What is kept after a position in one topic's order.
    Since {
        /// The epoch of the position.
        epoch: u64,
        /// The last `seq` that is known.
        seq: u64,
    },
}

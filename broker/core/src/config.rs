//! What a shard allows and grants.

use std::time::Duration;

use broker_delivery::lane::LaneOptions;

use crate::{Folds, Policies};

/// The settings of a shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The server's name, told to clients.
    pub server_name: String,
    /// The server's version, told to clients.
    pub server_version: String,
    /// How many shards the broker has: a client may come back to a session of any of them.
    pub shards: u16,
    /// What clients may do.
    pub limits: Limits,
    /// How silence is dealt with.
    pub liveness: Liveness,
    /// How long sessions stay whose link is gone.
    pub absence: Absence,
    /// What a lane is granted where its client wishes nothing; its bound is also the most.
    pub lane: LaneOptions,
    /// What holds for the topics of a pattern beside.
    pub policies: Policies,
    /// How long a request waits where its asker doesn't say.
    pub request_timeout: Duration,
    /// The longest that a request may wait.
    pub request_timeout_max: Duration,
    /// How much the log may hold, in bytes, before what laggards want of it is copied out as soon as
    /// that saves anything. Below, it is copied out where it pins more than twice what it is.
    pub log_bytes_max: usize,
    /// How many sessions whose lanes wait are given in a turn what came for them, at least.
    pub settled_per_turn: u32,
    /// How what waits in lanes that merge is folded.
    pub folds: Folds,
    /// Whether clients may ask about sessions, on the topics of the broker's own.
    pub inspection: bool,
}

/// What a client may do. At each limit the offending command is refused with a code of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest payload, in bytes.
    pub payload_bytes_max: usize,
    /// The largest frame that is read, in bytes.
    pub frame_bytes_max: usize,
    /// The most frames in one packet that is read; a byte stream has no packets and no such limit.
    pub frames_per_packet_max: usize,
    /// The largest packet that is sent, in bytes; a larger single frame stands alone.
    pub packet_bytes_max: usize,
    /// The most subscriptions and servings of a session.
    pub subscriptions_max: usize,
    /// The most subscriptions of a session that ask for presence: everybody who comes costs a
    /// word to each of them.
    pub watches_max: usize,
    /// The most memberships of queue groups of a session: a message costs a choice in each group.
    pub memberships_max: usize,
    /// The most requests of a session that wait for an answer.
    pub commands_open_max: usize,
    /// The most callbacks that a session offers.
    pub callbacks_max: usize,
    /// The most callbacks and sessions that a session holds.
    pub holds_max: usize,
    /// The longest client name, in bytes.
    pub name_bytes_max: usize,
    /// The longest key, in bytes.
    pub key_bytes_max: usize,
    /// The most headers of a message, and the most bytes of all their names and values.
    pub headers_max: usize,
    /// The most bytes of all names and values of a message's headers.
    pub headers_bytes_max: usize,
    /// The most control bytes that wait for a session's link; beyond it the connection ends.
    pub control_bytes_max: usize,
    /// The most lanes of a session.
    pub lanes_max: usize,
    /// The least that a client may ask for as its receive window, in bytes per lane.
    pub receive_window_min: u32,
    /// The most that a client may ask for as its receive window, in bytes per lane.
    pub receive_window_max: u32,
}

/// How silence is dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Liveness {
    /// How long a new connection may take to say `connect`.
    pub handshake_timeout: Duration,
    /// How long a client may be silent before it is pinged.
    pub ping_interval: Duration,
    /// The shortest interval that a client may ask for.
    pub ping_interval_min: Duration,
    /// After how many intervals of silence the connection is given up.
    pub ping_misses: u32,
}

/// How long sessions stay whose link is gone, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// How long a session stays without a link at most; not at all where zero.
    pub expiry: Duration,
    /// The most sessions of a shard without a link. Beyond it those go that are away longest.
    pub sessions_max: usize,
    /// What may wait for them in all, in bytes. Beyond it those go that are away longest.
    pub bytes_max: u64,
    /// How much of what was sent is kept for each lane, in case it didn't arrive, in bytes. For a
    /// client that takes part in credit it is its receive window, if that is more.
    pub resume_window: u64,
}

impl Default for Absence {
    fn default() -> Self {
        Self {
            expiry: Duration::from_secs(30),
            sessions_max: 10_000,
            bytes_max: 256 << 20,
            resume_window: 16 << 10,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_name: "broker".into(),
            server_version: env!("CARGO_PKG_VERSION").into(),
            shards: 1,
            limits: Limits::default(),
            liveness: Liveness::default(),
            absence: Absence::default(),
            lane: LaneOptions::default(),
            policies: Policies::default(),
            request_timeout: Duration::from_secs(5),
            request_timeout_max: Duration::from_secs(300),
            log_bytes_max: 64 << 20,
            settled_per_turn: 16,
            folds: Folds::default(),
            inspection: true,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let payload_bytes_max = 512 << 10;
        Self {
            payload_bytes_max,
            frame_bytes_max: Self::frame_bytes_for(payload_bytes_max),
            frames_per_packet_max: 10_000,
            packet_bytes_max: 64 << 10,
            subscriptions_max: 10_000,
            watches_max: 64,
            memberships_max: 256,
            commands_open_max: 1024,
            callbacks_max: 10_000,
            holds_max: 100_000,
            name_bytes_max: 64,
            key_bytes_max: 255,
            headers_max: 32,
            headers_bytes_max: 8 << 10,
            control_bytes_max: 4 << 20,
            lanes_max: 16,
            receive_window_min: 8 << 10,
            receive_window_max: 16 << 20,
        }
    }
}

impl Limits {
    /// The frame that a payload of this size needs in the more verbose codec: base64 and a rim.
    pub const fn frame_bytes_for(payload_bytes: usize) -> usize {
        payload_bytes.div_ceil(3) * 4 + (64 << 10)
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(15),
            ping_interval_min: Duration::from_secs(1),
            ping_misses: 2,
        }
    }
}

//! What a program can know of its connection.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Connected, SessionLimits};

use crate::ClosedReason;

/// How the client stands with the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// The first connection is being made.
    Connecting,
    /// The session is open.
    Connected(Session),
    /// The connection was lost; the next attempt follows.
    Reconnecting {
        /// Which attempt, from 1.
        attempt: u32,
        /// How long from now until it is made.
        after: Duration,
        /// How the connection, or the attempt before, failed.
        error: String,
    },
    /// The client is closed for good.
    Closed(ClosedReason),
}

/// A session, as the broker opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The name under which the client is known.
    pub name: String,
    /// The broker's name.
    pub server: String,
    /// The broker's version.
    pub server_version: String,
    /// What the client may do.
    pub limits: SessionLimits,
    /// Whether it is the session of the connection before: then nothing was missed, and nothing has
    /// begun anew.
    pub resumed: bool,
}

impl From<Connected> for Session {
    fn from(connected: Connected) -> Self {
        Self {
            id: connected.session,
            name: connected.name,
            server: connected.server.name,
            server_version: connected.server.version,
            limits: connected.limits,
            resumed: connected.resumed,
        }
    }
}

/// A publish without acknowledgement that the broker refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
}
